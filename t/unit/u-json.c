/* JSON: exact numbers, UTF-8, the forms that are read, recorded shapes of the official server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/json.h"
#include "t/unit/interop-types.h"

static struct arena arena;
static struct buf out = BUF_INIT;
static struct err err;
static union {
	struct Containers c;
	struct Opt o;
	struct Scalars s;
	struct tars_str str;
	double d;
	float f;
	int64_t i;
} value;

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
	buf_release(&out);
	return 0;
}

static int get(const struct tars_type *t, const char *text)
{
	memset(&value, 0xa5, sizeof(value));
	return json_get(text, strlen(text), t, &value, &arena, &err);
}

static const char *put(const struct tars_type *t, const void *v)
{
	buf_clear(&out);
	if (json_put(&out, t, v, JSON_COMPACT, &err))
		return err.text;
	return buf_str(&out);
}

/* Reads the text and writes it again, or gives the error. */
static const char *again(const struct tars_type *t, const char *text)
{
	int rc = get(t, text);

	if (rc) {
		assert_int_equal(rc, TARS_EPROTO);
		assert_int_equal(err.code, TARS_EPROTO);
		return err.text;
	}
	return put(t, &value);
}

struct row {
	const struct tars_type *type;
	const char *text, *result; /* NULL: the same text */
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(again(rows[i].type, rows[i].text),
				    rows[i].result ? rows[i].result : rows[i].text);
}

#define CHECK(rows) check_rows((rows), sizeof(rows) / sizeof(*(rows)))

static void test_integers(void **state)
{
	static const struct row rows[] = {
		{ &tars_type_bool, "true", NULL },
		{ &tars_type_bool, "false", NULL },
		{ &tars_type_bool, "1", "expected true or false, found an integer" },
		{ &tars_type_bool, "\"true\"", "expected true or false, found a string" },
		{ &tars_type_bool, "null", "expected true or false, found null" },
		{ &tars_type_byte, "-128", NULL },
		{ &tars_type_byte, "128", "128 is not within -128..127 of byte" },
		{ &tars_type_byte, "\"5\"", "expected an integer, found a string" },
		{ &tars_type_ubyte, "255", NULL },
		{ &tars_type_ubyte, "-1", "-1 is not within 0..255 of unsigned byte" },
		{ &tars_type_short, "40000", "40000 is not within -32768..32767 of short" },
		{ &tars_type_ushort, "65535", NULL },
		{ &tars_type_ushort, "007", "JSON, line 1, column 1: invalid token near '0'" },
		{ &tars_type_int, "-2147483648", NULL },
		{ &tars_type_int, "-2147483649",
		  "-2147483649 is not within -2147483648..2147483647 of int" },
		{ &tars_type_int, "1000.0", "1000" },
		{ &tars_type_int, "1e3", "1000" },
		{ &tars_type_int, "1.5", "1.5 is not a int" },
		{ &tars_type_int, "\"5\"", "expected an integer, found a string" },
		{ &tars_type_uint, "4294967295", NULL },
		{ &tars_type_uint, "4294967296", "4294967296 is not within 0..4294967295 of "
		  "unsigned int" },
		{ &tars_type_long, "9007199254740993", NULL },
		{ &tars_type_long, "9223372036854775807", NULL },
		{ &tars_type_long, "-9223372036854775808", NULL },
		{ &tars_type_long, "9223372036854775808",
		  "JSON, line 1, column 19: too big integer near "
		  "'9223372036854775808'" },
		{ &tars_type_long, "1e19", "1e+19 is not a long" },
		{ &tars_type_long, "9223372036854775808.0",
		  "9.2233720368547758e+18 is not a long" },
		{ &tars_type_long, "\"9007199254740993\"", "9007199254740993" },
		{ &tars_type_long, "\"12x\"", "'12x' is not a long" },
		{ &Color_type, "5", NULL },
		{ &Color_type, "12345", NULL },
		{ &Color_type, "\"NEG\"", "-3" },
		{ &Color_type, "\"GREN\"", "enum Interop::Color has no 'GREN'; did you mean "
		  "'GREEN'?" },
		{ &Color_type, "\"quite another\"", "enum Interop::Color has no 'quite another'" },
	};

	(void)state;
	CHECK(rows);
}

