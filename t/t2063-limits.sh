#!/usr/bin/env bash
test_description='limits of an adapter: rates of callers and functions, fixed and adaptive concurrency'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

# put_limits FILE 'WHAT IS IN <limits>' ['OTHER ADAPTER KEYS']
put_limits () {
	put_probe_config "$1" "$admin_keys" "$3
<limits>
$2
</limits>"
}
# sum_is 'CODE: N'...: of the calls in out.
sum_is () {
	printf '%s\n' "$@" >expect && sort out >actual && test_cmp expect actual
}

test_expect_success 'each caller has a rate: its address, or the name that it sends' '
	put_limits callers.conf "<callers>
*=0.001/4
127.0.0.3=0.001/2
web.1=0.001/7
banned=0
</callers>" &&
	start_probe callers.conf &&
	calls InlineObj echo -- --count=10 --sum >out && sum_is "-9: 6" "0: 4" &&
	calls CoroObj echo -- --count=10 --sum --from=127.0.0.2 >out && sum_is "-9: 6" "0: 4" &&
	calls PoolObj echo -- --count=10 --sum --from=127.0.0.3 >out && sum_is "-9: 8" "0: 2" &&
	calls PoolObj echo -- --count=10 --sum --name=web.1 >out && sum_is "-9: 3" "0: 7" &&
	calls PoolObj echo -- --count=10 --sum --name=web.2 >out && sum_is "-9: 6" "0: 4" &&
	calls PoolObj echo -- --count=2 --sum --name=banned >out && sum_is "-9: 2" &&
	metric_is adapter_rate_refusals_total 31
'

test_expect_success 'the refusal says whose limit it is, and which' '
	calls InlineObj echo >out &&
	test_grep "^0 1 -9 limited: caller 127.0.0.1 may make 0.001 calls/s, 4 at once \(limits/callers<\*>\)" out &&
	calls InlineObj echo -- --name=web.1 >out &&
	test_grep "^0 1 -9 limited: caller web.1 may make 0.001 calls/s, 7 at once \(limits/callers<web.1>\)" out
'

test_expect_success 'one-way requests that are refused are counted, and do not run' '
	calls InlineObj echo -- --count=5 --oneway &&
	wait_for 10 "metric_is adapter_rate_refusals_total 38" &&
	calls InlineObj counts -- --name=someone >out && test_grep "runs=21 " out &&
	stop_service
'

test_expect_success 'a function has a rate, of all servants or of one' '
	put_limits functions.conf "<functions>
T.ProbeServer.CoroObj.work=0.001/3
work=0.001/5
</functions>" &&
	start_probe functions.conf &&
	calls CoroObj echo -- --count=6 --sum >out && sum_is "-9: 3" "0: 3" &&
	calls PoolObj echo -- --count=4 --sum --name=a >out && sum_is "0: 4" &&
	calls InlineObj echo -- --count=4 --sum --name=b >out && sum_is "-9: 3" "0: 1" &&
	calls InlineObj echo >out &&
	test_grep "^0 1 -9 limited: work may be called 0.001 times/s, 5 at once \(limits/functions<work>\)" out &&
	stop_service
'

test_expect_success 'a bucket fills again' '
	put_limits again.conf "<callers>
*=20/1
</callers>" &&
	start_probe again.conf &&
	calls InlineObj echo -- --name=a --count=3 --sum >out && sum_is "-9: 2" "0: 1" &&
	wait_for 20 "calls InlineObj echo -- --name=a >out && test_grep \" 0 0$\" out" &&
	stop_service
'

test_expect_success 'a fixed number of requests at work' '
	put_limits fixed.conf "concurrency=3" &&
	start_probe fixed.conf &&
	{ calls CoroObj hold -- --count=5 >out & pid=$!; } &&
	wait_for 10 "test \"\$(wc -l <out)\" = 2" &&
	test "$(grep -c " -9 limited: 3 requests are at work (limits<concurrency> is 3)" out)" = 2 &&
	calls PoolObj echo >more && test_grep " -9 limited" more &&
	metric_is adapter_concurrency_refusals_total 3 && metric_is adapter_concurrency_limit 3 &&
	kill "$pid" && test_expect_code 143 wait "$pid" &&
	stop_service
'

# With two workers of 5 ms there is no use in having forty at work.
test_expect_success 'an adaptive limit finds what there is room for, and serves that' '
	put_limits auto.conf "concurrency=auto" "threads=2" &&
	start_probe auto.conf &&
	metric_is adapter_concurrency_limit 40 &&
	{ ( while test ! -e enough; do
		calls PoolObj pause 5 -- --connections=60 --count=10 --sum || exit
	done ) >loads & pid=$!; } &&
	wait_for 60 "curl -sS http://127.0.0.1:$(admin_port)/metrics >metrics &&
		test \"\$(sed -n \"s/^tars_adapter_concurrency_limit{.*PoolObjAdapter.*} //p\" metrics)\" -lt 25" &&
	>enough && wait "$pid" &&
	test_grep "^0: " loads && test_grep "^-9: " loads &&
	test_grep ! "^-[1-8]: " loads &&
	calls PoolObj echo 8 >out && test_grep "^0 1 0 8$" out &&
	stop_service
'

test_expect_success 'mistakes are named' '
	put_limits bad.conf "concurrancy=3" &&
	test_expect_code 78 probe-server --config=bad.conf 2>err &&
	test_grep "PoolObjAdapter/limits<concurrancy>: unknown, known are" err &&
	put_limits bad.conf "concurrency=many" &&
	test_expect_code 78 probe-server --config=bad.conf 2>err &&
	test_grep "limits<concurrency>: .many. is not a number of requests" err &&
	put_limits bad.conf "<caller>
</caller>" &&
	test_expect_code 78 probe-server --config=bad.conf 2>err &&
	test_grep "limits/caller: unknown domain, known are callers and functions" err &&
	put_limits bad.conf "<callers>
web=fast
</callers>" &&
	test_expect_code 78 probe-server --config=bad.conf 2>err &&
	test_grep "limits/callers<web>: .fast. is not a rate" err &&
	put_limits bad.conf "<functions>
*=5
</functions>" &&
	test_expect_code 78 probe-server --config=bad.conf 2>err &&
	test_grep "limits/functions<\*>: each function has to be named" err
'

test_done
