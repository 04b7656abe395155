#!/usr/bin/env bash
test_description='getLocker: one master among servers, never two, and a new one when it has died'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-failure.sh"

# lock PORT NODE LEASE [TYPE [SERVER]]: what the registry on that port answers
lock () {
	tars call "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $1" getLocker "{\"req\": {
		\"application\": \"App\", \"server_name\": \"${5:-Serv}\", \"node_name\": \"$2\",
		\"timeout\": $3, \"bakType\": ${4:-1}}}" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["tars_ret"])'
}

# found PORT: hosts of the active endpoints
found () {
	tars call "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $1" findObjectById \
		"{\"id\": \"App.Serv.Obj\"}" | grep -o "10\.0\.0\.[0-9]" | tr "\n" " "
}

report () {
	tars call "tars.tarsregistry.RegistryObj@tcp -h 127.0.0.1 -p $1" updateServer \
		"{\"app\": \"$2\", \"serverName\": \"App\", \"nodeName\": \"Serv\",
		  \"state\": {\"serverState\": $3, \"processId\": 1}}" >/dev/null
}

expires_in_ms () {
	pg_sql "SELECT (extract(epoch FROM expires_at - now()) * 1000)::int FROM t_server_master"
}

test_expect_success 'two registries, three servers of one kind' '
	pg_use_own && pg_create masters &&
	pg_sql "INSERT INTO t_server_conf (application, server_name, node_name, setting_state,
			present_state)
		SELECT \$\$App\$\$, \$\$Serv\$\$, \$\$n\$\$ || i, \$\$active\$\$, \$\$active\$\$
		FROM generate_series(1, 3) i;
		INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name,
			servant, endpoint)
		SELECT \$\$App\$\$, \$\$Serv\$\$, \$\$n\$\$ || i, \$\$x\$\$, \$\$App.Serv.Obj\$\$,
			\$\$tcp -h 10.0.0.\$\$ || i || \$\$ -p 1\$\$ FROM generate_series(1, 3) i" &&
	start_registry && a=$registry_port &&
	role_name=second start_role registry --db "$pg_dsn" --listen 127.0.0.1:0 && b=$second_port &&
	test "$(found "$a")" = "10.0.0.1 10.0.0.2 10.0.0.3 "
'

test_expect_success 'the first is the master, at whatever registry the others ask; only it is found' '
	test "$(lock "$a" n2 60000)" = 0 &&
	test "$(lock "$b" n1 60000)" = 1 && test "$(lock "$a" n3 60000)" = 1 &&
	test "$(lock "$b" n2 60000)" = 0 &&
	wait_for 5 "test \"\$(found $a)\" = \"10.0.0.2 \"" &&
	wait_for 5 "test \"\$(found $b)\" = \"10.0.0.2 \""
'

test_expect_success 'its node saw it die: the next one is the master at once' '
	report "$b" n2 0 &&
	test "$(lock "$a" n3 60000)" = 0 && test "$(lock "$b" n2 60000)" = 1 &&
	wait_for 5 "test \"\$(found $b)\" = \"10.0.0.3 \"" &&
	report "$a" n2 2
'

test_expect_success 'nobody hears of it any more: the next one when the lease is over, not before' '
	test "$(lock "$a" n3 1500)" = 0 &&
	until test "$(lock "$b" n1 60000)" = 0; do
		test "$(expires_in_ms)" -gt -500 || return 1
	done &&
	wait_for 5 "test \"\$(found $a)\" = \"10.0.0.1 \""
'

test_expect_success 'a node that is taken for dead keeps its lease: it may only be cut off' '
	pg_sql "UPDATE t_server_conf SET present_state = \$\$inactive\$\$ WHERE node_name = \$\$n1\$\$" &&
	test "$(lock "$a" n2 60000)" = 1 &&
	pg_sql "UPDATE t_server_conf SET present_state = \$\$active\$\$"
'

test_expect_success 'with kind 2 the others are found as well' '
	test "$(lock "$b" n1 60000 2)" = 0 &&
	wait_for 5 "test \"\$(found $a)\" = \"10.0.0.1 10.0.0.2 10.0.0.3 \"" &&
	test "$(lock "$a" n2 60000 2)" = 1
'

test_expect_success 'what makes no sense is refused' '
	test "$(lock "$a" n9 60000)" = 2 && test "$(lock "$a" n1 60000 1 Other)" = 2 &&
	test "$(lock "$a" n1 0)" = 2 && test "$(lock "$a" n1 60000 7)" = 2 &&
	test_grep "n9 for 60000 ms" registry.log
'

test_expect_success 'forty at once, at both registries: one gets it' '
	report "$a" n1 0 &&
	for i in $(seq 40); do
		if test $((i % 2)) = 0; then at=$a; else at=$b; fi
		lock $at n$((i % 3 + 1)) 60000 >out.$i &
		jobs="$jobs $!"
	done &&
	wait $jobs &&
	report "$a" n1 2 &&
	for i in $(seq 40); do
		test "$(cat out.$i)" = 1 || echo n$((i % 3 + 1)) $(cat out.$i)
	done | sort -u >winners &&
	test "$(wc -l <winners)" = 1 && test_grep "n[123] 0" winners
'

test_expect_success 'the master is undeployed: nobody is hidden behind it' '
	master=$(cut -d" " -f1 winners) &&
	pg_sql "SELECT node_name FROM t_server_master" >row && echo "$master" >expect &&
	test_cmp expect row &&
	tars ctl undeploy App.Serv "$master" &&
	test "$(pg_sql "SELECT count(*) FROM t_server_master")" = 0 &&
	wait_for 5 "test \$(found $a | wc -w) = 2"
'

test_expect_success 'cut off from PostgreSQL no registry says that anybody is the master' '
	who=$(pg_sql "SELECT node_name FROM t_server_conf LIMIT 1") &&
	pg_crash &&
	test "$(lock "$a" "$who" 60000)" = -1 && test "$(lock "$b" "$who" 60000)" = -1 &&
	pg_boot &&
	wait_for 10 "test \"\$(lock $b $who 60000)\" = 0"
'

test_expect_success 'nodes ask a registry for it, and answer who has an object' '
	start_role node --listen 127.0.0.1:0 --name gate --path "$PWD/gate" \
		--locator "$(registry_object_)" &&
	wait_for 10 "grep -q \"servers as .* has them\" node.log" &&
	test "$(lock "$node_port" "$who" 60000)" = 0 &&
	tars call "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $node_port" findObjectNodeName \
		"{\"id\": \"App.Serv.Obj\"}" >out && test_grep "$who" out
'

test_done
