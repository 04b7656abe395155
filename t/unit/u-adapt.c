/* Adaptive limits and token buckets, with clocks and servers that are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/adapt.h"
#include "proto/bucket.h"

/* ---- a server: some workers, a queue, requests that come at a steady rate ---- */

enum { MAX_AT_WORK = 20000 };

struct sim {
	struct adapt adapt;
	int workers;
	int64_t service_us;
	double per_second;          /* arrivals */

	int64_t now_us;
	double next_us;             /* arrival */
	int64_t begun[MAX_AT_WORK], ends[MAX_AT_WORK];  /* at work, in the order of their ends */
	int n;
	/* Since sim_mark: */
	int64_t from_us, latency_us;
	int done, refused, most;
};

static void sim_mark(struct sim *s)
{
	s->from_us = s->now_us;
	s->latency_us = 0;
	s->done = s->refused = s->most = 0;
}

static void sim_init(struct sim *s, int workers, int64_t service_us, double per_second)
{
	memset(s, 0, sizeof(*s));
	adapt_init(&s->adapt, &adapt_defaults, 0);
	s->workers = workers;
	s->service_us = service_us;
	s->per_second = per_second;
	sim_mark(s);
}

/* It ends when it has got a worker, who first serves those before it. */
static void arrive(struct sim *s)
{
	int64_t start = s->now_us;

	if (s->n >= (int)adapt_limit(&s->adapt)) {
		s->refused++;
		return;
	}
	if (s->n >= s->workers && s->ends[s->n - s->workers] > start)
		start = s->ends[s->n - s->workers];
	s->begun[s->n] = s->now_us;
	s->ends[s->n] = start + s->service_us;
	/* Requests that take longer than those before them keep the order that ends want. */
	if (s->n && s->ends[s->n] < s->ends[s->n - 1])
		s->ends[s->n] = s->ends[s->n - 1];
	s->n++;
	if (s->n > s->most)
		s->most = s->n;
}

static void end_first(struct sim *s)
{
	int64_t latency = s->now_us - s->begun[0];

	adapt_sample(&s->adapt, s->begun[0], s->now_us, (unsigned)s->n);
	s->latency_us += latency;
	s->done++;
	s->n--;
	memmove(s->begun, s->begun + 1, (size_t)s->n * sizeof(*s->begun));
	memmove(s->ends, s->ends + 1, (size_t)s->n * sizeof(*s->ends));
}

static void sim_run(struct sim *s, double seconds)
{
	int64_t until_us = s->now_us + (int64_t)(seconds * 1e6);

	while (s->now_us < until_us) {
		if (s->n && s->ends[0] <= (int64_t)s->next_us) {
			s->now_us = s->ends[0];
			end_first(s);
		} else {
			s->now_us = (int64_t)s->next_us;
			arrive(s);
			s->next_us += 1e6 / s->per_second;
		}
	}
}

static double per_second(const struct sim *s)
{
	return s->done / ((double)(s->now_us - s->from_us) / 1e6);
}

static int64_t mean_us(const struct sim *s)
{
	return s->done ? s->latency_us / s->done : 0;
}

/* Three times what ten workers can do: nearly all of that is done, and the queue stays short. */
static void test_overload(void **state)
{
	static struct sim s;

	(void)state;
	sim_init(&s, 10, 10000, 3000);
	sim_run(&s, 10);
	sim_mark(&s);
	sim_run(&s, 20);
	assert_true(per_second(&s) > 990);
	assert_true(mean_us(&s) < 25000);
	assert_in_range(adapt_limit(&s.adapt), 15, 25);
	assert_true(s.refused > 35000);
}

static void test_no_overload_refuses_nothing(void **state)
{
	static struct sim s;

	(void)state;
	sim_init(&s, 10, 10000, 900);
	sim_run(&s, 60);
	assert_int_equal(s.refused, 0);
	assert_true(mean_us(&s) < 11000);
	assert_true(adapt_limit(&s.adapt) >= 40);   /* and not lower for it */
}

/* Many slow requests at a time are no overload: the limit makes room for them in seconds. */
static void test_room_for_many(void **state)
{
	static struct sim s;

	(void)state;
	sim_init(&s, 5000, 100000, 20000);   /* 2000 at a time */
	sim_run(&s, 5);
	sim_mark(&s);
	sim_run(&s, 5);
	assert_int_equal(s.refused, 0);
	assert_true(adapt_limit(&s.adapt) >= 2000);
}

/* A service that becomes slower for good, in the middle of an overload, is measured anew. */
static void test_slower_for_good(void **state)
{
	static struct sim s;

	(void)state;
	sim_init(&s, 20, 10000, 6000);
	sim_run(&s, 10);
	s.service_us = 80000;                /* 250 a second are possible now */
	sim_run(&s, 60);                     /* at least one probe */
	sim_mark(&s);
	sim_run(&s, 20);
	assert_true(per_second(&s) > 240);
	assert_true(mean_us(&s) < 3 * 80000);
	s.service_us = 10000;                /* and back */
	sim_run(&s, 60);
	sim_mark(&s);
	sim_run(&s, 10);
	assert_true(per_second(&s) > 1900);
	assert_true(mean_us(&s) < 30000);
}

