/*
 * TARS wire encoding driven by type descriptors (bytes: proto/README.md).
 *
 * Readers are total: any byte string gives a value or a clear error, in bounded memory and depth.
 * They are tolerant where the official C++ reader is: narrower integers, Zero for any number, Float
 * for double, List for vector<byte>; a type wider than the field is an error.  Decoded strings are
 * copied into the arena and NUL-terminated; bytes point into the input, which must outlive the
 * value.  Code: codec_put.c, codec_get.c, cursor.c.  Thread: any; values belong to the caller.
 */
#ifndef PROTO_CODEC_H
#define PROTO_CODEC_H

#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/err.h"
#include "proto/type.h"

enum {
	CODEC_MAX_DEPTH = 64,          /* nested containers and structs */
	CODEC_MAX_STRING = 100 << 20,  /* as in the official SDKs */
	/* Decoded elements may not take more than this many times the bytes of the input:
	 * a list of 1-byte structs must not blow up into gigabytes. */
	CODEC_MAX_EXPANSION = 64,
	CODEC_FREE_EXPANSION = 1 << 20, /* so much is allowed however small the input is */
	CODEC_MAX_MEMORY = 1 << 30,     /* and never more than this, however large it is */
};

/* Wire types: the low nibble of a head. */
enum wire_type {
	WIRE_CHAR, WIRE_SHORT, WIRE_INT, WIRE_LONG, WIRE_FLOAT, WIRE_DOUBLE, WIRE_STRING1,
	WIRE_STRING4, WIRE_MAP, WIRE_LIST, WIRE_STRUCT_BEGIN, WIRE_STRUCT_END, WIRE_ZERO,
	WIRE_SIMPLE_LIST,
};

enum codec_flags {
	/* Write optional members that equal their default: TarsJava loses IDL defaults. */
	CODEC_WRITE_DEFAULTS = 1 << 0,
};

/* A struct's fields without StructBegin/End: packets, parameters, keepers of a body. */
void codec_put_flat(struct buf *b, const struct tars_type *t, const void *value, int flags);
/* A value as the field with this tag. */
void codec_put_field(struct buf *b, uint8_t tag, const struct tars_type *t, const void *value,
		     int flags);

/* About how many bytes codec_put_flat will write: good where texts and bytes are most of them. */
size_t codec_guess(const struct tars_type *t, const void *value);

/*
 * Reads a flat struct from data[0..n).  Absent members get their defaults, after an error all of
 * them; unknown tags are skipped; tags must ascend, as for the official reader; what follows the
 * last known field is not looked at.  Fields whose flags have TARS_REQUIRED must be there.
 * Error: TARS_EPROTO with the path of the field ("info.list[3].name: ...").
 */
int codec_get_flat(const uint8_t *data, size_t n, const struct tars_type *t, void *value,
		   struct arena *a, struct err *e);
/* The same for data that stays as long as the value and is used up by it: long texts are ended in
 * place and not copied, so data[n] is the caller's, too. */
int codec_get_kept(uint8_t *data, size_t n, const struct tars_type *t, void *value,
		   struct arena *a, struct err *e);
/* What the elements of n bytes of input may take. */
static inline size_t codec_budget(size_t n)
{
	return n < CODEC_MAX_MEMORY / CODEC_MAX_EXPANSION ?
	       n * CODEC_MAX_EXPANSION + CODEC_FREE_EXPANSION : CODEC_MAX_MEMORY;
}
/* Reads the field with this tag; an absent one is an error. */
int codec_get_field(const uint8_t *data, size_t n, uint8_t tag, const struct tars_type *t,
		    void *value, struct arena *a, struct err *e);

/* Primitive writers, for packet heads and hand-tuned places. */
void codec_put_int(struct buf *b, uint8_t tag, int64_t v); /* narrowed */
void codec_put_string(struct buf *b, uint8_t tag, const char *p, size_t n);
void codec_put_bytes(struct buf *b, uint8_t tag, const uint8_t *p, size_t n);

/*
 * Cursor over fields, for packet heads and for printing unknown data.
 * cursor_head: 1 = a field, 0 = end of input, negative = error.  cursor_skip skips its payload.
 */
struct cursor {
	const uint8_t *pos, *end;
	struct err *e;
};
int cursor_head(struct cursor *c, uint8_t *tag, uint8_t *type);
int cursor_skip(struct cursor *c, uint8_t type);
int cursor_int(struct cursor *c, uint8_t type, int64_t *v);
int cursor_string(struct cursor *c, uint8_t type, struct tars_str *s); /* points into the input */
int cursor_bytes(struct cursor *c, uint8_t type, struct tars_bytes *v); /* points into the input */

#endif
