#!/usr/bin/env bash
test_description='protocols of a user'\''s own: servants and objects that do not speak TARS'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-certs.sh"
. "$t_dir/lib-observe.sh"

# raw 'PYTHON': with s, a socket connected to the service; send(bytes), line(), rest() and
# frame(id, text), unframe().
raw () {
	timeout 120 python3 - "$service_port" "$1" <<-\END
	import socket, struct, sys
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
	s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	f = s.makefile("rb")
	send = s.sendall
	line = lambda: f.readline().decode().rstrip("\n")
	def rest():
	    try:
	        return f.read()
	    except ConnectionResetError:
	        return b"reset"
	frame = lambda id, text: struct.pack(">II", 8 + len(text), id) + text.encode()
	def unframe():
	    n, id = struct.unpack(">II", f.read(8))
	    return id, f.read(n - 8).decode()
	def is_(a, b):
	    if a != b:
	        sys.exit("%r is not %r" % (a, b))
	exec(sys.argv[2])
	END
}

start_odd () {
	ODD_RUN=${2:-POOL} ODD_SERVANT=$1 start_service odd-server --listen 127.0.0.1:0
}

# ask TIMEOUT_MS TEXT...: with our client.
ask () {
	timeout 120 odd-caller "T.OddServer.${object:-LineObj}@tcp -h 127.0.0.1 -p $service_port" \
		"${kind:-line}" "$@"
}

for mode in POOL CORO INLINE
do
	test_expect_success "$mode: lines in pieces, many at once, in order" '
		start_odd LineObj '$mode' &&
		raw "
for b in b\"echo piece by piece\nec\":
    send(bytes([b]))
