#!/usr/bin/env bash
test_description='platform roles: their objects are found by name while they live'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"

# role OBJECTS...: in the order of the role's endpoints
objects_of () {
	case $1 in
	config) echo tars.tarsconfig.ConfigObj ;;
	stat) echo tars.tarsstat.StatObj tars.tarsproperty.PropertyObj tars.tarsquerystat.QueryObj \
		tars.tarsqueryproperty.QueryObj ;;
	log) echo tars.tarslog.LogObj tars.tarslog.TopologyObj tars.tarsnotify.NotifyObj ;;
	patch) echo tars.tarspatch.PatchObj ;;
	esac
}

find_object () {
	tars call "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port" findObjectById4Any \
		"{\"id\":\"$1\"}"
}

is_found () {
	find_object "$1" | grep -q "\"activeEp\":\[{\"host\":\"$2\",\"port\":$3,"
}

is_inactive () {
	find_object "$1" | grep -q "\"activeEp\":\[\],\"inactiveEp\":\[{"
}

registry_with () {
	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0 "$@" &&
	export TARS_CALL_LOCATOR="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port"
}

test_expect_success 'start' '
	pg_use &&
	pg_create platform &&
	registry_with
'

for role in config stat log patch; do
	test_expect_success "$role: each object is found by name and answers" '
		start_role "$role" --db "$pg_dsn" --listen 127.0.0.1:0 &&
		port_var=${role}_port && port=${!port_var} &&
		for obj in $(objects_of "$role"); do
			wait_for 5 "is_found $obj 127.0.0.1 $port" &&
			tars call "$obj" >interface &&
			test_grep "^module tars" interface || return 1
		done
	'
done

test_expect_success 'several endpoints: each object is known by its own' '
	stop_role stat &&
	start_role stat --db "$pg_dsn" --listen \
		"tcp -h 127.0.0.1 -p 0 -t 60000:tcp -h 127.0.0.1 -p 0 -t 60000" &&
	wait_for 5 "is_found tars.tarsstat.StatObj 127.0.0.1 $stat_port" &&
	second=$(sed -n "s/.*ready tcp .* tcp 127.0.0.1:\([0-9]*\)$/\1/p" stat.log | tail -n 1) &&
	test -n "$second" && test "$second" != "$stat_port" &&
	is_found tars.tarsproperty.PropertyObj 127.0.0.1 "$second" &&
	is_found tars.tarsqueryproperty.QueryObj 127.0.0.1 "$second"
'

test_expect_success '--advertise: the host that others are told' '
	stop_role patch &&
	start_role patch --db "$pg_dsn" --listen 127.0.0.1:0 --advertise 10.9.8.7 &&
	wait_for 5 "is_found tars.tarspatch.PatchObj 10.9.8.7 $patch_port"
'

test_expect_success 'a role that was stopped is inactive at once' '
	stop_role config &&
	wait_for 5 "is_inactive tars.tarsconfig.ConfigObj"
'

test_expect_success 'a role that was killed is inactive after its time; our own objects never are' '
	kill_role log &&
	is_found tars.tarslog.LogObj 127.0.0.1 "$log_port" &&
	stop_role registry &&
	registry_with --platform-timeout 1s --check-interval 50ms &&
	wait_for 10 "is_inactive tars.tarslog.LogObj" &&
	is_found tars.tarsregistry.QueryObj 127.0.0.1 "$registry_port"
'

test_expect_success 'without the database a role serves, says so once, and is announced later' '
	stop_role registry && registry_with &&
	db=${pg_dsn##*dbname=} &&
	pg_psql_ -d postgres -c "ALTER DATABASE $db ALLOW_CONNECTIONS false" &&
	start_role config --db "$pg_dsn" --listen 127.0.0.1:0 &&
	tars call "tars.tarsconfig.ConfigObj@tcp -h 127.0.0.1 -p $config_port" >interface &&
	wait_for 5 "grep -q \"config: not announced yet\" config.log" &&
	pg_psql_ -d postgres -c "ALTER DATABASE $db ALLOW_CONNECTIONS true" &&
	wait_for 10 "grep -q \"config: announced\" config.log" &&
	wait_for 10 "is_found tars.tarsconfig.ConfigObj 127.0.0.1 $config_port" &&
	test "$(grep -c "not announced yet" config.log)" = 1
'

test_done