static void test_reals(void **state)
{
	static const struct row rows[] = {
		{ &tars_type_float, "0.1", NULL },
		{ &tars_type_float, "3", "3.0" },
		{ &tars_type_float, "16777217", "16777216.0" },
		{ &tars_type_float, "3.4028235e38", "3.4028235e38" },
		{ &tars_type_float, "1e39", "9.9999999999999994e+38 is out of range for float" },
		{ &tars_type_double, "0.1", NULL },
		{ &tars_type_double, "0.30000000000000004", NULL },
		{ &tars_type_double, "1e308", NULL },
		{ &tars_type_double, "1e-7", "1e-7" },
		{ &tars_type_double, "123456789.12345679", NULL },
		{ &tars_type_double, "-0.0", NULL },
		{ &tars_type_double, "5e-324", "4.94065645841247e-324" },
		{ &tars_type_double, "\"1\"", "expected a number, found a string" },
		{ &tars_type_double, "1e400", "JSON, line 1, column 5: real number overflow near "
		  "'1e400'" },
		{ &tars_type_double, "NaN", "JSON, line 1, column 3: invalid token near 'NaN'" },
	};
	double d;

	(void)state;
	CHECK(rows);
	assert_int_equal(get(&tars_type_double, "5e-324"), 0);
	assert_true(value.d == 5e-324);
	d = __builtin_inf();
	assert_string_equal(put(&tars_type_double, &d), "JSON has no number for infinity and NaN");
	assert_string_equal(put(&tars_type_float, &(float){ __builtin_nanf("") }),
			    "JSON has no number for infinity and NaN");
	/* Each of many floats reads back as itself. */
	for (uint32_t bits = 1; bits < 0x7f800000; bits += 7654321) {
		float f;

		memcpy(&f, &bits, sizeof(f));
		assert_int_equal(get(&tars_type_float, put(&tars_type_float, &f)), 0);
		assert_memory_equal(&value.f, &f, sizeof(f));
	}
}

static void test_strings(void **state)
{
	static const struct row rows[] = {
		{ &tars_type_string, "\"\"", NULL },
		{ &tars_type_string, "\"\xe4\xb8\xad \\u00e9 \\ud83d\\ude00 \xf0\x9f\x98\x80\"",
		  "\"\xe4\xb8\xad \xc3\xa9 \xf0\x9f\x98\x80 \xf0\x9f\x98\x80\"" },
		{ &tars_type_string, "\"q\\\"b\\\\s\\/n\\n\\t\\r\\b\\f\\u0001\"",
		  "\"q\\\"b\\\\s/n\\n\\t\\r\\b\\f\\u0001\"" },
		{ &tars_type_string, "\"a\\u0000b\"", NULL },
		{ &tars_type_string, "5", "expected a string, found an integer" },
		{ &tars_type_string, "null", "expected a string, found null" },
		{ &tars_type_string, "[\"a\"]", "expected a string, found an array" },
		{ &tars_type_string, "\"\\ud83d\"",
		  "JSON, line 1, column 8: invalid Unicode '\\uD83D' near "
		  "'\"\\ud83d\"'" },
		{ &tars_type_string, "\"\xff\"",
		  "JSON, line 1, column 1: unable to decode byte 0xff near '\"'" },
		{ &tars_type_string, "\"a\" x", "JSON, line 1, column 5: end of file expected "
		  "near 'x'" },
		{ &tars_type_string, "", "JSON, line 1, column 0: '[' or '{' expected near end "
		  "of file" },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(*rows) - 1);
	assert_int_equal(get(&tars_type_string, ""), TARS_EPROTO);
	assert_string_equal(put(&tars_type_string, &TARS_STR("\xff")), "the text is not UTF-8");
	assert_int_equal(get(&tars_type_string, "\"a\\u0000b\""), 0);
	assert_true(value.str.n == 3 && !memcmp(value.str.p, "a\0b", 4));
}

