#!/usr/bin/env bash
test_description='overload: full queues, expired requests, too many connections; all counted and answered'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

test_expect_success 'more than 4/5 of queuecap: -9, and what fits is served' '
	put_probe_config full.conf "$admin_keys" "threads=1
queuecap=10" &&
	start_probe full.conf &&
	{ calls PoolObj gate >gate.out & gate=$!; } &&
	wait_counts 10 "gates=1" &&
	{ calls PoolObj echo -- --count=20 >out & pid=$!; } &&
	wait_for 10 "test \"\$(wc -l <out)\" = 12" &&
	test "$(grep -c " -9 overloaded: 9 requests wait in T.ProbeServer.PoolObjAdapter (queuecap=10)" out)" = 12 &&
	metric_is adapter_overloads_total 12 &&
	calls InlineObj open 1 && wait "$gate" && wait "$pid" &&
	test "$(grep -c " 0 0$" out)" = 8
'

test_expect_success 'one-way requests that do not fit are counted, and not answered' '
	{ calls PoolObj gate >gate.out & gate=$!; } &&
	wait_counts 10 "gates=1" &&
	calls PoolObj echo -- --count=20 --oneway &&
	wait_for 10 "metric_is adapter_overloads_total 24" &&
	calls InlineObj open 1 && wait "$gate" &&
	wait_counts 10 "runs=18 "
'

test_expect_success 'a request whose caller has given up never runs: -6' '
	{ calls PoolObj gate >gate.out & gate=$!; } &&
	wait_counts 10 "gates=1" &&
	{ calls PoolObj echo -- --count=3 --timeout=20 >out & pid=$!; } &&
	calls PoolObj echo -- --count=2 --timeout=20 --oneway &&
	wait_for 10 "metric_is adapter_waiting_requests 5" &&
	pause 0.1 &&
	calls InlineObj open 1 && wait "$gate" && wait "$pid" &&
	test "$(grep -c " -6 not executed: it waited [0-9]* ms in the queue of T.ProbeServer.PoolObjAdapter" out)" = 3 &&
	wait_for 10 "metric_is adapter_queue_timeouts_total 5" &&
	wait_counts 10 "runs=19 "
'

test_expect_success 'coroutines and INLINE that wait for those before them expire, too' '
	for servant in OrderedCoroObj OrderedInlineObj OrderedPoolObj; do
		{ calls "$servant" hold -- --count=3 --timeout=20 >out & pid=$!; } &&
		wait_counts 10 "held=1 " &&
		pause 0.1 &&
		calls InlineObj reply && wait "$pid" &&
		test "$(grep -c " -6 not executed" out)" = 2 &&
		test "$(grep -c " 0 held" out)" = 1 || return
	done &&
	stop_service
'

test_expect_success 'queuecap=0: no limit' '
	put_probe_config open.conf "$admin_keys" "threads=1
queuecap=0" &&
	start_probe open.conf &&
	{ calls PoolObj gate >gate.out & gate=$!; } &&
	wait_counts 10 "gates=1" &&
	{ calls PoolObj echo -- --count=5000 --sum >out & pid=$!; } &&
	wait_for 20 "metric_is adapter_waiting_requests 5000" &&
	calls InlineObj open 1 && wait "$gate" && wait "$pid" &&
	echo "0: 5000" >expect && test_cmp expect out &&
	stop_service
'

test_expect_success 'beyond maxconns: closed at once, and counted' '
	put_probe_config conns.conf "$admin_keys" maxconns=3 &&
	start_probe conns.conf &&
	{ calls CoroObj hold -- --connections=3 >held.out & pid=$!; } &&
	wait_for 10 "metric_is adapter_running_coroutines 3" &&
	test_expect_code 1 calls CoroObj echo -- --connections=2 &&
	metric_is adapter_refused_connections_total 2 && metric_is adapter_connections 3 &&
	kill "$pid" && test_expect_code 143 wait "$pid" &&
	wait_for 10 "calls CoroObj reply || calls InlineObj reply" &&
	stop_service
'

test_done
