#!/bin/sh
# What a call costs: a raw epoll echo against tars in its three run modes, in alternating rounds.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0001-echo.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (80)
  --rounds N     rounds, each with servers of its own (3)
  --shapes LIST  CONNECTIONS:CALLS IN FLIGHT ON EACH:BYTES ... (1:1:128 64:1:128 1:64:128 64:1:16384)
B names the build directory (build/gcc-release).'

seconds=80 rounds=3 shapes='1:1:128 64:1:128 1:64:128 64:1:16384'
while test $# -gt 0; do
	case "$1" in
	--help) echo "$usage"; exit 0 ;;
	--seconds | --rounds | --shapes)
		test $# -gt 1 || { echo "$1 needs a value" >&2; echo "$usage" >&2; exit 64; }
		case "$1" in
		--seconds) seconds=$2 ;;
		--rounds) rounds=$2 ;;
		--shapes) shapes=$2 ;;
		esac
		shift 2
		;;
	*) echo "unknown option $1" >&2; echo "$usage" >&2; exit 64 ;;
	esac
done
for number in "$seconds" "$rounds"; do
	case "$number" in
	'' | *[!0-9]* | 0) echo "'$number' is not a number above 0" >&2; exit 64 ;;
	esac
done
bin=${B:-build/gcc-release}/t/perf
dir=$(mktemp -d)
servers= pids=

stop_servers () {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	servers= pids=
}
trap 'stop_servers; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

# server NAME COMMAND...: starts it and waits for its "ready tcp HOST:PORT" line.
server () {
	name=$1
	shift
	rm -f "$dir/$name"
	mkfifo "$dir/$name"
	"$@" 2>"$dir/$name" >/dev/null &
	pid=$!
	pids="$pids $pid"
	exec 3<"$dir/$name"
	line=
	while :; do
		read -r line <&3 || { echo "$name: ended before it was ready: $line" >&2; exit 1; }
		case "$line" in *'ready tcp '*) break ;; esac
		echo "$name: $line" >&2
	done
	cat <&3 >&2 &
	exec 3<&-
	servers="$servers $name:$pid:${line##*:}"
}

# measure SHAPE NAME:PID:PORT: one line of results.
measure () {
	in_flight=${1#*:} pid=${2#*:} mode=tars
	test "${2%%:*}" = raw && mode=raw
	"$bin/load" --mode $mode --port "${2##*:}" --pid "${pid%:*}" --seconds "$each" \
		--connections "${1%%:*}" --in-flight "${in_flight%:*}" --payload "${1##*:}" \
		>"$dir/line"
	echo "server=${2%%:*} $(cat "$dir/line")" >>"$dir/results"
}

set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 4 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	server raw "$bin/echo-raw"
	for mode in inline coro pool; do
		server $mode "$bin/echo-tars" $mode --listen 127.0.0.1:0
	done
	for shape in $shapes; do
		for s in $servers; do
			measure "$shape" "$s"
		done
	done
	stop_servers
	round=$((round + 1))
done

awk '
# Sorts what was measured into v[1..n] and returns n.
function sorted(key, field, v,    n, i, j, x) {
	n = split(values[key, field], v, " ")
	for (i = 1; i <= n; i++) {
		x = v[i] + 0
		for (j = i - 1; j > 0 && v[j] > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
	return n
}
function median(key, field,    n, v) {
	n = sorted(key, field, v)
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
# Half the distance between the extremes, in percent of the median.
function spread(key, field,    n, v, m) {
	n = sorted(key, field, v)
	m = median(key, field)
	return m ? 50 * (v[n] - v[1]) / m : 0
}
{
	for (i = 1; i <= NF; i++) {
		split($i, kv, "=")
		f[kv[1]] = kv[2]
	}
	shape = f["connections"] " x " f["in_flight"] ", " f["payload"] " B"
	key = f["server"] SUBSEP shape
	if (!(key in seen)) {
		seen[key] = 1
		order[++n_order] = key
	}
	for (name in f)
		values[key, name] = values[key, name] " " f[name]
	# To the raw echo of the same round, which comes first.
	if (f["server"] == "raw")
		raw_us = f["cpu_us"]
	if (raw_us > 0)
		values[key, "ratio"] = values[key, "ratio"] " " f["cpu_us"] / raw_us
}
END {
	printf "%-20s %-7s %12s %7s %10s %10s %12s %7s\n", "connections x calls", "server",
	       "CPU us/call", "ratio", "+-", "calls/s", "p50 us", "p99 us"
	for (i = 1; i <= n_order; i++) {
		key = order[i]
		split(key, part, SUBSEP)
		printf "%-20s %-7s %12.2f %7.2f %9.0f%% %10.0f %12.1f %7.1f\n", part[2], part[1],
		       median(key, "cpu_us"), median(key, "ratio"), spread(key, "ratio"),
		       median(key, "calls_per_s"), median(key, "p50_us"), median(key, "p99_us")
	}
}' "$dir/results"