static void test_bytes(void **state)
{
	static const struct row rows[] = {
		{ &tars_type_bytes, "[]", NULL },
		{ &tars_type_bytes, "[0,1,127,-128]", NULL },
		{ &tars_type_bytes, "[255,128]", "[-1,-128]" },
		{ &tars_type_bytes, "[0,256]", "[1]: 256 is not within -128..255 of byte" },
		{ &tars_type_bytes, "\"\"", "[]" },
		{ &tars_type_bytes, "\"0x00ff\"", "[0,-1]" },
		{ &tars_type_bytes, "\"00Ff10\"", "[0,-1,16]" },
		{ &tars_type_bytes, "\"0\"", "a string for bytes must be an even number of hex "
		  "digits; "
		  "base64 is written \"base64:...\"" },
		{ &tars_type_bytes, "\"AAEg\"", "a string for bytes must be an even number of "
		  "hex digits; "
		  "base64 is written \"base64:...\"" },
		{ &tars_type_bytes, "{\"$b64\":\"AAEC\"}", "[0,1,2]" },
		{ &tars_type_bytes, "{\"$b64\":\"AAE=\"}", "[0,1]" },
		{ &tars_type_bytes, "{\"$b64\":\"AA==\"}", "[0]" },
		{ &tars_type_bytes, "{\"$b64\":\"\"}", "[]" },
		{ &tars_type_bytes, "{\"$b64\":\"AAE\"}", "the text is not base64 with padding" },
		{ &tars_type_bytes, "{\"$b64\":\"A*==\"}", "the text is not base64 with padding" },
		{ &tars_type_bytes, "{\"$b64\":\"====\"}", "the text is not base64 with padding" },
		{ &tars_type_bytes, "{\"$b64\":5}", "expected an array of bytes, hex text or "
		  "\"base64:...\", found an object" },
		{ &tars_type_bytes, "\"base64:AAE=\"", "[0,1]" },
		{ &tars_type_bytes, "\"base64:\"", "[]" },
		{ &tars_type_bytes, "\"base64:00f\"", "the text is not base64 with padding" },
		{ &tars_type_bytes, "\"base64\"", "a string for bytes must be an even number of hex "
		  "digits; base64 is written \"base64:...\"" },
		{ &tars_type_bytes, "{}", "expected an array of bytes, hex text or "
		  "\"base64:...\", found an object" },
	};

	(void)state;
	CHECK(rows);
}

