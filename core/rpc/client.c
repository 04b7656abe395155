/* Peers and links of a loop: calls that wait, replies, broken connections. */
#include "core/rpc/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/rpc/app_int.h"
#include "core/rpc/connect.h"
#include "core/rpc/keepalive.h"
#include "core/rpc/proxy.h"
#include "core/rpc/wireform.h"
#include "proto/hash.h"

void link_call_ended(struct link *link)
{
	if (!link->peer && list_is_empty(&link->calls))
		conn_close(&link->conn, NULL);
}

void link_retire(struct link *link)
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

struct tars_pending *link_answered(struct link *link, int32_t id)
{
	struct tars_pending *p = find_call(link->loop, id);

	if (!p || p->link != link)
		return NULL;
	link->heard_us = reactor_now();
	link->n_unheard = 0;
	p->is_answered = true;
	return p;
}

static void keep_map(struct arena *a, struct tars_string_string_map *kept,
		     const struct tars_string_string_map *map)
{
	kept->v = arena_alloc(a, map->n * sizeof(*map->v));
	kept->n = map->n;
	for (uint32_t i = 0; i < map->n; i++) {
		const struct tars_string_string_pair *from = &map->v[i];
		struct tars_string_string_pair *to = &kept->v[i];

		to->key = (struct tars_str){ arena_memdup(a, from->key.p, from->key.n),
					     from->key.n };
		to->val = (struct tars_str){ arena_memdup(a, from->val.p, from->val.n),
					     from->val.n };
	}
}

/* The frame's memory is the connection's: what the caller gets must be its own. */
static void keep_reply(struct tars_pending *p, const struct response_packet *r)
{
	struct arena *a = call_arena(p);

	p->body.p = (const uint8_t *)arena_memdup(a, r->body.p, r->body.n);
	p->body.n = r->body.n;
	if (r->context.n)
		keep_map(a, &p->reply_context, &r->context);
	if (__builtin_expect(!!p->info, 0) && r->status.n)
		keep_map(a, &p->info->reply_status, &r->status);
}

/* Request id 0 is a push.  "Go elsewhere" is for all; the others for a proxy that wants them. */
static void handle_push(struct link *link, const struct response_packet *r)
{
	static const char reconnect[] = "_reconnect_";

	if (r->desc.n == strlen(reconnect) && !memcmp(r->desc.p, reconnect, r->desc.n))
		link_retire(link);
	else if (link->owner)
		pushed_take(link->owner, r);
}

static int handle_reply(struct link *link, const uint8_t *frame, size_t n, struct err *e)
{
	struct loop *l = link->loop;
	struct response_packet r;
	struct tars_pending *p;
	int rc = wire_get_response(frame, n, &r, &l->scratch, e);

	if (rc < 0)
		return rc;
	if (r.packet_type != PACKET_NORMAL || !wire_is_known(r.version) || r.ret < TARS_EUNKNOWN)
		return err_set(e, TARS_EPROTO,
			       "reply with iVersion %d, cPacketType %d, iRet %d: not a TARS reply",
			       r.version, r.packet_type, r.ret);
	if (!r.request_id) {
		handle_push(link, &r);
		return 0;
	}
	p = link_answered(link, r.request_id);
	if (!p) {
		keepalive_reply(link, &r);   /* or it has timed out */
		return 0;
	}
	if (r.version != (p->wire ? p->wire : VERSION_TARS))
		return err_set(e, TARS_EPROTO, "the reply has iVersion %d, its call had %d",
			       r.version, p->wire ? p->wire : VERSION_TARS);
	keep_reply(p, &r);
	if (r.ret)
		call_fail(p, r.ret, "%.*s", (int)r.desc.n, r.desc.n ? r.desc.p : "");
	else
		call_complete(p, TARS_OK);
	return 0;
}

int client_frame(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct link *link = container_of(c, struct link, conn);
	int rc = handle_reply(link, data + FRAME_LENGTH_SIZE, n - FRAME_LENGTH_SIZE, e);

	arena_clear(&link->loop->scratch);
	return rc;
}

/* ---- links ---- */

