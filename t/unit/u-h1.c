/* HTTP/1: requests in pieces, what is refused and how, and responses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/h1.h"

enum { MAX_BODY = 1000 };

static struct http_request rq;
static struct err e;

/*
 * What came out of the bytes: "POST /x [a=b] <body> keep;" per request, "refused 400: why" at the
 * end.  Bytes are given in pieces of `step`.
 */
static char *run(const char *bytes, size_t n, size_t step)
{
	static char text[70000];
	struct buf out = BUF_INIT;
	struct h1 p;
	size_t at = 0;
	enum h1_event event = H1_NEED;

	h1_init(&p);
	http_request_init(&rq, MAX_BODY);
	h1_begin(&p, &rq);
	while ((at < n || event != H1_NEED) && event != H1_BAD) {
		size_t piece = n - at < step ? n - at : step;

		at += h1_feed(&p, (const uint8_t *)bytes + at, piece, &event, &e);
		if (event == H1_REQUEST) {
			buf_addf(&out, "%d %s", rq.method, rq.target.p);
			for (uint32_t i = 0; i < rq.headers.n; i++)
				if (strcmp(rq.headers.v[i].name.p, "host"))
					buf_addf(&out, " [%s=%s]", rq.headers.v[i].name.p,
						 rq.headers.v[i].value.p);
			buf_addf(&out, " <%.*s>%s;", (int)buf_size(&rq.body),
				 (const char *)buf_head(&rq.body), p.keep_alive ? " keep" : "");
			http_request_release(&rq);
			http_request_init(&rq, MAX_BODY);
			h1_begin(&p, &rq);
		}
	}
	if (event == H1_BAD)
		buf_addf(&out, "refused %d: %s", p.status, e.text);
	http_request_release(&rq);
	h1_release(&p);
	snprintf(text, sizeof(text), "%s", buf_str(&out));
	buf_release(&out);
	return text;
}

static void check(const char *bytes, const char *expected)
{
	for (size_t step = 1; step < 100; step = step * 2 + 1)
		assert_string_equal(run(bytes, strlen(bytes), step), expected);
	assert_string_equal(run(bytes, strlen(bytes), SIZE_MAX), expected);
}

static void test_requests(void **state)
{
	(void)state;
	check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "1 / <> keep;");
	check("\r\n\r\nGET /a?b#c HTTP/1.1\r\nHost: a\r\nX-Y:  two words \t\r\n\r\n",
	      "1 /a?b#c [x-y=two words] <> keep;");
	check("POST /x HTTP/1.1\r\nhost:a\r\nContent-Length: 3\r\n\r\nabc"
	      "GET /y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	      "4 /x [content-length=3] <abc> keep;1 /y [connection=close] <>;");
	check("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
	      "3\r\nabc\r\n10;ext=1\r\n0123456789abcdef\r\n0\r\nTrailer: no\r\n\r\n"
	      "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
	      "4 /x [transfer-encoding=Chunked] <abc0123456789abcdef> keep;2 / <> keep;");
	check("GET / HTTP/1.0\r\n\r\n", "1 / <>;");
	check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	      "PUT / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	      "1 / [connection=keep-alive] <> keep;0 / [connection=keep-alive] <> keep;");
	/* An upgrade is asked for, but not made. */
	check("POST /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
	      "Content-Length: 2\r\n\r\nabOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	      "4 /x [connection=Upgrade] [upgrade=h2c] [content-length=2] <ab> keep;8 * <> keep;");
	/* A folded header is one value. */
	check("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "1 / [x=a b] <> keep;");
	check("GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", "1 http://a/x <> keep;");
}

#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

/* Whatever a proxy in front could see as a different request. */
static void test_smuggling(void **state)
{
	static const char *const heads[] = {
		"Content-Length: 3\r\nContent-Length: 3\r\n", "Content-Length : 3\r\n",
		"Content-Length: +3\r\n", "Content-Length: 3, 3\r\n", "Content-Length: 0x3\r\n",
		"Content-Length: -1\r\n", "Content-Length: 99999999999999999999\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked, identity\r\n",
		"X: a\rb\r\n", "X: a\nY: b\r\n", "X\r\n", "X Y: a\r\n", ": a\r\n",
		"X: a\x01\r\n", "Host: b\r\n",
	};
	static const char *const whole[] = {
		"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "GET  / HTTP/1.1\r\n\r\n",
		"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		CHUNKED "3\r\nabcde", CHUNKED "x\r\n", CHUNKED "fffffffffffffffff\r\n",
		CHUNKED "3 \r\nabc\r\n",
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\n%s\r\nabc", heads[i]);
		if (strncmp(run(text, strlen(text), SIZE_MAX), "refused 400: ", 13))
			fail_msg("%s gives %s", heads[i], run(text, strlen(text), SIZE_MAX));
	}
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (strncmp(run(whole[i], strlen(whole[i]), SIZE_MAX), "refused 400: ", 13))
			fail_msg("%s gives %s", whole[i],
				 run(whole[i], strlen(whole[i]), SIZE_MAX));
}

static void test_refusals(void **state)
{
	(void)state;
	check("GET / HTTP/1.1\r\n\r\n", "refused 400: there must be one host header, not 0");
	check("GET / HTTP/2.1\r\nHost: a\r\n\r\n", "refused 505: not HTTP: Invalid HTTP version");
	check("GET /\r\n\r\n",
	      "refused 505: only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here");
	check("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
	      "refused 501: only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here");
	check("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	      "refused 501: transfer-encoding: 'gzip, chunked' is not supported, only chunked");
	check("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
	      "refused 501: transfer-encoding: 'identity' is not supported, only chunked");
	check("POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n",
	      "refused 417: expect: 'tea' is not supported");
	check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n",
	      "refused 413: the body has more than 1000 bytes");
	check("BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
	      "refused 501: not HTTP: Invalid method encountered");
}

static void test_limits(void **state)
{
	static const char too_large[] = "refused 431: the header has more than 32768 bytes";
	static char text[200000];
	size_t n;

	(void)state;
	/* A chunked body grows over the limit. */
	n = (size_t)sprintf(text, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
			    "\r\n");
	for (int i = 0; i < 11; i++)
		n += (size_t)sprintf(text + n, "64\r\n%0100d\r\n", i);
	assert_string_equal(run(text, n, 77), "refused 413: the body has more than 1000 bytes");
	/* A long target: within, and above. */
	n = (size_t)sprintf(text, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_MAX_TARGET - 1, 0);
	assert_non_null(strstr(run(text, n, 1000), " <> keep;"));
	n = (size_t)sprintf(text, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_MAX_TARGET, 0);
	assert_string_equal(run(text, n, 1000), "refused 414: the path has more than 8192 bytes");
	assert_string_equal(run(text, n, 9000), "refused 414: the path has more than 8192 bytes");
	/* Many headers, large ones, and one without an end. */
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < HTTP_MAX_HEADERS + 2; i++)
		n += (size_t)sprintf(text + n, "X%d: y\r\n", i);
	assert_string_equal(run(text, n, 50), "refused 431: there are more than 100 headers");
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 33; i++)
		n += (size_t)sprintf(text + n, "X%d: %01000d\r\n", i, 0);
	assert_string_equal(run(text, n, 500), too_large);
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nX: %0*d", 2 * HTTP_MAX_HEAD, 0);
	assert_string_equal(run(text, n, 5000), too_large);
	/* Trailers count too. */
	n = (size_t)sprintf(text, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "0\r\nX: %0*d", 2 * HTTP_MAX_HEAD, 0);
	assert_string_equal(run(text, n, 5000), too_large);
}

