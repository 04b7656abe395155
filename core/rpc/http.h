/*
 * Calls over HTTP: one exchange is a request with its response, on HTTP/1 or HTTP/2.
 *
 *   bytes -> http1.c | http2.c -> http_head, http_whole -> struct tars_req -> dispatch
 *         <- on_answer          <- http_answer          <- call_format.send <-
 *
 * A call over HTTP is a request like any other: limits, run modes, deadlines and statistics are
 * dispatch's.  Thread: the connection's loop, but for the response, which whoever runs the handler
 * fills.
 */
#ifndef CORE_RPC_HTTP_H
#define CORE_RPC_HTTP_H

#include "core/rpc/list.h"
#include "core/rpc/server.h"
#include "proto/http_call.h"

enum {
	/* A request must be whole within this, and a second more for each HTTP_SLOW_RATE bytes. */
	HTTP_SLOW_MS = 20000,
	HTTP_SLOW_RATE = 1000,
};

struct http_exchange {
	struct list node;             /* of its connection, in order of arrival */
	unsigned refs;
	struct server_conn *sc;
	void (*on_answer)(struct http_exchange *x);
	int64_t start_us;             /* when its first bytes came */
	bool answered;                /* the response is whole */
	bool whole;                   /* so is the request */
	/* HTTP/1 */
	bool close;                   /* the last one of its connection */
	bool is_http10;
	/* HTTP/2 */
	bool has_head;
	int32_t stream;               /* 0: closed */
	int refusal;                  /* status, and why, when the head is whole */
	const char *refusal_text;
	int64_t moved_us;             /* when the peer took a part of the response */
	struct http_call call;
	struct http_response response;
	struct http_request request;
};

/* With one reference. */
struct http_exchange *http_exchange_new(struct server_conn *sc,
					void (*on_answer)(struct http_exchange *x));
void http_exchange_unref(struct http_exchange *x);

/* The head is there: false if that is refused, and thereby answered already. */
bool http_head(struct http_exchange *x);
/* The rest is there too: answers, now or later. */
void http_whole(struct http_exchange *x);
void http_refuse(struct http_exchange *x, int status, const char *text);
/* x->response is filled in. */
void http_answer(struct http_exchange *x);
/* The same, with the body in rq->reply: call_format.send. */
void http_send_response(struct tars_req *rq);
/* Its first bytes came too long ago? */
bool http_is_overdue(const struct http_exchange *x, int64_t now_us);
/* "Sun, 06 Nov 1994 08:49:37 GMT", now. */
const char *http_date(void);

/* ---- http_grpc.c ---- */
extern const struct call_format grpc_format;
void grpc_refuse(struct http_exchange *x, int code, const char *text);
/* "Module.Interface" in x->call.head.servant becomes the object that has it. */
int grpc_find_object(struct http_exchange *x, struct err *e);
/* grpc.health.v1.Health/Check */
bool grpc_is_health(const struct http_exchange *x);
void grpc_answer_health(struct http_exchange *x);

/* The protocol rows of server.c's detection. */
extern const struct server_proto http1_proto, http2_proto;
/* What TLS offers by ALPN: these, and nothing for TARS. */
#define HTTP_ALPN "\x02h2\x08http/1.1"

#endif
