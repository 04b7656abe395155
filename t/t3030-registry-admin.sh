#!/usr/bin/env bash
test_description='AdminRegObj: lists, templates, groups, rows; what is not there says so'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"

admin () {
	tars call "tars.tarsAdminRegistry.AdminRegObj@tcp -h 127.0.0.1 -p $registry_port" "$@" >out
}

has () {
	test_grep "$1" out
}

rows="
INSERT INTO t_node_info (node_name, present_state, last_heartbeat)
VALUES ('n1', 'active', '2026-01-02 03:04:05'), ('n2', 'inactive', NULL);
INSERT INTO t_server_conf (application, server_name, node_name, setting_state, present_state,
	server_type, enable_set, set_name, set_area, set_group)
VALUES ('Ad', 'One', 'n1', 'active', 'active', 'tars_cpp', 'N', '', '', ''),
       ('Ad', 'One', 'n2', 'active', 'inactive', 'tars_go', 'Y', 's', 'a', '1'),
       ('Bd', 'Dns', 'n1', 'active', 'inactive', 'tars_dns', 'N', '', '', '');
INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name, servant, endpoint)
VALUES ('Ad', 'One', 'n1', 'a', 'Ad.One.A', 'tcp -h 10.0.0.1 -p 1'),
       ('Ad', 'One', 'n1', 'b', 'Ad.One.B', 'tcp -h 10.0.0.1 -p 2');
INSERT INTO t_profile_template (template_name, parents_name, profile)
VALUES ('root', 'root', E'<t>\na=1\nb=1\n</t>\n'), ('leaf', 'root', E'<t>\nb=2\n</t>\n'),
       ('bad', 'root', '<t>'), ('orphan', 'nobody', E'<t>\nc=3\n</t>\n'),
       ('loop1', 'loop2', ''), ('loop2', 'loop1', '');
INSERT INTO t_server_group_rule (group_id, group_name, ip_order, allow_ip_rule, denny_ip_rule)
VALUES (1, 'g1', 'allow_denny', '10.1.0.1|10.1.0.2|10.1.1.*', '10.1.1.9'),
       (2, 'g2', 'denny_allow', '10.2.0.*', '10.2.0.5'),
       (3, 'g3', 'allow_denny', '10.3.*.*', '10.3.0.7'),
       (4, 'g4', 'denny_allow', '10.4.0.1,10.4.0.2;10.4.0.3|10.4.0.4', '10.4.0.2'),
       (5, 'g5', 'denny_allow', '10.4.0.*', ''),
       (6, 'g6', 'allow_denny', 'node-a|node*', ''),
       (7, 'g7', 'denny_allow', '10.7.0.*|10.1.0.1', '10.7.0.*'),
       (8, 'g8', 'denny_allow', '10.8.*', ''),
       (9, 'g9', 'denny_allow', '*.*.*.*', '10.99.*.*')"

test_expect_success 'start' '
	pg_use &&
	pg_create admin &&
	pg_sql "$rows" &&
	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0
'

test_expect_success 'lists' '
	admin getAllApplicationNames && has "\"tars_ret\":\[\"Ad\",\"Bd\"\]" &&
	admin getAllNodeNames && has "\"tars_ret\":\[\"n1\"\]" &&
	admin getAllServerIds &&
	has "\[\[\"Ad.One_n1\",\"active\",\"active\",\"tars_cpp\"\],\[\"Ad.One_n2\",\"active\",\"inactive\",\"tars_go\"\],\[\"Bd.Dns_n1\",\"active\",\"inactive\",\"tars_dns\"\]\]" &&
	admin getServerTree && has "\"set_name\":\"s\",\"set_area\":\"a\",\"set_group\":\"1\"" &&
	admin getNodeList "{\"nodeNames\":[\"n1\",\"n2\",\"n9\"]}" &&
	has "\"n1\":\"\",\"n2\":\"\",\"n9\":\"\"" &&
	admin getServers && has "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port" &&
	admin hasServer "{\"application\":\"Ad\",\"serverName\":\"One\"}" && has "\"has\":true" &&
	admin hasServer "{\"application\":\"Ad\",\"serverName\":\"Two\"}" && has "\"has\":false" &&
	admin getClientIp && has "\"sClientIp\":\"127.0.0.1\"" &&
	admin getVersion && has "\"version\":\"[0-9.]+\""
'

test_expect_success 'templates: parents first, faults are named, loops end' '
	admin getProfileTemplate "{\"profileName\":\"leaf\"}" &&
	has "<t>.n  a=1.n  b=2.n</t>" && has "\(root:OK\)\(leaf:OK\)" &&
	admin getProfileTemplate "{\"profileName\":\"bad\"}" &&
	has "\"profileTemplate\":\"\".*\"\(bad:line 1: <t> is not closed" &&
	admin getProfileTemplate "{\"profileName\":\"orphan\"}" &&
	has "c=3" && has "\(nobody:template not found\)\(orphan:OK\)" &&
	admin getProfileTemplate "{\"profileName\":\"loop1\"}" && has "\(loop2:OK\)\(loop1:OK\)"
