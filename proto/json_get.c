/* Values from JSON: a jansson tree taken apart by type descriptors, in bounded memory and depth. */
#include "proto/json.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "proto/path.h"
#include "proto/text.h"

/* Of the text: each level of a map may take two, for arrays of {"key":..,"value":..}. */
enum { JSON_PARSE_DEPTH = 2 * JSON_MAX_DEPTH };

struct taker {
	struct arena *arena;
	struct err *e;
	size_t budget;           /* bytes that elements of containers may still take */
	size_t max_tree;         /* bytes of jansson's values */
	unsigned depth;
	bool ignores_unknown;
	struct path path;
};

static int take(struct taker *k, const struct tars_type *t, const json_t *json, void *value);

/* Memory that jansson takes on 64-bit machines, rounded up: an empty object is two bytes of text. */
enum { OBJECT_COST = 320, ARRAY_COST = 144, STRING_COST = 80, PAIR_COST = 128, ITEM_COST = 56,
       CHARACTER_COST = 3 };

/* What a text will cost, read without memory. */
struct shape {
	unsigned depth, deepest;
	size_t memory;
};

static void add_structure(struct shape *s, char c)
{
	switch (c) {
	case '{':
	case '[':
		s->memory += c == '{' ? OBJECT_COST : ARRAY_COST;
		if (++s->depth > s->deepest)
			s->deepest = s->depth;
		break;
	case '}':
	case ']':
		s->depth -= s->depth > 0;
		break;
	case ':':
		s->memory += PAIR_COST;
		break;
	case ',':
		s->memory += ITEM_COST;
		break;
	default:
		break;
	}
}

static struct shape shape_of(const char *text, size_t n)
{
	struct shape s = { .memory = ITEM_COST };
	bool in_string = false;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		s.memory += CHARACTER_COST;
		if (c == '"') {
			in_string = !in_string;
			s.memory += in_string ? STRING_COST : 0;
		} else if (c == '\\' && in_string) {
			i++;
			s.memory += CHARACTER_COST;
		} else if (!in_string) {
			add_structure(&s, c);
		}
	}
	return s;
}

static json_t *refuse(json_error_t *why, const char *fmt, size_t limit)
{
	why->line = why->column = 1;
	snprintf(why->text, sizeof(why->text), fmt, limit);
	return NULL;
}

/* jansson reads and frees by recursion, 2048 levels deep: more than a coroutine's stack holds. */
static json_t *load(const char *text, size_t n, size_t flags, size_t max_memory, json_error_t *why)
{
	struct shape s = shape_of(text, n);

	if (s.deepest > JSON_PARSE_DEPTH)
		return refuse(why, "nested deeper than %zu", JSON_PARSE_DEPTH);
	if (s.memory > max_memory)
		return refuse(why, "so many values that they would take more than %zu bytes",
			      max_memory);
	return json_loadb(text, n, flags | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, why);
}

static int mismatch(struct taker *k, const char *wanted, const json_t *json)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
		[JSON_INTEGER] = "an integer", [JSON_REAL] = "a real number", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false", [JSON_NULL] = "null",
	};

	return err_set(k->e, TARS_EPROTO, "expected %s, found %s", wanted,
		       names[json_typeof(json)]);
}

static int take_integer(struct taker *k, const struct tars_type *t, const json_t *json, int64_t min,
			int64_t max, int64_t *v)
{
	if (json_is_integer(json)) {
		*v = json_integer_value(json);
	} else if (json_is_real(json)) {
		double real = json_real_value(json);

		/* Both bounds are exact as double; the upper one itself is 2^63. */
		if (real != floor(real) || real < (double)INT64_MIN || real >= -(double)INT64_MIN)
			return err_set(k->e, TARS_EPROTO, "%.17g is not a %s", real, t->name);
		*v = (int64_t)real;
	} else if (json_is_string(json) && t->kind == TARS_I64) {
		if (!text_int(json_string_value(json), json_string_length(json), min, max, v))
			return err_set(k->e, TARS_EPROTO, "'%.40s' is not a %s",
				       json_string_value(json), t->name);
	} else {
		return mismatch(k, "an integer", json);
	}
	if (*v < min || *v > max)
		return err_set(k->e, TARS_EPROTO, "%lld is not within %lld..%lld of %s",
			       (long long)*v, (long long)min, (long long)max, t->name);
	return 0;
}

