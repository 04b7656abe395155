/* TARS decoder: bytes to values, driven by type descriptors; total, in bounded memory and depth. */
#include "proto/wire.h"

void reader_init(struct reader *r, const uint8_t *data, size_t n, struct arena *a, struct err *e)
{
	if (!n)
		data = (const uint8_t *)""; /* NULL is no empty range in C */
	r->c = (struct cursor){ data, data + n, e };
	r->arena = a;
	r->budget = codec_budget(n);
	r->depth = 0;
	path_init(&r->path);
}

/* An integer of at most the given wire width. */
static inline int get_int(struct reader *r, const struct tars_type *t, uint8_t wire, uint8_t widest,
			  int64_t *v)
{
	if (__builtin_expect(wire > widest && wire != WIRE_ZERO, 0))
		return wire_mismatch(&r->c, t->name, wire);
	return wire_get_int(&r->c, wire, v);
}

static inline int get_unsigned(struct reader *r, const struct tars_type *t, uint8_t wire,
			       uint8_t widest, int64_t max, int64_t *v)
{
	int rc = get_int(r, t, wire, widest, v);

	if (__builtin_expect(!rc && (*v < 0 || *v > max), 0)) {
		err_set(r->c.e, TARS_EPROTO, "%lld does not fit into %s", (long long)*v, t->name);
		return TARS_EPROTO;
	}
	return rc;
}

static int get_float(struct reader *r, const struct tars_type *t, uint8_t wire, float *v)
{
	uint32_t bits = 0;

	if (wire == WIRE_FLOAT) {
		if (wire_left(&r->c) < sizeof(bits))
			return wire_truncated(&r->c);
		bits = wire_u32(r->c.pos);
		r->c.pos += sizeof(bits);
	} else if (wire != WIRE_ZERO) {
		return wire_mismatch(&r->c, t->name, wire);
	}
	memcpy(v, &bits, sizeof(bits));
	return 0;
}

static int get_double(struct reader *r, const struct tars_type *t, uint8_t wire, double *v)
{
	uint64_t bits;
	float narrow;

	if (wire != WIRE_DOUBLE) {
		int rc = get_float(r, t, wire, &narrow);

		if (!rc)
			*v = (double)narrow;
		return rc;
	}
	if (wire_left(&r->c) < sizeof(bits))
		return wire_truncated(&r->c);
	bits = wire_u64(r->c.pos);
	r->c.pos += sizeof(bits);
	memcpy(v, &bits, sizeof(bits));
	return 0;
}

static inline int get_string(struct reader *r, uint8_t wire, struct tars_str *s)
{
	struct tars_str raw;
	char *copy;
	int rc = wire_get_string(&r->c, wire, &raw);

	if (rc)
		return rc;
	if (!raw.n) {
		*s = (struct tars_str){ "", 0 };
		return 0;
	}
	copy = arena_alloc_raw(r->arena, (size_t)raw.n + 1);
	memcpy(copy, raw.p, raw.n);
	copy[raw.n] = '\0';
	*s = (struct tars_str){ copy, raw.n };
	return 0;
}

/* Finds the next field with this tag, as the official reader does: forward only. */
static int find_tag(struct reader *r, uint8_t wanted, uint8_t *wire)
{
	uint8_t tag;
	int rc;

	while ((rc = wire_get_head(&r->c, &tag, wire)) > 0) {
		if (*wire == WIRE_STRUCT_END || tag > wanted)
			break;
		if (tag == wanted)
			return 0;
		rc = cursor_skip(&r->c, *wire);
		if (rc)
			return rc;
	}
	if (rc < 0)
		return rc;
	err_set(r->c.e, TARS_EPROTO, "the value with tag %u is missing", wanted);
	return TARS_EPROTO;
}

static inline int get_tagged(struct reader *r, uint8_t tag, const struct tars_type *t, void *value)
{
	uint8_t wire;
	int rc = find_tag(r, tag, &wire);

	return rc ? rc : reader_value(r, t, wire, value);
}

