/* HTTP requests as calls: paths, headers, envelopes, packets, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/http_call.h"

static struct http_request rq;
static struct http_call call;
static struct err e;

/* headers: "name: value" lines.  Gives the status of the refusal, or 0; then call is filled. */
static int request(const char *method, const char *target, const char *headers, const char *body,
		   size_t n)
{
	int status;

	http_request_release(&rq);
	http_request_init(&rq, 1 << 20);
	e = (struct err){ 0 };
	http_set_method(&rq, method, strlen(method));
	assert_int_equal(http_set_target(&rq, target, strlen(target), &e), 0);
	while (*headers) {
		size_t name = strcspn(headers, ":"), line = strcspn(headers, "\n");

		assert_int_equal(http_add_header(&rq, headers, name, headers + name + 1,
						 line - name - 1, &e), 0);
		headers += line + 1;
	}
	assert_int_equal(http_add_body(&rq, body, n, &e), 0);
	status = http_route(&rq, &call, &e);
	if (!status && http_is_call(&call))
		status = http_get_call(&rq, &call, &e);
	return status;
}

static int post(const char *target, const char *headers, const char *body)
{
	return request("POST", target, headers, body, strlen(body));
}

static void assert_str(const struct tars_str *s, const char *expected)
{
	assert_int_equal(s->n, strlen(expected));
	assert_memory_equal(s->p, expected, s->n);
}

static const char *value(const struct tars_string_string_map *m, const char *key)
{
	const struct tars_str *s = packet_map_find(m, key);

	return s ? s->p : NULL;
}

