/* Token buckets: rates from text, taking a token, buckets by name. */
#include "proto/bucket.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static int bad_rate(const char *text, struct err *e)
{
	return err_set(e, TARS_ECONF, "'%s' is not a rate (calls a second, or with the burst: 500, "
		       "0.5, 500/50)", text);
}

int rate_parse(const char *text, struct rate *r, struct err *e)
{
	unsigned long burst;
	double per_second;
	char *end;

	if (!((*text >= '0' && *text <= '9') || *text == '.'))
		return bad_rate(text, e);
	per_second = strtod(text, &end);
	if (end == text || !(per_second >= 0 && per_second <= RATE_MAX))
		return bad_rate(text, e);
	burst = per_second < 1 ? 1 : (unsigned long)ceil(per_second);
	if (*end == '/') {
		if (end[1] < '0' || end[1] > '9')
			return bad_rate(text, e);
		errno = 0;
		burst = strtoul(end + 1, &end, 10);
	}
	if (*end || !burst || burst > RATE_MAX)
		return bad_rate(text, e);
	r->per_second = per_second;
	r->burst = (unsigned)burst;
	r->interval_ns = per_second > 0 ? (int64_t)(1e9 / per_second) : 0;
	/* The rarest rates with the largest bursts would not fit. */
	r->depth_ns = (double)r->interval_ns * (double)burst < 9e18 ?
		      r->interval_ns * (int64_t)burst : INT64_MAX / 2;
	return TARS_OK;
}

bool bucket_take(int64_t *full_at_ns, const struct rate *r, int64_t now_ns)
{
	int64_t from = *full_at_ns > now_ns ? *full_at_ns : now_ns;

	if (!r->interval_ns || from - now_ns > r->depth_ns - r->interval_ns)
		return false;
	*full_at_ns = from + r->interval_ns;
	return true;
}

size_t bucket_table_size(size_t n_sets)
{
	return n_sets * BUCKET_WAYS * sizeof(struct bucket_slot);
}

bool bucket_table_take(struct bucket_table *t, uint64_t key, const struct rate *r, int64_t now_ns)
{
	struct bucket_slot *set = &t->slots[(key & (t->n_sets - 1)) * BUCKET_WAYS], *fullest = set;

	for (int i = 0; i < BUCKET_WAYS; i++) {
		if (set[i].key == key)
			return bucket_take(&set[i].full_at_ns, r, now_ns);
		if (set[i].full_at_ns < fullest->full_at_ns)
			fullest = &set[i];
	}
	*fullest = (struct bucket_slot){ .key = key };
	return bucket_take(&fullest->full_at_ns, r, now_ns);
}
