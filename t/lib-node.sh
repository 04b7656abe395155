# A registry and a node under test, and what scripts ask them.
# Source it after test-lib.sh, lib-tars.sh and lib-pg.sh.
#
#	start_registry [OPTION...]  on $registry_port, which stays the same when it is started again
#	start_node [OPTION...]      called n1, in ./n1, on $node_port, which stays the same too
#	ctl ARG...                  tars ctl
#	deploy_hello [OPTION...]    TestApp.HelloServer of the examples; $hello_exe: another file
#	lookup OBJ                  "host port" of its active endpoints, one a line
#	state SERVER                "Active 1234 ...", as the node sees it
#	pid_of SERVER
#	is_back SERVER PID          it is active again, as another process than PID
#	is_running PID
#	order FUNC SERVER           NodeObj.FUNC: prints "RET RESULT"
#	put_metrics PERCENT CLOCK-MS [AGE]
#	                            a report of n1 on its machine: a disk's use, a difference; with
#	                            `start_node --metrics 0` there is no other
# Services that are left over are killed at the end of the script.

registry_object_ () {
	echo "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $registry_port"
}

# A port of the kernel's choice might be another's when a role is started again.
start_registry () {
	: "${registry_port:=$(free_port)}"
	start_role registry --db "$pg_dsn" --listen "127.0.0.1:$registry_port" "$@" &&
	export TARS_CTL_LOCATOR="$(registry_object_)" TARS_CALL_LOCATOR="$(registry_object_)"
}

start_node () {
	: "${node_port:=$(free_port)}"
	start_role node --listen "127.0.0.1:$node_port" --name n1 --path "$PWD/n1" \
		--locator "$(registry_object_)" --log-level debug "$@" &&
	wait_for 10 'registered'
}

registered () {
	grep -q "registered as" node.log
}

ctl () {
	tars ctl "$@"
}

deploy_hello () {
	tars ctl deploy TestApp.HelloServer --node n1 \
		--exe "$B/examples/hello/${hello_exe:-HelloServer}" \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $hello_port" "$@"
}

# A port that nobody else gets while this script runs.
free_port () {
	test-tool free-port $$
}

lookup () {
	tars call tars.tarsregistry.QueryObj findObjectById "{\"id\": \"$1\"}" |
		python3 -c 'import json, sys
for ep in json.load(sys.stdin)["tars_ret"]:
	print(ep["host"], ep["port"])'
}

node_call_ () {
	tars call "tars.tarsnode.NodeObj@tcp -h 127.0.0.1 -p $node_port" --timeout 60s "$1" \
		"{\"application\": \"${2%.*}\", \"serverName\": \"${2#*.}\"}"
}

state () {
	node_call_ getStateInfo "$1" | python3 -c 'import json, sys
r = json.load(sys.stdin)
i = r["info"]
states = "Inactive Activating Active Deactivating Destroying Destroyed".split()
s = i["serverState"]
print(s if isinstance(s, str) else states[s], i["processId"], r["result"])'
}

is_state () {
	test "$(state "$1" | cut -d' ' -f1)" = "$2"
}

pid_of () {
	state "$1" | cut -d' ' -f2
}

is_back () {
	local now pid rest
	read -r now pid rest <<<"$(state "$1")" && test "$now" = Active && test "$pid" != "$2"
}

order () {
	node_call_ "$1" "$2" | python3 -c 'import json, sys
r = json.load(sys.stdin)
print(r["tars_ret"], r["result"])'
}

put_metrics () {
	pg_sql "INSERT INTO t_node_metrics
		SELECT \$\$n1\$\$, now() - interval \$\$${3:-0 s}\$\$, 7, 2, 0.5, 0.25, 0.125, 8589934592,
			2147483648, 0, $2, jsonb_build_array(jsonb_build_object(\$\$path\$\$, \$\$/data\$\$,
			\$\$total\$\$, 107374182400, \$\$free\$\$, 1073741824::bigint * (100 - $1)))"
}

# Not when it is a zombie that nobody has waited for.
is_running () {
	test -e "/proc/$1" && ! grep -q "^State:.Z" "/proc/$1/status"
}

# Processes whose command line names our directory; the node first, it would start them again.
kill_services_ () {
	local p
	test -z "${node_pid:-}" || kill_role node
	for p in /proc/[0-9]*; do
		if test "${p#/proc/}" != $$ &&
				tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -qF "$PWD/n1/"; then
			kill -KILL "${p#/proc/}" 2>/dev/null
		fi
	done
	:
}
test_at_end kill_services_
