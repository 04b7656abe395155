/*
 * Histogram of latencies in nanoseconds: buckets that grow with the value, each 1/128 wide.
 *
 * One thread writes, any may read: plain stores.  What happened between two moments is the
 * difference of two copies.  Values above 2^40 ns (18 minutes) share the last bucket.  Open value.
 */
#ifndef ROLES_BENCH_HIST_H
#define ROLES_BENCH_HIST_H

#include <stdint.h>

enum { HIST_SUB_BITS = 7, HIST_SUB = 1 << HIST_SUB_BITS, HIST_BITS = 40,
       HIST_BUCKETS = (HIST_BITS - HIST_SUB_BITS + 1) * HIST_SUB };

/* Of the thread that writes. */
struct hist_live {
	_Atomic uint64_t n[HIST_BUCKETS];
};

struct hist {
	uint64_t n[HIST_BUCKETS], total;
};

unsigned hist_bucket(uint64_t ns);
/* The smallest value of a bucket; of HIST_BUCKETS: where the last one ends. */
uint64_t hist_lower(unsigned bucket);
/* Adds what is in `live` by now. */
void hist_add_live(struct hist *h, const struct hist_live *live);
void hist_subtract(struct hist *h, const struct hist *before);
/* The value that the share q (0 .. 1) of all does not exceed; 0 if there are none. */
uint64_t hist_quantile(const struct hist *h, double q);
/* Of the smallest and the largest value, as exact as the buckets are; 0 if there are none. */
uint64_t hist_min(const struct hist *h);
uint64_t hist_max(const struct hist *h);
/* How many are below this value, to a bucket. */
uint64_t hist_below(const struct hist *h, uint64_t ns);

#endif
