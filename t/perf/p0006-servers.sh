#!/bin/sh
# What it costs a caller to have 100 servers in turn instead of one: one proxy with all of them.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0006-servers.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (20)
  --rounds N     rounds, each with a server of its own (3)
  --shapes LIST  SERVERS:CALLS IN FLIGHT OF ALL:BYTES ... (100:1:128)
B names the build directory (build/gcc-release).'

seconds=20 rounds=3 shapes='100:1:128'
. "$(dirname "$0")/lib-perf.sh"
perf_options "$@"

# measure SHAPE NAME SERVERS
measure () {
	in_flight=${1#*:}
	"$bin/caller-tars" --mode sync --port "$(server_port inline)" --one-proxy --servers "$3" \
		--in-flight "${in_flight%:*}" --payload "${1##*:}" --seconds "$each" >"$dir/line"
	result "$2" <"$dir/line"
}

set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 2 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	server inline "$bin/echo-tars" inline --listen 0.0.0.0:0
	for shape in $shapes; do
		measure "$shape" one 1
		measure "$shape" many "${shape%%:*}"
	done
	stop_servers
	round=$((round + 1))
done
perf_table one own_cpu_us