void client_up(struct conn *c)
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
	list_move(&waiting, &peer->waiting.calls);
	while (!list_is_empty(&waiting)) {
		struct tars_pending *p = container_of(waiting.next, struct tars_pending, node);

		call_leave_queue(p);
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
	list_move(&waiting, &peer->waiting.calls);
	while (!list_is_empty(&waiting)) {
		struct tars_pending *p = container_of(waiting.next, struct tars_pending, node);

		call_leave_queue(p);
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

void peer_failed(struct peer *peer, const struct err *why)
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

void client_down(struct conn *c, const struct err *why)
{
	static const struct err closed = { TARS_ECONNECT, "the peer closed the connection" };
	struct link *link = container_of(c, struct link, conn);
	struct peer *peer = link->peer;
	const struct err *cause;

	why = connect_why_down(link, why);
	cause = why->code ? why : &closed;
	timer_stop(&link->access_timer);
	list_remove(&link->node);
	/* First: what a failed call makes its caller do must not find this link. */
	if (peer)
		peer->link = NULL;
	link->peer = NULL;
	while (!list_is_empty(&link->calls)) {
		struct tars_pending *p = container_of(link->calls.next, struct tars_pending, node);

		if (call_take_back(p))
			call_reroute(p, cause);
		else
			call_fail(p, TARS_ECONNECT, "%s; the call may have been executed",
				  cause->text);
	}
	if (link->owner && link->was_up)
		pushed_closed(link->owner);
	if (!peer)
		return;
	if (!link->was_up && connect_next(peer))
		return;   /* calls that wait for it go on waiting */
	if (!link->was_up)
		peer_failed(peer, why);
	else if (!peer->link)
		for (struct list *l = peer->candidates.next; l != &peer->candidates; l = l->next)
			health_disconnected(container_of(l, struct candidate, node)->health,
					    peer->loop->index);
}

void client_release(struct conn *c)
{
	struct link *link = container_of(c, struct link, conn);

	buf_release(&link->unsent);
	buf_release(&link->asked);
	free(link);
}

const struct conn_class client_class = {
	.up = client_up, .frame = client_frame, .down = client_down, .release = client_release,
};

/* ---- peers ---- */

struct peer *peer_get(struct loop *l, const struct endpoint *ep, const char *object,
		      struct target *owner)
{
	uint64_t key = hash_fnv(ep->host, strlen(ep->host)) + (uint64_t)ep->port;
	struct list *bucket = &l->peers[key % PEER_BUCKETS];
	struct peer *p;

	if (ep->type != ENDPOINT_SSL && !ep->auth)
		object = NULL;
	for (struct list *n = bucket->next; n != bucket; n = n->next) {
		p = container_of(n, struct peer, node);
		if (!endpoint_compare(&p->ep, ep) && p->ep.auth == ep->auth && p->owner == owner &&
		    (!object || !strcmp(p->object, object))) {
			p->refs++;
			return p;
		}
	}
	p = xcalloc(1, sizeof(*p));
	p->loop = l;
	p->ep = *ep;
	p->object = object;
	p->owner = owner;
	p->refs = 1;
	endpoint_label(p->text, sizeof(p->text), ep);
	list_init(&p->candidates);
	list_init(&p->waiting.calls);
	list_append(bucket, &p->node);
	return p;
}

void peer_put(struct peer *p)
{
	if (!p || --p->refs)
		return;
	list_remove(&p->node);
	keepalive_stop(p);
	if (p->link) {
		struct link *link = p->link;

		link->peer = NULL;
		p->link = NULL;
		link_call_ended(link);
	}
	peer_send_away(p, NULL);
	stats_peer_gone(p);
	free(p->addrs);
	free(p);
}

bool call_queue_has_room(const struct call_queue *q, const struct tars_app *app, struct err *e)
{
	if (q->n < app->conf.max_unsent)
		return true;
	err_set(e, TARS_ESEND, "not sent: %u requests wait to be sent already, the limit of "
		"nosendqueuelimit", q->n);
	return false;
}

/* What the kernel has not taken of a link's output, counted in requests: only while it is stuck is
 * it written down where each of them ends. */
static unsigned n_unsent(struct link *link)
{
	uint64_t end;

	while (buf_size(&link->unsent)) {
		memcpy(&end, buf_head(&link->unsent), sizeof(end));
		if (end > link->conn.n_taken)
			break;
		buf_consume(&link->unsent, sizeof(end));
	}
	return (unsigned)(buf_size(&link->unsent) / sizeof(end));
}

void link_note_unsent(struct link *link)
{
	uint64_t end = link->conn.n_taken + conn_unsent(&link->conn);

	n_unsent(link);
	buf_add(&link->unsent, &end, sizeof(end));
}

static bool link_has_room(struct link *link, struct err *e)
{
	size_t n_bytes = conn_unsent(&link->conn);
	unsigned n;

	if (n_bytes > LINK_MAX_OUTPUT) {
		err_set(e, TARS_ESEND, "not sent: the server does not read, %zu bytes wait for it "
			"already", n_bytes);
		return false;
	}
	if (__builtin_expect(!link->conn.write_blocked, 1))
		return true;
	n = n_unsent(link);
	if (n < link->loop->app->conf.max_unsent)
		return true;
	err_set(e, TARS_ESEND, "not sent: the server does not read, %u requests wait for it "
		"already, the limit of nosendqueuelimit", n);
	return false;
}

struct link *peer_link(struct peer *p, struct err *e)
{
	e->code = 0;
	/* The peer has ended its side, or takes no more: no reply to a new call would come. */
	if (p->link && (p->link->conn.eof || p->link->conn.write_errno))
		link_retire(p->link);
	if (!p->link && !p->resolving) {
		connect_start(p, e);
		if (e->code)
			tell_candidates(p, e->text);
	}
	if (!p->link || !p->link->was_up || !conn_is_open(&p->link->conn)) {
		if (!e->code)
			call_queue_has_room(&p->waiting, p->loop->app, e);
		return NULL;
	}
	return link_has_room(p->link, e) ? p->link : NULL;
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
