/* Reactor: the event loop's turn, its inbox, timers and watches, on libev. */
#include "core/io/reactor.h"

#include <errno.h>
#include <ev.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/io/coro.h"
#include "core/io/pool.h"
#include "core/io/thread.h"
#include "core/io/timers.h"
#include "proto/arena.h"

struct reactor {
	/* What other threads touch. */
	_Alignas(64) _Atomic(struct task *) inbox;   /* newest first */
	atomic_uint guests;             /* threads inside reactor_post or reactor_stop */
	atomic_bool stop;

	_Alignas(64) struct ev_loop *loop;
	ev_async wake;
	struct task_list posted;        /* posts from the reactor's own thread */
	struct task_list deferred, flush, end;

	struct timers timers;
	ev_timer tick;                  /* armed for the first timer, or earlier */
	int64_t tick_us;                /* when it rings; INT64_MAX: not armed */

	struct task_list at_free;
	struct buf spare;               /* that is lent */
	int64_t much_memory_us;         /* when it was used last */
	struct timer trim;
	bool has_thread;
	pthread_t thread;
	uint8_t scratch[REACTOR_SCRATCH_SIZE], plain[REACTOR_SCRATCH_SIZE];
};

_Static_assert(sizeof(ev_io) <= sizeof(((struct watch *)NULL)->impl), "impl is too small");

static __thread struct reactor *self;
__thread int64_t reactor_turn_us;

/* ---- the turn ---- */

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
	/* Only ends the poll; the turn looks into the inbox anyway. */
	(void)loop;
	(void)wake;
	(void)revents;
}

static void on_tick(struct ev_loop *loop, ev_timer *tick, int revents)
{
	struct reactor *r = container_of(tick, struct reactor, tick);
	struct timer *t;

	(void)loop;
	(void)revents;
	r->tick_us = INT64_MAX;
	/* Ends even if a timer restarts itself with 0 ms: it is due after the turn's time. */
	while ((t = timers_first(&r->timers)) && t->due_us <= reactor_now()) {
		timers_remove(&r->timers, t);
		t->run(t);
	}
}

/* The event library's timer follows the first of ours, but is not set back when that is stopped:
 * time-outs that nearly never ring cost no call here. */
static void arm_tick(struct reactor *r)
{
	struct timer *first = timers_first(&r->timers);
	int64_t left_us;

	if (!first || first->due_us >= r->tick_us)
		return;
	left_us = first->due_us - reactor_clock();
	r->tick_us = first->due_us;
	ev_timer_stop(r->loop, &r->tick);
	ev_now_update(r->loop);
	ev_timer_set(&r->tick, left_us > 0 ? (double)left_us / 1e6 : 0., 0.);
	ev_timer_start(r->loop, &r->tick);
}

static void run_list(struct task_list *list)
{
	struct task_list now = *list;   /* what is added meanwhile waits for the next turn */
	struct task *t;

	*list = (struct task_list){ 0 };
	while ((t = task_list_take(&now)))
		t->run(t);
}

static void run_inbox(struct reactor *r)
{
	struct task *newest, *oldest = NULL, *next;

	run_list(&r->posted);
	if (!atomic_load_explicit(&r->inbox, memory_order_relaxed))
		return;
	newest = atomic_exchange_explicit(&r->inbox, NULL, memory_order_acquire);
	for (; newest; newest = next) {
		next = newest->next;
		newest->next = oldest;
		oldest = newest;
	}
	for (; oldest; oldest = next) {
		next = oldest->next;   /* run() may free it */
		oldest->run(oldest);
	}
}

static bool has_work(struct reactor *r)
{
	return !task_list_is_empty(&r->posted) || !task_list_is_empty(&r->deferred) ||
	       atomic_load_explicit(&r->inbox, memory_order_relaxed);
}

static void finish_turn(struct reactor *r)
{
	struct task *t;

	run_inbox(r);
	run_list(&r->deferred);
	while ((t = task_list_take(&r->flush)))
		t->run(t);
	while ((t = task_list_take(&r->end)))
		t->run(t);
}

