#!/usr/bin/env bash
test_description='tars decode: packets, captures of them, and fields of no known type'
. "$(dirname "$0")/test-lib.sh"

cat >Hello.tars <<\EOT
module TestApp
{
	interface Hello { int greet(string name, out string text); };
	interface Other { int greet(vector<int> n); void nothing(); };
};
EOT

# packet VERSION ID FUNCTION BODY: a request, as hex; answer VERSION ID CODE BODY: a response.
packet () {
	python3 - "$@" <<\EOT
import sys
version, number, func, body = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode(), bytes.fromhex(sys.argv[4])
head = bytes([0x10, version, 0x2c, 0x3c, 0x40, number, 0x56, 5]) + b"A.B.O" + bytes([0x66, len(func)]) + func
head += b"\x7d\x00\x00" + bytes([len(body)]) + body + b"\x81\x0b\xb8\x98\x0c\xa8\x0c"
print((len(head) + 4).to_bytes(4, "big").hex() + head.hex(), end="")
EOT
}
answer () {
	python3 - "$@" <<\EOT
import sys
version, number, code, body = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
head = bytes([0x10, version, 0x2c, 0x30, number, 0x4c, 0x50, code & 255])
head += b"\x6d\x00\x00" + bytes([len(body)]) + body + b"\x78\x0c"
print((len(head) + 4).to_bytes(4, "big").hex() + head.hex(), end="")
EOT
}
request=$(packet 1 7 greet 1605776f726c64)
reply=$(answer 1 7 0 0c260b68656c6c6f20776f726c64)
tup=$(packet 3 8 greet 08000106046e616d651d00000306017a)
json=$(packet 5 9 greet "$(printf '{"name":"j"}' | od -An -tx1 | tr -d ' \n')")

test_expect_success 'a request and its answer, by the types of their function' '
	tars decode --idl Hello.tars "$request$reply" >out &&
	cat >expect <<-\EOT &&
	request 7 A.B.O greet: TARS, 42 bytes, time-out 3000 ms
	  arguments of TestApp::Hello.greet {"name":"world"}
	response 7 greet: TARS, 32 bytes, 0 SERVERSUCCESS
	  result of TestApp::Hello.greet {"tars_ret":0,"text":"hello world"}
	EOT
	test_cmp expect out
'

test_expect_success 'the same without types: trees of fields' '
	tars decode "$request$reply" >out &&
	cat >expect <<-\EOT &&
	request 7 A.B.O greet: TARS, 42 bytes, time-out 3000 ms
	  body: 7 bytes
	    1 String1 "world"
	response 7 greet: TARS, 32 bytes, 0 SERVERSUCCESS
	  body: 14 bytes
	    0 Zero 0
	    2 String1 "hello world"
	EOT
	test_cmp expect out
'

test_expect_success 'TUP and JSON, with and without types' '
	tars decode --idl Hello.tars "$tup$json" >out &&
	cat >expect <<-\EOT &&
	request 8 A.B.O greet: TUP, 51 bytes, time-out 3000 ms
	  arguments of TestApp::Hello.greet {"name":"z"}
	request 9 A.B.O greet: JSON, 47 bytes, time-out 3000 ms
	  arguments of TestApp::Hello.greet {"name":"j"}
	EOT
	test_cmp expect out &&
	tars decode "$tup$json" >out &&
	cat >expect <<-\EOT &&
	request 8 A.B.O greet: TUP, 51 bytes, time-out 3000 ms
	  body:
	    "name"
	      0 String1 "z"
	request 9 A.B.O greet: JSON, 47 bytes, time-out 3000 ms
	  body {"name":"j"}
	EOT
	test_cmp expect out
'

