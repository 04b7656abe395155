# The service of t/helper/observe-service.c with an official configuration, and the platform's objects
# that it reports to.  Source it after test-lib.sh and lib-service.sh.
#
#	start_recorder                   StatObj, PropertyObj, NotifyObj, ConfigObj in one process:
#	                                 ./reported; sets $recorder_port and, for configurations,
#	                                 $stat $property $notify $config
#	start_observed [KEY=VALUE...]    these keys go to <server>, client.KEY=VALUE to <client>,
#	                                 app.KEY=VALUE to <application>; sets $observed_port and
#	                                 $observed_admin; its configuration is ./observed.conf
#	reports_wait                     ... from now on with reports only when they are asked for
#	work MODE WHAT [N [OBJECT]]      calls it; MODE: Pool, Coro, Inline
#	admin 'COMMAND PARAMS'           a management command: prints its answer as it is
#	await_line FILE PATTERN          waits until a line of the file matches

reports_wait_=
reports_wait () {
	reports_wait_=100000000
}

observed_conf () {
	local key mode
	printf '%s\n' '<tars>' '<application>'
	for key; do case $key in app.*) echo "${key#app.}" ;; esac; done
	printf '%s\n' '<server>' app=T server=Observed "datapath=$PWD" "basepath=$PWD" \
		"local=tcp -h 127.0.0.1 -p 0 -t 10000"
	for key; do case $key in app.*|client.*) ;; *) echo "$key" ;; esac; done
	for mode in Pool Coro Inline; do
		cat <<-END
		<T.Observed.${mode}ObjAdapter>
		allow
		endpoint=tcp -h 127.0.0.1 -p 0 -t 60000
		servant=T.Observed.${mode}Obj
		threads=2
		protocol=tars
		</T.Observed.${mode}ObjAdapter>
		END
	done
	printf '%s\n' '</server>' '<client>' modulename=T.Observed
	for key; do case $key in client.*) echo "${key#client.}" ;; esac; done
	test -z "$reports_wait_" || echo "report-interval=$reports_wait_"
	printf '%s\n' '</client>' '</application>' '</tars>'
}

start_observed () {
	observed_conf "$@" >observed.conf &&
	service=observed start_service observe-service --config=observed.conf &&
	observed_admin=$(admin_port_of observed)
}

start_recorder () {
	: >>reported && mkdir -p center &&
	: "${recorder_port:=$(test-tool free-port $$)}" &&
	service=recorder start_service report-recorder --listen "127.0.0.1:$recorder_port" &&
	at="@tcp -h 127.0.0.1 -p $recorder_port" &&
	stat=tars.tarsstat.StatObj$at property=tars.tarsproperty.PropertyObj$at &&
	notify=tars.tarsnotify.NotifyObj$at config=tars.tarsconfig.ConfigObj$at
}

work () {
	tars call "T.Observed.${1}Obj@tcp -h 127.0.0.1 -p $observed_port" work \
		"{\"what\":\"$2\",\"n\":${3:-0},\"object\":\"${4:-}\"}" --timeout 60s
}

admin () {
	tars call "AdminObj@tcp -h 127.0.0.1 -p $observed_admin" notify "{\"command\":\"$1\"}" |
		python3 -c 'import json, sys; sys.stdout.write(json.load(sys.stdin)["tars_ret"])'
}

await_line () {
	wait_for 10 "grep -qE -- '$2' '$1' 2>/dev/null"
}
