#!/bin/sh
# Do slow calls hold up the others: one call in a hundred takes 100 ms, at a fixed rate.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0004-isolation.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (60)
  --rounds N     rounds, each with servers of its own (3)
  --shapes LIST  CONNECTIONS:CALLS A SECOND OF ALL:BYTES ... (64:2000:128)
B names the build directory (build/gcc-release).'

seconds=60 rounds=3 shapes='64:2000:128'
. "$(dirname "$0")/lib-perf.sh"
perf_options "$@"

# Enough threads that those who sleep leave some: 2,000 / 100 calls of 0.1 s keep two asleep.
perf_config "$dir/pool.conf" 'endpoint=tcp -h 127.0.0.1 -p 0 -t 60000' threads=16

# measure SHAPE SERVER EACH: every EACH-th call is slow; 0: none
measure () {
	rate=${1#*:}
	"$bin/load" --port "$(server_port "$2")" --pid "$(server_pid "$2")" --seconds "$each" \
		--connections "${1%%:*}" --in-flight 32 --rate "${rate%:*}" \
		--payload "${1##*:}" --slow-each "$3" --slow-ms 100 >"$dir/line"
	name=$2
	test "$3" = 0 || name=$2+1%
	result "$name" <"$dir/line"
}

set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 4 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	server coro "$bin/echo-tars" coro --listen 127.0.0.1:0
	server pool "$bin/echo-tars" pool --config "$dir/pool.conf"
	for shape in $shapes; do
		measure "$shape" coro 0
		measure "$shape" coro 100
		measure "$shape" pool 0
		measure "$shape" pool 100
	done
	stop_servers
	round=$((round + 1))
done
perf_table coro cpu_us
