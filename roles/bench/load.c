/* The load: its threads, when calls are due, time-outs, counters. */
#include "roles/bench/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "roles/bench/load_int.h"

enum {
	/* Calls that are due sooner are sent together: waking up for each would cost more. */
	LEAST_WAIT_NS = 50000,
	MAX_TICK_MS = 100,
};

int64_t load_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- when calls are due ---- */

static void set_next(struct load_worker *w)
{
	w->next_ns = w->begin_ns + (int64_t)((double)w->n_due * w->step_ns);
}

/* The next connection that can take a call, in turn.  Where calls wait for a place, nobody is passed
 * over by taking the one that has just got it. */
static struct load_conn *pick(struct load_worker *w, struct load_conn *free)
{
	if (free && free->is_ready && free->n_free &&
	    atomic_load_explicit(&w->overdue, memory_order_relaxed))
		return free;
	for (unsigned i = 0; w->n_places && i < w->n_conns; i++) {
		struct load_conn *c = &w->conns[w->turn];

		w->turn = w->turn + 1 < w->n_conns ? w->turn + 1 : 0;
		if (c->is_ready && c->n_free)
			return c;
	}
	return NULL;
}

void load_send_due(struct load_worker *w, struct load_conn *free, int64_t now_ns)
{
	uint64_t overdue = 0;

	while (w->next_ns <= now_ns) {
		struct load_conn *c = pick(w, free);

		if (!c) {
			overdue = (uint64_t)((double)(now_ns - w->next_ns) / w->step_ns) + 1;
			break;
		}
		load_conn_call(c, w->next_ns, now_ns);
		w->n_due++;
		set_next(w);
	}
	atomic_store_explicit(&w->overdue, overdue, memory_order_relaxed);
}

