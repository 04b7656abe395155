/* Protobuf: the bytes of its own library, both ways; what is tolerated, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/pb.h"
#include "t/unit/hex.h"
#include "t/unit/interop-types.h"

static struct arena arena;
static struct buf bytes, again;
static struct err e;

/* The value's bytes, and the value of the bytes. */
static void check(const struct tars_type *t, const void *value, const char *hex)
{
	void *back = arena_alloc(&arena, t->size);

	buf_clear(&bytes);
	assert_int_equal(pb_put(&bytes, t, value, &e), 0);
	assert_string_equal(hex_difference(&bytes, hex), "");
	assert_int_equal(pb_get(buf_head(&bytes), buf_size(&bytes), t, back, &arena, &e), 0);
	assert_int_equal(tars_type_compare(t, value, back), 0);
}

static int get(const struct tars_type *t, const char *hex, void *value)
{
	hex_read(&bytes, hex);
	e = (struct err){ 0 };
	return pb_get(buf_head(&bytes), buf_size(&bytes), t, value, &arena, &e);
}

static void test_scalars(void **state)
{
	struct Scalars s = {
		.b = true, .i8 = -128, .u8 = 255, .i16 = -32768, .u16 = 65535, .i32 = INT32_MIN,
		.u32 = UINT32_MAX, .i64 = INT64_MIN, .f32 = -1.5F, .f64 = 0.1,
		.s = TARS_STR("h\xc3\xa4h"), .e = NEG,
	};
	struct Scalars zero = { .s = TARS_STR("") };

	(void)state;
	check(&Scalars_type, &s,
	      "08011080ffffffffffffffff0118ff01208080feffffffffffff0128ffff033080808080f8ffffffff01"
	      "38ffffffff0f40808080808080808080014d0000c0bf519a9999999999b93f5a0468c3a46860fdffffff"
	      "ffffffffff01");
	check(&Scalars_type, &zero, "");
	zero.f64 = -0.0;
	check(&Scalars_type, &zero, "510000000000000080");
}

/* Members with a default that is not 0 say so when they are 0. */
static void test_defaults(void **state)
{
	struct Opt v = { .s = TARS_STR("") };
	struct Opt zeros = { .s = TARS_STR(""), .sc.s = TARS_STR("") };

	(void)state;
	check(&Opt_type, &zeros, "080010001800200028003000380040004d000000005100000000000000005a00"
	      "6000" "820100");
	assert_int_equal(get(&Opt_type, "", &v), 0);
	assert_int_equal(v.i8, 7);
	assert_string_equal(v.s.p, "dflt");
	assert_int_equal(v.e, GREEN);
	assert_int_equal(get(&Opt_type, "1000 5a00", &v), 0);
	assert_int_equal(v.i8, 0);
	assert_int_equal(v.s.n, 0);
	assert_int_equal(v.i16, -300);
}

static void test_containers(void **state)
{
	struct tars_str strings[] = { TARS_STR(""), TARS_STR("x") };
	struct Leaf leaves[] = { { 0, TARS_STR("") }, { 1, TARS_STR("z") } };
	struct tars_int_list lists[] = { { NULL, 0 }, { (int32_t[]){ 1, 2 }, 2 } };
	__typeof__(*((struct int_string_map *)0)->v) one = { 1, TARS_STR("one") };
	struct int_string_map maps[] = { { (void *)&one, 1 } };
	struct tars_str pq[] = { TARS_STR("p"), TARS_STR("q") };
	__typeof__(*((struct int_strings_map *)0)->v) four = { 4, { pq, 2 } };
	__typeof__(*((struct deep_map *)0)->v) deep = { TARS_STR("d"), { (void *)&four, 1 } };
	struct tars_string_string_pair ab = { TARS_STR("a"), TARS_STR("b") };
	__typeof__(*((struct int_Leaf_map *)0)->v) leaf7 = { 7, { 9, TARS_STR("") } };
	__typeof__(*((struct string_bytes_map *)0)->v) q = { TARS_STR("q"),
							     { (uint8_t *)"\x01", 1 } };
	__typeof__(*((struct Leaf_int_map *)0)->v) leaf_key = { { 1, TARS_STR("") }, 2 };
	struct tars_bytes raws[] = { { (uint8_t *)"", 0 }, { (uint8_t *)"\x02", 1 } };
	struct Containers c = {
		.raw = { (uint8_t *)"ab", 2 },
		.uraw = { (uint8_t[]){ 0, 255 }, 2 },
		.vs = { (int16_t[]){ -1 }, 1 },
		.vi = { (int32_t[]){ 3, 270, 86942 }, 3 },
		.vl = { (int64_t[]){ INT64_C(1) << 62 }, 1 },
		.vf = { (float[]){ 0.5F }, 1 },
		.vd = { (double[]){ 0.25, -0.0 }, 2 },
		.vstr = { strings, 2 },
		.vleaf = { leaves, 2 },
		.vv = { lists, 2 },
		.mss = { &ab, 1 },
		.mil = { (void *)&leaf7, 1 },
		.msb = { (void *)&q, 1 },
		.mli = { (void *)&leaf_key, 1 },
		.vm = { maps, 1 },
		.deep = { (void *)&deep, 1 },
		.ve = { (enum Color[]){ RED, GREEN, NEG }, 3 },
		.vraw = { raws, 2 },
	};

	(void)state;
	check(&Containers_type, &c,
	      "0a026162 120300ff01 220affffffffffffffffff01 2a06038e029ea705 3209808080808080808040"
	      "3a040000003f 4210000000000000d03f0000000000000080 4a004a0178 520052050801 12017a"
	      "5a005a040a020102 62060a0161120162 6a06080712020809 72060a0171120101 7a060a0208011002"
	      "8201090a07080112036f6e65 8a010d0a01641208080412017012017192010c0005fdffffffffffffffff01"
	      "9a01009a010102");
	memset(&c, 0, sizeof(c));
	check(&Containers_type, &c, "");
}

