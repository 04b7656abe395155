/* Pending calls of a loop: registering, routing, time-outs, completion. */
#include <stdio.h>
#include <string.h>

#include "core/io/wait.h"
#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/message.h"
#include "core/rpc/proxy.h"
#include "core/rpc/retry.h"
#include "core/rpc/sample.h"
#include "core/rpc/trace.h"

/* ---- ids ---- */

static struct tars_pending **call_slot(struct tars_pending *p)
{
	struct tars_pending **slot = &p->loop->calls[(uint32_t)p->id % CALL_BUCKETS];

	while (*slot && *slot != p)
		slot = &(*slot)->next_by_id;
	return slot;
}

/* ---- the end of a call ---- */

static void deliver(struct tars_pending *p)
{
	bool is_local = p->is_local;
	struct wait *waiter;

	if (p->oneway) {
		call_free(p);
	} else if (p->is_attempt) {
		retry_attempt_done(p);
	} else if (p->done) {
		call_run_done(p);
	} else {
		/* The waiter may free p as soon as it sees CALL_DONE. */
		waiter = atomic_exchange_explicit(&p->waiter, CALL_DONE, memory_order_acq_rel);
		if (waiter && wait_any_of(waiter))
			wait_any_wake(wait_any_of(waiter));
		else if (waiter && is_local)
			wait_wake_now(waiter);
		else if (waiter)
			wait_wake(waiter);
	}
}

static void deliver_later(struct task *t)
{
	deliver(container_of(t, struct tars_pending, task));
}

/* What the end of the call says about its endpoint.  A code of the application is an answer like
 * any other; what went wrong on this side, or before anything was sent, says nothing. */
static void judge(struct tars_pending *p, int rc)
{
	struct health *h = p->health;
	unsigned loop = p->loop->index;
	int64_t now = reactor_now();

	count_add(&h->parts[loop].in_flight, -1);
	if (rc >= 0)
		health_ok(h, loop, now, p->picked_us);
	else if (p->is_answered || (p->link && (rc == TARS_ETIMEOUT || rc == TARS_ECONNECT)))
		health_failed(h, now, p->picked_us, p->error);
	else if (p->is_probe)
		health_no_result(h, now);
	p->health = NULL;
	health_drop(h, loop);
}

/* Off its link or list, with its end told to those who count. */
static void leave(struct tars_pending *p, int rc)
{
	struct link *link = p->link;

	stats_call_ended(p, rc);
	if (p->health)
		judge(p, rc);
	call_leave_queue(p);
	list_remove(&p->node);
	p->link = NULL;
	p->peer = NULL;
	if (link)
		link_call_ended(link);
}

void call_detach(struct tars_pending *p, int rc)
{
	leave(p, rc);
	p->is_probe = p->is_answered = false;
	p->body = (struct tars_bytes){ 0 };
	p->reply_context = (struct tars_string_string_map){ 0 };
}

static void unregister(struct tars_pending *p)
{
	struct tars_pending **slot = call_slot(p);

	if (*slot)
		*slot = p->next_by_id;
}

void call_complete(struct tars_pending *p, int rc)
{
	bool is_umbrella = false;

	if (__builtin_expect(!!p->retrying, 0)) {
		if (retry_goes_on(p, rc))
			return;
		is_umbrella = p->retrying->is_umbrella;
	}
	p->rc = rc;
	p->is_over = true;
	if (!is_umbrella)
		leave(p, rc);
	if (p->retrying)
		retry_end(p, rc);
	if (p->trace)
		p->trace->ended_ms = trace_now_ms();
	timer_stop(&p->timer);
	unregister(p);
	if (p->starting) {
		p->task.run = deliver_later;
		reactor_defer(&p->task);
	} else {
		deliver(p);
	}
}

void call_fail(struct tars_pending *p, int code, const char *fmt, ...)
{
	const char *at = p->link ? p->link->text : p->peer ? p->peer->text : NULL;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->error = arena_strf(&p->arena, "%s.%s%s%s: %s", p->proxy->name, p->func->name,
			      at ? " at " : "", at ? at : "", *text ? text : tars_strerror(code));
	call_complete(p, code);
}

static void call_timed_out(struct timer *t)
{
	struct tars_pending *p = container_of(t, struct tars_pending, timer);

	struct peer *peer = p->peer;
	char why[64];

	p->timed_out = true;
	if (p->link) {
		link_suspect(p->link, p->picked_us);
		call_fail(p, TARS_ETIMEOUT, "no reply within %d ms", p->timeout_ms);
	} else if (peer) {
		snprintf(why, sizeof(why), "no connection within %d ms", p->timeout_ms);
		call_fail(p, TARS_ETIMEOUT, "%s", why);
		peer_is_late(peer, why);
	} else {
		call_fail(p, TARS_ETIMEOUT, "no endpoint within %d ms: the registry %s has not "
			  "answered", p->timeout_ms, proxy_registry_name(p->loop->app));
	}
}

