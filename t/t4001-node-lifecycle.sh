#!/usr/bin/env bash
test_description='a service under its node: deploy, call, crash, take-over, stop'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-failure.sh"

hello_port=$(free_port)

test_expect_success 'registry and node start' '
	pg_use && pg_create node &&
	start_registry && start_node
'

test_expect_success 'a deployed service is started and found by name' '
	deploy_hello >deploy.out &&
	is_state TestApp.HelloServer Active &&
	echo "127.0.0.1 $hello_port" >want &&
	wait_for 3 "lookup $hello >got; test -s got" &&
	test_cmp want got &&
	tars call "$hello" greet "{\"name\": \"bob\"}" >answer &&
	test_grep "hello bob" answer
'

test_expect_success 'its files lie where services and tools expect them' '
	dir=n1/tarsnode/data/TestApp.HelloServer &&
	test_grep "^ *app=TestApp" "$dir/conf/TestApp.HelloServer.config.conf" &&
	test -x "$dir/bin/tars_start.sh" &&
	test "$(cat "$dir/bin/tars_start.sh.pid")" = "$(pid_of TestApp.HelloServer)" &&
	test -e n1/app_log/TestApp/HelloServer/TestApp.HelloServer.log
'

test_expect_success 'a killed service leaves the look-ups within a second and comes back' '
	old=$(pid_of TestApp.HelloServer) &&
	kill -KILL "$old" &&
	within_ms 1000 "test \"\$(pid_of TestApp.HelloServer)\" != $old" noticed &&
	wait_for 10 "is_back TestApp.HelloServer $old" &&
	within_ms 1000 "lookup $hello | grep -q 127.0.0.1" found &&
	test_grep "killed by signal 9" node.log
'

test_expect_success 'a service outlives kill -9 of its node, which takes it over again' '
	old=$(pid_of TestApp.HelloServer) &&
	kill_role node &&
	is_running "$old" &&
	>node.log &&
	start_node &&
	wait_for 5 "is_state TestApp.HelloServer Active" &&
	test "$(pid_of TestApp.HelloServer)" = "$old" &&
	test_grep "found running, pid $old" node.log &&
	test_grep ! "Inactive -> Activating .start" node.log &&
	lookup "$hello" >got &&
	test_grep 127.0.0.1 got
'

test_expect_success 'the process is watched after the take-over too' '
	old=$(pid_of TestApp.HelloServer) &&
	kill -KILL "$old" &&
	wait_for 10 "is_back TestApp.HelloServer $old"
'

