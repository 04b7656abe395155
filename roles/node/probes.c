/* When probes are due, and what follows from what they find. */
#include "roles/node/probes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "if/RegistryF.h"
#include "roles/node/exits.h"

enum {
	MAX_UNDER_WAY = 64,   /* of all servers */
	BUSY_MS = 50,         /* until a place may be free */
	CALL_MS = 3000,
	AGAIN_MS = 3000,      /* the registry could not store it */
};

/* ---- verdicts ---- */

static void report_soon(struct server *s)
{
	s->readiness_due_us = 1;
	signal_raise(&s->node->report);
}

static void change_readiness(struct probe *p, enum verdict verdict)
{
	struct server *s = p->server;

	if (p->verdict == verdict)
		return;
	p->verdict = verdict;
	if (verdict == VERDICT_PASSES)
		log_info(&s->log, "%s is ready", p->servant);
	else
		log_warn(&s->log, "%s is not ready, callers do not find it: %s", p->servant,
			 p->error);
	report_soon(s);
}

static void restart(struct probe *p)
{
	struct server *s = p->server;

	snprintf(s->unhealthy, sizeof(s->unhealthy), "liveness of %s failed %d times: %s",
		 p->servant, p->failed, p->error);
	notify(s, true, "[alarm] %s is restarted: %s", s->id, s->unhealthy);
	report_cause(s, true, "restarted: %s", s->unhealthy);
	exit_expect(s, "ended by the node: %s", s->unhealthy);
	exit_look(s);
	server_event(s, EVENT_UNHEALTHY, NULL);
}

static void settle(struct probe *p, int rc, const struct err *e)
{
	if (rc < 0) {
		p->passed = 0;
		p->failed++;
		snprintf(p->error, sizeof(p->error), "%.*s", (int)sizeof(p->error) - 1, e->text);
	} else {
		p->failed = 0;
		p->passed++;
		*p->error = '\0';
	}
	if (p->purpose == PROBE_LIVENESS && p->failed >= p->rule.failures)
		restart(p);
	else if (p->purpose == PROBE_READINESS && p->failed >= p->rule.failures)
		change_readiness(p, VERDICT_FAILS);
	else if (p->purpose == PROBE_READINESS && p->passed >= p->rule.successes)
		change_readiness(p, VERDICT_PASSES);
}

/* ---- runs ---- */

static void probe_free(struct probe *p)
{
	arena_clear(&p->arena);
	free(p);
}

static void due(struct timer *t);

static void run(struct tars_req *rq, void *arg)
{
	struct probe *p = arg;
	struct server *s = p->server;
	struct node *n = s->node;
	int64_t next_us = reactor_clock() + p->rule.interval_ms * 1000;
	unsigned round = p->round;
	struct err e = { 0 };
	int rc = probe_try(p, rq, &e);

	n->probes_under_way--;
	p->is_running = false;
	if (p->is_gone) {
		probe_free(p);
	} else if (s->state == SERVER_ACTIVE && !n->is_stopping) {
		if (p->round == round)
			settle(p, rc, &e);
		else
			next_us = reactor_clock() + p->rule.delay_ms * 1000;
		if (s->state == SERVER_ACTIVE)
			timer_start_at(&p->timer, next_us, due);
	}
	server_release(s);
}

static void due(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);
	struct node *n = p->server->node;

	if (n->is_stopping)
		return;
	if (n->probes_under_way >= MAX_UNDER_WAY) {
		timer_start(&p->timer, BUSY_MS, due);
		return;
	}
	n->probes_under_way++;
	p->is_running = true;
	server_hold(p->server);
	node_spawn(n, run, p);
}

static void begin(struct probe *p)
{
	p->round++;
	p->passed = p->failed = 0;
	/* One that runs starts again when it ends. */
	if (!p->is_running)
		timer_start(&p->timer, p->rule.delay_ms, due);
}

void probes_begin(struct server *s)
{
	for (struct probe *p = s->probes; p; p = p->next)
		begin(p);
}

void probes_end(struct server *s)
{
	for (struct probe *p = s->probes; p; p = p->next) {
		p->round++;
		p->passed = p->failed = 0;
		timer_stop(&p->timer);
		*p->error = '\0';
		if (p->purpose == PROBE_READINESS && p->verdict != VERDICT_FAILS) {
			p->verdict = VERDICT_FAILS;
			report_soon(s);
		}
	}
}

void probes_stop(struct server *s)
{
	for (struct probe *p = s->probes; p; p = p->next)
		timer_stop(&p->timer);
}

static void drop(struct probe *list)
{
	for (struct probe *p = list, *next; p; p = next) {
		next = p->next;
		timer_stop(&p->timer);
		p->is_gone = true;
		if (!p->is_running)
			probe_free(p);
	}
}

void probes_free(struct server *s)
{
	drop(s->probes);
	s->probes = NULL;
}

/* ---- descriptions ---- */

