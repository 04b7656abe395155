/* Properties: the six policies over several intervals, as an official client writes them; threads */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rpc/property.h"

enum { ALL = TARS_PROPERTY_SUM | TARS_PROPERTY_AVG | TARS_PROPERTY_MIN | TARS_PROPERTY_MAX |
       TARS_PROPERTY_COUNT | TARS_PROPERTY_DISTR };

static const int ranges[] = { 50, 10, 50 };   /* sorted, each once: 10, 50 */

/* "Sum=5 Avg=2.5 ..." of what was reported since the last time. */
static const char *take(struct tars_property *p)
{
	static char text[1024];
	struct property_value v[PROPERTY_POLICIES];
	struct arena a;
	unsigned n;

	arena_init(&a, NULL, 0);
	n = property_take(p, v, &a);
	*text = '\0';
	for (unsigned i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s=%s",
			 i ? " " : "", v[i].policy, v[i].value);
	arena_clear(&a);
	return text;
}

static void test_policies(void **state)
{
	struct property_list *l = property_list_new();
	struct tars_property *p = property_get(l, "p", ALL, ranges, 3);

	(void)state;
	assert_string_equal(take(p), "Sum=0 Avg=0 Max=-9999999 Count=0 Distr=10|0,50|0,max|0");
	assert_string_equal(take(p), "Sum=0 Avg=0 Max=0 Count=0 Distr=10|0,50|0,max|0");
	tars_property_report(p, 9);
	tars_property_report(p, 10);
	tars_property_report(p, 50);
	tars_property_report(p, 0);
	assert_string_equal(take(p), "Sum=69 Avg=17.25 Min=9 Max=50 Count=4 "
			    "Distr=10|2,50|1,max|1");
	/* Each interval begins anew. */
	tars_property_report(p, 1);
	assert_string_equal(take(p), "Sum=1 Avg=1 Min=1 Max=1 Count=1 Distr=10|1,50|0,max|0");
	/* Officially Max is 0 at least, but for the first interval. */
	tars_property_report(p, -3);
	tars_property_report(p, -7);
	assert_string_equal(take(p), "Sum=-10 Avg=-5 Min=-7 Max=0 Count=2 Distr=10|2,50|0,max|0");
	property_list_free(l);
}

static void test_first_interval(void **state)
{
	struct property_list *l = property_list_new();
	struct tars_property *p = property_get(l, "p", TARS_PROPERTY_MAX, NULL, 0);
	struct tars_property *q = property_get(l, "q", TARS_PROPERTY_MAX | TARS_PROPERTY_MIN, NULL, 0);

	(void)state;
	tars_property_report(p, -3);
	assert_string_equal(take(p), "Max=-3");
	tars_property_report(q, INT32_MIN);
	assert_string_equal(take(q), "Min=-2147483648 Max=-9999999");
	tars_property_report(q, 0);
	assert_string_equal(take(q), "Max=0");
	property_list_free(l);
}

/* Figures that an official server was recorded with. */
static void test_recorded_texts(void **state)
{
	static const struct { int64_t sum; uint64_t n; const char *text; } averages[] = {
		{ 795, 12, "Avg=66.25" }, { 2469, 12, "Avg=205.75" }, { 1, 6, "Avg=0.166667" },
		{ 44, 6, "Avg=7.333333" }, { 120, 6, "Avg=20" }, { 0, 6, "Avg=0" },
		{ 1370, 14, "Avg=97.857143" }, { -10, 4, "Avg=-2.5" }, { 1, 3000000, "Avg=0" },
	};
	struct property_list *l = property_list_new();
	struct tars_property *p = property_get(l, "p", TARS_PROPERTY_AVG, NULL, 0);

	(void)state;
	for (unsigned i = 0; i < sizeof(averages) / sizeof(*averages); i++) {
		struct property_sum s = { .sum = averages[i].sum, .n = averages[i].n, .any = true };

		property_add(p, &s);
		assert_string_equal(take(p), averages[i].text);
	}
	property_list_free(l);
}

static void test_sums_do_not_wrap(void **state)
{
	struct property_list *l = property_list_new();
	struct tars_property *p = property_get(l, "p", TARS_PROPERTY_SUM | TARS_PROPERTY_AVG, NULL, 0);

	(void)state;
	for (int i = 0; i < 4; i++)
		tars_property_report(p, INT32_MAX);
	assert_string_equal(take(p), "Sum=8589934588 Avg=2147483647");
	property_list_free(l);
}

static void test_ranges(void **state)
{
	struct property_list *l = property_list_new();
	int many[PROPERTY_MAX_RANGES + 5];
	struct tars_property *p;
	unsigned n;

	(void)state;
	for (int i = 0; i < PROPERTY_MAX_RANGES + 5; i++)
		many[i] = -i;
	p = property_get(l, "p", TARS_PROPERTY_DISTR, many, PROPERTY_MAX_RANGES + 5);
	assert_int_equal(property_ranges(p, &n)[0], -(PROPERTY_MAX_RANGES - 1));
	assert_int_equal(n, PROPERTY_MAX_RANGES);
	p = property_get(l, "none", TARS_PROPERTY_DISTR, NULL, 0);
	tars_property_report(p, 7);
	assert_string_equal(take(p), "Distr=max|1");
	property_list_free(l);
}

static void test_names(void **state)
{
	struct property_list *l = property_list_new();
	struct tars_property *a = property_get(l, "a", TARS_PROPERTY_SUM, NULL, 0), *b;

	(void)state;
	b = property_get(l, "b", TARS_PROPERTY_SUM, NULL, 0);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(a, property_get(l, "a", TARS_PROPERTY_AVG, NULL, 0));
	assert_ptr_equal(property_next(l, NULL), a);
	assert_ptr_equal(property_next(l, a), b);
	assert_null(property_next(l, b));
	assert_string_equal(property_name(b), "b");
	tars_property_report(a, 2);
	assert_string_equal(take(a), "Sum=2");
	property_list_free(l);
}

/* ---- threads ---- */

enum { THREADS = 12, REPORTS = 20000 };

static void *report_all(void *arg)
{
	for (int i = 1; i <= REPORTS; i++)
		tars_property_report(arg, i % 100);
	return NULL;
}

/* Nothing is lost or counted twice, also while somebody takes; sum and count fit together. */
static void test_threads(void **state)
{
	struct property_list *l = property_list_new();
	struct tars_property *p = property_get(l, "p", TARS_PROPERTY_SUM | TARS_PROPERTY_COUNT,
					       NULL, 0);
	pthread_t threads[THREADS];
	long long sum = 0, count = 0, s, n;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, report_all, p), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(sscanf(take(p), "Sum=%lld Count=%lld", &s, &n), 2);
		sum += s;
		count += n;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(sscanf(take(p), "Sum=%lld Count=%lld", &s, &n), 2);
	assert_int_equal(count + n, (long long)THREADS * REPORTS);
	assert_int_equal(sum + s, (long long)THREADS * (REPORTS / 100) * 4950);
	property_list_free(l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_first_interval),
		cmocka_unit_test(test_recorded_texts),
		cmocka_unit_test(test_sums_do_not_wrap),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
