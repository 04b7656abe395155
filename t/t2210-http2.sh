#!/usr/bin/env bash
test_description='calls over HTTP/2 to a real service: its clients, flow control, floods, GOAWAY'
. "$(dirname "$0")/test-lib.sh"

. "$t_dir/lib-service.sh"

hello=TestApp.HelloServer.HelloObj
export PYTHONPATH="$t_dir/helper" PYTHONDONTWRITEBYTECODE=1

# put_config FILE: packets of 1 MB, connections that are silent for 3 s.
put_config () {
	cat >"$1" <<-END
	<tars>
	<application>
	<server>
	app=TestApp
	server=HelloServer
	datapath=$PWD
	backpacketlimit=1000000
	<$hello.Adapter>
	endpoint=tcp -h 127.0.0.1 -p 0 -t 3000
	servant=$hello
	threads=4
	</$hello.Adapter>
	</server>
	</application>
	</tars>
	END
}

resident_kb () {
	ps -o rss= -p "$service_pid"
}

is_plain_build () {
	! nm -D "$(command -v HelloServer)" 2>/dev/null | grep -q '__[at]san_init' &&
	! ldd "$(command -v HelloServer)" | grep -q 'lib[at]san'
}

test_expect_success 'a service without a platform' '
	start_service HelloServer --listen 127.0.0.1:0 &&
	url=http://127.0.0.1:$service_port
'

test_expect_success 'the example of the documentation, with curl on HTTP/2' '
	sh "$t_dir/../etc/examples/hello/curl.sh" "$url" >expect &&
	echo http2-prior-knowledge >.curlrc &&
	CURL_HOME=$PWD sh "$t_dir/../etc/examples/hello/curl.sh" "$url" >actual &&
	test_cmp expect actual &&
	curl -sS --http2-prior-knowledge -o out -w "%{http_version} %{http_code}\n" \
		-d "{}" "$url/v1/call/$hello/nothing" >version &&
	echo "2 404" >expect.version &&
	test_cmp expect.version version &&
	test_grep "\"code\":-3" out
'

test_expect_success 'nghttp: a small window, a large answer' '
	python3 -c "print(\"{\\\"name\\\":\\\"%s\\\"}\" % (\"0123456789\" * 100000))" >large.json &&
	nghttp -w 12 -W 12 -d large.json "$url/v1/call/$hello/greet" >answer &&
	{ printf "{\"tars_ret\":0,\"text\":\"hello " && tail -c +10 large.json | tr -d "\n"; } >expect &&
	test_cmp expect answer
'

test_expect_success 'h2load: many streams on few connections' '
	echo "{\"name\":\"load\"}" >small.json &&
	h2load -n 4000 -c 4 -m 100 -d small.json "$url/v1/call/$hello/greet" >load &&
	test_grep "^requests: 4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed" load
'

test_expect_success 'TARS and HTTP/1 on the same port, and a wish to upgrade that is not met' '
	HelloClient "$hello@tcp -h 127.0.0.1 -p $service_port" &&
	curl -sS --http2 -o out -w "%{http_version} %{http_code}\n" "$url/healthz" >version &&
	echo "1.1 200" >expect &&
	test_cmp expect version
'

test_expect_success 'SIGTERM: a GOAWAY without error ends an idle connection' '
	python3 - "$service_port" "$service_pid" <<-\END &&
	import os, signal, sys
	from h2raw import *
	p = Peer(int(sys.argv[1]))
	p.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, head("/healthz", "GET")))
	for kind, flags, stream, payload in p.frames():
	    if kind == DATA and flags & END_STREAM:
	        break
	os.kill(int(sys.argv[2]), signal.SIGTERM)
	code = p.goaway()
	assert code == 0, code
	END
	wait "$service_pid" &&
	service_pid=
'

