#!/usr/bin/env bash
test_description='what a node tells its registry, compared with records of the official node'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-stand-in.sh"

facts=$t_dir/data/node-calls.tsv

log_path='${logpath}'

profile () {
	printf '%s\\n' '<tars>' '<application>' '<server>' 'app=${app}' 'server=${server}' \
		'localip=${localip}' 'local=${local}' 'basepath=${basepath}' 'datapath=${datapath}' \
		"logpath=$log_path" '</server>' '<client>' 'locator=${locator}' \
		'modulename=${modulename}' '</client>' '</application>' '</tars>'
}

# The description of our example service.
describe () {
	printf '{"tars_ret": [{"application": "TestApp", "serverName": "HelloServer", "nodeName": "n1",
	"basePath": "", "exePath": "%s", "settingState": "active", "presentState": "inactive",
	"profile": "%s", "patchVersion": "", "patchTime": "", "patchUser": "",
	"serverType": "tars_cpp", "asyncThreadNum": 3,
	"adapters": {"TestApp.HelloServer.HelloObjAdapter": {
	"adapterName": "TestApp.HelloServer.HelloObjAdapter", "threadNum": "2",
	"endpoint": "tcp -h 127.0.0.1 -p %s -t 60000", "maxConnections": 100, "allowIp": "",
	"servant": "TestApp.HelloServer.HelloObj", "queuecap": 100, "queuetimeout": 10000,
	"grid": 0}}}]}' \
		"$B/examples/hello/HelloServer" "$(profile)" "$hello_port"
}

# Calls from here on are of the next step.
step () {
	from=$(wc -l <calls)
}

told () {
	python3 "$t_dir/helper/node-calls.py" "$from" "$1" "$facts" >got &&
	awk -F"\t" -v s="$1" '$1 == s && $2 ~ /[=+]/ { print $3 }' "$facts" >want &&
	cmp -s want got
}

expect_calls () {
	wait_for 20 "told $1" || { test_cmp want got; false; }
}

hello_state () {
	state TestApp.HelloServer | cut -d' ' -f1
}

test_expect_success 'it registers until it may' '
	hello_port=$(free_port) && start_stand_in && registries "$registry_port" &&
	answer registerNode "{\"tars_ret\": 1}" && step &&
	node_port=$(free_port) &&
	start_role node --listen "127.0.0.1:$node_port" --name n1 --path "$PWD/n1" --no-mirror \
		--locator "$(registry_object_)" --log-level debug --heartbeat 300ms --sync 500ms \
		--retry 100ms &&
	expect_calls taken &&
	wait_for 10 "test \$(grep -c registerNode calls) -ge 3" &&
	test_grep "another node called .n1. is active" node.log
'

test_expect_success 'it asks for descriptions until it gets them' '
	answer getServers -99 && step && no_answer registerNode &&
	expect_calls unreadable &&
	wait_for 10 "test \$(grep -c getServers calls) -ge 3"
'

test_expect_success 'start: register, template, descriptions' '
	kill_role node && answer getServers "{\"tars_ret\": []}" && step &&
	start_node --no-mirror --heartbeat 300ms --sync 500ms --retry 100ms &&
	expect_calls start
'

test_expect_success 'a service is described, starts and serves' '
	step && answer getServers "$(describe)" && answer getServers.TestApp.HelloServer "$(describe)" &&
	expect_calls first && expect_calls version &&
	test "$(hello_state)" = Active
'

test_expect_success 'then heartbeats, and all states now and then' '
	step && expect_calls beats && expect_calls template && expect_calls described &&
	expect_calls states
'

test_expect_success 'a killed service is reported, complained of, and back' '
	pid=$(pid_of TestApp.HelloServer) && step && kill -KILL "$pid" &&
	expect_calls killed && expect_calls alarm &&
	is_back TestApp.HelloServer "$pid"
'

test_expect_success 'load asks for its description and its files' '
	answer ListConfig.TestApp.HelloServer "{\"vf\": [\"run.sh\", \"a.conf\", \"../x.sh\"]}" &&
	answer loadConfig.TestApp.HelloServer.run.sh "{\"tars_ret\": 0, \"config\": \"echo \${app}\"}" &&
	step && order loadServer TestApp.HelloServer >got && test_grep "^0 " got &&
	expect_calls load &&
	test "$(sh n1/tarsnode/data/TestApp.HelloServer/bin/run.sh)" = \
		"$(printf "TestApp\nend-run.sh")" &&
	test -z "$(find . -name a.conf -o -name x.sh)" &&
	test_grep "a file called .\.\./x.sh. for it: such a name is not written" node.log
