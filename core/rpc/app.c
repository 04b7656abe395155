/* The app: its loops, how it starts, drains and ends. */
#include "core/rpc/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/io/pool.h"
#include "core/io/wait.h"
#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/metrics.h"
#include "core/rpc/proxy.h"
#include "core/rpc/remotelog.h"
#include "core/rpc/req.h"
#include "core/rpc/secure.h"
#include "core/rpc/server.h"
#include "core/sys/log.h"

enum {
	DRAIN_POLL_MS = 2,
	PATIENCE_US = 1000000, /* with requests, until those that never pause are told to go */
	END_MS = 10000,      /* for handlers, and coroutines of ours: a name look-up, a slow disk */
	LAST_REPORT_MS = 1000,
	FLUSH_MS = 1000,     /* for the last output */
	SEND_LOGS_MS = 1000,
	MAX_TOLD = 10,       /* requests that are left behind, of each loop */
};

static __thread struct loop *current_loop;

struct loop *loop_self(void)
{
	return current_loop;
}

static void loop_enter(struct task *t)
{
	current_loop = container_of(t, struct loop, enter);
	atomic_store(&current_loop->thread, pthread_self());
}

/* ---- creation ---- */

static const char *copy_or_null(struct arena *a, const char *s)
{
	return s && *s ? arena_strdup(a, s) : NULL;
}

static void copy_conf(struct tars_app *app, const struct app_conf *conf)
{
	struct app_conf *c = &app->conf;
	struct arena *a = &app->arena;

	*c = *conf;
	c->log = (struct applog_conf){ 0 }; /* the log has its own copies */
	c->locator = copy_or_null(a, conf->locator);
	c->module = copy_or_null(a, conf->module);
	c->node_name = copy_or_null(a, conf->node_name);
	c->set = copy_or_null(a, conf->set);
	c->cache_path = copy_or_null(a, conf->cache_path);
	c->log_object = copy_or_null(a, conf->log_object);
	if (!c->reactors)
		c->reactors = 1;
	if (c->reactors > MAX_REACTORS)
		c->reactors = MAX_REACTORS;
	if (!c->sync_timeout_ms)
		c->sync_timeout_ms = 3000;
	if (!c->async_timeout_ms)
		c->async_timeout_ms = 5000;
	if (!c->refresh_ms)
		c->refresh_ms = 60000;
	if (!c->connect_timeout_ms)
		c->connect_timeout_ms = 3000;
	if (!c->trace_kb)
		c->trace_kb = 1;
	if (!c->max_unsent)
		c->max_unsent = 100000;
	if (!c->tls_check_ms)
		c->tls_check_ms = 5000;
	if (!c->coro_stack)
		c->coro_stack = CORO_STACK_USER;
	if (!c->coro_memory)
		c->coro_memory = (size_t)1 << 30;
	if (!c->end_ms)
		c->end_ms = END_MS;
	app->max_handlers = (unsigned)(c->coro_memory / c->coro_stack / c->reactors);
	if (!app->max_handlers)
		app->max_handlers = 1;
}

static int loop_init(struct loop *l, struct tars_app *app, unsigned index, struct err *e)
{
	l->app = app;
	l->index = index;
	l->enter.run = loop_enter;
	list_init(&l->conns);
	for (unsigned i = 0; i < PEER_BUCKETS; i++)
		list_init(&l->peers[i]);
	list_init(&l->links);
	arena_init(&l->scratch, NULL, 0);
	stats_init(l, app->conf.report.property && *app->conf.report.property);
	l->reactor = reactor_new(e);
	return l->reactor ? 0 : e->code;
}

static int loop_start_thread(struct loop *l, struct err *e)
{
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "reactor-%u", l->index);
	reactor_post(l->reactor, &l->enter);
	rc = reactor_start_thread(l->reactor, name, e);
	l->threaded = !rc;
	return rc;
}

static void loop_join(struct loop *l)
{
	if (l->threaded)
		reactor_join(l->reactor);
	l->threaded = false;
}

static void start_logs(struct tars_app *app, const struct app_conf *conf)
{
	const struct applog_conf *log = &conf->log;

	app->name = arena_strf(&app->arena, "%s%s%s", log->app ? log->app : "",
			       log->app ? "." : "", log->server ? log->server : "");
	app->log = applog_new(log);
	if (conf->log_level)
		atomic_init(&app->logs.level, conf->log_level);
	if (app->conf.log_object)
		app->remote_log = remotelog_new(app, app->conf.log_object, log->app, log->server);
}

struct tars_app *app_new(const struct app_conf *conf, struct err *e)
{
	struct tars_app *app = xcalloc(1, sizeof(*app));
	int rc = 0;

	arena_init(&app->arena, NULL, 0);
	pthread_mutex_init(&app->lock, NULL);
	pthread_mutex_init(&app->secure_refresh, NULL);
	dye_init(&app->dye);
	log_state_init(&app->logs);
	list_init(&app->adapters);
	list_init(&app->groups);
	list_init(&app->secure_ctxs);
	list_init(&app->secure_objects);
	copy_conf(app, conf);
	start_logs(app, conf);
	metrics_init(app);
	metrics_init_calls(app);
	app->properties = property_list_new();
	app->cache = proxy_cache_open(app->conf.cache_path);
	app->loops = xcalloc_lines(app->conf.reactors * sizeof(*app->loops));
	for (; !rc && app->n_loops < app->conf.reactors; app->n_loops += !rc)
		rc = loop_init(&app->loops[app->n_loops], app, app->n_loops, e);
	/* The main loop belongs to the caller of app_run. */
	for (unsigned i = 1; !rc && i < app->n_loops; i++)
		rc = loop_start_thread(&app->loops[i], e);
	if (rc) {
		app_free(app);
		return NULL;
	}
	app_set_locator(app, app->conf.locator);
	app->report = reporter_new(app, &conf->report);
	return app;
}

