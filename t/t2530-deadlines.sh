#!/usr/bin/env bash
test_description='deadlines shrink down a chain of calls through real processes'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-fleet.sh"

# through TIMEOUT SPEND: from the caller over one, two and three.
through () {
	tars call --timeout "${1}ms" "$(fleet_obj one)" through \
		"{\"way\":[\"$(fleet_obj two)\",\"$(fleet_obj three)\"],\"spend_ms\":$2}"
}

counts () {
	local name
	for name in one two three; do
		tars call "$(fleet_obj $name)" get '{"counter":"through"}' |
			sed 's/.*"tars_ret":\([0-9]*\).*/\1/'
	done | tr '\n' ' '
}

test_expect_success 'three servers' '
	start_fleet one && start_fleet two && start_fleet three
'

# The client waits 20 s, each of the hops would wait 3 s: the smaller counts at every hop.
test_expect_success 'each hop has at most what the one before has left' '
	through 20000 100 >out &&
	python3 -c "
import json
left = json.load(open(\"out\"))[\"left_ms\"]
print(left)
assert len(left) == 3
assert left[0] <= 20000
assert left[1] <= 3000
assert left[2] <= left[1] - 100
"
'

test_expect_success 'a small deadline is passed on, not the default of a hop' '
	through 2800 300 >out &&
	python3 -c "
import json
left = json.load(open(\"out\"))[\"left_ms\"]
print(left)
assert left[0] <= 2800 and left[1] <= 2500 and left[2] <= 2200
"
'

# The second spends what is left: the third must not be asked any more.
test_expect_success 'when it is over, the next hop is not called' '
	counts >before &&
	test_must_fail through 2900 1800 2>err &&
	wait_for 20 "counts >after && test \"\$(cut -d\" \" -f2 before)\" != \"\$(cut -d\" \" -f2 after)\"" &&
	# One that begins later and takes as long: when it ends, the first has ended.
	tars call --timeout 20s "$(fleet_obj two)" through "{\"way\":[],\"spend_ms\":2000}" &&
	counts >after &&
	python3 -c "
before, after = (list(map(int, open(f).read().split())) for f in (\"before\", \"after\"))
print(before, after)
assert after[0] == before[0] + 1 and after[1] == before[1] + 2
assert after[2] == before[2]
"
'

test_done
