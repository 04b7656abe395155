#!/usr/bin/env bash
test_description='samples of call chains: what begins one, how it goes on, what StatObj hears'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-observe.sh"

# samples: the calls that were told, one a line: unid depth width parent function slave.
samples () {
	admin tars.report >/dev/null &&
	sed -n "s/^reportSampleMsg [01] [^ ]* //p" reported | python3 -c '
import json, sys
for line in sys.stdin:
    for m in json.loads(line)["msg"]:
        assert m["masterName"].startswith("T.Observed@"), m
        print(m["unid"], m["depth"], m["width"], m["parentWidth"], m["interfaceName"],
              m["slaveName"], m["slaveIp"])'
}

# through COUNT: calls that make a call each, to the service itself.
through () {
	local i
	for i in $(seq "$1"); do
		work Pool call 0 "T.Observed.CoroObj@tcp -h 127.0.0.1 -p $observed_port" >/dev/null ||
			return
	done
}

test_expect_success 'without sample-rate nobody hears of samples' '
	start_recorder && start_observed client.stat="$stat" && through 3 && samples >out &&
	test ! -s out && stop_service observed
'

test_expect_success 'one of three calls is one, and only so many are told' '
	start_observed client.stat="$stat" client.sample-rate=3 client.max-sample-count=2 &&
	through 9 && samples >out && cat out &&
	test "$(wc -l <out)" = 2 &&
	test "$(grep -cE "^[0-9a-f]{28} 0 0 -1 work T.Observed 127.0.0.1\$" out)" = 2 &&
	test "$(cut -d" " -f1 out | sort -u | wc -l)" = 2 && stop_service observed
'

# A request as a caller that samples sends it: bit 8, and the key in the status.
sampled_request () {
	python3 - "$observed_port" "$1" <<-'END'
	import socket, struct, sys
	def text(tag, s):
	    return bytes([tag << 4 | 6, len(s)]) + s
	to = b"T.Observed.CoroObj@tcp -h 127.0.0.1 -p " + sys.argv[1].encode()
	body = text(1, b"call") + b"\x2c" + text(3, to)
	p = (b"\x10\x01\x2c\x30\x08\x40\x01" + text(5, b"T.Observed.PoolObj") + text(6, b"work") +
	     b"\x7d\x00\x00" + bytes([len(body)]) + body + b"\x8c\x98\x0c" +
	     b"\xa8\x00\x01" + text(0, b"STATUS_SAMPLE_KEY") + text(1, sys.argv[2].encode()))
	with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
	    s.settimeout(60)
	    s.sendall(struct.pack(">I", len(p) + 4) + p)
	    assert s.recv(4096)
	END
}

test_expect_success 'a sample that arrives goes on, without a rate of ones own' '
	: >reported && start_observed client.stat="$stat" &&
	sampled_request "abc|3|5" && samples >out &&
	echo "abc 4 0 5 work T.Observed 127.0.0.1" >expect && test_cmp expect out
'

test_expect_success 'what is no key of a sample is none' '
	: >reported &&
	for key in "" abc "abc|1" "|1|2" "abc|x|2" "abc|1|-2" "abc|99999|2" "abc|1|2|3" \
		"$(printf "%065d" 0)|1|2"; do
		sampled_request "$key" || return 1
	done &&
	samples >out && test ! -s out && stop_service observed
'

test_done
