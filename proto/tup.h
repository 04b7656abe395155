/*
 * TUP bodies: UniAttribute maps by parameter name, version 3 (bytes: proto/README.md).
 *
 * Thread: any.  Decoded values follow the rules of codec.h.
 */
#ifndef PROTO_TUP_H
#define PROTO_TUP_H

#include "proto/codec.h"

/* A flat struct (parameters) as map<name, bytes> at tag 0; the return value has the name "" and,
 * with `tars_ret`, also "tars_ret". */
void tup_put(struct buf *b, const struct tars_type *t, const void *value, bool tars_ret);
/* Missing names keep defaults, unless their field is TARS_REQUIRED: then TARS_ENOTFOUND, or
 * TARS_EPROTO if the body is empty. */
int tup_get(const uint8_t *data, size_t n, const struct tars_type *t, void *value, struct arena *a,
	    struct err *e);

/* The parameters as they stand in a body: bytes point into it, each is a field with tag 0. */
struct tup_attribute {
	struct tars_str name;
	struct tars_bytes value;
};
struct tup_attributes {
	struct tup_attribute *v;
	uint32_t n;
};
int tup_parse(const uint8_t *data, size_t n, struct tup_attributes *all, struct arena *a,
	      struct err *e);

#endif
