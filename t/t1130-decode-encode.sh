#!/usr/bin/env bash
test_description='tars decode and tars encode: values, batches, types, and what is refused'
. "$(dirname "$0")/test-lib.sh"

tab=$(printf '\t')
SQ="'"
cat >Users.tars <<\EOT
#include "Level.tars"
module M
{
	struct User { 0 require string name; 1 optional Base::Level level; 2 optional vector<byte> raw; };
	struct Group
	{
		0 require vector<User> users;
		1 optional map<long, User> by_id;
		2 optional long rank = 7;
		3 optional double share;
	};
	key[User, name];
	struct Seats { 0 require map<User, int> seats; };
};
EOT
mkdir include
cat >include/Level.tars <<\EOT
module Base { enum Level { MID, LOW = -1, HIGH = 16 }; };
EOT

idl='--idl Users.tars --include nowhere:include'

# encode TYPE JSON [OPTIONS], decode TYPE HEX [OPTIONS]: both with the types of the file above.
encode () {
	tars encode $idl --type "$1" "${@:3}" "$2"
}
decode () {
	tars decode $idl --type "$1" "${@:3}" "$2"
}
# The reason of a refusal alone.
refusal () {
	test_expect_code "$1" "${@:2}" 2>err >out &&
	test ! -s out &&
	sed "s/^tars: [a-z]*: //" err
}

test_expect_success 'a struct, its bytes, and back' '
	encode M::User "{\"name\":\"a\",\"level\":16,\"raw\":[0,-1]}" >out &&
	echo 06016110102d00000200ff >expect &&
	test_cmp expect out &&
	decode M::User "$(cat out)" >out &&
	echo "{\"name\":\"a\",\"level\":16,\"raw\":[0,-1]}" >expect &&
	test_cmp expect out
'

test_expect_success 'the value from standard input and from files: text, hex, bytes' '
	echo "{\"name\":\"a\"}" >json &&
	echo "0601611c" >expect &&
	encode M::User - <json >out && test_cmp expect out &&
	encode M::User @json >out && test_cmp expect out &&
	echo "{\"name\":\"a\",\"level\":0,\"raw\":[]}" >expect &&
	printf "06 01\n61 1C\n" >hex &&
	printf "\006\001a\034" >bytes &&
	for arg in hex bytes @hex @bytes ./bytes "06 0161 1c"
	do
		decode M::User "$arg" >out && test_cmp expect out || return 1
	done &&
	decode M::User - <hex >out && test_cmp expect out &&
	decode M::User - <bytes >out && test_cmp expect out &&
	printf 30 >digits &&
	refusal 1 decode "vector<byte>" digits --raw >out &&
	echo "expected vector<byte>, found Long: the peer uses another IDL" >expect &&
	test_cmp expect out
'

test_expect_success 'other ways to write a value in JSON' '
	encode M::User "{\"name\":\"\\u0061\",\"level\":\"HIGH\",\"raw\":\"00fF\"}" >out &&
	echo 06016110102d00000200ff >expect &&
	test_cmp expect out &&
	encode M::User "{\"raw\":{\"\$b64\":\"AP8=\"},\"level\":null,\"name\":\"a\"}" >out &&
	echo 0601611c2d00000200ff >expect &&
	test_cmp expect out &&
	encode M::User "{\"raw\":\"base64:AP8=\",\"name\":\"a\"}" >out &&
	test_cmp expect out &&
	encode M::User "{\"name\":\"a\",\"raw\":[0,255]}" >out &&
	test_cmp expect out &&
	encode M::Seats "{\"seats\":{\"{\\\"name\\\":\\\"a\\\"}\":5}}" >out &&
	encode M::Seats "{\"seats\":[{\"key\":{\"name\":\"a\"},\"value\":5}]}" >again &&
	test_cmp out again &&
	decode M::Seats "$(cat out)" >out &&
	echo "{\"seats\":{\"{\\\"name\\\":\\\"a\\\",\\\"level\\\":0,\\\"raw\\\":[]}\":5}}" >expect &&
	test_cmp expect out
'

test_expect_success 'integers are exact, and keys of any type are text' '
	json="{\"users\":[],\"by_id\":{\"-9223372036854775808\":{\"name\":\"\",\"level\":0,\"raw\":[]}},\"rank\":9007199254740993,\"share\":0.1}" &&
	encode M::Group "$json" >hex &&
	decode M::Group "$(cat hex)" >out &&
	echo "$json" >expect &&
	test_cmp expect out
'

