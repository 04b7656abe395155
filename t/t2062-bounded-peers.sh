#!/usr/bin/env bash
test_description='what one peer can cost: idle, slow, greedy and too many connections'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

resident_kb () {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$service_pid/status"
}
# put_conf 'SERVER KEYS' 'ADAPTER KEYS' IDLE_MS
put_conf () {
	put_probe_config all.conf "$admin_keys
$1" "$2" && sed "s/-p 0 -t 60000/-p 0 -t $3/" all.conf >one.conf
}

# A peer in a few lines: peer STEPS...; prints "closed" when the service ends the connection.
#	send:HEX[*N]   trickle:HEX (again and again, every 50 ms, until closed)   wait (until closed)
peer () {
	python3 - "$service_port" "$@" <<-'END'
	import socket, sys, time
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
	s.settimeout(60)
	def closed():
	    print("closed", flush=True)
	    sys.exit(0)
	try:
	    for step in sys.argv[2:]:
	        what, _, arg = step.partition(":")
	        if what == "send":
	            hex, _, n = arg.partition("*")
	            s.sendall(bytes.fromhex(hex) * int(n or 1))
	        elif what == "trickle":
	            until = time.monotonic() + 60
	            s.setblocking(False)
	            while time.monotonic() < until:
	                s.send(bytes.fromhex(arg))
	                try:
	                    if not s.recv(1):
	                        closed()
	                except BlockingIOError:
	                    pass
	                time.sleep(.05)
	        elif what == "wait":
	            if not s.recv(1):
	                closed()
	except (ConnectionResetError, BrokenPipeError):
	    closed()
	END
}

test_expect_success 'a silent connection is closed after the -t of its endpoint' '
	put_conf "" "" 3000 && start_probe one.conf &&
	calls InlineObj echo 1 && peer wait >out && test_grep closed out && metric_is adapter_idle_connections_total 1 &&
	stop_service
'

test_expect_success 'one that never sent a byte: after emptyconntimeout' '
	put_conf "emptyconntimeout=200" "" 60000 && start_probe one.conf &&
	peer wait >out && test_grep closed out && metric_is adapter_idle_connections_total 1 &&
	stop_service
'

test_expect_success 'a packet that comes byte by byte does not hold its connection for ever' '
	put_conf "" "" 1500 && start_probe one.conf &&
	peer send:000003e8 trickle:10 >out && test_grep closed out && metric_is adapter_slow_connections_total 1 &&
	test_grep "connection closed: 127.0.0.1:[0-9]* sent less than 1024 bytes of a packet" \
		service.log &&
	stop_service
'

test_expect_success 'who takes its time, but is not stuck, is served to the end of the packet' '
	put_conf "backpacketmin=1" "" 3000 && start_probe one.conf &&
	peer send:00000190 trickle:101010 >out && test_grep closed out &&
	metric_is adapter_slow_connections_total 0 && metric_is adapter_idle_connections_total 0 &&
	stop_service
'

# check_growth KB: the service has grown by less since $before.  Sanitizers want several times more.
check_growth () {
	local high grown limit=$1
	case ${B##*/} in
	*-release) ;;
	*) limit=$((limit * 10)) ;;
	esac
	high=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$service_pid/status")
	grown=$((high - before))
	echo "grew by $grown kB"
	test "$grown" -lt "$limit"
}

test_expect_success 'replies that nobody reads: the rest of the requests is not read either' '
	put_conf "" "" 1500 && start_probe one.conf && before=$(resident_kb) &&
	{ calls InlineObj big 1000000 -- --count=300 --noread & pid=$!; } &&
	wait_for 30 "metric_is adapter_slow_connections_total 1" &&
	test_grep "connection closed: 127.0.0.1:[0-9]* read less than 1024 bytes of" \
		service.log &&
	check_growth 40000 &&
	calls InlineObj counts >out && runs=$(sed "s/.*runs=\([0-9]*\) .*/\1/" out) &&
	test "$runs" -lt 30 &&
	kill "$pid" && test_expect_code 143 wait "$pid" &&
	stop_service
'

test_expect_success 'more replies than backpacketlimit: closed' '
	put_conf "backpacketlimit=20000000" "threads=2
connrequests=60" 60000 && start_probe one.conf &&
	before=$(resident_kb) &&
	{ calls PoolObj big 1000000 -- --count=300 --noread & pid=$!; } &&
	wait_for 30 "metric_is adapter_slow_connections_total 1" &&
	test_grep "connection closed: 127.0.0.1:[0-9]* does not read: [0-9]* bytes wait for it, more than the limit of 20000000" service.log &&
	check_growth 150000 &&
	kill "$pid" && test_expect_code 143 wait "$pid" &&
	stop_service
