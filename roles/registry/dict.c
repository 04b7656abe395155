/* Text -> entry: chained slots that double when they are full. */
#include "roles/registry/dict.h"

#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"
#include "proto/hash.h"

enum { MIN_SLOTS = 16 };

static struct dict_entry **slot_of(const struct dict *d, uint32_t hash)
{
	return &d->slots[hash & (d->n_slots - 1)];
}

struct dict_entry *dict_find(const struct dict *d, struct tars_str key)
{
	uint32_t hash = (uint32_t)hash_fnv(key.p, key.n);
	struct dict_entry *e = d->n_slots ? *slot_of(d, hash) : NULL;

	while (e && (e->hash != hash || e->key.n != key.n ||
		     (key.n && memcmp(e->key.p, key.p, key.n) != 0)))
		e = e->next;
	return e;
}

static void grow(struct dict *d)
{
	struct dict old = *d;

	d->n_slots = old.n_slots ? old.n_slots * 2 : MIN_SLOTS;
	d->slots = xcalloc(d->n_slots, sizeof(*d->slots));
	for (uint32_t i = 0; i < old.n_slots; i++)
		for (struct dict_entry *e = old.slots[i], *next; e; e = next) {
			struct dict_entry **slot = slot_of(d, e->hash);

			next = e->next;
			e->next = *slot;
			*slot = e;
		}
	free(old.slots);
}

void dict_add(struct dict *d, struct dict_entry *entry, struct tars_str key)
{
	struct dict_entry **slot;

	if (d->n == d->n_slots)
		grow(d);
	entry->key = key;
	entry->hash = (uint32_t)hash_fnv(key.p, key.n);
	slot = slot_of(d, entry->hash);
	entry->next = *slot;
	*slot = entry;
	d->n++;
}

void dict_remove(struct dict *d, struct dict_entry *entry)
{
	struct dict_entry **p = slot_of(d, entry->hash);

	while (*p != entry)
		p = &(*p)->next;
	*p = entry->next;
	d->n--;
}

void dict_release(struct dict *d)
{
	free(d->slots);
	*d = (struct dict){ 0 };
}
