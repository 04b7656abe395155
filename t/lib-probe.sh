# The probe service (t/service/probe-server.c) as a process, and calls to it.
# Source it after test-lib.sh.
#
#	put_probe_config FILE 'SERVER KEYS' 'ADAPTER KEYS' ['MORE SERVER KEYS AND ADAPTERS']
#	                                     with time-outs that a slow machine does not reach
#	start_probe FILE                     sets $service_port to its (last) adapter's
#	calls SERVANT WHAT [NUMBER] [-- OPTIONS of test-calls]
#	metric_is adapter_overloads_total 12 of its adapter, in /metrics; wants "$admin_keys"
#	wait_counts 10 'gates=1 .*'          until what "counts" gives matches
. "$t_dir/lib-service.sh"

put_probe_config () {
	cat >"$1" <<-END
	<tars>
	<application>
	<server>
	app=T
	server=ProbeServer
	$2
	$4
	<T.ProbeServer.PoolObjAdapter>
	allow
	endpoint=tcp -h 127.0.0.1 -p 0 -t 60000
	servant=T.ProbeServer.PoolObj
	protocol=tars
	queuetimeout=600000
	$3
	</T.ProbeServer.PoolObjAdapter>
	</server>
	<client>
	sync-invoke-timeout=100000
	</client>
	</application>
	</tars>
	END
}

start_probe () {
	start_service probe-server --config="$1"
}

calls () {
	local servant=$1 what=$2 number=0
	shift 2
	if test $# -gt 0 && test "$1" != --; then
		number=$1
		shift
	fi
	test $# = 0 || shift
	test-calls "$@" 127.0.0.1 "$service_port" "T.ProbeServer.$servant" "$what" "$number"
}

wait_counts () {
	wait_for "$1" "calls InlineObj counts | grep -q '$2'"
}

# For the service's configuration: AdminObj and /metrics on a port of their own.
admin_keys='local=tcp -h 127.0.0.1 -p 0 -t 60000'

admin_port () {
	admin_port_of service
}

metric_is () {
	curl -sS --max-time 30 "http://127.0.0.1:$(admin_port)/metrics" >metrics &&
	grep -qxF "tars_$1{adapter=\"T.ProbeServer.PoolObjAdapter\"} $2" metrics
}
