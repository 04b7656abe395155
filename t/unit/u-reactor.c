/* Reactor: order of a turn, posts from threads, timers, watches, signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/reactor.h"
#include "core/io/timers.h"

static struct reactor *new_reactor(void)
{
	struct err e = { 0 };
	struct reactor *r = reactor_new(&e);

	assert_non_null(r);
	return r;
}

/* ---- tasks ---- */

static char trace[64];

static void add_trace(char c)
{
	size_t n = strlen(trace);

	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
	trace[n + 1] = '\0';
}

static struct task flush_a, flush_b, defer_a, defer_b, post_a, post_b, stop_task;

static void run_stop(struct task *t)
{
	(void)t;
	add_trace('s');
	reactor_stop(reactor_self());
}

static void run_flush_b(struct task *t)
{
	(void)t;
	add_trace('F');
}

static void run_flush_a(struct task *t)
{
	(void)t;
	add_trace('f');
	flush_b.run = run_flush_b;
	reactor_at_flush(&flush_b);   /* the same flush step */
}

static void run_defer_b(struct task *t)
{
	(void)t;
	add_trace('D');
	stop_task.run = run_stop;
	reactor_post(reactor_self(), &stop_task);
}

static void run_defer_a(struct task *t)
{
	(void)t;
	add_trace('d');
	flush_a.run = run_flush_a;
	reactor_at_flush(&flush_a);
	defer_b.run = run_defer_b;
	reactor_defer(&defer_b);      /* the next turn */
}

static void run_post_b(struct task *t)
{
	(void)t;
	add_trace('P');
}

static void run_post_a(struct task *t)
{
	(void)t;
	add_trace('p');
	defer_a.run = run_defer_a;
	reactor_defer(&defer_a);
	post_b.run = run_post_b;
	reactor_post(reactor_self(), &post_b);   /* the next turn */
}

static void test_order_of_a_turn(void **state)
{
	struct reactor *r = new_reactor();

	(void)state;
	trace[0] = '\0';
	assert_null(reactor_self());
	post_a.run = run_post_a;
	reactor_post(r, &post_a);
	reactor_run(r);
	assert_null(reactor_self());
	assert_string_equal(trace, "pdfFPDs");
	reactor_free(r);
}

static struct timer bell;
static bool bell_rang;

static void ring_stop(struct timer *t)
{
	(void)t;
	bell_rang = true;
	reactor_stop(reactor_self());
}

static void run_and_post_again(struct task *t)
{
	if (!bell_rang)
		reactor_post(reactor_self(), t);
}

static void run_start_bell(struct task *t)
{
	timer_start(&bell, 1, ring_stop);
	t->run = run_and_post_again;
	t->run(t);
}

static void test_posting_again_lets_others_go_on(void **state)
{
	struct reactor *r = new_reactor();
	struct task t = { .run = run_start_bell };

	(void)state;
	bell_rang = false;
	reactor_post(r, &t);
	reactor_run(r);
	assert_true(bell_rang);
	reactor_free(r);
}

enum { POSTERS = 4, POSTS = 20000 };

struct poster {
	struct reactor *r;
	struct posted {
		struct task task;
		struct poster *from;
		int number;
	} *v;
	int next;
};

static int posts_seen;

static void run_posted(struct task *t)
{
	struct posted *p = container_of(t, struct posted, task);

	assert_int_equal(p->from->next++, p->number);
	if (++posts_seen == POSTERS * POSTS)
		reactor_stop(reactor_self());
}

static void *post_many(void *arg)
{
	struct poster *p = arg;

	for (int i = 0; i < POSTS; i++) {
		p->v[i] = (struct posted){ .task.run = run_posted, .from = p, .number = i };
		reactor_post(p->r, &p->v[i].task);
	}
	return NULL;
}

static void test_posts_of_threads_in_order(void **state)
{
	struct poster posters[POSTERS];
	pthread_t threads[POSTERS];
	struct reactor *r = new_reactor();

	(void)state;
	posts_seen = 0;
	for (int i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){ .r = r };
		posters[i].v = calloc(POSTS, sizeof(*posters[i].v));
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
	}
	reactor_run(r);
	assert_int_equal(posts_seen, POSTERS * POSTS);
	for (int i = 0; i < POSTERS; i++) {
		pthread_join(threads[i], NULL);
		free(posters[i].v);
	}
	reactor_free(r);
}

static void count_posted(struct task *t)
{
	(void)t;
	posts_seen++;
}

