#!/usr/bin/env bash
test_description='tars.setdyeing: requests with a routing key are dyed from that service on'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-chain.sh"

# Whether A, B and C saw the request dyed, and by what.
dyed () {
	pass A B C -- "$@" && hop '" ".join(h[s]["dyed"] for s in "ABC")'
}

test_expect_success 'a key on B dyes B and what it calls' '
	start_chain A && start_chain B && start_chain C &&
	test "$(dyed user=20001 text=one)" = "- - -" &&
	notify B "tars.setdyeing 20001 T.B.ChainObj" &&
	test "$(dyed user=20001 text=two)" = "- 20001 20001" &&
	test "$(dyed user=20002 text=three)" = "- - -" &&
	wait_for 10 "grep -c \"pass two\" app_log/tars_dyeing/dyeing.log | grep -qx 2" &&
	test_grep ! "pass one|pass three|T.A" app_log/tars_dyeing/dyeing.log
'

test_expect_success 'of one function, of another servant' '
	notify B "tars.setdyeing 20001 T.B.ChainObj pass" &&
	test "$(dyed user=20001)" = "- 20001 20001" &&
	notify B "tars.setdyeing 20001 T.B.ChainObj log" &&
	test "$(dyed user=20001)" = "- - -" &&
	notify B "tars.setdyeing 20001 T.C.ChainObj" &&
	test "$(dyed user=20001)" = "- - -"
'

test_done
