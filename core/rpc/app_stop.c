/* How an app stops: its hooks on each loop, draining, the end of handlers and connections. */
#include <stdio.h>

#include "core/io/coro.h"
#include "core/io/pool.h"
#include "core/io/wait.h"
#include "core/rpc/app.h"
#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/proxy.h"
#include "core/rpc/remotelog.h"
#include "core/rpc/req.h"
#include "core/rpc/secure.h"
#include "core/rpc/server.h"
#include "core/sys/log.h"

enum {
	DRAIN_POLL_MS = 2,
	PATIENCE_US = 1000000, /* with requests, until those that never pause are told to go */
	LAST_REPORT_MS = 1000,
	FLUSH_MS = 1000,     /* for the last output */
	SEND_LOGS_MS = 1000,
	MAX_TOLD = 10,       /* requests that are left behind, of each loop */
};

/* ---- work on each loop ---- */

/* Runs fn(loop) on each loop and waits, in a coroutine of the main one. */
struct on_loop {
	struct task task;
	struct loop *loop;
	void (*fn)(struct loop *l);
	struct wait wait;
};

static void run_on_loop(void *arg)
{
	struct on_loop *o = arg;

	o->fn(o->loop);
	wait_wake(&o->wait);
}

static void on_loop_posted(struct task *t)
{
	run_on_loop(container_of(t, struct on_loop, task));
}

static void on_loop_coro(struct task *t)
{
	coro_start(CORO_STACK_USER, run_on_loop, container_of(t, struct on_loop, task));
}

static void run_on_each(struct tars_app *app, void (*fn)(struct loop *l),
			void (*how)(struct task *t))
{
	for (unsigned i = 0; i < app->n_loops; i++) {
		struct on_loop o = { .task.run = how, .loop = &app->loops[i], .fn = fn };

		wait_init(&o.wait);
		reactor_post(o.loop->reactor, &o.task);
		wait_for(&o.wait);
	}
}

static void on_each_loop(struct tars_app *app, void (*fn)(struct loop *l))
{
	run_on_each(app, fn, on_loop_posted);
}

static void hook_init(struct loop *l)
{
	l->hook_rc = l->app->thread_init(l->app);
	l->hooks_ran = !l->hook_rc;
}

static void hook_fini(struct loop *l)
{
	if (l->hooks_ran && l->app->thread_fini)
		l->app->thread_fini(l->app);
	l->hooks_ran = false;
}

int hooks_init(struct tars_app *app, struct err *e)
{
	if (!app->has_loop_servant || !app->thread_init)
		return 0;
	run_on_each(app, hook_init, on_loop_coro);
	for (unsigned i = 0; i < app->n_loops; i++)
		if (app->loops[i].hook_rc)
			return err_set(e, TARS_ESYS, "reactor %u: thread_init failed with %d", i,
				       app->loops[i].hook_rc);
	return 0;
}

static void hooks_fini(struct tars_app *app)
{
	run_on_each(app, hook_fini, on_loop_coro);
}

/* ---- the end ---- */

static unsigned count_requests(const struct loop *l)
{
	return atomic_load_explicit(&l->n_requests, memory_order_acquire);
}

static unsigned count_coros(const struct loop *l)
{
	return atomic_load_explicit(&l->n_coros, memory_order_acquire);
}

static unsigned count_conns(const struct loop *l)
{
	return atomic_load(&l->n_conns);
}

/* The counters belong to the loops, which must not pay for an end that comes once: so it polls.
 * True if all are 0 in time. */
static bool wait_until_none(const struct tars_app *app, unsigned (*count)(const struct loop *l),
			    int64_t until_us)
{
	for (;;) {
		unsigned n = 0;

		for (unsigned i = 0; i < app->n_loops; i++)
			n += count(&app->loops[i]);
		if (!n || reactor_clock() >= until_us)
			return !n;
		coro_sleep_ms(DRAIN_POLL_MS);
	}
}

/* Remote logs are calls: those of the last requests leave before there are no calls any more. */
static void send_logs(void *arg)
{
	struct tars_app *app = arg;

	remotelog_flush(app->remote_log, SEND_LOGS_MS);
}

/* By its next turn a loop has handed all requests that it let in to the workers. */
static void await_turn(struct loop *l)
{
	(void)l;
}

