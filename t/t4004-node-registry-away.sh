#!/usr/bin/env bash
test_description='a node whose registry is away, from the start or later'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

hello=TestApp.HelloServer.HelloObj
hello_port=$(free_port)

# start_node without waiting for the registry.
start_alone () {
	start_role node --listen "127.0.0.1:$node_port" --name n1 --path "$PWD/n1" \
		--locator "$(registry_object_)" --retry 200ms "$@"
}

# What the database says.
known_pid () {
	pg_sql "SELECT process_id FROM t_server_conf WHERE server_name = 'HelloServer'"
}

test_expect_success 'registry, node and a service' '
	pg_use && pg_create node &&
	start_registry && start_node --heartbeat 500ms --retry 200ms &&
	deploy_hello
'

test_expect_success 'a deployment is known to the node without its registry at once' '
	wait_for 5 "grep -q HelloServer n1/tarsnode/servers.cache"
'

test_expect_success 'a service that dies meanwhile is started again' '
	kill_role registry &&
	old=$(pid_of TestApp.HelloServer) &&
	kill -KILL "$old" &&
	wait_for 10 "is_back TestApp.HelloServer $old" &&
	new=$(pid_of TestApp.HelloServer)
'

test_expect_success 'the registry comes back: the node registers and its states are there' '
	wait_for 5 "grep -q \"warn node: .*Connection refused\" node.log" &&
	>node.log &&
	start_registry &&
	wait_for 5 "registered" &&
	wait_for 5 "lookup $hello | grep -q 127.0.0.1" &&
	wait_for 5 "test \"\$(known_pid)\" = $new"
'

test_expect_success 'a node without registry knows its servers and takes them over' '
	kill_role node && kill_role registry &&
	start_alone &&
	wait_for 5 "is_state TestApp.HelloServer Active" &&
	test "$(pid_of TestApp.HelloServer)" = "$new" &&
	test_grep "the registry is away: 1 servers from .*servers.cache" node.log
'

test_expect_success 'and starts those that do not run, with the configuration they had' '
	conf=n1/tarsnode/data/TestApp.HelloServer/conf/TestApp.HelloServer.config.conf &&
	cp "$conf" before &&
	kill_role node && kill -KILL "$new" &&
	wait_for 5 "! is_running $new" &&
	start_alone &&
	wait_for 10 "is_state TestApp.HelloServer Active" &&
	test_cmp before "$conf"
'

test_expect_success 'orders work without the registry' '
	order stopServer TestApp.HelloServer >out &&
	test_grep "^0 " out &&
	order startServer TestApp.HelloServer >out &&
	test_grep "^0 " out
'

test_expect_success 'a damaged cache is no reason to fall over' '
	kill_role node &&
	head -c 40 n1/tarsnode/servers.cache >cut && cp cut n1/tarsnode/servers.cache &&
	>node.log &&
	start_alone &&
	wait_for 5 "grep -q \"cache of the descriptions\" node.log" &&
	start_registry &&
	wait_for 10 "is_state TestApp.HelloServer Active"
'

test_expect_success 'a second node of the same name is refused, and told why' '
	role_name=twin start_role node --listen 127.0.0.1:0 --name n1 --path "$PWD/n2" \
		--locator "$(registry_object_)" &&
	wait_for 5 "grep -q \"another node called .n1. is active: give this one a name\" twin.log" &&
	stop_role twin
'

test_expect_success 'a node without a name is called as the registry sees it' '
	role_name=nameless start_role node --listen 127.0.0.1:0 --path "$PWD/n3" \
		--locator "$(registry_object_)" &&
	wait_for 5 "grep -q \"registered as 127.0.0.1, \" nameless.log" &&
	stop_role nameless
'

test_done
