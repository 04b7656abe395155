#!/usr/bin/env bash
test_description='application logs of a service: rolling, by time, levels, full disks, kill -9'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-chain.sh"

today=$(date +%Y%m%d)
log_dir=app_log/T/Srv
log=$log_dir/T.Srv.log

test_expect_success 'the rolling log, in the official format, from init to fini' '
	start_chain Srv &&
	pass Srv -- text=one &&
	wait_for 10 "grep -q \"pass one\" $log" &&
	test_expect_code 0 stop_service Srv &&
	sed -E "s/^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\|[0-9]+\|/TIME|TID|/" \
		$log >actual &&
	printf "TIME|TID|%s\n" "DEBUG|init" "INFO|pass one" "DEBUG|fini" >expect &&
	test_cmp expect actual
'

test_expect_success 'a log by time, one file each day' '
	test_grep "^$(date +%Y)-..-.. ..:..:..\|7\|one\$" $log_dir/T.Srv_flow_*.log &&
	ls $log_dir >names &&
	test_grep "^T.Srv_flow_2[0-9]{7}.log\$" names
'

test_expect_success 'hours and minutes, each several' '
	start_chain Srv "periods=hourly=hour1 ten=minute10" &&
	chain Srv log "{\"name\":\"hourly\",\"n\":2,\"text\":\"h\"}" &&
	chain Srv log "{\"name\":\"ten\",\"n\":1,\"text\":\"t\"}" &&
	ls $log_dir >names &&
	test_grep "^T.Srv_hourly_2[0-9]{9}.log\$" names &&
	test_grep "^T.Srv_ten_2[0-9]{10}0.log\$" names &&
	test_grep "\|h 1\$" $log_dir/T.Srv_hourly_*.log &&
	test_expect_code 0 stop_service Srv
'

test_expect_success 'logLevel of the configuration' '
	rm -r app_log && start_chain Srv logLevel=WARN &&
	pass Srv -- text=one &&
	chain Srv log "{\"name\":\"flow\",\"n\":1,\"text\":\"h\"}" &&
	test_grep "\|h 0\$" $log_dir/T.Srv_flow_*.log &&
	test_expect_code 0 stop_service Srv &&
	test_must_fail cat $log
'

test_expect_success 'tars.setloglevel, while it runs' '
	start_chain Lev logLevel=ERROR &&
	chain Lev log "{\"name\":\"\",\"n\":1,\"text\":\"before\"}" &&
	notify Lev "tars.setloglevel INFO" &&
	chain Lev log "{\"name\":\"\",\"n\":1,\"text\":\"after\"}" &&
	notify Lev "tars.setloglevel NONE" &&
	chain Lev log "{\"name\":\"\",\"n\":1,\"text\":\"none\"}" &&
	sed "s/.*|//" app_log/T/Lev/T.Lev.log >actual && echo "after 0" >expect && test_cmp expect actual &&
	test_expect_code 0 stop_service Lev
'

test_expect_success 'rolling at exact sizes, and no more files than lognum' '
	rm -rf app_log && start_chain Srv logLevel=INFO logsize=4K lognum=3 &&
	chain Srv log "{\"name\":\"\",\"n\":1000,\"text\":\"line\"}" &&
	test_expect_code 0 stop_service Srv &&
	ls $log_dir >names &&
	printf "%s\n" T.Srv.log T.Srv1.log T.Srv2.log >expect &&
	test_cmp expect names &&
	for f in T.Srv1.log T.Srv2.log; do
		size=$(stat -c %s $log_dir/$f) &&
		line=$(tail -n 1 $log_dir/$f | wc -c) &&
		test "$size" -le 4096 && test $((size + line)) -gt 4096 || return 1
	done &&
	cat $log_dir/T.Srv2.log $log_dir/T.Srv1.log $log | sed "s/.* //" >numbers &&
	seq "$(head -n 1 numbers)" 999 >expect &&
	test_cmp expect numbers