'

test_expect_success 'groups by the rules of the administration' '
	while read -r ip group; do
		admin getGroupId "{\"ip\":\"$ip\"}" && has "\"tars_ret\":$group," || return 1
	done <<-\EOF
	10.1.0.1 1
	10.1.0.3 9
	10.1.1.9 1
	10.2.0.5 9
	10.2.0.6 2
	10.3.0.7 3
	10.3.9.9 3
	10.4.0.1 4
	10.4.0.2 5
	10.4.0.5 5
	node-b 6
	10.7.0.1 9
	10.8.0.1 9
	10.8.x 8
	10.99.1.1 -1
	EOF
'

test_expect_success 'rows: insert once, replace when asked; flow' '
	server="{\"conf\":{\"application\":\"Nw\",\"serverName\":\"S\",\"nodeName\":\"n1\",
		\"exePath\":\"e\",\"profile\":\"leaf\"}" &&
	admin insertServerConf "$server,\"replace\":false}" && has ":0}" &&
	pg_sql "UPDATE t_server_conf SET profile = \$\$kept\$\$ WHERE application = \$\$Nw\$\$" &&
	admin insertServerConf "$server,\"replace\":false}" && has ":-1}" &&
	admin insertServerConf "$server,\"replace\":true}" && has ":0}" &&
	test "$(pg_sql "SELECT template_name, profile, enable_group FROM t_server_conf
		WHERE application = \$\$Nw\$\$")" = "leaf|kept|M" &&
	adapter="{\"sApplication\":\"Nw\",\"serverName\":\"S\",\"nodeName\":\"n1\",\"conf\":
		{\"adapterName\":\"x\",\"endpoint\":\"tcp -h 1.1.1.1 -p 1\",\"servant\":\"Nw.S.O\"}" &&
	admin insertAdapterConf "$adapter,\"replace\":false}" && has ":0}" &&
	admin insertAdapterConf "$adapter,\"replace\":false}" && has ":-1}" &&
	admin updateServerFlowState "{\"application\":\"Ad\",\"serverName\":\"One\",
		\"nodeList\":[\"n2\",\"n9\"],\"bActive\":false}" && has ":0}" &&
	admin updateServerFlowState "{\"application\":\"Ad\",\"serverName\":\"One\",
		\"nodeList\":[],\"bActive\":false}" && has ":-1}" &&
	echo "n1|active n2|inactive" >want &&
	pg_sql "SELECT node_name, flow_state FROM t_server_conf WHERE server_name = \$\$One\$\$
		ORDER BY 1" | tr "\n" " " | sed "s/ \$//" >got && echo >>got &&
	test_cmp want got
'

test_expect_success 'a tars_dns server has rows only: start and stop change them' '
	dns="{\"application\":\"Bd\",\"serverName\":\"Dns\",\"nodeName\":\"n1\"}" &&
	admin startServer "$dns" && has "\"tars_ret\":0" &&
	test "$(pg_sql "SELECT present_state, process_id FROM t_server_conf
		WHERE server_name = \$\$Dns\$\$")" = "active|-1" &&
	admin getServerState "$dns" && has "\"presentStateInNode\":\"active\"" &&
	admin stopServer "$dns" && has "\"tars_ret\":0" &&
	test "$(pg_sql "SELECT setting_state, present_state FROM t_server_conf
		WHERE server_name = \$\$Dns\$\$")" = "inactive|inactive"
'

test_expect_success 'commands for nodes that are not there say so' '
	one="{\"application\":\"Ad\",\"serverName\":\"One\",\"nodeName\":" &&
	admin loadServer "$one\"n2\"}" && has "node n2 sends no heartbeats: start .tars node. there" &&
	admin loadServer "$one\"n1\"}" && has "node n1 has no address for commands" &&
	admin loadServer "$one\"n9\"}" && has "node n9 is not registered" &&
	admin startServer "$one\"n9\"}" && has ":-1.*Ad.One is not deployed on node n9" &&
	admin pingNode "{\"name\":\"n9\"}" && has "false.*node n9 is not registered"
'

test_expect_success 'a function that is not there' '
	test_expect_code 1 tars call \
		"tars.tarsAdminRegistry.AdminRegObj@tcp -h 127.0.0.1 -p $registry_port" getTaskRsp \
		"{\"taskNo\":\"1\"}" 2>err &&
	test_grep "getTaskRsp.*-3" err
'

test_done
