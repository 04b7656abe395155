/* Pool of worker threads: the queue, hand-over to a sleeping worker, the shared pool. */
#include "core/io/pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/io/coro.h"
#include "core/io/thread.h"
#include "core/io/wait.h"
#include "proto/arena.h"

/*
 * All workers serve one queue.  At most one of them is being woken at a time; when that one is up
 * and finds more than its own task, it wakes the next.  So a single task wakes one worker, and a
 * burst is not slowed down by a wake for each of its tasks.  Always: tasks wait and a worker sleeps
 * => a worker is being woken.
 */
struct queue {
	pthread_mutex_t lock;
	struct task_list tasks;
	struct worker *idle;      /* last to fall asleep first: its caches are warm */
	unsigned n_tasks, n_idle; /* n_idle: asleep, or being woken */
	bool waking, stopping;
};

struct worker {
	struct pool *pool;
	struct worker *next_idle;
	struct wait wait;
	int init_rc;
	pthread_t thread;
};

struct pool {
	struct pool_conf conf;
	unsigned n_workers;
	struct queue queue;
	struct worker *workers;
	sem_t started;            /* +1 for each worker whose thread_init has run */
	sem_t ended;              /* +1 for each that is about to end */
	_Atomic unsigned length;
};

/* ---- workers ---- */

/* The worker to wake, once the lock is given back; NULL if none is wanted. */
static struct worker *queue_rouse(struct queue *q)
{
	struct worker *w = q->idle;

	if (!w || q->waking || !q->n_tasks)
		return NULL;
	q->idle = w->next_idle;
	q->waking = true;
	return w;
}

static void worker_sleep(struct worker *w, struct queue *q)
{
	wait_init(&w->wait);
	w->next_idle = q->idle;
	q->idle = w;
	q->n_idle++;
	pthread_mutex_unlock(&q->lock);
	wait_for(&w->wait);
	pthread_mutex_lock(&q->lock);
	q->n_idle--;
	q->waking = false;
}

/* The next task, or NULL when the pool stops. */
static struct task *worker_next(struct worker *w)
{
	struct queue *q = &w->pool->queue;
	struct worker *next;
	struct task *t;

	pthread_mutex_lock(&q->lock);
	/* A busy worker may have been faster than the one that was woken. */
	while (!(t = task_list_take(&q->tasks)) && !q->stopping)
		worker_sleep(w, q);
	if (t) {
		q->n_tasks--;
		atomic_fetch_sub_explicit(&w->pool->length, 1, memory_order_relaxed);
	}
	next = queue_rouse(q);
	pthread_mutex_unlock(&q->lock);
	if (next)
		wait_wake(&next->wait);
	return t;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	const struct pool_conf *conf = &w->pool->conf;
	struct task *t;
	int rc = conf->thread_init ? conf->thread_init(conf->arg) : 0;

	w->init_rc = rc;
	sem_post(&w->pool->started);
	if (!rc) {
		while ((t = worker_next(w)))
			t->run(t);
		if (conf->thread_fini)
			conf->thread_fini(conf->arg);
	}
	sem_post(&w->pool->ended);
	return NULL;
}

static int worker_start(struct pool *p, unsigned i, struct err *e)
{
	struct worker *w = &p->workers[i];

	w->pool = p;
	return thread_start(&w->thread, p->conf.name, worker_main, w, e);
}

/* ---- pools ---- */

static struct pool *pool_alloc(const struct pool_conf *conf)
{
	struct pool *p = xcalloc(1, sizeof(*p));

	p->conf = *conf;
	p->conf.name = xstrdup(conf->name ? conf->name : "worker");
	p->conf.threads = conf->threads ? conf->threads : 1;
	p->workers = xcalloc(p->conf.threads, sizeof(*p->workers));
	pthread_mutex_init(&p->queue.lock, NULL);
	sem_init(&p->started, 0, 0);
	sem_init(&p->ended, 0, 0);
	return p;
}

static struct pool *pool_start(struct pool *p, struct err *e)
{
	int rc = 0, init_rc = 0;

	while (!rc && p->n_workers < p->conf.threads) {
		rc = worker_start(p, p->n_workers, e);
		if (!rc)
			p->n_workers++;
	}
	/* Blocks whoever creates the pool, a reactor too: shortly, and at start. */
	for (unsigned i = 0; i < p->n_workers; i++)
		while (sem_wait(&p->started) && errno == EINTR)
			;
	for (unsigned i = 0; i < p->n_workers; i++)
		if (p->workers[i].init_rc)
			init_rc = p->workers[i].init_rc;
	if (!rc && init_rc)
		rc = err_set(e, TARS_ESYS, "worker %s: thread_init failed with %d", p->conf.name,
			     init_rc);
	if (!rc)
		return p;
	pool_free(p);
	return NULL;
}

