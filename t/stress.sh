# Sourced by test-lib.sh for --stress: the same script many times at once, until one run fails.

stress_dir=$B/trash/$test_name.stress
rm -rf "$stress_dir"
mkdir -p "$stress_dir" || exit 1

stress_job () {
	local run
	for ((run = 1; run <= test_stress_limit; run++)); do
		test -e "$stress_dir/failed" && return
		if ! TARS_T_STRESS_JOB=$1 "$BASH" "$test_script" >"$stress_dir/$1.out" 2>&1; then
			# Only the first one says so.
			mkdir "$stress_dir/failed" 2>/dev/null || return
			cat "$stress_dir/$1.out"
			echo "FAIL: job $1, run $run"
			return
		fi
		echo "ok: job $1, run $run"
	done
}

for ((job = 1; job <= test_stress; job++)); do
	stress_job "$job" &
done
wait
test ! -e "$stress_dir/failed" && rm -rf "$stress_dir"
