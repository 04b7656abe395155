/* gRPC: content types, frames, deadlines, statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/grpc.h"
#include "t/unit/hex.h"

static struct err e;

static enum grpc_coding coding(const char *text)
{
	struct tars_str s = { text, (uint32_t)strlen(text) };

	return grpc_coding_of(&s);
}

static void test_codings(void **state)
{
	(void)state;
	assert_int_equal(grpc_coding_of(NULL), GRPC_NONE);
	assert_int_equal(coding("application/grpc"), GRPC_PROTO);
	assert_int_equal(coding("application/grpc+proto"), GRPC_PROTO);
	assert_int_equal(coding("application/grpc; charset=utf-8"), GRPC_PROTO);
	assert_int_equal(coding("application/grpc+json"), GRPC_JSON);
	assert_int_equal(coding("application/grpc+json;x"), GRPC_JSON);
	assert_int_equal(coding("application/grpc-web"), GRPC_NONE);
	assert_int_equal(coding("application/grpc+thrift"), GRPC_NONE);
	assert_int_equal(coding("application/json"), GRPC_NONE);
}

static int message(const char *hex, struct tars_bytes *m)
{
	static struct buf body;

	hex_read(&body, hex);
	e = (struct err){ 0 };
	return grpc_get_message(&body, m, &e);
}

static void test_frames(void **state)
{
	struct buf b = BUF_INIT;
	struct tars_bytes m;
	size_t mark;

	(void)state;
	assert_int_equal(message("00 00000003 616263", &m), 0);
	assert_int_equal(m.n, 3);
	assert_memory_equal(m.p, "abc", 3);
	assert_int_equal(message("00 00000000", &m), 0);
	assert_int_equal(m.n, 0);
	assert_int_equal(message("", &m), TARS_EDECODE);
	assert_string_equal(e.text, "the body has no message: it is a unary call");
	assert_int_equal(message("00 000000", &m), TARS_EDECODE);
	assert_int_equal(message("01 00000003 616263", &m), TARS_ENOFUNC);
	assert_string_equal(e.text, "compressed messages are not supported: use identity");
	assert_int_equal(message("00 00000002 616263", &m), TARS_EDECODE);
	assert_string_equal(e.text, "a message of 2 bytes in a body of 3: it must be one message");
	assert_int_equal(message("00 ffffffff 616263", &m), TARS_EDECODE);
	buf_add_str(&b, "x");
	mark = grpc_begin_message(&b);
	memset(buf_reserve(&b, 300), 'y', 300);
	b.len += 300;
	grpc_end_message(&b, mark);
	assert_string_equal(hex_difference(&b, "78 00 0000012c (79*300)"), "");
	buf_release(&b);
}

static void test_timeouts(void **state)
{
	static const struct { const char *text; int32_t ms; } rows[] = {
		{ "1H", 3600000 }, { "2M", 120000 }, { "3S", 3000 }, { "500m", 500 }, { "1500u", 2 },
		{ "1u", 1 }, { "99999999n", 100 }, { "0m", 1 }, { "99999999H", INT32_MAX },
	};
	static const char *const bad[] = { "", "5", "m", "-1m", "5s", "5 m", "100000000m", "1.5S" };
	int32_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct tars_str s = { rows[i].text, (uint32_t)strlen(rows[i].text) };

		assert_int_equal(grpc_get_timeout(&s, &ms, &e), 0);
		assert_int_equal(ms, rows[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct tars_str s = { bad[i], (uint32_t)strlen(bad[i]) };

		if (grpc_get_timeout(&s, &ms, &e) != TARS_EDECODE)
			fail_msg("'%s'", bad[i]);
	}
	assert_string_equal(e.text, "grpc-timeout: '1.5S' is not a number and one of HMSmun");
}

static void test_statuses(void **state)
{
	struct http_headers trailers = { 0 };
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	grpc_put_status(&trailers, &a, TARS_OK, "");
	assert_int_equal(trailers.n, 1);
	assert_string_equal(trailers.v[0].value.p, "0");
	trailers.n = 0;
	grpc_put_status(&trailers, &a, TARS_EOVERLOAD, "too much \xe2\x82\xac 100%");
	assert_int_equal(trailers.n, 3);
	assert_string_equal(trailers.v[0].value.p, "8");
	assert_string_equal(trailers.v[1].value.p, "too much %E2%82%AC 100%25");
	assert_string_equal(trailers.v[2].value.p, "-9");
	assert_int_equal(err_grpc_status(TARS_EDECODE), 3);
	assert_int_equal(err_grpc_status(TARS_ENOFUNC), 12);
	assert_int_equal(err_grpc_status(TARS_ETIMEOUT), 4);
	assert_int_equal(err_grpc_status(TARS_ECANCEL), 14);
	assert_int_equal(err_grpc_status(77), 2);
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codings),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_statuses),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("grpc", tests, NULL, NULL);
}
