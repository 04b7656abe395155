#!/usr/bin/env bash
test_description='tars call: options, wire forms, arguments, and what its exit status says'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-fleet.sh"

start_service probe-server --listen 127.0.0.1:0 || exit 1
at="tcp -h 127.0.0.1 -p $service_port"
probe="T.ProbeServer.PoolObj@$at"

# work WHAT [NUMBER] [OPTIONS]
work () {
	local what=$1 number=${2:-0}
	shift $(($# > 1 ? 2 : 1))
	tars call "$@" "$probe" work "{\"what\":\"$what\",\"number\":$number}"
}

text_is () {
	echo "{\"text\":\"$1\"}" >expect && test_cmp expect out
}

test_expect_success '--list: a line for each function' '
	tars call --list "$probe" >out &&
	echo "void work(string what, int number, out string text)" >expect &&
	test_cmp expect out &&
	tars call --list --idl "$t_dir/service/Fleet.tars" "$probe" >out &&
	test_grep "^int add\(string counter, int n\)$" out &&
	test_grep "^int through\(vector<string> way, int spend_ms, out vector<int> left_ms\)$" out &&
	test "$(wc -l <out)" = 5
'

test_expect_success 'types from a file whose includes are in one of several directories' '
	mkdir types &&
	cp "$t_dir/service/Probe.tars" types &&
	echo "#include \"Probe.tars\"" >all.tars &&
	tars call --list --idl all.tars --include "nowhere::types:$t_dir" "$probe" >out &&
	test_grep "work" out &&
	test_expect_code 64 tars call --list --idl all.tars --include nowhere "$probe" 2>err &&
	test_grep "Probe.tars" err
'

test_expect_success 'the three forms on the wire: same arguments, same results' '
	for form in --tars --tup --json
	do
		work echo 7 $form >out && text_is 7 || return 1
	done &&
	test_expect_code 64 work echo 7 --tup --json 2>err &&
	test_grep "one of --json, --tars and --tup" err
'

test_expect_success 'and same refusals' '
	for form in --tars --tup --json
	do
		test_expect_code 1 work fail 7 $form 2>err &&
		test_grep "^tars: call: T.ProbeServer.PoolObj.work at tcp 127.0.0.1:$service_port: as told \(7\)$" \
			err || return 1
	done
'

# Tells its port, then the iVersion of each packet that comes; answers nothing.
cat >versions.py <<'END'
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    print(c.recv(65536)[4:6].hex(), flush=True)
    c.close()
END

mkfifo versions && exec {versions_fd}<>versions || exit 1
python3 versions.py >&$versions_fd &
versions_pid=$!

test_expect_success 'what they are on the wire is what was asked for' '
	read -r -t 60 -u "$versions_fd" port &&
	for form in tars:1001 tup:1003 json:1005
	do
		test_expect_code 69 tars call --${form%:*} --idl "$t_dir/service/Probe.tars" \
			"T.ProbeServer.PoolObj@tcp -h 127.0.0.1 -p $port" \
			work "{\"what\":\"echo\",\"number\":1}" &&
		read -r -t 60 -u "$versions_fd" version && test "$version" = "${form#*:}" || return 1
	done
'
kill "$versions_pid"

test_expect_success 'arguments from standard input and from a file' '
	echo "{\"what\":\"echo\",\"number\":41}" >argument &&
	tars call "$probe" work - <argument >out && text_is 41 &&
	tars call "$probe" work @argument >out && text_is 41 &&
	test_expect_code 64 tars call "$probe" work @none 2>err &&
	test_grep "^tars: call: cannot read none: No such file" err
'

test_expect_success '--context and --status reach the service, -v shows what comes back' '
	work "context color" 0 --context color=blue --context size=9 -v >out 2>err &&
	text_is blue &&
	test_grep "^endpoint: tcp 127.0.0.1:$service_port$" err &&
	test_grep "^time: [0-9]+\.[0-9]{3} ms$" err &&
	test_grep "^code: 0$" err &&
	test_grep "^context: color=blue$" err &&
	work "context size" 0 --context color=blue --context size=9=8 >out && text_is 9=8 &&
	work "status MARK" 0 --status=MARK=here -v >out 2>err && text_is here &&
	test_grep "^status: MARK=here$" err &&
	work "status MARK" 0 --tup --status=MARK=here -v >out 2>err &&
	test_grep "^status: MARK=here$" err &&
	work "status MARK" 0 --json --status=MARK=here -v >out 2>err &&
	test_grep "^status: MARK=here$" err &&
	work "status MARK" 0 >out && text_is none &&
	work "context color" 0 --json --context color=red >out && text_is red &&
	test_expect_code 64 work echo 0 --context color 2>err &&
	test_grep "^tars: call: --context: .color. is not KEY=VALUE" err
'

test_expect_success 'an error has a text, also when the service gives none' '
	for form in --tars --tup --json; do
		test_must_fail work mute 7 $form 2>err && test_grep "application error" err &&
		test_must_fail work mute -7 $form 2>err && test_grep "." err || return 1
	done
'

test_expect_success 'a result that JSON cannot express is an error' '
	test_must_fail work "context color" 0 --json --context color="$(printf "a\\377b")" 2>err &&
	test_grep "UTF-8" err
'

test_expect_success '--oneway does not wait: the call is made, nothing is printed' '
	work echo 0 --oneway >out &&
	test ! -s out &&
	wait_for 30 "work counts | grep -q runs=" &&
	runs () { work counts | sed "s/.*runs=\([0-9]*\).*/\1/"; } &&
	before=$(runs) &&
	work hold 0 --oneway &&
	wait_for 30 "test \$(runs) = $((before + 1))" &&
	work reply >out
'

test_expect_success '-t: with a unit and without, in one word and in two' '
	for t in "-t 50ms" "-t 50" "-t50" "--timeout 50" "--timeout=50ms"
	do
		test_expect_code 75 work hold 0 $t 2>err &&
		test_grep "PoolObj.work at tcp 127.0.0.1:$service_port: no reply within 50 ms \(-7\); .*-t" err \
			|| return 1
	done &&
	work reply &&
	test_expect_code 64 work echo 0 -t 5x 2>err &&
	test_grep "^tars: call: --timeout: .5x. is not a duration" err &&
	test_expect_code 64 work echo 0 -t 0 2>err &&
	test_grep "^tars: call: --timeout: must be between" err &&
	test_expect_code 64 tars call "$probe" work "{}" -t 2>err &&
	test_grep "^tars: call: -t: wants a value" err
'

test_expect_success '--hash: a number is a modulus, a text has a place on the ring' '
	start_fleet one && start_fleet two && start_fleet three &&
	obj=$(fleet_obj one two three) &&
	for key in 0 1 2 3 apple pear
	do
		for i in 1 2 3
		do
			tars call --hash "$key" "$obj" name || return 1
		done | sort -u >"out.$key" && test "$(wc -l <"out.$key")" = 1 || return 1
	done &&
	test "$(cat out.0 out.1 out.2 | sort -u | wc -l)" = 3 &&
	test_cmp out.0 out.3
'

test_expect_success 'exit status: refused 1, nobody there 69, not now 75' '
	for row in "7 1" "-1 1" "-3 1" "-99 1" "-11 1" "-4 69" "-8 69" "-10 69" "-6 75" "-7 75" "-9 75"
	do
		test_expect_code "${row#* }" work fail "${row% *}" 2>err || { echo "$row"; return 1; }
		test "$(wc -l <err)" = 1 && test_grep "\(${row% *}\)" err || return 1
	done
'

test_expect_success 'a servant that is not at that port: 69, and what to look at' '
	test_expect_code 69 tars call "T.ProbeServer.NoObj@$at" work 2>err &&
	test_grep "T.ProbeServer.NoObj.* at tcp 127.0.0.1:$service_port: .*\(-4\); .*check the object" err &&
	test_expect_code 69 tars call --idl "$t_dir/service/Probe.tars" "T.ProbeServer.NoObj@$at" \
		work "{\"what\":\"echo\",\"number\":1}" 2>err &&
	test_grep "\(-4\)" err
'

test_expect_success 'nobody listens, and no registry: 69 and who was asked' '
	test_expect_code 69 tars call "T.ProbeServer.PoolObj@tcp -h 127.0.0.1 -p 1" work 2>err &&
	test_grep "at tcp 127.0.0.1:1: .*nothing listens there" err &&
	test_expect_code 69 tars call --locator "a.b.c@tcp -h 127.0.0.1 -p 1" T.P.Obj work 2>err &&
	test_grep "T.P.Obj.*a.b.c" err
'

test_expect_success 'an interface that the service does not have: 1' '
	test_expect_code 1 tars call --idl "$t_dir/service/Fleet.tars" "$probe" name 2>err &&
	test_grep "PoolObj.name at tcp .*\(-3\); its interface is another one" err
'

test_expect_success 'wrong usage: 64, with the nearest names' '
	test_expect_code 64 tars call "$probe" wrok 2>err &&
	test_grep "has no function .wrok.; did you mean .work.\?" err &&
	test_expect_code 64 tars call "$probe" work "{\"nubmer\":1}" 2>err &&
	test_grep "^tars: call: argument of work: .*number" err &&
	test_expect_code 64 tars call --idl none.tars "$probe" work 2>err &&
	test_grep "none.tars" err &&
	test_expect_code 64 tars call -x "$probe" 2>err &&
	test_grep "^tars: call: -x: unknown option" err
'

test_expect_success 'help and README have the same exit statuses' '
	tars call --help | sed -n "s/^  \([0-9][0-9]*\)   *\([a-z].*\)/| \1 | \2 |/p" >rows &&
	test "$(wc -l <rows)" = 6 &&
	while read -r row
	do
		grep -qF "$row" "$tree/README.md" || { echo "README.md: no $row"; return 1; }
	done <rows
'

test_done
