/*
 * Token buckets: so many calls a second, and so many at once.
 *
 * A bucket is one number, the time when it is full again; the caller gives the clock.  Open values.
 * Thread: one at a time.
 */
#ifndef PROTO_BUCKET_H
#define PROTO_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

struct rate {
	double per_second;
	unsigned burst;           /* calls that may come at once */
	int64_t interval_ns;      /* derived: of one token, and of a full bucket */
	int64_t depth_ns;
};

enum { RATE_MAX = 100000000 };

/* "500", "0.5", "500/50": calls a second, and the burst (a second's worth, at least 1).  0: none at
 * all. */
int rate_parse(const char *text, struct rate *r, struct err *e);

/* False if there is no token.  Zeroed, it is full. */
bool bucket_take(int64_t *full_at_ns, const struct rate *r, int64_t now_ns);

/*
 * Buckets by name in fixed memory: when there is no room, the fullest of four makes room, which
 * gives its name at most one burst too much.
 */
enum { BUCKET_WAYS = 4 };
struct bucket_slot {
	uint64_t key;
	int64_t full_at_ns;
};
struct bucket_table {
	struct bucket_slot *slots;
	size_t n_sets;            /* a power of two */
};
size_t bucket_table_size(size_t n_sets);
bool bucket_table_take(struct bucket_table *t, uint64_t key, const struct rate *r, int64_t now_ns);

#endif
