/* What `tars bench` tells: progress, the table at the end, the result as JSON, comparisons. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "roles/bench/bench.h"

enum { BAR = 50 };

const struct bench_quantile bench_quantiles[] = {
	{ "p50", 0.5 }, { "p75", 0.75 }, { "p90", 0.9 }, { "p95", 0.95 }, { "p99", 0.99 },
	{ "p99.9", 0.999 }, { "p99.99", 0.9999 }, { NULL, 0 },
};

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static double per_second(const struct bench_span *s)
{
	return s->seconds > 0 ? (double)s->n_calls / s->seconds : 0;
}

static uint64_t n_done(const struct load_counts *c)
{
	return c->ok + c->failed;
}

static double mean_ns(const struct load_counts *c)
{
	return c->latency.total ? (double)c->latency_sum_ns / (double)c->latency.total : 0;
}

/* ---- while it runs ---- */

static void begin(struct bench *b)
{
	const struct load_plan *p = &b->plan;

	fprintf(stderr, "%s at %s%s", p->object, p->targets[0].text,
		p->n_targets > 1 ? " and others" : "");
	if (p->rate > 0)
		fprintf(stderr, "; open loop, %.0f calls a second on %u connections", p->rate,
			p->connections);
	else
		fprintf(stderr, "; closed loop, %u connections with %u in flight each",
			p->connections, p->in_flight);
	fprintf(stderr, ", %u thread%s, %.1f s after %.1f s of warming up\n", p->threads,
		p->threads > 1 ? "s" : "", (double)b->duration_ms / 1e3,
		(double)b->warm_up_ms / 1e3);
}

static void interval(struct bench *b, const struct bench_span *s, double at_s)
{
	const struct load_counts *c = &s->counts;
	struct bench_telling *telling = b->style_data;
	bool is_terminal = isatty(STDERR_FILENO);
	char overdue[64] = "";

	if (b->plan.rate > 0 && c->overdue)
		snprintf(overdue, sizeof(overdue), "  overdue %llu", (unsigned long long)c->overdue);
	fprintf(stderr, "%s%6.1f s  %10.0f calls/s  p50 %.3f  p99 %.3f  max %.3f ms  failed %llu%s%s",
		is_terminal ? "\r\x1b[K" : "", at_s, per_second(s),
		ms(hist_quantile(&c->latency, 0.5)), ms(hist_quantile(&c->latency, 0.99)),
		ms(hist_max(&c->latency)), (unsigned long long)c->failed, overdue,
		is_terminal ? "" : "\n");
	telling->has_line = is_terminal;
}

/* ---- the end, as text ---- */

static double per_call(uint64_t bytes, uint64_t calls)
{
	return calls ? (double)bytes / (double)calls : 0;
}

static void put_totals(struct buf *b, const struct bench_span *s)
{
	const struct load_counts *c = &s->counts;
	double seconds = s->seconds > 0 ? s->seconds : 1;

	buf_addf(b, "calls        %llu in %.2f s: %.1f calls/s\n", (unsigned long long)n_done(c),
		 s->seconds, per_second(s));
	buf_addf(b, "answers      %llu ok, %llu failed\n", (unsigned long long)c->ok,
		 (unsigned long long)c->failed);
	buf_addf(b, "sizes        request %.1f B, response %.1f B\n", per_call(c->bytes_out, c->sent),
		 per_call(c->bytes_in, n_done(c)));
	buf_addf(b, "transfer     %.2f MB/s out, %.2f MB/s in\n",
		 (double)c->bytes_out / 1e6 / seconds, (double)c->bytes_in / 1e6 / seconds);
	buf_addf(b, "own cpu      %.2f us a call\n",
		 s->n_calls ? s->cpu_seconds * 1e6 / (double)s->n_calls : 0);
	if (c->overdue)
		buf_addf(b, "overdue      %llu calls were due, but found no place to be sent from\n",
			 (unsigned long long)c->overdue);
	if (c->late)
		buf_addf(b, "late         %llu answers came after their time-out\n",
			 (unsigned long long)c->late);
}

