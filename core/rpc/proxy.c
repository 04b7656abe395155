/* Proxies: objects by string, their look-ups in the registry, and the routes that come of them. */
#include "core/rpc/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/rpc/client.h"
#include "if/QueryF.h"

enum {
	LOOKUP_TIMEOUT_MS = 5000,
	RETRY_MS = 2000, RETRY_SLOW_MS = 30000, RETRY_FAST_TIMES = 3, /* after errors */
	EMPTY_MS = 10000,          /* after an answer without active endpoints */
};

const char *proxy_registry_name(struct tars_app *app)
{
	struct tars_proxy *registry = atomic_load(&app->registry);

	return registry ? registry->object : "(none)";
}

/* ---- look-ups, on the main loop ---- */

static void endpoints_from(struct endpoint_list *list, const struct tars_EndpointF_list *from,
			   struct arena *a)
{
	list->v = arena_alloc(a, from->n * sizeof(*list->v));
	list->n = 0;
	for (uint32_t i = 0; i < from->n; i++) {
		const struct tars_EndpointF *f = &from->v[i];
		struct endpoint *ep = &list->v[list->n];

		if (f->host.n >= sizeof(ep->host))
			continue;
		memcpy(ep->host, f->host.p, f->host.n + 1);
		ep->port = f->port;
		ep->timeout_ms = f->timeout;
		ep->type = f->istcp;
		ep->grid = f->grid;
		ep->qos = f->qos;
		ep->weight = f->weight;
		ep->weight_type = f->weightType;
		ep->auth = f->authType;
		list->n++;
	}
}

/* Asks the registry; the lists live in rq. */
static int ask(struct tars_proxy *proxy, struct tars_req *rq, struct endpoint_list *active,
	       struct endpoint_list *inactive, struct err *e)
{
	struct tars_app *app = proxy->app;
	struct tars_call c = { .to = atomic_load(&app->registry), .rq = rq,
			       .timeout_ms = LOOKUP_TIMEOUT_MS };
	struct tars_str id = { proxy->name, (uint32_t)strlen(proxy->name) };
	struct tars_QueryF_findObjectByIdInSameGroup_out out;
	int rc;

	if (!c.to)
		return err_set(e, TARS_ENOENDPOINT, "no endpoint: no locator is configured, so "
			       "give the object as '%s@tcp -h HOST -p PORT'", proxy->name);
	if (app->conf.set) {
		struct tars_QueryF_findObjectByIdInSameSet_in in = {
			.id = id, .setId = { app->conf.set, (uint32_t)strlen(app->conf.set) } };
		struct tars_QueryF_findObjectByIdInSameSet_out set_out;

		rc = tars_QueryF_findObjectByIdInSameSet(&c, &in, &set_out);
		out.ret = set_out.ret;
		out.activeEp = set_out.activeEp;
		out.inactiveEp = set_out.inactiveEp;
	} else {
		struct tars_QueryF_findObjectByIdInSameGroup_in in = { .id = id };

		rc = tars_QueryF_findObjectByIdInSameGroup(&c, &in, &out);
	}
	if (rc)
		return err_set(e, TARS_ENOENDPOINT, "no endpoint: %s", c.error);
	if (out.ret)
		return err_set(e, TARS_ENOENDPOINT, "no endpoint: the registry %s answered %d "
			       "(set %s)", c.to->object, out.ret,
			       app->conf.set ? app->conf.set : "none");
	endpoints_from(active, &out.activeEp, req_arena(rq));
	endpoints_from(inactive, &out.inactiveEp, req_arena(rq));
	if (!active->n)
		return err_set(e, TARS_ENOTFOUND, "no endpoint: the registry %s knows no active "
			       "server for it (tars ctl list)", c.to->object);
	return TARS_OK;
}

/* What is known of endpoints that stay is kept.  Both lists are sorted. */
static void set_health(struct tars_proxy *proxy, struct route *route, const struct route *old)
{
	struct health **found = xcalloc(route->n + 1, sizeof(*found));
	uint32_t k = 0;

	for (uint32_t i = 0; i < route->n; i++) {
		const struct endpoint *ep = &route->active[i];

		while (old && k < old->n && endpoint_compare(&old->active[k], ep) < 0)
			k++;
		if (old && k < old->n && !endpoint_compare(&old->active[k], ep))
			found[i] = health_ref(old->health[k]);
		else
			found[i] = health_new(proxy->app, proxy->name, &proxy->check, ep,
					      proxy->app->n_loops);
	}
	route_set_health(route, found);
	for (uint32_t i = 0; i < route->n; i++)
		health_unref(found[i]);
	free(found);
}

