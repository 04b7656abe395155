#!/usr/bin/env bash
test_description='machines join with a token: tars node install, and a registry that wants it'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

# Writes down how it is called; says what ./systemd-state says.
put_systemctl () {
	mkdir -p bin &&
	cat >bin/systemctl <<-EOF &&
		#!/bin/sh
		echo "\$*" >>"$PWD/systemctl.calls"
		if test "\$2" = is-system-running; then
			cat "$PWD/systemd-state"
		fi
	EOF
	chmod 755 bin/systemctl && echo offline >systemd-state && : >systemctl.calls
}

# install NAME [OPTION...]: in ./NAME, with a unit of its own
install () {
	PATH="$PWD/bin:$PATH" tars node install --locator "$(registry_object_)" --path "$PWD/$1" \
		--unit "$PWD/units/$1.service" "${@:2}"
}

# refuses STATUS TEXT COMMAND...
refuses () {
	test_expect_code "$1" "${@:3}" 2>err && test_grep "$2" err
}

token () {
	ctl node token "$@"
}

is_node () {
	ctl node list "$1" | grep -qE "^$1 +$2 "
}

# The command that install said.
start_installed () {
	start_role node --config "$PWD/n1/tarsnode/node.ini" --log-level debug
}

test_expect_success 'a registry that wants tokens' '
	put_systemctl && pg_use && pg_create join &&
	start_registry --require-token --node-timeout 3s --check-interval 200ms &&
	node_port=$(free_port)
'

test_expect_success 'a node without a credential: refused, and both logs say what to do' '
	start_role node --listen "127.0.0.1:$node_port" --name n1 --path "$PWD/stranger" --retry 100ms \
		--locator "$(registry_object_)" &&
	wait_for 10 "grep -q \"node n1 has not joined, and this registry wants one: make a token\" node.log" &&
	test_grep "node n1, 127.0.0.1:[0-9]+, has not joined: refused" registry.log &&
	kill_role node && ctl node list >out && test_grep ! "^n1" out
'

test_expect_success 'what nodes say of themselves by hand is refused as well' '
	load="{\"avg1\": 0, \"avg5\": 0, \"avg15\": 0}" &&
	info="{\"nodeName\": \"n1\", \"nodeObj\": \"x\", \"endpointIp\": \"x\", \"endpointPort\": 1,
		\"timeOut\": 1, \"dataDir\": \"x\"}" &&
	node="{\"nodeName\": \"n1\", \"ni\": $info, \"li\": $load}" &&
	beat="{\"nodeName\": \"n1\", \"load\": $load}" &&
	rn="{\"rn\": {\"nodeName\": \"n1\", \"sid\": \"x\"}}" &&
	refuses 1 "n1 has not joined" tars call tars.tarsregistry.RegistryObj registerNode "$node" &&
	refuses 1 "n1 has not joined" tars call tars.tarsregistry.RegistryObj keepAlive "$beat" &&
	refuses 1 "n1 has not joined" tars call tars.tarsregistry.RegistryObj destroyNode "{\"nodeName\": \"n1\"}" &&
	refuses 1 "n1 has not joined" tars call tars.tarsregistry.RegistryObj reportNode "$rn" &&
	refuses 1 "n1 has not joined" tars call tars.tarsAdminRegistry.AdminRegObj reportNode "$rn"
'

test_expect_success 'and what they say of their servers' '
	state="{\"serverState\": 2, \"processId\": 1, \"nodeName\": \"n1\", \"application\": \"A\", \"serverName\": \"S\"}" &&
	names="\"app\": \"A\", \"serverName\": \"S\", \"nodeName\": \"n1\"" &&
	turned="\"app\": \"n1\", \"serverName\": \"A\", \"nodeName\": \"S\"" &&
	metrics="{\"nodeName\": \"n1\", \"metrics\": {}}" &&
	patch="{\"result\": {\"sApplication\": \"A\", \"sServerName\": \"S\", \"sNodeName\": \"n1\", \"sVersion\": \"1\", \"sUserName\": \"x\"}}" &&
	says () { refuses 1 "n1 has not joined" tars call tars.tarsregistry.RegistryObj "$@"; } &&
	says updateServer "{$turned, \"state\": $state}" && says reportVersion "{$names, \"version\": \"1\"}" &&
	says updatePatchResult "$patch" && says getServers "{$names}" &&
	says getNodeTemplate "{\"nodeName\": \"n1\"}" && says reportHost "$metrics" &&
	says reportReadiness "{\"application\": \"A\", \"serverName\": \"S\", \"nodeName\": \"n1\", \"endpoints\": []}" &&
	tars call tars.tarsregistry.RegistryObj updateServerBatch "{\"vState\": [$state]}" >out &&
	test_grep "\"tars_ret\":-1" out
