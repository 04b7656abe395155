/* Pools: all tasks run, one worker keeps their order, wakes are exact, the end, pool_run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "t/unit/io-run.h"

static struct pool *new_pool(const struct pool_conf *conf)
{
	struct err e = { 0 };
	struct pool *p = pool_new(conf, &e);

	assert_non_null(p);
	return p;
}

static void submit(struct pool *p, struct task *t)
{
	struct task_list one = { 0 };

	task_list_add(&one, t);
	pool_submit_all(p, &one, 1);
}

/* ---- tasks ---- */

enum { TASKS = 20000 };

struct job {
	struct task task;
	int number;
};

static atomic_int jobs_run, out_of_order;

static void run_job(struct task *t)
{
	struct job *j = container_of(t, struct job, task);

	if (atomic_fetch_add(&jobs_run, 1) != j->number)
		atomic_fetch_add(&out_of_order, 1);
}

static void submit_all(unsigned threads)
{
	struct job *jobs = calloc(TASKS, sizeof(*jobs));
	struct pool *p = new_pool(&(struct pool_conf){ .name = "u-pool", .threads = threads });

	jobs_run = out_of_order = 0;
	for (int i = 0; i < TASKS; i++) {
		jobs[i] = (struct job){ .task.run = run_job, .number = i };
		submit(p, &jobs[i].task);
	}
	pool_free(p);   /* runs what is queued */
	assert_int_equal(jobs_run, TASKS);
	free(jobs);
}

static void test_all_tasks_run(void **state)
{
	(void)state;
	submit_all(3);
	submit_all(0);   /* at least one thread */
	assert_int_equal(out_of_order, 0);   /* and no more: it keeps the order */
}

/* ---- who sleeps, who is busy ---- */

static sem_t entered, go_on;

static void run_blocked(struct task *t)
{
	(void)t;
	sem_post(&entered);
	sem_wait(&go_on);
}

static void test_length_counts_waiting_tasks(void **state)
{
	struct pool *p = new_pool(&(struct pool_conf){ .name = "u-pool", .threads = 2 });
	struct task v[5];

	(void)state;
	sem_init(&entered, 0, 0);
	sem_init(&go_on, 0, 0);
	for (int i = 0; i < 5; i++) {
		v[i].run = run_blocked;
		submit(p, &v[i]);
		if (i < 2)
			sem_wait(&entered);   /* each of the first two finds a free worker */
	}
	assert_int_equal(pool_length(p), 3);
	for (int i = 0; i < 5; i++)
		sem_post(&go_on);
	pool_free(p);
	sem_destroy(&entered);
	sem_destroy(&go_on);
}

/* ---- a burst ---- */

static pthread_barrier_t together;

static void run_together(struct task *t)
{
	(void)t;
	pthread_barrier_wait(&together);   /* returns when each of them has a worker */
}

static void test_burst_gets_all_workers(void **state)
{
	enum { N = 4, ROUNDS = 200 };
	struct pool *p = new_pool(&(struct pool_conf){ .name = "u-pool", .threads = N });
	struct task v[N];

	(void)state;
	pthread_barrier_init(&together, NULL, N + 1);
	for (int round = 0; round < ROUNDS; round++) {
		struct task_list burst = { 0 };

		for (int i = 0; i < N; i++) {
			v[i].run = run_together;
			task_list_add(&burst, &v[i]);
		}
		if (round % 2)
			pool_submit_all(p, &burst, N);
		else
			for (struct task *t; (t = task_list_take(&burst)); )
				submit(p, t);
		assert_true(task_list_is_empty(&burst));
		pthread_barrier_wait(&together);
	}
	pool_free(p);
	pthread_barrier_destroy(&together);
}

static void test_burst_keeps_its_order(void **state)
{
	struct job jobs[3][40];
	struct pool *p = new_pool(&(struct pool_conf){ .name = "u-pool", .threads = 1 });

	(void)state;
	jobs_run = out_of_order = 0;
	for (int burst = 0; burst < 3; burst++) {
		struct task_list list = { 0 };

		for (int i = 0; i < 40; i++) {
			jobs[burst][i] = (struct job){ .task.run = run_job,
						       .number = 40 * burst + i };
			task_list_add(&list, &jobs[burst][i].task);
		}
		pool_submit_all(p, &list, 40);
	}
	pool_free(p);
	assert_int_equal(jobs_run, 120);
	assert_int_equal(out_of_order, 0);
}

