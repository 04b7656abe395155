/* Peers and links of a loop: connecting, replies, broken connections. */
#include "core/rpc/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/io/listen.h"
#include "core/rpc/app_int.h"
#include "core/rpc/proxy.h"
#include "core/rpc/secure.h"
#include "proto/auth.h"
#include "proto/hash.h"

void link_call_ended(struct link *link)
{
	if (!link->peer && list_is_empty(&link->calls))
		conn_close(&link->conn, NULL);
}

static void link_retire(struct link *link)
{
	if (!link->peer)
		return;
	link->peer->link = NULL;
	link->peer = NULL;
	link_call_ended(link);
}

/* At most one for each peer, so that time-outs cannot make connections without limit. */
void link_suspect(struct link *link, int64_t since_us)
{
	struct list *links = &link->loop->links;

	/* Once, the server may just have been slow. */
	if (!link->peer || link->heard_us >= since_us || ++link->n_unheard < 2)
		return;
	for (struct list *l = links->next; l != links; l = l->next) {
		const struct link *other = container_of(l, struct link, node);

		if (other->is_suspect && !strcmp(other->text, link->text))
			return;
	}
	link->is_suspect = true;
	link_retire(link);
}

/* ---- replies ---- */

static struct tars_pending *find_call(struct loop *l, int32_t id)
{
	struct tars_pending *p = l->calls[(uint32_t)id % CALL_BUCKETS];

	while (p && p->id != id)
		p = p->next_by_id;
	return p;
}

/* The frame's memory is the connection's: what the caller gets must be its own. */
static void keep_reply(struct tars_pending *p, const struct response_packet *r)
{
	p->body.p = (const uint8_t *)arena_memdup(&p->arena, r->body.p, r->body.n);
	p->body.n = r->body.n;
	if (!r->context.n)
		return;
	p->reply_context.v = arena_alloc(&p->arena, r->context.n * sizeof(*r->context.v));
	p->reply_context.n = r->context.n;
	for (uint32_t i = 0; i < r->context.n; i++) {
		const struct tars_string_string_pair *from = &r->context.v[i];
		struct tars_string_string_pair *to = &p->reply_context.v[i];

		to->key = (struct tars_str){ arena_memdup(&p->arena, from->key.p, from->key.n),
					     from->key.n };
		to->val = (struct tars_str){ arena_memdup(&p->arena, from->val.p, from->val.n),
					     from->val.n };
	}
}

/* Request id 0 is a push; the only one that means something to a plain client is "go elsewhere". */
static void handle_push(struct link *link, const struct response_packet *r)
{
	static const char reconnect[] = "_reconnect_";

	if (r->desc.n == strlen(reconnect) && !memcmp(r->desc.p, reconnect, r->desc.n))
		link_retire(link);
}

static int handle_reply(struct link *link, const uint8_t *frame, size_t n, struct err *e)
{
	struct loop *l = link->loop;
	struct response_packet r;
	struct tars_pending *p;
	int rc = packet_get_response(frame, n, &r, &l->scratch, e);

	if (rc < 0)
		return rc;
	if (r.packet_type != PACKET_NORMAL || r.version != VERSION_TARS || r.ret < TARS_EUNKNOWN)
		return err_set(e, TARS_EPROTO,
			       "reply with iVersion %d, cPacketType %d, iRet %d: not a TARS reply",
			       r.version, r.packet_type, r.ret);
	if (!r.request_id) {
		handle_push(link, &r);
		return 0;
	}
	p = find_call(l, r.request_id);
	if (!p || p->link != link)
		return 0; /* it has timed out */
	link->heard_us = reactor_now();
	link->n_unheard = 0;
	p->is_answered = true;
	keep_reply(p, &r);
	if (r.ret)
		call_fail(p, r.ret, "%.*s", (int)r.desc.n, r.desc.n ? r.desc.p : "");
	else
		call_complete(p, TARS_OK);
	return 0;
}

static int client_frame(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct link *link = container_of(c, struct link, conn);
	int rc = handle_reply(link, data + FRAME_LENGTH_SIZE, n - FRAME_LENGTH_SIZE, e);

	arena_clear(&link->loop->scratch);
	return rc;
}

/* ---- links ---- */

static void client_up(struct conn *c)
{
	struct link *link = container_of(c, struct link, conn);
	struct peer *peer = link->peer;
	struct list waiting;

	link->was_up = true;
	if (!peer)
		return;
	for (struct list *l = peer->candidates.next; l != &peer->candidates; l = l->next)
		health_connected(container_of(l, struct candidate, node)->health,
				 peer->loop->index, reactor_now());
	list_init(&waiting);
	list_move(&waiting, &peer->waiting);
	while (!list_is_empty(&waiting)) {
		struct tars_pending *p = container_of(waiting.next, struct tars_pending, node);

		list_remove(&p->node);
		if (peer_is_connected(peer))
			call_send_packet(p, link);
		else
			call_route(p);   /* its output is full already */
	}
}

