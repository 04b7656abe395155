#!/usr/bin/env bash
test_description='tars ctl: what it refuses and why, what it writes, lists and removes'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"

# A node that registers and then takes no commands: nothing listens on its port.
add_node () {
	tars call "tars.tarsregistry.RegistryObj@tcp -h 127.0.0.1 -p $registry_port" registerNode \
		"{\"nodeName\":\"$1\",\"ni\":{\"nodeName\":\"$1\",
		\"nodeObj\":\"tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p 1\",\"endpointIp\":\"\",
		\"endpointPort\":0,\"timeOut\":0,\"dataDir\":\"\"},
		\"li\":{\"avg1\":0,\"avg5\":0,\"avg15\":0}}" &&
	wait_for 5 "tars ctl node list | grep -q '^$1 '"
}

# refused STATUS TEXT ARG...: a deployment that is refused with this text and writes nothing.
refused () {
	local status=$1 text=$2
	shift 2
	pg_sql "SELECT * FROM t_server_conf" >before &&
	test_expect_code "$status" tars ctl deploy "$@" 2>err &&
	test_grep "^tars: ctl server deploy: $text" err &&
	pg_sql "SELECT * FROM t_server_conf" >after &&
	test_cmp before after
}

test_expect_success 'nothing listens: the endpoint and what failed' '
	test_expect_code 69 tars ctl list --locator "a.b.c@tcp -h 127.0.0.1 -p 1" 2>err &&
	test_grep "tars: ctl server list: .*CtlObj.serverList at tcp 127.0.0.1:1.*" err
'

test_expect_success 'wrong use' '
	test_expect_code 64 tars ctl 2>err &&
	test_expect_code 64 tars ctl lst 2>err &&
	test_grep "did you mean list\?" err &&
	test_expect_code 64 tars ctl start 2>err &&
	test_grep "^tars: ctl: server start: too few arguments: wants App.Server \[NODE\]" err &&
	test_expect_code 64 tars ctl server 2>err &&
	test_grep "server: say what to do: deploy, drain, events, exits, list," err &&
	test_expect_code 64 tars ctl node lst 2>err && test_grep "did you mean node list\?" err &&
	test_expect_code 64 tars ctl list --locator tars.tarsregistry.QueryObj 2>err &&
	test_grep "has no endpoint" err &&
	test_expect_code 64 tars ctl list --locator "x y@z" 2>err
'

test_expect_success 'start' '
	pg_use &&
	pg_create ctl &&
	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0 &&
	export TARS_LOCATOR="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port"
'

test_expect_success 'no node, one node, two nodes' '
	refused 1 "no node is there" App.Srv "Obj@tcp -h 10.0.0.1 -p 1001" &&
	add_node n1 &&
	test_expect_code 1 tars ctl deploy App.Srv "Obj@tcp -h 10.0.0.1 -p 1001" --no-start 2>err &&
	test_grep "App.Srv on node n1 is deployed, but not loaded: .*127.0.0.1:1" err &&
	add_node n2 &&
	refused 1 "several nodes are there, choose one with --node: n1, n2" App.Two \
		"Obj@tcp -h 10.0.0.1 -p 1002" &&
	refused 1 "node n3 is not registered; registered are: n1, n2" App.Two --node n3 \
		"Obj@tcp -h 10.0.0.1 -p 1002"
'

test_expect_success 'what was written' '
	echo "tars_c|tars.c.default|inactive|N" >want &&
	pg_sql "SELECT server_type, template_name, setting_state, enable_set FROM t_server_conf" >got &&
	test_cmp want got &&
	echo "App.Srv.ObjAdapter|5|tcp -h 10.0.0.1 -p 1001 -t 60000|100000|App.Srv.Obj|50000|20000|tars" >want &&
	pg_sql "SELECT adapter_name, thread_num, endpoint, max_connections, servant, queuecap,
		queuetimeout, protocol FROM t_adapter_conf" >got &&
	test_cmp want got
