# PostgreSQL for tests: one private cluster per `t/run` (or per script that runs alone), started
# when the first script wants it; one database per script.  Source it after test-lib.sh.
#
# It belongs to an unprivileged account when we are root, listens on a unix socket only and does not
# sync.  Everybody who uses it holds a shared lock on $pg_dir.users; who releases the last one stops
# it.
#
#	pg_use                 starts the cluster unless it runs; stops it at the end if unused
#	pg_create NAME         a database with all migrations; prints nothing, sets pg_dsn
#	pg_create_empty NAME   an empty one
#	pg_sql 'SELECT ...'    runs it on $pg_dsn: plain rows, columns separated by '|'
#	pg_use_own             instead of pg_use: a cluster that only this script has, so it may
#	                       ($pg_fsync=on: it syncs, as where data counts)
#	pg_crash, pg_boot      kill it, and start it again
#	pg_freeze, pg_thaw     stop all its processes where they are, and let them go on

pg_dir=$B/trash/pg

pg_bin_ () {
	local dir
	for dir in $(dirname "$(readlink -f "$(command -v initdb || echo /x)")") \
			$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -rn); do
		if test -x "$dir/initdb" && test -x "$dir/pg_ctl"; then
			echo "$dir"
			# Plain `return` in an EXIT trap gives the status from before the trap.
			return 0
		fi
	done
	echo "no initdb: install postgresql" >&2
	return 1
}

# Runs a command as the cluster's account.
pg_as_ () {
	if test "$(id -u)" != 0; then
		"$@"
	else
		setpriv --reuid="$pg_account" --regid="$(id -g "$pg_account")" --init-groups "$@"
	fi
}

# The cluster's folders: below $pg_dir if its account can get there and the socket's path is short
# enough (107 bytes), else below /tmp.
pg_place_ () {
	pg_account=$(id -un)
	if test "$(id -u)" = 0; then
		pg_account=nobody
		getent passwd postgres >/dev/null && pg_account=postgres
	fi
	pg_data=$pg_dir
	mkdir -p "${pg_dir%/*}" || return 1
	if test ${#pg_dir} -gt 80 || ! (cd / && pg_as_ test -x "${pg_dir%/*}"); then
		pg_data=/tmp/tars-t-$(id -u)-$(echo "$pg_dir" | cksum | tr -d ' ')
	fi
}

pg_ctl_ () {
	(cd / && pg_as_ "$pg_bin/pg_ctl" -s -D "$pg_data/data" "$@")
}

# The server must not keep our descriptors: prove waits until everybody has closed its output.
pg_boot () {
	(
		cd "$pg_data" &&
		pg_ctl_ -w -t 60 -l "$pg_data/log" -o "-c fsync=${pg_fsync:-off} \
			-c full_page_writes=off -c synchronous_commit=${pg_commit:-off} \
			-c listen_addresses='' \
			-c unix_socket_directories='$pg_data' -c max_connections=200 \
			-c shared_buffers=32MB" start \
			3>&- {pg_users_fd}>&- {test_pause_fd}>&-
	)
}

pg_start_ () {
	pg_ctl_ status >/dev/null 2>&1 && return
	rm -rf "$pg_data" &&
	mkdir -p -m 700 "$pg_data" &&
	if test "$(id -u)" = 0; then chown "$pg_account" "$pg_data"; fi &&
	(
		cd "$pg_data" &&
		pg_as_ "$pg_bin/initdb" -D data -U tars -A trust -E UTF8 --locale=C --no-sync \
			>initdb.log 2>&1
	) && pg_boot || {
		cat "$pg_data/initdb.log" "$pg_data/log" 2>/dev/null
		return 1
	}
}

pg_stop_ () {
	if pg_ctl_ status >/dev/null 2>&1; then
		pg_ctl_ -m immediate stop || return 1
	fi
	rm -rf "$pg_data"
}

pg_release_ () {
	flock -u "$pg_users_fd"
	if flock -n -x "$pg_users_fd"; then
		pg_stop_
	fi
}

pg_use () {
	mkdir -p "$B/trash" && pg_bin=$(pg_bin_) && pg_place_ || return
	exec {pg_users_fd}>>"$pg_dir.users"
	flock -s "$pg_users_fd" || return
	(
		flock -x 7 &&
		pg_start_ 7>&-
	) 7>>"$pg_dir.start" || return
	export PGHOST=$pg_data PGUSER=tars
}

pg_use_own () {
	pg_dir=$trash/pg
	pg_commit=on
	pg_use
}

pg_crash () {
	pg_ctl_ -m immediate stop
}

pg_signal_ () {
	local postmaster
	postmaster=$(head -n 1 "$pg_data/data/postmaster.pid") &&
	# shellcheck disable=SC2046
	kill "-$1" "$postmaster" $(cat "/proc/$postmaster/task/$postmaster/children")
}

pg_freeze () {
	pg_signal_ STOP
}

pg_thaw () {
	pg_signal_ CONT
}

pg_psql_ () {
	PGOPTIONS="-c client_min_messages=warning" psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

pg_drop_ () {
	pg_psql_ -d postgres -c "DROP DATABASE IF EXISTS $1 WITH (FORCE)"
}

pg_set_ () {
	pg_dsn="host=$pg_data user=tars dbname=$1"
	test_at_end "pg_drop_ $1"
}

pg_create_empty () {
	local name=${1}_$$
	pg_drop_ "$name" && pg_psql_ -d postgres -c "CREATE DATABASE $name" && pg_set_ "$name"
}

pg_create () {
	local name=${1}_$$ sum template
	sum=$(cat "$tree"/roles/sql/*.sql | cksum | tr -d ' ')
	template=template_$sum
	(
		flock -x 7 &&
		if test "$(pg_psql_ -d postgres -c \
			"SELECT 1 FROM pg_database WHERE datname = '$template'")" != 1; then
			pg_drop_ new_template &&
			tars db init --db "host=$pg_data user=tars dbname=new_template" &&
			pg_psql_ -d postgres -c "ALTER DATABASE new_template RENAME TO $template"
		fi &&
		pg_drop_ "$name" &&
		pg_psql_ -d postgres -c "CREATE DATABASE $name TEMPLATE $template"
	) 7>>"$pg_dir.start" && pg_set_ "$name"
}

pg_sql () {
	pg_psql_ -d "$pg_dsn" -c "$1"
}

# In a script: the lock goes with the script.  t/run holds its own around everything.
if test -n "${test_name:-}"; then
	test_at_end 'test -z "${pg_users_fd:-}" || pg_release_'
fi
