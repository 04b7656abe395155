#!/usr/bin/env bash
test_description='call statistics: what StatObj hears of calls that a process made and served'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-observe.sh"
reports_wait

version=$(tars --version | cut -d' ' -f2)

# reported 'PYTHON': with lib-reports at hand; it must not raise.
reported () {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$t_dir python3 -c "
import importlib, json, os
r = importlib.import_module(\"lib-reports\")
port, version = int(\"$observed_port\"), \"$version\"
$1"
}

# Calls that were served, as one number: they are counted at the end of their turn.
served () {
	reported "
rows = r.stat(False)
print(sum(b[\"count\"] + b[\"execCount\"] for k, b in rows.items() if k[2] == \"$1\"))"
}

# Reports until StatObj has heard of so many calls of a function.
report_until () {
	wait_for 10 "admin tars.report >/dev/null; test \"\$(served $1)\" = $2"
}

test_expect_success 'calls that were served: by function and caller, good and bad' '
	start_recorder &&
	start_observed nodename=node-7 client.stat="$stat" &&
	work Pool ok && work Pool ok && work Coro ok && work Inline ok &&
	test_must_fail work Pool fail 7 && test_must_fail work Coro fail -5 &&
	report_until work 6 &&
	reported "
b = r.stat(False)[(\"stat_from_server\", \"T.Observed\", \"work\", \"127.0.0.1\", \"\", 0)]
assert b[\"count\"] == 4 and b[\"execCount\"] == 2 and b[\"timeoutCount\"] == 0, b
assert list(b[\"intervalCount\"]) == \"5 10 50 100 200 500 1000 2000 3000\".split(), b
assert sum(b[\"intervalCount\"].values()) == 6, b
# Reflection and management are calls, too.
assert (\"stat_from_server\", \"T.Observed\", \"tars_describe\", \"127.0.0.1\", \"\", 0) in r.stat(False)
kinds = {(kind, host) for kind, host, args in r.packets(\"reportMicMsg\")}
assert kinds == {(\"1\", \"node-7\")}, kinds
"
'

test_expect_success 'what was reported is not reported again' '
	before=$(served work) &&
	admin tars.report >/dev/null && admin tars.report >/dev/null &&
	test "$(served work)" = "$before"
'

test_expect_success 'calls that were made: by endpoint, and those that never got one' '
	: >reported &&
	me="tcp -h 127.0.0.1 -p $observed_port" &&
	work Coro call 0 "T.Observed.PoolObj@$me" &&
	work Coro call 0 "T.Observed.PoolObj@$me" &&
	test_must_fail work Coro call 0 "T.Nobody.Obj@tcp -h 127.0.0.1 -p 1" &&
	test_must_fail work Coro call 0 "T.Unknown.Obj" &&
	admin tars.report &&
	reported "
rows = r.stat(True)
me = \"T.Observed@\" + version
b = rows[(me, \"T.Observed\", \"work\", \"node-7\", \"127.0.0.1\", port)]
assert b[\"count\"] == 2 and b[\"execCount\"] == 0, b
b = rows[(me, \"T.Nobody\", \"work\", \"node-7\", \"127.0.0.1\", 1)]
assert b[\"count\"] == 0 and b[\"execCount\"] == 1 and b[\"intervalCount\"][\"5\"] == 1, b
b = rows[(me, \"T.Unknown\", \"work\", \"node-7\", \"\", 0)]
assert b[\"execCount\"] == 1, b
# The reports themselves are no calls.
assert not [k for k in rows if k[1].startswith(\"tars.tarsstat\")], rows
"
'

test_expect_success 'a call that times out is one at the caller' '
	stop_service observed &&
	: >reported &&
	start_observed nodename=node-7 client.stat="$stat" client.sync-invoke-timeout=1000 &&
	test_must_fail work Coro call_slow 0 "T.Observed.PoolObj@tcp -h 127.0.0.1 -p $observed_port" &&
	wait_for 10 "admin tars.report >/dev/null; test \"\$(served work)\" = 2" &&
	reported "
b = r.stat(True)[(\"T.Observed@\" + version, \"T.Observed\", \"work\", \"node-7\", \"127.0.0.1\", port)]
assert b[\"timeoutCount\"] == 1 and b[\"count\"] == 0 and b[\"execCount\"] == 0, b
assert b[\"intervalCount\"][\"5\"] == 1 and b[\"maxRspTime\"] == 0, b
"
'

test_expect_success 'times: in milliseconds, in the interval above' '
	: >reported &&
	work Pool sleep 220 &&
	report_until work 1 &&
	reported "
b = r.stat(False)[(\"stat_from_server\", \"T.Observed\", \"work\", \"127.0.0.1\", \"\", 0)]
assert b[\"maxRspTime\"] >= 220 and b[\"totalRspTime\"] == b[\"maxRspTime\"], b
assert b[\"intervalCount\"][\"200\"] == 0, b
"
'

test_expect_success 'one-way and TUP callers have names of their own' '
	: >reported &&
	tars call "T.Observed.PoolObj@tcp -h 127.0.0.1 -p $observed_port" work \
		"{\"what\":\"ok\",\"n\":0,\"object\":\"\"}" --oneway &&
	python3 - "$observed_port" <<-\END &&
	import socket, struct, sys
	servant, func = b"T.Observed.PoolObj", b"work"
	body = (b"\x10\x03" + b"\x2c" + b"\x3c" + b"\x40\x01" + b"\x56" + bytes([len(servant)]) + servant +
		b"\x66" + bytes([len(func)]) + func + b"\x7d\x00\x00\x03\x08\x0c\x0c"[:0] +
		b"\x7d\x00\x00\x02\x08\x0c" + b"\x8c\x98\x0c\xa8\x0c")
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	s.sendall(struct.pack(">I", len(body) + 4) + body)
	assert s.recv(4, socket.MSG_WAITALL)
	END
	report_until work 2 &&
	reported "
rows = {k[0]: b for k, b in r.stat(False).items() if k[2] == \"work\"}
assert rows[\"one_way_client\"][\"count\"] == 1, rows
# The empty TUP body lacks the arguments.
assert rows[\"tup_client\"][\"execCount\"] == 1, rows
"
'

test_expect_success 'with a set: names and parts' '
	stop_service observed &&
	: >reported &&
	start_observed nodename=node-7 client.stat="$stat" app.enableset=y app.setdivision=n.a.1 &&
	work Coro call 0 "T.Observed.PoolObj@tcp -h 127.0.0.1 -p $observed_port" &&
	report_until work 2 &&
	reported "
served = [k for k in r.stat(False) if k[2] == \"work\"]
assert {k[1] for k in served} == {\"T.Observed.na1\"}, served
made = [k for k in r.stat(True) if k[2] == \"work\"]
assert {(k[0], k[1]) for k in made} == {(\"T.Observed.na1@\" + version, \"T.Observed\")}, made
for kind, host, args in r.packets(\"reportMicMsg\"):
    for head in args[\"msg\"]:
        h = json.loads(head)
        parts = [h[\"slaveSetName\"], h[\"slaveSetArea\"], h[\"slaveSetID\"]]
        assert parts == ([\"\", \"\", \"\"] if args[\"bFromClient\"] else [\"n\", \"a\", \"1\"]), h
"
'

test_expect_success 'many rows go out in packets of at most 1400 bytes' '
	: >reported &&
	for i in $(seq 1 30); do
		work Coro call 0 "T.Server$i.Obj@tcp -h 127.0.0.1 -p 1" 2>/dev/null || :
	done &&
	admin tars.report &&
	reported "
sizes = [len(args[\"msg\"]) for kind, host, args in r.packets(\"reportMicMsg\") if args[\"bFromClient\"]]
assert sum(sizes) == 30 and len(sizes) >= 3 and max(sizes) <= 11, sizes
heads = [h for kind, host, args in r.packets(\"reportMicMsg\") if args[\"bFromClient\"] for h in args[\"msg\"]]
assert heads == sorted(heads, key=lambda h: json.loads(h)[\"slaveName\"]), heads
"
'

test_expect_success 'a report that is refused or cannot be delivered goes out with the next' '
	: >reported && : >refuse &&
	work Pool ok && admin tars.report >answer &&
	test_grep "stat: 0 rows in 1 packets, then: .*refused" answer &&
	kill_service recorder &&
	work Pool ok && admin tars.report >answer &&
	test_grep "stat: 0 rows in 1 packets, then: .*nothing listens there" answer &&
	rm refuse &&
	: >reported &&
	service=recorder start_service report-recorder --listen "127.0.0.1:$recorder_port" &&
	report_until work 2
'

test_expect_success 'the last calls are reported when the service ends' '
	: >reported &&
	work Pool ok && work Pool ok && work Pool ok &&
	stop_service observed &&
	test "$(served work)" = 3
'

test_expect_success 'an end is not held up by a server for statistics that is away' '
	start_observed client.stat="$stat" client.property="$property" &&
	work Pool ok &&
	kill -STOP "$recorder_pid" &&
	from=$SECONDS &&
	stop_service observed &&
	test $((SECONDS - from)) -lt 20 &&
	kill -CONT "$recorder_pid"
'

test_expect_success 'reports come by themselves, every report-interval' '
	: >reported && reports_wait_= &&
	start_observed client.stat="$stat" client.report-interval=1 &&
	work Pool ok &&
	wait_for 15 "test \"\$(served work)\" = 1" &&
	stop_service observed
'

test_expect_success 'a client without a service reports, too' '
	: >reported &&
	start_observed &&
	example-reports "T.Observed.PoolObj@tcp -h 127.0.0.1 -p $observed_port" "$stat" "$property" &&
	reported "
b = r.stat(True)[(\"Shop.Batch@\" + version, \"T.Observed\", \"work\", \"\", \"127.0.0.1\", port)]
assert b[\"count\"] == 5, b
assert r.properties() == [{\"answer.length\": {\"Avg\": \"42\", \"Max\": \"42\", \"Distr\": \"10|0,100|5,1000|0,max|0\"}}], r.properties()
"
'

test_done
