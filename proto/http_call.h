/*
 * What an HTTP request asks for: a call in one of four forms, or a page of the runtime.
 *
 *   POST /v1/call/<obj>/<func>   arguments and result as JSON, the rest in headers
 *   POST /json/<obj>/<func>      the same as TarsGateway has it, without context but for the trace
 *   POST /json                   TarsGateway's envelope: {"reqid", "obj", "func", "data", ..}
 *   POST /tup                    a whole packet, length included, and a packet back
 *   POST /<name>/<func>          on HTTP/2 with a content-type of gRPC: proto/grpc.h
 *   GET  /healthz  /metrics
 *
 * Thread: any; a call lives in its request.
 */
#ifndef PROTO_HTTP_CALL_H
#define PROTO_HTTP_CALL_H

#include "proto/grpc.h"
#include "proto/http.h"
#include "proto/packet.h"

enum http_route {
	ROUTE_CALL, ROUTE_JSON, ROUTE_ENVELOPE, ROUTE_TUP, ROUTE_GRPC, ROUTE_HEALTH, ROUTE_METRICS,
	ROUTE_OPTIONS,               /* of any of them: 204 and what is allowed */
};

struct http_call {
	enum http_route route;
	const char *allow;           /* for OPTIONS, and with 405 */
	struct request_packet head;  /* names point into the request */
	int64_t envelope_id;         /* "reqid" */
	enum grpc_coding coding;     /* of ROUTE_GRPC */
};

static inline bool http_is_call(const struct http_call *c)
{
	return c->route <= ROUTE_GRPC;
}

/* By the head alone.  0, or the status of the refusal. */
int http_route(struct http_request *rq, struct http_call *call, struct err *e);
/* With the whole body: fills call->head.  0, or the status of the refusal. */
int http_get_call(struct http_request *rq, struct http_call *call, struct err *e);

/* Status of a call's result.  /json has what TarsGateway answers: 502, but for 404 and 504. */
int http_call_status(enum http_route route, int code);
/* The envelope around the JSON text of a result. */
int http_put_envelope(struct buf *b, int64_t id, const struct tars_str *data, struct err *e);
/* Reply context as headers "tars-ctx-KEY"; keys that no header name may have are left out. */
void http_put_context(struct http_response *r, struct arena *a,
		      const struct tars_string_string_map *context);

#endif
