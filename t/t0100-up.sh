#!/usr/bin/env bash
# The path of scripts/quickstart: up with its own PostgreSQL, deploy, call by name, down.
test_description='tars up: from nothing to a call by name, and down again'
. "$(dirname "$0")/test-lib.sh"

data=$PWD/data
test_at_end 'tars down --path "$data"'
hello=TestApp.HelloServer.HelloObj

# up_start OPTIONS: in the background; sets $locator for the tools.
up_start () {
	tars up --detach --any-port --path "$data" "$@" 2>ready &&
	cat ready &&
	port=$(sed -n 's/^tars: up: ready tcp .*:\([0-9]*\)$/\1/p' ready) &&
	test -n "$port" &&
	export TARS_LOCATOR="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $port"
}

# A call by name, or to the object named.
greet () {
	tars call "${1:-$hello}" greet '{"name":"x"}'
}

server_pid () {
	tars ctl list -o json | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' | head -n 1
}

# is_other PID OLD
is_other () {
	test "$1" -gt 0 && test "$1" != "$2"
}

test_expect_success 'up makes a cluster of its own and says when it is ready' '
	up_start &&
	test -S "$data"/pg/.s.PGSQL.5432
'

test_expect_success 'a second up on the same directory says who is there' '
	test_expect_code 75 tars up --any-port --path "$data" 2>err &&
	test_grep "in use: .tars up. runs there as process [0-9]+ \(tars down" err &&
	tars up --detach --any-port --path "$data" 2>err &&
	test_grep "runs there already" err
'

test_expect_success 'the order to end the node does not end the platform' '
	node=$(sed -n "s/.*node: ready tcp .*:\([0-9]*\)$/\1/p" "$data"/up.log | tail -n 1) &&
	tars call "tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p $node" shutdown >out &&
	test_grep "\"tars_ret\":-1" out &&
	test_grep "tars down" out &&
	tars ctl list
'

test_expect_success 'deploy, then a call by name answers with JSON' '
	eport=$(test-tool free-port) &&
	tars ctl deploy TestApp.HelloServer --exe "$B/examples/hello/HelloServer" \
		--servant "$hello@tcp -h 127.0.0.1 -p $eport -t 60000" &&
	tars call $hello greet "{\"name\":\"world\"}" >out &&
	echo "{\"tars_ret\":0,\"text\":\"hello world\"}" >expect &&
	test_cmp expect out
'

test_expect_success 'the service tells its interface' '
	tars call $hello >out &&
	test_grep "int greet\(string name, out string text\);" out
'

test_expect_success 'the same deployment again changes nothing and does not restart it' '
	pid=$(server_pid) && test -n "$pid" &&
	tars ctl deploy TestApp.HelloServer --exe "$B/examples/hello/HelloServer" \
		--servant "$hello@tcp -h 127.0.0.1 -p $eport -t 60000" &&
	test "$(server_pid)" = "$pid"
'

test_expect_success 'wrong calls say what is wrong, with their exit status' '
	test_expect_code 64 tars call $hello gret "{}" 2>err &&
	test_grep "no function .gret.; did you mean .greet." err &&
	test_expect_code 64 tars call $hello greet "{\"name\":" 2>err &&
	test_grep "argument of greet" err &&
	test_expect_code 64 tars call $hello greet "{\"nam\":\"x\"}" 2>err &&
	test_grep "nam.*name" err &&
	test_expect_code 69 tars call TestApp.NoServer.NoObj greet {} 2>err &&
	test_grep "TestApp.NoServer.NoObj.*no endpoint.*registry" err &&
	test_expect_code 69 tars call "$hello@tcp -h 127.0.0.1 -p 1" greet 2>err &&
	test_grep "127.0.0.1:1|-p 1" err &&
	test_expect_code 64 tars call "not an object" greet 2>err &&
	for f in err
	do
		test "$(wc -l <$f)" = 1 || { cat $f; return 1; }
	done
'

test_expect_success 'what a call cannot read or write is no success' '
	test_expect_code 1 tars call $hello greet "{\"name\":\"x\"}" >/dev/full 2>err &&
	test_grep "^tars: call: stdout: " err &&
	test_expect_code 64 tars call $hello greet @. 2>err &&
	test_grep "cannot read .: Is a directory" err &&
	test_expect_code 64 tars call --timeout 1000d $hello greet 2>err &&
	test_grep "^tars: call: --timeout: " err
'

