#!/usr/bin/env bash
test_description='official servers under tars up: what they send from start to stop is taken'
. "$(dirname "$0")/../test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/interop/lib-interop.sh"

need_tools Go go
need_tools Node.js node npm

# What the Go SDK wrote of itself.
go_log=n1/app_log/Interop/GoServer/TLOG.log

# at_least N TEXT: the Go SDK wrote it so often
at_least () {
	test "$(grep -cF "$2" $go_log)" -ge "$1"
}

test_expect_success 'the peers are built' '
	build_sdk c && build_sdk go && build_sdk node
'

test_expect_success 'the whole platform starts in one process' '
	pg_use && pg_create interop &&
	start_role up --any-port --db "$pg_dsn" --path "$PWD/n1" &&
	registry_port=$up_port echo_node=127.0.0.1 &&
	export TARS_CTL_LOCATOR="$(registry_object_)" TARS_CALL_LOCATOR="$(registry_object_)"
'

test_expect_success 'a Go server that reports each second, and one of Node.js' '
	cat >profile <<-\END &&
	<tars>
	<application>
	<server>
	mainloopticker=1000
	statreportinterval=1000
	propertyreportinterval=1000
	</server>
	<client>
	refresh-endpoint-interval=1000
	</client>
	</application>
	</tars>
	END
	deploy_echo tars_go GoServer "$sdks/go/GoServer" --profile profile &&
	deploy_node &&
	wait_for 20 "tars ctl list Interop.GoServer | grep -q \" active  *active \"" &&
	wait_for 20 "tars ctl list Interop.NodeServer | grep -q \" active  *active \"" &&
	tars ctl list -o wide | grep -o "Server .*active  *[0-9]*" >before &&
	test "$(wc -l <before)" = 2
'

test_expect_success 'they are called by name' '
	"$sdks/c/client" Interop.GoServer.EchoObj --locator "$(registry_object_)" add big &&
	"$sdks/c/client" Interop.NodeServer.EchoObj --locator "$(registry_object_)" add big
'

test_expect_success 'heartbeats, look-ups and reports go on' '
	wait_for 10 "at_least 5 \"endpoint not change\"" &&
	wait_for 10 "at_least 20 \"recv msg success\"" &&
	tars ctl list -o wide | grep -o "Server .*active  *[0-9]*" >after &&
	test_cmp before after
'

# Objects whose roles are not built yet may say so.
test_expect_success 'neither side tells of an error' '
	test_grep ! " error " up.log &&
	test_grep ! "ERROR.*tars.tars(registry|node)" $go_log
'

test_expect_success 'told to stop they end, and the platform goes on' '
	tars ctl stop Interop.GoServer &&
	test_grep "grace shutdown all success" $go_log &&
	tars ctl stop Interop.NodeServer &&
	test_grep ! " error " up.log &&
	stop_role up
'

test_done
