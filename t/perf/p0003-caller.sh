#!/bin/sh
# What a call costs its caller: our client in its three styles against the raw generator.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0003-caller.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (60)
  --rounds N     rounds, each with servers of its own (3)
  --shapes LIST  CONNECTIONS:CALLS IN FLIGHT ON EACH:BYTES ... (64:1:128 1:64:128 1:1:128)
B names the build directory (build/gcc-release).'

seconds=60 rounds=3 shapes='64:1:128 1:64:128 1:1:128'
. "$(dirname "$0")/lib-perf.sh"
perf_options "$@"

# measure SHAPE NAME
measure () {
	in_flight=${1#*:}
	in_flight=${in_flight%:*}
	if test "$2" = raw; then
		"$bin/load" --mode raw --port "$(server_port raw)" --connections "${1%%:*}" \
			--in-flight "$in_flight" --payload "${1##*:}" --seconds "$each"
	else
		"$bin/caller-tars" --mode "$2" --port "$(server_port inline)" \
			--servers "${1%%:*}" --in-flight "$in_flight" --payload "${1##*:}" \
			--seconds "$each"
	fi >"$dir/line"
	result "$2" <"$dir/line"
}

set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 4 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	server raw "$bin/echo-raw"
	server inline "$bin/echo-tars" inline --listen 0.0.0.0:0
	for shape in $shapes; do
		for style in raw sync async begin; do
			measure "$shape" "$style"
		done
	done
	stop_servers
	round=$((round + 1))
done
perf_table raw own_cpu_us
