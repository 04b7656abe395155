/* TARS configuration texts against the recorded answers of the official code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/tarsconf.h"
#include "t/unit/data.h"

struct fixture {
	struct arena arena;
	struct tarsconf *conf;
	struct buf out;
	struct data data;
	char *lookup;
};

static struct tarsconf *parsed(struct fixture *x, const char *text)
{
	struct tarsconf *conf = tarsconf_new(&x->arena);

	assert_int_equal(tarsconf_parse(conf, text, strlen(text), NULL), 0);
	return conf;
}

/* The columns from `at`: "ok" and the text, or the other word. */
static void expect_print(struct fixture *x, const struct tarsconf *conf, int at)
{
	struct err e;

	buf_clear(&x->out);
	if (strcmp(x->data.field[at], "ok")) {
		assert_int_equal(tarsconf_print(&x->out, conf, &e), TARS_EARG);
		assert_int_equal(buf_size(&x->out), 0);
		return;
	}
	assert_int_equal(tarsconf_print(&x->out, conf, &e), 0);
	assert_string_equal(buf_str(&x->out), x->data.field[at + 1]);
}

static void row_parse(struct fixture *x, char **f)
{
	struct tarsconf *conf = tarsconf_new(&x->arena);
	struct err e = { 0 };
	int rc = tarsconf_parse(conf, f[1], strlen(f[1]), &e);

	if (!strcmp(f[2], "error")) {
		assert_int_equal(rc, TARS_EPROTO);
		assert_memory_equal(e.text, "line ", 5);
		return;
	}
	assert_int_equal(rc, 0);
	expect_print(x, conf, 2);
}

static void row_join(struct fixture *x, char **f)
{
	struct tarsconf *conf = parsed(x, f[1]), *other = parsed(x, f[2]);
	int rc = tarsconf_join(conf, other, !strcmp(f[3], "update"), NULL);

	if (!strcmp(f[4], "error")) {
		assert_int_equal(rc, TARS_EARG);
		return;
	}
	assert_int_equal(rc, 0);
	expect_print(x, conf, 4);
}

static void row_get(struct fixture *x, char **f)
{
	const char *value = NULL;
	int rc = tarsconf_lookup(x->conf, f[1], &value, NULL);

	if (!strcmp(f[3], "error")) {
		assert_int_equal(rc, TARS_EARG);
		assert_null(tarsconf_get(x->conf, f[1]));
	} else {
		assert_int_not_equal(rc, TARS_EARG);
		assert_string_equal(tarsconf_get_or(x->conf, f[1], f[2]), f[4]);
	}
}

static void row_index(struct fixture *x, char **f)
{
	const char *value = NULL;
	int rc = tarsconf_lookup(x->conf, f[1], &value, NULL);

	if (!strcmp(f[2], "ok")) {
		assert_int_equal(rc, 0);
		assert_string_equal(value, f[3]);
	} else {
		assert_int_equal(rc, strcmp(f[2], "absent") ? TARS_EARG : TARS_ENOTFOUND);
		assert_null(value);
	}
}

/* keys, domains and map: the rest of the row in order (map: pairs, by key). */
static void row_children(struct fixture *x, char **f)
{
	const struct tarsconf *domain = tarsconf_domain(x->conf, f[1]);
	const struct tarsconf_key *key = NULL;
	const struct tarsconf *child = NULL;
	int i = 3, n = 0;

	if (!domain) {
		assert_int_equal(x->data.n, 3);
		return;
	}
	if (!strcmp(f[0], "domains")) {
		while ((child = tarsconf_next_domain(domain, child)))
			assert_string_equal(tarsconf_name(child), f[i++]);
	} else if (!strcmp(f[0], "keys")) {
		while ((key = tarsconf_next_key(domain, key)))
			assert_string_equal(key->name, f[i++]);
	} else {
		while ((key = tarsconf_next_key(domain, key)))
			n += 2;
		for (; i < x->data.n; i += 2) {
			char path[200];

			snprintf(path, sizeof(path), "%s<%s>", f[1], f[i]);
			assert_string_equal(tarsconf_get(x->conf, path), f[i + 1]);
			n -= 2;
		}
		assert_int_equal(n, 0);
	}
	assert_int_equal(i, x->data.n);
}