static void test_maps(void **state)
{
	static const struct row rows[] = {
		{ &tars_type_string_string_map, "{}", NULL },
		{ &tars_type_string_string_map, "{\"b\":\"1\",\"\":\"2\"}", NULL },
		{ &tars_type_string_string_map, "[{\"key\":\"a\",\"value\":\"b\"}]",
		  "{\"a\":\"b\"}" },
		{ &tars_type_string_string_map, "{\"a\":5}",
		  "a: expected a string, found an integer" },
		{ &tars_type_string_string_map, "{\"a\":\"1\",\"a\":\"2\"}",
		  "JSON, line 1, column 12: duplicate object key near '\"a\"'" },
		{ &tars_type_string_string_map, "[{\"key\":\"a\"}]",
		  "[0]: expected {\"key\": .., \"value\": ..}" },
		{ &tars_type_string_string_map, "5",
		  "expected an object or an array of key and value, found an integer" },
		{ &int_string_map_type, "{\"-5\":\"x\",\"7\":\"y\"}", NULL },
		{ &int_string_map_type, "{\"x\":\"y\"}", "x: the key is not a int" },
		{ &int_string_map_type, "{\"\":\"y\"}", "the key is not a int" },
		{ &int_string_map_type, "{\"2147483648\":\"y\"}",
		  "2147483648: 2147483648 is not within "
		  "-2147483648..2147483647 of int" },
		{ &Leaf_int_map_type, "{}", NULL },
		{ &Leaf_int_map_type, "[]", "{}" },
		{ &Leaf_int_map_type, "[{\"key\":{\"a\":1,\"b\":\"x\"},\"value\":3}]",
		  "{\"{\\\"a\\\":1,\\\"b\\\":\\\"x\\\"}\":3}" },
		{ &Leaf_int_map_type, "{\"{\\\"a\\\":1}\":3}",
		  "{\"{\\\"a\\\":1,\\\"b\\\":\\\"\\\"}\":3}" },
		{ &Leaf_int_map_type, "[[{\"a\":1},3]]",
		  "[0]: expected {\"key\": .., \"value\": ..}" },
		{ &deep_map_type, "{\"d\":{\"1\":[\"p\",\"q\"],\"2\":[]}}", NULL },
		{ &deep_map_type, "{\"d\":{\"1\":[\"p\",1]}}",
		  "d.1[1]: expected a string, found an integer" },
	};

	(void)state;
	CHECK(rows);
}

#define SCALARS(first, i64, more) \
	"{\"b\":" first ",\"i8\":-128,\"u8\":255,\"i16\":-32768,\"u16\":65535," \
	"\"i32\":-2147483648,\"u32\":4294967295,\"i64\":" i64 ",\"f32\":1.5,\"f64\":-2.25," \
	"\"s\":\"str\",\"e\":70000" more "}"
#define ZERO_SCALARS \
	"{\"b\":false,\"i8\":0,\"u8\":0,\"i16\":0,\"u16\":0,\"i32\":0,\"u32\":0," \
	"\"i64\":0,\"f32\":0.0,\"f64\":0.0,\"s\":\"\",\"e\":0}"
#define OPT_TAIL(scalars) ",\"v\":[],\"m\":{},\"raw\":[],\"sc\":" scalars "}"
#define ALL_DEFAULT \
	"{\"b\":true,\"i8\":7,\"u8\":200,\"i16\":-300,\"u16\":60000,\"i32\":100000," \
	"\"u32\":4000000000,\"i64\":5000000000,\"f32\":1.5,\"f64\":2.25,\"s\":\"dflt\",\"e\":5" \
	OPT_TAIL(ZERO_SCALARS)

static void test_structs(void **state)
{
	static const struct row rows[] = {
		{ &Scalars_type, SCALARS("true", "-9223372036854775808", ""), NULL },
		{ &Scalars_type, SCALARS("null", "1", ""),
		  "b: expected true or false, found null" },
		{ &Scalars_type, SCALARS("true", "1", ",\"more\":1"),
		  "Interop::Scalars has no member 'more'" },
		{ &Scalars_type, SCALARS("true", "1", ",\"i63\":1"),
		  "Interop::Scalars has no member 'i63'; did you mean 'i64'?" },
		{ &Scalars_type, SCALARS("true", "1", ",\"b\":true"),
		  "JSON, line 1, column 142: duplicate "
		  "object key near '\"b\"'" },
		{ &Scalars_type, "{\"b\":true}", "i8: required, but missing" },
		{ &Scalars_type, "[1]", "expected an object, found an array" },
		{ &Scalars_type, "null", "expected an object, found null" },
		{ &Opt_type, "{}", ALL_DEFAULT },
		{ &Opt_type, "{\"v\":null,\"m\":null,\"sc\":null,\"s\":null,\"b\":null}",
		  ALL_DEFAULT },
		{ &Opt_type, "{\"sc\":" SCALARS("true", "1.5", "") "}",
		  "sc.i64: 1.5 is not a long" },
		{ &Opt_type, "{\"v\":[1,true]}", "v[1]: expected an integer, found true" },
		{ &Leaf_list_type, "[{\"a\":1,\"b\":\"x\"},{\"a\":2}]",
		  "[{\"a\":1,\"b\":\"x\"},{\"a\":2,\"b\":\"\"}]" },
		{ &Leaf_list_type, "[{\"a\":1},{\"b\":\"x\"}]", "[1].a: required, but missing" },
		{ &TreeNode_type, "{\"name\":\"r\",\"kids\":[{\"name\":\"k\",\"kids\":[]}]}",
		  NULL },
	};

	(void)state;
	CHECK(rows);
	/* After an error everything is default. */
	assert_int_equal(get(&Opt_type, "{\"i8\":1,\"s\":\"x\",\"zzz\":1}"), TARS_EPROTO);
	assert_true(value.o.i8 == 7 && !strcmp(value.o.s.p, "dflt"));
}