'

test_expect_success 'names, endpoints, types, sets' '
	refused 1 ".App. is not App.Server" App --node n1 &&
	refused 1 ".App.Srv.Obj. is not App.Server" App.Srv.Obj --node n1 &&
	refused 1 "application .A/B.: up to 128 letters, digits and any of ._. are allowed" A/B.Srv \
		--node n1 "Obj@tcp -h 10.0.0.1 -p 1002" &&
	refused 1 "server .S;rm.: up to" "App.S;rm" --node n1 "Obj@tcp -h 10.0.0.1 -p 1002" &&
	refused 1 "App.Two has no servant" App.Two --node n1 &&
	refused 64 ".Obj. is not a servant" App.Two --node n1 Obj &&
	refused 1 "servant Other.Two.Obj must begin with App.Two\." App.Two --node n1 \
		"Other.Two.Obj@tcp -h 10.0.0.1 -p 1002" &&
	refused 1 "servant App.Two.Obj: .*" App.Two --node n1 "Obj@http -h 10.0.0.1 -p 1002" &&
	refused 1 "servant App.Two.Obj: .* has no port" App.Two --node n1 "Obj@tcp -h 10.0.0.1 -p 0" &&
	refused 1 "servant App.Two.Obj: threads" App.Two --node n1 --threads 0 \
		"Obj@tcp -h 10.0.0.1 -p 1002" &&
	refused 1 "type .rust. is unknown: tars_c, " App.Two --node n1 --type rust \
		"Obj@tcp -h 10.0.0.1 -p 1002" &&
	refused 1 "set .a.b.: a set needs name, area and group" App.Two --node n1 --set a.b \
		"Obj@tcp -h 10.0.0.1 -p 1002" &&
	refused 1 "template none does not exist" App.Two --node n1 --template none \
		"Obj@tcp -h 10.0.0.1 -p 1002"
'

test_expect_success 'a profile that cannot be read' '
	echo "<tars>" >profile &&
	refused 1 "the profile: line 1: <tars> is not closed" App.Two --node n1 --profile profile \
		"Obj@tcp -h 10.0.0.1 -p 1002" &&
	refused 64 "profile missing: No such file" App.Two --node n1 --profile missing \
		"Obj@tcp -h 10.0.0.1 -p 1002"
'

test_expect_success 'ports: of another server on the node, twice in one, free on another host' '
	refused 1 "port 1001 on node n1 belongs to App.Srv: choose another for App.Two.Obj" App.Two \
		--node n1 "Obj@tcp -h 10.0.0.1 -p 1001" &&
	refused 1 "port 1001 on node n1 belongs to App.Srv" App.Two --node n1 \
		"Obj@tcp -h 0.0.0.0 -p 1001" &&
	refused 1 "servants App.Two.A and App.Two.B have the same port 1002" App.Two --node n1 \
		"A@tcp -h 10.0.0.1 -p 1002" "B@tcp -h 10.0.0.1 -p 1002" &&
	test_expect_code 1 tars ctl deploy App.Two --node n1 --no-start "A@tcp -h 10.0.0.2 -p 1001" \
		"B@udp -h 10.0.0.1 -p 1001" --servant "C@tcp -p 1003" 2>err &&
	test_grep "App.Two on node n1 is deployed" err &&
	echo "tcp -h 127.0.0.1 -p 1003 -t 60000" >want &&
	pg_sql "SELECT endpoint FROM t_adapter_conf WHERE servant = \$\$App.Two.C\$\$" >got &&
	test_cmp want got
'

