#!/usr/bin/env bash
test_description='set rules: whose calls a service in a set takes, and the set that it sends'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"
. "$t_dir/lib-chain.sh"

SETNAME=0x80

# Codes of the answers for callers of these sets: "code code ...".
codes () {
	local set
	for set; do
		pass A -- type=$SETNAME status.STATUS_SETNAME_VALUE="$set" || return
		sed -n 's/^ret \(-*[0-9]*\) .*/\1/p' out
	done | xargs
}

test_expect_success 'same set, same area, other sets: yes; another area of the set: no' '
	start_chain A app.enableset=y app.setdivision=name.area.1 &&
	test "$(codes name.area.1 name.area.2 "name.area.*" other.area.1 other.far.1)" = "0 0 0 0 0" &&
	test "$(codes name.far.1 name.areas.1 name.are.1 name name.)" = "-11 -11 -11 -11 -11"
'

test_expect_success 'the refusal says which sets' '
	pass A -- type=$SETNAME status.STATUS_SETNAME_VALUE=name.far.1 &&
	test_grep "^ret -11 the caller is of set name.far.1, we are of name.area.1" out &&
	pass A -- type=$SETNAME &&
	test_grep "^ret -11 the caller says that it has a set, but not which; ours is name.area.1" out
'

test_expect_success 'a caller without a set is taken' '
	pass A -- status.STATUS_SETNAME_VALUE=name.far.1 && test_grep "^ret 0" out &&
	pass A -- && test_grep "^ret 0" out
'

test_expect_success 'checkset=0, or no set of its own: every caller is taken' '
	stop_service A &&
	start_chain A app.enableset=y app.setdivision=name.area.1 checkset=0 &&
	test "$(codes name.far.1)" = 0 &&
	stop_service A && start_chain A &&
	test "$(codes name.far.1)" = 0
'

test_expect_success 'a service in a set says so in its calls, and is refused where it is wrong' '
	stop_service A &&
	start_chain A app.enableset=y app.setdivision=name.area.1 &&
	start_chain B && start_chain C app.enableset=y app.setdivision=name.far.1 &&
	pass A B -- &&
	test "$(hop "h[\"B\"][\"status\"][\"STATUS_SETNAME_VALUE\"]")" = name.area.1 &&
	pass A C -- &&
	test_grep "^ret -11 T.C.ChainObj.pass at tcp .*: the caller is of set name.area.1" out
'

test_done
