/* Proxies: objects by string and options; the same ones give the same proxy. */
#include "core/rpc/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc/client.h"
#include "core/rpc/message.h"
#include "proto/hash.h"

const char *proxy_registry_name(struct tars_app *app)
{
	struct tars_proxy *registry = atomic_load(&app->registry);

	return registry ? registry->object : "(none)";
}

/* ---- creation ---- */

enum { RETRY_PERCENT = 10, RETRY_BURST = 10 };

/* Options as they are in force. */
static void fill_conf(struct tars_proxy_conf *c, struct tars_check *check,
		      const struct tars_proxy_conf *given, const struct app_conf *app)
{
	*c = *given;
	breaker_conf_init(check, given->check);
	c->check = check;
	if (c->station && !*c->station)
		c->station = NULL;
	if (!c->set && !c->station)
		c->set = app->set;
	if (c->set && !*c->set)
		c->set = NULL;
	if (c->connect_timeout_ms <= 0)
		c->connect_timeout_ms = (int)app->connect_timeout_ms;
	if (c->retry_percent <= 0)
		c->retry_percent = RETRY_PERCENT;
	if (c->retry_burst <= 0)
		c->retry_burst = RETRY_BURST;
}

/* "name.area.group", where the group may be "*". */
static bool is_set(const char *text)
{
	unsigned dots = 0;

	for (const char *p = text; *p; p++)
		if (*p == '.') {
			if (p == text || p[-1] == '.' || !p[1])
				return false;
			dots++;
		}
	return dots == 2 && *text != '*' && !strstr(text, ".*.");
}

static void check_conf(struct tars_proxy *proxy)
{
	const struct tars_proxy_conf *c = &proxy->conf;

	if (c->set && c->station)
		err_set(&proxy->bad, TARS_EARG, "%s: give a set or a station, not both",
			proxy->object);
	else if (c->set && !is_set(c->set))
		err_set(&proxy->bad, TARS_EARG, "%s: the set '%s' is not NAME.AREA.GROUP",
			proxy->object, c->set);
}

static void set_scope(struct tars_proxy *proxy, struct arena *a)
{
	const struct tars_proxy_conf *c = &proxy->conf;

	proxy->scope = c->station ? arena_strf(a, " in the station %s", c->station) :
		       c->set ? arena_strf(a, " in the set %s", c->set) : "";
	proxy->cache_key = c->station ? arena_strf(a, "%s:station:%s", proxy->name, c->station) :
			   c->set ? arena_strf(a, "%s:%s", proxy->name, c->set) : proxy->name;
}

static const struct tars_retry *copy_retries(const struct tars_proxy_conf *c, struct arena *a)
{
	struct tars_retry *v = arena_alloc(a, (size_t)c->n_retries * sizeof(*v));

	for (int i = 0; i < c->n_retries; i++) {
		v[i] = c->retries[i];
		v[i].func = v[i].func ? arena_strdup(a, v[i].func) : NULL;
	}
	return v;
}

static int parse_object(struct tars_proxy *proxy, struct arena *a)
{
	struct arena scratch;
	struct object_ref ref;
	int rc;

	arena_init(&scratch, NULL, 0);
	rc = object_ref_parse(proxy->object, &ref, &scratch, &proxy->bad);
	if (rc >= 0) {
		proxy->bad.code = 0;
		proxy->name = arena_strdup(a, ref.name);
		proxy->direct = ref.direct;
		if (ref.direct) {
			proxy->route = route_new(&ref.eps, &(struct endpoint_list){ 0 });
			proxy_set_health(proxy, proxy->route, NULL);
		}
		rc = 0;
	}
	arena_clear(&scratch);
	return rc;
}

static struct tars_proxy *proxy_new(struct tars_app *app, const char *object,
				    const struct tars_proxy_conf *conf)
{
	struct tars_proxy *proxy;
	struct arena *a = &app->arena;

	proxy = arena_alloc(a, sizeof(*proxy) + app->n_loops * sizeof(proxy->targets[0]));
	proxy->app = app;
	proxy->object = arena_strdup(a, object);
	proxy->name = proxy->object;
	proxy->conf = *conf;
	proxy->check = *conf->check;
	proxy->conf.check = &proxy->check;
	proxy->conf.set = conf->set ? arena_strdup(a, conf->set) : NULL;
	proxy->conf.station = conf->station ? arena_strdup(a, conf->station) : NULL;
	proxy->conf.retries = copy_retries(conf, a);
	pthread_mutex_init(&proxy->lock, NULL);
	proxy->want.run = look_up_wanted;
	for (unsigned i = 0; i < app->n_loops; i++)
		target_init(&proxy->targets[i], proxy, &app->loops[i]);
	if (parse_object(proxy, a))
		return proxy;
	if (!proxy->direct)
		check_conf(proxy);
	if (!proxy->bad.code && conf->protocol)
		message_check_proxy(proxy);
	set_scope(proxy, a);
	return proxy;
}

static bool text_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool check_equal(const struct tars_check *a, const struct tars_check *b)
{
	return a->window_ms == b->window_ms && a->min_failures == b->min_failures &&
	       a->ratio == b->ratio && a->consecutive == b->consecutive &&
	       a->consecutive_ms == b->consecutive_ms && a->retry_ms == b->retry_ms &&
	       a->connect_failures == b->connect_failures &&
	       a->usable_percent == b->usable_percent && a->off == b->off;
}

static bool retries_equal(const struct tars_proxy_conf *a, const struct tars_proxy_conf *b)
{
	if (a->n_retries != b->n_retries || a->retry_percent != b->retry_percent ||
	    a->retry_burst != b->retry_burst)
		return false;
	for (int i = 0; i < a->n_retries; i++) {
		const struct tars_retry *x = &a->retries[i], *y = &b->retries[i];

		if (!text_equal(x->func, y->func) || x->attempts != y->attempts ||
		    x->backup_ms != y->backup_ms)
			return false;
	}
	return true;
}

static bool conf_equal(const struct tars_proxy_conf *a, const struct tars_proxy_conf *b)
{
	return a->timeout_ms == b->timeout_ms && a->connect_timeout_ms == b->connect_timeout_ms &&
	       a->protocol == b->protocol && text_equal(a->set, b->set) && text_equal(a->station, b->station) &&
	       check_equal(a->check, b->check) && retries_equal(a, b);
}

struct tars_proxy *tars_proxy_conf(struct tars_app *app, const char *object,
				   const struct tars_proxy_conf *given)
{
	struct tars_proxy **bucket, *proxy;
	struct tars_proxy_conf conf;
	struct tars_check check;

	fill_conf(&conf, &check, given, &app->conf);
	bucket = &app->proxies[hash_fnv(object, strlen(object)) % PROXY_BUCKETS];
	pthread_mutex_lock(&app->lock);
	for (proxy = *bucket; proxy; proxy = proxy->next)
		if (!strcmp(proxy->object, object) && conf_equal(&proxy->conf, &conf))
			break;
	if (!proxy) {
		proxy = proxy_new(app, object, &conf);
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
	/* Look-ups are @idempotent: one that a registry took with it to its end asks the next. */
	static const struct tars_retry rule;
	static const struct tars_proxy_conf again = { .retries = &rule, .n_retries = 1 };

	atomic_store(&app->registry,
		     locator && *locator ? tars_proxy_conf(app, locator, &again) : NULL);
}

const char *app_locator(const struct tars_app *app)
{
	const struct tars_proxy *registry = atomic_load(&app->registry);

	return registry ? registry->object : "";
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

/* ---- the end ---- */

void proxies_stop(struct tars_app *app)
{
	lookout_stop(&app->lookout);
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
