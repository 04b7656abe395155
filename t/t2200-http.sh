#!/usr/bin/env bash
test_description='calls over HTTP/1 to a real service: all forms, errors, health, metrics, limits'
. "$(dirname "$0")/test-lib.sh"

. "$t_dir/lib-service.sh"

hello=TestApp.HelloServer.HelloObj

# http FILE CURL-ARGUMENTS...: the body is in FILE, the head in FILE.head; prints the status.
http () {
	curl -sS --max-time 30 -o "$1" -D "$1.head" -w '%{http_code}\n' "${@:2}"
}

# expect_http STATUS CURL-ARGUMENTS...: body in out, head in out.head
expect_http () {
	local status
	status=$(http out "${@:2}") && test "$status" = "$1" || {
		echo "status $status, not $1"
		cat out.head out
		return 1
	}
}

# put_config FILE HTTP: ports are the kernel's choice.
put_config () {
	cat >"$1" <<-END
	<tars>
	<application>
	<server>
	app=TestApp
	server=HelloServer
	local=tcp -h 127.0.0.1 -p $3 -t 10000
	datapath=$PWD
	<$hello.Adapter>
	endpoint=tcp -h 127.0.0.1 -p 0 -t 60000
	servant=$hello
	$2
	</$hello.Adapter>
	</server>
	</application>
	</tars>
	END
}

test_expect_success 'a service without a platform' '
	start_service HelloServer --listen 127.0.0.1:0 &&
	url=http://127.0.0.1:$service_port
'

