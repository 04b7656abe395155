#!/usr/bin/env bash
test_description='random values of every struct and function survive TARS, TUP and JSON'
. "$(dirname "$0")/test-lib.sh"

data=$tree/t/data/idl
files="$data/All.tars $data/Base.tars $(echo "$tree"/t/helper/*.tars "$tree"/proto/if/*.tars)"

test_expect_success 'types as .tars files have them: each value comes back equal by each way' '
	{ roundtrip 1 40 $files >out || { cut -c1-300 out; false; }; } &&
	sed -n "\$s/^/# /p" out >&3 &&
	test_grep "^[1-9][0-9][0-9]+ types, 40 values of each by 7 ways: 0 failed" out
'

test_expect_success 'values as the official C++ SDK writes them, decoded and encoded' '
	{ python3 "$t_dir/helper/values.py" "$t_dir/helper/Interop.tars" "$t_dir/data/codec.tsv" >out ||
		{ cut -c1-300 out; false; }; } &&
	sed -n "\$s/^/# /p" out >&3
'

test_done
