/*
 * Index: text -> pointer, built once in an arena and read many times.
 *
 * Room is fixed at index_init; keys are not copied and must stay.  Thread: one at a time.
 */
#ifndef ROLES_REGISTRY_INDEX_H
#define ROLES_REGISTRY_INDEX_H

#include "proto/arena.h"
#include "proto/type.h"

struct index_slot {
	struct tars_str key;
	void *value;            /* NULL: free */
};

struct index {
	struct index_slot *v;
	uint32_t mask;
};

/* Room for n keys. */
void index_init(struct index *x, uint32_t n, struct arena *a);
/* Where the value of this key is; *slot is NULL for a new key: set it. */
void **index_slot(struct index *x, struct tars_str key);
/* NULL: unknown. */
void *index_find(const struct index *x, struct tars_str key);

#endif
