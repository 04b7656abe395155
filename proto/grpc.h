/*
 * gRPC as far as unary calls need it: messages in their frames, deadlines, statuses.
 *
 *   POST /<Module.Interface or App.Server.Obj>/<function>
 *   content-type: application/grpc, +proto (proto/pb.h) or +json (proto/json.h)
 *
 * A body is one message behind 5 bytes: not compressed (0), and its length.  Thread: any.
 */
#ifndef PROTO_GRPC_H
#define PROTO_GRPC_H

#include "proto/http.h"

enum { GRPC_FRAME_HEAD = 5 };

enum grpc_coding { GRPC_NONE, GRPC_PROTO, GRPC_JSON };

/* What a content-type says; GRPC_NONE: this is no gRPC. */
enum grpc_coding grpc_coding_of(const struct tars_str *content_type);
/* The message in a body.  TARS_EPROTO or TARS_EDECODE. */
int grpc_get_message(const struct buf *body, struct tars_bytes *message, struct err *e);
/* The frame around what is appended between the two. */
size_t grpc_begin_message(struct buf *b);
void grpc_end_message(struct buf *b, size_t mark);
/* "500m" in milliseconds, rounded up. */
int grpc_get_timeout(const struct tars_str *text, int32_t *ms, struct err *e);
/* Status, text and code of a result as trailers. */
void grpc_put_status(struct http_headers *trailers, struct arena *a, int code, const char *text);

#endif
