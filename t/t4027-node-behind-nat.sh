#!/usr/bin/env bash
test_description='a node that nobody can connect to takes orders over its own connection'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-hosts.sh"

can_make_hosts || test_skip_all "network namespaces need root"

hello=TestApp.HelloServer

start_far_node () {
	on_host=$(host far) start_role node --listen "127.0.0.1:$node_port" --name n1 --path "$PWD/n1" \
		--locator "$locator" --heartbeat 500ms --retry 200ms &&
	wait_for 20 "tars ctl node ping n1 2>&1 | grep -q \"node n1 answers\""
}

start_far_registry () {
	start_role registry --db "$pg_dsn" --listen "$far_gate:$registry_port" --data "$PWD/data"
}

# has TEXT COMMAND...
has () {
	ctl "${@:2}" >out 2>&1
	test_grep "$1" out
}

test_expect_success 'a node on another host, whose port only that host can reach' '
	pg_use && pg_create nat && make_host far &&
	registry_port=$(free_port) && node_port=$(free_port) && service_port=$(free_port) &&
	locator="tars.tarsregistry.QueryObj@tcp -h $far_gate -p $registry_port" &&
	export TARS_LOCATOR="$locator" &&
	start_far_registry && start_far_node &&
	has "tcp -h 127.0.0.1 -p $node_port" node list -o wide &&
	test_expect_code 69 tars call "tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p $node_port" stopAllServers
'

test_expect_success 'deploy, stop, start, restart' '
	ctl deploy $hello --node n1 --exe "$B/examples/hello/HelloServer" \
		"HelloObj@tcp -h $far_ip -p $service_port" &&
	tars call $hello.HelloObj greet "{\"name\": \"far\"}" &&
	has "$hello is stopped" stop $hello && has "active" start $hello n1 &&
	has "active, pid" restart $hello && has "Active +[0-9]" state $hello
'

test_expect_success 'management commands, log files: all that a node can be asked' '
	has "0.1.0" send $hello tars.viewversion &&
	has "the service has no command .tars.nothing.; it has:" send $hello tars.nothing &&
	has "$hello.log" logs $hello && has "ready tcp" logs $hello $hello.log
'

test_expect_success 'consoles: the same by AdminRegObj' '
	admin="tars.tarsAdminRegistry.AdminRegObj@tcp -h $far_gate -p $registry_port" &&
	who="\"application\": \"TestApp\", \"serverName\": \"HelloServer\", \"nodeName\": \"n1\"" &&
	tars call "$admin" getServerState "{$who}" >out && test_grep "\"presentStateInNode\":\"Active\"" out &&
	tars call "$admin" pingNode "{\"name\": \"n1\"}" >out && test_grep "ping succ" out &&
	tars call "$admin" getNodeLoad "{$who, \"pid\": 0}" >out && test_grep "\"tars_ret\":0" out &&
	tars call "$admin" getLogFileList "{$who}" >out && test_grep "TestApp.HelloServer.log" out
'

test_expect_success 'the registry is killed: orders work again when it is back' '
	kill_role registry && start_far_registry &&
	wait_for 20 "tars ctl node ping n1 2>&1 | grep -q \"node n1 answers\"" &&
	has "is stopped" stop $hello
'

test_expect_success 'the node is killed: said at once; and it is back' '
	kill_role node && has "node n1" node ping n1 && test_grep ! "answers" out &&
	start_far_node && has "active, pid" start $hello && has "undeployed" undeploy $hello
'

test_done
