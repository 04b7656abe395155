/* PostgreSQL client: rows decoded into structs. */
#include "t/unit/pg-run.h"

enum color { RED = 1, BLUE = 7 };

struct row {
	bool b;
	int8_t i8;
	uint16_t u16;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	float f32;
	double f64;
	struct tars_str s;
	struct tars_bytes bytes;
	enum color color;
	struct tars_string_list list;
	struct tars_int_list ints;
};

static const struct tars_enum_item color_items[] = { { "RED", RED }, { "BLUE", BLUE } };
static const struct tars_type color_type = {
	.name = "color", .kind = TARS_ENUM, .n_fields = 2, .size = 4, .items = color_items,
};

#define FIELD(tag_, member, type_, ...) \
	{ .name = #member, .tag = (tag_), .offset = offsetof(struct row, member), \
	  .type = &(type_), __VA_ARGS__ }

static const struct tars_field row_fields[] = {
	FIELD(0, b, tars_type_bool),
	FIELD(1, i8, tars_type_byte),
	FIELD(2, u16, tars_type_ushort),
	FIELD(3, i32, tars_type_int, .i = 42),
	FIELD(4, u32, tars_type_uint),
	FIELD(5, i64, tars_type_long),
	FIELD(6, f32, tars_type_float),
	FIELD(7, f64, tars_type_double),
	FIELD(8, s, tars_type_string, .s = "default"),
	FIELD(9, bytes, tars_type_bytes),
	FIELD(10, color, color_type),
	FIELD(11, list, tars_type_string_list),
	FIELD(12, ints, tars_type_int_list),
};
static const struct tars_type row_type = {
	.name = "row", .kind = TARS_STRUCT, .n_fields = 13, .size = sizeof(struct row),
	.fields = row_fields,
};

struct rows {
	struct row *v;
	uint32_t n;
};

#define ALL_COLUMNS \
	"true AS b, -128 AS i8, 65535 AS u16, -2147483648 AS i32, 4294967295 AS u32, " \
	"9223372036854775807 AS i64, 1.5 AS f32, 'Infinity'::float8 AS f64, 'h\xc3\xa9' AS s, " \
	"'\\x0001ff'::bytea AS bytes, 'BLUE' AS color, " \
	"ARRAY['a', 'b,c', 'q\"\\', '', 'NULL'] AS list, ARRAY[1,-2,3] AS ints"

POOL_TEST(all_types)
{
	struct rows rows = { 0 };
	struct arena a;
	struct err e = { 0 };
	const struct row *r;

	arena_init(&a, NULL, 0);
	if (pg_query(pg, SQL("SELECT " ALL_COLUMNS), NULL, &row_type, &rows, &a, &e) != 1)
		fail_msg("%s", e.text);
	assert_int_equal(rows.n, 1);
	r = rows.v;
	assert_true(r->b);
	assert_int_equal(r->i8, -128);
	assert_int_equal(r->u16, 65535);
	assert_int_equal(r->i32, INT32_MIN);
	assert_true(r->u32 == UINT32_MAX);
	assert_true(r->i64 == INT64_MAX);
	assert_true(r->f32 == 1.5f);
	assert_true(r->f64 > 1e308);
	assert_int_equal(r->s.n, 3);
	assert_string_equal(r->s.p, "h\xc3\xa9");
	assert_int_equal(r->bytes.n, 3);
	assert_memory_equal(r->bytes.p, "\0\1\xff", 3);
	assert_int_equal(r->color, BLUE);
	assert_int_equal(r->list.n, 5);
	assert_string_equal(r->list.v[1].p, "b,c");
	assert_string_equal(r->list.v[2].p, "q\"\\");
	assert_int_equal(r->list.v[3].n, 0);
	assert_string_equal(r->list.v[4].p, "NULL");
	assert_int_equal(r->ints.n, 3);
	assert_int_equal(r->ints.v[1], -2);
	arena_clear(&a);
}

#define NULL_COLUMNS \
	"NULL AS b, NULL AS i8, NULL AS u16, NULL AS i32, NULL AS u32, NULL AS i64, NULL AS f32, " \
	"NULL AS f64, $1::text AS s, '\\x'::bytea AS bytes, 1 AS color, " \
	"'{}'::text[] AS list, '{}'::int[] AS ints"

POOL_TEST(nulls_and_parameters)
{
	const struct sql *sql = SQL("SELECT " NULL_COLUMNS " FROM generate_series(1, $2::int)");
	struct rows rows = { 0 };
	struct arena a;
	struct err e = { 0 };

	arena_init(&a, NULL, 0);
	assert_int_equal(pg_query(pg, sql, PG_PARAMS(PG_NULL, "3"), &row_type, &rows, &a, &e), 3);
	assert_int_equal(rows.n, 3);
	assert_int_equal(rows.v[2].i32, 42);
	assert_string_equal(rows.v[2].s.p, "default");
	assert_int_equal(rows.v[2].color, RED);
	assert_int_equal(rows.v[2].bytes.n, 0);
	assert_int_equal(rows.v[2].list.n, 0);
	/* "NULL" as a text is a text. */
	assert_int_equal(pg_query(pg, sql, PG_PARAMS("NULL", "1"), &row_type, &rows, &a, &e), 1);
	assert_string_equal(rows.v[0].s.p, "NULL");
	assert_int_equal(pg_query(pg, sql, PG_PARAMS("x", "0"), &row_type, &rows, &a, &e), 0);
	assert_int_equal(rows.n, 0);
	arena_clear(&a);
}

static const struct tars_field number_fields[] = {
	{ .name = "n", .type = &tars_type_byte },
	{ .name = "m", .tag = 1, .offset = 1, .type = &tars_type_bool },
};
static const struct tars_type number_type = {
	.name = "number", .kind = TARS_STRUCT, .n_fields = 2, .size = 2, .fields = number_fields,
};

static void decode_fails(struct pg *pg, const char *text, const char *part)
{
	struct rows rows = { 0 };
	struct arena a;
	struct err e = { 0 };

	arena_init(&a, NULL, 0);
	assert_int_equal(pg_query(pg, SQL(text), NULL, &number_type, &rows, &a, &e), TARS_EDB);
	expect_text(&e, part);
	assert_int_equal(rows.n, 0);
	arena_clear(&a);
}

POOL_TEST(columns_must_match)
{
	decode_fails(pg, "SELECT 1 AS n", "no column for the field \"m\" of number");
	decode_fails(pg, "SELECT 1 AS n, true AS m, 2 AS o", "column \"o\" is no field of number");
	decode_fails(pg, "SELECT 1 AS n, 2 AS n, true AS m", "a column stands there twice");
	decode_fails(pg, "SELECT 128 AS n, true AS m", "column \"n\": '128' is not a byte");
	decode_fails(pg, "SELECT 'x' AS n, true AS m", "column \"n\": 'x' is not a byte");
	decode_fails(pg, "SELECT '' AS n, true AS m", "column \"n\": '' is not a byte");
	decode_fails(pg, "SELECT 1 AS n, 'y' AS m", "column \"m\": 'y' is not a bool");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_types),
		cmocka_unit_test(test_nulls_and_parameters),
		cmocka_unit_test(test_columns_must_match),
	};

	return pg_run_tests("pg-row", tests, sizeof(tests) / sizeof(*tests));
}