static void test_free_runs_what_is_left(void **state)
{
	struct reactor *r = new_reactor();
	struct task late = { .run = count_posted }, at_free = { .run = count_posted };

	(void)state;
	posts_seen = 0;
	reactor_stop(r);
	reactor_run(r);   /* was told to stop before: returns at once */
	reactor_post(r, &late);
	reactor_at_free(r, &at_free);
	reactor_free(r);
	assert_int_equal(posts_seen, 2);
}

static void test_own_thread(void **state)
{
	struct reactor *r = new_reactor();
	struct task t = { .run = run_stop };
	struct err e;

	(void)state;
	trace[0] = '\0';
	assert_int_equal(reactor_start_thread(r, "u-reactor", &e), 0);
	reactor_post(r, &t);
	reactor_join(r);
	assert_string_equal(trace, "s");
	reactor_free(r);
}

/* ---- timers ---- */

enum { N_TIMERS = 2000 };
static struct timer many[N_TIMERS];

/* All that are left come out in order. */
static void take_timers(struct timers *all, size_t expected)
{
	int64_t last = -1;
	size_t n = 0;

	assert_int_equal(all->n, expected);
	for (struct timer *t; (t = timers_first(all)); n++) {
		assert_true(t->due_us >= last);
		last = t->due_us;
		timers_remove(all, t);
		assert_false(timer_is_running(t));
	}
	assert_int_equal(n, expected);
	timers_release(all);
}

static void test_timers_of_any_length(void **state)
{
	struct timers all = { 0 };
	unsigned seed = 7;

	(void)state;
	for (int i = 0; i < N_TIMERS; i++) {
		many[i] = (struct timer){ .due_us = rand_r(&seed) % 1000 };
		timers_add(&all, &many[i]);
	}
	assert_true(all.n_heap > 0);
	for (int i = 0; i < N_TIMERS; i += 3)
		timers_remove(&all, &many[i]);
	take_timers(&all, N_TIMERS - (N_TIMERS + 2) / 3);
}

/* Time-outs of a few lengths need no heap, whatever is stopped meanwhile. */
static void test_timers_of_few_lengths(void **state)
{
	static const int64_t lengths[] = { 3000, 60000, 500, 10000, 60000, 1 };
	enum { N_LENGTHS = sizeof(lengths) / sizeof(*lengths) };
	struct timers all = { 0 };
	size_t n = 0;

	(void)state;
	for (int i = 0; i < N_TIMERS; i++) {
		many[i] = (struct timer){ .due_us = i + lengths[i % N_LENGTHS] };
		timers_add(&all, &many[i]);
		n++;
		if (i % 7 == 6) {
			timers_remove(&all, &many[i - 5]);
			n--;
		}
	}
	assert_int_equal(all.n_heap, 0);
	take_timers(&all, n);
}

static struct timer quick, slow, cancelled, restarted, zero;
static int64_t started_us;
static int zero_rings;

static void ring_never(struct timer *t)
{
	(void)t;
	fail_msg("a stopped timer rang");
}

static void ring_zero(struct timer *t)
{
	/* Restarting with 0 ms must let the rest of the loop go on. */
	if (++zero_rings < 5)
		timer_start(t, 0, ring_zero);
}

static void ring_slow(struct timer *t)
{
	(void)t;
	assert_true(reactor_now() - started_us >= 30000);
	add_trace('2');
	reactor_stop(reactor_self());
}

static void ring_quick(struct timer *t)
{
	assert_ptr_equal(t, &quick);
	assert_true(reactor_now() - started_us >= 10000);
	add_trace('1');
	timer_stop(&cancelled);
	timer_stop(&cancelled);
}

static void start_timers(struct task *t)
{
	(void)t;
	started_us = reactor_clock();
	timer_stop(&restarted);   /* a zeroed one */
	timer_start(&slow, 30, ring_slow);
	timer_start(&cancelled, 20, ring_never);
	timer_start(&restarted, 1, ring_never);
	timer_start(&restarted, 60000, ring_never);
	timer_start(&quick, 10, ring_quick);
	timer_start(&zero, 0, ring_zero);
	assert_true(timer_is_running(&quick));
}

