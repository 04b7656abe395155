#!/usr/bin/env bash
# `deploy` answers when the deployment is committed: what it confirmed must survive anything.
test_description='kill -9 of up in the middle of deployments: what was confirmed is there, whole'
. "$(dirname "$0")/test-lib.sh"

data=$PWD/data
test_at_end 'tars down --path "$data"'

up () {
	tars up --detach --any-port --path "$data" 2>ready || { cat ready; return 1; }
	port=$(sed -n 's/^tars: up: ready tcp .*:\([0-9]*\)$/\1/p' ready)
	export TARS_LOCATOR="tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $port"
}

# Deploys D<round>x1, x2 ... with three servants each until it fails; the confirmed ones are listed.
deploy_many () {
	local i name
	for i in $(seq 200); do
		name=App.D${1}x$i
		echo "$name" >>asked
		tars ctl deploy "$name" --type tars_cpp --no-start \
			--servant "A@tcp -h 127.0.0.1 -p $((20000 + $1 * 600 + i * 3))" \
			"B@tcp -h 127.0.0.1 -p $((20001 + $1 * 600 + i * 3))" \
			"C@tcp -h 127.0.0.1 -p $((20002 + $1 * 600 + i * 3))" || return
		echo "$name" >>confirmed
	done
}

kill_up () {
	local pid
	pid=$(cut -d' ' -f1 "$data/up.pid") &&
	kill -KILL "$pid" &&
	timeout 100 tail --pid="$pid" -f /dev/null
}

# one_round N: up is killed up to half a second after the first was confirmed.
one_round () {
	up || return
	(deploy_many "$1" >deploy.out 2>&1 3>&-) &
	deployer=$!
	wait_for 10 "grep -q 'D${1}x1$' confirmed" &&
	pause "0.$(printf %03d $((RANDOM % 500)))" &&
	kill_up
	wait "$deployer"
	tail -n 1 deploy.out
	grep -q "$(registry_is_gone_)" deploy.out
}

registry_is_gone_ () {
	echo '^tars: ctl server deploy: .*127.0.0.1'
}

# whole: every confirmed one is listed with its three servants, and no other is without them.
whole () {
	tars ctl list -o json >list &&
	python3 - <<-'EOF'
		import json
		rows = json.load(open("list"))
		rows = rows["servers"] if isinstance(rows, dict) else rows
		got = {r["server"]: len(r["endpoints"].split(", ")) for r in rows}
		confirmed = open("confirmed").read().split()
		asked = open("asked").read().split()
		lost = [n for n in confirmed if n not in got]
		half = [n for n in got if got[n] != 3]
		alien = [n for n in got if n not in asked]
		print(f"# {len(confirmed)} confirmed of {len(asked)} asked, {len(got)} there")
		assert not lost, f"lost: {lost}"
		assert not half, f"half: {half}"
		assert not alien, f"not asked for: {alien}"
	EOF
}

test_expect_success 'five rounds of deployments, each ended by kill -9' '
	>asked && >confirmed &&
	for round in 1 2 3 4 5
	do
		one_round $round || return 1
	done
'

test_expect_success 'a new up has all that was confirmed, and nothing by halves' '
	up &&
	whole >told && cat told && cat told >&3
'

test_expect_success 'it works as before, also for the one that was interrupted' '
	last=$(tail -n 1 asked) &&
	tars ctl deploy "$last" --type tars_cpp --no-start \
		--servant "A@tcp -h 127.0.0.1 -p 19001" &&
	tars ctl list "$last" >out &&
	test_grep "$last" out &&
	tars ctl undeploy "$last"
'

test_done
