#!/bin/sh
# What a chain of three services costs: each but the last asks the next one before it answers.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0006-chain.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (40)
  --rounds N     rounds, each with servers of its own (3)
  --shapes LIST  CONNECTIONS:CALLS IN FLIGHT ON EACH:BYTES ... (1:1:128 64:1:128)
B names the build directory (build/gcc-release).'

seconds=40 rounds=3 shapes='1:1:128 64:1:128'
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

# before NAME: the environment that puts a service in front of NAME.
before () {
	echo "PERF_NEXT=Perf.EchoServer.EchoObj@tcp -h 127.0.0.1 -p $(server_port "$1")"
}

set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 4 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	for mode in coro pool; do
		server $mode "$bin/echo-tars" $mode --listen 127.0.0.1:0
		server $mode-mid env "$(before $mode)" "$bin/echo-tars" $mode --listen 127.0.0.1:0
		server $mode-3 env "$(before $mode-mid)" "$bin/echo-tars" $mode --listen 127.0.0.1:0
	done
	for shape in $shapes; do
		for name in coro coro-3 pool pool-3; do
			measure "$shape" $name
		done
	done
	stop_servers
	round=$((round + 1))
done
perf_table coro cpu_us
