#!/usr/bin/env bash
test_description='operations: nodes, adapters, templates, groups, sets, events; plan and apply; top, doctor'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

hello=TestApp.HelloServer
hello_port=$(free_port)

# shows TEXT COMMAND...: a line of the answer is like it
shows () {
	ctl "${@:2}" >out && test_grep "$1" out
}

# refuses TEXT COMMAND...
refuses () {
	test_expect_code 1 tars ctl "${@:2}" 2>err && test_grep "$1" err
}

test_expect_success 'a registry, a node, a service' '
	pg_use && pg_create ops && start_registry && start_node --metrics 0 && deploy_hello &&
	export TARS_LOCATOR="$(registry_object_)"
'

test_expect_success 'every row of the table is served, with a right, a summary and an example' '
	ctl operations -o json >table &&
	python3 - <<-\EOF
		import json, subprocess
		rows = json.load(open("table"))
		assert len(rows) > 35
		for r in rows:
		    assert r["right"] in ("read", "operate", "admin") and r["summary"], r
		    assert r["example"].startswith("tars ctl "), r
		    words = r["operation"].split()
		    help = subprocess.run(["tars", "ctl", *words, "--help"], capture_output=True, text=True)
		    assert r["example"] in help.stdout and r["summary"] in help.stdout, r
	EOF
'

test_expect_success 'nodes' '
	shows "^NODE .*STATE .*HEARTBEAT .*SERVERS .*LOAD" node list &&
	shows "^n1 +active .* 1 +1 " node list &&
	shows "node n1 answers" node ping n1 &&
	refuses "node n9 is not registered" node ping n9 &&
	refuses "node n1 sends heartbeats: stop it first" node remove n1 &&
	refuses "n9: there is no such thing \(tars ctl node list\)" node remove n9
'

test_expect_success 'drain: callers find it no more, it runs on; and back' '
	shows "yes +n1" iplist $hello.HelloObj &&
	shows "callers find it no more; it runs on" drain $hello &&
	shows "no +n1" iplist $hello.HelloObj &&
	shows "active +active +inactive" list $hello &&
	shows "callers find it" resume $hello n1 && shows "yes +n1" iplist $hello.HelloObj &&
	shows "node n1: callers find its 1 servers no more" node drain n1 &&
	shows "no +n1" iplist $hello.HelloObj && ctl node resume n1 &&
	refuses "App.None, node n1: there is no such thing" drain App.None n1
'

test_expect_success 'state: what is wanted, known, and said by the node' '
	shows "^$hello +n1 +active +active +Active +[0-9]+" state $hello
'

test_expect_success 'adapters: shown, changed, added, taken away' '
	shows "$hello.HelloObj +tcp -h 127.0.0.1 .* 5\$" adapter list $hello &&
	shows "is changed; it counts when the server starts again" adapter set $hello HelloObj n1 --threads 7 &&
	shows "$hello.HelloObj .* 7\$" adapter list $hello &&
	refuses "has no servant NewObj on node n1 yet: it needs an --endpoint" adapter set $hello NewObj n1 &&
	refuses "begins with .xyz. instead of tcp" adapter set $hello NewObj n1 --endpoint "xyz -p 1" &&
	refuses "servant .New;Obj." adapter set $hello "New;Obj" n1 --endpoint "tcp -p 1" &&
	shows "is added on node n1" adapter set $hello NewObj n1 --endpoint "tcp -h 127.0.0.1 -p 20777" &&
	shows "$hello.NewObj +tcp -h 127.0.0.1 -p 20777" adapter list "$hello.New*" &&
	shows "is gone from node n1" adapter delete $hello NewObj n1 &&
	refuses "there is no such thing" adapter delete $hello NewObj n1
'

test_expect_success 'templates: shown, stored, inherited, in use' '
	shows "^tars.c.default +tars.default +1 " template list "tars.c*" &&
	echo "<tars>
<application>
<server>
mine=1
</server>
</application>
</tars>" >mine.conf &&
	shows "template mine is stored" template set mine mine.conf --parent tars.c.default &&
	ctl template view mine >out && test_cmp mine.conf out &&
	shows "^ *mine=1" template view mine --merged && test_grep "logLevel=" out &&
	echo "<tars>" >bad.conf && refuses "mine: line 1: <tars> is not closed" template set mine bad.conf &&
	refuses "template tars.c.default is in use: by 1 servers, as the parent of 1" template delete tars.c.default &&
	shows "template mine is deleted" template delete mine &&
	refuses "template mine does not exist" template view mine
'

test_expect_success 'applications, groups, priorities, sets' '
	shows "^TestApp +1 +1 +1 +n1" app list &&
	shows "group south is number [0-9]+" idc set south --allow "10.1.*" --remark Süden &&
	shows "^south +denny_allow +10.1.\* +Süden" idc list &&
	test_expect_code 64 tars ctl idc set south --order maybe &&
	shows "is stored" station set s1 1,2 --station south --order 3 &&
	shows "^s1 +1,2 +3 +south" station list &&
	refuses "groups .a;b. are not numbers" station set s1 "a;b" &&
	ctl station delete s1 && ctl idc delete south && refuses "there is no such thing" idc delete south &&
	refuses ".a.b. is not name.area.group" set assign $hello a.b n1 &&
	shows "is in the set a.b.1" set assign $hello a.b.1 n1 && shows "^a.b.1 +1 +1 +$hello" set list &&
	shows "yes +n1" iplist $hello.HelloObj --set a.b.1 &&
	shows "is in no set" set assign $hello none n1
'

