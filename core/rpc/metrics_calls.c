/* Metrics of calls: functions that were served, endpoints that were called, lag of the loops. */
#include <stdio.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/health.h"
#include "core/rpc/metrics.h"
#include "core/rpc/proxy.h"

/* Bounds of the exported histogram: powers of two of a microsecond, 64 us to 16.8 s. */
enum { FIRST_BITS = 6, N_BOUNDS = 19 };

/* ---- functions ---- */

static void add_calls(void *arg, const struct stats_func *f)
{
	metric_sample(arg, (double)f->n, "servant", f->servant, "function", f->func, NULL);
}

static void add_failures(void *arg, const struct stats_func *f)
{
	char code[16];

	for (unsigned i = 0; i < STATS_CODES && f->codes[i].code; i++) {
		snprintf(code, sizeof(code), "%d", f->codes[i].code);
		metric_sample(arg, (double)f->codes[i].n, "servant", f->servant, "function",
			      f->func, "code", code, NULL);
	}
	if (f->n_other_codes)
		metric_sample(arg, (double)f->n_other_codes, "servant", f->servant, "function",
			      f->func, "code", "other", NULL);
}

static void add_times(void *arg, const struct stats_func *f)
{
	uint64_t counts[N_BOUNDS + 1] = { 0 };
	double bounds[N_BOUNDS];
	unsigned at = 0;

	for (unsigned i = 0; i < N_BOUNDS; i++)
		bounds[i] = (double)(UINT64_C(1) << (FIRST_BITS + i)) / 1e6;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		while (at < N_BOUNDS && histogram_lower(i) >= UINT64_C(1) << (FIRST_BITS + at))
			at++;
		counts[at] += f->times.n[i];
	}
	metric_histogram(arg, bounds, counts, N_BOUNDS, (double)f->us_total / 1e6, "servant",
			 f->servant, "function", f->func, NULL);
}

static const struct func_row {
	struct metric metric;
	void (*add)(void *arg, const struct stats_func *f);
} func_rows[] = {
	{ { "tars_function_calls_total", METRIC_COUNTER, "Calls served, by function." }, add_calls },
	{ { "tars_function_failures_total", METRIC_COUNTER,
	    "Calls that were answered with a code that is not 0." }, add_failures },
	{ { "tars_function_seconds", METRIC_HISTOGRAM,
	    "From a request's arrival to its reply, of those that reached their handler." },
	  add_times },
};

/* ---- endpoints ---- */

struct endpoint_row {
	struct metric metric;
	double (*get)(const struct health_info *info);
};

static double endpoint_usable(const struct health_info *info)
{
	return !strcmp(info->state, "usable");
}

static double endpoint_in_flight(const struct health_info *info)
{
	return info->in_flight;
}

static double endpoint_ok(const struct health_info *info)
{
	return (double)info->n_ok;
}

static double endpoint_failed(const struct health_info *info)
{
	return (double)info->n_failed;
}

static const struct endpoint_row endpoint_rows[] = {
	{ { "tars_endpoint_usable", METRIC_GAUGE, "1: gets calls; 0: shielded." }, endpoint_usable },
	{ { "tars_endpoint_calls_in_flight", METRIC_GAUGE, "Calls sent and not answered yet." },
	  endpoint_in_flight },
	{ { "tars_endpoint_calls_ok_total", METRIC_COUNTER, "Calls that succeeded." },
	  endpoint_ok },
	{ { "tars_endpoint_calls_failed_total", METRIC_COUNTER,
	    "Calls that failed at this endpoint, as shielding counts them." }, endpoint_failed },
};

struct endpoint_sum {
	const char *object;
	struct health_info info;
};

/* Several proxies may have one name and endpoint: a series must be printed once. */
static void add_endpoint(const struct tars_proxy *proxy, const struct health_info *info, void *arg)
{
	struct buf *sums = arg;
	struct endpoint_sum new = { .object = proxy->name }, *sum = (void *)buf_head(sums);

	if (!info)
		return;
	for (size_t n = buf_size(sums) / sizeof(*sum); n; n--, sum++) {
		if (strcmp(sum->object, proxy->name) || strcmp(sum->info.endpoint, info->endpoint))
			continue;
		if (!strcmp(sum->info.state, "usable"))
			sum->info.state = info->state;
		sum->info.in_flight += info->in_flight;
		sum->info.n_ok += info->n_ok;
		sum->info.n_failed += info->n_failed;
		return;
	}
	new.info = *info;
	buf_add(sums, &new, sizeof(new));
}

static void collect_endpoints(struct metric_out *out, struct tars_app *app)
{
	struct buf sums = BUF_INIT;

	endpoints_each(app, add_endpoint, &sums);
	for (size_t i = 0; i < sizeof(endpoint_rows) / sizeof(*endpoint_rows); i++) {
		const struct endpoint_sum *sum = (const void *)buf_head(&sums);

		metric_begin(out, &endpoint_rows[i].metric);
		for (size_t n = buf_size(&sums) / sizeof(*sum); n; n--, sum++)
			metric_sample(out, endpoint_rows[i].get(&sum->info), "object", sum->object,
				      "endpoint", sum->info.endpoint, NULL);
	}
	buf_release(&sums);
}

/* ---- loops ---- */

static double loop_lag(const struct loop *l)
{
	return (double)stats_lag_us(&l->stats) / 1e6;
}

static double loop_busy(const struct loop *l)
{
	return (double)counter_get(&l->stats.busy_us) / 1e6;
}

static const struct loop_row {
	struct metric metric;
	double (*get)(const struct loop *l);
} loop_rows[] = {
	{ { "tars_loop_lag_seconds", METRIC_GAUGE,
	    "Longest turn of the last 10 to 20 s, the one under way included." }, loop_lag },
	{ { "tars_loop_busy_seconds_total", METRIC_COUNTER,
	    "Time in turns that had requests or replies." }, loop_busy },
};

static void collect_calls(struct metric_out *out, void *arg)
{
	struct tars_app *app = arg;
	char number[16];

	for (size_t i = 0; i < sizeof(func_rows) / sizeof(*func_rows); i++) {
		metric_begin(out, &func_rows[i].metric);
		stats_each_func(app, func_rows[i].add, out);
	}
	collect_endpoints(out, app);
	for (size_t i = 0; i < sizeof(loop_rows) / sizeof(*loop_rows); i++) {
		metric_begin(out, &loop_rows[i].metric);
		for (unsigned k = 0; k < app->n_loops; k++) {
			snprintf(number, sizeof(number), "%u", k);
			metric_sample(out, loop_rows[i].get(&app->loops[k]), "loop", number, NULL);
		}
	}
}

void metrics_init_calls(struct tars_app *app)
{
	app->call_metrics = (struct metric_source){ .collect = collect_calls, .arg = app };
	metrics_add(app, &app->call_metrics);
}
