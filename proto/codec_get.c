/* TARS decoder: bytes to values, driven by type descriptors; total, in bounded memory and depth. */
#include "proto/wire.h"

/*
 * Functions take the place p where they read and give the place where reading goes on, so that it
 * stays in a register.  An error is kept in the reader, and its input ends there: what is read
 * next finds nothing and changes nothing.  Only loops look whether there was one.
 */

const uint8_t *reader_init(struct reader *r, const uint8_t *data, size_t n, struct arena *a,
			   struct err *e)
{
	if (!n)
		data = (const uint8_t *)""; /* NULL is no empty range in C */
	r->in.end = data + n;
	r->arena = a;
	r->e = e;
	r->rc = 0;
	r->depth = 0;
	r->budget = codec_budget(n);
	r->n_ends = r->max_ends = 0;
	path_init(&r->path);
	return data;
}

static inline struct reader *reader_of(struct tars_reader *in)
{
	return (struct reader *)in; /* its first member */
}

__attribute__((cold)) static const uint8_t *fail(struct reader *r, const uint8_t *p, int rc)
{
	r->rc = rc;
	r->in.end = p;
	return p;
}

/* A cursor at p, for what cursor.c knows; done() goes on behind it. */
static inline struct cursor cursor_at(const struct reader *r, const uint8_t *p)
{
	return (struct cursor){ p, r->in.end, r->e };
}

static inline const uint8_t *done(struct reader *r, const struct cursor *c, int rc)
{
	return __builtin_expect(rc, 0) ? fail(r, c->pos, rc) : c->pos;
}

__attribute__((cold)) static const uint8_t *truncated(struct reader *r, const uint8_t *p)
{
	struct cursor c = cursor_at(r, p);

	return fail(r, p, wire_truncated(&c));
}

__attribute__((cold)) static const uint8_t *mismatch(struct reader *r, const uint8_t *p,
						     const struct tars_type *t, unsigned wire)
{
	struct cursor c = cursor_at(r, p);

	return fail(r, p, wire_mismatch(&c, t->name, (uint8_t)wire));
}

/* Integers: the widest type on the wire that each takes, and the values of unsigned ones. */
static const struct {
	uint8_t widest;
	int64_t min, max;
} int_kinds[] = {
	[TARS_BOOL] = { WIRE_CHAR, INT64_MIN, INT64_MAX },
	[TARS_I8] = { WIRE_CHAR, INT64_MIN, INT64_MAX },
	[TARS_I16] = { WIRE_SHORT, INT64_MIN, INT64_MAX },
	[TARS_I32] = { WIRE_INT, INT64_MIN, INT64_MAX },
	[TARS_I64] = { WIRE_LONG, INT64_MIN, INT64_MAX },
	[TARS_U8] = { WIRE_SHORT, 0, UINT8_MAX },
	[TARS_U16] = { WIRE_INT, 0, UINT16_MAX },
	[TARS_U32] = { WIRE_LONG, 0, UINT32_MAX },
};

/* An integer that is 0, at the end of the input, or not as expected. */
static __attribute__((noinline)) const uint8_t *
get_odd_int(struct reader *r, const uint8_t *p, const struct tars_type *t, unsigned wire,
	    void *value)
{
	unsigned kind = t->kind == TARS_ENUM ? TARS_I32 : t->kind;
	struct cursor c = cursor_at(r, p);
	struct tars_field f = { .type = t };
	int rc;

	if (wire > int_kinds[kind].widest && wire != WIRE_ZERO)
		return mismatch(r, p, t, wire);
	rc = wire_get_int(&c, (uint8_t)wire, &f.i);
	if (!rc && (f.i < int_kinds[kind].min || f.i > int_kinds[kind].max))
		rc = err_set(r->e, TARS_EPROTO, "%lld does not fit into %s", (long long)f.i,
			     t->name);
	if (rc)
		return fail(r, c.pos, rc);
	tars_field_init(&f, value);
	return c.pos;
}

