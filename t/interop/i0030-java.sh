#!/usr/bin/env bash
test_description='the official Java SDK: run by our node, calling and called'
. "$(dirname "$0")/../test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/interop/lib-interop.sh"

need_tools Java java javac mvn python3

server=Interop.JavaServer
object=$server.EchoObj
n1=$PWD/n1/tarsnode/data/$server
log=$PWD/n1/app_log/Interop/JavaServer/$server.log

# rows SDK OBJECT LOCATOR: all rows of its client are ok but those of standard input.
rows () {
	grep . | sort >expect
	timeout 60 "$sdks/$1/client" "$2" --locator "$3" >rows
	cat rows
	keep_rows "$1" "$2" rows || return
	grep -v "^ok " rows | sort >got
	test_cmp expect got && test "$(wc -l <rows)" -ge 15
}

calls_back () {
	"$sdks/c/client" $object --locator "$(registry_object_)" add
}

test_expect_success 'the peers are built' '
	build_sdk c && build_sdk java
'

test_expect_success 'registry and node start' '
	pg_use && pg_create interop &&
	start_registry && start_node --monitor 300ms --heartbeat 1s --sync 1s
'

test_expect_success 'deployed as tars_java, in the official layout, it starts and heartbeats' '
	mkdir -p "$n1/bin" && cp -r "$sdks/java/server/." "$n1/bin" &&
	cat >profile <<-\END &&
	<tars>
	<application>
	<server>
	mainclass=com.qq.tars.server.startup.Main
	jvmparams=-Xms64m -Xmx512m -XX:+UseSerialGC
	</server>
	</application>
	</tars>
	END
	ctl deploy $server --node n1 --type tars_java --profile profile \
		--servant "EchoObj@tcp -h 127.0.0.1 -p $(free_port) -t 60000" &&
	is_state $server Active &&
	test_grep "^ *loglevel=" "$n1/conf/$server.config.conf"
'

# It heartbeats before it listens, and answers -4 until it is initialized: SDK 1.7.3.
test_expect_success 'our client finds it by name' '
	wait_for 10 calls_back
'

test_expect_success 'the registry knows its state and the version of its SDK' '
	wait_for 10 "ctl list $server -o json >list && grep -q \"\\\"version\\\":\\\"1.7.3\\\"\" list" &&
	test_grep "\"state\":\"active\"" list
'

# Defects of SDK 1.7.3, which is the newest that can be had: it reads an absent member as 0 or null,
# not as its default; its replies in TARS have no context; it reads the context of a request as GBK:
# "h\303\251llo" is two Chinese letters to it.
test_expect_success 'our client: every row' '
	rows c $object "$(registry_object_)" <<-\END
	not ok all-defaults: '\''dflts'\'' came back changed
	not ok context: an entry is missing or changed
	not ok reply-context: the reply has no context '\''seen'\''
	END
'

test_expect_success 'killed, it is started again and found' '
	pid=$(pid_of $server) &&
	kill -KILL "$pid" &&
	wait_for 10 "is_back $server $pid" &&
	wait_for 10 calls_back
'

test_expect_success 'its client finds it by name: every row' '
	rows java $object "$(registry_object_)" <<-\END
	not ok context: it saw {first=1, second=h?llo, empty=}
	END
'

test_expect_success 'its client finds our server through the mirror of the node: every row' '
	deploy_echo tars_c CServer "$sdks/c/CServer" &&
	wait_for 10 "is_state Interop.CServer Active" &&
	rows java Interop.CServer.EchoObj \
		"tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $node_port" <<-\END
	not ok all-defaults: '\''i8'\'' came back changed
	not ok all-smallest: '\''leaves'\'' came back changed
	not ok all-zeros: '\''label'\'' came back changed
	END
'

test_expect_success 'an exception of its is code -10' '
	test_must_fail tars call $object fail "{\"code\":0}" --context throw=1 \
		--idl "$t_dir/interop/Interop.tars" --locator "$(registry_object_)" 2>err &&
	test_grep "\\(-10\\)" err
'

test_expect_success 'management commands are answered as the SDK does' '
	for command in tars.viewversion "tars.setloglevel INFO" tars.connection \
		"tars.loadconfig none.conf" tars.nothing
	do
		ctl send $server "$command" || return
	done >got &&
	cat got &&
	test_grep "^1.7.3$" got &&
	test_grep "^set log level \[INFO\] ok" got &&
	test_grep "^\[adater:${object}Adapter\] \[connections:100000\]" got &&
	test_grep "^execute exception: tars.tarsconfig.ConfigObj" got &&
	test_grep "^invalid command" got
'

test_expect_success 'AdminObj.shutdown ends it, in time' '
	pid=$(pid_of $server) &&
	ctl stop $server &&
	is_state $server Inactive &&
	! is_running "$pid" &&
	test_grep "^$server is stopped" "$log" &&
	test_grep "Deactivating -> Inactive \(exited: stopped\)" node.log &&
	test_grep ! "$server.*SIG(TERM|KILL)" node.log
'

# It cannot report to what is not deployed here, and says so.
test_expect_success 'nobody tells of other errors' '
	grep " ERROR " "$log" |
		sed -E "/tars\.tars(notify|stat|property|config)|RemoteNotify|none\.conf/d" >errors &&
	test_cmp /dev/null errors &&
	test_grep ! " error " registry.log &&
	test_grep ! " error " node.log
'

test_done
