#!/usr/bin/env bash
test_description='recorded pushes of an AdminReg: a node answers them as official nodes do'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

test_expect_success 'a registry, a node, and another AdminReg that it is told of' '
	pg_use && pg_create push && admin_port=$(free_port) &&
	start_registry --platform-timeout 1h &&
	pg_sql "INSERT INTO t_registry_info (locator_id, servant, endpoint, last_heartbeat, present_state)
		VALUES (\$\$127.0.0.1:$admin_port\$\$, \$\$tars.tarsAdminRegistry.AdminRegObj\$\$,
			\$\$tcp -h 127.0.0.1 -p $admin_port -t 60000\$\$, now(), \$\$active\$\$)" &&
	start_node --retry 100ms
'

test_expect_success 'every recorded push: answered or not, by the same code' '
	python3 "$t_dir/helper/push-admin.py" "$admin_port" "$t_dir/data/node-push.tsv" \
		"$t_dir/data/node-push-differences.tsv"
'

test_done
