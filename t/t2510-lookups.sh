#!/usr/bin/env bash
test_description='objects by name: group, set, station, weights, and a registry that is away'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-fleet.sh"

# ep NAME [OPTIONS]
ep () {
	local port_var=${1}_port
	echo "tcp -h 127.0.0.1 -p ${!port_var} ${*:2}"
}

test_expect_success 'a group, a set and a station have endpoints of their own' '
	start_fleet ann && start_fleet bob && start_fleet eve &&
	{
		echo "group - $(ep ann)" && echo "set mall.sz.1 $(ep bob)" &&
		echo "station south $(ep eve)"
	} >routes &&
	service=query start_service query-service --listen 127.0.0.1:0 &&
	locator="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $query_port" &&
	start_caller "$locator" &&
	tell proxy group T.FleetServer.FleetObj && tell call group 4 && test "$(of ann)" = 4 &&
	tell proxy set T.FleetServer.FleetObj set=mall.sz.1 && tell call set 4 &&
	test "$(of bob)" = 4 &&
	tell proxy station T.FleetServer.FleetObj station=south && tell call station 4 &&
	test "$(of eve)" = 4 &&
	printf "%s\n" "group -" "set mall.sz.1" "station south" >expect && test_cmp expect asked
'

test_expect_success 'static weights: 3 beside 100 is one turn of 34' '
	echo "set heavy.a.1 $(ep ann -v 1 -w 100):$(ep bob -v 1 -w 3):$(ep eve -v 1 -w 0)" >routes &&
	tell proxy weights T.FleetServer.FleetObj set=heavy.a.1 && tell call weights 34 &&
	tell call weights 68 &&
	test "$(of ann)" = 66 && test "$(of bob)" = 2 && test "$(of failed)" = 0
'

stock_conf () {
	sed "s/^/ /" <<-END
	<tars>
	<application>
	<server>
	app=T
	server=StockServer
	basepath=$PWD
	<T.StockServer.StockObjAdapter>
	endpoint=tcp -h 127.0.0.1 -p 0
	servant=T.StockServer.StockObj
	</T.StockServer.StockObjAdapter>
	</server>
	</application>
	</tars>
	END
}

test_expect_success 'what a program has learned outlives the registry' '
	stock_conf >service.conf && echo "nut 70" >stock.conf &&
	service=stock start_service example-service --config=service.conf &&
	echo "group - $(ep stock)" >routes &&
	export LOCATOR="$locator" &&
	example-options T.StockServer.StockObj nut 3 >out &&
	echo "67 of nut are left" >expect && test_cmp expect out &&
	test_grep "T.StockServer.StockObj" example.endpoints &&
	kill_service query &&
	example-options T.StockServer.StockObj nut 3 >out &&
	echo "64 of nut are left" >expect && test_cmp expect out
'

test_expect_success 'another set is not in that file, and the error says whom it asked' '
	test_expect_code 1 env SET=mall.sz.1 example-options T.StockServer.StockObj nut 3 >out &&
	cat out && test_grep "QueryObj" out && kill_service stock
'

test_done