static void row_has(struct fixture *x, char **f)
{
	assert_int_equal(tarsconf_domain(x->conf, f[1]) != NULL,
			 !strcmp(f[2], "ok") && !strcmp(f[3], "yes"));
}

/* "/a/b<key>" cut at the '<'; false if it is not a path. */
static bool cut_path(const char *path, char domain[200], char key[200])
{
	return sscanf(path, "%199[^<]<%199[^>]>", domain, key) == 2 && *domain == '/';
}

static void row_set(struct fixture *x, char **f)
{
	struct tarsconf *conf = parsed(x, x->lookup);
	char domain[200], key[200];

	if (!cut_path(f[1], domain, key)) {
		assert_string_equal(f[3], "error");
		return;
	}
	tarsconf_set(tarsconf_domain_create(conf, domain), key, f[2]);
	expect_print(x, conf, 3);
}

static void row_erase(struct fixture *x, char **f)
{
	struct tarsconf *conf = parsed(x, x->lookup), *d;
	char domain[200], key[200];

	if (!cut_path(f[1], domain, key)) {
		assert_string_equal(f[2], "error");
		return;
	}
	d = tarsconf_domain(conf, domain);
	if (d) {
		bool there = tarsconf_get(conf, f[1]);

		assert_int_equal(tarsconf_erase(d, key), there);
		assert_false(tarsconf_erase(d, key));
		assert_null(tarsconf_get(conf, f[1]));
	}
	expect_print(x, conf, 2);
}

static void row_insert(struct fixture *x, char **f)
{
	bool param = !strcmp(f[0], "param");
	int at = param ? 4 : 3;
	struct tarsconf *conf = parsed(x, x->lookup);
	struct tarsconf *d = !strcmp(f[at], "create") ? tarsconf_domain_create(conf, f[1])
						      : tarsconf_domain(conf, f[1]);

	if (!strcmp(f[at + 1], "error")) {
		assert_null(d);
		return;
	}
	assert_int_equal(d ? 0 : -1, strtol(f[at + 2], NULL, 10));
	if (d && param)
		tarsconf_set(d, f[2], f[3]);
	else if (d)
		assert_non_null(tarsconf_domain_add(d, f[2]));
	buf_clear(&x->out);
	assert_int_equal(tarsconf_print(&x->out, conf, NULL), 0);
	assert_string_equal(buf_str(&x->out), f[at + 3]);
}

static void row_lookup(struct fixture *x, char **f)
{
	x->lookup = arena_strdup(&x->arena, f[1]);
	x->conf = parsed(x, x->lookup);
}