static void loop_free(struct loop *l)
{
	struct tars_req *rq;

	current_loop = l;
	reactor_free(l->reactor);
	current_loop = NULL;
	while ((rq = l->free_reqs)) {
		l->free_reqs = rq->next_free;
		req_free(rq);
	}
	call_free_all(l);
	arena_clear(&l->scratch);
	stats_release(l);
}

void app_free(struct tars_app *app)
{
	if (!app)
		return;
	atomic_store(&app->closed, true);
	remotelog_free(app->remote_log);
	for (unsigned i = 0; i < app->n_loops; i++) {
		reactor_stop(app->loops[i].reactor);
		loop_join(&app->loops[i]);
	}
	/* A handler or look-up that is still waiting will come back to its loop. */
	if (app->abandoned)
		return;
	for (unsigned i = 0; i < app->n_loops; i++)
		loop_free(&app->loops[i]);
	adapters_free(app);
	reporter_free(app->report);
	property_list_free(app->properties);
	proxies_free(app);
	secure_free(app);
	proxy_cache_free(app->cache);
	free(app->loops);
	applog_free(app->log);
	dye_release(&app->dye);
	log_state_release(&app->logs);
	pthread_mutex_destroy(&app->lock);
	pthread_mutex_destroy(&app->secure_refresh);
	arena_clear(&app->arena);
	free(app);
}

struct reactor *app_reactor(struct tars_app *app)
{
	return app->loops[0].reactor;
}

/* ---- work of the roles ---- */

struct spawned {
	struct task task;
	struct tars_app *app;
	void (*fn)(struct tars_req *rq, void *arg);
	void *arg;
};

static void run_spawned(void *arg)
{
	struct spawned s = *(struct spawned *)arg;
	struct loop *l = &s.app->loops[0];
	struct tars_req *rq = req_new(l);

	free(arg);
	count_add(&l->n_coros, 1);
	s.fn(rq, s.arg);
	tars_end(rq);
	count_add(&l->n_coros, -1);
}

static void spawn_posted(struct task *t)
{
	struct spawned *s = container_of(t, struct spawned, task);

	coro_start(s->app->conf.coro_stack, run_spawned, s);
}

void app_spawn(struct tars_app *app, void (*fn)(struct tars_req *rq, void *arg), void *arg)
{
	struct spawned *s = xcalloc(1, sizeof(*s));

	s->app = app;
	s->fn = fn;
	s->arg = arg;
	s->task.run = spawn_posted;
	reactor_post(app_reactor(app), &s->task);
}

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

/* ---- running ---- */

static void run_started(void *arg)
{
	struct tars_app *app = arg;

	app->started(app->started_arg);
}

static void start_posted(struct task *t)
{
	coro_start(CORO_STACK_USER, run_started, container_of(t, struct tars_app, start_task));
}

void app_run(struct tars_app *app, void (*started)(void *arg), void *arg)
{
	struct loop *main_loop = &app->loops[0], *outer = current_loop;

	app->started = started;
	app->started_arg = arg;
	if (started) {
		app->start_task.run = start_posted;
		reactor_post(main_loop->reactor, &app->start_task);
	}
	loop_enter(&main_loop->enter);
	reactor_run(main_loop->reactor);
	current_loop = outer;
	for (unsigned i = 1; i < app->n_loops; i++)
		loop_join(&app->loops[i]);
}

/* ---- clients ---- */

struct tars_app *tars_start_with(const struct tars_start_conf *c, char *error, size_t size)
{
	struct app_conf conf = {
		.locator = c->locator, .module = c->module, .node_name = c->node_name,
		.set = c->set, .cache_path = c->cache_path, .reactors = c->threads,
		.sync_timeout_ms = c->sync_timeout_ms, .async_timeout_ms = c->async_timeout_ms,
		.refresh_ms = c->refresh_ms,
		.report = { .stat = c->stat, .property = c->property,
			    .interval_ms = c->report_interval_ms },
		.keep_alive_ms = c->keep_alive_ms, .max_unsent = c->max_unsent,
	};
	struct tars_app *app;
	struct err e;

	app = app_new(&conf, &e);
	if (app && app->registry && app->registry->bad.code)
		err_set(&e, TARS_EARG, "locator: %s", app->registry->bad.text);
	else if (app && !loop_start_thread(&app->loops[0], &e))
		return app;
	if (size)
		snprintf(error, size, "%s", e.text);
	app_free(app);
	return NULL;
}

struct tars_app *tars_start(const char *locator, char *error, size_t size)
{
	return tars_start_with(&(struct tars_start_conf){ .locator = locator }, error, size);
}

void tars_stop(struct tars_app *app)
{
	if (!app)
		return;
	app_stop(app, 0);
	for (unsigned i = 0; i < app->n_loops; i++)
		loop_join(&app->loops[i]);
	app_free(app);
}

/* ---- what users keep in it ---- */

void tars_set_app_data(struct tars_app *app, void *data)
{
	app->data = data;
}

void *tars_app_data(const struct tars_app *app)
{
	return app->data;
}

const char *tars_config(const struct tars_app *app, const char *path, const char *fallback)
{
	const struct tarsconf *config = atomic_load_explicit(&app->config, memory_order_acquire);

	return config ? tarsconf_get_or(config, path, fallback) : fallback;
}
