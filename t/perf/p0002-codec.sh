#!/bin/sh
# What the codec costs: straight-line code and tables against protobuf, in alternating rounds.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0002-codec.sh [--rounds N] [--ms N] [--instructions]
  --rounds N       rounds, at most 101 (15)
  --ms N           CPU time of each measurement in a round (10)
  --instructions   instead of time, instructions of one operation, counted by valgrind
B names the build directory (build/gcc-release).'

rounds=15 ms=10 instructions=
while test $# -gt 0; do
	case "$1" in
	--help) echo "$usage"; exit 0 ;;
	--instructions) instructions=1; shift ;;
	--rounds | --ms)
		test $# -gt 1 || { echo "$1 needs a value" >&2; echo "$usage" >&2; exit 64; }
		case "$1" in
		--rounds) rounds=$2 ;;
		--ms) ms=$2 ;;
		esac
		shift 2
		;;
	*) echo "unknown option $1" >&2; echo "$usage" >&2; exit 64 ;;
	esac
done
bin=${B:-build/gcc-release}/t/perf/codec-bench
test -n "$instructions" || exec "$bin" "$rounds" "$ms"
command -v valgrind >/dev/null || { echo "valgrind is not there" >&2; exit 69; }

# count OPERATION SUBJECT TIMES: instructions of the whole process.
count () {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bin" run "$@" 2>&1 |
		sed -n 's/.*Collected : *//p'
}

# The difference between many times and few is that of the operation alone.
printf '%-13s %-7s %9s %9s %9s %9s\n' instructions message tars tables protobuf reused
op=0
"$bin" names | while read -r name; do
	printf '%s' "$name"
	for subject in 0 1 2 3; do
		if "$bin" run $op $subject 1; then
			few=$(count $op $subject 10) many=$(count $op $subject 60)
			printf ' %9d' $(((many - few) / 50))
		fi
	done
	echo
	op=$((op + 1))
done