/* ---- an end that does not wait for ever ---- */

static void test_end_with_a_stuck_worker(void **state)
{
	struct pool *p = new_pool(&(struct pool_conf){ .name = "u-pool", .threads = 1 });
	struct task stuck = { .run = run_blocked };
	struct job behind = { .task.run = run_job };

	(void)state;
	sem_init(&entered, 0, 0);
	sem_init(&go_on, 0, 0);
	jobs_run = out_of_order = 0;
	submit(p, &stuck);
	sem_wait(&entered);
	submit(p, &behind.task);
	assert_false(pool_end(p, reactor_clock()));
	assert_int_equal(jobs_run, 1);   /* what waited behind it has run all the same */
	sem_post(&go_on);
	pool_free(p);

	p = new_pool(&(struct pool_conf){ .name = "u-pool", .threads = 3 });
	assert_true(pool_end(p, reactor_clock() + 60 * INT64_C(1000000)));
	assert_true(pool_end(NULL, 0));
	sem_destroy(&entered);
	sem_destroy(&go_on);
}

/* ---- init and fini of threads ---- */

static atomic_int inits, finis;

static int init_ok(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return 0;
}

static void count_fini(void *arg)
{
	(void)arg;
	atomic_fetch_add(&finis, 1);
}

static int init_second_fails(void *arg)
{
	return atomic_fetch_add((atomic_int *)arg, 1) == 1 ? 42 : 0;
}

static void test_thread_init(void **state)
{
	struct pool_conf conf = { .name = "u-pool", .threads = 3, .thread_init = init_ok,
				  .thread_fini = count_fini, .arg = &inits };
	struct err e = { 0 };
	struct pool *p;

	(void)state;
	inits = finis = 0;
	p = new_pool(&conf);
	assert_int_equal(inits, 3);   /* all before pool_new returned */
	pool_free(p);
	assert_int_equal(finis, 3);

	inits = finis = 0;
	conf.thread_init = init_second_fails;
	assert_null(pool_new(&conf, &e));
	assert_int_equal(e.code, TARS_ESYS);
	assert_non_null(strstr(e.text, "thread_init failed with 42"));
	assert_int_equal(finis, 2);
	pool_free(NULL);
}

/* ---- pool_run ---- */

static pthread_barrier_t meet;
static int met;
static struct coro *waiter;

static void block_until_all_met(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&meet);   /* returns only when three threads are here at a time */
}

static void call_blocking(void *arg)
{
	pthread_t self = pthread_self();

	(void)arg;
	pool_run(block_until_all_met, NULL);
	assert_true(pthread_equal(self, pthread_self()));
	if (++met == 3)
		coro_wake(waiter);
}

static void start_three(void *arg)
{
	(void)arg;
	waiter = coro_self();
	for (int i = 0; i < 3; i++)
		coro_start(CORO_STACK_ROLE, call_blocking, NULL);
	coro_park();
}

static void test_pool_run_leaves_the_reactor_free(void **state)
{
	(void)state;
	pthread_barrier_init(&meet, NULL, 3);
	met = 0;
	io_run(start_three, NULL);
	assert_int_equal(met, 3);
	pthread_barrier_destroy(&meet);
}

static void note_thread(void *arg)
{
	*(pthread_t *)arg = pthread_self();
}

static void many_runs(void *arg)
{
	pthread_t where;

	(void)arg;
	for (int i = 0; i < 200; i++) {
		pool_run(note_thread, &where);
		assert_false(pthread_equal(where, pthread_self()));
	}
}

static void test_pool_run_on_a_thread_runs_there(void **state)
{
	pthread_t where;

	(void)state;
	pool_run(note_thread, &where);
	assert_true(pthread_equal(where, pthread_self()));
	io_run(many_runs, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_tasks_run),
		cmocka_unit_test(test_length_counts_waiting_tasks),
		cmocka_unit_test(test_burst_gets_all_workers),
		cmocka_unit_test(test_burst_keeps_its_order),
		cmocka_unit_test(test_end_with_a_stuck_worker),
		cmocka_unit_test(test_thread_init),
		cmocka_unit_test(test_pool_run_leaves_the_reactor_free),
		cmocka_unit_test(test_pool_run_on_a_thread_runs_there),
	};

	alarm(120);   /* a lost wake shows as a hang */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
