#!/bin/sh
# What each level of a chain of calls adds: C alone, B that calls C, A that calls B that calls C.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0007-chain.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (60)
  --rounds N     rounds, each with services of its own (3)
  --shapes LIST  CONNECTIONS:CALLS IN FLIGHT ON EACH:BYTES ... (1:1:128 16:1:128)
B names the build directory (build/gcc-release).'

seconds=60 rounds=3 shapes='1:1:128 16:1:128'
. "$(dirname "$0")/lib-perf.sh"
perf_options "$@"

# measure SHAPE NAME ENTRY PIDS
measure () {
	in_flight=${1#*:}
	"$bin/load" --port "$(server_port "$3")" --pid "$4" --seconds "$each" \
		--connections "${1%%:*}" --in-flight "${in_flight%:*}" --payload "${1##*:}" \
		>"$dir/line"
	result "$2" <"$dir/line"
}

set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 3 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	server c "$bin/echo-tars" coro --listen 127.0.0.1:0
	server b "$bin/echo-tars" coro "next=$(server_port c)" --listen 127.0.0.1:0
	server a "$bin/echo-tars" coro "next=$(server_port b)" --listen 127.0.0.1:0
	for shape in $shapes; do
		measure "$shape" c c "$(server_pid c)"
		measure "$shape" b-c b "$(server_pid b),$(server_pid c)"
		measure "$shape" a-b-c a "$(server_pid a),$(server_pid b),$(server_pid c)"
	done
	stop_servers
	round=$((round + 1))
done
perf_table c cpu_us
