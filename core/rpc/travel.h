/*
 * What travels with a call: cookies, dyeing, the trace, samples and the set, from a request to the calls
 * that are made for it (contract 1.4, 10.4, 10.5, 11.2).
 *
 *	packet --travel_arrived--> rq->travel --travel_put--> status and context of the next packet
 *
 * These are the only two places that know it.  A request that carries nothing has no travel, and
 * costs a comparison.  Memory is the request's.  Thread: as for the request.
 */
#ifndef CORE_RPC_TRAVEL_H
#define CORE_RPC_TRAVEL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/rpc/sample.h"
#include "proto/packet.h"
#include "proto/tracekey.h"

struct tars_call;
struct tars_pending;
struct tars_req;

/* Cookies of a request that are larger than this together stay with it: they would be paid for by
 * every call behind it. */
enum { COOKIE_MAX = 64 * 1024 };

/* The trace that a request is part of. */
struct trace {
	struct tars_str key;          /* "f.2-4bf9..."; empty: only handed on, no lines */
	struct tars_str id;           /* of it, for users' own logs */
	unsigned data;                /* lines with data, as in trace_key */
	size_t max_data;              /* bytes of it */
	const char *span;             /* of the call that this request is; "": it began here */
	_Atomic(const char *) parent; /* of its calls; NULL: the first call becomes it */
	struct traceparent w3c;       /* span: not used */
	struct tars_str state;        /* tracestate */
	bool received;                /* its line "sr" is written */
};

struct travel {
	bool has_cookies;                     /* in the request's status */
	struct tars_string_string_map cookies;  /* that were set here; they go first */
	bool dyed;
	struct tars_str dye_key;
	struct trace *trace;
	struct sample *sample;
};

/* What the request of a call carries beside its arguments; its user's until the packet is written. */
struct outgoing {
	struct tars_string_string_map context, status;
	int message_type;
	/* Room for the usual. */
	struct tars_string_string_pair context_room[8], status_room[8];
	char grid[24], key[TRACE_KEY_SIZE], parent[TRACEPARENT_SIZE], sample[SAMPLE_KEY_SIZE];
};

/* Takes from rq->head what goes on.  TARS_ESET: the set rules forbid the call. */
int travel_arrived(struct tars_req *rq, struct err *e);
/* Fills o with what c gives and what travels; begins the call's span if it is traced. */
void travel_put(struct outgoing *o, struct tars_pending *p, const struct tars_call *c,
		const void *in);

/* rq->travel, made if there is none. */
struct travel *travel_get(struct tars_req *rq);

static inline bool travel_is_dyed(const struct travel *t)
{
	return t && t->dyed;
}

#endif
