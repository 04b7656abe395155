#!/usr/bin/env bash
test_description='AdminObj: the official commands, byte for byte, and those of the service'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-observe.sh"

# answers 'COMMAND' <<END: the whole answer, in the official frame.
answers () {
	cat >expect &&
	admin "$1" >actual &&
	test_cmp expect actual
}

# The table of our own command: its row about FUNCTION of SERVANT, as "calls failed codes".
function_row () {
	admin "tars.functions json" | sed -n 2p | cut -c5- | python3 -c '
import json, sys
for f in json.load(sys.stdin)["functions"]:
	if f["servant"] == sys.argv[1] and f["function"] == sys.argv[2]:
		print(f["calls"], f["failed"], f["codes"])' "$1" "$2"
}

test_expect_success 'help names everything, the service'\''s own commands too' '
	start_recorder &&
	start_observed notify="$notify" &&
	cat >names <<-\EOF &&
	echo
	refuse
	tars.bid
	tars.closecore
	tars.closecout
	tars.connection
	tars.connections
	tars.enabledaylog
	tars.endpoints
	tars.functions
	tars.help
	tars.loadconfig
	tars.loadproperty
	tars.loops
	tars.reloadlocator
	tars.reloadtls
	tars.report
	tars.requests
	tars.resource
	tars.setdyeing
	tars.setloglevel
	tars.viewbid
	tars.viewstatus
	tars.viewversion
	EOF
	{
		echo "[notify prefix object num:1]"
		printf "[1]:"
		sed "s/\$/\r/" names
		echo
	} >expect &&
	admin tars.help >actual &&
	test_cmp expect actual &&
	admin "tars.help -v" >actual &&
	test_grep "^echo  *TEXT: gives it back" actual &&
	test_grep "^tars.setdyeing  *KEY SERVANT" actual
'

test_expect_success 'an unknown command is answered with nothing' '
	answers nothing </dev/null &&
	answers tars.viewadminlog </dev/null &&
	answers "" </dev/null
'

test_expect_success 'blanks around a command do not matter' '
	version=$(tars --version | cut -d" " -f2) &&
	printf "[notify prefix object num:1]\n[1]:\$%s\$\n" "$version" >expect &&
	admin tars.viewversion >actual && test_cmp expect actual &&
	admin " \\t tars.viewversion \\r\\n" >actual && test_cmp expect actual
'

test_expect_success 'commands of the service: frames, several of one name, a refusal' '
	answers "echo a  b" <<-\EOF &&
	[notify servant object num:2]
	[1]:echo:a  b
	[2]:again
	EOF
	answers "refuse this" <<-\EOF
	[notify servant object num:2]
	[notify break.]
	not this
	EOF
'

test_expect_success 'a command of the service runs after the built-in one of its name' '
	answers "tars.setloglevel INFO" <<-\EOF
	[notify prefix object num:1]
	[1]:set log level [INFO] ok
	[notify servant object num:1]
	[1]:after INFO
	EOF
'

test_expect_success 'each command is told to the notification centre' '
	await_line reported "^reportNotifyInfo 0 .*\"eType\":0,\"sApp\":\"T\".*\"sServer\":\"Observed\",\"sMessage\":\"AdminServant::notify:tars.setloglevel INFO\"" &&
	await_line reported "\"sMessage\":\"restart\""
'

test_expect_success 'the log level outlives a restart, and wins over the configuration' '
	answers "tars.setloglevel LOUD" <<-\EOF &&
	[notify prefix object num:1]
	[1]:set log level [LOUD] error
	[notify servant object num:1]
	[1]:after LOUD
	EOF
	admin "tars.setloglevel warn" >/dev/null &&
	test_grep "^ *logLevel=WARN" Observed.tarsdat &&
	test_grep "^ *tarsversion=." Observed.tarsdat &&
	stop_service observed &&
	start_observed logLevel=DEBUG notify="$notify" &&
	admin tars.viewstatus >status &&
	test_grep "^LogLevel.loglevel.  *WARN\$" status &&
	await_line reported "\"sMessage\":\"stop\""
'

test_expect_success 'what an official SDK keeps in that file stays there' '
	stop_service observed &&
	cat >Observed.tarsdat <<-\EOF &&
	<cache>
	  tarsversion=3.0.22
	  logLevel=ERROR
	  <T.Other.Obj>
	    endpoint=tcp -h 1.2.3.4 -p 5
	  </T.Other.Obj>
	</cache>
	EOF
	start_observed &&
	admin tars.viewstatus >status &&
	test_grep "^LogLevel.loglevel.  *ERROR\$" status &&
	admin "tars.setloglevel DEBUG" >/dev/null &&
	test_grep "endpoint=tcp -h 1.2.3.4 -p 5" Observed.tarsdat &&
	test_grep "logLevel=DEBUG" Observed.tarsdat
