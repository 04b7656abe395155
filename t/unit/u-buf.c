/* Buffer: growing, consuming from the front, text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"

static void test_add_and_consume(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(buf_size(&b), 0);
	buf_add(&b, "abc", 3);
	buf_add(&b, NULL, 0);
	buf_add_u8(&b, 'd');
	assert_int_equal(buf_size(&b), 4);
	buf_consume(&b, 1);
	assert_memory_equal(buf_head(&b), "bcd", 3);
	buf_consume(&b, 3); /* empty: starts over at the front */
	assert_true(b.pos == 0 && b.len == 0 && buf_size(&b) == 0);
	buf_release(&b);
	assert_true(!b.data && !b.cap);
	buf_release(&b);
}

/* A queue that never drains: content stays, and the room does not grow with what went through. */
static void test_queue(void **state)
{
	struct buf b = BUF_INIT;
	uint8_t in = 0, out = 0;

	(void)state;
	for (int round = 0; round < 10000; round++) {
		for (int i = 0; i < 37; i++)
			buf_add_u8(&b, in++);
		while (buf_size(&b) > 100) {
			assert_int_equal(*buf_head(&b), out++);
			buf_consume(&b, 1);
		}
	}
	assert_int_equal(buf_size(&b), 100);
	assert_in_range(b.cap, 100, 2048);
	buf_release(&b);
}

static void test_grow_keeps_content(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (int consumed = 0; consumed < 300; consumed += 50) {
		buf_clear(&b);
		for (int i = 0; i < 300; i++)
			buf_add_u8(&b, (uint8_t)i);
		buf_consume(&b, (size_t)consumed);
		memset(buf_reserve(&b, 1000000), 0, 1000000);
		assert_int_equal(buf_size(&b), 300 - consumed);
		assert_true(b.cap - b.len >= 1000000);
		for (int i = consumed; i < 300; i++)
			assert_int_equal(buf_head(&b)[i - consumed], (uint8_t)i);
		buf_release(&b);
	}
}

static void test_append(void **state)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	const uint8_t *data;

	(void)state;
	buf_add_str(&b, "xone");
	buf_consume(&b, 1);
	data = b.data;
	buf_append(&a, &b);
	assert_ptr_equal(a.data, data); /* not copied */
	assert_int_equal(buf_size(&b), 0);
	buf_add_str(&b, "two");
	buf_append(&a, &b);
	assert_string_equal(buf_str(&a), "onetwo");
	assert_int_equal(buf_size(&b), 0);
	buf_append(&a, &b);
	assert_string_equal(buf_str(&a), "onetwo");
	buf_release(&a);
	buf_release(&b);
}

static void test_text(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_add_str(&b, "a");
	buf_addf(&b, "-%d-%s", 7, "x");
	assert_string_equal(buf_str(&b), "a-7-x");
	assert_int_equal(buf_size(&b), 5); /* the NUL does not count */
	buf_addf(&b, "%2000d", 1);
	assert_int_equal(strlen(buf_str(&b)), 2005);
	buf_consume(&b, 2);
	assert_memory_equal(buf_str(&b), "7-x ", 4);
	buf_clear(&b);
	assert_string_equal(buf_str(&b), "");
	/* What is put together by hand, and what only seemed so. */
	buf_addf(&b, "%s=%u,%s", "n", 0u, "");
	buf_addf(&b, "%u%%%s %.1s.%5u", 4294967295u, "s", "xy", 7u);
	assert_string_equal(buf_str(&b), "n=0,4294967295%s x.    7");
	/* As long as the room that is there, a byte more, and much more. */
	for (size_t n = 0; n < 600; n++) {
		static char text[600 + 1];

		text[n] = 'x';
		buf_release(&b);
		buf_addf(&b, "%s-%u", text, 42u);
		assert_int_equal(buf_size(&b), n + 4);
		assert_memory_equal(buf_str(&b), text, n + 1);
		assert_string_equal(buf_str(&b) + n + 1, "-42");
	}
	buf_clear(&b);
	buf_addf(&b, "%s", "");
	assert_int_equal(buf_size(&b), 0);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_and_consume),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_grow_keeps_content),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_text),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
