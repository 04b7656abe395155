#!/usr/bin/env bash
test_description='the examples of core/README.md: a service with all that one may have, a client with options'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"

# put_stock_config FILE ENDPOINT-OPTIONS KEYS
put_stock_config () {
	cat >"$1" <<-END
	<tars>
	<application>
	<server>
	app=T
	server=StockServer
	local=tcp -h 127.0.0.1 -p $local_port -t 60000
	basepath=$PWD
	opencoroutine=1
	<T.StockServer.StockObjAdapter>
	allow
	endpoint=tcp -h 127.0.0.1 -p 0 -t 60000 $2
	servant=T.StockServer.StockObj
	threads=2
	$3
	</T.StockServer.StockObjAdapter>
	</server>
	</application>
	</tars>
	END
}

stock () {
	tars call "T.StockServer.StockObj@tcp -h 127.0.0.1 -p $service_port" "$@"
}

notify () {
	tars call "AdminObj@tcp -h 127.0.0.1 -p $local_port" notify "{\"command\":\"$1\"}"
}

local_port=$(test-tool free-port $$)

test_expect_success 'a service without stock.conf does not start, and says why' '
	put_stock_config stock.conf.xml "" "" &&
	test_must_fail example-service --config=stock.conf.xml 2>err &&
	test_grep "stock.conf: 0 items" err
'

test_expect_success 'it reads its file, and runs as opencoroutine says' '
	printf "nut 7\nbolt 2\n" >stock.conf &&
	start_service example-service --config=stock.conf.xml &&
	stock left "{\"item\":\"nut\"}" >out && test_grep "\"tars_ret\":7" out &&
	test_expect_code 1 stock take "{\"item\":\"bolt\",\"n\":3}" 2>out &&
	test_grep "2 of bolt are left" out
'

test_expect_success 'its command is listed, works, and refuses what it does not understand' '
	notify "tars.help -v" >out && test_grep "stock.set.*so many are left" out &&
	notify "stock.set screw 5" >out && test_grep "screw: 5" out &&
	stock left "{\"item\":\"screw\"}" >out && test_grep "\"tars_ret\":5" out &&
	notify "stock.set screw" >out && test_grep "usage: stock.set ITEM NUMBER" out
'

test_expect_success 'a late reply comes when the command makes it true' '
	{ stock await "{\"item\":\"cog\",\"n\":1}" >late & pid=$!; } &&
	wait_for 30 "notify \"tars.requests\" | grep -q await" &&
	notify "stock.set cog 1" >/dev/null && wait "$pid"
'

test_expect_success 'a client with options calls it' '
	example-options "T.StockServer.StockObj@tcp -h 127.0.0.1 -p $service_port" nut 3 >out &&
	echo "4 of nut are left" >expect && test_cmp expect out &&
	test_expect_code 1 example-options \
		"T.StockServer.StockObj@tcp -h 127.0.0.1 -p $service_port" nut 9 >out &&
	test_grep "code 1: .*4 of nut are left" out &&
	test_expect_code 0 stop_service
'

test_expect_success 'and with an access key' '
	put_stock_config stock.conf.xml "-e 1" "accesskey=shop
secretkey=secret" &&
	start_service example-service --config=stock.conf.xml &&
	object="T.StockServer.StockObj@tcp -h 127.0.0.1 -p $service_port -e 1" &&
	example-options "$object" nut 3 shop secret >out &&
	echo "4 of nut are left" >expect && test_cmp expect out &&
	test_expect_code 1 example-options "$object" nut 3 shop wrong >out &&
	stop_service
'

test_expect_success 'context and status both ways, two servants on one port' '
	start_service example-context --listen 127.0.0.1:0 &&
	for object in fresh:FreshObj frozen:FrozenObj; do
		example-context call "T.StockServer.${object#*:}@tcp -h 127.0.0.1 -p $service_port" \
			>out &&
		cat >expect <<-END &&
		6 left, says tcp 127.0.0.1:$service_port
		context: stock=${object%:*}
		status: TEST=seen
		END
		test_cmp expect out || return 1
	done &&
	test_expect_code 1 example-context call "T.StockServer.NoObj@tcp -h 127.0.0.1 -p $service_port" \
		>out && test_grep "code -4: " out &&
	stop_service
'

test_done
