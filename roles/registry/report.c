/*
 * State reports of nodes: written to the database, but true in memory at once.
 *
 * Reports that come while a batch of them is being written are the next batch, so a mass of them
 * takes few commits and one alone does not wait.  A report is kept until a load begins after it was
 * written; one that could not be written, until the node's next try succeeds or until it is too old
 * to believe.  What changes is an event too, written with it.
 */
#include "roles/registry/registry.h"

#include <stdlib.h>

#include "proto/json.h"
#include "sql.h"

enum { MAX_BATCH = 1000, MAX_CAUSE = 300 };

struct report {
	struct dict_entry entry;        /* the server's key */
	struct report *next_queued, *next_written;
	struct tars_str app, server, node;
	uint8_t state;
	int pid;
	char *cause;                    /* of this state, or one before it; NULL: none, or written */
	bool is_alarm;
	int64_t since_us;
	uint64_t written_seq;           /* load_seq when it was written; 0: not yet */
	bool is_queued, is_in_batch;
	struct report_waiter *waiters;
	char text[];
};

struct reports {
	struct dict by_key;
	struct report *queue, **queue_end;
	struct report *written, **written_end;   /* by written_seq */
	bool is_writing;
};

struct reports *reports_new(void)
{
	struct reports *rs = xcalloc(1, sizeof(*rs));

	rs->queue_end = &rs->queue;
	rs->written_end = &rs->written;
	return rs;
}

void reports_free(struct reports *rs)
{
	for (uint32_t i = 0; i < rs->by_key.n_slots; i++)
		for (struct dict_entry *e = rs->by_key.slots[i], *next; e; e = next) {
			struct report *r = container_of(e, struct report, entry);

			next = e->next;
			free(r->cause);
			free(r);
		}
	dict_release(&rs->by_key);
	free(rs);
}

static struct report *find(struct reports *rs, struct tars_str key)
{
	struct dict_entry *entry = dict_find(&rs->by_key, key);

	return entry ? container_of(entry, struct report, entry) : NULL;
}

static void forget(struct reports *rs, struct report *r)
{
	dict_remove(&rs->by_key, &r->entry);
	free(r->cause);
	free(r);
}

static struct tars_str copied(char **p, struct tars_str s)
{
	struct tars_str copy = { *p, s.n };

	memcpy(*p, s.p, s.n);
	(*p)[s.n] = '\0';
	*p += s.n + 1;
	return copy;
}

static struct report *report_of(struct reports *rs, const struct server_ref *ref,
				struct tars_str key)
{
	struct report *r = find(rs, key);
	char *p;

	if (r)
		return r;
	r = xcalloc(1, sizeof(*r) + key.n + 1 + ref->app.n + 1 + ref->server.n + 1 +
		       ref->node.n + 1);
	p = r->text;
	key = copied(&p, key);
	r->app = copied(&p, ref->app);
	r->server = copied(&p, ref->server);
	r->node = copied(&p, ref->node);
	dict_add(&rs->by_key, &r->entry, key);
	return r;
}

/* ---- what counts ---- */

void reports_load_begins(struct reports *rs, uint64_t load_seq)
{
	while (rs->written && rs->written->written_seq < load_seq) {
		struct report *r = rs->written;

		rs->written = r->next_written;
		if (!rs->written)
			rs->written_end = &rs->written;
		/* Reported again meanwhile: that has still to be written. */
		if (r->is_queued || r->is_in_batch)
			r->written_seq = 0;
		else
			forget(rs, r);
	}
}

uint8_t reports_state(const struct reports *rs, const struct instance *in, uint8_t read)
{
	int64_t oldest_us = reactor_clock() - (int64_t)REPORT_MAX_AGE_S * 1000000;
	const struct report *r = find((struct reports *)rs, in->entry.key);

	return r && r->since_us >= oldest_us ? r->state : read;
}

/* ---- writing ---- */

struct batch_item {
	struct report *r;
	uint8_t state;
	int pid;
	char *cause;
	bool is_alarm;
	struct report_waiter *waiters;
};

struct batch {
	struct batch_item v[MAX_BATCH];
	unsigned n;
};

static void take_batch(struct reports *rs, struct batch *b)
{
	for (b->n = 0; b->n < MAX_BATCH && rs->queue; b->n++) {
		struct report *r = rs->queue;

		rs->queue = r->next_queued;
		b->v[b->n] = (struct batch_item){ r, r->state, r->pid, r->cause, r->is_alarm,
						  r->waiters };
		r->waiters = NULL;
		r->cause = NULL;
		r->is_alarm = false;
		r->is_queued = false;
		r->is_in_batch = true;
	}
	if (!rs->queue)
		rs->queue_end = &rs->queue;
}

/* rows_r: those that are stored. */
static int write_batch(struct registry *reg, const struct batch *b, struct arena *a,
		       struct Routes_ServerRef_list *rows_r, struct err *e)
{
	struct Routes_StateReports list = { 0 };
	struct buf json = BUF_INIT;
	int rc;

