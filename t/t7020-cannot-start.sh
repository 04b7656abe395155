#!/usr/bin/env bash
test_description='what is wrong at a start: one line with object, cause and fix, and the right status'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"

# refused STATUS TEXT COMMAND...: ends by itself, with one line like this and nothing else.
refused () {
	local status=$1 text=$2
	shift 2
	test_expect_code "$status" timeout 120 "$@" >out 2>err || { cat err; return 1; }
	cat err
	test_grep "$text" err &&
	test "$(wc -l <err)" = 1 && test ! -s out
}

registry () {
	echo tars registry --listen 127.0.0.1:0
}

test_expect_success 'a registry that runs well' '
	pg_use && pg_create start &&
	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0
'

test_expect_success 'its port is in use' '
	refused 75 "^tars: registry: .*127.0.0.1:$registry_port.*in use" \
		tars registry --db "$pg_dsn" --listen "127.0.0.1:$registry_port" &&
	refused 75 "^tars: node: .*127.0.0.1:$registry_port.*in use" \
		tars node --listen "127.0.0.1:$registry_port" --name n1 --path "$PWD/n1"
'

test_expect_success 'an address of another machine, a port that is none' '
	refused 75 "^tars: registry: .*192.0.2.1:0.*" \
		tars registry --db "$pg_dsn" --listen 192.0.2.1:0 &&
	refused 78 "^tars: registry: .*70000" \
		tars registry --db "$pg_dsn" --listen 127.0.0.1:70000
'

test_expect_success 'no database given, and one that nobody can read' '
	refused 78 "^tars: registry: .*--db" $(registry) &&
	refused 78 "^tars: registry: .*nonsense.*" $(registry) --db "nonsense=1 dbname=x"
'

test_expect_success 'a data directory that cannot be' '
	>file &&
	refused 78 "^tars: registry: data directory file/data: .*--data" \
		$(registry) --db "$pg_dsn" --data file/data &&
	refused 78 "^tars: registry: data directory file: .*--data" \
		$(registry) --db "$pg_dsn" --data file &&
	test_must_fail timeout 120 tars node --listen 127.0.0.1:0 --name n1 --path "$PWD/file/n" \
		2>err &&
	test_grep "^tars: node: .*file/n.*" err &&
	test_must_fail timeout 120 tars up --any-port --path "$PWD/file/n" 2>err &&
	test_grep "^tars: up: .*file/n" err && test_grep "[-]-path" err
'

test_expect_success 'up: a database that is not there' '
	refused 69 "^tars: up: .*dbname=no_such_db.*does not exist" \
		tars up --any-port --path "$PWD/up1" --db "host=$pg_data user=tars dbname=no_such_db" &&
	refused 69 "^tars: up: .*host=$PWD/nowhere.*start PostgreSQL or correct --db" \
		tars up --any-port --path "$PWD/up1" --db "host=$PWD/nowhere dbname=x"
'

test_expect_success 'registry: a database that is not there yet, then one without tables' '
	name=later_$$ &&
	test_at_end "pg_drop_ $name" &&
	role_name=early start_role registry --db "host=$pg_data user=tars dbname=$name" \
		--listen 127.0.0.1:0 &&
	test_grep "nothing to serve until the database is back: .*$name.* does not exist" early.log &&
	pg_psql_ -d postgres -c "CREATE DATABASE $name" &&
	wait_for 10 "grep -q \"still away: .* does not exist .*run .tars db migrate\" early.log"
'

test_expect_success 'it serves as soon as the tables are there' '
	tars db init --db "host=$pg_data user=tars dbname=$name" &&
	wait_for 10 "grep -q \"the database is back\" early.log" &&
	export TARS_LOCATOR="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $early_port" &&
	wait_for 10 "tars call tars.tarsregistry.QueryObj findObjectById \
		\"{\\\"id\\\": \\\"tars.tarsregistry.RegistryObj\\\"}\" | grep -q $early_port" &&
	stop_role early
'

test_expect_success 'a snapshot that cannot be written is reported, the rest works' '
	mkdir -p full/snapshot.new &&
	role_name=full start_role registry --db "$pg_dsn" --listen 127.0.0.1:0 --data full &&
	wait_for 10 "grep -q \"snapshot full/snapshot is not up to date: \" full.log" &&
	stop_role full
'

test_done
