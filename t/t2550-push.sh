#!/usr/bin/env bash
test_description='push: items to connected subscribers, from any thread; who reads slowly, goes or comes back'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"

news () {
	tars call --timeout 60s "T.NewsServer.NewsObj@tcp -h 127.0.0.1 -p $service_port" "$@"
}

# subscribers N: until there are so many.
subscribers () {
	wait_for 20 "news count {} | grep '\"tars_ret\":$1[,}]'"
}

# read_news NAME [ITEMS]: a reader in the background; its output is NAME.out
read_news () {
	news-reader "T.NewsServer.NewsObj@tcp -h 127.0.0.1 -p $service_port" "${@:2}" \
		>"$1.out" 2>"$1.log" 3>&- {test_pause_fd}>&- &
	printf -v "$1_pid" %s "$!"
	readers="$readers $!"
}
readers=
test_at_end 'kill -KILL $readers 2>/dev/null; wait $readers 2>/dev/null || :'

# put_config PORT [udp]
put_config () {
	cat >news.conf <<-END
	<tars>
	<application>
	<server>
	app=T
	server=NewsServer
	deactivating-timeout=5000
	<T.NewsServer.NewsObjAdapter>
	allow
	endpoint=${2:-tcp} -h 127.0.0.1 -p $1 -t 60000
	servant=T.NewsServer.NewsObj
	protocol=tars
	threads=4
	maxconns=3000
	</T.NewsServer.NewsObjAdapter>
	</server>
	</application>
	</tars>
	END
}

test_expect_success 'subscribers get every item, in order' '
	put_config 0 &&
	start_service news-server --config=news.conf &&
	read_news ann 300 && read_news bob 300 &&
	subscribers 2 &&
	news publish "{\"n\":300,\"size\":10}" >out &&
	test_grep "\"tars_ret\":2" out &&
	wait "$ann_pid" && wait "$bob_pid" &&
	{ echo subscribed; for i in $(seq 300); do echo "item $i: 10 bytes"; done; } >expect &&
	test_cmp expect ann.out &&
	test_cmp expect bob.out
'

test_expect_success 'the service hears of those that have gone' '
	subscribers 0 &&
	news count "{}" >out && test_grep "\"ended\":2" out &&
	read_news eve && subscribers 1 &&
	kill -KILL "$eve_pid" && subscribers 0
'

# raw.py PORT COUNT ITEMS [json]: COUNT raw subscribers that read so many packets each, the reply
# first; prints those of the last one as hex.
cat >raw.py <<'END'
import socket, struct, sys
def text(tag, s): return bytes([tag << 4 | 6, len(s)]) + s.encode()
port, count, items = map(int, sys.argv[1:4])
version, body = (5, b"{}") if sys.argv[4:] == ["json"] else (1, b"")
packet = (bytes([0x10, version]) + b"\x2c\x3c\x40\x07" + text(5, "T.NewsServer.NewsObj") +
	  text(6, "subscribe") + b"\x7d\x00\x00" + bytes([len(body)]) + body +
	  b"\x8c\x98\x0c\xa8\x0c")
socks = []
for i in range(count):
	f = socket.create_connection(("127.0.0.1", port))
	f.settimeout(120)
	f.sendall((len(packet) + 4).to_bytes(4, "big") + packet)
	socks.append(f)
def read(f):
	n = struct.unpack(">I", f.recv(4, socket.MSG_WAITALL))[0]
	return f.recv(n - 4, socket.MSG_WAITALL)
for f in socks:
	got = [read(f) for i in range(items + 1)]
for p in got:
	print(p.hex(), flush=True)
END

# In the background; its output is raw.out.
raw () {
	python3 raw.py "$service_port" "$@" >raw.out 2>raw.log 3>&- {test_pause_fd}>&- &
	raw_pid=$!
	readers="$readers $!"
}

test_expect_success 'on the wire: a reply with id 0 that names the function' '
	raw 1 1 && subscribers 1 &&
	news publish "{\"n\":1,\"size\":3}" &&
	wait "$raw_pid" && cat raw.out &&
	# iVersion 1, cPacketType 0, iRequestId 0, iMessageType 0, iRet 0; TARS_FUNC=item; xxx
	test_grep "^10012c3c4c5c6d00000.*780001.*$(printf TARS_FUNC | od -An -tx1 | tr -d " \n")1604$(printf item | od -An -tx1 | tr -d " \n")" raw.out &&
	test_grep "1603787878" raw.out &&
	subscribers 0
'

test_expect_success 'callers in JSON cannot subscribe, and are told so' '
	raw 1 0 json &&
	wait "$raw_pid" &&
	grep "$(printf "cannot take pushes" | od -An -tx1 | tr -d " \n")" raw.out
'

test_expect_success 'nor can callers over UDP' '
	put_config 0 udp &&
	service=udp start_service news-server --config=news.conf &&
	test_must_fail tars call --idl "$t_dir/service/News.tars" \
		"T.NewsServer.NewsObj@udp -h 127.0.0.1 -p $udp_port" subscribe {} 2>err &&
	test_grep "cannot take pushes" err &&
	stop_service udp
'

test_expect_success 'a thousand subscribers' '
	raw 1000 20 && subscribers 1000 &&
	news publish "{\"n\":20,\"size\":100}" >out &&
	test_grep "\"tars_ret\":1000" out &&
	wait "$raw_pid" &&
	test "$(wc -l <raw.out)" = 21 &&
	subscribers 0
'

# Sanitizers want several times more.
case ${B##*/} in *-release) memory_factor=1 ;; *) memory_factor=10 ;; esac

rss_kb () {
	awk "/^VmRSS/ {print \$2}" "/proc/$service_pid/status"
}

# A megabyte may wait for a subscriber, and a quarter of one in its connection.
test_expect_success 'one that does not read costs a megabyte or two, and others nothing' '
	read_news slow && read_news fine 250 && subscribers 2 &&
	before=$(rss_kb) &&
	kill -STOP "$slow_pid" &&
	# No faster than the one that reads.
	for i in $(seq 50)
	do
		news publish "{\"n\":5,\"size\":100000}" >/dev/null &&
		wait_for 20 "test \$(wc -l <fine.out) = $((5 * i + 1))" || return 1
	done &&
	after=$(rss_kb) && echo "$before $after" &&
	test $((after - before)) -lt $((20000 * memory_factor)) &&
	kill -CONT "$slow_pid" &&
	news count "{}" >out && cat out && test_grep "\"slow\":1" out &&
	wait "$fine_pid" && test "$(wc -l <fine.out)" = 251 &&
	# It comes back as a new one.
	subscribers 1 && test_grep closed slow.out
'

test_expect_success 'a server that is restarted: subscribers hear of it and come back' '
	port=$service_port &&
	test_expect_code 0 stop_service &&
	wait_for 20 "test \$(grep -c closed slow.out) = 2" &&
	put_config "$port" &&
	start_service news-server --config=news.conf &&
	subscribers 1 &&
	news publish "{\"n\":1,\"size\":5}" &&
	wait_for 20 "tail -1 slow.out | grep \"item 1: 5 bytes\""
'

test_done
