#!/usr/bin/env bash
test_description='how a service ended: what its node keeps of it, and who can see it'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

hello_port=$(free_port)

deploy () {
	local name=$1
	shift
	ctl deploy "TestApp.$name" --node n1 --type tars_cpp \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $(free_port)" "$@"
}

program () {
	printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1"
}

# exit_of SERVER PATTERN: waits until what is shown of its last exit has a line like this.
exit_of () {
	wait_for 10 "ctl server exits $1 >out 2>&1 && grep -qE \"$2\" out" || { cat out; false; }
}

# record SERVER EXPRESSION: a condition of its record `r`.
record () {
	ctl server exits "$1" -o json >json &&
	python3 -c "import json
r, = json.load(open('json'))
assert $2, r"
}

test_expect_success 'registry and node start' '
	pg_use && pg_create exits && start_registry &&
	start_node --start-limit 2 --start-window 1h --start-penalty 10h
'

test_expect_success 'a service that has never ended' '
	deploy_hello && test_grep ! "AdminObj.* gets no calls" node.log &&
	exit_of TestApp.HelloServer "TestApp.HelloServer on node n1: no process of it has ended yet" &&
	ctl server exits TestApp.HelloServer -o json >json && echo "[]" >want && test_cmp want json &&
	ctl state TestApp.HelloServer -o json >json && test_grep "\"lastExit\":\"\"" json
'

test_expect_success 'an exit status, how long it ran, its last 100 lines' '
	program crash "seq 150; printf \"\\\\033[1m \\\\377 \\303\\244\\\\n\"; exit 3" &&
	test_must_fail deploy Crash --exe "$PWD/crash" &&
	exit_of TestApp.Crash "^TestApp.Crash on node n1: 20.* UTC, pid [0-9]+: exit status 3 after" &&
	test_grep "^its last lines:" out && test_grep ! "^51\$" out && test_grep "^52\$" out &&
	record TestApp.Crash "r[\"status\"] == 3 and r[\"signal\"] == r[\"endedBy\"] == r[\"oom\"] == \"\"" &&
	record TestApp.Crash "r[\"lines\"].split(\"\\n\")[:1] == [\"52\"]" &&
	record TestApp.Crash "r[\"lines\"].endswith(\"150\\n?[1m ? ä\\n\")" &&
	record TestApp.Crash "0 <= r[\"ranMs\"] < 60000 and not r[\"dumped\"]"
'

test_expect_success 'long lines: 32 KB at most' '
	program long "head -c 200000 /dev/zero | tr \"\\\\0\" x; echo; echo the end; exit 1" &&
	test_must_fail deploy Long --exe "$PWD/long" &&
	exit_of TestApp.Long "exit status 1" &&
	record TestApp.Long "r[\"lines\"] == \"the end\\n\""
'

test_expect_success 'a log that is a link is not read' '
	echo secret >secret && chmod 600 secret &&
	program link "ln -s $PWD/secret $PWD/n1/app_log/TestApp/Link/new
mv -f $PWD/n1/app_log/TestApp/Link/new $PWD/n1/app_log/TestApp/Link/TestApp.Link.log; exit 4" &&
	test_must_fail deploy Link --exe "$PWD/link" &&
	exit_of TestApp.Link "exit status 4" &&
	test -L n1/app_log/TestApp/Link/TestApp.Link.log &&
	record TestApp.Link "r[\"lines\"] == \"\"" && ctl undeploy TestApp.Link
'

test_expect_success 'killed by a signal that the node did not send' '
	pid=$(pid_of TestApp.HelloServer) &&
	kill -KILL "$pid" &&
	wait_for 10 "is_back TestApp.HelloServer $pid" &&
	exit_of TestApp.HelloServer "pid $pid: killed by signal 9 .Killed. after [0-9.]+ s" &&
	test_grep ! "^why:" out &&
	record TestApp.HelloServer "r[\"signal\"] == \"SIGKILL\" and r[\"status\"] == -1" &&
	ctl state TestApp.HelloServer -o wide >out && test_grep " LAST EXIT" out &&
	test_grep "20.*[0-9] killed by signal 9 .Killed. after [0-9.]+ s" out &&
	test_grep "alarm. down, server is inactive: killed by signal 9 .Killed. after" node.log
'

