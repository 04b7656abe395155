/* Type descriptors: defaults, order of values, functions by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "t/unit/interop-types.h"

static void test_init(void **state)
{
	struct Opt o;
	struct TreeNode tree;
	struct tars_str s;
	int64_t i;

	(void)state;
	memset(&o, 0xa5, sizeof(o));
	tars_type_init(&Opt_type, &o);
	assert_true(o.b && o.i8 == 7 && o.u8 == 200 && o.i16 == -300 && o.u16 == 60000);
	assert_true(o.i32 == 100000 && o.u32 == 4000000000 && o.i64 == 5000000000);
	assert_true(o.f32 == 1.5f && o.f64 == 2.25 && o.e == GREEN);
	assert_true(o.s.n == 4 && !strcmp(o.s.p, "dflt"));
	assert_true(!o.v.v && !o.v.n && !o.m.v && !o.m.n && o.raw.p && !o.raw.n);
	assert_true(!o.sc.b && !o.sc.i64 && !o.sc.f64 && o.sc.s.p && !o.sc.s.n && !o.sc.e);

	memset(&tree, 0xa5, sizeof(tree));
	tars_type_init(&TreeNode_type, &tree);
	assert_true(!tree.kids.n && !*tree.name.p);

	memset(&s, 0xa5, sizeof(s));
	tars_type_init(&tars_type_string, &s);
	assert_true(!s.n && !*s.p);
	i = 7;
	tars_type_init(&tars_type_long, &i);
	assert_int_equal(i, 0);
}

/* a < b, in both directions, and each equal to itself. */
static void assert_less(const struct tars_type *t, const void *a, const void *b)
{
	assert_int_equal(tars_type_compare(t, a, b), -1);
	assert_int_equal(tars_type_compare(t, b, a), 1);
	assert_int_equal(tars_type_compare(t, a, a), 0);
	assert_int_equal(tars_type_compare(t, b, b), 0);
}

#define ASSERT_LESS(t, ctype, a, b) assert_less((t), &(ctype){ a }, &(ctype){ b })

static void test_compare_scalars(void **state)
{
	(void)state;
	ASSERT_LESS(&tars_type_bool, bool, false, true);
	ASSERT_LESS(&tars_type_byte, int8_t, -128, 127);
	ASSERT_LESS(&tars_type_ubyte, uint8_t, 127, 128);
	ASSERT_LESS(&tars_type_short, int16_t, -32768, 0);
	ASSERT_LESS(&tars_type_ushort, uint16_t, 1, 65535);
	ASSERT_LESS(&tars_type_int, int32_t, INT32_MIN, INT32_MAX);
	ASSERT_LESS(&tars_type_uint, uint32_t, 1, UINT32_MAX);
	ASSERT_LESS(&tars_type_long, int64_t, INT64_MIN, INT64_MAX);
	ASSERT_LESS(&Color_type, int32_t, NEG, RED);
	ASSERT_LESS(&tars_type_float, float, -1.5f, 0.5f);
	ASSERT_LESS(&tars_type_double, double, 1e-300, 2e-300);
	ASSERT_LESS(&tars_type_double, double, __builtin_nan(""), -__builtin_inf());
	ASSERT_LESS(&tars_type_float, float, __builtin_nanf(""), 0);
	assert_int_equal(tars_type_compare(&tars_type_double, &(double){ 0.0 }, &(double){ -0.0 }),
			 0);
}

static void test_compare_text(void **state)
{
	struct tars_str zeroed = { 0 };

	(void)state;
	assert_less(&tars_type_string, &zeroed, &TARS_STR("a"));
	assert_less(&tars_type_string, &TARS_STR("a"), &TARS_STR("ab"));
	assert_less(&tars_type_string, &TARS_STR("ab"), &TARS_STR("b"));
	assert_less(&tars_type_string, &TARS_STR("z"), &TARS_STR("\xff"));
	assert_less(&tars_type_string, &TARS_STR("a\0a"), &TARS_STR("a\0b"));
	assert_less(&tars_type_bytes, &(struct tars_bytes){ 0 },
		    &(struct tars_bytes){ (const uint8_t *)"", 1 });
}

static void test_compare_nested(void **state)
{
	struct Leaf low[] = { { 1, TARS_STR("a") }, { 2, TARS_STR("b") } };
	struct Leaf high[] = { { 1, TARS_STR("a") }, { 2, TARS_STR("c") } };
	struct Leaf_list list = { low, 2 }, longer = { high, 2 }, prefix = { low, 1 };
	struct tars_string_string_pair pairs[] = { { TARS_STR("k"), TARS_STR("1") },
						   { TARS_STR("k"), TARS_STR("2") },
						   { TARS_STR("l"), TARS_STR("0") } };

	(void)state;
	assert_less(&Leaf_type, &low[0], &low[1]);
	assert_less(&Leaf_type, &low[1], &high[1]);
	assert_less(&Leaf_list_type, &list, &longer);
	assert_less(&Leaf_list_type, &prefix, &list);
	for (int i = 0; i < 2; i++)
		assert_less(&tars_type_string_string_map,
			    &(struct tars_string_string_map){ &pairs[i], 1 },
			    &(struct tars_string_string_map){ &pairs[i + 1], 1 });
}

static void test_iface_find(void **state)
{
	static const struct tars_func funcs[] = {
		{ .name = "add" }, { .name = "addAll" }, { .name = "get" }, { .name = "set" },
	};
	const struct tars_iface iface = { .name = "M::I", .funcs = funcs, .n_funcs = 4 };
	const struct tars_iface none = { .name = "M::N" };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(tars_iface_find(&iface, funcs[i].name, strlen(funcs[i].name)), i);
	assert_int_equal(tars_iface_find(&iface, "addAll", 4), -1);
	assert_int_equal(tars_iface_find(&iface, "getter", 3), 2); /* a slice, not NUL-terminated */
	assert_int_equal(tars_iface_find(&iface, "", 0), -1);
	assert_int_equal(tars_iface_find(&iface, "Set", 3), -1);
	assert_int_equal(tars_iface_find(&iface, "zzz", 3), -1);
	assert_int_equal(tars_iface_find(&none, "add", 3), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_compare_scalars),
		cmocka_unit_test(test_compare_text),
		cmocka_unit_test(test_compare_nested),
		cmocka_unit_test(test_iface_find),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
