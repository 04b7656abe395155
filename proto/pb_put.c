/* Values to protobuf messages, by type descriptors. */
#include "proto/pb.h"

#include <string.h>

#include "proto/path.h"
#include "proto/text.h"

struct putter {
	struct buf *b;
	struct err *e;
	unsigned depth;
	struct path path;
};

/* ---- the mapping ---- */

enum pb_wire pb_wire_of(const struct tars_type *t)
{
	switch (t->kind) {
	case TARS_F32:
		return PB_FIXED32;
	case TARS_F64:
		return PB_FIXED64;
	case TARS_STRING:
	case TARS_BYTES:
	case TARS_LIST:
	case TARS_MAP:
	case TARS_STRUCT:
		return PB_BYTES;
	default:
		return PB_VARINT;
	}
}

bool pb_is_optional(const struct tars_field *f)
{
	return f->flags & TARS_HAS_DEFAULT || f->i || f->f != 0 || (f->s && *f->s);
}

const struct tars_type *pb_element(const struct tars_type *container, struct pb_message *room)
{
	if (container->kind == TARS_LIST && container->elem->kind == TARS_STRUCT)
		return container->elem;
	memset(room, 0, sizeof(*room));
	room->type.name = container->name;
	room->type.kind = TARS_STRUCT;
	room->type.size = (uint32_t)pb_element_size(container);
	room->type.fields = room->fields;
	if (container->kind == TARS_MAP) {
		room->type.n_fields = 2;
		/* Written even if 0, as others do. */
		room->fields[0].flags = room->fields[1].flags = TARS_HAS_DEFAULT;
		room->fields[0].name = "key";
		room->fields[0].type = container->key;
		room->fields[1].name = "value";
		room->fields[1].tag = 1;
		room->fields[1].offset = container->val_offset;
		room->fields[1].type = container->elem;
	} else {
		room->type.n_fields = 1;
		room->fields[0].name = "value";
		room->fields[0].type = container->elem;
	}
	return &room->type;
}

/* ---- writing ---- */

static void put_varint(struct buf *b, uint64_t v)
{
	uint8_t *p = buf_reserve(b, 10), *start = p;

	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	b->len += (size_t)(p - start);
}

static void put_key(struct buf *b, unsigned number, enum pb_wire wire)
{
	put_varint(b, number << 3 | wire);
}

/* Length-delimited: the length goes in front of what end_length() finds there. */
static size_t begin_length(struct buf *b)
{
	return buf_size(b);
}

static void end_length(struct buf *b, size_t mark)
{
	size_t n = buf_size(b) - mark, need = 1;
	uint8_t *start;

	for (uint64_t v = n; v >= 0x80; v >>= 7)
		need++;
	buf_reserve(b, need);
	start = buf_head(b) + mark;
	memmove(start + need, start, n);
	b->len = b->pos + mark;
	put_varint(b, n);
	b->len += n;
}

