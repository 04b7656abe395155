/* Straight-line code against tables: the same results, and the same bounds against bad input. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/codec.h"
#include "t/unit/hex.h"
#include "t/unit/tables-only.h"
#include "test/All.h"

static struct arena descriptors, arena;
static struct tables_only tables = { .arena = &descriptors };
static struct buf in = BUF_INIT, out = BUF_INIT;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, NULL, 0);
	err_clear(&err);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_clear(&arena);
	arena_clear(&descriptors);
	tables.n = 0;
	buf_release(&in);
	buf_release(&out);
	return 0;
}

/* Decodes `in` by both, which have to agree; the text of the error, or "none". */
static const char *decode(const struct tars_type *t, void *value)
{
	const struct tars_type *walked = tables_only(&tables, t);
	void *other = arena_alloc(&arena, t->size);
	uint8_t *exact = xmalloc(in.len + !in.len); /* its own block: ASan sees what is beyond */
	struct err second = { 0 };
	int rc;

	arena_defer(&arena, free, exact); /* bytes point into it */
	if (in.len)
		memcpy(exact, in.data, in.len);
	assert_non_null(t->get);
	assert_null(walked->get);
	memset(value, 0xa5, t->size);
	memset(other, 0x5a, t->size);
	err_clear(&err);
	rc = codec_get_flat(exact, in.len, t, value, &arena, &err);
	assert_int_equal(codec_get_flat(exact, in.len, walked, other, &arena, &second), rc);
	assert_string_equal(err.text, second.text);
	assert_int_equal(tars_type_compare(t, value, other), 0);
	buf_clear(&out);
	codec_put_flat(&out, t, value, 0);
	codec_put_flat(&out, walked, other, 0);
	assert_memory_equal(out.data, out.data + out.len / 2, out.len / 2);
	return rc ? err.text : "none";
}

#define OTHER_IDL ": the peer uses another IDL"

static void test_words(void **state)
{
	static const struct {
		const char *hex, *error;
		int class_value; /* of the member with tag 1 */
	} rows[] = {
		{ "0001 1002 2003 3004 460161", "none", 2 },
		{ "0c 110102 22 00010000 320000ffff 4600", "none", 258 },
		/* Once more, in front and behind: the first counts, the second is unknown. */
		{ "0001 1002 1003 2003 3004 460161", "none", 2 },
		{ "1009 0001 1002 2003 3004 460161",
		  "default: required, but the field with tag 0 is missing", 0 },
		{ "0001 2003 1002 3004 460161",
		  "class: required, but the field with tag 1 is missing", 0 },
		{ "0001 1002 2003 3004 460161 2009 1009", "none", 2 },
		/* Unknown ones of every kind behind the last. */
		{ "0001 1002 2003 3004 460161 5a 0a 0b 0b 68 0001 0600 1600 790c 8d 00 0001 ff",
		  "none", 2 },
		{ "0001 13 0000000100000000 2003 3004 460161",
		  "class: expected int, found Long" OTHER_IDL, 0 },
		{ "0001 1002 2003 3004 4a0b",
		  "namespace: expected a string, found StructBegin" OTHER_IDL, 0 },
		{ "0001 1002 2003 3004 0b 460161",
		  "namespace: required, but the field with tag 4 is missing", 0 },
		{ "0001 1002 2003 3004 4605 61",
		  "namespace: a string of 5 bytes, but only 1 follow", 0 },
		{ "0001 1002 2003 32 0000", "errno: the data ends in the middle of a value", 0 },
		{ "", "default: required, but the field with tag 0 is missing", 0 },
	};
	struct Test_Words w;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		hex_read(&in, rows[i].hex);
		assert_string_equal(decode(&Test_Words_type, &w), rows[i].error);
		assert_int_equal(w.class__, rows[i].class_value);
	}
}