static const uint8_t *get_float(struct reader *r, const uint8_t *p, const struct tars_type *t,
				unsigned wire, float *v)
{
	uint32_t bits = 0;

	if (wire == WIRE_FLOAT) {
		if (r->in.end - p < (ptrdiff_t)sizeof(bits))
			return truncated(r, p);
		bits = wire_u32(p);
		p += sizeof(bits);
	} else if (wire != WIRE_ZERO) {
		return mismatch(r, p, t, wire);
	}
	memcpy(v, &bits, sizeof(bits));
	return p;
}

static const uint8_t *get_double(struct reader *r, const uint8_t *p, const struct tars_type *t,
				 unsigned wire, double *v)
{
	uint64_t bits;
	float narrow = 0;

	if (wire != WIRE_DOUBLE) {
		p = get_float(r, p, t, wire, &narrow);
		*v = (double)narrow;
		return p;
	}
	if (r->in.end - p < (ptrdiff_t)sizeof(bits))
		return truncated(r, p);
	bits = wire_u64(p);
	memcpy(v, &bits, sizeof(bits));
	return p + sizeof(bits);
}

static __attribute__((noinline)) const uint8_t *
get_long_string(struct reader *r, const uint8_t *p, unsigned wire, struct tars_str *s)
{
	struct cursor c = cursor_at(r, p);
	struct tars_str raw;
	int rc = wire_get_string(&c, (uint8_t)wire, &raw);
	char *copy;

	if (rc)
		return fail(r, c.pos, rc);
	if (!raw.n) {
		*s = (struct tars_str){ "", 0 };
		return c.pos;
	}
	if (raw.n >= READER_LONG_TEXT && r->n_ends < r->max_ends) {
		r->ends[r->n_ends++] = c.pos;
		*s = raw;
		return c.pos;
	}
	copy = arena_alloc_chars(r->arena, (size_t)raw.n + 1);
	memcpy(copy, raw.p, raw.n);
	copy[raw.n] = '\0';
	*s = (struct tars_str){ copy, raw.n };
	return c.pos;
}

/*
 * A string behind a head with String1 for which the arena has room is copied at once, a short one
 * without a call where there is so much to read; else NULL.
 */
enum { SHORT_STRING = 32 };

static inline const uint8_t *take_string(struct reader *r, const uint8_t *p, struct tars_str *s)
{
	struct arena *a = r->arena;
	char *copy = a->pos;
	unsigned n;

	if (p == r->in.end || a->end - copy <= UINT8_MAX)
		return NULL;
	n = *p;
	if (n <= SHORT_STRING && r->in.end - p > SHORT_STRING)
		memcpy(copy, p + 1, SHORT_STRING);
	else if (r->in.end - p > (ptrdiff_t)n)
		memcpy(copy, p + 1, n);
	else
		return NULL;
	p++;
	copy[n] = '\0';
	a->pos = copy + n + 1;
	*s = (struct tars_str){ copy, n };
	return p + n;
}

static inline const uint8_t *get_string(struct reader *r, const uint8_t *p, unsigned wire,
					struct tars_str *s)
{
	const uint8_t *next = wire == WIRE_STRING1 ? take_string(r, p, s) : NULL;

	return next ? next : get_long_string(r, p, wire, s);
}

static const uint8_t *get_value(struct reader *r, const uint8_t *p, const struct tars_type *t,
				unsigned wire, void *value);
static const uint8_t *get_struct(struct reader *r, const uint8_t *p, const struct tars_type *t,
				 unsigned wire, void *value);

/* The value with this tag; as the official reader finds it: forward only. */
static const uint8_t *find_value(struct reader *r, const uint8_t *p, unsigned wanted,
				 const struct tars_type *t, void *value)
{
	struct cursor c = cursor_at(r, p);
	uint8_t tag, wire;
	int rc;

	while ((rc = wire_get_head(&c, &tag, &wire)) > 0) {
		if (wire == WIRE_STRUCT_END || tag > wanted)
			break;
		if (tag == wanted)
			return get_value(r, c.pos, t, wire, value);
		rc = cursor_skip(&c, wire);
		if (rc)
			break;
	}
	if (rc >= 0)
		rc = err_set(r->e, TARS_EPROTO, "the value with tag %u is missing", wanted);
	return fail(r, c.pos, rc);
}

