/* Heartbeats of nodes, written in batches; and the check for nodes that have none any more. */
#include "roles/registry/registry.h"

#include <stdlib.h>

#include "core/sys/log.h"
#include "sql.h"
#include "proto/json.h"

enum {
	BEAT_MS = 1000,
	MANY_NODES = 10,      /* fewer may well fail together */
};

struct heartbeats {
	struct arena arena;
	struct Routes_Heartbeats list;
	struct index nodes;   /* node -> its heartbeat in the list */
	uint32_t room;
};

struct heartbeats *heartbeats_new(void)
{
	struct heartbeats *h = xcalloc(1, sizeof(*h));

	arena_init(&h->arena, NULL, 0);
	return h;
}

void heartbeats_free(struct heartbeats *h)
{
	if (!h)
		return;
	arena_clear(&h->arena);
	free(h);
}

static void write_beats(struct tars_req *rq, void *arg)
{
	struct registry *reg = arg;
	struct heartbeats *h = reg->heartbeats;
	struct buf json = BUF_INIT;
	struct err e = { 0 };
	int rc;

	/* What comes in while we wait for the database goes into a new batch. */
	reg->heartbeats = heartbeats_new();
	rc = json_put(&json, &Routes_Heartbeats_type, &h->list, JSON_COMPACT, &e);
	if (rc == 0)
		rc = registry_sql(reg, &SQL_registry_heartbeats, PG_PARAMS(buf_str(&json)), NULL,
			      NULL, req_arena(rq), &e);
	/* Lost beats do no harm: the next come in seconds, and no node counts as dead so soon. */
	if (rc < 0)
		log_debug(NULL, "registry: %u heartbeats were not stored: %s", h->list.beats.n,
			  e.text);
	buf_release(&json);
	heartbeats_free(h);
}

static void beats_due(struct timer *t)
{
	registry_spawn(container_of(t, struct registry, beat_timer), write_beats);
}

/* More room for heartbeats, which move. */
static void grow(struct heartbeats *h)
{
	struct Routes_Heartbeat_list *l = &h->list.beats;
	struct Routes_Heartbeat *v;

	h->room = h->room ? h->room * 2 : 16;
	v = arena_alloc(&h->arena, h->room * sizeof(*v));
	index_init(&h->nodes, h->room, &h->arena);
	for (uint32_t i = 0; i < l->n; i++) {
		v[i] = l->v[i];
		*index_slot(&h->nodes, v[i].node) = &v[i];
	}
	l->v = v;
}

/* The node's heartbeat in this batch. */
static struct Routes_Heartbeat *beat_of(struct heartbeats *h, struct tars_str node)
{
	struct Routes_Heartbeat_list *l = &h->list.beats;
	struct Routes_Heartbeat *beat;

	if (l->n == h->room)
		grow(h);
	beat = index_find(&h->nodes, node);
	if (beat)
		return beat;
	beat = &l->v[l->n++];
	beat->node = (struct tars_str){ arena_memdup(&h->arena, node.p, node.n), node.n };
	*index_slot(&h->nodes, beat->node) = beat;
	return beat;
}

void registry_heartbeat(struct registry *reg, struct tars_str node, float avg1, float avg5,
			float avg15)
{
	struct Routes_Heartbeat *beat = beat_of(reg->heartbeats, node);

	beat->avg1 = avg1;
	beat->avg5 = avg5;
	beat->avg15 = avg15;
	if (!timer_is_running(&reg->beat_timer) && !reg->stopping)
		timer_start(&reg->beat_timer, BEAT_MS, beats_due);
}

/* ---- who is gone ---- */

static void check_due(struct timer *t);

static void log_late(const struct registry *reg, const struct Routes_LateNode_list *late)
{
	double seconds = (double)reg->conf->node_timeout_ms / 1000;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < late->n; i++) {
		if (late->v[i].is_dead)
			log_warn(NULL, "registry: node %s sent no heartbeat for %g s: its servers are "
				 "out of routing until it is back", late->v[i].node_name.p, seconds);
		else
			kept++;
	}
	if (kept >= MANY_NODES)
		log_every(60000, LOG_LEVEL_WARN, NULL, "registry: %u nodes (%s, ...) sent no "
			  "heartbeat for %g s, more than %d %% of all: their servers stay in "
			  "routing (--recover-protect); is the network between them and the "
			  "registries cut?", kept, late->v[0].node_name.p, seconds,
			  reg->conf->recover_protect);
}

/*
 * Nobody is declared dead while we, or the database, could not have seen heartbeats: a full period
 * must have passed since both are there.
 */
static bool may_judge(const struct registry *reg, int64_t period_ms)
{
	return reg->db_up_since_us &&
	       reactor_clock() - reg->db_up_since_us > period_ms * 1000;
}

static void check(struct tars_req *rq, void *arg)
{
	struct registry *reg = arg;
	struct arena *a = req_arena(rq);
	struct Routes_LateNode_list late = { 0 };
	struct err e = { 0 };
	int rc = 0;

	/* What has come in counts, also when it is not written yet. */
	if (reg->heartbeats->list.beats.n)
		write_beats(rq, reg);
	if (may_judge(reg, reg->conf->node_timeout_ms))
		rc = registry_sql(reg, &SQL_registry_dead_nodes,
			      PG_PARAMS(arena_strf(a, "%lld",
						   (long long)reg->conf->node_timeout_ms),
					arena_strf(a, "%d", MANY_NODES),
					arena_strf(a, "%d", reg->conf->recover_protect)),
			      &Routes_LateNode_type, &late, a, &e);
	if (rc >= 0 && may_judge(reg, reg->conf->platform_timeout_ms))
		rc = registry_sql(reg, &SQL_registry_dead_platform,
			      PG_PARAMS(arena_strf(a, "%lld",
						   (long long)reg->conf->platform_timeout_ms)),
			      NULL, NULL, a, &e);
	registry_forget_old(reg, a);
	log_late(reg, &late);
	if (rc < 0)
		log_debug(NULL, "registry: the check for dead nodes failed: %s", e.text);
	if (!reg->stopping)
		registry_start_checks(reg);
}

static void check_due(struct timer *t)
{
	registry_spawn(container_of(t, struct registry, check_timer), check);
}

void registry_start_checks(struct registry *reg)
{
	timer_start(&reg->check_timer, reg->conf->check_ms, check_due);
}
