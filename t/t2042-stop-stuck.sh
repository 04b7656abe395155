#!/usr/bin/env bash
test_description='stopping with handlers that do not return, and with replies that are owed'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

# The abort is wanted, the sanitizers' report on it is not.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_abort=0"
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}handle_abort=0"
ulimit -c 0

put_probe_config stop.conf deactivating-timeout=1000 threads=1

test_expect_success 'a worker that never returns is named, and the process exits' '
	start_probe stop.conf &&
	{ calls PoolObj gate -- --count=3 >out & pid=$!; } &&
	wait_counts 10 "gates=1" &&
	test_expect_code 70 stop_service &&
	test_grep "ending without it: T.ProbeServer.PoolObj.work, request 1 of 127.0.0.1:[0-9]*, run mode POOL, running for [0-9]* ms" service.log &&
	test_grep ! "request [23] of" service.log &&
	test_grep ! "probe: fini" service.log
'

test_expect_success 'what waited behind it is answered' '
	test_expect_code 1 wait "$pid" &&
	test "$(grep -c "^0 [23] -[0-9]* not executed: the server is stopping" out)" = 2
'

test_expect_success 'a handler that returns within its grace is waited for' '
	put_probe_config patient.conf deactivating-timeout=60000 threads=1 &&
	start_probe patient.conf &&
	{ calls PoolObj pause 500 >out & pid=$!; } &&
	wait_counts 10 "runs=1 " &&
	test_expect_code 0 stop_service &&
	wait "$pid" && test_grep "^0 1 0 500$" out &&
	test_grep "fini after 2 thread_inits and 2 thread_finis" service.log &&
	test_grep ! "ending without" service.log
'

test_expect_success 'a reply that nobody gives is named, and is no reason to leave fini out' '
	start_probe stop.conf &&
	{ calls CoroObj hold >out & pid=$!; } &&
	wait_counts 10 "held=1 " &&
	test_expect_code 0 stop_service &&
	test_expect_code 1 wait "$pid" &&
	test_grep "fini after" service.log &&
	test_grep "ending without it: T.ProbeServer.CoroObj.work, request 1 of .*, run mode CORO, owing its reply for" service.log
'

test_expect_success 'a handler that waits for a call is told that it is cancelled, and returns' '
	start_probe stop.conf &&
	service=other start_service probe-server --listen 127.0.0.1:0 &&
	{ calls PoolObj "relay gate" -- \
		--to="T.ProbeServer.PoolObj@tcp -h 127.0.0.1 -p $other_port" >out & pid=$!; } &&
	wait_for 10 "service_port=$other_port calls InlineObj counts | grep gates=1" &&
	test_expect_code 0 stop_service &&
	wait "$pid" && test_grep "^0 1 -[0-9]* .*cancelled: the process is stopping" out &&
	test_grep "fini after" service.log &&
	kill_service other
'

# check_abort SERVANT MODE: its handler is given up, and the report says which and where.
check_abort () {
	wait_for 10 "grep -q \"probe: spinning\" service.log" &&
	test_expect_code 134 stop_service &&
	test_grep "T.ProbeServer: cannot stop: what runs on reactor [01] has not returned for [0-9]* ms" service.log &&
	test_grep "^tars: crash: SIGABRT in thread [0-9]* .* of T.ProbeServer: serving T.ProbeServer.$1.work, request 1 of 127.0.0.1:[0-9]*, run mode $2\$" service.log &&
	test_grep "probe-server\(\+0x[0-9a-f]*\)" service.log &&
	test_grep ! "probe: fini" service.log
}

test_expect_success 'an INLINE handler that never gives the main reactor back, which reads the signals' '
	start_probe stop.conf &&
	{ calls InlineObj spin >out & pid=$!; } &&
	check_abort InlineObj INLINE &&
	test_expect_code 1 wait "$pid"
'

test_expect_success 'a coroutine that does so, with another reactor' '
	put_probe_config two.conf "deactivating-timeout=1000
netthread=2" &&
	start_probe two.conf &&
	{ calls CoroObj hold >held & held=$!; } &&
	wait_counts 10 "held=1 " &&
	{ calls CoroObj spin >out & pid=$!; } &&
	check_abort CoroObj CORO &&
	test_expect_code 1 wait "$pid" && test_expect_code 1 wait "$held"
'

test_done