/* Enters a container: depth, count and memory are checked before anything is allocated. */
static int enter(struct reader *r, size_t min_size, size_t elem_size, struct tars_any_list *list)
{
	uint32_t n;
	int rc;

	if (r->depth >= CODEC_MAX_DEPTH)
		return err_set(r->c.e, TARS_EPROTO, "nested deeper than %d", (int)CODEC_MAX_DEPTH);
	rc = wire_get_count(&r->c, min_size, &n);
	if (rc)
		return rc;
	if (n * elem_size > r->budget)
		return err_set(r->c.e, TARS_EPROTO, "%u elements would take %zu bytes of memory, "
			       "which is out of proportion to the message", n, n * elem_size);
	r->budget -= n * elem_size;
	r->depth++;
	*list = (struct tars_any_list){ n ? arena_alloc_raw(r->arena, n * elem_size) : NULL, n };
	return 0;
}

static int get_list(struct reader *r, const struct tars_type *t, struct tars_any_list *list)
{
	const struct tars_type *elem = t->elem;
	char *p;
	int rc = enter(r, 1, elem->size, list);

	if (rc)
		return rc;
	p = list->v;
	for (uint32_t i = 0; i < list->n; i++, p += elem->size) {
		rc = get_tagged(r, 0, elem, p);
		if (__builtin_expect(rc, 0)) {
			path_index(&r->path, i);
			return rc;
		}
	}
	r->depth--;
	return 0;
}

static int get_map(struct reader *r, const struct tars_type *t, struct tars_any_list *map)
{
	char *p;
	int rc = enter(r, 2, t->pair_size, map);

	if (rc)
		return rc;
	p = map->v;
	for (uint32_t i = 0; i < map->n; i++, p += t->pair_size) {
		rc = get_tagged(r, 0, t->key, p);
		if (!rc)
			rc = get_tagged(r, 1, t->elem, p + t->val_offset);
		if (__builtin_expect(rc, 0)) {
			path_index(&r->path, i);
			return rc;
		}
	}
	r->depth--;
	return 0;
}

/* A vector<byte> in the long form, one head for each byte, as the official reader takes it too. */
static int get_byte_list(struct reader *r, struct tars_bytes *v)
{
	struct tars_any_list list;
	int8_t *bytes;
	int rc = enter(r, 1, 1, &list);

	if (rc)
		return rc;
	bytes = list.v;
	for (uint32_t i = 0; i < list.n; i++) {
		rc = get_tagged(r, 0, &tars_type_byte, &bytes[i]);
		if (rc) {
			path_index(&r->path, i);
			return rc;
		}
	}
	r->depth--;
	*v = (struct tars_bytes){ list.n ? list.v : (const uint8_t *)"", list.n };
	return 0;
}

static int field_absent(struct reader *r, const struct tars_field *f, char *base)
{
	if (f->flags & TARS_REQUIRED) {
		err_set(r->c.e, TARS_EPROTO, "required, but the field with tag %u is missing",
			f->tag);
		path_name(&r->path, path_field(f));
		return TARS_EPROTO;
	}
	tars_field_init(f, base + f->offset);
	return 0;
}

/*
 * One forward merge of the fields on the wire with those of the descriptor, both in ascending
 * order.  Each member is written exactly once, with its value or its default.  A tag that comes
 * out of order is unknown here and in the official reader.
 */
static int get_fields(struct reader *r, const struct tars_type *t, char *base, bool nested)
{
	const struct tars_field *f = t->fields;
	unsigned left = t->n_fields; /* fields from f on */
	uint8_t tag, wire;
	int rc;

	/* A flat struct ends with its last known field; what follows it is not looked at. */
	while (nested || left) {
		rc = wire_get_head(&r->c, &tag, &wire);
		if (__builtin_expect(rc <= 0, 0)) {
			if (rc < 0)
				return rc;
			if (nested)
				return wire_truncated(&r->c);
			break;
		}
		if (wire == WIRE_STRUCT_END)
			break;
		for (; left && f->tag < tag; f++, left--) {
			rc = field_absent(r, f, base);
			if (rc)
				return rc;
		}
		if (!left || f->tag != tag) {
			rc = cursor_skip(&r->c, wire);
			if (rc)
				return rc;
			continue;
		}
		rc = reader_value(r, f->type, wire, base + f->offset);
		if (__builtin_expect(rc, 0)) {
			path_name(&r->path, path_field(f));
			return rc;
		}
		f++;
		left--;
	}
	for (; left; f++, left--) {
		rc = field_absent(r, f, base);
		if (rc)
			return rc;
	}
	return 0;
}

