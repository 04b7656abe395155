#!/usr/bin/env bash
test_description='every SQL statement in the executable can be prepared'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"

# The statements of roles/*/*.sql as PREPARE commands; the same rule as scripts/embed-sql.
prepare_all () {
	awk '
	FNR == 1 || /^-- name:/ { if (open) print ";"; open = 0 }
	/^-- name:/ { print "PREPARE " $3 " AS"; open = 1; next }
	/^[ \t]*--/ { next }
	open { sub(/;[ \t]*$/, ""); print }
	END { if (open) print ";" }' "$@"
}

files=
for file in "$tree"/roles/*/*.sql; do
	case $file in
	*/roles/sql/*) ;;
	*) files="$files $file" ;;
	esac
done

test_expect_success 'migrated database' '
	pg_use &&
	pg_create statements
'

test_expect_success 'all statements are known to the database' '
	prepare_all $files >all.sql &&
	test "$(grep -c "^PREPARE" all.sql)" = "$(cat $files | grep -c "^-- name:")" &&
	psql -X -q -v ON_ERROR_STOP=1 -d "$pg_dsn" -f all.sql
'

test_expect_success 'a wrong one would be seen' '
	cat >bad.sql <<-\SQL &&
	-- name: good
	SELECT application FROM t_server_conf WHERE node_name = $1;

	-- name: bad
	-- with a comment
	SELECT no_such_column FROM t_server_conf
	SQL
	prepare_all bad.sql >bad &&
	test_must_fail psql -X -q -v ON_ERROR_STOP=1 -d "$pg_dsn" -f bad 2>err &&
	test_grep "no_such_column" err
'

test_done
