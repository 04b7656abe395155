/*
 * One row of the official call statistics, between two reports (contract 9.1).
 *
 * "Mic" is what StatF calls it: module interface calls.  Pure values; Thread: one at a time.
 */
#ifndef CORE_RPC_MIC_H
#define CORE_RPC_MIC_H

#include <stdbool.h>
#include <stdint.h>

enum { MIC_INTERVALS = 9 };

struct mic_body {
	int32_t count, timeouts, failures;
	int32_t intervals[MIC_INTERVALS]; /* calls that took less than mic_bounds[i], not the one before */
	int64_t total_ms;                 /* of the successful ones, as the next two */
	int32_t max_ms, min_ms;           /* min_ms 0: none, or all took less than 1 ms */
};

/* 5, 10, 50, 100, 200, 500, 1000, 2000, 3000 ms. */
extern const int32_t mic_bounds[MIC_INTERVALS];

/* Calls of so many milliseconds each. */
void mic_add_ok(struct mic_body *b, int64_t ms, int32_t times);
/* They have no times, and fall into the first interval, as those of official clients do. */
void mic_add_timeout(struct mic_body *b);
void mic_add_failure(struct mic_body *b);
void mic_merge(struct mic_body *to, const struct mic_body *from);

static inline bool mic_is_empty(const struct mic_body *b)
{
	return !b->count && !b->timeouts && !b->failures;
}

#endif