#define TAKE_INTEGER(ctype, min, max) do { \
	int rc_ = take_integer(k, t, json, min, max, &v); \
	if (!rc_) \
		*(ctype *)value = (ctype)v; \
	return rc_; \
} while (0)

static int take_number(struct taker *k, const struct tars_type *t, const json_t *json, void *value)
{
	int64_t v;

	switch (t->kind) {
	case TARS_I8:
		TAKE_INTEGER(int8_t, INT8_MIN, INT8_MAX);
	case TARS_I16:
		TAKE_INTEGER(int16_t, INT16_MIN, INT16_MAX);
	case TARS_I32:
	case TARS_ENUM:
		TAKE_INTEGER(int32_t, INT32_MIN, INT32_MAX);
	case TARS_U8:
		TAKE_INTEGER(uint8_t, 0, UINT8_MAX);
	case TARS_U16:
		TAKE_INTEGER(uint16_t, 0, UINT16_MAX);
	case TARS_U32:
		TAKE_INTEGER(uint32_t, 0, UINT32_MAX);
	default:
		TAKE_INTEGER(int64_t, INT64_MIN, INT64_MAX);
	}
}

static int take_real(struct taker *k, const struct tars_type *t, const json_t *json, void *value)
{
	double v = json_number_value(json);

	if (!json_is_number(json))
		return mismatch(k, "a number", json);
	if (t->kind == TARS_F64) {
		*(double *)value = v;
		return 0;
	}
	if (!isfinite((float)v))
		return err_set(k->e, TARS_EPROTO, "%.17g is out of range for float", v);
	*(float *)value = (float)v;
	return 0;
}

static int take_enum(struct taker *k, const struct tars_type *t, const json_t *json, void *value)
{
	struct text_nearest near;

	if (!json_is_string(json))
		return take_number(k, t, json, value);
	text_nearest_init(&near, json_string_value(json));
	for (uint16_t i = 0; i < t->n_fields; i++) {
		if (!strcmp(t->items[i].name, json_string_value(json))) {
			*(int32_t *)value = t->items[i].value;
			return 0;
		}
		text_nearest_try(&near, t->items[i].name);
	}
	return err_set(k->e, TARS_EPROTO, "enum %s has no '%.80s'%s%s%s", t->name,
		       json_string_value(json), near.best ? "; did you mean '" : "",
		       near.best ? near.best : "", near.best ? "'?" : "");
}

static int take_string(struct taker *k, const json_t *json, struct tars_str *s)
{
	size_t n = json_string_length(json);

	if (!json_is_string(json))
		return mismatch(k, "a string", json);
	if (n > CODEC_MAX_STRING)
		return err_set(k->e, TARS_EPROTO, "a string of %zu bytes is above the limit of %d",
			       n, (int)CODEC_MAX_STRING);
	*s = (struct tars_str){
		n ? arena_memdup(k->arena, json_string_value(json), n) : "", (uint32_t)n,
	};
	return 0;
}

/* Room for n elements in the arena, within what the text may expand to. */
static int take_room(struct taker *k, size_t n, size_t size, void **room)
{
	if (n > UINT32_MAX || n * size > k->budget)
		return err_set(k->e, TARS_EPROTO, "%zu elements would take %zu bytes of memory, "
			       "which is out of proportion", n, n * size);
	k->budget -= n * size;
	*room = n ? arena_alloc_raw(k->arena, n * size) : NULL;
	return 0;
}

/* No hex digits begin like this, while many a base64 text could be taken for hex. */
#define BASE64_PREFIX "base64:"

