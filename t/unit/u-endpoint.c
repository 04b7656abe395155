/* Endpoint, list and object strings against the recorded answers of the official client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/endpoint.h"
#include "t/unit/data.h"

static int parse(const char *text, struct endpoint *ep, struct err *e)
{
	return endpoint_parse(text, strlen(text), ep, e);
}

static void assert_prints(const struct endpoint *ep, const char *expected)
{
	struct buf b = BUF_INIT;

	endpoint_print(&b, ep);
	assert_string_equal(buf_str(&b), expected);
	buf_release(&b);
}

static void check_endpoint(const struct data *d)
{
	const char *const *f = (const char *const *)d->field;
	struct endpoint ep, again;
	char sort_key[512];
	struct err e = { 0 };

	if (strcmp(f[1], "ok")) {
		assert_int_equal(parse(f[0], &ep, &e), TARS_EARG);
		assert_true(*e.text && e.code == TARS_EARG);
		return;
	}
	if (strlen(f[4]) > 255) {
		assert_int_equal(parse(f[0], &ep, &e), TARS_ELIMIT);
		return;
	}
	assert_int_equal(parse(f[0], &ep, &e), 0);
	assert_prints(&ep, f[2]);
	assert_string_equal(endpoint_type_name(ep.type), f[3]);
	assert_string_equal(ep.host, f[4]);
	assert_int_equal(ep.port, atoll(f[5]));
	assert_int_equal(ep.timeout_ms, atoll(f[6]));
	assert_int_equal(ep.grid, atoll(f[7]));
	assert_int_equal(ep.qos, atoll(f[8]));
	assert_int_equal(ep.weight, atoll(f[9]));
	assert_int_equal(ep.weight_type, atoll(f[10]));
	assert_int_equal(ep.auth, atoll(f[11]));
	assert_int_equal(endpoint_is_ipv6(&ep), atoll(f[12]));
	snprintf(sort_key, sizeof(sort_key), "%d:%s:%d", ep.type, ep.host, ep.port);
	assert_string_equal(sort_key, f[13]);
	/* The canonical text says the same, but for a weight 0, which it leaves out. */
	assert_int_equal(parse(f[2], &again, &e), 0);
	if (ep.weight)
		assert_prints(&again, f[2]);
}

static void test_recorded_endpoints(void **state)
{
	struct data d;
	int rows = 0;

	(void)state;
	data_open(&d, "t/data/endpoint.tsv");
	for (; data_next(&d); rows++)
		check_endpoint(&d);
	assert_int_equal(rows, 125);
}

/* Listening everywhere, as the official parser writes it. */
static void test_star(void **state)
{
	struct endpoint ep;

	(void)state;
	assert_int_equal(parse("tcp -h * -p 80", &ep, NULL), 0);
	assert_prints(&ep, "tcp -h 0.0.0.0 -p 80 -t 3000");
}

static void check_items(const struct data *d)
{
	const char *p = d->field[0], *end = p + strlen(p), *item;
	struct endpoint ep;
	size_t n;
	int i = 3;

	for (; endpoint_list_next(&p, end, &item, &n); i += 2) {
		assert_true(i + 1 < d->n);
		assert_int_equal(n, strlen(d->field[i]));
		assert_memory_equal(item, d->field[i], n);
		if (!strcmp(d->field[i + 1], "error")) {
			assert_true(endpoint_parse(item, n, &ep, NULL) < 0);
		} else {
			assert_int_equal(endpoint_parse(item, n, &ep, NULL), 0);
			assert_prints(&ep, d->field[i + 1]);
		}
	}
	assert_int_equal(i, d->n);
}

static void test_recorded_lists(void **state)
{
	struct buf b = BUF_INIT;
	struct arena a;
	struct data d;
	int rows = 0;

	(void)state;
	arena_init(&a, NULL, 0);
	data_open(&d, "t/data/endpoint_list.tsv");
	for (; data_next(&d); rows++) {
		struct endpoint_list list;
		struct err e;
		int rc = endpoint_list_parse(d.field[0], strlen(d.field[0]), &list, &a, &e);

		check_items(&d);
		if (strcmp(d.field[1], "ok")) {
			assert_int_equal(rc, TARS_EARG);
			continue;
		}
		assert_int_equal(rc, 0);
		buf_clear(&b);
		for (uint32_t i = 0; i < list.n; i++) {
			buf_add_str(&b, i ? ":" : "");
			endpoint_print(&b, &list.v[i]);
		}
		assert_string_equal(buf_str(&b), d.field[2]);
	}
	assert_int_equal(rows, 36);
	buf_release(&b);
	arena_clear(&a);
}