static void put_latency(struct buf *b, const struct load_counts *c)
{
	buf_addf(b, "\nlatency, ms\n  min      %.3f\n  mean     %.3f\n",
		 ms(hist_min(&c->latency)), mean_ns(c) / 1e6);
	for (const struct bench_quantile *q = bench_quantiles; q->name; q++)
		buf_addf(b, "  %-8s %.3f\n", q->name, ms(hist_quantile(&c->latency, q->part)));
	buf_addf(b, "  max      %.3f\n", ms(hist_max(&c->latency)));
}

/* A row for each power of two. */
static void put_drawing(struct buf *b, const struct hist *h)
{
	uint64_t most = 0, lower = 1, first = hist_min(h), last = hist_max(h);

	while (lower * 2 <= first)
		lower *= 2;
	for (uint64_t at = lower; at <= last; at *= 2) {
		uint64_t n = hist_below(h, at * 2) - hist_below(h, at);

		most = n > most ? n : most;
	}
	if (!most)
		return;
	buf_add_str(b, "\nhistogram, ms\n");
	for (uint64_t at = lower; at <= last; at *= 2) {
		uint64_t n = hist_below(h, at * 2) - hist_below(h, at);
		int width = (int)ceil((double)n * BAR / (double)most);

		buf_addf(b, "  < %10.3f %12llu  %.*s\n", ms(at * 2), (unsigned long long)n, width,
			 "##################################################");
	}
}

static const char *code_text(int code)
{
	return code == INT32_MAX ? "others" : tars_strerror(code);
}

static void put_codes(struct buf *b, const struct load_counts *c)
{
	buf_add_str(b, "\ncodes\n");
	for (unsigned i = 0; i <= LOAD_MAX_CODES && c->codes[i].n; i++)
		if (c->codes[i].code == INT32_MAX)
			buf_addf(b, "  others %12llu\n", (unsigned long long)c->codes[i].n);
		else
			buf_addf(b, "  %6d %12llu  %s\n", c->codes[i].code,
				 (unsigned long long)c->codes[i].n, code_text(c->codes[i].code));
}

/* ---- the end, as JSON ---- */

static json_t *latency_json(const struct load_counts *c)
{
	json_t *j = json_pack("{s:f, s:f, s:f}", "min", (double)hist_min(&c->latency) / 1e3, "mean",
			      mean_ns(c) / 1e3, "max", (double)hist_max(&c->latency) / 1e3);

	for (const struct bench_quantile *q = bench_quantiles; q->name; q++)
		json_object_set_new(j, q->name,
				    json_real((double)hist_quantile(&c->latency, q->part) / 1e3));
	return j;
}

/* Pairs: below so many microseconds, so many calls. */
static json_t *histogram_json(const struct hist *h)
{
	json_t *j = json_array();

	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		if (h->n[i])
			json_array_append_new(j, json_pack("[f, I]", (double)hist_lower(i + 1) / 1e3,
							   (json_int_t)h->n[i]));
	return j;
}

static json_t *codes_json(const struct load_counts *c)
{
	json_t *j = json_object();
	char code[16];

	for (unsigned i = 0; i <= LOAD_MAX_CODES && c->codes[i].n; i++) {
		snprintf(code, sizeof(code), "%d", c->codes[i].code);
		json_object_set_new(j, c->codes[i].code == INT32_MAX ? "others" : code,
				    json_integer((json_int_t)c->codes[i].n));
	}
	return j;
}

