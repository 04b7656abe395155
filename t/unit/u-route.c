/* Choice of endpoints: against recorded picks of the official client, and with failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/rpc/route.h"
#include "t/unit/data.h"

static bool all_usable(void *arg, uint32_t index)
{
	(void)arg;
	(void)index;
	return true;
}

/* arg: bits of the usable ones. */
static bool some_usable(void *arg, uint32_t index)
{
	return *(uint32_t *)arg >> index & 1;
}

static struct endpoint_list parse(const char *text, struct arena *a)
{
	struct endpoint_list list = { 0 };
	struct err e = { 0 };

	if (*text)
		assert_int_equal(endpoint_list_parse(text, strlen(text), &list, a, &e), 0);
	return list;
}

static struct route *route_of(const char *active, const char *inactive)
{
	struct endpoint_list up, down;
	struct route *r;
	struct arena a;

	arena_init(&a, NULL, 0);
	up = parse(active, &a);
	down = parse(inactive, &a);
	r = route_new(&up, &down);
	arena_clear(&a);
	return r;
}

/* Index in the list as given. */
static int listed(const struct endpoint_list *list, const struct endpoint *ep)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (!endpoint_compare(&list->v[i], ep))
			return (int)i;
	return -1;
}

static int check_hashes(const struct data *d, struct route *r, const struct endpoint_list *up,
			enum tars_hash_mode mode)
{
	char *next = d->field[4], *word;
	uint32_t turn = 0;
	int wrong = 0;

	while ((word = strsep(&next, " "))) {
		uint64_t key = strtoull(word, &word, 10);
		int want = (int)strtol(word + 1, NULL, 10);
		uint32_t i = route_pick(r, &turn, mode, key, all_usable, NULL);

		if (listed(up, &r->active[i]) != want) {
			print_error("%s %s: key %llu: %d, want %d\n", d->field[0], d->field[1],
				    (unsigned long long)key, listed(up, &r->active[i]), want);
			wrong++;
		}
	}
	return wrong;
}

/* Where a round begins is incidental; its order is not. */
static int check_order(const struct data *d, struct route *r, const struct endpoint_list *up)
{
	enum { RECORDED = 200, PICKS = 3 * RECORDED };
	int want[RECORDED], got[PICKS], n = 0, phase = 0, same = 0;
	char *next = d->field[4], *word;
	uint32_t turn = 0;

	while ((word = strsep(&next, " ")) && n < RECORDED)
		want[n++] = (int)strtol(word, NULL, 10);
	assert_int_equal(n, RECORDED);
	for (int i = 0; i < PICKS; i++)
		got[i] = listed(up, &r->active[route_pick(r, &turn, TARS_HASH_NONE, 0, all_usable,
							  NULL)]);
	for (; phase < PICKS - RECORDED && same < RECORDED; phase++)
		for (same = 0; same < RECORDED && got[phase + same] == want[same]; same++)
			;
	if (same < RECORDED)
		print_error("%s: another order\n", d->field[1]);
	return same < RECORDED;
}

static void test_recorded_picks(void **state)
{
	int rows = 0, wrong = 0;
	struct data d;

	(void)state;
	data_open(&d, "t/data/route-picks.tsv");
	while (data_next(&d)) {
		struct endpoint_list up;
		struct route *r = route_of(d.field[2], d.field[3]);
		struct arena a;

		arena_init(&a, NULL, 0);
		up = parse(d.field[2], &a);
		rows++;
		if (!strcmp(d.field[0], "hash"))
			wrong += check_hashes(&d, r, &up, TARS_HASH_MOD);
		else if (!strcmp(d.field[0], "consistent_hash"))
			wrong += check_hashes(&d, r, &up, TARS_HASH_CONSISTENT);
		else
			wrong += check_order(&d, r, &up);
		route_unref(r);
		arena_clear(&a);
	}
	assert_true(rows > 100);
	assert_int_equal(wrong, 0);
}

