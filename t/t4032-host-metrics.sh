#!/usr/bin/env bash
test_description='nodes report on their machines: stored, shown, and forgotten after 31 days'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

count () {
	pg_sql "SELECT count(*) FROM t_node_metrics WHERE node_name = \$\$n1\$\$"
}

has_reports () {
	test "$(count)" -ge "$1"
}

# insert AGE [CLOCK-DIFF]: a report of node n1, so old
insert () {
	pg_sql "INSERT INTO t_node_metrics VALUES (\$\$n1\$\$, now() - interval \$\$$1\$\$, 7, 2, 0.5,
		0.25, 0.125, 8589934592, 2147483648, 1048576, ${2:-NULL},
		\$\$[{\"path\": \"/\", \"total\": 107374182400, \"free\": 26843545600},
		    {\"path\": \"/data\", \"total\": 0, \"free\": 0}]\$\$)"
}

test_expect_success 'a node reports what its machine has' '
	pg_use && pg_create node &&
	start_registry &&
	start_node --heartbeat 20ms --metrics 20ms &&
	wait_for 10 "has_reports 3" &&
	ctl node metrics n1 -o json >out &&
	python3 - <<-\EOF
	import json, os
	rows = json.load(open("out"))
	rows = rows["rows"] if isinstance(rows, dict) else rows
	r, = rows
	total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
	assert r["node"] == "n1", r
	assert abs(r["memTotalMb"] - total) < 64 + total / 20, (r, total)
	assert 0 < r["memFreeMb"] <= r["memTotalMb"], r
	assert 0 <= r["cpu"] <= 100 and r["processors"] == os.cpu_count(), r
	assert len(r["load"].split()) == 3, r
	assert 0 < r["diskPercent"] <= 100 and r["disks"].startswith("/ "), r
	# Both have one clock here.
	assert abs(int(r["clockDiff"])) < 1000, r
	EOF
'

test_expect_success 'only the first report does not know the clock' '
	test "$(pg_sql "SELECT count(*) FROM t_node_metrics WHERE clock_diff IS NULL")" = 1
'

test_expect_success 'with metrics 0 there are none' '
	stop_role node &&
	start_node --heartbeat 20ms --metrics 0 &&
	pg_sql "DELETE FROM t_node_metrics" &&
	before=$(pg_sql "SELECT last_heartbeat FROM t_node_info") &&
	wait_for 10 "test \"\$(pg_sql \"SELECT last_heartbeat FROM t_node_info\")\" != \"$before\"" &&
	test "$(count)" = 0
'

test_expect_success 'the last reports, the youngest below, with what they mean' '
	insert "3 minutes" && insert "2 minutes" -1500 && insert "1 minute" 20 &&
	ctl node metrics "n*" --last 2 -o wide >out &&
	test "$(grep -c "^n1 " out)" = 2 &&
	test_grep "^n1 .* 7 +0.50 0.25 0.13 +8192 +2048 +100 +-1500 +1 +2 +/ 75% of 100.0 GB" out &&
	tail -n 1 out >last && test_grep " 20 " last &&
	ctl node metrics nobody >out && test_grep ! "n1" out
'

test_expect_success 'what is older than 31 days goes, what is younger stays' '
	insert "31 days 1 minute" && insert "30 days 23 hours" &&
	kill_role registry && start_registry --check-interval 50ms &&
	wait_for 10 "test \"\$(count)\" = 4"
'

# report NODE METRICS: what the registry answers
report () {
	tars call tars.tarsregistry.RegistryObj reportHost \
		"{\"nodeName\": \"$1\", \"metrics\": {$2}}" >answer
}

test_expect_success 'figures that cannot be, and nodes that are not there, leave nothing' '
	disk="{\"path\": \"/\"}" &&
	for metrics in "\"disks\": [$disk$(printf ",$disk%.0s" {1..64})]" "\"cpu\": 101" \
		"\"cpu\": -1" "\"memTotal\": 9223372036854775807" "\"swapUsed\": -1" \
		"\"disks\": [{\"path\": \"/\", \"total\": 1, \"free\": 2}]" \
		"\"disks\": [{\"path\": \"a\\u0000b\"}]" "\"avg1\": 1e30"
	do
		report n1 "$metrics" && test_grep "\"tars_ret\":-1" answer || return 1
	done &&
	report nobody "\"cpu\": 5" &&
	test "$(pg_sql "SELECT count(*) FROM t_node_metrics")" = 4 &&
	report n1 "\"cpu\": 5, \"clockDiff\": 7" && test_grep "\"tars_ret\":0" answer &&
	test "$(count)" = 5
'

test_done