test_expect_success 'events: what was done, by whom' '
	shows "^20.* $hello +n1 +127.0.0.1:[0-9]+ +.normal. server deploy: .* is deployed and started" events &&
	ctl events $hello --last 1 >out && test "$(wc -l <out)" = 2 && test_grep "set assign" out
'

test_expect_success 'names from outside are data, not SQL' '
	shows "^SERVER" list "x'\'' OR 1=1 --" && test "$(wc -l <out)" = 1 &&
	refuses "there is no such thing" idc delete "x'\''; DROP TABLE t_server_conf; --" &&
	shows "^$hello" list
'

cp "$t_dir/../etc/examples/fleet.yaml" .

test_expect_success 'plan shows what apply would do, and does nothing' '
	ctl plan -f fleet.yaml >out &&
	test_grep "^create +template +shop" out && test_grep "^create +idc +south" out &&
	test_grep "^create +server +Shop.Cart +n1" out &&
	shows "^ACTION" plan -f fleet.yaml && test "$(ctl list Shop | wc -l)" = 1
'

test_expect_success 'apply does it, and has nothing to do then' '
	ctl apply -f fleet.yaml >out && test_grep "Shop.Cart on node n1 is deployed" out &&
	shows "Shop.Cart.PayObj +tcp .* 20802 .* 3\$" adapter list Shop.Cart &&
	shows "^south +allow_denny" idc list && shows "^ *shop=1" template view shop &&
	ctl apply -f fleet.yaml >out && test "$(wc -l <out)" = 1
'

test_expect_success 'what differs is shown, and only that is changed' '
	sed "s/threads: 3/threads: 4/; s/-p 20801/-p 20803/" fleet.yaml >other.yaml &&
	ctl plan -f other.yaml -o json >out &&
	test_grep "Shop.Cart.PayObj \(threads: 3 -> 4\)" out && test_grep "20801.* -> .*20803" out &&
	test_grep ! template out && ctl apply -f other.yaml >out &&
	shows "20803" adapter list Shop.Cart && ctl plan -f other.yaml >out && test "$(wc -l <out)" = 1
'

test_expect_success 'what is not in the file goes only when told' '
	sed "s/Shop.Cart/Shop.Till/; s/2080/2081/" fleet.yaml >till.yaml &&
	ctl plan -f till.yaml >out && test_grep ! delete out &&
	ctl plan -f till.yaml --prune >out && test_grep "^delete +server +Shop.Cart +n1" out &&
	test_grep ! $hello out && ctl apply -f till.yaml --prune >out &&
	test "$(ctl list Shop.Cart | wc -l)" = 1 && test "$(ctl list Shop.Till | wc -l)" = 2 &&
	shows "^$hello" list
'

test_expect_success 'mistakes in the file: where, and nothing is changed' '
	ctl list >before &&
	printf "servers:\n  - server: A.B\n    nodes: [n1]\n    treads: 3\n" >bad.yaml &&
	test_expect_code 65 tars ctl apply -f bad.yaml 2>err && test_grep "bad.yaml: .*treads" err &&
	printf "servers:\n  - server: [1\n" >bad.yaml &&
	test_expect_code 65 tars ctl plan -f bad.yaml 2>err && test_grep "bad.yaml:[0-9]+: " err &&
	printf "servers:\n  - server: A.B\n    nodes: [n1]\n    start: maybe\n" >bad.yaml &&
	test_expect_code 65 tars ctl plan -f bad.yaml 2>err &&
	test_grep "bad.yaml:4: this is neither true nor false" err &&
	sed "s/20801/20802/" fleet.yaml >bad.yaml &&
	refuses "Shop.Cart on node n1: servants .* have the same port 20802" apply -f bad.yaml &&
	test_expect_code 64 tars ctl plan 2>err && test_grep "which fleet\? -f FILE" err &&
	test_expect_code 64 tars ctl plan -f none.yaml 2>err && test_grep "No such file" err &&
	ctl list >after && test_cmp before after
'

test_expect_success 'JSON is a fleet too' '
	echo "{\"idc\": [{\"name\": \"north\", \"allow\": \"10.2.*\"}]}" | tars ctl apply -f - >out &&
	test_grep "group north is number" out
'

test_expect_success 'top: once, without a terminal' '
	shows "nodes 1 of 1 alive  servers 2: 1 wanted, 1 active, 0 drained" top --rounds 1
'

test_expect_success 'doctor: all is well' '
	put_metrics 50 0 &&
	shows "^0 problems" doctor && test_grep "^ok     endpoints that were tried: 1" out
'

test_expect_success 'doctor: finds what is wrong, and says what to do' '
	ctl drain $hello &&
	pg_sql "UPDATE t_server_conf SET template_name = \$\$none\$\$ WHERE server_name = \$\$Till\$\$" &&
	pg_sql "INSERT INTO t_node_info (node_name) VALUES (\$\$n7\$\$)" &&
	test_expect_code 1 tars ctl doctor >out &&
	test_grep "WRONG  $hello on node n1 runs, but callers do not find it.*tars ctl resume $hello n1" out &&
	test_grep "WRONG  Shop.Till on node n1 has the template .none., which does not exist" out &&
	test_grep "WRONG  node n7 was last heard of" out &&
	ctl node remove n7 && ctl resume $hello
'

test_expect_success 'doctor: a port that nobody listens on although the server is active' '
	ctl adapter set $hello HelloObj n1 --endpoint "tcp -h 127.0.0.1 -p 1" &&
	test_expect_code 1 tars ctl doctor >out &&
	test_grep "WRONG  $hello.HelloObj on node n1 is active, but tcp .* does not take connections" out
'

test_expect_success 'nobody there: status 69' '
	test_expect_code 69 tars ctl list --locator "a.b.c@tcp -h 127.0.0.1 -p 1" 2>err
'

test_done