test_expect_success 'the example of the documentation' '
	sh "$t_dir/../etc/examples/hello/curl.sh" "$url" >actual &&
	cat >expect <<-\END &&
	{"tars_ret":0,"text":"hello world"}
	{"tars_ret":0,"text":"hello world"}
	{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the name is empty","code":1}
	END
	head -n 3 actual >start &&
	test_cmp expect start &&
	test_grep "interface Hello" actual &&
	test_grep "^{\"status\":\"ok\",\"requests\":0,\"connections\":1}\$" actual &&
	test_grep "^{\"tars_ret\":0,\"text\":\"hello gateway\"}\$" actual &&
	test_grep "^{\"reqid\":1,\"data\":\"{..tars_ret..:0,..text..:..hello envelope..}\"}\$" actual
'

test_expect_success 'errors are as clear as over TARS' '
	expect_http 404 "$url/v1/call/$hello/great" -d "{}" &&
	test_grep "content-type: application/problem.json" out.head &&
	test_grep "$hello .TestApp::Hello. has no function .great.\",\"code\":-3,\"name\":\"SERVERNOFUNCERR\"" out &&
	expect_http 404 "$url/v1/call/A.B.C/greet" -d "{}" &&
	test_grep "no servant .A.B.C. here; served: $hello\",\"code\":-4" out &&
	expect_http 400 "$url/v1/call/$hello/greet" -d "{\"nam\":1}" &&
	test_grep "$hello.greet: name: required, but missing\",\"code\":-1,\"name\":\"SERVERDECODEERR\"" out &&
	expect_http 400 "$url/v1/call/$hello/greet" -d "{" &&
	test_grep "JSON, line 1, column 1: " out &&
	expect_http 502 "$url/json/$hello/greet" -d "{}" &&
	test_grep "\"status\":502,.*\"code\":-1" out &&
	expect_http 404 "$url/json/A.B.C/greet" -d "{}" &&
	expect_http 400 "$url/json" -d "{\"obj\":1}" &&
	test_grep "the envelope: obj: expected a string, found an integer" out
'

test_expect_success 'paths and methods' '
	expect_http 404 "$url/" &&
	test_grep "no such path: ./.; calls go to /v1/call/<object>/<function>, /json or /tup" out &&
	expect_http 405 "$url/v1/call/$hello/greet" &&
	test_grep "^allow: POST, OPTIONS" out.head &&
	expect_http 204 -X OPTIONS "$url/v1/call/$hello/greet" &&
	test_grep "^allow: POST, OPTIONS" out.head &&
	expect_http 200 -I "$url/healthz" &&
	test_grep "^content-length: [1-9]" out.head &&
	expect_http 404 "$url/metrics" &&
	test_grep "/metrics is on the port of the server.s .local. endpoint" out &&
	expect_http 403 "$url/json/$hello/greet" -H "Origin: http://elsewhere" -d "{}" &&
	test_grep "web pages of other sites" out
'

test_expect_success 'limits of head and body' '
	head -c 40000 /dev/zero | tr "\\0" x >large &&
	expect_http 431 "$url/healthz" -H "X: $(cat large)" &&
	expect_http 414 "$url/$(head -c 9000 large)" &&
	python3 - "$service_port" <<-\END
	import http.client, sys
	c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
	c.putrequest("POST", "/json")
	c.putheader("Content-Length", str(1 << 40))
	c.endheaders()
	r = c.getresponse()
	assert r.status == 413, r.status
	assert b"the body has more than 104857600 bytes" in r.read()
	END
'

test_expect_success 'one connection, many requests; chunked; TARS on the same port' '
	python3 - "$service_port" "$hello" <<-\END &&
	import http.client, json, sys
	c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
	c.connect()
	port = c.sock.getsockname()[1]
	for i in range(200):
	    body = json.dumps({"name": "x" * (i * 37)})
	    data = (body[k:k + 100].encode() for k in range(0, len(body), 100))
	    c.request("POST", "/v1/call/%s/greet" % sys.argv[2], body=data if i % 2 else body,
	              encode_chunked=bool(i % 2))
	    r = c.getresponse()
	    answer = json.loads(r.read())
	    assert r.status == (200 if i else 500), r.status
	    assert not i or answer["text"] == "hello " + "x" * (i * 37)
	assert c.sock.getsockname()[1] == port
	END
	HelloClient "$hello@tcp -h 127.0.0.1 -p $service_port"
'

test_expect_success 'a thousand clients that stay cost little' '
	before=$(ps -o rss= -p "$service_pid") &&
	python3 - "$service_port" "$service_pid" >rss <<-\END &&
	import socket, sys
	peers = []
	request = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
	def ask(s):
	    s.sendall(request)
	    got = b""
	    while not got.endswith(b"}\n"):
	        piece = s.recv(4096)
	        assert piece, got
	        got += piece
	    assert got.startswith(b"HTTP/1.1 200 OK\r\n"), got
	for i in range(900):
	    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
	    ask(s)
	    peers.append(s)
	for s in peers:
	    ask(s)
	print(open("/proc/%s/statm" % sys.argv[2]).read().split()[1])
	END
	after=$(($(cat rss) * $(getconf PAGESIZE) / 1024)) &&
	echo "$before KB, with 900 connections $after KB" &&
	test "$after" -lt $((before + 9000))
'

test_expect_success 'large bodies go both ways' '
	python3 - "$service_port" "$hello" <<-\END
	import http.client, json, sys
	c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
	name = "0123456789" * 500000
	c.request("POST", "/v1/call/%s/greet" % sys.argv[2], json.dumps({"name": name}))
	assert json.loads(c.getresponse().read())["text"] == "hello " + name
	END
'

test_expect_success 'it ends with all of that' '
	test_expect_code 0 stop_service
'

test_expect_success 'the local port: health and metrics, and no calls' '
	admin_port=$(test-tool free-port) &&
	put_config service.conf "" "$admin_port" &&
	start_service HelloServer --config=service.conf &&
	url=http://127.0.0.1:$service_port admin=http://127.0.0.1:$admin_port &&
	expect_http 200 "$url/v1/call/$hello/greet" -d "{\"name\":\"x\"}" &&
	expect_http 403 "$admin/v1/call/AdminObj/shutdown" -d "{}" &&
	test_grep "no calls over HTTP on this port" out &&
	expect_http 200 "$admin/healthz" &&
	expect_http 200 "$admin/metrics" &&
	test_grep "^content-type: text/plain; version=0.0.4" out.head &&
	test_grep "^tars_http_calls_total{loop=\"0\"} 1\$" out &&
	test_grep "^tars_adapter_connections{adapter=\"AdminAdapter\"} 1\$" out &&
	python3 - out <<-\END
	import re, sys
	name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
	label = name + r"=\"(?:[^\"\\\n]|\\[\\\"n])*\""
	sample = re.compile(r"(%s)(\{%s(?:,%s)*\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$" % (name, label, label))
	types, seen, now = {}, set(), None
	for line in open(sys.argv[1]).read().split("\n")[:-1]:
	    if line.startswith("# TYPE "):
	        now, kind = line.split()[2:]
	        assert now not in types and kind in ("counter", "gauge", "histogram"), line
	        types[now] = kind
	    elif not line.startswith("# HELP "):
	        m = sample.match(line)
	        assert m, line
	        base = re.sub("_(bucket|sum|count)$", "", m[1]) if types[now] == "histogram" else m[1]
	        assert base == now and (m[1], m[2]) not in seen, line
	        assert types[now] != "counter" or now.endswith("_total"), line
	        seen.add((m[1], m[2]))
	assert len(types) > 8, types
	END
'

test_expect_success 'http=off: TARS only' '
	stop_service &&
	put_config off.conf http=off "$admin_port" &&
	start_service HelloServer --config=off.conf &&
	test_must_fail curl -sS --max-time 30 "http://127.0.0.1:$service_port/healthz" &&
	HelloClient "$hello@tcp -h 127.0.0.1 -p $service_port" &&
	put_config bad.conf http=maybe "$admin_port" &&
	test_expect_code 78 HelloServer --config=bad.conf 2>err &&
	test_grep "Adapter<http>: .maybe. is neither on nor off" err
'

test_done
