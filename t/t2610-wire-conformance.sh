#!/usr/bin/env bash
test_description='recorded packets of official peers get the answers that the official server gave'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-service.sh"

replay () {
	python3 "$t_dir/helper/wire-replay.py" "$service_port" "$t_dir/data/wire-rows.tsv" \
		"$t_dir/data/wire-differences.tsv"
}

test_expect_success 'TARS, TUP and JSON calls, framing, errors' '
	start_service interop-service --listen 127.0.0.1:0 &&
	{ replay >out || { cat out; false; }; } &&
	sed -n "\$s/^/# /p" out >&3
'

test_expect_success 'the service lives and ends in order' '
	test_expect_code 0 stop_service
'

test_done