static void test_timers(void **state)
{
	struct reactor *r = new_reactor();
	struct task t = { .run = start_timers };

	(void)state;
	trace[0] = '\0';
	zero_rings = 0;
	reactor_post(r, &t);
	reactor_run(r);
	assert_string_equal(trace, "12");
	assert_int_equal(zero_rings, 5);
	assert_false(timer_is_running(&quick));
	assert_true(timer_is_running(&restarted));
	reactor_enter(r);
	timer_stop(&restarted);
	reactor_leave();
	reactor_free(r);
}

static struct timer far;
static struct task start_near;

static void run_start_near(struct task *t)
{
	(void)t;
	timer_start(&bell, 1, ring_stop);
}

static void run_start_far(struct task *t)
{
	(void)t;
	timer_start(&far, 600000, ring_never);
	start_near.run = run_start_near;
	reactor_post(reactor_self(), &start_near);   /* when the loop waits for `far` already */
}

static void test_earlier_timer_started_later(void **state)
{
	struct reactor *r = new_reactor();
	struct task t = { .run = run_start_far };

	(void)state;
	reactor_post(r, &t);
	reactor_run(r);
	assert_true(timer_is_running(&far));
	reactor_enter(r);
	timer_stop(&far);
	reactor_leave();
	reactor_free(r);
}

/* ---- watches ---- */

static int pipe_fds[2];
static struct watch reader, writer;

static void on_read(struct watch *w, int events)
{
	char c;

	assert_int_equal(events, WATCH_READ);
	assert_int_equal(read(w->fd, &c, 1), 1);   /* level-triggered: one byte each time */
	add_trace(c);
	if (c == 'c') {
		watch_stop(w);
		watch_stop(w);
		reactor_stop(reactor_self());
	}
}

static void on_write(struct watch *w, int events)
{
	assert_int_equal(events, WATCH_WRITE);
	assert_int_equal(write(w->fd, "abc", 3), 3);
	watch_set(w, w->fd, 0, NULL);
	assert_false(w->active);
}

static void test_watches(void **state)
{
	struct reactor *r = new_reactor();

	(void)state;
	trace[0] = '\0';
	assert_int_equal(pipe(pipe_fds), 0);
	reactor_enter(r);
	watch_set(&reader, pipe_fds[0], WATCH_READ, on_read);
	watch_set(&writer, pipe_fds[1], WATCH_WRITE, on_write);
	reactor_leave();
	reactor_run(r);
	assert_string_equal(trace, "abc");
	reactor_free(r);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static struct timer overdue;

static void on_overdue(struct timer *t)
{
	(void)t;
	add_trace('t');
	reactor_stop(reactor_self());
}

static void on_late_input(struct watch *w, int events)
{
	(void)events;
	add_trace('w');
	watch_stop(w);
}

/* Both are due when this turn, which takes long, has ended. */
static void be_slow(struct task *t)
{
	(void)t;
	watch_set(&reader, pipe_fds[0], WATCH_READ, on_late_input);
	timer_start(&overdue, 1, on_overdue);
	while (reactor_clock() < overdue.due_us + 1000)
		;
}

static void test_what_has_arrived_comes_before_time_outs(void **state)
{
	struct reactor *r = new_reactor();
	struct task t = { .run = be_slow };

	(void)state;
	trace[0] = '\0';
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	reactor_post(r, &t);
	reactor_run(r);
	assert_string_equal(trace, "wt");
	reactor_free(r);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* ---- signals ---- */

static void on_signal(int signo, void *arg)
{
	*(int *)arg = signo;
	reactor_stop(reactor_self());
}

static void test_signals(void **state)
{
	struct reactor *r = new_reactor();
	struct err e;
	int seen = 0;

	(void)state;
	assert_int_equal(reactor_on_signals(r, (int[]){ SIGUSR1, SIGHUP, 0 }, on_signal, &seen, &e),
			 0);
	kill(getpid(), SIGHUP);
	reactor_run(r);
	assert_int_equal(seen, SIGHUP);
	reactor_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_a_turn),
		cmocka_unit_test(test_posting_again_lets_others_go_on),
		cmocka_unit_test(test_posts_of_threads_in_order),
		cmocka_unit_test(test_free_runs_what_is_left),
		cmocka_unit_test(test_own_thread),
		cmocka_unit_test(test_timers_of_any_length),
		cmocka_unit_test(test_timers_of_few_lengths),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_earlier_timer_started_later),
		cmocka_unit_test(test_watches),
		cmocka_unit_test(test_what_has_arrived_comes_before_time_outs),
		cmocka_unit_test(test_signals),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	reactor_block_signals();
	return cmocka_run_group_tests_name("reactor", tests, NULL, NULL);
}