static void drain(struct reactor *r)
{
	do {
		reactor_turn_us = 0;
		finish_turn(r);
	} while (has_work(r));
}

void reactor_enter(struct reactor *r)
{
	BUG_ON(self);
	self = r;
}

void reactor_leave(void)
{
	BUG_ON(!self);
	self = NULL;
	reactor_turn_us = 0;
}

void reactor_run(struct reactor *r)
{
	reactor_enter(r);
	while (!atomic_load_explicit(&r->stop, memory_order_acquire)) {
		arm_tick(r);
		reactor_turn_us = 0;
		ev_run(r->loop, has_work(r) ? EVRUN_NOWAIT : EVRUN_ONCE);
		finish_turn(r);
	}
	drain(r);
	coro_free_stacks();
	reactor_leave();
	atomic_store(&r->stop, false);
}

/* ---- life ---- */

struct reactor *reactor_new(struct err *e)
{
	struct reactor *r;
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV | EVFLAG_NOTIMERFD | EVBACKEND_EPOLL);

	if (!loop) {
		err_set(e, TARS_ESYS, "cannot create an event loop: %s (see ulimit -n)",
			strerror(errno));
		return NULL;
	}
	r = aligned_alloc(_Alignof(struct reactor), sizeof(*r));
	BUG_ON(!r);
	memset(r, 0, offsetof(struct reactor, scratch));
	r->loop = loop;
	r->tick_us = INT64_MAX;
	ev_async_init(&r->wake, on_wake);
	ev_async_start(loop, &r->wake);
	ev_init(&r->tick, on_tick);
	/* After a long turn what has arrived comes first: it may stop the time-out. */
	ev_set_priority(&r->tick, EV_MINPRI);
	return r;
}

void reactor_stop(struct reactor *r)
{
	atomic_fetch_add_explicit(&r->guests, 1, memory_order_relaxed);
	atomic_store_explicit(&r->stop, true, memory_order_release);
	ev_async_send(r->loop, &r->wake);
	atomic_fetch_sub_explicit(&r->guests, 1, memory_order_release);
}

void reactor_free(struct reactor *r)
{
	if (!r)
		return;
	BUG_ON(r->has_thread);
	reactor_enter(r);
	drain(r);
	run_list(&r->at_free);
	coro_free_stacks();
	reactor_leave();
	/* A thread may have posted its last task, which has run, and be about to wake us. */
	while (atomic_load_explicit(&r->guests, memory_order_acquire))
		sched_yield();
	ev_timer_stop(r->loop, &r->tick);
	ev_async_stop(r->loop, &r->wake);
	ev_loop_destroy(r->loop);
	timers_release(&r->timers);
	buf_release(&r->spare);
	free(r);
}

static void *thread_main(void *arg)
{
	reactor_run(arg);
	return NULL;
}

int reactor_start_thread(struct reactor *r, const char *name, struct err *e)
{
	int rc = thread_start(&r->thread, name, thread_main, r, e);

	r->has_thread = !rc;
	return rc;
}

void reactor_join(struct reactor *r)
{
	if (r->has_thread)
		pthread_join(r->thread, NULL);
	r->has_thread = false;
}

struct reactor *reactor_self(void)
{
	return self;
}

uint8_t *reactor_scratch(void)
{
	BUG_ON(!self);
	return self->scratch;
}

uint8_t *reactor_scratch_plain(void)
{
	BUG_ON(!self);
	return self->plain;
}

/* ---- tasks ---- */

void reactor_post(struct reactor *r, struct task *t)
{
	struct task *head;

	if (r == self) {
		task_list_add(&r->posted, t);
		return;
	}
	atomic_fetch_add_explicit(&r->guests, 1, memory_order_relaxed);
	head = atomic_load_explicit(&r->inbox, memory_order_relaxed);
	do {
		t->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&r->inbox, &head, t, memory_order_release,
							memory_order_relaxed));
	/* Whoever found it empty wakes; t itself may be gone by now. */
	if (!head)
		ev_async_send(r->loop, &r->wake);
	atomic_fetch_sub_explicit(&r->guests, 1, memory_order_release);
}