static const struct {
	const char *name;
	void (*run)(struct fixture *x, char **field);
	int rows;
} kinds[] = {
	{ "lookup", row_lookup, 1 }, { "parse", row_parse, 158 },  { "join", row_join, 320 },
	{ "get", row_get, 30 },      { "index", row_index, 35 },   { "keys", row_children, 12 },
	{ "map", row_children, 11 }, { "domains", row_children, 7 }, { "has", row_has, 11 },
	{ "set", row_set, 9 },       { "erase", row_erase, 5 },    { "domain", row_insert, 7 },
	{ "param", row_insert, 2 },
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static void test_recorded(void **state)
{
	struct fixture x = { .out = BUF_INIT };
	int rows[KINDS] = { 0 };

	(void)state;
	arena_init(&x.arena, NULL, 0);
	data_open(&x.data, "t/data/tarsconf.tsv");
	while (data_next(&x.data)) {
		int k = 0;

		while (k < KINDS && strcmp(kinds[k].name, x.data.field[0]))
			k++;
		assert_int_not_equal(k, KINDS);
		kinds[k].run(&x, x.data.field);
		rows[k]++;
	}
	for (int k = 0; k < KINDS; k++)
		assert_int_equal(rows[k], kinds[k].rows);
	buf_release(&x.out);
	arena_clear(&x.arena);
}

static void test_numbers(void **state)
{
	struct fixture x = { 0 };
	struct err e;
	int64_t v;

	(void)state;
	arena_init(&x.arena, NULL, 0);
	x.conf = parsed(&x, "<a>\nn=-12\nbig=9223372036854775808\ntext=15M\nempty\n</a>\n");
	assert_int_equal(tarsconf_get_int(x.conf, "/a<n>", 5, &v, &e), 0);
	assert_int_equal(v, -12);
	assert_int_equal(tarsconf_get_int(x.conf, "/a<none>", 5, &v, &e), 0);
	assert_int_equal(v, 5);
	assert_int_equal(tarsconf_get_int(x.conf, "/a<text>", 5, &v, &e), TARS_ECONF);
	assert_string_equal(e.text, "/a<text>: '15M' is not a whole number");
	assert_int_equal(tarsconf_get_int(x.conf, "/a<big>", 5, &v, &e), TARS_ECONF);
	assert_int_equal(tarsconf_get_int(x.conf, "/a<empty>", 5, &v, &e), TARS_ECONF);
	assert_int_equal(tarsconf_get_int(x.conf, "a<n>", 5, &v, &e), TARS_EARG);
	arena_clear(&x.arena);
}

static void test_depth_is_limited(void **state)
{
	struct buf path = BUF_INIT, text = BUF_INIT;
	struct fixture x = { 0 };
	struct err e;

	(void)state;
	arena_init(&x.arena, NULL, 0);
	for (int i = 0; i < TARSCONF_MAX_DEPTH; i++) {
		buf_add_str(&text, "<d>\n");
		buf_add_str(&path, "/d");
	}
	x.conf = tarsconf_new(&x.arena);
	assert_non_null(tarsconf_domain_create(x.conf, buf_str(&path)));
	buf_add_str(&path, "/d");
	assert_null(tarsconf_domain_create(x.conf, buf_str(&path)));
	buf_add_str(&text, "<d>\n");
	assert_int_equal(tarsconf_parse(x.conf, buf_str(&text), buf_size(&text), &e), TARS_ELIMIT);
	buf_release(&path);
	buf_release(&text);
	arena_clear(&x.arena);
}

static void test_many_keys_are_fast(void **state)
{
	struct buf text = BUF_INIT;
	struct fixture x = { 0 };

	(void)state;
	arena_init(&x.arena, NULL, 0);
	buf_add_str(&text, "<a>\n");
	for (int i = 0; i < 200000; i++)
		buf_addf(&text, "k%d=%d\n", i, i);
	buf_add_str(&text, "</a>\n");
	x.conf = parsed(&x, buf_str(&text));
	assert_string_equal(tarsconf_get(x.conf, "/a<k199999>"), "199999");
	while (buf_size(&text) <= TARSCONF_MAX_SIZE)
		buf_add_str(&text, "# a comment that makes the text too long\n");
	assert_int_equal(tarsconf_parse(x.conf, buf_str(&text), buf_size(&text), NULL),
			 TARS_ELIMIT);
	buf_release(&text);
	arena_clear(&x.arena);
}

static void test_nul_is_an_error(void **state)
{
	struct fixture x = { 0 };

	(void)state;
	arena_init(&x.arena, NULL, 0);
	x.conf = tarsconf_new(&x.arena);
	assert_int_equal(tarsconf_parse(x.conf, "<a>\nk=\0\n</a>", 12, NULL), TARS_EPROTO);
	arena_clear(&x.arena);
}

static void test_join_failure_changes_nothing(void **state)
{
	struct fixture x = { 0 };
	struct tarsconf *other;
	struct err e;

	(void)state;
	arena_init(&x.arena, NULL, 0);
	x.conf = parsed(&x, "<a>\nk=1\n</a>");
	other = parsed(&x, "<a>\nk=<x>\n</a>");
	assert_int_equal(tarsconf_join(x.conf, other, true, &e), TARS_EARG);
	assert_string_equal(e.text, "'<x>' cannot be written: it contains '<'");
	assert_string_equal(tarsconf_get(x.conf, "/a<k>"), "1");
	arena_clear(&x.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_many_keys_are_fast),
		cmocka_unit_test(test_nul_is_an_error),
		cmocka_unit_test(test_join_failure_changes_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
