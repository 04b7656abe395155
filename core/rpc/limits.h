/*
 * Limits of an adapter beyond its queue: requests at work (a number, or found by measuring), calls
 * a second of each caller, calls a second of a function.
 *
 * Configured in the adapter's sub-domain <limits>.  A caller is context["node_name"] if it sends
 * that, else the address of its connection, as everywhere (contract 1.4).  Adapters without this
 * sub-domain pay nothing.  Thread: any; all loops share one set of buckets.
 */
#ifndef CORE_RPC_LIMITS_H
#define CORE_RPC_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/adapt.h"
#include "proto/bucket.h"
#include "proto/tarsconf.h"

struct limits;
struct tars_req;

struct named_rate {
	const char *name;
	struct rate rate;
};

struct limits_conf {
	bool adaptive;
	struct adapt_conf adapt;     /* max: the limit itself if it is not adaptive; 0: none */
	struct named_rate *callers, *functions;
	unsigned n_callers, n_functions;
	const struct rate *others;   /* of each caller that is not named; NULL: no limit */
};

/* <limits> of the domain of an adapter, or NULL in *c if it has none.  path: of the domain, for
 * messages.  Everything lives in a and the tree. */
int limits_read(const struct tarsconf *adapter, const char *path, const struct limits_conf **c,
		struct arena *a, struct err *e);

struct limits *limits_new(const struct limits_conf *conf);
void limits_free(struct limits *l);
/* What limits_admit found in its way. */
enum limits_refusal { LIMITS_OK, LIMITS_CONCURRENCY, LIMITS_RATE };
/* Not LIMITS_OK: why[size] names the limit.  Else limits_ended must follow. */
enum limits_refusal limits_admit(struct limits *l, const struct tars_req *rq, char *why,
				 size_t size);
void limits_ended(struct limits *l, const struct tars_req *rq);
/* Requests that may be at work at present; 0: no limit. */
unsigned limits_concurrency(const struct limits *l);

#endif
