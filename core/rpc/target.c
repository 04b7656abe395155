/* Targets: a proxy as one loop uses it, and which endpoint a call gets. */
#include <stdlib.h>

#include "core/rpc/keepalive.h"
#include "core/rpc/proxy.h"
#include "proto/hash.h"

enum { FRESH_FAILURE_MS = 1000 };  /* so long calls share a failure instead of asking again */

static void target_use_route(struct target *t, struct route *route);

/* Pushes do not say whose they are, and what is no TARS cannot share with what is. */
static bool wants_own_peers(const struct tars_proxy *proxy)
{
	return proxy->conf.protocol ||
	       atomic_load_explicit(&proxy->push, memory_order_acquire) != NULL;
}

/* The proxy's route, if it has a new one, or connections of another kind. */
static void take_route(struct target *t, struct err *failure)
{
	struct tars_proxy *proxy = t->proxy;
	struct route *route = NULL;

	pthread_mutex_lock(&proxy->lock);
	if (proxy->route && (proxy->route != t->route || t->is_private != wants_own_peers(proxy)))
		route = route_ref(proxy->route);
	*failure = proxy->failure;
	pthread_mutex_unlock(&proxy->lock);
	if (route)
		target_use_route(t, route);
}

/* Without a route: take the proxy's, wait for the look-up, or share the failure of one that has
 * just ended. */
static void need_route(struct target *t, struct tars_pending *p, struct err *e)
{
	struct tars_proxy *proxy = t->proxy;
	int64_t age_us = reactor_now() - atomic_load(&proxy->asked_us);

	atomic_store(&t->used, true);
	take_route(t, e);
	if (t->route || (e->code && age_us < FRESH_FAILURE_MS * INT64_C(1000)))
		return;
	e->code = 0;
	if (!call_queue_has_room(&t->waiting, proxy->app, e))
		return;
	call_enter_queue(p, &t->waiting);
	if (!atomic_exchange(&proxy->wanted, true))
		reactor_post(app_reactor(proxy->app), &proxy->want);
}

/* ---- choosing ---- */

/*
 * How good an endpoint must be.  A call takes the first level that has one:
 *   CONNECTED  well, and with an open connection
 *   WELL       well; the call waits for the connection
 *   HOPEFUL    shielded, though some of its calls succeeded
 *   ANY        those of which nothing succeeded
 *   LAST       one that the call has been to already: there is no other
 */
enum level { CONNECTED, WELL, HOPEFUL, ANY, LAST };

struct pick {
	struct target *t;
	enum level level;
	int64_t now_us;
	uint64_t tried;
	bool is_probe;
	bool may_connect;      /* to one that others need not wait for */
	signed char panic;     /* 1: shielded ones are used as well; -1: not counted yet */
};

static uint64_t tried_bit(uint32_t index)
{
	return index < 64 ? UINT64_C(1) << index : 0;
}

static bool is_panic(struct pick *k)
{
	const struct target *t = k->t;
	uint32_t usable = 0;

	if (k->panic < 0) {
		for (uint32_t i = 0; i < t->route->n; i++)
			usable += health_is_closed(t->candidates[i].health);
		k->panic = breaker_is_panic(&t->proxy->check, usable, t->route->n);
	}
	return k->panic;
}

/* A shielded one: is it due for a probe, or so sorely missed that it is used all the same? */
static bool shielded_is_usable(struct pick *k, struct candidate *c)
{
	switch (health_take_probe(c->health, k->now_us)) {
	case HEALTH_PROBE_CALL:
		k->is_probe = true;
		return true;
	case HEALTH_PROBE_CONNECT:
		if (peer_is_connected(c->peer))
			health_connected(c->health, k->t->loop->index, k->now_us);
		else
			peer_connect(c->peer);
		return false;
	case HEALTH_NO_PROBE:
		break;
	}
	if (k->level >= ANY)
		return true;
	if (atomic_load_explicit(&c->health->hopeless, memory_order_relaxed))
		return false;
	return k->level == HOPEFUL || is_panic(k);
}

static bool candidate_is_usable(void *arg, uint32_t index)
{
	struct pick *k = arg;
	struct candidate *c = &k->t->candidates[index];

	if (__builtin_expect(k->tried && k->level != LAST, 0) && k->tried & tried_bit(index))
		return false;
	if (__builtin_expect(!health_is_closed(c->health), 0))
		return shielded_is_usable(k, c);
	if (k->level != CONNECTED || peer_is_connected(c->peer))
		return true;
	if (k->may_connect && !peer_is_connecting(c->peer)) {
		k->may_connect = false;
		peer_connect(c->peer);
	}
	return false;
}

struct candidate *target_pick(struct target *t, struct tars_pending *p, bool *is_probe,
			      struct err *e)
{
	struct pick k = { .t = t, .panic = -1, .may_connect = true, .now_us = reactor_now() };
	uint32_t i, turn = t->turn;