static void test_high_numbers(void **state)
{
	struct HighTags h = { 1, 2, 3, TARS_STR("4"), { 5, TARS_STR("") }, { (uint8_t *)"6", 1 },
			      7 };
	struct TreeNode kids[2] = { { TARS_STR("k"), { NULL, 0 } }, { TARS_STR(""), { NULL, 0 } } };
	struct TreeNode root = { TARS_STR("r"), { kids, 2 } };

	(void)state;
	check(&HighTags_type, &h, "080178028001038a010134ca0c020805fa0f0136801007");
	check(&TreeNode_type, &root, "0a0172 12030a016b 1200");
}

/* The length of a nested message is known when it is written: two bytes of length push it on. */
static void test_long_messages(void **state)
{
	char text[300];
	struct Leaf leaf = { 0, { text, sizeof(text) } };
	struct Leaf_list list = { &leaf, 1 };
	struct Containers c = { .vleaf = list };

	(void)state;
	memset(text, 'x', sizeof(text));
	check(&Containers_type, &c, "52af02 12ac02 (78*300)");
}

static void test_tolerance(void **state)
{
	struct Containers c;
	struct Scalars s;
	struct TreeNode tree;

	(void)state;
	/* Lists one by one, packed, and both; unknown fields of all wire types. */
	assert_int_equal(get(&Containers_type, "2801 2a020203 2804", &c), 0);
	assert_int_equal(c.vi.n, 4);
	assert_int_equal(c.vi.v[0] * 1000 + c.vi.v[1] * 100 + c.vi.v[2] * 10 + c.vi.v[3], 1234);
	assert_int_equal(get(&Scalars_type, "f03f05 f93f0102030405060708 fa3f026162 fd3f01020304"
			     "3007", &s), 0);
	assert_int_equal(s.i32, 7);
	/* The last counts; any upper half of an int. */
	assert_int_equal(get(&Scalars_type, "3001 3002 30ffffffff0f", &s), 0);
	assert_int_equal(s.i32, -1);
	assert_int_equal(get(&Scalars_type, "0802", &s), 0);
	assert_true(s.b);
	/* A map's pair without key or value. */
	assert_int_equal(get(&Containers_type, "6200 62030a0161", &c), 0);
	assert_int_equal(c.mss.n, 2);
	assert_int_equal(c.mss.v[0].key.n + c.mss.v[0].val.n + c.mss.v[1].val.n, 0);
	assert_int_equal(get(&TreeNode_type, "1203 0a0161 1200", &tree), 0);
	assert_int_equal(tree.kids.n, 2);
}

