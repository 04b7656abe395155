#!/usr/bin/env bash
test_description='/metrics: functions with failures and times, endpoints, lag of the loops'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-observe.sh"

scrape () {
	curl -sS --max-time 30 "http://127.0.0.1:$observed_admin/metrics" >metrics
}

# value 'NAME{LABELS}': of that series.
value () {
	python3 -c 'import sys
for line in open("metrics"):
	if line.startswith(sys.argv[1] + " "):
		print(line.split()[-1])' "$1"
}

test_expect_success 'calls, failures by code, times' '
	start_observed &&
	work Pool ok && work Pool ok && test_must_fail work Pool fail 7 &&
	work Inline sleep 100 &&
	pool="servant=\"T.Observed.PoolObj\",function=\"work\"" &&
	inline="servant=\"T.Observed.InlineObj\",function=\"work\"" &&
	wait_for 5 "scrape; test \"\$(value \"tars_function_calls_total{\$pool}\")\" = 3" &&
	test "$(value "tars_function_failures_total{$pool,code=\"7\"}")" = 1 &&
	test "$(value "tars_function_seconds_count{$pool}")" = 3 &&
	test "$(value "tars_function_seconds_bucket{$pool,le=\"+Inf\"}")" = 3 &&
	wait_for 5 "scrape; test \"\$(value \"tars_function_seconds_count{\$inline}\")\" = 1" &&
	test "$(value "tars_function_seconds_bucket{$inline,le=\"0.065536\"}")" = 0 &&
	test "$(value "tars_function_seconds_bucket{$inline,le=\"16.777216\"}")" = 1 &&
	python3 -c "import sys; assert float(sys.argv[1]) >= 0.1 and float(sys.argv[2]) >= 0.1, sys.argv" \
		"$(value "tars_function_seconds_sum{$inline}")" "$(value "tars_loop_lag_seconds{loop=\"0\"}")"
'

test_expect_success 'endpoints: one series each, though two proxies have the name' '
	me="tcp -h 127.0.0.1 -p $observed_port" &&
	work Coro call 0 "T.Observed.PoolObj@$me" &&
	work Coro call 0 "T.Observed.PoolObj@$me -t 5000" &&
	test_must_fail work Coro call 0 "T.Nobody.Obj@tcp -h 127.0.0.1 -p 1" &&
	scrape &&
	to="object=\"T.Observed.PoolObj\",endpoint=\"tcp 127.0.0.1:$observed_port\"" &&
	test "$(value "tars_endpoint_calls_ok_total{$to}")" = 2 &&
	test "$(value "tars_endpoint_usable{$to}")" = 1 &&
	nobody="object=\"T.Nobody.Obj\",endpoint=\"tcp 127.0.0.1:1\"" &&
	test "$(value "tars_endpoint_usable{$nobody}")" = 0 &&
	grep -v "^#" metrics | sed "s/ [^ ]*\$//" | sort | uniq -d >double &&
	test ! -s double
'

test_done