void client_cancel_all(struct loop *l)
{
	for (unsigned i = 0; i < CALL_BUCKETS; i++)
		while (l->calls[i])
			call_fail(l->calls[i], TARS_ECANCEL, "cancelled: the process is stopping");
}

/* ---- on its way ---- */

void call_register(struct tars_pending *p)
{
	struct tars_pending **bucket = &p->loop->calls[(uint32_t)p->id % CALL_BUCKETS];

	if (p->retrying && !p->is_registered)
		retry_begin(p);
	p->is_registered = true;
	p->next_by_id = *bucket;
	*bucket = p;
	timer_start_at(&p->timer, p->deadline_us, call_timed_out);
}

void call_hand_over(struct tars_pending *p, struct tars_pending *to)
{
	unregister(p);
	to->id = p->id;
	to->link = p->link;
	to->health = p->health;
	to->is_probe = p->is_probe;
	to->picked_us = p->picked_us;
	to->attempts = p->attempts;
	to->stat = p->stat;
	list_remove(&p->node);
	list_append(&to->link->calls, &to->node);
	p->link = NULL;
	p->health = NULL;
	p->is_probe = false;
	p->stat = NULL;
	call_register(to);
	p->id = call_next_id(p->loop);
	call_register(p);
}

void call_sent(struct tars_pending *p, struct link *link, size_t size)
{
	struct conn *c = &link->conn;

	p->out_at = c->n_taken + conn_unsent(c) - size;
	p->out_size = size;
	if (__builtin_expect(c->write_blocked, 0))
		link_note_unsent(link);
	conn_written(c);
	if (__builtin_expect(!!p->sample, 0))
		sample_sent(p, link->peer);
	if (p->oneway) {
		call_complete(p, TARS_OK);
		return;
	}
	p->peer = NULL;
	p->link = link;
	if (__builtin_expect(!!p->info, 0))
		memcpy(p->info->endpoint, link->text, sizeof(p->info->endpoint));
	stats_call_sent(p, link->peer);
	list_append(&link->calls, &p->node);
	if (__builtin_expect(link->protocol != NULL, 0))
		message_sent(link, p->id);
}

void call_send_packet(struct tars_pending *p, struct link *link)
{
	size_t size = buf_size(&p->packet);

	if (size > link->max_packet) {
		call_fail(p, TARS_ESEND, "not sent: the request has %zu bytes, more than the limit "
			  "of %zu", size, link->max_packet);
		return;
	}
	buf_add(conn_out(&link->conn), buf_head(&p->packet), size);
	if (!p->retrying)
		buf_release(&p->packet);
	call_sent(p, link, size);
}

bool call_take_back(struct tars_pending *p)
{
	struct conn *c = &p->link->conn;
	uint64_t at = p->out_at - c->n_taken;

	if (p->out_at < c->n_taken || at + p->out_size > conn_unsent(c))
		return false;
	if (!p->retrying)
		buf_add(&p->packet, buf_head(conn_out(c)) + at, p->out_size);
	/* It was on its way nowhere, so nobody is to be blamed, and nothing is to be counted. */
	if (p->stat)
		p->stat->in_flight--;
	p->stat = NULL;
	list_remove(&p->node);
	p->link = NULL;
	return true;
}

/* Another peer after a failed connect?  Each endpoint gets one try. */
static bool may_try_again(struct tars_pending *p)
{
	const struct route *r = proxy_target(p->proxy, p->loop)->route;

	return ++p->attempts < (r && r->n ? r->n : 1);
}

static struct peer *pick(struct tars_pending *p, struct err *e)
{
	struct target *t = proxy_target(p->proxy, p->loop);
	struct candidate *c = target_pick(t, p, &p->is_probe, e);
	unsigned loop = p->loop->index;

	if (!c)
		return NULL;
	p->health = c->health;
	p->picked_us = reactor_now();
	health_hold(c->health, loop);
	count_add(&c->health->parts[loop].in_flight, 1);
	return c->peer;
}

/* Nothing was sent there. */
static void unpick(struct tars_pending *p)
{
	if (p->health)
		judge(p, TARS_ECANCEL);
	p->is_probe = false;
	p->peer = NULL;
}

struct link *call_try_link(struct tars_pending *p)
{
	struct err e;

	for (;;) {
		struct link *link;

		unpick(p);
		p->peer = pick(p, &e);
		if (!p->peer) {
			if (e.code)
				call_fail(p, e.code, "%s", e.text);
			return NULL;
		}
		link = peer_link(p->peer, &e);
		if (link)
			return link;
		if (!e.code) {
			call_enter_queue(p, &p->peer->waiting);
			return NULL;
		}
		if (!may_try_again(p)) {
			call_fail(p, e.code, "%s", e.text);
			return NULL;
		}
	}
}

void call_route(struct tars_pending *p)
{
	struct link *link = call_try_link(p);

	if (link)
		call_send_packet(p, link);
}

void call_reroute(struct tars_pending *p, const struct err *why)
{
	if (may_try_again(p))
		call_route(p);
	else
		call_fail(p, TARS_ECONNECT, "%s", why->text);
}