json_t *bench_result(const struct bench *b, const struct bench_span *s)
{
	const struct load_plan *p = &b->plan;
	const struct load_counts *c = &s->counts;
	json_t *targets = json_array();

	for (unsigned i = 0; i < p->n_targets; i++)
		json_array_append_new(targets, json_string(p->targets[i].text));
	return json_pack(
		"{s:s, s:o, s:s, s:f, s:i, s:i, s:i, s:f, s:I, s:I, s:I, s:f, s:o, s:o, s:f, s:f,"
		" s:f, s:f, s:f, s:I, s:I, s:I, s:b, s:o}",
		"object", p->object, "targets", targets,
		"loop", p->rate > 0 ? "open" : "closed", "rate", p->rate,
		"connections", (int)p->connections, "inflight", (int)p->in_flight,
		"threads", (int)p->threads, "seconds", s->seconds,
		"calls", (json_int_t)n_done(c), "ok", (json_int_t)c->ok,
		"failed", (json_int_t)c->failed, "calls_per_s", per_second(s),
		"latency_us", latency_json(c), "codes", codes_json(c),
		"request_bytes", per_call(c->bytes_out, c->sent),
		"response_bytes", per_call(c->bytes_in, n_done(c)),
		"bytes_out_per_s", s->seconds > 0 ? (double)c->bytes_out / s->seconds : 0,
		"bytes_in_per_s", s->seconds > 0 ? (double)c->bytes_in / s->seconds : 0,
		"own_cpu_us", s->n_calls ? s->cpu_seconds * 1e6 / (double)s->n_calls : 0,
		"overdue", (json_int_t)c->overdue, "late", (json_int_t)c->late,
		"broken", (json_int_t)c->broken, "interrupted", (int)b->is_interrupted,
		"histogram_us", histogram_json(&c->latency));
}

/* ---- comparisons ---- */

json_t *bench_load_result(const char *path, struct err *e)
{
	json_error_t why;
	json_t *j = json_load_file(path, 0, &why);

	if (!j)
		err_set(e, TARS_EARG, "%s:%d: %s", path, why.line, why.text);
	else if (json_is_number(json_object_get(j, "calls_per_s")) &&
		 json_is_object(json_object_get(j, "latency_us")))
		return j;
	else
		err_set(e, TARS_EARG, "%s: is no result of tars bench --output json", path);
	json_decref(j);
	return NULL;
}

static void put_row(struct buf *b, const char *name, const json_t *before, const json_t *after)
{
	double was = json_number_value(before), is = json_number_value(after);

	buf_addf(b, "  %-16s %14.1f %14.1f", name, was, is);
	if (was > 0)
		buf_addf(b, " %+9.1f %%\n", (is - was) * 100 / was);
	else
		buf_add_str(b, "\n");
}

void bench_put_comparison(struct buf *b, const json_t *before, const json_t *after)
{
	static const char *const rows[] = { "calls_per_s", "failed", "own_cpu_us",
					    "request_bytes", "response_bytes" };
	const json_t *was = json_object_get(before, "latency_us");
	const json_t *is = json_object_get(after, "latency_us");
	char name[32];

	buf_addf(b, "  %-16s %14s %14s %11s\n", "", "before", "after", "change");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		put_row(b, rows[i], json_object_get(before, rows[i]), json_object_get(after, rows[i]));
	put_row(b, "mean, us", json_object_get(was, "mean"), json_object_get(is, "mean"));
	for (const struct bench_quantile *q = bench_quantiles; q->name; q++) {
		snprintf(name, sizeof(name), "%s, us", q->name);
		put_row(b, name, json_object_get(was, q->name), json_object_get(is, q->name));
	}
	put_row(b, "max, us", json_object_get(was, "max"), json_object_get(is, "max"));
}

static int end(struct bench *b, const struct bench_span *all)
{
	struct bench_telling *telling = b->style_data;
	json_t *result = bench_result(b, all);
	struct buf text = BUF_INIT;
	char *dump;
	int status;

	if (telling->has_line)
		fputc('\n', stderr);
	if (telling->json) {
		dump = json_dumps(result, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		buf_addf(&text, "%s\n", dump);
		free(dump);
	} else {
		put_totals(&text, all);
		put_latency(&text, &all->counts);
		put_drawing(&text, &all->counts.latency);
		put_codes(&text, &all->counts);
		if (telling->before) {
			buf_add_str(&text, "\ncomparison\n");
			bench_put_comparison(&text, telling->before, result);
		}
	}
	status = role_print("bench", &text);
	buf_release(&text);
	json_decref(result);
	return status;
}

const struct bench_style bench_style = { begin, interval, end };
