#!/usr/bin/env bash
test_description='manuallisten: adapters that do not listen before the service says so'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

# Two adapters on ports that are known before they listen.
put_manual_config () {
	put_probe_config manual.conf "manuallisten=$1
$admin_keys" "" "<T.ProbeServer.CoroObjAdapter>
endpoint=tcp -h 127.0.0.1 -p $coro_port
servant=T.ProbeServer.CoroObj
</T.ProbeServer.CoroObjAdapter>" &&
	sed -i "/PoolObjAdapter>/,/PoolObjAdapter>/s/-p 0/-p $pool_port/" manual.conf
}

# notify 'COMMAND PARAMS': what the service's command answers.
notify () {
	tars call "AdminObj@tcp -h 127.0.0.1 -p $manual_admin" notify "{\"command\":\"$1\"}" |
		python3 -c 'import json, sys; sys.stdout.write(json.load(sys.stdin)["tars_ret"])' |
		sed -e "/^.notify servant object/d" -e "s/^.1.://"
}

# refuses PORT; answers PORT
refuses () {
	! { : <>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null
}
answers () {
	test-calls 127.0.0.1 "$1" T.ProbeServer.PoolObj echo 7 >answer && test_grep "0 1 0 7$" answer
}

status_says () {
	notify tars.viewstatus | sed -n "/^name  *$1/,/^protocol/p" | grep -q "^listening  *$2"
}

test_expect_success 'nothing listens but AdminObj, and that says why' '
	pool_port=$(test-tool free-port $$) && coro_port=$(test-tool free-port $$) &&
	put_manual_config 1 && start_probe manual.conf &&
	test_grep "^tars: T.ProbeServer: ready$" service.log &&
	service_port=none && manual_admin=$(admin_port) &&
	refuses "$pool_port" && refuses "$coro_port" &&
	status_says T.ProbeServer.PoolObjAdapter "no: the service has not called tars_listen" &&
	status_says AdminAdapter yes
'

test_expect_success 'one adapter begins by the name of its servant, the other stays closed' '
	test "$(notify "listen T.ProbeServer.PoolObj")" = "0 " &&
	test_grep "^tars: T.ProbeServer: listens tcp 127.0.0.1:$pool_port$" service.log &&
	answers "$pool_port" && refuses "$coro_port" &&
	status_says T.ProbeServer.PoolObjAdapter yes &&
	status_says T.ProbeServer.CoroObjAdapter no
'

test_expect_success 'a name that is none, and a port that is taken, are told; both can be tried again' '
	notify "listen T.ProbeServer.NoObj" >out &&
	test_grep "^-[0-9]* no adapter of the configuration .*T.ProbeServer.NoObj" out &&
	service=other start_service HelloServer --listen "127.0.0.1:$coro_port" &&
	notify listen >out &&
	test_grep "^-[0-9]* adapter T.ProbeServer.CoroObjAdapter: .*in use" out &&
	stop_service other &&
	refuses "$coro_port"
'

test_expect_success 'all at once; what listens already goes on' '
	test "$(notify listen)" = "0 " && answers "$coro_port" && answers "$pool_port" &&
	test "$(notify listen)" = "0 " &&
	test "$(grep -c "listens tcp" service.log)" = 2 &&
	stop_service && refuses "$pool_port"
'

test_expect_success 'before the service is up it takes effect when it is' '
	PROBE_LISTEN=T.ProbeServer.CoroObjAdapter start_probe manual.conf &&
	test_grep "ready tcp 127.0.0.1:$coro_port$" service.log &&
	answers "$coro_port" && refuses "$pool_port" &&
	stop_service
'

test_expect_success 'a service that never began to listen stops as any other' '
	start_probe manual.conf && stop_service
'

test_expect_success 'with manuallisten=0 all listen from the start' '
	put_manual_config 0 && start_probe manual.conf &&
	answers "$coro_port" && answers "$pool_port" && stop_service &&
	put_manual_config maybe && test_expect_code 78 probe-server --config=manual.conf 2>err &&
	test_grep "server<manuallisten>" err
'

test_expect_success 'the example of the documentation listens when it is warm' '
	sed -e "/<T.ProbeServer.CoroObjAdapter>/,/<.T.ProbeServer.CoroObjAdapter>/d" \
		-e "s/manuallisten=.*/manuallisten=1/" manual.conf >warm.conf &&
	start_service example-warm-up --config=warm.conf &&
	wait_for 30 "grep -q \"listens tcp 127.0.0.1:$pool_port\|ready tcp\" service.log" &&
	test-calls 127.0.0.1 "$pool_port" T.ProbeServer.PoolObj x 42 >answer &&
	test_grep "0 1 0 number 42$" answer &&
	stop_service
'

test_done
