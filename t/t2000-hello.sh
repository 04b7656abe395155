#!/usr/bin/env bash
test_description='the hello example: server and client as real processes, official configuration'
. "$(dirname "$0")/test-lib.sh"

. "$t_dir/lib-service.sh"

hello () {
	HelloClient "TestApp.HelloServer.HelloObj@tcp -h 127.0.0.1 -p $service_port"
}

# put_config FILE ADMIN_PORT PORT [NODE_PORT]
put_config () {
	cat >"$1" <<-END
	<tars>
	<application>
	<server>
	app=TestApp
	server=HelloServer
	local=tcp -h 127.0.0.1 -p $2 -t 10000
	datapath=$PWD
	deactivating-timeout=3000
	${4:+node=tars.tarsnode.ServerObj@tcp -h 127.0.0.1 -p $4 -t 3000}
	<TestApp.HelloServer.HelloObjAdapter>
	allow
	endpoint=tcp -h 127.0.0.1 -p $3 -t 60000
	servant=TestApp.HelloServer.HelloObj
	threads=2
	protocol=tars
	</TestApp.HelloServer.HelloObjAdapter>
	</server>
	<client>
	</client>
	</application>
	</tars>
	END
}

cat >expect.all <<'END'
async: hello async
fan-out: hello ann
fan-out: hello bob
fan-out: hello eve
sync: code 1: TestApp.HelloServer.HelloObj.greet at tcp 127.0.0.1:PORT: the name is empty
sync: hello world
END

test_expect_success 'server and client without a platform' '
	start_service HelloServer --listen 127.0.0.1:0 &&
	test_grep "^tars: TestApp.HelloServer: ready tcp 127.0.0.1:$service_port\$" service.log &&
	hello >out &&
	sed "s/:$service_port:/:PORT:/" out | sort >actual &&
	test_cmp expect.all actual
'

test_expect_success 'a port in use is named, and may be free later' '
	test_expect_code 75 HelloServer --listen "127.0.0.1:$service_port" 2>err &&
	test_grep "adapter .*HelloObjAdapter: .*127.0.0.1:$service_port.* in use" err
'

test_expect_success 'SIGTERM ends it with status 0' '
	used_port=$service_port &&
	test_expect_code 0 stop_service
'

test_expect_success 'a client of a server that is gone says where and why' '
	test_must_fail hello >out &&
	test_grep "greet at tcp 127.0.0.1:$used_port: .*nothing listens there" out
'

test_expect_success 'the same service as a shared object' '
	start_service tars app "$B/examples/hello/libHelloServer.so" --listen 127.0.0.1:0 &&
	hello >out &&
	sed "s/:$service_port:/:PORT:/" out | sort >actual &&
	test_cmp expect.all actual &&
	test_expect_code 0 stop_service service INT
'

test_expect_success 'tars app: what is wrong with the file' '
	test_expect_code 64 tars app &&
	test_expect_code 64 tars app ./none.so --listen 127.0.0.1:0 2>err &&
	test_grep "none.so: no such file" err &&
	echo text >not.so &&
	test_expect_code 78 tars app ./not.so --listen 127.0.0.1:0
'

test_expect_success 'official configuration, AdminObj on its local endpoint' '
	put_config official.conf 0 0 &&
	start_service HelloServer --config=official.conf &&
	hello &&
	ss -Hltnp >sockets &&
	admin_port=$(sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$service_pid,.*/\1/p" sockets |
		grep -vx "$service_port") &&
	tars call "AdminObj@tcp -h 127.0.0.1 -p $admin_port" notify \
		"{\"command\":\"tars.viewversion\"}" >out &&
	test_grep "notify prefix object num:1" out &&
	test_must_fail tars call "AdminObj@tcp -h 127.0.0.1 -p $service_port" shutdown &&
	tars call "AdminObj@tcp -h 127.0.0.1 -p $admin_port" shutdown &&
	wait "$service_pid" &&
	service_pid=
'

test_expect_success 'mistakes in the command line and the configuration' '
	test_expect_code 64 HelloServer &&
	test_expect_code 64 HelloServer --listen nowhere &&
	test_expect_code 64 HelloServer --config=a --listen=b:1 &&
	test_expect_code 64 HelloServer --no-such-option &&
	HelloServer --help >out &&
	test_grep "^usage: " out &&
	test_expect_code 78 HelloServer --config=none.conf 2>err &&
	test_grep "cannot read none.conf: No such file" err &&
	sed "s/servant=.*/servant=TestApp.HelloServer.OtherObj/" official.conf >other.conf &&
	test_expect_code 78 HelloServer --config=other.conf 2>err &&
	test_grep "the program has no servant .TestApp.HelloServer.OtherObj." err &&
	sed "s/threads=2/threads=two/" official.conf >bad.conf &&
	test_expect_code 78 HelloServer --config=bad.conf 2>err &&
	test_grep "bad.conf: .*HelloObjAdapter<threads>" err
'

test_expect_success 'a node that is away does not keep it from serving' '
	put_config node.conf 0 0 1 &&
	start_service HelloServer --config=node.conf &&
	hello &&
	test_expect_code 0 stop_service
'

test_done