static void test_paths(void **state)
{
	static const struct { const char *target; int status; enum http_route route; } rows[] = {
		{ "/v1/call/A.B.C/f", 0, ROUTE_CALL }, { "/v1/call/A.B.C/f?x=/y#z", 0, ROUTE_CALL },
		{ "/v1/call/A%2EB%2eC/f", 0, ROUTE_CALL }, { "/json/A.B.C/f", 0, ROUTE_JSON },
		{ "http://h:1/v1/call/A.B.C/f", 0, ROUTE_CALL }, { "/v1/call/A.B.C/", 404, 0 },
		{ "/v1/call//f", 404, 0 }, { "/v1/call/A.B.C/f/g", 404, 0 },
		{ "/v1/call/A.B.C", 404, 0 },
		{ "/v1/call", 404, 0 }, { "/json/", 404, 0 }, { "/jsonx", 404, 0 }, { "/", 404, 0 },
		{ "*", 404, 0 }, { "http://h", 404, 0 }, { "/../v1/call/A/f", 404, 0 },
		{ "/healthz", 405, 0 }, { "/metrics", 405, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int status = post(rows[i].target, "", "");

		if (status != rows[i].status)
			fail_msg("%s: %d, %s", rows[i].target, status, e.text);
		if (status)
			continue;
		assert_int_equal(call.route, rows[i].route);
		assert_str(&call.head.servant, "A.B.C");
		assert_str(&call.head.func, "f");
		assert_int_equal(call.head.version, VERSION_JSON);
		assert_memory_equal(call.head.body.p, "{}", call.head.body.n);
	}
	assert_int_equal(post("/nowhere", "", ""), 404);
	assert_string_equal(e.text, "no such path: '/nowhere'; calls go to "
			    "/v1/call/<object>/<function>, /json or /tup");
}

static void test_methods(void **state)
{
	(void)state;
	assert_int_equal(request("GET", "/v1/call/A.B.C/f", "", "", 0), 405);
	assert_string_equal(call.allow, "POST, OPTIONS");
	assert_string_equal(e.text, "/v1/call/A.B.C/f takes POST, OPTIONS");
	assert_int_equal(request("DELETE", "/healthz", "", "", 0), 405);
	assert_string_equal(call.allow, "GET, HEAD, OPTIONS");
	assert_int_equal(request("HEAD", "/healthz", "", "", 0), 0);
	assert_int_equal(call.route, ROUTE_HEALTH);
	assert_int_equal(request("OPTIONS", "/json/A/f", "Origin: http://x\n", "", 0), 0);
	assert_int_equal(call.route, ROUTE_OPTIONS);
}

static void test_headers_of_a_call(void **state)
{
	(void)state;
	assert_int_equal(post("/v1/call/A.B.C/f",
			      "Tars-Timeout-Ms: 250\nTars-Ctx-Key: a b\n"
			      "TARS-CTX-USER: J%C3%BCrgen 5%\nTars-Ctx-Third: 3\n"
			      "Tars-Ctx-: none\ntraceparent: 00-ab-cd-01\n"
			      "Tars-Dyeing-Key: red\nTars-Set: a.b.c\n", "{\"x\":1}"), 0);
	assert_int_equal(call.head.timeout_ms, 250);
	assert_int_equal(call.head.context.n, 4);
	assert_string_equal(value(&call.head.context, "key"), "a b");
	assert_string_equal(value(&call.head.context, "user"), "J\xc3\xbcrgen 5%");
	assert_string_equal(value(&call.head.context, "third"), "3");
	assert_string_equal(value(&call.head.context, "traceparent"), "00-ab-cd-01");
	assert_string_equal(value(&call.head.status, "STATUS_DYED_KEY"), "red");
	assert_string_equal(value(&call.head.status, "STATUS_SETNAME_VALUE"), "a.b.c");
	assert_int_equal(call.head.message_type, MESSAGE_DYED | MESSAGE_SETNAME);
	assert_memory_equal(call.head.body.p, "{\"x\":1}", 7);
	/* The gateway's path form takes none of them but the trace. */
	assert_int_equal(post("/json/A.B.C/f", "Tars-Timeout-Ms: 250\nTars-Ctx-Key: a\n", ""), 0);
	assert_int_equal(call.head.timeout_ms, 0);
	assert_int_equal(call.head.context.n, 0);
	assert_int_equal(post("/json/A.B.C/f", "traceparent: 00-ab-cd-01\ntracestate: r=1\n"
			      "Tars-Set: a.b.c\n", ""), 0);
	assert_int_equal(call.head.context.n, 2);
	assert_string_equal(value(&call.head.context, "traceparent"), "00-ab-cd-01");
	assert_string_equal(value(&call.head.context, "tracestate"), "r=1");
	assert_int_equal(call.head.status.n, 0);
	assert_int_equal(post("/v1/call/A.B.C/f", "Tars-Timeout-Ms: soon\n", ""), 400);
	assert_string_equal(e.text, "tars-timeout-ms: 'soon' is not a number of milliseconds");
	assert_int_equal(post("/v1/call/A.B.C/f", "Tars-Timeout-Ms: 0\n", ""), 400);
	assert_int_equal(post("/v1/call/A.B.C/f", "Content-Encoding: gzip\n", ""), 415);
}

static void test_pages_of_other_sites(void **state)
{
	(void)state;
	assert_int_equal(post("/json/A/f", "Host: a:1\nOrigin: http://a:1\n", ""), 0);
	assert_int_equal(post("/json/A/f", "Host: a:1\nOrigin: http://b\n", ""), 403);
	assert_non_null(strstr(e.text, "origin http://b"));
	assert_int_equal(post("/json/A/f", "Host: a:1\nOrigin: http://a\n", ""), 403);
	assert_int_equal(post("/json/A/f", "Host: null\nOrigin: null\n", ""), 403);
	assert_int_equal(post("/v1/call/A/f", "Origin: http://b\n", ""), 403);
	assert_int_equal(post("/tup", "Host: a\nOrigin: http://b\n", ""), 403);
	/* What changes nothing may be looked at. */
	assert_int_equal(request("GET", "/healthz", "Origin: http://b\n", "", 0), 0);
}

static void test_envelope(void **state)
{
	static const char whole[] =
		"{\"reqid\":9007199254740993,\"obj\":\"A.B.C\",\"func\":\"f\","
		"\"data\":\"{\\\"x\\\":1}\",\"context\":{\"k\":\"v\"},\"status\":{\"s\":\"t\"},"
		"\"timeout\":30,\"msgtype\":4,\"more\":null}";

	(void)state;
	assert_int_equal(post("/json", "", whole), 0);
	assert_int_equal(call.route, ROUTE_ENVELOPE);
	assert_true(call.envelope_id == INT64_C(9007199254740993));
	assert_str(&call.head.servant, "A.B.C");
	assert_str(&call.head.func, "f");
	assert_memory_equal(call.head.body.p, "{\"x\":1}", 7);
	assert_string_equal(value(&call.head.context, "k"), "v");
	assert_string_equal(value(&call.head.status, "s"), "t");
	assert_int_equal(call.head.timeout_ms, 30);
	assert_int_equal(call.head.message_type, 4);
	assert_int_equal(post("/json", "", "{\"obj\":\"A\",\"func\":\"f\"}"), 0);
	assert_memory_equal(call.head.body.p, "{}", call.head.body.n);
	/* The trace of the headers joins the context, unless that has one. */
	assert_int_equal(post("/json", "traceparent: 00-ab-cd-01\n", whole), 0);
	assert_int_equal(call.head.context.n, 2);
	assert_string_equal(value(&call.head.context, "k"), "v");
	assert_string_equal(value(&call.head.context, "traceparent"), "00-ab-cd-01");
	assert_int_equal(post("/json", "traceparent: 00-ab-cd-01\n", "{\"obj\":\"A\",\"func\":\"f\","
			      "\"context\":{\"traceparent\":\"00-12-34-00\"}}"), 0);
	assert_int_equal(call.head.context.n, 1);
	assert_string_equal(value(&call.head.context, "traceparent"), "00-12-34-00");
	assert_int_equal(post("/json", "", "{\"obj\":\"A\"}"), 400);
	assert_string_equal(e.text, "the envelope: func: required, but missing");
	assert_int_equal(post("/json", "", "{\"obj\":\"A\",\"func\":\"f\",\"data\":{}}"), 400);
	assert_string_equal(e.text, "the envelope: data: expected a string, found an object");
	assert_int_equal(post("/json", "", ""), 400);
	assert_int_equal(post("/json", "", "\xff"), 400);
}

static void test_packet(void **state)
{
	struct request_packet head = {
		.version = VERSION_TUP, .request_id = 7, .servant = TARS_STR("A.B.C"),
		.func = TARS_STR("f"), .body = { (const uint8_t *)"\x0c", 1 }, .timeout_ms = 5,
	};
	struct buf b = BUF_INIT;

	(void)state;
	packet_put_request(&b, &head);
	assert_int_equal(request("POST", "/tup", "", (char *)buf_head(&b), buf_size(&b)), 0);
	assert_int_equal(call.route, ROUTE_TUP);
	assert_int_equal(call.head.version, VERSION_TUP);
	assert_int_equal(call.head.request_id, 7);
	assert_str(&call.head.servant, "A.B.C");
	assert_int_equal(request("POST", "/tup", "", (char *)buf_head(&b), buf_size(&b) - 1), 400);
	assert_non_null(strstr(e.text, "the body has"));
	buf_add_u8(&b, 0);
	assert_int_equal(request("POST", "/tup", "", (char *)buf_head(&b), buf_size(&b)), 400);
	assert_int_equal(post("/tup", "", ""), 400);
	assert_int_equal(post("/tup", "", "{}"), 400);
	assert_int_equal(post("/tup", "", "nonsense"), 400);
	buf_release(&b);
}

static void test_statuses(void **state)
{
	static const struct { int code, call, json; } rows[] = {
		{ 0, 200, 200 }, { TARS_EDECODE, 400, 502 }, { TARS_ENOFUNC, 404, 502 },
		{ TARS_ENOSERVANT, 404, 404 }, { TARS_ENOENDPOINT, 404, 502 },
		{ TARS_EQUEUETIMEOUT, 503, 502 }, { TARS_EOVERLOAD, 503, 502 },
		{ TARS_ETIMEOUT, 504, 504 }, { TARS_ECONNECT, 502, 502 },
		{ TARS_EUNKNOWN, 500, 502 }, { 7, 500, 502 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(http_call_status(ROUTE_CALL, rows[i].code), rows[i].call);
		assert_int_equal(http_call_status(ROUTE_JSON, rows[i].code), rows[i].json);
		assert_int_equal(http_call_status(ROUTE_ENVELOPE, rows[i].code), rows[i].json);
		assert_int_equal(http_call_status(ROUTE_TUP, rows[i].code), 200);
	}
}

static void test_replies(void **state)
{
	struct tars_string_string_pair pairs[] = {
		{ TARS_STR("User"), TARS_STR("J\xc3\xbcrgen\r\n") },
		{ TARS_STR("a b"), TARS_STR("no") },
	};
	struct tars_string_string_map context = { pairs, 2 };
	struct tars_str data = TARS_STR("{\"x\":\"\\n\"}");
	struct http_response r = { 0 };
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(http_put_envelope(&b, INT64_MAX, &data, &e), 0);
	assert_string_equal(buf_str(&b), "{\"reqid\":9223372036854775807,"
			    "\"data\":\"{\\\"x\\\":\\\"\\\\n\\\"}\"}");
	buf_release(&b);
	http_put_context(&r, &rq.arena, &context);
	assert_int_equal(r.headers.n, 1);
	assert_string_equal(r.headers.v[0].name.p, "tars-ctx-user");
	assert_string_equal(r.headers.v[0].value.p, "J%C3%BCrgen%0D%0A");
}

static int release(void **state)
{
	(void)state;
	http_request_release(&rq);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_headers_of_a_call),
		cmocka_unit_test(test_pages_of_other_sites),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_replies),
	};

	http_request_init(&rq, 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("http-call", tests, NULL, release);
}
