#!/usr/bin/env bash
test_description='idle connections: pings, servers that know none, dead and lost connections, the send queue'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-chain.sh"
. "$t_dir/lib-fleet.sh"

# start_talking NAME COMMAND...: a process that is written to with say, and heard by next
start_talking () {
	local name=$1 in out
	shift
	rm -f ".$name.in" "$name.out" && mkfifo ".$name.in" && exec {in}<>".$name.in" || return
	"$@" <&$in >"$name.out" 2>"$name.log" {in}>&- 3>&- {test_pause_fd}>&- &
	printf -v "${name}_pid" %s $!
	printf -v "${name}_in" %s "$in"
	test_at_end "kill $!; wait $! 2>/dev/null || :"
}

say () {
	local in=${1}_in
	echo "$2" >&${!in}
}

# heard NAME PATTERN [TIMES]: so many lines like this
heard () {
	wait_for 20 "test \"\$(grep -cE '$2' $1.out)\" -ge ${3:-1}"
}

# start_ping_server NAME CODE: sets $NAME_port
start_ping_server () {
	start_talking "$1" python3 "$t_dir/helper/ping-server.py" "$2" &&
	heard "$1" "^[0-9]+$" &&
	printf -v "${1}_port" %s "$(head -n 1 "$1.out")"
}

fleet_at () {
	echo "T.FleetServer.FleetObj@tcp -h 127.0.0.1 -p $1"
}

# The local ports of a process's connections to a port; how many there are.
local_port () {
	local pid=${1}_pid
	ss -Htnp state established "dport = :$2" | sed -n "/pid=${!pid},/s/^[^:]*:\([0-9]*\) .*/\1/p"
}
connections () {
	local_port "$@" | wc -l
}

test_expect_success 'a connection that is pinged outlives the idle time of its server' '
	put_fleet_config fleet.conf "$(test-tool free-port $$)" &&
	sed -i "s/-t 60000/-t 4000/" fleet.conf &&
	start_fleet one fleet.conf &&
	start_talking pings example-idle "$(fleet_obj one)" 300 &&
	start_talking idle example-idle "$(fleet_obj one)" 0 &&
	say pings 1 && heard pings "^one has answered" &&
	say idle 1 && heard idle "^one has answered" &&
	port=$(local_port pings "$one_port") && test -n "$port" &&
	test "$(connections idle "$one_port")" = 1 &&
	wait_for 20 "test \"\$(connections idle $one_port)\" = 0" &&
	test "$(local_port pings "$one_port")" = "$port"
'

test_expect_success 'a server that knows no pings gets no second one' '
	start_ping_server new 0 && start_ping_server old -3 &&
	start_talking both example-idle "$(fleet_at $new_port):tcp -h 127.0.0.1 -p $old_port" 200 &&
	say both 2 &&
	heard new "^[0-9]+ tars_ping" 5 &&
	test_grep "^1 tars_ping" old.out &&
	test "$(grep -c tars_ping old.out)" = 1
'

test_expect_success 'a dead connection is replaced before a call needs it' '
	start_ping_server dead 0 &&
	start_talking late example-idle "$(fleet_at $dead_port)" 200 &&
	say late 1 && heard dead "^1 tars_ping" &&
	say dead silent && heard dead "^silent" &&
	heard dead "^end 1$" && heard dead "^connection 2$"
'

test_expect_success 'so is a lost one' '
	start_talking lost example-idle "$(fleet_obj one)" 300 &&
	say lost 1 && heard lost "^one has answered" &&
	kill_service one &&
	start_fleet one fleet.conf &&
	wait_for 20 "test \"\$(connections lost $one_port)\" = 1"
'

test_expect_success 'requests that a server does not read are not piled up without limit' '
	start_ping_server stuck 0 &&
	start_talking many example-idle "$(fleet_at $stuck_port)" 0 1000 &&
	say many 1 && heard stuck "^1 name" &&
	say stuck deaf && heard stuck "^deaf" &&
	say many 200000 &&
	heard many "of 200000 failed: .* not sent: the server does not read, 1000 requests wait for it already, the limit of nosendqueuelimit"
'

# A listener whose queue is full takes no connection.
test_expect_success 'nor are those that wait for the connection' '
	start_talking full python3 -c "
import socket, sys
s = socket.socket()
s.bind((\"127.0.0.1\", 0))
s.listen(0)
port = s.getsockname()[1]
c = [socket.socket() for i in range(4)]
for x in c:
    x.setblocking(False)
    x.connect_ex((\"127.0.0.1\", port))
print(port, flush=True)
sys.stdin.readline()" &&
	heard full "^[0-9]" &&
	start_talking queue example-idle "$(fleet_at $(cat full.out))" 0 10 &&
	say queue 11 &&
	heard queue "11 of 11 failed: .*not sent: 10 requests wait to be sent already, the limit of nosendqueuelimit"
'

test_expect_success 'the keys of the configuration: pings after 5 s at the earliest' '
	start_ping_server conf 0 &&
	start_chain A client.keep-alive-interval=10 &&
	pass A -- "way=T.B.ChainObj@tcp -h 127.0.0.1 -p $conf_port" &&
	heard conf "^1 pass" &&
	heard conf "^1 tars_ping"
'

test_done
