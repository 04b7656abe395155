/* Text -> pointer index with open addressing in an arena. */
#include "roles/registry/index.h"

#include <string.h>

#include "proto/hash.h"

void index_init(struct index *x, uint32_t n, struct arena *a)
{
	uint32_t size = 8;

	while (size < n * 2)
		size *= 2;
	x->mask = size - 1;
	x->v = arena_alloc(a, size * sizeof(*x->v));
}

static struct index_slot *probe(const struct index *x, struct tars_str key)
{
	uint32_t i = (uint32_t)hash_fnv(key.p, key.n) & x->mask;

	while (x->v[i].value && (x->v[i].key.n != key.n ||
				 (key.n && memcmp(x->v[i].key.p, key.p, key.n) != 0)))
		i = (i + 1) & x->mask;
	return &x->v[i];
}

void **index_slot(struct index *x, struct tars_str key)
{
	struct index_slot *slot = probe(x, key);

	if (!slot->value)
		slot->key = key;
	return &slot->value;
}

void *index_find(const struct index *x, struct tars_str key)
{
	return probe(x, key)->value;
}
