/* Histogram of latencies: buckets, quantiles, differences. */
#include "roles/bench/hist.h"

#include <stdatomic.h>

unsigned hist_bucket(uint64_t ns)
{
	unsigned shift;

	if (ns < HIST_SUB)
		return (unsigned)ns;
	if (ns >> HIST_BITS)
		return HIST_BUCKETS - 1;
	shift = 63 - (unsigned)__builtin_clzll(ns) - HIST_SUB_BITS;
	return (shift + 1) * HIST_SUB + (unsigned)((ns >> shift) & (HIST_SUB - 1));
}

uint64_t hist_lower(unsigned bucket)
{
	unsigned shift = bucket / HIST_SUB;

	if (!shift)
		return bucket;
	return (uint64_t)(HIST_SUB + bucket % HIST_SUB) << (shift - 1);
}

void hist_add_live(struct hist *h, const struct hist_live *live)
{
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		uint64_t n = atomic_load_explicit(&live->n[i], memory_order_relaxed);

		h->n[i] += n;
		h->total += n;
	}
}

void hist_subtract(struct hist *h, const struct hist *before)
{
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		h->n[i] -= before->n[i];
	h->total -= before->total;
}

/* The last value of a bucket. */
static uint64_t upper(unsigned bucket)
{
	return hist_lower(bucket + 1) - 1;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	double wanted = q * (double)h->total;
	uint64_t seen = 0;

	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->n[i];
		if (h->n[i] && (double)seen >= wanted)
			return upper(i);
	}
	return 0;
}

uint64_t hist_min(const struct hist *h)
{
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		if (h->n[i])
			return hist_lower(i);
	return 0;
}

uint64_t hist_max(const struct hist *h)
{
	for (unsigned i = HIST_BUCKETS; i-- > 0;)
		if (h->n[i])
			return upper(i);
	return 0;
}

uint64_t hist_below(const struct hist *h, uint64_t ns)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < HIST_BUCKETS && hist_lower(i) < ns; i++)
		sum += h->n[i];
	return sum;
}
