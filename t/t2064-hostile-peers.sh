#!/usr/bin/env bash
test_description='hostile peers, each with the bound it must keep; the others are served meanwhile'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-probe.sh"

# peers HOW: hostile.py against the service.
peers () {
	python3 "$t_dir/helper/hostile.py" "$service_port" "$@"
}

status_kb () {
	sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$service_pid/status"
}

# grew_below KB: the most memory that was in use since $before.  Sanitizers want several times more.
grew_below () {
	local grown=$(($(status_kb VmHWM) - before)) limit=$1

	case ${B##*/} in
	*-release) ;;
	*) limit=$((limit * 10)) ;;
	esac
	echo "# grew by $grown kB" | tee -a /dev/fd/3
	test "$grown" -lt "$limit"
}

# start IDLE_MS
start () {
	put_probe_config all.conf "$admin_keys" "maxconns=10000" &&
	sed "s/-p 0 -t 60000/-p 0 -t $1/" all.conf >one.conf && start_probe one.conf &&
	calls InlineObj echo 1 >/dev/null && before=$(status_kb VmRSS)
}

serves () {
	calls PoolObj echo 7 >out && test_grep " 0 7\$" out
}

test_expect_success 'slow ones: 200 that send a byte now and then end by the -t of the endpoint' '
	start 1500 && peers slow 200 && serves && grew_below 6000 && stop_service
'

test_expect_success 'slow ones that speak HTTP, in the head, in the body, in the preface' '
	start 1500 && peers slow-http 200 && serves && grew_below 12000 && stop_service
'

# holds N: connections.  While it has clients they show beside its ports.
holds () {
	curl -sS --max-time 30 "http://127.0.0.1:$admin/metrics" >metrics &&
	grep -qxF "tars_adapter_connections{adapter=\"T.ProbeServer.PoolObjAdapter\"} $1" metrics
}

test_expect_success 'slow ones that shall show a key; who has it is served meanwhile' '
	put_probe_config all.conf "$admin_keys" "maxconns=10000
accesskey=ak
secretkey=sk" &&
	sed "/^endpoint=/s/-t 60000/-t 1500 -e 1/" all.conf >one.conf && start_probe one.conf &&
	before=$(status_kb VmRSS) && admin=$(admin_port) &&
	{ peers slow-keys 200 & hostile=$!; } &&
	wait_for 30 "holds 200" &&
	tars call --access-key ak --secret-key sk \
		"T.ProbeServer.PoolObj@tcp -h 127.0.0.1 -p $service_port -e 1" work \
		"{\"what\": \"echo\", \"number\": 7}" >out && test_grep "\"text\":\"7\"" out &&
	wait "$hostile" && wait_for 30 "holds 0" &&
	grew_below 6000 && stop_service
'

test_expect_success 'half-open ones: 200 that stop within a length end, too' '
	start 1500 && peers half-open 200 && serves && grew_below 6000 && stop_service
'

test_expect_success 'resets: 2000 in the middle of a packet, 200 with calls at work' '
	start 60000 && peers reset 2000 && peers reset-calls 200 && serves &&
	wait_for 30 "metric_is adapter_connections 0" && grew_below 16000 && stop_service
'

test_expect_success '100 MB are announced by 100 peers, 5 bytes follow: they cost what came' '
	start 1500 && peers announce 100 && serves && grew_below 6000 && stop_service
'

test_expect_success 'one byte more than 100 MB is refused at once' '
	start 60000 && test_expect_code 1 test-tool frame --timeout=60000 127.0.0.1 "$service_port" \
		06400001100102 >out && test_grep "^closed" out && serves && stop_service
'

test_expect_success 'a million tiny frames on one connection, one-way and with replies' '
	start 60000 && peers tiny oneway 1000000 && peers tiny replies 1000000 &&
	serves && grew_below 24000 && stop_service
'

test_expect_success 'deep nesting: in arguments, in the head, in JSON' '
	start 60000 && peers nested && serves && grew_below 16000 && stop_service
'

test_expect_success 'tags twice: the first counts; descending ones are missing' '
	start 60000 && peers tags && serves && stop_service
'

test_done
