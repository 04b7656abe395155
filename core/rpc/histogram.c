/* Histogram of times: bucket bounds, sums and quantiles. */
#include "core/rpc/histogram.h"

uint64_t histogram_lower(unsigned bucket)
{
	unsigned log = bucket / HISTOGRAM_SUB + 2;

	if (bucket < HISTOGRAM_SUB)
		return bucket;
	return (uint64_t)(HISTOGRAM_SUB + bucket % HISTOGRAM_SUB) << (log - 3);
}

void histogram_sum_add(struct histogram_sum *sum, const struct histogram *h)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = counter_get(&h->n[i]);

		sum->n[i] += n;
		sum->total += n;
	}
}

uint64_t histogram_quantile(const struct histogram_sum *sum, double q)
{
	double wanted = q * (double)sum->total;
	uint64_t before = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t low = histogram_lower(i), width = histogram_lower(i + 1) - low;

		if (!sum->n[i])
			continue;
		if ((double)(before + sum->n[i]) >= wanted) {
			double share = (wanted - (double)before) / (double)sum->n[i];

			/* The values of a bucket are taken as spread evenly over it. */
			return low + (uint64_t)(share * (double)(width - 1) + 0.5);
		}
		before += sum->n[i];
	}
	return 0;
}
