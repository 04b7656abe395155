/*
 * Hashes and the consistent-hash ring, bit-compatible with the official C++ client (contract 11.3).
 *
 * A caller that routes by hash picks the number itself: integers are used as they are (a negative
 * one as its 64-bit two's complement), texts through one of the hash_string functions.  MD5 comes
 * from OpenSSL.  Rings are immutable after ring_build.  Thread: any.
 */
#ifndef PROTO_HASH_H
#define PROTO_HASH_H

#include "proto/arena.h"

/* tars::hash<string>; in all hash_string functions bytes count as signed char. */
uint64_t hash_string(const char *p, size_t n);
/* tars::hash_new<string>, which is also magic_string_hash; never 0. */
uint64_t hash_string_new(const char *p, size_t n);
/* tars::hash<const char *>. */
uint64_t hash_cstring(const char *p, size_t n);
/* TC_KetamaHashAlg / TC_DefaultHashAlg over bytes. */
uint32_t hash_ketama(const void *p, size_t n);
uint32_t hash_default(const void *p, size_t n);
/* FNV-1a, for our own tables; not stable across versions. */
uint64_t hash_fnv(const void *p, size_t n);

struct ring_node {
	const char *name;
	uint32_t virtual_nodes; /* of an endpoint: max(weight / 4, 1), 25 without a weight */
};
struct ring_point {
	uint32_t pos, node;   /* index into the nodes given */
};
struct ring {
	struct ring_point *v; /* sorted by pos */
	uint32_t n;
};
enum ring_algorithm { RING_KETAMA, RING_DEFAULT };

/* As TC_ConsistentHashNew: addNode(name, i, virtual_nodes) for each, then sortNode().  ketama makes
 * four points of a virtual node, default makes one. */
void ring_build(struct ring *r, enum ring_algorithm alg, const struct ring_node *nodes, uint32_t n,
		struct arena *a);
/* Index in v of the point that a position, used as it is, belongs to; r->n must not be 0. */
uint32_t ring_at(const struct ring *r, uint32_t pos);
/* Its node. */
uint32_t ring_find(const struct ring *r, uint32_t pos);

#endif
