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

# spread [NAME...]: endpoints on hosts of their own, for the ring knows hosts only
spread () {
	local name port_var host_var list=
	for name; do
		port_var=${name}_port host_var=${name}_host
		list="$list${list:+:}tcp -h ${!host_var} -p ${!port_var}"
	done
	echo "group - $list"
}

keys () {
	tell keys spread "$@" >/dev/null && grep -o "ok=.*" answer
}

test_expect_success 'the same key goes to the same endpoint, in every process and in any order of the list' '
	kim_host=127.0.0.1 leo_host=127.0.0.2 max_host=127.0.0.3 &&
	for name in kim leo max; do
		host_var=${name}_host && fleet_host=${!host_var} start_fleet $name || return 1
	done &&
	for order in "kim leo max" "max kim leo"; do
		spread $order >routes && start_caller "$locator" &&
		tell proxy spread T.FleetServer.FleetObj &&
		keys mod 40 >"mod.$caller_pid" && keys ring 200 >"ring.$caller_pid" || return 1
	done &&
	test "$(ls mod.* | wc -l)" = 2 && test "$(sort -u mod.* | wc -l)" = 1 &&
	test "$(sort -u ring.* | wc -l)" = 1 &&
	for name in kim leo max; do
		test_grep "ok=40 .*$name" mod.* && test_grep "ok=200 .*$name" ring.* || return 1
	done
'

test_expect_success 'one is gone: its keys go elsewhere, all others stay where they are' '
	kill_service leo &&
	keys ring 200 >/dev/null && keys ring 200 >after && test_grep "ok=200 failed=0" after &&
	cat ring.* | head -1 | cut -d= -f4 | tr , "\n" >was && cut -d= -f4 after | tr , "\n" >is &&
	paste was is >moved && test "$(grep -c "^leo" moved)" -gt 10 &&
	awk "\$1 == \"leo\" ? \$2 == \"leo\" : \$1 != \$2" moved >wrong && test ! -s wrong
'

# Connections of the caller, by the two ports of each.
connections () {
	ss -Htnp state established |
		sed -n "s/.*:\([0-9]*\) *\(127.0.0.[0-9]*:[0-9]*\) .*pid=$caller_pid,.*/\1 \2/p" |
		grep -v ":$query_port\$" | sort
}

test_expect_success 'another order drops no connection, another endpoint adds one' '
	spread kim max >routes && start_caller "$locator" 100 &&
	tell proxy spread T.FleetServer.FleetObj &&
	wait_for 20 "tell call spread 4 >/dev/null && test \"\$(of kim)\" = 2 && test \"\$(of max)\" = 2" &&
	connections >before && test "$(wc -l <before)" = 2 &&
	ann_host=127.0.0.1 && spread max ann kim >routes &&
	wait_for 20 "tell call spread 3 >/dev/null && test -n \"\$(of ann)\"" &&
	connections >after && comm -23 before after >lost && test ! -s lost &&
	test "$(wc -l <after)" = 3
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
