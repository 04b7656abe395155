/*
 * Histogram of times: buckets that grow with the value, so that every quantile is right to 1/8.
 *
 *	value   0 1 ... 7 | 8 9 ... 15 | 16 18 ... 30 | 32 36 ... 60 | ...
 *	bucket  0 1 ... 7 | 8 9 ... 15 | 16 17 ... 23 | 24 25 ... 31 | ...   8 per power of two
 *
 * One thread writes, any may read: plain stores, no read-modify-write.  Values are microseconds;
 * those from 2^27 on (134 s) share the last bucket.  Open value.
 */
#ifndef CORE_RPC_HISTOGRAM_H
#define CORE_RPC_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_SUB = 8, HISTOGRAM_BITS = 27, HISTOGRAM_BUCKETS = (HISTOGRAM_BITS - 2) * 8 };

struct histogram {
	_Atomic uint64_t n[HISTOGRAM_BUCKETS];
};

/* What several histograms say together. */
struct histogram_sum {
	uint64_t n[HISTOGRAM_BUCKETS];
	uint64_t total;
};

/* For counters that one thread writes and others read. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t by)
{
	uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, n + by, memory_order_relaxed);
}

static inline uint64_t counter_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline unsigned histogram_bucket(uint64_t value)
{
	unsigned log;

	if (value < HISTOGRAM_SUB)
		return (unsigned)value;
	if (value >> HISTOGRAM_BITS)
		return HISTOGRAM_BUCKETS - 1;
	log = 63 - (unsigned)__builtin_clzll(value);
	return (log - 2) * HISTOGRAM_SUB + ((value >> (log - 3)) & (HISTOGRAM_SUB - 1));
}

static inline void histogram_add(struct histogram *h, uint64_t value, uint64_t times)
{
	counter_add(&h->n[histogram_bucket(value)], times);
}

/* The smallest value of a bucket; of HISTOGRAM_BUCKETS: where the last one ends. */
uint64_t histogram_lower(unsigned bucket);
void histogram_sum_add(struct histogram_sum *sum, const struct histogram *h);
/* The value that the share q (0 .. 1) of all does not exceed; 0 if there are none. */
uint64_t histogram_quantile(const struct histogram_sum *sum, double q);

#endif
