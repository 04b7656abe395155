#!/usr/bin/env bash
# README.md agrees with the sources: file list, shown example, commands that exist.
test_description='README.md agrees with the sources'
. "$(dirname "$0")/test-lib.sh"

test_expect_success 'file list and shown files are up to date' '
	"$tree/scripts/readme" --check
'

test_expect_success 'the functions of "follow one request" are where it says' '
	sed -n "s/^| [0-9] | .\([a-z/]*\.c\). .\([a-z_]*\)().*/\1 \2/p" "$tree/README.md" >steps &&
	test "$(wc -l <steps)" = 7 &&
	while read -r file function
	do
		grep -qE "^[a-z].*\b$function\(" "$tree/$file" || { echo "$file $function"; return 1; }
	done <steps
'

test_expect_success 'every make target that README names exists' '
	grep -o "^| .make[^|]*" "$tree/README.md" | grep -o "make [a-z-]*" | sort -u >targets &&
	test -s targets &&
	while read -r _ target
	do
		grep -q "^$target:" "$tree/Makefile" || { echo "no target $target"; return 1; }
	done <targets
'

test_expect_success 'every role in tars.c has help, and unknown ones are named' '
	tars help >help &&
	for role in registry node config stat log patch app up bench call ctl db down idl
	do
		grep -q "^  $role " help && tars "$role" --help >"$role.help" &&
		grep -q "^usage: tars $role" "$role.help" || { echo "$role"; return 1; }
	done &&
	test_expect_code 64 tars regisrty 2>err &&
	test_grep "did you mean registry" err
'

test_done
