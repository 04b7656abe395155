#!/usr/bin/env bash
test_description='RegistryObj: what nodes report, and what they get'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"

# node FUNC JSON: a call as a node makes it; the answer is in `out`.
node () {
	tars call "tars.tarsregistry.RegistryObj@tcp -h 127.0.0.1 -p $registry_port" "$@" >out
}

register () {
	node registerNode "{\"nodeName\":\"$1\",\"ni\":{\"nodeName\":\"$1\",\"nodeObj\":\"$2\",
		\"endpointIp\":\"\",\"endpointPort\":0,\"timeOut\":0,\"dataDir\":\"/d\",
		\"version\":\"9\"},\"li\":{\"avg1\":0.5,\"avg5\":1,\"avg15\":2}}"
}

answers () {
	test_grep "\"tars_ret\":$1[,}]" out
}

keep_alive () {
	node keepAlive "{\"nodeName\":\"$1\",\"load\":{\"avg1\":1.5,\"avg5\":1,\"avg15\":2}}"
}

node_row () {
	pg_sql "SELECT present_state FROM t_node_info WHERE node_name = '$1'"
}

# The order of arguments that nodes really use: node, application, server.
update_server () {
	node updateServer "{\"app\":\"$1\",\"serverName\":\"$2\",\"nodeName\":\"$3\",
		\"state\":{\"serverState\":$4,\"processId\":$5}}"
}

server_row () {
	pg_sql "SELECT present_state, process_id FROM t_server_conf
		WHERE application = 'App' AND server_name = 'Srv' AND node_name = 'n1'"
}

domain () {
	printf "<tars>\n<application>\n<server>\n$1\n</server>\n</application>\n</tars>\n"
}

rows="
INSERT INTO t_server_conf (application, server_name, node_name, setting_state, template_name,
	profile, exe_path, async_thread_num, enable_set, set_name, set_area, set_group)
VALUES ('App', 'Srv', 'n1', 'active', 'leaf', '$(domain own=1)', '/bin/x', 1, 'Y', 's', 'a', '1');
INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, servant, endpoint,
	queuecap)
VALUES ('App', 'Srv', 'n1', 'App.Srv.ObjAdapter', 'App.Srv.Obj', 'tcp -h 10.0.0.1 -p 1001', 77);
INSERT INTO t_profile_template (template_name, parents_name, profile)
VALUES ('root', '', '$(domain 'a=root\nb=root')'), ('leaf', 'root', '$(domain b=leaf)')"

test_expect_success 'start' '
	pg_use &&
	pg_create nodes &&
	pg_sql "$rows" &&
	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0
'

test_expect_success 'an unknown node has to register' '
	keep_alive n1 &&
	answers 1
'

test_expect_success 'registration and heartbeats are stored; the template stays' '
	register n1 "" && answers 0 &&
	pg_sql "UPDATE t_node_info SET template_name = \$\$leaf\$\$, last_heartbeat = NULL" &&
	register n1 "" && answers 0 &&
	wait_for 5 "keep_alive n1 && answers 0" &&
	wait_for 5 "test \"\$(pg_sql \"SELECT load_avg1 FROM t_node_info\")\" = 1.5" &&
	test "$(pg_sql "SELECT template_name FROM t_node_info")" = leaf
'

test_expect_success 'a second node of the same name: refused while the first one answers' '
	register twin "tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p $registry_port" && answers 0 &&
	register twin "tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p $registry_port" && answers 0 &&
	register twin "tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p 2" && answers 1 &&
	test_grep "wants to be node twin, but .* is and answers" registry.log
'

test_expect_success 'the same name again with another port: admitted when the first one is silent' '
	register moved "tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p 1" && answers 0 &&
	register moved "tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p 2" && answers 0 &&
	pg_sql "SELECT node_obj FROM t_node_info WHERE node_name = \$\$moved\$\$" >obj &&
	test_grep "p 2$" obj
'

test_expect_success 'updateServer: stored, and routed at once' '
	update_server n1 App Srv 2 4711 && answers 0 &&
	test "$(server_row)" = "active|4711" &&
	tars call "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port" findObjectById \
		"{\"id\":\"App.Srv.Obj\"}" >found &&
	test_grep "\"port\":1001" found
'

test_expect_success 'updateServer: unknown servers, unknown states, arguments in the order of the IDL' '
	update_server n1 App None 2 1 && answers -1 &&
	test_grep "App.None is not deployed on node n1" registry.log &&
	update_server n1 App Srv 9 1 && answers -1 &&
	update_server App Srv n1 0 0 && answers -1 &&
	test "$(server_row)" = "active|4711"
'

