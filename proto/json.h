/*
 * JSON <-> values by type descriptors, over jansson (iVersion 5, HTTP, tools).
 *
 *   kind            written as                      also read
 *   integers        exact number                    1e3, 5.0; for long "123", for JavaScript
 *   float, double   shortest exact number           any finite number in range
 *   enum            number                          its name
 *   vector<byte>    array of -128..127              0..255, "00ff" (hex), "base64:AP8=",
 *                                                   {"$b64": "AP8="}
 *   map             object; keys that are no        array of {"key":..,"value":..}
 *                   strings as JSON text
 *   struct          object in field order           null for an optional member
 *   return value    member "tars_ret"               member ""
 *
 * Text must be UTF-8, doubled members are an error.  Code: json_put.c, json_get.c.  Thread: any.
 */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include <jansson.h>

#include "proto/codec.h"

enum {
	JSON_MAX_DEPTH = 64,
	JSON_MAX_MEMORY = 256 << 20, /* of elements, when the size of the text is not known */
	JSON_MAX_TREE = 64 << 20,    /* of jansson's values for parameters, as a guess from the text */
};

/* New reference; NULL with *e set (a string that is not UTF-8, a number that is not finite). */
json_t *json_from_value(const struct tars_type *t, const void *value, struct err *e);
/*
 * Absent members get their defaults, after an error all of them; strings and arrays go to the
 * arena.  Unknown members are an error with the nearest known name, required ones must be there.
 * Error: TARS_EPROTO with the path of the member.
 */
int json_to_value(const json_t *json, const struct tars_type *t, void *value, struct arena *a,
		  struct err *e);

/* Text forms. */
int json_put(struct buf *b, const struct tars_type *t, const void *value, size_t dump_flags,
	     struct err *e);
int json_get(const char *text, size_t n, const struct tars_type *t, void *value, struct arena *a,
	     struct err *e);
/*
 * Parameters that a peer sent: as official servers do, takes null for {} and ignores unknown
 * members, since callers may send the out parameters along.  A text whose values would take more
 * than JSON_MAX_TREE (a long string does not; "[[],[],[]..." does, forty times its size) is refused
 * before it is read.
 */
int json_get_params(const char *text, size_t n, const struct tars_type *t, void *value,
		    struct arena *a, struct err *e);

#endif
