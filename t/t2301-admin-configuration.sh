#!/usr/bin/env bash
test_description='configuration at run time: files of the configuration centre, reading ones own again'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-observe.sh"

# What is freed must not count as memory below.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1"

# answers 'COMMAND' <<END: the whole answer, in the official frame.
answers () {
	cat >expect &&
	admin "$1" >actual &&
	test_cmp expect actual
}

ok_answer () {
	answers "$1" <<-END
	[notify prefix object num:1]
	[1]:$2
	END
}

test_expect_success 'a file arrives in the base path, and the service is told' '
	start_recorder &&
	start_observed config="$config" notify="$notify" nodename=node-7 &&
	echo "one=1" >center/T.Observed.a.conf &&
	ok_answer "tars.loadconfig a.conf" "[succ] get remote config:a.conf" &&
	echo "one=1" >expect && test_cmp expect a.conf &&
	test "$(stat -c %a a.conf)" = 644 &&
	echo "on_config a.conf 0" >expect && test_cmp expect fetched &&
	echo "loadConfig 1 node-7 {\"app\":\"T\",\"server\":\"Observed\",\"filename\":\"a.conf\"}" >expect &&
	grep ^loadConfig reported >actual && test_cmp expect actual &&
	await_line reported "\"sMessage\":\"\[succ\] get remote config:a.conf\""
'

test_expect_success 'changed files are kept as .1.bak to .5.bak, equal ones leave no trace' '
	ok_answer "tars.loadconfig a.conf" "[succ] get remote config:a.conf" &&
	test ! -e a.conf.1.bak &&
	for i in 2 3 4 5 6 7 8; do
		echo "one=$i" >center/T.Observed.a.conf &&
		admin "tars.loadconfig a.conf" >/dev/null || return 1
	done &&
	cat a.conf a.conf.[1-9].bak >actual &&
	printf "one=%s\n" 8 7 6 5 4 3 >expect && test_cmp expect actual &&
	ls a.conf* >actual &&
	printf "%s\n" a.conf a.conf.1.bak a.conf.2.bak a.conf.3.bak a.conf.4.bak a.conf.5.bak >expect &&
	test_cmp expect actual
'

test_expect_success 'a file that the centre does not have: the local one stays in use' '
	rm center/T.Observed.a.conf &&
	ok_answer "tars.loadconfig a.conf" \
		"[fail] get remote config:a.conffail,use the local config: $PWD/a.conf" &&
	echo "one=8" >expect && test_cmp expect a.conf &&
	ok_answer "tars.loadconfig none.conf" \
		"[fail] get remote config '\''none.conf'\'' error:the configuration centre has no such file"
'

test_expect_success 'a service may refuse a file' '
	echo x >center/T.Observed.unloved.conf &&
	ok_answer "tars.loadconfig unloved.conf" \
		"[succ] get remote config:unloved.conf; the service refuses it (5)"
'

test_expect_success 'names that are no file names reach neither centre nor path' '
	: >reported &&
	mkdir -p center/sub && echo x >center/T.Observed...up.conf &&
	for name in ../up.conf sub/a.conf .hidden "" .. "$(head -c 300 /dev/zero | tr "\0" n)"; do
		admin "tars.loadconfig $name" >actual &&
		test_grep "is not a file name" actual || return 1
	done &&
	test_must_fail grep loadConfig reported &&
	test ! -e ../up.conf
'

test_expect_success 'a centre that is away: two tries, then the local file' '
	kill_service recorder &&
	admin "tars.loadconfig a.conf" >actual &&
	test_grep "^\[1\]:\[fail\] get remote config:a.conffail,use the local config:" actual &&
	admin "tars.loadconfig none.conf" >actual &&
	test_grep "error:.*loadConfig at tcp 127.0.0.1:$recorder_port: .*nothing listens there" actual
'

test_expect_success 'a service fetches files before it serves; those of the application, too' '
	stop_service observed &&
	start_recorder &&
	echo "own" >center/T.Observed.start.conf &&
	echo "of all" >center/T..start.conf &&
	rm -f fetched start.conf* &&
	start_observed config="$config" fetch=start.conf &&
	cat >expect <<-\EOF &&
	init start.conf 0 [succ] get remote config:start.conf
	app start.conf 0 [succ] get remote config:start.conf
	EOF
	test_cmp expect fetched &&
	echo "of all" >expect && test_cmp expect start.conf &&
	echo "own" >expect && test_cmp expect start.conf.1.bak
