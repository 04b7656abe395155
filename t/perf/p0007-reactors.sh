#!/bin/sh
# Do more reactors than processors behave: the inline echo with 1, 2, 4 and 8 of them.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0007-reactors.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (40)
  --rounds N     rounds, each with servers of its own (3)
  --shapes LIST  CONNECTIONS:CALLS IN FLIGHT ON EACH:BYTES ... (64:1:128 8:64:128)
B names the build directory (build/gcc-release).'

seconds=40 rounds=3 shapes='64:1:128 8:64:128'
. "$(dirname "$0")/lib-perf.sh"
perf_options "$@"

# measure SHAPE NAME
measure () {
	in_flight=${1#*:}
	"$bin/load" --port "$(server_port "$2")" --pid "$(server_pid "$2")" --seconds "$each" \
		--connections "${1%%:*}" --in-flight "${in_flight%:*}" --payload "${1##*:}" \
		>"$dir/line"
	result "$2" <"$dir/line"
}

set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 4 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	for n in 1 2 4 8; do
		perf_config "$dir/echo.conf" 'endpoint=tcp -h 127.0.0.1 -p 0 -t 60000' queuecap=10000
		sed -i "s/^app=Perf/netthread=$n\n&/" "$dir/echo.conf"
		server reactors-$n "$bin/echo-tars" inline --config "$dir/echo.conf"
	done
	for shape in $shapes; do
		for n in 1 2 4 8; do
			measure "$shape" reactors-$n
		done
	done
	stop_servers
	round=$((round + 1))
done
perf_table reactors-1 cpu_us
