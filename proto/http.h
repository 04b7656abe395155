/*
 * HTTP requests and responses as values, whichever version of HTTP carried them.
 *
 * A request is filled piece by piece, by proto/h1.h or by an HTTP/2 session, and costs no more
 * memory than a small multiple of the bytes that came.  What is refused gives the HTTP status to
 * answer with, and *e says why.  Everything in a request lives in its arena and its body; a
 * response may use them.  Thread: one at a time.
 */
#ifndef PROTO_HTTP_H
#define PROTO_HTTP_H

#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/err.h"
#include "proto/type.h"

enum {
	HTTP_MAX_TARGET = 8 << 10,   /* 414 */
	HTTP_MAX_HEAD = 32 << 10,    /* target, names and values: 431 */
	HTTP_MAX_HEADERS = 100,      /* 431 */
};

/* Bits, so that a route can name several. */
enum http_method {
	METHOD_OTHER = 0, METHOD_GET = 1 << 0, METHOD_HEAD = 1 << 1, METHOD_POST = 1 << 2,
	METHOD_OPTIONS = 1 << 3,
};

struct http_header {
	struct tars_str name;        /* lower case */
	struct tars_str value;       /* no blanks at its ends; NUL-terminated */
};

struct http_headers {
	struct http_header *v;
	uint32_t n;
};

struct http_request {
	struct arena arena;
	enum http_method method;
	bool is_http2;
	struct tars_str target;      /* as it was sent */
	struct http_headers headers;
	size_t head_size;            /* bytes that count towards HTTP_MAX_HEAD */
	struct buf body;
	size_t max_body;             /* 413 */
	_Alignas(16) char first[1024]; /* of the arena */
};

/* max_body: of its body, in bytes. */
void http_request_init(struct http_request *rq, size_t max_body);
void http_request_release(struct http_request *rq);

/* These give 0 or the status of the refusal.  Whole values; they are copied. */
int http_set_method(struct http_request *rq, const char *name, size_t n);
int http_set_target(struct http_request *rq, const char *p, size_t n, struct err *e);
int http_add_header(struct http_request *rq, const char *name, size_t n_name, const char *value,
		    size_t n_value, struct err *e);
/* n more bytes of the head: within the limit? */
int http_count_head(struct http_request *rq, size_t n, struct err *e);
/* A Content-Length that is known beforehand, and a piece of the body. */
int http_check_length(const struct http_request *rq, uint64_t length, struct err *e);
int http_add_body(struct http_request *rq, const void *p, size_t n, struct err *e);

/* Makes it lower case; false if it is no name that a header may have (RFC 9110, token). */
bool http_lower_name(char *p, size_t n);
/* First value of a header by its lower-case name, or NULL. */
const struct tars_str *http_header(const struct http_request *rq, const char *name);

struct http_response {
	int status;                  /* 0: not known yet */
	const char *type;            /* content-type; NULL: there is no body */
	struct http_headers headers; /* beyond date, content-type and content-length */
	struct http_headers trailers; /* HTTP/2 */
	struct buf body;
};

void http_response_release(struct http_response *r);
/* value: bytes that no header may have are written as %XX, and % as %25. */
void http_put_header(struct http_headers *h, struct arena *a, const char *name, const char *value,
		     size_t n);
/* Appends application/problem+json (RFC 9457) with the text and, unless 0, the code of a call;
 * gives its media type. */
const char *http_problem(struct buf *b, int status, int code, const char *text);
/* "Not Found". */
const char *http_reason(int status);

#endif
