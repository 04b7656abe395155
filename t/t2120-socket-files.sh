#!/usr/bin/env bash
test_description='socket files, IPv6 and host names in endpoints, as real processes'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"

obj=TestApp.HelloServer.HelloObj
dir=$(mktemp -d /tmp/tars-t2120-XXXXXX)
test_at_end 'rm -rf "$dir"'
sock=$dir/hello.sock

# put_config FILE HOST [ADAPTER-LINES]
put_config () {
	put_hello_config "$1" "tcp -h $2 -p 0 -t 60000" "" "${3:-}"
}

hello () {
	HelloClient "$obj@tcp -h $1 -p ${2:-0}"
}

test_expect_success 'a service on a socket file, with the permissions that were asked for' '
	put_config file.conf "$sock" socketmode=0600 &&
	start_service HelloServer --config=file.conf &&
	test_grep "ready tcp unix:$sock\$" service.log &&
	test "$(stat -c "%a %F" "$sock")" = "600 socket" &&
	hello "$sock" >out &&
	test_grep "^sync: hello world\$" out
'

test_expect_success 'a second one is refused and harms nobody' '
	test_expect_code 75 HelloServer --config=file.conf 2>err &&
	test_grep "cannot listen on unix:$sock: it is in use" err &&
	hello "$sock"
'

test_expect_success 'an orderly end removes the file' '
	test_expect_code 0 stop_service &&
	test ! -e "$sock" &&
	test_must_fail hello "$sock" >out &&
	test_grep "at tcp unix:$sock: .*nothing listens there" out
'

test_expect_success 'what kill -9 leaves behind is replaced' '
	start_service HelloServer --config=file.conf &&
	kill_service &&
	test -S "$sock" &&
	start_service HelloServer --config=file.conf &&
	hello "$sock" &&
	test_expect_code 0 stop_service
'

test_expect_success 'any other file stays' '
	echo precious >"$sock" &&
	test_expect_code 75 HelloServer --config=file.conf 2>err &&
	test_grep "a file that is no socket is there already" err &&
	test "$(cat "$sock")" = precious &&
	rm "$sock" &&
	put_config bad.conf "$sock" socketmode=rw &&
	test_expect_code 78 HelloServer --config=bad.conf 2>err &&
	test_grep "<socketmode>: .rw. is no mode like 0660" err
'

test_expect_success 'a host name, on both sides' '
	put_config name.conf localhost &&
	start_service HelloServer --config=name.conf &&
	hello localhost "$service_port" &&
	hello 127.0.0.1 "$service_port" &&
	test_expect_code 0 stop_service
'

if test -e /proc/net/if_inet6 && grep -q "^0*1 " /proc/net/if_inet6; then
	test_expect_success 'IPv6, and all addresses' '
		put_config six.conf ::1 &&
		start_service HelloServer --config=six.conf &&
		test_grep "ready tcp \[::1\]:$service_port\$" service.log &&
		hello ::1 "$service_port" &&
		test_expect_code 0 stop_service &&
		put_config all.conf :: &&
		start_service HelloServer --config=all.conf &&
		hello ::1 "$service_port" && hello 127.0.0.1 "$service_port" &&
		test_expect_code 0 stop_service
	'
else
	test_skip 'IPv6: this machine has none'
fi

test_done