/* As the official echo server answered. */
static void test_containers(void **state)
{
	static const char text[] =
		"{\"raw\":[1,-1],\"uraw\":[1,200],\"vs\":[0,-1,300],\"vi\":[0,1],"
		"\"vl\":[0,5000000000],\"vf\":[0.0,1.5],\"vd\":[0.0,2.5],\"vstr\":[\"\",\"z\"],"
		"\"vleaf\":[{\"a\":1,\"b\":\"x\"}],"
		"\"vv\":[[],[1]],\"mss\":{\"a\":\"b\"},\"mil\":{\"7\":{\"a\":1,\"b\":\"x\"}},"
		"\"msb\":{\"k\":[0,127]},\"mli\":{},\"vm\":[{\"1\":\"p\"}],"
		"\"deep\":{\"d\":{\"1\":[\"p\"]}},"
		"\"ve\":[-3],\"vraw\":[[],[1]]}";

	(void)state;
	assert_string_equal(again(&Containers_type, text), text);
}

/* int f(string ins, out string outs) */
struct result {
	int32_t ret;
	struct tars_str outs;
};

static void test_parameters(void **state)
{
	static const struct tars_field in_fields[] = {
		{ .name = "ins", .tag = 1, .flags = TARS_REQUIRED, .type = &tars_type_string },
	};
	static const struct tars_field out_fields[] = {
		{ .name = "", .tag = 0, .flags = TARS_REQUIRED, .type = &tars_type_int },
		{ .name = "outs", .tag = 2, .flags = TARS_REQUIRED, .type = &tars_type_string,
		  .offset = offsetof(struct result, outs) },
	};
	static const struct tars_type in_type = {
		.name = "f_in", .kind = TARS_STRUCT, .size = sizeof(struct tars_str),
		.fields = in_fields, .n_fields = 1,
	};
	static const struct tars_type out_type = {
		.name = "f_out", .kind = TARS_STRUCT, .size = sizeof(struct result),
		.fields = out_fields, .n_fields = 2,
	};
	static const struct tars_type none = { .name = "none", .kind = TARS_STRUCT, .size = 1 };
	static const char given[] = "{\"ins\":\"a\",\"outs\":\"x\",\"zzz\":[1,{\"k\":null}]}";
	struct result r = { 42, TARS_STR("o") };
	struct tars_str ins;
	char nothing = 0;

	(void)state;
	assert_string_equal(put(&out_type, &r), "{\"tars_ret\":42,\"outs\":\"o\"}");
	assert_string_equal(again(&out_type, "{\"outs\":\"o\",\"tars_ret\":42}"), buf_str(&out));
	assert_string_equal(again(&out_type, "{\"outs\":\"o\",\"\":42}"), buf_str(&out));
	assert_string_equal(again(&out_type, "{\"outs\":\"o\"}"),
			"return value: required, but missing");
	assert_int_equal(json_get_params(given, strlen(given), &in_type, &ins, &arena, &err), 0);
	assert_string_equal(ins.p, "a");
	assert_int_equal(json_get(given, strlen(given), &in_type, &ins, &arena, &err), TARS_EPROTO);
	assert_string_equal(err.text, "f_in has no member 'outs'");
	assert_int_equal(json_get_params("{\"INS\":\"a\"}", 11, &in_type, &ins, &arena, &err),
			 TARS_EPROTO);
	assert_int_equal(json_get_params("null", 4, &none, &nothing, &arena, &err), 0);
	assert_int_equal(json_get_params("null", 4, &in_type, &ins, &arena, &err), TARS_EPROTO);
}

