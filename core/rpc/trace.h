/*
 * The call trace: which requests and calls are part of one, and their lines in the log _t_trace_.
 *
 *	ts/cs: a call is sent   sr: its request has arrived   ss: replied   te/cr: the reply is there
 *
 * ts and te are those of the first call of a trace (contract 10.5).  Thread: as for the request.
 */
#ifndef CORE_RPC_TRACE_H
#define CORE_RPC_TRACE_H

#include "core/rpc/travel.h"

/* A traced call; in its arena. */
struct call_trace {
	struct trace *trace;
	char span[W3C_SPAN_SIZE];
	const char *parent;
	bool first;               /* of its trace */
	bool sent;
	int64_t ended_ms;         /* since 1970; 0: not yet */
};

/* Takes the trace key and traceparent of a request, whichever there are. */
void trace_arrived(struct tars_req *rq);
/* Makes p->trace. */
void trace_begin_call(struct tars_pending *p, struct trace *t);

/* Milliseconds since 1970. */
int64_t trace_now_ms(void);

/* These write the lines; size: encoded bytes of the arguments or the result, which may be NULL. */
void trace_call_sent(struct tars_pending *p, const void *in, size_t size);
/* p->rq is traced; p may have failed early. */
void trace_call_ended(struct tars_pending *p, int rc, const void *out);
void trace_received(struct tars_req *rq, const void *in);
void trace_replied(struct tars_req *rq, int code, const void *out, size_t size);

#endif