static void test_scalars(void **state)
{
	static const struct {
		const char *hex, *error;
	} rows[] = {
		{ "0001 1080 2100ff 317fff 42 0000ffff", "none" },
		{ "0c 1c 2c 3c 4c", "none" },
		{ "0001 1080 2100ff 317fff 42 0000ffff 5c 6c 7c 8c 9c a600 bc cc dc", "none" },
		{ "0001 1080 20ff 317fff 42 0000ffff", "u8: -1 does not fit into unsigned byte" },
		{ "0001 1080 210100 317fff 42 0000ffff",
		  "u8: 256 does not fit into unsigned byte" },
		{ "0001 1080 2100ff 317fff 42 00010000",
		  "u16: 65536 does not fit into unsigned short" },
		{ "0001 1080 2100ff 317fff 4c 63 0000000100000000",
		  "u32: 4294967296 does not fit into unsigned int" },
		{ "0001 1080 2100ff 317fff 4c 60ff", "u32: -1 does not fit into unsigned int" },
		{ "010001 1080 2100ff 317fff 4c", "b: expected bool, found Short" OTHER_IDL },
		{ "0001 110001 2100ff 317fff 4c", "i8: expected byte, found Short" OTHER_IDL },
		{ "0001 1080 2200000001 317fff 4c",
		  "u8: expected unsigned byte, found Int" OTHER_IDL },
		{ "0c 1c 2c 3c 4c 84 3f800000 94 3f800000", "none" }, /* Float for double */
		{ "0c 1c 2c 3c 4c 85 3ff0000000000000",
		  "f32: expected float, found Double" OTHER_IDL },
		{ "0c 1c 2c 3c 4c 84 3f80", "f32: the data ends in the middle of a value" },
		{ "0c 1c 2c 3c 4c b3 0000000000000001",
		  "c: expected Test::Color, found Long" OTHER_IDL },
	};
	struct Test_Scalars s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		hex_read(&in, rows[i].hex);
		assert_string_equal(decode(&Test_Scalars_type, &s), rows[i].error);
	}
	/* After the last error: all defaults. */
	assert_true(s.b && s.u8 == 255 && s.i16 == -300 && s.i64 == INT64_MIN && s.f32 == 0.1f);
	assert_string_equal(s.s.p, "a\\b");
	assert_int_equal(s.c, Test_Color_BLUE);
}

/* Each integer at each distance from the end of the input, in each width. */
static void test_ends(void **state)
{
	static const char *const tails[] = {
		"", "fc10", "fc10 fc11", "f010 01", "f210 00000001", "f310 0000000000000001",
		"f610 05 6162636465", "0b",
	};
	static const char *const ints[] = { "7c", "7005", "710500", "72 05000000",
					    "73 0500000000000000" };
	static const int64_t values[] = { 0, 5, 0x500, 0x5000000, 0x500000000000000 };
	struct Test_Scalars s;
	char hex[128];

	(void)state;
	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		for (size_t k = 0; k < sizeof(ints) / sizeof(*ints); k++) {
			snprintf(hex, sizeof(hex), "0c 1c 2c 3c 4c %s %s", ints[k], tails[i]);
			hex_read(&in, hex);
			assert_string_equal(decode(&Test_Scalars_type, &s), "none");
			assert_int_equal(s.i64, values[k]);
		}
	}
}

/* Texts of each size up to those with a long head, with and without something behind them. */
static void test_texts(void **state)
{
	struct Test_Words w;

	(void)state;
	for (unsigned n = 0; n < 300; n++) {
		for (int behind = 0; behind < 40; behind += 13) {
			hex_read(&in, "0c 1c 2c 3c");
			codec_put_string(&in, 4, memset(buf_reserve(&in, 1000) + 500, 'x', n), n);
			while (buf_size(&in) % 40 < (unsigned)behind)
				buf_add_u8(&in, 0x5c);
			assert_string_equal(decode(&Test_Words_type, &w), "none");
			assert_int_equal(w.namespace_.n, n);
			assert_int_equal(strlen(w.namespace_.p), n);
			assert_int_equal(strspn(w.namespace_.p, "x"), n);
		}
	}
}

/* No prefix of a message is read as more than it is. */
static void test_every_cut(void **state)
{
	struct Test_Containers c;
	size_t whole;

	(void)state;
	hex_read(&in, "09 0002 0600 060461626364 18 0001 06016b 160176 29 0001 09 0002 0001 0c"
		 "38 0001 0005 18 0001 060178 19 0001 0a 0c1c2c3c4c a601790b 59 0001 0a 1c0b");
	whole = in.len;
	for (in.len = 0; in.len < whole; in.len++)
		decode(&Test_Containers_type, &c);
	assert_string_equal(decode(&Test_Containers_type, &c),
			    "points[0].x: required, but the field with tag 0 is missing");
}

/* Sizes far beyond the few bytes that follow: refused before memory is taken for them. */
static void test_huge_sizes(void **state)
{
	static const struct {
		const char *hex, *error;
	} rows[] = {
		{ "09 02 7fffffff 0600",
		  "strings: size 2147483647, but only 2 bytes follow" },
		{ "09 02 ffffffff 0600", "strings: size -1, but only 2 bytes follow" },
		{ "18 02 05f5e100 0c0c0c0c0c",
		  "texts: size 100000000, but only 5 bytes follow" },
		{ "18 0003 0c0c0c0c0c", "texts: size 3, but only 5 bytes follow" },
		{ "a7 06400000 61", "name: a string of 104857600 bytes, but only 1 follow" },
		{ "a7 ffffffff 61", "name: a string of 4294967295 bytes is above the limit of "
		  "104857600" },
		{ "fdc8 00 02 7fffffff 61", "raw: size 2147483647, but only 1 bytes follow" },
		{ "f9c8 02 7fffffff 61", "raw: size 2147483647, but only 1 bytes follow" },
	};
	struct Test_Containers c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		hex_read(&in, rows[i].hex);
		assert_string_equal(decode(&Test_Containers_type, &c), rows[i].error);
	}
}

