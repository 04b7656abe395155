#!/usr/bin/env bash
test_description='options of the node that are wrong, and its table of states'
. "$(dirname "$0")/test-lib.sh"

test_expect_success 'the states as a table and as a graph' '
	tars node --fsm table >table 2>err &&
	test_grep "^Active +Inactive +exited +it died: restart" table &&
	tars node --fsm dot >dot 2>err &&
	test_grep "^digraph" dot &&
	test_grep "Inactive -> Activating" dot
'

test_expect_success 'another word is refused' '
	test_expect_code 78 tars node --fsm picture 2>err &&
	test_grep "neither .table. nor .dot." err
'

test_expect_success 'a relative path is refused' '
	test_expect_code 78 tars node --listen 127.0.0.1:0 --path here 2>err &&
	test_grep "path: .here. is not absolute" err
'

test_expect_success 'two endpoints are refused' '
	test_expect_code 78 tars node --path "$PWD/n" \
		--listen "tcp -h 127.0.0.1 -p 0:tcp -h 127.0.0.1 -p 0" 2>err &&
	test_grep "listen: the node has one endpoint, not 2" err
'

test_expect_success 'a directory that cannot be made is named' '
	echo x >file &&
	test_must_fail tars node --listen 127.0.0.1:0 --path "$PWD/file" 2>err &&
	test_grep "make directory .*file/tarsnode: Not a directory" err
'

test_expect_success 'intervals that would keep it busy, or never end, are refused' '
	test_expect_code 78 tars node --path "$PWD/n" --monitor 0 2>err &&
	test_grep "monitor: 0 ms is not between 10 ms and 24 h" err &&
	test_expect_code 78 tars node --path "$PWD/n" --heartbeat 1000d 2>err &&
	test_grep "heartbeat: .* is not between" err &&
	test_expect_code 78 tars node --path "$PWD/n" --start-limit 0 2>err &&
	test_grep "start-limit: must be at least 1" err
'

test_expect_success 'a host whose name looks like an option is a host' '
	test_must_fail tars node --path "$PWD/n" --listen no-host.invalid:0 2>err &&
	test_grep "no-host.invalid" err &&
	test_grep ! "endpoint" err
'

test_done