'

test_expect_success 'a token: printed once, kept as a hash, in no log' '
	token --name n1 >token.n1 && test_grep "^[0-9a-f]{64}$" token.n1 &&
	printf %s "$(cat token.n1)" | sha256sum | cut -d" " -f1 >expect &&
	pg_sql "SELECT hash FROM t_node_token" >actual && test_cmp expect actual &&
	test_grep "operation: node token .*: done" registry.log &&
	ctl events >out && test_grep "node token: done" out &&
	test_grep ! "$(cat token.n1)" registry.log && test_grep ! "$(cat token.n1)" out
'

test_expect_success 'tokens that make no sense' '
	refuses 1 "ttl: a token is good for 1 ms to 366 days" token --ttl 0 &&
	refuses 1 "uses: 0 is not within" token --uses 0 &&
	refuses 1 "a token for one node \(n1\) has one use" token --name n1 --uses 2 &&
	refuses 1 "is not a node.s name" token --name "a b"
'

test_expect_success '--print shows the files, and that is all' '
	install n1 --print --name n1 --heartbeat 300ms >out &&
	test_grep "^# ---- $PWD/n1/tarsnode/node.ini" out && test_grep "^name = n1" out &&
	test_grep "^heartbeat = 300ms" out &&
	test_grep "^ExecStart=\".*/tars\" node --config \"$PWD/n1/tarsnode/node.ini\"" out &&
	test ! -e n1 && test ! -e units && test ! -s systemctl.calls
'

test_expect_success 'without a token, or with one that is no good: refused, with why' '
	refuses 64 "has not joined yet: give it a --token" install n1 &&
	refuses 1 "does not know the token: make one" install n1 --token nonsense &&
	refuses 1 "the token is for node n1, not for n2" install n2 --name n2 --token "$(cat token.n1)" &&
	late=$(token --ttl 1ms) &&
	refuses 1 "the token expired at 2[0-9-]* [0-9:]* UTC" install n1 --token "$late" &&
	test ! -e n1/tarsnode/node.ini
'

test_expect_success 'no registry: status 69; a directory that cannot be: 78, and the token is still good' '
	refuses 69 "the registry cannot be asked" env TARS_NODE_LOCATOR= tars node install --token x \
		--locator "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p $(free_port)" \
		--path "$PWD/n1" --unit "$PWD/units/n1.service" &&
	>file && refuses 78 "file" install file/n1 --token "$(cat token.n1)" &&
	refuses 78 "path: .n1. is not absolute" tars node install --path n1 --token x
'

test_expect_success 'joins: configuration, credential, unit; and says how to start it' '
	install n1 --token "$(cat token.n1)" --listen "127.0.0.1:$node_port" --heartbeat 300ms \
		--retry 100ms >out &&
	test_grep "^node n1 has joined$" out &&
	test_grep "^start it with: .*/tars node --config $PWD/n1/tarsnode/node.ini --detach" out &&
	test "$(stat -c %a n1/tarsnode/credential)" = 600 &&
	test_grep "^ExecStart=" units/n1.service && test_grep "^KillMode=process" units/n1.service &&
	echo "--system is-system-running" >expect.root && echo "--user is-system-running" >expect.user &&
	if test "$(id -u)" = 0; then test_cmp expect.root systemctl.calls
	else test_cmp expect.user systemctl.calls; fi &&
	secret=$(cut -d" " -f2 n1/tarsnode/credential) &&
	pg_sql "SELECT secret_hash FROM t_node_info" >actual &&
	printf %s "$secret" | sha256sum | cut -d" " -f1 >expect && test_cmp expect actual &&
	test_grep ! "$secret" registry.log
'

