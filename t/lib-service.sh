# C services under test as processes of their own, without a platform.
# Source it after test-lib.sh.
#
#	start_service HelloServer --listen 127.0.0.1:0
#		waits for its ready line; sets $service_pid and $service_port; its log is service.log
#	service=second start_service ...     the same as $second_pid, $second_port, second.log
#	put_hello_config FILE ENDPOINT ['SERVER KEYS' ['ADAPTER KEYS']]
#		for start_service HelloServer --config=FILE; ENDPOINT: 'ssl -h 127.0.0.1 -p 0 -t 60000'
#	notify NAME COMMAND                  a management command to a service with a `local` endpoint
#	stop_service [NAME [SIGNAL]]         waits for its end and gives its status
#	kill_service [NAME]                  SIGKILL, and waits
# What is left over is killed at the end of the script.

export PATH="$B/examples/hello:$PATH"
service_names_=

start_service () {
	local name=${service:-service} line= fd lock_fd=${pg_users_fd:-9}
	rm -f ".ready.$name" && mkfifo ".ready.$name" || return
	exec {fd}<>".ready.$name"
	"$@" --ready-fd 8 8>".ready.$name" 2>"$name.log" {fd}>&- {test_pause_fd}>&- 3>&- \
		{lock_fd}>&- &
	printf -v "${name}_pid" %s "$!"
	service_names_="$service_names_ $name"
	if ! next_line "$!" "$fd" 120; then
		cat "$name.log"
		exec {fd}>&-
		return 1
	fi
	exec {fd}>&-
	printf -v "${name}_port" %s "${line##*:}"
}

put_hello_config () {
	cat >"$1" <<-END
	<tars>
	<application>
	<server>
	app=TestApp
	server=HelloServer
	datapath=$PWD
	local=tcp -h 127.0.0.1 -p 0 -t 10000
	$3
	<TestApp.HelloServer.HelloObjAdapter>
	endpoint=$2
	servant=TestApp.HelloServer.HelloObj
	threads=2
	$4
	</TestApp.HelloServer.HelloObjAdapter>
	</server>
	</application>
	</tars>
	END
}

# The port of its `local` endpoint, which its ready lines do not name.
admin_port_of () {
	local pid_var=${1}_pid
	ss -Hltnp | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=${!pid_var},.*/\1/p" |
		grep -vxFf <(grep -o "127.0.0.1:[0-9]*" "$1.log" | cut -d: -f2)
}

notify () {
	tars call "AdminObj@tcp -h 127.0.0.1 -p $(admin_port_of "$1")" notify "{\"command\":\"$2\"}"
}

stop_service () {
	local name=${1:-service} status
	local pid_var=${name}_pid
	kill "-${2:-TERM}" "${!pid_var}" && wait "${!pid_var}"
	status=$?
	printf -v "$pid_var" ''
	return "$status"
}

kill_service () {
	stop_service "${1:-service}" KILL 2>/dev/null || :
}

kill_services_left_ () {
	local name pid_var
	for name in $service_names_; do
		pid_var=${name}_pid
		test -z "${!pid_var}" || kill_service "$name"
	done
}
test_at_end kill_services_left_
