/*
 * The node's copy of all routing data.
 *
 *	subscribe: my sum is S --> in step | it differs: my sums are s0 s1 ... --> these are stale
 *	fetch those, then subscribe again, until it is in step
 *	<-- changes, numbered, each with the sum of everything after it
 *
 * Whatever goes wrong (a change is missing, the sum is another one, the connection ends) ends in
 * subscribing again, at this registry or the next; only what differs is fetched.
 */
#include "roles/node/mirror.h"

#include <stdlib.h>

#include "core/io/pool.h"
#include "if/Mirror.h"
#include "proto/endpoint.h"
#include "proto/hash.h"
#include "roles/node/node.h"
#include "roles/registry/pack.h"
#include "roles/registry/route.h"
#include "roles/registry/snapshot.h"

enum {
	CALL_MS = 5000,
	ROUNDS = 10,            /* of fetching, before another registry is tried */
};

/* A registry; they are few, and kept. */
struct source {
	struct source *next;
	struct node_mirror *mirror;
	struct tars_proxy *proxy;
	char object[];
};

struct node_mirror {
	struct query_source query;      /* the first member: see there */
	struct node *node;
	struct fleet *fleet;
	struct source *sources, *source;    /* the one whose changes count; NULL: none */
	struct tars_MirrorPosition position;
	int64_t bucket_seq[FLEET_SUMS]; /* changes up to there are in the bucket */
	int64_t lagged_seq;             /* where we were when changes were said to be on their way */
	bool is_syncing;
	bool is_lost;                   /* out of step: subscribe again */
	bool is_saving;
	struct signal wake;
	struct timer save;
	const char *path;
	struct err why;                 /* it is lost */
};

static void lose(struct node_mirror *m, const char *why)
{
	if (!m->is_lost)
		err_set(&m->why, TARS_EPROTO, "%s", why);
	m->is_lost = true;
	signal_raise(&m->wake);
}

/* ---- on disk ---- */

struct save {
	struct node_mirror *m;
	struct buf data;
	struct err e;
	int rc;
};

static void write_file(void *arg)
{
	struct save *s = arg;

	s->rc = snapshot_write(s->m->path, &s->data, &s->e);
}

static void save_now(struct tars_req *rq, void *arg)
{
	struct node_mirror *m = arg;
	struct save s = { .m = m };
	struct Routes_Snapshot rest = { .base = m->fleet->base->rows };

	(void)rq;
	snapshot_put(&s.data, m->fleet, &rest);
	pool_run(write_file, &s);
	buf_release(&s.data);
	if (s.rc < 0)
		log_every(60000, LOG_LEVEL_WARN, &m->node->log, "routing data: %s", s.e.text);
	m->is_saving = false;
}

static void save_due(struct timer *t)
{
	struct node_mirror *m = container_of(t, struct node_mirror, save);

	m->is_saving = true;
	node_spawn(m->node, save_now, m);
}

/* What comes in while it is written is saved with the next change. */
static void save_later(struct node_mirror *m)
{
	enum { SELDOM = 10 };   /* it is only needed when no registry is there at a start */

	if (!m->is_saving && !timer_is_running(&m->save) && !m->node->is_stopping)
		timer_start(&m->save, SELDOM * snapshot_pause_ms(m->fleet), save_due);
}

static void load(struct node_mirror *m)
{
	struct Routes_Snapshot rest = { 0 };
	struct err e = { 0 };
	struct arena a;
	int rc;

	arena_init(&a, NULL, 0);
	rc = snapshot_read(m->path, m->fleet, &rest, &a, &e);
	arena_clear(&a);
	if (rc == 0)
		m->query.is_empty = false;
	else if (rc != TARS_ENOTFOUND)
		log_warn(&m->node->log, "routing data is fetched anew: %s", e.text);
}

/* ---- changes ---- */

static bool is_news(const struct node_mirror *m, unsigned bucket, int64_t seq)
{
	return m->bucket_seq[bucket] < seq;
}

