/*
 * Wire primitives shared by the codec, the packet heads and TUP; internal to proto/.
 *
 * Inline, because a field costs only a few nanoseconds: heads and integers are written without a
 * check into room reserved before (WIRE_INT_MAX bytes each), and read with one check each.
 * A reader belongs to one decoding call.  Thread: any.
 *
 *   tag < 15:  | tag:4 type:4 | payload        tag >= 15:  | 15:4 type:4 | tag:8 | payload
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "proto/codec.h"
#include "proto/member_get.h"
#include "proto/path.h"

enum {
	WIRE_HEAD_MAX = 2,
	WIRE_INT_MAX = WIRE_HEAD_MAX + 8,
	WIRE_SIZE_MAX = 1 + 4,                         /* size of a container: an int with tag 0 */
	WIRE_BYTES_HEAD_MAX = WIRE_HEAD_MAX + 1 + WIRE_SIZE_MAX,
};

/* Head of a string: at most WIRE_HEAD_MAX + 4 bytes. */
static inline uint8_t *wire_put_string_head(uint8_t *p, uint8_t tag, size_t n)
{
	if (n > UINT8_MAX)
		return tars_wire_u32(tars_wire_head(p, tag, WIRE_STRING4), (uint32_t)n);
	p = tars_wire_head(p, tag, WIRE_STRING1);
	*p = (uint8_t)n;
	return p + 1;
}

static inline uint8_t *wire_put_bytes_head(uint8_t *p, uint8_t tag, size_t n)
{
	p = tars_wire_head(p, tag, WIRE_SIMPLE_LIST);
	p = tars_wire_head(p, 0, WIRE_CHAR);
	return tars_wire_int(p, 0, (int64_t)n);
}

/* What the size of a container takes. */
static inline size_t wire_size_width(size_t n)
{
	return !n ? 1 : n <= INT8_MAX ? 2 : n <= INT16_MAX ? 3 : WIRE_SIZE_MAX;
}

/*
 * A vector<byte> whose content is appended in place.  wire_open_bytes takes WIRE_BYTES_HEAD_MAX at
 * most; it leaves room for the size that is expected and notes how much in the last byte of that.
 * wire_close_bytes fills it in, and moves the content where the guess was wrong.  The mark is the
 * content's offset from buf_head, which growing may move.
 */
static inline uint8_t *wire_open_bytes(uint8_t *p, uint8_t tag, size_t expected)
{
	size_t width = wire_size_width(expected);

	p = tars_wire_head(p, tag, WIRE_SIMPLE_LIST);
	p = tars_wire_head(p, 0, WIRE_CHAR) + width;
	p[-1] = (uint8_t)width;
	return p;
}

void wire_close_bytes(struct buf *b, size_t mark);

/* "Int", "StructBegin" ... */
const char *wire_name(uint8_t type);

/* Errors; inline down to the constant, so that the compiler sees that they are not 0. */
void wire_note_truncated(struct cursor *c);
void wire_note_mismatch(struct cursor *c, const char *wanted, uint8_t type);

static inline int wire_truncated(struct cursor *c)
{
	wire_note_truncated(c);
	return TARS_EPROTO;
}

static inline int wire_mismatch(struct cursor *c, const char *wanted, uint8_t type)
{
	wire_note_mismatch(c, wanted, type);
	return TARS_EPROTO;
}

static inline uint16_t wire_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t wire_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t wire_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline size_t wire_left(const struct cursor *c)
{
	return (size_t)(c->end - c->pos);
}

/* 1 = a head, 0 = end of input, negative = error. */
static inline int wire_get_head(struct cursor *c, uint8_t *tag, uint8_t *type)
{
	if (c->pos == c->end)
		return 0;
	*type = *c->pos & 0x0f;
	*tag = *c->pos++ >> 4;
	if (__builtin_expect(*tag == 15, 0)) {
		if (c->pos == c->end)
			return wire_truncated(c);
		*tag = *c->pos++;
	}
	return 1;
}

static inline int wire_get_int(struct cursor *c, uint8_t type, int64_t *v)
{
	size_t left = wire_left(c);

	switch (type) {
	case WIRE_ZERO:
		*v = 0;
		return 0;
	case WIRE_CHAR:
		if (left < 1)
			return wire_truncated(c);
		*v = (int8_t)*c->pos++;
		return 0;
	case WIRE_SHORT:
		if (left < 2)
			return wire_truncated(c);
		*v = (int16_t)wire_u16(c->pos);
		c->pos += 2;
		return 0;
	case WIRE_INT:
		if (left < 4)
			return wire_truncated(c);
		*v = (int32_t)wire_u32(c->pos);
		c->pos += 4;
		return 0;
	case WIRE_LONG:
		if (left < 8)
			return wire_truncated(c);
		*v = (int64_t)wire_u64(c->pos);
		c->pos += 8;
		return 0;
	default:
		return wire_mismatch(c, "an integer", type);
	}
}

/* cursor_string with the common short form inline. */
static inline int wire_get_string(struct cursor *c, uint8_t type, struct tars_str *s)
{
	uint8_t n;

	if (type != WIRE_STRING1 || c->pos == c->end)
		return cursor_string(c, type, s);
	n = *c->pos;
	if (wire_left(c) - 1 < n)
		return cursor_string(c, type, s);
	*s = (struct tars_str){ (const char *)c->pos + 1, n };
	c->pos += 1 + n;
	return 0;
}

/* Number of elements of a container, each of which takes at least min_size more bytes. */
int wire_get_count(struct cursor *c, size_t min_size, uint32_t *n);

/* So many long texts of one call may stay where they are; the rest is copied. */
enum { READER_ENDS = 8, READER_LONG_TEXT = 512 };

/* State of one decoding call. */
struct reader {
	struct tars_reader in;   /* what generated code sees */
	struct arena *arena;
	struct err *e;
	int rc;
	unsigned depth;
	size_t budget;           /* bytes that elements of containers may still take */
	struct path path;
	/* Where texts that stay in the input get their NUL when all is read: until then the head of
	 * the next field is there. */
	unsigned n_ends, max_ends;
	const uint8_t *ends[READER_ENDS];
};

/* Gives where to start reading. */
const uint8_t *reader_init(struct reader *r, const uint8_t *data, size_t n, struct arena *a,
			   struct err *e);

#endif