test_expect_success 'an interface that is asked for, and types that do not fit' '
	tars decode --idl Hello.tars --interface TestApp::Other "$request" >out &&
	cat >expect <<-\EOT &&
	request 7 A.B.O greet: TARS, 42 bytes, time-out 3000 ms
	  error: not as in TestApp::Other: n: expected vector<int>, found String1: the peer uses another IDL
	  body: 7 bytes
	    1 String1 "world"
	EOT
	test_cmp expect out &&
	tars decode --idl Hello.tars "$(packet 1 1 greet 1900010005)" >out &&
	test_grep "^  arguments of TestApp::Other.greet .\"n\":\[5\]" out
'

test_expect_success 'codes have their names' '
	tars decode "$(answer 1 1 -3 "")$(answer 1 1 -99 "")$(answer 1 1 5 "")" >out &&
	cat >expect <<-\EOT &&
	response 1 TARS, 18 bytes, -3 SERVERNOFUNCERR (no such function)
	response 1 TARS, 18 bytes, -99 SERVERUNKNOWNERR (unknown error)
	response 1 TARS, 18 bytes, code 5 (application error)
	EOT
	test_cmp expect out
'

test_expect_success 'as JSON: a line for each packet; a list for each line of a batch' '
	tars decode --idl Hello.tars --json "$request$reply" >out &&
	cat >expect <<-\EOT &&
	{"kind":"request","iVersion":1,"cPacketType":0,"iMessageType":0,"iRequestId":7,"sServantName":"A.B.O","sFuncName":"greet","iTimeout":3000,"context":{},"status":{},"interface":"TestApp::Hello","arguments":{"name":"world"}}
	{"kind":"response","iVersion":1,"cPacketType":0,"iRequestId":7,"iMessageType":0,"iRet":0,"code":"SERVERSUCCESS","sResultDesc":"","sFuncName":"greet","context":{},"status":{},"interface":"TestApp::Hello","result":{"tars_ret":0,"text":"hello world"}}
	EOT
	test_cmp expect out &&
	printf "both\t%s\nfields\t1001\nbad\t%s\ncut\t%s\n" "$request$reply" 1e "${request}0000" >lines &&
	test_expect_code 1 tars decode --idl Hello.tars --batch <lines >batch &&
	{ printf "both\tok\t[" && tr "\n" , <out | sed "s/,$//" && printf "]\n" &&
	printf "fields\tok\t[{\"tag\":1,\"type\":\"Char\",\"value\":1}]\n" &&
	printf "bad\terror\tneither a packet nor fields: expected a value, found type 14: the peer uses another IDL\n" &&
	printf "cut\terror\t2 bytes at the end are only the beginning of a packet\n"; } >expect &&
	test_cmp expect batch
'

test_expect_success 'fields of every kind' '
	tars decode "0080 1101f4 24 3dcccccd 35 7ff0000000000000 4602c3bc 5602ff22 68 0001 0c 1601 0a 790c 8d00 0002 00ff 9a a603 610a22 0b fc ff" >out 2>err &&
	cat >expect <<-\EOT &&
	0 Char -128
	1 Short 500
	2 Float 0.1
	3 Double inf
	4 String1 "ü"
	5 String1 {"hex":"ff22"}
	6 Map 1
	  0 Zero 0
	  1 String1 "\u000a"
	7 List 0
	8 SimpleList 2 bytes 00ff
	9 StructBegin
	  10 String1 "a\u000a\""
	255 Zero 0
	EOT
	test_cmp expect out &&
	test_expect_code 1 tars decode "0001 19 0002 0c 0e" >out 2>err &&
	printf "0 Char 1\n1 List 2\n  0 Zero 0\n" >expect && test_cmp expect out &&
	echo "tars: decode: no packet, and fields only up to here: expected a value, found type 14: the peer uses another IDL" \
		>expect && test_cmp expect err
'

# capture FORMAT LINK EVENT...: what decode shows of it.
capture () {
	python3 "$t_dir/helper/make-capture.py" cap "$@" &&
	tars decode --idl Hello.tars cap
}

cat >call <<\EOT
2023-11-14T22:13:23.500000Z 10.0.0.1:40000 > 10.0.0.2:18600
request 7 A.B.O greet: TARS, 42 bytes, time-out 3000 ms
  arguments of TestApp::Hello.greet {"name":"world"}