test_expect_success 'the node that was installed is let in, and takes orders' '
	>node.log && start_installed && wait_for 10 "is_node n1 active" &&
	hello_port=$(free_port) && deploy_hello && tars call TestApp.HelloServer.HelloObj greet "{\"name\": \"x\"}" &&
	wait_for 10 "ctl node ping n1 | grep -q answers" && test_grep ! "registry wants" node.log
'

test_expect_success 'again: nothing changes, no token is needed' '
	stat -c "%Y %i" n1/tarsnode/* units/* >before && install n1 --listen "127.0.0.1:$node_port" \
		--heartbeat 300ms --retry 100ms >out &&
	test_grep "^node n1 has joined before$" out && test_grep "node.ini: is as it should be" out &&
	stat -c "%Y %i" n1/tarsnode/* units/* >after && test_cmp before after &&
	refuses 64 "is node n1 already: for node n3 give another --path" install n1 --name n3
'

test_expect_success 'a token is good once; no token takes the name of a node that has joined' '
	refuses 1 "the token was used already: make another" install n2 --token "$(cat token.n1)" &&
	any=$(token) && refuses 1 "node n1 has joined already: give this one another --name" \
		install n2 --name n1 --token "$any" &&
	install n2 --name n2 --token "$any" && is_node n2 inactive
'

test_expect_success 'systemd: enabled and started; restarted when something is another' '
	echo running >systemd-state && : >systemctl.calls &&
	install n2 --heartbeat 5s >out && test_grep "n2.service is started" out &&
	test_grep " daemon-reload" systemctl.calls && test_grep " enable $PWD/units/n2.service" systemctl.calls &&
	test_grep " restart n2.service" systemctl.calls && : >systemctl.calls &&
	install n2 --heartbeat 5s && test_grep " start n2.service" systemctl.calls && : >systemctl.calls &&
	install n2 --heartbeat 5s --no-start >out && test ! -s systemctl.calls && test_grep "start it with" out
'

test_expect_success 'systemd that refuses: status 1, and where to look' '
	sed -i "\$a case \$2 in enable) exit 1 ;; esac" bin/systemctl &&
	refuses 1 "systemd does not start $PWD/units/n2.service: see journalctl" install n2 --heartbeat 5s
'

test_expect_success 'a wrong credential is refused' '
	stop_role node && cp n1/tarsnode/credential good &&
	sed "s/ .*/ 00/" good >n1/tarsnode/credential && : >node.log &&
	start_installed && wait_for 10 "grep -q \"node n1 shows a wrong credential\" node.log" &&
	kill_role node && echo n1 >n1/tarsnode/credential &&
	refuses 78 "credential is damaged: remove it, and join again" tars node --config n1/tarsnode/node.ini
'

test_expect_success 'a node that was removed has to join again' '
	cp good n1/tarsnode/credential && wait_for 20 "is_node n1 inactive" &&
	ctl undeploy TestApp.HelloServer n1 && ctl node remove n1 && : >systemctl.calls &&
	refuses 1 "node n1 has not joined with the credential that it has" install n1 &&
	install n1 --token "$(token)" --no-start --listen "127.0.0.1:$node_port" --retry 100ms >out &&
	test_grep "^node n1 has joined$" out && start_installed && wait_for 10 "is_node n1 active"
'

test_expect_success 'others than root: the unit is the user'\''s own' '
	place=$(mktemp -d) && test_when_finished "rm -rf \"$place\"" &&
	cp "$B/tars" "$place/tars" && chmod 755 "$place" && as= &&
	if test "$(id -u)" = 0; then as="setpriv --reuid=65534 --regid=65534 --clear-groups"; fi &&
	(cd / && HOME=/home/me $as "$place/tars" node install --print) >out &&
	test_grep "^# ---- /home/me/.config/systemd/user/tars-node.service" out &&
	test_grep "^path = /home/me/.tars" out && test_grep "^WantedBy=default.target" out
'

test_expect_success 'a registry that wants no tokens takes every node' '
	kill_role node && stop_role registry && start_registry &&
	start_role node --listen "127.0.0.1:$node_port" --name n7 --path "$PWD/n7" \
		--locator "$(registry_object_)" && wait_for 10 "is_node n7 active"
'

test_done
