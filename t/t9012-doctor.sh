#!/usr/bin/env bash
test_description='doctor looks at the machines of nodes: clocks, disks, and whether it knows of them'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

# finds TEXT: in what the doctor says is wrong
finds () {
	test_expect_code 1 tars ctl doctor >out && test_grep "^WRONG  $1" out
}

is_well () {
	ctl doctor >out && test_grep "^0 problems" out
}

test_expect_success 'a node that tells nothing of its machine' '
	pg_use && pg_create doctor && start_registry && start_node --metrics 0 &&
	export TARS_LOCATOR="$(registry_object_)" &&
	finds "node n1 has told nothing of its clock and disks yet: .* option metrics" &&
	put_metrics 50 0 "16 min" &&
	finds "node n1 has told nothing of its clock and disks since 20[-0-9: ]+ UTC" &&
	put_metrics 50 0 "2 min" && is_well &&
	test_grep "^ok     machines with the right time and room on their disks: 1" out
'

test_expect_success 'a clock that is wrong, in either direction; only the last report counts' '
	put_metrics 50 90500 "50 s" &&
	finds "the clock of node n1 is 90.5 s before that of the registry.*chrony" &&
	put_metrics 50 -3000 "40 s" &&
	finds "the clock of node n1 is 3.0 s behind that of the registry" &&
	put_metrics 50 1999 "30 s" && is_well &&
	put_metrics 50 NULL "29 s" && is_well
'

test_expect_success 'a disk that is nearly full, and one that is' '
	put_metrics 90 0 "20 s" && is_well &&
	put_metrics 91 0 "10 s" &&
	finds "a disk of node n1 is 91 % full .*/data 91% of 100.0 GB.*log-age" &&
	put_metrics 100 0 "5 s" && finds "a disk of node n1 is completely full" &&
	put_metrics 50 0 && is_well
'

test_expect_success 'nodes that are silent, although the registry does not believe it' '
	pg_sql "INSERT INTO t_node_info (node_name, present_state, last_heartbeat)
		VALUES (\$\$n7\$\$, \$\$active\$\$, now() - interval \$\$5 min\$\$)" &&
	finds "node n7 counts as active, but was last heard of 30[0-9] s ago: .*recover-protect" &&
	pg_sql "UPDATE t_node_info SET present_state = \$\$inactive\$\$ WHERE node_name = \$\$n7\$\$" &&
	finds "node n7 was last heard of at 20[-0-9: ]+ UTC and has 0 servers" &&
	test_grep ! "n7 has told nothing" out &&
	ctl node remove n7 && is_well
'

test_done
