#!/usr/bin/env bash
test_description='queue mode: the requests of a connection run in order, one at a time'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

# check_order SERVANT WHAT TEXT CONNECTIONS COUNT
check_order () {
	calls "$1" "$2" -- --seq --connections="$4" --count="$5" >out &&
	test "$(grep -c " 0 $3$" out)" = $(($4 * $5)) &&
	for ((i = 0; i < $4; i++)); do
		seq "$5" >expect &&
		sed -n "s/^$i \([0-9]*\) .*/\1/p" out >actual &&
		test_cmp expect actual || return
	done
}

put_probe_config many.conf "netthread=2" "threads=16
queuecap=1000000"

test_expect_success 'a servant that asks for it, with 16 workers' '
	start_probe many.conf &&
	check_order OrderedPoolObj seq ok 1 50000 &&
	check_order OrderedPoolObj seq ok 8 5000
'

test_expect_success 'coroutines and INLINE too' '
	check_order OrderedCoroObj seq ok 4 2000 &&
	check_order OrderedInlineObj seq ok 4 2000
'

test_expect_success 'a late reply holds up those behind it' '
	check_order OrderedPoolObj late late 4 100 &&
	check_order OrderedCoroObj late late 4 100 &&
	check_order OrderedInlineObj late late 4 100
'

test_expect_success 'a connection that is held up does not hold up others' '
	{ calls OrderedPoolObj gate -- --count=3 >gate.out & pid=$!; } &&
	wait_counts 10 "gates=1" &&
	check_order OrderedPoolObj seq ok 16 100 &&
	calls InlineObj counts >out && test_grep "gates=1 " out &&
	calls InlineObj open 3 && wait "$pid" && test "$(wc -l <gate.out)" = 3
'

test_expect_success 'without order they run side by side' '
	{ calls PoolObj gate -- --count=3 >gate.out & pid=$!; } &&
	wait_counts 10 "gates=3" &&
	calls InlineObj open 3 && wait "$pid" &&
	stop_service
'

test_expect_success 'an adapter with queuemode=1 orders all its servants' '
	put_probe_config ordered.conf "" "threads=4
queuemode=1" &&
	start_probe ordered.conf &&
	check_order PoolObj seq ok 4 100 &&
	check_order CoroObj late late 2 50 &&
	stop_service
'

test_expect_success 'a peer that goes away in the middle: all its requests still run' '
	start_probe many.conf &&
	calls OrderedPoolObj late -- --seq --count=50 --oneway &&
	wait_counts 20 "runs=50 " &&
	calls OrderedPoolObj seq -- --seq --count=1000 --oneway &&
	wait_counts 20 "runs=1050 " &&
	stop_service
'

test_done
