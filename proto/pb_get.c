/* Protobuf messages to values, by type descriptors; total, in bounded memory and depth. */
#include "proto/pb.h"

#include <string.h>

#include "proto/path.h"

/*
 * A message is read twice: first the elements of its lists are counted, in the lists' own n, and
 * the fields' bounds are checked; then there is room for all of them.
 */
struct getter {
	struct arena *arena;
	struct err *e;
	size_t budget;           /* bytes that elements may still take */
	unsigned depth;
	struct path path;
};

/* A field: `value` for numbers, the range for what has a length. */
struct field {
	unsigned number;
	enum pb_wire wire;
	uint64_t value;
	const uint8_t *p, *end;
};

static int malformed(struct getter *g, const char *what)
{
	return err_set(g->e, TARS_EPROTO, "not protobuf: %s", what);
}

static int get_varint(struct getter *g, const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte;

		if (*p == end)
			return malformed(g, "it ends in the middle of a number");
		byte = *(*p)++;
		if (shift == 63 && byte > 1)
			break;
		*v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return 0;
	}
	return malformed(g, "a number has more than 64 bits");
}

static int get_fixed(struct getter *g, const uint8_t **p, const uint8_t *end, size_t n, uint64_t *v)
{
	if ((size_t)(end - *p) < n)
		return malformed(g, "it ends in the middle of a number");
	*v = 0;
	for (size_t i = 0; i < n; i++)
		*v |= (uint64_t)(*p)[i] << 8 * i;
	*p += n;
	return 0;
}

/* The next field behind *p, which is not the end. */
static int get_field(struct getter *g, const uint8_t **p, const uint8_t *end, struct field *f)
{
	uint64_t key, n;
	int rc = get_varint(g, p, end, &key);

	if (rc)
		return rc;
	if (!(key >> 3) || key >> 3 > 0x1fffffff)
		return malformed(g, "a field without a number");
	f->number = (unsigned)(key >> 3);
	f->wire = key & 7;
	switch (f->wire) {
	case PB_VARINT:
		return get_varint(g, p, end, &f->value);
	case PB_FIXED64:
		return get_fixed(g, p, end, 8, &f->value);
	case PB_FIXED32:
		return get_fixed(g, p, end, 4, &f->value);
	case PB_BYTES:
		rc = get_varint(g, p, end, &n);
		if (!rc && n > (uint64_t)(end - *p))
			return malformed(g, "it ends in the middle of a field");
		if (rc)
			return rc;
		f->p = *p;
		f->end = *p += n;
		return 0;
	default:
		return malformed(g, "groups are not supported");
	}
}

static const struct tars_field *find(const struct tars_type *t, unsigned number)
{
	for (uint16_t i = 0; i < t->n_fields; i++)
		if (t->fields[i].tag + 1u == number)
			return &t->fields[i];
	return NULL;
}

static int mismatch(struct getter *g, const struct tars_type *t, enum pb_wire wire)
{
	static const char *const names[] = {
		[PB_VARINT] = "a varint", [PB_FIXED64] = "64 bits", [PB_BYTES] = "bytes",
		[PB_FIXED32] = "32 bits",
	};

	return err_set(g->e, TARS_EPROTO, "expected %s, found %s: the peer uses another .proto",
		       t->name, names[wire]);
}

/* ---- single values ---- */

static int out_of_range(struct getter *g, const struct tars_type *t, int64_t v)
{
	return err_set(g->e, TARS_EPROTO, "%lld is out of range for %s", (long long)v, t->name);
}

static int take_varint(struct getter *g, const struct tars_type *t, uint64_t v, void *value)
{
	int32_t s = (int32_t)v;   /* 32-bit numbers may come with any upper half */
	uint32_t u = (uint32_t)v;

	switch (t->kind) {
	case TARS_BOOL:
		*(bool *)value = v != 0;
		return 0;
	case TARS_I8:
		*(int8_t *)value = (int8_t)s;
		return s == (int8_t)s ? 0 : out_of_range(g, t, s);
	case TARS_I16:
		*(int16_t *)value = (int16_t)s;
		return s == (int16_t)s ? 0 : out_of_range(g, t, s);
	case TARS_I32:
	case TARS_ENUM:
		*(int32_t *)value = s;
		return 0;
	case TARS_U8:
		*(uint8_t *)value = (uint8_t)u;
		return u <= UINT8_MAX ? 0 : out_of_range(g, t, u);
	case TARS_U16:
		*(uint16_t *)value = (uint16_t)u;
		return u <= UINT16_MAX ? 0 : out_of_range(g, t, u);
	case TARS_U32:
		*(uint32_t *)value = u;
		return 0;
	default:
		*(int64_t *)value = (int64_t)v;
		return 0;
	}
}

static int take_number(struct getter *g, const struct tars_type *t, uint64_t v, void *value)
{
	uint32_t bits32 = (uint32_t)v;

	if (t->kind == TARS_F32)
		memcpy(value, &bits32, sizeof(bits32));
	else if (t->kind == TARS_F64)
		memcpy(value, &v, sizeof(v));
	else
		return take_varint(g, t, v, value);
	return 0;
}

static int get_message(struct getter *g, const uint8_t *p, const uint8_t *end,
		       const struct tars_type *t, char *value);

