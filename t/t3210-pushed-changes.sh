#!/usr/bin/env bash
test_description='clients hear of changes from their node or registry, long before they would ask'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-fleet.sh"
. "$t_dir/lib-failure.sh"

# add NAME: a row of the fleet server with this name, which is a process of this script
add () {
	local port_var=${1}_port
	pg_sql "INSERT INTO t_server_conf (application, server_name, node_name, setting_state,
			present_state) VALUES ('T', 'FleetServer', '$1', 'active', 'active');
		INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name,
			servant, endpoint) VALUES ('T', 'FleetServer', '$1', 'x',
			'T.FleetServer.FleetObj', 'tcp -h 127.0.0.1 -p ${!port_var}')"
}

set_state () {
	pg_sql "UPDATE t_server_conf SET present_state = '$2' WHERE node_name = '$1'"
}

# who are called: "a", or "a b"
called () {
	tell call p 20 && test "$(of ok)" = 20 || return
	local n who=
	for n in a b c; do test -z "$(of $n)" || who="$who${who:+ }$n"; done
	test "$who" = "$1"
}

# watched LOG: its role has been told what to watch, since the log was emptied
watched () {
	grep -q "hears of changes of 1 objects" "$1"
}

test_expect_success 'registry, node, three servers, a caller whose locator names the node first' '
	pg_use && pg_create pushed &&
	start_registry --log-level debug && start_node --retry 100ms --heartbeat 300ms &&
	start_fleet a && start_fleet b && start_fleet c &&
	add a && add b &&
	wait_for 5 "grep -q \"servers as .* has them\" node.log" &&
	start_caller "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $node_port:tcp -h 127.0.0.1 -p $registry_port" &&
	tell proxy p T.FleetServer.FleetObj &&
	wait_for 5 "called \"a b\"" &&
	wait_for 5 "watched node.log"
'

test_expect_success 'one dies, one comes, all go and come: calls follow within a second' '
	set_state a inactive &&
	within_ms 1000 "called b" "one less" &&
	add c &&
	within_ms 1000 "called \"b c\"" "one more" &&
	pg_sql "DELETE FROM t_adapter_conf; DELETE FROM t_server_conf" &&
	add a &&
	within_ms 1000 "called a" "others"
'

test_expect_success 'the node dies: calls go on; it comes back: changes are heard of again' '
	kill_role node && >node.log &&
	called a &&
	start_node --retry 100ms --heartbeat 300ms &&
	wait_for 10 "watched node.log" &&
	add b &&
	within_ms 1000 "called \"a b\"" "one more"
'

test_expect_success 'a client without a node hears from the registry' '
	kill "$caller_pid" && >registry.log &&
	start_caller "$(registry_object_)" &&
	tell proxy p T.FleetServer.FleetObj &&
	wait_for 5 "called \"a b\"" &&
	wait_for 5 "watched registry.log" &&
	set_state b inactive &&
	within_ms 1000 "called a" "one less"
'

test_expect_success 'the registry dies and comes back with a change: that is heard of, too' '
	kill_role registry && >registry.log &&
	called a &&
	set_state b active &&
	start_registry --log-level debug &&
	wait_for 10 "watched registry.log" &&
	within_ms 1000 "called \"a b\"" "what changed meanwhile"
'

test_done