2023-11-14T22:13:24.500000Z 10.0.0.2:18600 > 10.0.0.1:40000
response 7 greet: TARS, 32 bytes, 0 SERVERSUCCESS
  result of TestApp::Hello.greet {"tars_ret":0,"text":"hello world"}
EOT
a=${request:0:40} b=${request:40}

test_expect_success 'captures: every format and link layer' '
	for format in pcap pcap-swapped pcap-ns pcapng
	do
		capture $format ethernet c! s! c+$a c+$b s+$reply c. s. >out &&
		test_cmp call out || return 1
	done &&
	for link in vlan cooked cooked2 null raw raw6
	do
		capture pcap $link c! s! c+$a c+$b s+$reply c. s. >out &&
		sed "s/\[fd00::\([12]\)\]/10.0.0.\1/g" out >v4 &&
		test_cmp call v4 || return 1
	done &&
	tars decode --idl Hello.tars - <cap >piped && test_cmp out piped &&
	cat cap | tars decode --idl Hello.tars - >piped && test_cmp out piped
'

test_expect_success 'segments late, twice, overlapping; numbers that wrap around' '
	capture pcap ethernet c! c=20:$b c=10:${request:20:30} c=0:$a s+$reply c=0:$request >out &&
	test_cmp call out &&
	capture pcap ethernet c! c=30:${request:60} c=15:${request:30:30} c=0:${request:0:30} s+$reply \
		>out &&
	test_cmp call out &&
	capture pcap ethernet c! c+$a c=0:$a c=5:${request:10} s+$reply >out &&
	test_cmp call out
'

test_expect_success 'what is missing is told, and the next packet is found' '
	capture pcap ethernet c! s! c+$request c-30 c+${request:60} c+$request c. s. >out &&
	test "$(grep -c "^request 7" out)" = 2 &&
	grep -B1 "missing" out >note &&
	cat >expect <<-\EOT &&
	2023-11-14T22:13:26.500000Z 10.0.0.1:40000 > 10.0.0.2:18600
	30 bytes are missing in the capture
	EOT
	test_cmp expect note &&
	test_grep "^12 bytes are no whole packets" out &&
	capture pcap ethernet c+$b c+$request s+$reply >out &&
	test_grep "^22 bytes are no whole packets" out &&
	grep -v "^2023" call >expect && grep -v -e "^2023" -e "^22" out >actual &&
	test_cmp expect actual &&
	capture pcap ethernet c! c~9:$request >out &&
	test_grep "^9 bytes at the end are only the beginning of a packet" out
'

test_expect_success 'datagrams, other protocols, other packets' '
	capture pcap ethernet u+$request x+00 x+ffffffffffffffffffffffff0806 >out &&
	test "$(grep -c "^request 7" out)" = 1 &&
	capture pcap ethernet c! c+"$(printf "GET / HTTP/1.1\r\n\r\n" | od -An -tx1 | tr -d " \n")" s! \
		s+16030102 >out &&
	sed -n "s/.*not shown/&/p" out >names &&
	printf "%s: not shown\n" HTTP/1 TLS >expect &&
	test_cmp expect names
'

test_expect_success 'captures as JSON, and damaged ones' '
	python3 "$t_dir/helper/make-capture.py" cap pcap ethernet c! s! c+$request s+$reply &&
	tars decode --json cap >out &&
	test "$(grep -c "^{\"time\":\"2023-11-14T22:13:2[0-9].500000Z\",\"from\":\".*\",\"to\":\".*\",\"kind\":\"re" out)" = 2 &&
	head -c 250 cap >cut &&
	test_expect_code 1 tars decode cut >out 2>err &&
	test_grep "^tars: decode: the capture is damaged: " err &&
	head -c 20 cap >cut &&
	test_expect_code 1 tars decode cut >out 2>err &&
	test_grep "^tars: decode: the capture cannot be read: " err
'

test_done