'

test_expect_success 'a registry that has forgotten the node gets it again' '
	step && answer keepAlive "{\"tars_ret\": 1}" && expect_calls forgotten &&
	no_answer keepAlive
'

test_expect_success 'a state that is refused is told again' '
	answer updateServer "{\"tars_ret\": -1}" &&
	pid=$(pid_of TestApp.HelloServer) && step && kill -KILL "$pid" &&
	expect_calls refused && step && no_answer updateServer &&
	expect_calls away
'

test_expect_success 'while the registry fails a service is started all the same, and told later' '
	for f in registerNode getServers getServers.TestApp.HelloServer keepAlive updateServer \
			updateServerBatch getNodeTemplate; do answer "$f" -99 || return; done &&
	pid=$(pid_of TestApp.HelloServer) && kill -KILL "$pid" &&
	wait_for 20 "is_back TestApp.HelloServer $pid" && step &&
	for f in registerNode getServers keepAlive updateServer updateServerBatch getNodeTemplate
	do no_answer "$f" || return; done &&
	answer getServers "$(describe)" && answer getServers.TestApp.HelloServer "$(describe)" &&
	expect_calls away
'

test_expect_success 'from its cache as well, when it comes again meanwhile' '
	pid=$(pid_of TestApp.HelloServer) && kill_role node && kill -KILL "$pid" &&
	stop_service stand_in &&
	wait_for 10 "! is_running $pid" &&
	>node.log &&
	start_role node --listen "127.0.0.1:$node_port" --name n1 --path "$PWD/n1" --no-mirror \
		--locator "$(registry_object_)" --log-level debug --heartbeat 300ms --sync 500ms \
		--retry 100ms &&
	wait_for 20 "is_state TestApp.HelloServer Active" &&
	test_grep "the registry is away: 1 servers from" node.log &&
	step && start_stand_in && answer getServers "$(describe)" && expect_calls away
'

test_expect_success 'stop: two states' '
	wait_for 10 "grep -q \"registered as\" node.log" &&
	step && order stopServer TestApp.HelloServer >got && test_grep "^0 " got &&
	expect_calls stop
'

test_expect_success 'a server that is not deployed any more cannot be loaded' '
	answer getServers.TestApp.HelloServer "{\"tars_ret\": []}" &&
	step && order loadServer TestApp.HelloServer >got &&
	test_grep "^1003 .*is not deployed on node n1" got &&
	expect_calls undeployed
'

test_expect_success 'the template of the node holds, but for options that were given' '
	node_template=$(printf "%s\\\\n" "<tars>" "<node>" "<keepalive>" heartTimeout=46 \
		monitorInterval=99 synStatInterval=1 "</keepalive>" "</node>" "<app_conf>" \
		"<default>" ActivatorMaxCount=3 "</default>" "</app_conf>" "</tars>") &&
	answer getNodeTemplate "{\"profileTemplate\": \"$node_template\"}" &&
	wait_for 10 "grep -q \"template in the registry sets heart-timeout to 46\" node.log" &&
	test_grep "sets monitor to 10000 ms" node.log &&
	test_grep "sets start-limit to 3" node.log &&
	test_grep ! "sets sync" node.log
'

test_expect_success 'a relative logpath is no directory of the node' '
	log_path=logs &&
	answer getServers "$(describe)" && answer getServers.TestApp.HelloServer "$(describe)" &&
	order startServer TestApp.HelloServer >got && test_grep "^0 " got &&
	pid=$(pid_of TestApp.HelloServer) &&
	test "$(readlink "/proc/$pid/cwd")" = "$PWD/n1/tarsnode/data/TestApp.HelloServer" &&
	test ! -e logs
'

test_expect_success 'it ends without a word, and its services go on' '
	answer getServers.TestApp.HelloServer "$(describe)" &&
	order startServer TestApp.HelloServer >got &&
	pid=$(pid_of TestApp.HelloServer) && step && stop_role node &&
	is_running "$pid" &&
	told end &&
	test_grep ! "destroyNode" calls
'

test_done
