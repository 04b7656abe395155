/* Trace keys: TARS and W3C texts, what each is in the other, and lines of the trace log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tracekey.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"

static bool is(struct tars_str s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static void test_tars_keys(void **state)
{
	static const struct {
		const char *text, *trace, *id, *span;
		unsigned data, kb;
	} rows[] = {
		{ "f.2-" ID "|00f067aa0ba902b7", "f.2-" ID, ID, "00f067aa0ba902b7", 15, 2 },
		/* Three parts, as a gateway sends them. */
		{ "f.2-" ID "|s|p", "f.2-" ID, ID, "s", 15, 2 },
		{ "0-abc|s", "0-abc", "abc", "s", 0, 0 },
		{ "9-abc|s", "9-abc", "abc", "s", 9, 0 },
		{ "F.10-abc|s", "F.10-abc", "abc", "s", 15, 10 },
		{ "0f-a|s", "0f-a", "a", "s", 15, 0 },
		{ "f.0-a|s", "f.0-a", "a", "s", 15, 0 },
		{ "f.99999999999999999999-a|s", "f.99999999999999999999-a", "a", "s", 15, 512 },
		/* Not flags: no data, but a trace all the same. */
		{ "10-abc|s", "10-abc", "abc", "s", 0, 0 },
		{ "fffffffff-abc|s", "fffffffff-abc", "abc", "s", 0, 0 },
		{ "g-abc|s", "g-abc", "abc", "s", 0, 0 },
		{ "f.x-abc|s", "f.x-abc", "abc", "s", 0, 0 },
		{ "f.2.3-abc|s", "f.2.3-abc", "abc", "s", 0, 0 },
		{ "-abc|s", "-abc", "abc", "s", 0, 0 },
		{ "f-|s", "f-", "f-", "s", 0, 0 },
		{ "abc|s", "abc", "abc", "s", 0, 0 },
		{ "f-a-b|s", "f-a-b", "a-b", "s", 15, 0 },
	};
	struct trace_key k;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(trace_key_parse(rows[i].text, strlen(rows[i].text), &k, &e), 0);
		assert_true(is(k.trace, rows[i].trace));
		assert_true(is(k.id, rows[i].id));
		assert_true(is(k.span, rows[i].span));
		assert_int_equal(k.data, rows[i].data);
		assert_int_equal(k.max_kb, rows[i].kb);
	}
}

static void test_bad_tars_keys(void **state)
{
	static const char *const rows[] = {
		"", "|", "abc", "abc|", "|s", "a|b|c|d", "a||c", "a|b|", "a b|s", "a\n|s", "a|s\n",
		"a|\xc3\xa4",
	};
	char longest[TRACE_ID_MAX + 4];
	struct trace_key k;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(trace_key_parse(rows[i], strlen(rows[i]), &k, &e), TARS_EPROTO);
	assert_int_equal(trace_key_parse("a|b\0", 4, &k, &e), TARS_EPROTO);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest + TRACE_ID_MAX, "|s", 2);
	assert_int_equal(trace_key_parse(longest, TRACE_ID_MAX + 2, &k, &e), 0);
	memcpy(longest + TRACE_ID_MAX, "x|s", 3);
	assert_int_equal(trace_key_parse(longest, TRACE_ID_MAX + 3, &k, &e), TARS_EPROTO);
	longest[1] = '|';
	memset(longest + 2, 'y', TRACE_SPAN_MAX + 1);
	assert_int_equal(trace_key_parse(longest, 2 + TRACE_SPAN_MAX, &k, &e), 0);
	assert_int_equal(trace_key_parse(longest, 3 + TRACE_SPAN_MAX, &k, &e), TARS_EPROTO);
}

static int parse_w3c(const char *text, struct traceparent *t)
{
	struct err e;

	return traceparent_parse(text, strlen(text), t, &e);
}

