/* Strict numbers, hex, UTF-8, trimming, nearest names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proto/text.h"

static bool read_any(const char *s, int64_t *v)
{
	return text_int(s, strlen(s), INT64_MIN, INT64_MAX, v);
}

static void test_numbers(void **state)
{
	static const char *const bad[] = {
		"", "-", "+", "--1", "1 ", " 1", "1x", "0x10", "1.5", "9223372036854775808",
		"-9223372036854775809", "99999999999999999999",
	};
	int64_t v = 42;

	(void)state;
	assert_true(read_any("-9223372036854775808", &v) && v == INT64_MIN);
	assert_true(read_any("9223372036854775807", &v) && v == INT64_MAX);
	assert_true(read_any("+007", &v) && v == 7);
	assert_true(read_any("-0", &v) && v == 0);
	v = 42;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(read_any(bad[i], &v));
	assert_false(text_int("101", 3, 0, 100, &v));
	assert_false(text_int("-1", 2, 0, 100, &v));
	assert_int_equal(v, 42);
	assert_true(text_int("123", 2, 0, 100, &v) && v == 12);
}

static void test_utf8(void **state)
{
	static const char *const good[] = {
		"", "abc", "h\xc3\xa4", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
	};
	static const char *const bad[] = {
		"\x80", "a\xbf", "\xc3", "\xc3z", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xe2\x82",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80", "\xf9\x80\x80\x80", "\xff", "\xfe\xff", "\xf0\x90\x80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!text_is_utf8(good[i], strlen(good[i])))
			fail_msg("good %zu", i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (text_is_utf8(bad[i], strlen(bad[i])))
			fail_msg("bad %zu", i);
	assert_true(text_is_utf8("a\0b", 3));
	assert_true(text_is_utf8("\xc3\xa4\xff", 2));
}

static void test_trim(void **state)
{
	const char *p = " \t\r\na b\n ";
	size_t n = strlen(p);

	(void)state;
	text_trim(&p, &n);
	assert_int_equal(n, 3);
	assert_memory_equal(p, "a b", 3);
	p = " \n";
	n = 2;
	text_trim(&p, &n);
	assert_int_equal(n, 0);
}

static void test_hex(void **state)
{
	uint8_t bytes[4] = { 0 };
	char text[9] = "";

	(void)state;
	assert_true(text_hex("00fFA9", 6, bytes));
	assert_memory_equal(bytes, "\x00\xff\xa9", 4);
	assert_true(text_hex("", 0, bytes));
	assert_false(text_hex("0", 1, bytes));
	assert_false(text_hex("0g", 2, bytes));
	assert_false(text_hex("@0", 2, bytes)); /* next to digits and letters */
	assert_false(text_hex("0:", 2, bytes));
	assert_false(text_hex("G0", 2, bytes));
	assert_false(text_hex("0`", 2, bytes));
	text_put_hex(text, "\x00\xff\xa9", 4);
	assert_string_equal(text, "00ffa900");
}

static void test_list(void **state)
{
	const char *list = ", a,bc  d\t,", *p = list;
	const char *end = list + strlen(list);
	size_t n;

	(void)state;
	assert_ptr_equal(text_list_next(&p, end, &n), list + 2);
	assert_int_equal(n, 1);
	assert_ptr_equal(text_list_next(&p, end, &n), list + 4);
	assert_int_equal(n, 2);
	assert_non_null(text_list_next(&p, end, &n));
	assert_null(text_list_next(&p, end, &n));
	assert_true(text_list_has(list, strlen(list), "bc"));
	assert_false(text_list_has(list, 5, "bc"));
	assert_false(text_list_has(list, strlen(list), "b"));
	assert_false(text_list_has(list, strlen(list), ""));
	assert_false(text_list_has(NULL, 0, "a"));
}

static const char *nearest(const char *word)
{
	static const char *const known[] = { "registry", "node", "log", "listen", "up" };
	struct text_nearest near;

	text_nearest_init(&near, word);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		text_nearest_try(&near, known[i]);
	return near.best;
}

static void test_nearest(void **state)
{
	(void)state;
	assert_string_equal(nearest("regsitry"), "registry");
	assert_string_equal(nearest("regestri"), "registry");
	assert_string_equal(nearest("lsiten"), "listen");
	assert_string_equal(nearest("nod"), "node");
	assert_string_equal(nearest("pu"), "up");
	assert_null(nearest("xyzzy"));
	assert_null(nearest("q"));
	assert_null(nearest(""));
	assert_null(nearest("registryregistryregistryregistryregistryregistryregistry"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_nearest),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
