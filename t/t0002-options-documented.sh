#!/usr/bin/env bash
# etc/tars.ini has every option of every role with its default, and nothing else.
test_description='etc/tars.ini documents every option'
. "$(dirname "$0")/test-lib.sh"

roles='registry node config stat log patch up bench call ctl db decode down encode idl'
sample=$tree/etc/tars.ini
HOME=/nowhere
export HOME

# "name = value" of each option of a role; "name =" where there is no default.
options_of () {
	tars "$1" "${@:2}" --show-config | sed -n \
		-e 's/^# \([a-z0-9-]*\) is not set$/\1 =/p' -e 's/^\([a-z0-9-]* =.*\)/\1/p' |
		grep -v -e '^config =' -e '^db =' | sort
}

test_expect_success 'every option stands in its role'\''s section or in [tars]' '
	for role in $roles
	do
		awk -v role=$role "/^\[/ { on = \$0 == \"[\" role \"]\" || \$0 == \"[tars]\" }
			on && sub(/^#/, \"\")" "$sample" | sort -u >documented &&
		options_of $role | sed "s/ =.*//" >names &&
		test -s names || return 1
		while read -r name
		do
			grep -q "^$name =" documented || { echo "[$role] $name is missing"; return 1; }
		done <names
	done
'

test_expect_success 'the values that it shows are the defaults, and it shows nothing unknown' '
	sed -n -e "/^\[/p" -e "s/^#\([a-z0-9-]* = .*\)/\1/p" "$sample" >full.ini &&
	test "$(wc -l <full.ini)" -gt 40 &&
	for role in $roles
	do
		options_of $role >expect &&
		options_of $role --config full.ini >actual &&
		test_cmp expect actual || return 1
	done
'

test_expect_success 'an unknown key in it would be found' '
	{ cat full.ini; echo "[node]"; echo "monitr = 3s"; } >bad.ini &&
	test_expect_code 78 tars node --config bad.ini --show-config 2>err &&
	test_grep "bad.ini:[0-9]+: \[node\] monitr.*monitor" err
'

test_done
