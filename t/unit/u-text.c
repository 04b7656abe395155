/* Strict numbers, trimming, nearest names. */
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
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_nearest),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