static void test_events_stop_the_parser(void **state)
{
	static const char bytes[] = "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
				    "Content-Length: 4\r\n\r\nbodyGET";
	const uint8_t *data = (const uint8_t *)bytes;
	size_t n = sizeof(bytes) - 1, at;
	enum h1_event event;
	struct h1 p;

	(void)state;
	h1_init(&p);
	http_request_init(&rq, MAX_BODY);
	h1_begin(&p, &rq);
	at = h1_feed(&p, data, n, &event, &e);
	assert_int_equal(event, H1_HEAD);
	assert_int_equal(at, strstr(bytes, "body") - bytes);
	assert_true(p.expects_continue);
	assert_int_equal(buf_size(&rq.body), 0);
	h1_drop_body(&p);
	at += h1_feed(&p, data + at, n - at, &event, &e);
	assert_int_equal(event, H1_REQUEST);
	assert_int_equal(at, n - 3);
	assert_int_equal(buf_size(&rq.body), 0);
	http_request_release(&rq);
	h1_release(&p);
}

static void test_responses(void **state)
{
	struct http_response r = { .status = 200, .type = "text/plain" };
	struct buf b = BUF_INIT;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	buf_add_str(&r.body, "abc");
	http_put_header(&r.headers, &a, "x", "a%\r\n\xc3\xa4 z", 8);
	h1_put_response(&b, &r, "now", 0);
	assert_string_equal(buf_str(&b), "HTTP/1.1 200 OK\r\ndate: now\r\n"
			    "content-type: text/plain\r\ncontent-length: 3\r\n"
			    "x: a%25%0D%0A%C3%A4 z\r\n\r\nabc");
	buf_clear(&b);
	h1_put_response(&b, &r, "now", H1_NO_BODY | H1_CLOSE);
	assert_string_equal(buf_str(&b), "HTTP/1.1 200 OK\r\ndate: now\r\n"
			    "content-type: text/plain\r\ncontent-length: 3\r\n"
			    "x: a%25%0D%0A%C3%A4 z\r\nconnection: close\r\n\r\n");
	buf_clear(&b);
	http_response_release(&r);
	r = (struct http_response){ .status = 204 };
	h1_put_response(&b, &r, "now", H1_KEEP_ALIVE);
	assert_string_equal(buf_str(&b), "HTTP/1.1 204 No Content\r\ndate: now\r\n"
			    "connection: keep-alive\r\n\r\n");
	buf_release(&b);
	arena_clear(&a);
}

static void test_problems(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(http_problem(&b, 404, TARS_ENOFUNC, "no such \"function\""),
			    "application/problem+json");
	assert_string_equal(buf_str(&b), "{\"type\":\"about:blank\",\"title\":\"Not Found\","
			    "\"status\":404,\"detail\":\"no such \\\"function\\\"\",\"code\":-3,"
			    "\"name\":\"SERVERNOFUNCERR\"}");
	buf_clear(&b);
	http_problem(&b, 413, 0, "too large");
	assert_string_equal(buf_str(&b), "{\"type\":\"about:blank\","
			    "\"title\":\"Content Too Large\",\"status\":413,"
			    "\"detail\":\"too large\"}");
	buf_clear(&b);
	/* Not UTF-8; a local code; an application's code. */
	http_problem(&b, 500, TARS_ESYS, "\xff\xfe x");
	assert_non_null(strstr(buf_str(&b), "\"detail\":\"?? x\",\"code\":-99,"
			       "\"name\":\"SERVERUNKNOWNERR\""));
	buf_clear(&b);
	http_problem(&b, 500, 7, "seven");
	assert_non_null(strstr(buf_str(&b), "\"detail\":\"seven\",\"code\":7}"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_smuggling),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_events_stop_the_parser),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_problems),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("h1", tests, NULL, NULL);
}
