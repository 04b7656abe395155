#!/usr/bin/env bash
test_description='the private PostgreSQL of `tars up`: made once, taken over, started again, stopped'
. "$(dirname "$0")/test-lib.sh"

data=$PWD/data
cluster=$data/pg/data

postmaster () {
	head -n 1 "$cluster/postmaster.pid"
}

stop_all () {
	tars down --path "$data"
	test ! -e "$cluster/postmaster.pid" || kill -QUIT "$(postmaster)"
}
test_at_end stop_all

up () {
	tars up --detach --any-port --path "$data" --log-level info 2>ready || {
		cat ready "$data/up.log"
		return 1
	}
}

private_sql () {
	psql -X -q -A -t -h "$data/pg" -U tars -d tars -c "$1"
}

test_expect_success 'a cluster of an unprivileged account, for that account and root only' '
	up &&
	test "$(stat -c %a "$data/pg")" = 700 &&
	test "$(stat -c %U "/proc/$(postmaster)")" != root &&
	test "$(private_sql "SHOW listen_addresses")" = "" &&
	test "$(private_sql "SELECT count(*) FROM tars_migration")" -gt 0 &&
	private_sql "CREATE TABLE mark (n int)"
'

test_expect_success 'up was killed: the server lives on, the next up takes it over' '
	pid=$(postmaster) &&
	up_pid=$(cut -d" " -f1 "$data/up.pid") &&
	kill -KILL "$up_pid" &&
	wait_for 10 "! kill -0 $up_pid" &&
	kill -0 "$pid" &&
	up &&
	test "$(postmaster)" = "$pid" &&
	private_sql "SELECT * FROM mark"
'

test_expect_success 'the server was killed: it is started again, nothing is lost' '
	pid=$(postmaster) &&
	kill -KILL "$pid" &&
	wait_for 30 "test \"\$(postmaster)\" != $pid && private_sql \"SELECT * FROM mark\"" &&
	test_grep "private PostgreSQL: process $pid: " "$data/up.log"
'

test_expect_success 'down stops it' '
	pid=$(postmaster) &&
	tars down --path "$data" &&
	! kill -0 "$pid" &&
	test ! -e "$cluster/postmaster.pid"
'

test_expect_success 'an interrupted initdb is done again, an existing cluster is kept' '
	mkdir "$data/pg/data.new" &&
	echo rest >"$data/pg/data.new/PG_VERSION" &&
	mv "$cluster" "$cluster.kept" &&
	up &&
	test ! -e "$data/pg/data.new" &&
	test_must_fail private_sql "SELECT * FROM mark" &&
	tars down --path "$data" &&
	rm -rf "$cluster" &&
	mv "$cluster.kept" "$cluster" &&
	up &&
	private_sql "SELECT * FROM mark" &&
	tars down --path "$data"
'

test_expect_success 'a folder of somebody else is refused' '
	test_when_finished "chmod 700 \"$data/pg\"" &&
	chmod 755 "$data/pg" &&
	test_must_fail tars up --any-port --path "$data" 2>err &&
	test_grep "data/pg.: must be a folder of account .* with mode 0700" err
'

test_expect_success 'a broken cluster: the server'\''s own words' '
	>"$cluster/global/pg_control" &&
	test_must_fail tars up --any-port --path "$data" 2>err &&
	test_grep "private PostgreSQL ended at its start: .*pg_control.*; see .*/pg/log" err
'

test_done
