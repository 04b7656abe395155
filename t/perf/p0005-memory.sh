#!/bin/sh
# What connections and large messages cost in memory: resident size of the server, in kB.
set -eu

usage='usage: p0005-memory.sh
B names the build directory (build/gcc-release).'
seconds=1 rounds=1 shapes=
. "$(dirname "$0")/lib-perf.sh"
perf_options "$@"

resident () {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(server_pid "$1")/status"
}

# What malloc keeps goes back some seconds after the last large packet.
settled () {
	sleep 5
	resident "$1"
}

perf_config "$dir/many.conf" 'endpoint=tcp -h 127.0.0.1 -p 0 -t 60000' maxconns=20000
ulimit -n "$(ulimit -Hn)"
printf '%-44s %10s %10s %10s\n' 'server' 'at start' 'with' 'after'
for mode in inline coro pool; do
	server $mode "$bin/echo-tars" $mode --config "$dir/many.conf"
	before=$(resident $mode)
	"$bin/load" --port "$(server_port $mode)" --pid "$(server_pid $mode)" --connections 10000 \
		--rate 2000 --payload 128 --seconds 10 >"$dir/line"
	printf '%-44s %10s %10s %10s\n' "$mode, 10,000 connections, 2,000 calls/s" "$before" \
		"$(sed 's/.*resident_kb=\([0-9]*\).*/\1/' "$dir/line")" "$(resident $mode)"
	before=$(resident $mode)
	"$bin/load" --port "$(server_port $mode)" --pid "$(server_pid $mode)" --connections 64 \
		--payload 1048576 --seconds 3 >"$dir/line"
	printf '%-44s %10s %10s %10s\n' "$mode, 64 connections, calls of 1 MB" "$before" \
		"$(sed 's/.*resident_kb=\([0-9]*\).*/\1/' "$dir/line")" "$(settled $mode)"
	stop_servers
done
