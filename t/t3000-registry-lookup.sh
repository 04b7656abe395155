#!/usr/bin/env bash
test_description='look-ups: states, endpoints, groups, stations and sets, as recorded from the official registry'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"

replay () {
	route-replay "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $1" "$t_dir/data/routes/$2.calls"
}

# The rows of one recorded world in a database of their own, and all its look-ups; again, because
# answers are kept then; and once more after a change that every answer depends on.
replay_world () {
	pg_create "routes_$1" &&
	psql -q -v ON_ERROR_STOP=1 -d "$pg_dsn" -f "$t_dir/data/routes/$1.sql" &&
	role_name=$1 start_role registry --db "$pg_dsn" --listen 127.0.0.1:0 &&
	local port=${1}_port &&
	replay "${!port}" "$1" && replay "${!port}" "$1" &&
	pg_sql "INSERT INTO t_registry_info (locator_id, servant, endpoint)
		VALUES ('x', 'Not.Asked.Obj', 'tcp -h 1.2.3.4 -p 1')" &&
	replay "${!port}" "$1" &&
	stop_role "$1"
}

pg_use || exit 1

test_expect_success 'states, endpoint texts, weights, sets without groups' '
	replay_world plain
'
test_expect_success 'groups, stations, sets' '
	replay_world group
'
test_expect_success 'priorities of groups, with ties and negative ones' '
	replay_world prio
'

test_done