/* Calls that wait for this peer go elsewhere, as nothing of them has been sent. */
static void peer_send_away(struct peer *peer, const struct err *why)
{
	struct list waiting;

	list_init(&waiting);
	list_move(&waiting, &peer->waiting);
	while (!list_is_empty(&waiting)) {
		struct tars_pending *p = container_of(waiting.next, struct tars_pending, node);

		list_remove(&p->node);
		if (why)
			call_reroute(p, why);
		else
			call_route(p);
	}
}

/* True if one of the proxies shields it from now on. */
static bool tell_candidates(struct peer *peer, const char *why)
{
	bool opened = false;

	for (struct list *l = peer->candidates.next; l != &peer->candidates; l = l->next)
		opened |= health_connect_failed(container_of(l, struct candidate, node)->health,
						peer->loop->index, reactor_now(), why);
	return opened;
}

static void peer_failed(struct peer *peer, const struct err *why)
{
	static const struct err unnamed = {
		TARS_ECONNECT, "the peer closed the connection at once" };

	if (!why || !why->code)
		why = &unnamed;
	tell_candidates(peer, why->text);
	peer_send_away(peer, why);
}

void peer_is_late(struct peer *peer, const char *why)
{
	if (tell_candidates(peer, why))
		peer_send_away(peer, NULL);
}

static const struct conn_class client_access_class;

static void client_down(struct conn *c, const struct err *why)
{
	static const struct err denied = { TARS_ECONNECT, "the server closed on our access key: "
		"accesskey, secretkey, the object or the clock is wrong" };
	struct link *link = container_of(c, struct link, conn);
	struct peer *peer = link->peer;
	const char *cause;

	if (c->class == &client_access_class && !why->code)
		why = &denied;
	cause = why->code ? why->text : "the peer closed the connection";
	timer_stop(&link->access_timer);
	list_remove(&link->node);
	/* First: what a failed call makes its caller do must not find this link. */
	if (peer)
		peer->link = NULL;
	link->peer = NULL;
	while (!list_is_empty(&link->calls)) {
		struct tars_pending *p = container_of(link->calls.next, struct tars_pending, node);

		call_fail(p, TARS_ECONNECT, "%s; the call may have been executed", cause);
	}
	if (!peer)
		return;
	if (!link->was_up)
		peer_failed(peer, why);
	else if (!peer->link)
		for (struct list *l = peer->candidates.next; l != &peer->candidates; l = l->next)
			health_disconnected(container_of(l, struct candidate, node)->health,
					    peer->loop->index);
}

static void client_release(struct conn *c)
{
	free(container_of(c, struct link, conn));
}

static const struct conn_class client_class = {
	.up = client_up, .frame = client_frame, .down = client_down, .release = client_release,
};

/* ---- access keys: calls wait for the server's verdict ---- */

static void on_access_timeout(struct timer *t)
{
	struct link *link = container_of(t, struct link, access_timer);
	struct err e;

	err_set(&e, TARS_ECONNECT, "%s: no answer to our access key", link->conn.peer_text);
	conn_close(&link->conn, &e);
}

/* The packet with the key is the connection's first output and has left by now. */
static void client_access_up(struct conn *c)
{
	struct link *link = container_of(c, struct link, conn);

	timer_start(&link->access_timer, c->connect_timeout_ms, on_access_timeout);
}

static int client_access_frame(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct link *link = container_of(c, struct link, conn);
	struct arena *a = &link->loop->scratch;
	struct response_packet r;
	int rc = packet_get_response(data + FRAME_LENGTH_SIZE, n - FRAME_LENGTH_SIZE, &r, a, e);

	if (!rc && !auth_is_granted(&r))
		rc = err_set(e, TARS_ECONNECT, "%s: the server refuses our access key (code %d)",
			     c->peer_text, r.ret);
	arena_clear(a);
	if (rc)
		return rc;
	timer_stop(&link->access_timer);
	c->class = &client_class;
	client_up(c);
	return 0;
}

static const struct conn_class client_access_class = {
	.up = client_access_up, .frame = client_access_frame, .down = client_down,
	.release = client_release,
};

/* What the peer's endpoint asks of a connection: TLS, an access key. */
static int make_secure(struct peer *peer, struct tls **tls, struct buf *access, struct err *e)
{
	struct tars_app *app = peer->loop->app;
	int rc = TARS_OK;

	if (peer->ep.auth)
		rc = secure_put_access(app, peer->object, access, e);
	if (rc || peer->ep.type != ENDPOINT_SSL)
		return rc;
	*tls = secure_session(app, peer->object, peer->ep.host, e);
	return *tls ? TARS_OK : e->code;
}

static void link_init(struct link *link, struct peer *peer)
{
	link->loop = peer->loop;
	list_init(&link->calls);
	memcpy(link->text, peer->text, sizeof(link->text));
	link->peer = peer;
	peer->link = link;
	list_append(&peer->loop->links, &link->node);
}

