/* The registry's routing module: index, patterns, set names, tables of hostile rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "roles/registry/route.h"

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

static void test_index(void **state)
{
	enum { N = 5000 };
	struct arena a;
	struct index x;
	int values[N];

	(void)state;
	arena_init(&a, NULL, 0);
	index_init(&x, N, &a);
	assert_null(index_find(&x, str("")));
	for (int i = 0; i < N; i++) {
		void **slot = index_slot(&x, str(arena_strf(&a, "key %d", i)));

		assert_null(*slot);
		*slot = &values[i];
	}
	for (int i = 0; i < N; i++) {
		char key[32];

		snprintf(key, sizeof(key), "key %d", i);
		assert_ptr_equal(index_find(&x, str(key)), &values[i]);
		assert_ptr_equal(*index_slot(&x, str(key)), &values[i]);
	}
	assert_null(index_find(&x, str("key 5000")));
	assert_null(index_find(&x, (struct tars_str){ 0 }));
	arena_clear(&a);
}

static void test_patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} rows[] = {
		{ "", "", true },       { "", "a", false },      { "*", "", true },
		{ "*", "abc", true },   { "a", "a", true },      { "a", "ab", false },
		{ "a*", "a", true },    { "*b", "ab", true },    { "*b", "ba", false },
		{ "a*c", "abbc", true }, { "a*c", "acb", false }, { "a*b*c", "axbxbxc", true },
		{ "**", "x", true },    { "*.*.*.*", "1.2.3", false }, { "*ab", "aab", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (route_text_matches(str(rows[i].pattern), str(rows[i].text)) != rows[i].matches)
			fail_msg("'%s' against '%s'", rows[i].pattern, rows[i].text);
}

static void test_set_names(void **state)
{
	struct route_set set;

	(void)state;
	assert_true(route_set_parse(str("a.b.c"), &set));
	assert_true(str_is_text(set.name, "a") && str_is_text(set.area, "b") &&
		    str_is_text(set.group, "c"));
	assert_true(route_set_parse(str(".a..b.*."), &set));
	assert_true(str_is_text(set.group, "*"));
	assert_false(route_set_parse(str(""), &set));
	assert_false(route_set_parse(str("a.b"), &set));
	assert_false(route_set_parse(str("a.b.c.d"), &set));
	assert_false(route_set_parse((struct tars_str){ 0 }, &set));
}

/* Rows may come from a snapshot that lost its texts, or from a hand that filled them badly. */
static void test_poor_rows(void **state)
{
	struct Routes_Adapter adapters[] = {
		{ { 0 }, { 0 } }, { TARS_STR("A.B.C"), { 0 } },
		{ TARS_STR("A.B.C"), TARS_STR("nonsense") },
		{ TARS_STR("A.B.C"), TARS_STR("tcp -h h -p 1") },
	};
	struct Routes_Server nameless = { .adapters = { adapters, 3 } }, server = {
		.id = 1, .application = TARS_STR("A"), .adapters = { adapters + 3, 1 },
		.enable_set = TARS_STR("Y"), .enable_group = TARS_STR("Y"),
	};
	struct Routes_GroupRule rules[] = {
		{ .group_id = 1 }, { .group_id = 2, .allow_ip_rule = TARS_STR("|||") },
		{ .group_id = 3, .allow_ip_rule = TARS_STR("h") },
	};
	struct Routes_GroupPriority priorities[] = {
		{ .id = 1 }, { .id = 2, .group_list = TARS_STR("x|;,99999999999999999999|3") },
	};
	struct Routes_Base base = { .rules = { rules, 3 }, .priorities = { priorities, 2 } };
	struct route_answer ans;
	struct fleet *f = fleet_new();
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	fleet_put(f, &nameless);
	fleet_put(f, &server);
	fleet_set_base(f, &base);
	assert_int_equal(f->n_bad, 2);
	assert_int_equal(f->n_endpoints, 1);
	route_in_group(f, str("A.B.C"), str("h"), &a, &ans);
	assert_int_equal(ans.active.n, 0);
	assert_int_equal(ans.inactive.n, 1);
	assert_int_equal(ans.inactive.v[0].groupworkid, 3);
	assert_string_equal(ans.inactive.v[0].setId.p, "..");
	route_in_set(f, str("A.B.C"), str("a.b.c"), (struct tars_str){ 0 }, &a, &ans);
	assert_int_equal(ans.ret, 0);
	route_in_station(f, str("A.B.C"), str(""), &a, &ans);
	assert_int_equal(ans.ret, 0);
	route_any(f, (struct tars_str){ 0 }, &ans);
	assert_int_equal(ans.inactive.n, 0);
	assert_int_equal(route_admin_group_of(&base.rules, str("h")), 3);
	assert_int_equal(route_admin_group_of(&base.rules, str("i")), ROUTE_NO_GROUP);
	fleet_free(f);
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_set_names),
		cmocka_unit_test(test_poor_rows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
