/*
 * State reports of nodes: written to the database, but true in the model at once.
 *
 * A report stays here until a load that began after it was written; one that could not be written
 * stays until the node's next try succeeds, or until it is too old to believe.
 */
#include "roles/registry/registry.h"

#include <stdlib.h>

#include "sql.h"
#include "if/RegistryF.h"

struct report {
	struct report *next;
	char *key;
	const char *state;
	int pid;
	int64_t since_us;
	uint64_t written_seq;     /* load_seq when it was written; 0: not yet */
};

struct reports {
	struct report *first;
};

struct reports *reports_new(void)
{
	return xcalloc(1, sizeof(struct reports));
}

static void report_free(struct report *r)
{
	free(r->key);
	free(r);
}

void reports_free(struct reports *rs)
{
	while (rs->first) {
		struct report *r = rs->first;

		rs->first = r->next;
		report_free(r);
	}
	free(rs);
}

const char *state_name(int32_t server_state)
{
	switch (server_state) {
	case tars_ServerState_Inactive:
		return "inactive";
	case tars_ServerState_Activating:
		return "activating";
	case tars_ServerState_Active:
		return "active";
	case tars_ServerState_Deactivating:
		return "deactivating";
	case tars_ServerState_Destroying:
		return "destroying";
	case tars_ServerState_Destroyed:
		return "destroyed";
	default:
		return NULL;
	}
}

/* Puts the state into all rows of the server, which are adjacent.  True if that changed any. */
static bool set_state(struct model *m, const struct report *r)
{
	struct tars_str key = { r->key, (uint32_t)strlen(r->key) };
	struct Routes_Row *first = index_find(&m->servers, key), *row = first;
	const struct Routes_Row *end = m->rows.servers.v + m->rows.servers.n;
	bool changed = false;

	for (; row && row < end && str_is(row->server_name, first->server_name) &&
	       str_is(row->application, first->application) &&
	       str_is(row->node_name, first->node_name); row++) {
		changed |= !str_is_text(row->present_state, r->state);
		row->present_state = (struct tars_str){ r->state, (uint32_t)strlen(r->state) };
	}
	return changed;
}

void reports_apply(struct reports *rs, struct model *m, uint64_t load_seq)
{
	int64_t oldest_us = reactor_clock() - (int64_t)REPORT_MAX_AGE_S * 1000000;

	for (struct report **p = &rs->first; *p; ) {
		struct report *r = *p;

		if ((r->written_seq && load_seq > r->written_seq) || r->since_us < oldest_us) {
			*p = r->next;
			report_free(r);
		} else {
			set_state(m, r);
			p = &r->next;
		}
	}
}

static struct report *find_report(struct reports *rs, const char *key)
{
	struct report *r = rs->first;

	while (r && strcmp(r->key, key) != 0)
		r = r->next;
	return r;
}

static void remember(struct registry *reg, const char *key, const char *state, int pid)
{
	struct report *r = find_report(reg->reports, key);

	if (!r) {
		r = xcalloc(1, sizeof(*r));
		r->key = xstrdup(key);
		r->next = reg->reports->first;
		reg->reports->first = r;
	}
	r->state = state;
	r->pid = pid;
	r->since_us = reactor_clock();
	r->written_seq = 0;
	if (set_state(reg->model, r))
		registry_rebuild_later(reg);
}

/*
 * Two reports on one server may be written over two connections at once and swap.  So whoever
 * finds, when its write is done, that it is not the newest any more writes the newest again.
 */
static int write_newest(struct registry *reg, struct arena *a, const struct server_ref *ref,
			const char *key, const char *state, int pid, struct err *e)
{
	for (;;) {
		struct report *r;
		int rc = registry_sql(reg, &SQL_registry_set_state,
				  PG_PARAMS(ref->app.p, ref->server.p, ref->node.p, state,
					    arena_strf(a, "%d", pid)), NULL, NULL, a, e);

		if (rc <= 0)
			return rc;
		r = find_report(reg->reports, key);
		if (!r)
			return rc;
		if (r->state == state && r->pid == pid) {
			r->written_seq = reg->load_seq;
			return rc;
		}
		state = r->state;
		pid = r->pid;
	}
}

int registry_report_state(struct registry *reg, struct arena *a, const struct server_ref *ref,
			  const char *state, int pid, struct err *e)
{
	struct tars_str key = server_key(a, ref->app, ref->server, ref->node);
	int rc;

	if (index_find(&reg->model->servers, key))
		remember(reg, key.p, state, pid);
	rc = write_newest(reg, a, ref, key.p, state, pid, e);
	if (rc == 0)
		return server_unknown(ref, e);
	if (rc < 0)
		return err_wrap(e, "the state of %s.%s on node %s counts but is not stored, send "
				"it again", ref->app.p, ref->server.p, ref->node.p);
	return 0;
}