static int link_connect(struct peer *peer, const struct sockaddr_any *to, struct err *e)
{
	struct link *link = xcalloc(1, sizeof(*link));
	struct conn *c = &link->conn;
	struct buf access = BUF_INIT;
	struct tls *tls = NULL;
	int rc = make_secure(peer, &tls, &access, e);

	if (!rc)
		rc = conn_connect(c, peer->ep.auth ? &client_access_class : &client_class, to,
				  peer->connect_timeout_ms, e);
	if (rc < 0) {
		tls_free(tls);
		free(link);
		buf_release(&access);
		return rc;
	}
	if (tls)
		conn_secure(c, tls, 0);
	c->max_frame = FRAME_DEFAULT_MAX;
	/* Replies are always read: a peer whose own output is stuck could never read on. */
	c->high_water = SIZE_MAX;
	link_init(link, peer);
	if (buf_size(&access)) {
		buf_append(conn_out(c), &access);
		conn_written(c);
	}
	buf_release(&access);
	return 0;
}

/* ---- peers ---- */

struct peer *peer_get(struct loop *l, const struct endpoint *ep, const char *object)
{
	uint64_t key = hash_fnv(ep->host, strlen(ep->host)) + (uint64_t)ep->port;
	struct list *bucket = &l->peers[key % PEER_BUCKETS];
	struct peer *p;

	if (ep->type != ENDPOINT_SSL && !ep->auth)
		object = NULL;
	for (struct list *n = bucket->next; n != bucket; n = n->next) {
		p = container_of(n, struct peer, node);
		if (!endpoint_compare(&p->ep, ep) && p->ep.auth == ep->auth &&
		    (!object || !strcmp(p->object, object))) {
			p->refs++;
			return p;
		}
	}
	p = xcalloc(1, sizeof(*p));
	p->loop = l;
	p->ep = *ep;
	p->object = object;
	p->refs = 1;
	endpoint_label(p->text, sizeof(p->text), ep);
	list_init(&p->candidates);
	list_init(&p->waiting);
	list_append(bucket, &p->node);
	return p;
}

void peer_put(struct peer *p)
{
	if (!p || --p->refs)
		return;
	list_remove(&p->node);
	if (p->link) {
		struct link *link = p->link;

		link->peer = NULL;
		p->link = NULL;
		link_call_ended(link);
	}
	peer_send_away(p, NULL);
	stats_peer_gone(p);
	free(p);
}

/* Names are looked up in a coroutine, which may wait. */
static void resolve_peer(void *arg)
{
	struct peer *peer = arg;
	struct loop *l = peer->loop;
	struct sockaddr_any to;
	struct err e;
	int rc;

	count_add(&l->n_coros, 1);
	rc = resolve(&to, peer->ep.host, peer->ep.port, &e);
	peer->resolving = false;
	if (!rc && peer->refs > 1 && !atomic_load(&l->app->closed))
		rc = link_connect(peer, &to, &e);
	if (rc)
		peer_failed(peer, &e);
	peer_put(peer);
	count_add(&l->n_coros, -1);
}

static void start_connecting(struct peer *p, struct err *e)
{
	struct sockaddr_any to;

	if (p->ep.type == ENDPOINT_UDP) {
		err_set(e, TARS_ECONNECT, "udp endpoints cannot be called");
	} else if (sockaddr_from_ip(&to, p->ep.host, p->ep.port) == 0) {
		link_connect(p, &to, e);
	} else {
		p->resolving = true;
		p->refs++;
		coro_start(CORO_STACK_USER, resolve_peer, p);
		if (!p->resolving && !p->link)
			err_set(e, TARS_ECONNECT, "cannot look up '%s'", p->ep.host);
	}
	if (e->code)
		tell_candidates(p, e->text);
}

struct link *peer_link(struct peer *p, struct err *e)
{
	e->code = 0;
	/* The peer has ended its side: no reply to a new call would come. */
	if (p->link && p->link->conn.eof)
		link_retire(p->link);
	if (!p->link && !p->resolving)
		start_connecting(p, e);
	if (!p->link || !p->link->was_up || !conn_is_open(&p->link->conn))
		return NULL;
	if (buf_size(conn_out(&p->link->conn)) <= LINK_MAX_OUTPUT)
		return p->link;
	err_set(e, TARS_ESEND, "not sent: the server does not read, %zu bytes wait for it already",
		buf_size(conn_out(&p->link->conn)));
	return NULL;
}

void peer_connect(struct peer *p)
{
	struct err e;

	peer_link(p, &e);
}

/* ---- the end ---- */

void client_close_all(struct loop *l)
{
	struct list *node, *next;

	for (node = l->links.next; node != &l->links; node = next) {
		next = node->next;
		conn_close(&container_of(node, struct link, node)->conn, NULL);
	}
}
