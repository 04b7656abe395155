/* Checker: types and values in definitions. */
#include "idl/check.h"

#include <math.h>
#include <string.h>

#include "proto/text.h"

const char scope_types, scope_enumerators;
static const char scope_unknown_types, scope_unknown_values;

static const char *last_part(const char *name)
{
	const char *p = name;

	for (const char *q; (q = strstr(p, "::")); )
		p = q + 2;
	return p;
}

static struct idl_def *find_type(struct checker *c, const char *name)
{
	if (!strstr(name, "::"))
		name = arena_strf(&c->idl->arena, "%s::%s", c->module, name);
	return idl_symtab_find(c->idl->symbols, &scope_types, name);
}

/* Whether `ref`, written in this module, means the definition. */
static bool means(const struct checker *c, const char *ref, const struct idl_def *def)
{
	return !strcmp(def->full_name, ref) ||
	       (!strcmp(def->module, c->module) && !strcmp(def->name, ref));
}

/* The type most likely meant: this very one, further down; else one of a similar name. */
struct suggestion {
	const char *name;            /* NULL: none comes near */
	const struct idl_def *def;   /* NULL: a builtin type */
};

static struct suggestion suggest_type(struct checker *c, const char *ref)
{
	struct suggestion best = { NULL, NULL };
	struct text_nearest near;

	text_nearest_init(&near, last_part(ref));
	for (uint8_t kind = 0; kind < TARS_ENUM; kind++)
		if (idl_kind_name(kind) && kind != TARS_BYTES)
			text_nearest_try(&near, idl_kind_name(kind));
	best.name = near.best;
	for (uint32_t f = 0; f < c->idl->n_files; f++) {
		const struct idl_file *file = c->idl->files[f];

		for (uint32_t m = 0; m < file->n_modules; m++) {
			for (uint32_t d = 0; d < file->modules[m]->n_defs; d++) {
				const struct idl_def *def = file->modules[m]->defs[d];

				if (def->kind != IDL_STRUCT && def->kind != IDL_ENUM)
					continue;
				if (means(c, ref, def))
					return (struct suggestion){ def->full_name, def };
				text_nearest_try(&near, def->name);
				if (near.best == def->name)
					best = (struct suggestion){ def->full_name, def };
			}
		}
	}
	return best;
}

/*
 * Whether an unknown name has to be reported: once, and not if its definition may stand where
 * something else was wrong.
 */
static bool is_news(struct checker *c, const void *scope, const char *name)
{
	struct idl_symtab *symbols = c->idl->symbols;
	const char *key = arena_strf(&c->idl->arena, "%s %s", c->module, name);

	return !c->idl->is_incomplete &&
	       !idl_symtab_find(symbols, &scope_skipped, last_part(name)) &&
	       !idl_symtab_add(symbols, scope, key, c->idl);
}

static void report_unknown(struct checker *c, const struct idl_type *t)
{
	struct suggestion near = suggest_type(c, t->ref);

	if (!near.name) {
		idl_fail(c->idl, &t->loc,
			 "type '%s' is not known; expected one that stands before this or in an "
			 "included file", t->ref);
	} else if (!near.def) {
		idl_fail(c->idl, &t->loc, "type '%s' is not known; did you mean '%s'?", t->ref,
			 near.name);
	} else if (!means(c, t->ref, near.def)) {
		idl_fail(c->idl, &t->loc, "type '%s' is not known here; did you mean '%s'?",
			 t->ref, near.name);
		idl_note(c->idl, &near.def->loc, "that one is here");
	} else if (!near.def->is_broken) { /* else it may only seem to stand there */
		idl_fail(c->idl, &t->loc,
			 "type '%s' is defined after its use; expected it before", t->ref);
		idl_note(c->idl, &near.def->loc, "the definition is here");
	}
}

static bool check_ref(struct checker *c, struct idl_type *t)
{
	struct idl_def *def = find_type(c, t->ref);

	if (!def && is_news(c, &scope_unknown_types, t->ref))
		report_unknown(c, t);
	if (!def)
		return false;
	t->def = def;
	t->kind = def->kind == IDL_ENUM ? TARS_ENUM : TARS_STRUCT;
	t->depth = def->depth;
	return true;
}

static bool check_fixed(struct checker *c, const struct idl_type *t)
{
	if (t->array && !t->fixed && t->elem->kind != TARS_I8) {
		idl_fail(c->idl, &t->loc, "only 'byte *' can be a pointer; expected a vector");
		return false;
	}
	if (!t->fixed)
		return true;
	if (t->kind != TARS_STRING && t->kind != TARS_LIST && t->kind != TARS_BYTES) {
		idl_fail(c->idl, &t->loc, "only a string or a vector takes a size behind ':'; "
			 "remove it");
		return false;
	}
	if (t->elem && t->elem->fixed) {
		idl_fail(c->idl, &t->loc, "an array of a fixed size cannot hold another one; "
			 "remove one of the sizes");
		return false;
	}
	return true;
}

bool check_type(struct checker *c, struct idl_type *t)
{
	switch (t->kind) {
	case TARS_STRUCT:
		if (!check_ref(c, t))
			return false;
		break;
	case TARS_MAP:
		if (!check_type(c, t->key) || !check_type(c, t->elem))
			return false;
		t->depth = 1 + (t->key->depth > t->elem->depth ? t->key->depth : t->elem->depth);
		break;
	case TARS_LIST:
		if (!check_type(c, t->elem))
			return false;
		t->depth = 1 + t->elem->depth;
		if (t->elem->kind == TARS_I8)
			t->kind = TARS_BYTES;
		break;
	default:
		break;
	}
	if (t->depth > IDL_MAX_DEPTH) {
		idl_fail(c->idl, &t->loc,
			 "containers and structs are nested more than %d deep here",
			 IDL_MAX_DEPTH);
		return false;
	}
	return check_fixed(c, t);
}

