/* Logs of services: commands of consoles, names that lead elsewhere, large files, long lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "roles/node/logs.h"

static char root[64];
static struct arena arena;
static struct log_read *r;

static const char *in_root(const char *name)
{
	return arena_strf(&arena, "%s/%s", root, name);
}

static void make(const char *name, const void *data, size_t n)
{
	assert_true(file_write(in_root(name), data, n, 0644, NULL) >= 0);
}

static void make_text(const char *name, const char *text)
{
	make(name, text, strlen(text));
}

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/tars-u-node-logs.XXXXXX");
	assert_non_null(mkdtemp(root));
	arena_init(&arena, NULL, 0);
	r = xcalloc(1, sizeof(*r));
	assert_true(dir_make(in_root("App/Server"), NULL) >= 0);
	make_text("secret.log", "secret\n");
	make_text("App/Server/a.log", "one\nTwo\nthree\nfour 10.0.0.1\nfive");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(dir_remove(root, NULL), 0);
	buf_release(&r->data);
	free(r);
	arena_clear(&arena);
	return 0;
}

/* ---- commands ---- */

static void test_refused_commands(void **state)
{
	static const char *const bad[] = {
		"", " ", "|", "cat", "cat a.log", "cat __log_file_name__ |", "| cat",
		"cat __log_file_name__; id", "cat __log_file_name__ & id", "id",
		"cat __log_file_name__ && id", "cat __log_file_name__\nid", "$(id)", "`id`",
		"cat __log_file_name__ > /tmp/x", "cat < __log_file_name__",
		"cat __log_file_name__ /etc/passwd", "cat /etc/passwd __log_file_name__",
		"cat __log_file_name__ | cat __log_file_name__", "cat -A __log_file_name__",
		"cat __log_file_name__/../../x", "cat ./__log_file_name__",
		"tail -f __log_file_name__", "tail -c 5 __log_file_name__",
		"tail -n __log_file_name__", "tail -n -5 __log_file_name__",
		"tail -n 99999999999999999999 __log_file_name__", "tail -n 5",
		"head -n +5 __log_file_name__", "head -n 5 -n 6 __log_file_name__",
		"tail -n 5x __log_file_name__", "tail - __log_file_name__",
		"grep __log_file_name__", "grep a b __log_file_name__",
		"grep -r a __log_file_name__", "grep -C __log_file_name__",
		"grep -C 101 a __log_file_name__",
		"grep -A -1 a __log_file_name__", "grep -iA 2 one __log_file_name__",
		"grep -C 1x a __log_file_name__", "grep -E a __log_file_name__",
		"grep -f /etc/passwd __log_file_name__", "grep -ei a __log_file_name__",
		"grep a*b __log_file_name__", "grep '^a' __log_file_name__",
		"grep \"a$\" __log_file_name__", "grep \"`id`\" __log_file_name__",
		"grep 'a __log_file_name__", "grep a\\ b __log_file_name__", "grep ~ __log_file_name__",
		"grep {a,b} __log_file_name__", "grep a? __log_file_name__", "!! __log_file_name__",
		"FOO=1 cat __log_file_name__", "'cat' \"__log_file_name__",
		"cat __log_file_name__|cat|cat|head|head|head|head|head|head|head|head|head",
		"grep a b c d e f g h i j k", "cat __log_file_name__ # x", "cat \x7f",
	};
	struct log_steps steps;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err e = { 0 };

		if (log_command_parse(bad[i], strlen(bad[i]), &steps, &e) != TARS_EARG)
			fail_msg("'%s' was accepted", bad[i]);
		assert_non_null(strstr(e.text, "log command"));
	}
	/* A NUL ends nothing. */
	assert_int_equal(log_command_parse("cat __log_file_name__\0;id", 25, &steps, &(struct err){ 0 }),
			 TARS_EARG);
}

static void read_as(const char *command, const char *expected)
{
	struct err e = { 0 };

	buf_clear(&r->data);
	if (log_command_parse(command, strlen(command), &r->steps, &e) < 0)
		fail_msg("%s: %s", command, e.text);
	r->err = e;
	log_read(r);
	if (r->rc < 0)
		fail_msg("%s: %s", command, r->err.text);
	if (strcmp(buf_str(&r->data), expected) != 0)
		fail_msg("%s: '%s' and not '%s'", command, buf_str(&r->data), expected);
}

static void use(const char *file)
{
	buf_release(&r->data);
	*r = (struct log_read){ .root = root, .app = "App", .server = "Server", .file = file };
}

