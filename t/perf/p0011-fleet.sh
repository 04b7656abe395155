#!/usr/bin/env bash
# A large fleet on one registry: memory, snapshot, how fast a change is everywhere, a storm, a
# restart.  The fleet is one process beside it; PostgreSQL syncs to disk.
# usage: p0011-fleet.sh [NODES [SERVICES [INSTANCES]]]      10000 1720 100
test_description='a large fleet on one registry'
fleet="${1:-10000} ${2:-1720} ${3:-100}"
set --
. "$(dirname "$0")/../test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-sim.sh"
read -r n_nodes n_services n_instances <<<"$fleet"
n_servers=$((n_services * n_instances))
pg_fsync=on

say () {
	printf "# %-44s %s\n" "$1" "$2" >&3
}

# What it used while the command ran, in percent of a core.
core_of () {
	local pid=$1 before from
	before=$(busy_ms "$pid") from=$(now_ms)
	shift
	"$@" || return
	core=$(awk "BEGIN { printf \"%.1f\", 100 * ($(busy_ms "$pid") - $before) / ($(now_ms) - $from) }")
}

now_ms () {
	date +%s%3N
}

test_expect_success "$n_nodes nodes, $n_servers endpoints" '
	pg_use_own && pg_create fleet && put_fleet $fleet &&
	from=$(now_ms) &&
	start_registry --data "$PWD/data" &&
	say "registry starts, ms" "$(($(now_ms) - from))" &&
	start_sim "$n_services" "$n_instances" &&
	sim nodes "$n_nodes" && test "$(of in_step)" = "$n_nodes" &&
	say "snapshot to a new node, ms (target 1000)" "$(of snapshot_ms)" &&
	say "its bytes, servers" "$(of snapshot_bytes), $(of servers)" &&
	say "all nodes are there, ms" "$(of ms)" &&
	say "registry, MB resident (target 600)" "$(resident_mb "$registry_pid")"
'

test_expect_success 'one endpoint flips, ten times' '
	for i in 1 2 3 4 5 6 7 8 9 10; do
		sim flip $((i * 37)) && test -n "$(of p99_ms)" || return 1
		say "confirmed, p50, p99 (target 300), max (1000) ms" \
			"$(of confirmed_ms) $(of p50_ms) $(of p99_ms) $(of max_ms)"
	done
'

test_expect_success 'heartbeats every 10 s, for 20 s' '
	sim beat 10000 &&
	core_of "$registry_pid" pause 20 &&
	sim state && say "registry, % of a core (target 20)" "$core, $(of beats) beats"
'

test_expect_success '20,000 servers restart in 10 s' '
	core_of "$registry_pid" sim storm "$((n_servers < 20000 ? n_servers : 20000))" 10 &&
	say "confirmed, refused, in ms" "$(of confirmed) $(of refused) $(of last_ms)" &&
	say "all in step after the last, ms (target 2000)" "$(of settled_ms), $(of changes) pushes" &&
	say "registry, % of a core" "$core" &&
	sim state && say "gaps, wrong sums" "$(of gaps) $(of wrong)" &&
	fleet_states | sed "s/^/# /" >&3
'

test_expect_success 'the registry restarts' '
	kill_role registry &&
	from=$(now_ms) &&
	start_registry --data "$PWD/data" &&
	say "it starts, ms" "$(($(now_ms) - from))" &&
	sim again &&
	say "all in step again after it was gone, ms (5000)" "$(of ms), $(of fetched) parts fetched" &&
	say "registry, MB resident" "$(resident_mb "$registry_pid")"
'

test_done
