#!/usr/bin/env bash
test_description='allow, deny and order: who may connect to an adapter'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

may () {
	calls InlineObj echo 5 -- --from="$1" >out && test_grep "^0 1 0 5$" out
}
may_not () {
	test_expect_code 1 calls InlineObj echo 5 -- --from="$1"
}

# check_keys 'ADAPTER KEYS' 'ADDRESSES THAT MAY' 'ADDRESSES THAT MAY NOT'
check_keys () {
	local from
	put_probe_config list.conf "$admin_keys" "$1" &&
	start_probe list.conf || return
	for from in $2; do
		may "$from" || { echo "$from is kept out"; return 1; }
	done
	for from in $3; do
		may_not "$from" || { echo "$from is let in"; return 1; }
	done
	stop_service
}

test_expect_success 'addresses, stars and networks' '
	check_keys "allow=127.0.0.2|10.0.0.0/8" "127.0.0.2" "127.0.0.1 127.0.0.3" &&
	check_keys "allow=10.0.0.1;127.0.3.*" "127.0.3.1 127.0.3.200" "127.0.0.1 127.0.4.1" &&
	check_keys "allow=127.0.5.0/30, ::1" "127.0.5.3" "127.0.5.4" &&
	check_keys "allow=*" "127.0.0.1" "" &&
	check_keys "allow" "127.0.0.1" ""
'

test_expect_success 'deny alone lets in all others' '
	check_keys "deny=127.0.0.2,127.1.*" "127.0.0.1 127.2.0.1" "127.0.0.2 127.1.9.9"
'

test_expect_success 'order says which of both comes first' '
	check_keys "allow=127.0.0.*
deny=127.0.0.2" "127.0.0.1 127.0.0.2" "127.1.0.1" &&
	check_keys "allow=127.0.0.*
deny=127.0.0.2
order=deny,allow" "127.0.0.1" "127.0.0.2 127.1.0.1"
'

test_expect_success 'who is denied is counted, and told once a minute' '
	put_probe_config deny.conf "$admin_keys" deny=127.0.0.2 &&
	start_probe deny.conf &&
	for i in 1 2 3 4 5; do
		may_not 127.0.0.2 || return
	done &&
	metric_is adapter_denied_connections_total 5 &&
	test "$(grep -c "PoolObjAdapter: connection of 127.0.0.2:[0-9]* closed: allow and deny" service.log)" = 1 &&
	stop_service
'

test_expect_success 'the node and operators still reach AdminObj' '
	put_probe_config none.conf "$admin_keys" allow=10.0.0.1 &&
	start_probe none.conf && may_not 127.0.0.1 &&
	tars call "AdminObj@tcp -h 127.0.0.1 -p $(admin_port)" getPid >out &&
	test_grep "\"tars_ret\":$service_pid" out &&
	stop_service
'

if test -s /proc/net/if_inet6; then
	test_expect_success 'IPv6 peers, and IPv4 peers of an IPv6 socket' '
		put_probe_config six.conf "" "allow=::1,127.0.0.2" &&
		sed "s/-h 127.0.0.1/-h ::/" six.conf >both.conf &&
		start_probe both.conf && may 127.0.0.2 && may_not 127.0.0.1 &&
		tars call "T.ProbeServer.InlineObj@tcp -h ::1 -p $service_port" work \
			"{\"what\":\"echo\",\"number\":9}" >out &&
		test_grep "\"text\":\"9\"" out && stop_service
	'
else
	test_skip 'this machine has no IPv6'
fi

test_expect_success 'what is no address is an error that names the key' '
	put_probe_config bad.conf "" "allow=127.0.0.1
deny=10.0.0.1|somehost" &&
	test_expect_code 78 probe-server --config=bad.conf 2>err &&
	test_grep "PoolObjAdapter<deny>: .somehost. is not an address" err &&
	put_probe_config bad.conf "" "order=allow" &&
	test_expect_code 78 probe-server --config=bad.conf 2>err &&
	test_grep "PoolObjAdapter<order>: .allow. is neither allow,deny nor deny,allow" err
'

test_done
