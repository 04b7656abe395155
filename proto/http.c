/* HTTP requests and responses as values: limits, headers, problems. */
#include "proto/http.h"

#include <stdio.h>
#include <string.h>

#include "proto/json.h"
#include "proto/text.h"

/* ---- requests ---- */

void http_request_init(struct http_request *rq, size_t max_body)
{
	memset(rq, 0, offsetof(struct http_request, first));
	arena_init(&rq->arena, rq->first, sizeof(rq->first));
	rq->target = TARS_STR("");
	rq->max_body = max_body;
}

void http_request_release(struct http_request *rq)
{
	arena_clear(&rq->arena);
	buf_release(&rq->body);
}

int http_set_method(struct http_request *rq, const char *name, size_t n)
{
	static const struct { const char *name; enum http_method method; } known[] = {
		{ "GET", METHOD_GET }, { "HEAD", METHOD_HEAD }, { "POST", METHOD_POST },
		{ "OPTIONS", METHOD_OPTIONS },
	};

	rq->method = METHOD_OTHER;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (n == strlen(known[i].name) && !memcmp(name, known[i].name, n))
			rq->method = known[i].method;
	return 0;
}

int http_count_head(struct http_request *rq, size_t n, struct err *e)
{
	rq->head_size += n;
	if (rq->head_size <= HTTP_MAX_HEAD)
		return 0;
	err_set(e, TARS_ELIMIT, "the header has more than %d bytes", (int)HTTP_MAX_HEAD);
	return 431;
}

int http_set_target(struct http_request *rq, const char *p, size_t n, struct err *e)
{
	if (n > HTTP_MAX_TARGET) {
		err_set(e, TARS_ELIMIT, "the path has more than %d bytes", (int)HTTP_MAX_TARGET);
		return 414;
	}
	rq->target = (struct tars_str){ arena_memdup(&rq->arena, p, n), (uint32_t)n };
	return 0;
}

static void grow_headers(struct http_headers *h, struct arena *a)
{
	struct http_header *v;

	/* Its capacity is the next power of two, and at least 8. */
	if (h->v && (h->n < 8 || h->n & (h->n - 1)))
		return;
	v = arena_alloc(a, (h->n < 8 ? 8 : h->n * 2) * sizeof(*v));
	if (h->n)
		memcpy(v, h->v, h->n * sizeof(*v));
	h->v = v;
}

bool http_lower_name(char *p, size_t n)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < n; i++) {
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 'a' - 'A');
		else if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') ||
			   (p[i] && strchr(others, p[i]))))
			return false;
	}
	return n > 0;
}

int http_add_header(struct http_request *rq, const char *name, size_t n_name, const char *value,
		    size_t n_value, struct err *e)
{
	struct http_header *h;
	char *own;

	if (rq->headers.n == HTTP_MAX_HEADERS) {
		err_set(e, TARS_ELIMIT, "there are more than %d headers", (int)HTTP_MAX_HEADERS);
		return 431;
	}
	own = arena_memdup(&rq->arena, name, n_name);
	text_trim(&value, &n_value);
	if (!http_lower_name(own, n_name) || memchr(value, '\0', n_value) ||
	    memchr(value, '\n', n_value) || memchr(value, '\r', n_value)) {
		err_set(e, TARS_EPROTO, "a header that HTTP does not allow: '%.60s'", own);
		return 400;
	}
	grow_headers(&rq->headers, &rq->arena);
	h = &rq->headers.v[rq->headers.n++];
	h->name = (struct tars_str){ own, (uint32_t)n_name };
	h->value = (struct tars_str){ arena_memdup(&rq->arena, value, n_value), (uint32_t)n_value };
	return 0;
}

int http_check_length(const struct http_request *rq, uint64_t length, struct err *e)
{
	if (length <= rq->max_body)
		return 0;
	err_set(e, TARS_ELIMIT, "the body has more than %zu bytes", rq->max_body);
	return 413;
}

int http_add_body(struct http_request *rq, const void *p, size_t n, struct err *e)
{
	int status = http_check_length(rq, buf_size(&rq->body) + n, e);

	if (!status)
		buf_add(&rq->body, p, n);
	return status;
}

