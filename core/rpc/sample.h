/*
 * Samples of call chains: of many calls, one is followed through all services behind it, and each of
 * its calls is told to StatF.reportSampleMsg (contract 9.1).
 *
 *	sample_begin --> rq->travel->sample --sample_put--> bit SAMPLE, STATUS_SAMPLE_KEY
 *	                        ^                            "unid|depth|width"
 *	sample_arrived ---------'               sample_sent --> sampler --sampler_take--> report
 *
 * Who begins a sample decides (key sample-rate); those behind it go on with it.
 */
#ifndef CORE_RPC_SAMPLE_H
#define CORE_RPC_SAMPLE_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/tars.h"

struct sampler;
struct peer;

enum { SAMPLE_UNID_MAX = 64, SAMPLE_KEY_SIZE = SAMPLE_UNID_MAX + 32 };

/* Of a request: what its calls are part of. */
struct sample {
	char unid[SAMPLE_UNID_MAX + 1];  /* of the chain */
	int depth;                       /* of its calls: how many lie before them */
	_Atomic int width;               /* calls that it has made */
	int parent_width;                /* which of its caller's calls it is; -1: it has none */
};

/* Of a call. */
struct call_sample {
	const struct sample *of;
	int width;
};

/* One call, as it is reported. */
struct sampled {
	const struct tars_proxy *proxy;
	const char *func;
	char unid[SAMPLE_UNID_MAX + 1], host[64];
	int depth, width, parent_width;
};

/* rate: one of so many calls begins a sample, 0: none; at most max calls are kept for a report. */
struct sampler *sampler_new(unsigned rate, unsigned max);
void sampler_free(struct sampler *s);
/* What there is for a report; the caller frees *v.  Thread: any. */
unsigned sampler_take(struct sampler *s, struct sampled **v);

/* A request whose packet has the bit SAMPLE. */
void sample_arrived(struct tars_req *rq);
/* A call of rq may be the one that begins a sample. */
void sample_begin(struct sampler *s, struct tars_req *rq);
/* Text of the next call's key, and what is told when it is sent. */
void sample_put(struct tars_pending *p, struct sample *s, char key[SAMPLE_KEY_SIZE]);
/* Thread: p's loop. */
void sample_sent(const struct tars_pending *p, const struct peer *peer);

#endif
