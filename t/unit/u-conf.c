/* Option rows, INI files and precedence: values, errors with their places, show and help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sys/conf.h"
#include "core/sys/inifile.h"

struct demo {
	const char *config, *listen, *password;
	bool fast, announce;
	int threads;
	int64_t limit, node_timeout_ms, max_size;
};

static const struct opt demo_opts[] = {
	OPT("announce", struct demo, announce, "yes", 0, "tell others"),
	OPT("config", struct demo, config, NULL, 0, "INI file to read"),
	OPT("fast", struct demo, fast, "no", 0, "skip the checks"),
	OPT("limit", struct demo, limit, "-5", 0, "a number"),
	OPT("listen", struct demo, listen, "tcp -h * -p 1", OPT_NORELOAD, "endpoint to serve on"),
	OPT_SIZE("max-size", struct demo, max_size, "10M", 0, "a size"),
	OPT_DURATION("node-timeout", struct demo, node_timeout_ms, "10s", 0,
		     "after how long without a heartbeat a node counts as dead and its servers are "
		     "taken out of all answers"),
	OPT("password", struct demo, password, NULL, OPT_SECRET, "of the database"),
	OPT("ready-fd", struct demo, threads, NULL, OPT_FLAG_ONLY, "a descriptor"),
	{ 0 }
};
static const struct opt other_opts[] = {
	OPT("only-other", struct demo, limit, NULL, 0, "a number"),
	{ 0 }
};
static const struct opt required_opts[] = {
	OPT("db", struct demo, listen, NULL, OPT_REQUIRED, "the database"),
	{ 0 }
};
static const struct opt common_opts[] = {
	OPT("log-level", struct demo, password, NULL, 0, "how much to say"),
	{ 0 }
};
static const struct conf_section known[] = {
	{ "tars", common_opts }, { "registry", demo_opts }, { "node", other_opts }, { 0 }
};

struct fixture {
	struct conf conf;
	struct demo demo;
	struct err e;
	char path[64];
};

static int setup(void **state)
{
	struct fixture *x = xcalloc(1, sizeof(*x));
	int fd;

	snprintf(x->path, sizeof(x->path), "/tmp/tars-u-conf.XXXXXX");
	fd = mkstemp(x->path);
	assert_true(fd >= 0);
	close(fd);
	conf_init(&x->conf, "registry");
	conf_add(&x->conf, demo_opts, &x->demo);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	unlink(x->path);
	conf_release(&x->conf);
	unsetenv("TARS_REGISTRY_NODE_TIMEOUT");
	unsetenv("TARS_REGISTRY_READY_FD");
	free(x);
	return 0;
}

static int load(struct fixture *x, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return conf_load(&x->conf, argc, argv, known, &x->e);
}
#define LOAD(x, ...) load((x), (char *[]){ __VA_ARGS__ __VA_OPT__(,) NULL })

/* Writes the INI file and loads it. */
static int load_text(struct fixture *x, const char *text)
{
	FILE *f = fopen(x->path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return LOAD(x, "--config", x->path);
}

/* Loading the text must fail with this, behind the name of the file. */
static void refuse_text(struct fixture *x, const char *text, const char *why)
{
	struct fixture y = { 0 };

	snprintf(y.path, sizeof(y.path), "%s", x->path);
	conf_init(&y.conf, "registry");
	conf_add(&y.conf, demo_opts, &y.demo);
	assert_int_equal(load_text(&y, text), TARS_ECONF);
	assert_memory_equal(y.e.text, y.path, strlen(y.path));
	assert_string_equal(y.e.text + strlen(y.path), why);
	conf_release(&y.conf);
}

static void refuse_flags(char **argv, const char *why)
{
	struct fixture y = { 0 };

	conf_init(&y.conf, "registry");
	conf_add(&y.conf, demo_opts, &y.demo);
	assert_int_equal(load(&y, argv), TARS_EARG);
	assert_string_equal(y.e.text, why);
	conf_release(&y.conf);
}
#define REFUSE_FLAGS(why, ...) refuse_flags((char *[]){ __VA_ARGS__, NULL }, (why))

static void test_defaults(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(LOAD(x), 0);
	assert_string_equal(x->demo.listen, "tcp -h * -p 1");
	assert_null(x->demo.password);
	assert_true(x->demo.announce);
	assert_false(x->demo.fast);
	assert_int_equal(x->demo.limit, -5);
	assert_int_equal(x->demo.node_timeout_ms, 10000);
	assert_int_equal(x->demo.max_size, 10 << 20);
	assert_int_equal(x->conf.n_args, 0);
}

static void test_flags_and_arguments(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(LOAD(x, "one", "--fast", "--no-announce", "--limit=7", "-",
			      "--node-timeout", "2m", "--listen", "--odd", "--limit", "8", "--",
			      "--two"), 0);
	assert_true(x->demo.fast);
	assert_false(x->demo.announce);
	assert_int_equal(x->demo.limit, 8);
	assert_int_equal(x->demo.node_timeout_ms, 120000);
	assert_string_equal(x->demo.listen, "--odd");
	assert_int_equal(x->conf.n_args, 3);
	assert_string_equal(x->conf.args[0], "one");
	assert_string_equal(x->conf.args[1], "-");
	assert_string_equal(x->conf.args[2], "--two");
	assert_null(x->conf.args[3]);
}

static void test_wrong_flags(void **state)
{
	(void)state;
	REFUSE_FLAGS("--node-timeuot: unknown option (did you mean --node-timeout?)",
		     "--node-timeuot=1s");
	REFUSE_FLAGS("--xyzzy: unknown option (see --help)", "--xyzzy");
	REFUSE_FLAGS("--no-limit: unknown option (did you mean --limit?)", "--no-limit");
	REFUSE_FLAGS("-x: unknown option (most begin with --; see --help)", "-x");
	REFUSE_FLAGS("--limit: wants a value", "--limit");
	REFUSE_FLAGS("--limit: '1x' is not a whole number", "--limit=1x");
	REFUSE_FLAGS("--limit: '' is not a whole number", "--limit=");
	REFUSE_FLAGS("--fast: 'maybe' is not yes or no", "--fast=maybe");
	REFUSE_FLAGS("--node-timeout: '10' is not a duration (try 10s)", "--node-timeout", "10");
	REFUSE_FLAGS("--max-size: '1T' is not a size (try 10M)", "--max-size=1T");
	REFUSE_FLAGS("--ready-fd: '3000000000' is not a whole number", "--ready-fd=3000000000");
	REFUSE_FLAGS("--max-size: '99999999999G' is not a size (try 10M)",
		     "--max-size=99999999999G");
}

/* ---- letters, texts given several times, choices ---- */

struct tool {
	struct opt_texts header;
	const char *output;
	bool verbose;
	int64_t wait_ms;
};

static const struct opt tool_opts[] = {
	OPT("header", struct tool, header, NULL, OPT_FLAG_ONLY, "more", .letter = 'H'),
	OPT("output", struct tool, output, "text", OPT_FLAG_ONLY, "how", .choices = "text|json"),
	OPT("verbose", struct tool, verbose, "no", OPT_FLAG_ONLY, "tell", .letter = 'v'),
	OPT_DURATION("wait", struct tool, wait_ms, "1s", OPT_BARE_MS, "how long", .letter = 'w'),
	{ 0 }
};

static int load_tool(struct fixture *x, struct tool *tool, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	*x = (struct fixture){ 0 };
	*tool = (struct tool){ 0 };
	conf_init(&x->conf, "tool");
	conf_add(&x->conf, tool_opts, tool);
	return conf_load(&x->conf, argc, argv, known, &x->e);
}
#define LOAD_TOOL(x, tool, ...) load_tool((x), (tool), (char *[]){ __VA_ARGS__, NULL })

static void refuse_tool(const char *why, char **argv)
{
	struct fixture x;
	struct tool tool;

	assert_int_equal(load_tool(&x, &tool, argv), TARS_EARG);
	assert_string_equal(x.e.text, why);
	conf_release(&x.conf);
}
#define REFUSE_TOOL(why, ...) refuse_tool((why), (char *[]){ __VA_ARGS__, NULL })

static void test_letters(void **state)
{
	struct fixture x;
	struct tool tool;

	(void)state;
	assert_int_equal(LOAD_TOOL(&x, &tool, "-v", "-w", "70", "-Ha=1", "-H", "b", "--header=c",
				   "-", "--", "-v"), 0);
	assert_true(tool.verbose);
	assert_int_equal(tool.wait_ms, 70);
	assert_int_equal(tool.header.n, 3);
	assert_string_equal(tool.header.v[0], "a=1");
	assert_string_equal(tool.header.v[1], "b");
	assert_string_equal(tool.header.v[2], "c");
	assert_int_equal(x.conf.n_args, 2);
	conf_release(&x.conf);
	assert_int_equal(LOAD_TOOL(&x, &tool, "-w2s", "--output", "json"), 0);
	assert_int_equal(tool.wait_ms, 2000);
	assert_string_equal(tool.output, "json");
	assert_int_equal(tool.header.n, 0);
	conf_release(&x.conf);
	REFUSE_TOOL("-w: wants a value", "-w");
	REFUSE_TOOL("-vv: unknown option (most begin with --; see --help)", "-vv");
	REFUSE_TOOL("--wait: '5x' is not a duration (try 10s)", "-w5x");
	REFUSE_TOOL("--output: 'xml' is not one of text|json", "--output=xml");
	REFUSE_TOOL("--output: 'tex' is not one of text|json", "--output=tex");
	REFUSE_TOOL("--output: 'text|json' is not one of text|json", "--output=text|json");
}

static void test_units(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "0", 0 }, { "0s", 0 }, { "250ms", 250 }, { "3s", 3000 }, { "5M", 300000 },
		{ "2h", 7200000 }, { "1d", 86400000 },
	};
	const struct opt *o = opt_find(demo_opts, "node-timeout");
	const struct opt *size = opt_find(demo_opts, "max-size");
	struct demo d;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_null(opt_set(o, rows[i].text, &d, NULL));
		assert_int_equal(d.node_timeout_ms, rows[i].ms);
	}
	assert_non_null(opt_set(o, "-1s", &d, NULL));
	assert_non_null(opt_set(o, "s", &d, NULL));
	assert_non_null(opt_set(o, "1 s", &d, NULL));
	assert_null(opt_set(size, "512", &d, NULL));
	assert_int_equal(d.max_size, 512);
	assert_null(opt_set(size, "64k", &d, NULL));
	assert_int_equal(d.max_size, 65536);
	opt_clear(size, &d);
	assert_int_equal(d.max_size, 0);
}

