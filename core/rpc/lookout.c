/* Hearing that the endpoints of an object may have changed, to look them up again at once. */
#include "core/rpc/lookout.h"

#include <string.h>

#include "core/io/coro.h"
#include "core/rpc/proxy.h"
#include "if/Mirror.h"
#include "proto/endpoint.h"

enum {
	FIRST_MS = 500,          /* tools that end at once need not watch */
	BEAT_MS = 20000,         /* keeps the connection, and finds out that it is dead */
	AGAIN_MS = 2000,         /* after it ended */
	UNKNOWN_MS = 300000,     /* whoever is there does not tell */
	CALL_MS = 3000,
};

static void due(struct timer *t);

static void start(struct lookout *w, int64_t ms)
{
	if (!w->is_calling && !w->is_stopped && !atomic_load(&w->app->closed))
		timer_start(&w->timer, ms, due);
}

static void look_up_again(struct tars_proxy *proxy)
{
	if (!atomic_exchange(&proxy->wanted, true))
		look_up_wanted(&proxy->want);
}

/* ---- what comes ---- */

static void changed(void *ctx, const struct tars_WatchNews_changed_out *news)
{
	struct lookout *w = ctx;

	if (atomic_load(&w->app->closed))
		return;
	for (uint32_t i = 0; i < news->ids.n; i++)
		for (struct tars_proxy *p = w->first; p; p = p->next_watched)
			if (!strcmp(p->name, news->ids.v[i].p))
				look_up_again(p);
}

static void forget_all(struct lookout *w)
{
	for (struct tars_proxy *p = w->first; p; p = p->next_watched)
		p->is_watched = false;
}

static void closed(void *ctx)
{
	struct lookout *w = ctx;

	forget_all(w);
	start(w, AGAIN_MS);
}

/* ---- asking for it ---- */

/* The nearest: its node, where a node wrote the configuration. */
static void choose(struct lookout *w)
{
	static const struct tars_WatchNews_pushed handlers = { .changed = changed };
	struct tars_proxy *registry = atomic_load(&w->app->registry);
	struct object_ref ref = { 0 };
	struct buf object = BUF_INIT;
	struct arena a;

	if (w->to && w->registry == registry)
		return;
	w->registry = registry;
	w->to = NULL;
	arena_init(&a, NULL, 0);
	if (registry && object_ref_parse(registry->object, &ref, &a, NULL) == 0 && ref.eps.n) {
		buf_addf(&object, "tars.tarsregistry.WatchObj@");
		endpoint_print(&object, &ref.eps.v[0]);
		w->to = tars_proxy(w->app, buf_str(&object));
		tars_WatchNews_set_push(w->to, &handlers, w, closed);
	}
	buf_release(&object);
	arena_clear(&a);
	forget_all(w);
}

static int call(struct lookout *w, struct tars_req *rq)
{
	struct tars_call c = { .to = w->to, .rq = rq, .timeout_ms = CALL_MS };
	struct tars_Watch_watch_in in = { 0 };
	struct tars_Watch_watch_out out;
	struct tars_proxy *newest = w->first;
	int rc;

	for (struct tars_proxy *p = newest; p; p = p->next_watched)
		if (!p->is_watched)
			*TARS_PUSH(rq, &in.ids) = (struct tars_str){ p->name,
								     (uint32_t)strlen(p->name) };
	rc = tars_Watch_watch(&c, &in, &out);
	if (rc)
		return rc;
	/* What changed between its look-up and this call was told to nobody. */
	for (struct tars_proxy *p = newest; p; p = p->next_watched) {
		if (!p->is_watched)
			look_up_again(p);
		p->is_watched = true;
	}
	return TARS_OK;
}

static void run(void *arg)
{
	struct lookout *w = arg;
	struct loop *l = &w->app->loops[0];
	struct tars_req *rq = req_new(l);
	int rc = TARS_ENOSERVANT;

	count_add(&l->n_coros, 1);
	choose(w);
	if (w->to)
		rc = call(w, rq);
	w->is_calling = false;
	w->is_well = rc == TARS_OK;
	start(w, rc == TARS_OK ? BEAT_MS :
		 rc == TARS_ENOSERVANT || rc == TARS_ENOFUNC ? UNKNOWN_MS : AGAIN_MS);
	tars_end(rq);
	count_add(&l->n_coros, -1);
}

static void due(struct timer *t)
{
	struct lookout *w = container_of(t, struct lookout, timer);

	w->is_calling = true;
	coro_start(CORO_STACK_USER, run, w);
}

/* ---- for look-ups ---- */

void lookout_init(struct lookout *w, struct tars_app *app)
{
	w->app = app;
}

void lookout_add(struct lookout *w, struct tars_proxy *proxy)
{
	if (proxy->in_watch)
		return;
	proxy->in_watch = true;
	proxy->next_watched = w->first;
	w->first = proxy;
	/* Soon, unless it is known that nobody would tell. */
	if (!timer_is_running(&w->timer) || w->is_well)
		start(w, FIRST_MS);
}

void lookout_stop(struct lookout *w)
{
	w->is_stopped = true;
	timer_stop(&w->timer);
}