static int take_hex(struct taker *k, const char *text, size_t n, struct tars_bytes *v)
{
	uint8_t *p;

	if (n >= 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
		text += 2;
		n -= 2;
	}
	p = arena_alloc_raw(k->arena, n / 2 + 1);
	if (!text_hex(text, n, p))
		return err_set(k->e, TARS_EPROTO, "a string for bytes must be an even number of "
			       "hex digits; base64 is written \"" BASE64_PREFIX "...\"");
	*v = (struct tars_bytes){ p, (uint32_t)(n / 2) };
	return 0;
}

static int take_base64(struct taker *k, const char *text, size_t n, struct tars_bytes *v)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t padding;
	uint8_t *p;

	/* OpenSSL takes blanks and padding anywhere. */
	padding = n - strspn(text, alphabet);
	if (n % 4 || n > CODEC_MAX_STRING || padding > 2 ||
	    strspn(text + n - padding, "=") != padding)
		return err_set(k->e, TARS_EPROTO, "the text is not base64 with padding");
	p = arena_alloc_raw(k->arena, n / 4 * 3 + 1);
	if (n)
		EVP_DecodeBlock(p, (const unsigned char *)text, (int)n);
	*v = (struct tars_bytes){ p, (uint32_t)(n / 4 * 3 - padding) };
	return 0;
}

static int take_bytes_text(struct taker *k, const char *text, size_t n, struct tars_bytes *v)
{
	const size_t prefix = strlen(BASE64_PREFIX);

	if (n >= prefix && !memcmp(text, BASE64_PREFIX, prefix))
		return take_base64(k, text + prefix, n - prefix, v);
	return take_hex(k, text, n, v);
}

static int take_bytes(struct taker *k, const json_t *json, struct tars_bytes *v)
{
	const json_t *base64 = json_object_get(json, "$b64");
	size_t n = json_array_size(json);
	int64_t byte;
	void *p;
	int rc;

	if (json_is_string(json))
		return take_bytes_text(k, json_string_value(json), json_string_length(json), v);
	if (json_is_string(base64) && json_object_size(json) == 1)
		return take_base64(k, json_string_value(base64), json_string_length(base64), v);
	if (!json_is_array(json))
		return mismatch(k, "an array of bytes, hex text or \"" BASE64_PREFIX "...\"", json);
	rc = take_room(k, n, 1, &p);
	for (size_t i = 0; !rc && i < n; i++) {
		rc = take_integer(k, &tars_type_byte, json_array_get(json, i), INT8_MIN, UINT8_MAX,
				  &byte);
		if (rc)
			path_index(&k->path, (uint32_t)i);
		else
			((uint8_t *)p)[i] = (uint8_t)byte;
	}
	if (!rc)
		*v = (struct tars_bytes){ n ? p : (const uint8_t *)"", (uint32_t)n };
	return rc;
}

static int take_list(struct taker *k, const struct tars_type *t, const json_t *json,
		     struct tars_any_list *list)
{
	size_t n = json_array_size(json), size = t->elem->size;
	void *p;
	int rc;

	if (!json_is_array(json))
		return mismatch(k, "an array", json);
	rc = take_room(k, n, size, &p);
	for (size_t i = 0; !rc && i < n; i++) {
		rc = take(k, t->elem, json_array_get(json, i), (char *)p + i * size);
		if (rc)
			path_index(&k->path, (uint32_t)i);
	}
	if (!rc)
		*list = (struct tars_any_list){ p, (uint32_t)n };
	return rc;
}

static int take_pairs(struct taker *k, const struct tars_type *t, const json_t *json,
		      struct tars_any_list *map)
{
	size_t n = json_array_size(json);
	void *p;
	int rc = take_room(k, n, t->pair_size, &p);

