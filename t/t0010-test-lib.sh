#!/usr/bin/env bash
test_description='the test library itself: a test that fails must be seen to fail'
. "$(dirname "$0")/test-lib.sh"

# What the outer run is told does not hold for the inner ones.
unset TARS_T_STRESS_JOB TARS_T_LIMIT

# Writes inner.sh, a script in a tree of its own.
make_inner () {
	mkdir -p inner/t &&
	cp "$t_dir"/test-lib.sh "$t_dir"/stress.sh inner/t/ &&
	{
		echo "#!/usr/bin/env bash"
		echo "test_description='inner'"
		echo ". \"\$(dirname \"\$0\")/test-lib.sh\""
		cat
	} >inner/t/inner.sh &&
	chmod 755 inner/t/inner.sh
}

# Runs it too; its output is in `out`.
run_inner () {
	make_inner &&
	B=$PWD/inner/build inner/t/inner.sh "$@" >out 2>&1
}

# The same as a part of t/run; what is kept for its end is in results/.
run_one () {
	mkdir -p results &&
	make_inner &&
	B=$PWD/inner/build TARS_T_RESULTS=$PWD/results "$t_dir/one" inner/t/inner.sh >out 2>&1
}

test_expect_success 'a good script: TAP with its plan, no folder left' '
	run_inner <<-\IN &&
	test_expect_success "one" "true"
	test_expect_success "two" "echo text && test -n x"
	test_done
	IN
	test_grep "^ok 1 - one$" out &&
	test_grep "^ok 2 - two$" out &&
	test_grep "^1\.\.2$" out &&
	test ! -e inner/build/trash/inner
'

test_expect_success 'a failure: not ok, the output as a comment, status 1, folder kept' '
	test_expect_code 1 run_inner <<-\IN &&
	test_expect_success "one" "echo some output && false"
	test_expect_success "two" "true"
	test_done
	IN
	test_grep "^not ok 1 - one$" out &&
	test_grep "^#   some output$" out &&
	test_grep "^#   [+]+ [0-9]+: false$" out &&
	test_grep "^ok 2 - two$" out &&
	test_grep "^1\.\.2$" out &&
	test -d inner/build/trash/inner
'

test_expect_success 'a broken && chain is refused' '
	test_expect_code 1 run_inner <<-\IN &&
	test_expect_success "one" "false
	true"
	test_done
	IN
	test_grep "^Bail out! .*broken && chain in .one." out
'

test_expect_success 'a script that ends before test_done fails, and says in which test it was' '
	test_expect_code 1 run_inner <<-\IN &&
	test_expect_success "one" "true"
	IN
	test_grep "^not ok 2 - inner ended before test_done .status 0" out &&
	test_grep "^1\.\.2$" out &&
	test_expect_code 1 run_inner <<-\IN &&
	test_expect_success "one" "echo before && exit 3"
	test_done
	IN
	test_grep "^not ok 1 - one ended before test_done .status 3" out &&
	test_grep "^#   before" out
'

test_expect_success 'what a sanitizer wrote to a log fails the script that did not look' '
	test_expect_code 1 run_inner <<-\IN &&
	test_at_end "echo ==1==WARNING: ThreadSanitizer: data race >role.log"
	test_expect_success "one" "true"
	test_done
	IN
	test_grep "^ok 1" out &&
	test_grep "^# sanitizer report in ./role.log:" out &&
	test_grep "^#   ==1==WARNING: ThreadSanitizer: data race" out
'

test_expect_success 'a part of t/run: the output of what failed is kept, of what passed it is not' '
	run_one <<-\IN &&
	test_expect_success "one" "true"
	test_done
	IN
	test_grep "^ok 1 - one" out &&
	test ! -e results/inner &&
	test_expect_code 1 run_one <<-\IN &&
	test_expect_success "one" "echo \"exit 5\" >../program; sh ../program >&3 || false"
	test_done
	IN
	test_grep "^not ok 1 - one" results/inner &&
	test_grep "exit status 1" results/inner
