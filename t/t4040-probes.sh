#!/usr/bin/env bash
test_description='probes: tcp, tars_ping, http and scripts say whether a server lives and is ready'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/lib-failure.sh"

hello=TestApp.HelloServer
hello_port=$(free_port)
web_port=$(free_port)

# in_group OBJ [QUERYOBJ]: "active HOST PORT" and "inactive HOST PORT", as callers of a group find it.
in_group () {
	tars call "${2:-tars.tarsregistry.QueryObj}" findObjectByIdInSameGroup "{\"id\": \"$1\"}" |
		python3 -c 'import json, sys
r = json.load(sys.stdin)
for kind in "activeEp", "inactiveEp":
	for ep in r[kind]:
		print(kind[:-2], ep["host"], ep["port"])'
}

# is_found OBJ PORT active|inactive
is_found () {
	test "$(in_group "$1")" = "$3 127.0.0.1 $2"
}

# probe SERVER OBJ OPTION...
probe () {
	ctl adapter probe "$1" "$2" n1 "${@:3}"
}

refuses () {
	test_expect_code 1 tars ctl "${@:2}" 2>err && test_grep "$1" err
}

says () {
	ctl server state "$1" >out && test_grep "$2" out
}

# A process whose port is open while ./open exists, and that answers 200 while ./well does.
put_web () {
	cat >web <<-END
	#!/usr/bin/env python3
	import os, socket, select
	here = "$PWD"
	s = None
	while True:
	    wanted = os.path.exists(here + "/open")
	    if wanted and not s:
	        s = socket.socket()
	        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	        s.bind(("127.0.0.1", $web_port))
	        s.listen()
	    elif s and not wanted:
	        s.close()
	        s = None
	    if not select.select([s] if s else [], [], [], 0.05)[0]:
	        continue
	    c = s.accept()[0]
	    c.settimeout(2)
	    try:
	        asked = c.recv(4096)
	        if asked:
	            well = os.path.exists(here + "/well")
	            c.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if well and asked.startswith(b"GET /health HTTP/1.1\r\n")
	                      else b"HTTP/1.1 503 Not Yet\r\n\r\n")
	    except OSError:
	        pass
	    c.close()
	END
	chmod 755 web
}

test_expect_success 'registry, node and a service' '
	pg_use_own && pg_create probes && start_registry && start_node && deploy_hello
'

test_expect_success 'declarations that cannot be are refused, with what would be right' '
	refuses "which probe. --liveness, --readiness" adapter probe $hello HelloObj n1 &&
	refuses "has no servant NoObj on node n1" adapter probe $hello NoObj n1 --readiness tcp &&
	refuses "readiness: probe .icmp.: .icmp. is not a kind of probe: tcp, tars_ping" \
		adapter probe $hello HelloObj n1 --readiness icmp &&
	refuses "interval: .often. is not a duration" \
		adapter probe $hello HelloObj n1 --readiness "tcp interval=often" &&
	refuses "timeout is 10ms to 30s" \
		adapter probe $hello HelloObj n1 --readiness "tcp timeout=1h" &&
	refuses "failures and successes are 1 to 1000" \
		adapter probe $hello HelloObj n1 --readiness "tcp failures=0" &&
	refuses "liveness: .* successes is 1" \
		adapter probe $hello HelloObj n1 --liveness "tcp successes=2" &&
	refuses ".now. is too much: it is .tcp." \
		adapter probe $hello HelloObj n1 --readiness "tcp now" &&
	refuses "it is .http /PATH." adapter probe $hello HelloObj n1 --readiness http &&
	refuses "does not begin with /" adapter probe $hello HelloObj n1 --readiness "http health" &&
	refuses "not below the server.s directory" \
		adapter probe $hello HelloObj n1 --readiness "script bin/../../x" &&
	refuses "not below the server.s directory" \
		adapter probe $hello HelloObj n1 --readiness "script /bin/true" &&
	ctl adapter list $hello -o json >out && test_grep ! "tcp *interval" out