test_expect_success 'limits: a service with packets of 1 MB' '
	put_config small.conf &&
	start_service HelloServer --config=small.conf &&
	url=http://127.0.0.1:$service_port &&
	head -c 1100000 /dev/zero | tr "\\0" x >large &&
	curl -sS --http2-prior-knowledge -o out -w "%{http_code}\n" -d @large "$url/json" >status &&
	echo 413 >expect &&
	test_cmp expect status &&
	test_grep "the body has more than 1000000 bytes" out &&
	curl -sS --http2-prior-knowledge -o out -w "%{http_code}\n" -T large -X POST \
		-H "Content-Length:" "$url/json" >status &&
	test_cmp expect status
'

test_expect_success 'bodies that do not end are together no larger than one' '
	before=$(resident_kb) &&
	python3 - "$service_port" <<-\END &&
	import sys
	from h2raw import *
	p = Peer(int(sys.argv[1]))
	for i in range(100):
	    p.send(frame(HEADERS, END_HEADERS, 2 * i + 1, head("/json")))
	    p.send(frame(DATA, 0, 2 * i + 1, b"x" * 16000) * 2)
	refused = set()
	for kind, flags, stream, payload in p.frames():
	    if kind == DATA and b"too large together" in payload:
	        refused.add(stream)
	    if len(refused) == 60:
	        break
	assert min(refused) > 60, refused    # those that came first have their place
	END
	after=$(resident_kb) &&
	if is_plain_build; then test "$after" -lt $((before + 4000)); fi
'

# flood CODE: python code with p, a Peer, that sends until the server has had enough.
flood () {
	python3 - "$service_port" <<-END
	import sys
	from h2raw import *
	p = Peer(int(sys.argv[1]))
	$(echo "$1" | tr -d "\t")
	END
}

test_expect_success 'a head without an end: CONTINUATIONs' '
	flood "
	p.send(frame(HEADERS, 0, 1, head(\"/json\")))
	n = 0
	while n < 1000 and p.send(frame(CONTINUATION, 0, 1, field(\"x\", \"y\" * 100) * 100)): n += 1
	code = p.goaway()
	assert code == 11, code"
'

test_expect_success 'streams that are reset at once' '
	flood "
	n = 0
	one = lambda i: frame(HEADERS, END_HEADERS, 2 * i + 1, head(\"/json\")) + frame(RST, 0, 2 * i + 1, bytes(4))
	while n < 100000 and p.send(one(n)): n += 1
	code = p.goaway()
	assert code not in (0, None), code"
'

test_expect_success 'pings and settings whose answers are not read' '
	before=$(resident_kb) &&
	flood "
	n = 0
	p.s.settimeout(5)
	while n < 200 and p.send(frame(PING, 0, 0, bytes(8)) * 10000): n += 1" &&
	flood "
	n = 0
	p.s.settimeout(5)
	while n < 200 and p.send(frame(SETTINGS, 0, 0, bytes([0, 4, 0, 0, 255, 255])) * 10000): n += 1" &&
	after=$(resident_kb) &&
	echo "$before KB before, $after KB after" &&
	if is_plain_build; then test "$after" -lt $((before + 16000)); fi
'

test_expect_success 'no HTTP/2 behind the preface' '
	flood "
	p.send(b\"nonsense\" * 10)
	assert p.goaway() not in (0, None)"
'

test_expect_success 'slow heads and bodies end' '
	flood "
	p.send(frame(HEADERS, 0, 1, head(\"/json\")))
	assert p.goaway() in (11, None)" &&
	python3 - "$service_port" <<-\END
	import select, sys
	from h2raw import *
	p = Peer(int(sys.argv[1]))
	p.send(frame(HEADERS, END_HEADERS, 1, head("/json")))
	# A byte now and then keeps the connection from being silent, but not the request.
	frames, seen = p.frames(), b""
	while b"the request came too slowly" not in seen:
	    if select.select([p.s], [], [], 0.2)[0]:
	        seen += next(frames)[3]
	    else:
	        p.send(frame(DATA, 0, 1, b"x"))
	END
'

test_expect_success 'it still serves, and ends' '
	curl -sSf --http2-prior-knowledge "$url/healthz" &&
	test_expect_code 0 stop_service
'

test_done
