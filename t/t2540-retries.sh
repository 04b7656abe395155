#!/usr/bin/env bash
test_description='retries and backup requests among real servers: what is sent twice, and what never'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-fleet.sh"

# How often `add` ran on a server.
ran () {
	fleet "$1" get "{\"counter\":\"$2\"}" | sed 's/.*"tars_ret":\([0-9]*\).*/\1/'
}

test_expect_success 'two servers, one with room for little' '
	put_fleet_config tiny.conf 0 "" "threads=1
queuecap=2" &&
	start_fleet tiny tiny.conf && start_fleet ann &&
	start_caller
'

# A worker waits, and what else there is room for in its queue; retry_ms=1: nothing is shielded.
test_expect_success 'a server that is full refuses: the call goes to another one' '
	waiters= &&
	for i in 1 2 3 4
	do
		tars call --timeout 100s "$(fleet_obj tiny)" wait "{\"counter\":\"gate\",\"n\":1}" &
		waiters="$waiters $!"
	done >/dev/null 2>&1 &&
	wait_for 20 "tars call \"$(fleet_obj tiny)\" add \"{\\\"counter\\\":\\\"x\\\",\\\"n\\\":0}\" 2>&1 |
		grep overloaded" &&
	tell proxy plain "$(fleet_obj tiny ann)" retry_ms=1 &&
	tell proxy again "$(fleet_obj tiny ann)" retry_ms=1 attempts=2 burst=1000 &&
	tell add plain y 40 &&
	test "$(of failed)" -gt 0 &&
	test_grep "overloaded" answer &&
	tell add again z 40 &&
	test "$(of failed)" = 0 &&
	test "$(ran tiny z)" = 0 &&
	test "$(ran ann z)" = 40 &&
	fleet tiny add "{\"counter\":\"gate\",\"n\":1}" &&
	for pid in $waiters
	do
		wait "$pid" || :
	done
'

test_expect_success 'one that hangs: a backup request asks another, and its answer counts' '
	start_fleet bob &&
	tell proxy slow "$(fleet_obj ann bob)" timeout=20000 backup_ms=30 burst=1000 retry_ms=1 &&
	tell call slow 4 &&
	kill -STOP "$bob_pid" &&
	tell call slow 40 &&
	kill -CONT "$bob_pid" &&
	test "$(of ann)" = 40
'

test_expect_success 'what is not idempotent has no backup' '
	tell proxy short "$(fleet_obj ann bob)" timeout=500 backup_ms=30 burst=1000 retry_ms=1 &&
	tell call short 4 &&
	kill -STOP "$bob_pid" &&
	tell add short w 3 &&
	kill -CONT "$bob_pid" &&
	test "$(of failed)" -ge 1 &&
	wait_for 20 "test \$((\$(ran ann w) + \$(ran bob w))) = 3"
'

# Connections break under load: idempotent calls never fail; others fail, but never run twice.
test_expect_success 'connections that break' '
	start_proxy wire 127.0.0.1 "$ann_port" &&
	tell proxy breaking "T.FleetServer.FleetObj@tcp -h 127.0.0.1 -p $wire_port:tcp -h 127.0.0.1 -p $bob_port" \
		attempts=3 burst=100000 retry_ms=1 &&
	tell start breaking 4 &&
	for i in 1 2 3 4 5 6 7 8 9 10
	do
		before=$(tell loads) &&
		proxy_do wire drop &&
		wait_for 20 "test \$(tell loads) -gt $((before + 50))" || return 1
	done &&
	tell stop &&
	test "$(of failed)" = 0
'

# named HASH: the server that tars call asks with it
named () {
	tars call --idl "$t_dir/service/Fleet.tars" --timeout 30s --hash "$1" \
		"T.FleetServer.FleetObj@tcp -h 127.0.0.1 -p $wire_port:tcp -h 127.0.0.1 -p $bob_port" name
}

# Bytes that a server has not read.
has_unread () {
	ss -Htn state established "( sport = :$ann_port )" | awk "\$1 > 0" | grep -q .
}

test_expect_success 'tars call: an idempotent call that its connection took along is made again' '
	tars call "$(fleet_obj ann)" >idl && test "$(grep -c -A1 "^		// @idempotent" idl)" = 2 &&
	hash=$(named 0 | grep -q ann && echo 0 || echo 1) &&
	named $hash >out && test_grep "\"tars_ret\":\"ann\"" out &&
	kill -STOP "$ann_pid" &&
	{ named $hash >out & called=$!; } &&
	wait_for 20 has_unread && proxy_do wire drop && wait "$called" &&
	kill -CONT "$ann_pid" && test_grep "\"tars_ret\":\"bob\"" out
'

test_done
