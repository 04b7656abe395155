/* Whether values of one type are read as another. */
#include <string.h>

#include "idl/compat_int.h"

enum { BOTH = COMPAT_OLD_READERS | COMPAT_NEW_READERS };

/* Integers travel in as few bytes as they need; who has room for a value can read it. */
static const struct range {
	int64_t min, max;
} ranges[] = {
	[TARS_BOOL] = { 0, 1 }, [TARS_I8] = { INT8_MIN, INT8_MAX },
	[TARS_I16] = { INT16_MIN, INT16_MAX }, [TARS_I32] = { INT32_MIN, INT32_MAX },
	[TARS_I64] = { INT64_MIN, INT64_MAX }, [TARS_U8] = { 0, UINT8_MAX },
	[TARS_U16] = { 0, UINT16_MAX }, [TARS_U32] = { 0, UINT32_MAX },
	[TARS_ENUM] = { INT32_MIN, INT32_MAX },
};

static const struct range *range_of(uint8_t kind)
{
	return kind < sizeof(ranges) / sizeof(*ranges) && ranges[kind].max ? &ranges[kind] : NULL;
}

static bool holds(const struct range *outer, const struct range *inner)
{
	return outer->min <= inner->min && outer->max >= inner->max;
}

/* A double's reader takes a float, too. */
static unsigned compare_real(uint8_t old, uint8_t new)
{
	if (old == TARS_F32 && new == TARS_F64)
		return COMPAT_OLD_READERS;
	return old == TARS_F64 && new == TARS_F32 ? COMPAT_NEW_READERS : BOTH;
}

unsigned compat_types(struct compat *c, const struct idl_type *old, const struct idl_type *new)
{
	const struct range *was = range_of(old->kind), *is = range_of(new->kind);

	if (was && is)
		return (holds(was, is) ? 0 : COMPAT_OLD_READERS) |
		       (holds(is, was) ? 0 : COMPAT_NEW_READERS);
	if (old->kind != new->kind)
		return compare_real(old->kind, new->kind);
	switch (old->kind) {
	case TARS_MAP:
		return compat_types(c, old->key, new->key) | compat_types(c, old->elem, new->elem);
	case TARS_LIST:
		return compat_types(c, old->elem, new->elem);
	case TARS_STRUCT:
		/* Those of the same name are compared anyway. */
		if (strcmp(old->def->full_name, new->def->full_name) != 0)
			compat_structs(c, old->def, new->def);
		return 0;
	default:
		return 0;
	}
}

const char *compat_type_text(struct compat *c, const struct idl_type *t)
{
	struct buf text = BUF_INIT;
	const char *copy;

	idl_type_put(&text, t);
	copy = arena_strdup(&c->arena, buf_str(&text));
	buf_release(&text);
	return copy;
}

bool compat_same_text(struct compat *c, const struct idl_type *old, const struct idl_type *new)
{
	return strcmp(compat_type_text(c, old), compat_type_text(c, new)) == 0;
}