test_expect_success 'a service killed with -9 comes back by itself' '
	pid=$(server_pid) &&
	kill -9 "$pid" &&
	wait_for 5 "greet && is_other \"\$(server_pid)\" $pid"
'

test_expect_success 'down --keep-services leaves it running; the next up takes it over' '
	pid=$(server_pid) &&
	tars down --path "$data" --keep-services &&
	kill -0 "$pid" &&
	greet "$hello@tcp -h 127.0.0.1 -p $eport" &&
	up_start &&
	wait_for 20 greet &&
	test "$(server_pid)" = "$pid"
'

test_expect_success 'killed with -9, the platform comes back with what it knew' '
	pid=$(server_pid) &&
	kill -9 "$(cut -d" " -f1 "$data"/up.pid)" &&
	up_start &&
	wait_for 20 greet &&
	test "$(server_pid)" = "$pid"
'

test_expect_success 'a registry that wants tokens knows the node beside it' '
	tars down --path "$data" --keep-services &&
	printf "[registry]\nrequire-token = yes\n" >tokens.ini &&
	tars up --config tokens.ini --detach --any-port --path "$data" 2>ready &&
	port=$(sed -n "s/^tars: up: ready tcp .*:\([0-9]*\)$/\1/p" ready) &&
	TARS_LOCATOR="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $port" &&
	wait_for 20 greet && tars ctl restart TestApp.HelloServer && greet &&
	tars ctl node list >out && test_grep "active" out &&
	test_grep ! "registry wants" "$data/up.log"
'

test_expect_success 'the lock of one that is dying is waited for' '
	tars down --path "$data" --keep-services &&
	exec 9>"$data/up.lock" && flock 9 &&
	{ tars up --detach --any-port --path "$data" 2>ready 9>&- & } && starting=$! &&
	wait_for 10 "test \$(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c $data/up.lock) -ge 2" &&
	exec 9>&- && wait $starting && test_grep "^tars: up: ready" ready
'

test_expect_success 'two at the same time: one platform' '
	tars down --path "$data" --keep-services &&
	{ tars up --detach --any-port --path "$data" 2>one & } && one=$! &&
	{ tars up --detach --any-port --path "$data" 2>two & } && two=$! &&
	wait $one && wait $two &&
	test "$(cat one two | grep -c "runs there already")" = 1 &&
	test "$(cat one two | grep -c "^tars: up: ready")" = 1
'

test_expect_success 'it may listen on an IPv6 address' '
	if grep -q "^0*1 .* lo$" /proc/net/if_inet6
	then
		tars down --path "$data" --keep-services &&
		tars up --detach --any-port --host ::1 --path "$data" 2>ready &&
		port=$(sed -n "s/^tars: up: ready tcp .*:\([0-9]*\)$/\1/p" ready) &&
		TARS_LOCATOR="tars.tarsregistry.QueryObj@tcp -h ::1 -p $port" &&
		wait_for 20 greet &&
		tars down --path "$data" --keep-services &&
		up_start &&
		wait_for 20 greet
	fi
'

test_expect_success 'a path, host, locator or pid file that is none is named' '
	test_expect_code 78 tars up --path here 2>err &&
	test_grep "^tars: up: path: .here. is not absolute" err &&
	test_expect_code 78 tars down --path here 2>err &&
	test_expect_code 78 tars up --path "$PWD/other" --host "127.0.0.1 -p 1" 2>err &&
	test_grep "^tars: up: host: .127.0.0.1 -p 1. is not" err &&
	test_expect_code 78 tars up --path "$PWD/other" --locator garbage 2>err &&
	test_grep "^tars: up: locator: .garbage. is not" err &&
	test_expect_code 64 tars call --locator garbage a.b.c f 2>err &&
	test_grep "^tars: call: locator: .garbage. is not" err &&
	mkdir -p other && echo x >other/up.pid &&
	test_expect_code 1 tars down --path "$PWD/other" 2>err &&
	test_grep "^tars: down: pid file .*other/up.pid" err
'

test_expect_success 'down stops everything' '
	pid=$(server_pid) &&
	pg=$(head -n 1 "$data"/pg/data/postmaster.pid) &&
	tars down --path "$data" >out &&
	test_grep "stopped" out &&
	wait_for 5 "! kill -0 $pid && ! kill -0 $pg" &&
	tars down --path "$data" >out &&
	test_grep "no .tars up. runs in" out
'

test_done
