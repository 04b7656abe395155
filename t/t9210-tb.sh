#!/usr/bin/env bash
test_description='tb: the flags and case files of TarsBenchmark'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-fleet.sh"

ln -s "$B/tars" tb

# Takes one request into ./frame, and never answers.
cat >listen.py <<'END'
import socket, struct
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
b = b''
while len(b) < 4 or len(b) < struct.unpack('>I', b[:4])[0]:
    b += c.recv(65536)
open('frame', 'wb').write(b[:struct.unpack('>I', b[:4])[0]])
while c.recv(65536):
    pass
END

# sent OPTIONS: what tb sends as its first request
sent () {
	rm -f port frame && mkfifo port &&
	{ timeout 60 python3 listen.py >port & } && read -r port <port &&
	./tb -c 1 -n 1 -I 1 -t 200 -D 127.0.0.1 -P "$port" -S T.XServer.XObj -M f "$@" >out 2>err &&
	wait $! && tars decode --idl T.tars --json frame >sent
}

# arguments: those of ./sent as JSON, members sorted
arguments () {
	python3 -c 'import json; r = json.load(open("sent"))
print(json.dumps(r.get("arguments", r), sort_keys=True))'
}

# bad STATUS PATTERN OPTIONS: is refused, and says why
bad () {
	test_expect_code "$1" ./tb -c 1 -I 1 -D 127.0.0.1 -P 1 -S T.XServer.XObj -M f "${@:3}" >out 2>err &&
	cat err && test_grep "$2" err && test ! -s out
}

test_expect_success 'plain case files: every kind of type and value' '
	cat >plain <<-\END &&
	# a comment

	vector<string>|struct<string, int, struct<double, 7 optional bool>>|map<string, vector<int>>|unsigned byte|vector<byte>|string|map<int, string>|long
	#####
	<a, b\,c>
	<abc, -3, <2.5, true>>
	[k1=<1,2>, k2=<>]
	200
	<1, -2>
	# all of, the > line
	[5=x]
	-9000000000
	END
	cat >T.tars <<-\END &&
	module T
	{
		struct In { 0 require double d; 7 optional bool b; };
		struct S { 0 require string s; 1 require int i; 2 require In in; };
		interface X
		{
			void f(vector<string> a, S s, map<string, vector<int>> m, unsigned byte ub,
			       vector<byte> bytes, string text, map<int, string> mi, long l);
		};
	};
	END
	sent -p tars -C plain && arguments >given &&
	cat >expect <<-\END &&
	{"a": ["a", "b,c"], "bytes": [1, -2], "l": -9000000000, "m": {"k1": [1, 2], "k2": []}, "mi": {"5": "x"}, "s": {"i": -3, "in": {"b": true, "d": 2.5}, "s": "abc"}, "text": "# all of, the > line", "ub": 200}
	END
	test_cmp expect given
'

test_expect_success 'JSON case files: defaults for what is absent, numbers as texts, bytes in hex' '
	cat >f.desc <<-\END &&
	{"1_ids_vector": {"0_id_int": 0},
	 "2_user_struct": {"0_user_name_string": "anonymous", "1_age_short_unsigned": "7",
	                   "2_tags_map": {"0_k_string": "", "1_v_int": 0}, "3_ok_bool": "true"},
	 "3_bytes_vector": {"0_b_byte": 0},
	 "4_x_float": "1.5"}
	END
	echo "{\"ids\": [1, \"4\"], \"user\": {\"tags\": {\"a\": 1}}, \"bytes\": \"00ff\"}" >f.case &&
	cat >T.tars <<-\END &&
	module T
	{
		struct User
		{
			0 require string user_name;
			1 require unsigned short age;
			2 require map<string, int> tags;
			3 require bool ok;
		};
		interface X { void f(vector<int> ids, User user, vector<byte> bytes, float x); };
	};
	END
	sent -p json && arguments >given &&
	cat >expect <<-\END &&
	{"bytes": [0, -1], "ids": [1, 4], "user": {"age": 7, "ok": true, "tags": {"a": 1}, "user_name": "anonymous"}, "x": 1.5}
	END
	test_cmp expect given &&
	cp f.desc other.desc && echo "{\"x\": 3}" >other.case &&
	sent -p json -C other && arguments >given && test_grep "\"x\": 3.0" given