/* A probe costs little of what could have been done. */
static void test_probes_are_cheap(void **state)
{
	static struct sim s;
	int64_t probes = 0;
	bool was = false;

	(void)state;
	sim_init(&s, 10, 10000, 3000);
	sim_run(&s, 10);
	sim_mark(&s);
	for (int i = 0; i < 12000; i++) {
		sim_run(&s, .01);
		probes += s.adapt.probing && !was;
		was = s.adapt.probing;
	}
	assert_in_range(probes, 4, 6);       /* in two minutes */
	assert_true(per_second(&s) > 985);
}

static void test_limits_of_the_limit(void **state)
{
	struct adapt_conf conf = adapt_defaults;
	struct adapt a;

	(void)state;
	conf.min = 3;
	conf.first = 5;
	conf.max = 8;
	adapt_init(&a, &conf, 0);
	assert_int_equal(adapt_limit(&a), 5);
	for (int i = 0; i < 10000; i++)      /* all is well, and the limit is reached */
		adapt_sample(&a, i * 10000, i * 10000 + 1000, 8);
	assert_int_equal(adapt_limit(&a), 8);
	for (int i = 10000; i < 12000; i++)  /* never was it so slow */
		adapt_sample(&a, i * 10000, i * 10000 + 1000000, 8);
	assert_int_equal(adapt_limit(&a), 4);   /* sqrt(4) is half of 4 */
}

/* ---- token buckets ---- */

static struct rate rate_of(const char *text)
{
	struct rate r;
	struct err e;

	if (rate_parse(text, &r, &e))
		fail_msg("%s", e.text);
	return r;
}

static void test_rates(void **state)
{
	static const char *const bad[] = { "", "x", "-1", "1x", "1/", "1/0", "1/x", "/5", "1e99",
					   "nan", "inf", "1/1/1", "1/99999999999999999999", " 5" };
	struct rate r;
	struct err e;

	(void)state;
	r = rate_of("500");
	assert_int_equal(r.burst, 500);
	assert_int_equal(r.interval_ns, 2000000);
	r = rate_of("0.25");
	assert_int_equal(r.burst, 1);
	r = rate_of("10.5");
	assert_int_equal(r.burst, 11);
	r = rate_of("100/7");
	assert_int_equal(r.burst, 7);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (rate_parse(bad[i], &r, &e) != TARS_ECONF)
			fail_msg("'%s' is taken", bad[i]);
		assert_non_null(strstr(e.text, "is not a rate"));
	}
}

/* Takings in the seconds from `from` to `to`, tried every millisecond. */
static int taken(int64_t *bucket, const struct rate *r, double from, double to)
{
	int n = 0;

	for (int64_t ms = (int64_t)(from * 1000); ms < (int64_t)(to * 1000); ms++)
		n += bucket_take(bucket, r, ms * 1000000);
	return n;
}

static void test_bucket(void **state)
{
	struct rate r = rate_of("100/10");
	int64_t bucket = 0, hour = 3600;
	int n = 0;

	(void)state;
	while (bucket_take(&bucket, &r, hour * 1000000000))
		n++;
	assert_int_equal(n, 10);                       /* full at first */
	assert_int_equal(taken(&bucket, &r, 3600, 3601), 99);
	assert_int_equal(taken(&bucket, &r, 3601, 3611), 1000);
	/* Unused time fills it up, to its burst and no further. */
	n = 0;
	while (bucket_take(&bucket, &r, 2 * hour * 1000000000))
		n++;
	assert_int_equal(n, 10);

	r = rate_of("0.5");
	bucket = 0;
	assert_int_equal(taken(&bucket, &r, 10, 20), 5);
	r = rate_of("0");
	bucket = 0;
	assert_int_equal(taken(&bucket, &r, 10, 20), 0);
}

static void test_bucket_table(void **state)
{
	struct bucket_table t = { .n_sets = 16 };
	struct rate r = rate_of("1/5");
	int64_t now = INT64_C(5000000000);
	int n = 0;

	(void)state;
	t.slots = calloc(1, bucket_table_size(t.n_sets));
	for (int i = 0; i < 100; i++)
		n += bucket_table_take(&t, 7, &r, now);
	assert_int_equal(n, 5);
	/* Others have buckets of their own. */
	assert_true(bucket_table_take(&t, 8, &r, now));
	assert_true(bucket_table_take(&t, 7 + 16, &r, now));
	assert_false(bucket_table_take(&t, 7, &r, now));
	/* Names that come once do not push out one that is at its limit. */
	for (uint64_t key = 1; key < 1000; key++)
		bucket_table_take(&t, 7 + 16 * key, &r, now);
	assert_false(bucket_table_take(&t, 7, &r, now));
	free(t.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overload),
		cmocka_unit_test(test_no_overload_refuses_nothing),
		cmocka_unit_test(test_room_for_many),
		cmocka_unit_test(test_slower_for_good),
		cmocka_unit_test(test_probes_are_cheap),
		cmocka_unit_test(test_limits_of_the_limit),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_bucket_table),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("adapt", tests, NULL, NULL);
}
