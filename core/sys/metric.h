/*
 * Metrics in the Prometheus text format: values are collected when somebody asks for them.
 *
 * Who counts something keeps plain counters where it counts, and gives a source: a function that
 * prints them.  A metric's samples follow its metric_begin().
 *
 *	static const struct metric calls = { "tars_calls_total", METRIC_COUNTER, "Calls served." };
 *	metric_begin(out, &calls);
 *	metric_sample(out, n, "loop", "0", NULL);
 *
 * Thread: sources are called from any loop; one print at a time.
 */
#ifndef CORE_SYS_METRIC_H
#define CORE_SYS_METRIC_H

#include <stdint.h>

#include "proto/buf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
	const char *name;            /* counters end in _total, seconds and bytes say so */
	enum metric_type type;
	const char *help;
};

struct metric_out {
	struct buf *text;
	const struct metric *metric;
};

/* Embedded in its owner, and as long in the list as that lives. */
struct metric_source {
	void (*collect)(struct metric_out *out, void *arg);
	void *arg;
	struct metric_source *next;
};

/* Prints all sources of a list. */
void metric_print(struct buf *text, const struct metric_source *first);

void metric_begin(struct metric_out *out, const struct metric *m);
/* Then names and values of labels, and NULL. */
void metric_sample(struct metric_out *out, double value, ...) __attribute__((sentinel));
/* counts[i] values were at most bounds[i], and above bounds[i - 1]; counts[n] above all bounds. */
void metric_histogram(struct metric_out *out, const double *bounds, const uint64_t *counts,
		      unsigned n, double sum, ...) __attribute__((sentinel));

#endif
