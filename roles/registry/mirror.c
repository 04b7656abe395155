/*
 * MirrorObj: nodes that keep a copy of the fleet, and what they are told of changes.
 *
 * A node says the sum of its copy.  If it differs, it says the sums of its buckets and fetches
 * those that differ, so a node that was away for a while, or comes from another registry, gets little.
 * Changes are gathered for a moment and pushed to all; each carries the sum of everything after it.
 * Under a storm of changes the moment grows with the work of telling everybody, so that half of the
 * time belongs to look-ups and reports.  A node that does not read loses its connection, and
 * what it missed it finds by its sums.
 */
#include "roles/registry/mirror.h"

#include <stdlib.h>
#include <sys/random.h>

#include "core/io/coro.h"
#include "core/sys/log.h"
#include "proto/codec.h"
#include "roles/registry/pack.h"
#include "roles/registry/registry.h"

enum {
	GATHER_MS = 10,
	SLICE = 256,            /* nodes that are told before others have their turn */
	FETCH_BYTES = 64 << 10, /* of an answer that has more than one bucket */
};

struct subscriber {
	struct dict_entry entry;        /* its address and port */
	struct mirror *mirror;
	struct tars_client *client;
	unsigned index;                 /* in mirror->v */
	int64_t seq;                    /* of the last change that it was told, or did not need */
};

/* A bucket as it was sent last. */
struct kept {
	struct buf data;
	struct tars_MirrorPacked packed;
	uint64_t sum;
	bool is_there;
};

struct mirror {
	struct registry *reg;
	struct dict by_peer;
	struct subscriber **v;
	unsigned n, room;
	int64_t epoch, seq;
	struct kept kept[FLEET_SUMS];
	struct timer gather;
	bool is_telling;
	int64_t told_us, told_at_us;    /* how long it took, and when it was done */
};

/* ---- contents ---- */

static struct tars_MirrorServer server_of(const struct instance *in, bool rows)
{
	return (struct tars_MirrorServer){
		.id = in->id, .state = (int8_t)in->state,
		.rows = { in->data, rows ? in->n : 0 },
	};
}

static struct tars_bytes base_of(const struct fleet *f, struct buf *b)
{
	codec_put_flat(b, &Routes_Base_type, &f->base->rows, 0);
	return (struct tars_bytes){ buf_head(b), (uint32_t)buf_size(b) };
}

static void pack_bucket(const struct fleet *f, unsigned index, struct kept *k)
{
	struct tars_MirrorContent content = { 0 };
	struct buf base = BUF_INIT;

	if (index == FLEET_BASE)
		content.base = base_of(f, &base);
	else
		content.servers.v = xmalloc((f->buckets[index].n + 1) * sizeof(*content.servers.v));
	for (uint32_t i = 0; index != FLEET_BASE && i < f->buckets[index].n; i++)
		content.servers.v[content.servers.n++] = server_of(f->buckets[index].v[i], true);
	buf_release(&k->data);
	pack_content(&content, &k->data, &k->packed);
	k->sum = f->sums[index];
	k->is_there = true;
	buf_release(&base);
	free(content.servers.v);
}

static const struct tars_MirrorPacked *bucket(struct mirror *m, unsigned index)
{
	struct kept *k = &m->kept[index];

	if (!k->is_there || k->sum != m->reg->fleet->sums[index])
		pack_bucket(m->reg->fleet, index, k);
	return &k->packed;
}

/* Takes what has changed. */
static void pack_changes(struct fleet *f, struct buf *to, struct tars_MirrorPacked *packed_r)
{
	struct fleet_changes c = fleet_take_changes(f);
	struct tars_MirrorContent content = { .removed = { c.removed, c.n_removed } };
	struct buf base = BUF_INIT;

	content.servers.v = xmalloc((c.n + 1) * sizeof(*content.servers.v));
	for (uint32_t i = 0; i < c.n; i++) {
		content.servers.v[content.servers.n++] = server_of(c.v[i],
								   c.v[i]->changed & FLEET_ROWS);
		c.v[i]->changed = 0;
	}
	if (c.base)
		content.base = base_of(f, &base);
	pack_content(&content, to, packed_r);
	buf_release(&base);
	free(content.servers.v);
	fleet_changes_release(&c);
}

