#!/usr/bin/env bash
test_description='kill -9 of a service and of its node: what callers see, and how fast'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-failure.sh"

hello_port=$(free_port)

is_active () {
	is_state TestApp.HelloServer Active
}

test_expect_success 'registry, node and a service in a set' '
	pg_use && pg_create killed &&
	start_registry && start_node &&
	held_hello &&
	ctl deploy TestApp.HelloServer --node n1 --exe "$PWD/held-hello" --set x.y.1 \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $hello_port" &&
	wait_for 5 found_everywhere
'

test_expect_success 'killed: gone from every kind of look-up within a second' '
	old=$(pid_of TestApp.HelloServer) &&
	>node.log &&
	rm go &&
	kill -KILL "$old" &&
	within_ms 1000 "! found" "gone" && found_nowhere &&
	query findObjectById4Any >any &&
	test_grep "\"inactiveEp\":\[\{.*\"port\":$hello_port[,}]" any &&
	test_grep ! "Activating -> Active" node.log
'

test_expect_success 'and back within a second of its first heartbeat' '
	>go &&
	wait_for 10 "grep -q \"Activating -> Active\" node.log" &&
	within_ms 1000 found "back" && found_everywhere &&
	tars call "$hello" greet "{\"name\": \"again\"}" &&
	test "$(pid_of TestApp.HelloServer)" != "$old"
'

test_expect_success 'five deaths, one after the other: routing is right at the end' '
	old=$(pid_of TestApp.HelloServer) &&
	cp "$B/examples/hello/HelloServer" quick-hello &&
	ctl undeploy TestApp.HelloServer &&
	stop_role node && start_node --start-limit 1000 &&
	ctl deploy TestApp.HelloServer --node n1 --exe "$PWD/quick-hello" --set x.y.1 \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $hello_port" &&
	for i in $(seq 5)
	do
		old=$(pid_of TestApp.HelloServer) &&
		kill -KILL "$old" &&
		wait_for 10 "is_back TestApp.HelloServer $old" || return 1
	done &&
	wait_for 5 found_everywhere &&
	wait_for 5 "pg_sql \"SELECT present_state, process_id FROM t_server_conf\" |
		grep -qx \"active|\$(pid_of TestApp.HelloServer)\""
'

test_expect_success 'kill -9 of the node: the service answers, look-ups never lose it' '
	old=$(pid_of TestApp.HelloServer) &&
	sample_lookups &&
	kill_role node &&
	tars call "$hello" greet "{\"name\": \"nodeless\"}" &&
	>node.log &&
	start_node &&
	wait_for 5 is_active &&
	end_samples &&
	test "$(pid_of TestApp.HelloServer)" = "$old" &&
	test_grep "found running, pid $old" node.log &&
	test "$(pids_of "$PWD/quick-hello")" = "$old"
'

test_expect_success 'and the new node watches it' '
	kill -KILL "$old" &&
	within_ms 2000 "! is_running $old && test \"\$(pid_of TestApp.HelloServer)\" != $old" \
		"noticed" &&
	wait_for 10 "is_back TestApp.HelloServer $old" &&
	wait_for 5 found_everywhere
'

test_expect_success 'node and service killed together: the next node starts it' '
	old=$(pid_of TestApp.HelloServer) &&
	kill_role node && kill -KILL "$old" &&
	wait_for 5 "! is_running $old" &&
	start_node &&
	wait_for 10 is_active &&
	wait_for 5 found_everywhere &&
	test "$(pids_of "$PWD/quick-hello" | wc -l)" = 1
'

test_done
