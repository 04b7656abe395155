#!/usr/bin/env bash
test_description='where nodes are: IPv6, host names, several on one machine, machines with several addresses'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-hosts.sh"

hello=TestApp.HelloServer
exe=$B/examples/hello/HelloServer

# start_on HOST [LISTEN]: a registry there, whom all ask
start_on () {
	registry_port=$(free_port) &&
	export TARS_LOCATOR="tars.tarsregistry.QueryObj@tcp -h $1 -p $registry_port" &&
	start_role registry --db "$pg_dsn" --listen "${2:-$1}:$registry_port" --data "$PWD/data"
}

# node_on NAME LISTEN [OPTION...]
node_on () {
	role_name=$1 start_role node --name "$1" --listen "$2" --path "$PWD/$1" --locator "$TARS_LOCATOR" \
		--heartbeat 300ms --retry 100ms --metrics 300ms "${@:3}" &&
	wait_for 20 "ctl node ping $1 2>&1 | grep -q \"node $1 answers\""
}

# pid_at NODE: of the service there
pid_at () {
	ctl state $hello -o json | python3 -c "import json, sys
print([r[\"pid\"] for r in json.load(sys.stdin) if r[\"node\"] == \"$1\"][0])"
}

# is_another NODE PID
is_another () {
	local now
	now=$(pid_at "$1") && test "$now" -gt 0 && test "$now" != "$2"
}

# lives HOST NODE: a service there is deployed, called by name, restarted, killed, read and taken away.
lives () {
	local port pid
	port=$(free_port) &&
	ctl deploy $hello --node "$2" --exe "$exe" "HelloObj@tcp -h $1 -p $port" &&
	tars call $hello.HelloObj greet "{\"name\": \"a\"}" &&
	ctl iplist $hello.HelloObj >out && test_grep "tcp -h $1 -p $port" out &&
	ctl restart $hello "$2" && tars call $hello.HelloObj greet "{\"name\": \"b\"}" &&
	pid=$(pid_at "$2") && kill -9 "$pid" && wait_for 20 "is_another $2 $pid" &&
	wait_for 10 "tars call $hello.HelloObj greet \"{\\\"name\\\": \\\"c\\\"}\"" &&
	ctl send $hello tars.viewversion >out && test_grep "0.1.0" out &&
	ctl logs $hello $hello.log >out && test_grep "ready tcp .*$port" out &&
	ctl undeploy $hello "$2"
}

test_expect_success 'IPv6: registry, node and service on it' '
	pg_use && pg_create six && start_on ::1 "[::1]" && node_on n1 "[::1]:0" &&
	ctl node list -o wide >out && test_grep "tars.tarsnode.NodeObj@tcp -h ::1 -p " out &&
	lives ::1 n1
'

test_expect_success 'IPv6: a client that learns of changes, through its node' '
	port=$(free_port) && ctl deploy $hello --node n1 --exe "$exe" "HelloObj@tcp -h ::1 -p $port" &&
	local=$(sed -n "s/^[[:blank:]]*node=//p" n1/tarsnode/data/$hello/conf/$hello.config.conf) &&
	test_grep "tcp -h ::1 -p " n1/tarsnode/data/$hello/conf/$hello.config.conf &&
	tars call "tars.tarsregistry.QueryObj@${local#*@}" findObjectById "{\"id\": \"$hello.HelloObj\"}" >out &&
	test_grep "\"host\":\"::1\",\"port\":$port" out && ctl undeploy $hello n1
'

test_expect_success 'several nodes on one machine: each has its own servers' '
	node_on n2 "[::1]:0" &&
	one=$(free_port) && two=$(free_port) &&
	ctl deploy $hello --node n1 --exe "$exe" "HelloObj@tcp -h ::1 -p $one" &&
	ctl deploy $hello --node n2 --exe "$exe" "HelloObj@tcp -h ::1 -p $two" &&
	ctl iplist $hello.HelloObj >out && test_grep "p $one" out && test_grep "p $two" out &&
	ctl stop $hello n2 && ctl state $hello >out &&
	test_grep "$hello +n1 .*Active" out && test_grep "$hello +n2 .*Inactive" out &&
	ctl undeploy $hello n1 && ctl undeploy $hello n2
'

test_expect_success 'a second node with the same port or name: refused, and why' '
	taken=$(sed -n "s/.*registered as n1, .* -h ::1 -p \([0-9]*\) .*/\1/p" n1.log | head -1) &&
	test_expect_code 75 timeout 20 tars node --name n3 --listen "[::1]:$taken" --path "$PWD/n3" \
		--locator "$TARS_LOCATOR" 2>err && test_grep "$taken.*in use" err &&
	role_name=twin start_role node --name n1 --listen "[::1]:0" --path "$PWD/twin" --locator "$TARS_LOCATOR" \
		--retry 100ms &&
	wait_for 10 "grep -q \"another node called .n1. is active: give this one a name of its own\" twin.log" &&
	stop_role twin && stop_role n2
'

test_expect_success 'host names: what was said is what is stored, told and called' '
	stop_role n1 && stop_role registry && rm -rf n1 data && pg_create names &&
	start_on localhost && node_on n1 localhost:0 &&
	ctl node list -o wide >out && test_grep "tars.tarsnode.NodeObj@tcp -h localhost -p " out &&
	lives localhost n1
'

test_expect_success 'a host name that nobody knows: said, with the name' '
	port=$(free_port) &&
	test_must_fail ctl deploy $hello --node n1 --exe "$exe" \
		"HelloObj@tcp -h no-such-host.invalid -p $port" >out 2>&1 &&
	test_grep "no-such-host.invalid" out && ctl undeploy $hello n1 && stop_role n1 && stop_role registry
'

can_make_hosts || { echo "# skipped: hosts with several addresses need root" >&3; test_done; exit; }

is_told () {
	ctl node list n1 -o json | grep -q "\"addresses\":\"$1\""
}

test_expect_success 'a machine with several addresses: all are told, and what changes' '
	make_host far && ip -n "t$$far" link add two0 type veth peer name two1 &&
	ip -n "t$$far" addr add 10.78.0.1/24 dev two0 && ip -n "t$$far" link set two0 up && ip -n "t$$far" link set two1 up &&
	pg_create homes && start_on "$far_gate" 0.0.0.0 && rm -rf n1 &&
	on_host=$(host far) node_on n1 0.0.0.0:0 --advertise "$far_ip" &&
	ctl node list -o wide >out && test_grep "tars.tarsnode.NodeObj@tcp -h $far_ip -p " out &&
	wait_for 10 "is_told \".*$far_ip.*\"" && wait_for 10 "is_told \".*10.78.0.1.*\"" &&
	ip -n "t$$far" addr del 10.78.0.1/24 dev two0 && wait_for 10 "is_told $far_ip" &&
	ip -n "t$$far" addr add 2001:db8::7/64 dev two0 nodad &&
	wait_for 10 "is_told \".*2001:db8::7.*\""
'

test_expect_success 'bound to all addresses, found at the one that was advertised' '
	port=$(free_port) &&
	ctl deploy $hello --node n1 --exe "$exe" "HelloObj@tcp -h $far_ip -p $port" &&
	tars call $hello.HelloObj greet "{\"name\": \"far\"}" && ctl restart $hello n1 &&
	tars call $hello.HelloObj greet "{\"name\": \"far\"}" && ctl undeploy $hello n1
'

test_done