static int apply(struct node_mirror *m, const struct tars_MirrorContent *c, int64_t seq,
		 struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < c->removed.n; i++) {
		struct instance *in = fleet_by_id(m->fleet, c->removed.v[i]);

		if (in && is_news(m, fleet_bucket(in->id), seq))
			fleet_remove(m->fleet, in);
	}
	for (uint32_t i = 0; i < c->servers.n && rc == 0; i++) {
		const struct tars_MirrorServer *s = &c->servers.v[i];
		struct instance *in = fleet_by_id(m->fleet, s->id);

		if (!is_news(m, fleet_bucket(s->id), seq) || !state_name(s->state))
			continue;
		if (s->rows.n)
			rc = fleet_put_data(m->fleet, s->id, (uint8_t)s->state, s->rows.p,
					    s->rows.n, e);
		else if (in) /* else its bucket is to come, or the sum will tell */
			fleet_set_state(m->fleet, in, (uint8_t)s->state);
	}
	if (rc == 0 && c->base.n && is_news(m, FLEET_BASE, seq))
		rc = fleet_put_base(m->fleet, c->base.p, c->base.n, e);
	return rc;
}

static void take_change(struct node_mirror *m, const struct tars_MirrorChange *change)
{
	struct tars_MirrorContent content = { 0 };
	struct err e = { 0 };
	struct arena a;
	int rc;

	arena_init(&a, NULL, 0);
	rc = unpack_content(&change->content, &content, &a, &e);
	if (rc == 0)
		rc = apply(m, &content, change->position.seq, &e);
	arena_clear(&a);
	m->position.seq = change->position.seq;
	m->position.sum = (int64_t)fleet_sum(m->fleet);
	if (rc < 0)
		lose(m, e.text);
	else if (!m->is_syncing && m->position.sum != change->position.sum)
		lose(m, "what came of a change is not what the registry has");
	save_later(m);
}

static void changed(void *ctx, const struct tars_MirrorNews_changed_out *news)
{
	struct source *s = ctx;
	struct node_mirror *m = s->mirror;
	const struct tars_MirrorPosition *p = &news->change.position;

	if (s != m->source || m->node->is_stopping)
		return;
	if (p->epoch != m->position.epoch || p->seq > m->position.seq + 1)
		lose(m, "a change is missing");
	else if (p->seq == m->position.seq + 1)
		take_change(m, &news->change);
}

static void closed(void *ctx)
{
	struct source *s = ctx;

	if (s == s->mirror->source)
		lose(s->mirror, "the connection ended");
}

/* ---- getting in step ---- */

static int failed(const struct tars_call *c, int rc, struct err *e)
{
	return err_set(e, rc < 0 ? rc : TARS_EUNKNOWN, "%s", c->error);
}

static struct tars_call to(struct node_mirror *m, struct tars_req *rq)
{
	return (struct tars_call){ .to = m->source->proxy, .rq = rq, .timeout_ms = CALL_MS };
}

static int subscribe(struct node_mirror *m, struct tars_req *rq, bool with_sums,
		     struct tars_Mirror_subscribe_out *out, struct err *e)
{
	struct tars_call c = to(m, rq);
	struct tars_Mirror_subscribe_in in = { .mine = m->position };
	int rc;

	in.mine.sum = (int64_t)fleet_sum(m->fleet);
	if (with_sums)
		in.sums = (struct tars_long_list){ (int64_t *)m->fleet->sums, FLEET_SUMS };
	rc = tars_Mirror_subscribe(&c, &in, out);
	return rc ? failed(&c, rc, e) : 0;
}

static int put_bucket(struct node_mirror *m, const struct tars_MirrorBucket *b, struct err *e)
{
	struct tars_MirrorContent content = { 0 };
	struct arena a;
	int rc;

	if (b->index < 0 || b->index >= FLEET_SUMS)
		return err_set(e, TARS_EPROTO, "there is no bucket %d", b->index);
	arena_init(&a, NULL, 0);
	rc = unpack_content(&b->content, &content, &a, e);
	m->fleet->pass++;
	for (uint32_t i = 0; i < content.servers.n && rc == 0; i++) {
		const struct tars_MirrorServer *s = &content.servers.v[i];

		rc = fleet_put_data(m->fleet, s->id, (uint8_t)s->state, s->rows.p, s->rows.n, e);
	}
	if (rc == 0 && b->index != FLEET_BASE)
		fleet_sweep_bucket(m->fleet, (unsigned)b->index);
	else if (rc == 0)
		rc = fleet_put_base(m->fleet, content.base.p, content.base.n, e);
	if (rc == 0)
		m->bucket_seq[b->index] = b->seq;
	arena_clear(&a);
	return rc;
}