void reactor_defer(struct task *t)
{
	BUG_ON(!self);
	task_list_add(&self->deferred, t);
}

void reactor_at_flush(struct task *t)
{
	BUG_ON(!self);
	task_list_add(&self->flush, t);
}

void reactor_at_end(struct task *t)
{
	BUG_ON(!self);
	task_list_add(&self->end, t);
}

void reactor_at_free(struct reactor *r, struct task *t)
{
	task_list_add(&r->at_free, t);
}

/* ---- time ---- */

int64_t reactor_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t reactor_read_now(void)
{
	int64_t now_us = reactor_clock();

	if (self)
		reactor_turn_us = now_us;
	return now_us;
}

/* ---- memory ---- */

enum { TRIM_AFTER_MS = 2000, SPARE_MAX = 1 << 20 };

static void trim_memory(void *arg)
{
	(void)arg;
	malloc_trim(0);
}

static void trim_due(struct timer *t)
{
	struct reactor *r = container_of(t, struct reactor, trim);
	int64_t due_us = r->much_memory_us + TRIM_AFTER_MS * INT64_C(1000);

	if (reactor_now() < due_us) {
		timer_start_at(t, due_us, trim_due);
		return;
	}
	buf_release(&r->spare);
	pool_run_detached(trim_memory, NULL);   /* may take long */
}

void reactor_used_much_memory(void)
{
	self->much_memory_us = reactor_now();
	if (!timer_is_running(&self->trim))
		timer_start(&self->trim, TRIM_AFTER_MS, trim_due);
}

void reactor_lend(struct buf *b)
{
	*b = self->spare;
	self->spare = (struct buf)BUF_INIT;
}

void reactor_give_back(struct buf *b)
{
	if (b->cap <= SPARE_MAX && b->cap > self->spare.cap) {
		struct buf smaller = self->spare;

		buf_clear(b);
		self->spare = *b;
		*b = smaller;
		reactor_used_much_memory();
	}
	buf_release(b);
}

/* ---- timers ---- */

void timer_start_at(struct timer *t, int64_t due_us, void (*run)(struct timer *))
{
	BUG_ON(!self);
	timer_stop(t);
	t->run = run;
	t->owner = self;
	t->due_us = due_us;
	timers_add(&self->timers, t);
}

size_t reactor_timer_count(const struct reactor *r)
{
	return r->timers.n;
}

void timer_start(struct timer *t, int64_t ms, void (*run)(struct timer *))
{
	/* Not reactor_now(): after a long turn the timer would ring early. */
	timer_start_at(t, reactor_clock() + (ms > 0 ? ms : 0) * 1000, run);
}

void timer_stop(struct timer *t)
{
	if (!t->place)
		return;
	BUG_ON(t->owner != self);
	timers_remove(&self->timers, t);
}

/* ---- descriptors ---- */

static ev_io *io_of(struct watch *w)
{
	return (ev_io *)(void *)w->impl;
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct watch *w = container_of(io, struct watch, impl);

	(void)loop;
	w->run(w, revents & (EV_READ | EV_WRITE));
}

_Static_assert(EV_READ == (int)WATCH_READ && EV_WRITE == (int)WATCH_WRITE, "same bits");

void watch_set(struct watch *w, int fd, int events, void (*run)(struct watch *, int events))
{
	ev_io *io = io_of(w);

	if (!events) {
		watch_stop(w);
		return;
	}
	BUG_ON(!self);
	w->run = run;
	if (w->active && w->fd == fd) {
		if ((io->events & (EV_READ | EV_WRITE)) == events)
			return;
		ev_io_stop(self->loop, io);
		ev_io_modify(io, events);
	} else {
		watch_stop(w);
		ev_io_init(io, on_io, fd, events);
	}
	ev_io_start(self->loop, io);
	w->fd = fd;
	w->owner = self;
	w->active = true;
}

void watch_stop(struct watch *w)
{
	if (!w->active)
		return;
	BUG_ON(w->owner != self);
	ev_io_stop(self->loop, io_of(w));
	w->active = false;
}