'

test_expect_success 'status: configuration and adapters in the official layout' '
	admin tars.viewstatus >status &&
	sed -n 2p status | grep -qx "\[1\]:=\{100\}" &&
	sed -n 3p status | grep -qx "\[proxy config\]: *" &&
	test_grep "^sync-invoke-timeout          3000\$" status &&
	test_grep "^modulename                   T.Observed\$" status &&
	test_grep "^\[server config\]: *\$" status &&
	test_grep "^Application.app.             T\$" status &&
	test_grep "^name                         T.Observed.PoolObjAdapter\$" status &&
	test_grep "^servant                      T.Observed.PoolObj\$" status &&
	test_grep "^queuetimeout                 10000ms\$" status &&
	test_grep "^servant                      AdminObj\$" status &&
	admin tars.resource >resource &&
	test_grep "^recv-buffer-count            0\$" resource &&
	test "$(grep -c "^name " resource)" = 4
'

test_expect_success 'connections: official columns' '
	exec {client}<>"/dev/tcp/127.0.0.1/$observed_port" &&
	wait_for 5 "admin tars.connection >conns; grep -q \"InlineObjAdapter. .connections:1\" conns" &&
	test_grep "^conn-uid       ip:port                  last-time                timeout   recvBufferSize                sendBufferSize  " conns &&
	grep -A 2 "^\[adapter:T.Observed.InlineObjAdapter\]" conns | tail -n 1 >row &&
	test_grep "^[0-9]*  *127.0.0.1:[0-9]*  *20[0-9-]* [0-9:]*  *60  *0  *0 *\$" row &&
	printf "\0\0\1\0half" >&$client &&
	wait_for 5 "admin tars.connection | grep -q \" 60  *8  *0 *\$\"" &&
	exec {client}>&-
'

test_expect_success 'dyeing, core files, day logs' '
	printf "[notify prefix object num:1]\n[1]:DyeingKey=7\r\nDyeingServant=T.S.O\r\nDyeingInterface=f\r\n\n" >expect &&
	admin "tars.setdyeing 7 T.S.O f" >actual && test_cmp expect actual &&
	answers "tars.setdyeing 7" <<-\EOF &&
	[notify prefix object num:1]
	[1]:Invalid parameters.Should be: dyeingKey dyeingServant [dyeingInterface]
	EOF
	hard=$(prlimit --core --noheadings -o HARD -p "$observed_pid" | tr -d " ") &&
	{ test "$hard" != unlimited || hard=18446744073709551615; } &&
	admin "tars.closecore yes" >actual &&
	test_grep "^\[1\]:T.Observed.before set:cur:[0-9]*;max: $hard.after set cur:0;max: $hard\$" actual &&
	test "$(prlimit --core --noheadings -o SOFT -p "$observed_pid" | tr -d " ")" = 0 &&
	admin "tars.closecore no" >actual &&
	test_grep ".after set cur:$hard;max: $hard\$" actual &&
	answers "tars.enabledaylog local|x|false" <<-\EOF &&
	[notify prefix object num:1]
	[1]:set local x false ok
	EOF
	answers "tars.enabledaylog remote|true" <<-\EOF &&
	[notify prefix object num:1]
	[1]:set remote true ok
	EOF
	for wrong in local "local|maybe" "far|true" "local|a|b|true" ""; do
		answers "tars.enabledaylog $wrong" <<-\EOF || return 1
		[notify prefix object num:1]
		[notify break by server]:
		usage: tars.enabledaylog {remote|local}|[logname]|{true|false}
		EOF
	done
'

test_expect_success 'closecout takes effect at the next start' '
	answers "tars.closecout yes" <<-\EOF &&
	[notify prefix object num:1]
	[1]:set closeCout  [yes] ok
	EOF
	stop_service observed &&
	start_observed &&
	wait_for 5 "test \"\$(readlink /proc/$observed_pid/fd/2)\" = /dev/null" &&
	admin "tars.closecout no" >/dev/null &&
	stop_service observed &&
	start_observed &&
	admin tars.viewversion &&
	test "$(readlink "/proc/$observed_pid/fd/2")" != /dev/null
'

