#!/usr/bin/env bash
test_description='old log files and core files of services go, what is in use or wanted stays'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

logs=n1/app_log/TestApp/HelloServer
bin=n1/tarsnode/data/TestApp.HelloServer/bin

# old DAYS FILE [KB]: a file that changed so many days ago
old () {
	head -c "${3:-1}K" /dev/zero >"$2" && touch -d "$1 days ago" "$2"
}

# core_file DAYS FILE
core_file () {
	printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0' >"$2" && touch -d "$1 days ago" "$2"
}

is_gone () {
	for file
	do
		test ! -e "$file" || return 1
	done
}

# are_there FILE...
are_there () {
	for file
	do
		test -e "$file" || { echo "$file is gone"; return 1; }
	done
}

# Everything was looked at twice more.
rounds_pass () {
	old 100 $logs/probe1.log && wait_for 20 "is_gone $logs/probe1.log" &&
	old 100 $logs/probe2.log && wait_for 20 "is_gone $logs/probe2.log"
}

test_expect_success 'limits that are none are refused' '
	test_expect_code 78 tars node --path "$PWD/n" --core-files=-1 2>err &&
	test_grep "core-files: must not be negative" err &&
	test_expect_code 78 tars node --path "$PWD/n" --clean 0 2>err &&
	test_grep "clean: 0 ms is not between" err
'

test_expect_success 'a service, and a node that cleans up after it' '
	pg_use && pg_create node &&
	start_registry &&
	start_node --clean 50ms --log-age 30d --core-age 7d --core-files 2 &&
	hello_port=$(free_port) &&
	deploy_hello && pid=$(pid_of TestApp.HelloServer)
'

test_expect_success 'logs beyond the age go' '
	old 29 $logs/young.log &&
	old 31 $logs/a_20200101.log && old 40 $logs/b.log.gz && old 40 $logs/c.log.3 &&
	wait_for 20 "is_gone $logs/a_20200101.log $logs/b.log.gz $logs/c.log.3" &&
	wait_for 5 "grep -q \"$logs: .* old log files removed\" node.log" &&
	are_there $logs/young.log
'

test_expect_success 'what is open, no log, a link, a directory or the rolling log stays' '
	exec 8>>$logs/open.log && touch -d "99 days ago" $logs/open.log &&
	test_when_finished "exec 8>&-" &&
	exec 7<$logs/young.log && touch -d "99 days ago" $logs/young.log &&
	test_when_finished "exec 7<&-" &&
	old 99 $logs/notes.txt && old 99 $logs/x.logic && old 99 elsewhere.log &&
	ln -s "$PWD/elsewhere.log" $logs/link.log && touch -h -d "99 days ago" $logs/link.log &&
	mkdir $logs/dir.log && touch -d "99 days ago" $logs/dir.log $logs/TestApp.HelloServer.log &&
	rounds_pass &&
	are_there $logs/open.log $logs/young.log $logs/notes.txt $logs/x.logic $logs/link.log \
		elsewhere.log $logs/dir.log $logs/TestApp.HelloServer.log
'

test_expect_success 'closed, they go' '
	wait_for 20 "is_gone $logs/open.log $logs/young.log"
'

test_expect_success 'core files: the newest two stay, a program of that name does too' '
	for i in 1 2 3 4
	do
		core_file $i $bin/core.$i || return 1
	done &&
	core_file 9 n1/app_log/core &&
	old 99 $bin/core.js && old 99 $bin/score &&
	wait_for 20 "is_gone $bin/core.3 $bin/core.4 n1/app_log/core" &&
	are_there $bin/core.1 $bin/core.2 $bin/core.js $bin/score
'

test_expect_success 'the service has not noticed' '
	test "$(pid_of TestApp.HelloServer)" = "$pid" && is_running "$pid"
'

test_expect_success 'the profile of a service goes before the options' '
	cat >profile <<-\EOF &&
	<tars>
	  <application>
	    <server>
	      log-keep-days=0
	      log-keep-mb=1
	    </server>
	  </application>
	</tars>
	EOF
	deploy_hello --profile "$PWD/profile" &&
	old 400 $logs/small.log && old 3 $logs/big3.log 600 && old 2 $logs/big2.log 600 &&
	wait_for 20 "is_gone $logs/big3.log $logs/small.log" &&
	are_there $logs/big2.log
'

test_expect_success 'a file that has just changed stays, however much there is' '
	old 0 $logs/now.log 3000 &&
	wait_for 20 "is_gone $logs/big2.log" &&
	are_there $logs/now.log
'

test_expect_success 'a profile that makes no sense is told' '
	sed -i "s/log-keep-mb=1/log-keep-mb=-5/" profile &&
	test_expect_code 1 tars ctl deploy TestApp.HelloServer --node n1 --profile "$PWD/profile" \
		--exe "$B/examples/hello/HelloServer" \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $hello_port" 2>err &&
	test_grep "log-keep-mb.: -5 is no limit" err
'

test_done
