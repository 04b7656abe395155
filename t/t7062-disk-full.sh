#!/usr/bin/env bash
test_description='the disk of a node and of the registry is full: what runs goes on, orders say why not'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-failure.sh"

hello_port=$(free_port)
other_port=$(free_port)

mkdir small
mount -t tmpfs -o size=24m,mode=755 tmpfs small 2>/dev/null ||
	test_skip_all "a small disk needs the right to mount one"
test_at_end 'umount -l "$PWD/small" 2>/dev/null || :'
ln -s small/n1 n1

fill () {
	dd if=/dev/zero of=small/fill bs=4k 2>/dev/null
	test "$(df --output=avail small | tail -1)" -eq 0
}

deploy_other () {
	ctl deploy TestApp.OtherServer --node n1 --type not_tars --exe "$B/examples/hello/HelloServer" \
		--start-script "$PWD/start.sh" "OtherObj@tcp -h 127.0.0.1 -p $other_port"
}

test_expect_success 'registry, node and service on a small disk' '
	printf "#!/bin/sh\nexec sleep 100000\n" >start.sh && chmod +x start.sh &&
	pg_use && pg_create full && mkdir small/n1 &&
	start_registry --data "$PWD/small/data" && start_node &&
	deploy_hello && wait_for 10 found && pid=$(pid_of TestApp.HelloServer) && sample_lookups
'

test_expect_success 'full: the service answers, look-ups go on' '
	fill && for i in $(seq 20); do
		tars call "$hello" greet "{\"name\": \"full\"}" >out || return 1
	done && found
'

test_expect_success 'a deployment says what is wrong, and harms nothing' '
	test_must_fail deploy_other 2>err && cat err &&
	test_grep "No space left on device" err &&
	test "$(pid_of TestApp.HelloServer)" = "$pid"
'

test_expect_success 'the node is killed: the next one finds the service, though it can write nothing' '
	kill_role node && start_node && wait_for 20 "is_state TestApp.HelloServer Active" &&
	test "$(pid_of TestApp.HelloServer)" = "$pid"
'

test_expect_success 'the service is killed: it is started again when there is room' '
	end_samples && kill -KILL "$pid" && rm small/fill &&
	wait_for 60 "is_back TestApp.HelloServer $pid" && wait_for 20 found
'

test_expect_success 'and what was refused works' '
	conf=n1/tarsnode/data/TestApp.HelloServer/conf/TestApp.HelloServer.config.conf &&
	test_grep "</tars>" $conf &&
	deploy_other && wait_for 20 "is_state TestApp.OtherServer Active" &&
	ctl undeploy TestApp.OtherServer && kill_role registry && start_registry --data "$PWD/small/data" &&
	wait_for 10 found
'

test_done
