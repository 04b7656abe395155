#!/usr/bin/env bash
test_description='PostgreSQL dies, hangs and comes back: look-ups go on, everything heals by itself'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-failure.sh"

hello_port=$(free_port)
other_port=$(free_port)

deploy_other () {
	ctl deploy TestApp.OtherServer --node n1 --no-start \
		--exe "$B/examples/hello/HelloServer" \
		--servant "OtherObj@tcp -h 127.0.0.1 -p $other_port" "$@"
}

registry_with_data () {
	start_role registry --db "$pg_dsn" --listen "127.0.0.1:${registry_port:=$(free_port)}" \
		--data "$PWD/data" &&
	export TARS_CTL_LOCATOR="$(registry_object_)" TARS_CALL_LOCATOR="$(registry_object_)"
}

known_state () {
	pg_sql "SELECT present_state, process_id FROM t_server_conf
		WHERE server_name = 'HelloServer'"
}

# The rows behind the 24 bytes of the snapshot's head: is the service to be called?
kept_as () {
	tail -c +25 data/snapshot >rows &&
	tars decode --raw --idl "$t_dir/../proto/if/Routes.tars" --type Routes::Snapshot rows >rows.json &&
	python3 -c 'import json, sys
found = [r["present_state"] for r in json.load(open("rows.json"))["servers"]
	 if r["server_name"] == "HelloServer"]
sys.exit(not found or set(found) != {sys.argv[1]})' "$1"
}

# One line that names the object, the cause and what to do; nothing else.
one_line () {
	test "$(wc -l <err)" = 1 && test ! -s out
}

test_expect_success 'registry, node and a service that starts when it may' '
	pg_use_own && pg_create away &&
	registry_with_data && start_node --heartbeat 1s &&
	held_hello &&
	ctl deploy TestApp.HelloServer --node n1 --exe "$PWD/held-hello" --set x.y.1 \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $hello_port" &&
	wait_for 5 found_everywhere
'

test_expect_success 'PostgreSQL crashes: look-ups go on from memory' '
	pg_crash &&
	found_everywhere &&
	wait_for 5 "grep -q \"look-ups go on from memory\" registry.log" &&
	found_everywhere &&
	tars call "$hello" greet "{\"name\": \"x\"}"
'

test_expect_success 'deploy says in one line what is wrong' '
	test_expect_code 69 deploy_other >out 2>err &&
	cat err &&
	one_line &&
	test_grep "^tars: ctl server deploy: database .*: cannot connect: .*; start PostgreSQL or" err &&
	test_must_fail ctl undeploy TestApp.HelloServer >out 2>err &&
	cat err && one_line &&
	test_must_fail ctl list >out 2>err &&
	cat err && one_line
'

test_expect_success 'a service that dies meanwhile leaves the look-ups all the same' '
	old=$(pid_of TestApp.HelloServer) &&
	rm go &&
	kill -KILL "$old" &&
	within_ms 1000 "! found" "gone" && found_nowhere &&
	>go &&
	wait_for 10 found_everywhere &&
	test "$(pid_of TestApp.HelloServer)" != "$old"
'

test_expect_success 'PostgreSQL comes back: deploy works, the database learns what happened' '
	>registry.log &&
	pg_boot &&
	within_ms 5000 deploy_other "deploy works again" &&
	new=$(pid_of TestApp.HelloServer) &&
	within_ms 10000 "test \"\$(known_state)\" = \"active|$new\"" "the database knows" &&
	test_grep "the database is back" registry.log &&
	found_everywhere
'

test_expect_success 'changes are heard again' '
	pg_sql "UPDATE t_server_conf SET setting_state = '\''inactive'\'',
		present_state = '\''inactive'\'' WHERE server_name = '\''HelloServer'\''" &&
	wait_for 5 found_nowhere && wait_for 5 "kept_as inactive" &&
	pg_sql "UPDATE t_server_conf SET setting_state = '\''active'\'',
		present_state = '\''active'\'' WHERE server_name = '\''HelloServer'\''" &&
	wait_for 5 found_everywhere && wait_for 5 "kept_as active"
'

test_expect_success 'a registry that starts while PostgreSQL is away serves its snapshot' '
	pg_crash &&
	kill_role registry &&
	wait_for 5 "grep -q \"heartbeat: .*nothing listens there\" node.log" &&
	>registry.log &&
	registry_with_data &&
	test_grep "serving [0-9]+ endpoints from .*/snapshot until the database is back" \
		registry.log &&
	found_everywhere &&
	tars call "$hello" greet "{\"name\": \"x\"}" &&
	test_expect_code 69 deploy_other >out 2>err &&
	cat err && one_line
'

test_expect_success 'there too a service that dies leaves the look-ups, though its node cannot register' '
	wait_for 5 "grep -q \"register node n1: the registry answered 2\" node.log" &&
	old=$(pid_of TestApp.HelloServer) &&
	rm go &&
	kill -KILL "$old" &&
	wait_for 5 "found_nowhere"
'

test_expect_success 'and loads when PostgreSQL is back' '
	pg_boot &&
	within_ms 10000 "grep -q \"the database is back\" registry.log" "loaded" &&
	>go &&
	wait_for 10 "is_back TestApp.HelloServer $old" &&
	new=$(pid_of TestApp.HelloServer) &&
	within_ms 10000 "test \"\$(known_state)\" = \"active|$new\"" "the database knows" &&
	wait_for 5 found_everywhere &&
	ctl undeploy TestApp.OtherServer
'

test_expect_success 'PostgreSQL hangs: look-ups go on, deploy ends in bounded time' '
	test_when_finished pg_thaw &&
	pg_freeze &&
	found_everywhere &&
	within_ms 30000 "deploy_other >out 2>err; test -s err" "deploy gave up" &&
	cat err && one_line &&
	found_everywhere
'

test_expect_success 'and when it goes on, so does the rest' '
	within_ms 15000 deploy_other "deploy works again" &&
	found_everywhere
'

test_expect_success 'a registry that starts while PostgreSQL hangs serves its snapshot' '
	test_when_finished pg_thaw &&
	kill_role registry &&
	>registry.log &&
	pg_freeze &&
	from=$(now_ms) &&
	registry_with_data &&
	echo "# start with a hanging database: $(($(now_ms) - from)) ms" | tee -a /dev/fd/3 &&
	found_everywhere
'

test_done
