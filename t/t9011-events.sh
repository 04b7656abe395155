#!/usr/bin/env bash
test_description='events: what became of servers and nodes, and why; kept within bounds'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

hello=TestApp.HelloServer
hello_port=$(free_port)

# has TEXT [FILTER]: there is such an event, maybe soon
has () {
	wait_for 20 "tars ctl events \"${2:-$hello}\" --last 200 >out 2>&1 && grep -qE \"$1\" out"
}

# insert ID FROM COMMAND [AGE]
insert () {
	pg_sql "INSERT INTO t_server_notifys (id, node_name, thread_id, command, notifytime)
		OVERRIDING SYSTEM VALUE
		VALUES ($1, \$\$n8\$\$, \$\$$2\$\$, \$\$$3\$\$, now() - interval \$\$${4:-0 s}\$\$)"
}

count () {
	pg_sql "SELECT count(*) FROM t_server_notifys WHERE node_name = \$\$n8\$\$"
}

test_expect_success 'a node joins, a server starts' '
	pg_use && pg_create events &&
	start_registry --node-timeout 2s --check-interval 100ms &&
	start_node --heartbeat 200ms --monitor 100ms &&
	export TARS_LOCATOR="$(registry_object_)" &&
	has "^20.* n1 +registry +.normal. joined: .*tcp -h 127.0.0.1 -p $node_port.*, version 0" n1 &&
	deploy_hello && pid=$(pid_of $hello) &&
	has "^20.* $hello +n1 +node +.normal. active, pid $pid\$"
'

test_expect_success 'it is killed, and started again: the signal, the new process' '
	kill -KILL "$pid" && wait_for 20 "is_back $hello $pid" && pid=$(pid_of $hello) &&
	has " node +.alarm. .*killed by signal 9 \(Killed\) after [0-9.]+ s" &&
	has " node +.(alarm|normal). active, pid $pid"
'

test_expect_success 'it is stopped: no alarm' '
	ctl stop $hello && has " node +.normal. stopped: exit status 0 after" &&
	test "$(grep -c "alarm" out)" -le 3 && ctl start $hello &&
	has "active, pid $(pid_of $hello)\$"
'

test_expect_success 'it keeps silent: what the node says of it' '
	printf "<tars>\n<application>\n<server>\nhearttimeout=1\n</server>\n</application>\n</tars>\n" \
		>profile &&
	deploy_hello --profile "$PWD/profile" && ctl restart $hello && pid=$(pid_of $hello) &&
	kill -STOP "$pid" &&
	has " node +.alarm. .*zombie: no keepAlive for [0-9]+ s from"
'

test_expect_success 'events are in the order in which they came' '
	tars ctl events $hello --last 200 >out && sed 1d out >rows &&
	cut -c1-19 rows >times && sort times >sorted && test_cmp sorted times &&
	test "$(grep -nE "active, pid" rows | head -n 1 | cut -d: -f1)" -lt \
		"$(grep -nE "killed by signal 9" rows | head -n 1 | cut -d: -f1)"
'

test_expect_success 'a node is lost, is back, and says goodbye' '
	kill_role node &&
	has "^20.* n1 +registry +.alarm. lost: no heartbeat for 2 s; its servers are out of" n1 &&
	start_node --heartbeat 200ms && has " registry +.normal. is back" n1 &&
	tars call tars.tarsregistry.RegistryObj destroyNode "{\"nodeName\": \"n1\"}" &&
	has " registry +.normal. left: it was stopped" n1 &&
	stop_role node
'

test_expect_success 'a cause is text: what could not be stored is not in it, and harms no other' '
	tars call tars.tarsregistry.RegistryObj updateServer \
		"{\"app\": \"n1\", \"serverName\": \"TestApp\", \"nodeName\": \"HelloServer\",
		  \"state\": {\"serverState\": \"Inactive\", \"processId\": 0, \"exState\":
			{\"cause\": \"a\\u0000b\\u001bc; DROP TABLE x\", \"alarm\": \"\"}}}" >answer &&
	test_grep "\"tars_ret\":0" answer && has "alarm. down: a.b.c; DROP TABLE x"
'

test_expect_success 'bounded: by age, and states of servers by number; what people did stays' '
	insert 5000001 node old-state && insert 5000002 127.0.0.1:7 what-someone-did &&
	insert 5000003 127.0.0.1:7 long-ago "31 days 1 min" && insert 6000002 node young-state &&
	kill_role registry && start_registry --check-interval 50ms --node-timeout 1h &&
	wait_for 20 "test \"\$(count)\" = 2" &&
	tars ctl events n8 >out && test_grep "what-someone-did" out && test_grep "young-state" out
'

test_done