/* An element or a key (tag 0), or a map's value (tag 1). */
static inline const uint8_t *get_element(struct reader *r, const uint8_t *p, unsigned tag,
					 const struct tars_type *t, void *value)
{
	unsigned wire;

	if (__builtin_expect(p == r->in.end, 0))
		return find_value(r, p, tag, t, value);
	wire = tars_wire_type(p, tag);
	if (__builtin_expect(wire > 15 || wire == WIRE_STRUCT_END, 0))
		return find_value(r, p, tag, t, value);
	if (t->kind == TARS_STRING)
		return get_string(r, p + 1, wire, value);
	if (t->kind == TARS_STRUCT)
		return get_struct(r, p + 1, t, wire, value);
	return get_value(r, p + 1, t, wire, value);
}

/* Enters a container: depth, count and memory are checked before anything is allocated. */
static const uint8_t *enter(struct reader *r, const uint8_t *p, size_t min_size, size_t elem_size,
			    struct tars_any_list *list)
{
	struct cursor c = cursor_at(r, p);
	uint32_t n = 0;
	int rc = 0;

	*list = (struct tars_any_list){ NULL, 0 };
	if (r->depth >= CODEC_MAX_DEPTH)
		rc = err_set(r->e, TARS_EPROTO, "nested deeper than %d", (int)CODEC_MAX_DEPTH);
	else
		rc = wire_get_count(&c, min_size, &n);
	if (!rc && n * elem_size > r->budget)
		rc = err_set(r->e, TARS_EPROTO, "%u elements would take %zu bytes of memory, "
			     "which is out of proportion to the message", n, n * elem_size);
	if (rc)
		return fail(r, c.pos, rc);
	r->budget -= n * elem_size;
	r->depth++;
	*list = (struct tars_any_list){ n ? arena_alloc_raw(r->arena, n * elem_size) : NULL, n };
	return c.pos;
}

static const uint8_t *get_list(struct reader *r, const uint8_t *p, const struct tars_type *t,
			       struct tars_any_list *list)
{
	const struct tars_type *elem = t->elem;
	const uint8_t *next;
	int64_t wide;
	char *v;

	p = enter(r, p, 1, elem->size, list);
	if (r->rc)
		return p;
	v = list->v;
	for (uint32_t i = 0; i < list->n; i++, v += elem->size) {
		if (elem->kind == TARS_I32 &&
		    (next = tars_take_int(&r->in, p, 0, WIRE_INT, &wide))) {
			*(int32_t *)v = (int32_t)wide;
			p = next;
			continue;
		}
		p = get_element(r, p, 0, elem, v);
		if (__builtin_expect(r->rc, 0)) {
			path_index(&r->path, i);
			return p;
		}
	}
	r->depth--;
	return p;
}

static const uint8_t *get_map(struct reader *r, const uint8_t *p, const struct tars_type *t,
			      struct tars_any_list *map)
{
	char *v;

	p = enter(r, p, 2, t->pair_size, map);
	if (r->rc)
		return p;
	v = map->v;
	for (uint32_t i = 0; i < map->n; i++, v += t->pair_size) {
		p = get_element(r, p, 0, t->key, v);
		if (!r->rc)
			p = get_element(r, p, 1, t->elem, v + t->val_offset);
		if (__builtin_expect(r->rc, 0)) {
			path_index(&r->path, i);
			return p;
		}
	}
	r->depth--;
	return p;
}

static const uint8_t *get_bytes(struct reader *r, const uint8_t *p, unsigned wire,
				struct tars_bytes *v)
{
	/* The long form, one head for each byte, which the official reader takes, too. */
	static const struct tars_type long_form = { .elem = &tars_type_byte };
	struct cursor c = cursor_at(r, p);
	struct tars_any_list list;

	if (wire != WIRE_LIST)
		return done(r, &c, cursor_bytes(&c, (uint8_t)wire, v));
	p = get_list(r, p, &long_form, &list);
	*v = (struct tars_bytes){ list.n ? list.v : (const uint8_t *)"", list.n };
	return p;
}

