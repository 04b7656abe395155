#!/usr/bin/env bash
test_description='the PostgreSQL client against a real server: t/unit/u-pg*.c'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"

test_expect_success 'database' '
	pg_use &&
	pg_create_empty client
'

for unit in "$tree"/t/unit/u-pg*.c
do
	unit=$(basename "$unit" .c)
	test_expect_success "$unit" "TARS_T_DSN=\$pg_dsn $unit"
done

test_done
