/* Descriptors without their straight-line code: what the tables alone do, to compare with. */
#ifndef T_TABLES_ONLY_H
#define T_TABLES_ONLY_H

#include "proto/arena.h"
#include "proto/type.h"

enum { MAX_TABLES = 200 };

struct tables_only {
	struct arena *arena; /* holds the copies */
	const struct tars_type *from[MAX_TABLES];
	struct tars_type *to[MAX_TABLES];
	int n;
};

/* The copy of t, and of everything in it; a type that holds itself has one copy. */
static inline const struct tars_type *tables_only(struct tables_only *s, const struct tars_type *t)
{
	struct tars_field *fields;
	struct tars_type *copy;

	if (!t)
		return NULL;
	for (int i = 0; i < s->n; i++)
		if (s->from[i] == t)
			return s->to[i];
	BUG_ON(s->n == MAX_TABLES);
	copy = arena_alloc(s->arena, sizeof(*copy));
	*copy = *t;
	copy->put = NULL;
	copy->get = NULL;
	s->from[s->n] = t;
	s->to[s->n++] = copy;
	copy->key = tables_only(s, t->key);
	copy->elem = tables_only(s, t->elem);
	if (t->kind != TARS_STRUCT)
		return copy;
	fields = arena_alloc(s->arena, t->n_fields * sizeof(*fields));
	for (unsigned i = 0; i < t->n_fields; i++) {
		fields[i] = t->fields[i];
		fields[i].type = tables_only(s, fields[i].type);
	}
	copy->fields = fields;
	return copy;
}

/* A copy with all members marked as `tars idl gen --write-defaults` does. */
static inline const struct tars_type *written_always(struct arena *a, const struct tars_type *t)
{
	struct tables_only copies = { .arena = a };

	t = tables_only(&copies, t);
	for (int i = 0; i < copies.n; i++) {
		struct tars_field *f = (struct tars_field *)(uintptr_t)copies.to[i]->fields;

		for (unsigned left = f ? copies.to[i]->n_fields : 0; left; f++, left--)
			f->flags |= TARS_ALWAYS;
	}
	return t;
}

#endif