test_expect_success 'a core file, if the kernel keeps it in one' '
	program dumps "ulimit -c unlimited; echo going; kill -SEGV \$\$" &&
	test_must_fail deploy Dumps --exe "$PWD/dumps" &&
	wait_for 20 "state TestApp.Dumps | grep -q \"start limit reached\"" &&
	exit_of TestApp.Dumps "killed by signal 11" &&
	record TestApp.Dumps "r[\"signal\"] == \"SIGSEGV\"" &&
	echo "# core_pattern: $(cat /proc/sys/kernel/core_pattern)" >&3 &&
	if grep -q "core dumped" out
	then
		record TestApp.Dumps "r[\"dumped\"]" &&
		core=$(sed -n "s/^core: //p" out) &&
		case "$core" in
		/*) test -s "$core" ;;
		*) test_grep "^core: (given to|not found as) " out ;;
		esac
	else
		record TestApp.Dumps "not r[\"dumped\"] and r[\"core\"] == \"\""
	fi
'

test_expect_success 'stopped by command' '
	ctl stop TestApp.HelloServer &&
	exit_of TestApp.HelloServer "^why: stopped by command" &&
	record TestApp.HelloServer "r[\"endedBy\"] == \"stopped by command\"" &&
	ctl start TestApp.HelloServer
'

test_expect_success 'killed by the node, as it did not report' '
	program silent "echo I am silent; exec tail -f /dev/null" &&
	printf "<tars>\n<application>\n<server>\nactivating-timeout=700\n" >slow.conf &&
	printf "</server>\n</application>\n</tars>\n" >>slow.conf &&
	test_must_fail deploy Silent --exe "$PWD/silent" --profile slow.conf &&
	exit_of TestApp.Silent "^why: killed by the node: no keepAlive within 700 ms; it was S" &&
	test_grep "^when it was killed: S .sleeping., 1 threads, [0-9]+ kB resident" out &&
	test_grep "^[0-9]+ tail: S .sleeping." out &&
	record TestApp.Silent "len(r[\"threads\"].splitlines()) == 2" &&
	record TestApp.Silent "r[\"signal\"] == \"SIGKILL\" and r[\"oom\"] == \"\"" &&
	test_grep "^I am silent" out && ctl stop TestApp.Silent
'

test_expect_success 'killed by the node, as it did not stop: its threads are told' '
	pid=$(pid_of TestApp.HelloServer) && kill -STOP "$pid" &&
	ctl server stop TestApp.HelloServer &&
	exit_of TestApp.HelloServer "^why: stopped by command; it was T .stopped., [0-9]+ threads" &&
	test_grep "^$pid HelloServer: T .stopped." out &&
	record TestApp.HelloServer "len(r[\"threads\"].splitlines()) > 2" &&
	test_grep "warn node TestApp.HelloServer: stopped by command; it was T" node.log &&
	ctl start TestApp.HelloServer
'

test_expect_success 'a process that ended while no node was there' '
	pid=$(pid_of TestApp.HelloServer) &&
	kill_role node && kill -KILL "$pid" && wait_for 5 "! is_running $pid" &&
	>node.log &&
	start_node --start-limit 2 --start-window 1h --start-penalty 10h &&
	exit_of TestApp.HelloServer "pid $pid: ended while the node was away: how was not seen" &&
	record TestApp.HelloServer "r[\"ranMs\"] == 0 and r[\"status\"] == -1" &&
	wait_for 10 "is_state TestApp.HelloServer Active" &&
	test_grep "alarm. down, pid $pid ended while the node was away" node.log
'

test_expect_success 'the next node knows what the one before has seen, and tells it once' '
	ctl stop TestApp.HelloServer &&
	exit_of TestApp.HelloServer "^why: stopped by command" &&
	kill_role node && >node.log && start_node &&
	wait_for 10 "is_state TestApp.HelloServer Inactive" &&
	exit_of TestApp.HelloServer "^why: stopped by command" &&
	ctl state TestApp.HelloServer -o json >json &&
	test_grep "\"lastExit\":\"20[^\"]*: stopped by command" json &&
	test_grep ! "while the node was away" node.log
'

test_expect_success 'a process that an earlier node started' '
	ctl start TestApp.HelloServer && pid=$(pid_of TestApp.HelloServer) &&
	kill_role node && >node.log && start_node &&
	wait_for 10 "is_state TestApp.HelloServer Active" &&
	test "$(pid_of TestApp.HelloServer)" = "$pid" && kill -KILL "$pid" &&
	exit_of TestApp.HelloServer "pid $pid: ended .status not seen: another node had started it." &&
	record TestApp.HelloServer "r[\"ranMs\"] > 0"
'

test_expect_success 'a server that is not there' '
	test_expect_code 1 tars ctl server exits TestApp.Nobody 2>err && test_grep "not deployed" err &&
	test_expect_code 1 tars ctl server exits TestApp.Nobody n1 2>err &&
	test_grep "TestApp.Nobody is not on node n1" err
'

test_done
