/*
 * Inline encoders of a struct's members, for generated code and the packet heads.
 *
 * Installed in tars_codec.h.  Tags, flags and defaults come from the field's descriptor: where that
 * is a constant the compiler folds them, so the table stays the one place that knows the layout.
 * A writer belongs to one call; its place p lives in a register and goes from function to function.
 * Thread: any.
 */
#ifndef PROTO_MEMBER_PUT_H
#define PROTO_MEMBER_PUT_H

#include <string.h>

#include "proto/type.h"

enum { /* types on the wire; an integer's is the logarithm of its size */
	TARS_WIRE_CHAR, TARS_WIRE_SHORT, TARS_WIRE_INT, TARS_WIRE_LONG, TARS_WIRE_FLOAT,
	TARS_WIRE_DOUBLE, TARS_WIRE_ZERO = 12,
	TARS_ROOM = 12,          /* enough for any number, or for the head of anything else */
};

struct tars_writer {
	uint8_t *end;            /* of the room */
	bool all;                /* write what is optional and equal to its default, too */
};

/* All of these give the place behind what they wrote at p. */

/* Makes `size` bytes of room. */
TARS_API uint8_t *tars_put_grow(struct tars_writer *w, uint8_t *p, size_t size);
/* These make room for themselves, and leave out what is optional and equal to its default. */
TARS_API uint8_t *tars_put_string(struct tars_writer *w, uint8_t *p, const struct tars_field *f,
				  const struct tars_str *v);
TARS_API uint8_t *tars_put_bytes(struct tars_writer *w, uint8_t *p, const struct tars_field *f,
				 const struct tars_bytes *v);
/* A list, map or struct. */
TARS_API uint8_t *tars_put_member(struct tars_writer *w, uint8_t *p, const struct tars_field *f,
				  const void *v);

/* Makes room for n members of fixed size. */
static inline uint8_t *tars_put_room(struct tars_writer *w, uint8_t *p, unsigned n)
{
	if (__builtin_expect((size_t)(w->end - p) < (size_t)n * TARS_ROOM, 0))
		return tars_put_grow(w, p, (size_t)n * TARS_ROOM);
	return p;
}

static inline uint8_t *tars_wire_head(uint8_t *p, unsigned tag, unsigned type)
{
	if (__builtin_expect(tag < 15, 1)) {
		*p = (uint8_t)(tag << 4 | type);
		return p + 1;
	}
	p[0] = (uint8_t)(0xf0 | type);
	p[1] = (uint8_t)tag;
	return p + 2;
}

static inline uint8_t *tars_wire_u16(uint8_t *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline uint8_t *tars_wire_u32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline uint8_t *tars_wire_u64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

/* The smallest form that holds v. */
static inline uint8_t *tars_wire_int(uint8_t *p, unsigned tag, int64_t v)
{
	if (v == (int8_t)v) {
		if (!v)
			return tars_wire_head(p, tag, TARS_WIRE_ZERO);
		p = tars_wire_head(p, tag, TARS_WIRE_CHAR);
		*p = (uint8_t)v;
		return p + 1;
	}
	if (v == (int16_t)v)
		return tars_wire_u16(tars_wire_head(p, tag, TARS_WIRE_SHORT), (uint16_t)v);
	if (v == (int32_t)v)
		return tars_wire_u32(tars_wire_head(p, tag, TARS_WIRE_INT), (uint32_t)v);
	return tars_wire_u64(tars_wire_head(p, tag, TARS_WIRE_LONG), (uint64_t)v);
}

static inline uint8_t *tars_wire_float(uint8_t *p, unsigned tag, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return tars_wire_u32(tars_wire_head(p, tag, TARS_WIRE_FLOAT), bits);
}

static inline uint8_t *tars_wire_double(uint8_t *p, unsigned tag, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return tars_wire_u64(tars_wire_head(p, tag, TARS_WIRE_DOUBLE), bits);
}

static inline bool tars_is_omitted(const struct tars_writer *w, const struct tars_field *f,
				   bool is_default)
{
	return is_default && !(f->flags & (TARS_REQUIRED | TARS_ALWAYS)) && !w->all;
}

/* Integers of every size. */
static inline uint8_t *tars_put_int(struct tars_writer *w, uint8_t *p, const struct tars_field *f,
				    int64_t v)
{
	return tars_is_omitted(w, f, v == f->i) ? p : tars_wire_int(p, f->tag, v);
}

/* bool and enums, whose C type may be unsigned: written always. */
static inline uint8_t *tars_put_enum(struct tars_writer *w, uint8_t *p, const struct tars_field *f,
				     int64_t v)
{
	(void)w;
	return tars_wire_int(p, f->tag, (int32_t)v);
}

static inline uint8_t *tars_put_float(struct tars_writer *w, uint8_t *p,
				      const struct tars_field *f, float v)
{
	return tars_is_omitted(w, f, v == (float)f->f) ? p : tars_wire_float(p, f->tag, v);
}

static inline uint8_t *tars_put_double(struct tars_writer *w, uint8_t *p,
				       const struct tars_field *f, double v)
{
	return tars_is_omitted(w, f, v == f->f) ? p : tars_wire_double(p, f->tag, v);
}

#endif
