# Several servers of t/service/fleet-server.c as processes, and a program that calls them.
# Source it after test-lib.sh.
#
#	put_fleet_config FILE PORT ['SERVER KEYS' ['ADAPTER KEYS']]
#	start_fleet NAME [FILE]         sets $NAME_pid, $NAME_port; without FILE: any port of $fleet_host
#	                                (127.0.0.1), no platform
#	fleet_obj NAME...               one object with all their endpoints
#	fleet NAME FUNC JSON            calls a function of one, by its inline servant
#	start_caller [LOCATOR [REFRESH_MS]]   a program that calls them (fleet-caller.c)
#	tell COMMAND...                 has it do something; its answer is ./answer and the output
#	of KEY                          the number behind KEY= in ./answer; "" if there is none
. "$t_dir/lib-service.sh"

put_fleet_config () {
	cat >"$1" <<-END
	<tars>
	<application>
	<server>
	app=T
	server=FleetServer
	datapath=$PWD
	$3
	<T.FleetServer.FleetObjAdapter>
	allow
	endpoint=tcp -h 127.0.0.1 -p $2 -t 60000
	servant=T.FleetServer.FleetObj
	protocol=tars
	$4
	</T.FleetServer.FleetObjAdapter>
	</server>
	</application>
	</tars>
	END
}

start_fleet () {
	if test $# = 1; then
		# No port of the kernel: others could get it while the server is away.
		set -- "$1" --listen "${fleet_host:-127.0.0.1}:$(test-tool free-port $$)"
	else
		set -- "$1" --config="$2"
	fi
	FLEET_NAME=$1 service=$1 start_service fleet-server "${@:2}"
}

fleet_obj () {
	local name port_var list=
	for name; do
		port_var=${name}_port
		list="$list${list:+:}tcp -h 127.0.0.1 -p ${!port_var}"
	done
	echo "T.FleetServer.FleetObj@$list"
}

fleet () {
	local port_var=${1}_port
	tars call --timeout 60s "T.FleetServer.InlineObj@tcp -h 127.0.0.1 -p ${!port_var}" "$2" "$3"
}

# The calling program, one per script: tell COMMAND... prints its answer (see fleet-caller.c).
start_caller () {
	local out
	rm -f .caller.in .caller.out &&
	mkfifo .caller.in .caller.out &&
	exec {caller_in}<>.caller.in {caller_out}<>.caller.out || return
	fleet-caller "$@" <&$caller_in >&$caller_out 2>caller.log {caller_in}>&- {caller_out}>&- \
		3>&- {test_pause_fd}>&- &
	caller_pid=$!
	test_at_end "kill $caller_pid; wait $caller_pid 2>/dev/null || :"
}

tell () {
	local answer
	echo "$*" >&$caller_in &&
	read -r -t 120 -u "$caller_out" answer || return
	echo "$answer" | tee answer
}

of () {
	sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" answer
}