static int take_single(struct getter *g, const struct tars_type *t, const struct field *f,
		       void *value)
{
	size_t n;

	if (f->wire != pb_wire_of(t))
		return mismatch(g, t, f->wire);
	if (f->wire != PB_BYTES)
		return take_number(g, t, f->value, value);
	n = (size_t)(f->end - f->p);
	if (n > CODEC_MAX_STRING)
		return err_set(g->e, TARS_EPROTO, "%zu bytes are above the limit of %d", n,
			       (int)CODEC_MAX_STRING);
	if (t->kind == TARS_STRUCT)
		return get_message(g, f->p, f->end, t, value);
	if (t->kind == TARS_STRING)
		*(struct tars_str *)value = (struct tars_str){
			n ? arena_memdup(g->arena, f->p, n) : "", (uint32_t)n };
	else
		*(struct tars_bytes *)value = (struct tars_bytes){
			n ? f->p : (const uint8_t *)"", (uint32_t)n };
	return 0;
}

/* ---- lists ---- */

/* How many elements a field has for its list; 0 if it is of the wrong kind, which is said later. */
static size_t count(const struct tars_type *t, const struct field *f)
{
	enum pb_wire wire;
	size_t n = 0;

	if (!pb_is_packed(t) || f->wire != PB_BYTES)
		return 1;
	wire = pb_wire_of(t->elem);
	if (wire != PB_VARINT)
		return (size_t)(f->end - f->p) / t->elem->size;
	for (const uint8_t *p = f->p; p < f->end; p++)
		n += *p < 0x80;
	return n;
}

static int make_room(struct getter *g, const struct tars_type *t, struct tars_any_list *list)
{
	size_t n = list->n, size = pb_element_size(t);

	if (!n)
		return 0;
	if (n * size > g->budget)
		return err_set(g->e, TARS_EPROTO, "%zu elements would take %zu bytes of memory, "
			       "which is out of proportion", n, n * size);
	g->budget -= n * size;
	list->v = arena_alloc_raw(g->arena, n * size);
	list->n = 0;
	return 0;
}

static int take_packed(struct getter *g, const struct tars_type *t, const struct field *f,
		       struct tars_any_list *list)
{
	enum pb_wire wire = pb_wire_of(t->elem);
	const uint8_t *p = f->p;
	uint64_t v;

	while (p < f->end) {
		int rc = wire == PB_VARINT ? get_varint(g, &p, f->end, &v) :
					     get_fixed(g, &p, f->end, t->elem->size, &v);

		/* There is no room for a number that is cut off: it was not counted. */
		if (!rc)
			rc = take_number(g, t->elem, v,
					 (char *)list->v + list->n * t->elem->size);
		if (rc) {
			path_index(&g->path, list->n);
			return rc;
		}
		list->n++;
	}
	return 0;
}

static int take_element(struct getter *g, const struct tars_type *t, const struct field *f,
			struct tars_any_list *list)
{
	char *elem = (char *)list->v + list->n * pb_element_size(t);
	struct pb_message room;
	int rc;

	if (t->kind == TARS_LIST && !pb_is_repeated(t->elem))
		rc = take_single(g, t->elem, f, elem);
	else
		rc = take_single(g, pb_element(t, &room), f, elem);
	if (rc)
		path_index(&g->path, list->n);
	list->n++;
	return rc;
}

/* ---- messages ---- */

static int count_elements(struct getter *g, const uint8_t *p, const uint8_t *end,
			  const struct tars_type *t, char *value)
{
	while (p < end) {
		const struct tars_field *known;
		struct field f;
		int rc = get_field(g, &p, end, &f);

		if (rc)
			return rc;
		known = find(t, f.number);
		if (known && pb_is_repeated(known->type)) {
			struct tars_any_list *list =
				(struct tars_any_list *)(value + known->offset);

			/* No more than there are bytes, which are fewer than 2^32. */
			list->n += (uint32_t)count(known->type, &f);
		}
	}
	for (uint16_t i = 0; i < t->n_fields; i++) {
		const struct tars_field *f = &t->fields[i];

		if (pb_is_repeated(f->type) &&
		    make_room(g, f->type, (struct tars_any_list *)(value + f->offset))) {
			path_name(&g->path, path_field(f));
			return TARS_EPROTO;
		}
	}
	return 0;
}

static int take_fields(struct getter *g, const uint8_t *p, const uint8_t *end,
		       const struct tars_type *t, char *value)
{
	int rc = 0;

	while (!rc && p < end) {
		const struct tars_field *known;
		struct field f;

		rc = get_field(g, &p, end, &f);
		known = rc ? NULL : find(t, f.number);
		if (!known)
			continue;
		if (!pb_is_repeated(known->type))
			rc = take_single(g, known->type, &f, value + known->offset);
		else if (pb_is_packed(known->type) && f.wire == PB_BYTES)
			rc = take_packed(g, known->type, &f,
					 (struct tars_any_list *)(value + known->offset));
		else
			rc = take_element(g, known->type, &f,
					  (struct tars_any_list *)(value + known->offset));
		if (rc)
			path_name(&g->path, path_field(known));
	}
	return rc;
}

static int get_message(struct getter *g, const uint8_t *p, const uint8_t *end,
		       const struct tars_type *t, char *value)
{
	int rc;

	if (g->depth == CODEC_MAX_DEPTH)
		return err_set(g->e, TARS_EPROTO, "nested deeper than %d", (int)CODEC_MAX_DEPTH);
	g->depth++;
	tars_type_init(t, value);
	rc = count_elements(g, p, end, t, value);
	if (!rc)
		rc = take_fields(g, p, end, t, value);
	g->depth--;
	return rc;
}

int pb_get(const uint8_t *data, size_t n, const struct tars_type *t, void *value, struct arena *a,
	   struct err *e)
{
	struct getter g = { .arena = a, .e = e, .budget = codec_budget(n) };
	int rc;

	path_init(&g.path);
	if (!n)
		data = (const uint8_t *)""; /* NULL is no empty range in C */
	rc = get_message(&g, data, data + n, t, value);
	if (!rc)
		return 0;
	tars_type_init(t, value);
	return path_wrap(&g.path, e, rc);
}
