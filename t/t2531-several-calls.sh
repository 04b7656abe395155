#!/usr/bin/env bash
test_description='several calls at once: the example of core/README.md'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-fleet.sh"

test_expect_success 'two servers, and one that is gone' '
	start_fleet ann && start_fleet bob && start_fleet eve &&
	stop_service eve
'

test_expect_success 'all answers as they come, then the first' '
	example-calls "$(fleet_obj ann)" "$(fleet_obj bob)" >out &&
	sort out | head -2 >actual &&
	printf "server 0 is ann\nserver 1 is bob\n" >expect &&
	test_cmp expect actual &&
	test "$(wc -l <out)" = 3 &&
	tail -1 out | grep -E "^the first is (ann|bob)$"
'

test_expect_success 'one that fails does not keep the others' '
	example-calls "$(fleet_obj ann)" "$(fleet_obj eve)" "$(fleet_obj bob)" >out &&
	grep "^server 0 is ann" out &&
	grep "^server 2 is bob" out &&
	test_grep "T.FleetServer.FleetObj.name at tcp .*nothing listens there" out
'

test_done