static size_t heap_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* n times the same element of a list with this tag. */
static void many(uint8_t tag, uint32_t n, const char *elem)
{
	struct buf one = BUF_INIT;
	uint8_t size[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	hex_read(&one, elem);
	buf_clear(&in);
	buf_add_u8(&in, (uint8_t)(tag << 4 | WIRE_LIST));
	buf_add_u8(&in, WIRE_INT);
	buf_add(&in, size, sizeof(size));
	while (n--)
		buf_add(&in, one.data, one.len);
	buf_release(&one);
}

/* A million elements of a few bytes: read if they take memory in proportion, else refused. */
static void test_a_million_elements(void **state)
{
	enum { N = 1000000 };
	static const struct {
		uint8_t tag;
		const char *elem, *error;
	} rows[] = {
		{ 0, "0600", "none" },          /* texts of no bytes: 16 in memory */
		{ 0, "060161", "none" },
		{ 2, "090c", "none" },          /* lists of nothing */
		{ 9, "0c", "none" },            /* bytes, one head for each */
		{ 8, "0c", "none" },            /* integers */
		{ 5, "0a0c1c0b", "none" },      /* structs */
		{ 5, "0a0b", "points[0].x: required, but the field with tag 0 is missing" },
	};
	struct Test_Containers c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t before, limit;

		many(rows[i].tag, N, rows[i].elem);
		before = heap_in_use();
		limit = codec_budget(in.len) + in.len;
		err_clear(&err);
		codec_get_flat(in.data, in.len, &Test_Containers_type, &c, &arena, &err);
		assert_string_equal(err.code ? err.text : "none", rows[i].error);
		assert_true(heap_in_use() - before <= limit);
		arena_clear(&arena);
		assert_string_equal(decode(&Test_Containers_type, &c), rows[i].error);
		arena_clear(&arena);
	}
}

static void test_depth(void **state)
{
	struct Test_Tree tree;
	char text[1024];

	(void)state;
	for (int depth = 1; depth < 100000; depth = depth * 3 + 1) {
		buf_clear(&in);
		for (int i = 0; i < depth; i++) /* name "", one child: two levels a turn */
			buf_add(&in, "\x06\0\x19\0\1\x0a", 6);
		snprintf(text, sizeof(text), "%s", decode(&Test_Tree_type, &tree));
		assert_non_null(strstr(text, 2 * depth > CODEC_MAX_DEPTH ?
				       "nested deeper than 64" : "the data ends in the middle"));
	}
}

/* One allocation for a list or map, and the texts in it back to back. */
static void test_memory_of_texts(void **state)
{
	static char block[65536] __attribute__((aligned(16)));
	enum { N = 1000, TEXT = 7 };
	struct Test_Containers c;
	struct arena a;

	(void)state;
	many(0, N, "0607 61626364656667");
	arena_init(&a, block, sizeof(block));
	assert_int_equal(codec_get_flat(in.data, in.len, &Test_Containers_type, &c, &a, &err), 0);
	assert_ptr_equal(c.strings.v, block);
	for (int i = 0; i < N; i++)
		assert_ptr_equal(c.strings.v[i].p, block + N * sizeof(struct tars_str) +
				 (size_t)i * (TEXT + 1));
	assert_ptr_equal(a.pos, c.strings.v[N - 1].p + TEXT + 1);
	assert_null(a.blocks);
	arena_clear(&a);
}

/* Buffers that have to grow at every possible place. */
static void test_growing_buffers(void **state)
{
	struct Test_Containers c;

	(void)state;
	hex_read(&in, "09 0002 0600 060461626364 18 0001 06016b 160176 29 0001 09 0002 0001 0c"
		 "59 0001 0a 0001 1002 0b a603616263 fdc8 00 0003 010203");
	assert_string_equal(decode(&Test_Containers_type, &c), "none");
	for (size_t used = 1; used < 4096; used += 3) {
		struct buf b = BUF_INIT;

		memset(buf_reserve(&b, used), 0, used);
		b.len = used;
		codec_put_flat(&b, &Test_Containers_type, &c, 0);
		assert_int_equal(b.len - used, out.len / 2);
		assert_memory_equal(b.data + used, out.data, out.len / 2);
		buf_release(&b);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_words),
		TEST(test_scalars),
		TEST(test_ends),
		TEST(test_texts),
		TEST(test_every_cut),
		TEST(test_huge_sizes),
		TEST(test_a_million_elements),
		TEST(test_depth),
		TEST(test_memory_of_texts),
		TEST(test_growing_buffers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