static void publish_route(struct tars_proxy *proxy, struct route *route)
{
	struct route *old;

	set_health(proxy, route, proxy->route);
	pthread_mutex_lock(&proxy->lock);
	old = proxy->route;
	proxy->route = route;
	proxy->failure.code = 0;
	pthread_mutex_unlock(&proxy->lock);
	route_unref(old);
}

/* Without any route the failure is what the waiting calls get. */
static void publish_failure(struct tars_proxy *proxy, const struct err *e)
{
	struct route *cached = NULL;

	if (proxy->route)
		return;
	if (e->code != TARS_ENOTFOUND)
		cached = proxy_cache_find(proxy->app->cache, proxy->name);
	if (cached) {
		publish_route(proxy, cached);
		return;
	}
	pthread_mutex_lock(&proxy->lock);
	proxy->failure = *e;
	proxy->failure.code = TARS_ENOENDPOINT;
	pthread_mutex_unlock(&proxy->lock);
}

static void refresh_due(struct timer *t);

static int64_t next_refresh_ms(struct tars_proxy *proxy, int rc)
{
	if (rc == TARS_OK)
		return proxy->app->conf.refresh_ms;
	if (rc == TARS_ENOTFOUND)
		return EMPTY_MS;
	return proxy->failures > RETRY_FAST_TIMES ? RETRY_SLOW_MS : RETRY_MS;
}

static void look_up(void *arg)
{
	struct tars_proxy *proxy = arg;
	struct tars_app *app = proxy->app;
	struct tars_req *rq = req_new(&app->loops[0]);
	struct endpoint_list active = { 0 }, inactive = { 0 };
	bool changed = false;
	struct err e;
	int rc;

	count_add(&app->loops[0].n_coros, 1);
	rc = ask(proxy, rq, &active, &inactive, &e);
	if (rc == TARS_OK) {
		struct route *route = route_new(&active, &inactive);

		proxy->failures = 0;
		changed = !proxy->route || !route_equal(route, proxy->route);
		if (changed)
			publish_route(proxy, route);
		else
			route_unref(route);
	} else {
		proxy->failures = rc == TARS_ENOTFOUND ? 0 : proxy->failures + 1;
		publish_failure(proxy, &e);
	}
	atomic_store(&proxy->asked_us, reactor_now());
	/* Before the targets are told: a call that still sees it true is served by that. */
	atomic_store(&proxy->wanted, false);
	targets_tell(proxy);
	if (!atomic_load(&app->closed))
		timer_start(&proxy->refresh, next_refresh_ms(proxy, rc), refresh_due);
	if (changed)
		proxy_cache_put(app->cache, proxy->name, &active, &inactive);
	tars_end(rq);
	count_add(&app->loops[0].n_coros, -1);
}

static void refresh_due(struct timer *t)
{
	struct tars_proxy *proxy = container_of(t, struct tars_proxy, refresh);

	if (!atomic_exchange(&proxy->wanted, true))
		coro_start(CORO_STACK_USER, look_up, proxy);
}

static void look_up_wanted(struct task *t)
{
	struct tars_proxy *proxy = container_of(t, struct tars_proxy, want);

	timer_stop(&proxy->refresh);
	coro_start(CORO_STACK_USER, look_up, proxy);
}

/* ---- creation ---- */

