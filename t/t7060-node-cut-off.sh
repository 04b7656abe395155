#!/usr/bin/env bash
test_description='a node is cut off from the network and comes back: nothing that lives fails or restarts'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-fleet.sh"
. "$t_dir/lib-hosts.sh"

can_make_hosts || test_skip_all "network namespaces need root"

fleet=T.FleetServer.FleetObj

# deploy_on NODE ADDRESS
deploy_on () {
	ctl deploy T.FleetServer --node "$1" --exe "$(command -v fleet-server)" \
		"FleetObj@tcp -h $2 -p $service_port"
}

nodes_found () {
	test "$(lookup $fleet | cut -d' ' -f1 | sort | tr '\n' ' ')" = "$*"
}

test_expect_success 'a registry and a node here, another node on a host of its own' '
	pg_use && pg_create cut && make_host far &&
	registry_port=$(free_port) && service_port=$(free_port) && node_port=$(free_port) &&
	start_role registry --db "$pg_dsn" --listen "$far_gate:$registry_port" --node-timeout 3s \
		--check-interval 200ms --data "$PWD/data" &&
	locator="tars.tarsregistry.QueryObj@tcp -h $far_gate -p $registry_port" &&
	export TARS_LOCATOR="$locator" TARS_CALL_LOCATOR="$locator" &&
	start_role node --listen "$far_gate:$node_port" --name n1 --path "$PWD/n1" \
		--locator "$locator" --heartbeat 500ms --retry 200ms &&
	on_host=$(host far) role_name=distant start_role node --listen "$far_ip:$node_port" \
		--name n2 --path "$PWD/n1/far" --locator "$locator" --heartbeat 500ms --retry 200ms &&
	deploy_on n1 "$far_gate" && deploy_on n2 "$far_ip" &&
	wait_for 10 "nodes_found $far_gate $far_ip \"\""
'

# Idempotent calls that hang ask another endpoint too.
test_expect_success 'callers: here by name, there at its own service and its own node' '
	start_caller "$locator" &&
	tell proxy all $fleet timeout=20000 backup_ms=100 attempts=3 percent=100 burst=100000 &&
	tell start all 4 &&
	pid=$($(host far) tars call "tars.tarsnode.NodeObj@tcp -h $far_ip -p $node_port" getStateInfo \
		"{\"application\":\"T\",\"serverName\":\"FleetServer\"}" | grep -o "\"processId\":[0-9]*") &&
	rm -f there.end &&
	{
		until test -e there.end; do
			$(host far) tars call "$fleet@tcp -h $far_ip -p $service_port" name || echo failed
			$(host far) tars call "tars.tarsregistry.QueryObj@tcp -h $far_ip -p $node_port" \
				findObjectById "{\"id\": \"$fleet\"}" || echo failed
		done >there 2>&1 3>&- &
	} && there=$! && test_at_end ">there.end; wait $there || :" &&
	wait_for 20 "test \$(wc -l <there) -gt 20"
'

test_expect_success 'cut off: callers go elsewhere, the registry takes it out of routing' '
	cut_host far && before=$(tell loads) && lines=$(wc -l <there) &&
	wait_for 30 "nodes_found $far_gate \"\"" &&
	wait_for 20 "test \$(tell loads) -gt $((before + 500))" &&
	wait_for 20 "test \$(wc -l <there) -gt $((lines + 20))"
'

test_expect_success 'what is ordered meanwhile is refused, and says why' '
	test_expect_code 1 tars ctl restart T.FleetServer n2 2>err &&
	test_grep "node n2 sends no heartbeats: start .tars node. there" err
'

test_expect_success 'back: found again within seconds, the same process' '
	join_host far &&
	wait_for 20 "nodes_found $far_gate $far_ip \"\"" &&
	tars call "tars.tarsnode.NodeObj@tcp -h $far_ip -p $node_port" getStateInfo \
		"{\"application\":\"T\",\"serverName\":\"FleetServer\"}" >state &&
	test_grep "${pid}[,}]" state
'

test_expect_success 'no call failed, here or there' '
	tell stop && test "$(of failed)" = 0 &&
	>there.end && wait "$there" && test_grep ! failed there &&
	echo "# $(of ok) calls here, $(wc -l <there) there" >&3 &&
	stop_role distant
'

test_done
