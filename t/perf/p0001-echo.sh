#!/bin/sh
# What a call costs: a raw epoll echo against tars in its three run modes, in alternating rounds.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0001-echo.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (240)
  --rounds N     rounds, each with servers of its own (3)
  --shapes LIST  CONNECTIONS:CALLS IN FLIGHT ON EACH:BYTES ...
                 (1:1:128 64:1:16 64:1:1024 64:1:16384 1:64:16 1:64:128 1:64:1024 1:64:16384
                 1000:1:128)
B names the build directory (build/gcc-release).'

seconds=240 rounds=3
shapes='1:1:128 64:1:16 64:1:1024 64:1:16384 1:64:16 1:64:128 1:64:1024 1:64:16384 1000:1:128'
. "$(dirname "$0")/lib-perf.sh"
perf_options "$@"

# One worker; a thousand calls under way must not be refused.  All that a call can pay for is on:
# the limits, so high that they let all through, beside the statistics that are always there.
perf_config "$dir/echo.conf" 'endpoint=tcp -h 127.0.0.1 -p 0 -t 60000' threads=1 maxconns=2000 \
	queuecap=10000 '<limits>' concurrency=5000 '<callers>' '*=100000000/10000000' '</callers>' \
	'<functions>' 'echo=100000000/10000000' '</functions>' '</limits>'
ulimit -n "$(ulimit -Hn)"
set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 4 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	server raw "$bin/echo-raw"
	for mode in inline coro pool; do
		server $mode "$bin/echo-tars" $mode --config "$dir/echo.conf"
	done
	for shape in $shapes; do
		for name in raw inline coro pool; do
			measure "$shape" "$name"
		done
	done
	stop_servers
	round=$((round + 1))
done
perf_table raw cpu_us
