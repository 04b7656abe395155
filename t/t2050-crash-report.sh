#!/usr/bin/env bash
test_description='a handler that crashes is named, with its request, and the process dies of the signal'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

# The faults are the test's, not the sanitizers'.
faults=handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}$faults"
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}$faults"
ulimit -c 0
put_probe_config crash.conf "netthread=2" threads=2

# check_crash SERVANT MODE HOW NAME [CAUSE]
check_crash () {
	start_probe crash.conf &&
	test_expect_code 1 calls "$1" crash "$3" &&
	wait "$service_pid"
	test $? = $((128 + $(kill -l "${4#SIG}"))) || { echo "another status"; return 1; }
	service_pid=
	test_grep "^tars: crash: $4${5- at 0x[0-9a-f]*} in thread [0-9]* '[^']*' of T.ProbeServer: serving T.ProbeServer.$1.work, request 1 of 127.0.0.1:[0-9]*, run mode $2\$" service.log &&
	test "$(grep -c "^tars: crash" service.log)" = 1 &&
	test_grep "probe-server\(\+0x[0-9a-f]*\)" service.log
}

for mode in Pool Coro Inline; do
	upper=${mode^^}
	test_expect_success "$upper: a null pointer" '
		check_crash ${mode}Obj $upper 11 SIGSEGV " at 0x0"
	'
	test_expect_success "$upper: abort" '
		check_crash ${mode}Obj $upper 6 SIGABRT ""
	'
done

test_expect_success 'bad memory, arithmetic and instructions' '
	check_crash PoolObj POOL 7 SIGBUS &&
	check_crash CoroObj CORO 8 SIGFPE "( at 0x[0-9a-f]*)?" &&
	check_crash InlineObj INLINE 4 SIGILL
'

test_expect_success 'no stack left: in a worker, in a coroutine' '
	check_crash PoolObj POOL 0 SIGSEGV " at 0x[0-9a-f]* \(no stack left\)" &&
	check_crash CoroObj CORO 0 SIGSEGV " at 0x[0-9a-f]* \(no stack left: raise coroutinestack\)"
'

test_expect_success 'another coroutine of the same reactor is not blamed' '
	start_probe crash.conf &&
	{ calls CoroObj "relay gate" -- --count=3 \
		--to="T.ProbeServer.PoolObj@tcp -h 127.0.0.1 -p $service_port" >out & pid=$!; } &&
	wait_counts 10 "gates=2" &&
	test_expect_code 1 calls OrderedCoroObj crash 11 &&
	test_expect_code 139 wait "$service_pid" && service_pid= &&
	test_expect_code 1 wait "$pid" &&
	test_grep "serving T.ProbeServer.OrderedCoroObj.work, request 1 of" service.log
'

test_expect_success 'a fault outside of handlers says so' '
	start_probe crash.conf &&
	calls PoolObj echo && calls CoroObj echo && calls InlineObj echo &&
	kill -ABRT "$service_pid" &&
	test_expect_code 134 wait "$service_pid" && service_pid= &&
	test_grep "crash: SIGABRT sent by process $$ in thread .* of T.ProbeServer: serving nothing" service.log
'

test_done