'

test_expect_success 'load: the rate to each host, values that are drawn, a function without parameters' '
	start_fleet one && start_fleet two &&
	count () { fleet "$1" get "{\"counter\":\"$2\"}" | tr -dc 0-9; } &&
	printf "string|int\n#####\n[red, blue]\n[1-1]\n" >add.txt &&
	test "$one_port" != "$two_port" &&
	./tb -c 2 -s 50 -I 2 -i 1 -D "127.0.0.1;127.0.0.1" -P "$one_port" -p tars -T tcp \
		-S T.FleetServer.FleetObj -M add -C add.txt >out 2>progress &&
	cat out progress &&
	n=$(sed -n "s/^answers *\([0-9]*\) ok, 0 failed$/\1/p" out) &&
	test "$n" -ge 150 && test "$n" -le 250 &&
	lines=$(grep -c "calls/s" progress) &&
	test "$lines" -ge 1 && test "$lines" -le 3 &&
	red=$(count one red) blue=$(count one blue) &&
	test "$red" -gt 0 && test "$blue" -gt 0 && test $((red + blue)) = "$n" &&
	echo void >none.txt &&
	tars tb -c 1 -I 1 -D 127.0.0.1 -P "$two_port" -S T.FleetServer.FleetObj -M name -C none.txt >out &&
	test_grep "^answers +[1-9][0-9]* ok, 0 failed$" out
'

test_expect_success 'what cannot be is refused with the reason' '
	bad 64 "^tars: tb: -p http: only Tars services" -p http &&
	bad 64 "^tars: tb: -T udp: only tcp" -T udp &&
	bad 64 "^tars: tb: -p: must be tars or json" -p grpc &&
	bad 64 "^tars: tb: -I: must be between" -I 0 -C plain &&
	bad 64 "^tars: tb: -D: names no host" -D , -C plain &&
	bad 64 "^tars: tb: -C: give the file" &&
	bad 69 "connect to 127.0.0.1:1: Connection refused" -C plain &&
	test_expect_code 64 ./tb -c 1 2>err && test_grep "^tars: tb: hosts is missing: give -D$" err
'

test_expect_success 'case files that are wrong say where' '
	plain () { printf "$1" >wrong && bad 64 "^tars: tb: wrong: $2" -C wrong; } &&
	serve_port=$one_port &&
	bad () {
		test_expect_code "$1" ./tb -c 1 -I 1 -D 127.0.0.1 -P "$serve_port" -S T.FleetServer.FleetObj \
			-M add "${@:3}" >out 2>err && cat err && test_grep "$2" err && test ! -s out
	} &&
	plain "" "no types in it" &&
	plain "vector<strin>\n" "\"strin>\" is no type" &&
	plain "vector<int\n" ".>. expected" &&
	plain "int string\n1\n" ".\|. expected at \"string\"" &&
	plain "int|string\n1\n" "2 types, but 1 values" &&
	plain "int\n1\n2\n" "more values than types" &&
	plain "int\nx\n" "value 1: \"x\" is no int" &&
	plain "vector<bool>\n<true,0,tru>\n" "value 1: \"tru\" is no bool" &&
	plain "vector<int>\n<1,2\n" "value 1: .>. expected" &&
	plain "struct<int>\n<1> 2\n" "value 1: nothing expected at \"2\"" &&
	plain "$(printf "vector<%.0s" $(seq 100))\n" "nested more than 32 deep" &&
	printf "byte\n300\n" >wrong && bad 64 "300 is not within -128..127" -C wrong &&
	described () { echo "$1" >w.desc && echo "{}" >w.case && bad 64 "$2" -p json -C w; } &&
	described "{\"x_y\": 1}" "w.desc: \"x_y\" is not TAG_NAME_TYPE" &&
	described "{\"1_v_vector\": 3}" "w.desc: a vector wants a member with tag 0" &&
	described "{\"1_v_vector\": {\"0_v_inx\": 3}}" "w.desc: v: \"inx\" is no type" &&
	described "{\"1_v_int\": 3" "^tars: tb: w.desc:[0-9]+: " &&
	described "{\"1_a b_int\": 3}" "has no name for a member" &&
	bad 64 "cannot read absent.desc" -p json -C absent
'

test_done
