/*
 * Protobuf wire encoding of values by type descriptors, for gRPC.
 *
 * A struct, and the parameters or results of a function, are a message; the number of a field is
 * its tag + 1, so IDL files need no change.
 *
 *   IDL                          protobuf
 *   bool, byte, short, int       bool, int32
 *   long; unsigned types; enum   int64; uint32; enum
 *   float, double, string        the same
 *   vector<byte>                 bytes
 *   vector<T>                    repeated T, packed for numbers
 *   map<K, V>                    repeated message { K key = 1; V value = 2; }: what map<K, V> is
 *   a container in a vector      message { <container> value = 1; }
 *   struct                       message
 *   default that is not 0        optional: absent means the default; elsewhere it means 0
 *
 * "require" says nothing here, since 0 and absent look alike.  Of a field that comes twice the last
 * counts; unknown ones are skipped.  Decoded strings are copied and NUL-terminated, bytes point
 * into the input, limits are those of codec.h.  Code: pb_put.c, pb_get.c.  Thread: any.
 */
#ifndef PROTO_PB_H
#define PROTO_PB_H

#include "proto/codec.h"

/* t: STRUCT.  TARS_EPROTO with the path of a string that is not UTF-8, which protobuf's must be. */
int pb_put(struct buf *b, const struct tars_type *t, const void *value, struct err *e);
/* After an error all members have their defaults.  TARS_EPROTO with the path of the field. */
int pb_get(const uint8_t *data, size_t n, const struct tars_type *t, void *value, struct arena *a,
	   struct err *e);

/* ---- shared by the two, and by who describes the mapping ---- */

enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

enum pb_wire pb_wire_of(const struct tars_type *t);
static inline bool pb_is_repeated(const struct tars_type *t)
{
	return t->kind == TARS_LIST || t->kind == TARS_MAP;
}
/* Numbers of a list go into one field. */
static inline bool pb_is_packed(const struct tars_type *list)
{
	return list->kind == TARS_LIST && !pb_is_repeated(list->elem) &&
	       pb_wire_of(list->elem) != PB_BYTES;
}
/* Absent does not mean 0. */
bool pb_is_optional(const struct tars_field *f);

/* The message that stands for an element of a list or a pair of a map; room for what is made up. */
struct pb_message {
	struct tars_type type;
	struct tars_field fields[2];
};
const struct tars_type *pb_element(const struct tars_type *container, struct pb_message *room);
/* Size of an element in C. */
static inline size_t pb_element_size(const struct tars_type *container)
{
	return container->kind == TARS_MAP ? container->pair_size : container->elem->size;
}

#endif
