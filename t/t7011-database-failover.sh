#!/usr/bin/env bash
test_description='PostgreSQL fails over to its standby: look-ups and writes go on, nothing is lost'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-standby.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-failure.sh"

hello_port=$(free_port)

put_file () {
	tars call "tars.tarsAdminRegistry.AdminRegObj@tcp -h 127.0.0.1 -p $registry_port" \
		insertConfigFile "{\"sFullServerName\": \"App.Writes\", \"fileName\": \"$1\",
		\"content\": \"x\", \"nodeName\": \"\", \"level\": 2, \"replace\": false}"
}

# One write after the other; those that are confirmed are in ./confirmed, with their time.
write_on () {
	local i=0
	rm -f writes.end
	>confirmed
	(
		until test -e writes.end; do
			i=$((i + 1))
			put_file "$1-$i" >write.out 2>&1
			if grep -q "\"tars_ret\":0" write.out; then
				echo "$1-$i $(now_ms)" >>confirmed
			else
				cat write.out
			fi
		done >refused
	) 3>&- &
	writer=$!
	test_at_end '>writes.end; wait "$writer"'
	wait_for 10 'test "$(wc -l <confirmed)" -gt 20'
}

# Ends that, says how long there was no confirmed write, and compares.
end_writes () {
	>writes.end
	wait "$writer"
	awk -v none=0 '{ if (last && $2 - last > none) none = $2 - last; last = $2 }
		END { printf "# %d writes confirmed, none for %d ms\n", NR, none }' confirmed |
		tee -a /dev/fd/3
	cut -d" " -f1 confirmed | sort >expect
	pg_sql "SELECT filename FROM t_config_files WHERE server_name = 'App.Writes'" | sort >there
	comm -23 expect there >lost
	test ! -s lost
}

known_state () {
	pg_sql "SELECT present_state, process_id FROM t_server_conf"
}

# A confirmed write is newer than this moment.
writes_go_on () {
	test "$(tail -n 1 confirmed | cut -d" " -f2)" -gt "$1"
}

test_expect_success 'a primary with a synchronous standby, a registry, a node with a service' '
	pg_use_own && pg_create failover && pg_add_standby &&
	start_registry && start_node --heartbeat 1s &&
	held_hello &&
	ctl deploy TestApp.HelloServer --node n1 --exe "$PWD/held-hello" --set x.y.1 \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $hello_port" &&
	wait_for 5 found_everywhere
'

test_expect_success 'kill -9 of the primary: look-ups go on, writes are refused' '
	sample_lookups && write_on first &&
	pg_kill_primary &&
	wait_for 5 "grep -q \"look-ups go on from memory\" registry.log" &&
	found_everywhere &&
	wait_for 5 "grep -q \"database .*: \" refused"
'

test_expect_success 'a service dies while there is no primary: look-ups miss it at once' '
	old=$(pid_of TestApp.HelloServer) &&
	end_samples &&
	rm go && kill -KILL "$old" &&
	within_ms 1000 "! found" "gone"
'

test_expect_success 'the standby is promoted: writes go on, and all that were confirmed are there' '
	pg_promote && promoted=$(now_ms) &&
	within_ms 10000 "writes_go_on $promoted" "writes go on" &&
	end_writes
'

test_expect_success 'what happened meanwhile is in the new primary; changes are heard again' '
	>go &&
	wait_for 10 found_everywhere &&
	new=$(pid_of TestApp.HelloServer) &&
	wait_for 10 "test \"\$(known_state)\" = \"active|$new\"" &&
	pg_sql "UPDATE t_server_conf SET flow_state = \$\$inactive\$\$" &&
	within_ms 1000 "! found" "gone" &&
	pg_sql "UPDATE t_server_conf SET flow_state = \$\$active\$\$" &&
	within_ms 1000 found "back"
'

test_expect_success 'again, and this time the primary only falls silent, as behind a cut' '
	stop_role registry && pg_add_standby && start_registry &&
	wait_for 10 found_everywhere &&
	sample_lookups && write_on second &&
	pg_freeze && frozen=$pg_data &&
	pg_promote && promoted=$(now_ms) &&
	within_ms 30000 "writes_go_on $promoted" "writes go on" &&
	end_writes && end_samples
'

test_expect_success 'changes of the new primary are heard, though the old one never said goodbye' '
	pg_sql "UPDATE t_server_conf SET flow_state = \$\$inactive\$\$" &&
	within_ms 15000 "! found" "gone" &&
	pg_sql "UPDATE t_server_conf SET flow_state = \$\$active\$\$" &&
	within_ms 1000 found "back"
'

test_done