static void test_commands(void **state)
{
	static const struct { const char *command, *expected; } rows[] = {
		{ "cat __log_file_name__", "one\nTwo\nthree\nfour 10.0.0.1\nfive" },
		{ "head -n 2 __log_file_name__", "one\nTwo\n" },
		{ "head -2 __log_file_name__", "one\nTwo\n" },
		{ "head -n0 __log_file_name__", "" },
		{ "tail -n 2 __log_file_name__", "four 10.0.0.1\nfive" },
		{ "tail -n 0 __log_file_name__", "" },
		{ "tail -n +4 '__log_file_name__'", "four 10.0.0.1\nfive" },
		{ "tail -1 __log_file_name__", "five" },
		{ "tail __log_file_name__", "one\nTwo\nthree\nfour 10.0.0.1\nfive" },
		{ "grep two __log_file_name__", "" },
		{ "grep -i two __log_file_name__", "Two\n" },
		{ "grep 10.0.0.1 __log_file_name__", "four 10.0.0.1\n" },
		{ "grep -vi TWO __log_file_name__", "one\nthree\nfour 10.0.0.1\nfive" },
		{ "cat __log_file_name__ | grep -F -e 'f'|head -n 1", "four 10.0.0.1\n" },
		{ "cat __log_file_name__ | grep o | tail -n 2", "Two\nfour 10.0.0.1\n" },
		{ "tail -n 3 __log_file_name__ | head -n 2 | tail -n 1", "four 10.0.0.1\n" },
		{ "head -n 4 __log_file_name__ | tail -n 2 | grep -v th", "four 10.0.0.1\n" },
		{ "grep -C 1 three __log_file_name__", "Two\nthree\nfour 10.0.0.1\n" },
		{ "grep -B1 four __log_file_name__", "three\nfour 10.0.0.1\n" },
		{ "grep -i -A 2 ONE __log_file_name__", "one\nTwo\nthree\n" },
		{ "grep -C 100 Two __log_file_name__", "one\nTwo\nthree\nfour 10.0.0.1\nfive" },
		{ "grep -C 1 e __log_file_name__ | head -n 3", "one\nTwo\nthree\n" },
		{ "grep -B 2 five __log_file_name__ | tail -n 2", "four 10.0.0.1\nfive" },
		{ "head -n 3 __log_file_name__ | tail -n +2 | tail -n 1", "three\n" },
	};

	(void)state;
	use("a.log");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		read_as(rows[i].command, rows[i].expected);
		assert_false(r->is_cut);
	}
}

/* ---- confinement ---- */

static void test_names(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", "../secret.log", "/etc/passwd", "a/../a.log", "link.log", "pipe.log",
		"sub", "nosuch.log", "old.log.gz", "old.TAR.XZ", "hard.log", "./a.log",
	};
	static const char *const dirs[][2] = {
		{ "..", "Server" }, { "App", ".." }, { "", "Server" }, { "App", "" },
		{ "App/Server", "x" }, { "App", "Linked" }, { "LinkedApp", "Server" },
		{ "App", "-x" },
	};

	(void)state;
	use("");
	assert_int_equal(symlink("../../secret.log", in_root("App/Server/link.log")), 0);
	assert_int_equal(link(in_root("secret.log"), in_root("App/Server/hard.log")), 0);
	assert_int_equal(mkfifo(in_root("App/Server/pipe.log"), 0600), 0);
	assert_int_equal(mkdir(in_root("App/Server/sub"), 0700), 0);
	assert_int_equal(symlink("Server", in_root("App/Linked")), 0);
	assert_int_equal(symlink("App", in_root("LinkedApp")), 0);
	make_text("App/Server/old.log.gz", "x");
	make_text("App/Server/old.TAR.XZ", "x");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		use(bad[i]);
		log_read(r);
		if (r->rc >= 0)
			fail_msg("'%s' was read", bad[i]);
		assert_true(*r->err.text);
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		use("a.log");
		r->app = dirs[i][0];
		r->server = dirs[i][1];
		log_read(r);
		if (r->rc >= 0)
			fail_msg("'%s' '%s' was read", dirs[i][0], dirs[i][1]);
	}
}

static void test_list(void **state)
{
	struct log_list l = { .root = root, .app = "App", .server = "Server", .arena = &arena };
	unsigned compressed = 0;

	(void)state;
	log_list(&l);
	assert_int_equal(l.rc, 0);
	/* a.log, hard.log and two compressed ones: no link, pipe or directory. */
	assert_int_equal(l.n, 4);
	for (size_t i = 0; i < l.n; i++)
		compressed += l.v[i].is_compressed;
	assert_int_equal(compressed, 2);
	l.server = "Nobody";
	log_list(&l);
	assert_int_equal(l.rc, 0);
	assert_int_equal(l.n, 0);
	l.server = "../..";
	log_list(&l);
	assert_int_equal(l.rc, TARS_EARG);
}

/* ---- limits ---- */

