#!/usr/bin/env bash
test_description='official SDKs call each other, found through our registry'
. "$(dirname "$0")/../test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/interop/lib-interop.sh"

need_tools Go go
need_tools Node.js node npm

test_expect_success 'the peers are built' '
	build_sdk go && build_sdk node
'

test_expect_success 'registry, node and the servers start' '
	pg_use && pg_create interop &&
	start_registry && start_node --monitor 300ms --heartbeat 1s --sync 1s &&
	deploy_echo tars_go GoServer "$sdks/go/GoServer" &&
	deploy_node &&
	wait_for 10 "is_state Interop.GoServer Active" &&
	wait_for 10 "is_state Interop.NodeServer Active"
'

test_expect_success 'Go calls Node.js: every row' '
	every_row go Interop.NodeServer.EchoObj
'

test_expect_success 'Node.js calls Go: every row' '
	every_row node Interop.GoServer.EchoObj
'

test_done
