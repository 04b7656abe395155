#!/usr/bin/env bash
test_description='roles, help, options and configuration errors on the command line'
. "$(dirname "$0")/test-lib.sh"

roles='registry node config stat log patch app up bench call ctl db decode down encode idl'

test_expect_success 'no role: help on stderr, status 64' '
	test_expect_code 64 tars >out 2>err &&
	test ! -s out &&
	test_grep "^usage: tars ROLE" err
'

test_expect_success 'help lists every role once' '
	tars help >out &&
	for role in $roles
	do
		grep -c "^  $role " out >count &&
		test "$(cat count)" = 1 || return 1
	done &&
	tars --help >again &&
	test_cmp out again
'

test_expect_success 'every role has help, in 80 columns, in both spellings' '
	for role in $roles
	do
		tars help $role >out &&
		test_grep "^usage: tars $role " out &&
		test "$role" = app || test_grep "^  --config TEXT " out &&
		! grep "^.\{81\}" out &&
		tars $role --help >again &&
		test_cmp out again || return 1
	done
'

test_expect_success 'commands: each with help of its own, in 80 columns' '
	for role in ctl idl
	do
		tars $role --help >out &&
		sed -n "/^commands:/,/^$/s/^  \([a-z]*\( [a-z]*\)\{0,1\}\)  .*/\1/p" out >names &&
		test "$(wc -l <names)" -gt 2 || return 1
		while read -r name
		do
			tars $role $name --help >one &&
			test_grep "^usage: tars $role $name \[options\]" one &&
			! grep "^.\{81\}" one &&
			tars help $role $name >again &&
			test_cmp one again || return 1
		done <names
	done
'

test_expect_success 'options of a command: only there, before its name too' '
	test_expect_code 64 tars idl check --tables x.tars 2>err &&
	test_grep "^tars: idl: --tables: unknown option" err &&
	echo "module M { struct S { 0 require int a; }; };" >x.tars &&
	mkdir there &&
	tars idl --out there --tables gen x.tars &&
	test -f there/x.c
'

test_expect_success 'version' '
	tars version >out &&
	test_grep "^tars [0-9]" out &&
	tars registry --version >again &&
	test_cmp out again
'

test_expect_success 'unknown role: the nearest one' '
	test_expect_code 64 tars regsitry 2>err &&
	echo "tars: '"'regsitry'"' is not a role (did you mean registry?)" >expect &&
	test_cmp expect err &&
	test_expect_code 64 tars help xyzzy 2>err &&
	echo "tars: '"'xyzzy'"' is not a role (see tars help)" >expect &&
	test_cmp expect err
'

test_expect_success 'unknown option: the nearest one, status 64' '
	test_expect_code 64 tars registry --lgo-level=info 2>err &&
	echo "tars: registry: --lgo-level: unknown option (did you mean --log-level?)" >expect &&
	test_cmp expect err
'

test_expect_success 'a value of the wrong type: status 64' '
	test_expect_code 64 tars registry --grace 10x 2>err &&
	test_grep "^tars: registry: --grace: .10x. is not a duration \(try 10s\)$" err
'

test_expect_success 'the same in a file: place and status 78' '
	printf "# top\n[tars]\ngrace = 10x\n" >tars.ini &&
	test_expect_code 78 tars registry --config=tars.ini 2>err &&
	test_grep "^tars: registry: tars.ini:3: \[tars\] grace: .10x. is not a duration" err
'

test_expect_success 'and in the environment' '
	test_expect_code 78 env TARS_REGISTRY_GRACE=10x tars registry 2>err &&
	test_grep "^tars: registry: TARS_REGISTRY_GRACE: .10x. is not a duration" err
'

test_expect_success 'unknown section and key: the nearest ones' '
	printf "[registy]\n" >tars.ini &&
	test_expect_code 78 tars registry --config tars.ini 2>err &&
	test_grep "tars.ini:1: \[registy\]: unknown section \(did you mean \[registry\]\?\)$" err &&
	printf "[node]\nlog_level = info\n" >tars.ini &&
	test_expect_code 78 tars registry --config tars.ini 2>err &&
	test_grep "tars.ini:2: \[node\] log_level: unknown key \(did you mean log-level\?\)$" err
'

test_expect_success 'too many and too few arguments' '
	test_expect_code 64 tars registry surplus 2>err &&
	test_grep "^tars: registry: takes no arguments" err &&
	test_expect_code 64 tars idl 2>err &&
	test_grep "^tars: idl: too few arguments: wants " err
'

test_expect_success 'output that cannot be written' '
	for what in "registry --help" "idl --version" "encode --tag 0 --type int 1"; do
		test_expect_code 1 tars $what >/dev/full 2>err &&
		test_grep "^tars: ${what%% *}: stdout: the result could not be written: No space" err ||
			return 1
	done
'

test_done
