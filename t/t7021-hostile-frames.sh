#!/usr/bin/env bash
test_description='truncated and hostile frames: the connection ends, the process goes on, memory stays'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-failure.sh"

hello_port=$(free_port)

hex () {
	printf "$1" | od -An -v -tx1 | tr -d ' \n'
}

# What no server may take, with the name of each.
hostile="
length-0:00000000
length-1:00000001
length-3:00000003ff
length-7fffffff:7fffffff1001
length-80000000:800000001001
length-ffffffff:ffffffff1001
garbage:deadbeef0badcafe*100
http:$(hex 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
http-post:$(hex 'POST /a HTTP/1.0\r\nContent-Length: 9999999999\r\n\r\n')
http2:$(hex 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')deadbeef*10
tls:16030100c8010000c40303*20
ssh:$(hex 'SSH-2.0-x\r\n')
body-of-ff:00000014ffffffffffffffffffffffffffffffff
nested:00000104$(printf '0a%.0s' $(seq 256))
list-of-2g:0000000e09027fffffff09027fff
"

# ended PORT HEX: the server closes by itself, whatever it answers before.
ended () {
	test-tool frame --timeout=60000 127.0.0.1 "$1" "$2" >frames
	tail -n 1 frames | grep -q '^closed' || { echo "$2:"; cat frames; return 1; }
}

each_is_ended () {
	local one
	for one in $hostile; do
		ended "$1" "${one#*:}" || { echo "not ended: $one" >&2; return 1; }
	done
}

# frames COUNT PORT: the same and frames that stop in the middle, at least so many.
frames () {
	local one n=0
	while test "$n" -lt "$1"; do
		for one in $hostile "cut:00000040100120" "empty:" "half-length:0000"; do
			test-tool frame --replies=0 --half-close --timeout=60000 127.0.0.1 "$2" \
				"${one#*:}" >/dev/null
			n=$((n + 1))
		done
	done
}

# goes_on NAME PID PORT: a thousand leave its memory within 4 MB of what it was after the first.
goes_on () {
	local name=$1 pid=$2 before after
	frames 100 "$3" &&
	is_plain_build || return 0
	before=$(resident_kb "$pid") &&
	frames 1000 "$3" &&
	after=$(resident_kb "$pid") &&
	echo "# $name: $before kB before, $after kB after" | tee -a /dev/fd/3 &&
	test "$after" -lt $((before + 4096))
}

test_expect_success 'registry, node and a service' '
	pg_use && pg_create hostile &&
	start_registry && start_node && deploy_hello &&
	hello_pid=$(pid_of TestApp.HelloServer)
'

test_expect_success 'the registry ends each of them' '
	each_is_ended "$registry_port"
'

test_expect_success 'the service ends each of them' '
	each_is_ended "$hello_port"
'

test_expect_success 'and the node' '
	each_is_ended "$node_port"
'

test_expect_success 'a thousand leave nothing behind' '
	goes_on registry "$registry_pid" "$registry_port" &&
	goes_on service "$hello_pid" "$hello_port"
'

test_expect_success 'large frames that never end: memory is bounded and given back' '
	before=$(resident_kb "$hello_pid") &&
	for i in $(seq 20)
	do
		test-tool frame --replies=0 --half-close --timeout=60000 127.0.0.1 "$hello_port" \
			00900000 "41*4000000" >/dev/null || :
	done &&
	after=$(resident_kb "$hello_pid") &&
	echo "# service: $before kB before, $after kB after 80 MB" | tee -a /dev/fd/3 &&
	if is_plain_build; then test "$after" -lt $((before + 20480)); fi
'

test_expect_success 'everybody lives and serves' '
	is_running "$registry_pid" && is_running "$node_pid" && is_running "$hello_pid" &&
	test "$(pid_of TestApp.HelloServer)" = "$hello_pid" &&
	tars call "$hello" greet "{\"name\": \"still\"}" >out &&
	test_grep "hello still" out
'

test_done