'

test_expect_success 'a part of t/run that hangs is ended, and shows where it was' '
	mkdir bin && mkfifo hangs &&
	printf "#!/bin/sh\ntest %s != 1 || exec cat %s >/dev/null\nexec /bin/sleep %s\n" "\$1" "$PWD/hangs" \
		"\$1" >bin/sleep && chmod 755 bin/sleep &&
	(
		# Its time is up when the inner script has come so far.
		export TARS_T_LIMIT=1 PATH="$PWD/bin:$PATH" &&
		test_expect_code 124 run_one
	) <<-\IN &&
	test_at_end "echo end >../ended"
	test_expect_success "one" "true"
	test_expect_success "two" "echo waiting >../../../../hangs && echo for it && tail -f /dev/null"
	test_done
	IN
	test_grep "exit status 124" results/inner &&
	test_grep "^ok 1 - one" out &&
	test_grep "inner: still running after 1 s" out &&
	test_grep "^#   .* bash inner/t/inner.sh" out &&
	test_grep "^not ok 2 - two ended before test_done .status 143" out &&
	test_grep "^#   [+]+ [0-9]+: echo waiting" out &&
	test_grep "^not ok - inner took longer than 1 s" out &&
	test_grep end inner/build/trash/ended
'

test_expect_success 'clean-up runs newest first, also after a failure, and may fail the test' '
	test_expect_code 1 run_inner <<-\IN &&
	test_expect_success "one" "test_when_finished \"echo b >>../order\" &&
		test_when_finished \"echo a >>../order\" && false"
	test_expect_success "two" "test_when_finished false && true"
	test_at_end "echo end >>../order"
	test_done
	IN
	test_grep "^not ok 1" out &&
	test_grep "^not ok 2" out &&
	printf "%s\n" a b end >expect &&
	test_cmp expect inner/build/trash/order
'

test_expect_success 'test_expect_code, test_must_fail and test_grep tell right from wrong' '
	test_expect_code 3 bash -c "exit 3" &&
	! test_expect_code 3 bash -c "exit 4" &&
	test_must_fail false &&
	! test_must_fail true &&
	! test_must_fail no-such-program &&
	! test_must_fail bash -c "kill -SEGV \$\$" &&
	echo text >file &&
	test_grep te.t file &&
	test_grep ! toast file &&
	! test_grep toast file &&
	! test_grep ! te.t file &&
	! test_grep ! toast no-file
'

test_expect_success 'wait_for ends with its condition and gives up at its deadline' '
	wait_for 5 "true" &&
	{ (pause 0.2 && touch late) & } &&
	wait_for 10 "test -e late" &&
	wait $! &&
	! wait_for 0 "false"
'

test_expect_success 'next_line: whole, though it comes in pieces; fails at its end and deadline' '
	mkfifo pipe &&
	exec 5<>pipe &&
	{ (printf "tcp 127.0.0.1:3480" && pause 0.3 && echo 1) >&5 & } &&
	next_line $! 5 60 &&
	test "$line" = "tcp 127.0.0.1:34801" &&
	wait $! &&
	! next_line $! 5 60 &&
	! next_line $$ 5 0 &&
	exec 5>&-
'

test_expect_success '--stress finds a failure that is rare, and ends by itself without one' '
	test_expect_code 1 run_inner --stress=2 --stress-limit=9 <<-\IN &&
	test_expect_success "the fifth fails" "echo x >>../count && test \$(wc -l <../count) -lt 5"
	test_done
	IN
	test_grep "^FAIL: job " out &&
	rm -rf inner &&
	run_inner --stress=2 --stress-limit=2 <<-\IN &&
	test_expect_success "one" "true"
	test_done
	IN
	test $(grep -c "^ok: job" out) = 4
'

test_done
