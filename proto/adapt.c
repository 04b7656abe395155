/* Adaptive limit: windows of latencies, the gradient, probes of the no-load latency. */
#include "proto/adapt.h"

#include <math.h>

enum { FIRST_PROBE_US = 1000000 };

const struct adapt_conf adapt_defaults = {
	.min = 4, .max = 10000, .first = 40, .tolerance = 1.5,
	.window_us = 100000, .window_samples = 20, .probe_us = 30000000,
};

static void begin_window(struct adapt *a, int64_t now_us)
{
	a->window_from_us = now_us;
	a->n = a->most_in_flight = 0;
	a->sum_us = 0;
}

void adapt_init(struct adapt *a, const struct adapt_conf *conf, int64_t now_us)
{
	*a = (struct adapt){ .conf = *conf, .limit = conf->first,
			     .probe_after_us = FIRST_PROBE_US,
			     .probe_at_us = now_us + FIRST_PROBE_US };
	begin_window(a, now_us);
}

unsigned adapt_limit(const struct adapt *a)
{
	double limit = a->probing ? a->limit / 4 : a->limit;

	return limit < a->conf.min ? a->conf.min : (unsigned)limit;
}

/* Below the limit there is nothing to probe: the least latency is one without load. */
static bool is_reached(const struct adapt *a)
{
	return a->most_in_flight >= a->limit * .8;
}

static void begin_probe(struct adapt *a, int64_t now_us)
{
	a->probing = true;
	a->probe_at_us = now_us;
}

static void end_probe(struct adapt *a, int64_t now_us)
{
	a->probing = false;
	a->no_load_us = a->latency_us;
	a->probe_after_us *= 2;
	if (a->probe_after_us > a->conf.probe_us)
		a->probe_after_us = a->conf.probe_us;
	a->probe_at_us = now_us + a->probe_after_us;
}

static void adjust(struct adapt *a)
{
	double gradient = a->conf.tolerance * a->no_load_us / a->latency_us;
	double room = sqrt(a->limit), step;

	if (gradient < 1)
		step = (a->limit * (gradient < .5 ? .5 : gradient) + room - a->limit) / 5;
	else
		step = room > a->limit / 8 ? room : a->limit / 8;
	/* A limit that nobody reaches says nothing about what there is room for. */
	if (step > 0 && a->most_in_flight < a->limit / 2)
		return;
	a->limit = fmin(fmax(a->limit + step, a->conf.min), a->conf.max);
}

static void end_window(struct adapt *a, int64_t now_us)
{
	a->latency_us = a->sum_us / a->n;
	if (a->latency_us < 1)
		a->latency_us = 1;
	if (a->probing) {
		end_probe(a, now_us);
	} else {
		if (!a->no_load_us || a->latency_us < a->no_load_us)
			a->no_load_us = a->latency_us;
		if (now_us >= a->probe_at_us && is_reached(a))
			begin_probe(a, now_us);
		adjust(a);
	}
	begin_window(a, now_us);
}

void adapt_sample(struct adapt *a, int64_t start_us, int64_t now_us, unsigned in_flight)
{
	/* Those that began before the probe waited behind more than it lets in. */
	if (a->probing && start_us < a->probe_at_us)
		return;
	a->n++;
	a->sum_us += (double)(now_us - start_us);
	if (in_flight > a->most_in_flight)
		a->most_in_flight = in_flight;
	if (now_us - a->window_from_us >= a->conf.window_us && a->n >= a->conf.window_samples)
		end_window(a, now_us);
}