static struct tars_proxy *proxy_new(struct tars_app *app, const char *object,
				    const struct tars_check *check)
{
	struct tars_proxy *proxy;
	struct object_ref ref;
	struct arena *a = &app->arena;

	proxy = arena_alloc(a, sizeof(*proxy) + app->n_loops * sizeof(proxy->targets[0]));
	proxy->app = app;
	proxy->object = arena_strdup(a, object);
	proxy->name = proxy->object;
	proxy->check = *check;
	pthread_mutex_init(&proxy->lock, NULL);
	proxy->want.run = look_up_wanted;
	for (unsigned i = 0; i < app->n_loops; i++)
		target_init(&proxy->targets[i], proxy, &app->loops[i]);
	if (object_ref_parse(object, &ref, a, &proxy->bad) < 0)
		return proxy;
	proxy->bad.code = 0;
	proxy->name = ref.name;
	proxy->direct = ref.direct;
	if (ref.direct) {
		proxy->route = route_new(&ref.eps, &(struct endpoint_list){ 0 });
		set_health(proxy, proxy->route, NULL);
		targets_tell(proxy);
	}
	return proxy;
}

static bool check_equal(const struct tars_check *a, const struct tars_check *b)
{
	return a->window_ms == b->window_ms && a->min_failures == b->min_failures &&
	       a->ratio == b->ratio && a->consecutive == b->consecutive &&
	       a->consecutive_ms == b->consecutive_ms && a->retry_ms == b->retry_ms &&
	       a->connect_failures == b->connect_failures &&
	       a->usable_percent == b->usable_percent && a->off == b->off;
}

struct tars_proxy *tars_proxy_conf(struct tars_app *app, const char *object,
				   const struct tars_proxy_conf *conf)
{
	struct tars_proxy **bucket, *proxy;
	struct tars_check check;

	breaker_conf_init(&check, conf->check);
	bucket = &app->proxies[hash_fnv(object, strlen(object)) % PROXY_BUCKETS];
	pthread_mutex_lock(&app->lock);
	for (proxy = *bucket; proxy; proxy = proxy->next)
		if (!strcmp(proxy->object, object) && check_equal(&proxy->check, &check))
			break;
	if (!proxy) {
		proxy = proxy_new(app, object, &check);
		proxy->next = *bucket;
		*bucket = proxy;
	}
	pthread_mutex_unlock(&app->lock);
	return proxy;
}

struct tars_proxy *tars_proxy(struct tars_app *app, const char *object)
{
	return tars_proxy_conf(app, object, &(struct tars_proxy_conf){ 0 });
}

void app_set_locator(struct tars_app *app, const char *locator)
{
	atomic_store(&app->registry, locator && *locator ? tars_proxy(app, locator) : NULL);
}

/* ---- for people ---- */

void endpoints_each(struct tars_app *app,
		    void (*visit)(const struct tars_proxy *proxy, const struct health_info *info,
				  void *arg), void *arg)
{
	pthread_mutex_lock(&app->lock);
	for (unsigned i = 0; i < PROXY_BUCKETS; i++)
		for (struct tars_proxy *p = app->proxies[i]; p; p = p->next) {
			struct route *route;

			pthread_mutex_lock(&p->lock);
			route = p->route ? route_ref(p->route) : NULL;
			pthread_mutex_unlock(&p->lock);
			for (uint32_t k = 0; route && k < route->n; k++) {
				struct health_info info;

				health_get_info(route->health[k], &info);
				visit(p, &info, arg);
			}
			if (!route || !route->n)
				visit(p, NULL, arg);
			route_unref(route);
		}
	pthread_mutex_unlock(&app->lock);
}

static void print_endpoint(const struct tars_proxy *proxy, const struct health_info *info,
			   void *arg)
{
	struct buf *b = arg;

	if (info)
		health_print(b, proxy->name, info);
	else
		buf_addf(b, "%s no endpoint known\n", proxy->name);
}

void endpoints_print(struct tars_app *app, struct buf *b)
{
	endpoints_each(app, print_endpoint, b);
}

/* ---- the end ---- */

void proxies_stop(struct tars_app *app)
{
	pthread_mutex_lock(&app->lock);
	for (unsigned i = 0; i < PROXY_BUCKETS; i++)
		for (struct tars_proxy *p = app->proxies[i]; p; p = p->next)
			timer_stop(&p->refresh);
	pthread_mutex_unlock(&app->lock);
}

void proxies_free(struct tars_app *app)
{
	for (unsigned i = 0; i < PROXY_BUCKETS; i++)
		for (struct tars_proxy *p = app->proxies[i]; p; p = p->next) {
			route_unref(p->route);
			pthread_mutex_destroy(&p->lock);
		}
}
