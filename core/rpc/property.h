/*
 * Properties: values that a service reports, told every minute by policy (contract 9.3).
 *
 * Reporting a value takes the lock of one of several stripes, chosen by thread: no thread waits for
 * another but by accident, and what one report tells fits together.
 * Thread: any; property_take: the reporter.
 */
#ifndef CORE_RPC_PROPERTY_H
#define CORE_RPC_PROPERTY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/tars.h"
#include "proto/arena.h"

enum {
	PROPERTY_MAX_RANGES = 32, PROPERTY_STRIPES = 8, PROPERTY_POLICIES = 6,
	PROPERTY_FIRST_MAX = -9999999,  /* Max without a value in the first interval; later 0 */
};

/* What many values add up to. */
struct property_sum {
	int64_t sum;
	uint64_t n;
	int32_t max, min;             /* min 0: none but zeros */
	bool any;
	uint64_t distr[PROPERTY_MAX_RANGES + 1]; /* the last: above all ranges */
};

struct property_list;

struct property_list *property_list_new(void);
void property_list_free(struct property_list *l);

/* The one of this name, made if missing.  Of several with one name the first says how. */
struct tars_property *property_get(struct property_list *l, const char *name, unsigned policies,
				   const int *ranges, unsigned n_ranges);
struct tars_property *property_next(struct property_list *l, struct tars_property *prev);
const char *property_name(const struct tars_property *p);
/* Its ranges, ascending. */
const int32_t *property_ranges(const struct tars_property *p, unsigned *n);
/* Values that somebody else has added up, by the same ranges. */
void property_add(struct tars_property *p, const struct property_sum *s);

struct property_value {
	const char *policy, *value;
};
/* The values since the last call, by policy, as they go out; how many.  A Min that is 0 is left
 * out, as official clients do. */
unsigned property_take(struct tars_property *p, struct property_value *v, struct arena *a);

#endif
