/*
 * HTTP/1.0 and 1.1: bytes to requests, over llhttp in its strict mode; responses to bytes.
 *
 * Bytes go in as they come, in pieces of any size; one request is filled at a time.  The parser
 * stops after each event, so that the caller may answer, refuse or wait before it reads on.
 * Thread: one at a time.
 */
#ifndef PROTO_H1_H
#define PROTO_H1_H

#include <llhttp.h>

#include "proto/http.h"

enum h1_event {
	H1_NEED,     /* all bytes are taken, more are needed */
	H1_HEAD,     /* the head is whole */
	H1_REQUEST,  /* the request is whole */
	H1_BAD,      /* `status` says how to refuse it; nothing after it can be understood */
};

struct h1 {
	llhttp_t parser;
	struct http_request *rq;     /* being filled */
	struct buf line;             /* target, or name and value of a header, until it is whole */
	size_t n_name;
	int status;                  /* of the refusal */
	struct err *e;
	bool at_head, at_end;
	bool drops_body;             /* the request is refused already */
	/* Of the request that is being filled, from H1_HEAD on. */
	bool keep_alive, expects_continue, is_http10;
};

void h1_init(struct h1 *p);
void h1_release(struct h1 *p);
/* The next request goes to rq; between H1_REQUEST and further bytes. */
void h1_begin(struct h1 *p, struct http_request *rq);
/* Gives how many bytes were taken.  Until H1_NEED there may be more events in the bytes that were
 * taken already: call it again, with n 0 if none are left. */
size_t h1_feed(struct h1 *p, const uint8_t *data, size_t n, enum h1_event *event, struct err *e);
/* After H1_HEAD: the body is read and forgotten. */
void h1_drop_body(struct h1 *p);

enum h1_flags {
	H1_NO_BODY = 1 << 0,         /* answer to HEAD: the length, but no body */
	H1_CLOSE = 1 << 1,           /* the last answer */
	H1_KEEP_ALIVE = 1 << 2,      /* HTTP/1.0 wants it said */
};
void h1_put_response(struct buf *b, const struct http_response *r, const char *date, int flags);
/* "HTTP/1.1 100 Continue" */
void h1_put_continue(struct buf *b);

#endif
