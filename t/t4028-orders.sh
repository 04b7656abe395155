#!/usr/bin/env bash
test_description='orders to nodes: whose connection, whose answer, and what is too much'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

# register NODE ADDRESS: as a node does it.
register () {
	tars call "tars.tarsregistry.RegistryObj@tcp -h 127.0.0.1 -p $registry_port" registerNode "{
		\"nodeName\": \"$1\", \"ni\": {\"nodeName\": \"$1\", \"nodeObj\": \"$2\",
		\"endpointIp\": \"\", \"endpointPort\": 0, \"timeOut\": 0, \"dataDir\": \"/d\", \"version\": \"9\"},
		\"li\": {\"avg1\": 0.5, \"avg5\": 1, \"avg15\": 2}}"
}

# fake_node ANSWER-FROM NODE...: its lines are in `orders`.
fake_node () {
	rm -f stop orders && mkfifo stop &&
	{ python3 "$t_dir/helper/fake-node.py" "$registry_port" "$@" <stop >orders 2>&1 & fake_pid=$!; } &&
	exec 7>stop
}

end_fake_node () {
	exec 7>&- && wait "$fake_pid"
}

# shutdown NODE: an order whose answer is a text.
shutdown () {
	tars call "tars.tarsAdminRegistry.AdminRegObj@tcp -h 127.0.0.1 -p $registry_port" \
		--timeout 60s shutdownNode "{\"name\": \"$1\"}" >out 2>&1
}

test_expect_success 'a registry that knows three nodes, one of them real' '
	pg_use && pg_create orders && start_registry --platform-timeout 1h --command-timeout 3s &&
	start_node --name n1 &&
	address="tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p $node_port -t 60000" &&
	register n2 "$address" && register n3 "$address" &&
	wait_for 10 "ctl node list | grep -q n3"
'

test_expect_success 'only a registered name takes orders' '
	fake_node same nobody n2 n3 && wait_for 10 "grep -q \"reported n3\" orders" &&
	test_grep "refused nobody" orders && test_grep "reported n2" orders &&
	test_must_fail tars call \
		"tars.tarsAdminRegistry.AdminRegObj@tcp -h 127.0.0.1 -p $registry_port" reportNode \
		"{\"rn\": {\"nodeName\": \"nobody\", \"sid\": \"x\"}}" 2>err &&
	test_grep "node nobody is not registered .tars ctl node list." err
'

test_expect_success 'two nodes behind one connection: each gets its orders' '
	shutdown n2 && test_grep done out && shutdown n3 && test_grep done out &&
	test "$(grep -c "^shutdown 127.0.0.1" orders)" = 2
'

test_expect_success 'the connection is gone: both are called at their addresses' '
	end_fake_node && ctl node ping n2 >out && test_grep "node n2 answers" out &&
	ctl node ping n3 >out && test_grep "node n3 answers" out
'

test_expect_success 'another host cannot answer for a node' '
	fake_node 127.0.0.2 n2 && wait_for 10 "grep -q \"reported n2\" orders" &&
	shutdown n2 && test_grep "no answer to shutdown within" out && end_fake_node &&
	fake_node 127.0.0.1 n2 && wait_for 10 "grep -q \"reported n2\" orders" &&
	shutdown n2 && test_grep done out && end_fake_node
'

test_expect_success 'orders beyond a thousand under way are refused at once, with a text' '
	hello_port=$(free_port) && deploy_hello && pid=$(pid_of TestApp.HelloServer) &&
	admin_port=$(free_port) &&
	pg_sql "INSERT INTO t_registry_info (locator_id, servant, endpoint, last_heartbeat, present_state)
		VALUES (\$\$127.0.0.1:$admin_port\$\$, \$\$tars.tarsAdminRegistry.AdminRegObj\$\$,
			\$\$tcp -h 127.0.0.1 -p $admin_port -t 60000\$\$, now(), \$\$active\$\$)" &&
	kill -STOP "$pid" &&
	python3 "$t_dir/helper/push-flood.py" "$admin_port" TestApp HelloServer 1200 >out &&
	kill -CONT "$pid" && test_grep "^refused 200: .*busy: 1000 orders are under way" out &&
	test_grep "orders: notifyServer is refused: the node is busy" node.log
'

test_done