	for (size_t i = 0; !rc && i < n; i++) {
		const json_t *item = json_array_get(json, i);
		const json_t *key = json_object_get(item, "key");
		const json_t *value = json_object_get(item, "value");
		char *pair = (char *)p + i * t->pair_size;

		if (!key || !value || json_object_size(item) != 2)
			rc = err_set(k->e, TARS_EPROTO, "expected {\"key\": .., \"value\": ..}");
		if (!rc)
			rc = take(k, t->key, key, pair);
		if (!rc)
			rc = take(k, t->elem, value, pair + t->val_offset);
		if (rc)
			path_index(&k->path, (uint32_t)i);
	}
	if (!rc)
		*map = (struct tars_any_list){ p, (uint32_t)n };
	return rc;
}

/* The key of a JSON object as the key of a map: text as it is, anything else as JSON text. */
static int take_key(struct taker *k, const struct tars_type *t, const char *text, size_t n,
		    void *value)
{
	json_t *json = NULL;
	json_error_t why;
	int rc;

	if (t->kind != TARS_STRING)
		json = load(text, n, 0, k->max_tree, &why);
	if (t->kind == TARS_STRING || (t->kind == TARS_ENUM && !json))
		json = json_stringn_nocheck(text, n);
	rc = json ? take(k, t, json, value) :
		    err_set(k->e, TARS_EPROTO, "the key is not a %s", t->name);
	json_decref(json);
	return rc;
}

static int take_object(struct taker *k, const struct tars_type *t, const json_t *json,
		       struct tars_any_list *map)
{
	/* jansson's iterators want a json_t that is not const, but do not change it. */
	json_t *object = (json_t *)(uintptr_t)json;
	size_t n = json_object_size(json);
	char *pair;
	void *p;
	int rc = take_room(k, n, t->pair_size, &p);

	pair = p;
	for (void *at = json_object_iter(object); !rc && at;
	     at = json_object_iter_next(object, at), pair += t->pair_size) {
		const char *key = json_object_iter_key(at);

		rc = take_key(k, t->key, key, json_object_iter_key_len(at), pair);
		if (!rc)
			rc = take(k, t->elem, json_object_iter_value(at), pair + t->val_offset);
		if (rc)
			path_name(&k->path, key);
	}
	if (!rc)
		*map = (struct tars_any_list){ p, (uint32_t)n };
	return rc;
}

static int unknown_member(struct taker *k, const struct tars_type *t, const json_t *json)
{
	json_t *object = (json_t *)(uintptr_t)json; /* as above */
	const char *name;
	json_t *member;

	json_object_foreach(object, name, member) {
		struct text_nearest near;
		bool is_known = false;

		text_nearest_init(&near, name);
		for (uint16_t i = 0; i < t->n_fields && !is_known; i++) {
			const char *known = t->fields[i].name;

			is_known = !strcmp(name, known) || (!*known && !strcmp(name, "tars_ret"));
			text_nearest_try(&near, known);
		}
		if (!is_known)
			return err_set(k->e, TARS_EPROTO, "%s has no member '%.80s'%s%s%s", t->name,
				       name, near.best ? "; did you mean '" : "",
				       near.best ? near.best : "", near.best ? "'?" : "");
	}
	return 0;
}

static const json_t *find_member(const json_t *json, const struct tars_field *f)
{
	const json_t *member = json_object_get(json, f->name);

	return member || *f->name ? member : json_object_get(json, "tars_ret");
}

static int take_member(struct taker *k, const struct tars_field *f, const json_t *json, void *value)
{
	if (json && !(json_is_null(json) && !(f->flags & TARS_REQUIRED)))
		return take(k, f->type, json, value);
	if (f->flags & TARS_REQUIRED)
		return err_set(k->e, TARS_EPROTO, "required, but missing");
	tars_field_init(f, value);
	return 0;
}

