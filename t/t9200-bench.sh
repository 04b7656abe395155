#!/usr/bin/env bash
test_description='tars bench: open and closed loop, counters, drawn values, failures, comparisons'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-fleet.sh"
. "$t_dir/lib-certs.sh"

start_service probe-server --listen 127.0.0.1:0 || exit 1
at="tcp -h 127.0.0.1 -p $service_port"
probe="T.ProbeServer.InlineObj@$at"

work () {
	tars call "$probe" work "{\"what\":\"$1\",\"number\":${2:-0}}"
}

runs () {
	work counts | sed "s/.*runs=\([0-9]*\).*/\1/"
}

# bench WHAT NUMBER [OPTIONS]: a short run, its result in ./json
bench () {
	tars bench --warm-up 0 --output json "${@:3}" "$probe" work \
		"{\"what\":\"$1\",\"number\":$2}" >json 2>progress
}

# value EXPRESSION [FILE]: of the result r, in Python
value () {
	python3 -c "import json, sys; r = json.load(open(sys.argv[1])); q = r['latency_us']; print($1)" \
		"${2:-json}"
}

holds () {
	test "$(value "bool($1)" "${2:-json}")" = True ||
		{ echo "not so: $1"; head -c 3000 "${2:-json}"; return 1; }
}

test_expect_success 'closed loop: its counts are the server'\''s, to a call' '
	before=$(runs) &&
	bench echo 7 -d 1s -c 8 --inflight 4 --threads 2 &&
	after=$(runs) &&
	holds "r[\"calls\"] == $after - $before" &&
	holds "r[\"loop\"] == \"closed\" and r[\"calls\"] == r[\"ok\"] == r[\"codes\"][\"0\"]" &&
	holds "r[\"failed\"] == 0 and r[\"broken\"] == 0 and r[\"late\"] == 0" &&
	holds "0 <= r[\"calls\"] - r[\"calls_per_s\"] * r[\"seconds\"] <= 0.02 * r[\"calls\"]" &&
	holds "sum(n for _, n in r[\"histogram_us\"]) == r[\"calls\"]"
'

test_expect_success 'open loop: the rate that was asked for, within 2 % of the server'\''s counter' '
	before=$(runs) &&
	bench echo 7 -d 3s -c 4 -r 300 &&
	after=$(runs) &&
	holds "r[\"loop\"] == \"open\" and r[\"calls\"] == $after - $before" &&
	holds "abs(r[\"calls\"] + r[\"overdue\"] - 300 * r[\"seconds\"]) <= 0.02 * 300 * r[\"seconds\"]" &&
	test "$(grep -c "calls/s" progress)" = 3
'

test_expect_success 'latencies are in order, sizes are those of the packets' '
	holds "q[\"min\"] <= q[\"p50\"] <= q[\"p90\"] <= q[\"p99\"] <= q[\"p99.9\"] <= q[\"max\"]" &&
	holds "0 < q[\"min\"] <= q[\"mean\"] <= q[\"max\"]" &&
	holds "40 < r[\"request_bytes\"] < 90 and 15 < r[\"response_bytes\"] < 60"
'

# One call holds the server up for a second: it delays all that were due meanwhile.
test_expect_success 'no coordinated omission: a pause shows in all calls that it held up' '
	rm -f progress && { bench echo 7 -d 4s -c 4 -r 200 -i 100ms & } && bench_pid=$! &&
	wait_for 30 "test 0\$(grep -c calls/s progress) -ge 3" &&
	work pause 1000 >out &&
	wait "$bench_pid" &&
	holds "r[\"ok\"] + r[\"overdue\"] >= 0.98 * 200 * r[\"seconds\"]" &&
	holds "q[\"max\"] > 900e3" &&
	holds "q[\"p90\"] > 250e3" &&
	holds "sum(n for us, n in r[\"histogram_us\"] if us > 500e3) >= 80"
'

test_expect_success 'a text that is drawn: numbers of a range, one of several' '
	start_fleet one &&
	fleet_bench () { tars bench --warm-up 0 -d 500ms "$@" "T.FleetServer.FleetObj@tcp -h 127.0.0.1 -p $one_port"; } &&
	count () { fleet one get "{\"counter\":\"$1\"}"  | tr -dc "0-9"; } &&
	fleet_bench --output json -r 400 --func add \
		--data "{\"counter\":\"[red, green,blue]\",\"n\":\"[1-3]\"}" >json &&
	n=$(value "r[\"calls\"]") && test "$n" -gt 100 &&
	red=$(count red) green=$(count green) blue=$(count blue) &&
	sum=$((red + green + blue)) &&
	test "$red" -gt 0 && test "$green" -gt 0 && test "$blue" -gt 0 &&
	test "$sum" -gt "$n" && test "$sum" -lt $((3 * n))