static void test_ranges(void **state)
{
	static const struct {
		int64_t from, to;
		size_t max;
		const char *expected;
		int64_t next;
	} rows[] = {
		{ 0, 3, 0, "one", 3 }, { 4, 7, 0, "Two", 7 }, { -4, 0, 0, "five", 32 },
		{ 0, 0, 5, "one\nT", 5 }, { 30, 10, 0, "", 10 }, { -1000, 3, 0, "one", 3 },
		{ INT64_MIN, 3, 0, "one", 3 }, { INT64_MAX, INT64_MAX, 0, "", 32 },
		{ 100, 0, SIZE_MAX, "", 32 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		use("a.log");
		r->from = rows[i].from;
		r->to = rows[i].to;
		r->max = rows[i].max;
		log_read(r);
		assert_int_equal(r->rc, 0);
		assert_string_equal(buf_str(&r->data), rows[i].expected);
		assert_int_equal(r->next, rows[i].next);
		assert_int_equal(r->size, 32);
		assert_int_equal(r->is_cut, rows[i].max == 5);
	}
}

/* Goes on where the answer before ended until there is no more; the number of answers. */
static unsigned read_on(struct buf *all)
{
	unsigned answers = 0;

	do {
		r->from = r->next;
		buf_clear(&r->data);
		log_read(r);
		assert_int_equal(r->rc, 0);
		assert_true(buf_size(&r->data) <= r->max);
		buf_add(all, buf_head(&r->data), buf_size(&r->data));
		answers++;
	} while (r->is_cut);
	return answers;
}

static void test_paging(void **state)
{
	struct buf text = BUF_INIT, all = BUF_INIT;
	const char *command = "grep line __log_file_name__";

	(void)state;
	for (int i = 0; i < 200000; i++)
		buf_addf(&text, "line %d of many\n", i);
	make("App/Server/many.log", buf_head(&text), buf_size(&text));
	use("many.log");
	log_command_parse(command, strlen(command), &r->steps, NULL);
	r->max = 100000;
	assert_in_range(read_on(&all), buf_size(&text) / r->max, buf_size(&text) / r->max + 2);
	assert_int_equal(buf_size(&all), buf_size(&text));
	assert_memory_equal(buf_head(&all), buf_head(&text), buf_size(&text));
	/* What grows is read on from there. */
	r->from = r->next;
	r->max = 0;
	log_read(r);
	assert_false(r->is_cut);
	read_as("grep 'line 1999' __log_file_name__ | tail -n 3 | head -n 1", "");
	use("many.log");
	read_as("grep 'line 1999' __log_file_name__ | tail -n 3 | head -n 1", "line 199997 of many\n");
	buf_clear(&r->data);
	r->steps.n = 1;
	r->steps.v[0] = (struct log_step){ .op = LOG_TAIL, .n = LOG_LINES };
	log_read(r);
	assert_true(r->is_cut);
	assert_in_range(buf_size(&r->data), LOG_MAX - 100, LOG_MAX);
	buf_release(&text);
	buf_release(&all);
}

static void test_long_lines(void **state)
{
	size_t n = 5 * LOG_LINE + 7;
	char *text = xmalloc(n);

	(void)state;
	memset(text, 'x', n);
	memcpy(text + n - 8, "\nlast y\n", 8);
	make("App/Server/long.log", text, n);
	use("long.log");
	read_as("grep y __log_file_name__", "last y\n");
	read_as("tail -n 1 __log_file_name__", "last y\n");
	buf_clear(&r->data);
	log_command_parse("head -n 1 __log_file_name__", 27, &r->steps, NULL);
	r->from = 0;
	log_read(r);
	assert_int_equal(buf_size(&r->data), LOG_LINE);
	assert_int_equal(buf_head(&r->data)[LOG_LINE - 1], '\n');
	/* A small answer gets on all the same. */
	r->max = 10;
	buf_clear(&r->data);
	log_read(r);
	assert_int_equal(buf_size(&r->data), 10);
	free(text);
}

/* A sparse file of many GB: the end is found at once, and a search ends at its limit. */
static void test_huge(void **state)
{
	const int64_t size = 8LL << 30;

	(void)state;
	make_text("App/Server/huge.log", "first\n");
	assert_int_equal(truncate(in_root("App/Server/huge.log"), size), 0);
	use("huge.log");
	buf_clear(&r->data);
	log_command_parse("grep first __log_file_name__", 28, &r->steps, NULL);
	log_read(r);
	assert_string_equal(buf_str(&r->data), "first\n");
	assert_true(r->is_cut);
	assert_in_range(r->next, 1, LOG_SCAN + LOG_LINE);
	use("huge.log");
	log_command_parse("tail -n 5 __log_file_name__", 27, &r->steps, NULL);
	log_read(r);
	assert_true(r->is_cut);
	assert_true(r->began >= size - LOG_SCAN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_commands),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_paging),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_huge),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
