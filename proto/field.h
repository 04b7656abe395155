/* Members of structs by their names, for code that walks descriptors.  Thread: any. */
#ifndef PROTO_FIELD_H
#define PROTO_FIELD_H

#include <stdint.h>
#include <string.h>

#include "proto/type.h"

/* The field whose name is these n bytes, or NULL. */
static inline const struct tars_field *field_find(const struct tars_type *t, const char *name, size_t n)
{
	for (uint32_t i = 0; i < t->n_fields; i++)
		if (!strncmp(t->fields[i].name, name, n) && !t->fields[i].name[n])
			return &t->fields[i];
	return NULL;
}

/* Where the member of this name is in a value of t; NULL: there is none. */
static inline void *field_in(const struct tars_type *t, const void *value, const char *name)
{
	const struct tars_field *f = field_find(t, name, strlen(name));

	return f ? (char *)(uintptr_t)value + f->offset : NULL;
}

#endif
