#!/usr/bin/env bash
test_description='the official Node.js SDK: run by our node, calling and called'
. "$(dirname "$0")/../test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/interop/lib-interop.sh"

need_tools Node.js node npm

server=Interop.NodeServer
object=Interop.NodeServer.EchoObj

test_expect_success 'the peers are built' '
	build_sdk c && build_sdk node
'

test_expect_success 'registry and node start' '
	pg_use && pg_create interop &&
	start_registry && start_node --monitor 300ms --heartbeat 1s --sync 1s
'

test_expect_success 'its client finds our server by name: every row' '
	deploy_echo tars_c CServer "$sdks/c/CServer" &&
	wait_for 10 "is_state Interop.CServer Active" &&
	every_row node Interop.CServer.EchoObj
'

test_expect_success 'an unknown object is an error, not a hang' '
	test_expect_code 1 timeout 100 "$sdks/node/client" Interop.None.EchoObj \
		--locator "$(registry_object_)" add >out &&
	test_grep "^not ok add: " out
'

test_expect_success 'deployed as tars_nodejs with a start script, its server is found' '
	deploy_node &&
	wait_for 10 "is_state $server Active" &&
	wait_for 5 "test \"\$(lookup $object)\" = \"127.0.0.1 $echo_port\""
'

test_expect_success 'the registry knows that it is active' '
	wait_for 10 "ctl list $server >list; grep -q \" active  *active \" list"
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
	every_row node $object
'

# A reply in TUP has no context there; pings and one-way calls are what they are in TARS.
tup_rows="prims-largest prims-smallest prims-zeros all-largest all-smallest all-zeros all-defaults
	add big many fail nofunc oneway"

# in_tup SDK OBJECT
in_tup () {
	"$sdks/$1/client" "$2" --locator "$(registry_object_)" tup $tup_rows >rows
	cat rows
	test "$(grep -c "^ok " rows)" = 13
}

test_expect_success 'TUP: our client calls it' '
	in_tup c $object
'

test_expect_success 'TUP: its client calls our server, and itself' '
	in_tup node Interop.CServer.EchoObj &&
	in_tup node $object
'

test_skip 'not covered: its version in the registry, for its agent is not published'
test_skip 'not covered: admin commands, which its agent answers'
test_skip 'not covered: the stop by AdminObj.shutdown, which its agent carries out'

test_expect_success 'told to stop it ends' '
	pid=$(pid_of $server) &&
	ctl stop $server &&
	is_state $server Inactive &&
	! is_running "$pid" &&
	test_grep "NodeServer: stop by SIGTERM: it has no AdminObj" node.log
'

test_expect_success 'nobody told of an error' '
	test_grep ! " error " registry.log &&
	test_grep ! " error " node.log
'

test_done
