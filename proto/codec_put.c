/* TARS encoder: values to bytes, driven by type descriptors. */
#include "proto/wire.h"

/* State of one encoding call. */
struct writer {
	struct tars_writer out;  /* what generated code sees */
	struct buf *b;
};

static inline uint8_t *writer_start(struct writer *w, struct buf *b, int flags)
{
	uint8_t *p = buf_reserve(b, TARS_ROOM);

	*w = (struct writer){ .b = b, .out.end = b->data + b->cap,
			      .out.all = flags & CODEC_WRITE_DEFAULTS };
	return p;
}

static inline void writer_end(struct writer *w, const uint8_t *p)
{
	w->b->len = (size_t)(p - w->b->data);
}

__attribute__((cold)) uint8_t *tars_put_grow(struct tars_writer *out, uint8_t *p, size_t size)
{
	struct writer *w = (struct writer *)out;

	writer_end(w, p);
	p = buf_reserve(w->b, size);
	out->end = w->b->data + w->b->cap;
	return p;
}

/* Room for n bytes and one thing of fixed size more. */
static inline uint8_t *room(struct tars_writer *w, uint8_t *p, size_t n)
{
	if (__builtin_expect((size_t)(w->end - p) < n + TARS_ROOM, 0))
		return tars_put_grow(w, p, n + TARS_ROOM);
	return p;
}

static inline uint8_t *put_copy(uint8_t *p, const void *data, size_t n)
{
	if (n)
		memcpy(p, data, n);
	return p + n;
}

static inline uint8_t *put_string(struct tars_writer *w, uint8_t *p, uint8_t tag,
				  const struct tars_str *s)
{
	p = room(w, p, s->n);
	return put_copy(wire_put_string_head(p, tag, s->n), s->p, s->n);
}

static inline uint8_t *put_bytes(struct tars_writer *w, uint8_t *p, uint8_t tag,
				 const struct tars_bytes *v)
{
	p = room(w, p, v->n);
	return put_copy(wire_put_bytes_head(p, tag, v->n), v->p, v->n);
}

static uint8_t *put_fields(struct tars_writer *w, uint8_t *p, const struct tars_type *t,
			   const char *base);

static inline uint8_t *put_flat(struct tars_writer *w, uint8_t *p, const struct tars_type *t,
				const void *value)
{
	return t->put ? t->put(w, p, value) : put_fields(w, p, t, value);
}

static __attribute__((noinline)) uint8_t *put_struct(struct tars_writer *w, uint8_t *p, uint8_t tag,
						     const struct tars_type *t, const void *value)
{
	p = tars_wire_head(tars_put_room(w, p, 1), tag, WIRE_STRUCT_BEGIN);
	p = tars_put_room(w, put_flat(w, p, t, value), 1);
	return tars_wire_head(p, 0, WIRE_STRUCT_END);
}

static uint8_t *put_value(struct tars_writer *w, uint8_t *p, uint8_t tag,
			  const struct tars_type *t, const void *value);

/* The commonest elements go without a call. */
static inline __attribute__((always_inline)) uint8_t *
put_element(struct tars_writer *w, uint8_t *p, uint8_t tag, const struct tars_type *t,
	    const void *value)
{
	if (t->kind == TARS_STRING)
		return put_string(w, p, tag, value);
	if (t->kind == TARS_I32)
		return tars_wire_int(tars_put_room(w, p, 1), tag, *(const int32_t *)value);
	if (t->kind == TARS_STRUCT)
		return put_struct(w, p, tag, t, value);
	return put_value(w, p, tag, t, value);
}

static uint8_t *put_list(struct tars_writer *w, uint8_t *p, uint8_t tag, const struct tars_type *t,
			 const struct tars_any_list *list)
{
	const char *v = list->v;

	p = tars_wire_int(tars_wire_head(tars_put_room(w, p, 1), tag, WIRE_LIST), 0, list->n);
	for (uint32_t left = list->n; left; left--, v += t->elem->size)
		p = put_element(w, p, 0, t->elem, v);
	return p;
}

static uint8_t *put_map(struct tars_writer *w, uint8_t *p, uint8_t tag, const struct tars_type *t,
			const struct tars_any_list *map)
{
	const char *pair = map->v;

	p = tars_wire_int(tars_wire_head(tars_put_room(w, p, 1), tag, WIRE_MAP), 0, map->n);
	for (uint32_t left = map->n; left; left--, pair += t->pair_size) {
		p = put_element(w, p, 0, t->key, pair);
		p = put_element(w, p, 1, t->elem, pair + t->val_offset);
	}
	return p;
}

static bool is_default_string(const struct tars_field *f, const struct tars_str *v)
{
	return f->s ? strlen(f->s) == v->n && !memcmp(f->s, v->p, v->n) : !v->n;
}

uint8_t *tars_put_string(struct tars_writer *w, uint8_t *p, const struct tars_field *f,
			 const struct tars_str *v)
{
	if (tars_is_omitted(w, f, true) && is_default_string(f, v))
		return p;
	return put_string(w, p, f->tag, v);
}

uint8_t *tars_put_bytes(struct tars_writer *w, uint8_t *p, const struct tars_field *f,
			const struct tars_bytes *v)
{
	return tars_is_omitted(w, f, !v->n) ? p : put_bytes(w, p, f->tag, v);
}

uint8_t *tars_put_member(struct tars_writer *w, uint8_t *p, const struct tars_field *f,
			 const void *v)
{
	if (f->type->kind != TARS_STRUCT &&
	    tars_is_omitted(w, f, !((const struct tars_any_list *)v)->n))
		return p;
	return put_value(w, p, f->tag, f->type, v);
}

