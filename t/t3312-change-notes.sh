#!/usr/bin/env bash
test_description='changes that clients see are numbered and noted, others are not'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"

version () {
	pg_sql "SELECT version FROM tars_version"
}

# What was noted after version $1.
notes () {
	pg_sql "SELECT version - $1, table_name, key FROM tars_change WHERE version > $1
		ORDER BY version, table_name, key COLLATE \"C\""
}

# noted SQL: runs it and compares the notes with standard input.
noted () {
	local before
	before=$(version) &&
	cat >expect &&
	pg_sql "$1" &&
	notes "$before" >actual &&
	test_cmp expect actual
}

test_expect_success 'migrated database' '
	pg_use &&
	pg_create changes
'

test_expect_success 'insert: one version for the statement, one note for each server' '
	noted "INSERT INTO t_server_conf (application, server_name, node_name) VALUES
		(\$\$A\$\$, \$\$S\$\$, \$\$n1\$\$), (\$\$A\$\$, \$\$S\$\$, \$\$n2\$\$), (\$\$A\$\$, \$\$T\$\$, \$\$n1\$\$)" <<-\OUT
	1|t_server_conf|A.S.n1
	1|t_server_conf|A.S.n2
	1|t_server_conf|A.T.n1
	OUT
'

test_expect_success 'update of what routing uses' '
	noted "UPDATE t_server_conf SET present_state = \$\$active\$\$ WHERE node_name = \$\$n2\$\$" <<-\OUT
	1|t_server_conf|A.S.n2
	OUT
'

test_expect_success 'update of pids, versions and the like, or to the same values: nothing' '
	noted "UPDATE t_server_conf SET process_id = 7, tars_version = \$\$3\$\$, patch_user = \$\$me\$\$" \
		</dev/null &&
	noted "UPDATE t_server_conf SET present_state = present_state" </dev/null &&
	noted "DELETE FROM t_server_conf WHERE node_name = \$\$none\$\$" </dev/null
'

test_expect_success 'a new name: old and new one' '
	noted "UPDATE t_server_conf SET server_name = \$\$U\$\$ WHERE server_name = \$\$T\$\$" <<-\OUT
	1|t_server_conf|A.T.n1
	1|t_server_conf|A.U.n1
	OUT
'

test_expect_success 'heartbeats of nodes and registries: nothing; their states: a note' '
	noted "INSERT INTO t_node_info (node_name) VALUES (\$\$n1\$\$)" <<-\OUT &&
	1|t_node_info|n1
	OUT
	noted "UPDATE t_node_info SET last_heartbeat = now(), load_avg1 = 3" </dev/null &&
	noted "UPDATE t_node_info SET present_state = \$\$active\$\$, last_heartbeat = now()" <<-\OUT &&
	1|t_node_info|n1
	OUT
	noted "INSERT INTO t_registry_info (locator_id, servant)
		VALUES (\$\$h:1\$\$, \$\$tars.tarsregistry.QueryObj\$\$)" <<-\OUT &&
	1|t_registry_info|tars.tarsregistry.QueryObj
	OUT
	noted "UPDATE t_registry_info SET last_heartbeat = now()" </dev/null
'

test_expect_success 'other tables that routing and configuration need' '
	noted "INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name)
		VALUES (\$\$A\$\$, \$\$S\$\$, \$\$n1\$\$, \$\$x\$\$);
		INSERT INTO t_server_group_rule (group_name) VALUES (\$\$g\$\$);
		INSERT INTO t_group_priority (name) VALUES (\$\$p\$\$);
		UPDATE t_profile_template SET profile = \$\$\$\$ WHERE template_name = \$\$tars.default\$\$;
		DELETE FROM t_server_conf" <<-\OUT
	1|t_adapter_conf|A.S.n1
	2|t_server_group_rule|g
	3|t_group_priority|1
	4|t_profile_template|tars.default
	5|t_server_conf|A.S.n1
	5|t_server_conf|A.S.n2
	5|t_server_conf|A.U.n1
	OUT
'

test_expect_success 'a rollback takes its versions back: no holes' '
	before=$(version) &&
	test_must_fail pg_sql "BEGIN;
		INSERT INTO t_node_info (node_name) VALUES (\$\$n9\$\$); SELECT 1/0; COMMIT" &&
	test "$(version)" = "$before"
'

test_expect_success 'the bell: NOTIFY tars_change with table and key' '
	psql -X -q -d "$pg_dsn" >out <<-\SQL &&
	LISTEN tars_change;
	INSERT INTO t_node_info (node_name) VALUES ($$n2$$);
	SELECT 1;
	SQL
	test_grep "\"tars_change\" with payload \"t_node_info:n2\"" out
'

test_expect_success 'changed rows carry the time of the change' '
	pg_sql "INSERT INTO t_server_conf (application, server_name, node_name, registry_timestamp)
		VALUES (\$\$A\$\$, \$\$S\$\$, \$\$n1\$\$, \$\$2000-01-01\$\$)" &&
	pg_sql "UPDATE t_server_conf SET process_id = 1" &&
	test "$(pg_sql "SELECT registry_timestamp > now() - interval \$\$1 hour\$\$
		FROM t_server_conf")" = t
'

test_expect_success 'old notes are dropped' '
	pg_sql "UPDATE tars_version SET version = 300999;
		INSERT INTO t_node_info (node_name) VALUES (\$\$n3\$\$)" &&
	test "$(pg_sql "SELECT min(version) FROM tars_change")" = 301000
'

test_expect_success 'case matters, and states are checked' '
	pg_sql "INSERT INTO t_node_info (node_name) VALUES (\$\$N3\$\$)" &&
	test_must_fail pg_sql "INSERT INTO t_node_info (node_name) VALUES (\$\$n3\$\$)" &&
	test_must_fail pg_sql "UPDATE t_server_conf SET present_state = \$\$Active\$\$"
'

test_done