test_expect_success 'defaults are left out, or written on request' '
	encode M::Group "{\"users\":[]}" >out && echo 090c >expect && test_cmp expect out &&
	encode M::Group "{\"users\":[]}" --write-defaults >out &&
	echo 090c180c2007350000000000000000 >expect && test_cmp expect out &&
	decode M::Group 090c >out &&
	echo "{\"users\":[],\"by_id\":{},\"rank\":7,\"share\":0.0}" >expect && test_cmp expect out
'

test_expect_success 'builtin types, containers, enums; as fields with any tag' '
	while IFS="$tab" read -r type json hex
	do
		echo "$hex" >expect && tars encode $idl --type "$type" -- "$json" >out &&
			test_cmp expect out &&
		echo "$json" >expect && tars decode $idl --type "$type" "$hex" >out &&
			test_cmp expect out || return 1
	done <<-EOT &&
	int${tab}70000${tab}0200011170
	unsigned int${tab}4294967295${tab}0300000000ffffffff
	string${tab}"x"${tab}060178
	vector<int>${tab}[1,300]${tab}090002000101012c
	map<string, vector<byte>>${tab}{"k":[1]}${tab}08000106016b1d00000101
	Base::Level${tab}-1${tab}00ff
	vector<map<int, M::User>>${tab}[{"5":{"name":"n","level":0,"raw":[]}}]${tab}09000108000100051a06016e1c0b
	EOT
	tars encode --type int --tag 255 5 >out && echo f0ff05 >expect && test_cmp expect out &&
	tars decode --type int f0ff05 >out && echo 5 >expect && test_cmp expect out &&
	refusal 1 tars decode --type int --tag 3 f0ff05 >reason &&
	test_grep "^the value with tag 3 is missing" reason &&
	encode M::User "{\"name\":\"a\"}" --tag 9 >out && echo 9a0601611c0b >expect &&
	test_cmp expect out &&
	decode M::User "$(cat out)" --tag 9 >out &&
	test_grep "^{\"name\":\"a\"," out
'

# Type, value, what is said about it.
cat >bad-json <<\EOT
M::Group	{"users":[{"name":"a"},{"name":5}]}	users[1].name: expected a string, found an integer
M::Group	{"users":[{"name":"a"},{}]}	users[1].name: required, but missing
M::Group	{"users":[{"name":null}]}	users[0].name: expected a string, found null
M::Group	{"users":[],"by_id":{"1":{"name":"a","levle":0}}}	by_id.1: M::User has no member 'levle'; did you mean 'level'?
M::Group	{"users":[],"by_id":{"x":{}}}	by_id.x: the key is not a long
M::Group	{"users":[],"rank":9223372036854775808}	JSON, line 1, column 38: too big integer near '9223372036854775808'
M::Group	{"users":[],"rank":1e19}	rank: 1e+19 is not a long
M::Group	{"users":[],"share":NaN}	JSON, line 1, column 23: invalid token near 'NaN'
M::User	{"name":"a","level":"HIHG"}	level: enum Base::Level has no 'HIHG'; did you mean 'HIGH'?
M::User	{"name":"a","raw":[256]}	raw[0]: 256 is not within -128..255 of byte
M::User	{"name":"a","raw":"AP8="}	raw: a string for bytes must be an even number of hex digits; base64 is written "base64:..."
M::User	[]	expected an object, found an array
M::User	{"name":"a","name":"b"}	JSON, line 1, column 18: duplicate object key near '"name"'
EOT
cat >bad-bytes <<\EOT
M::Group	09 0002 0a 060161 0b 0a 0005 0b	users[1].name: expected a string, found Char: the peer uses another IDL
M::Group	09 0002 0a 060161 0b	users[1]: the value with tag 0 is missing
M::Group	09 0001 0a 0601ff 0b	users[0].name: the text is not UTF-8
M::Group	090c 357ff8000000000000	share: JSON has no number for infinity and NaN
M::Group	-	users: required, but the field with tag 0 is missing
EOT