static void set_alarm(struct load_worker *w, int64_t now_ns)
{
	int64_t at = w->next_ns > now_ns + LEAST_WAIT_NS ? w->next_ns : now_ns + LEAST_WAIT_NS;
	struct itimerspec when = { .it_value = { at / 1000000000, at % 1000000000 } };

	timerfd_settime(w->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_alarm(struct watch *watch, int events)
{
	struct load_worker *w = container_of(watch, struct load_worker, alarm);
	int64_t now_ns = load_clock_ns();
	uint64_t n;

	(void)events;
	if (read(w->alarm_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		BUG_ON(true);
	if (!w->is_running)
		return;
	load_send_due(w, NULL, now_ns);
	set_alarm(w, now_ns);
}

/* ---- the course of a worker ---- */

static void on_end(struct task *t)
{
	struct load_worker *w = container_of(t, struct load_worker, end);

	timer_stop(&w->tick);
	w->is_ending = true;
	watch_stop(&w->alarm);
	w->n_open = w->n_conns;
	for (unsigned i = 0; i < w->n_conns; i++)
		load_conn_close(&w->conns[i]);
}

void load_conn_gone(struct load_conn *c)
{
	struct load_worker *w = c->worker;

	if (!--w->n_open)
		sem_post(&w->load->ended);
}

static void on_tick(struct timer *t)
{
	struct load_worker *w = container_of(t, struct load_worker, tick);
	int64_t now_ns = load_clock_ns(), timeout_ns = w->plan->timeout_ms * 1000000;
	int64_t tick_ms = w->plan->timeout_ms / 20;

	while (!list_is_empty(&w->in_flight)) {
		struct load_slot *s = container_of(w->in_flight.next, struct load_slot, node);
		struct load_conn *c = s->conn;

		if (now_ns - s->sent_ns < timeout_ns)
			break;
		load_slot_end(s, TARS_ETIMEOUT, now_ns);
		if (w->is_running && w->plan->rate <= 0 && c->is_ready)
			load_conn_call(c, now_ns, now_ns);
	}
	if (w->is_running && w->plan->rate > 0)
		load_send_due(w, NULL, now_ns);
	timer_start(&w->tick, tick_ms < 1 ? 1 : tick_ms > MAX_TICK_MS ? MAX_TICK_MS : tick_ms,
		    on_tick);
}

static void on_go(struct task *t)
{
	struct load_worker *w = container_of(t, struct load_worker, go);
	int64_t now_ns = load_clock_ns();

	w->is_running = true;
	if (w->plan->rate > 0) {
		/* The workers take turns, so that together they send at even distances. */
		w->step_ns = 1e9 / w->plan->rate * w->load->n_workers;
		w->begin_ns = w->load->begin_ns +
			      (int64_t)(w->step_ns * (double)(w - w->load->workers) /
					w->load->n_workers);
		set_next(w);
		watch_set(&w->alarm, w->alarm_fd, WATCH_READ, on_alarm);
		set_alarm(w, now_ns);
	} else {
		for (unsigned i = 0; i < w->n_conns; i++)
			load_conn_fill(&w->conns[i], now_ns);
	}
	on_tick(&w->tick);
}

static void on_stop(struct task *t)
{
	container_of(t, struct load_worker, stop)->is_running = false;
}

static void on_enter(struct task *t)
{
	struct load_worker *w = container_of(t, struct load_worker, enter);

	for (unsigned i = 0; i < w->n_conns; i++)
		load_conn_connect(&w->conns[i]);
}

void load_conn_settled(struct load_conn *c, bool is_ready)
{
	struct load_worker *w = c->worker;

	if (is_ready)
		atomic_store(&w->load->any_ready, true);
	if (c->is_settled)
		return;
	c->is_settled = true;
	if (++w->n_settled == w->n_conns)
		sem_post(&w->load->settled);
}

void load_note_why(struct load *l, const char *text)
{
	pthread_mutex_lock(&l->lock);
	snprintf(l->why, sizeof(l->why), "%s", text);
	pthread_mutex_unlock(&l->lock);
}

void load_why_broken(const struct load *l, char *text, size_t size)
{
	pthread_mutex_lock((pthread_mutex_t *)&l->lock);
	snprintf(text, size, "%s", l->why);
	pthread_mutex_unlock((pthread_mutex_t *)&l->lock);
}

/* ---- all workers ---- */

static int worker_init(struct load_worker *w, struct load *l, unsigned index, struct err *e)
{
	const struct load_plan *plan = l->plan;

	w->load = l;
	w->plan = plan;
	w->enter.run = on_enter;
	w->go.run = on_go;
	w->stop.run = on_stop;
	w->end.run = on_end;
	w->alarm_fd = -1;
	list_init(&w->in_flight);
	arena_init(&w->scratch, NULL, 0);
	w->n_conns = plan->connections / plan->threads + (index < plan->connections % plan->threads);
	w->conns = xcalloc(w->n_conns, sizeof(*w->conns));
	for (unsigned i = 0; i < w->n_conns; i++)
		load_conn_init(&w->conns[i], w, index + i * plan->threads);
	w->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (w->alarm_fd < 0)
		return err_set(e, TARS_ESYS, "timerfd: %s", strerror(errno));
	w->reactor = reactor_new(e);
	if (!w->reactor)
		return e->code;
	return reactor_start_thread(w->reactor, "bench", e);
}

static void wait_all(sem_t *s, unsigned n)
{
	while (n)
		if (!sem_wait(s))
			n--;
}

struct load *load_new(const struct load_plan *plan, struct err *e)
{
	struct load *l = xcalloc(1, sizeof(*l));
	int rc = 0;

	l->plan = plan;
	pthread_mutex_init(&l->lock, NULL);
	sem_init(&l->settled, 0, 0);
	sem_init(&l->ended, 0, 0);
	l->workers = aligned_alloc(_Alignof(struct load_worker),
				   plan->threads * sizeof(*l->workers));
	BUG_ON(!l->workers);
	memset(l->workers, 0, plan->threads * sizeof(*l->workers));
	while (!rc && l->n_workers < plan->threads) {
		rc = worker_init(&l->workers[l->n_workers], l, l->n_workers, e);
		l->n_workers++;
	}
	if (!rc) {
		l->is_up = true;
		for (unsigned i = 0; i < l->n_workers; i++)
			reactor_post(l->workers[i].reactor, &l->workers[i].enter);
		wait_all(&l->settled, l->n_workers);
		if (!atomic_load(&l->any_ready))
			rc = err_set(e, TARS_ECONNECT, "no connection: %s", l->why);
	}
	if (!rc)
		return l;
	load_free(l);
	return NULL;
}

void load_go(struct load *l)
{
	l->begin_ns = load_clock_ns();
	for (unsigned i = 0; i < l->n_workers; i++)
		reactor_post(l->workers[i].reactor, &l->workers[i].go);
}

void load_stop(struct load *l)
{
	for (unsigned i = 0; i < l->n_workers; i++)
		reactor_post(l->workers[i].reactor, &l->workers[i].stop);
}

void load_wait(struct load *l)
{
	int64_t until_ns = load_clock_ns() + (l->plan->timeout_ms + MAX_TICK_MS * 2) * 1000000;
	uint64_t sent, done;

	do {
		sent = done = 0;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		for (unsigned i = 0; i < l->n_workers; i++) {
			struct load_worker *w = &l->workers[i];

			done += atomic_load(&w->ok) + atomic_load(&w->failed);
			sent += atomic_load(&w->sent);
		}
	} while (done != sent && load_clock_ns() < until_ns);
}

void load_free(struct load *l)
{
	for (unsigned i = 0; l->is_up && i < l->n_workers; i++)
		reactor_post(l->workers[i].reactor, &l->workers[i].end);
	if (l->is_up)
		wait_all(&l->ended, l->n_workers);
	for (unsigned i = 0; i < l->n_workers; i++) {
		struct load_worker *w = &l->workers[i];

		if (w->reactor) {
			reactor_stop(w->reactor);
			reactor_join(w->reactor);
			reactor_free(w->reactor);
		}
		if (w->alarm_fd >= 0)
			close(w->alarm_fd);
		for (unsigned c = 0; c < w->n_conns; c++)
			load_conn_free(&w->conns[c]);
		free(w->conns);
		arena_clear(&w->scratch);
	}
	sem_destroy(&l->settled);
	sem_destroy(&l->ended);
	pthread_mutex_destroy(&l->lock);
	free(l->workers);
	free(l);
}

/* ---- counters ---- */

static void add_code(struct load_counts *c, int code, uint64_t n)
{
	unsigned i = 0;

	while (i < LOAD_MAX_CODES && c->codes[i].n && c->codes[i].code != code)
		i++;
	c->codes[i].code = i < LOAD_MAX_CODES ? code : INT32_MAX;
	c->codes[i].n += n;
}

void load_count(const struct load *l, struct load_counts *c)
{
	*c = (struct load_counts){ 0 };
	for (unsigned i = 0; i < l->n_workers; i++) {
		const struct load_worker *w = &l->workers[i];

		hist_add_live(&c->latency, &w->latency);
		c->sent += atomic_load_explicit(&w->sent, memory_order_relaxed);
		c->ok += atomic_load_explicit(&w->ok, memory_order_relaxed);
		c->failed += atomic_load_explicit(&w->failed, memory_order_relaxed);
		c->latency_sum_ns += atomic_load_explicit(&w->latency_sum_ns, memory_order_relaxed);
		c->bytes_out += atomic_load_explicit(&w->bytes_out, memory_order_relaxed);
		c->bytes_in += atomic_load_explicit(&w->bytes_in, memory_order_relaxed);
		c->broken += atomic_load_explicit(&w->broken, memory_order_relaxed);
		c->late += atomic_load_explicit(&w->late, memory_order_relaxed);
		c->overdue += atomic_load_explicit(&w->overdue, memory_order_relaxed);
		for (unsigned k = 0; k <= LOAD_MAX_CODES; k++) {
			uint64_t n = atomic_load_explicit(&w->codes[k].n, memory_order_relaxed);

			if (n)
				add_code(c, w->codes[k].code, n);
		}
	}
}