static int fetch(struct node_mirror *m, struct tars_int_list stale, struct err *e)
{
	int rc = 0;

	while (stale.n && rc == 0) {
		struct tars_req *rq = tars_begin(m->node->app);
		struct tars_call c = to(m, rq);
		struct tars_Mirror_fetch_in in = { .wanted = stale };
		struct tars_Mirror_fetch_out out = { 0 };

		rc = tars_Mirror_fetch(&c, &in, &out);
		if (rc)
			rc = failed(&c, rc, e);
		else if (!out.buckets.n || out.buckets.n > stale.n)
			rc = err_set(e, TARS_EPROTO, "%u buckets were asked for, %u came", stale.n,
				     out.buckets.n);
		for (uint32_t i = 0; i < out.buckets.n && rc == 0; i++)
			rc = put_bucket(m, &out.buckets.v[i], e);
		stale.v += out.buckets.n;
		stale.n -= out.buckets.n;
		tars_end(rq);
	}
	return rc;
}

/* One round: 0: in step; 1: not yet. */
static int sync_round(struct node_mirror *m, uint32_t *n_fetched, struct err *e)
{
	struct tars_req *rq = tars_begin(m->node->app);
	struct tars_Mirror_subscribe_out out = { 0 };
	int rc;

	if (m->is_lost)
		m->position.epoch = 0;  /* nothing that may be on its way counts */
	m->is_lost = false;
	rc = subscribe(m, rq, false, &out, e);
	if (rc == 0 && out.ret == 1)
		rc = subscribe(m, rq, true, &out, e);
	if (rc == 0 && out.position.epoch != m->position.epoch) {
		memset(m->bucket_seq, 0, sizeof(m->bucket_seq));
		m->position = out.position;
	} else if (rc == 0 && out.ret == 1) {
		m->position = out.position;
	}
	if (rc == 0 && out.ret == 1) {
		*n_fetched += out.stale.n;
		rc = fetch(m, out.stale, e);
		if (rc == 0)
			rc = 1;
	}
	tars_end(rq);
	return rc;
}

static int sync(struct node_mirror *m, struct err *e)
{
	int64_t start_us = reactor_clock();
	uint32_t n_fetched = 0;
	int rc = 1;

	m->is_syncing = true;
	for (int i = 0; i < ROUNDS && rc == 1 && !m->node->is_stopping; i++)
		rc = sync_round(m, &n_fetched, e);
	m->is_syncing = false;
	if (rc == 1)
		return err_set(e, TARS_ETIMEOUT, "it changes faster than it can be fetched");
	if (rc < 0)
		return rc;
	m->query.is_empty = false;
	m->lagged_seq = -1;
	if (!n_fetched)
		return 0;
	log_info(&m->node->log, "routing data: %u servers as %s has them, %u parts fetched in "
		 "%lld ms", m->fleet->n, m->source->object, n_fetched,
		 (long long)(reactor_clock() - start_us) / 1000);
	save_later(m);
	return 0;
}

/* Still in step?  Changes that are on their way for so long do not come any more. */
static int check(struct node_mirror *m, struct err *e)
{
	struct tars_req *rq = tars_begin(m->node->app);
	struct tars_Mirror_subscribe_out out = { 0 };
	int rc = subscribe(m, rq, false, &out, e);

	tars_end(rq);
	if (rc < 0)
		return rc;
	if (out.ret == 1 || out.position.epoch != m->position.epoch)
		lose(m, "it differs from what the registry has");
	else if (out.position.seq > m->position.seq && m->lagged_seq == m->position.seq)
		lose(m, "changes got lost");
	m->lagged_seq = out.position.seq > m->position.seq ? m->position.seq : -1;
	return 0;
}

/* ---- which registry ---- */

static const struct tars_MirrorNews_pushed handlers = { .changed = changed };

