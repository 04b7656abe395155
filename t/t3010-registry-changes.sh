#!/usr/bin/env bash
test_description='the registry follows the database, and goes on without it'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-failure.sh"

query () {
	echo "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port"
}

# Ports of the active endpoints of an object, sorted, on one line.
ports () {
	tars call "$(query)" findObjectById "{\"id\":\"$1\"}" >answer &&
	grep -o "\"port\":[0-9]*" answer | cut -d: -f2 | sort -n | tr "\n" " "
}

has_ports () {
	test "$(ports "$1")" = "$2"
}

add_server () {
	pg_sql "INSERT INTO t_server_conf (application, server_name, node_name, setting_state,
			present_state) VALUES ('$1', 'Srv', '$2', 'active', 'active');
		INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name,
			servant, endpoint)
		VALUES ('$1', 'Srv', '$2', '$1.Srv.ObjAdapter', '$1.Srv.Obj',
			'tcp -h $2 -p $3 -t 60000')"
}

# Nobody can connect to the database, and who was is thrown out.
database_away () {
	pg_psql_ -d postgres -c "ALTER DATABASE $db ALLOW_CONNECTIONS false" &&
	pg_psql_ -d postgres -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = '$db'" >/dev/null
}

database_back () {
	pg_psql_ -d postgres -c "ALTER DATABASE $db ALLOW_CONNECTIONS true"
}

start_registry () {
	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0 --data "$PWD/data" "$@"
}

test_expect_success 'start' '
	pg_use &&
	pg_create changes &&
	db=${pg_dsn##*dbname=} &&
	add_server App 10.0.0.1 1001 &&
	start_registry &&
	has_ports App.Srv.Obj "1001 "
'

test_expect_success 'a new server is found without polling: within a second of the commit' '
	add_server App 10.0.0.2 1002 &&
	within_ms 1000 "has_ports App.Srv.Obj \"1001 1002 \"" visible
'

test_expect_success 'states count: inactive, flow, setting' '
	pg_sql "UPDATE t_server_conf SET present_state = \$\$inactive\$\$
		WHERE node_name = \$\$10.0.0.1\$\$" &&
	wait_for 5 "has_ports App.Srv.Obj \"1002 \"" &&
	pg_sql "UPDATE t_server_conf SET present_state = \$\$active\$\$,
		flow_state = \$\$inactive\$\$ WHERE node_name = \$\$10.0.0.1\$\$;
		UPDATE t_server_conf SET setting_state = \$\$inactive\$\$
		WHERE node_name = \$\$10.0.0.2\$\$" &&
	wait_for 5 "has_ports App.Srv.Obj \"\"" &&
	pg_sql "UPDATE t_server_conf SET flow_state = \$\$active\$\$,
		setting_state = \$\$active\$\$" &&
	wait_for 5 "has_ports App.Srv.Obj \"1001 1002 \""
'

test_expect_success 'our own objects are found by name' '
	for obj in tars.tarsregistry.QueryObj tars.tarsregistry.RegistryObj \
		tars.tarsAdminRegistry.AdminRegObj tars.tarsAdminRegistry.CtlObj
	do
		has_ports $obj "$registry_port " || return 1
	done
'

test_expect_success 'database away: look-ups go on, commands are refused with the reason' '
	wait_for 5 "test -s data/snapshot" &&
	database_away &&
	has_ports App.Srv.Obj "1001 1002 " &&
	test_expect_code 69 tars ctl list --locator "$(query)" 2>err &&
	test_grep "tars: ctl server list: database .*: cannot connect: " err &&
	wait_for 5 "grep \"look-ups go on from memory\" registry.log" &&
	test $(grep -c "look-ups go on from memory" registry.log) = 1
'

test_expect_success 'a state report counts at once, though the database is away' '
	>mark &&
	tars call "tars.tarsregistry.RegistryObj@tcp -h 127.0.0.1 -p $registry_port" updateServer "{\"app\":\"10.0.0.2\",\"serverName\":\"App\",
		\"nodeName\":\"Srv\",\"state\":{\"serverState\":0,\"processId\":0}}" >out &&
	test_grep "\"tars_ret\":-1" out &&
	has_ports App.Srv.Obj "1001 "
'

test_expect_success 'killed and started again without the database: the snapshot answers' '
	wait_for 10 "test data/snapshot -nt mark" &&
	kill_role registry &&
	start_registry &&
	test_grep "serving .* endpoints from .*/data/snapshot until the database is back" registry.log &&
	ports App.Srv.Obj >out &&
	test_grep 1001 out
'

test_expect_success 'database back: heals by itself, with what changed meanwhile' '
	database_back &&
	pg_sql "DELETE FROM t_adapter_conf WHERE node_name = \$\$10.0.0.1\$\$" &&
	wait_for 10 "has_ports App.Srv.Obj \"1002 \"" &&
	test_grep "the database is back" registry.log
'

test_expect_success 'a damaged snapshot is named and not believed' '
	stop_role registry &&
	dd if=/dev/zero of=data/snapshot bs=1 seek=60 count=8 conv=notrunc &&
	database_away &&
	start_registry &&
	test_grep "snapshot .*/data/snapshot: it is damaged" registry.log &&
	has_ports App.Srv.Obj "" &&
	database_back &&
	wait_for 10 "has_ports App.Srv.Obj \"1002 \""
'

test_expect_success 'without database and snapshot: starts, and says so' '
	stop_role registry &&
	rm -r data &&
	database_away &&
	start_registry &&
	test_grep "nothing to serve until the database is back" registry.log &&
	database_back &&
	wait_for 10 "has_ports App.Srv.Obj \"1002 \""
'

test_expect_success 'stop: status 0, rows of our objects are inactive' '
	stop_role registry &&
	test "$(pg_sql "SELECT count(*) FROM t_registry_info WHERE present_state = \$\$active\$\$
		AND locator_id = \$\$127.0.0.1:$registry_port\$\$")" = 0
'

test_expect_success 'wrong options' '
	test_expect_code 78 tars registry --db "$pg_dsn" --listen nonsense 2>err &&
	test_grep "listen: .nonsense. is neither host:port nor an endpoint" err &&
	test_expect_code 78 tars registry --db "$pg_dsn" --listen 127.0.0.1:70000 2>err &&
	test_grep "no port between 0 and 65535" err &&
	test_expect_code 64 tars registry --db "$pg_dsn" --node-timeout 10x 2>err &&
	test_grep "is not a duration" err &&
	test_expect_code 78 tars registry --db "$pg_dsn" --listen 127.0.0.1:0 \
		--data /proc/nothing/here 2>err &&
	test_grep "data directory /proc/nothing/here: .*--data" err
'

test_done
