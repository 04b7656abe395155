/* Framing: protocol detection and packet bounds, at every possible cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/frame.h"

static enum frame_protocol detect(const char *data, size_t n)
{
	return frame_detect((const uint8_t *)data, n);
}

static void test_detect(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

	(void)state;
	assert_int_equal(detect("", 0), PROTOCOL_UNKNOWN);
	assert_int_equal(detect("\0", 1), PROTOCOL_TARS);
	assert_int_equal(detect("\x06\x40\0\0", 4), PROTOCOL_TARS);
	assert_int_equal(detect("\x16", 1), PROTOCOL_UNKNOWN);
	assert_int_equal(detect("\x16\x03", 2), PROTOCOL_TLS);
	assert_int_equal(detect("\x16\x04", 2), PROTOCOL_TARS);
	assert_int_equal(detect("G", 1), PROTOCOL_HTTP1);
	assert_int_equal(detect("POST / HTTP/1.1\r\n", 17), PROTOCOL_HTTP1);
	assert_int_equal(detect("P", 1), PROTOCOL_UNKNOWN);
	assert_int_equal(detect("PUT", 3), PROTOCOL_HTTP1);
	assert_int_equal(detect("PRI * HTTP/1.1\r\n", 16), PROTOCOL_HTTP1);
	for (size_t n = 1; n < sizeof(preface) - 1; n++)
		assert_int_equal(detect(preface, n), PROTOCOL_UNKNOWN);
	assert_int_equal(detect(preface, sizeof(preface) - 1), PROTOCOL_HTTP2);
	assert_int_equal(detect("get", 3), PROTOCOL_TARS); /* and then a bad length */
	assert_int_equal(detect("\xff\xff\xff\xff", 4), PROTOCOL_TARS);
}

static void test_next(void **state)
{
	static const uint8_t two[] = { 0, 0, 0, 7, 1, 2, 3, 0, 0, 0, 5, 9 };
	struct err e = { 0 };
	size_t size = 99;

	(void)state;
	for (size_t n = 0; n < 4; n++) {
		assert_int_equal(frame_next(two, n, FRAME_DEFAULT_MAX, &size, &e), FRAME_NEED);
		assert_int_equal(size, 0);
	}
	for (size_t n = 4; n < 7; n++) {
		assert_int_equal(frame_next(two, n, FRAME_DEFAULT_MAX, &size, &e), FRAME_NEED);
		assert_int_equal(size, 7);
	}
	for (size_t n = 7; n <= sizeof(two); n++) {
		assert_int_equal(frame_next(two, n, FRAME_DEFAULT_MAX, &size, &e), FRAME_OK);
		assert_int_equal(size, 7);
	}
	assert_int_equal(frame_next(two + 7, 5, 5, &size, &e), FRAME_OK);
	assert_int_equal(size, 5);
}

static void test_bounds(void **state)
{
	static const uint8_t lengths[][4] = {
		{ 0, 0, 0, 0 }, { 0, 0, 0, 3 }, { 0, 0, 0, 4 }, { 6, 64, 0, 1 }, { 255, 255, 255,
		  255 },
		{ 'g', 'e', 't', ' ' },
	};
	static const uint8_t most[] = { 6, 64, 0, 0 };
	struct err e;
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		e.code = 0;
		assert_int_equal(frame_next(lengths[i], 4, FRAME_DEFAULT_MAX, &size, &e),
				FRAME_BAD);
		assert_int_equal(e.code, TARS_EPROTO);
	}
	assert_int_equal(frame_next(most, 4, FRAME_DEFAULT_MAX, &size, &e), FRAME_NEED);
	assert_int_equal(size, FRAME_DEFAULT_MAX);
	assert_int_equal(frame_next(most, 4, FRAME_DEFAULT_MAX - 1, &size, &e), FRAME_BAD);
	assert_string_equal(e.text, "a packet length of 104857600 is not within 5..104857599: "
			"the peer "
			    "does not speak TARS, or the limit is too low");
	assert_int_equal(frame_next(lengths[0], 4, 100, &size, NULL), FRAME_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detect),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_bounds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
