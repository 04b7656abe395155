#!/usr/bin/env bash
test_description='the PostgreSQL client against a real server: t/unit/u-pg.c'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"

test_expect_success 'database' '
	pg_use &&
	pg_create_empty client
'

test_expect_success 'u-pg' '
	TARS_T_DSN=$pg_dsn u-pg
'

test_done
