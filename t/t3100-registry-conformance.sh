#!/usr/bin/env bash
test_description='RegistryObj and AdminRegObj answer over given rows as the official ones did'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"

replay () {
	python3 "$t_dir/helper/admin-replay.py" "$registry_port" "$pg_dsn" \
		"$t_dir/data/registry-admin.tsv" "$t_dir/data/registry-differences.tsv"
}

# Nobody is to be found dead while the rows, with their old heartbeats, are replayed.
test_expect_success 'templates, profiles, lists, states, commands, rows' '
	pg_use &&
	pg_create conformance &&
	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0 --node-timeout 1h &&
	{ replay >out || { cat out; false; }; } &&
	sed -n "\$s/^/# /p" out >&3
'

test_expect_success 'the registry lives and ends in order' '
	stop_role registry
'

test_done