test_expect_success 'what is wrong with a value: the path to it, in both directions' '
	for what in "encode bad-json" "decode bad-bytes"
	do
		while IFS="$tab" read -r type value text
		do
			refusal 1 ${what% *} "$type" "${value#-}" >actual && echo "$text" >expect &&
			test_cmp expect actual || return 1
		done <${what#* } || return 1
	done
'

test_expect_success 'a batch: an answer for each line, whatever it is' '
	printf "%s\n" "one${tab}{\"name\":\"a\"}" "two${tab}{" "no value" "" "three${tab}{\"name\":5}" \
		"a b${tab}{\"name\":${tab}\"\"}" >lines &&
	printf "last%s{\"name\":\"z\"}" "$tab" >>lines &&
	test_expect_code 1 tars encode $idl --type M::User --batch <lines >out &&
	cat >expect <<-EOT &&
	one${tab}ok${tab}0601611c
	two${tab}error${tab}JSON, line 1, column 1: string or ${SQ}}${SQ} expected near end of file
	no value${tab}error${tab}the line is not a name, a tab and a value
	${tab}error${tab}the line is not a name, a tab and a value
	three${tab}error${tab}name: expected a string, found an integer
	a b${tab}ok${tab}06001c
	last${tab}ok${tab}06017a1c
	EOT
	test_cmp expect out &&
	grep "ok$tab" out | sed "s/ok$tab//" >hex &&
	tars decode $idl --type M::User --batch <hex >out &&
	printf "%s${tab}ok${tab}{\"name\":\"%s\",\"level\":0,\"raw\":[]}\n" one a "a b" "" last z >expect &&
	test_cmp expect out &&
	printf "x${tab}0g\ny${tab}060\nz${tab}0601611c\nv${tab}\n" >lines &&
	test_expect_code 1 tars decode $idl --type M::User --batch <lines >out &&
	cat >expect <<-EOT &&
	x${tab}error${tab}${SQ}g${SQ} is no hex digit
	y${tab}error${tab}an odd number of hex digits
	z${tab}ok${tab}{"name":"a","level":0,"raw":[]}
	v${tab}error${tab}name: required, but the field with tag 0 is missing
	EOT
	test_cmp expect out &&
	tars decode --type int --batch </dev/null >out &&
	test ! -s out
'

test_expect_success 'a batch answers while its input is still open' '
	mkfifo lines.fifo answers.fifo &&
	{ tars encode --type int --batch <lines.fifo >answers.fifo & } &&
	exec {lines}>lines.fifo {answers}<answers.fifo &&
	for i in 1 2 3
	do
		echo "n$i$tab$i" >&$lines &&
		read -r -t 60 answer <&$answers &&
		test "$answer" = "n$i${tab}ok${tab}000$i" || return 1
	done &&
	exec {lines}>&- &&
	wait $! &&
	exec {answers}<&-
'

test_expect_success 'a line that is too long is refused alone' '
	{ printf "long$tab"; head -c 17000000 /dev/zero | tr "\0" 0; printf "\nshort${tab}0005\n"; } >lines &&
	test_expect_code 1 tars decode --type int --batch <lines >out &&
	cat >expect <<-EOT &&
	long${tab}error${tab}the line is longer than 16 MB
	short${tab}ok${tab}5
	EOT
	test_cmp expect out
'

test_expect_success 'wrong use: status 64, and what to do' '
	refusal 64 tars encode 5 >out2 && echo "wants --type, as Module::Struct" >expect &&
	test_cmp expect out2 &&
	refusal 64 tars encode --type int >out2 && test_grep "^wants a value .JSON, - or @file., or" out2 &&
	refusal 64 tars encode --type int --batch 5 >out2 && test_grep "^wants a value" out2 &&
	refusal 64 tars decode >out2 && test_grep "^wants bytes .hex, a file or -., or --batch" out2 &&
	refusal 64 tars decode --type int --tag 256 0c >out2 &&
	echo "--tag: ${SQ}256${SQ} is not a tag (0 to 255)" >expect && test_cmp expect out2 &&
	refusal 64 tars decode --type "vector<int" 0c >out2 &&
	test_grep "^--type vector<int: " out2 &&
	refusal 64 tars decode --type "int a; 1 require int" 0c >out2 &&
	test_grep "is not a type, like M::S" out2 &&
	refusal 64 encode M::Usr 0c >out2 &&
	test_grep "^--type M::Usr: type .M::Usr. is not known here; did you mean .M::User." out2 &&
	refusal 64 tars decode --idl none.tars --type M::S 0c >out2 &&
	test_grep "none.tars" out2 &&
	refusal 64 tars decode --type int @none >out2 && test_grep "^cannot read none: No such file" out2 &&
	refusal 64 encode M::User @none >out2 && test_grep "^cannot read none: No such file" out2 &&
	refusal 64 tars decode $idl --interface M::Nix 0c >out2 &&
	test_grep "^--interface: there is no .M::Nix. in the .tars file" out2
'

test_done
