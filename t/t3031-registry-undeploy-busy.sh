#!/usr/bin/env bash
test_description='undeploy while the state of the server changes all the time: no deadlock'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"

test_expect_success 'start, with a node that is never there' '
	pg_use &&
	pg_create busy &&
	pg_sql "INSERT INTO t_node_info (node_name) VALUES ('\''n1'\'')" &&
	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0 &&
	export TARS_LOCATOR="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port"
'

forty_times () {
	local i
	report_all_the_time >reports 2>&1 &
	for i in $(seq 40)
	do
		tars ctl deploy Busy.S$i --node n1 --exe /bin/true --no-start \
			--servant "Busy.S$i.Obj@tcp -h 127.0.0.1 -p $((20000 + i))" >>deploys 2>&1
		tars ctl undeploy Busy.S$i n1 >>undeploys 2>&1 || break
	done
	pg_sql "CREATE TABLE stop ()" && wait $!
}

# What reports of nodes do, as fast as the database can, until the table `stop` is there.
report_all_the_time () {
	pg_sql "DO \$\$
	DECLARE n bigint := 0;
	BEGIN
		WHILE to_regclass('stop') IS NULL AND n < 200000 LOOP
			n := n + 1;
			UPDATE t_server_conf SET present_state =
				CASE WHEN present_state = 'active' THEN 'inactive' ELSE 'active' END
			WHERE application = 'Busy';
			COMMIT;
		END LOOP;
	END \$\$"
}

test_expect_success 'forty servers come and go meanwhile' '
	forty_times &&
	test_grep ! deadlock reports && test_grep ! deadlock registry.log &&
	test_grep ! deadlock deploys && test_grep ! deadlock undeploys &&
	test "$(wc -l <undeploys)" = 40 &&
	test "$(pg_sql "SELECT count(*) FROM t_server_conf")" = 0
'

test_done
