/* Codec: the bytes of the official C++ SDK, its tolerance, and limits against bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/codec.h"
#include "t/unit/data.h"
#include "t/unit/hex.h"
#include "t/unit/interop-types.h"
#include "t/unit/tables-only.h"

/* What each test needs; released by teardown. */
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

static int get_flat(const char *hex, const struct tars_type *t, void *value)
{
	hex_read(&in, hex);
	memset(value, 0xa5, t->size);
	return codec_get_flat(in.data, in.len, t, value, &arena, &err);
}

static int get_field(const char *hex, uint8_t tag, const struct tars_type *t, void *value)
{
	hex_read(&in, hex);
	memset(value, 0xa5, t->size);
	return codec_get_field(in.data, in.len, tag, t, value, &arena, &err);
}

/* The text of the error, or "none". */
static const char *why(int rc)
{
	assert_true(rc == 0 || rc == TARS_EPROTO);
	assert_int_equal(rc, err.code);
	return rc ? err.text : "none";
}

static const struct tars_type *const all_types[] = {
	&tars_type_bool, &tars_type_byte, &tars_type_short, &tars_type_int, &tars_type_long,
	&tars_type_ubyte, &tars_type_ushort, &tars_type_uint, &tars_type_float, &tars_type_double,
	&tars_type_string, &tars_type_bytes, &tars_type_string_list, &tars_type_int_list,
	&tars_type_string_string_map, &int_string_map_type, &bool_list_type, &ubyte_list_type,
};

static bool is_same_name(const char *a, const char *b)
{
	for (; *a; a++) /* "ubyte" and "map<int,string>" in the data */
		if (*a != ' ' && *a != *b++)
			return false;
	return !*b;
}

static const struct tars_type *type_by_name(const char *name)
{
	char spelling[64];
	const char *ubyte = strstr(name, "ubyte"), *ushort = strstr(name, "ushort"),
		   *uint = strstr(name, "uint");
	const char *at = ubyte ? ubyte : ushort ? ushort : uint;

	snprintf(spelling, sizeof(spelling), at ? "%.*sunsigned%s" : "%.*s",
		 at ? (int)(at - name) : (int)strlen(name), name, at ? at + 1 : "");
	for (size_t i = 0; i < sizeof(all_types) / sizeof(*all_types); i++)
		if (is_same_name(all_types[i]->name, spelling))
			return all_types[i];
	for (size_t i = 0; i < sizeof(interop_structs) / sizeof(*interop_structs); i++)
		if (!strcmp(interop_structs[i]->name + strlen("Interop::"), name))
			return interop_structs[i];
	return NULL;
}

/* The number that a vector's value names, in the C type of its kind; false for other kinds. */
static bool number_of(const struct tars_type *t, const char *text, void *value)
{
	int64_t i = strtoll(text, NULL, 10);

	switch (t->kind) {
	case TARS_F32:
		*(float *)value = strtof(text, NULL);
		return true;
	case TARS_F64:
		*(double *)value = strtod(text, NULL);
		return true;
	default:
		if (t->kind > TARS_U32)
			return false;
		memcpy(value, &i, t->size); /* little endian: the low bytes */
		return true;
	}
}

static void check_vector(const struct data *d)
{
	const struct tars_type *t = type_by_name(d->field[0]);
	const char *tag = d->field[2], *hex = d->field[3];
	union { struct Containers c; struct Opt o; uint64_t u[64]; } value, expected = { 0 };
	bool is_flat = !strcmp(tag, "flat") || !strcmp(tag, "defaults");
	int flags = strncmp(tag, "defaults", 8) ? 0 : CODEC_WRITE_DEFAULTS;

	if (flags && !is_flat)
		tag += strlen("defaults");

	if (!t)
		fail_msg("line %d: no type %s", d->line, d->field[0]);
	if (is_flat)
		assert_string_equal(why(get_flat(hex, t, &value)), "none");
	else
		assert_string_equal(why(get_field(hex, (uint8_t)atoi(tag), t, &value)), "none");
	if (t->kind < TARS_STRING && strcmp(d->field[1], "nan")) {
		assert_true(number_of(t, d->field[1], &expected));
		assert_memory_equal(&value, &expected, t->size);
	} else if (!strncmp(d->field[1], "len", 3)) { /* n is at the same place in all of these */
		struct tars_any_list *list = (void *)&value;

		assert_int_equal(list->n, atoi(d->field[1] + 3));
	}
	if (flags) { /* the same by the types' own flags */
		t = written_always(&arena, t);
		flags = 0;
	}
	buf_clear(&out);
	if (is_flat)
		codec_put_flat(&out, t, &value, flags);
	else
		codec_put_field(&out, (uint8_t)atoi(tag), t, &value, flags);
	assert_bytes(&out, hex);
	arena_clear(&arena);
}

