#!/usr/bin/env bash
# Look-ups of an object with 100 endpoints at a registry, against an echo of as many bytes.
# usage: p0010-lookup.sh [SECONDS [ROUNDS]]      4 3: of each measurement, and how often
test_description='look-ups at a registry'
seconds=${1:-4} rounds=${2:-3}
set --
. "$(dirname "$0")/../test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-sim.sh"
. "$t_dir/lib-service.sh"

# measure NAME PORT PID LOAD_OPTION...: "CPU us of the server per call, calls a second per core of it"
measure () {
	local name=$1 port=$2 pid=$3
	shift 3
	"$B/t/perf/load" --mode tars --port "$port" --pid "$pid" --seconds "$seconds" \
		--connections 1 --in-flight 64 "$@" >figures || return
	cpu=$(sed -n 's/.*\bcpu_us=\([0-9.]*\).*/\1/p' figures)
	printf "# %-34s %6.2f us, %8.0f a second and core\n" "$name" "$cpu" \
		"$(awk "BEGIN { print 1e6 / $cpu }")" >&3
}

lookup_cpu () {
	measure "$1" "$registry_port" "$registry_pid" --servant tars.tarsregistry.QueryObj \
		--func "$1" --object Fleet.S0.Obj --payload 1000
}

test_expect_success 'a registry with 10 objects of 100 endpoints; an echo' '
	pg_use && pg_create lookups && put_fleet 100 10 100 &&
	start_registry &&
	start_service "$B/t/perf/echo-tars" coro --listen 127.0.0.1:0 &&
	tars call --timeout 10s "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port" \
		findObjectByIdInSameGroup "{\"id\": \"Fleet.S0.Obj\"}" >answer &&
	test "$(grep -o "\"host\"" answer | wc -l)" = 100 &&
	lookup_cpu findObjectByIdInSameGroup && bytes=$(sed -n "s/.*reply_bytes=\([0-9]*\).*/\1/p" figures)
'

for round in $(seq "$rounds"); do
	test_expect_success "round $round" '
		measure "echo of $bytes bytes" "$service_port" "$service_pid" --payload "$bytes" &&
		echo=$cpu &&
		lookup_cpu findObjectByIdInSameGroup && by_group=$cpu &&
		lookup_cpu findObjectById &&
		printf "# %-34s %6.2f (target 3)\n" "group to echo" \
			"$(awk "BEGIN { print $by_group / $echo }")" >&3
	'
done

test_done