static void test_precedence(void **state)
{
	struct fixture *x = *state;

	setenv("TARS_REGISTRY_NODE_TIMEOUT", "3s", 1);
	setenv("TARS_REGISTRY_READY_FD", "9", 1);
	assert_int_equal(load_text(x, "# all\n"
				      "[registry]\n"
				      "limit = 2\n"
				      "node-timeout = 4s\n"
				      "password = a ; b # c\n"
				      "[tars]\n"
				      "limit = 1\n"
				      "max-size = 1K\n"
				      "only-other = 5\n"
				      "[node]\n"
				      "only-other = not looked at\n"), 0);
	assert_int_equal(x->demo.limit, 2);
	assert_int_equal(x->demo.max_size, 1024);
	assert_int_equal(x->demo.node_timeout_ms, 3000);
	assert_int_equal(x->demo.threads, 0);
	assert_string_equal(x->demo.password, "a ; b # c");
}

static void test_flag_beats_all(void **state)
{
	struct fixture *x = *state;

	setenv("TARS_REGISTRY_NODE_TIMEOUT", "3s", 1);
	assert_int_equal(LOAD(x, "--node-timeout=1s"), 0);
	assert_int_equal(x->demo.node_timeout_ms, 1000);
}

static void test_wrong_environment(void **state)
{
	struct fixture *x = *state;

	setenv("TARS_REGISTRY_NODE_TIMEOUT", "soon", 1);
	assert_int_equal(LOAD(x), TARS_ECONF);
	assert_string_equal(x->e.text,
			    "TARS_REGISTRY_NODE_TIMEOUT: 'soon' is not a duration (try 10s)");
}

