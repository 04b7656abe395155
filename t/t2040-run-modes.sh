#!/usr/bin/env bash
test_description='run modes: server models, shared workers, hooks of threads, limits of coroutines'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

# The mode that ConfObj has: a worker waits, a coroutine waits too, a bare reactor cannot.
mode_of_conf () {
	local thread relay
	thread=$(calls ConfObj thread) || return
	relay=$(calls ConfObj 'relay echo' 7 -- \
		--to="T.ProbeServer.PoolObj@tcp -h 127.0.0.1 -p $service_port") || return
	echo "$thread / $relay"
}

check_model () {
	put_probe_config model.conf "opencoroutine=$1" threads=2 &&
	start_probe model.conf &&
	mode_of_conf >actual &&
	test_grep "$2" actual &&
	test_grep ! "$3" actual &&
	stop_service
}

test_expect_success 'opencoroutine chooses the mode of a servant that leaves it open' '
	check_model 0 "^0 1 0 T.ProbeServer.P / 0 1 0 7$" EBLOCK &&
	check_model 1 "/ 0 1 0 7$" "T.ProbeServer.P " &&
	check_model 2 "/ 0 1 -99 .*would block a reactor" "T.ProbeServer.P " &&
	check_model 3 "/ 0 1 0 7$" "T.ProbeServer.P " &&
	put_probe_config model.conf opencoroutine=4 &&
	test_expect_code 78 probe-server --config=model.conf 2>err &&
	test_grep "server<opencoroutine>: 4 is more than 3" err
'

test_expect_success 'model 1 has as many reactors as handler threads, models 2 and 3 as network threads' '
	put_probe_config model.conf "opencoroutine=1
netthread=2" threads=4 &&
	start_probe model.conf && calls InlineObj counts >out && test_grep "inits=8 " out &&
	stop_service && test_grep "fini after 8 thread_inits and 8 thread_finis" service.log &&
	put_probe_config model.conf "opencoroutine=3
netthread=2" threads=4 &&
	start_probe model.conf && calls InlineObj counts >out && test_grep "inits=6 " out &&
	stop_service
'

test_expect_success 'a thread_init that fails keeps the service from starting' '
	put_probe_config hook.conf &&
	PROBE_THREAD_INIT=1 test_expect_code 75 probe-server --config=hook.conf 2>err &&
	test_grep "reactor 0: thread_init failed with 42" err
'

test_expect_success 'adapters of a handle group share the workers of the one that asks for most' '
	put_probe_config group.conf "" "handlegroup=shared
threads=1" "<T.ProbeServer.CoroObjAdapter>
endpoint=tcp -h 127.0.0.1 -p 0
servant=T.ProbeServer.CoroObj
handlegroup=shared
threads=3
</T.ProbeServer.CoroObjAdapter>" &&
	start_probe group.conf &&
	test_grep "ready tcp 127.0.0.1:[0-9]* tcp 127.0.0.1:[0-9]*\$" service.log &&
	first_port=$(sed -n "s/.*ready tcp 127.0.0.1:\([0-9]*\) .*/\1/p" service.log) &&
	calls PoolObj thread >out && test_grep "0 1 0 shared$" out &&
	{ calls PoolObj gate -- --count=2 >gates.1 & first=$!; } &&
	wait_counts 10 "gates=2" &&
	{ test-calls 127.0.0.1 "$first_port" T.ProbeServer.PoolObj gate >gates.2 & second=$!; } &&
	wait_counts 10 "gates=3" &&
	calls InlineObj open 3 && wait "$first" && wait "$second" &&
	stop_service
'

test_expect_success 'coroutinememsize bounds the coroutines that run handlers' '
	put_probe_config memory.conf "coroutinestack=64K
coroutinememsize=192K" &&
	start_probe memory.conf &&
	{ calls CoroObj "relay gate" -- --count=4 --to="T.ProbeServer.PoolObj@tcp -h 127.0.0.1 \
-p $service_port" >out & pid=$!; } &&
	wait_counts 10 "gates=1" &&
	wait_for 10 "test -s out" &&
	test_grep "^0 4 -9 overloaded: 3 coroutines run .*coroutinememsize=196608" out &&
	calls InlineObj open 3 && wait "$pid" &&
	test "$(grep -c "^0 [123] 0 " out)" = 3 &&
	stop_service
'

test_done