static void test_official_vectors(void **state)
{
	struct data d;
	int rows = 0;

	(void)state;
	for (data_open(&d, "t/data/codec.tsv"); data_next(&d);) {
		if (!strncmp(d.field[0], "packet/", 7) || !strcmp(d.field[0], "tup"))
			continue; /* u-packet, u-tup */
		check_vector(&d);
		rows++;
	}
	assert_in_range(rows, 650, 1000);
}

static void test_struct_values(void **state)
{
	struct Scalars s;
	struct HighTags h;
	struct TreeNode tree;

	(void)state;
	assert_string_equal(why(get_flat(
		"0001108021008031800042000080005280000000630000000080000000 73"
		"800000000000000084bf0000009581a56e1fc2f8f359a600b0fd", &Scalars_type, &s)),
		"none");
	assert_true(s.b && s.i8 == INT8_MIN && s.u8 == 128 && s.i16 == INT16_MIN && s.u16 == 32768);
	assert_true(s.i32 == INT32_MIN && s.u32 == 1u << 31 && s.i64 == INT64_MIN);
	assert_true(s.f32 == -0.5f && s.f64 == -1e-300 && s.e == NEG);
	assert_true(s.s.n == 0 && *s.s.p == '\0');

	assert_string_equal(why(get_flat("0001e002f00f03f6100164fac800041601650bfdfe00000166"
					 "f3ff0000010000000000", &HighTags_type, &h)), "none");
	assert_true(h.a == 1 && h.b == 2 && h.c == 3 && h.e.a == 4 && h.g == 1ll << 40);
	assert_string_equal(h.e.b.p, "e");
	assert_true(h.f.p == in.data + 24 && *h.f.p == 'f'); /* bytes point into the input */

	assert_string_equal(why(get_flat("0604726f6f741900020a06036b69641900010a06056772616e64"
					 "0b0b0a06056772616e640b", &TreeNode_type, &tree)), "none");
	assert_int_equal(tree.kids.n, 2);
	assert_string_equal(tree.kids.v[0].kids.v[0].name.p, "grand");
	assert_int_equal(tree.kids.v[1].kids.n, 0);
}

static int64_t sign_extended(const struct tars_type *t, int64_t v)
{
	switch (t->kind) {
	case TARS_I8:
		return (int8_t)v;
	case TARS_I16:
		return (int16_t)v;
	case TARS_I32:
		return (int32_t)v;
	default:
		return v;
	}
}

