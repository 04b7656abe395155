/* Metrics in the Prometheus text format: values are collected when somebody asks for them. */
#include "core/sys/metric.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void metric_print(struct buf *text, const struct metric_source *first)
{
	struct metric_out out = { .text = text };

	for (const struct metric_source *s = first; s; s = s->next)
		s->collect(&out, s->arg);
}

void metric_begin(struct metric_out *out, const struct metric *m)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};

	out->metric = m;
	buf_addf(out->text, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
		 types[m->type]);
}

static void put_label(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n') {
			buf_add_str(b, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			buf_add_u8(b, '\\');
		buf_add_u8(b, (uint8_t)*value);
	}
	buf_add_u8(b, '"');
}

/* le: the bound of a bucket, or NULL. */
static void put_labels(struct buf *b, const char *le, va_list ap)
{
	char before = '{';
	const char *name;
	va_list labels;

	va_copy(labels, ap);
	while ((name = va_arg(labels, const char *))) {
		buf_add_u8(b, (uint8_t)before);
		put_label(b, name, va_arg(labels, const char *));
		before = ',';
	}
	va_end(labels);
	if (le) {
		buf_add_u8(b, (uint8_t)before);
		put_label(b, "le", le);
		before = ',';
	}
	if (before == ',')
		buf_add_u8(b, '}');
}

static void put_number(struct buf *b, double v)
{
	if (v == floor(v) && fabs(v) < 1e15)
		buf_addf(b, " %.0f\n", v);
	else if (isfinite(v))
		buf_addf(b, " %.17g\n", v);
	else
		buf_add_str(b, isnan(v) ? " NaN\n" : v < 0 ? " -Inf\n" : " +Inf\n");
}

static void put_sample(struct metric_out *out, const char *suffix, const char *le, double v,
		       va_list labels)
{
	buf_addf(out->text, "%s%s", out->metric->name, suffix);
	put_labels(out->text, le, labels);
	put_number(out->text, v);
}

void metric_sample(struct metric_out *out, double value, ...)
{
	va_list labels;

	va_start(labels, value);
	put_sample(out, "", NULL, value, labels);
	va_end(labels);
}

void metric_histogram(struct metric_out *out, const double *bounds, const uint64_t *counts,
		      unsigned n, double sum, ...)
{
	uint64_t total = 0;
	va_list labels;
	char le[32];

	va_start(labels, sum);
	for (unsigned i = 0; i <= n; i++) {
		total += counts[i];
		if (i < n)
			snprintf(le, sizeof(le), "%.9g", bounds[i]);
		put_sample(out, "_bucket", i < n ? le : "+Inf", (double)total, labels);
	}
	put_sample(out, "_sum", NULL, sum, labels);
	put_sample(out, "_count", NULL, (double)total, labels);
	va_end(labels);
}