	if (__builtin_expect(!t->route, 0)) {
		need_route(t, p, e);
		if (!t->route)
			return NULL;
	}
	if (!t->route->n) {
		err_set(e, TARS_ENOENDPOINT, "no endpoint is given behind '@'");
		return NULL;
	}
	if (p->tried_of != t->route) {
		p->tried_of = t->route;
		p->tried = 0;
	}
	k.tried = p->tried;
	/* A key stays at its endpoint, even if it has to wait for the connection. */
	k.level = p->hash_mode == TARS_HASH_NONE ? CONNECTED : WELL;
	do
		/* A second attempt is nobody's turn: the next call would meet the first one's
		 * endpoint again. */
		i = route_pick(t->route, p->tried ? &turn : &t->turn, p->hash_mode, p->hash,
			       candidate_is_usable, &k);
	while (i == ROUTE_NONE && k.level++ < LAST);
	BUG_ON(i == ROUTE_NONE);
	p->tried |= tried_bit(i);
	*is_probe = k.is_probe;
	return &t->candidates[i];
}

/* ---- routes ---- */

static void drop_candidates(struct target *t, struct candidate *candidates, struct route *route)
{
	for (uint32_t i = 0; route && i < route->n; i++) {
		struct candidate *c = &candidates[i];

		list_remove(&c->node);
		peer_put(c->peer);
		health_drop(c->health, t->loop->index);
	}
	free(candidates);
	route_unref(route);
}

/* Peers that stay keep their connections: the new references come before the old ones go. */
static void target_use_route(struct target *t, struct route *route)
{
	struct route *old_route = t->route;
	struct candidate *old = t->candidates;

	/* Not all processes, and not all of their loops, shall begin with the same one. */
	if (!old_route)
		t->turn = (uint32_t)hash_fnv(&t, sizeof(t)) ^ (uint32_t)reactor_now();
	t->route = route;
	t->is_private = wants_own_peers(t->proxy);
	t->candidates = xcalloc(route->n + 1, sizeof(*t->candidates));
	for (uint32_t i = 0; i < route->n; i++) {
		struct candidate *c = &t->candidates[i];

		c->health = route->health[i];
		health_hold(c->health, t->loop->index);
		c->peer = peer_get(t->loop, &route->active[i], t->proxy->name,
				   t->is_private ? t : NULL);
		list_append(&c->peer->candidates, &c->node);
		if (!c->peer->connect_timeout_ms ||
		    c->peer->connect_timeout_ms > t->proxy->conf.connect_timeout_ms)
			c->peer->connect_timeout_ms = t->proxy->conf.connect_timeout_ms;
		atomic_store_explicit(&c->health->parts[t->loop->index].connected,
				      peer_is_connected(c->peer), memory_order_relaxed);
		keepalive_start(c->peer);
	}
	drop_candidates(t, old, old_route);
}

static void target_changed(struct task *task)
{
	struct target *t = container_of(task, struct target, changed);
	struct list waiting;
	struct err failure;

	atomic_store(&t->changed_posted, false);
	take_route(t, &failure);
	list_init(&waiting);
	list_move(&waiting, &t->waiting.calls);
	while (!list_is_empty(&waiting)) {
		struct tars_pending *p = container_of(waiting.next, struct tars_pending, node);

		call_leave_queue(p);
		if (t->route)
			call_route(p);
		else
			call_fail(p, failure.code, "%s", failure.text);
	}
}

void target_init(struct target *t, struct tars_proxy *proxy, struct loop *l)
{
	t->proxy = proxy;
	t->loop = l;
	t->changed.run = target_changed;
	list_init(&t->waiting.calls);
	t->budget.hundredths = (unsigned)proxy->conf.retry_burst * 100;
}

void target_renew(struct target *t)
{
	struct err failure;

	if (t->route)
		take_route(t, &failure);
}

void targets_tell(struct tars_proxy *proxy)
{
	for (unsigned i = 0; i < proxy->app->n_loops; i++) {
		struct target *t = &proxy->targets[i];

		if (atomic_load(&t->used) && !atomic_exchange(&t->changed_posted, true))
			reactor_post(t->loop->reactor, &t->changed);
	}
}

void targets_drop(struct loop *l)
{
	pthread_mutex_lock(&l->app->lock);
	for (unsigned i = 0; i < PROXY_BUCKETS; i++)
		for (struct tars_proxy *p = l->app->proxies[i]; p; p = p->next) {
			struct target *t = proxy_target(p, l);

			drop_candidates(t, t->candidates, t->route);
			t->candidates = NULL;
			t->route = NULL;
		}
	pthread_mutex_unlock(&l->app->lock);
}

/* ---- hashes of keys ---- */

uint64_t tars_hash(const char *text, size_t n)
{
	return hash_string(text, n);
}

uint64_t tars_hash_new(const char *text, size_t n)
{
	return hash_string_new(text, n);
}
