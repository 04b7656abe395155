#!/usr/bin/env bash
test_description='completion of command lines in bash, fish and zsh, from the tables of the roles'
. "$(dirname "$0")/test-lib.sh"

# Each: the words behind "tars", the last as far as it is typed; candidates, one a line.
in_bash () {
	bash -c 'eval "$(tars completion bash)"
		COMP_WORDS=(tars "$@") COMP_CWORD=$#
		_tars
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

in_fish () {
	fish --no-config -c 'tars completion fish | source
		complete --do-complete "tars $argv"' -- "$@" | cut -f1
}

# Without the completion system, which wants a terminal: what it would be given.
in_zsh () {
	zsh -f -c 'compdef () { : }
		_describe () { local f; for f in "${(@P)2}"; do print -r -- "${f%%:*}"; done }
		_files () { print FILES }
		eval "$(tars completion zsh)"
		words=(tars "$@") CURRENT=$(($# + 1))
		_tars' zsh "$@"
}

# in_shells "CANDIDATE..." WORD...
in_shells () {
	local shell
	tr ' ' '\n' <<<"$1" | sort >expect
	shift
	for shell in bash fish zsh; do
		"in_$shell" "$@" | sort >out && test_cmp expect out || return 1
	done
}

test_expect_success 'roles, and commands of a role' '
	in_shells "call completion config ctl" c &&
	in_shells "start state stop" ctl server st &&
	in_shells "start state station stop" ctl st &&
	in_shells "delete list set" ctl idc "" &&
	in_shells "start state stop" help ctl server st
'

test_expect_success 'options: of the role, of its command, of every service' '
	in_shells "--recover-protect" registry --rec &&
	in_shells "--detach" registry --det &&
	in_shells "--servant" ctl deploy --serva &&
	in_shells "--servant" ctl server deploy --serva &&
	in_shells "--log-file --log-level" idl fmt --log
'

test_expect_success 'values that an option has' '
	in_shells "json text" bench --output "" &&
	in_shells "json" bench --output j &&
	tars completion words -- bench --output=j >out &&
	printf "%s\t\n" "--output=json" >expect &&
	test_cmp expect out &&
	in_bash bench --output = j >out &&
	test "$(cat out)" = json &&
	in_bash bench --output = >out &&
	test "$(sort out | tr "\n" " ")" = "json text "
'

test_expect_success 'every row of every table is offered, with its help' '
	tars completion words -- "" | cut -f1 >roles &&
	test_grep "^version$" roles &&
	for role in $(grep -vx "help\|version" roles); do
		tars "$role" --help >help &&
		tars completion words -- "$role" --x >none && test ! -s none &&
		tars completion words -- "$role" -- >offered &&
		for option in $(grep -o "^  --[a-z-]*" help); do
			grep -q "^$option	." offered || { echo "$role $option"; return 1; }
		done || return 1
	done
'

test_expect_success 'elsewhere files are offered' '
	touch some-file.tars &&
	tars completion words -- idl gen some >none && test ! -s none &&
	test "$(in_fish idl gen some)" = some-file.tars &&
	test "$(in_zsh idl gen some)" = FILES &&
	bash -c "eval \"\$(tars completion bash)\"; complete -p tars" >out &&
	test_grep "default" out
'

test_expect_success 'a shell that is none' '
	test_expect_code 64 tars completion powershell 2>err &&
	test_grep "there are bash, fish, words, zsh" err
'

test_done
