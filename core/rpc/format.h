/*
 * How the arguments and the reply of a call look where it came from: one constant row per form.
 *
 * Dispatch knows requests and replies only as values; a row turns bytes into arguments and a result
 * into bytes.  get_args and put_reply run where the handler does: Thread: any.
 */
#ifndef CORE_RPC_FORMAT_H
#define CORE_RPC_FORMAT_H

#include <stdbool.h>

#include "proto/buf.h"
#include "proto/err.h"

struct tars_req;

struct call_format {
	/* The arguments of rq->func from rq->head.body.  Not 0: the code of the reply, as official
	 * servers give it (contract 14.1); e says what is wrong. */
	int (*get_args)(struct tars_req *rq, void *in, struct err *e);
	/* Appends the reply: `out` if code is 0 (nothing if rq->func is NULL), else why it failed. */
	void (*put_reply)(struct buf *b, struct tars_req *rq, int code, const char *text,
			  const void *out);
	/* Takes what put_reply wrote, in rq->reply, to the connection.  NULL: its bytes go out as
	 * they are.  Thread: rq's loop. */
	void (*send)(struct tars_req *rq);
	/* rq->head.body and the names in rq->head stay until the request is done. */
	bool keeps_input;
};

/* The row of a packet's iVersion: TUP, JSON, and TARS for all others. */
const struct call_format *packet_format(int16_t version);

#endif
