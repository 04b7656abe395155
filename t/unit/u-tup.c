/* TUP bodies: recorded ones of the official SDKs, names in any order, and what may be missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/tup.h"
#include "t/unit/hex.h"
#include "t/unit/interop-types.h"

static struct arena arena;
static struct buf in = BUF_INIT, out = BUF_INIT;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, NULL, 0);
	err_clear(&err);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_clear(&arena);
	buf_release(&in);
	buf_release(&out);
	return 0;
}

#define OTHER_IDL ": the peer uses another IDL"
#define assert_bytes(b, text) assert_string_equal(hex_difference((b), (text)), "")

/* Parameters as a generated in struct has them, in the order of the official recording. */
struct params {
	bool b;
	int32_t i;
	struct tars_str s;
	struct Scalars sc;
	struct tars_int_list vi;
};
static const struct tars_field params_fields[] = {
	REQ(params, b, 1, &tars_type_bool),
	REQ(params, i, 2, &tars_type_int),
	REQ(params, s, 3, &tars_type_string),
	REQ(params, sc, 4, &Scalars_type),
	REQ(params, vi, 5, &tars_type_int_list),
};
static const struct tars_type params_type = STRUCT_TYPE(params, params_fields);

static const char recorded[] =
	"080005 0601621d0000020001 0601691d0000050200011170 0601731d000003060176 060273631d00002c"
	"0a00011005207f307f407f5100806100ff7200008000843dcccccd953fb999999999999aa603616263b0060b"
	"060276691d0000070900020001 0002";

/* int f(out string outs) */
struct result {
	int32_t ret;
	struct tars_str outs;
};
static const struct tars_field result_fields[] = {
	{ .name = "", .tag = 0, .flags = TARS_REQUIRED | TARS_OUT, .type = &tars_type_int },
	{ .name = "outs", .tag = 2, .flags = TARS_REQUIRED | TARS_OUT, .type = &tars_type_string,
	  .offset = offsetof(struct result, outs) },
};
static const struct tars_type result_type = STRUCT_TYPE(result, result_fields);
static const struct tars_type nothing_type = { .name = "nothing", .kind = TARS_STRUCT, .size = 1 };

static int get(const char *hex, const struct tars_type *t, void *value)
{
	hex_read(&in, hex);
	memset(value, 0xa5, t->size);
	return tup_get(in.data, in.len, t, value, &arena, &err);
}

static void test_recorded_request(void **state)
{
	struct params p;

	(void)state;
	assert_int_equal(get(recorded, &params_type, &p), 0);
	assert_true(p.b && p.i == 70000 && p.vi.n == 2 && p.vi.v[1] == 2 && p.sc.e == BLUE);
	assert_string_equal(p.s.p, "v");
	assert_string_equal(p.sc.s.p, "abc");
	tup_put(&out, &params_type, &p, false);
	assert_bytes(&out, recorded);
}

static void test_result(void **state)
{
	struct result r = { 42, TARS_STR("hi") }, again;

	(void)state;
	tup_put(&out, &result_type, &r, true);
	assert_bytes(&out, "080003 0600 1d000002002a 06046f757473 1d00000406026869"
		     "0608746172735f726574 1d000002002a");
	assert_int_equal(tup_get(out.data, out.len, &result_type, &again, &arena, &err), 0);
	assert_int_equal(again.ret, 42);
	buf_clear(&out);
	tup_put(&out, &result_type, &r, false);
	assert_bytes(&out, "080002 0600 1d000002002a 06046f757473 1d00000406026869");
	/* Peers that write only the long name, in another order, with more than we know. */
	assert_int_equal(get("080003 06017a 1d0000010c 0608746172735f726574 1d000002002b"
			     "06046f757473 1d0000020600", &result_type, &again), 0);
	assert_true(again.ret == 43 && again.outs.n == 0);
}

static void test_empty(void **state)
{
	char nothing = 0;

	(void)state;
	tup_put(&out, &nothing_type, &nothing, true);
	assert_bytes(&out, "080c");
	assert_int_equal(get("080c", &nothing_type, &nothing), 0);
	assert_int_equal(get("", &nothing_type, &nothing), 0);
}

static void test_large_value(void **state)
{
	static char text[70000];
	struct result r = { 1, { memset(text, 'x', sizeof(text)), sizeof(text) } }, again;

	(void)state;
	tup_put(&out, &result_type, &r, true);
	assert_int_equal(tup_get(out.data, out.len, &result_type, &again, &arena, &err), 0);
	assert_int_equal(again.outs.n, sizeof(text));
	assert_memory_equal(again.outs.p, text, sizeof(text));
}

static void test_optional_keeps_default(void **state)
{
	struct Opt o;

	(void)state;
	assert_int_equal(get("080001 060169 1d000002 0001", &Opt_type, &o), 0);
	assert_true(o.i32 == 100000 && o.i8 == 7);
	assert_int_equal(get("080001 06036933321d000002 0001", &Opt_type, &o), 0);
	assert_int_equal(o.i32, 1);
}

static void test_errors(void **state)
{
	static const struct {
		const char *hex, *error;
	} rows[] = {
		{ "", "parameter 'return value' is missing" },
		{ "080c", "parameter 'return value' is missing" },
		{ "080001 0600 1d0000010c", "parameter 'outs' is missing" },
		{ "080001 06044f555453 1d0000010c", "parameter 'return value' is missing" },
		{ "080002 0600 1d0000010c 06046f757473 1d0000010c",
		  "outs: expected a string, found Zero" OTHER_IDL },
		{ "080002 0600 1d000c 06046f757473 1d0000020600",
		  "return value: the value with tag 0 is missing" },
		{ "090c", "TUP body: expected map<string, vector<byte>>, found List: the peer "
		  "uses another IDL" },
		{ "ffffffffff", "TUP body: the value with tag 0 is missing" },
		{ "08007f", "TUP body: size 127, but only 0 bytes follow" },
		{ "080001 0600 1600", "TUP body: [0]: expected vector<byte>, found String1: the "
		  "peer uses another IDL" },
	};
	struct result r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool is_missing = i && strstr(rows[i].error, "parameter");

		assert_int_equal(get(rows[i].hex, &result_type, &r),
				 is_missing ? TARS_ENOTFOUND : TARS_EPROTO);
		assert_string_equal(err.text, rows[i].error);
		assert_true(r.ret == 0 && r.outs.n == 0 && r.outs.p);
	}
	assert_int_equal(tup_get(in.data, 0, &result_type, &r, &arena, NULL), TARS_EPROTO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_recorded_request),
		TEST(test_result),
		TEST(test_empty),
		TEST(test_large_value),
		TEST(test_optional_keeps_default),
		TEST(test_errors),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
