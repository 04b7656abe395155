#!/usr/bin/env bash
test_description='two registries on one database are equal: changes, death of one, clients of both'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-fleet.sh"
. "$t_dir/lib-failure.sh"

hello_port=$(free_port)
a=$(free_port)
b=$(free_port)

# at PORT: the object of the registry there
at () {
	echo "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $1"
}

start () {
	role_name=$1 start_role registry --db "$pg_dsn" --listen "127.0.0.1:${!1}" --data "$PWD/$1"
}

# finds PORT WANTED: the ports of the fleet's active endpoints, as that registry knows them
finds () {
	tars call "$(at "$1")" findObjectById '{"id": "T.FleetServer.FleetObj"}' >"found.$1" &&
	test "$(grep -o '"port":[0-9]*' "found.$1" | cut -d: -f2 | sort | tr '\n' ' ')" = \
		"$(printf '%s\n' $2 | sort | tr '\n' ' ')"
}

# deploy PORT NODE SERVICE_PORT: rows, by the registry on that port
deploy () {
	local admin="tars.tarsAdminRegistry.AdminRegObj@tcp -h 127.0.0.1 -p $1"
	tars call "$admin" insertServerConf "{\"conf\": {\"application\": \"T\",
		\"serverName\": \"FleetServer\", \"nodeName\": \"$2\", \"exePath\": \"/bin/x\",
		\"settingState\": \"active\", \"serverType\": \"tars_c\"}, \"replace\": true}" &&
	tars call "$admin" insertAdapterConf "{\"sApplication\": \"T\",
		\"serverName\": \"FleetServer\", \"nodeName\": \"$2\", \"conf\": {
		\"adapterName\": \"x\", \"servant\": \"T.FleetServer.FleetObj\",
		\"endpoint\": \"tcp -h 127.0.0.1 -p $3\"}, \"replace\": true}" &&
	report "$1" "$2" 2
}

report () {
	tars call "tars.tarsregistry.RegistryObj@tcp -h 127.0.0.1 -p $1" updateServer \
		"{\"app\": \"$2\", \"serverName\": \"T\", \"nodeName\": \"FleetServer\",
		  \"state\": {\"serverState\": $3, \"processId\": 1}}" | grep -q "\"tars_ret\":0"
}

test_expect_success 'two registries, a node that knows both, a service' '
	pg_use_own && pg_create several && start a && start b &&
	export TARS_CTL_LOCATOR="$(at $a):tcp -h 127.0.0.1 -p $b" &&
	export TARS_CALL_LOCATOR="$TARS_CTL_LOCATOR" && query_object=$TARS_CTL_LOCATOR &&
	node_port=$(free_port) &&
	start_role node --listen 127.0.0.1:$node_port --name n1 --path "$PWD/n1" \
		--locator "$TARS_CTL_LOCATOR" --heartbeat 300ms --log-level debug &&
	wait_for 10 registered &&
	deploy_hello &&
	wait_for 5 found
'

test_expect_success 'a change by either is in both: rows, states' '
	start_fleet one && start_fleet two && start_fleet three &&
	deploy $a n8 $one_port >out && finds $a $one_port &&
	within_ms 1000 "finds $b $one_port" "in the other" &&
	deploy $b n9 $two_port >out && finds $b "$one_port $two_port" &&
	within_ms 1000 "finds $a \"$one_port $two_port\"" "in the other" &&
	report $a n8 0 && within_ms 1000 "finds $b $two_port" "in the other" &&
	report $b n8 2 && within_ms 1000 "finds $a \"$one_port $two_port\"" "in the other"
'

test_expect_success 'a caller that knows both, calling all the time' '
	start_caller "$TARS_CTL_LOCATOR" &&
	tell proxy p T.FleetServer.FleetObj && tell call p 10 && test "$(of ok)" = 10 &&
	tell start p 2 && sample_lookups
'

test_expect_success 'one is killed: no look-up and no call fails, the other takes changes' '
	kill_role a &&
	deploy $b n10 $three_port >out && finds $b "$one_port $two_port $three_port" &&
	old=$(pid_of TestApp.HelloServer) &&
	ctl restart TestApp.HelloServer n1 &&
	wait_for 10 "is_back TestApp.HelloServer $old"
'

test_expect_success 'it is back, with what it missed' '
	start a && finds $a "$one_port $two_port $three_port" &&
	report $b n10 0 && within_ms 1000 "finds $a \"$one_port $two_port\"" "heard"
'

test_expect_success 'the other is killed, and nothing fails again' '
	kill_role b &&
	report $a n10 2 && finds $a "$one_port $two_port $three_port" &&
	start b && finds $b "$one_port $two_port $three_port" &&
	tell stop && test "$(of failed)" = 0 &&
	>samples.end && wait "$sampler" && echo "# $(wc -l <sampled) look-ups meanwhile" >&3 &&
	test_grep ! failed sampled
'

test_expect_success 'a missed note is found: what the database has counts' '
	pg_sql "SET session_replication_role = replica;
		UPDATE t_server_conf SET present_state = \$\$inactive\$\$ WHERE node_name = \$\$n9\$\$;
		SET session_replication_role = origin;
		DELETE FROM tars_change;
		UPDATE tars_version SET version = version + 10;
		UPDATE t_server_conf SET flow_state = \$\$inactive\$\$ WHERE node_name = \$\$n10\$\$" &&
	within_ms 2000 "finds $a $one_port" "found" && within_ms 2000 "finds $b $one_port" "found"
'

test_expect_success 'PostgreSQL is gone: both answer, and both have what comes after' '
	pg_crash && finds $a $one_port && finds $b $one_port && found &&
	pg_boot &&
	pg_sql "UPDATE t_server_conf SET flow_state = \$\$active\$\$, present_state = \$\$active\$\$" &&
	within_ms 10000 "finds $a \"$one_port $two_port $three_port\"" "in the one" &&
	within_ms 10000 "finds $b \"$one_port $two_port $three_port\"" "in the other"
'

test_done
