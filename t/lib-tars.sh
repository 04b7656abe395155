# Roles under test: started in the background, known to be ready, gone when the script ends.
# Source it after test-lib.sh.
#
#	start_role registry --db "$pg_dsn" --listen 127.0.0.1:0
#		sets $registry_pid and $registry_port; the log is ./registry.log
#	role_name=second start_role registry ...     the same under another name
#	on_host="$(host h1)" start_role ...          in another network (lib-hosts.sh)
#	stop_role registry [SIGNAL]                   waits for its end; its status is returned
#	kill_role registry                            SIGKILL, and waits
#	start_proxy wire 127.0.0.1 $registry_port     a relay that can fail: sets $wire_port
#	proxy_do wire drop                            see t/helper/test-tool.c for the commands

role_names=

start_role () {
	local role=$1 name=${role_name:-$1} ready fd pid line= lock_fd=${pg_users_fd:-9}
	shift
	rm -f ".ready.$name"
	mkfifo ".ready.$name" || return
	exec {fd}<>".ready.$name"
	${on_host:-} tars "$role" "$@" --ready-fd 8 8>".ready.$name" >>"$name.log" 2>&1 3>&- \
		{fd}>&- {test_pause_fd}>&- {lock_fd}>&- &
	pid=$!
	role_names="$role_names $name"
	printf -v "${name}_pid" %s "$pid"
	if ! next_line "$pid" "$fd" "${role_timeout:-120}"; then
		echo "tars $role: no ready line:" >&2
		cat "$name.log" >&2
		exec {fd}>&-
		return 1
	fi
	exec {fd}>&-
	echo "$line"
	# tars: registry: ready tcp 127.0.0.1:17890
	ready=${line##*ready }
	ready=${ready#* }
	ready=${ready%% *}
	printf -v "${name}_port" %s "${ready##*:}"
}

# Forgets the name and gives the status that the process ended with.
reap_role_ () {
	local pid_var=${1}_pid status
	wait "${!pid_var}" 2>/dev/null
	status=$?
	unset "$pid_var"
	return "$status"
}

stop_role () {
	local pid_var=${1}_pid
	kill "-${2:-TERM}" "${!pid_var}" && reap_role_ "$1"
}

kill_role () {
	local pid_var=${1}_pid
	kill -KILL "${!pid_var}" && { reap_role_ "$1" || :; }
}

start_proxy () {
	local name=$1 in out port lock_fd=${pg_users_fd:-9}
	rm -f ".proxy.$name".*
	mkfifo ".proxy.$name.in" ".proxy.$name.out" &&
	exec {in}<>".proxy.$name.in" {out}<>".proxy.$name.out" || return
	test-tool proxy "$2" "$3" <&$in >&$out 3>&- {test_pause_fd}>&- \
		{lock_fd}>&- &
	printf -v "${name}_pid" %s "$!"
	role_names="$role_names $name"
	read -r -t 60 -u "$out" port || return
	printf -v "${name}_port" %s "$port"
	printf -v "${name}_in" %s "$in"
	printf -v "${name}_out" %s "$out"
}

# Returns when the command has taken effect.
proxy_do () {
	local in=${1}_in out=${1}_out answer
	echo "${*:2}" >&${!in} && read -r -t 60 -u "${!out}" answer && test "$answer" = ok
}

stop_roles_ () {
	local name pid_var
	for name in $role_names; do
		pid_var=${name}_pid
		if test -n "${!pid_var:-}"; then
			kill -TERM "${!pid_var}" 2>/dev/null
			timeout 60 tail --pid="${!pid_var}" -f /dev/null || kill -KILL "${!pid_var}"
			wait "${!pid_var}" 2>/dev/null
		fi
	done
}
test_at_end stop_roles_
