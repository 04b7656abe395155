/* Decoding input that is kept: long texts stay in it, ended in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/wire.h"

enum { N = READER_ENDS + 4, SHORT = READER_LONG_TEXT - 1, LONG = READER_LONG_TEXT };

struct texts {
	struct tars_string_list list;
	struct tars_str last;
};
static const struct tars_field texts_fields[] = {
	{ .name = "list", .tag = 0, .flags = TARS_REQUIRED, .offset = offsetof(struct texts, list),
	  .type = &tars_type_string_list },
	{ .name = "last", .tag = 1, .offset = offsetof(struct texts, last),
	  .type = &tars_type_string },
};
static const struct tars_type texts_type = {
	.name = "texts", .kind = TARS_STRUCT, .size = sizeof(struct texts), .n_fields = 2,
	.fields = texts_fields,
};

static char letters[LONG];
static struct arena arena;
static struct buf wire;

static int setup(void **state)
{
	(void)state;
	memset(letters, 'x', sizeof(letters));
	arena_init(&arena, NULL, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_clear(&arena);
	buf_release(&wire);
	return 0;
}

/* A copy of the first n bytes that ends where malloc's block ends, but for the byte to be had. */
static uint8_t *kept(size_t n)
{
	uint8_t *data = malloc(n + 1);

	assert_non_null(data);
	if (n)
		memcpy(data, wire.data, n);
	data[n] = '!';
	return data;
}

static bool is_in(const struct tars_str *s, const uint8_t *data, size_t n)
{
	return (uintptr_t)s->p >= (uintptr_t)data && (uintptr_t)s->p < (uintptr_t)data + n;
}

static void check_text(const struct tars_str *s, size_t n)
{
	assert_int_equal(s->n, n);
	assert_int_equal(strlen(s->p), n);
	assert_memory_equal(s->p, letters, n);
}

static void put_texts(uint32_t n, uint32_t size, uint32_t last)
{
	struct tars_str strings[N];
	struct texts t = { .list = { strings, n }, .last = { letters, last } };

	for (uint32_t i = 0; i < n; i++)
		strings[i] = (struct tars_str){ letters, size };
	codec_put_flat(&wire, &texts_type, &t, 0);
}

static void test_long_texts_stay(void **state)
{
	struct texts t;
	uint8_t *data;

	(void)state;
	put_texts(2, LONG, LONG);
	data = kept(wire.len);
	assert_int_equal(codec_get_kept(data, wire.len, &texts_type, &t, &arena, NULL), 0);
	check_text(&t.list.v[0], LONG);
	check_text(&t.list.v[1], LONG);
	check_text(&t.last, LONG);
	assert_true(is_in(&t.list.v[0], data, wire.len) && is_in(&t.list.v[1], data, wire.len));
	/* It ends with the input: the byte behind that is used. */
	assert_true(is_in(&t.last, data, wire.len));
	assert_int_equal(data[wire.len], '\0');
	free(data);
}

static void test_short_texts_are_copied(void **state)
{
	struct texts t;
	uint8_t *data;

	(void)state;
	put_texts(1, SHORT, LONG);
	data = kept(wire.len);
	assert_int_equal(codec_get_kept(data, wire.len, &texts_type, &t, &arena, NULL), 0);
	check_text(&t.list.v[0], SHORT);
	assert_false(is_in(&t.list.v[0], data, wire.len));
	check_text(&t.last, LONG);
	free(data);
}

static void test_more_than_may_stay(void **state)
{
	struct texts t;
	uint8_t *data;

	(void)state;
	put_texts(N, LONG, 3);
	data = kept(wire.len);
	assert_int_equal(codec_get_kept(data, wire.len, &texts_type, &t, &arena, NULL), 0);
	assert_int_equal(t.list.n, N);
	for (uint32_t i = 0; i < N; i++) {
		check_text(&t.list.v[i], LONG);
		assert_int_equal(is_in(&t.list.v[i], data, wire.len), i < READER_ENDS);
	}
	check_text(&t.last, 3);
	free(data);
}

/* Cut anywhere it says what codec_get_flat says, and leaves nothing half read. */
static void test_cut_input(void **state)
{
	(void)state;
	put_texts(2, LONG, LONG);
	for (size_t n = 0; n < wire.len; n++) {
		uint8_t *data = kept(n);
		struct texts t, other;
		struct err e, expected;
		int rc = codec_get_flat(data, n, &texts_type, &other, &arena, &expected);

		assert_int_equal(codec_get_kept(data, n, &texts_type, &t, &arena, &e), rc);
		if (rc) {
			assert_string_equal(e.text, expected.text);
			assert_int_equal(t.list.n + t.last.n, 0);
		}
		free(data);
		arena_clear(&arena);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_long_texts_stay),
		TEST(test_short_texts_are_copied),
		TEST(test_more_than_may_stay),
		TEST(test_cut_input),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