static void test_tolerance(void **state)
{
	static const struct {
		const struct tars_type *type;
		const char *hex;
		double value;
	} rows[] = {
		{ &tars_type_long, "00ff", -1 }, { &tars_type_long, "01ff00", -256 },
		{ &tars_type_long, "02ffffff00", -256 }, { &tars_type_long, "0c", 0 },
		{ &tars_type_int, "0c", 0 }, { &tars_type_int, "0080", -128 },
		{ &tars_type_int, "018000", -32768 }, { &tars_type_short, "0005", 5 },
		{ &tars_type_ushort, "0005", 5 }, { &tars_type_uint, "0005", 5 },
		{ &tars_type_uint, "027fffffff", 2147483647 }, { &tars_type_ubyte, "0100ff", 255 },
		{ &tars_type_float, "0c", 0 }, { &tars_type_double, "0c", 0 },
		{ &tars_type_double, "043fc00000", 1.5 }, { &Color_type, "0005", GREEN },
		{ &Color_type, "0064", 100 }, { &tars_type_int, "020000000a", 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		union { float f; double d; int64_t i; } value = { 0 };
		double number;

		hex_read(&in, rows[i].hex);
		assert_string_equal(why(codec_get_field(in.data, in.len, 0, rows[i].type, &value,
							&arena, &err)), "none");
		if (rows[i].type == &tars_type_float)
			number = (double)value.f;
		else if (rows[i].type == &tars_type_double)
			number = value.d;
		else /* the bytes behind the value are 0: only signed ones need more */
			number = (double)sign_extended(rows[i].type, value.i);
		assert_true(number == rows[i].value);
	}
}

static void test_bool_is_any_number(void **state)
{
	bool b;

	(void)state;
	assert_string_equal(why(get_field("0007", 0, &tars_type_bool, &b)), "none");
	assert_true(b);
	assert_string_equal(why(get_field("0c", 0, &tars_type_bool, &b)), "none");
	assert_false(b);
}

static void test_bytes_forms(void **state)
{
	struct tars_bytes v;

	(void)state;
	assert_string_equal(why(get_field("0d 00 0003 0102ff", 0, &tars_type_bytes, &v)), "none");
	assert_true(v.n == 3 && v.p[2] == 0xff);
	assert_string_equal(why(get_field("09 0003 0001 0c 00ff", 0, &tars_type_bytes, &v)),
			"none");
	assert_true(v.n == 3 && v.p[0] == 1 && v.p[1] == 0 && v.p[2] == 0xff);
	assert_string_equal(why(get_field("09 0c", 0, &tars_type_bytes, &v)), "none");
	assert_true(v.n == 0 && v.p);
}

static void test_bad_fields(void **state)
{
	static const struct {
		const struct tars_type *type;
		const char *hex, *error;
	} rows[] = {
		{ &tars_type_int, "", "the value with tag 0 is missing" },
		{ &tars_type_int, "1001", "the value with tag 0 is missing" },
		{ &tars_type_int, "0b 0001", "the value with tag 0 is missing" },
		{ &tars_type_int, "f0", "the data ends in the middle of a value" },
		{ &tars_type_int, "01ff", "the data ends in the middle of a value" },
		{ &tars_type_int, "03 0000000000000001",
		  "expected int, found Long" OTHER_IDL },
		{ &tars_type_short, "02 00000001", "expected short, found Int" OTHER_IDL },
		{ &tars_type_byte, "01 0001", "expected byte, found Short" OTHER_IDL },
		{ &tars_type_bool, "01 0001", "expected bool, found Short" OTHER_IDL },
		{ &Color_type, "03 0000000000000001",
		  "expected Interop::Color, found Long" OTHER_IDL },
		{ &tars_type_ubyte, "00ff", "-1 does not fit into unsigned byte" },
		{ &tars_type_ubyte, "01 0100", "256 does not fit into unsigned byte" },
		{ &tars_type_ushort, "02 00010000", "65536 does not fit into unsigned short" },
		{ &tars_type_uint, "03 0000000100000000",
		  "4294967296 does not fit into unsigned int" },
		{ &tars_type_float, "05 3ff0000000000000",
		  "expected float, found Double" OTHER_IDL },
		{ &tars_type_float, "00 01", "expected float, found Char" OTHER_IDL },
		{ &tars_type_double, "05 3ff00000000000",
		  "the data ends in the middle of a value" },
		{ &tars_type_string, "00 01", "expected a string, found Char" OTHER_IDL },
		{ &tars_type_string, "06 05 61", "a string of 5 bytes, but only 1 follow" },
		{ &tars_type_string, "07 000000", "the data ends in the middle of a value" },
		{ &tars_type_string, "07 06400001",
		  "a string of 104857601 bytes is above the limit of 104857600" },
		{ &tars_type_string, "07 ffffffff",
		  "a string of 4294967295 bytes is above the limit of 104857600" },
		{ &tars_type_bytes, "0d 01 0001 00", "a SimpleList whose elements are not Char" },
		{ &tars_type_bytes, "0d 00 0002 00", "size 2, but only 1 bytes follow" },
		{ &tars_type_bytes, "0d 00 00ff 00", "size -1, but only 1 bytes follow" },
		{ &tars_type_bytes, "0d", "the data ends in the middle of a value" },
		{ &tars_type_bytes, "0d 00", "the data ends in the middle of a value" },
		{ &tars_type_bytes, "0d 00 03 0000000000000001 00",
		  "expected a size, found Long" OTHER_IDL },
		{ &tars_type_bytes, "09 0001 01 0001",
		  "[0]: expected byte, found Short" OTHER_IDL },
		{ &tars_type_int_list, "0d 00 0001 01",
		  "expected vector<int>, found SimpleList" OTHER_IDL },
		{ &tars_type_int_list, "09 1001 0001", "expected a size with tag 0, found tag 1" },
		{ &tars_type_int_list, "09 0002 0c", "size 2, but only 1 bytes follow" },
		{ &tars_type_int_list, "09 0002 0001 06 00",
		  "[1]: expected int, found String1" OTHER_IDL },
		{ &tars_type_int_list, "09 0001 0b 0b", "[0]: the value with tag 0 is missing" },
		{ &tars_type_string_string_map, "08 0001 0600 0600",
		  "[0]: the value with tag 1 is missing" },
		{ &tars_type_string_string_map, "08 0002 0600 16",
		  "size 2, but only 3 bytes follow" },
		{ &Leaf_type, "0a 0001", "the data ends in the middle of a value" },
		{ &Leaf_type, "0a 1600 0b", "a: required, but the field with tag 0 is missing" },
		{ &Leaf_type, "09 0c", "expected Interop::Leaf, found List" OTHER_IDL },
		{ &Leaf_list_type, "09 0002 0a 0001 0b 0a 0001 1600 2e",
		  "[1]: expected a value, found type 14" OTHER_IDL },
		{ &TreeNode_type, "0a 0600 19 0001 0a 0600 19 0001 0a 00 01 0b 0b 0b",
		  "kids[0].kids[0].name: expected a string, found Char" OTHER_IDL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		union { struct Containers c; struct tars_str s; } value;

		assert_string_equal(why(get_field(rows[i].hex, 0, rows[i].type, &value)),
				    rows[i].error);
		err_clear(&err);
	}
}

/* The official reader only searches forward: a tag that comes too late is unknown. */
static void test_order_of_tags(void **state)
{
	struct Opt o;
	struct Leaf leaf;
	struct HighTags h;

	(void)state;
	assert_string_equal(why(get_flat("5005 3003 7007", &Opt_type, &o)), "none");
	assert_true(o.i32 == 5 && o.i16 == -300 && o.i64 == 7);
	assert_string_equal(why(get_flat("5005 5006", &Opt_type, &o)), "none");
	assert_int_equal(o.i32, 5); /* the first wins */
	assert_string_equal(why(get_flat("1600 0001", &Leaf_type, &leaf)),
			    "a: required, but the field with tag 0 is missing");
	/* An end of struct ends a flat body too. */
	err_clear(&err);
	assert_string_equal(why(get_flat("1001 0b 5005", &Opt_type, &o)), "none");
	assert_true(o.i8 == 1 && o.i32 == 100000);
	assert_string_equal(why(get_flat("0001 1001 2001 e002 f00f03", &HighTags_type, &h)),
			    "d: required, but the field with tag 16 is missing");
}

static void test_unknown_fields(void **state)
{
	struct Leaf leaf;
	struct HighTags h;

	(void)state;
	/* One of each wire type between a (0) and b (14), and behind everything in the struct. */
	assert_string_equal(why(get_flat(
		"0001 1001 210001 3200000001 430000000000000001 5400000000 650000000000000000 "
		"7600 8700000000"
		"98 0001 0600 1600 a9 0002 0c 0001 ba 0a 0b 0b cc dd 00 0001 ff e002"
		"f00f03 f61000 fac8 0005 16 00 20 01 39 0c 4a 0b 0b fdfe 00 0c fcff",
		&HighTags_type, &h)),
		"none");
	assert_true(h.a == 1 && h.b == 2 && h.c == 3 && h.e.a == 5);
	/* Behind the last known field of a flat body anything may stand. */
	assert_string_equal(why(get_flat("0001 160161 ffffffff", &Leaf_type, &leaf)), "none");
	assert_string_equal(leaf.b.p, "a");
	/* But not before it. */
	assert_string_equal(why(get_flat("0001 0e", &Leaf_type, &leaf)),
			    "expected a value, found type 14" OTHER_IDL);
}

static void test_defaults(void **state)
{
	struct Opt o;

	(void)state;
	assert_string_equal(why(get_flat("", &Opt_type, &o)), "none");
	assert_true(o.b && o.i8 == 7 && o.u8 == 200 && o.i16 == -300 && o.u16 == 60000);
	assert_true(o.i32 == 100000 && o.u32 == 4000000000 && o.i64 == 5000000000);
	assert_true(o.f32 == 1.5f && o.f64 == 2.25 && o.e == GREEN);
	assert_string_equal(o.s.p, "dflt");
	assert_true(o.s.n == 4 && !o.v.n && !o.m.n && !o.raw.n && o.raw.p && !o.sc.i32 && o.sc.s.p);
	/* After an error too, whatever had been read. */
	assert_string_equal(why(get_flat("0c 1005 5600", &Opt_type, &o)),
			    "i32: expected int, found String1" OTHER_IDL);
	assert_true(o.b && o.i8 == 7 && o.i32 == 100000 && !strcmp(o.s.p, "dflt"));
}

/* -0.0 equals 0.0 and is omitted as in C++; NaN equals nothing. */
static void test_omission_of_floats(void **state)
{
	static const struct tars_field fields[] = {
		{ .name = "f", .tag = 0, .type = &tars_type_float },
		{ .name = "d", .tag = 1, .offset = 8, .type = &tars_type_double },
	};
	static const struct tars_type type = {
		.name = "floats", .kind = TARS_STRUCT, .size = 16, .fields = fields, .n_fields = 2,
	};
	struct { float f; double d; } v = { -0.0f, 0.0 };

	(void)state;
	codec_put_flat(&out, &type, &v, 0);
	assert_bytes(&out, "");
	v.d = __builtin_nan("");
	codec_put_flat(&out, &type, &v, 0);
	assert_bytes(&out, "15 7ff8000000000000");
}

static void test_zeroed_values_encode(void **state)
{
	struct Containers c;

	(void)state;
	memset(&c, 0, sizeof(c)); /* strings and bytes with NULL */
	codec_put_flat(&out, &Containers_type, &c, 0);
	assert_bytes(&out, "0d000c190c390c490c590c690c790c890c990ca90cb80cc80cd80ce80c"
		     "f90f0cf8100cf9110cf9120c");
}

/* `n` heads of a list with one element each, or of a struct in a struct. */
static void nest(const char *hex, int n)
{
	struct buf piece = BUF_INIT;

	hex_read(&piece, hex);
	buf_clear(&in);
	while (n--)
		buf_add(&in, piece.data, piece.len);
	buf_release(&piece);
}

static void test_depth_limit(void **state)
{
	struct TreeNode tree;
	struct tars_int_list list;
	struct cursor c;

	(void)state;
	for (int depth = 1; depth < 100000; depth *= 2) {
		bool fits = 2 * depth <= CODEC_MAX_DEPTH;

		nest("0a 0600 19 0001", depth); /* known type, two levels a turn */
		assert_int_equal(codec_get_field(in.data, in.len, 0, &TreeNode_type, &tree, &arena,
						 &err), TARS_EPROTO);
		assert_int_equal(!strstr(err.text, "nested deeper than 64"), fits);
		nest("09 0001", depth); /* skipped */
		c = (struct cursor){ in.data + 1, in.data + in.len, &err };
		assert_int_equal(cursor_skip(&c, WIRE_LIST), TARS_EPROTO);
		assert_int_equal(!strstr(err.text, "nested deeper than 64"),
				 depth <= CODEC_MAX_DEPTH);
		nest("1a", depth);
		assert_int_equal(codec_get_field(in.data, in.len, 0, &tars_type_int_list, &list,
						 &arena, &err), TARS_EPROTO);
	}
}

/* Elements of 2 bytes that take over 200 in memory: allowed while few, refused when many. */
static void test_expansion_limit(void **state)
{
	LIST_OF(Opt_list, struct Opt) list;
	static const struct tars_type list_type = {
		.name = "vector<Opt>", .kind = TARS_LIST, .size = sizeof(list), .elem = &Opt_type,
	};
	uint8_t size[4];
	int refused = 0;

	(void)state;
	for (uint32_t n = 4000; n <= 1000000; n *= 2) {
		int rc;

		for (int i = 0; i < 4; i++)
			size[i] = (uint8_t)(n >> (24 - 8 * i));
		nest("0a0b", (int)n);
		hex_read(&out, "0902");
		buf_add(&out, size, sizeof(size));
		buf_add(&out, in.data, in.len);
		rc = codec_get_field(out.data, out.len, 0, &list_type, &list, &arena, &err);
		if (n * sizeof(struct Opt) <=
		    CODEC_FREE_EXPANSION + CODEC_MAX_EXPANSION * out.len) {
			assert_int_equal(rc, 0);
			assert_true(list.n == n && list.v[n - 1].i64 == 5000000000);
		} else {
			assert_int_equal(rc, TARS_EPROTO);
			assert_non_null(strstr(err.text, "out of proportion"));
			assert_int_equal(list.n, 0);
			refused++;
		}
	}
	assert_in_range(refused, 1, 6); /* both cases were met */
}

static void test_error_may_be_null(void **state)
{
	struct Leaf leaf;

	(void)state;
	hex_read(&in, "0600");
	assert_int_equal(codec_get_flat(in.data, in.len, &Leaf_type, &leaf, &arena, NULL),
			 TARS_EPROTO);
	assert_int_equal(codec_get_flat(in.data, 0, &Leaf_type, &leaf, &arena, NULL), TARS_EPROTO);
}

static void test_primitive_writers(void **state)
{
	(void)state;
	codec_put_int(&out, 0, 0);
	codec_put_int(&out, 15, -129);
	codec_put_string(&out, 2, "ab", 2);
	codec_put_string(&out, 3, NULL, 0);
	codec_put_bytes(&out, 4, (const uint8_t *)"\xff", 1);
	codec_put_bytes(&out, 5, NULL, 0);
	assert_bytes(&out, "0c f10fff7f 2602 6162 3600 4d00 0001 ff 5d00 0c");
}

static void test_cursor(void **state)
{
	struct cursor c;
	struct tars_str s;
	struct tars_bytes v;
	uint8_t tag, type;
	int64_t i;

	(void)state;
	hex_read(&in, "f0ff05 1602 6869 2d00 0001 07 3a 00 01 0b 4c");
	c = (struct cursor){ in.data, in.data + in.len, &err };
	assert_int_equal(cursor_head(&c, &tag, &type), 1);
	assert_true(tag == 255 && type == WIRE_CHAR);
	assert_int_equal(cursor_int(&c, type, &i), 0);
	assert_int_equal(i, 5);
	assert_int_equal(cursor_head(&c, &tag, &type), 1);
	assert_int_equal(cursor_string(&c, type, &s), 0);
	assert_memory_equal(s.p, "hi", s.n);
	assert_int_equal(cursor_head(&c, &tag, &type), 1);
	assert_int_equal(cursor_bytes(&c, type, &v), 0);
	assert_true(v.n == 1 && *v.p == 7);
	assert_int_equal(cursor_head(&c, &tag, &type), 1);
	assert_int_equal(cursor_skip(&c, type), 0);
	assert_int_equal(cursor_head(&c, &tag, &type), 1);
	assert_true(tag == 4 && type == WIRE_ZERO);
	assert_int_equal(cursor_skip(&c, type), 0);
	assert_int_equal(cursor_head(&c, &tag, &type), 0);
	assert_int_equal(cursor_skip(&c, WIRE_STRUCT_END), TARS_EPROTO);
	assert_int_equal(cursor_skip(&c, WIRE_LONG), TARS_EPROTO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_official_vectors),
		TEST(test_struct_values),
		TEST(test_tolerance),
		TEST(test_bool_is_any_number),
		TEST(test_bytes_forms),
		TEST(test_bad_fields),
		TEST(test_order_of_tags),
		TEST(test_unknown_fields),
		TEST(test_defaults),
		TEST(test_omission_of_floats),
		TEST(test_zeroed_values_encode),
		TEST(test_depth_limit),
		TEST(test_expansion_limit),
		TEST(test_error_may_be_null),
		TEST(test_primitive_writers),
		TEST(test_cursor),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
