#!/usr/bin/env bash
test_description='UDP servants by official configuration, called by every kind of call'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"

obj=TestApp.HelloServer.HelloObj

put_hello_config udp.conf "udp -h 127.0.0.1 -p $(test-tool free-port $$) -t 60000"

# Sends each hex argument as a datagram.
send_datagrams () {
	python3 - "$service_port" "$@" <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	for hex in sys.argv[2:]:
	    s.sendto(bytes.fromhex(hex), ("127.0.0.1", int(sys.argv[1])))
	END
}

test_expect_success 'sync, async, fan-out, one-way and errors' '
	start_service HelloServer --config=udp.conf &&
	test_grep "ready udp 127.0.0.1:$service_port\$" service.log &&
	HelloClient "$obj@udp -h 127.0.0.1 -p $service_port" >out &&
	test_grep "^sync: hello world\$" out &&
	test_grep "^async: hello async\$" out &&
	test_grep "^fan-out: hello eve\$" out &&
	test_grep "^sync: code 1: .* at udp 127.0.0.1:$service_port: the name is empty\$" out
'

test_expect_success 'what is no packet is dropped, counted and logged; the next call is served' '
	send_datagrams "" 00000030 1001 ffffffffff 000000050c000000050c &&
	wait_for 10 "notify service tars.viewstatus | grep -q \"bad-datagrams  *5\"" &&
	test_grep "warn ${obj}Adapter: a datagram of 127.0.0.1:[0-9]+ is dropped: " service.log &&
	HelloClient "$obj@udp -h 127.0.0.1 -p $service_port"
'

test_expect_success 'a used port is named, and an orderly end frees it' '
	test_expect_code 75 HelloServer --config=udp.conf 2>err &&
	test_grep "127.0.0.1:$service_port: the port is in use" err &&
	test_expect_code 0 stop_service &&
	start_service HelloServer --config=udp.conf
'

test_expect_success 'a server that is gone is known at once' '
	stop_service &&
	test_must_fail HelloClient "$obj@udp -h 127.0.0.1 -p $service_port" >out &&
	test_grep "nothing listens there" out
'

test_done
