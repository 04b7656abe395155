/* Limits of an adapter at work: admission by concurrency and by rates, and what ended requests teach. */
#include "core/rpc/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc/req.h"
#include "core/rpc/server.h"
#include "proto/hash.h"

enum { CALLER_SETS = 1024 };   /* 64 KB of buckets for callers that are not named */

struct limits {
	const struct limits_conf *conf;
	_Atomic unsigned in_flight;
	_Atomic unsigned limit;          /* 0: none */
	pthread_mutex_t lock;            /* of what follows */
	struct adapt adapt;
	int64_t *callers, *functions;    /* buckets of the named ones */
	struct bucket_table others;
};

struct limits *limits_new(const struct limits_conf *conf)
{
	struct limits *l = xcalloc(1, sizeof(*l));

	l->conf = conf;
	pthread_mutex_init(&l->lock, NULL);
	l->callers = xcalloc(conf->n_callers + 1, sizeof(*l->callers));
	l->functions = xcalloc(conf->n_functions + 1, sizeof(*l->functions));
	if (conf->others) {
		l->others.n_sets = CALLER_SETS;
		l->others.slots = xcalloc(1, bucket_table_size(CALLER_SETS));
	}
	adapt_init(&l->adapt, &conf->adapt, reactor_clock());
	atomic_init(&l->limit, conf->adaptive ? adapt_limit(&l->adapt) : conf->adapt.max);
	return l;
}

void limits_free(struct limits *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l->callers);
	free(l->functions);
	free(l->others.slots);
	free(l);
}

/* ---- rates ---- */

static const struct named_rate *find_caller(const struct limits_conf *c, const char *name)
{
	for (unsigned i = 0; i < c->n_callers; i++)
		if (!strcmp(c->callers[i].name, name))
			return &c->callers[i];
	return NULL;
}

/* "func", or "App.Server.Obj.func". */
static bool names_function(const char *name, const struct servant *s, const char *func)
{
	if (!strcmp(name, func))
		return true;
	return !strncmp(name, s->row.name, s->name_len) && name[s->name_len] == '.' &&
	       !strcmp(name + s->name_len + 1, func);
}

static const struct named_rate *find_function(const struct limits_conf *c,
					      const struct tars_req *rq)
{
	for (unsigned i = 0; i < c->n_functions; i++)
		if (names_function(c->functions[i].name, rq->servant, rq->func->name))
			return &c->functions[i];
	return NULL;
}

/* 0 is a slot that nobody has. */
static uint64_t key_of(const char *caller)
{
	uint64_t hash = hash_fnv(caller, strlen(caller));

	return hash ? hash : 1;
}

static bool take_caller(struct limits *l, const char *caller, int64_t now_ns, char *why,
			size_t size)
{
	const struct limits_conf *c = l->conf;
	const struct named_rate *named = find_caller(c, caller);
	const struct rate *rate = named ? &named->rate : c->others;

	if (!rate)
		return true;
	if (named ? bucket_take(&l->callers[named - c->callers], rate, now_ns) :
		    bucket_table_take(&l->others, key_of(caller), rate, now_ns))
		return true;
	snprintf(why, size, "limited: caller %.64s may make %.6g calls/s, %u at once "
		 "(limits/callers<%.64s>)", caller, rate->per_second, rate->burst,
		 named ? named->name : "*");
	return false;
}

static bool take_function(struct limits *l, const struct named_rate *f, int64_t now_ns, char *why,
			  size_t size)
{
	if (!f || bucket_take(&l->functions[f - l->conf->functions], &f->rate, now_ns))
		return true;
	snprintf(why, size, "limited: %.128s may be called %.6g times/s, %u at once "
		 "(limits/functions<%.128s>)", f->name, f->rate.per_second, f->rate.burst,
		 f->name);
	return false;
}

static bool take_rates(struct limits *l, const struct tars_req *rq, char *why, size_t size)
{
	const struct named_rate *function = find_function(l->conf, rq);
	const char *caller = tars_caller_host(rq);
	int64_t now_ns = rq->start_us * 1000;
	bool ok;

	if (!l->conf->others && !l->conf->n_callers && !function)
		return true;
	pthread_mutex_lock(&l->lock);
	ok = take_caller(l, caller, now_ns, why, size) &&
	     take_function(l, function, now_ns, why, size);
	pthread_mutex_unlock(&l->lock);
	return ok;
}

/* ---- concurrency ---- */

static void tell_concurrency(struct limits *l, unsigned n, unsigned limit, char *why, size_t size)
{
	if (!l->conf->adaptive) {
		snprintf(why, size, "limited: %u requests are at work (limits<concurrency> is %u)",
			 n - 1, limit);
		return;
	}
	pthread_mutex_lock(&l->lock);
	snprintf(why, size, "limited: %u requests are at work, and they take %.0f us instead of "
		 "%.0f: the adaptive limit is %u (limits<concurrency>)", n - 1,
		 l->adapt.latency_us, l->adapt.no_load_us, limit);
	pthread_mutex_unlock(&l->lock);
}

enum limits_refusal limits_admit(struct limits *l, const struct tars_req *rq, char *why,
				 size_t size)
{
	unsigned limit = atomic_load_explicit(&l->limit, memory_order_relaxed);
	unsigned n = atomic_fetch_add_explicit(&l->in_flight, 1, memory_order_relaxed) + 1;
	enum limits_refusal refusal = LIMITS_CONCURRENCY;

	if (limit && n > limit)
		tell_concurrency(l, n, limit, why, size);
	else if (take_rates(l, rq, why, size))
		return LIMITS_OK;
	else
		refusal = LIMITS_RATE;
	atomic_fetch_sub_explicit(&l->in_flight, 1, memory_order_relaxed);
	return refusal;
}

/* Failures are often quick, and would make all others look slow; those that waited too long say
 * more than any other. */
static bool is_measure(const struct tars_req *rq)
{
	return rq->result >= 0 || rq->result == TARS_EQUEUETIMEOUT;
}

void limits_ended(struct limits *l, const struct tars_req *rq)
{
	unsigned n = atomic_fetch_sub_explicit(&l->in_flight, 1, memory_order_relaxed);

	if (!l->conf->adaptive || !is_measure(rq))
		return;
	/* Measures of loops that come together are many: one of them will do. */
	if (pthread_mutex_trylock(&l->lock))
		return;
	adapt_sample(&l->adapt, rq->start_us, reactor_now(), n);
	atomic_store_explicit(&l->limit, adapt_limit(&l->adapt), memory_order_relaxed);
	pthread_mutex_unlock(&l->lock);
}

unsigned limits_concurrency(const struct limits *l)
{
	return l ? atomic_load_explicit(&l->limit, memory_order_relaxed) : 0;
}