static void test_wrong_files(void **state)
{
	struct fixture *x = *state;

	refuse_text(x, "[registry]\n\nnode-timeout = 10x\n",
		    ":3: [registry] node-timeout: '10x' is not a duration (try 10s)");
	refuse_text(x, "[tars]\nmax-size = much\n",
		    ":2: [tars] max-size: 'much' is not a size (try 10M)");
	refuse_text(x, "[registry]\nnode_timeout = 1s\n",
		    ":2: [registry] node_timeout: unknown key (did you mean node-timeout?)");
	refuse_text(x, "[node]\nonly-othre = 1\n",
		    ":2: [node] only-othre: unknown key (did you mean only-other?)");
	refuse_text(x, "[registry]\nready-fd = 1\n", ":2: [registry] ready-fd: unknown key");
	refuse_text(x, "[registry]\nonly-other = 1\n", ":2: [registry] only-other: unknown key");
	refuse_text(x, "\n[registy]\n",
		    ":2: [registy]: unknown section (did you mean [registry]?)");
	refuse_text(x, "[completely different]\n", ":1: [completely different]: unknown section");
	refuse_text(x, "limit = 1\n", ":1: 'limit' stands before the first [section]");
	refuse_text(x, "[registry]\nlimit\n",
		    ":2: neither [section] nor key = value nor # comment");
	refuse_text(x, "[registry\nlimit = 1\n",
		    ":1: neither [section] nor key = value nor # comment");
	refuse_text(x, "[registry]\npassword = ok\nlimit = bad\n",
		    ":3: [registry] limit: 'bad' is not a whole number");
	refuse_text(x, "[aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee]\n",
		    ":1: the section name has 50 bytes, at most 49 are read");
}

