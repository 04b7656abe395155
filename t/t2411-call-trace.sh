#!/usr/bin/env bash
test_description='call traces through three services: TARS keys, W3C traceparent, lines of the log'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-chain.sh"

id=4bf92f3577b34da6a3ce929d0e0e4736
span=00f067aa0ba902b7
TRACE=0x100

all_lines () {
	cat "app_log/T/$1/T.${1}__t_trace__"*.log 2>/dev/null
}

# Lines of the trace log since `forget`, without their times: of all services, or of those named.
lines () {
	local name
	for name in ${@:-A B C}; do
		all_lines "$name" | tail -n +$((${seen[$name]:-0} + 1)) |
			sed -E "s/^[^|]*\|//; s/\|[0-9]{13}\|/|MS|/"
	done
}

declare -A seen
forget () {
	local name
	for name in A B C; do
		seen[$name]=$(all_lines "$name" | wc -l)
	done
}

# Waits until there are so many lines.
wait_lines () {
	wait_for 20 "test \$(lines | wc -l) = $1"
}

start_all () {
	start_chain A "$@" && start_chain B "$@" && start_chain C "$@"
}

test_expect_success 'a trace key that comes goes on, and every call is written by both sides' '
	start_recorder && start_all "log=$log_obj" &&
	pass A B C -- text=x type=$TRACE status.STATUS_TRACE_KEY="0-$id|$span" &&
	test "$(hop "{h[s][\"trace\"] for s in \"ABC\"}")" = "{'\''$id'\''}" &&
	test "$(hop "h[\"A\"][\"span\"]")" = $span &&
	b=$(hop "h[\"B\"][\"span\"]") && c=$(hop "h[\"C\"][\"span\"]") &&
	test "$(hop "h[\"B\"][\"status\"][\"STATUS_TRACE_KEY\"]")" = "0-$id|$b" &&
	test "$(hop "h[\"C\"][\"context\"][\"traceparent\"]")" = "00-$id-$c-01" &&
	test ${#b} = 16 && test $b != $c && test $b != $span &&
	wait_lines 10 && lines | sort >actual &&
	sort >expect <<-END &&
	0-$id|$span|*|sr||T.A|pass|MS|0||
	0-$id|$b|$span|cs|T.A|T.B.ChainObj|pass|MS|0||
	0-$id|$b|*|sr||T.B|pass|MS|0||
	0-$id|$c|$b|cs|T.B|T.C.ChainObj|pass|MS|0||
	0-$id|$c|*|sr||T.C|pass|MS|0||
	0-$id|$c|*|ss||T.C|pass|MS|0||
	0-$id|$c|$b|cr|T.B|T.C.ChainObj|pass|MS|0||
	0-$id|$b|*|ss||T.B|pass|MS|0||
	0-$id|$b|$span|cr|T.A|T.B.ChainObj|pass|MS|0||
	0-$id|$span|*|ss||T.A|pass|MS|0||
	END
	test_cmp expect actual
'

test_expect_success 'the lines are on the log server, with 14 fields once it has put its own in front' '
	wait_for 20 "test \$(grep -c \"^> .*|$id\" recorded) = 0 -a \$(grep -c \"^> .*-$id\" recorded) = 10" &&
	test_grep "^loggerbyInfo host=node-of-A T.A name=_t_trace_ format=%Y%m%d " recorded &&
	sed -n "s/^> \(.*\)|$/host|app|server|\1/p" recorded | awk -F"|" "{ print NF }" | sort -u >n &&
	echo 14 >expect && test_cmp expect n
'

test_expect_success 'times of the lines are in the order of what happened' '
	cat app_log/T/?/*_t_trace_*.log | grep "|[cs][rs]|" | sort -t"|" -k9,9n -s >sorted &&
	for a in cs sr ss cr; do
		awk -F"|" -v a=$a "\$5 == a && \$7 ~ /^T.C/ { print \$9 }" sorted || return 1
	done >times &&
	sort -n times >expect && test_cmp expect times
'

test_expect_success 'a service begins a trace: its first call is the entry, with data as asked for' '
	forget &&
	pass A B C -- text=hello begin=trace &&
	id=$(hop "h[\"A\"][\"trace\"]") && b=$(hop "h[\"B\"][\"span\"]") &&
	c=$(hop "h[\"C\"][\"span\"]") &&
	test ${#id} = 32 && test -z "$(hop "h[\"A\"][\"span\"]")" &&
	test "$(hop "h[\"B\"][\"status\"][\"STATUS_TRACE_KEY\"]")" = "f.2-$id|$b" &&
	wait_lines 8 && lines A | cut -d"|" -f1-9 >actual &&
	cat >expect <<-END &&
	f.2-$id|$b|$b|ts|T.A|T.B.ChainObj|pass|MS|0
	f.2-$id|$b|$b|te|T.A|T.B.ChainObj|pass|MS|0
	END
	test_cmp expect actual &&
	lines | grep "|sr||T.C|" | cut -d"|" -f10 | base64 -d >sr &&
	printf "%s" "{\"user\":\"7\",\"text\":\"hello\",\"way\":[],\"begin\":\"\"}" >expect &&
	test_cmp expect sr &&
	lines | grep "|cs|T.B|" | cut -d"|" -f10 | base64 -d >cs && test_cmp expect cs &&
	lines | grep "|ss||T.C|" | cut -d"|" -f10 | base64 -d >ss &&
	lines | grep "|cr|T.B|" | cut -d"|" -f10 | base64 -d >cr && test_cmp ss cr &&
	python3 -c "import json; print(json.load(open(\"ss\"))[\"hops\"][0][\"who\"])" >who &&
	echo T.C >expect && test_cmp expect who
'

data_of () {
	lines "$1" | grep "|$2|" | cut -d"|" -f10 | base64 -d
}

test_expect_success 'bits say which lines have data' '
	for bits in 1 2 4 8 5; do
		forget &&
		pass A B -- text=x type=$TRACE status.STATUS_TRACE_KEY="$bits-abc|s" &&
		wait_lines 6 &&
		for a in cs:1 cr:2 sr:4 ss:8; do
			data=$(lines | grep "|${a%:*}|" | cut -d"|" -f10 | sort -ru | head -n 1) &&
			test ${data:+1}0 = $((bits & ${a#*:} ? 10 : 0)) || return 1
		done || return 1
	done
'

test_expect_success 'data that is larger than the limit is only named' '
	long=$(head -c 3000 /dev/zero | tr "\0" x) &&
	forget && pass A B -- text=$long type=$TRACE status.STATUS_TRACE_KEY="f.2-abc|s" &&
	wait_lines 6 &&
	test "$(data_of B sr)" = "{\"trace_param_over_max_len\":true}" &&
	test "$(data_of A cs)" = "{\"trace_param_over_max_len\":true}" &&
	test "$(data_of B ss | head -c 9)" = "{\"tars_re" &&
	forget && pass A B -- text=$long type=$TRACE status.STATUS_TRACE_KEY="f.3-abc|s" &&
	wait_lines 6 &&
	test "$(data_of B sr | grep -c xxx)" = 1 &&
	forget && pass A -- text=$long type=$TRACE status.STATUS_TRACE_KEY="f-abc|s" &&
	wait_lines 2 &&
	test "$(data_of A sr)" = "{\"trace_param_over_max_len\":true}"
'

test_expect_success 'the configuration may allow more data than the key' '
	stop_service A && start_chain A client.trace_param_max_len=4 &&
	forget && pass A -- text=$long type=$TRACE status.STATUS_TRACE_KEY="f-abc|s" &&
	wait_lines 2 &&
	test "$(data_of A sr | grep -c xxx)" = 1
'

test_expect_success 'traceparent alone: its sampled flag decides, its state goes along' '
	forget && id=4bf92f3577b34da6a3ce929d0e0e4736 &&
	pass A B C -- text=x context.traceparent=00-$id-$span-01 context.tracestate=rojo=1,congo=2 &&
	test "$(hop "{h[s][\"trace\"] for s in \"ABC\"}")" = "{'\''$id'\''}" &&
	test "$(hop "h[\"A\"][\"span\"]")" = $span &&
	c=$(hop "h[\"C\"][\"span\"]") &&
	test "$(hop "h[\"C\"][\"context\"][\"traceparent\"]")" = "00-$id-$c-01" &&
	test "$(hop "h[\"C\"][\"context\"][\"tracestate\"]")" = "rojo=1,congo=2" &&
	test "$(hop "h[\"C\"][\"status\"][\"STATUS_TRACE_KEY\"]")" = "0-$id|$c" &&
	wait_lines 10 &&
	forget && pass A B C -- text=x context.traceparent=00-$id-$span-00 &&
	test "$(hop "{h[s][\"trace\"] for s in \"ABC\"}")" = "{'\''$id'\''}" &&
	c=$(hop "h[\"C\"][\"context\"][\"traceparent\"]") &&
	test_must_fail test "$c" = 00-$id-$span-00 &&
	echo "$c" >parent && test_grep "^00-$id-[0-9a-f]{16}-00\$" parent &&
	test "$(hop "\"STATUS_TRACE_KEY\" in h[\"B\"][\"status\"]")" = False
'

test_expect_success 'the same in the status, or as headers of an HTTP call' '
	forget &&
	pass A B -- text=x status.traceparent=00-$id-$span-01 status.tracestate=rojo=1 &&
	b=$(hop "h[\"B\"][\"span\"]") &&
	test "$(hop "h[\"B\"][\"context\"][\"traceparent\"]")" = "00-$id-$b-01" &&
	test "$(hop "h[\"B\"][\"context\"][\"tracestate\"]")" = "rojo=1" &&
	test "$(hop "\"traceparent\" in h[\"B\"][\"status\"]")" = False &&
	wait_lines 6
'

# http_pass PATH FLAGS: to A and from there to B and C, with a W3C head.
http_pass () {
	echo "{\"user\":\"7\",\"text\":\"http\",\"begin\":\"\",\"way\":[\"$(chain_obj B)\",\"$(chain_obj C)\"]}" >body &&
	curl -sS -f -m 20 --data-binary @body -H "Content-Type: application/json" \
		-H "traceparent: 00-$id-$span-$2" -H "tracestate: rojo=1" \
		"http://127.0.0.1:$A_port$1/T.A.ChainObj/pass" >reply &&
	{ echo "ret 0" && cat reply; } >out
}

test_expect_success 'headers of an HTTP call are the trace of the chain behind it, in both forms' '
	for path in /v1/call /json; do
		forget &&
		http_pass $path 01 &&
		test "$(hop "{h[s][\"trace\"] for s in \"ABC\"}")" = "{'\''$id'\''}" &&
		test "$(hop "h[\"A\"][\"span\"]")" = $span &&
		b=$(hop "h[\"B\"][\"span\"]") && c=$(hop "h[\"C\"][\"span\"]") &&
		test "$(hop "h[\"B\"][\"status\"][\"STATUS_TRACE_KEY\"]")" = "0-$id|$b" &&
		test "$(hop "h[\"C\"][\"status\"][\"STATUS_TRACE_KEY\"]")" = "0-$id|$c" &&
		test "$(hop "h[\"C\"][\"context\"][\"traceparent\"]")" = "00-$id-$c-01" &&
		test "$(hop "h[\"C\"][\"context\"][\"tracestate\"]")" = "rojo=1" &&
		wait_lines 10 &&
		lines A | grep -xF "0-$id|$span|*|sr||T.A|pass|MS|0||" &&
		lines C | grep -xF "0-$id|$c|*|sr||T.C|pass|MS|0||" || return 1
	done
'

test_expect_success 'a header that is not sampled goes on, and leaves no lines' '
	forget && http_pass /json 00 &&
	c=$(hop "h[\"C\"][\"span\"]") &&
	test "$(hop "h[\"C\"][\"context\"][\"traceparent\"]")" = "00-$id-$c-00" &&
	test "$(hop "\"STATUS_TRACE_KEY\" in h[\"C\"][\"status\"]")" = False &&
	test "$(lines)" = ""
'

test_expect_success 'both came: each keeps its name, and one call has one span in both' '
	forget && other=11112222333344445555666677778888 &&
	pass A B C -- text=x type=$TRACE status.STATUS_TRACE_KEY="0-$id|s" \
		context.traceparent=00-$other-$span-00 &&
	c=$(hop "h[\"C\"][\"span\"]") &&
	test "$(hop "h[\"C\"][\"status\"][\"STATUS_TRACE_KEY\"]")" = "0-$id|$c" &&
	test "$(hop "h[\"C\"][\"context\"][\"traceparent\"]")" = "00-$other-$c-01" &&
	wait_lines 10
'

test_expect_success 'a TARS id of another shape gets one W3C id, wherever it is made' '
	forget &&
	for first in A B; do
		pass $first C -- text=x type=$TRACE status.STATUS_TRACE_KEY="0-Trace.7|s|p" &&
		hop "h[\"C\"][\"context\"][\"traceparent\"][:36]" || return 1
	done >ids &&
	test "$(sort -u ids | wc -l)" = 1 && test_grep "^00-[0-9a-f]{32}-\$" ids &&
	wait_lines 12
'

test_expect_success 'what is no trace key, or comes without the bit, is ignored' '
	forget &&
	pass A B -- text=x status.STATUS_TRACE_KEY="0-$id|s" &&
	test -z "$(hop "h[\"A\"][\"trace\"] + h[\"B\"][\"trace\"]")" &&
	for key in "" "|" "0-$id" "0-$id|a|b|c" "0-$id|a b" "0-$id|$(printf "a\nb")"; do
		pass A B -- text=x type=$TRACE status.STATUS_TRACE_KEY="$key" &&
		test -z "$(hop "h[\"A\"][\"trace\"] + h[\"B\"][\"trace\"]")" || return 1
	done &&
	for parent in 00-$id-$span 00-$id-$span-01-x ff-$id-$span-01 "00-$id-$span-0 "; do
		pass A B -- text=x "context.traceparent=$parent" context.tracestate=a=1 &&
		test -z "$(hop "h[\"A\"][\"trace\"] + h[\"B\"][\"trace\"]")" &&
		test "$(hop "list(h[\"B\"][\"context\"])")" = "['\''node_name'\'']" || return 1
	done
'

test_expect_success 'a call that fails is in the trace with its code' '
	kill_service C &&
	forget && pass A B C -- text=x type=$TRACE status.STATUS_TRACE_KEY="0-$id|s" &&
	test_grep "^ret -8 " out &&
	wait_lines 8 && lines >all &&
	test_grep "\|cr\|T.B\|T.C.ChainObj\|pass\|MS\|-8\|\|\$" all &&
	test_grep "\|ss\|\|T.B\|pass\|MS\|-8\|\|\$" all &&
	test_grep "\|ss\|\|T.A\|pass\|MS\|-8\|\|\$" all
'

test_expect_success 'one-way requests are received, and their calls are traced' '
	forget && pass A B -- oneway text=x type=$TRACE status.STATUS_TRACE_KEY="0-$id|s" &&
	wait_lines 5 && lines | cut -d"|" -f4-6 | sort >actual &&
	printf "%s\n" "cr|T.A|T.B.ChainObj" "cs|T.A|T.B.ChainObj" "sr||T.A" "sr||T.B" "ss||T.B" >expect &&
	test_cmp expect actual
'

test_expect_success 'the example of core/README.md' '
	forget && example-travel "$(chain_obj A)" >said 2>log &&
	test_grep "^T.A saw colour green in trace [0-9a-f]{32}\$" said &&
	id=$(sed "s/.* //" said) &&
	test_grep "\|INFO\|trace $id begins\$" log &&
	test_grep "\|5.2-$id\|[0-9a-f]{16}\|[0-9a-f]{16}\|ts\|" log &&
	wait_lines 2 && lines >all && test_grep "^5.2-$id\|[0-9a-f]{16}\|\*\|sr\|\|T.A\|pass" all
'

test_done
