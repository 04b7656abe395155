#!/usr/bin/env bash
# What the IDL compiler takes for a megabyte of text, beside wc and a C compiler.
# t/perf/README.md tells how to read the table.
set -eu

usage='usage: p0008-idl.sh [--megabytes N] [--rounds N]
  --megabytes N  size of the text (1)
  --rounds N     of which the best counts (5)
B names the build directory (build/gcc-release), CC the C compiler (gcc).'

megabytes=1 rounds=5
while test $# -gt 0; do
	case "$1" in
	--help) echo "$usage"; exit 0 ;;
	--megabytes | --rounds)
		[[ ${2-} =~ ^[1-9][0-9]*$ ]] || { echo "$1 needs a number above 0" >&2; exit 64; }
		declare "${1#--}=$2"
		shift 2
		;;
	*) echo "unknown option $1" >&2; echo "$usage" >&2; exit 64 ;;
	esac
done
tars=${B:-build/gcc-release}/tars
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Modules of a shop: enums, constants, structs that use each other, keys, interfaces, comments.
awk -v size=$((megabytes * 1000000)) '
function put(text) { printf "%s", text; n += length(text) }
BEGIN {
	for (m = 0; n < size; m++) {
		put("// Module " m ": orders, their lines and who delivers them.\nmodule Shop" m)
		put("\n{\n\tenum State\n\t{\n\t\tOPEN, // not paid yet\n\t\tPAID = 10,\n\t\tSENT,\n\t};\n\n")
		put("\tconst string VERSION = \"1." m "\";\n\n")
		for (s = 0; s < 20; s++) {
			put("\t// One line of an order; " s " is its kind.\n\tstruct Line" s "\n\t{\n")
			put("\t\t0 require long id;\n\t\t1 require string name; // as in the catalogue\n")
			put("\t\t2 optional int amount = 1;\n\t\t3 optional State state = PAID;\n")
			put("\t\t4 optional map<string, string> labels;\n")
			put("\t\t5 optional vector<byte> picture;\n")
			if (s) {
				put("\t\t6 optional vector<Line" s - 1 "> parts;\n")
				put("\t\t7 optional map<long, Line" s - 1 "> by_id;\n")
			}
			put("\t};\n\tkey[Line" s ", id, name];\n\n")
		}
		put("\tinterface Orders\n\t{\n")
		for (f = 0; f < 20; f++) {
			put("\t\t/**\n\t\t * Puts a line into an order.\n\t\t * @param order  its number\n")
			put("\t\t */\n\t\tint put" f "(long order, Line" f " line, out vector<Line" f)
			put("> all, out string text);\n")
		}
		put("\t};\n};\n\n")
	}
}' >"$dir/Big.tars"

# best NAME COMMAND...: milliseconds of the best round, by the clock and of the processor, per MB
best () {
	local name=$1 TIMEFORMAT='%R %U %S' i
	shift
	for ((i = 0; i < rounds; i++)); do
		{ time "$@" >/dev/null 2>&1; } 2>>"$dir/$name"
	done
	awk -v name="$name" -v size="$(stat -c %s "$dir/Big.tars")" '
		NR == 1 || $1 < clock { clock = $1 }
		NR == 1 || $2 + $3 < cpu { cpu = $2 + $3 }
		END { printf "%-22s %10.1f %10.1f\n", name, clock * 1e9 / size, cpu * 1e9 / size }
	' "$dir/$name"
}

printf '%-22s %10s %10s\n' '' 'ms/MB' 'CPU ms/MB'
best wc wc "$dir/Big.tars"
best check "$tars" idl check "$dir/Big.tars"
best gen "$tars" idl gen --out "$dir" "$dir/Big.tars"
rounds=1
best 'cc of what it writes' "${CC:-gcc}" -Icore -I. -fsyntax-only "$dir/Big.c"