/* ---- telling ---- */

static struct tars_MirrorPosition position(const struct mirror *m)
{
	return (struct tars_MirrorPosition){
		.epoch = m->epoch, .seq = m->seq, .sum = (int64_t)fleet_sum(m->reg->fleet),
	};
}

static void tell_one(struct subscriber *s, const struct tars_MirrorNews_changed_out *news)
{
	int rc;

	s->seq = news->change.position.seq;
	rc = tars_client_push(s->client, &tars_MirrorNews_iface, 0, news);
	if (rc != TARS_EOVERLOAD && rc != TARS_ELIMIT)
		return;
	log_every(10000, LOG_LEVEL_WARN, NULL, "registry: node at %s does not take the changes of "
		  "routing data: it has to fetch them", tars_client_peer(s->client));
	tars_client_close(s->client);
}

/* True if there was anybody.  The list changes meanwhile: who is moved to a place that was passed
 * already is told in the next round. */
static bool tell_round(struct mirror *m, const struct tars_MirrorNews_changed_out *news)
{
	unsigned n_told = 0;

	for (unsigned i = 0; i < m->n && !m->reg->stopping; i++) {
		if (m->v[i]->seq == news->change.position.seq)
			continue;
		tell_one(m->v[i], news);
		if (++n_told % SLICE == 0)
			coro_yield();
	}
	return n_told > 0;
}

static void tell(struct tars_req *rq, void *arg)
{
	struct registry *reg = arg;
	struct mirror *m = reg->mirror;
	struct tars_MirrorNews_changed_out news = { 0 };
	struct buf data = BUF_INIT;
	int64_t start_us = reactor_clock();

	(void)rq;
	pack_changes(reg->fleet, &data, &news.change.content);
	m->seq++;
	news.change.position = position(m);
	while (tell_round(m, &news))
		;
	buf_release(&data);
	m->told_at_us = reactor_clock();
	m->told_us = m->told_at_us - start_us;
	m->is_telling = false;
	if (!fleet_is_unchanged(reg->fleet))
		mirror_changed(m);
}

static void gather_due(struct timer *t)
{
	struct mirror *m = container_of(t, struct mirror, gather);

	if (m->reg->stopping)
		return;
	m->is_telling = true;
	registry_spawn(m->reg, tell);
}

void mirror_changed(struct mirror *m)
{
	/* As long as telling the last ones took, since then. */
	int64_t rest_ms = (m->told_at_us + m->told_us - reactor_clock()) / 1000;

	if (!m->is_telling && !timer_is_running(&m->gather))
		timer_start(&m->gather, rest_ms > GATHER_MS ? rest_ms : GATHER_MS, gather_due);
}

/* ---- subscribing ---- */

static void forget(struct subscriber *s)
{
	struct mirror *m = s->mirror;

	m->v[s->index] = m->v[--m->n];
	m->v[s->index]->index = s->index;
	dict_remove(&m->by_peer, &s->entry);
	tars_client_unref(s->client);
	free(s);
}

static void closed(struct tars_client *c, void *ctx)
{
	(void)c;
	forget(ctx);
}

/* NULL: the caller cannot be told anything. */
static struct subscriber *subscriber_of(struct mirror *m, struct tars_req *rq, bool *is_new_r)
{
	struct tars_client *c = tars_client_ref(rq);
	struct tars_str peer;
	struct dict_entry *entry;
	struct subscriber *s;

