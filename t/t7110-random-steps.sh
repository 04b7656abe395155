#!/usr/bin/env bash
test_description='random orders and failures: the platform becomes what a model says, after each step'
. "$(dirname "$0")/test-lib.sh"
. "$t_dir/lib-tars.sh"
. "$t_dir/lib-pg.sh"
. "$t_dir/lib-node.sh"

# TARS_T_SECONDS=7200 TARS_T_LIMIT=7300 t/t7110-random-steps.sh does all ten thousand; TARS_T_SEED
# repeats what failed.
test_expect_success 'steps of a seed of its own, until the time is over' '
	pg_use && pg_create steps &&
	seed=${TARS_T_SEED:-$(date +%s)} &&
	echo "# seed $seed" >&3 &&
	python3 "$t_dir/helper/random-steps.py" "$pg_dsn" 10000 "$seed" \
		"${TARS_T_SECONDS:-25}" >out &&
	cat out >&3 && test_grep "no divergence" out
'

test_done