test_expect_success 'without its pid file it is found by its command line' '
	old=$(pid_of TestApp.HelloServer) &&
	kill_role node &&
	rm n1/tarsnode/data/TestApp.HelloServer/conf/*.pid &&
	start_node &&
	wait_for 5 "is_state TestApp.HelloServer Active" &&
	test "$(pid_of TestApp.HelloServer)" = "$old"
'

test_expect_success 'without any pid file it is found by its admin port' '
	kill_role node &&
	rm -f n1/tarsnode/data/TestApp.HelloServer/conf/*.pid \
		n1/tarsnode/data/TestApp.HelloServer/bin/*.pid &&
	start_node &&
	wait_for 5 "is_state TestApp.HelloServer Active" &&
	test "$(pid_of TestApp.HelloServer)" = "$old"
'

test_expect_success 'one that is too busy to answer is not started a second time' '
	kill_role node &&
	rm -f n1/tarsnode/data/TestApp.HelloServer/conf/*.pid \
		n1/tarsnode/data/TestApp.HelloServer/bin/*.pid &&
	kill -STOP "$old" && test_when_finished "kill -CONT $old" &&
	>node.log &&
	start_node &&
	wait_for 10 "grep -q \"waiting for a heartbeat\" node.log" &&
	kill -CONT "$old" &&
	wait_for 15 "is_state TestApp.HelloServer Active" &&
	test "$(pid_of TestApp.HelloServer)" = "$old" &&
	test_grep ! "Inactive -> Activating .start" node.log
'

test_expect_success 'stop ends the process and it stays stopped' '
	old=$(pid_of TestApp.HelloServer) &&
	ctl stop TestApp.HelloServer &&
	is_state TestApp.HelloServer Inactive &&
	! is_running "$old" &&
	wait_for 2 "lookup $hello >got; ! test -s got" &&
	state TestApp.HelloServer >got &&
	test_grep "stopped by command|not to be started" got
'

test_expect_success 'a stopped service stays stopped when its node starts again' '
	stop_role node &&
	>node.log &&
	start_node &&
	wait_for 5 "state TestApp.HelloServer | grep -q setting_state" &&
	is_state TestApp.HelloServer Inactive
'

test_expect_success 'start starts it again, and again is no error' '
	ctl start TestApp.HelloServer &&
	is_state TestApp.HelloServer Active &&
	order startServer TestApp.HelloServer >got &&
	test_grep "^0 " got
'

test_expect_success 'the admin port stays the same' '
	dir=n1/tarsnode/data/TestApp.HelloServer/conf &&
	grep " local=" "$dir/TestApp.HelloServer.config.conf" >before &&
	order loadServer TestApp.HelloServer >got &&
	test_grep "^0 " got &&
	grep " local=" "$dir/TestApp.HelloServer.config.conf" >after &&
	test_cmp before after
'

test_expect_success 'commands reach the service' '
	tars call "tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p $node_port" notifyServer \
		"{\"application\": \"TestApp\", \"serverName\": \"HelloServer\",
		  \"command\": \"tars.viewversion\"}" >got &&
	test_grep "succ:" got
'

test_expect_success 'tars ctl send: the answer of each node, help for a mistaken command' '
	ctl send TestApp.HelloServer tars.viewversion >got &&
	printf "== n1\n[notify prefix object num:1]\n[1]:\$%s\$\n" "$(tars --version | cut -d" " -f2)" >want &&
	test_cmp want got &&
	ctl send TestApp.HelloServer "tars.setloglevel WARN" n1 >got &&
	test_grep "^.1.:set log level .WARN. ok" got &&
	test_must_fail grep "== n1" got &&
	test_expect_code 1 tars ctl send TestApp.HelloServer tars.nothing n1 2>err &&
	test_grep "the service has no command .tars.nothing.; it has:" err &&
	test_grep "^tars.setloglevel  *NONE" err &&
	test_expect_code 1 tars ctl send TestApp.NoServer tars.help 2>err &&
	test_grep "TestApp.NoServer is not deployed" err
'

test_expect_success 'a running service cannot be destroyed, a stopped one leaves nothing' '
	order destroyServer TestApp.HelloServer >got &&
	test_grep "^1003 server state is not Inactive" got &&
	order stopServer TestApp.HelloServer >got &&
	test_grep "^0 " got &&
	order destroyServer TestApp.HelloServer >got &&
	test_grep "^0 " got &&
	wait_for 5 "! test -e n1/tarsnode/data/TestApp.HelloServer" &&
	! test -e n1/app_log/TestApp/HelloServer &&
	state TestApp.HelloServer >got &&
	test_grep "^Inactive -1 .*not exist" got
'

test_expect_success 'a service in a shared object runs in our own executable' '
	hello_exe=libHelloServer.so deploy_hello &&
	is_state TestApp.HelloServer Active &&
	pid=$(pid_of TestApp.HelloServer) &&
	tr "\0" " " <"/proc/$pid/cmdline" >got &&
	test_grep "tars app .*/libHelloServer.so --config=" got &&
	tars call "$hello" greet "{\"name\": \"eve\"}" >answer &&
	test_grep "hello eve" answer &&
	ctl stop TestApp.HelloServer
'

test_expect_success 'a node told to stop leaves the services running' '
	deploy_hello &&
	pid=$(pid_of TestApp.HelloServer) &&
	stop_role node &&
	is_running "$pid"
'

test_expect_success 'with --stop-services it stops them' '
	>node.log &&
	start_node --stop-services &&
	wait_for 5 "is_state TestApp.HelloServer Active" &&
	test "$(pid_of TestApp.HelloServer)" = "$pid" &&
	stop_role node &&
	! is_running "$pid" &&
	wait_for 2 "lookup $hello >got; ! test -s got"
'

test_done