static void test_traceparent(void **state)
{
	static const char good[] = "00-" ID "-00f067aa0ba902b7-01";
	static const char *const bad[] = {
		"", "00", "00-" ID "-00f067aa0ba902b7-0", "00-" ID "-00f067aa0ba902b7-01-",
		"00-" ID "-00f067aa0ba902b7-01-more", "ff-" ID "-00f067aa0ba902b7-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-" ID "-0000000000000000-01", "00-" ID "-00f067aa0ba902b7-0x",
		"00-" ID "-00f067aa0ba902bg-01", "0x-" ID "-00f067aa0ba902b7-01",
		"00_" ID "-00f067aa0ba902b7-01", "00-" ID "_00f067aa0ba902b7-01",
		"00-" ID "-00f067aa0ba902b7_01", "01-" ID "-00f067aa0ba902b7-01x",
	};
	struct traceparent t;
	char text[TRACEPARENT_SIZE];

	(void)state;
	assert_int_equal(parse_w3c(good, &t), 0);
	assert_string_equal(t.id, ID);
	assert_string_equal(t.span, "00f067aa0ba902b7");
	assert_int_equal(t.flags, 1);
	traceparent_print(text, &t);
	assert_string_equal(text, good);
	/* Of higher versions what is known is read, and written as version 00. */
	assert_int_equal(parse_w3c("cc-" ID "-00f067aa0ba902b7-fe-what-else", &t), 0);
	assert_int_equal(t.flags, 0xfe);
	assert_int_equal(parse_w3c("01-" ID "-00f067aa0ba902b7-00", &t), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse_w3c(bad[i], &t), TARS_EPROTO);
}

static void test_tracestate(void **state)
{
	char longest[TRACESTATE_MAX + 1];

	(void)state;
	assert_true(tracestate_is_ok("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", 39));
	assert_false(tracestate_is_ok("", 0));
	assert_false(tracestate_is_ok("a=b\r\nx: y", 9));
	memset(longest, 'x', sizeof(longest));
	assert_true(tracestate_is_ok(longest, TRACESTATE_MAX));
	assert_false(tracestate_is_ok(longest, TRACESTATE_MAX + 1));
}

static void test_ids(void **state)
{
	char w3c[W3C_ID_SIZE], again[W3C_ID_SIZE];

	(void)state;
	trace_id_to_w3c(&TARS_STR(ID), w3c);
	assert_string_equal(w3c, ID);
	/* Others are made into one, always the same: the first half of their SHA-256. */
	trace_id_to_w3c(&TARS_STR("abc"), w3c);
	assert_string_equal(w3c, "ba7816bf8f01cfea414140de5dae2223");
	trace_id_to_w3c(&TARS_STR("4BF92F3577B34DA6A3CE929D0E0E4736"), w3c);
	trace_id_to_w3c(&TARS_STR("4BF92F3577B34DA6A3CE929D0E0E4736"), again);
	assert_string_equal(w3c, again);
	assert_string_not_equal(w3c, ID);
	trace_id_to_w3c(&TARS_STR("00000000000000000000000000000000"), w3c);
	assert_string_not_equal(w3c, "00000000000000000000000000000000");
}

static void test_lines(void **state)
{
	struct buf b = BUF_INIT;
	struct trace_line l = {
		.trace = TARS_STR("f.1-" ID), .span = "00f067aa0ba902b7", .parent = "*",
		.annotation = "ss", .client = "", .server = "TestCC.TdServer", .func = "test",
		.time_ms = INT64_C(1634119572955), .ret = -6,
	};

	(void)state;
	trace_line_put(&b, &l);
	assert_string_equal(buf_str(&b), "f.1-" ID "|00f067aa0ba902b7|*|ss||TestCC.TdServer|test|"
			    "1634119572955|-6||");
	static const struct {
		const char *data, *base64;
	} rows[] = {
		{ "{\"a\":1}", "eyJhIjoxfQ==" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "\xff\xfe\xfd", "//79" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		l.data = (struct tars_bytes){ (const uint8_t *)rows[i].data,
					      (uint32_t)strlen(rows[i].data) };
		buf_clear(&b);
		trace_line_put(&b, &l);
		assert_string_equal(strstr(buf_str(&b), "|-6|") + 4 + strlen(rows[i].base64), "|");
		assert_int_equal(strncmp(strstr(buf_str(&b), "|-6|") + 4, rows[i].base64,
					 strlen(rows[i].base64)), 0);
	}
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tars_keys), cmocka_unit_test(test_bad_tars_keys),
		cmocka_unit_test(test_traceparent), cmocka_unit_test(test_tracestate),
		cmocka_unit_test(test_ids), cmocka_unit_test(test_lines),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
