#!/usr/bin/env bash
test_description='the tools of the tests: roles in the background, raw packets, a relay that fails'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"

# tars_ping to tars.tarsregistry.QueryObj, request 1, time-out 3000 ms
ping=0000003b10012c3c4001561a746172732e7461727372656769737472792e51756572794f626a
ping=${ping}6609746172735f70696e677d000c810bb8980ca80c

# A packet of version 1 with request 1 and iRet 0 (4c: tag 4 zero).
is_pong () {
	test_grep "^000000[0-9a-f]{2}10012c30014c" "$1"
}

test_expect_success 'start_role waits for the ready line and knows port and pid' '
	pg_use &&
	pg_create tools &&
	port=$(test-tool free-port $$) &&
	start_role registry --db "$pg_dsn" --listen "127.0.0.1:$port" &&
	kill -0 "$registry_pid" &&
	test "$registry_port" = "$port" &&
	test-tool wait-port 127.0.0.1 "$port"
'

test_expect_success 'a role that cannot start: its log is shown' '
	! role_name=broken start_role registry --db "hots=x" --listen 127.0.0.1:0 >out 2>&1 &&
	test_grep "registry: no ready line" out &&
	test_grep "invalid connection option" out
'

test_expect_success 'frame: packets out, packets in' '
	test-tool frame 127.0.0.1 "$registry_port" "$ping" >out &&
	is_pong out &&
	test-tool frame --replies=2 127.0.0.1 "$registry_port" "$ping" "$ping" >out &&
	test "$(wc -l <out)" = 2 &&
	test_expect_code 1 test-tool frame --half-close --replies=0 127.0.0.1 "$registry_port" \
		"$ping*3" >out &&
	test "$(wc -l <out)" = 4 &&
	test_grep "^closed$" out
'

test_expect_success 'frame: closed and time-out are told apart' '
	test_expect_code 1 test-tool frame 127.0.0.1 "$registry_port" 00000002 >out &&
	echo closed >expect &&
	test_cmp expect out &&
	test_expect_code 2 test-tool frame --timeout=50 127.0.0.1 "$registry_port" 00 >out &&
	echo timeout >expect &&
	test_cmp expect out &&
	test_expect_code 64 test-tool frame 127.0.0.1 "$registry_port" xx &&
	test_expect_code 64 test-tool no-such-command
'

test_expect_success 'proxy: relays, refuses, stalls, drops' '
	start_proxy wire 127.0.0.1 "$registry_port" &&
	test-tool frame 127.0.0.1 "$wire_port" "$ping" >out &&
	is_pong out &&
	proxy_do wire refuse &&
	test_expect_code 1 test-tool frame 127.0.0.1 "$wire_port" "$ping" &&
	proxy_do wire accept &&
	proxy_do wire stall &&
	test_expect_code 2 test-tool frame --timeout=100 127.0.0.1 "$wire_port" "$ping" &&
	{ test-tool frame 127.0.0.1 "$wire_port" "$ping" >late & } &&
	late=$! &&
	proxy_do wire flow &&
	wait "$late" &&
	is_pong late &&
	proxy_do wire delay 20 &&
	test-tool frame 127.0.0.1 "$wire_port" "$ping" >out &&
	is_pong out &&
	proxy_do wire stall &&
	{ test-tool frame 127.0.0.1 "$wire_port" "$ping" >cut & } &&
	cut=$! &&
	wait_for 5 "ss -Htn state established \"( dport = :$wire_port )\" | grep -q ." &&
	wait_for 5 "proxy_do wire drop && ! kill -0 $cut" &&
	test_expect_code 1 wait "$cut" &&
	! proxy_do wire nonsense
'

test_expect_success 'stop_role gives the status; the port is free then' '
	stop_role registry &&
	test_expect_code 2 test-tool wait-port 127.0.0.1 "$port" 100
'

test_expect_success 'free-port: nobody else gets the port while its owner runs' '
	{ tail -f /dev/null & } && owner=$! &&
	test_at_end "kill $owner 2>/dev/null" &&
	for i in 1 2 3 4 5 6 7 8
	do
		test-tool free-port $owner & test-tool free-port $owner || return 1
	done >ports &&
	wait_for 5 "test \$(wc -l <ports) = 16" &&
	test "$(sort -u ports | wc -l)" = 16 &&
	given=/tmp/tars-t-ports-$(id -u) &&
	test "$(grep -c " $owner$" $given)" = 16 &&
	kill $owner && test_expect_code 143 wait $owner &&
	test-tool free-port &&
	test_grep ! " $owner$" $given
'

test_done