static void test_missing_file(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(LOAD(x, "--config=/does/not/exist.ini"), TARS_ECONF);
	assert_string_equal(x->e.text,
			    "/does/not/exist.ini: cannot be opened: No such file or directory");
}

static void test_required(void **state)
{
	struct demo demo = { 0 };
	struct conf c;
	struct err e;

	(void)state;
	conf_init(&c, "stat");
	conf_add(&c, required_opts, &demo);
	assert_int_equal(conf_load(&c, 0, NULL, known, &e), 0);
	assert_int_equal(conf_check(&c, &e), TARS_ECONF);
	assert_string_equal(e.text, "db is missing: give --db, TARS_STAT_DB or [stat] db");
	conf_release(&c);
}

static void test_show_reads_back(void **state)
{
	struct fixture *x = *state, y = { 0 };
	struct buf shown = BUF_INIT, again = BUF_INIT;

	assert_int_equal(LOAD(x, "--limit=3", "--password=hush", "--listen", "a = [b] ; # c"), 0);
	conf_show(&shown, &x->conf);
	assert_non_null(strstr(buf_str(&shown), "# command line\nlimit = 3\n"));
	assert_non_null(strstr(buf_str(&shown), "# default\nmax-size = 10M\n"));
	assert_non_null(strstr(buf_str(&shown), "# password is set, but secret\n"));
	assert_null(strstr(buf_str(&shown), "hush"));
	assert_null(strstr(buf_str(&shown), "ready-fd"));

	snprintf(y.path, sizeof(y.path), "%s", x->path);
	conf_init(&y.conf, "registry");
	conf_add(&y.conf, demo_opts, &y.demo);
	assert_int_equal(load_text(&y, buf_str(&shown)), 0);
	assert_int_equal(y.demo.limit, 3);
	assert_string_equal(y.demo.listen, "a = [b] ; # c");
	conf_show(&again, &y.conf);
	assert_non_null(strstr(buf_str(&again), x->path));
	conf_release(&y.conf);
	buf_release(&shown);
	buf_release(&again);
}

static void test_keep_fixed(void **state)
{
	struct fixture *x = *state, y = { 0 };
	struct buf changed = BUF_INIT;

	assert_int_equal(LOAD(x, "--listen=old", "--limit=1"), 0);
	conf_init(&y.conf, "registry");
	conf_add(&y.conf, demo_opts, &y.demo);
	assert_int_equal(LOAD(&y, "--listen=new", "--limit=2"), 0);
	conf_keep_fixed(&y.conf, &x->conf, &changed);
	assert_string_equal(buf_str(&changed), "listen");
	assert_string_equal(y.demo.listen, "old");
	assert_int_equal(y.demo.limit, 2);
	buf_clear(&changed);
	conf_keep_fixed(&y.conf, &x->conf, &changed);
	assert_int_equal(buf_size(&changed), 0);
	conf_release(&y.conf);
	buf_release(&changed);
}

