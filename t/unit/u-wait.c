/* Waiting: a coroutine parks, a thread sleeps, a bare reactor must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/coro.h"
#include "core/io/reactor.h"
#include "core/io/wait.h"
#include "t/unit/io-run.h"

struct handed {
	struct wait wait;
	int value;
};

static void *answer(void *arg)
{
	struct handed *h = arg;

	h->value++;
	wait_wake(&h->wait);
	return NULL;
}

static void wait_often(void *arg)
{
	pthread_t thread;

	(void)arg;
	assert_true(wait_is_possible());
	for (int i = 0; i < 200; i++) {
		struct handed h = { .value = i };

		wait_init(&h.wait);
		assert_int_equal(pthread_create(&thread, NULL, answer, &h), 0);
		wait_for(&h.wait);
		assert_int_equal(h.value, i + 1);
		pthread_join(thread, NULL);
	}
}

static void test_thread_waits(void **state)
{
	(void)state;
	wait_often(NULL);
}

static void test_coroutine_waits(void **state)
{
	(void)state;
	io_run(wait_often, NULL);
}

static void wake_first(void *arg)
{
	struct wait w;

	(void)arg;
	wait_init(&w);
	wait_wake(&w);
	wait_for(&w);
}

static void test_wake_before_wait(void **state)
{
	(void)state;
	wake_first(NULL);
	io_run(wake_first, NULL);
}

static void bare(struct task *t)
{
	(void)t;
	assert_false(wait_is_possible());
	reactor_stop(reactor_self());
}

static void bare_wait(struct task *t)
{
	struct wait w;

	(void)t;
	wait_init(&w);
	wait_for(&w);
}

static void run_bare(void (*fn)(struct task *))
{
	struct err e;
	struct reactor *r = reactor_new(&e);
	struct task t = { .run = fn };

	reactor_post(r, &t);
	reactor_run(r);
	reactor_free(r);
}

struct crossed {
	struct wait wait;
	struct timer timer;
};

static void on_crossed(struct timer *t)
{
	wait_wake(&container_of(t, struct crossed, timer)->wait);
}

/* Several at work, that end in another order than they are waited for, with a sleep among them. */
static void wait_crossed(void *arg)
{
	static const int order[3][3] = { { 1, 9, 17 }, { 17, 9, 1 }, { 9, 1, 1 } };

	(void)arg;
	for (int round = 0; round < 3; round++) {
		struct crossed c[3] = { 0 };
		int64_t begun = reactor_clock();

		for (int i = 0; i < 3; i++) {
			wait_init(&c[i].wait);
			timer_start(&c[i].timer, order[round][i], on_crossed);
		}
		coro_sleep_ms(5);
		assert_true(reactor_clock() - begun >= 4000);
		for (int i = 0; i < 3; i++) {
			wait_for(&c[i].wait);
			assert_true(c[i].wait.done);
			assert_false(timer_is_running(&c[i].timer));
		}
		coro_sleep_ms(3);
		assert_true(reactor_clock() - begun >= 7000);
	}
}

static void test_several_at_once(void **state)
{
	(void)state;
	io_run(wait_crossed, NULL);
}

static void test_bare_reactor_cannot_wait(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	run_bare(bare);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		freopen("/dev/null", "w", stderr);
		run_bare(bare_wait);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_waits),
		cmocka_unit_test(test_coroutine_waits),
		cmocka_unit_test(test_wake_before_wait),
		cmocka_unit_test(test_several_at_once),
		cmocka_unit_test(test_bare_reactor_cannot_wait),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
