/* Hashes and the consistent-hash ring of the official client. */
#include "proto/hash.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "proto/buf.h"
#include "proto/err.h"

uint64_t hash_string(const char *p, size_t n)
{
	uint64_t h = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t high;

		h = (h << 4) + (uint64_t)(signed char)p[i];
		high = h & 0xf0000000;
		if (high)
			h ^= high ^ high >> 24;
	}
	return h;
}

uint64_t hash_string_new(const char *p, size_t n)
{
	uint32_t h = 0;

	for (size_t i = 0; i < n; i++) {
		h += (uint32_t)(signed char)p[i];
		h += h << 10;
		h ^= h >> 6;
	}
	h += h << 3;
	h ^= h >> 11;
	h += h << 15;
	return h ? h : 1;
}

uint64_t hash_cstring(const char *p, size_t n)
{
	uint64_t h = 0;

	for (size_t i = 0; i < n; i++)
		h = 5 * h + (uint64_t)(signed char)p[i];
	return h;
}

uint64_t hash_fnv(const void *p, size_t n)
{
	const uint8_t *bytes = p;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		h = (h ^ bytes[i]) * 0x100000001b3;
	return h;
}

/* The digest as the four little-endian numbers that the official code makes of it. */
static void md5(uint32_t out[4], const void *p, size_t n)
{
	uint8_t d[16];

	/* "-fips": it places nodes on a ring and protects nothing, so no policy need object. */
	BUG_ON(!EVP_Q_digest(NULL, "MD5", "-fips", p, n, d, NULL));
	for (int i = 0; i < 4; i++)
		out[i] = d[4 * i] | (uint32_t)d[4 * i + 1] << 8 | (uint32_t)d[4 * i + 2] << 16 |
			 (uint32_t)d[4 * i + 3] << 24;
}

uint32_t hash_ketama(const void *p, size_t n)
{
	uint32_t d[4];

	md5(d, p, n);
	return d[0];
}

uint32_t hash_default(const void *p, size_t n)
{
	uint32_t d[4];

	md5(d, p, n);
	return d[0] ^ d[1] ^ d[2] ^ d[3];
}

static int point_compare(const void *a, const void *b)
{
	const struct ring_point *x = a, *y = b;

	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

void ring_build(struct ring *r, enum ring_algorithm alg, const struct ring_node *nodes, uint32_t n,
		struct arena *a)
{
	uint32_t per_node = alg == RING_KETAMA ? 4 : 1;
	struct buf key = BUF_INIT;
	uint64_t total = 0;

	for (uint32_t i = 0; i < n; i++)
		total += (uint64_t)nodes[i].virtual_nodes * per_node;
	BUG_ON(total > UINT32_MAX);
	r->v = arena_alloc_raw(a, total * sizeof(*r->v));
	r->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < nodes[i].virtual_nodes; j++) {
			uint32_t d[4];

			buf_clear(&key);
			buf_addf(&key, "%s_%u", nodes[i].name, j);
			md5(d, buf_head(&key), buf_size(&key));
			if (alg == RING_DEFAULT)
				d[0] ^= d[1] ^ d[2] ^ d[3];
			for (uint32_t k = 0; k < per_node; k++)
				r->v[r->n++] = (struct ring_point){ .pos = d[k], .node = i };
		}
	}
	buf_release(&key);
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), point_compare);
}

uint32_t ring_at(const struct ring *r, uint32_t pos)
{
	uint32_t low = 0, high = r->n;

	BUG_ON(!r->n);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (r->v[middle].pos < pos)
			low = middle + 1;
		else
			high = middle;
	}
	return low == r->n ? 0 : low;
}

uint32_t ring_find(const struct ring *r, uint32_t pos)
{
	return r->v[ring_at(r, pos)].node;
}
