#!/usr/bin/env bash
test_description='a node keeps all routing data: look-ups, changes, restarts of the registry'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

# ask PORT FUNC OBJ [FLAG...]: a look-up at the registry or the node on that port
ask () {
	tars call "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $1" "$2" "{\"id\": \"$3\"}" \
		"${@:4}"
}

# same FUNC OBJ: both answer the same
same () {
	ask "$registry_port" "$@" >of-registry && ask "$node_port" "$@" >of-node &&
	test_cmp of-registry of-node
}

in_step () {
	grep -q "routing data: .* servers as .* has them" node.log
}

# Rows as another operator's tool writes them: server N of application A, servant A.S<N>.Obj.
add_servers () {
	pg_sql "INSERT INTO t_server_conf (application, server_name, node_name, setting_state,
			present_state)
		SELECT 'A', 'S' || i, '10.0.0.' || k, 'active', 'active'
		FROM generate_series($1, $2) i, generate_series(1, 3) k;
		INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name,
			servant, endpoint)
		SELECT 'A', 'S' || i, '10.0.0.' || k, 'x', 'A.S' || i || '.Obj',
			'tcp -h 10.0.0.' || k || ' -p ' || (10000 + i)
		FROM generate_series($1, $2) i, generate_series(1, 3) k"
}

set_state () {
	pg_sql "UPDATE t_server_conf SET present_state = '$2' WHERE server_name = '$1'"
}

test_expect_success 'a node fetches what is there' '
	pg_use && pg_create mirror && add_servers 1 400 &&
	start_registry && start_node --retry 100ms &&
	wait_for 10 in_step &&
	same findObjectById4All A.S7.Obj &&
	test_grep "10.0.0.3" of-node &&
	same findObjectById A.S400.Obj &&
	same findObjectById4Any tars.tarsregistry.QueryObj &&
	same findObjectById4All A.None.Obj
'

test_expect_success 'changes reach it: a state, a new server, one that goes, groups, sets' '
	>node.log &&
	set_state S7 inactive &&
	wait_for 5 "ask $node_port findObjectById A.S7.Obj | grep -q \"\\[\\]\"" &&
	add_servers 401 401 &&
	wait_for 5 "ask $node_port findObjectById A.S401.Obj | grep -q 10401" &&
	pg_sql "DELETE FROM t_adapter_conf WHERE server_name = \$\$S9\$\$;
		DELETE FROM t_server_conf WHERE server_name = \$\$S9\$\$" &&
	wait_for 5 "ask $node_port findObjectById A.S9.Obj | grep -q \"\\[\\]\"" &&
	pg_sql "INSERT INTO t_server_group_rule (group_name, allow_ip_rule)
			VALUES (\$\$here\$\$, \$\$10.0.0.1\$\$);
		UPDATE t_server_conf SET enable_group = \$\$Y\$\$ WHERE server_name = \$\$S8\$\$" &&
	wait_for 5 "ask $registry_port findObjectByIdInSameGroup A.S8.Obj \
		--context node_name=10.0.0.1 >expect && ! grep -q \"10.0.0.2\" expect" &&
	wait_for 5 "ask $node_port findObjectByIdInSameGroup A.S8.Obj \
		--context node_name=10.0.0.1 | cmp - expect" &&
	same findObjectById4Any A.S8.Obj &&
	test_grep ! "routing data" node.log
'

test_expect_success 'who asks from this machine is in the group of its address' '
	pg_sql "UPDATE t_server_group_rule SET allow_ip_rule = \$\$10.9.9.9\$\$;
		UPDATE t_server_conf SET ip_group_name = \$\$here\$\$
			WHERE server_name = \$\$S8\$\$ AND node_name = \$\$10.0.0.2\$\$" &&
	other_port=$(free_port) &&
	role_name=other start_role node --listen "127.0.0.1:$other_port" --advertise 10.9.9.9 \
		--name n2 --path "$PWD/n2" --locator "$(registry_object_)" &&
	wait_for 5 "ask $other_port findObjectByIdInSameGroup A.S8.Obj >out &&
		grep -q 10.0.0.2 out && ! grep -q 10.0.0.1 out" &&
	stop_role other
'

test_expect_success 'the locator of services names the node before the registry' '
	ctl deploy T.Sleeper --type not_tars --node n1 --exe /bin/true --no-start \
		--servant "Obj@tcp -h 127.0.0.1 -p $(free_port)" &&
	order loadServer T.Sleeper &&
	conf=$(find n1 -name "T.Sleeper.config.conf") &&
	test_grep "locator=tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $node_port:tcp -h 127.0.0.1 -p $registry_port" \
		"$conf"
'

test_expect_success 'the registry is gone: look-ups go on, also in a new node' '
	>mark && set_state S12 inactive &&
	wait_for 5 "ask $node_port findObjectById A.S12.Obj | grep -q \"\\[\\]\"" &&
	kill_role registry &&
	ask "$node_port" findObjectById4All A.S10.Obj >before &&
	test_grep 10.0.0.3 before &&
	wait_for 10 "test n1/tarsnode/routing.snapshot -nt mark" &&
	stop_role node &&
	start_role node --listen "127.0.0.1:$node_port" --name n1 --path "$PWD/n1" \
		--locator "$(registry_object_)" --heartbeat 300ms --retry 100ms --log-level debug &&
	ask "$node_port" findObjectById4All A.S10.Obj >after &&
	test_cmp before after
'

test_expect_success 'and back with changes: only what differs is fetched' '
	set_state S11 inactive &&
	start_registry &&
	wait_for 10 "ask $node_port findObjectById A.S11.Obj | grep -q \"\\[\\]\"" &&
	same findObjectById4All A.S11.Obj &&
	wait_for 10 in_step &&
	fetched=$(sed -n "s/.* has them, \([0-9]*\) parts fetched.*/\1/p" node.log | tail -1) &&
	test "$fetched" -ge 1 && test "$fetched" -le 20
'

test_expect_success 'a registry that has not seen its database takes nothing away from nodes' '
	kill_role registry &&
	start_role registry --db "host=/nonexistent dbname=x" --listen "127.0.0.1:$registry_port" &&
	wait_for 10 "grep -q \"keep what you have\" node.log" &&
	ask "$node_port" findObjectById4All A.S10.Obj >after &&
	test_cmp before after
'

test_expect_success 'without its copy a node leaves look-ups to the registries' '
	kill_role registry && stop_role node && start_registry &&
	start_node --no-mirror &&
	test_must_fail ask "$node_port" findObjectById A.S10.Obj 2>err &&
	order loadServer T.Sleeper &&
	test_grep "locator=tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port" "$conf"
'

test_expect_success 'one that has nothing yet asks them' '
	stop_role node && rm n1/tarsnode/routing.snapshot && kill_role registry &&
	start_role registry --db "host=/nonexistent dbname=x" --listen "127.0.0.1:$registry_port" &&
	start_role node --listen "127.0.0.1:$node_port" --name n1 --path "$PWD/n1" \
		--locator "$(registry_object_)" --log-level debug &&
	ask "$node_port" findObjectById tars.tarsregistry.QueryObj >out &&
	test_grep "$registry_port" out
'

test_done