'

test_expect_success 'a reply that is no packet any more is an error, and the connection stays' '
	put_conf "" "threads=2" 60000 && start_probe one.conf &&
	for servant in PoolObj InlineObj; do
		calls $servant big 104857600 -- --count=2 >out &&
		test "$(grep -c " -2 the reply has 1048576.. bytes, more than the limit of " out)" = 2 ||
			return 1
	done &&
	stop_service
'

test_expect_success 'who reads is not closed for having asked for much' '
	put_conf "" "threads=2" 60000 && start_probe one.conf &&
	calls PoolObj big 1000000 -- --count=60 --sum >out &&
	echo "0: 60" >expect && test_cmp expect out && metric_is adapter_slow_connections_total 0 &&
	stop_service
'

test_expect_success 'of one connection, so many requests are at work; the rest waits' '
	put_conf "" connrequests=10 60000 && start_probe one.conf &&
	for servant in PoolObj CoroObj InlineObj; do
		{ calls "$servant" hold -- --count=25 >out & pid=$!; } &&
		wait_counts 10 "held=10 " &&
		calls "$servant" echo 1 && calls "$servant" echo 2 &&
		calls InlineObj counts >counts && test_grep "held=10 " counts &&
		for want in 15 5; do
			calls InlineObj reply && wait_counts 10 "held=$((want < 10 ? want : 10)) " || return
		done &&
		calls InlineObj reply && wait "$pid" && test "$(grep -c " 0 held" out)" = 25 || return
	done
'

test_expect_success 'a peer that ends its input meanwhile gets all its answers' '
	{ calls CoroObj hold -- --count=25 --half-close >out & pid=$!; } &&
	wait_counts 10 "held=10 " &&
	calls InlineObj reply && wait_counts 10 "held=10 " &&
	calls InlineObj reply && wait_counts 10 "held=5 " &&
	calls InlineObj reply && wait "$pid" && test "$(grep -c " 0 held" out)" = 25 &&
	stop_service
'

test_expect_success 'and so many bytes of requests, contexts included' '
	put_conf "" connbytes=1M 60000 && start_probe one.conf &&
	before=$(resident_kb) &&
	{ calls CoroObj hold -- --count=300 --pad=300000 >out & pid=$!; } &&
	wait_counts 10 "held=4 " &&
	for i in 1 2 3 4 5; do
		calls InlineObj counts >counts && test_grep "held=4 " counts || return
	done &&
	check_growth 20000 &&
	wait_for 60 "calls InlineObj reply && test \"\$(wc -l <out)\" = 300" && wait "$pid" &&
	stop_service
'

test_expect_success 'JSON costs no more than its limit, whatever it consists of' '
	put_conf "" "" 60000 && start_probe one.conf &&
	calls InlineObj echo 4 -- --version=5 >out && test_grep "^0 1 0 .*\"text\":\"4\"" out &&
	python3 -c "print(\"{\\\"what\\\":\\\"\" + 5000000 * \"x\" + \"\\\",\\\"number\\\":6}\")" >long.json &&
	calls InlineObj "" -- --version=5 --body=long.json >out && test_grep "^0 1 0 " out &&
	python3 -c "print(\"{\\\"what\\\":[\" + 3000000 * \"{},\" + \"1]}\")" >many.json &&
	before=$(resident_kb) &&
	calls InlineObj "" -- --version=5 --body=many.json >out &&
	test_grep "^0 1 -99 .*so many values that they would take more than 67108864 bytes" out &&
	check_growth 60000 &&
	stop_service
'

test_expect_success 'no descriptors left: told, counted, without spinning; and over when there are' '
	put_conf "" "" 60000 &&
	start_service bash -c "ulimit -n 40 && exec probe-server --config=one.conf \"\$@\"" bash &&
	{ calls CoroObj hold -- --connections=60 >out & pid=$!; } &&
	wait_for 20 "test_grep \"PoolObjAdapter: cannot accept on .*: Too many open files: .*raise ulimit -n\" service.log" &&
	used=$(cut -d" " -f14,15 "/proc/$service_pid/stat") && pause 1 &&
	now=$(cut -d" " -f14,15 "/proc/$service_pid/stat") &&
	ticks=$((${now/ /+} - (${used/ /+}))) && echo "$ticks ticks in a second" &&
	test "$ticks" -lt $(($(getconf CLK_TCK) / 2)) &&
	kill "$pid" && test_expect_code 143 wait "$pid" &&
	wait_for 20 "calls InlineObj echo 3 >out && test_grep \" 0 3$\" out" &&
	calls InlineObj reply && stop_service
'

test_done
