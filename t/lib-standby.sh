# A synchronous standby of the script's own PostgreSQL, and what can happen to the primary.
# Source it after lib-pg.sh; the cluster is one of pg_use_own.
#
#	pg_add_standby         a copy that each commit waits for; $pg_dsn names both from now on, and
#	                       asks for the one that takes writes
#	pg_kill_primary        kill -9 of all its processes
#	pg_promote             the standby is the primary now, and $pg_data and $pg_dsn mean it alone
# What is left over is killed at the end of the script.

standby_count_=0

pg_end_ () {
	local postmaster
	postmaster=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) || return 0
	# shellcheck disable=SC2046
	kill -KILL "$postmaster" $(cat "/proc/$postmaster/task/$postmaster/children") 2>/dev/null
	rm -rf "$1"
}

pg_has_standby_ () {
	test "$(pg_sql "SELECT sync_state FROM pg_stat_replication")" = sync
}

pg_add_standby () {
	local db=${pg_dsn##*dbname=}
	db=${db%% *}
	standby_count_=$((standby_count_ + 1))
	pg_standby=${pg_data%.[0-9]}.$standby_count_
	mkdir -m 700 "$pg_standby" &&
	if test "$(id -u)" = 0; then chown "$pg_account" "$pg_standby"; fi &&
	test_at_end "pg_end_ '$pg_standby'" &&
	(
		cd / &&
		pg_as_ "$pg_bin/pg_basebackup" -h "$pg_data" -U tars -D "$pg_standby/data" -R \
			-X stream -c fast --no-sync
	) &&
	(pg_data=$pg_standby && pg_boot) &&
	pg_psql_ -h "$pg_data" -d "$db" -c "ALTER SYSTEM SET synchronous_standby_names = '*'" \
		-c "SELECT pg_reload_conf()" >/dev/null &&
	pg_dsn="host=$pg_data,$pg_standby user=tars dbname=$db target_session_attrs=read-write" &&
	wait_for 20 pg_has_standby_
}

pg_kill_primary () {
	pg_signal_ KILL
}

pg_promote () {
	local db=${pg_dsn#*dbname=}
	pg_data=$pg_standby &&
	pg_dsn="host=$pg_data user=tars dbname=${db%% *}" &&
	export PGHOST=$pg_data &&
	pg_ctl_ -w -t 60 promote
}
