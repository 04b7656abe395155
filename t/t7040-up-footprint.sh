#!/usr/bin/env bash
test_description='what tars up costs: memory at rest, time from a cold start to the first call by name'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-failure.sh"

data=$PWD/data
test_at_end 'tars down --path "$data"'

up () {
	tars up --detach --any-port --path "$data" 2>ready || { cat ready; return 1; }
	port=$(sed -n 's/^tars: up: ready tcp .*:\([0-9]*\)$/\1/p' ready)
	export TARS_LOCATOR="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $port"
}

greet () {
	tars call "$hello" greet '{"name":"x"}'
}

test_expect_success 'a directory with a cluster and a service' '
	up &&
	tars ctl deploy TestApp.HelloServer --exe "$B/examples/hello/HelloServer" \
		--servant "$hello@tcp -h 127.0.0.1 -p $(test-tool free-port)" &&
	wait_for 10 greet &&
	tars down --path "$data"
'

test_expect_success 'from nothing running to the first call by name' '
	from=$(now_ms) &&
	up &&
	ready=$(($(now_ms) - from)) &&
	until greet >out 2>err || test $(($(now_ms) - from)) -gt 60000
	do
		pause 0.01
	done &&
	took=$(($(now_ms) - from)) &&
	echo "# cold start: ready after $ready ms, first call by name after $took ms" |
		tee -a /dev/fd/3 &&
	test_grep "hello x" out &&
	test "$took" -lt $((6000 * test_patience))
'

test_expect_success 'memory at rest' '
	pid=$(cut -d" " -f1 "$data/up.pid") &&
	kb=$(resident_kb "$pid") &&
	service=$(tars ctl list -o json |
		sed -n "s/.*\"pid\": *\([0-9]*\).*/\1/p" | head -n 1) &&
	echo "# resident: tars up $kb kB (private $(sed -n "s/^RssAnon:[^0-9]*//p" \
		"/proc/$pid/status")), the service $(resident_kb "$service") kB" |
		tee -a /dev/fd/3 &&
	if is_plain_build; then test "$kb" -lt 40000; fi
'

test_done