/* These two in a worker of the shared pool, as they may block: handlers that still run may need
 * the loops to come to an end. */
static void end_workers(void *arg)
{
	struct tars_app *app = arg;

	app->stuck = !pools_end(app, reactor_clock() + app->conf.end_ms * 1000);
}

static void run_before_stop(void *arg)
{
	struct tars_app *app = arg;

	app->before_stop(app);
}

static void tell_abandoned(struct loop *l)
{
	static const char *const modes[] = { "POOL", "CORO", "INLINE" };
	struct log_subject me = { l->app->conf.module ? l->app->conf.module : "service", NULL };
	const struct list *all = &l->stats.running;
	int n = 0;

	for (struct list *node = all->next; node != all; node = node->next) {
		const struct tars_req *rq = container_of(node, struct tars_req, running);

		if (++n > MAX_TOLD)
			continue;
		log_error(&me, "ending without it: %s.%s, request %d of %s, run mode %s, %s for "
			  "%lld ms", rq->servant->row.name, rq->func->name, rq->head.request_id,
			  tars_peer(rq), modes[rq->servant->row.run],
			  rq->late ? "owing its reply" : rq->ran_us ? "running" : "waiting",
			  (long long)(reactor_clock() - rq->start_us) / 1000);
	}
	if (n > MAX_TOLD)
		log_error(&me, "and without %d more on reactor %u", n - MAX_TOLD, l->index);
}

static void close_all(struct loop *l)
{
	timer_stop(&l->sweep);
	targets_drop(l);
	client_close_all(l);
	server_close_all(l);
}

/* Handlers that wait for calls go on, as these are cancelled.  Those that do not return are left
 * behind, and then nothing of what they may use is ended or freed. */
static void end_handlers(struct tars_app *app)
{
	int64_t until_us = reactor_clock() + app->conf.end_ms * 1000;

	on_each_loop(app, client_cancel_all);
	on_each_loop(app, await_turn);
	pool_run(end_workers, app);
	if (!wait_until_none(app, count_coros, until_us))
		app->stuck = true;
	if (!app->stuck) {
		hooks_fini(app);
		if (app->before_stop)
			pool_run(run_before_stop, app);
	}
	app->abandoned = app->stuck || !wait_until_none(app, count_requests, until_us);
	if (app->abandoned)
		on_each_loop(app, tell_abandoned);
}

static unsigned count_busy(const struct loop *l)
{
	return count_requests(l) + atomic_load(&l->n_busy_conns);
}

/* Until all is answered, and clients that do not know the message have gone or fallen silent. */
static void drain(struct tars_app *app, int64_t until_us)
{
	do {
		int64_t turn_us = reactor_clock() + PATIENCE_US;

		coro_sleep_ms(DRAIN_POLL_MS);
		wait_until_none(app, count_requests, turn_us < until_us ? turn_us : until_us);
		on_each_loop(app, server_count_busy);
	} while (!wait_until_none(app, count_busy, 0) && reactor_clock() < until_us);
}

static void shut_down(void *arg)
{
	struct tars_app *app = arg;

	adapters_close(app);
	on_each_loop(app, server_drain_all);
	drain(app, reactor_clock() + atomic_load(&app->grace_ms) * 1000);
	if (app->remote_log)
		pool_run(send_logs, app);
	reporter_finish(app->report, LAST_REPORT_MS);
	atomic_store(&app->closed, true);
	proxies_stop(app);
	secure_stop(app);
	end_handlers(app);
	on_each_loop(app, close_all);
	if (!wait_until_none(app, count_conns, reactor_clock() + FLUSH_MS * INT64_C(1000)))
		on_each_loop(app, server_drop_all);
	for (unsigned i = app->n_loops; i-- > 0;)
		reactor_stop(app->loops[i].reactor);
}

bool app_is_stuck(const struct tars_app *app)
{
	return app->stuck;
}

static void stop_posted(struct task *t)
{
	coro_start(CORO_STACK_USER, shut_down, container_of(t, struct tars_app, stop_task));
}

void app_stop(struct tars_app *app, int64_t grace_ms)
{
	if (atomic_exchange(&app->stopping, true))
		return;
	atomic_store(&app->grace_ms, grace_ms);
	app->stop_task.run = stop_posted;
	reactor_post(app_reactor(app), &app->stop_task);
}
