#!/usr/bin/env bash
test_description='what an operator sets of a process: environment, arguments, account'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

hello=TestApp.HelloServer
is_root=$(test "$(id -u)" = 0 && echo yes)

refuses () {
	test_expect_code 1 tars ctl "${@:2}" 2>err && test_grep "$1" err
}

# Notes its arguments; only the first is for the service.
put_wrapper () {
	cat >"$place/wrapper" <<-EOF &&
		#!/bin/sh
		rm -f "$place/args"
		printf "%s\\n" "\$@" >"$place/args"
		exec "$place/HelloServer" "\$1"
	EOF
	chmod 755 "$place/wrapper" && chmod 1777 "$place"
}

# has_env NAME=VALUE: the process has it
has_env () {
	tr "\0" "\n" <"/proc/$(pid_of $hello)/environ" >env && grep -qxF "$1" env
}

# Where any account can get.
test_expect_success 'a registry, a node, a service' '
	place=$(mktemp -d) && test_at_end "rm -rf \"$place\"" &&
	pg_use && pg_create limits && start_registry && hello_port=$(free_port) &&
	node_port=$(free_port) && cp "$B/examples/hello/HelloServer" "$place/HelloServer" &&
	put_wrapper &&
	start_role node --listen "127.0.0.1:$node_port" --name n1 --path "$place/n1" \
		--locator "$(registry_object_)" && wait_for 10 "tars ctl node list | grep -q ^n1" &&
	test_at_end "tars ctl undeploy $hello n1 || :; tars ctl undeploy TestApp.Own n1 || :" &&
	ctl deploy $hello --node n1 --exe "$place/wrapper" \
		--servant "HelloObj@tcp -h 127.0.0.1 -p $hello_port"
'

test_expect_success 'environment: as it stands, over what was there, from the next start on' '
	pid=$(pid_of $hello) &&
	ctl server set $hello --env "MODE=it'"'"'s \$HOME \`id\` \"x\";LIMIT=7" >out &&
	test_grep "$hello on node n1: environment MODE=.*LIMIT=7, arguments none, account the node.s" out &&
	test "$(pid_of $hello)" = "$pid" && ! has_env LIMIT=7 && ctl restart $hello &&
	has_env LIMIT=7 && has_env "MODE=it'"'"'s \$HOME \`id\` \"x\""
'

test_expect_success 'values are in no log and in no event' '
	ctl events $hello >out && test_grep "server set: done" out && test_grep ! LIMIT out &&
	test_grep "operation: server set" registry.log && test_grep ! LIMIT registry.log
'

test_expect_success 'arguments: words behind the command, not for a shell' '
	ctl server set $hello n1 --args "--grace  3s \$(touch ran) *" >out &&
	test_grep "environment MODE=.*, arguments --grace" out && ctl restart $hello &&
	printf "%s\n" --grace 3s "\$(touch" "ran)" "*" >expect && tail -n +2 "$place/args" >actual &&
	test_cmp expect actual && has_env LIMIT=7
'

test_expect_success 'none takes them away; without options they are shown' '
	ctl server set $hello --env none --args none && ctl restart $hello && ! has_env LIMIT=7 &&
	ctl server set $hello >out && test_grep "environment none, arguments none" out
'

test_expect_success 'what makes no sense is refused' '
	refuses "environment: .7=x. is not NAME=value" server set $hello n1 --env "A=1;7=x" &&
	refuses "environment: .A. is not NAME=value" server set $hello n1 --env A &&
	refuses "account .a b." server set $hello n1 --user "a b" &&
	refuses "control characters" server set $hello n1 --args "$(printf "a\nb")" &&
	refuses "App.None, node n1: there is no such thing" server set App.None n1 --env A=1
'

test_expect_success 'a start script of its own gets both too' '
	printf "%s\n" "echo \"\$* \$MODE\" >\"$place/said\"" "exec tail -f /dev/null" >"$place/own.sh" &&
	ctl deploy TestApp.Own --node n1 --type not_tars --start-script "$place/own.sh" --no-start &&
	ctl server set TestApp.Own --env "MODE=two words" --args "a b" && ctl start TestApp.Own &&
	wait_for 10 "test -s \"$place/said\"" && echo "TestApp.Own a b two words" >expect &&
	test_cmp expect "$place/said" && ctl undeploy TestApp.Own n1
'

test_expect_success "an account that is not there: the start says so" '
	ctl server set $hello --user nobody-here &&
	test_expect_code 1 tars ctl restart $hello 2>err &&
	test_grep "nobody-here" err && ctl server set $hello --user none && ctl start $hello
'

if test -n "$is_root"; then
	test_expect_success 'an account: the process and its directories are of it' '
		ctl stop $hello && rm -rf "$place"/n1/app_log/TestApp &&
		ctl server set $hello --user nobody && ctl start $hello &&
		test "$(stat -c %U "/proc/$(pid_of $hello)")" = nobody &&
		test "$(stat -c %U "$place"/n1/app_log/TestApp/HelloServer)" = nobody &&
		tars call $hello.HelloObj greet "{\"name\": \"x\"}" &&
		ctl stop $hello && ctl server set $hello --user none && ctl start $hello &&
		test "$(stat -c %U "/proc/$(pid_of $hello)")" = root
	'
else
	test_expect_success 'an account needs a node that runs as root: refused, not another' '
		ctl server set $hello --user root && test_expect_code 1 tars ctl restart $hello 2>err &&
		test_grep "does not run as root" err && ctl server set $hello --user none
	'
fi

test_done