static int order(const char *a, const char *b)
{
	struct endpoint x, y;

	assert_int_equal(parse(a, &x, NULL), 0);
	assert_int_equal(parse(b, &y, NULL), 0);
	return endpoint_compare(&x, &y);
}

static void test_order_is_that_of_the_text(void **state)
{
	(void)state;
	assert_true(order("tcp -h 127.0.0.10 -p 1", "tcp -h 127.0.0.2 -p 1") < 0);
	assert_true(order("tcp -h a -p 10240", "tcp -h a -p 9998") < 0);
	assert_true(order("ssl -h a -p 1", "tcp -h b -p 1") > 0);
	assert_true(order("tcp -h a.b -p 1", "tcp -h a -p 1") < 0);
	assert_int_equal(order("tcp -h a -p 1 -t 5", "tcp -h a -p 1 -w 3"), 0);
}

static void test_errors_name_the_cause(void **state)
{
	struct endpoint ep = { .port = 7 };
	struct err e;

	(void)state;
	assert_int_equal(parse("tcp -h a -p 70000", &ep, &e), TARS_EARG);
	assert_string_equal(e.text, "endpoint: -p: '70000' is not a port (0..65535)");
	assert_int_equal(ep.port, 7);
	assert_int_equal(endpoint_parse("tcp -h a\0b -p 1", 15, &ep, &e), TARS_EARG);
	assert_int_equal(parse("", &ep, &e), TARS_EARG);
}

static void test_objects(void **state)
{
	static const char *const bad[] = {
		"", "@tcp -h a -p 1", ".a", "a.", "a..b", "a b", "a/b", "A.B.C@", "A.B.C@junk",
		"A.B.C@tcp -h a -p 1:junk", "\xc3\xa4.b",
	};
	struct object_ref ref;
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_int_equal(object_ref_parse(" Test_App.Hello-Server.Obj ", &ref, &a, &e), 0);
	assert_string_equal(ref.name, "Test_App.Hello-Server.Obj");
	assert_false(ref.direct);
	assert_int_equal(object_ref_parse("A.B.C@tcp -h x -p 1:ssl -h y -p 2", &ref, &a, &e), 0);
	assert_string_equal(ref.name, "A.B.C");
	assert_true(ref.direct);
	assert_int_equal(ref.eps.n, 2);
	assert_string_equal(ref.eps.v[1].host, "y");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err_clear(&e);
		assert_int_equal(object_ref_parse(bad[i], &ref, &a, &e), TARS_EARG);
		assert_true(*e.text);
	}
	arena_clear(&a);
}

static void test_limits(void **state)
{
	struct endpoint_list list;
	struct buf b = BUF_INIT;
	struct endpoint ep;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (int i = 0; i <= ENDPOINT_MAX_LIST; i++)
		buf_add_str(&b, "tcp -h a -p 1:");
	assert_int_equal(endpoint_list_parse(buf_str(&b), buf_size(&b), &list, &a, NULL),
			 TARS_ELIMIT);
	while (buf_size(&b) <= ENDPOINT_MAX_TEXT)
		buf_add_u8(&b, ' ');
	assert_int_equal(endpoint_parse(buf_str(&b), buf_size(&b), &ep, NULL), TARS_ELIMIT);
	assert_int_equal(endpoint_list_parse(buf_str(&b), buf_size(&b), &list, &a, NULL),
			 TARS_ELIMIT);
	buf_release(&b);
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_endpoints),
		cmocka_unit_test(test_star),
		cmocka_unit_test(test_recorded_lists),
		cmocka_unit_test(test_order_is_that_of_the_text),
		cmocka_unit_test(test_errors_name_the_cause),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