'

test_expect_success '--literal: they are texts' '
	fleet_bench --output json -r 100 --literal --func add --data "{\"counter\":\"[a,b]\",\"n\":1}" >json &&
	test "$(count "[a,b]")" = "$(value "r[\"calls\"]")"
'

test_expect_success '--cases: each line in turn' '
	cat >cases <<-\END &&
	# two of x for one of y
	add {"counter":"x","n":1}
	{"counter":"y","n":1}

	add {"counter":"x","n":1}
	END
	fleet_bench --output json -c 1 --cases cases --func add >json &&
	x=$(count x) y=$(count y) &&
	test $((x + y)) = "$(value "r[\"calls\"]")" &&
	test $((x - 2 * y)) -ge -2 && test $((x - 2 * y)) -le 2 &&
	echo "{\"counter\":\"x\"}" >>cases && test_expect_code 64 fleet_bench --cases cases --func add 2>err &&
	test_grep "^tars: bench: argument of add: n: required" err &&
	test_grep "^tars: bench: cases:6: this case cannot be used" err &&
	echo "{}" >cases && test_expect_code 64 fleet_bench --cases cases 2>err &&
	test_grep "cases:1: no function" err
'

test_expect_success '--template: a case with every member' '
	tars bench --template "$probe" work >out &&
	printf "{\n  \"what\": \"\",\n  \"number\": 0\n}\n" >expect &&
	test_cmp expect out &&
	fleet_bench --template --func through >out &&
	python3 -c "import json, sys; assert json.load(open(\"out\")) == {\"way\": [\"\"], \"spend_ms\": 0}"
'

test_expect_success 'TUP and JSON as well' '
	for form in --tup --json
	do
		before=$(runs) &&
		bench echo 7 -d 300ms $form &&
		holds "r[\"calls\"] == r[\"ok\"] == $(runs) - $before and r[\"ok\"] > 0" &&
		bench fail 8 -d 300ms $form &&
		holds "r[\"codes\"] == {\"8\": r[\"failed\"]} and r[\"failed\"] > 0" || return 1
	done
'

test_expect_success 'a code of the service is counted as what it is' '
	bench fail 7 -d 300ms &&
	holds "r[\"ok\"] == 0 and r[\"codes\"] == {\"7\": r[\"failed\"]} and r[\"failed\"] > 0" &&
	tars bench --warm-up 0 -d 300ms "$probe" work "{\"what\":\"fail\",\"number\":-9}" >out &&
	test_grep "^ *-9 +[0-9]+  the server is overloaded$" out
'

test_expect_success 'time-outs are calls that took so long, and never fewer' '
	bench hold 0 -d 500ms -c 2 -t 100 &&
	holds "r[\"ok\"] == 0 and set(r[\"codes\"]) == {\"-7\"}" &&
	holds "q[\"min\"] > 99e3 and r[\"failed\"] >= 2" &&
	work reply
'

test_expect_success 'a service that dies and comes back; SIGINT ends it with the summary' '
	start_fleet two && rm -f progress &&
	{ tars bench --warm-up 0 -d 1h -i 100ms -c 3 --output json \
		"T.FleetServer.FleetObj@tcp -h 127.0.0.1 -p $two_port" name >json 2>progress & } &&
	bench_pid=$! &&
	wait_for 60 "grep -q calls/s progress" &&
	port=$two_port && kill_service two &&
	wait_for 60 "tail -n 1 progress | grep -q \" 0 calls/s\"" &&
	FLEET_NAME=two service=two start_service fleet-server --listen "127.0.0.1:$port" &&
	wait_for 60 "tail -n 1 progress | grep -q \"[1-9][0-9]* calls/s.*failed 0\"" &&
	kill -INT "$bench_pid" && wait "$bench_pid" &&
	holds "r[\"interrupted\"] and r[\"ok\"] > 0 and 1 <= r[\"codes\"][\"-8\"] <= 3 and r[\"broken\"] >= 3" &&
	test_grep "^tars: bench: connections broke.*127.0.0.1:$port" progress
'

