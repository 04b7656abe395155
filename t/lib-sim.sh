# A fleet of nodes in one process (t/helper/fleet-sim.c) before a real registry and database.
# Source it after test-lib.sh, lib-tars.sh, lib-pg.sh and lib-node.sh.
#
#	put_fleet NODES SERVICES INSTANCES   their rows, as if all had been deployed and run
#	start_sim SERVICES INSTANCES         connects nothing yet
#	sim COMMAND...                       its answer is ./answer and the output
#	of KEY                               the number behind KEY= in ./answer
#	busy_ms PID                          CPU time that it has used
#	resident_mb PID
#	fleet_states                         "active 172000", a line for each state in the database

# Nobody is told of rows that are there from the beginning.
put_fleet () {
	pg_sql "SET session_replication_role = replica;
		INSERT INTO t_node_info (node_name, node_obj, present_state, last_heartbeat)
		SELECT 'node' || i, 'tars.tarsnode.NodeObj@tcp -h 10.' || i / 65536 || '.' ||
			i / 256 % 256 || '.' || i % 256 || ' -p 19386', 'active', now()
		FROM generate_series(0, $1 - 1) i;
		INSERT INTO t_server_conf (application, server_name, node_name, setting_state,
			present_state, server_type)
		SELECT 'Fleet', 'S' || j, 'node' || (j * $3 + k) % $1, 'active', 'active', 'tars_cpp'
		FROM generate_series(0, $2 - 1) j, generate_series(0, $3 - 1) k;
		INSERT INTO t_adapter_conf (application, server_name, node_name, adapter_name,
			servant, endpoint)
		SELECT application, server_name, node_name, 'Obj', 'Fleet.' || server_name || '.Obj',
			'tcp -h 10.' || n / 65536 || '.' || n / 256 % 256 || '.' || n % 256 || ' -p ' ||
			10000 + substr(server_name, 2)::int
		FROM (SELECT *, substr(node_name, 5)::int n FROM t_server_conf) s;
		ANALYZE"
}

start_sim () {
	rm -f .sim.in .sim.out &&
	mkfifo .sim.in .sim.out &&
	exec {sim_in}<>.sim.in {sim_out}<>.sim.out || return
	fleet-sim "127.0.0.1:$registry_port" "$@" <&$sim_in >&$sim_out 2>sim.log {sim_in}>&- \
		{sim_out}>&- 3>&- {test_pause_fd}>&- &
	sim_pid=$!
	test_at_end 'kill "$sim_pid" 2>/dev/null; wait "$sim_pid" 2>/dev/null || :'
}

sim () {
	local answer
	echo "$*" >&$sim_in &&
	read -r -t 300 -u "$sim_out" answer || return
	echo "$answer" | tee answer
}

of () {
	sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p" answer
}

busy_ms () {
	awk -v hz="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / hz) }' "/proc/$1/stat"
}

resident_mb () {
	awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$1/status"
}

fleet_states () {
	pg_sql "SELECT present_state, count(*) FROM t_server_conf GROUP BY 1 ORDER BY 1" |
		tr '|' ' '
}