static void put_fixed(struct buf *b, uint64_t v, size_t n)
{
	uint8_t *p = buf_reserve(b, n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	b->len += n;
}

/* What a varint holds: negative numbers as 64 bits. */
static uint64_t varint_of(const struct tars_type *t, const void *value)
{
	switch (t->kind) {
	case TARS_BOOL:
		return *(const bool *)value;
	case TARS_I8:
		return (uint64_t)(int64_t)*(const int8_t *)value;
	case TARS_I16:
		return (uint64_t)(int64_t)*(const int16_t *)value;
	case TARS_I32:
	case TARS_ENUM:
		return (uint64_t)(int64_t)*(const int32_t *)value;
	case TARS_U8:
		return *(const uint8_t *)value;
	case TARS_U16:
		return *(const uint16_t *)value;
	case TARS_U32:
		return *(const uint32_t *)value;
	default:
		return (uint64_t)*(const int64_t *)value;
	}
}

static void put_number(struct buf *b, const struct tars_type *t, const void *value)
{
	uint64_t bits = 0;

	if (pb_wire_of(t) == PB_VARINT) {
		put_varint(b, varint_of(t, value));
	} else {
		memcpy(&bits, value, t->size);
		if (t->size == 4) {
			uint32_t bits32;

			memcpy(&bits32, value, sizeof(bits32));
			bits = bits32;
		}
		put_fixed(b, bits, t->size);
	}
}

static bool is_zero(const struct tars_type *t, const void *value)
{
	switch (t->kind) {
	case TARS_STRING:
	case TARS_BYTES:
		return !((const struct tars_str *)value)->n;
	case TARS_STRUCT:
		return false;
	case TARS_F32:
	case TARS_F64: {
		/* -0 is not 0. */
		static const uint8_t zero[8];

		return !memcmp(value, zero, t->size);
	}
	default:
		return !varint_of(t, value);
	}
}

static int put_message(struct putter *k, const struct tars_type *t, const char *value);

static int put_text(struct putter *k, const struct tars_type *t, const struct tars_str *s)
{
	if (t->kind == TARS_STRING && !text_is_utf8(s->p, s->n))
		return err_set(k->e, TARS_EPROTO, "the text is not UTF-8");
	put_varint(k->b, s->n);
	buf_add(k->b, s->p, s->n);
	return 0;
}

static int put_nested(struct putter *k, unsigned number, const struct tars_type *t,
		      const void *value)
{
	size_t mark;
	int rc;

	put_key(k->b, number, PB_BYTES);
	mark = begin_length(k->b);
	rc = put_message(k, t, value);
	end_length(k->b, mark);
	return rc;
}

static int put_single(struct putter *k, unsigned number, const struct tars_type *t,
		      const void *value)
{
	if (t->kind == TARS_STRUCT)
		return put_nested(k, number, t, value);
	put_key(k->b, number, pb_wire_of(t));
	if (pb_wire_of(t) == PB_BYTES)
		return put_text(k, t, value);
	put_number(k->b, t, value);
	return 0;
}

static void put_packed(struct buf *b, unsigned number, const struct tars_type *t,
		       const struct tars_any_list *list)
{
	const char *elem = list->v;
	size_t mark;

	put_key(b, number, PB_BYTES);
	mark = begin_length(b);
	for (uint32_t i = 0; i < list->n; i++, elem += t->elem->size)
		put_number(b, t->elem, elem);
	end_length(b, mark);
}

static int put_repeated(struct putter *k, unsigned number, const struct tars_type *t,
			const struct tars_any_list *list)
{
	bool is_text = t->kind == TARS_LIST &&
		       (t->elem->kind == TARS_STRING || t->elem->kind == TARS_BYTES);
	struct pb_message room;
	const struct tars_type *message;
	const char *elem = list->v;

	if (!list->n)
		return 0;
	if (pb_is_packed(t)) {
		put_packed(k->b, number, t, list);
		return 0;
	}
	message = is_text ? t->elem : pb_element(t, &room);
	for (uint32_t i = 0; i < list->n; i++, elem += pb_element_size(t)) {
		int rc = put_single(k, number, message, elem);

		if (rc) {
			path_index(&k->path, i);
			return rc;
		}
	}
	return 0;
}

static int put_message(struct putter *k, const struct tars_type *t, const char *value)
{
	if (k->depth++ == CODEC_MAX_DEPTH)
		return err_set(k->e, TARS_EPROTO, "the value is nested deeper than %d",
			       (int)CODEC_MAX_DEPTH);
	for (uint16_t i = 0; i < t->n_fields; i++) {
		const struct tars_field *f = &t->fields[i];
		const char *member = value + f->offset;
		int rc = 0;

		if (pb_is_repeated(f->type))
			rc = put_repeated(k, f->tag + 1u, f->type,
					  (const struct tars_any_list *)member);
		else if (pb_is_optional(f) || !is_zero(f->type, member))
			rc = put_single(k, f->tag + 1u, f->type, member);
		if (rc) {
			path_name(&k->path, path_field(f));
			return rc;
		}
	}
	k->depth--;
	return 0;
}

int pb_put(struct buf *b, const struct tars_type *t, const void *value, struct err *e)
{
	struct putter k = { .b = b, .e = e };
	size_t start = buf_size(b);
	int rc;

	path_init(&k.path);
	rc = put_message(&k, t, value);
	if (!rc)
		return 0;
	b->len = b->pos + start;
	return path_wrap(&k.path, e, rc);
}
