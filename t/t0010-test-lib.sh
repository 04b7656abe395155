#!/usr/bin/env bash
test_description='the test library itself: a test that fails must be seen to fail'
. "$(dirname "$0")/test-lib.sh"

# Writes inner.sh, a script in a tree of its own, and runs it; its output is in `out`.
run_inner () {
	mkdir -p inner/t &&
	cp "$t_dir"/test-lib.sh "$t_dir"/stress.sh inner/t/ &&
	{
		echo "#!/usr/bin/env bash"
		echo "test_description='inner'"
		echo ". \"\$(dirname \"\$0\")/test-lib.sh\""
		cat
	} >inner/t/inner.sh &&
	B=$PWD/inner/build bash inner/t/inner.sh "$@" >out 2>&1
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

test_expect_success 'a script that ends before test_done is refused' '
	test_expect_code 1 run_inner <<-\IN &&
	test_expect_success "one" "true"
	IN
	test_grep "^Bail out! inner ended before test_done" out
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