'

test_expect_success 'with a set the centre is asked by info' '
	stop_service observed &&
	: >reported &&
	start_observed config="$config" app.enableset=y app.setdivision=n.a.1 &&
	echo "x=1" >center/T.Observed.set.conf &&
	ok_answer "tars.loadconfig set.conf" "[succ] get remote config:set.conf" &&
	test_grep "^loadConfigByInfo .*\"appname\":\"T\",\"servername\":\"Observed\",\"filename\":\"set.conf\",\"bAppOnly\":false,\"host\":\"\",\"setdivision\":\"n.a.1\"" reported
'

test_expect_success 'loadproperty: what changed in the configuration is used from then on' '
	ok_answer "tars.loadconfig b.conf" \
		"[fail] get remote config '\''b.conf'\'' error:the configuration centre has no such file" &&
	at2="@tcp -h 127.0.0.1 -p 2" &&
	sed -e "s/^config=.*/config=tars.tarsconfig.ConfigObj$at2/" \
		-e "s/^modulename=.*/&\nlocator=tars.tarsregistry.QueryObj$at2\nreport-interval=20000/" \
		observed.conf >new.conf && mv new.conf observed.conf &&
	{
		printf "[notify prefix object num:1]\n[1]:loaded config items:\r\n" &&
		printf "%s\r\n" "locator=tars.tarsregistry.QueryObj$at2" stat= property= \
			SetDivision=n.a.1 report-interval=20000 report-timeout= log= \
			"config=tars.tarsconfig.ConfigObj$at2" notify= &&
		echo
	} >expect &&
	admin tars.loadproperty >actual && test_cmp expect actual &&
	admin "tars.loadconfig b.conf" >actual &&
	test_grep "error:.* at tcp 127.0.0.1:2: " actual &&
	test_must_fail work Coro call 0 T.Other.Obj 2>err &&
	test_grep "tars.tarsregistry.QueryObj.*127.0.0.1:2" err
'

test_expect_success 'reloadlocator: only the address of the registry' '
	sed "s/^locator=.*/locator=tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p 3/" observed.conf >new.conf &&
	mv new.conf observed.conf &&
	ok_answer "tars.reloadlocator reload" "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p 3 set succ." &&
	test_must_fail work Coro call 0 T.Another.Obj 2>err &&
	test_grep "tars.tarsregistry.QueryObj.*127.0.0.1:3" err &&
	answers "tars.reloadlocator now" <<-\EOF &&
	[notify prefix object num:1]
	[notify break by server]:
	please input right paras.
	EOF
	sed "/^locator=/d" observed.conf >new.conf && mv new.conf observed.conf &&
	answers "tars.reloadlocator reload" <<-\EOF
	[notify prefix object num:1]
	[notify break by server]:
	locator info is null.
	EOF
'

test_expect_success 'a configuration that cannot be read changes nothing' '
	cp observed.conf good.conf &&
	echo "<tars><application>" >observed.conf &&
	admin tars.loadproperty >actual &&
	test_grep "^\[1\]:load config observed.conf error:.*is not closed" actual &&
	admin tars.viewstatus >status &&
	test_grep "^ServerName.server.  *Observed\$" status &&
	rm observed.conf &&
	admin tars.loadproperty >actual &&
	test_grep "cannot read observed.conf: No such file" actual &&
	cp good.conf observed.conf
'

test_expect_success 'reading the same configuration again costs no memory' '
	{ cat good.conf && echo "<filler>" && seq -f "k%.0f=filler filler filler filler" 20000 &&
		echo "</filler>"; } >observed.conf &&
	admin tars.loadproperty >/dev/null && admin tars.loadproperty >/dev/null &&
	before=$(awk "/^VmRSS/{print \$2}" "/proc/$observed_pid/status") &&
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		admin tars.loadproperty >/dev/null || return 1
	done &&
	after=$(awk "/^VmRSS/{print \$2}" "/proc/$observed_pid/status") &&
	test $((after - before)) -lt 10000
'

test_done