send(b\"ho 2\n\")
is_(line(), \"piece by piece\"); is_(line(), \"2\")
send(b\"\".join(b\"echo %d\n\" % i for i in range(2000)))
for i in range(2000):
    is_(line(), str(i))
send(b\"later 30\necho after\n\")
is_(line(), \"later 30\"); is_(line(), \"after\")
send(b\"none\nnever\nfail 7\necho last\n\")
is_(line().split(\" \")[:2], [\"ERROR\", \"-99\"]); is_(line(), \"ERROR 7 as told\"); is_(line(), \"last\")
send(b\"big 900000\n\"); is_(len(line()), 900000)
send(b\"echo half\")
s.shutdown(socket.SHUT_WR); is_(rest(), b\"\")" &&
		raw "
send(b\"echo x\nquit\necho y\n\")
is_(rest(), b\"x\nquit\n\")" &&
		raw "
send(b\"echo x\n\"); s.shutdown(socket.SHUT_WR)
is_(rest(), b\"x\n\")" &&
		stop_service
	'
done

test_expect_success 'garbage, too much, and a parser that talks nonsense end the connection only' '
	start_odd LineObj CORO &&
	raw "send(b\"echo x\n\"); is_(line(), \"x\"); send(b\"\0\n\"); is_(rest(), b\"\")" &&
	raw "send(b\"size 2000000\n\"); is_(rest(), b\"\")" &&
	raw "send(b\"size 9223372036854775807\n\"); is_(rest(), b\"\")" &&
	raw "send(b\"size -9223372036854775808\n\"); is_(rest(), b\"\")" &&
	raw "send(b\"size 100\n\" + b\"x\" * 91); is_(line()[:8], \"size 100\")" &&
	raw "send(b\"at 18446744073709551615\nechx\n\"); is_(line(), \"at 18446744073709551615\")" &&
	raw "
try:
    while True:
        send(b\"x\" * 65536)
except OSError:
    pass" &&
	raw "send(b\"echo alive\n\"); is_(line(), \"alive\")" &&
	test_grep "a message of 2000000 bytes is larger than the limit of 1048576" service.log &&
	stop_service
'

test_expect_success 'TARS and HTTP are garbage there; elsewhere its servant is not to be called' '
	start_odd IdObj &&
	raw "send(b\"GET / HTTP/1.1\r\n\r\n\"); is_(rest(), b\"\")" &&
	test_must_fail timeout 60 test-calls 127.0.0.1 "$service_port" T.OddServer.IdObj message &&
	stop_service &&
	cat >two.conf <<-\END &&
	<tars>
	<application>
	<server>
	app=T
	server=OddServer
	<T.OddServer.LineObjAdapter>
	endpoint=tcp -h 127.0.0.1 -p 0 -t 60000
	servant=T.OddServer.LineObj
	protocol=not_tars
	</T.OddServer.LineObjAdapter>
	</server>
	</application>
	</tars>
	END
	start_service odd-server --config=two.conf && raw "send(b\"echo c\n\"); is_(line(), \"c\")" &&
	stop_service &&
	sed s/not_tars/tars/ two.conf >bad.conf &&
	test_expect_code 78 odd-server --config=bad.conf 2>err &&
	test_grep "LineObjAdapter: its servant T.OddServer.LineObj speaks a protocol of its own" err &&
	sed s/not_tars/http/ two.conf >bad.conf &&
	test_expect_code 78 odd-server --config=bad.conf 2>err &&
	test_grep "neither tars nor not_tars" err &&
	sed "s/-p 0/-p 0 -e 1/; s/protocol/accesskey=a\nsecretkey=b\nprotocol/" two.conf >bad.conf &&
	test_expect_code 78 odd-server --config=bad.conf 2>err && test_grep "cannot be -e 1" err
'

test_expect_success 'without refuse a failure ends the connection, after the answers before it' '
	start_odd RudeObj &&
	raw "send(b\"echo 1\nfail 7\necho 3\n\"); is_(rest(), b\"1\n\")" &&
	stop_service
'

test_expect_success 'with ids answers overtake each other; ours go back with what they are for' '
	start_odd IdObj CORO &&
	raw "
send(frame(7, \"sleep 300\") + frame(8, \"echo b\")[:6]); send(frame(8, \"echo b\")[6:])
is_(unframe(), (8, \"b\")); is_(unframe(), (7, \"sleep 300\"))
send(b\"\0\0\0\7xxxx\"); is_(rest(), b\"\")" &&
	stop_service
'

test_expect_success 'too many requests, and those that wait too long, are refused in its own words' '
	sed "s/protocol=/threads=1\nqueuecap=10\nqueuetimeout=3000\nprotocol=/" two.conf |
		sed s/LineObj/IdObj/ >few.conf &&
	start_service odd-server --config=few.conf &&
	raw "
send(b\"\".join(frame(i + 1, \"sleep 3500\") for i in range(40)))
got = dict(unframe() for _ in range(40))
is_(len(got), 40)
codes = sorted(t.split(\" \")[1] for t in got.values())
is_(set(codes), {\"-9\", \"-6\", \"3500\"})" &&
	stop_service
'

test_expect_success 'over TLS' '
	make_ca ca && make_cert server &&
	sed "s/tcp /ssl /; s,protocol=,cert=$PWD/server.pem\nkey=$PWD/server.key\nprotocol=," \
		two.conf >tls.conf &&
	start_service odd-server --config=tls.conf &&
	timeout 60 odd-caller "T.OddServer.LineObj@ssl -h 127.0.0.1 -p $service_port" line 20000 \
		"echo a" "later 20" "big 300000" "echo b" >out &&
	test_grep "^0 0 a$" out && test_grep "^1 0 later 20$" out && test_grep "^3 0 b$" out &&
	printf "echo x\nquit\n" | timeout 60 openssl s_client -quiet -connect \
		"127.0.0.1:$service_port" 2>err >out && test_grep "^x$" out &&
	stop_service
'

test_expect_success 'a peer that is idle is closed, a stop answers what was asked' '
	sed "s/-t 60000/-t 3000/" two.conf >idle.conf && start_service odd-server --config=idle.conf &&
	raw "is_(rest(), b\"\")" &&
	stop_service &&
	start_odd LineObj &&
	{ raw "
send(b\"sleep 700\n\"); open(\"asked\", \"w\").close()
is_(rest(), b\"sleep 700\n\")" & } && pid=$! &&
	wait_for 30 "test -e asked" &&
	raw "send(b\"echo x\n\"); is_(line(), \"x\")" &&
	stop_service && wait "$pid"
'

test_expect_success 'a handler calls such an object; statistics have both sides, AdminObj shows it' '
	start_recorder &&
	sed -e "s/^server=OddServer/&\nlocal=tcp -h 127.0.0.1 -p 0 -t 10000/" \
		-e "s,^</server>,&\n<client>\nstat=$stat\n</client>," two.conf >stat.conf &&
	ODD_RUN=CORO start_service odd-server --config=stat.conf &&
	observed_admin=$(admin_port_of service) &&
	raw "
send(b\"ask T.OddServer.LineObj@tcp -h 127.0.0.1 -p $service_port|echo deep\n\")
is_(line(), \"deep\")" &&
	admin tars.viewstatus >status && test_grep "^protocol  *not_tars" status &&
	admin tars.functions >functions && test_grep "T.OddServer.LineObj  *message  *2  *0" functions &&
	wait_for 30 "admin tars.report >/dev/null; grep -q \"asked\" reported &&
		grep -q \"stat_from_server.*message\" reported" &&
	stop_service
'

test_expect_success 'our client: calls in order on one connection' '
	start_odd LineObj CORO &&
	ask 20000 "echo a" "later 50" "echo b" "fail 7" "oneway none" "wait" "echo c" >out &&
	cat >expect <<-\END &&
	oneway 0
	0 0 a
	1 0 later 50
	2 0 b
	3 0 ERROR 7 as told
	4 0 c
	END
	test_cmp expect out
'

test_expect_success 'an answer that comes too late is not taken for the next one' '
	ask 60000 "echo a" wait "quick sleep 3000" wait "echo b" "echo c" >out &&
	test_grep "^1 -7 .*LineObj.odd at tcp .*no reply within 300 ms" out &&
	test_grep "^2 0 b$" out && test_grep "^3 0 c$" out &&
	stop_service
'

test_expect_success 'with ids: answers find their calls, pushes come, late answers are dropped' '
	start_odd IdObj CORO && export object=IdObj kind=id &&
	ask 20000 "sleep 200" "echo b" "later 20" >out &&
	printf "%s\n" "0 0 sleep 200" "1 0 b" "2 0 later 20" >expect && test_cmp expect out &&
	ask 20000 "push 5 news" "pushes 5" >out && test "$(grep -c "^push 0 0 news$" out)" = 5 &&
	ask 60000 "echo a" wait "quick sleep 2000" wait "echo x" "sleep 2500" "echo y" >out &&
	test_grep "^1 -7 " out && test_grep "^2 0 x" out && test_grep "^3 0 sleep" out &&
	test_grep "^4 0 y" out &&
	ask 20000 "quit" >out && test_grep "^0 0 quit" out &&
	unset object kind
'

test_expect_success 'a server that talks nonsense fails the calls, with the reason' '
	kind=line ask 5000 "echo b" >out &&
	test_grep "^0 -[0-9]* .*" out &&
	object=IdObj kind=id ask 5000 "big 2000000" wait "echo x" >out &&
	test_grep "^0 -[0-9]* .*larger than the limit of 1048576" out && test_grep "^1 0 x" out &&
	stop_service &&
	ask 2000 "echo b" >out && test_grep "^0 -[0-9]* .*refused" out
'

test_expect_success 'the examples of the documentation' '
	start_service example-lines --listen 127.0.0.1:0 &&
	at="Test.LineServer.LineObj@tcp -h 127.0.0.1 -p $service_port" &&
	timeout 60 example-lines-client "$at" "SET a 1" "GET a" "DO it" QUIT >out &&
	printf "%s\n" OK "VALUE 1" "ERROR 2 what is DO it" OK >expect && test_cmp expect out &&
	stop_service
'

test_done
