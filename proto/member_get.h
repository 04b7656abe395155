/*
 * Inline decoders of a struct's members, for generated code and the packet heads.
 *
 * Installed in tars_codec.h.  They take the common case, the value that is expected next, away from
 * the end of the input; everything else, and each error, is tars_get_member's.  After an error the
 * reader is at the end of its input, so what follows leaves its members alone.
 * A reader belongs to one call.  Thread: any.
 */
#ifndef PROTO_MEMBER_GET_H
#define PROTO_MEMBER_GET_H

#include "proto/member_put.h"

struct tars_reader {
	const uint8_t *end;      /* of the input; after an error: where that is */
};

/* All of these give the place behind what they read at p. */

/* Any member; an absent one gets its default, or is an error if it is required. */
TARS_API const uint8_t *tars_get_member(struct tars_reader *r, const uint8_t *p,
					const struct tars_field *f, void *v);
TARS_API const uint8_t *tars_get_string(struct tars_reader *r, const uint8_t *p,
					const struct tars_field *f, struct tars_str *v);

/* Type of the value at p if its head has this tag, else more than 15. */
static inline unsigned tars_wire_type(const uint8_t *p, unsigned tag)
{
	if (__builtin_expect(tag < 15, 1))
		return p[0] ^ tag << 4;
	return p[1] == tag ? p[0] ^ 0xf0u : 16;
}

/*
 * The integer of `size` bytes at p.  As many bytes as the largest has are read, whatever the size,
 * and shifted: 8 * (largest - size) bits.  `widest` is a constant.
 */
static inline int64_t tars_wire_signed(const uint8_t *p, unsigned size, unsigned widest)
{
	uint64_t wide;
	uint32_t narrow;

	switch (widest) {
	case TARS_WIRE_CHAR:
		return (int8_t)*p;
	case TARS_WIRE_SHORT:
		return (int16_t)(p[0] << 8 | p[1]) >> (8 * (2 - size));
	case TARS_WIRE_INT:
		memcpy(&narrow, p, sizeof(narrow));
		return (int32_t)__builtin_bswap32(narrow) >> (8 * (4 - size));
	default:
		memcpy(&wide, p, sizeof(wide));
		return (int64_t)__builtin_bswap64(wide) >> (8 * (8 - size));
	}
}

/* The integer at p with this tag, of a type up to `widest`; NULL if that is not what is there. */
static inline const uint8_t *tars_take_int(const struct tars_reader *r, const uint8_t *p,
					   unsigned tag, unsigned widest, int64_t *v)
{
	unsigned type;

	if (__builtin_expect(r->end - p < 2 + (1 << widest), 0))
		return NULL;
	type = tars_wire_type(p, tag);
	p += tag < 15 ? 1 : 2;
	if (__builtin_expect(type <= widest, 1)) {
		size_t size = (size_t)1 << type;

		*v = tars_wire_signed(p, (unsigned)size, widest);
		return p + size;
	}
	*v = 0;
	return type == TARS_WIRE_ZERO ? p : NULL;
}

#define TARS_GET_INT(name, ctype, widest) \
	static inline const uint8_t *tars_get_##name(struct tars_reader *r, const uint8_t *p, \
						     const struct tars_field *f, ctype *v) \
	{ \
		int64_t wide; \
		const uint8_t *next = tars_take_int(r, p, f->tag, widest, &wide); \
\
		if (__builtin_expect(!next || wide != (ctype)wide, 0)) \
			return tars_get_member(r, p, f, v); \
		*v = (ctype)wide; \
		return next; \
	}

TARS_GET_INT(byte, int8_t, TARS_WIRE_CHAR)
TARS_GET_INT(short, int16_t, TARS_WIRE_SHORT)
TARS_GET_INT(int, int32_t, TARS_WIRE_INT)
TARS_GET_INT(long, int64_t, TARS_WIRE_LONG)
TARS_GET_INT(ubyte, uint8_t, TARS_WIRE_SHORT)
TARS_GET_INT(ushort, uint16_t, TARS_WIRE_INT)
TARS_GET_INT(uint, uint32_t, TARS_WIRE_LONG)
#undef TARS_GET_INT

static inline const uint8_t *tars_get_bool(struct tars_reader *r, const uint8_t *p,
					   const struct tars_field *f, bool *v)
{
	int64_t wide;
	const uint8_t *next = tars_take_int(r, p, f->tag, TARS_WIRE_CHAR, &wide);

	if (__builtin_expect(!next, 0))
		return tars_get_member(r, p, f, v);
	*v = wide;
	return next;
}

/* v: an enum of the size of an int. */
static inline const uint8_t *tars_get_enum(struct tars_reader *r, const uint8_t *p,
					   const struct tars_field *f, void *v)
{
	return tars_get_int(r, p, f, (int32_t *)v);
}

static inline const uint8_t *tars_get_float(struct tars_reader *r, const uint8_t *p,
					    const struct tars_field *f, float *v)
{
	uint32_t bits;

	if (r->end - p < 2 + 4 || tars_wire_type(p, f->tag) != TARS_WIRE_FLOAT)
		return tars_get_member(r, p, f, v);
	p += f->tag < 15 ? 1 : 2;
	memcpy(&bits, p, sizeof(bits));
	bits = __builtin_bswap32(bits);
	memcpy(v, &bits, sizeof(bits));
	return p + sizeof(bits);
}

static inline const uint8_t *tars_get_double(struct tars_reader *r, const uint8_t *p,
					     const struct tars_field *f, double *v)
{
	uint64_t bits;

	if (r->end - p < 2 + 8 || tars_wire_type(p, f->tag) != TARS_WIRE_DOUBLE)
		return tars_get_member(r, p, f, v);
	p += f->tag < 15 ? 1 : 2;
	memcpy(&bits, p, sizeof(bits));
	bits = __builtin_bswap64(bits);
	memcpy(v, &bits, sizeof(bits));
	return p + sizeof(bits);
}

#endif