'

test_expect_success 'tars_ping: a service that hangs leaves the look-ups, and comes back' '
	pid=$(pid_of $hello) &&
	probe $hello HelloObj --readiness "tars_ping interval=50ms timeout=300ms failures=2" >out &&
	test_grep "liveness none, readiness tars_ping interval=50ms" out &&
	is_found $hello.HelloObj $hello_port active &&
	kill -STOP "$pid" &&
	wait_for 10 "is_found $hello.HelloObj $hello_port inactive" &&
	says $hello "$hello.HelloObj is not ready: tars_ping" &&
	node_query="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $node_port" &&
	wait_for 10 "in_group $hello.HelloObj \"$node_query\" | grep -q ^inactive" &&
	test_expect_code 1 tars ctl doctor >doctor &&
	test_grep "$hello.HelloObj on node n1 is not ready, so callers do not find it" doctor &&
	ctl adapter list $hello -o wide >out && test_grep "tars_ping interval=50ms .* no\$" out &&
	kill -CONT "$pid" &&
	wait_for 10 "is_found $hello.HelloObj $hello_port active" &&
	test "$(pid_of $hello)" = "$pid" &&
	ctl server state $hello >out && test_grep ! "not ready" out
'

test_expect_success 'a new node finds it as it was' '
	kill -STOP "$pid" &&
	wait_for 10 "is_found $hello.HelloObj $hello_port inactive" &&
	kill_role node && start_node && wait_for 10 "is_state $hello Active" &&
	is_found $hello.HelloObj $hello_port inactive &&
	kill -CONT "$pid" &&
	wait_for 10 "is_found $hello.HelloObj $hello_port active" &&
	test "$(pid_of $hello)" = "$pid"
'

test_expect_success 'without the probe it is found, whatever it said last' '
	kill -STOP "$pid" &&
	wait_for 10 "is_found $hello.HelloObj $hello_port inactive" &&
	probe $hello HelloObj --readiness none &&
	is_found $hello.HelloObj $hello_port active &&
	kill -CONT "$pid"
'

test_expect_success 'liveness: a service that hangs is restarted, with the reason' '
	probe $hello HelloObj --liveness "tars_ping interval=100ms timeout=1s failures=2" &&
	kill -STOP "$pid" &&
	wait_for 30 "is_back $hello $pid" &&
	! is_running "$pid" &&
	test_grep "$hello is restarted: liveness of $hello.HelloObj failed 2 times: tars_ping" node.log &&
	says $hello "its last restart: liveness of $hello.HelloObj failed 2 times" &&
	wait_for 10 "ctl server events $hello | grep -q \"restarted: liveness of $hello.HelloObj\"" &&
	ctl server exits $hello >out && test_grep "^when it was killed: T .stopped." out &&
	wait_for 10 "is_found $hello.HelloObj $hello_port active" &&
	probe $hello HelloObj --liveness none
'

test_expect_success 'tcp liveness: a port that nobody listens on has it restarted, within the limits' '
	pid=$(pid_of $hello) && other_port=$(free_port) &&
	probe $hello HelloObj --liveness "tcp interval=50ms failures=3 delay=100ms" &&
	ctl adapter set $hello HelloObj n1 --endpoint "tcp -h 127.0.0.1 -p $other_port" &&
	order loadServer $hello &&
	wait_for 20 "is_back $hello $pid" &&
	says $hello "its last restart: .* failed 3 times: connect to tcp 127.0.0.1:$other_port" &&
	ctl adapter set $hello HelloObj n1 --endpoint "tcp -h 127.0.0.1 -p $hello_port -t 60000" &&
	probe $hello HelloObj --liveness none && ctl restart $hello &&
	wait_for 10 "is_found $hello.HelloObj $hello_port active" &&
	ctl server state $hello >out && test_grep ! "last restart" out
'

