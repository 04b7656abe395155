#!/usr/bin/env bash
test_description='the official Go SDK: run by our node, calling and called'
. "$(dirname "$0")/../test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/interop/lib-interop.sh"

need_tools Go go

server=Interop.GoServer
object=Interop.GoServer.EchoObj

test_expect_success 'the peers are built' '
	build_sdk c && build_sdk go
'

test_expect_success 'registry and node start' '
	pg_use && pg_create interop &&
	start_registry && start_node --monitor 300ms --heartbeat 1s --sync 1s
'

test_expect_success 'deployed as tars_go, its server is found' '
	deploy_echo tars_go GoServer "$sdks/go/GoServer" &&
	wait_for 10 "is_state $server Active" &&
	wait_for 5 "test \"\$(lookup $object)\" = \"127.0.0.1 $echo_port\""
'

test_expect_success 'the registry knows its state and the version of its SDK' '
	wait_for 10 "ctl list $server -o wide >list; grep -q \" active  *active .* 1.4.5 \" list"
'

test_expect_success 'our client finds it by name: every row' '
	every_row c $object
'

test_expect_success 'killed, it is started again and found' '
	pid=$(pid_of $server) &&
	kill -KILL "$pid" &&
	wait_for 10 "is_back $server $pid" &&
	wait_for 10 "\"$sdks/c/client\" $object --locator \"\$(registry_object_)\" add"
'

test_expect_success 'its client finds it by name: every row' '
	every_row go $object
'

test_expect_success 'its client finds our server by name: every row' '
	deploy_echo tars_c CServer "$sdks/c/CServer" &&
	wait_for 10 "is_state Interop.CServer Active" &&
	every_row go Interop.CServer.EchoObj
'

test_expect_success 'admin commands: answered as the SDK does' '
	for command in tars.viewversion "tars.setloglevel ERROR" tars.connection tars.nothing
	do
		ctl send $server "$command" n1 || return 1
	done >got &&
	cat >want <<-\END &&
	1.4.5
	tars.setloglevel ERROR succ
	tars.connection not support now!
	tars.nothing not support now!
	END
	test_cmp want got
'

# Its AdminObj is code that tars2go made: the only such that is published.
admin () {
	local local_endpoint
	local_endpoint=$(sed -n "s/^ *local=//p" n1/tarsnode/data/$server/conf/$server.config.conf)
	tars call "AdminObj@$local_endpoint" notify "{\"command\": \"$1\"}" \
		--idl "$tree/proto/if/AdminF.tars" "${@:2}"
}

test_expect_success 'its generated code: TARS, TUP and JSON' '
	for wire in --tars --tup --json
	do
		admin "tars.setloglevel WARN" $wire >got && cat got &&
		test_grep "\"tars_ret\": *\"tars.setloglevel WARN succ\"" got || return 1
	done
'

test_expect_success 'a file that the configuration centre does not have: its own words' '
	test_expect_code 1 tars ctl send $server "tars.loadconfig none.conf" n1 2>err &&
	cat err &&
	test_grep "tars.tarsconfig.ConfigObj" err
'

test_expect_success 'told to stop it ends by itself, and in time' '
	pid=$(pid_of $server) &&
	begin=$SECONDS &&
	ctl stop $server &&
	test $((SECONDS - begin)) -lt 60 &&
	is_state $server Inactive &&
	! is_running "$pid" &&
	test_grep ! "SIGTERM|SIGKILL" node.log
'

test_expect_success 'nobody told of an error' '
	test_grep ! " error " registry.log &&
	test_grep ! " error " node.log
'

test_done
