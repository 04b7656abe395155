#!/bin/sh
# What a call costs: a raw epoll echo against tars in its three run modes, in alternating rounds.
# usage: p0001-echo.sh [--seconds N]     N: for all rounds together, 40 by default
# B names the build directory.  Ratios compare CPU time of the server per call with the raw echo.
set -eu

seconds=40 rounds=4
case "${1-}" in
--seconds) seconds=$2 ;;
'') ;;
*) echo "usage: $0 [--seconds N]" >&2; exit 64 ;;
esac
bin=${B:-build/gcc-release}/t/perf
dir=$(mktemp -d)
servers= pids=
trap 'kill $pids 2>/dev/null || :; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

# server NAME COMMAND...: starts it and waits for its "ready tcp HOST:PORT" line.
server () {
	name=$1
	shift
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

server raw "$bin/echo-raw"
for mode in inline coro pool; do
	server $mode "$bin/echo-tars" $mode --listen 127.0.0.1:0
done

shapes='1:1:64 1:1:4096 16:8:64'   # connections, calls in flight on each, bytes
each=$(awk "BEGIN { print $seconds / ($rounds * 3 * 4 * 1.1) }")
round=0
while test $round -lt $rounds; do
	for shape in $shapes; do
		rest=${shape#*:}
		for s in $servers; do
			name=${s%%:*} port=${s##*:} pid=${s#*:} mode=tars
			test $name = raw && mode=raw
			"$bin/load" --mode $mode --port "$port" --pid "${pid%:*}" --seconds "$each" \
				--connections "${shape%%:*}" --in-flight "${rest%:*}" \
				--payload "${rest#*:}" >"$dir/line"
			echo "server=$name $(cat "$dir/line")" >>"$dir/results"
		done
	done
	round=$((round + 1))
done

awk '
function median(key, field,    n, i, j, v, x) {
	n = split(values[key, field], v, " ")
	for (i = 2; i <= n; i++) {
		x = v[i] + 0
		for (j = i - 1; j > 0 && v[j] + 0 > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
	return n % 2 ? v[(n + 1) / 2] + 0 : (v[n / 2] + v[n / 2 + 1]) / 2
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
}
END {
	printf "%-20s %-8s %12s %10s %10s %12s %8s\n",
	       "connections x calls", "server", "calls/s", "p50 us", "p99 us", "CPU us/call", "ratio"
	for (i = 1; i <= n_order; i++) {
		split(order[i], part, SUBSEP)
		cpu = median(order[i], "cpu_us")
		raw = median("raw" SUBSEP part[2], "cpu_us")
		printf "%-20s %-8s %12.0f %10.1f %10.1f %12.2f %8s\n", part[2], part[1],
		       median(order[i], "calls_per_s"), median(order[i], "p50_us"),
		       median(order[i], "p99_us"), cpu, raw ? sprintf("%.2f", cpu / raw) : "-"
	}
}' "$dir/results"
