#!/usr/bin/env bash
test_description='manuallisten: the platform takes a service for active when it listens'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

test_expect_success 'registry and node start' '
	pg_use && pg_create node && start_registry && start_node --monitor 200ms
'

test_expect_success 'it is activating, and nobody is sent to it' '
	printf "<tars>\n<application>\n<server>\nmanuallisten=1\n</server>\n</application>\n</tars>\n" \
		>manual.conf &&
	port=$(free_port) && admin=$(free_port) &&
	ctl deploy T.ProbeServer --node n1 --type tars_cpp --exe "$B/t/probe-server" --no-start \
		--profile manual.conf --servant "PoolObj@tcp -h 127.0.0.1 -p $port" &&
	{ ctl start T.ProbeServer >start 2>&1 & } &&
	wait_for 30 "grep -rqs \"ProbeServer: ready\" n1" &&
	is_state T.ProbeServer Activating &&
	test -z "$(lookup T.ProbeServer.PoolObj)"
'

test_expect_success 'once it listens it is active, and found' '
	ctl send T.ProbeServer listen &&
	wait_for 30 "is_state T.ProbeServer Active" &&
	wait_for 30 "test \"\$(lookup T.ProbeServer.PoolObj)\" = \"127.0.0.1 $port\"" &&
	tars call T.ProbeServer.PoolObj work "{\"what\":\"echo\",\"number\":7}" >out &&
	test_grep "\"7\"" out
'

test_done