/* arg: the only one. */
static bool only_usable(void *arg, uint32_t index)
{
	return *(uint32_t *)arg == index;
}

#define LOCAL(n) "tcp -h 127.0.0." #n " -p 28001"
#define THREE "tcp -h 10.0.0.1 -p 1:tcp -h 10.0.0.2 -p 1:tcp -h 10.0.0.3 -p 1"

static void test_unusable_ones_are_skipped(void **state)
{
	struct route *r = route_of(THREE, "");
	uint32_t usable = 5, none = 0, turn = 0;

	(void)state;
	for (int i = 0; i < 30; i++)
		assert_int_not_equal(route_pick(r, &turn, TARS_HASH_NONE, 0, some_usable, &usable),
				     1);
	/* A key stays where it is; one whose endpoint is down goes by the modulo of the others. */
	for (uint64_t key = 0; key < 30; key++) {
		uint32_t want = key % 3 != 1 ? (uint32_t)(key % 3) : key % 2 ? 2 : 0;

		assert_int_equal(route_pick(r, &turn, TARS_HASH_MOD, key, some_usable, &usable),
				 want);
	}
	for (int mode = TARS_HASH_NONE; mode <= TARS_HASH_CONSISTENT; mode++)
		assert_int_equal(route_pick(r, &turn, (enum tars_hash_mode)mode, 7, some_usable,
					    &none), ROUTE_NONE);
	route_unref(r);
}

/* With very many that are down, one that is not is found all the same. */
static void test_one_of_many_is_usable(void **state)
{
	enum { N = 200 };
	struct endpoint_list list = { calloc(N, sizeof(struct endpoint)), N };
	struct route *r;

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(list.v[i].host, sizeof(list.v[i].host), "10.0.%d.%d", i / 100, i % 100);
		list.v[i].type = ENDPOINT_TCP;
		list.v[i].port = 1;
	}
	r = route_new(&list, &(struct endpoint_list){ 0 });
	for (uint32_t only = 0; only < N; only += 7)
		for (int mode = TARS_HASH_NONE; mode <= TARS_HASH_CONSISTENT; mode++) {
			uint32_t turn = 3;

			assert_int_equal(route_pick(r, &turn, (enum tars_hash_mode)mode, 77777,
						    only_usable, &only), only);
		}
	route_unref(r);
	free(list.v);
}

/* ---- a list that changes while calls go on ---- */

static void check_phase(enum tars_hash_mode mode, struct route *r, char *calls)
{
	uint32_t turn = 0, last = ROUTE_NONE;
	char *word;

	while ((word = strsep(&calls, " "))) {
		char *equal = strchr(word, '=');
		uint64_t key = equal ? strtoull(word, NULL, 10) : 0;
		uint32_t want = (uint32_t)strtoul(equal ? equal + 1 : word, NULL, 10);
		uint32_t i;

		/* The phase of a round is incidental: it is set by the first calls, which go where
		 * the first connection is. */
		if (!equal && (last == ROUTE_NONE || last == want))
			for (turn = 0; r->active[turn].host[8] != (char)('1' + want);)
				turn++;
		last = i = route_pick(r, &turn, mode, key, all_usable, NULL);
		assert_int_equal(r->active[i].host[8], '1' + want);
	}
}

static void test_recorded_changes(void **state)
{
	static const char *const lists[][2] = {
		{ LOCAL(1) ":" LOCAL(2) ":" LOCAL(3), "" },
		{ LOCAL(1) ":" LOCAL(3), LOCAL(2) },
		{ LOCAL(1) ":" LOCAL(2) ":" LOCAL(3), "" },
	};
	struct data d;
	int rows = 0;

	(void)state;
	data_open(&d, "t/data/lb-refresh.tsv");
	for (; data_next(&d); rows++)
		for (int i = 0; i < 3; i++) {
			struct route *r = route_of(lists[i][0], lists[i][1]);

			check_phase(*d.field[0] == 'h' ? TARS_HASH_MOD : *d.field[0] == 'c' ?
				    TARS_HASH_CONSISTENT : TARS_HASH_NONE, r, d.field[1 + i]);
			route_unref(r);
		}
	assert_int_equal(rows, 3);
}