static void test_help(void **state)
{
	struct buf b = BUF_INIT;
	const char *text;

	(void)state;
	opt_print_help(&b, demo_opts);
	text = buf_str(&b);
	assert_non_null(strstr(text, "  --no-announce             tell others (default: on)\n"));
	assert_non_null(strstr(text, "  --limit N                 a number (default: -5)\n"));
	assert_non_null(strstr(text, "  --max-size SIZE           a size (default: 10M)\n"));
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");

		assert_true(n <= 80);
		line += n + 1;
	}
	buf_release(&b);
}

/* ---- the file reader alone ---- */

static int parse(struct inifile *f, const char *text, struct arena *a, struct err *e)
{
	return inifile_parse(f, "x.ini", text, strlen(text), a, e);
}

static void test_ini_rows(void **state)
{
	struct inifile f;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_int_equal(parse(&f, "\xef\xbb\xbf[a]\r\n  x = 1 \r\n; c\n\n [b] \ny: =2\nz=", &a,
			       NULL), 0);
	assert_int_equal(f.n, 5);
	assert_string_equal(f.v[0].section, "a");
	assert_null(f.v[0].name);
	assert_string_equal(f.v[1].name, "x");
	assert_string_equal(f.v[1].value, "1");
	assert_int_equal(f.v[1].line, 2);
	assert_string_equal(f.v[3].section, "b");
	assert_string_equal(f.v[3].value, "=2");
	assert_int_equal(f.v[3].line, 6);
	assert_string_equal(f.v[4].value, "");
	assert_int_equal(f.v[4].line, 7);
	arena_clear(&a);
}

static void test_ini_long_lines(void **state)
{
	struct buf text = BUF_INIT;
	struct inifile f;
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	buf_add_str(&text, "[a]\nx = ");
	for (int i = 0; i < 5000; i++)
		buf_add_u8(&text, 'v');
	buf_add_str(&text, "\ny = 1\n");
	assert_int_equal(parse(&f, buf_str(&text), &a, &e), 0);
	assert_int_equal(strlen(f.v[1].value), 5000);
	assert_int_equal(f.v[2].line, 3);
	buf_add_str(&text, "broken\n");
	assert_int_equal(parse(&f, buf_str(&text), &a, &e), TARS_ECONF);
	assert_string_equal(e.text, "x.ini:4: neither [section] nor key = value nor # comment");

	buf_clear(&text);
	buf_add_str(&text, "[a]\nx = ");
	for (int i = 0; i < INIFILE_MAX_LINE; i++)
		buf_add_u8(&text, 'v');
	assert_int_equal(parse(&f, buf_str(&text), &a, &e), TARS_ECONF);
	assert_string_equal(e.text, "x.ini:2: the line has 8004 bytes, at most 8000 are read");
	buf_release(&text);
	arena_clear(&a);
}

static void test_ini_not_a_text(void **state)
{
	struct inifile f = { 0 };
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_int_equal(inifile_parse(&f, "x.ini", "[a]\nb=\0\n", 8, &a, &e), TARS_ECONF);
	assert_string_equal(e.text, "x.ini: contains a NUL byte: not a text file");
	assert_int_equal(parse(&f, "", &a, &e), 0);
	assert_int_equal(f.n, 0);
	assert_int_equal(inifile_load(&f, "/dev/zero", &a, &e), TARS_ECONF);
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flags_and_arguments, setup, teardown),
		cmocka_unit_test(test_wrong_flags),
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_units),
		cmocka_unit_test_setup_teardown(test_precedence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flag_beats_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_file, setup, teardown),
		cmocka_unit_test(test_required),
		cmocka_unit_test_setup_teardown(test_show_reads_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep_fixed, setup, teardown),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_ini_rows),
		cmocka_unit_test(test_ini_long_lines),
		cmocka_unit_test(test_ini_not_a_text),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