/* Skips to the end of a struct, and it. */
static __attribute__((noinline)) const uint8_t *find_end(struct reader *r, const uint8_t *p)
{
	struct cursor c = cursor_at(r, p);
	uint8_t tag, wire;
	int rc = r->rc;

	while (!rc) {
		rc = wire_get_head(&c, &tag, &wire);
		if (rc <= 0)
			return rc ? fail(r, c.pos, rc) : truncated(r, c.pos);
		if (wire == WIRE_STRUCT_END)
			return c.pos;
		rc = cursor_skip(&c, wire);
	}
	return fail(r, c.pos, rc);
}

static inline const uint8_t *get_fields(struct reader *r, const uint8_t *p,
					const struct tars_type *t, char *base);

static const uint8_t *get_struct(struct reader *r, const uint8_t *p, const struct tars_type *t,
				 unsigned wire, void *value)
{
	if (wire != WIRE_STRUCT_BEGIN)
		return mismatch(r, p, t, wire);
	if (r->depth >= CODEC_MAX_DEPTH)
		return fail(r, p, err_set(r->e, TARS_EPROTO, "nested deeper than %d",
					  (int)CODEC_MAX_DEPTH));
	r->depth++;
	p = get_fields(r, p, t, value);
	r->depth--;
	if (__builtin_expect(p < r->in.end && *p == WIRE_STRUCT_END, 1))
		return p + 1;
	return find_end(r, p);
}

/* Where the payload may be read as a whole; a value that does not fit is no common one. */
#define GET_INT(ctype, widest) \
	do { \
		if (__builtin_expect(wire <= (widest) && r->in.end - p >= 1 << (widest), 1)) { \
			unsigned size_ = 1u << wire; \
			int64_t wide_ = tars_wire_signed(p, size_, (widest)); \
			*(ctype *)value = (ctype)wide_; \
			if (__builtin_expect(wide_ == (ctype)wide_, 1)) \
				return p + size_; \
		} \
		return get_odd_int(r, p, t, wire, value); \
	} while (0)

/* What is not a number goes to a function of its own, last: so this one needs no stack. */
static __attribute__((noinline)) const uint8_t *
get_value(struct reader *r, const uint8_t *p, const struct tars_type *t, unsigned wire,
	  void *value)
{
	switch (t->kind) {
	case TARS_I8:
		GET_INT(int8_t, WIRE_CHAR);
	case TARS_I16:
		GET_INT(int16_t, WIRE_SHORT);
	case TARS_I32:
	case TARS_ENUM:
		GET_INT(int32_t, WIRE_INT);
	case TARS_I64:
		GET_INT(int64_t, WIRE_LONG);
	case TARS_U8:
		GET_INT(uint8_t, WIRE_SHORT);
	case TARS_U16:
		GET_INT(uint16_t, WIRE_INT);
	case TARS_U32:
		GET_INT(uint32_t, WIRE_LONG);
	case TARS_BOOL:
		return get_odd_int(r, p, t, wire, value);
	case TARS_F32:
		return get_float(r, p, t, wire, value);
	case TARS_F64:
		return get_double(r, p, t, wire, value);
	case TARS_STRING:
		return get_string(r, p, wire, value);
	case TARS_BYTES:
		return get_bytes(r, p, wire, value);
	case TARS_LIST:
		return wire == WIRE_LIST ? get_list(r, p, t, value) : mismatch(r, p, t, wire);
	case TARS_MAP:
		return wire == WIRE_MAP ? get_map(r, p, t, value) : mismatch(r, p, t, wire);
	default:
		return get_struct(r, p, t, wire, value);
	}
}

/* The member is not on the wire; inside another value that has to go on. */
static const uint8_t *get_nothing(struct reader *r, const uint8_t *p, const struct tars_field *f,
				  void *v)
{
	if (p == r->in.end && r->depth)
		return r->rc ? p : truncated(r, p);
	if (r->rc)
		return p;
	if (f->flags & TARS_REQUIRED) {
		err_set(r->e, TARS_EPROTO, "required, but the field with tag %u is missing",
			f->tag);
		path_name(&r->path, path_field(f));
		return fail(r, p, TARS_EPROTO);
	}
	tars_field_init(f, v);
	return p;
}