struct pool *pool_new(const struct pool_conf *conf, struct err *e)
{
	return pool_start(pool_alloc(conf), e);
}

/* False if all workers are busy and the task has to wait for one. */
static bool submit(struct pool *p, struct task_list *tasks, unsigned n)
{
	struct queue *q = &p->queue;
	struct worker *w;
	bool is_soon;

	pthread_mutex_lock(&q->lock);
	task_list_move(&q->tasks, tasks);
	atomic_fetch_add_explicit(&p->length, n, memory_order_relaxed);
	q->n_tasks += n;
	is_soon = q->n_tasks <= q->n_idle;
	w = queue_rouse(q);
	pthread_mutex_unlock(&q->lock);
	if (w)
		wait_wake(&w->wait);
	return is_soon;
}

void pool_submit_all(struct pool *p, struct task_list *tasks, unsigned n)
{
	submit(p, tasks, n);
}

unsigned pool_length(const struct pool *p)
{
	return atomic_load_explicit(&p->length, memory_order_relaxed);
}

static void queue_stop(struct queue *q)
{
	struct worker *w, *next;

	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	w = q->idle;
	q->idle = NULL;
	pthread_mutex_unlock(&q->lock);
	for (; w; w = next) {
		next = w->next_idle;
		wait_wake(&w->wait);
	}
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	queue_stop(&p->queue);
	for (unsigned i = 0; i < p->n_workers; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_mutex_destroy(&p->queue.lock);
	sem_destroy(&p->started);
	sem_destroy(&p->ended);
	free(p->workers);
	free((char *)p->conf.name);
	free(p);
}

static struct task *pool_take(struct pool *p)
{
	struct task *t;

	pthread_mutex_lock(&p->queue.lock);
	t = task_list_take(&p->queue.tasks);
	if (t) {
		p->queue.n_tasks--;
		atomic_fetch_sub_explicit(&p->length, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&p->queue.lock);
	return t;
}

bool pool_end(struct pool *p, int64_t until_us)
{
	struct timespec until = { .tv_sec = until_us / 1000000,
				  .tv_nsec = until_us % 1000000 * 1000 };
	unsigned n = 0;
	struct task *t;

	if (!p)
		return true;
	while ((t = pool_take(p)))
		t->run(t);
	queue_stop(&p->queue);
	while (n < p->n_workers) {
		if (!sem_clockwait(&p->ended, CLOCK_MONOTONIC, &until))
			n++;
		else if (errno != EINTR)
			return false;
	}
	pool_free(p);
	return true;
}

/* ---- the shared pool: workers start by need and stay; the process ends without waiting for what
 * they do, because a name look-up may hang for long ---- */

enum { SHARED_THREADS = 8 };

static struct pool *shared;

static void shared_init(void)
{
	shared = pool_alloc(&(struct pool_conf){ .name = "tars-blocking",
						 .threads = SHARED_THREADS });
}

static void shared_grow(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct err e;

	pthread_mutex_lock(&lock);
	if (shared->n_workers < SHARED_THREADS && !worker_start(shared, shared->n_workers, &e)) {
		pthread_detach(shared->workers[shared->n_workers].thread);
		shared->n_workers++;
	}
	/* With one worker at least the task runs, only later. */
	if (!shared->n_workers) {
		fprintf(stderr, "tars: %s\n", e.text);
		abort();
	}
	pthread_mutex_unlock(&lock);
}

struct blocking {
	struct task task;
	struct wait wait;
	void (*fn)(void *);
	void *arg;
};

static void blocking_run(struct task *t)
{
	struct blocking *b = container_of(t, struct blocking, task);

	b->fn(b->arg);
	wait_wake(&b->wait);
}

static void shared_submit(struct task *t)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct task_list one = { 0 };

	pthread_once(&once, shared_init);
	task_list_add(&one, t);
	if (!submit(shared, &one, 1))
		shared_grow();
}

void pool_run(void (*fn)(void *), void *arg)
{
	struct blocking b = { .task.run = blocking_run, .fn = fn, .arg = arg };

	BUG_ON(!wait_is_possible());
	if (!coro_self()) {
		fn(arg);   /* this thread may block itself */
		return;
	}
	wait_init(&b.wait);
	shared_submit(&b.task);
	wait_for(&b.wait);
}

static void detached_run(struct task *t)
{
	struct blocking *b = container_of(t, struct blocking, task);

	b->fn(b->arg);
	free(b);
}

void pool_run_detached(void (*fn)(void *), void *arg)
{
	struct blocking *b = xcalloc(1, sizeof(*b));

	b->task.run = detached_run;
	b->fn = fn;
	b->arg = arg;
	shared_submit(&b->task);
}
