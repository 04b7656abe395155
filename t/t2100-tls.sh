#!/usr/bin/env bash
test_description='TLS: ssl endpoints by official configuration, who trusts whom, renewed certificates'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-chain.sh"
. "$t_dir/lib-certs.sh"

obj=TestApp.HelloServer.HelloObj

# put_config FILE [SERVER-LINES [ADAPTER-LINES]]
put_config () {
	put_hello_config "$1" "ssl -h 127.0.0.1 -p 0 -t 60000" "${@:2}"
}

hello () {
	SecureClient "$obj@ssl -h localhost -p $service_port" "$@"
}

test_expect_success 'certificates' '
	make_ca ca && make_ca other &&
	make_cert server && make_cert client && make_cert stranger other &&
	make_cert elsewhere ca DNS:elsewhere.test && make_cert expired ca DNS:localhost -1
'

test_expect_success 'keys at the server: called by name, ca compared' '
	put_config a.conf "cert=$PWD/server.pem
key=$PWD/server.key" &&
	start_service HelloServer --config=a.conf &&
	test_grep "ready ssl 127.0.0.1:$service_port\$" service.log &&
	hello ca.pem >out &&
	test_grep "^hello secure world\$" out &&
	HelloClient "$obj@ssl -h 127.0.0.1 -p $service_port" >out &&
	test_grep "^async: hello async\$" out &&
	tars call --ca ca.pem "$obj@ssl -h localhost -p $service_port" greet \
		"{\"name\":\"x\"}" >out &&
	test_grep "hello x" out
'

test_expect_success 'a server that ca has not signed is not called' '
	test_must_fail hello other.pem >out &&
	test_grep "greet at ssl localhost:$service_port: 127.0.0.1:$service_port: TLS: the certificate is refused: .*\(ca=other.pem\)" out &&
	test_must_fail tars call --ca other.pem "$obj@ssl -h localhost -p $service_port" 2>err &&
	test_grep "the certificate is refused" err
'

test_expect_success 'who does not speak TLS is told so, counted, and harms nobody' '
	test_must_fail HelloClient "$obj@tcp -h 127.0.0.1 -p $service_port" >out &&
	wait_for 10 "notify service tars.viewstatus | grep -q \"tls-failures  *[1-9]\"" &&
	wait_for 10 "grep -q \"refused: 127.0.0.1:.*TLS: \" service.log" &&
	hello ca.pem
'

test_expect_success 'a plain server called as ssl' '
	service=plain start_service HelloServer --listen 127.0.0.1:0 &&
	test_must_fail SecureClient "$obj@ssl -h localhost -p $plain_port" ca.pem >out &&
	test_grep "is its endpoint ssl\?" out &&
	stop_service plain
'

test_expect_success 'what openssl says: 1.2 and 1.3, no renegotiation, no tickets' '
	openssl s_client -connect 127.0.0.1:$service_port -tls1_2 </dev/null >out 2>&1 &&
	test_grep "Protocol *: TLSv1.2" out &&
	openssl s_client -connect 127.0.0.1:$service_port -tls1_3 </dev/null >out 2>&1 &&
	test_grep "New, TLSv1.3" out &&
	test_grep ! "TLS session ticket" out &&
	test_must_fail openssl s_client -connect 127.0.0.1:$service_port -tls1_1 \
		-cipher DEFAULT@SECLEVEL=0 </dev/null >out 2>&1 &&
	mkfifo keys && exec {keys}<>keys && echo R >keys &&
	test_must_fail openssl s_client -connect 127.0.0.1:$service_port -tls1_2 <keys >out 2>&1 &&
	exec {keys}>&- &&
	test_grep "no renegotiation" out
'

# alpn_at OFFERED: what the server chooses
alpn_at () {
	openssl s_client -connect "127.0.0.1:$service_port" ${1:+-alpn "$1"} </dev/null 2>&1 |
		sed -n 's/^ALPN protocol: //p; s/^No ALPN negotiated/none/p'
}

# http_at CURL-OPTIONS: a call over HTTP, and its version
http_at () {
	curl -sS --cacert ca.pem -d "{\"name\":\"curl\"}" -w "\n%{http_version}\n" "$@" \
		"https://localhost:$service_port/v1/call/$obj/greet"
}

test_expect_success 'HTTP on the same port: ALPN chooses the version, other protocols none' '
	test "$(alpn_at h2)" = h2 &&
	test "$(alpn_at http/1.1,h2)" = h2 &&
	test "$(alpn_at http/1.1)" = http/1.1 &&
	test "$(alpn_at http/1.0,tars)" = none &&
	test "$(alpn_at)" = none &&
	http_at --http2 >out &&
	test_grep "hello curl" out && test_grep "^2\$" out &&
	http_at --http1.1 >out &&
	test_grep "hello curl" out && test_grep "^1.1\$" out &&
	http_at --no-alpn >out &&
	test_grep "hello curl" out && test_grep "^1.1\$" out &&
	nghttp -v "https://localhost:$service_port/healthz" >out &&
	test_grep "The negotiated protocol: h2" out &&
	test_grep "\"status\":\"ok\"" out
