#!/bin/sh
# What two loops of one process cost each other: one process with two reactors against two processes
# with one each, both under two generators.  False sharing on the path of a call would make the
# calls of the one process dearer.  t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0012-sharing.sh [--seconds N] [--rounds N] [--shapes LIST]
  --seconds N    for all rounds together (60)
  --rounds N     rounds, each with servers of its own (5)
  --shapes LIST  CONNECTIONS:CALLS IN FLIGHT ON EACH:BYTES ... (64:1:128 64:16:128)
                 half of the connections belong to each generator
B names the build directory (build/gcc-release).'

seconds=60 rounds=5
shapes='64:1:128 64:16:128'
. "$(dirname "$0")/lib-perf.sh"
perf_options "$@"

# generate SHAPE SERVER FILE
generate () {
	in_flight=${1#*:}
	"$bin/load" --mode tars --port "$(server_port "$2")" --pid "$(server_pid "$2")" \
		--seconds "$each" --connections $((${1%%:*} / 2)) --in-flight "${in_flight%:*}" \
		--payload "${1##*:}" >"$3"
}

# both SHAPE NAME SERVER SERVER: CPU per call is that of the servers by the calls of both; the
# percentiles are the mean of the two.
both () {
	generate "$1" "$3" "$dir/line1" &
	generate "$1" "$4" "$dir/line2"
	wait $!
	cat "$dir/line1" "$dir/line2" | awk -v is_one="$(test "$3" = "$4" && echo 1)" '
	{
		for (i = 1; i <= NF; i++) {
			split($i, kv, "=")
			f[NR, kv[1]] = kv[2]
			names[kv[1]] = 1
		}
	}
	END {
		a = f[1, "calls_per_s"]
		b = f[2, "calls_per_s"]
		for (name in names)
			sum[name] = (f[1, name] + f[2, name]) / 2
		sum["connections"] *= 2
		sum["calls_per_s"] = a + b
		sum["cpu_us"] = (f[1, "cpu_us"] * a + f[2, "cpu_us"] * b) / (a + b) / (is_one ? 2 : 1)
		for (name in sum)
			printf "%s=%s ", name, sum[name]
		print ""
	}' >"$dir/line"
	result "$2" <"$dir/line"
}

server_keys=netthread=2 perf_config "$dir/echo-2.conf" \
	'endpoint=tcp -h 127.0.0.1 -p 0 -t 60000' threads=1 maxconns=2000 queuecap=10000
server_keys=netthread=1 perf_config "$dir/echo-1.conf" \
	'endpoint=tcp -h 127.0.0.1 -p 0 -t 60000' threads=1 maxconns=2000 queuecap=10000
set -- $shapes
each=$(awk "BEGIN { print $seconds / ($rounds * $# * 2 * 1.1) }")
round=0
while test $round -lt "$rounds"; do
	server left "$bin/echo-tars" inline --config "$dir/echo-1.conf"
	server right "$bin/echo-tars" inline --config "$dir/echo-1.conf"
	server one "$bin/echo-tars" inline --config "$dir/echo-2.conf"
	for shape in $shapes; do
		both "$shape" apart left right
		both "$shape" together one one
	done
	stop_servers
	round=$((round + 1))
done
perf_table apart cpu_us
