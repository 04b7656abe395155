/* Push, the client's side: from packets to the handlers of a proxy. */
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/rpc/client.h"
#include "core/rpc/proxy.h"
#include "core/rpc/push.h"
#include "core/sys/log.h"

enum { TELL_MS = 60000 };

struct pushed {
	struct pushed *next;
	const struct push_handler *handler;
	int func;                    /* -1: the connection is closed */
	size_t size;                 /* of its body */
	void *out;
	struct arena arena;
};

/* ---- handing over ---- */

static void handle(const struct pushed *p)
{
	const struct push_handler *h = p->handler;

	if (p->func >= 0)
		h->pushed(h->handlers, h->ctx, p->func, p->out);
	else if (h->closed)
		h->closed(h->ctx);
}

static void run_queue(void *arg)
{
	struct target *t = arg;
	struct pushed_queue *q = &t->pushed;
	struct pushed *p;

	count_add(&t->loop->n_coros, 1);
	while ((p = q->first)) {
		q->first = p->next;
		q->n--;
		q->bytes -= p->size;
		if (!atomic_load(&t->loop->app->closed))
			handle(p);
		arena_clear(&p->arena);
		free(p);
	}
	q->running = false;
	count_add(&t->loop->n_coros, -1);
}

static void queue(struct target *t, struct pushed *p)
{
	struct pushed_queue *q = &t->pushed;

	if (!q->first)
		q->end = &q->first;
	*q->end = p;
	q->end = &p->next;
	q->n++;
	q->bytes += p->size;
	if (q->running)
		return;
	q->running = true;
	coro_start(t->loop->app->conf.coro_stack, run_queue, t);
}

static struct pushed *pushed_new(const struct push_handler *h, int func)
{
	struct pushed *p = xcalloc(1, sizeof(*p));

	p->handler = h;
	p->func = func;
	arena_init(&p->arena, NULL, 0);
	return p;
}

/* The frame goes when this returns, and bytes of a value point into the body. */
static struct pushed *decode(const struct push_handler *h, const struct tars_str *name,
			     const struct tars_bytes *body)
{
	int func = tars_iface_find(h->iface, name->p, name->n);
	const struct tars_type *type;
	struct pushed *p;
	const char *copy;

	if (func < 0)
		return NULL;
	type = h->iface->funcs[func].out;
	p = pushed_new(h, func);
	p->size = body->n;
	p->out = arena_alloc(&p->arena, type->size);
	copy = arena_memdup(&p->arena, body->p, body->n);
	if (codec_get_kept((uint8_t *)copy, body->n, type, p->out, &p->arena, NULL) >= 0)
		return p;
	arena_clear(&p->arena);
	free(p);
	return NULL;
}

static bool has_room(const struct pushed_queue *q, size_t size)
{
	return q->n < PUSHED_MAX && (!q->n || q->bytes + size <= PUSHED_MAX_BYTES);
}

static void tell_dropped(struct target *t, const struct tars_str *name)
{
	struct log_subject me = { t->proxy->name, NULL };

	t->pushed.n_dropped++;
	log_every(TELL_MS, LOG_LEVEL_WARN, &me, "push '%.*s' dropped, %llu so far: %s",
		  name ? name->n < 128 ? (int)name->n : 128 : 0, name ? name->p : "",
		  (unsigned long long)t->pushed.n_dropped,
		  has_room(&t->pushed, 0) ? "no handler for it, or its results are malformed" :
		  "too many wait for the handlers");
}

void pushed_take(struct target *t, const struct response_packet *r)
{
	const struct push_handler *h = atomic_load(&t->proxy->push);
	const struct tars_str *name = packet_map_find(&r->status, "TARS_FUNC");
	struct pushed *p = NULL;

	/* One with a code is no push for the official client either. */
	if (h && name && !r->ret && has_room(&t->pushed, r->body.n))
		p = decode(h, name, &r->body);
	if (p)
		queue(t, p);
	else
		tell_dropped(t, name);
}

bool pushed_message(struct target *t, const struct tars_bytes *message)
{
	static const struct tars_str name = TARS_STR("message");
	const struct push_handler *h = atomic_load(&t->proxy->push);
	struct tars_bytes *copy;
	struct pushed *p;

	if (!h || !h->pushed)
		return false;
	if (!has_room(&t->pushed, message->n)) {
		tell_dropped(t, &name);
		return true;
	}
	p = pushed_new(h, 0);
	p->size = message->n;
	p->out = copy = ARENA_NEW(&p->arena, struct tars_bytes);
	copy->p = (const uint8_t *)arena_memdup(&p->arena, message->p, message->n);
	copy->n = message->n;
	queue(t, p);
	return true;
}

void pushed_closed(struct target *t)
{
	const struct push_handler *h = atomic_load(&t->proxy->push);

	if (h && h->closed && !atomic_load(&t->loop->app->closed))
		queue(t, pushed_new(h, -1));
}

/* ---- wanting them ---- */

void tars_set_push(struct tars_proxy *proxy, const struct tars_push *push)
{
	struct tars_app *app = proxy->app;
	struct push_handler *h;

	pthread_mutex_lock(&app->lock);
	h = ARENA_NEW(&app->arena, struct push_handler);
	pthread_mutex_unlock(&app->lock);
	*h = (struct push_handler){ push->iface, push->pushed, push->handlers, push->ctx,
				    push->closed };
	/* The first one gives it connections of its own; here at once, as the call that subscribes
	 * may come before the next turn. */
	if (atomic_exchange(&proxy->push, h))
		return;
	targets_tell(proxy);
	if (loop_self() && loop_self()->app == app)
		target_renew(proxy_target(proxy, loop_self()));
}
