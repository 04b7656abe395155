#!/usr/bin/env bash
test_description='a service that does not start: what the start says, and how often it is tried'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

deploy () {
	local name=$1
	shift
	ctl deploy "TestApp.$name" --node n1 --type tars_cpp \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $(free_port)" "$@"
}

program () {
	printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1"
}

test_expect_success 'registry and node start' '
	pg_use && pg_create node &&
	start_registry &&
	start_node --start-limit 3 --start-window 1h --start-penalty 10h --sync 1h
'

test_expect_success 'no program: the text names it and says what to do' '
	test_must_fail deploy NoExe >out 2>&1 &&
	test_grep "TestApp.NoExe did not start: TestApp.NoExe: there is no program .*/bin/NoExe" out &&
	test_grep "release a package" out &&
	is_state TestApp.NoExe Inactive
'

test_expect_success 'a program that is not executable' '
	echo x >plain &&
	test_must_fail deploy NotExec --exe "$PWD/plain" >out 2>&1 &&
	test_grep "plain is not executable: chmod" out
'

test_expect_success 'a program that the kernel refuses' '
	printf "\177ELF broken" >broken && chmod 755 broken &&
	test_must_fail deploy Broken --exe "$PWD/broken" >out 2>&1 &&
	test_grep "exit status 126 after .* its last output: .*broken" out
'

test_expect_success 'a crash at start: status and last output' '
	program crash "echo reading settings; echo no database at db1; exit 3" &&
	test_must_fail deploy Crash --exe "$PWD/crash" >out 2>&1 &&
	test_grep "exit status 3 after [0-9.]* s; its last output: reading settings .* no database at db1" \
		out
'

test_expect_success 'last output that is no text: shown, stored, and loses nobody else anything' '
	program bytes "printf \"caf\\\\303\\\\251 \\\\377\\\\033[1m\\\\0.\"; exit 3" &&
	test_must_fail deploy Bytes --exe "$PWD/bytes" >out 2>&1 &&
	test_grep "exit status 3 after [0-9.]* s; its last output: café ?" out &&
	wait_for 10 "ctl server events TestApp.Bytes >out && grep -q \"did not start\" out" &&
	test_grep "its last output: café ?" out && ctl undeploy TestApp.Bytes
'