static int get_struct(struct reader *r, const struct tars_type *t, uint8_t wire, void *value)
{
	int rc;

	if (wire != WIRE_STRUCT_BEGIN)
		return wire_mismatch(&r->c, t->name, wire);
	if (r->depth >= CODEC_MAX_DEPTH)
		return err_set(r->c.e, TARS_EPROTO, "nested deeper than %d", (int)CODEC_MAX_DEPTH);
	r->depth++;
	rc = get_fields(r, t, value, true);
	r->depth--;
	return rc;
}

/* Reads with `get` and stores as ctype; an expression of the result code. */
#define STORE(ctype, get) ({ \
	int64_t v_; \
	int rc_ = (get); \
	if (__builtin_expect(!rc_, 1)) \
		*(ctype *)value = (ctype)v_; \
	rc_; \
})

int reader_value(struct reader *r, const struct tars_type *t, uint8_t wire, void *value)
{
	switch (t->kind) {
	case TARS_BOOL:
		return STORE(bool, get_int(r, t, wire, WIRE_CHAR, &v_));
	case TARS_I8:
		return STORE(int8_t, get_int(r, t, wire, WIRE_CHAR, &v_));
	case TARS_I16:
		return STORE(int16_t, get_int(r, t, wire, WIRE_SHORT, &v_));
	case TARS_I32:
	case TARS_ENUM:
		return STORE(int32_t, get_int(r, t, wire, WIRE_INT, &v_));
	case TARS_I64:
		return STORE(int64_t, get_int(r, t, wire, WIRE_LONG, &v_));
	case TARS_U8:
		return STORE(uint8_t, get_unsigned(r, t, wire, WIRE_SHORT, UINT8_MAX, &v_));
	case TARS_U16:
		return STORE(uint16_t, get_unsigned(r, t, wire, WIRE_INT, UINT16_MAX, &v_));
	case TARS_U32:
		return STORE(uint32_t, get_unsigned(r, t, wire, WIRE_LONG, UINT32_MAX, &v_));
	case TARS_F32:
		return get_float(r, t, wire, value);
	case TARS_F64:
		return get_double(r, t, wire, value);
	case TARS_STRING:
		return get_string(r, wire, value);
	case TARS_BYTES:
		if (wire == WIRE_LIST)
			return get_byte_list(r, value);
		return cursor_bytes(&r->c, wire, value);
	case TARS_LIST:
		return wire == WIRE_LIST ? get_list(r, t, value) :
					   wire_mismatch(&r->c, t->name, wire);
	case TARS_MAP:
		return wire == WIRE_MAP ? get_map(r, t, value) :
					  wire_mismatch(&r->c, t->name, wire);
	default:
		return get_struct(r, t, wire, value);
	}
}

/* After an error the value is all defaults: nobody can stumble over half of it. */
static int finish(struct reader *r, const struct tars_type *t, void *value, int rc)
{
	if (__builtin_expect(!rc, 1))
		return 0;
	tars_type_init(t, value);
	return path_wrap(&r->path, r->c.e, rc);
}

int codec_get_flat(const uint8_t *data, size_t n, const struct tars_type *t, void *value,
		   struct arena *a, struct err *e)
{
	struct reader r;

	reader_init(&r, data, n, a, e);
	return finish(&r, t, value, get_fields(&r, t, value, false));
}

int codec_get_field(const uint8_t *data, size_t n, uint8_t tag, const struct tars_type *t,
		    void *value, struct arena *a, struct err *e)
{
	struct reader r;

	reader_init(&r, data, n, a, e);
	return finish(&r, t, value, get_tagged(&r, tag, t, value));
}