test_expect_success 'a server that starts is found only when it is ready' '
	put_web && touch open &&
	ctl deploy TestApp.Web --node n1 --type tars_cpp --exe "$PWD/web" --no-start \
		--protocol not_tars --servant "WebObj@tcp -h 127.0.0.1 -p $web_port" &&
	refuses "it does not speak tars: use tcp, http or script" \
		adapter probe TestApp.Web WebObj n1 --readiness tars_ping &&
	probe TestApp.Web WebObj --readiness "http interval=50ms failures=1 timeout=5s /health" &&
	pg_sql "UPDATE t_server_conf SET setting_state = '\''active'\'' WHERE server_name = '\''Web'\''" &&
	{ order startServer TestApp.Web >web.start & } && wait_for 10 "is_state TestApp.Web Activating &&
		test \"\$(pid_of TestApp.Web)\" != 0" &&
	web=$(pid_of TestApp.Web) &&
	tars call "tars.tarsnode.ServerObj@tcp -h 127.0.0.1 -p $node_port" keepAlive \
		"{\"serverInfo\": {\"application\": \"TestApp\", \"serverName\": \"Web\",
		  \"pid\": $web, \"adapter\": \"\"}}" &&
	wait_for 10 "ctl list TestApp.Web | grep -q \" active *active \"" &&
	is_found TestApp.Web.WebObj $web_port inactive &&
	wait_for 10 "says TestApp.Web \"not ready: http /health: the answer is .503 Not Yet. and not\"" &&
	touch well &&
	wait_for 10 "is_found TestApp.Web.WebObj $web_port active"
'

test_expect_success 'http: a status that is not 2xx takes it away' '
	rm well && wait_for 10 "is_found TestApp.Web.WebObj $web_port inactive" &&
	touch well && wait_for 10 "is_found TestApp.Web.WebObj $web_port active" &&
	test "$(pid_of TestApp.Web)" = "$web"
'

test_expect_success 'tcp: a port that is closed takes it away' '
	probe TestApp.Web WebObj --readiness "tcp interval=50ms failures=1 timeout=5s" &&
	rm open && wait_for 10 "is_found TestApp.Web.WebObj $web_port inactive" &&
	says TestApp.Web "not ready: connect to tcp 127.0.0.1:$web_port" &&
	touch open && wait_for 10 "is_found TestApp.Web.WebObj $web_port active" &&
	test "$(pid_of TestApp.Web)" = "$web"
'

test_expect_success 'http: over the port of a servant that speaks tars' '
	probe $hello HelloObj --readiness "http interval=50ms failures=1 timeout=5s /none" &&
	wait_for 10 "is_found $hello.HelloObj $hello_port inactive" &&
	says $hello "not ready: http /none: the answer is .404 " &&
	probe $hello HelloObj --readiness "http interval=50ms failures=1 timeout=5s /healthz" &&
	wait_for 10 "is_found $hello.HelloObj $hello_port active" &&
	probe $hello HelloObj --readiness none
'

# As a whole: it is run all the time.  So is what it writes.
put_check () {
	cat >check.new && chmod 755 check.new && mv -f check.new n1/tarsnode/data/TestApp.Web/bin/check.sh
}

test_expect_success 'script: its status counts, its words come as they are' '
	printf "#!/bin/sh\necho \"no: \$1\" >&2\nexit 3\n" | put_check &&
	probe TestApp.Web WebObj \
		--readiness "script interval=50ms failures=1 timeout=20s bin/check.sh \$(touch\${IFS}bad)" &&
	wait_for 10 "is_found TestApp.Web.WebObj $web_port inactive" &&
	says TestApp.Web "not ready: script bin/check.sh: exit status 3; it said: no: .\(touch" &&
	printf "#!/bin/sh\npwd >new && mv new pwd\n" | put_check &&
	wait_for 10 "is_found TestApp.Web.WebObj $web_port active" &&
	test "$(cat n1/tarsnode/data/TestApp.Web/pwd)" = "$(realpath n1/tarsnode/data/TestApp.Web)"
'

