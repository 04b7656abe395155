#!/bin/sh
# More reactors than cores: the raw epoll echo against tars (INLINE) with 1, 2, 4 and 16 of them, in
# alternating rounds.  t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0009-reactors.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (120)
  --rounds N     rounds, each with servers of its own (3)
  --shapes LIST  CONNECTIONS:CALLS IN FLIGHT ON EACH:BYTES ... (64:1:128 64:16:128)
B names the build directory (build/gcc-release).'

seconds=120 rounds=3
shapes='64:1:128 64:16:128'
reactors='1 2 4 16'
. "$(dirname "$0")/lib-perf.sh"
perf_options "$@"

for n in $reactors; do
	server_keys="netthread=$n" perf_config "$dir/echo-$n.conf" \
		'endpoint=tcp -h 127.0.0.1 -p 0 -t 60000' threads=1 maxconns=2000 queuecap=10000
done
set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 5 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	server raw "$bin/echo-raw"
	for n in $reactors; do
		server "loops$n" "$bin/echo-tars" inline --config "$dir/echo-$n.conf"
	done
	for shape in $shapes; do
		measure "$shape" raw
		for n in $reactors; do
			measure "$shape" "loops$n"
		done
	done
	stop_servers
	round=$((round + 1))
done
perf_table raw cpu_us
