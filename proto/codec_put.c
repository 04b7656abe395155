/* TARS encoder: values to bytes, driven by type descriptors. */
#include "proto/wire.h"

/*
 * The write position lives in a register and is handed from function to function.  Whoever writes
 * heads or numbers asks for ROOM first: the widest number and two heads, in one comparison.
 */
struct writer {
	struct buf *b;
	uint8_t *end;
	int flags;
};

enum { ROOM = 16 };

static __attribute__((noinline)) uint8_t *grow(struct writer *w, uint8_t *p, size_t n)
{
	w->b->len = (size_t)(p - w->b->data);
	buf_grow(w->b, n);
	w->end = w->b->data + w->b->cap;
	return w->b->data + w->b->len;
}

static inline uint8_t *room(struct writer *w, uint8_t *p, size_t n)
{
	if (__builtin_expect((size_t)(w->end - p) < n, 0))
		return grow(w, p, n);
	return p;
}

static inline uint8_t *writer_start(struct writer *w, struct buf *b, int flags)
{
	uint8_t *p = buf_reserve(b, ROOM);

	*w = (struct writer){ .b = b, .end = b->data + b->cap, .flags = flags };
	return p;
}

static inline void writer_end(struct writer *w, const uint8_t *p)
{
	w->b->len = (size_t)(p - w->b->data);
}

static inline uint8_t *put_copy(uint8_t *p, const void *data, size_t n)
{
	if (n)
		memcpy(p, data, n);
	return p + n;
}

static inline uint8_t *put_string(struct writer *w, uint8_t *p, uint8_t tag,
				  const struct tars_str *s)
{
	p = room(w, p, ROOM + (size_t)s->n);
	return put_copy(wire_put_string_head(p, tag, s->n), s->p, s->n);
}

static inline uint8_t *put_bytes(struct writer *w, uint8_t *p, uint8_t tag,
				 const struct tars_bytes *v)
{
	p = room(w, p, ROOM + (size_t)v->n);
	return put_copy(wire_put_bytes_head(p, tag, v->n), v->p, v->n);
}

static inline uint8_t *put_float(uint8_t *p, uint8_t tag, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return wire_put_u32(wire_put_head(p, tag, WIRE_FLOAT), bits);
}

static inline uint8_t *put_double(uint8_t *p, uint8_t tag, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return wire_put_u64(wire_put_head(p, tag, WIRE_DOUBLE), bits);
}

static uint8_t *put_value(struct writer *w, uint8_t *p, uint8_t tag, const struct tars_type *t,
			  const void *value);

static uint8_t *put_list(struct writer *w, uint8_t *p, uint8_t tag, const struct tars_type *t,
			 const struct tars_any_list *list)
{
	const char *elem = list->v;

	p = wire_put_head(room(w, p, ROOM), tag, WIRE_LIST);
	p = wire_put_int(p, 0, list->n);
	for (uint32_t i = 0; i < list->n; i++, elem += t->elem->size)
		p = put_value(w, p, 0, t->elem, elem);
	return p;
}

static uint8_t *put_map(struct writer *w, uint8_t *p, uint8_t tag, const struct tars_type *t,
			const struct tars_any_list *map)
{
	const char *pair = map->v;

	p = wire_put_head(room(w, p, ROOM), tag, WIRE_MAP);
	p = wire_put_int(p, 0, map->n);
	for (uint32_t i = 0; i < map->n; i++, pair += t->pair_size) {
		p = put_value(w, p, 0, t->key, pair);
		p = put_value(w, p, 1, t->elem, pair + t->val_offset);
	}
	return p;
}

/*
 * One field of a struct.  `omit`: leave it out if it equals its default, as tars2cpp does for
 * optional builtins and containers; bool, enum and struct are always written.
 */
