/* Coroutines: parking, waking, nesting, stacks, wakes from threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/io-run.h"

static char trace[64];

static void add_trace(const char *text)
{
	assert_true(strlen(trace) + strlen(text) < sizeof(trace));
	strcat(trace, text);
}

/* ---- starting, parking, nesting ---- */

static struct coro *inner_coro, *outer_coro;

static void inner(void *arg)
{
	inner_coro = coro_self();
	add_trace(arg);
	coro_park();
	assert_ptr_equal(coro_self(), inner_coro);
	add_trace("5");
	coro_wake(outer_coro);
}

static void outer(void *arg)
{
	(void)arg;
	outer_coro = coro_self();
	assert_non_null(outer_coro);
	assert_non_null(reactor_self());
	add_trace("1");
	coro_start(CORO_STACK_ROLE, inner, "2");   /* runs at once until it parks */
	add_trace("3");
	assert_ptr_equal(coro_self(), outer_coro);
	coro_wake(inner_coro);
	add_trace("4");                            /* the wake runs later */
	coro_park();
	add_trace("6");
}

static void test_nesting(void **state)
{
	(void)state;
	trace[0] = '\0';
	assert_null(coro_self());
	io_run(outer, NULL);
	assert_null(coro_self());
	assert_string_equal(trace, "123456");
}

static void early_wakes(void *arg)
{
	(void)arg;
	coro_wake(coro_self());
	coro_wake(coro_self());
	coro_park();
	add_trace("a");
	coro_park();
	add_trace("b");
	coro_wake(coro_self());   /* nobody waits for it: must not harm the stack's next user */
}

static void reuse(void *arg)
{
	(void)arg;
	coro_start(CORO_STACK_ROLE, early_wakes, NULL);
	for (int i = 0; i < 3; i++) {
		coro_sleep_ms(1);
		coro_start(CORO_STACK_ROLE, early_wakes, NULL);
	}
	coro_sleep_ms(1);
}

static void test_wake_before_park_counts(void **state)
{
	(void)state;
	trace[0] = '\0';
	io_run(reuse, NULL);
	assert_string_equal(trace, "abababab");
}

/* ---- waking at once ---- */

static struct coro *woken, *waker;

static void be_woken(void *arg)
{
	(void)arg;
	woken = coro_self();
	add_trace("1");
	coro_park();
	add_trace("3");
	coro_wake(waker);
	coro_park();
	add_trace("6");
	coro_wake(waker);
}

static void wake_from_the_loop(struct task *t)
{
	(void)t;
	add_trace("2");
	coro_wake_now(woken);
	add_trace("4");
}

static void wake_now(void *arg)
{
	static struct task t = { .run = wake_from_the_loop };

	(void)arg;
	waker = coro_self();
	coro_start(CORO_STACK_ROLE, be_woken, NULL);
	reactor_post(reactor_self(), &t);
	coro_park();
	/* From a coroutine it would nest, and that without end: it comes later. */
	coro_wake_now(woken);
	add_trace("5");
	coro_park();
}

static void test_wake_now_runs_before_it_returns(void **state)
{
	(void)state;
	trace[0] = '\0';
	io_run(wake_now, NULL);
	assert_string_equal(trace, "123456");
}

static void sleepy(void *arg)
{
	int64_t from = reactor_clock();

	(void)arg;
	coro_sleep_ms(20);
	assert_true(reactor_clock() - from >= 20000);
	coro_sleep_ms(0);
}

static void test_sleep(void **state)
{
	(void)state;
	io_run(sleepy, NULL);
}

/* ---- many, with deep stacks of several sizes ---- */

enum { MANY = 600 };

static int ended;
static struct coro *parent;

static int deep(int level)
{
	volatile char room[512];

	memset((char *)room, level, sizeof(room));
	if (level)
		return deep(level - 1) + room[3] - level;
	coro_sleep_ms(1);
	return room[5];
}

static void one_of_many(void *arg)
{
	double x = 1;
	char text[64];

	(void)arg;
	assert_int_equal(deep(40), 0);
	for (int i = 1; i < 10; i++)
		x *= i;
	snprintf(text, sizeof(text), "%.1f", x);
	assert_string_equal(text, "362880.0");
	if (++ended == MANY)
		coro_wake(parent);
}

static void start_many(void *arg)
{
	(void)arg;
	parent = coro_self();
	for (int round = 0; round < 3; round++) {
		ended = 0;
		for (int i = 0; i < MANY; i++)
			coro_start(i % 2 ? CORO_STACK_ROLE : CORO_STACK_USER, one_of_many, NULL);
		coro_park();
		assert_int_equal(ended, MANY);
	}
}

static void test_many(void **state)
{
	(void)state;
	io_run(start_many, NULL);
}

/* What the processor does, not what fegetround() says: there may be two control words. */
static bool rounds_up(void)
{
	volatile double one = 1, three = 3;
	volatile long double long_one = 1, long_three = 3;
	bool up = one / three * three > one;

	assert_int_equal(up, long_one / long_three * long_three > long_one);
	return up;
}

static void round_up(void *arg)
{
	(void)arg;
	assert_false(rounds_up());
	fesetround(FE_UPWARD);
	assert_true(rounds_up());
	coro_wake(coro_self());
	coro_park();
	assert_true(rounds_up());
	fesetround(FE_TONEAREST);
}

static void private_rounding(void *arg)
{
	(void)arg;
	coro_start(CORO_STACK_ROLE, round_up, NULL);
	assert_false(rounds_up());
	coro_sleep_ms(1);
	assert_false(rounds_up());
}

static void test_rounding_mode_is_private(void **state)
{
	(void)state;
	if (RUNNING_ON_VALGRIND)
		skip();   /* its processor always rounds to nearest */
	io_run(private_rounding, NULL);
}

/* ---- wakes from other threads ---- */

enum { WAKES = 20000 };

static void *wake_often(void *arg)
{
	for (int i = 0; i < WAKES; i++)
		coro_wake(arg);
	return NULL;
}

static void wait_for_wakes(void *arg)
{
	pthread_t threads[2];

	(void)arg;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wake_often, coro_self()), 0);
	for (int i = 0; i < 2 * WAKES; i++)
		coro_park();
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void test_each_wake_ends_one_park(void **state)
{
	(void)state;
	io_run(wait_for_wakes, NULL);
}

/* ---- the guard page ---- */

static volatile int bottomless_sum;

static void bottomless(int n)
{
	volatile char room[1024];

	room[0] = (char)n;
	if (n >= 0)
		bottomless(n + 1);
	bottomless_sum += room[0];
}

static void overflow(void *arg)
{
	(void)arg;
	bottomless(0);
}

static void test_overflow_is_a_crash(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		freopen("/dev/null", "w", stderr);
		io_run(overflow, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* The sanitizers turn the signal into an exit status. */
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_wake_before_park_counts),
		cmocka_unit_test(test_wake_now_runs_before_it_returns),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_rounding_mode_is_private),
		cmocka_unit_test(test_each_wake_ends_one_park),
		cmocka_unit_test(test_overflow_is_a_crash),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("coro", tests, NULL, NULL);
}
