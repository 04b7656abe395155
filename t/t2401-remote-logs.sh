#!/usr/bin/env bash
test_description='remote logs: batches to the log server, and what it does not take'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-chain.sh"

log_dir=app_log/T/Srv

# Lines of packets from "recorded", most frequent numbers first.
packets () {
	grep "^loggerbyInfo .* name=$1 " recorded | sed "s/.* lines=//"
}

test_expect_success 'a line arrives with the official LogInfo, and is in the local file too' '
	start_recorder &&
	start_chain Srv "log=$log_obj" "periods=ten=minute10 hourly=hour1" app.enableset=y \
		app.setdivision=n.a.1 &&
	pass Srv -- text=one &&
	chain Srv log "{\"name\":\"ten\",\"n\":1,\"text\":\"t\"}" &&
	chain Srv log "{\"name\":\"hourly\",\"n\":1,\"text\":\"t\"}" &&
	wait_for 20 "test \$(grep -c ^loggerbyInfo recorded) = 3" &&
	sort recorded | grep ^logger >actual &&
	cat >expect <<-END &&
	loggerbyInfo host=node-of-Srv T.Srv name=flow format=%Y%m%d set=n.a.1 flags=110 _ | type= lines=1
	loggerbyInfo host=node-of-Srv T.Srv name=hourly format=%Y%m%d%H set=n.a.1 flags=110 _ | type=1hour lines=1
	loggerbyInfo host=node-of-Srv T.Srv name=ten format=%Y%m%d%H%M set=n.a.1 flags=110 _ | type=10minute lines=1
	END
	test_cmp expect actual &&
	sed -n "s/^> //p" recorded | grep "|7|one" >line &&
	test_cmp line $log_dir/T.Srv_flow_*.log
'

test_expect_success 'a burst goes out in packets of at most 201 lines, none of them lost' '
	chain Srv log "{\"name\":\"burst\",\"n\":20000,\"text\":\"line\"}" &&
	wait_for 60 "test \$(grep -c \"|line \" recorded) = 20000" &&
	packets burst >lines &&
	sort -n lines | tail -n 1 >most &&
	echo 201 >expect && test_cmp expect most &&
	grep "|line " recorded | sed "s/.* //" >numbers &&
	seq 0 19999 >expect && test_cmp expect numbers
'

test_expect_success 'packets of large lines stay near 5 MB' '
	text=$(head -c 100000 /dev/zero | tr "\0" x) &&
	for i in 1 2 3 4; do
		echo "{\"name\":\"large\",\"n\":30,\"text\":\"$text\"}" >large.json &&
		tars call "$(chain_obj Srv)" log @large.json || return 1
	done &&
	wait_for 60 "test \$(grep -c \"|xxx\" recorded) = 120" &&
	packets large | sort -n | tail -n 1 >most &&
	test "$(cat most)" -le 53
'

test_expect_success 'the rolling log stays here' '
	chain Srv log "{\"name\":\"\",\"n\":5,\"text\":\"local only\"}" &&
	test_must_fail grep "local only" recorded
'

test_expect_success 'lines of the last requests leave before the service ends' '
	chain Srv log "{\"name\":\"last\",\"n\":1000,\"text\":\"line\"}" &&
	test_expect_code 0 stop_service Srv &&
	packets last | awk "{ n += \$1 } END { print n }" >n &&
	echo 1000 >expect && test_cmp expect n &&
	ls $log_dir >names &&
	test_grep ! "remote.error" names
'

test_expect_success 'a log server that refuses: every line is in the local error file' '
	start_chain Srv "log=$log_obj" &&
	: >refuse &&
	chain Srv log "{\"name\":\"flow\",\"n\":500,\"text\":\"refused\"}" &&
	wait_for 60 "test \$(cat $log_dir/T.Srv_flow.remote.error_*.log | grep -c refused) = 500" &&
	test_grep "remote log .flow.: [0-9]+ lines not sent: tars.tarslog.LogObj.loggerbyInfo at tcp \
127.0.0.1:$recorder_port: refused" Srv.log &&
	grep refused $log_dir/T.Srv_flow_*.log >local &&
	cat $log_dir/T.Srv_flow.remote.error_*.log >error &&
	test_cmp local error &&
	curl -sS -m 20 "http://127.0.0.1:$(admin_port_of Srv)/metrics" >metrics &&
	test_grep "^tars_log_lines_total 50[0-9]\$" metrics &&
	test_grep "^tars_log_lines_lost_total{why=\"queue\"} 0\$" metrics &&
	test_grep "^tars_log_remote_lines_total{result=\"sent\"} 0\$" metrics &&
	test_grep "^tars_log_remote_lines_total{result=\"unsent\"} 500\$" metrics &&
	rm refuse &&
	chain Srv log "{\"name\":\"flow\",\"n\":1,\"text\":\"taken\"}" &&
	wait_for 20 "grep -q \"taken 0\" recorded" &&
	test_must_fail grep refused recorded
'

test_expect_success 'tars.enabledaylog: the remote or the local half off and on' '
	notify Srv "tars.enabledaylog local|half|false" &&
	chain Srv log "{\"name\":\"half\",\"n\":1,\"text\":\"remote only\"}" &&
	wait_for 20 "grep -q \"remote only 0\" recorded" &&
	test_must_fail ls $log_dir/T.Srv_half_*.log &&
	notify Srv "tars.enabledaylog local|half|true" &&
	notify Srv "tars.enabledaylog remote|half|false" &&
	chain Srv log "{\"name\":\"half\",\"n\":1,\"text\":\"local only\"}" &&
	test_grep "local only 0" $log_dir/T.Srv_half_*.log &&
	notify Srv "tars.enabledaylog remote|half|true" &&
	chain Srv log "{\"name\":\"half\",\"n\":1,\"text\":\"both\"}" &&
	wait_for 20 "grep -q \"both 0\" recorded" &&
	test_grep "both 0" $log_dir/T.Srv_half_*.log &&
	test_grep ! "local only 0" recorded
'

test_expect_success 'a log server that is away' '
	kill_service recorder &&
	chain Srv log "{\"name\":\"away\",\"n\":300,\"text\":\"line\"}" &&
	wait_for 60 "test \$(cat $log_dir/T.Srv_away.remote.error_*.log | grep -c line) = 300" &&
	test_expect_code 0 stop_service Srv
'

test_expect_success 'without a log server nothing is sent, and nothing is said about it' '
	rm -r app_log && start_chain Srv &&
	chain Srv log "{\"name\":\"flow\",\"n\":3,\"text\":\"line\"}" &&
	test_expect_code 0 stop_service Srv &&
	ls $log_dir >names && test_grep ! remote names &&
	test_grep ! "remote log" Srv.log
'

test_done