const struct tars_str *http_header(const struct http_request *rq, const char *name)
{
	size_t n = strlen(name);

	for (uint32_t i = 0; i < rq->headers.n; i++) {
		const struct http_header *h = &rq->headers.v[i];

		if (h->name.n == n && !memcmp(h->name.p, name, n))
			return &h->value;
	}
	return NULL;
}

/* ---- responses ---- */

void http_response_release(struct http_response *r)
{
	buf_release(&r->body);
}

void http_put_header(struct http_headers *h, struct arena *a, const char *name, const char *value,
		     size_t n)
{
	char *own = arena_alloc_raw(a, 3 * n + 1), *p = own;

	for (size_t i = 0; i < n; i++) {
		if ((uint8_t)value[i] >= ' ' && (uint8_t)value[i] <= '~' && value[i] != '%')
			*p++ = value[i];
		else
			p += snprintf(p, 4, "%%%02X", (unsigned)(uint8_t)value[i]);
	}
	*p = '\0';
	grow_headers(h, a);
	h->v[h->n++] = (struct http_header){
		.name = { name, (uint32_t)strlen(name) }, .value = { own, (uint32_t)(p - own) },
	};
}

const char *http_reason(int status)
{
	static const struct { int status; const char *text; } rows[] = {
		{ 100, "Continue" }, { 200, "OK" }, { 202, "Accepted" }, { 204, "No Content" },
		{ 400, "Bad Request" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 409, "Conflict" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
		{ 421, "Misdirected Request" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
		{ 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Status";
}

/* ---- problems ---- */

/* The code only where a call failed, the name only if the code is no application's. */
struct problem {
	struct tars_str type, title;
	int32_t status;
	struct tars_str detail;
	int32_t code;
	struct tars_str name;
};

#define PROBLEM_FIELD(member, n, t) \
	{ .name = #member, .tag = n, .offset = offsetof(struct problem, member), .type = &(t) }
static const struct tars_field problem_fields[] = {
	PROBLEM_FIELD(type, 0, tars_type_string), PROBLEM_FIELD(title, 1, tars_type_string),
	PROBLEM_FIELD(status, 2, tars_type_int), PROBLEM_FIELD(detail, 3, tars_type_string),
	PROBLEM_FIELD(code, 4, tars_type_int), PROBLEM_FIELD(name, 5, tars_type_string),
};
static const struct tars_type problem_type = {
	.name = "problem", .kind = TARS_STRUCT, .size = sizeof(struct problem),
	.n_fields = 4, .fields = problem_fields,
}, app_problem_type = {
	.name = "problem", .kind = TARS_STRUCT, .size = sizeof(struct problem),
	.n_fields = 5, .fields = problem_fields,
}, call_problem_type = {
	.name = "problem", .kind = TARS_STRUCT, .size = sizeof(struct problem),
	.n_fields = 6, .fields = problem_fields,
};

static struct tars_str str_of(const char *text)
{
	return (struct tars_str){ text, (uint32_t)strlen(text) };
}

const char *http_problem(struct buf *b, int status, int code, const char *text)
{
	static const char media_type[] = "application/problem+json";
	struct problem p = {
		.type = TARS_STR("about:blank"), .title = str_of(http_reason(status)),
		.status = status, .detail = str_of(text), .code = err_wire_code(code),
		.name = str_of(err_wire_name(code)),
	};
	const struct tars_type *t = !code ? &problem_type : p.name.n ? &call_problem_type :
				    &app_problem_type;
	size_t start = buf_size(b);
	struct buf ascii = BUF_INIT;

	if (!json_put(b, t, &p, JSON_COMPACT, NULL))
		return media_type;
	/* A handler's text need not be UTF-8. */
	for (const char *c = text; *c; c++)
		buf_add_u8(&ascii, (uint8_t)*c < 0x80 ? (uint8_t)*c : '?');
	p.detail = str_of(buf_str(&ascii));
	b->len = b->pos + start;
	json_put(b, t, &p, JSON_COMPACT, NULL);
	buf_release(&ascii);
	return media_type;
}
