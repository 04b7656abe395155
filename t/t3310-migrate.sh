#!/usr/bin/env bash
test_description='migrations: fresh and upgraded databases are equal, damage is named'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"

n_migrations=$(ls "$tree"/roles/sql/[0-9]*.sql | wc -l)

dump () {
	"$pg_bin/pg_dump" -d "$1" --no-owner --restrict-key=x "${@:2}" 2>/dev/null ||
	"$pg_bin/pg_dump" -d "$1" --no-owner "${@:2}"
}

test_expect_success 'cluster' '
	pg_use &&
	pg_create_empty fresh &&
	fresh=$pg_dsn
'

test_expect_success 'check: an empty database lacks everything, and is left alone' '
	test_expect_code 1 tars db check --db "$fresh" >out &&
	test_grep "^$n_migrations migrations? (is|are) missing; run: tars db migrate$" out &&
	test "$(pg_sql "SELECT coalesce(to_regclass(\$\$tars_migration\$\$),
		to_regclass(\$\$t_server_conf\$\$)) IS NULL")" = t
'

test_expect_success 'migrate: applies each, in order' '
	tars db migrate --db "$fresh" >out &&
	ls "$tree"/roles/sql | sed -n "s/^\([0-9].*\)\.sql$/applied \1/p" >expect &&
	test_cmp expect out &&
	tars db check --db "$fresh" >out &&
	test_grep "^the database is up to date$" out
'

test_expect_success 'a second run changes nothing' '
	dump "$fresh" >before &&
	tars db migrate --db "$fresh" >out &&
	echo "the database is up to date" >expect &&
	test_cmp expect out &&
	dump "$fresh" >after &&
	test_cmp before after
'

test_expect_success 'upgraded step by step: the same schema as a fresh one' '
	pg_create_empty upgraded &&
	for file in "$tree"/roles/sql/[0-9]*.sql; do
		psql -X -q -1 -v ON_ERROR_STOP=1 -d "$pg_dsn" -f "$file" || return 1
	done &&
	dump "$fresh" -s --exclude-table=tars_migration >expect &&
	dump "$pg_dsn" -s >actual &&
	test_cmp expect actual
'

test_expect_success 'init: creates the database, then migrates; again: nothing to do' '
	name="Odd \"name_$$" &&
	test_when_finished "pg_psql_ -d postgres -c \"DROP DATABASE \\\"Odd \\\"\\\"name_$$\\\"\"" &&
	tars db init --db "host=$pg_data user=tars dbname='"'"'$name'"'"'" >out &&
	test_grep "^created the database$" out &&
	test_grep "^applied 0001-base$" out &&
	tars db init --db "host=$pg_data user=tars dbname='"'"'$name'"'"'" >out &&
	test_grep ! created out &&
	test_grep "^the database is up to date$" out
'

test_expect_success 'several at the same time: each migration is applied once' '
	pg_create_empty race &&
	for i in 1 2 3 4; do tars db migrate --db "$pg_dsn" >out.$i & done &&
	wait &&
	test "$(cat out.[1-4] | grep -c "^applied 0001-base$")" = 1 &&
	tars db check --db "$pg_dsn"
'

test_expect_success 'a migration that was changed afterwards is named' '
	pg_create_empty changed &&
	tars db migrate --db "$pg_dsn" &&
	pg_sql "UPDATE tars_migration SET checksum = repeat(\$\$0\$\$, 64)
		WHERE name = \$\$0001-base\$\$" &&
	test_expect_code 78 tars db check --db "$pg_dsn" 2>err &&
	test_grep "migration .0001-base. was changed after it had been applied" err &&
	test_expect_code 78 tars db migrate --db "$pg_dsn" 2>err &&
	test_grep "migration .0001-base. was changed" err
'

test_expect_success 'a database of a newer tars is refused' '
	pg_create_empty newer &&
	tars db migrate --db "$pg_dsn" &&
	pg_sql "INSERT INTO tars_migration (name, checksum) VALUES (\$\$9999-later\$\$, \$\$x\$\$)" &&
	test_expect_code 78 tars db migrate --db "$pg_dsn" 2>err &&
	test_grep "has migration .9999-later., this executable has .nothing. in its place" err
'

test_expect_success 'a migration that fails leaves nothing behind' '
	pg_create_empty blocked &&
	pg_sql "CREATE TABLE t_server_notifys (mine int)" &&
	test_must_fail tars db migrate --db "$pg_dsn" 2>err &&
	test_grep "statement \"0001-base\": relation \"t_server_notifys\" already exists .*42P07" err &&
	test "$(pg_sql "SELECT to_regclass(\$\$t_server_conf\$\$) IS NULL")" = t &&
	pg_sql "DROP TABLE t_server_notifys" &&
	tars db migrate --db "$pg_dsn"
'

test_expect_success 'no server: exit 69, and the message says what to do' '
	test_expect_code 69 tars db check --db "host=$PWD dbname=x password=secret" 2>err &&
	test_grep "database \".*host=$PWD.*\": cannot connect: .*; start PostgreSQL or correct --db$" \
		err &&
	test_grep ! secret err &&
	test "$(wc -l <err)" = 1
'

test_expect_success 'no such command, bad connection string, no option' '
	test_expect_code 64 tars db drop --db "host=x" 2>err &&
	test_grep "unknown command .drop.: init, migrate or check" err &&
	test_expect_code 78 tars db check --db "hots=x" 2>err &&
	test_grep "not a PostgreSQL connection string: invalid connection option \"hots\"" err &&
	test_must_fail tars db check 2>err &&
	test_grep "give --db" err
'

test_expect_success 'init by several at the same time: all of them succeed' '
	name=several_$$ &&
	test_at_end "pg_drop_ $name" &&
	pids= &&
	for i in 1 2 3 4 5 6
	do
		tars db init --db "host=$pg_data user=tars dbname=$name" 2>several.$i &
		pids="$pids $!"
	done &&
	for pid in $pids
	do
		wait $pid || { cat several.*; return 1; }
	done &&
	tars db check --db "host=$pg_data user=tars dbname=$name"
'

test_done
