/* Hashes and rings against the recorded answers of the official client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/tars.h"
#include "proto/hash.h"
#include "t/unit/data.h"

#include <openssl/evp.h>

static size_t unhex(const char *hex, char *out, size_t cap)
{
	size_t n = 0;

	for (; *hex; hex += 2) {
		char pair[3] = { hex[0], hex[1] };

		assert_true(n < cap);
		out[n++] = (char)strtol(pair, NULL, 16);
	}
	return n;
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static void test_recorded_hashes(void **state)
{
	struct data d;
	int rows = 0;

	(void)state;
	data_open(&d, "t/data/hash.tsv");
	while (data_next(&d)) {
		char p[1024];
		size_t n = unhex(d.field[0], p, sizeof(p));

		assert_int_equal(d.n, 7);
		assert_int_equal(hash_string(p, n), number(d.field[1]));
		assert_int_equal(tars_hash(p, n), number(d.field[1]));
		assert_int_equal(tars_hash_new(p, n), number(d.field[2]));
		assert_int_equal(hash_string_new(p, n), number(d.field[2]));
		assert_int_equal(hash_string_new(p, n), number(d.field[3]));
		if (strcmp(d.field[4], "-"))
			assert_int_equal(hash_cstring(p, n), number(d.field[4]));
		assert_int_equal(hash_ketama(p, n), number(d.field[5]));
		assert_int_equal(hash_default(p, n), number(d.field[6]));
		rows++;
	}
	assert_int_equal(rows, 203);
}

/* The number as a value of the type of this name. */
static uint64_t hash_int(const char *type, long long n)
{
	if (!strcmp(type, "char"))
		return tars_hash_int((char)n);
	if (!strcmp(type, "schar"))
		return tars_hash_int((signed char)n);
	if (!strcmp(type, "uchar"))
		return tars_hash_int((unsigned char)n);
	if (!strcmp(type, "short"))
		return tars_hash_int((short)n);
	if (!strcmp(type, "ushort"))
		return tars_hash_int((unsigned short)n);
	if (!strcmp(type, "int"))
		return tars_hash_int((int)n);
	if (!strcmp(type, "uint"))
		return tars_hash_int((unsigned)n);
	return *type == 'u' ? tars_hash_int((unsigned long long)n) : tars_hash_int(n);
}

static void test_recorded_integers(void **state)
{
	struct data d;
	int rows = 0;

	(void)state;
	data_open(&d, "t/data/hash-int.tsv");
	while (data_next(&d)) {
		long long n = *d.field[1] == '-' ? strtoll(d.field[1], NULL, 10) :
						   (long long)strtoull(d.field[1], NULL, 10);

		assert_int_equal(hash_int(d.field[0], n), number(d.field[2]));
		rows++;
	}
	assert_int_equal(rows, 31);
}

static enum ring_algorithm build(struct data *d, struct ring *ring, struct arena *a)
{
	enum ring_algorithm alg = strcmp(d->field[1], "ketama") ? RING_DEFAULT : RING_KETAMA;
	struct ring_node nodes[64];
	uint32_t n = 0;

	for (int i = 3; i < d->n; i += 2, n++)
		nodes[n] = (struct ring_node){ d->field[i], (uint32_t)number(d->field[i + 1]) };
	ring_build(ring, alg, nodes, n, a);
	assert_int_equal(ring->n, number(d->field[2]));
	return alg;
}

static uint32_t text_position(enum ring_algorithm alg, const char *text)
{
	uint8_t md[16];

	assert_true(EVP_Q_digest(NULL, "MD5", NULL, text, strlen(text), md, NULL));
	return alg == RING_KETAMA ? hash_ketama(md, sizeof(md)) : hash_default(md, sizeof(md));
}

static void test_recorded_rings(void **state)
{
	enum ring_algorithm alg = RING_KETAMA;
	struct ring ring = { 0 };
	int rings = 0, looked_up = 0;
	struct arena a;
	struct data d;

	(void)state;
	arena_init(&a, NULL, 0);
	data_open(&d, "t/data/ring.tsv");
	while (data_next(&d)) {
		if (!strcmp(d.field[0], "ring")) {
			arena_clear(&a);
			alg = build(&d, &ring, &a);
			rings++;
			continue;
		}
		for (int i = 1; i < d.n; i += 2, looked_up++) {
			uint32_t pos = strcmp(d.field[0], "number") ? text_position(alg, d.field[i])
								    : (uint32_t)number(d.field[i]);

			assert_int_equal(ring_find(&ring, pos), number(d.field[i + 1]));
		}
	}
	assert_int_equal(rings, 20);
	assert_true(looked_up > 2000);
	arena_clear(&a);
}

static void test_ring_edges(void **state)
{
	struct ring_point points[] = { { 10, 0 }, { 20, 1 }, { 30, 2 } };
	struct ring ring = { points, 3 };

	(void)state;
	assert_int_equal(ring_find(&ring, 0), 0);
	assert_int_equal(ring_find(&ring, 10), 0);
	assert_int_equal(ring_find(&ring, 11), 1);
	assert_int_equal(ring_find(&ring, 30), 2);
	assert_int_equal(ring_find(&ring, 31), 0);
	assert_int_equal(ring_find(&ring, UINT32_MAX), 0);
}

static void test_fnv(void **state)
{
	(void)state;
	assert_true(hash_fnv("", 0) == 0xcbf29ce484222325);
	assert_true(hash_fnv("a", 1) == 0xaf63dc4c8601ec8c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_hashes),
		cmocka_unit_test(test_recorded_integers),
		cmocka_unit_test(test_recorded_rings),
		cmocka_unit_test(test_ring_edges),
		cmocka_unit_test(test_fnv),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