test_expect_success 'deploying again replaces it as a whole' '
	test_expect_code 1 tars ctl deploy App.Two --node n1 --no-start --set a.b.1 --type not_tars --protocol not_tars \
		"D@tcp -h 10.0.0.2 -p 1005" &&
	echo "App.Two.D|not_tars" >want &&
	pg_sql "SELECT servant, protocol FROM t_adapter_conf WHERE server_name = \$\$Two\$\$" >got &&
	test_cmp want got &&
	echo "Y|a|b|1" >want &&
	pg_sql "SELECT enable_set, set_name, set_area, set_group FROM t_server_conf
		WHERE server_name = \$\$Two\$\$" >got &&
	test_cmp want got
'

test_expect_success 'list: an aligned table, filters, JSON' '
	cat >want <<-\EOF &&
	SERVER   NODE  TYPE      WANTED    STATE     FLOW    PID  ENDPOINTS
	App.Srv  n1    tars_c    inactive  inactive  active  0    App.Srv.Obj@tcp -h 10.0.0.1 -p 1001 -t 60000
	App.Two  n1    not_tars  inactive  inactive  active  0    App.Two.D@tcp -h 10.0.0.2 -p 1005 -t 60000
	EOF
	tars ctl list >got &&
	test_cmp want got &&
	tars ctl server list >got && test_cmp want got &&
	for filter in App.Two "*Two"; do
		tars ctl list "$filter" >got &&
		test_grep "^App.Two" got && test_grep ! "^App.Srv" got || return 1
	done &&
	tars ctl list n1 >got && test_grep "^App.Srv" got &&
	tars ctl list None >got && test $(wc -l <got) = 1 &&
	tars ctl list "App_Two" >got && test $(wc -l <got) = 1 &&
	tars ctl list App.Two -o json >got &&
	test_grep "^\[\{\"server\":\"App.Two\",\"node\":\"n1\",.*\"set\":\"a.b.1\"" got &&
	tars ctl list App.Two -o wide >got && test_grep "^SERVER .*VERSION  SET    TEMPLATE .*EXE" got &&
	test_expect_code 64 tars ctl list -o yaml 2>err && test_grep "is not one of table\|wide\|json" err
'

test_expect_success 'start and stop: the wish is stored, the answer says why nothing happened' '
	test_expect_code 1 tars ctl start App.Srv 2>err &&
	test_grep "start App.Srv on node n1: .*127.0.0.1:1" err &&
	test "$(pg_sql "SELECT setting_state FROM t_server_conf WHERE server_name = \$\$Srv\$\$")" = active &&
	test_expect_code 1 tars ctl stop App.Srv n1 2>err &&
	test_grep "stop App.Srv on node n1: " err &&
	test "$(pg_sql "SELECT setting_state FROM t_server_conf WHERE server_name = \$\$Srv\$\$")" = inactive &&
	test_expect_code 1 tars ctl restart App.None 2>err &&
	test_grep "App.None is not deployed \(tars ctl server list\)" err &&
	test_expect_code 1 tars ctl start App.Srv n2 2>err &&
	test_grep "App.Srv is not deployed on node n2" err
'

test_expect_success 'undeploy: not while its node is said to live but does not answer' '
	test_expect_code 1 tars ctl undeploy App.Srv 2>err &&
	test_grep "stop App.Srv on node n1: " err &&
	test "$(pg_sql "SELECT count(*) FROM t_server_conf")" = 2
'

test_expect_success 'undeploy of a server whose node is gone' '
	pg_sql "UPDATE t_node_info SET present_state = \$\$inactive\$\$ WHERE node_name = \$\$n1\$\$" &&
	wait_for 5 "tars ctl node list | grep -q \"^n1 *inactive\"" &&
	tars ctl undeploy App.Srv >out &&
	test_grep "App.Srv is undeployed from node n1 \(the node was not asked\)" out &&
	test "$(pg_sql "SELECT count(*) FROM t_server_conf WHERE server_name = \$\$Srv\$\$")" = 0 &&
	test "$(pg_sql "SELECT count(*) FROM t_adapter_conf WHERE server_name = \$\$Srv\$\$")" = 0
'

test_done
