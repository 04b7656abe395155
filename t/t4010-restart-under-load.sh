#!/usr/bin/env bash
test_description='one of two servers is restarted or stopped by tars ctl while a client calls: no call is lost'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-fleet.sh"

# A second node, of the same registry.  Both are ended, with their services, at the end.
start_second_node () {
	role_name=second start_role node --listen 127.0.0.1:0 --name n2 --path "$PWD/n2" \
		--locator "$(registry_object_)" --log-level debug &&
	wait_for 10 "grep -q 'registered as n2' second.log"
}
test_at_end 'test -z "${second_pid:-}" || kill_role second
	for p in n2/tarsnode/data/*/bin/tars_start.sh.pid; do kill -KILL "$(cat "$p")"; done || :'

# deploy_fleet NODE PORT PORT PORT
deploy_fleet () {
	ctl deploy T.FleetServer --node "$1" --exe "$(command -v fleet-server)" \
		"FleetObj@tcp -h 127.0.0.1 -p $2" "CoroObj@tcp -h 127.0.0.1 -p $3" \
		"InlineObj@tcp -h 127.0.0.1 -p $4"
}

modes="FleetObj CoroObj InlineObj"

# takes_part NODE: calls of every run mode reach it.
takes_part () {
	local mode
	for mode in $modes; do
		tell call "$mode" 10 >/dev/null && test -n "$(of "$1")" || return
	done
}

pid_on () {
	ctl list -o json "$1" | grep -o "\"pid\": *[0-9]*" | grep -o "[0-9]*\$"
}

is_back_on () {
	local pid
	pid=$(pid_on "$1") && test "$pid" -gt 1 && test "$pid" != "$2"
}

# goes_away NODE: and none of them.
goes_away () {
	local mode
	for mode in $modes; do
		tell call "$mode" 10 >/dev/null && test -z "$(of "$1")" || return
	done
}

test_expect_success 'two nodes with one server each, of three servants: POOL, CORO, INLINE' '
	pg_use && pg_create drain &&
	start_registry && start_node && start_second_node &&
	deploy_fleet n1 $(free_port) $(free_port) $(free_port) &&
	deploy_fleet n2 $(free_port) $(free_port) $(free_port) &&
	for mode in $modes; do
		wait_for 20 "test \$(lookup T.FleetServer.$mode | wc -l) = 2" || return 1
	done
'

test_expect_success 'a client that finds them by name calls all the time' '
	start_caller "$(registry_object_)" &&
	for mode in $modes; do
		tell proxy $mode T.FleetServer.$mode timeout=60000 retry_ms=20 || return 1
	done &&
	tell start FleetObj,CoroObj,InlineObj 6 &&
	wait_for 20 "takes_part n1 && takes_part n2"
'

test_expect_success 'tars ctl restart, one after the other: no call fails' '
	for round in 1 2; do
		for node in n1 n2; do
			calls=$(tell loads) &&
			ctl restart T.FleetServer $node &&
			wait_for 60 "takes_part n1 && takes_part n2" &&
			test "$(tell loads)" -gt "$calls" || return 1
		done
	done
'

test_expect_success 'tars ctl stop and start: no call fails' '
	for node in n1 n2; do
		ctl stop T.FleetServer $node &&
		wait_for 20 "goes_away $node" &&
		ctl start T.FleetServer $node &&
		wait_for 60 "takes_part n1 && takes_part n2" || return 1
	done
'

# What an operator or a system does past the platform: the node starts it again.
test_expect_success 'SIGTERM to the process itself: no call fails, and it is back' '
	for node in n1 n2; do
		old=$(pid_on $node) && test "$old" -gt 1 && kill -TERM "$old" &&
		wait_for 60 "is_back_on $node $old && takes_part n1 && takes_part n2" || return 1
	done
'

test_expect_success 'all were answered, by both' '
	tell stop &&
	test "$(of failed)" = 0 &&
	test "$(of n1)" -gt 100 && test "$(of n2)" -gt 100
'

test_done