	list.states.v = arena_alloc(a, b->n * sizeof(*list.states.v));
	for (; list.states.n < b->n; list.states.n++) {
		const struct batch_item *i = &b->v[list.states.n];
		const char *state = state_name(i->state), *cause = i->cause ? i->cause : "";

		list.states.v[list.states.n] = (struct Routes_StateReport){
			.app = i->r->app, .server = i->r->server, .node = i->r->node,
			.state = { state, (uint32_t)strlen(state) }, .pid = i->pid,
			.cause = { cause, (uint32_t)strlen(cause) },
			.alarm = i->is_alarm,
		};
	}
	rc = json_put(&json, &Routes_StateReports_type, &list, JSON_COMPACT, e);
	if (rc == 0)
		rc = registry_sql(reg, &SQL_registry_set_states, PG_PARAMS(buf_str(&json)),
				  &Routes_ServerRef_type, rows_r, a, e);
	buf_release(&json);
	return rc;
}

static void wake_all(struct report_waiter *w, int rc, const struct err *why)
{
	for (struct report_waiter *next; w; w = next) {
		next = w->next;
		w->rc = rc;
		w->e = *why;
		wait_wake(&w->wait);
	}
}

static void settle(struct registry *reg, const struct batch_item *i, int rc, const struct err *why)
{
	struct report *r = i->r;
	struct server_ref ref = { r->app, r->server, r->node };
	struct err e = *why;

	r->is_in_batch = false;
	if (rc < 0)
		err_wrap(&e, "the state of %s.%s on node %s counts but is not stored, send it again",
			 r->app.p, r->server.p, r->node.p);
	else if (rc == 0)
		rc = server_unknown(&ref, &e);
	wake_all(i->waiters, rc < 0 ? rc : 0, &e);
	if (r->is_queued || r->written_seq)
		return;
	if (rc > 0) {
		r->written_seq = reg->load_seq;
		r->next_written = NULL;
		*reg->reports->written_end = r;
		reg->reports->written_end = &r->next_written;
	} else if (rc == TARS_ENOTFOUND || !registry_server(reg, &ref)) {
		forget(reg->reports, r);
	}
}

static void write_reports(struct tars_req *rq, void *arg)
{
	struct registry *reg = arg;
	struct reports *rs = reg->reports;
	struct batch *b = xmalloc(sizeof(*b));

	(void)rq;
	while (rs->queue) {
		struct Routes_ServerRef_list rows = { 0 };
		struct err e = { 0 };
		struct index stored;
		struct arena a;
		int rc;

		arena_init(&a, NULL, 0);
		take_batch(rs, b);
		rc = write_batch(reg, b, &a, &rows, &e);
		index_init(&stored, rows.n, &a);
		for (uint32_t i = 0; i < rows.n; i++)
			*index_slot(&stored, fleet_key(&a, rows.v[i].application,
						       rows.v[i].server_name,
						       rows.v[i].node_name)) = &rows.v[i];
		for (unsigned i = 0; i < b->n; i++) {
			settle(reg, &b->v[i], rc < 0 ? rc :
			       index_find(&stored, b->v[i].r->entry.key) != NULL, &e);
			free(b->v[i].cause);
		}
		arena_clear(&a);
	}
	free(b);
	rs->is_writing = false;
}

/* One text that nothing can choke on: a bad byte would keep the whole batch from being stored. */
static char *plain(struct tars_str text)
{
	size_t n = text.n < MAX_CAUSE ? text.n : MAX_CAUSE;
	char *copy = xmalloc(n + 1);

	for (size_t i = 0; i < n; i++)
		copy[i] = text.p[i] >= 0x20 && text.p[i] < 0x7f ? text.p[i] : '?';
	copy[n] = '\0';
	return copy;
}

void registry_report_begin(struct registry *reg, const struct server_ref *ref,
			   const struct report_said *said, struct report_waiter *w)
{
	struct reports *rs = reg->reports;
	struct instance *in = registry_server(reg, ref);
	struct report *r;
	struct arena a;

	arena_init(&a, NULL, 0);
	r = report_of(rs, ref, fleet_key(&a, ref->app, ref->server, ref->node));
	arena_clear(&a);
	r->state = state_code((struct tars_str){ said->state, (uint32_t)strlen(said->state) });
	r->pid = said->pid;
	/* Until it is written, a cause stays: the death before a start. */
	if (said->cause.n) {
		free(r->cause);
		r->cause = plain(said->cause);
	}
	r->is_alarm |= said->is_alarm;
	r->since_us = reactor_clock();
	if (in && fleet_set_state(reg->fleet, in, r->state))
		registry_save_later(reg);
	if (!r->is_queued) {
		r->is_queued = true;
		r->next_queued = NULL;
		*rs->queue_end = r;
		rs->queue_end = &r->next_queued;
	}
	wait_init(&w->wait);
	w->next = r->waiters;
	r->waiters = w;
	if (rs->is_writing)
		return;
	rs->is_writing = true;
	registry_spawn(reg, write_reports);
}

int registry_report_end(struct report_waiter *w, struct err *e)
{
	wait_for(&w->wait);
	if (w->rc < 0 && e)
		*e = w->e;
	return w->rc;
}

int registry_report_state(struct registry *reg, const struct server_ref *ref,
			  const struct report_said *said, struct err *e)
{
	struct report_waiter w;

	registry_report_begin(reg, ref, said, &w);
	return registry_report_end(&w, e);
}
