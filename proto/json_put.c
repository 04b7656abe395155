/* JSON from values: a jansson tree, or text with the shortest exact numbers. */
#include "proto/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/path.h"

struct maker {
	struct err *e;
	unsigned depth;
	int digits;          /* most significant digits that any real needs to be exact */
	struct path path;
};

enum { DIGITS_MIN = 15, DIGITS_MAX = 17 };

static json_t *make(struct maker *m, const struct tars_type *t, const void *value);

static json_t *fail(struct maker *m, const char *what)
{
	err_set(m->e, TARS_EPROTO, "%s", what);
	return NULL;
}

static json_t *make_double(struct maker *m, double v)
{
	char text[32];

	if (!isfinite(v))
		return fail(m, "JSON has no number for infinity and NaN");
	for (int digits = DIGITS_MIN; digits < DIGITS_MAX; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
		if (m->digits <= digits)
			m->digits = digits + 1;
	}
	return json_real(v);
}

/* The double with the fewest digits that reads back as this float: 0.1, not 0.100000001. */
static json_t *make_float(struct maker *m, float v)
{
	char text[32];
	double wide = (double)v;

	if (!isfinite(v))
		return make_double(m, wide);
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, (double)v);
		wide = strtod(text, NULL);
		if ((float)wide == v)
			break;
	}
	return make_double(m, wide);
}

static json_t *make_string(struct maker *m, const struct tars_str *s)
{
	json_t *json = json_stringn(s->n ? s->p : "", s->n);

	return json ? json : fail(m, "the text is not UTF-8");
}

static json_t *make_bytes(const struct tars_bytes *v)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < v->n; i++)
		json_array_append_new(array, json_integer((int8_t)v->p[i]));
	return array;
}

static json_t *make_list(struct maker *m, const struct tars_type *t,
			 const struct tars_any_list *list)
{
	json_t *array = json_array();
	const char *elem = list->v;

	for (uint32_t i = 0; i < list->n; i++, elem += t->elem->size) {
		json_t *item = make(m, t->elem, elem);

		if (json_array_append_new(array, item)) {
			path_index(&m->path, i);
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* Adds value under the text of a key: a string as it is, anything else as JSON text; takes over
 * both references. */
static int set_member(json_t *object, json_t *key, json_t *value)
{
	char *text = NULL;
	int rc;

	if (json_is_string(key)) {
		rc = json_object_setn_new(object, json_string_value(key), json_string_length(key),
					  value);
	} else {
		text = json_dumps(key, JSON_COMPACT | JSON_ENCODE_ANY);
		rc = json_object_set_new(object, text, value);
	}
	free(text);
	json_decref(key);
	return rc;
}

static json_t *make_map(struct maker *m, const struct tars_type *t,
			const struct tars_any_list *map)
{
	json_t *all = json_object();
	const char *pair = map->v;

	for (uint32_t i = 0; i < map->n; i++, pair += t->pair_size) {
		json_t *key = make(m, t->key, pair);
		json_t *value = key ? make(m, t->elem, pair + t->val_offset) : NULL;
		int rc = -1;

		if (!value)
			json_decref(key);
		else
			rc = set_member(all, key, value);
		if (rc) {
			path_index(&m->path, i);
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

static json_t *make_struct(struct maker *m, const struct tars_type *t, const char *value)
{
	json_t *object = json_object();

	for (uint16_t i = 0; i < t->n_fields; i++) {
		const struct tars_field *f = &t->fields[i];
		json_t *member = make(m, f->type, value + f->offset);

		if (json_object_set_new(object, *f->name ? f->name : "tars_ret", member)) {
			path_name(&m->path, path_field(f));
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *make_nested(struct maker *m, const struct tars_type *t, const void *value)
{
	json_t *json;

	if (m->depth >= JSON_MAX_DEPTH)
		return fail(m, "the value is nested too deeply");
	m->depth++;
	if (t->kind == TARS_LIST)
		json = make_list(m, t, value);
	else if (t->kind == TARS_MAP)
		json = make_map(m, t, value);
	else
		json = make_struct(m, t, value);
	m->depth--;
	return json;
}

static json_t *make(struct maker *m, const struct tars_type *t, const void *value)
{
	switch (t->kind) {
	case TARS_BOOL:
		return json_boolean(*(const bool *)value);
	case TARS_I8:
		return json_integer(*(const int8_t *)value);
	case TARS_I16:
		return json_integer(*(const int16_t *)value);
	case TARS_I32:
	case TARS_ENUM:
		return json_integer(*(const int32_t *)value);
	case TARS_I64:
		return json_integer(*(const int64_t *)value);
	case TARS_U8:
		return json_integer(*(const uint8_t *)value);
	case TARS_U16:
		return json_integer(*(const uint16_t *)value);
	case TARS_U32:
		return json_integer(*(const uint32_t *)value);
	case TARS_F32:
		return make_float(m, *(const float *)value);
	case TARS_F64:
		return make_double(m, *(const double *)value);
	case TARS_STRING:
		return make_string(m, value);
	case TARS_BYTES:
		return make_bytes(value);
	default:
		return make_nested(m, t, value);
	}
}

static json_t *make_all(struct maker *m, const struct tars_type *t, const void *value,
			struct err *e)
{
	json_t *json;

	*m = (struct maker){ .e = e, .digits = DIGITS_MIN };
	path_init(&m->path);
	/* Stands if jansson, which does not abort, is out of memory; else overwritten. */
	err_set(e, TARS_ESYS, "out of memory for JSON");
	json = make(m, t, value);
	if (json)
		err_clear(e);
	else
		path_wrap(&m->path, e, 0);
	return json;
}

json_t *json_from_value(const struct tars_type *t, const void *value, struct err *e)
{
	struct maker m;

	return make_all(&m, t, value, e);
}

static int append(const char *text, size_t n, void *b)
{
	buf_add(b, text, n);
	return 0;
}

int json_put(struct buf *b, const struct tars_type *t, const void *value, size_t dump_flags,
	     struct err *e)
{
	struct maker m;
	json_t *json = make_all(&m, t, value, e);
	int rc;

	if (!json)
		return TARS_EPROTO;
	if (!(dump_flags & JSON_REAL_PRECISION(0x1f)))
		dump_flags |= JSON_REAL_PRECISION((size_t)m.digits);
	rc = json_dump_callback(json, append, b, dump_flags | JSON_ENCODE_ANY);
	json_decref(json);
	return rc ? err_set(e, TARS_ESYS, "out of memory for JSON") : 0;
}
