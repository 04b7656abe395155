# Several servers of t/service/fleet-server.c as processes, and a program that calls them.
# Source it after test-lib.sh.
#
#	put_fleet_config FILE PORT ['SERVER KEYS' ['ADAPTER KEYS']]
#	start_fleet NAME [FILE]         sets $NAME_pid, $NAME_port; without FILE: any port, no platform
#	fleet_obj NAME...               one object with all their endpoints
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
		set -- "$1" --listen 127.0.0.1:0
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
