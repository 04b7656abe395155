/*
 * Adaptive limit: how many requests may be at work, found from their latency.
 *
 * Latency without load is the measure: while requests take `tolerance` times as long or less, a
 * limit that is reached grows; above, it shrinks by as much as they take longer.  So the queue in
 * front of a server that is at its capacity stays short, however much is sent.  After each window:
 *
 *	gradient = tolerance * no-load latency / latency
 *	>= 1:  limit += the larger of limit / 8 and sqrt(limit), if half of it was used
 *	<  1:  limit += (limit * gradient + sqrt(limit) - limit) / 5
 *
 * The no-load latency is the least of the windows' means.  Those of a service that was flooded from
 * the start are all too high, and a service may become slower for good.  So while the limit is
 * reached, it is quartered now and then, until requests that began after that have been measured:
 * their mean is the new no-load latency.  Such probes come after 1 s, 2 s, 4 s ... probe_us.  Pure arithmetic on the times that are given.  Open value.
 * Thread: one at a time.
 */
#ifndef PROTO_ADAPT_H
#define PROTO_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

struct adapt_conf {
	unsigned min, max, first;  /* limits: least, most, and to begin with */
	double tolerance;
	int64_t window_us;
	unsigned window_samples;   /* a window has at least so many */
	int64_t probe_us;          /* between probes, at last */
};

extern const struct adapt_conf adapt_defaults;

struct adapt {
	struct adapt_conf conf;
	double limit;
	double no_load_us;         /* 0: nothing measured yet */
	double latency_us;         /* mean of the last window */
	bool probing;
	int64_t probe_at_us;       /* the next one; while probing: when it began */
	int64_t probe_after_us;

	int64_t window_from_us;
	unsigned n, most_in_flight;
	double sum_us;
};

void adapt_init(struct adapt *a, const struct adapt_conf *conf, int64_t now_us);
/* A request ended well.  in_flight: those at work just before, itself included. */
void adapt_sample(struct adapt *a, int64_t start_us, int64_t now_us, unsigned in_flight);
/* Requests that may be at work at present. */
unsigned adapt_limit(const struct adapt *a);

#endif