static struct probe *take_out(struct probe **list, enum probe_purpose purpose, const char *text,
			      const struct tars_AdapterDescriptor *d)
{
	for (struct probe **at = list; *at; at = &(*at)->next) {
		struct probe *p = *at;

		if (p->purpose == purpose && !strcmp(p->text, text) &&
		    !strcmp(p->servant, d->servant.p) && !strcmp(p->endpoint, d->endpoint.p)) {
			*at = p->next;
			return p;
		}
	}
	return NULL;
}

static struct probe *probe_new(struct server *s, enum probe_purpose purpose, struct tars_str text,
			       const struct tars_AdapterDescriptor *d)
{
	struct probe *p = xcalloc(1, sizeof(*p));
	struct err e = { 0 };

	arena_init(&p->arena, NULL, 0);
	p->server = s;
	p->purpose = purpose;
	p->text = arena_strdup(&p->arena, text.p);
	p->servant = arena_strdup(&p->arena, d->servant.p);
	p->endpoint = arena_strdup(&p->arena, d->endpoint.p);
	if (endpoint_parse(p->endpoint, strlen(p->endpoint), &p->ep, &e) == 0 &&
	    probe_check(text, purpose, &p->ep, d->protocol, &p->arena, &e) == 0 &&
	    probe_parse((struct tars_str){ p->text, text.n }, &p->rule, &p->arena, &e) == 0)
		return p;
	/* The registry lets none pass that cannot be read. */
	log_every(60000, LOG_LEVEL_WARN, &s->log, "%s is not probed: %s", p->servant, e.text);
	probe_free(p);
	return NULL;
}

static void take(struct server *s, struct probe **old, enum probe_purpose purpose,
		 struct tars_str text, const struct tars_AdapterDescriptor *d)
{
	struct probe *p;

	if (!text.n)
		return;
	p = take_out(old, purpose, text.p, d);
	if (!p) {
		p = probe_new(s, purpose, text, d);
		if (!p)
			return;
		if (s->state == SERVER_ACTIVE)
			begin(p);
	}
	p->next = s->probes;
	s->probes = p;
	/* What the registry has may have been written anew. */
	if (purpose == PROBE_READINESS && p->verdict != VERDICT_NONE)
		report_soon(s);
}

void probes_take(struct server *s)
{
	const struct tars_ServerDescriptor *d = s->spec->desc;
	struct probe *old = s->probes;

	s->probes = NULL;
	for (uint32_t i = 0; i < d->adapters.n; i++) {
		const struct tars_AdapterDescriptor *ad = &d->adapters.v[i].val;

		take(s, &old, PROBE_LIVENESS, ad->liveness, ad);
		take(s, &old, PROBE_READINESS, ad->readiness, ad);
	}
	drop(old);
}

/* ---- what others hear ---- */

int probes_report(struct server *s, struct tars_req *rq)
{
	struct tars_call c = link_call(s->node, rq, CALL_MS);
	struct tars_Registry_reportReadiness_in in = {
		.nodeName = tars_strf(rq, "%s", s->node->name),
		.application = tars_strf(rq, "%s", s->app),
		.serverName = tars_strf(rq, "%s", s->name),
	};
	struct tars_Registry_reportReadiness_out out = { 0 };
	int rc = 0;

	for (const struct probe *p = s->probes; p; p = p->next)
		if (p->purpose == PROBE_READINESS && p->verdict != VERDICT_NONE)
			*TARS_PUSH(rq, &in.endpoints) = (struct tars_EndpointReadiness){
				.servant = tars_strf(rq, "%s", p->servant),
				.endpoint = tars_strf(rq, "%s", p->endpoint),
				.ready = p->verdict == VERDICT_PASSES,
			};
	/* What changes meanwhile makes it due again. */
	s->readiness_due_us = 0;
	if (in.endpoints.n)
		rc = tars_Registry_reportReadiness(&c, &in, &out);
	if (rc != 0 && rc != TARS_ENOFUNC) {
		s->readiness_due_us = 1;
		log_every(10000, LOG_LEVEL_WARN, &s->log, "cannot report its readiness to the "
			  "registry: %s", c.error);
		return rc;
	}
	if (rc == 0 && out.ret != 0 && !s->readiness_due_us)
		s->readiness_due_us = reactor_clock() + AGAIN_MS * 1000LL;
	return 0;
}

static void describe(struct buf *b, const struct probe *p)
{
	const struct server *s = p->server;

	if (s->state != SERVER_ACTIVE)
		return;
	if (p->purpose == PROBE_READINESS && p->verdict == VERDICT_FAILS)
		buf_addf(b, "; %s is not ready: %s", p->servant,
			 *p->error ? p->error : "it was not probed since it has started");
	else if (p->failed)
		buf_addf(b, "; %s of %s failed %d of %d times: %s", probe_purpose_name(p->purpose),
			 p->servant, p->failed, p->rule.failures, p->error);
}

const char *probes_text(const struct server *s, struct arena *a)
{
	struct buf b = BUF_INIT;
	const char *text;

	for (const struct probe *p = s->probes; p; p = p->next)
		describe(&b, p);
	if (*s->unhealthy)
		buf_addf(&b, "; its last restart: %s", s->unhealthy);
	text = arena_strdup(a, buf_str(&b));
	buf_release(&b);
	return text;
}
