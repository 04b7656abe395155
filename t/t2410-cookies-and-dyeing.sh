#!/usr/bin/env bash
test_description='cookies and dyeing go through a chain of three services and their logs'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-chain.sh"

test_expect_success 'three services, one log server' '
	start_recorder &&
	start_chain A "log=$log_obj" && start_chain B "log=$log_obj" && start_chain C "log=$log_obj"
'

test_expect_success 'a cookie of the client reaches every service' '
	pass A B C -- status.colour=red status.size=5 &&
	test_grep "^ret 0" out &&
	test "$(hop "[h[s][\"cookie\"] for s in \"ABC\"]")" = "['\''red'\'', '\''red'\'', '\''red'\'']" &&
	test "$(hop "h[\"C\"][\"status\"][\"size\"]")" = 5
'

test_expect_success 'what the framework put into the status does not go on as a cookie' '
	pass A B -- status.STATUS_OTHER=x status.STATUS_GRID_KEY=77 &&
	test "$(hop "h[\"A\"][\"status\"][\"STATUS_OTHER\"]")" = x &&
	test "$(hop "h[\"B\"][\"status\"]")" = "{'\''STATUS_GRID_KEY'\'': '\''7'\''}"
'

test_expect_success 'a cookie that a service sets is seen behind it, in place of what came' '
	pass A B C -- begin=cookie status.colour=red &&
	test "$(hop "h[\"A\"][\"cookie\"], h[\"A\"][\"status\"][\"colour\"]")" = "('\''green'\'', '\''red'\'')" &&
	test "$(hop "h[\"B\"][\"status\"][\"colour\"], h[\"C\"][\"cookie\"]")" = "('\''green'\'', '\''green'\'')"
'

test_expect_success 'nothing stays behind for the next request' '
	pass A B C -- &&
	test "$(hop "[h[s][\"cookie\"] + h[s][\"dyed\"] + h[s][\"trace\"] for s in \"ABC\"]")" = \
		"['\''-'\'', '\''-'\'', '\''-'\'']" &&
	test "$(hop "list(h[\"C\"][\"status\"])")" = "['\''STATUS_GRID_KEY'\'']"
'

test_expect_success 'more than 64 KB of cookies do not go on, and that is said' '
	big=$(head -c 65000 /dev/zero | tr "\0" x) &&
	pass A B -- status.colour=red status.size=$big &&
	test "$(hop "h[\"B\"][\"cookie\"]")" = red &&
	pass A B -- status.colour=red status.size=$big status.more=$big &&
	test "$(hop "h[\"A\"][\"cookie\"] + h[\"B\"][\"cookie\"]")" = red &&
	test_grep "cookies of 130[0-9]* bytes from 127.0.0.1:[0-9]* do not go on" A.log
'

test_expect_success 'node_name: whose host a service sees' '
	pass A B -- context.node_name=client-node &&
	test "$(hop "h[\"A\"][\"caller\"] + h[\"B\"][\"caller\"]")" = client-nodenode-of-A &&
	pass A B -- &&
	test "$(hop "h[\"A\"][\"caller\"]")" = 127.0.0.1
'

dyed_log=app_log/tars_dyeing/dyeing.log

test_expect_success 'a dyed request is dyed in every service, and in the dyeing log of all' '
	test_must_fail ls app_log/tars_dyeing &&
	pass A B C -- text=blue type=4 status.STATUS_DYED_KEY=20001 &&
	test "$(hop "[h[s][\"dyed\"] for s in \"ABC\"]")" = "['\''20001'\'', '\''20001'\'', '\''20001'\'']" &&
	test "$(hop "h[\"C\"][\"status\"][\"STATUS_DYED_KEY\"]")" = 20001 &&
	wait_for 10 "test \$(grep -c \"pass blue\" $dyed_log) = 3" &&
	sed -E "s/\|2[^|]*\|[0-9]+\|/|TIME|TID|/" $dyed_log | sort >actual &&
	printf "T.%s|TIME|TID|INFO|pass blue\n" A B C >expect &&
	test_cmp expect actual &&
	grep -h "pass blue" app_log/T/?/T.?.log | sort >plain &&
	sed "s/^T\..|//" $dyed_log | sort >copies &&
	test_cmp plain copies &&
	wait_for 10 "test \$(cat app_log/tars_dyeing/dyeing_*.log | grep -c \"|7|blue\$\") = 3" &&
	test_grep "^T.B\|2[^|]*\|7\|blue\$" app_log/tars_dyeing/dyeing_*.log
'

test_expect_success 'and on the log server, from both kinds of logs' '
	wait_for 20 "test \$(grep -c \"^> T\..|.*blue\" recorded) = 6" &&
	grep "^logger " recorded | sort -u >actual &&
	for s in A B C; do
		for f in day roll; do
			echo "logger host=node-of-$s app=tars_dyeing server=dyeing file=$f format=%Y%m%d lines=1"
		done || return 1
	done >expect &&
	test_cmp expect actual
'

test_expect_success 'a service dyes its own request, and with it what it calls' '
	pass A B -- text=mine begin=dye &&
	test "$(hop "[h[s][\"dyed\"] for s in \"AB\"]")" = "['\''by-code'\'', '\''by-code'\'']" &&
	wait_for 10 "test \$(grep -c \"pass mine\" $dyed_log) = 2"
'

test_expect_success 'the bit alone dyes without a key; a key without the bit does not' '
	pass A B -- text=bit type=4 &&
	test "$(hop "[h[s][\"dyed\"] for s in \"AB\"]")" = "['\'''\'', '\'''\'']" &&
	pass A B -- text=key status.STATUS_DYED_KEY=20001 &&
	test "$(hop "[h[s][\"dyed\"] for s in \"AB\"]")" = "['\''-'\'', '\''-'\'']" &&
	wait_for 10 "test \$(grep -c \"pass bit\" $dyed_log) = 2" &&
	test_grep ! "pass key" $dyed_log
'

test_expect_success 'what is not dyed is not in the dyeing logs' '
	pass A B C -- text=plain &&
	stop_service A && stop_service B && stop_service C &&
	test_grep "pass plain" app_log/T/C/T.C.log &&
	test_grep ! plain $dyed_log &&
	test_grep ! "^> T.*plain" recorded
'

test_done
