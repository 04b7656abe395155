#!/usr/bin/env bash
test_description='memory: idle connections cost little, and what large packets took goes back'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-failure.sh"

# Greets of a name of 1 MB on 64 connections, all of them open until the last is answered.
cat >large.py <<'END'
import socket, struct, sys

def field(tag, kind, rest=b""):
	return bytes([tag << 4 | kind]) + rest

def packet(name):
	args = field(1, 7, struct.pack(">I", len(name)) + name)
	servant, func = b"TestApp.HelloServer.HelloObj", b"greet"
	body = (field(1, 0, b"\1") + field(2, 12) + field(3, 12) + field(4, 0, b"\1") +
		field(5, 6, bytes([len(servant)]) + servant) + field(6, 6, bytes([len(func)]) + func) +
		field(7, 13, b"\0\2" + struct.pack(">I", len(args)) + args) +
		field(8, 12) + field(9, 8, b"\x0c") + field(10, 8, b"\x0c"))
	return struct.pack(">I", len(body) + 4) + body

def receive(s):
	n = struct.unpack(">I", s.recv(4, socket.MSG_WAITALL))[0] - 4
	while n:
		n -= len(s.recv(min(n, 1 << 20)))

links = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for i in range(64)]
call = packet(b"x" * 1000000)
for s in links:
	s.sendall(call)
for s in links:
	receive(s)
END

# One worker: each may keep some MB at hand for its next large packet.
cat >one.conf <<'END'
<tars>
<application>
<server>
app=TestApp
server=HelloServer
<TestApp.HelloServer.HelloObjAdapter>
endpoint=tcp -h 127.0.0.1 -p 0 -t 60000
servant=TestApp.HelloServer.HelloObj
threads=1
</TestApp.HelloServer.HelloObjAdapter>
</server>
</application>
</tars>
END

test_expect_success '64 connections with calls of 1 MB' '
	start_service HelloServer --config=one.conf &&
	before=$(resident_kb "$service_pid") &&
	python3 large.py "$service_port" &&
	if is_plain_build
	then
		wait_for 60 "test \$(resident_kb $service_pid) -lt $((before + 10240))"
	fi &&
	test_expect_code 0 stop_service
'

# All of them have called: the greatest memory is that of connections with something in their past.
cat >idle.py <<'END'
import resource, socket, sys

exec(open("large.py").read().split("links =")[0])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
call = packet(b"x" * 128)
links = []
for i in range(int(sys.argv[2])):
	s = socket.socket()
	s.bind(("127.0.0.%d" % (1 + i % 4), 0))
	s.connect(("127.0.0.1", int(sys.argv[1])))
	s.sendall(call)
	receive(s)
	links.append(s)
print(open("/proc/%s/statm" % sys.argv[3]).read().split()[1])
END

test_expect_success '10,000 idle connections cost less than 40 MB' '
	test "$(ulimit -Hn)" -ge 10100 &&
	sed "s/threads=1/&\nmaxconns=20000/" one.conf >many.conf &&
	start_service HelloServer --config=many.conf &&
	before=$(resident_kb "$service_pid") &&
	python3 idle.py "$service_port" 10000 "$service_pid" >pages &&
	grown=$(($(cat pages) * $(getconf PAGESIZE) / 1024 - before)) &&
	echo "# $grown KB" >&3 &&
	if is_plain_build
	then
		test "$grown" -lt 40000
	fi &&
	test_expect_code 0 stop_service
'

test_done