/*
 * The walk of the table.  A member that is optional and equal to its default is left out, as
 * tars2cpp does for builtins and containers; bool, enum and struct are always written.
 */
static uint8_t *put_fields(struct tars_writer *w, uint8_t *p, const struct tars_type *t,
			   const char *base)
{
	const struct tars_field *f = t->fields;

	for (unsigned left = t->n_fields; left; f++, left--) {
		const void *v = base + f->offset;

		p = tars_put_room(w, p, 1);
		switch (f->type->kind) {
		case TARS_BOOL:
			p = tars_put_enum(w, p, f, *(const bool *)v);
			break;
		case TARS_ENUM:
			p = tars_put_enum(w, p, f, *(const int32_t *)v);
			break;
		case TARS_I8:
			p = tars_put_int(w, p, f, *(const int8_t *)v);
			break;
		case TARS_I16:
			p = tars_put_int(w, p, f, *(const int16_t *)v);
			break;
		case TARS_I32:
			p = tars_put_int(w, p, f, *(const int32_t *)v);
			break;
		case TARS_I64:
			p = tars_put_int(w, p, f, *(const int64_t *)v);
			break;
		case TARS_U8:
			p = tars_put_int(w, p, f, *(const uint8_t *)v);
			break;
		case TARS_U16:
			p = tars_put_int(w, p, f, *(const uint16_t *)v);
			break;
		case TARS_U32:
			p = tars_put_int(w, p, f, *(const uint32_t *)v);
			break;
		case TARS_F32:
			p = tars_put_float(w, p, f, *(const float *)v);
			break;
		case TARS_F64:
			p = tars_put_double(w, p, f, *(const double *)v);
			break;
		case TARS_STRING:
			p = tars_put_string(w, p, f, v);
			break;
		case TARS_BYTES:
			p = tars_put_bytes(w, p, f, v);
			break;
		default:
			p = tars_put_member(w, p, f, v);
		}
	}
	return p;
}

/* A value without members: the same as the only field of a struct. */
static uint8_t *put_only(struct tars_writer *w, uint8_t *p, uint8_t tag,
			 const struct tars_type *t, const void *value)
{
	const struct tars_field f = { .tag = tag, .flags = TARS_REQUIRED, .type = t };
	const struct tars_type only = { .n_fields = 1, .fields = &f };

	return put_fields(w, p, &only, value);
}

/* One value as a field of its own: an element, a parameter of TUP. */
static uint8_t *put_value(struct tars_writer *w, uint8_t *p, uint8_t tag,
			  const struct tars_type *t, const void *value)
{
	switch (t->kind) {
	case TARS_STRING:
		return put_string(w, p, tag, value);
	case TARS_LIST:
		return put_list(w, p, tag, t, value);
	case TARS_MAP:
		return put_map(w, p, tag, t, value);
	case TARS_STRUCT:
		return put_struct(w, p, tag, t, value);
	default:
		return put_only(w, p, tag, t, value);
	}
}

void codec_put_flat(struct buf *b, const struct tars_type *t, const void *value, int flags)
{
	struct writer w;
	uint8_t *p = writer_start(&w, b, flags);

	writer_end(&w, put_flat(&w.out, p, t, value));
}

void codec_put_field(struct buf *b, uint8_t tag, const struct tars_type *t, const void *value,
		     int flags)
{
	struct writer w;
	uint8_t *p = writer_start(&w, b, flags);

	writer_end(&w, put_value(&w.out, p, tag, t, value));
}

size_t codec_guess(const struct tars_type *t, const void *value)
{
	const struct tars_field *f = t->fields;
	size_t n = 0;

	for (unsigned left = t->n_fields; left; f++, left--) {
		const struct tars_any_list *v = (const void *)((const char *)value + f->offset);

		if (f->type->kind == TARS_STRING || f->type->kind == TARS_BYTES)
			n += v->n;
		else if (f->type->kind == TARS_LIST)
			n += (size_t)v->n * f->type->elem->size;
		else if (f->type->kind == TARS_MAP)
			n += (size_t)v->n * f->type->pair_size;
		n += WIRE_HEAD_MAX + 1;
	}
	return n;
}

void codec_put_int(struct buf *b, uint8_t tag, int64_t v)
{
	b->len = (size_t)(tars_wire_int(buf_reserve(b, WIRE_INT_MAX), tag, v) - b->data);
}

void codec_put_string(struct buf *b, uint8_t tag, const char *p, size_t n)
{
	struct writer w;
	uint8_t *at = writer_start(&w, b, 0);

	BUG_ON(n > UINT32_MAX);
	writer_end(&w, put_string(&w.out, at, tag, &(struct tars_str){ p, (uint32_t)n }));
}

void codec_put_bytes(struct buf *b, uint8_t tag, const uint8_t *p, size_t n)
{
	struct writer w;
	uint8_t *at = writer_start(&w, b, 0);

	BUG_ON(n > INT32_MAX);
	writer_end(&w, put_bytes(&w.out, at, tag, &(struct tars_bytes){ p, (uint32_t)n }));
}

void wire_close_bytes(struct buf *b, size_t mark)
{
	size_t n = buf_size(b) - mark, width = wire_size_width(n), room;
	uint8_t *content, *size;

	BUG_ON(n > INT32_MAX);
	buf_reserve(b, WIRE_SIZE_MAX);
	content = buf_head(b) + mark;
	room = content[-1];
	size = content - room;
	if (width != room && n)
		memmove(size + width, content, n);
	tars_wire_int(size, 0, (int64_t)n);
	b->len = b->len - room + width;
}