static inline uint8_t *put_field(struct writer *w, uint8_t *p, const struct tars_field *f,
				 const void *value, bool omit)
{
	int64_t i;

	p = room(w, p, ROOM);
	switch (f->type->kind) {
	case TARS_BOOL:
		return wire_put_int(p, f->tag, *(const bool *)value);
	case TARS_ENUM:
		return wire_put_int(p, f->tag, *(const int32_t *)value);
	case TARS_I8:
		i = *(const int8_t *)value;
		break;
	case TARS_I16:
		i = *(const int16_t *)value;
		break;
	case TARS_I32:
		i = *(const int32_t *)value;
		break;
	case TARS_I64:
		i = *(const int64_t *)value;
		break;
	case TARS_U8:
		i = *(const uint8_t *)value;
		break;
	case TARS_U16:
		i = *(const uint16_t *)value;
		break;
	case TARS_U32:
		i = *(const uint32_t *)value;
		break;
	case TARS_F32:
		if (omit && *(const float *)value == (float)f->f)
			return p;
		return put_float(p, f->tag, *(const float *)value);
	case TARS_F64:
		if (omit && *(const double *)value == f->f)
			return p;
		return put_double(p, f->tag, *(const double *)value);
	case TARS_STRING: {
		const struct tars_str *s = value;

		if (omit && (f->s ? strlen(f->s) == s->n && !memcmp(f->s, s->p, s->n) : !s->n))
			return p;
		return put_string(w, p, f->tag, s);
	}
	case TARS_BYTES:
		if (omit && !((const struct tars_bytes *)value)->n)
			return p;
		return put_bytes(w, p, f->tag, value);
	case TARS_LIST:
		if (omit && !((const struct tars_any_list *)value)->n)
			return p;
		return put_list(w, p, f->tag, f->type, value);
	case TARS_MAP:
		if (omit && !((const struct tars_any_list *)value)->n)
			return p;
		return put_map(w, p, f->tag, f->type, value);
	default:
		return put_value(w, p, f->tag, f->type, value);
	}
	return omit && i == f->i ? p : wire_put_int(p, f->tag, i);
}

static uint8_t *put_fields(struct writer *w, uint8_t *p, const struct tars_type *t,
			   const void *value)
{
	const struct tars_field *f = t->fields;
	bool may_omit = !(w->flags & CODEC_WRITE_DEFAULTS);

	for (unsigned left = t->n_fields; left; f++, left--)
		p = put_field(w, p, f, (const char *)value + f->offset,
			      may_omit && !(f->flags & TARS_REQUIRED));
	return p;
}

static uint8_t *put_value(struct writer *w, uint8_t *p, uint8_t tag, const struct tars_type *t,
			  const void *value)
{
	const struct tars_field f = { .tag = tag, .type = t };

	if (t->kind != TARS_STRUCT)
		return put_field(w, p, &f, value, false);
	p = wire_put_head(room(w, p, ROOM), tag, WIRE_STRUCT_BEGIN);
	p = room(w, put_fields(w, p, t, value), ROOM);
	return wire_put_head(p, 0, WIRE_STRUCT_END);
}

void codec_put_flat(struct buf *b, const struct tars_type *t, const void *value, int flags)
{
	struct writer w;
	uint8_t *p = writer_start(&w, b, flags);

	writer_end(&w, put_fields(&w, p, t, value));
}

void codec_put_field(struct buf *b, uint8_t tag, const struct tars_type *t, const void *value,
		     int flags)
{
	struct writer w;
	uint8_t *p = writer_start(&w, b, flags);

	writer_end(&w, put_value(&w, p, tag, t, value));
}

void codec_put_int(struct buf *b, uint8_t tag, int64_t v)
{
	b->len = (size_t)(wire_put_int(buf_reserve(b, WIRE_INT_MAX), tag, v) - b->data);
}

void codec_put_string(struct buf *b, uint8_t tag, const char *p, size_t n)
{
	struct writer w;
	uint8_t *at = writer_start(&w, b, 0);

	BUG_ON(n > UINT32_MAX);
	writer_end(&w, put_string(&w, at, tag, &(struct tars_str){ p, (uint32_t)n }));
}

void codec_put_bytes(struct buf *b, uint8_t tag, const uint8_t *p, size_t n)
{
	struct writer w;
	uint8_t *at = writer_start(&w, b, 0);

	BUG_ON(n > INT32_MAX);
	writer_end(&w, put_bytes(&w, at, tag, &(struct tars_bytes){ p, (uint32_t)n }));
}

size_t wire_bytes_begin(struct buf *b, uint8_t tag)
{
	uint8_t *p = buf_reserve(b, WIRE_BYTES_HEAD_MAX);

	p = wire_put_head(p, tag, WIRE_SIMPLE_LIST);
	p = wire_put_head(p, 0, WIRE_CHAR) + WIRE_SIZE_MAX;
	b->len = (size_t)(p - b->data);
	return buf_size(b);
}

void wire_bytes_end(struct buf *b, size_t mark)
{
	uint8_t *body = buf_head(b) + mark;
	size_t n = buf_size(b) - mark;
	uint8_t *p;

	BUG_ON(n > INT32_MAX);
	p = wire_put_int(body - WIRE_SIZE_MAX, 0, (int64_t)n);
	if (p != body && n)
		memmove(p, body, n);
	b->len -= (size_t)(body - p);
}
