#!/usr/bin/env bash
test_description='who finds which server: mirror, hash calls, groups, sets'
. "$(dirname "$0")/../test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"
. "$t_dir/interop/lib-interop.sh"

need_tools Go go
need_tools Node.js node npm

object=Interop.CServer.EchoObj

# Nodes n1, n2, n3 on hosts of their own: the ring of consistent hashes knows hosts only.
start_nodes () {
	local k
	start_node --monitor 300ms --heartbeat 1s --sync 1s &&
	for k in 2 3; do
		role_name=node$k start_role node --listen "127.0.0.$k:$(free_port)" --name n$k \
			--path "$PWD/n1/n$k" --locator "$(registry_object_)" || return
	done
}

deploy_everywhere () {
	local k
	for k in 1 2 3; do
		ctl deploy Interop.CServer --node n$k --exe "$sdks/c/CServer" \
			--servant "EchoObj@tcp -h 127.0.0.$k -p $(free_port) -t 60000" || return
	done
}

# where SDK HOW CALLS [SET]: "K HOST" for each call, or "K why not"
where () {
	"$sdks/$1/client" $object --locator "${locator:-$(registry_object_)}" where "${@:2}" |
		grep --line-buffered -E "^[0-9]+ "
}

# hosts SDK HOW CALLS [SET]: those that were called, by their last number
hosts () {
	where "$@" >calls
	test "$(wc -l <calls)" = "$3" && sed "s/^[0-9]* 127.0.0.//" calls | sort -u | tr "\n" " "
}

all_of () {
	for sdk in c go node; do
		test "$(hosts $sdk any 12 "${@:2}")" = "$1" || {
			echo "$sdk went elsewhere than to $1" && cat calls
			return 1
		}
	done
}

test_expect_success 'the peers are built' '
	build_sdk c && build_sdk go && build_sdk node
'

test_expect_success 'a server on three nodes' '
	pg_use && pg_create interop &&
	start_registry && start_nodes && deploy_everywhere &&
	wait_for 10 "test \"\$(lookup $object | wc -l)\" = 3"
'

test_expect_success 'C, Go and Node.js call all three in turn' '
	all_of "1 2 3 "
'

test_expect_success 'the same through the mirror of a node' '
	locator="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $node_port" &&
	all_of "1 2 3 " &&
	locator=
'

test_expect_success 'by a consistent hash each key goes where Go takes it' '
	where c ring 200 >c.ring && where go ring 200 >go.ring &&
	test_cmp go.ring c.ring &&
	test "$(hosts c ring 200)" = "1 2 3 "
'

test_expect_success 'by a hash modulo the endpoints each key goes where Node.js takes it' '
	where c mod 30 >c.mod && where node mod 30 >node.mod &&
	test_cmp node.mod c.mod &&
	test "$(hosts c mod 30)" = "1 2 3 "
'

# It sorts endpoints by a check sum of theirs, where C++ and Node.js sort by host.
test_expect_success 'Go takes the same key to the same endpoint, in an order of its own' '
	where go mod 30 >go.mod && where go mod 30 >again &&
	test_cmp go.mod again &&
	test "$(hosts go mod 30)" = "1 2 3 "
'
test_skip "not covered: consistent hashes of Node.js, whose ring is made of texts by a rule of its own"

test_expect_success 'in a set its members are found, with * those of all its groups' '
	ctl set assign Interop.CServer mall.sz.1 n2 && ctl set assign Interop.CServer mall.sz.2 n3 &&
	wait_for 10 "test \"\$(hosts c any 12 mall.sz.2)\" = \"3 \"" &&
	all_of "2 " mall.sz.1 && all_of "3 " mall.sz.2 && all_of "2 3 " "mall.sz.*" &&
	ctl set assign Interop.CServer none n2 && ctl set assign Interop.CServer none n3
'

# It looks objects up without regard to groups (findObjectById).
test_skip "not covered: groups for Node.js, which knows none"

test_expect_success 'callers of a group find the servers of their group' '
	ctl idc set here --allow 127.0.0.1 && ctl idc set there --allow "127.0.0.2|127.0.0.3" &&
	pg_sql "UPDATE t_server_conf SET enable_group = \$\$Y\$\$" &&
	wait_for 10 "test \"\$(hosts c any 12)\" = \"1 \"" &&
	test "$(hosts go any 12)" = "1 " &&
	ctl idc delete here && ctl idc delete there &&
	wait_for 10 "test \"\$(hosts c any 12)\" = \"1 2 3 \""
'

# under_calls SDK PORT: while it calls 20,000 times, the server on the node of that port is killed;
# the node starts it again, and the last 1,000 calls succeed.  Prints how many failed.
under_calls () {
	local node_port=$2 pid calls
	pid=$(pid_of Interop.CServer) && : >$1.calls || return
	where $1 any 20000 >$1.calls &
	calls=$!
	wait_for 10 "test \"\$(wc -l <$1.calls)\" -ge 100" >&2 &&
	kill -KILL "$pid" &&
	wait_for 10 "is_back Interop.CServer $pid" >&2
	wait $calls
	test "$(wc -l <$1.calls)" = 20000 &&
	test "$(tail -n 1000 $1.calls | grep -c "127.0.0.[123]$")" = 1000 &&
	grep -vc "127.0.0.[123]$" $1.calls || :
}

test_expect_success 'a server is killed while C calls: it loses what was under way, and goes on' '
	failed=$(under_calls c $node_port) && test "$failed" -le 2
'

# Go tries a dead endpoint in turn, and both wait for answers on connections that are gone.
test_expect_success 'a server is killed while Go and Node.js call: they go on' '
	failed=$(under_calls go $node2_port) && test -n "$failed" &&
	failed=$(under_calls node $node3_port) && test -n "$failed"
'

test_done
