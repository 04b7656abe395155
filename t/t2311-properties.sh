#!/usr/bin/env bash
test_description='properties: what PropertyObj hears, of the service and of its adapters'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-observe.sh"
reports_wait

# reported 'PYTHON': with lib-reports at hand, and `last` = all properties of the last report.
reported () {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$t_dir python3 -c "
import importlib, json
r = importlib.import_module(\"lib-reports\")
last = {}
for p in r.properties():
    last.update(p)
$1"
}

# The report of this moment and no other is in ./reported then.
report_now () {
	: >reported &&
	admin tars.report >answer &&
	test_grep "^property: [0-9]* properties in [0-9]* packets\$" answer
}

values () {
	tars call "T.Observed.PoolObj@tcp -h 127.0.0.1 -p $observed_port" report \
		"{\"property\":\"$1\",\"values\":[$2]}" >/dev/null
}

test_expect_success 'six policies over three intervals' '
	start_recorder &&
	start_observed nodename=node-7 client.property="$property" &&
	values load 9,10,50,0 && report_now &&
	reported "
assert last[\"load\"] == {\"Sum\": \"69\", \"Avg\": \"17.25\", \"Min\": \"9\", \"Max\": \"50\", \"Count\": \"4\", \"Distr\": \"10|2,50|1,max|1\"}, last
" &&
	report_now &&
	reported "
assert last[\"load\"] == {\"Sum\": \"0\", \"Avg\": \"0\", \"Max\": \"0\", \"Count\": \"0\", \"Distr\": \"10|0,50|0,max|0\"}, last
" &&
	values load 1,2 && values load 4 && report_now &&
	reported "
assert last[\"load\"] == {\"Sum\": \"7\", \"Avg\": \"2.333333\", \"Min\": \"1\", \"Max\": \"4\", \"Count\": \"3\", \"Distr\": \"10|3,50|0,max|0\"}, last
"
'

test_expect_success 'heads, context and kind are the official ones' '
	reported "
assert {(kind, host) for kind, host, args in r.packets(\"reportPropMsg\")} == {(\"1\", \"node-7\")}
for kind, host, args in r.packets(\"reportPropMsg\"):
    for head in args[\"statmsg\"]:
        h = json.loads(head)
        assert h.pop(\"propertyName\")
        assert h == {\"moduleName\": \"T.Observed\", \"ip\": \"\", \"setName\": \"\", \"setArea\": \"\",
                     \"setID\": \"\", \"sContainer\": \"\", \"iPropertyVer\": 2}, h
"
'

test_expect_success 'a Max without values is -9999999 in the first interval only' '
	values other "" && report_now &&
	reported "assert last[\"other\"][\"Max\"] == \"-9999999\", last" &&
	report_now &&
	reported "assert last[\"other\"][\"Max\"] == \"0\", last"
'

test_expect_success 'adapters: queue, connections, time-outs, times in microseconds' '
	report_now &&
	work Pool ok && work Inline sleep 30 && work Coro ok &&
	wait_for 5 "report_now; reported \"
for name in (\\\"Pool\\\", \\\"Coro\\\", \\\"Inline\\\"):
    a = \\\"T.Observed.%sObjAdapter.\\\" % name
    assert list(last[a + \\\"queue\\\"]) == [\\\"Avg\\\"], last
    assert list(last[a + \\\"connectRate\\\"]) == [\\\"Avg\\\"], last
    assert last[a + \\\"timeoutNum\\\"] == {\\\"Sum\\\": \\\"0\\\"}, last
    assert [k for k in last[a + \\\"queueWaitTime\\\"] if k != \\\"Min\\\"] == [\\\"Avg\\\", \\\"Max\\\", \\\"Count\\\", \\\"Distr\\\"]
    assert last[a + \\\"servantHandleTime\\\"][\\\"Distr\\\"].startswith(\\\"5|0,10|\\\"), last
assert list(last[\\\"sendrspqueue\\\"]) == [\\\"Avg\\\"], last
\""
'

test_expect_success 'time of handlers: each request counts once, where it arrived' '
	report_now && report_now &&
	for mode in Pool Coro Inline; do work $mode sleep 30 || return 1; done &&
	: >reported &&
	for i in 1 2 3 4 5 6 7 8 9 10; do
		admin tars.report >/dev/null || return 1
	done &&
	reported "
count = slow = 0
for p in r.properties():
    for name, v in p.items():
        if name.endswith(\"InlineObjAdapter.servantHandleTime\"):
            count += int(v[\"Count\"])
            slow = max(slow, int(v[\"Max\"]))
# tars_describe of each call is one, too; all come through the last adapter.
assert count == 6, count
assert slow >= 30000, slow
"
'

test_expect_success 'requests that waited too long are counted' '
	stop_service observed &&
	observed_conf client.property="$property" |
		sed "s/^threads=2/threads=1/" >observed.conf &&
	service=observed start_service observe-service --config=observed.conf &&
	observed_admin=$(admin_port_of observed) &&
	pool="T.Observed.PoolObj@tcp -h 127.0.0.1 -p $observed_port" &&
	tars call "$pool" work "{\"what\":\"sleep\",\"n\":6000,\"object\":\"\"}" --oneway &&
	tars call "$pool" work "{\"what\":\"ok\",\"n\":0,\"object\":\"\"}" --oneway --timeout 1s &&
	wait_for 10 "report_now; reported \"assert last[\\\"T.Observed.InlineObjAdapter.timeoutNum\\\"] == {\\\"Sum\\\": \\\"1\\\"}, last\"" &&
	report_now &&
	reported "assert last[\"T.Observed.InlineObjAdapter.timeoutNum\"] == {\"Sum\": \"0\"}, last"
'

test_expect_success 'many properties go out in packets of at most 1400 bytes' '
	for i in $(seq 1 40); do values "load.$i" "$i" || return 1; done &&
	report_now &&
	reported "
sizes = [len(p) for p in r.properties()]
assert sum(sizes) >= 40 and max(sizes) <= 12 and len(sizes) >= 5, sizes
names = [n for p in r.properties() for n in p]
assert names == sorted(names), names
assert last[\"load.7\"][\"Sum\"] == \"7\", last
"
'

test_expect_success 'values that nobody took are gone, later ones are not' '
	values load 5 && kill_service recorder &&
	admin tars.report >answer &&
	test_grep "a failure: .*nothing listens there" answer &&
	: >reported &&
	service=recorder start_service report-recorder --listen "127.0.0.1:$recorder_port" &&
	values load 6 &&
	wait_for 10 "report_now; reported \"assert last[\\\"load\\\"][\\\"Sum\\\"] == \\\"6\\\", last\""
'

test_expect_success 'with a set; switched on while the service runs' '
	stop_service observed &&
	start_observed app.enableset=y app.setdivision=n.a.1 &&
	admin tars.report >answer &&
	test_grep "property: no object is configured" answer &&
	sed "s/^modulename=.*/&\nproperty=$property\nstat=$stat/" observed.conf >new.conf &&
	mv new.conf observed.conf &&
	admin tars.loadproperty >answer &&
	test_grep "^property=$property" answer &&
	values load 3 && work Pool ok && report_now &&
	reported "
assert last[\"load\"][\"Sum\"] == \"3\", last
for kind, host, args in r.packets(\"reportPropMsg\"):
    for head in args[\"statmsg\"]:
        h = json.loads(head)
        assert (h[\"moduleName\"], h[\"setName\"], h[\"setArea\"], h[\"setID\"]) == (\"T.Observed.na1\", \"n\", \"a\", \"1\"), h
assert r.stat(False), \"statistics, too\"
"
'

test_done
