#!/usr/bin/env bash
test_description='a client of a hundred servers and a thousand proxies: every call arrives once, at little cost'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-fleet.sh"

# One process stands for all servers: what a client sees of them is an address each.
test_expect_success 'a hundred servers' '
	service=all start_service fleet-server --listen 0.0.0.0:0 &&
	start_caller &&
	tell proxy one "T.FleetServer.InlineObj@tcp -h 127.0.0.1 -p $all_port" timeout=60000 &&
	tell call one && test "$(of ok)" = 1
'

# Sanitizers want several times more.
case ${B##*/} in *-release) memory_factor=1 ;; *) memory_factor=10 ;; esac

# of the caller: field NAME
field () {
	awk "/^$1:/ { print \$2 }" "/proc/$caller_pid/status"
}

fds () {
	ls "/proc/$caller_pid/fd" | wc -l
}

# Addresses of servers that it has a connection to, one a line.
connected () {
	ss -Htnp state established | sed -n "s/.* \(127.0.0.[0-9]*\):$all_port .*pid=$caller_pid,.*/\1/p" |
		sort
}

test_expect_success 'a thousand proxies of all of them: each call is made once, and is right' '
	rss=$(field VmRSS) fds=$(fds) threads=$(field Threads) &&
	tell many $all_port 100 1000 5 &&
	test "$(of ok)" = 5000 && test "$(of failed)" = 0 &&
	tars call "T.FleetServer.InlineObj@tcp -h 127.0.0.1 -p $all_port" get "{\"counter\":\"many\"}" >got &&
	test_grep "\"tars_ret\":5000" got
'

# What a proxy knows of an endpoint is its own; connections belong to the loop and not to a proxy.
test_expect_success 'every server was called, on one connection that all proxies share' '
	connected >hosts && uniq hosts >unique && test_cmp unique hosts &&
	test "$(wc -l <hosts)" = 100
'

test_expect_success 'it has no more threads, a hundred descriptors and less than two KB for an endpoint of a proxy' '
	echo "threads $threads $(field Threads), descriptors $fds $(fds), KB $rss $(field VmRSS)" &&
	test "$(field Threads)" = "$threads" &&
	test "$(fds)" -le $((fds + 100)) &&
	test $(($(field VmRSS) - rss)) -lt $((200000 * memory_factor))
'

test_done