static void test_duplicates_and_order(void **state)
{
	struct route *r = route_of("tcp -h 10.0.0.3 -p 1:tcp -h 10.0.0.1 -p 1:tcp -h 10.0.0.3 -p 1",
				   "tcp -h 10.0.0.1 -p 1:tcp -h 10.0.0.2 -p 1");

	(void)state;
	assert_int_equal(r->n, 2);
	assert_string_equal(r->active[0].host, "10.0.0.1");
	assert_int_equal(r->n_all, 3);
	assert_int_equal(r->all[1], -1);
	route_unref(r);
}

/* Weights 3 and 100 are scaled to 0 and 33: the official client gives the first one turn of 34. */
static void test_small_and_no_weights(void **state)
{
	static const char weighted[] = "tcp -h 10.0.0.1 -p 1 -v 1 -w 100:"
		"tcp -h 10.0.0.2 -p 1 -v 1 -w 3:tcp -h 10.0.0.3 -p 1 -v 1 -w 0";
	struct route *r = route_of(weighted, "");
	uint32_t turn = 0, picks[3] = { 0 };

	(void)state;
	assert_int_equal(r->n, 2);  /* weight 0 wants no calls */
	for (int i = 0; i < 340; i++)
		picks[route_pick(r, &turn, TARS_HASH_NONE, 0, all_usable, NULL)]++;
	assert_int_equal(picks[0], 330);
	assert_int_equal(picks[1], 10);
	for (uint64_t key = 0; key < 68; key++)
		assert_int_equal(route_pick(r, &turn, TARS_HASH_MOD, key, all_usable, NULL),
				 key % 34 == 0);
	route_unref(r);
	/* All 0: they are used as if they had none. */
	r = route_of("tcp -h 10.0.0.1 -p 1 -v 1 -w 0:tcp -h 10.0.0.2 -p 1 -v 1 -w 0", "");
	assert_int_equal(r->n, 2);
	assert_int_equal(route_pick(r, &turn, TARS_HASH_MOD, 1, all_usable, NULL), 1);
	route_unref(r);
}

/* The active ones decide whether weights count; inactive ones without a weight have no turn then. */
static void test_weights_beside_inactive_ones(void **state)
{
	struct route *r = route_of("tcp -h 10.0.0.1 -p 1 -v 1 -w 10:tcp -h 10.0.0.2 -p 1 -v 1 -w 20",
				   "tcp -h 10.0.0.0 -p 1");

	(void)state;
	assert_true(r->turns.is_static && r->all_turns.is_static);
	assert_int_equal(r->n_all, 2);
	assert_int_equal(r->all_turns.n, 15);
	route_unref(r);
}

static void test_equality(void **state)
{
	struct route *a = route_of(THREE, ""), *b = route_of(THREE, "");
	struct route *c = route_of(THREE, "tcp -h 10.0.0.4 -p 1");
	struct route *d = route_of("tcp -h 10.0.0.1 -p 1:tcp -h 10.0.0.2 -p 1", "");

	(void)state;
	assert_true(route_equal(a, b));
	assert_false(route_equal(a, c));
	assert_false(route_equal(a, d));
	route_unref(a);
	route_unref(b);
	route_unref(c);
	route_unref(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_picks),
		cmocka_unit_test(test_unusable_ones_are_skipped),
		cmocka_unit_test(test_one_of_many_is_usable),
		cmocka_unit_test(test_recorded_changes),
		cmocka_unit_test(test_duplicates_and_order),
		cmocka_unit_test(test_small_and_no_weights),
		cmocka_unit_test(test_weights_beside_inactive_ones),
		cmocka_unit_test(test_equality),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
