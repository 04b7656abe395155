/* What adapters tell of themselves as properties: queues, connections, times (contract 9.3). */
#include <stdio.h>

#include "core/rpc/app_int.h"
#include "core/rpc/property.h"
#include "core/rpc/report_int.h"
#include "core/rpc/server.h"

enum { GATHER_MS = 2000, N_TIME_RANGES = 13, TIME_POLICIES = TARS_PROPERTY_AVG |
       TARS_PROPERTY_MIN | TARS_PROPERTY_MAX | TARS_PROPERTY_COUNT | TARS_PROPERTY_DISTR };

/* Microseconds. */
static const int time_ranges[N_TIME_RANGES] = {
	5, 10, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000,
};

/* ---- times, added up by the loops ---- */

static void add_time(struct property_sum *s, int64_t us, unsigned times)
{
	int32_t value = us < 0 ? 0 : us > INT32_MAX ? INT32_MAX : (int32_t)us;
	unsigned range = 0;

	while (range < N_TIME_RANGES && value >= time_ranges[range])
		range++;
	s->sum += (int64_t)value * times;
	s->n += times;
	if (!s->any || value > s->max)
		s->max = value;
	if (!s->min || (value && value < s->min))
		s->min = value;
	s->any = true;
	s->distr[range] += times;
}

void stats_note_times(struct adapter_times *t, int64_t wait_us, int64_t handle_us, unsigned times)
{
	add_time(&t->wait, wait_us, times);
	add_time(&t->handled, handle_us, times);
}

static void take_times(struct loop *l, const void *arg, struct buf *out)
{
	(void)arg;
	for (struct adapter_times *t = l->stats.times; t; t = t->next) {
		buf_add(out, t, sizeof(*t));
		t->wait = t->handled = (struct property_sum){ 0 };
	}
}

/* ---- properties ---- */

static struct tars_property *property_of(struct adapter *a, const char *what, unsigned policies)
{
	bool is_time = policies & TARS_PROPERTY_DISTR;
	char name[256];

	snprintf(name, sizeof(name), "%s.%s", a->name, what);
	return property_get(a->app->properties, name, policies, time_ranges,
			    is_time ? N_TIME_RANGES : 0);
}

static void count_unsent(struct loop *l, const void *arg, struct buf *out)
{
	unsigned n = 0;

	(void)arg;
	for (struct list *at = l->conns.next; at != &l->conns; at = at->next)
		n += buf_size(&container_of(at, struct server_conn, node)->conn.out) > 0;
	buf_add(out, &n, sizeof(n));
}

static void sample_output(struct tars_app *app)
{
	struct buf counts = BUF_INIT;
	const unsigned *n;
	unsigned all = 0;

	stats_gather(app, count_unsent, NULL, 0, GATHER_MS, &counts);
	n = (const void *)buf_head(&counts);
	for (size_t i = 0; i < buf_size(&counts) / sizeof(*n); i++)
		all += n[i];
	buf_release(&counts);
	tars_property_report(property_get(app->properties, "sendrspqueue", TARS_PROPERTY_AVG, NULL,
					  0), (int)all);
}

void adapters_sample(struct tars_app *app)
{
	bool serves = false;

	for (struct adapter *a = NULL; (a = adapter_next(app, a));) {
		if (a->conf.local)
			continue;
		serves = true;
		tars_property_report(property_of(a, "queue", TARS_PROPERTY_AVG),
				     (int)atomic_load(&a->waiting));
		tars_property_report(property_of(a, "connectRate", TARS_PROPERTY_AVG),
				     (int)(atomic_load(&a->n_conns) * UINT64_C(1000) /
					   a->conf.max_conns));
	}
	if (serves)
		sample_output(app);
}

void adapters_measure(struct tars_app *app)
{
	struct buf times = BUF_INIT;
	const struct adapter_times *t;

	for (struct adapter *a = NULL; (a = adapter_next(app, a));) {
		uint64_t n = atomic_load(&a->drops[DROP_EXPIRED]);
		struct tars_property *p;

		if (a->conf.local)
			continue;
		p = property_of(a, "timeoutNum", TARS_PROPERTY_SUM);
		if (n != a->n_reported_timeouts)
			tars_property_report(p, (int)(n - a->n_reported_timeouts));
		a->n_reported_timeouts = n;
		property_of(a, "queueWaitTime", TIME_POLICIES);
		property_of(a, "servantHandleTime", TIME_POLICIES);
	}
	stats_gather(app, take_times, NULL, 0, GATHER_MS, &times);
	t = (const void *)buf_head(&times);
	for (size_t n = buf_size(&times) / sizeof(*t); n; n--, t++) {
		if (t->adapter->conf.local)
			continue;
		property_add(property_of(t->adapter, "queueWaitTime", TIME_POLICIES), &t->wait);
		property_add(property_of(t->adapter, "servantHandleTime", TIME_POLICIES),
			     &t->handled);
	}
	buf_release(&times);
}
