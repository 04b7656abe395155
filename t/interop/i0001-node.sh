#!/usr/bin/env bash
# The official Node.js SDK against this platform: discovery by name, as client and as server.
test_description='official Node.js SDK: found by name, calling and called'
. "$(dirname "$0")/../test-lib.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-tars.sh"

sdk=$t_dir/interop/node
npm_install () {
	for try in 1 2 3
	do
		npm ci --prefix "$sdk" --no-audit --no-fund --loglevel=error && return
	done
	return 1
}

command -v node >/dev/null && command -v npm >/dev/null || {
	test -z "${CI:-}" || { echo "Bail out! node and npm are missing (scripts/deps test)"; exit 1; }
	test_skip_all 'node and npm are not installed'
}

test_expect_success 'the published packages install' '
	{ test -d "$sdk/node_modules/@tars/rpc" || npm_install; }
'

test_expect_success 'the platform starts and knows our C service' '
	pg_use && pg_create interop &&
	start_role up --any-port --db "$pg_dsn" --path "$PWD/data" &&
	locator="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $up_port" &&
	export TARS_LOCATOR="$locator" &&
	c_port=$(test-tool free-port) &&
	tars ctl deploy TestApp.HelloServer --exe "$B/examples/hello/HelloServer" \
		--servant "TestApp.HelloServer.HelloObj@tcp -h 127.0.0.1 -p $c_port -t 60000"
'

test_expect_success 'its client finds our C service by name and calls it' '
	node "$sdk/client.js" "$locator" TestApp.HelloServer.HelloObj Node 1 >out &&
	echo "1 x ret=0 text=hello Node" >expect &&
	test_cmp expect out
'

test_expect_success 'a thousand calls at once all come back' '
	node "$sdk/client.js" "$locator" TestApp.HelloServer.HelloObj many 1000 >out &&
	echo "1000 x ret=0 text=hello many" >expect &&
	test_cmp expect out
'

test_expect_success 'text beyond ASCII and of 1 MB survives' '
	name=$(printf "h\303\251llo \344\270\226\347\225\214") &&
	node "$sdk/client.js" "$locator" TestApp.HelloServer.HelloObj "$name" >out &&
	echo "1 x ret=0 text=hello $name" >expect &&
	test_cmp expect out
'

test_expect_success 'an unknown object is an error, not a hang' '
	test_expect_code 1 timeout 20 node "$sdk/client.js" "$locator" TestApp.None.NoObj x >out &&
	test_grep "^1 x error" out
'

cat >start-node-server <<E2
#!/bin/sh
TARS_CONFIG=$PWD/data/tarsnode/data/\$1/conf/\$1.config.conf exec node "$sdk/server.js"
E2
chmod +x start-node-server

test_expect_success 'our node starts its server' '
	n_port=$(test-tool free-port) &&
	tars ctl deploy TestApp.NodeServer --type not_tars --start-script "$PWD/start-node-server" \
		--template tars.nodejs.default \
		--servant "TestApp.NodeServer.HelloObj@tcp -h 127.0.0.1 -p $n_port -t 60000" &&
	wait_for 20 "tars ctl list | grep -q \"NodeServer.*active.*active\""
'

test_expect_success 'tars call calls it by name' '
	wait_for 20 "tars call TestApp.NodeServer.HelloObj greet \
		\"{\\\"name\\\":\\\"C\\\"}\" --idl \"$tree/etc/examples/hello/Hello.tars\" >out" &&
	test_grep "\"text\": *\"hello C from Node.js\"" out
'

test_expect_success 'its client calls its server through our registry' '
	node "$sdk/client.js" "$locator" TestApp.NodeServer.HelloObj self >out &&
	test_grep "1 x ret=0 text=hello self from Node.js" out
'

test_expect_success 'killed, it is restarted by our node and found again' '
	pid=$(pgrep -f "$sdk/server.js") &&
	kill -9 $pid &&
	wait_for 20 "pgrep -f $sdk/server.js >new && ! grep -qx $pid new &&
		node $sdk/client.js \"$locator\" TestApp.NodeServer.HelloObj again >out" &&
	test_grep "1 x ret=0 text=hello again from Node.js" out
'

test_expect_success 'it is undeployed' '
	tars ctl undeploy TestApp.NodeServer &&
	wait_for 20 "! pgrep -f $sdk/server.js"
'

test_done
