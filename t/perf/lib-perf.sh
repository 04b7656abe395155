# What the benchmark scripts share: servers in rounds, results as lines, the table of medians.
# Sourced by t/perf/p*.sh after $usage and the defaults $seconds, $rounds and $shapes are set.
#
#	perf_options "$@"       --seconds, --rounds, --shapes, --help
#	server NAME COMMAND...  starts it in the background; adds "NAME:PID:PORT" to $servers
#	stop_servers
#	perf_config FILE KEY=VALUE...   a configuration of the echo service, with its adapter's keys;
#	                                $server_keys: those of the server
#	$bin/load ... | result NAME   one line of figures of NAME, for the table
#	measure SHAPE NAME      loads the server and keeps its figures for the table
#	perf_table REFERENCE CPU      medians; CPU (cpu_us, own_cpu_us) is compared with REFERENCE's
#	                              of the same round, which must be measured first in each shape

bin=${B:-build/gcc-release}/t/perf
dir=$(mktemp -d)
servers= pids=

perf_options () {
	while test $# -gt 0; do
		case "$1" in
		--help) echo "$usage"; exit 0 ;;
		--seconds | --rounds | --shapes)
			test $# -gt 1 || { echo "$1 needs a value" >&2; echo "$usage" >&2; exit 64; }
			case "$1" in
			--seconds) seconds=$2 ;;
			--rounds) rounds=$2 ;;
			--shapes) shapes=$2 ;;
			esac
			shift 2
			;;
		*) echo "unknown option $1" >&2; echo "$usage" >&2; exit 64 ;;
		esac
	done
	for number in "$seconds" "$rounds"; do
		case "$number" in
		'' | *[!0-9]* | 0) echo "'$number' is not a number above 0" >&2; exit 64 ;;
		esac
	done
}

stop_servers () {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	servers= pids=
}
trap 'stop_servers; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

# Waits for its "ready tcp HOST:PORT" line.
server () {
	name=$1
	shift
	rm -f "$dir/$name"
	mkfifo "$dir/$name"
	"$@" 2>"$dir/$name" >/dev/null &
	pid=$!
	pids="$pid $pids"   # those who call others end first
	exec 3<"$dir/$name"
	line=
	while :; do
		read -r line <&3 || { echo "$name: ended before it was ready: $line" >&2; exit 1; }
		case "$line" in *'ready tcp '*) break ;; esac
		echo "$name: $line" >&2
	done
	cat <&3 >&2 &
	exec 3<&-
	servers="$servers $name:$pid:${line##*:}"
}

server_pid () {
	for s in $servers; do
		test "${s%%:*}" != "$1" || { s=${s#*:}; echo "${s%:*}"; }
	done
}

server_port () {
	for s in $servers; do
		test "${s%%:*}" != "$1" || echo "${s##*:}"
	done
}

perf_config () {
	file=$1
	shift
	{
		printf '%s\n' '<tars>' '<application>' '<server>' app=Perf server=EchoServer ${server_keys:-} \
			'<Perf.EchoServer.EchoObjAdapter>' servant=Perf.EchoServer.EchoObj
		printf '%s\n' "$@"
		printf '%s\n' '</Perf.EchoServer.EchoObjAdapter>' '</server>' '</application>' '</tars>'
	} >"$file"
}

# A line of figures from standard input.  Not in a pipe's status, so an empty one ends the script.
result () {
	read -r figures || { echo "$1: no figures" >&2; exit 1; }
	echo "server=$1 $figures" >>"$dir/results"
}

# The server called raw is the raw echo; $each seconds.
measure () {
	in_flight=${1#*:} mode=tars
	test "$2" = raw && mode=raw
	"$bin/load" --mode $mode --port "$(server_port "$2")" --pid "$(server_pid "$2")" \
		--seconds "$each" --connections "${1%%:*}" --in-flight "${in_flight%:*}" \
		--payload "${1##*:}" >"$dir/line"
	result "$2" <"$dir/line"
}

perf_table () {
	awk -v reference="$1" -v cpu="$2" '
	# Sorts what was measured into v[1..n] and returns n.
	function sorted(key, field, v,    n, i, j, x) {
		n = split(values[key, field], v, " ")
		for (i = 1; i <= n; i++) {
			x = v[i] + 0
			for (j = i - 1; j > 0 && v[j] > x; j--)
				v[j + 1] = v[j]
			v[j + 1] = x
		}
		return n
	}
	function median(key, field,    n, v) {
		n = sorted(key, field, v)
		return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
	}
	# Half the distance between the extremes, in percent of the median.
	function spread(key, field,    n, v, m) {
		n = sorted(key, field, v)
		m = median(key, field)
		return m ? 50 * (v[n] - v[1]) / m : 0
	}
	{
		for (i = 1; i <= NF; i++) {
			split($i, kv, "=")
			f[kv[1]] = kv[2]
		}
		shape = f["connections"] " x " f["in_flight"] ", " f["payload"] " B"
		key = f["server"] SUBSEP shape
		if (!(key in seen)) {
			seen[key] = 1
			order[++n_order] = key
		}
		for (name in f)
			values[key, name] = values[key, name] " " f[name]
		# To the reference of the same round, which comes first.
		if (f["server"] == reference) {
			base = f[cpu]
			base_p50 = f["p50_us"]
		}
		if (base > 0)
			values[key, "ratio"] = values[key, "ratio"] " " f[cpu] / base
		if (base_p50 > 0)
			values[key, "ratio50"] = values[key, "ratio50"] " " f["p50_us"] / base_p50
		split("", f)
	}
	END {
		printf "%-22s %-8s %12s %7s %6s %10s %9s %6s %9s %9s\n", "connections x calls",
		       "server", "CPU us/call", "ratio", "+-", "calls/s", "p50 us", "ratio",
		       "p99 us", "p99.9 us"
		for (i = 1; i <= n_order; i++) {
			key = order[i]
			split(key, part, SUBSEP)
			printf "%-22s %-8s %12.2f %7.2f %5.0f%% %10.0f %9.1f %6.2f %9.1f %9.1f\n",
			       part[2], part[1], median(key, cpu), median(key, "ratio"),
			       spread(key, "ratio"), median(key, "calls_per_s"),
			       median(key, "p50_us"), median(key, "ratio50"), median(key, "p99_us"),
			       median(key, "p999_us")
		}
	}' "$dir/results"
}
