#!/usr/bin/env bash
test_description='shielding of real servers: one hangs, dies, comes back; what operators see'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-fleet.sh"

test_expect_success 'three servers share the calls' '
	put_fleet_config bob.conf "$(test-tool free-port $$)" &&
	start_fleet ann && start_fleet bob bob.conf && start_fleet eve &&
	start_caller &&
	tell proxy p "$(fleet_obj ann bob eve)" timeout=2000 retry_ms=1000 &&
	tell call p 6 &&
	tell call p 30 &&
	test "$(of failed)" = 0 &&
	for name in ann bob eve
	do
		test "$(of $name)" = 10 || return 1
	done
'

# SIGSTOP: connections stay, and the kernel takes what comes.
test_expect_success 'one that hangs costs one call, the next ones go elsewhere' '
	tell proxy hung "$(fleet_obj ann bob eve)" timeout=2000 retry_ms=600000 &&
	tell call hung 6 &&
	kill -STOP "$bob_pid" &&
	tell call hung 60 &&
	test "$(of failed)" = 1 &&
	test_grep "no reply within 2000 ms" answer &&
	tell call hung 60 &&
	test "$(of failed)" = 0 &&
	test -z "$(of bob)"
'

test_expect_success 'every retry_ms one call finds out, and then it is back' '
	tell call p 6 &&
	kill -CONT "$bob_pid" &&
	wait_for 10 "tell call p | grep bob=1" &&
	tell call p 30 &&
	test "$(of failed)" = 0 &&
	test "$(of bob)" -ge 8
'

test_expect_success 'one that is killed and started again: no call fails but those under way' '
	tell start p 4 &&
	wait_for 10 "test \$(tell loads) -gt 100" &&
	kill_service bob &&
	wait_for 10 "test \$(tell loads) -gt 2000" &&
	tell stop &&
	test "$(of failed)" -le 4 &&
	tell start p 4 &&
	start_fleet bob bob.conf &&
	wait_for 30 "tell call p 9 | grep bob=" &&
	tell stop &&
	test "$(of failed)" = 0
'

test_expect_success 'all are gone: calls fail at once and say why; one that is back is found' '
	kill_service ann && kill_service bob && kill_service eve &&
	tell call p 3 &&
	tell call p 20 &&
	test "$(of failed)" = 20 &&
	test_grep "nothing listens there" answer &&
	start_fleet bob bob.conf &&
	tell call p 20 &&
	test "$(of bob)" = 20
'

# A service that calls others tells of their state.
test_expect_success 'AdminObj shows the state, the log tells of changes' '
	start_fleet ann &&
	put_fleet_config relay.conf 0 "local=tcp -h 127.0.0.1 -p 0 -t 10000" &&
	start_fleet relay relay.conf &&
	admin_port=$(admin_port_of relay) &&
	both=$(fleet_obj ann bob) &&
	kill -STOP "$bob_pid" &&
	through="{\"way\":[\"$both\"],\"spend_ms\":0}" &&
	# One of them goes to bob, and is over with its caller.
	for i in 1 2 3
	do
		tars call --timeout 2s "$(fleet_obj relay)" through "$through" || :
	done &&
	tars call "AdminObj@tcp -h 127.0.0.1 -p $admin_port" notify "{\"command\":\"tars.endpoints\"}" >out &&
	test_grep "$bob_port.*shielded" out &&
	test_grep "$ann_port.*usable" out &&
	test_grep "T.FleetServer.FleetObj: tcp 127.0.0.1:$bob_port gets no calls for 5000 ms: .*no reply within" \
		relay.log &&
	kill -CONT "$bob_pid" &&
	wait_for 20 "tars call \"$(fleet_obj relay)\" through '\''$through'\'' &&
		grep \"$bob_port gets calls again\" relay.log"
'

test_done