static void test_refusals(void **state)
{
	static const struct { const struct tars_type *t; const char *hex, *text; } rows[] = {
		{ &Scalars_type, "30", "not protobuf: it ends in the middle of a number" },
		{ &Scalars_type, "30ff", "not protobuf: it ends in the middle of a number" },
		{ &Scalars_type, "30ffffffffffffffffff02", "not protobuf: a number has more than" },
		{ &Scalars_type, "30ffffffffffffffffffff01", "not protobuf: a number has more than" },
		{ &Scalars_type, "00", "not protobuf: a field without a number" },
		{ &Scalars_type, "0b", "not protobuf: groups are not supported" },
		{ &Scalars_type, "0f", "not protobuf: groups are not supported" },
		{ &Scalars_type, "5a05616263", "not protobuf: it ends in the middle of a field" },
		{ &Scalars_type, "5affffffffffffffffff01", "not protobuf: it ends in the middle of a" },
		{ &Scalars_type, "4d0000", "not protobuf: it ends in the middle of a number" },
		{ &Scalars_type, "310102030405060708", "i32: expected int, found 64 bits" },
		{ &Scalars_type, "5801", "s: expected string, found a varint" },
		{ &Scalars_type, "108001", "i8: 128 is out of range for byte" },
		{ &Scalars_type, "18 8002", "u8: 256 is out of range for unsigned byte" },
		{ &Scalars_type, "18 ffffffff0f", "u8: 4294967295 is out of range for unsigned byte" },
		{ &Containers_type, "2a020180", "vi[1]: not protobuf: it ends in the middle" },
		{ &Containers_type, "3a0500000000 00", "vf[1]: not protobuf: it ends" },
		{ &Containers_type, "52020803 5203 0a0161", "vleaf[1].a: expected int, found bytes" },
		{ &Containers_type, "5a040a020180", "vv[0].value[1]: not protobuf" },
		{ &Containers_type, "8a0105 1203 0a0161",
		  "deep[0].value[0].key: expected int, found bytes: the peer uses another .proto" },
	};
	struct Containers value;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int rc = get(rows[i].t, rows[i].hex, &value);

		if (rc != TARS_EPROTO || strncmp(e.text, rows[i].text, strlen(rows[i].text)))
			fail_msg("%s: %d, '%s', not '%s'", rows[i].hex, rc, e.text, rows[i].text);
	}
}

static void test_limits(void **state)
{
	enum { MANY = 4 << 20 };
	struct TreeNode *deep = NULL;
	struct Containers c;
	struct TreeNode tree;
	struct Scalars s = { .s = TARS_STR("\xff") };
	struct tars_str names[] = { TARS_STR("ok"), TARS_STR("\xed\xa0\x80") };

	(void)state;
	/* Two bytes for an element of 16: within the proportion.  Of a Leaf's 24, too. */
	buf_clear(&bytes);
	memset(buf_reserve(&bytes, MANY), 0, MANY);
	for (size_t i = 0; i < MANY; i += 2)
		bytes.data[i] = 0x52;
	bytes.len = MANY;
	assert_int_equal(pb_get(bytes.data, MANY, &Containers_type, &c, &arena, &e), 0);
	assert_int_equal(c.vleaf.n, MANY / 2);
	/* Depth: within the limit in both directions, and above. */
	for (int i = 0; i < CODEC_MAX_DEPTH + 1; i++) {
		struct TreeNode *up = arena_alloc(&arena, sizeof(*up));

		*up = (struct TreeNode){ TARS_STR(""), { deep, deep ? 1 : 0 } };
		deep = up;
	}
	buf_clear(&bytes);
	assert_int_equal(pb_put(&bytes, &TreeNode_type, deep, &e), TARS_EPROTO);
	assert_int_equal(buf_size(&bytes), 0);
	assert_non_null(strstr(e.text, "nested deeper than 64"));
	deep = deep->kids.v;
	assert_int_equal(pb_put(&bytes, &TreeNode_type, deep, &e), 0);
	assert_int_equal(pb_get(buf_head(&bytes), buf_size(&bytes), &TreeNode_type, &tree, &arena,
				&e), 0);
	assert_int_equal(tars_type_compare(&TreeNode_type, deep, &tree), 0);
	buf_add(&again, "\x12", 1);
	buf_add_u8(&again, (uint8_t)buf_size(&bytes));   /* as its element, one deeper */
	buf_add(&again, buf_head(&bytes), buf_size(&bytes));
	if (buf_size(&bytes) < 128) {
		assert_int_equal(pb_get(buf_head(&again), buf_size(&again), &TreeNode_type, &tree,
					&arena, &e), TARS_EPROTO);
		assert_non_null(strstr(e.text, "nested deeper than 64"));
	}
	/* Text that protobuf cannot have. */
	buf_clear(&bytes);
	assert_int_equal(pb_put(&bytes, &Scalars_type, &s, &e), TARS_EPROTO);
	assert_string_equal(e.text, "s: the text is not UTF-8");
	memset(&c, 0, sizeof(c));
	c.vstr = (struct tars_string_list){ names, 2 };
	assert_int_equal(pb_put(&bytes, &Containers_type, &c, &e), TARS_EPROTO);
	assert_string_equal(e.text, "vstr[1]: the text is not UTF-8");
}

static int release(void **state)
{
	(void)state;
	arena_clear(&arena);
	buf_release(&bytes);
	buf_release(&again);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_high_numbers),
		cmocka_unit_test(test_long_messages),
		cmocka_unit_test(test_tolerance),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_limits),
	};

	arena_init(&arena, NULL, 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pb", tests, NULL, release);
}