test_expect_success 'updateServerBatch writes what changed' '
	node updateServerBatch "{\"vState\":[
		{\"serverState\":2,\"processId\":1,\"nodeName\":\"n1\",\"application\":\"App\",
		 \"serverName\":\"Srv\"}]}" && answers 0 &&
	test "$(server_row)" = "active|4711" &&
	node updateServerBatch "{\"vState\":[
		{\"serverState\":0,\"processId\":0,\"nodeName\":\"n1\",\"application\":\"App\",
		 \"serverName\":\"Srv\"}]}" && answers 0 &&
	test "$(server_row)" = "inactive|0"
'

test_expect_success 'getServers: template chain, private profile, adapters, set, threads' '
	node getServers "{\"app\":\"\",\"serverName\":\"\",\"nodeName\":\"n1\"}" &&
	test_grep "a=root.n *b=leaf.n *own=1" out &&
	test_grep "\"setId\":\"s.a.1\"" out &&
	test_grep "\"asyncThreadNum\":3" out &&
	test_grep "\"queuecap\":77" out &&
	test_grep "\"exePath\":\"/bin/x\"" out
'

test_expect_success 'getServers: one bad profile does not keep the others from their node' '
	pg_sql "INSERT INTO t_server_conf (application, server_name, node_name, template_name, profile)
		VALUES (\$\$App\$\$, \$\$Bad\$\$, \$\$n1\$\$, \$\$leaf\$\$, \$\$<tars>\$\$)" &&
	node getServers "{\"app\":\"\",\"serverName\":\"\",\"nodeName\":\"n1\"}" &&
	test_grep "\"serverName\":\"Srv\"" out &&
	test_grep "\"serverName\":\"Bad\".*\"profile\":\"<tars>\"" out &&
	test_grep "private profile of App.Bad on node n1 cannot be read" registry.log
'

test_expect_success 'getNodeTemplate: the node has one of its own, else tars.tarsnode' '
	wait_for 5 "node getNodeTemplate \"{\\\"nodeName\\\":\\\"n1\\\"}\" && grep b=leaf out" &&
	node getNodeTemplate "{\"nodeName\":\"n9\"}" &&
	test_grep "monitorInterval" out
'

test_expect_success 'the small answers' '
	node getClientIp "{}" && test_grep "\"sClientIp\":\"127.0.0.1\"" out &&
	node getDockerRegistry "{}" && answers 0 &&
	node getFrameworkKey "{}" && answers 0 &&
	node reportVersion "{\"app\":\"App\",\"serverName\":\"Srv\",\"nodeName\":\"n1\",
		\"version\":\"4.5\"}" && answers 0 &&
	test "$(pg_sql "SELECT tars_version FROM t_server_conf WHERE server_name = \$\$Srv\$\$")" = 4.5
'

test_expect_success 'destroyNode: the node and its servers are inactive' '
	update_server n1 App Srv 2 4711 &&
	node destroyNode "{\"nodeName\":\"n1\"}" && answers 0 &&
	test "$(server_row)" = "inactive|0" &&
	test "$(node_row n1)" = inactive &&
	wait_for 5 "keep_alive n1 && answers 1"
'

test_expect_success 'a node without heartbeats is dead after its time, not before' '
	stop_role registry &&
	pg_sql "UPDATE t_node_info SET last_heartbeat = now() - interval \$\$1 h\$\$,
			present_state = \$\$active\$\$;
		UPDATE t_server_conf SET present_state = \$\$active\$\$" &&
	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0 --node-timeout 5s \
		--check-interval 50ms &&
	test "$(node_row n1)" = active &&
	wait_for 10 "keep_alive twin; test \"\$(node_row n1)\" = inactive" &&
	test "$(server_row)" = "inactive|0" &&
	test "$(node_row twin)" = active &&
	test_grep "node n1 sent no heartbeat" registry.log
'

test_expect_success 'it comes back: told to register, active again' '
	wait_for 5 "keep_alive n1 && answers 1" &&
	register n1 "" && answers 0 &&
	test "$(node_row n1)" = active
'

test_expect_success 'a name that is none: refused, and the other reports with it are stored' '
	update_server n1 App Srv 0 0 && answers 0 &&
	good="{\"serverState\":2,\"processId\":77,\"nodeName\":\"n1\",\"application\":\"App\",\"serverName\":\"Srv\"}" &&
	bad="{\"serverState\":2,\"processId\":1,\"nodeName\":\"n1\",\"application\":\"A\u0000b\",\"serverName\":\"Srv\"}" &&
	node updateServerBatch "{\"vState\":[$bad,$good]}" && answers -1 &&
	test "$(server_row)" = "active|77" &&
	test_must_fail node updateServer "{\"app\":\"n1\",\"serverName\":\"A\u0000b\",\"nodeName\":\"S\",
		\"state\":{\"serverState\":2,\"processId\":1}}" 2>err &&
	test_grep "is no name of a server or a node" err
'

test_done
