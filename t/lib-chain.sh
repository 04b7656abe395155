# Services of t/helper/chain-service.c with official configurations, and a log server that records.
# Source it after test-lib.sh and lib-service.sh.
#
#	start_chain NAME [KEY=VALUE...]   runs T.NAME, with these keys in <server>; <client.KEY=VALUE>,
#	                                  <adapter.KEY=VALUE> and <app.KEY=VALUE> go there;
#	                                  endpoint=ENDPOINT; sets $NAME_port
#	chain NAME FUNC JSON              calls a function of it
#	start_recorder                    the log server; sets $recorder_port; writes ./recorded
# Logs are in ./app_log/T/NAME.

# keys_of SECTION SECTION.KEY=VALUE... OTHER...: those of the section
keys_of () {
	local section=$1 key
	shift
	for key; do case $key in "$section".*) echo "${key#*.}" ;; esac; done
}

chain_conf () {
	local name=$1 key endpoint='tcp -h 127.0.0.1 -p 0 -t 60000'
	shift
	for key; do case $key in endpoint=*) endpoint=${key#*=} ;; esac; done
	echo "<tars>"
	echo "<application>"
	keys_of app "$@"
	echo "<server>"
	printf '%s\n' app=T "server=$name" nodename=node-of-$name "logpath=$PWD/app_log/" \
		"datapath=$PWD" "local=tcp -h 127.0.0.1 -p 0 -t 10000"
	for key; do case $key in app.*|client.*|adapter.*|endpoint=*) ;; *) echo "$key" ;; esac; done
	cat <<-END
	<T.$name.ChainObjAdapter>
	allow
	endpoint=$endpoint
	servant=T.$name.ChainObj
	threads=2
	protocol=tars
	$(keys_of adapter "$@")
	</T.$name.ChainObjAdapter>
	</server>
	<client>
	modulename=T.$name
	END
	keys_of client "$@"
	printf '%s\n' "</client>" "</application>" "</tars>"
}

start_chain () {
	chain_conf "$@" >"$1.conf" &&
	SERVANT=T.$1.ChainObj service=$1 start_service chain-service --config="$1.conf"
}

chain_obj () {
	local port_var=${1}_port
	echo "T.$1.ChainObj@tcp -h 127.0.0.1 -p ${!port_var}"
}

chain () {
	tars call "$(chain_obj "$1")" "$2" "$3"
}

start_recorder () {
	: >>recorded
	service=recorder start_service log-recorder --listen 127.0.0.1:0 &&
	log_obj="tars.tarslog.LogObj@tcp -h 127.0.0.1 -p $recorder_port"
}

# The way through services: way=... arguments of chain-call.
ways () {
	local name
	for name; do
		printf 'way=%s\n' "$(chain_obj "$name")"
	done
}

# pass FIRST [NEXT...] -- [chain-call arguments...]: its answer is in ./out.
pass () {
	local first=$1 port_var=${1}_port names=() way
	while test $# -gt 0 && test "$1" != --; do
		names+=("$1")
		shift
	done
	shift
	mapfile -t way < <(ways "${names[@]:1}")
	chain-call "${!port_var}" "T.$first.ChainObj" user=7 "${way[@]}" "$@" >out
}

# hop EXPRESSION: of Python, where h["A"] is what service A saw; prints it.
hop () {
	python3 -c '
import json, sys
ret, result = open("out").read().split("\n", 1)
h = {x["who"][2:]: x for x in json.loads(result)["hops"]}
print(eval(sys.argv[1]))' "$1"
}
