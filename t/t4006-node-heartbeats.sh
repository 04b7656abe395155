#!/usr/bin/env bash
test_description='heartbeats: who may send them, what they change, what happens without them'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

# beat FUNC SERVER PID [ADAPTER]: prints the answer.
beat () {
	tars call "tars.tarsnode.ServerObj@tcp -h 127.0.0.1 -p $node_port" "$1" \
		"{\"serverInfo\": {\"application\": \"TestApp\", \"serverName\": \"$2\",
		  \"pid\": $3, \"adapter\": \"${4:-}\"}}" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["tars_ret"])'
}

# A service that does nothing: the test sends its heartbeats.
deploy_idle () {
	local name=$1 profile=$2
	shift 2
	printf '<tars>\n<application>\n<server>\n%s\n</server>\n</application>\n</tars>\n' \
		"$profile" >"$name.conf" &&
	ctl deploy "TestApp.$name" --node n1 --type tars_cpp --exe "$PWD/idle" --no-start \
		--profile "$name.conf" --servant "HelloObj@tcp -h 127.0.0.1 -p $(free_port)" "$@" &&
	order startServer "TestApp.$name" >"$name.start" &
	wait_for 5 "is_state TestApp.$name Activating && test \"\$(pid_of TestApp.$name)\" != 0"
}

test_expect_success 'registry and node start' '
	pg_use && pg_create node && start_registry &&
	start_node --monitor 200ms --core-timeout 0 &&
	printf "#!/bin/sh\nexec tail -f /dev/null\n" >idle && chmod 755 idle
'

test_expect_success 'a server that is not deployed gets -1' '
	test "$(beat keepAlive Nobody 1)" = -1
'

test_expect_success 'keepActiving keeps it activating, keepAlive makes it active' '
	deploy_idle Idle "" &&
	pid=$(pid_of TestApp.Idle) &&
	test "$(beat keepActiving Idle "$pid")" = 0 &&
	is_state TestApp.Idle Activating &&
	test "$(beat keepAlive Idle "$pid" TestApp.Idle.HelloObjAdapter)" = 0 &&
	is_state TestApp.Idle Active &&
	wait_for 5 "grep -q \"^0 TestApp.Idle is active, pid $pid\" Idle.start"
'

test_expect_success 'a pid that cannot be is ignored' '
	test "$(beat keepAlive Idle 0)" = 0 &&
	test "$(beat keepAlive Idle -5)" = 0 &&
	test "$(pid_of TestApp.Idle)" = "$pid"
'

test_expect_success 'another process does not take its place while it lives' '
	{ tail -f /dev/null & } && other=$! &&
	test_at_end "kill $other 2>/dev/null" &&
	test "$(beat keepAlive Idle "$other")" = 0 &&
	test "$(pid_of TestApp.Idle)" = "$pid"
'

test_expect_success 'but when it ends, as in a graceful restart' '
	kill "$pid" &&
	wait_for 5 "test \"\$(pid_of TestApp.Idle)\" = $other" &&
	is_state TestApp.Idle Active &&
	test_grep ! "Idle: Active -> Inactive" node.log
'

test_expect_success 'the last words of a dead process do not revive it' '
	ctl stop TestApp.Idle &&
	test "$(beat keepAlive Idle "$pid")" = 0 &&
	is_state TestApp.Idle Inactive
'

test_expect_success 'a process that was started by hand is accepted' '
	{ tail -f /dev/null & } && hand=$! &&
	test_at_end "kill $hand 2>/dev/null" &&
	test "$(beat keepAlive Idle "$hand")" = 0 &&
	is_state TestApp.Idle Active &&
	test "$(pid_of TestApp.Idle)" = "$hand" &&
	ctl stop TestApp.Idle &&
	! is_running "$hand"
'

test_expect_success 'a silent service is stopped and started again' '
	deploy_idle Mute "hearttimeout=1" &&
	pid=$(pid_of TestApp.Mute) &&
	pg_sql "UPDATE t_server_conf SET setting_state = '\''active'\'' WHERE server_name = '\''Mute'\''" &&
	order loadServer TestApp.Mute &&
	beat keepAlive Mute "$pid" &&
	test_grep "Mute: Activating -> Active" node.log &&
	wait_for 10 "grep -q \"zombie process,no keep alive msg for [0-9]* seconds\" node.log" &&
	wait_for 10 "! is_running $pid" &&
	wait_for 5 "test \"\$(pid_of TestApp.Mute)\" != 0" &&
	test "$(pid_of TestApp.Mute)" != "$pid" &&
	ctl stop TestApp.Mute
'

# The start counts for all adapters, so this one has been silent for longer than the other.
test_expect_success 'one adapter that is silent is enough' '
	deploy_idle Half "hearttimeout=1" &&
	pid=$(pid_of TestApp.Half) &&
	wait_for 10 "beat keepAlive Half $pid AdminAdapter >out;
		grep -q \"no keep alive msg for [0-9]* seconds from TestApp.Half.HelloObjAdapter\" \
			node.log" &&
	ctl stop TestApp.Half
'

test_expect_success 'the version goes to the registry' '
	tars call "tars.tarsnode.ServerObj@tcp -h 127.0.0.1 -p $node_port" reportVersion \
		"{\"app\": \"TestApp\", \"serverName\": \"Idle\", \"version\": \"7.8.9\"}" &&
	wait_for 5 "pg_sql \"SELECT tars_version FROM t_server_conf\" | grep -q 7.8.9"
'

test_expect_success 'the time of the last heartbeat' '
	tars call "tars.tarsnode.ServerObj@tcp -h 127.0.0.1 -p $node_port" \
		getLatestKeepAliveTime >out &&
	now=$(date +%s) &&
	test "$(grep -oE "[0-9]{9,}" out)" -gt $((now - 60))
'

if test "$(id -u)" = 0 && (cd / && setpriv --reuid=65534 --clear-groups test -x "$PWD"); then
	test_expect_success 'services run as the account of --user' '
		stop_role node &&
		>node.log &&
		start_node --user nobody &&
		deploy_idle Other "" &&
		pid=$(pid_of TestApp.Other) &&
		test "$(stat -c %U "/proc/$pid")" = nobody &&
		ctl stop TestApp.Other
	'
else
	test_skip "services run as the account of --user: not root, or its folder is closed"
fi

test_done