static bool unsuitable(struct checker *c, const struct idl_type *t, const struct idl_value *v,
		       const char *what, const char *expected)
{
	struct buf b = BUF_INIT;

	idl_type_put(&b, t);
	idl_fail(c->idl, &v->loc, "the value of %s does not suit its type %s; expected %s", what,
		 buf_str(&b), expected);
	buf_release(&b);
	return false;
}

static bool check_integer(struct checker *c, const struct idl_type *t, struct idl_value *v,
			  const char *what)
{
	static const struct {
		int64_t min, max;
	} ranges[] = {
		[TARS_I8] = { INT8_MIN, INT8_MAX }, [TARS_I16] = { INT16_MIN, INT16_MAX },
		[TARS_I32] = { INT32_MIN, INT32_MAX }, [TARS_I64] = { INT64_MIN, INT64_MAX },
		[TARS_U8] = { 0, UINT8_MAX }, [TARS_U16] = { 0, UINT16_MAX },
		[TARS_U32] = { 0, UINT32_MAX },
	};
	uint8_t kind = t->kind == TARS_ENUM ? TARS_I32 : t->kind;

	if (v->kind == IDL_FLOAT && v->f == trunc(v->f) && fabs(v->f) < 0x1p53) {
		v->kind = IDL_INT;
		v->i = (int64_t)v->f;
	}
	if (v->kind == IDL_NAME && !check_enumerator(c, v, what))
		return false;
	if (v->kind != IDL_INT && v->kind != IDL_NAME)
		return unsuitable(c, t, v, what, "an integer");
	v->f = 0;
	if (v->i < ranges[kind].min || v->i > ranges[kind].max)
		return unsuitable(c, t, v, what,
				  arena_strf(&c->idl->arena, "%lld to %lld",
					     (long long)ranges[kind].min,
					     (long long)ranges[kind].max));
	return true;
}

static bool check_real(struct checker *c, const struct idl_type *t, struct idl_value *v,
		       const char *what)
{
	if (v->kind == IDL_NAME) {
		if (!check_enumerator(c, v, what))
			return false;
		v->f = (double)v->i;
	} else if (v->kind != IDL_FLOAT && v->kind != IDL_INT) {
		return unsuitable(c, t, v, what, "a number");
	}
	v->kind = IDL_FLOAT;
	v->i = 0;
	if (t->kind == TARS_F32 && !isfinite((float)v->f))
		return unsuitable(c, t, v, what, "a number up to 3.4e38");
	return true;
}

/* An enum's own enumerator, with or without its module or itself in front. */
static bool check_enum_value(struct checker *c, const struct idl_type *t, struct idl_value *v,
			     const char *what)
{
	const struct idl_def *e = t->def;
	const char *last;
	const struct idl_item *item;
	size_t n;

	if (v->kind != IDL_NAME)
		return check_integer(c, t, v, what);
	last = last_part(v->s);
	item = idl_symtab_find(c->idl->symbols, e, last);
	n = (size_t)(last - v->s);
	if (item && n) {
		const char *scope = arena_memdup(&c->idl->arena, v->s, n - 2);

		if (strcmp(scope, e->module) && strcmp(scope, e->name) &&
		    strcmp(scope, e->full_name))
			item = NULL;
	}
	if (!item && !e->is_broken) {
		idl_fail(c->idl, &v->loc,
			 "'%s', the value of %s, is no enumerator of '%s'; expected one", v->s,
			 what, e->full_name);
		idl_note(c->idl, &e->loc, "the enum is here");
	}
	if (!item)
		return false;
	v->i = item->value;
	return true;
}

bool check_enumerator(struct checker *c, struct idl_value *v, const char *what)
{
	const struct idl_item *item;
	const char *near = arena_strf(&c->idl->arena, "%s::%s", c->module, v->s);

	item = idl_symtab_find(c->idl->symbols, &scope_enumerators, near);
	if (!item)
		item = idl_symtab_find(c->idl->symbols, &scope_enumerators, v->s);
	if (!item) {
		if (is_news(c, &scope_unknown_values, v->s))
			idl_fail(c->idl, &v->loc,
				 "'%s', the value of %s, is not known; expected a literal or an "
				 "enumerator that stands before this", v->s, what);
		return false;
	}
	v->i = item->value;
	return true;
}

bool check_value(struct checker *c, const struct idl_type *t, struct idl_value *v,
		 const char *what)
{
	switch (t->kind) {
	case TARS_BOOL:
		return v->kind == IDL_BOOL || unsuitable(c, t, v, what, "true or false");
	case TARS_STRING:
		return v->kind == IDL_STRING ||
		       unsuitable(c, t, v, what, "a string in double quotes");
	case TARS_ENUM:
		return check_enum_value(c, t, v, what);
	case TARS_F32:
	case TARS_F64:
		return check_real(c, t, v, what);
	case TARS_BYTES:
	case TARS_LIST:
	case TARS_MAP:
	case TARS_STRUCT:
		return unsuitable(c, t, v, what, "none: only builtin types and enums take one");
	default:
		return check_integer(c, t, v, what);
	}
}