static int take_struct(struct taker *k, const struct tars_type *t, const json_t *json, char *value)
{
	size_t given = 0;

	if (!json_is_object(json))
		return mismatch(k, "an object", json);
	for (uint16_t i = 0; i < t->n_fields; i++) {
		const struct tars_field *f = &t->fields[i];
		const json_t *member = find_member(json, f);
		int rc = take_member(k, f, member, value + f->offset);

		/* Missing, but something unknown is there: that is the mistake to name. */
		if (rc && !member && !k->ignores_unknown && unknown_member(k, t, json))
			return rc;
		if (rc) {
			path_name(&k->path, path_field(f));
			return rc;
		}
		given += member != NULL;
	}
	if (given == json_object_size(json) || k->ignores_unknown)
		return 0;
	return unknown_member(k, t, json);
}

static int take_nested(struct taker *k, const struct tars_type *t, const json_t *json, void *value)
{
	int rc;

	if (k->depth >= JSON_MAX_DEPTH)
		return err_set(k->e, TARS_EPROTO, "nested deeper than %d", (int)JSON_MAX_DEPTH);
	k->depth++;
	if (t->kind == TARS_LIST)
		rc = take_list(k, t, json, value);
	else if (t->kind == TARS_STRUCT)
		rc = take_struct(k, t, json, value);
	else if (json_is_array(json))
		rc = take_pairs(k, t, json, value);
	else if (json_is_object(json))
		rc = take_object(k, t, json, value);
	else
		rc = mismatch(k, "an object or an array of key and value", json);
	k->depth--;
	return rc;
}

static int take(struct taker *k, const struct tars_type *t, const json_t *json, void *value)
{
	switch (t->kind) {
	case TARS_BOOL:
		if (!json_is_boolean(json))
			return mismatch(k, "true or false", json);
		*(bool *)value = json_is_true(json);
		return 0;
	case TARS_F32:
	case TARS_F64:
		return take_real(k, t, json, value);
	case TARS_ENUM:
		return take_enum(k, t, json, value);
	case TARS_STRING:
		return take_string(k, json, value);
	case TARS_BYTES:
		return take_bytes(k, json, value);
	case TARS_LIST:
	case TARS_MAP:
	case TARS_STRUCT:
		return take_nested(k, t, json, value);
	default:
		return take_number(k, t, json, value);
	}
}

static int take_all(struct taker *k, const struct tars_type *t, const json_t *json, void *value)
{
	int rc;

	path_init(&k->path);
	rc = take(k, t, json, value);
	if (!rc)
		return 0;
	tars_type_init(t, value);
	return path_wrap(&k->path, k->e, rc);
}

int json_to_value(const json_t *json, const struct tars_type *t, void *value, struct arena *a,
		  struct err *e)
{
	struct taker k = { .arena = a, .e = e, .budget = JSON_MAX_MEMORY, .max_tree = SIZE_MAX };

	return take_all(&k, t, json, value);
}

static int get_text(struct taker *k, const char *text, size_t n, const struct tars_type *t,
		    void *value)
{
	json_error_t why;
	json_t *json;
	int rc;

	k->budget = codec_budget(n);
	json = load(text, n, JSON_ALLOW_NUL, k->max_tree, &why);
	if (!json) {
		tars_type_init(t, value);
		return err_set(k->e, TARS_EPROTO, "JSON, line %d, column %d: %s", why.line,
			       why.column, why.text);
	}
	if (json_is_null(json) && k->ignores_unknown) {
		json_decref(json);
		json = json_object();
	}
	rc = take_all(k, t, json, value);
	json_decref(json);
	return rc;
}

int json_get(const char *text, size_t n, const struct tars_type *t, void *value, struct arena *a,
	     struct err *e)
{
	struct taker k = { .arena = a, .e = e, .max_tree = SIZE_MAX };

	return get_text(&k, text, n, t, value);
}

int json_get_params(const char *text, size_t n, const struct tars_type *t, void *value,
		    struct arena *a, struct err *e)
{
	struct taker k = { .arena = a, .e = e, .ignores_unknown = true,
			   .max_tree = JSON_MAX_TREE };

	return get_text(&k, text, n, t, value);
}
