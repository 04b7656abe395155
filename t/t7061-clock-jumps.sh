#!/usr/bin/env bash
test_description='the clocks of registry, node and service jump: nothing dies, nothing is lost'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-failure.sh"

is_plain_build || test_skip_all "sanitizers want to be preloaded themselves"

hello_port=$(free_port)

# clock NAME SECONDS: how far its clock is ahead
clock () {
	python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as f: f.write(struct.pack("=q", int(sys.argv[2])))' "$1.clock" "$2"
}

beat () {
	pg_sql "SELECT last_heartbeat FROM t_node_info"
}

# Two heartbeats of the node have come, and been written.
two_beats () {
	local before
	for _ in 1 2; do
		before=$(beat) && wait_for 20 "test \"\$(beat)\" != \"$before\"" || return
	done
}

all_is_well () {
	two_beats && found && test "$(pid_of TestApp.HelloServer)" = "$pid" &&
	tars call "$hello" greet "{\"name\": \"clock\"}" &&
	test "$(pg_sql "SELECT present_state FROM t_node_info")" = active
}

test_expect_success 'registry, node and service, each with a clock that can be moved' '
	${CC:-cc} -shared -fPIC -O1 -o clock-jump.so "$t_dir/helper/clock/clock-jump.c" &&
	for name in registry node; do
		head -c 8 /dev/zero >$name.clock || return 1
	done &&
	pg_use && pg_create clock &&
	on_host="env LD_PRELOAD=$PWD/clock-jump.so CLOCK_FILE=$PWD/registry.clock" \
		start_registry --node-timeout 10s --data "$PWD/data" &&
	on_host="env LD_PRELOAD=$PWD/clock-jump.so CLOCK_FILE=$PWD/node.clock" \
		start_node --heartbeat 300ms &&
	deploy_hello && wait_for 10 found &&
	pid=$(pid_of TestApp.HelloServer) && tr "\\0" "\\n" <"/proc/$pid/environ" >env &&
	test_grep "^LD_PRELOAD=.*clock-jump.so" env && sample_lookups && all_is_well
'

for jump in 3600 -3600 86400 -31536000 0; do
	test_expect_success "the node and its services are $jump s ahead" '
		clock node '$jump' && all_is_well
	'
done

for jump in 3600 -3600 86400 -31536000 0; do
	test_expect_success "the registry is $jump s ahead" '
		clock registry '$jump' && all_is_well
	'
done

test_expect_success 'no look-up missed it, no warning of a lost heartbeat, and orders work' '
	end_samples && test_grep ! "no heartbeat" registry.log &&
	clock registry 3600 && clock node -3600 &&
	ctl restart TestApp.HelloServer n1 && wait_for 10 "is_back TestApp.HelloServer $pid"
'

test_done