# punished SERVER: it was started once by the order, three times automatically, and then not any more.
punished () {
	wait_for 20 "state $1 | grep -q \"start limit reached\"" &&
	state "$1" >out &&
	test_grep "^Inactive 0 .*exit status 3.*next start in 3(5[0-9]{3}|6000) s" out &&
	test_grep "alarm. $1 was started 3 times within 3600 s: next try in 36000 s" node.log &&
	test "$(grep -c "${1#*.}: Inactive -> Activating" node.log)" = 4
}

test_expect_success 'it is tried again, slower and slower, up to the limit' '
	punished TestApp.Crash
'

# A description takes a second to read: who reads it between two orders would see it die meanwhile.
slow_templates () {
	pg_sql "ALTER TABLE t_profile_template RENAME TO quick_template;
		CREATE VIEW t_profile_template AS
			WITH slow AS MATERIALIZED (SELECT pg_sleep(1))
			SELECT quick_template.* FROM slow, quick_template"
}

quick_templates () {
	pg_sql "DROP VIEW t_profile_template;
		ALTER TABLE quick_template RENAME TO t_profile_template"
}

test_expect_success 'a deployment starts it once, however slow the registry is' '
	slow_templates &&
	test_when_finished quick_templates &&
	test_must_fail deploy Late --exe "$PWD/crash" >out 2>&1 &&
	test_grep "exit status 3 after" out &&
	punished TestApp.Late
'

test_expect_success 'a start by command is not limited' '
	order startServer TestApp.Crash >out &&
	test_grep "^-1 TestApp.Crash did not start: exit status 3" out
'

test_expect_success 'a stop ends the tries' '
	ctl stop TestApp.Crash &&
	state TestApp.Crash >out &&
	test_grep ! "next start" out
'

test_expect_success 'a bad profile only fails its own server' '
	printf "<tars>\n<application>\n" >bad.conf &&
	test_must_fail deploy Bad --exe "$PWD/crash" --profile bad.conf >out 2>&1 &&
	test_grep "profile|template" out &&
	hello_port=$(free_port) &&
	deploy_hello &&
	is_state TestApp.HelloServer Active
'

test_expect_success 'a value that cannot stand in a configuration is refused with its place' '
	printf "<tars>\n<application>\n<server>\nactivating-timeout=soon\n</server>\n" >bad.conf &&
	printf "</application>\n</tars>\n" >>bad.conf &&
	test_must_fail deploy BadValue --exe "$PWD/crash" --profile bad.conf >out 2>&1 &&
	test_grep "TestApp.BadValue: .*activating-timeout" out
'

test_expect_success 'a service that never reports is killed after activating-timeout' '
	program silent "echo I am \$\$; exec tail -f /dev/null" &&
	printf "<tars>\n<application>\n<server>\nactivating-timeout=700\n" >slow.conf &&
	printf "</server>\n</application>\n</tars>\n" >>slow.conf &&
	test_must_fail deploy Silent --exe "$PWD/silent" --profile slow.conf >out 2>&1 &&
	test_grep "killed by signal 9" out &&
	test_grep "alarm. activating,pid not exist: TestApp.Silent sent no keepAlive within 700 ms" \
		node.log &&
	ctl stop TestApp.Silent
'

test_expect_success 'a service that ignores its shutdown is killed after deactivating-timeout' '
	program stubborn "trap \"\" TERM; echo up; while :; do tail -f /dev/null; done" &&
	test_when_finished "ctl stop TestApp.Stubborn" &&
	(deploy Stubborn --exe "$PWD/stubborn" &) &&
	wait_for 5 "is_state TestApp.Stubborn Activating && test \"\$(pid_of TestApp.Stubborn)\" != 0" &&
	pid=$(pid_of TestApp.Stubborn) &&
	order stopServer TestApp.Stubborn >out &&
	test_grep "^0 " out &&
	! is_running "$pid" &&
	test_grep "Stubborn: Deactivating -> Inactive" node.log
'

test_expect_success 'orders for a server that is not deployed' '
	order startServer TestApp.Nobody >out &&
	test_grep "^1003 TestApp.Nobody is not deployed on node n1" out &&
	order stopServer TestApp.Nobody >out &&
	test_grep "^1003 server is not exist: TestApp.Nobody is not on this node" out &&
	order loadServer "TestApp.../../x" >out &&
	test_grep "^1003 " out
'

processes_of () {
	local p n=0
	for p in /proc/[0-9]*
	do
		tr "\0" " " <"$p/cmdline" 2>/dev/null |
			grep -q -e "--config=$PWD/n1/.*/$1.config.conf" && n=$((n + 1))
	done
	echo $n
}

test_expect_success 'a pid file that cannot be written does not start it twice' '
	ctl stop TestApp.HelloServer &&
	file=n1/tarsnode/data/TestApp.HelloServer/conf/TestApp.HelloServer.pid &&
	rm -f $file && mkdir $file && >$file/in-the-way &&
	test_when_finished "rm -rf $file" &&
	ctl start TestApp.HelloServer &&
	is_state TestApp.HelloServer Active &&
	test_grep "would not be found by the next node" node.log &&
	test "$(processes_of TestApp.HelloServer)" = 1
'

test_expect_success 'destroyed and loaded at the same time: all of it or nothing' '
	ctl stop TestApp.HelloServer &&
	for i in 1 2 3 4 5 6
	do
		order stopServer TestApp.HelloServer >out.s
		order destroyServer TestApp.HelloServer >out.d & a=$!
		order loadServer TestApp.HelloServer >out.l & b=$!
		wait $a && wait $b || return 1
	done &&
	ctl start TestApp.HelloServer &&
	is_state TestApp.HelloServer Active
'

test_done