	*is_new_r = false;
	if (!c)
		return NULL;
	peer.p = tars_client_peer(c);
	peer.n = (uint32_t)strlen(peer.p);
	entry = dict_find(&m->by_peer, peer);
	s = entry ? container_of(entry, struct subscriber, entry) : NULL;
	if (s && s->client == c) {
		tars_client_unref(c);
		return s;
	}
	s = xcalloc(1, sizeof(*s));
	s->mirror = m;
	s->client = c;
	s->seq = m->seq;
	if (tars_client_on_close(c, closed, s) != TARS_OK) {
		tars_client_unref(c);
		free(s);
		return NULL;
	}
	dict_add(&m->by_peer, &s->entry, peer);
	if (m->n == m->room) {
		m->room = m->room ? m->room * 2 : 64;
		m->v = xrealloc(m->v, m->room * sizeof(*m->v));
	}
	s->index = m->n;
	m->v[m->n++] = s;
	*is_new_r = true;
	return s;
}

static int subscribe(struct tars_req *rq, const struct tars_Mirror_subscribe_in *in,
		     struct tars_Mirror_subscribe_out *out)
{
	const struct registry *reg = tars_data(rq);
	struct mirror *m = reg->mirror;
	const struct fleet *f = reg->fleet;
	bool is_new;

	/* What the node has is better than what is left of ours, or nothing at all. */
	if (!reg->was_loaded)
		return tars_fail(rq, TARS_EDB, "this registry has not reached its database since it "
				 "was started: keep what you have, or ask another");
	if (!subscriber_of(m, rq, &is_new))
		return tars_fail(rq, TARS_EARG, "subscribe: this connection cannot take pushes");
	out->position = position(m);
	if (!is_new && in->mine.epoch == m->epoch &&
	    (in->mine.seq < m->seq || !fleet_is_unchanged(f)))
		return TARS_OK;         /* changes are on their way to it */
	if (in->mine.sum == out->position.sum)
		return TARS_OK;
	out->ret = 1;
	if (in->sums.n != FLEET_SUMS)
		return TARS_OK;
	out->stale.v = tars_alloc(rq, FLEET_SUMS * sizeof(*out->stale.v));
	for (int i = 0; i < FLEET_SUMS; i++)
		if (in->sums.v[i] != (int64_t)f->sums[i])
			out->stale.v[out->stale.n++] = i;
	return TARS_OK;
}

static int fetch(struct tars_req *rq, const struct tars_Mirror_fetch_in *in,
		 struct tars_Mirror_fetch_out *out)
{
	const struct registry *reg = tars_data(rq);
	size_t size = 0;

	out->buckets.v = tars_alloc(rq, FLEET_SUMS * sizeof(*out->buckets.v));
	for (uint32_t i = 0; i < in->wanted.n && i < FLEET_SUMS; i++) {
		int32_t index = in->wanted.v[i];
		const struct tars_MirrorPacked *packed;

		if (index < 0 || index >= FLEET_SUMS)
			return tars_fail(rq, TARS_EARG, "fetch: there is no bucket %d", index);
		packed = bucket(reg->mirror, (unsigned)index);
		size += packed->data.n;
		if (i && size > FETCH_BYTES)
			break;
		/* The next change may be in it already: to apply it twice does no harm. */
		out->buckets.v[out->buckets.n++] = (struct tars_MirrorBucket){
			index, reg->mirror->seq, *packed,
		};
	}
	return TARS_OK;
}

const struct tars_Mirror registry_mirror = { .subscribe = subscribe, .fetch = fetch };

/* ---- start, stop ---- */

static void changed(void *arg)
{
	mirror_changed(arg);
}

struct mirror *mirror_new(struct registry *reg)
{
	struct mirror *m = xcalloc(1, sizeof(*m));

	m->reg = reg;
	while (getrandom(&m->epoch, sizeof(m->epoch), 0) != sizeof(m->epoch))
		;
	reg->fleet->on_change = changed;
	reg->fleet->arg = m;
	return m;
}

void mirror_stop(struct mirror *m)
{
	timer_stop(&m->gather);
}

void mirror_free(struct mirror *m)
{
	while (m->n)
		forget(m->v[m->n - 1]);
	for (unsigned i = 0; i < FLEET_SUMS; i++)
		buf_release(&m->kept[i].data);
	dict_release(&m->by_peer);
	free(m->v);
	free(m);
}