test_expect_success 'script: one that hangs is killed with its children, much output is dropped' '
	printf "#!/bin/sh\nexec >&2\necho stuck\ntail -f /dev/null &\necho \$! >new\nmv new hung\nexec yes\n" | put_check &&
	probe TestApp.Web WebObj \
		--readiness "script interval=50ms failures=1 timeout=300ms bin/check.sh" &&
	wait_for 10 "is_found TestApp.Web.WebObj $web_port inactive" &&
	says TestApp.Web "script bin/check.sh did not end within 300 ms and was killed; it said: stuck" &&
	first=$(cat n1/tarsnode/data/TestApp.Web/hung) &&
	wait_for 10 "! is_running $first" &&
	printf "#!/bin/sh\n" | put_check &&
	wait_for 10 "is_found TestApp.Web.WebObj $web_port active"
'

test_expect_success 'the node stops at once while a script hangs' '
	printf "#!/bin/sh\ntail -f /dev/null &\necho \$! >new\nmv new hung\nwait\n" | put_check &&
	rm -f n1/tarsnode/data/TestApp.Web/hung &&
	probe TestApp.Web WebObj --readiness "script interval=50ms timeout=30s bin/check.sh" &&
	wait_for 10 "test -s n1/tarsnode/data/TestApp.Web/hung" &&
	within_ms 3000 "stop_role node" "node stopped" &&
	! is_running "$(cat n1/tarsnode/data/TestApp.Web/hung)" &&
	start_node && wait_for 10 "is_state TestApp.Web Active" &&
	test "$(pid_of TestApp.Web)" = "$web"
'

test_expect_success 'script: a link out of the directory is not run' '
	probe TestApp.Web WebObj \
		--readiness "script interval=50ms failures=1 timeout=5s bin/check.sh" &&
	rm n1/tarsnode/data/TestApp.Web/bin/check.sh &&
	ln -s /bin/sh n1/tarsnode/data/TestApp.Web/bin/check.sh &&
	wait_for 10 "says TestApp.Web \"check.sh is a link to .*, which is not below\"" &&
	is_found TestApp.Web.WebObj $web_port inactive &&
	test "$(pid_of TestApp.Web)" = "$web"
'

test_expect_success 'a declared fleet has them; they change without a restart' '
	cat >fleet.yaml <<-END &&
	servers:
	  - server: $hello
	    nodes: [n1]
	    exe: $B/examples/hello/HelloServer
	    servants:
	      - servant: HelloObj
	        endpoint: tcp -h 127.0.0.1 -p $hello_port
	        readiness: tcp interval=100ms
	        liveness: tars_ping
	END
	pid=$(pid_of $hello) &&
	ctl plan -f fleet.yaml >out && test_grep "readiness: none -> tcp interval=100ms" out &&
	ctl apply -f fleet.yaml &&
	ctl adapter list $hello -o wide >out && test_grep "tars_ping .*tcp interval=100ms .*yes\$" out &&
	ctl plan -f fleet.yaml >out && test "$(wc -l <out)" = 1 &&
	test "$(pid_of $hello)" = "$pid" &&
	sed "s/tcp interval=100ms/telepathy/" fleet.yaml >bad.yaml &&
	refuses "$hello on node n1: servant $hello.HelloObj: readiness: probe .telepathy." plan -f bad.yaml
'

test_expect_success 'readiness counts while the database is away, and is stored when it is back' '
	probe $hello HelloObj --liveness none \
		--readiness "tars_ping interval=50ms timeout=300ms failures=2" &&
	wait_for 10 "is_found $hello.HelloObj $hello_port active" &&
	pg_crash &&
	kill -STOP "$pid" &&
	wait_for 20 "is_found $hello.HelloObj $hello_port inactive" &&
	pg_boot &&
	wait_for 30 "pg_sql \"SELECT ready FROM t_adapter_conf WHERE servant = '\''$hello.HelloObj'\''\" |
		grep -qx f" &&
	kill -CONT "$pid" &&
	wait_for 20 "is_found $hello.HelloObj $hello_port active"
'

test_done