/* One of these is 3 bytes of text, "{},", and over 400 in memory. */
struct pair {
	struct Opt a, b;
};
static const struct tars_field pair_fields[] = {
	OPT(pair, a, 0, &Opt_type), OPT(pair, b, 1, &Opt_type),
};
static const struct tars_type pair_type = STRUCT_TYPE(pair, pair_fields);
LIST_OF(pair_list, struct pair);
LIST_TYPE(pair_list_type, "vector<pair>", struct pair_list, &pair_type);

static void test_limits(void **state)
{
	struct buf text = BUF_INIT;
	int rc;

	(void)state;
	for (int i = 0; i < 40; i++)
		buf_add_str(&text, "{\"name\":\"\",\"kids\":[");
	for (int i = 0; i < 40; i++)
		buf_add_str(&text, "]}");
	rc = json_get(buf_str(&text), text.len, &TreeNode_type, &value, &arena, &err);
	assert_int_equal(rc, TARS_EPROTO);
	assert_non_null(strstr(err.text, "nested deeper than 64"));

	buf_clear(&text);
	buf_add_str(&text, "[{}");
	for (int i = 0; i < 100000; i++)
		buf_add_str(&text, ",{}");
	buf_add_str(&text, "]");
	rc = json_get(buf_str(&text), text.len, &pair_list_type, &value, &arena, &err);
	assert_int_equal(rc, TARS_EPROTO);
	assert_non_null(strstr(err.text, "out of proportion"));
	buf_release(&text);
}

/* ---- what jansson takes ---- */

static size_t taken, most_taken;

static void *counted_malloc(size_t n)
{
	size_t *p = malloc(n + 16);

	*p = n + 16;
	taken += n + 16;
	if (taken > most_taken)
		most_taken = taken;
	return (char *)p + 16;
}

static void counted_free(void *p)
{
	if (!p)
		return;
	taken -= *(size_t *)(void *)((char *)p - 16);
	free((char *)p - 16);
}

static void put_repeated(struct buf *b, const char *begin, const char *item, const char *end,
			 size_t size)
{
	buf_clear(b);
	buf_add_str(b, begin);
	for (int i = 0; b->len < size; i++)
		buf_addf(b, item, i);
	buf_add_str(b, end);
}

#define EIGHT(s) s s s s s s s s
#define MANY(s) EIGHT(EIGHT(EIGHT(s)))

static const struct { const char *begin, *item, *end; } shapes[] = {
	{ "[", "[],", "1]" }, { "[", "{},", "1]" }, { "[", "0,", "1]" }, { "[", "\"\",", "1]" },
	{ "{", "\"%x\":1,", "\"x\":1}" }, { "[", "{\"\":{}},", "1]" },
	{ "[\"", MANY("x"), "\"]" }, { "", MANY("9"), "" },
};

/* The guess from the text is never below what jansson really takes, and so a text that is let in
 * cannot cost more than the limit. */