test_expect_success 'functions: calls, failures by code' '
	work Pool ok && work Pool ok && test_must_fail work Pool fail 7 &&
	test_must_fail work Pool fail -5 && work Inline ok && work Coro ok &&
	echo "4 2 7:1 -5:1" >expect &&
	wait_for 5 "function_row T.Observed.PoolObj work >actual; cmp -s expect actual" &&
	echo "1 0 " >expect &&
	wait_for 5 "function_row T.Observed.InlineObj work >actual; cmp -s expect actual" &&
	admin tars.functions >text &&
	test_grep "^\[1\]:servant  *function  *calls  *failed  *codes  *p50 ms  *p90 ms  *p99 ms  *max ms\$" text &&
	test_grep "^T.Observed.CoroObj  *work  *1  *0 " text
'

test_expect_success 'requests that are held: who, what, since when' '
	{ work Pool hold >held.out & held_pid=$!; } &&
	wait_for 5 "admin tars.requests | grep -q \"held *T.Observed.PoolObj *work *127.0.0.1:\"" &&
	admin "tars.connections json" | sed -n 2p | cut -c5- >json &&
	python3 -c "
import json, sys
c = [c for c in json.load(open(\"json\"))[\"connections\"] if c[\"adapter\"] != \"AdminAdapter\"]
assert len(c) == 1 and c[0][\"requests\"] == 1 and c[0][\"received\"] > 50, c
assert c[0][\"age_ms\"] >= 0 and c[0][\"peer\"].startswith(\"127.0.0.1:\"), c" &&
	admin tars.connections >actual &&
	test_grep "^[0-9]*  *T.Observed.*Adapter  *127.0.0.1:[0-9]*  *no  *[0-9.]*  *[0-9.]*  *1 " actual &&
	admin "tars.requests -o json" | sed -n 2p | cut -c5- >json &&
	python3 -c "
import json, sys
r = [r for r in json.load(open(\"json\"))[\"requests\"] if r[\"function\"] == \"work\"]
assert len(r) == 1 and r[0][\"state\"] == \"held\" and r[0][\"age_ms\"] > 0 and 0 < r[0][\"left_ms\"] <= 60000, r" &&
	tars call "T.Observed.PoolObj@tcp -h 127.0.0.1 -p $observed_port" release >actual &&
	echo "{\"tars_ret\":1}" >expect && test_cmp expect actual &&
	wait "$held_pid" &&
	test_grep "tars_ret\":7" held.out &&
	admin tars.requests >actual &&
	test_must_fail grep PoolObj actual
'

test_expect_success 'loops: a blocking inline handler shows as lag' '
	work Inline sleep 120 &&
	admin "tars.loops json" | sed -n 2p | cut -c5- >json &&
	python3 -c "
import json
l = json.load(open(\"json\"))[\"loops\"]
assert len(l) == 1 and l[0][\"lag_ms\"] >= 120 and l[0][\"state\"] == \"turning\", l" &&
	admin tars.loops >text &&
	test_grep "^\[1\]:loop  state  *lag ms  *busy ms  *turns  *requests" text
'

test_expect_success 'endpoints that were called: state, calls, failures' '
	me="T.Observed.PoolObj@tcp -h 127.0.0.1 -p $observed_port" &&
	nobody="T.Nobody.Obj@tcp -h 127.0.0.1 -p 1" &&
	work Coro call 0 "$me" && work Coro call 0 "$me" &&
	test_must_fail work Coro call 0 "$nobody" &&
	admin tars.endpoints >text &&
	test_grep "^T.Observed.PoolObj  *tcp 127.0.0.1:$observed_port  *usable  *1  *0  *2  *0  *0 " text &&
	test_grep "^T.Nobody.Obj  *tcp 127.0.0.1:1  *unreachable  *0  *0  *0  *0  *1 .*nothing listens there" text
'

test_expect_success 'two callers at once, one of them with a command without end' '
	long=$(head -c 70000 /dev/zero | tr "\0" x) &&
	echo "{\"command\":\"$long\"}" >long.json &&
	test_must_fail tars call "AdminObj@tcp -h 127.0.0.1 -p $observed_admin" notify @long.json 2>err &&
	test_grep "the command has 70000 bytes; 65536 are read" err &&
	for i in 1 2 3 4; do admin "echo $i" >out.$i & pids="$pids $!"; done &&
	wait $pids &&
	for i in 1 2 3 4; do test_grep "^\[1\]:echo:$i\$" out.$i || return 1; done
'

test_done
