#!/usr/bin/env bash
test_description='services that are no tars servers: start, stop and monitor scripts'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

deploy () {
	local name=$1
	shift
	ctl deploy "TestApp.$name" --node n1 --type not_tars \
		--servant "HttpObj@tcp -h 127.0.0.1 -p $(free_port)" "$@"
}

script () {
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
}

# A process that the test recognises: its name is its argument.
run='tail -f /dev/null'

test_expect_success 'registry and node start' '
	pg_use && pg_create node &&
	start_registry && start_node --monitor 300ms --heartbeat 10ms --sync 10ms
'

test_expect_success 'a script that stays is the service' '
	script stays "echo id=\$1; exec $run" &&
	deploy Stays --start-script "$PWD/stays" &&
	is_state TestApp.Stays Active &&
	pid=$(pid_of TestApp.Stays) &&
	is_running "$pid" &&
	test_grep "^id=TestApp.Stays" n1/app_log/TestApp/Stays/TestApp.Stays.log
'

test_expect_success 'when it dies it is started again' '
	kill -KILL "$pid" &&
	wait_for 10 "is_back TestApp.Stays $pid" &&
	is_running "$(pid_of TestApp.Stays)"
'

test_expect_success 'without a stop script it gets SIGTERM' '
	pid=$(pid_of TestApp.Stays) &&
	ctl stop TestApp.Stays &&
	! is_running "$pid" &&
	test_grep "stop by SIGTERM" node.log
'

test_expect_success 'a script that leaves a process in the background' '
	script leaves "$run & echo end-leaves" &&
	deploy Leaves --start-script "$PWD/leaves" &&
	is_state TestApp.Leaves Active &&
	pid=$(pid_of TestApp.Leaves) &&
	grep -q "^tail" "/proc/$pid/cmdline" &&
	ctl stop TestApp.Leaves &&
	! is_running "$pid"
'

test_expect_success 'a script that says the pid itself' '
	script says "setsid $run & echo pid=\$!" &&
	deploy Says --start-script "$PWD/says" &&
	is_state TestApp.Says Active &&
	pid=$(pid_of TestApp.Says) &&
	is_running "$pid"
'

test_expect_success 'it is found again by the next node, and not started twice' '
	kill_role node &&
	>node.log &&
	start_node --monitor 300ms --heartbeat 10ms --sync 10ms &&
	wait_for 5 "is_state TestApp.Says Active" &&
	test "$(pid_of TestApp.Says)" = "$pid" &&
	test_grep ! "Says: Inactive -> Activating" node.log
'

test_expect_success 'a stop script stops it' '
	script stop "echo stopping \$1; kill $pid; echo end-stop" &&
	ctl stop TestApp.Says &&
	deploy Stopped --start-script "$PWD/says" --stop-script "$PWD/stop.sh" &&
	pid=$(pid_of TestApp.Stopped) &&
	script stop.sh "echo stopping \$1; kill $pid; echo end-stop.sh" &&
	ctl stop TestApp.Stopped &&
	! is_running "$pid" &&
	test_grep "stopping TestApp.Stopped" n1/app_log/TestApp/Stopped/TestApp.Stopped.script.log
'

test_expect_success 'a start script that fails says why' '
	script fails "echo port 80 is taken; exit 5" &&
	test_must_fail deploy Fails --start-script "$PWD/fails" >out 2>&1 &&
	test_grep "script .*/fails: exit status 5; its last output: port 80 is taken" out &&
	ctl stop TestApp.Fails
'

test_expect_success 'a start script that leaves nothing behind is told so' '
	script nothing "echo hello" &&
	test_must_fail deploy Nothing --start-script "$PWD/nothing" >out 2>&1 &&
	test_grep "nothing ended and left no process: let it print pid=" out &&
	ctl stop TestApp.Nothing
'

test_expect_success 'no start script, or one that is not there' '
	test_must_fail deploy None >out 2>&1 &&
	test_grep "type not_tars needs a start script|start-script" out &&
	test_must_fail deploy Gone --start-script "$PWD/gone" >out 2>&1 &&
	test_grep "TestApp.Gone: there is no script .*/gone" out
'

test_expect_success 'a monitor script tells whether it lives' '
	{ $run & } && daemon=$! &&
	test_when_finished "kill $daemon" &&
	script begin "echo end-begin" &&
	script watch "kill -0 $daemon && echo pid=$daemon" &&
	deploy Watched --start-script "$PWD/begin" --monitor-script "$PWD/watch" &&
	is_state TestApp.Watched Active &&
	test "$(pid_of TestApp.Watched)" = "$daemon"
'

test_expect_success 'a monitor script that goes on behind its end mark is believed' '
	{ $run & } && daemon=$! &&
	test_when_finished "kill $daemon" &&
	script slow "echo pid=$daemon; echo end-slow; timeout 0.3 $run; exit 0" &&
	deploy Slow --start-script "$PWD/begin" --monitor-script "$PWD/slow" &&
	is_state TestApp.Slow Active &&
	test "$(pid_of TestApp.Slow)" = "$daemon"
'

test_expect_success 'what a script that hangs has started ends with it' '
	script hangs "tail -f /dev/null & echo \$! >$PWD/hung; wait" &&
	test_when_finished "ctl stop TestApp.Hangs" &&
	deploy Hangs --start-script "$PWD/stays" --stop-script "$PWD/hangs" &&
	order stopServer TestApp.Hangs >out &&
	test_grep "^0 " out &&
	wait_for 5 "grep -q \"hangs did not end within\" node.log" &&
	wait_for 5 "! is_running $(cat hung)"
'

test_expect_success 'a script that goes on beside its service leaves no zombie' '
	mkfifo gate &&
	script beside "echo \$\$ >$PWD/beside.pid; $run & echo pid=\$!; read x <$PWD/gate" &&
	deploy Beside --start-script "$PWD/beside" &&
	is_state TestApp.Beside Active &&
	beside=$(cat beside.pid) &&
	is_running "$beside" &&
	echo go >gate &&
	wait_for 5 "! test -e /proc/$beside" &&
	is_state TestApp.Beside Active
'

test_done