test_expect_success 'by name, as the registry says; --target: elsewhere' '
	echo "group - tcp -h 127.0.0.1 -p $one_port:tcp -h 127.0.0.1 -p $two_port" >routes &&
	service=query start_service query-service --listen 127.0.0.1:0 &&
	locator="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $query_port" &&
	tars bench --warm-up 0 -d 300ms -c 2 --output json --locator "$locator" T.FleetServer.FleetObj \
		add "{\"counter\":\"named\",\"n\":1}" >json &&
	holds "len(r[\"targets\"]) == 2 and r[\"failed\"] == 0" &&
	n=$(count named) && test "$n" -gt 0 &&
	test $((n + $(fleet two get "{\"counter\":\"named\"}" | tr -dc "0-9"))) = "$(value "r[\"calls\"]")" &&
	tars bench --warm-up 0 -d 300ms -c 2 --output json --locator "$locator" --idl "$t_dir/service/Fleet.tars" \
		--target "tcp -h 127.0.0.1 -p $one_port" --obj T.FleetServer.FleetObj --func name >json &&
	holds "r[\"targets\"] == [\"tcp 127.0.0.1:$one_port\"] and r[\"ok\"] > 0"
'

test_expect_success 'over TLS' '
	make_ca ca && make_cert server &&
	put_hello_config tls.conf "ssl -h 127.0.0.1 -p 0 -t 60000" "cert=$PWD/server.pem
key=$PWD/server.key" &&
	service=tls start_service HelloServer --config=tls.conf &&
	tars bench --warm-up 0 -d 300ms --output json --ca ca.pem \
		"TestApp.HelloServer.HelloObj@ssl -h localhost -p $tls_port" greet "{\"name\":\"x\"}" >json &&
	holds "r[\"ok\"] > 0 and r[\"failed\"] == 0"
'

test_expect_success 'text: a table, a drawing, the codes' '
	tars bench --warm-up 0 -d 300ms "$probe" work "{\"what\":\"echo\",\"number\":7}" >out &&
	test_grep "^calls +[0-9]+ in 0\.[0-9]+ s: [0-9.]+ calls/s$" out &&
	test_grep "^answers +[0-9]+ ok, 0 failed$" out &&
	test_grep "^  p99\.9 +[0-9.]+$" out &&
	test_grep "^  < +[0-9.]+ +[0-9]+  #####" out &&
	test_grep "^ +0 +[0-9]+  success$" out
'

test_expect_success '--compare: with an earlier result, and two results' '
	bench echo 7 -d 300ms && cp json old &&
	tars bench --warm-up 0 -d 300ms --compare old "$probe" work "{\"what\":\"echo\",\"number\":7}" >out &&
	test_grep "^  calls_per_s +[0-9.]+ +[0-9.]+ +[+-][0-9.]+ %$" out &&
	sed "s/\"calls_per_s\": [0-9.]*/\"calls_per_s\": 50/" old >slow &&
	sed "s/\"calls_per_s\": [0-9.]*/\"calls_per_s\": 75/" old >fast &&
	tars bench --compare slow --with fast >out &&
	test_grep "^  calls_per_s +50\.0 +75\.0 +\+50\.0 %$" out &&
	test_grep "^  p99, us .* \+0\.0 %$" out &&
	echo "{}" >none && test_expect_code 64 tars bench --compare none --with old 2>err &&
	test_grep "^tars: bench: none: is no result" err &&
	test_expect_code 64 tars bench --with old 2>err && test_grep "give --compare" err
'

test_expect_success 'nobody there: 69, at once' '
	test_expect_code 69 timeout 60 tars bench --idl "$t_dir/service/Fleet.tars" "T.F.Obj@tcp -h 127.0.0.1 -p 1" name \
		-d 1h 2>err &&
	test_grep "^tars: bench: T.F.Obj: no connection: connect to 127.0.0.1:1: .*nothing listens there" err
'

test_expect_success 'wrong usage: 64' '
	test_expect_code 64 tars bench "$probe" 2>err && test_grep "wants OBJ and FUNC" err &&
	test_expect_code 64 tars bench "$probe" wrok 2>err && test_grep "did you mean .work." err &&
	test_expect_code 64 bench echo 7 -c 0 && test_grep "connections: must be between 1 and" progress &&
	test_expect_code 64 bench echo 7 --inflight 70000 && test_grep "inflight: must be between" progress &&
	test_expect_code 64 bench echo 7 -d 0 && test_grep "duration" progress &&
	test_expect_code 64 bench echo 7 --output xml && test_grep "text.json" progress &&
	test_expect_code 64 bench echo "{}" && test_grep "argument of work" progress &&
	test_expect_code 64 tars bench "T.P.O@udp -h 127.0.0.1 -p 1" f --idl "$t_dir/service/Probe.tars" 2>err &&
	test_grep "only tcp and ssl" err
'

test_done
