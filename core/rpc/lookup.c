/* Look-ups: the endpoints of a proxy from the registry, or from the disk while that is away. */
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/rpc/client.h"
#include "core/rpc/proxy.h"
#include "if/QueryF.h"

enum {
	LOOKUP_TIMEOUT_MS = 5000,
	RETRY_MS = 2000, RETRY_SLOW_MS = 30000, RETRY_FAST_TIMES = 3, /* after errors */
	EMPTY_MS = 10000,          /* after an answer without active endpoints */
};

/* ---- asking ---- */

/* What no endpoint can be is left out: the others are good all the same. */
static bool is_endpoint(const struct tars_EndpointF *f)
{
	if (!f->host.n || f->host.n >= sizeof(((struct endpoint *)0)->host) || f->port < 0 ||
	    f->port > 65535 || f->istcp < ENDPOINT_UDP || f->istcp > ENDPOINT_SSL)
		return false;
	for (uint32_t i = 0; i < f->host.n; i++)
		if ((unsigned char)f->host.p[i] <= ' ')
			return false;
	return true;
}

static int32_t at_least_0(int32_t v)
{
	return v < 0 ? 0 : v;
}

static void endpoints_from(struct endpoint_list *list, const struct tars_EndpointF_list *from,
			   struct arena *a)
{
	list->v = arena_alloc(a, from->n * sizeof(*list->v));
	list->n = 0;
	for (uint32_t i = 0; i < from->n; i++) {
		const struct tars_EndpointF *f = &from->v[i];
		struct endpoint *ep = &list->v[list->n];

		if (!is_endpoint(f))
			continue;
		memcpy(ep->host, f->host.p, f->host.n + 1);
		ep->port = f->port;
		ep->timeout_ms = at_least_0(f->timeout);
		ep->type = f->istcp;
		ep->grid = at_least_0(f->grid);
		ep->qos = at_least_0(f->qos);
		ep->weight = f->weight;
		ep->weight_type = (uint32_t)at_least_0(f->weightType);
		ep->auth = f->authType == 1;
		if (f->setId.n < sizeof(ep->set))
			memcpy(ep->set, f->setId.p, f->setId.n + 1);
		list->n++;
	}
}

struct answer {
	int ret;
	struct tars_EndpointF_list active, inactive;
};

#define TAKE_ANSWER(a, out) \
	(*(a) = (struct answer){ (out).ret, (out).activeEp, (out).inactiveEp })

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

static int find_in_set(struct tars_call *c, const struct tars_proxy *proxy, struct answer *a)
{
	struct tars_QueryF_findObjectByIdInSameSet_in in = {
		.id = str(proxy->name), .setId = str(proxy->conf.set) };
	struct tars_QueryF_findObjectByIdInSameSet_out out;
	int rc = tars_QueryF_findObjectByIdInSameSet(c, &in, &out);

	if (!rc)
		TAKE_ANSWER(a, out);
	return rc;
}

static int find_in_station(struct tars_call *c, const struct tars_proxy *proxy, struct answer *a)
{
	struct tars_QueryF_findObjectByIdInSameStation_in in = {
		.id = str(proxy->name), .sStation = str(proxy->conf.station) };
	struct tars_QueryF_findObjectByIdInSameStation_out out;
	int rc = tars_QueryF_findObjectByIdInSameStation(c, &in, &out);

	if (!rc)
		TAKE_ANSWER(a, out);
	return rc;
}

static int find_in_group(struct tars_call *c, const struct tars_proxy *proxy, struct answer *a)
{
	struct tars_QueryF_findObjectByIdInSameGroup_in in = { .id = str(proxy->name) };
	struct tars_QueryF_findObjectByIdInSameGroup_out out;
	int rc = tars_QueryF_findObjectByIdInSameGroup(c, &in, &out);

	if (!rc)
		TAKE_ANSWER(a, out);
	return rc;
}

/* Asks the registry as the official client does (contract 3.2); the lists live in rq. */
static int ask(struct tars_proxy *proxy, struct tars_req *rq, struct endpoint_list *active,
	       struct endpoint_list *inactive, struct err *e)
{
	struct tars_call c = { .to = atomic_load(&proxy->app->registry), .rq = rq,
			       .timeout_ms = LOOKUP_TIMEOUT_MS };
	struct answer a;
	int rc;

	if (!c.to)
		return err_set(e, TARS_ENOENDPOINT, "no endpoint: no locator is configured, so "
			       "give the object as '%s@tcp -h HOST -p PORT'", proxy->name);
	rc = proxy->conf.station ? find_in_station(&c, proxy, &a) :
	     proxy->conf.set ? find_in_set(&c, proxy, &a) : find_in_group(&c, proxy, &a);
	if (rc)
		return err_set(e, TARS_ENOENDPOINT, "no endpoint: %s", c.error);
	if (a.ret)
		return err_set(e, TARS_ENOENDPOINT, "no endpoint: the registry %s answered %d%s",
			       c.to->object, a.ret, proxy->scope);
	endpoints_from(active, &a.active, req_arena(rq));
	endpoints_from(inactive, &a.inactive, req_arena(rq));
	if (!active->n)
		return err_set(e, TARS_ENOTFOUND, "no endpoint: the registry %s knows no active "
			       "server for it%s (tars ctl list)", c.to->object, proxy->scope);
	return TARS_OK;
}

/* ---- what comes of it ---- */

/* What is known of endpoints that stay is kept.  Both lists are sorted. */
void proxy_set_health(struct tars_proxy *proxy, struct route *route, const struct route *old)
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

	proxy_set_health(proxy, route, proxy->route);
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
		cached = proxy_cache_find(proxy->app->cache, proxy->cache_key);
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
	if (rc == TARS_OK || rc == TARS_ENOTFOUND)
		lookout_add(&app->lookout, proxy);
	atomic_store(&proxy->asked_us, reactor_now());
	/* Before the targets are told: a call that still sees it true is served by that. */
	atomic_store(&proxy->wanted, false);
	targets_tell(proxy);
	if (!atomic_load(&app->closed))
		timer_start(&proxy->refresh, next_refresh_ms(proxy, rc), refresh_due);
	if (changed)
		proxy_cache_put(app->cache, proxy->cache_key, &active, &inactive);
	tars_end(rq);
	count_add(&app->loops[0].n_coros, -1);
}

static void refresh_due(struct timer *t)
{
	struct tars_proxy *proxy = container_of(t, struct tars_proxy, refresh);

	if (!atomic_exchange(&proxy->wanted, true))
		coro_start(CORO_STACK_USER, look_up, proxy);
}

void look_up_wanted(struct task *t)
{
	struct tars_proxy *proxy = container_of(t, struct tars_proxy, want);

	timer_stop(&proxy->refresh);
	coro_start(CORO_STACK_USER, look_up, proxy);
}
