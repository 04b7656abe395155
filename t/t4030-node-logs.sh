#!/usr/bin/env bash
test_description='logs of services are listed and read through the registry, without a shell'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

logs=n1/app_log/TestApp/HelloServer
server='"application": "TestApp", "serverName": "HelloServer"'

# logs_call JSON: members of the request beside the server; prints the answer
logs_call () {
	tars call tars.tarsAdminRegistry.CtlObj serverLogs \
		"{\"req\": {\"server\": \"TestApp.HelloServer\"${1:+, $1}}}" >answer
}

# member NAME: of the answer, such as part.data
member () {
	python3 -c 'import json, sys
v = json.load(open("answer"))
for name in sys.argv[1].split("."):
	v = v[name]
sys.stdout.write(v if isinstance(v, str) else json.dumps(v))' "$1"
}

# query JSON: a part of the file t.log
query () {
	logs_call "\"node\": \"n1\", \"file\": \"t.log\", \"query\": {$1}"
}

# official COMMAND [FILE]: AdminRegObj.getLogData
official () {
	tars call tars.tarsAdminRegistry.AdminRegObj getLogData \
		"{$server, \"nodeName\": \"n1\", \"cmd\": \"$1\", \"logFile\": \"${2:-t.log}\"}" >answer
}

test_expect_success 'a service with logs' '
	pg_use && pg_create node &&
	start_registry && start_node --heartbeat 100ms &&
	hello_port=$(free_port) &&
	deploy_hello &&
	printf "line %d\n" 1 2 3 4 5 >$logs/t.log &&
	echo packed >$logs/old.log.gz &&
	echo secret >secret &&
	ln -s "$PWD/secret" $logs/link.log
'

test_expect_success 'the list: regular files, and which of them can be read' '
	logs_call "" && test "$(member tars_ret)" = 0 &&
	python3 -c "import json
files = {f[\"name\"]: f for f in json.load(open(\"answer\"))[\"rows\"]}
assert files[\"t.log\"][\"size\"] == 35 and files[\"t.log\"][\"readable\"]
assert not files[\"old.log.gz\"][\"readable\"]
assert \"TestApp.HelloServer.log\" in files and \"link.log\" not in files"
'

test_expect_success 'a file, its end, a part of it, and what is found in it' '
	query "" && test "$(member part.data)" = "$(cat $logs/t.log)" &&
	test "$(member part.size)" = 35 && test "$(member part.more)" = false &&
	query "\"tail\": 2" && test "$(member part.data)" = "$(tail -n 2 $logs/t.log)" &&
	query "\"from\": 7, \"to\": 13" && test "$(member part.data)" = "line 2" &&
	query "\"grep\": \"NE 4\", \"ignoreCase\": true" && test "$(member part.data)" = "line 4" &&
	query "\"grep\": \"[45]\"" && test "$(member part.data)" = "" &&
	query "\"maxBytes\": 10" && test "$(member part.more)" = true &&
	test "$(member part.next)" = 10
'

test_expect_success 'what was added is read on from there' '
	query "" && next=$(member part.next) &&
	echo "line 6" >>$logs/t.log &&
	query "\"from\": $next" && test "$(member part.data)" = "line 6"
'

test_expect_success 'tars ctl logs' '
	ctl logs TestApp.HelloServer -o json >out && test_grep "\"t.log\"" out &&
	ctl logs TestApp.HelloServer t.log >out && test_cmp $logs/t.log out &&
	ctl logs TestApp.HelloServer t.log --tail 2 --grep "LINE" -i >out &&
	tail -n 2 $logs/t.log >expect && test_cmp expect out &&
	ctl logs TestApp.HelloServer t.log --range=-7: --node n1 >out &&
	echo "line 6" >expect && test_cmp expect out &&
	ctl logs TestApp.HelloServer t.log --grep "line 2" -C 1 >out &&
	head -n 3 $logs/t.log >expect && test_cmp expect out &&
	ctl logs TestApp.HelloServer --tail 1 >out &&
	tail -n 1 $logs/TestApp.HelloServer.log >expect && test_cmp expect out &&
	test_expect_code 64 tars ctl logs TestApp.HelloServer t.log --range 7 2>err &&
	test_grep "range 7 is not FROM:TO" err
'

test_expect_success 'a server or node that is not there' '
	test_expect_code 1 tars ctl logs No.Server 2>err &&
	test_grep "No.Server is not deployed" err &&
	test_expect_code 1 tars ctl logs TestApp.HelloServer --node n9 2>err &&
	test_grep "node n9 is not registered" err
'

test_expect_success 'nothing outside of its directory' '
	for file in ../../../../secret link.log .. "$PWD/secret" old.log.gz
	do
		logs_call "\"file\": \"$file\"" &&
		test "$(member tars_ret)" -lt 0 &&
		test_grep ! "secret$" answer &&
		official "cat __log_file_name__" "$file" &&
		test "$(member tars_ret)" = -1 || return 1
	done &&
	test_expect_code 1 tars ctl logs "a/../..b.Server" --node n1 2>err &&
	test_grep "App.Server|its names may have letters" err
'

test_expect_success 'the official list' '
	tars call tars.tarsAdminRegistry.AdminRegObj getLogFileList \
		"{$server, \"nodeName\": \"n1\"}" >answer &&
	test_grep "\"t.log\"" answer && test_grep "\"TestApp.HelloServer.log\"" answer
'

test_expect_success 'the commands of official consoles' '
	official "cat __log_file_name__" && test "$(member fileData)" = "$(cat $logs/t.log)" &&
	official "tail -n 2 __log_file_name__" && test "$(member fileData)" = "line 5
line 6" &&
	official "tail -n 3 __log_file_name__ | grep -v 5 | head -n 1" &&
	test "$(member fileData)" = "line 4" &&
	test "$(member tars_ret)" = 0
'

test_expect_success 'everything else is refused, and runs nothing' '
	for cmd in "cat __log_file_name__; touch $PWD/ran" "cat __log_file_name__ | touch $PWD/ran" \
		"grep \$(touch $PWD/ran) __log_file_name__" "cat $PWD/secret" \
		"touch $PWD/ran" "cat __log_file_name__ >$PWD/ran" "cat __log_file_name__ $PWD/secret"
	do
		official "$cmd" && test "$(member tars_ret)" = -1 &&
		test_grep "allowed are cat, head" answer || return 1
	done &&
	test ! -e ran
'

test_expect_success 'a service that logs elsewhere' '
	printf "<tars>\n<application>\n<server>\nlogpath=%s\n</server>\n</application>\n</tars>\n" \
		"$PWD/far" >profile &&
	hello_port=$(free_port) &&
	tars ctl deploy TestApp.FarServer --node n1 --exe "$B/examples/hello/HelloServer" \
		--type tars_cpp --profile "$PWD/profile" --no-start \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $hello_port" &&
	echo "far away" >far/TestApp/FarServer/TestApp.FarServer.log &&
	ctl logs TestApp.FarServer --tail 1 >out && echo "far away" >expect && test_cmp expect out
'

test_expect_success 'a large file comes in parts, and the console is told' '
	seq -f "%.0f is a line that is long enough to be many" 100000 >$logs/big.log &&
	official "cat __log_file_name__" big.log &&
	test_grep "not all: an answer has at most 2 MB" answer &&
	ctl logs TestApp.HelloServer big.log >part 2>err &&
	head -c 2097152 $logs/big.log >expect && test_cmp expect part &&
	test_grep "there is more: --range 2097152:" err
'

test_done