/*
 * One step of the merge of the fields on the wire with those of the descriptor, both in ascending
 * order.  A tag that comes out of order is unknown here and in the official reader.
 */
static __attribute__((noinline)) const uint8_t *
find_member(struct reader *r, const uint8_t *p, const struct tars_field *f, void *v)
{
	struct cursor c = cursor_at(r, p);
	uint8_t tag, wire;
	int rc;

	for (;;) {
		p = c.pos;
		rc = wire_get_head(&c, &tag, &wire);
		if (rc < 0)
			return fail(r, p, rc);
		if (!rc || wire == WIRE_STRUCT_END || tag > f->tag)
			return get_nothing(r, p, f, v);
		if (tag == f->tag)
			break;
		rc = cursor_skip(&c, wire);
		if (rc)
			return fail(r, c.pos, rc);
	}
	p = get_value(r, c.pos, f->type, wire, v);
	if (__builtin_expect(r->rc, 0))
		path_name(&r->path, path_field(f));
	return p;
}

static inline const uint8_t *get_member(struct reader *r, const uint8_t *p,
					const struct tars_field *f, void *v)
{
	unsigned wire;

	if (__builtin_expect(r->in.end - p < 2, 0))
		return find_member(r, p, f, v);
	wire = tars_wire_type(p, f->tag);
	if (__builtin_expect(wire > 15 || wire == WIRE_STRUCT_END, 0))
		return find_member(r, p, f, v);
	p = get_value(r, p + (f->tag < 15 ? 1 : 2), f->type, wire, v);
	if (__builtin_expect(r->rc, 0))
		path_name(&r->path, path_field(f));
	return p;
}

const uint8_t *tars_get_member(struct tars_reader *in, const uint8_t *p,
			       const struct tars_field *f, void *v)
{
	return get_member(reader_of(in), p, f, v);
}

const uint8_t *tars_get_string(struct tars_reader *in, const uint8_t *p,
			       const struct tars_field *f, struct tars_str *v)
{
	struct reader *r = reader_of(in);
	const uint8_t *next = NULL;

	if (in->end - p > 2 && tars_wire_type(p, f->tag) == WIRE_STRING1)
		next = take_string(r, p + (f->tag < 15 ? 1 : 2), v);
	return next ? next : get_member(r, p, f, v);
}

/* Each member is written exactly once, with its value or its default. */
static inline const uint8_t *get_fields(struct reader *r, const uint8_t *p,
					const struct tars_type *t, char *base)
{
	const struct tars_field *f = t->fields;

	if (t->get)
		return t->get(&r->in, p, base);
	for (unsigned left = t->n_fields; left; f++, left--)
		p = get_member(r, p, f, base + f->offset);
	return p;
}

/* After an error the value is all defaults: nobody can stumble over half of it. */
static int finish(struct reader *r, const struct tars_type *t, void *value)
{
	if (__builtin_expect(!r->rc, 1))
		return 0;
	tars_type_init(t, value);
	return path_wrap(&r->path, r->e, r->rc);
}

int codec_get_flat(const uint8_t *data, size_t n, const struct tars_type *t, void *value,
		   struct arena *a, struct err *e)
{
	struct reader r;
	const uint8_t *p = reader_init(&r, data, n, a, e);

	get_fields(&r, p, t, value);
	return finish(&r, t, value);
}

int codec_get_kept(uint8_t *data, size_t n, const struct tars_type *t, void *value,
		   struct arena *a, struct err *e)
{
	struct reader r;
	const uint8_t *p = reader_init(&r, data, n, a, e);

	r.max_ends = READER_ENDS;
	get_fields(&r, p, t, value);
	for (unsigned i = 0; i < r.n_ends; i++)
		data[r.ends[i] - data] = '\0';
	return finish(&r, t, value);
}

int codec_get_field(const uint8_t *data, size_t n, uint8_t tag, const struct tars_type *t,
		    void *value, struct arena *a, struct err *e)
{
	struct reader r;
	const uint8_t *p = reader_init(&r, data, n, a, e);

	find_value(&r, p, tag, t, value);
	return finish(&r, t, value);
}