'

test_expect_success 'mistakes in the keys of logs' '
	test_expect_code 1 start_chain Srv logsize=many >out &&
	test_grep "logsize>: .many. is not a size" Srv.log &&
	test_expect_code 1 start_chain Srv logLevel=LOUD >out &&
	test_grep "logLevel>: .LOUD. is none of NONE, ERROR" Srv.log &&
	test_expect_code 1 start_chain Srv lognum=ten >out &&
	test_grep "lognum" Srv.log
'

test_expect_success 'kill -9 keeps what was written before' '
	rm -rf app_log && start_chain Srv &&
	chain Srv log "{\"name\":\"\",\"n\":5000,\"text\":\"line\"}" &&
	kill_service Srv &&
	grep -c "|INFO|line " $log >n &&
	echo 5000 >expect && test_cmp expect n
'

test_expect_success 'a crash keeps what was logged before it, too' '
	rm -rf app_log && start_chain Srv &&
	test_must_fail pass Srv -- begin=crash &&
	test_expect_code 134 wait "$Srv_pid" && Srv_pid= &&
	test_grep "crash: SIGABRT" Srv.log &&
	test "$(grep -c "|INFO|before the end " $log)" = 1000
'

test_expect_success 'a disk that is full: what is lost is counted and told, and it goes on after' '
	rm -rf app_log && start_chain Srv &&
	chain Srv log "{\"name\":\"\",\"n\":10,\"text\":\"line\"}" &&
	prlimit --pid "$Srv_pid" --fsize=$(($(stat -c %s $log) + 100)):unlimited &&
	chain Srv log "{\"name\":\"\",\"n\":10,\"text\":\"full\"}" &&
	wait_for 10 "grep -q \"cannot be written: File too large\" Srv.log" &&
	prlimit --pid "$Srv_pid" --fsize=unlimited:unlimited &&
	chain Srv log "{\"name\":\"\",\"n\":1,\"text\":\"again\"}" &&
	test_grep "\|ERROR\|[0-9]+ lines are missing here: File too large" $log &&
	tail -n 1 $log >last && test_grep "\|INFO\|again 0" last &&
	written=$(grep -c "|INFO|full " $log) &&
	lost=$(sed -n "s/.*|ERROR|\([0-9]*\) lines are missing.*/\1/p" $log) &&
	test "$written" -gt 0 && test $((written + lost)) = 10 &&
	test_must_fail grep -vE "^20..-..-.. ..:..:..\|[0-9]+\|[A-Z]+\|" $log &&
	test_expect_code 0 stop_service Srv
'

test_expect_success 'a directory that cannot be made is named, and the service serves' '
	: >plain-file &&
	start_chain Srv logpath=$PWD/plain-file &&
	chain Srv log "{\"name\":\"\",\"n\":3,\"text\":\"line\"}" &&
	test_grep "application log $PWD/plain-file/T/Srv/T.Srv.log: cannot be written: Not a directory" \
		Srv.log &&
	test_expect_code 0 stop_service Srv
'

test_expect_success 'without a configuration logs go to stderr' '
	SERVANT=T.Plain.ChainObj service=Plain start_service chain-service --listen 127.0.0.1:0 &&
	pass Plain -- text=one &&
	wait_for 10 "grep -q \"|INFO|pass one\" Plain.log" &&
	wait_for 10 "grep -q \"|7|one\" Plain.log" &&
	test_expect_code 0 stop_service Plain
'

test_expect_success 'the example of core/README.md' '
	example-logs 2>actual.raw &&
	sed -E "s/^[^|]*\|//; s/^[0-9]+\|([A-Z])/TID|\1/" actual.raw >actual &&
	printf "%s\n" "TID|DEBUG|user 7 buys 42" "TID|ERROR|user 7: no item -1" "7|42" | sort >expect &&
	sort actual >sorted &&
	test_cmp expect sorted
'

test_done
