/* Calls that are sent more than once: retries after a refusal, and backup requests. */
#include "core/rpc/retry.h"

#include <stdlib.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/proxy.h"

enum { DEFAULT_ATTEMPTS = 2 };

static const struct tars_retry *find_rule(const struct tars_proxy_conf *c, const char *func)
{
	for (int i = 0; i < c->n_retries; i++)
		if (!c->retries[i].func || !strcmp(c->retries[i].func, func))
			return &c->retries[i];
	return NULL;
}

struct retrying *retry_new(struct tars_pending *p)
{
	const struct tars_retry *rule = find_rule(&p->proxy->conf, p->func->name);
	struct retrying *r;

	if (!rule)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->rule = rule;
	r->call = p;
	return r;
}

static struct target *target_of(const struct tars_pending *p)
{
	return proxy_target(p->proxy, p->loop);
}

static bool is_idempotent(const struct tars_pending *p)
{
	return p->func->flags & TARS_IDEMPOTENT;
}

static void backup_due(struct timer *t);

void retry_begin(struct tars_pending *p)
{
	const struct tars_proxy_conf *c = &p->proxy->conf;
	struct retrying *r = p->retrying;

	r->n_sent = 1;
	retry_budget_earn(&target_of(p)->budget, (unsigned)c->retry_percent,
			  (unsigned)c->retry_burst);
	if (r->rule->backup_ms > 0 && is_idempotent(p) && !p->oneway)
		timer_start(&r->backup_due, r->rule->backup_ms, backup_due);
}

/* The list may have changed since it was sent: what it went to need not be in it any more. */
static bool has_other(const struct target *t, const struct tars_pending *p)
{
	if (!t->route || !t->route->n)
		return false;
	return t->route->n > 1 || (p->link && strcmp(p->link->text, t->candidates[0].peer->text));
}

/* Is there another endpoint, time, and something left of the budget? */
static bool can_send_again(struct tars_pending *p, _Atomic unsigned *counter)
{
	struct target *t = target_of(p);

	if (!has_other(t, p) || atomic_load(&p->loop->app->closed) ||
	    p->deadline_us - reactor_now() < 1000)
		return false;
	if (!retry_budget_spend(&t->budget)) {
		count_add(&t->n_no_budget, 1);
		return false;
	}
	count_add(counter, 1);
	return true;
}

/* The packet for another attempt, which has less time. */
static void repack(struct buf *to, const struct tars_pending *p, int32_t id)
{
	struct request_packet head;
	struct arena a;
	struct err e;

	arena_init(&a, NULL, 0);
	BUG_ON(packet_get_request(buf_head(&p->packet) + FRAME_LENGTH_SIZE,
				  buf_size(&p->packet) - FRAME_LENGTH_SIZE, &head, &a, &e));
	head.request_id = id;
	head.timeout_ms = (int32_t)((p->deadline_us - reactor_now()) / 1000);
	packet_put_request(to, &head);
	arena_clear(&a);
}

/* ---- again, after a failure ---- */

/* The official Go server says -6 of calls that it has executed for too long, too. */
static bool was_refused(const struct tars_pending *p, int rc)
{
	if (!p->is_answered)
		return false;
	return rc == TARS_EOVERLOAD ||
	       (rc == TARS_EQUEUETIMEOUT && (is_idempotent(p) || !strstr(p->error, "invoke timeout")));
}

static bool broke(const struct tars_pending *p, int rc)
{
	return !p->is_answered && rc == TARS_ECONNECT && p->link;
}

bool retry_goes_on(struct tars_pending *p, int rc)
{
	struct retrying *r = p->retrying;
	int attempts = r->rule->attempts > 0 ? r->rule->attempts : DEFAULT_ATTEMPTS;
	struct buf packet = BUF_INIT;

	if (r->is_umbrella || p->oneway || r->n_sent >= (unsigned)attempts)
		return false;
	if (!was_refused(p, rc) && !(broke(p, rc) && is_idempotent(p)))
		return false;
	if (!can_send_again(p, &target_of(p)->n_retries))
		return false;
	r->n_sent++;
	call_detach(p, rc);
	repack(&packet, p, p->id);
	buf_release(&p->packet);
	p->packet = packet;
	call_route(p);
	return true;
}

/* ---- backup requests ---- */

static struct tars_pending *attempt_new(struct tars_pending *umbrella)
{
	struct tars_pending *a = call_alloc(umbrella->loop);

	a->rq = umbrella->rq;
	a->proxy = umbrella->proxy;
	a->func = umbrella->func;
	a->hash_mode = umbrella->hash_mode;
	a->hash = umbrella->hash;
	a->wire = umbrella->wire;
	a->timeout_ms = umbrella->timeout_ms;
	a->start_us = reactor_now();
	a->deadline_us = umbrella->deadline_us;
	a->is_attempt = true;
	a->umbrella = umbrella;
	return a;
}

static void backup_due(struct timer *t)
{
	struct retrying *r = container_of(t, struct retrying, backup_due);
	struct tars_pending *p = r->call, *second;

	/* Without a connection it waits for no server. */
	if (!p->link || !can_send_again(p, &target_of(p)->n_backups))
		return;
	r->is_umbrella = true;
	r->n_sent++;
	r->attempts[0] = attempt_new(p);
	r->attempts[0]->start_us = p->start_us;
	call_hand_over(p, r->attempts[0]);
	second = r->attempts[1] = attempt_new(p);
	second->tried = p->tried;
	second->tried_of = p->tried_of;
	second->id = call_next_id(second->loop);
	repack(&second->packet, p, second->id);
	buf_release(&p->packet);
	call_register(second);
	call_route(second);
}

static bool has_attempts(const struct retrying *r)
{
	return r->attempts[0] || r->attempts[1];
}

void retry_attempt_done(struct tars_pending *a)
{
	struct tars_pending *p = a->umbrella;
	struct retrying *r = p ? p->retrying : NULL;
	int rc = a->rc;

	if (!p) {
		call_free(a);
		return;
	}
	r->attempts[r->attempts[1] == a] = NULL;
	if (rc >= 0 || !has_attempts(r)) {
		p->is_answered = a->is_answered;
		p->error = a->error;
		p->body = a->body;
		p->reply_context = a->reply_context;
		arena_steal(&p->arena, &a->arena);
		call_complete(p, rc);
	}
	call_free(a);
}

void retry_end(struct tars_pending *p, int rc)
{
	struct retrying *r = p->retrying;

	timer_stop(&r->backup_due);
	for (int i = 0; i < 2; i++) {
		struct tars_pending *a = r->attempts[i];

		if (!a)
			continue;
		r->attempts[i] = NULL;
		a->umbrella = NULL;
		/* The caller wants it to stop; else its endpoint shall be judged by it. */
		if (rc == TARS_ECANCEL)
			call_cancel(a);
	}
}
