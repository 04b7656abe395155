/*
 * A benchmark: what is called where and for how long, its course, and how that is told.
 *
 * `tars bench` and `tb` fill it from their options and have a style each.  Thread: the tool's.
 */
#ifndef ROLES_BENCH_BENCH_H
#define ROLES_BENCH_BENCH_H

#include <jansson.h>

#include "roles/bench/cases.h"
#include "roles/bench/load.h"
#include "roles/remote.h"

enum { BENCH_MAX_CONNECTIONS = 100000, BENCH_MAX_THREADS = 256 };

/* What happened between two moments, or in all. */
struct bench_span {
	double seconds;
	uint64_t n_calls;        /* answered or failed within these seconds */
	struct load_counts counts;
	double cpu_seconds;      /* of this process */
};

struct bench;

struct bench_style {
	void (*begin)(struct bench *b);
	/* Every interval_ms.  at_s: seconds since the begin. */
	void (*interval)(struct bench *b, const struct bench_span *span, double at_s);
	/* all: without the warm-up, with what was under way at the end.  Gives the exit status. */
	int (*end)(struct bench *b, const struct bench_span *all);
};

struct bench {
	struct remote remote;
	struct cases cases;
	struct load_plan plan;
	int64_t duration_ms, warm_up_ms, interval_ms;
	const struct bench_style *style;
	void *style_data;
	bool is_interrupted;
};

/* ---- course.c; 0 or an exit status ---- */
/* Where the object is, into the plan. */
int bench_find_targets(struct bench *b);
/* Fills what is 0 in the plan with defaults, and refuses what cannot be. */
int bench_check_plan(struct bench *b);
int bench_run(struct bench *b);

/* ---- report.c ---- */
/* Latencies that are told, as parts of 1, with their names: "p99.9". */
struct bench_quantile {
	const char *name;
	double part;
};
extern const struct bench_quantile bench_quantiles[];
extern const struct bench_style bench_style;
/* The result as JSON, which is what files of results hold. */
json_t *bench_result(const struct bench *b, const struct bench_span *all);
/* Two results side by side. */
void bench_put_comparison(struct buf *b, const json_t *before, const json_t *after);
/* A file of a result; NULL with *e. */
json_t *bench_load_result(const char *path, struct err *e);

/* How `tars bench` tells its end. */
struct bench_telling {
	bool json;
	json_t *before;          /* compare with this; NULL: nothing */
	bool has_line;           /* a line of the terminal is to be written over */
};

#endif
