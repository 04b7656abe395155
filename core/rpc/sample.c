/* Samples of call chains: which are followed, on the wire, and what is kept for the next report. */
#include "core/rpc/sample.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/proxy.h"
#include "core/rpc/req.h"
#include "core/rpc/travel.h"
#include "proto/text.h"

enum { UNID_BYTES = 14, DEPTH_MAX = 1000, DEFAULT_MAX = 100 };

struct sampler {
	unsigned rate, max;
	_Atomic unsigned turn;
	pthread_mutex_t lock;         /* of what follows */
	struct sampled *v;
	unsigned n;
};

struct sampler *sampler_new(unsigned rate, unsigned max)
{
	struct sampler *s = xcalloc(1, sizeof(*s));

	s->rate = rate;
	s->max = max ? max : DEFAULT_MAX;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s->v);
	free(s);
}

unsigned sampler_take(struct sampler *s, struct sampled **v)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->n;
	*v = s->v;
	s->v = NULL;
	s->n = 0;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* ---- requests ---- */

/* A request may make calls from several threads at once: one of them begins the sample. */
static void attach(struct tars_req *rq, struct sample *sample)
{
	struct travel *travel = rq->travel ? NULL : tars_alloc(rq, sizeof(*travel));

	req_lock(rq);
	if (!rq->travel)
		__atomic_store_n(&rq->travel, travel, __ATOMIC_RELEASE);
	if (!rq->travel->sample)
		__atomic_store_n(&rq->travel->sample, sample, __ATOMIC_RELEASE);
	req_unlock(rq);
}

/* "unid|depth|width" of the call that this request is; anything else is no sample. */
void sample_arrived(struct tars_req *rq)
{
	const struct tars_str *key = packet_map_find(&rq->head.status, "STATUS_SAMPLE_KEY");
	const char *bar1 = key ? memchr(key->p, '|', key->n) : NULL;
	const char *end = key ? key->p + key->n : NULL;
	const char *bar2 = bar1 ? memchr(bar1 + 1, '|', (size_t)(end - bar1 - 1)) : NULL;
	int64_t depth, width;
	struct sample *s;

	if (!bar2 || bar1 == key->p || bar1 - key->p > SAMPLE_UNID_MAX ||
	    !text_int(bar1 + 1, (size_t)(bar2 - bar1 - 1), 0, DEPTH_MAX, &depth) ||
	    !text_int(bar2 + 1, (size_t)(end - bar2 - 1), 0, INT32_MAX, &width))
		return;
	s = tars_alloc(rq, sizeof(*s));
	memcpy(s->unid, key->p, (size_t)(bar1 - key->p));
	s->depth = (int)depth + 1;
	s->parent_width = (int)width;
	attach(rq, s);
}

void sample_begin(struct sampler *s, struct tars_req *rq)
{
	uint8_t bytes[UNID_BYTES];
	struct sample *sample;

	if (!s->rate || (rq->travel && rq->travel->sample) ||
	    (atomic_fetch_add_explicit(&s->turn, 1, memory_order_relaxed) + 1) % s->rate)
		return;
	while (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		;
	sample = tars_alloc(rq, sizeof(*sample));
	text_put_hex(sample->unid, bytes, UNID_BYTES);
	sample->parent_width = -1;
	attach(rq, sample);
}

/* ---- calls ---- */

void sample_put(struct tars_pending *p, struct sample *s, char key[SAMPLE_KEY_SIZE])
{
	p->sample = ARENA_NEW(&p->arena, struct call_sample);
	p->sample->of = s;
	p->sample->width = atomic_fetch_add_explicit(&s->width, 1, memory_order_relaxed);
	snprintf(key, SAMPLE_KEY_SIZE, "%s|%d|%d", s->unid, s->depth, p->sample->width);
}

void sample_sent(const struct tars_pending *p, const struct peer *peer)
{
	struct sampler *s = p->loop->app->sampler;
	const struct sample *of = p->sample->of;
	struct sampled *row;

	pthread_mutex_lock(&s->lock);
	if (!s->v)
		s->v = xcalloc(s->max, sizeof(*s->v));
	if (s->n < s->max) {
		row = &s->v[s->n++];
		row->proxy = p->proxy;
		row->func = p->func->name;
		memcpy(row->unid, of->unid, sizeof(row->unid));
		snprintf(row->host, sizeof(row->host), "%.50s", peer->ep.host);
		row->depth = of->depth;
		row->width = p->sample->width;
		row->parent_width = of->parent_width;
	}
	pthread_mutex_unlock(&s->lock);
}
