/* One row of the official call statistics: adding calls, merging rows. */
#include "core/rpc/mic.h"

const int32_t mic_bounds[MIC_INTERVALS] = { 5, 10, 50, 100, 200, 500, 1000, 2000, 3000 };

static void add_times(struct mic_body *b, int64_t total_ms, int32_t max_ms, int32_t min_ms)
{
	b->total_ms += total_ms;
	if (b->max_ms < max_ms)
		b->max_ms = max_ms;
	if (!b->min_ms || (min_ms && min_ms < b->min_ms))
		b->min_ms = min_ms;
}

void mic_add_ok(struct mic_body *b, int64_t ms, int32_t times)
{
	int32_t one = ms < 0 ? 0 : ms > INT32_MAX ? INT32_MAX : (int32_t)ms;

	b->count += times;
	add_times(b, (int64_t)one * times, one, one);
	for (unsigned i = 0; i < MIC_INTERVALS; i++)
		if (one < mic_bounds[i]) {
			b->intervals[i] += times;
			return;
		}
}

void mic_add_timeout(struct mic_body *b)
{
	b->timeouts++;
	b->intervals[0]++;
}

void mic_add_failure(struct mic_body *b)
{
	b->failures++;
	b->intervals[0]++;
}

void mic_merge(struct mic_body *to, const struct mic_body *from)
{
	to->count += from->count;
	to->timeouts += from->timeouts;
	to->failures += from->failures;
	for (unsigned i = 0; i < MIC_INTERVALS; i++)
		to->intervals[i] += from->intervals[i];
	add_times(to, from->total_ms, from->max_ms, from->min_ms);
}
