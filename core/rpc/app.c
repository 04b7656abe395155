/* The app: its loops, how it starts and runs. */
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
#include "core/rpc/sample.h"
#include "core/rpc/secure.h"
#include "core/rpc/server.h"
#include "core/sys/log.h"

/* For handlers, and coroutines of ours: a name look-up, a slow disk. */
enum { END_MS = 10000 };

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
	app->sampler = sampler_new(app->conf.sample_rate, app->conf.max_samples);
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
	lookout_init(&app->lookout, app);
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
	sampler_free(app->sampler);
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