static struct source *source_of(struct node_mirror *m, const struct endpoint *ep)
{
	struct buf object = BUF_INIT;
	struct source *s;

	buf_addf(&object, "tars.tarsregistry.MirrorObj@");
	endpoint_print(&object, ep);
	for (s = m->sources; s && strcmp(s->object, buf_str(&object)) != 0; s = s->next)
		;
	if (!s) {
		s = xcalloc(1, sizeof(*s) + buf_size(&object) + 1);
		memcpy(s->object, buf_str(&object), buf_size(&object) + 1);
		s->mirror = m;
		s->next = m->sources;
		m->sources = s;
		s->proxy = tars_proxy(m->node->app, s->object);
		tars_MirrorNews_set_push(s->proxy, &handlers, s, closed);
	}
	buf_release(&object);
	return s;
}

/* Nodes begin at different registries. */
static void choose(struct node_mirror *m, unsigned attempt)
{
	const struct node *n = m->node;
	const char *locator = *n->locator ? n->locator : app_locator(n->app);
	struct object_ref ref = { 0 };
	struct err e = { 0 };
	struct arena a;

	arena_init(&a, NULL, 0);
	m->source = NULL;
	if (object_ref_parse(locator, &ref, &a, &e) == 0 && ref.eps.n) {
		uint64_t first = n->name ? hash_fnv(n->name, strlen(n->name)) : 0;

		m->source = source_of(m, &ref.eps.v[(first + attempt) % ref.eps.n]);
	}
	arena_clear(&a);
}

/* Not all nodes at once when a registry comes back. */
static int64_t pause_ms(const struct node_mirror *m)
{
	int64_t ms = m->node->conf->retry_ms;

	return ms / 2 + random() % (ms + 1);
}

/* In step until something goes wrong. */
static int follow(struct node_mirror *m, struct err *e)
{
	int rc = sync(m, e);

	while (rc == 0 && !m->node->is_stopping) {
		if (!m->is_lost)
			signal_wait(&m->wake, m->node->conf->heartbeat_ms);
		if (m->node->is_stopping)
			break;
		if (!m->is_lost) {
			rc = check(m, e);
			continue;
		}
		log_debug(&m->node->log, "routing data: %s", m->why.text);
		rc = sync(m, e);
	}
	return rc;
}

void node_mirror_run(struct tars_req *rq, void *arg)
{
	struct node_mirror *m = arg;
	char told[sizeof(((struct err *)0)->text)] = "";
	unsigned attempt = 0;

	(void)rq;
	while (!m->node->is_stopping) {
		struct err e = { 0 };

		choose(m, attempt);
		if (m->source && follow(m, &e) == 0)
			continue;
		/* The link complains of a registry that is away. */
		if (m->source && e.code && strcmp(told, e.text) != 0)
			log_debug(&m->node->log, "routing data from %s: %s", m->source->object, e.text);
		memcpy(told, e.text, sizeof(told));
		attempt++;
		if (!m->node->is_stopping)
			signal_wait(&m->wake, pause_ms(m));
	}
}

/* ---- start, stop ---- */

struct node_mirror *node_mirror_new(struct node *n)
{
	struct node_mirror *m = xcalloc(1, sizeof(*m));

	m->node = n;
	m->path = arena_strf(&n->arena, "%s/tarsnode/routing.snapshot", n->paths.root);
	m->fleet = m->query.fleet = fleet_new();
	m->query.watch = watchers_new(m->fleet);
	m->query.elsewhere = tars_proxy(n->app, "tars.tarsregistry.QueryObj");
	m->query.is_empty = true;
	load(m);
	return m;
}

struct query_source *node_mirror_source(struct node_mirror *m)
{
	return &m->query;
}

void node_mirror_stop(struct node_mirror *m)
{
	timer_stop(&m->save);
	watchers_stop(m->query.watch);
	signal_raise(&m->wake);
}

void node_mirror_free(struct node_mirror *m)
{
	while (m->sources) {
		struct source *s = m->sources;

		m->sources = s->next;
		free(s);
	}
	watchers_free(m->query.watch);
	fleet_free(m->fleet);
	free(m);
}
