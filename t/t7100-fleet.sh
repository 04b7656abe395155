#!/usr/bin/env bash
test_description='a fleet of simulated nodes: changes, a storm of them, the registry killed'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-sim.sh"

# Nothing that a node was told was wrong, and nothing was missing.
all_is_right () {
	sim state && test "$(of in_step)" = 300 && test "$(of gaps)" = 0 && test "$(of wrong)" = 0
}

test_expect_success '300 nodes follow a registry of 6,000 servers' '
	pg_use_own && pg_create fleet && put_fleet 300 60 100 &&
	start_registry --data "$PWD/data" --node-timeout 60s &&
	start_sim 60 100 &&
	sim nodes 300 && test "$(of in_step)" = 300 && test "$(of servers)" = 6000
'

test_expect_success 'a change is told to all of them' '
	for i in 1 2 3 1 2 3; do
		sim flip $i && test -z "$(of timeout)" || return 1
	done &&
	fleet_states >states && echo "active 6000" >expect && test_cmp expect states &&
	all_is_right
'

test_expect_success 'changes of an operator as well: rows come, change and go' '
	sim state &&
	pg_sql "UPDATE t_server_conf SET flow_state = \$\$inactive\$\$ WHERE server_name = \$\$S7\$\$;
		DELETE FROM t_adapter_conf WHERE server_name = \$\$S8\$\$;
		DELETE FROM t_server_conf WHERE server_name = \$\$S8\$\$;
		INSERT INTO t_server_group_rule (group_name) VALUES (\$\$x\$\$)" &&
	sim storm 10 1 && test "$(of refused)" = 0 && all_is_right
'

test_expect_success 'a storm: every report is stored, all copies are right' '
	sim beat 1000 &&
	sim storm 3000 3 &&
	test "$(of confirmed)" -gt 5500 && test -z "$(of timeout)" &&
	fleet_states >states && echo "active 5900" >expect && test_cmp expect states &&
	all_is_right
'

test_expect_success 'the registry is killed: all are in step again, and nothing had to be fetched' '
	kill_role registry && start_registry --data "$PWD/data" &&
	sim again && test "$(of in_step)" = 300 && test "$(of fetched)" = 0
'

test_expect_success 'and with changes meanwhile: only what differs is fetched' '
	kill_role registry &&
	pg_sql "UPDATE t_server_conf SET present_state = \$\$inactive\$\$
		WHERE server_name = \$\$S9\$\$ AND node_name = \$\$node1\$\$" &&
	start_registry --data "$PWD/data" &&
	sim again && test "$(of in_step)" = 300 && test "$(of fetched)" = 300 &&
	sim flip 5 && test -z "$(of timeout)" && sim state && test "$(of wrong)" = 0
'

test_done
