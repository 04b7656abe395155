#!/usr/bin/env bash
test_description='servers stop and start under load: clients lose no call'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-fleet.sh"

# again NAME: stops it in order, starts it on the same port.
again () {
	local port_var=${1}_port
	stop_service "$1" &&
	put_fleet_config "$1.conf" "${!port_var}" "deactivating-timeout=10000" &&
	start_fleet "$1" "$1.conf"
}

test_expect_success 'two servers under load' '
	start_fleet ann && start_fleet bob &&
	start_caller &&
	tell proxy p "$(fleet_obj ann bob)" timeout=60000 retry_ms=20 &&
	tell start p 8 &&
	wait_for 20 "test \$(tell loads) -gt 200"
'

test_expect_success 'one after the other is stopped and started, again and again: no call fails' '
	for i in 1 2 3 4 5
	do
		for name in ann bob
		do
			again $name &&
			# Both take part again before the other one goes.
			tell proxy only "$(fleet_obj $name)" retry_ms=$((20 + i)) timeout=60000 &&
			tell call only && test "$(of ok)" = 1 &&
			wait_for 20 "tell call p 10 >/dev/null && test -n \"\$(of $name)\"" || return 1
		done
	done &&
	tell stop &&
	test "$(of failed)" = 0 &&
	test "$(of ok)" -gt 1000
'

# A request as hex: request FUNC [BODY] [VERSION]
request () {
	python3 -c '
import sys
def text(tag, s): return bytes([tag << 4 | 6, len(s)]) + s.encode()
func, body, version = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3])
packet = (bytes([0x10, version]) + b"\x2c\x3c\x40\x07" + text(5, "T.FleetServer.FleetObj") +
	  text(6, func) + b"\x7d\x00\x00" + bytes([len(body)]) + body + b"\x8c\x98\x0c\xa8\x0c")
print((len(packet) + 4).to_bytes(4, "big").hex() + packet.hex())' "$1" "${2:-}" "${3:-1}"
}

# through([], 300)
slow=$(request through 190c21012c)
reconnect=5f7265636f6e6e6563745f

# Sends it and prints up to two packets that come back, in the background.
ask () {
	rm -f frames
	test-tool frame --replies=2 --timeout=60000 127.0.0.1 "$1" "$2" >frames &
	asking=$!
}

# One request takes a while; the server is told to stop in the meantime.  The official C++ client
# drops its connection at the message, so it must not come before the reply.
test_expect_success 'what came before the stop is answered, and then the message comes' '
	put_fleet_config eve.conf 0 "deactivating-timeout=60000" &&
	start_fleet eve eve.conf &&
	ask "$eve_port" "$slow" &&
	wait_for 20 "fleet eve get \"{\\\"counter\\\":\\\"through\\\"}\" | grep :1" &&
	test_expect_code 0 stop_service eve &&
	wait "$asking" &&
	test "$(wc -l <frames)" = 2 &&
	head -1 frames | grep -v "$reconnect" | grep "^0000....10012c3007" &&
	tail -1 frames | grep "$reconnect"
'

# Four seconds are more than anybody has patience for.
test_expect_success 'a connection that never pauses is told all the same, before its last reply' '
	put_fleet_config eve.conf 0 "deactivating-timeout=60000" &&
	start_fleet eve eve.conf &&
	ask "$eve_port" "$(request through 190c210fa0)" &&
	wait_for 20 "fleet eve get \"{\\\"counter\\\":\\\"through\\\"}\" | grep :1" &&
	test_expect_code 0 stop_service eve &&
	wait "$asking" &&
	head -1 frames | grep "$reconnect" &&
	tail -1 frames | grep "^0000....10012c3007"
'

# Whoever does not know the message is served on its connection until it falls silent.
test_expect_success 'a client that goes on regardless is answered until the grace is over' '
	put_fleet_config eve.conf 0 "deactivating-timeout=60000" &&
	start_fleet eve eve.conf &&
	python3 -c "
import socket, sys, os, signal, struct
def read(f):
	head = f.recv(4, socket.MSG_WAITALL)
	return head and f.recv(struct.unpack(\">I\", head)[0] - 4, socket.MSG_WAITALL)
request = bytes.fromhex(sys.argv[1])
f = socket.create_connection((\"127.0.0.1\", int(sys.argv[2])))
f.settimeout(60)
f.sendall(request)
assert b\"eve\" in read(f)
os.kill(int(sys.argv[3]), signal.SIGTERM)
pushes = replies = 0
while not pushes or replies < 50:
	f.sendall(request)
	while True:
		p = read(f)
		assert p, replies
		if b\"_reconnect_\" not in p:
			break
		pushes += 1
	assert b\"eve\" in p
	replies += pushes
assert pushes == 1
assert read(f) == b\"\"
" "$(request name)" "$eve_port" "$eve_pid" &&
	wait "$eve_pid" &&
	eve_pid=
'

# They would take it for their reply.
test_expect_success 'callers in JSON and TUP do not hear of it' '
	put_fleet_config eve.conf 0 "deactivating-timeout=60000" &&
	start_fleet eve eve.conf &&
	ask "$eve_port" "$(request through 7b22776179223a5b5d2c227370656e645f6d73223a313530307d 5)" &&
	wait_for 20 "fleet eve get \"{\\\"counter\\\":\\\"through\\\"}\" | grep :1" &&
	test_expect_code 0 stop_service eve &&
	test_expect_code 1 wait "$asking" &&
	head -1 frames | grep 7b22746172735f726574223a30 &&
	test "$(sed -n 2p frames)" = closed
'

# A connection of the node is none of a client.
test_expect_success 'AdminObj connections do not hear of it' '
	put_fleet_config eve.conf 0 "deactivating-timeout=3000
local=tcp -h 127.0.0.1 -p 0 -t 10000" &&
	start_fleet eve eve.conf &&
	admin_port=$(admin_port_of eve) &&
	ask "$admin_port" "$(request tars_ping)" &&
	wait_for 20 "test -s frames" &&
	test_expect_code 0 stop_service eve &&
	test_expect_code 1 wait "$asking" &&
	test "$(sed -n 2p frames)" = closed
'

test_done
