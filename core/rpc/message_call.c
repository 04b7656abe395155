/* Messages of a user's own protocol, client's side: requests, and whose the answers are. */
#include <string.h>

#include "core/rpc/client.h"
#include "core/rpc/connect.h"
#include "core/rpc/message.h"
#include "core/rpc/proxy.h"
#include "core/rpc/push.h"

enum {
	MAX_KINDS = 64,       /* of one proxy; further ones count as "message" */
	MAX_ASKED = 65536,    /* answers that may be owed on one connection, in their order */
};

/* A name of requests, as statistics want it: a function. */
struct message_kind {
	struct message_kind *next;
	unsigned n;           /* those before it */
	struct tars_func func;
	struct tars_iface iface;
};

/* ---- requests ---- */

void message_check_proxy(struct tars_proxy *proxy)
{
	const struct tars_protocol *p = proxy->conf.protocol;

	if (!p->frame || !p->get_id != !p->put_id)
		err_set(&proxy->bad, TARS_EARG, "%s: its protocol needs frame, and get_id and "
			"put_id both or neither", proxy->object);
	else if (proxy->conf.n_retries)
		err_set(&proxy->bad, TARS_EARG, "%s: retries are for TARS; its protocol does not "
			"say which calls were refused", proxy->object);
}

int message_put(struct buf *b, const struct tars_pending *p, const struct tars_bytes *request,
		struct err *e)
{
	const struct tars_protocol *protocol = p->proxy->conf.protocol;
	uint8_t *to;

	if (!request->n)
		return err_set(e, TARS_EARG, "not sent: the request is empty");
	to = buf_reserve(b, request->n);
	memcpy(to, request->p, request->n);
	if (protocol->put_id)
		protocol->put_id(to, request->n, (uint32_t)p->id);
	b->len += request->n;
	return TARS_OK;
}

/* ---- answers ---- */

static struct link *link_of(struct conn *c)
{
	return container_of(c, struct link, conn);
}

void message_sent(struct link *link, int32_t id)
{
	if (link->protocol->get_id)
		return;
	buf_add(&link->asked, &id, sizeof(id));
	/* Calls time out, and the server never catches up. */
	if (buf_size(&link->asked) >= MAX_ASKED * sizeof(id))
		link_retire(link);
}

static enum frame_result next_message(struct conn *c, const uint8_t *data, size_t n, size_t *size,
				      struct err *e)
{
	struct link *link = link_of(c);

	return message_cut(link->protocol, data, n, c->max_frame, &link->message_at, size, e);
}

/* False if it answers no request. */
static bool find_id(struct link *link, const struct tars_bytes *message, int32_t *id)
{
	uint32_t own = 0;

	if (link->protocol->get_id) {
		if (!link->protocol->get_id(message->p, message->n, &own))
			return false;
		*id = (int32_t)own;
		return true;
	}
	if (buf_size(&link->asked) < sizeof(*id))
		return false;
	memcpy(id, buf_head(&link->asked), sizeof(*id));
	buf_consume(&link->asked, sizeof(*id));
	return true;
}

/* Whose order is lost cannot be trusted with the next answer. */
static int unasked(struct link *link, const struct tars_bytes *message, struct err *e)
{
	if (pushed_message(link->owner, message) || link->protocol->get_id)
		return 0;
	return err_set(e, TARS_EPROTO, "%s sent a message of %u bytes that nobody had asked for",
		       link->conn.peer_text, message->n);
}

static int take_message(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct link *link = link_of(c);
	struct tars_bytes message = { data, (uint32_t)n };
	struct tars_pending *p;
	int32_t id;

	if (!find_id(link, &message, &id))
		return unasked(link, &message, e);
	p = link_answered(link, id);
	if (!p)
		return 0;   /* it has timed out */
	p->body.p = (const uint8_t *)arena_memdup(call_arena(p), data, n);
	p->body.n = (uint32_t)n;
	call_complete(p, TARS_OK);
	return 0;
}

const struct conn_class message_link_class = {
	.up = client_up, .next = next_message, .frame = take_message, .down = client_down,
	.release = client_release,
};

/* ---- calls ---- */

static const struct tars_iface *find_kind(const struct message_kind *k, const char *name)
{
	for (; k; k = k->next)
		if (!strcmp(k->func.name, name))
			return &k->iface;
	return NULL;
}

/* The app's lock is held. */
static const struct tars_iface *add_kind(struct tars_proxy *proxy, const char *name)
{
	struct message_kind *first = atomic_load(&proxy->kinds), *k;
	const struct tars_iface *found = find_kind(first, name);

	if (found)
		return found;
	if (first && first->n >= MAX_KINDS)
		return &message_iface;
	k = ARENA_NEW(&proxy->app->arena, struct message_kind);
	k->next = first;
	k->n = first ? first->n + 1 : 1;
	k->func = message_iface.funcs[0];
	k->func.name = arena_strdup(&proxy->app->arena, name);
	k->iface = (struct tars_iface){ message_iface.name, &k->func, 1, NULL };
	atomic_store_explicit(&proxy->kinds, k, memory_order_release);
	return &k->iface;
}

static const struct tars_iface *kind_of(const struct tars_call *c)
{
	struct tars_proxy *proxy = c->to;
	const struct tars_iface *found;

	if (!c->kind)
		return &message_iface;
	found = find_kind(atomic_load_explicit(&proxy->kinds, memory_order_acquire), c->kind);
	if (found)
		return found;
	pthread_mutex_lock(&proxy->app->lock);
	found = add_kind(proxy, c->kind);
	pthread_mutex_unlock(&proxy->app->lock);
	return found;
}

int tars_message(struct tars_call *c, const struct tars_bytes *request, struct tars_bytes *answer)
{
	return tars_invoke(c, kind_of(c), 0, request, answer);
}

int tars_message_oneway(struct tars_call *c, const struct tars_bytes *request)
{
	return tars_invoke_oneway(c, kind_of(c), 0, request);
}

int tars_message_async(struct tars_call *c, const struct tars_bytes *request,
		       void (*done)(void *state, int rc, const void *out), void *state)
{
	return tars_invoke_async(c, kind_of(c), 0, request, done, state);
}

struct tars_pending *tars_message_begin(struct tars_call *c, const struct tars_bytes *request)
{
	return tars_invoke_begin(c, kind_of(c), 0, request);
}
