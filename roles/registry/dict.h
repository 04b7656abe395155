/*
 * Dict: text -> entry, for entries that come and go.
 *
 * Entries are embedded in what they stand for, and keep their keys themselves.  Open addressing is
 * index.h; this one can also forget.  Thread: one at a time.
 */
#ifndef ROLES_REGISTRY_DICT_H
#define ROLES_REGISTRY_DICT_H

#include "proto/type.h"

struct dict_entry {
	struct dict_entry *next;      /* of its slot */
	struct tars_str key;
	uint32_t hash;
};

struct dict {
	struct dict_entry **slots;
	uint32_t n, n_slots;
};

/* NULL: there is none. */
struct dict_entry *dict_find(const struct dict *d, struct tars_str key);
/* There must be none of this key. */
void dict_add(struct dict *d, struct dict_entry *entry, struct tars_str key);
void dict_remove(struct dict *d, struct dict_entry *entry);
/* Of the slots; the entries belong to who added them. */
void dict_release(struct dict *d);

#endif