static void test_memory_of_the_tree(void **state)
{
	static const struct tars_type none = { .name = "none", .kind = TARS_STRUCT };
	struct { char unused; } nothing;
	struct buf text = BUF_INIT;

	(void)state;
	json_set_alloc_funcs(counted_malloc, counted_free);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		size_t refused = 0;

		for (size_t size = 800000; size < 40000000 && !refused; size *= 2) {
			put_repeated(&text, shapes[i].begin, shapes[i].item, shapes[i].end, size);
			taken = most_taken = 0;
			err.text[0] = '\0';
			json_get_params(buf_str(&text), text.len, &none, &nothing, &arena, &err);
			if (strstr(err.text, "so many values"))
				refused = size;
			if (refused && most_taken)
				fail_msg("%s: read before it was refused", shapes[i].item);
			if (most_taken > JSON_MAX_TREE)
				fail_msg("%s: %zu bytes took %zu", shapes[i].item, text.len,
					 most_taken);
			assert_int_equal(taken, 0);
		}
		if (!refused)
			fail_msg("%s: never refused", shapes[i].item);
	}
	json_set_alloc_funcs(malloc, free);
	buf_release(&text);
}

/* jansson itself would go 2048 levels deep, which is more than a coroutine's stack holds. */
static void test_depth_of_unknown_members(void **state)
{
	static const struct tars_type nothing = { .name = "nothing", .kind = TARS_STRUCT };
	static const struct { unsigned depth; const char *open, *close; } rows[] = {
		{ 100, "[", "]" }, { 100, "{\"a\":", "}" },
		{ 200, "[", "]" }, { 200, "{\"a\":", "}" },
	};
	const char *brackets = "{\"\\\"[[\":\"";   /* in strings they do not count */
	struct buf text = BUF_INIT;

	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		bool is_fine = rows[row].depth < 128;

		buf_clear(&text);
		buf_add_str(&text, "{\"x\":");
		for (unsigned i = 0; i < rows[row].depth; i++)
			buf_add_str(&text, rows[row].open);
		buf_add_str(&text, "1");
		for (unsigned i = 0; i < rows[row].depth; i++)
			buf_add_str(&text, rows[row].close);
		buf_add_str(&text, "}");
		assert_int_equal(json_get_params(buf_str(&text), buf_size(&text), &nothing, &value,
						 &arena, &err), is_fine ? 0 : TARS_EPROTO);
		if (!is_fine)
			assert_non_null(strstr(err.text, "nested deeper than 128"));
	}
	buf_clear(&text);
	buf_add_str(&text, brackets);
	for (int i = 0; i < 200; i++)
		buf_add_str(&text, "[{");
	buf_add_str(&text, "\"}");
	assert_int_equal(json_get_params(buf_str(&text), buf_size(&text), &nothing, &value,
					 &arena, &err), 0);
	buf_release(&text);
}

static void test_tree(void **state)
{
	struct Leaf leaf = { 1, TARS_STR("x") }, bad = { 1, TARS_STR("\xff") }, copy;
	struct Leaf_list list = { &bad, 1 };
	json_t *json = json_from_value(&Leaf_type, &leaf, &err);

	(void)state;
	assert_non_null(json);
	assert_int_equal(err.code, 0);
	assert_int_equal(json_to_value(json, &Leaf_type, &copy, &arena, &err), 0);
	assert_int_equal(tars_type_compare(&Leaf_type, &leaf, &copy), 0);
	json_decref(json);
	assert_null(json_from_value(&Leaf_list_type, &list, &err));
	assert_string_equal(err.text, "[0].b: the text is not UTF-8");
	assert_int_equal(err.code, TARS_EPROTO);
	assert_null(json_from_value(&Leaf_list_type, &list, NULL));
	assert_int_equal(json_get("[", 1, &Leaf_type, &copy, &arena, NULL), TARS_EPROTO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_integers),
		TEST(test_reals),
		TEST(test_strings),
		TEST(test_bytes),
		TEST(test_maps),
		TEST(test_structs),
		TEST(test_containers),
		TEST(test_parameters),
		TEST(test_limits),
		TEST(test_memory_of_the_tree),
		TEST(test_depth_of_unknown_members),
		TEST(test_tree),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
