#!/usr/bin/env bash
test_description='a mass loss of nodes is not believed: their servers stay in routing'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

# 40 nodes with a server each.
rows="
INSERT INTO t_node_info (node_name, node_obj, present_state, last_heartbeat)
SELECT 'n' || i, '', 'active', now() FROM generate_series(1, 40) i;
INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state,
	exe_path)
SELECT 'App', 'Srv', 'n' || i, 'active', 'active', '/bin/x' FROM generate_series(1, 40) i;
INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, servant, endpoint)
SELECT 'App', 'Srv', 'n' || i, 'App.Srv.ObjAdapter', 'App.Srv.Obj',
	'tcp -h 10.0.0.' || i || ' -p 1001' FROM generate_series(1, 40) i"

# beats_of FIRST LAST AGE: the heartbeats of these nodes are so old.
beats_of () {
	pg_sql "UPDATE t_node_info SET last_heartbeat = now() - interval '$3'
		WHERE substr(node_name, 2)::int BETWEEN $1 AND $2"
}

# How many endpoints are found.
found () {
	lookup App.Srv.Obj | wc -l
}

dead_nodes () {
	pg_sql "SELECT count(*) FROM t_node_info WHERE present_state = 'inactive'"
}

test_expect_success 'all nodes but one fall silent: all stay in routing, and it is said' '
	pg_use && pg_create protect && pg_sql "$rows" &&
	beats_of 1 39 "1 h" && beats_of 40 40 "-1 h" &&
	start_registry --node-timeout 1s --check-interval 50ms &&
	wait_for 10 "grep -q \"39 nodes (n[0-9]*, ...) sent no heartbeat\" registry.log" &&
	test "$(found)" = 40 && test "$(dead_nodes)" = 0
'

test_expect_success '13 of 40 are more than 30 percent, 12 are not' '
	kill_role registry &&
	beats_of 1 40 "-1 h" && beats_of 1 13 "1 h" &&
	>registry.log &&
	start_registry --node-timeout 1s --check-interval 50ms &&
	wait_for 10 "grep -q \"13 nodes\" registry.log" &&
	test "$(dead_nodes)" = 0 &&
	beats_of 13 13 "-1 h" &&
	wait_for 10 "test \$(dead_nodes) = 12" &&
	wait_for 10 "test \$(found) = 28"
'

test_expect_success 'the part of the nodes is an option' '
	kill_role registry &&
	beats_of 13 40 "1 h" &&
	start_registry --node-timeout 1s --check-interval 50ms --recover-protect 100 &&
	wait_for 10 "test \$(dead_nodes) = 40"
'

test_done