'

test_expect_success 'gRPC over TLS' '
	/usr/bin/python3 - "$service_port" <<-\END
	import sys, grpc

	ca = grpc.ssl_channel_credentials(open("ca.pem", "rb").read())
	with grpc.secure_channel("localhost:" + sys.argv[1], ca) as channel:
	    answer = channel.unary_unary("/TestApp.Hello/greet")(b"\x12\x04grpc", timeout=60)
	assert b"hello grpc" in answer, answer
	END
'

test_expect_success 'nothing is cut off: the last byte is followed by the end of TLS' '
	python3 - "$service_port" $obj <<-\END
	import json, socket, ssl, sys

	context = ssl.create_default_context(cafile="ca.pem")
	for size in 1, 16384, 100000, 3000000:
	    body = json.dumps({"name": "x" * size}).encode()
	    with context.wrap_socket(socket.create_connection(("localhost", int(sys.argv[1]))),
	                             server_hostname="localhost", suppress_ragged_eofs=False) as s:
	        s.sendall(b"POST /v1/call/%s/greet HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	                  b"Content-Length: %d\r\n\r\n" % (sys.argv[2].encode(), len(body)) + body)
	        answer = b""
	        while part := s.recv(65536):     # raises an error if TLS has no end
	            answer += part
	    head, body = answer.split(b"\r\n\r\n", 1)
	    assert json.loads(body)["text"] == "hello " + "x" * size, head
	END
'

# A connection from before all renewals; hold: it still answers.
hold () {
	local answer
	echo >&$hold_in && read -r -t 30 -u "$hold_out" answer && test "$answer" = ok
}

test_expect_success 'a connection that stays open' '
	mkfifo hold.in hold.out &&
	exec {hold_in}<>hold.in {hold_out}<>hold.out &&
	{ python3 "$t_dir/helper/tls-hold.py" "$service_port" ca.pem "$obj" <&$hold_in \
		>&$hold_out 2>hold.log {hold_in}>&- {hold_out}>&- 3>&- {test_pause_fd}>&- &
	hold_pid=$!; } &&
	test_at_end "kill $hold_pid 2>/dev/null; wait $hold_pid 2>/dev/null || :" &&
	hold && hold
'

test_expect_success 'a renewed certificate is served to new connections, without a restart' '
	wait_for 10 "test \"\$(serial_at $service_port)\" = \"$(cert_serial server)\"" &&
	make_cert server &&
	wait_for 30 "test \"\$(serial_at $service_port)\" = \"$(cert_serial server)\"" &&
	hello ca.pem
'

# The look at the files every few seconds may come first, which is as good.
test_expect_success 'at once by a command, which says what is wrong' '
	make_cert server &&
	notify service tars.reloadtls >out &&
	test_grep "new connections use what the files have now" out &&
	test "$(serial_at $service_port)" = "$(cert_serial server)" &&
	cp server.key good.key && cp client.key server.key &&
	notify service tars.reloadtls >out &&
	test_grep "key .*server.key. does not belong to cert .*server.pem.; what was read before stays in use" out &&
	test "$(serial_at $service_port)" = "$(cert_serial server)" &&
	mv good.key server.key &&
	notify service tars.reloadtls >out &&
	test_grep "new connections use" out
'

test_expect_success 'that connection is there all the time' '
	hold
'

test_expect_success 'one that is no good is not: what was there stays, and the log says why' '
	serial=$(cert_serial server) && cp server.pem good.pem &&
	echo nonsense >server.pem.new && mv server.pem.new server.pem &&
	wait_for 60 "grep -q \"tls: TLS: cert .*server.pem. is no certificate in PEM form.*what was read before stays in use\" service.log" &&
	test "$(serial_at $service_port)" = "$serial" &&
	hello ca.pem &&
	mv good.pem server.pem &&
	stop_service
'

test_expect_success 'keys at the adapter, and a certificate from every client' '
	make_cert server &&
	put_config b.conf "ca=$PWD/other.pem
verifyclient=0" "ca=$PWD/ca.pem
cert=$PWD/server.pem
key=$PWD/server.key
verifyclient=1
ciphers=ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256" &&
	start_service HelloServer --config=b.conf &&
	hello ca.pem client.pem client.key >out &&
	test_grep "^hello secure world\$" out &&
	tars call --ca ca.pem --cert client.pem --key client.key \
		"$obj@ssl -h localhost -p $service_port" >out &&
	openssl s_client -connect 127.0.0.1:$service_port -cert client.pem -key client.key \
		</dev/null >out 2>&1 &&
	test_grep "Cipher is TLS_AES_128_GCM_SHA256" out
'

test_expect_success 'clients without, with a foreign and with an old certificate' '
	make_cert old ca DNS:localhost -1 &&
	test_must_fail hello ca.pem >out &&
	test_grep "it wants our certificate: set cert and key" out &&
	test_must_fail hello ca.pem stranger.pem stranger.key >out &&
	test_grep "its ca has not signed our certificate" out &&
	test_must_fail hello ca.pem old.pem old.key >out &&
	test_grep "our certificate has expired" out &&
	wait_for 10 "grep -q \"refused: .*verifyclient=1\" service.log" &&
	stop_service
'

test_expect_success 'a certificate for another host, and one that has expired' '
	put_config c.conf "cert=$PWD/elsewhere.pem
key=$PWD/elsewhere.key" &&
	start_service HelloServer --config=c.conf &&
	test_must_fail hello ca.pem >out &&
	test_grep "hostname mismatch" out &&
	SecureClient "$obj@ssl -h 127.0.0.1 -p $service_port" ca.pem &&
	stop_service &&
	put_config d.conf "cert=$PWD/expired.pem
key=$PWD/expired.key" &&
	start_service HelloServer --config=d.conf &&
	test_grep "warn tls: the certificate .*expired.pem. has expired: renew it" service.log &&
	test_must_fail hello ca.pem >out &&
	test_grep "the certificate is refused: certificate has expired" out &&
	stop_service
'

# One calls Two.
call_through () {
	chain One pass "{\"user\":\"u\",\"text\":\"t\",\"begin\":\"\",\"way\":[\"T.Two.ChainObj@ssl -h localhost -p $Two_port\"]}"
}

# certificate_of SECTION NAME CA: the keys of a section
certificate_of () {
	printf "%s\n" "$1.ca=$PWD/$3.pem" "$1.cert=$PWD/$2.pem" "$1.key=$PWD/$2.key"
}

test_expect_success 'a service as a client: keys of <client>, and of the object in it' '
	start_chain Two endpoint="ssl -h 127.0.0.1 -p 0 -t 60000" ca="$PWD/ca.pem" \
		cert="$PWD/server.pem" key="$PWD/server.key" verifyclient=1 &&
	start_chain One $(certificate_of client client ca) &&
	call_through >out &&
	test_grep hops out &&
	stop_service One &&
	start_chain One client.ca="$PWD/other.pem" "client.<T.Two.ChainObj>" \
		$(certificate_of client client ca) "client.</T.Two.ChainObj>" &&
	call_through &&
	stop_service One &&
	start_chain One $(certificate_of client client ca) "client.<T.Two.ChainObj>" \
		client.ca="$PWD/other.pem" "client.</T.Two.ChainObj>" &&
	test_must_fail call_through 2>err &&
	test_grep "T.Two.ChainObj.pass at ssl localhost:$Two_port: .*the certificate is refused.*other.pem" err &&
	stop_service One
'

test_expect_success 'mistakes in <client> stop the start' '
	test_must_fail start_chain One client.ca="$PWD/none.pem" &&
	test_grep "client: TLS: cannot read the file of ca, .*none.pem" One.log &&
	test_must_fail start_chain One "client.<T.Two.ChainObj>" client.cert="$PWD/client.pem" \
		"client.</T.Two.ChainObj>" &&
	test_grep "T.Two.ChainObj: TLS: cert is set and key is not: both are needed" One.log
'

test_expect_success 'mistakes name the file, what is wrong and what helps' '
	put_config e.conf "" &&
	test_expect_code 78 HelloServer --config=e.conf 2>err &&
	test_grep "HelloObjAdapter: TLS: no cert: a server needs cert and key" err &&
	put_config e.conf "cert=$PWD/server.pem
key=$PWD/client.key" &&
	test_expect_code 78 HelloServer --config=e.conf 2>err &&
	test_grep "TLS: key .*client.key. does not belong to cert .*server.pem" err &&
	put_config e.conf "cert=$PWD/none.pem
key=$PWD/server.key" &&
	test_expect_code 78 HelloServer --config=e.conf 2>err &&
	test_grep "none.pem.: No such file or directory" err &&
	put_config e.conf "cert=$PWD/server.pem
key=$PWD/server.key
verifyclient=1" &&
	test_expect_code 78 HelloServer --config=e.conf 2>err &&
	test_grep "verifyclient is set and ca is not" err &&
	put_config e.conf "verifyclient=maybe" &&
	test_expect_code 78 HelloServer --config=e.conf 2>err &&
	test_grep "<verifyclient>: .maybe. is neither 0 nor 1" err &&
	test_expect_code 64 tars call --ca none.pem "$obj@ssl -h localhost -p 1" 2>err &&
	test_grep "cannot read the file of ca, .none.pem" err
'

test_done
