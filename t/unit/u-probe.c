/* Probes from their texts: what they say, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "roles/probe.h"

static struct arena arena;

static struct tars_str str(const char *text)
{
	return (struct tars_str){ text, (uint32_t)strlen(text) };
}

static struct probe_rule read_rule(const char *text)
{
	struct probe_rule r;
	struct err e = { 0 };

	if (probe_parse(str(text), &r, &arena, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	return r;
}

static void test_defaults(void **state)
{
	struct probe_rule r = read_rule("tcp");

	(void)state;
	assert_int_equal(r.kind, PROBE_TCP);
	assert_int_equal(r.interval_ms, 10000);
	assert_int_equal(r.timeout_ms, 1000);
	assert_int_equal(r.delay_ms, 0);
	assert_int_equal(r.failures, 3);
	assert_int_equal(r.successes, 1);
	assert_null(r.args[0]);
}

/* Settings stand in front of the arguments: what comes behind those is an argument too. */
static void test_words(void **state)
{
	struct probe_rule r = read_rule(" script  timeout=250ms failures=1 bin/check.sh a=b "
					"interval=1s ");

	(void)state;
	assert_int_equal(r.kind, PROBE_SCRIPT);
	assert_int_equal(r.timeout_ms, 250);
	assert_int_equal(r.interval_ms, 10000);
	assert_string_equal(r.args[0], "bin/check.sh");
	assert_string_equal(r.args[1], "a=b");
	assert_string_equal(r.args[2], "interval=1s");
	assert_null(r.args[3]);
	r = read_rule("http successes=2 /a?b=c");
	assert_int_equal(r.successes, 2);
	assert_string_equal(r.args[0], "/a?b=c");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "is not a kind" }, { "  ", "is not a kind" }, { "TCP", "'TCP' is not a kind" },
		{ "tcp x", "'x' is too much" }, { "http", "it is \"http /PATH\"" },
		{ "http /a /b", "'/b' is too much" }, { "http a", "does not begin with /" },
		{ "http /a\r\nHost:x", "cannot be printed" }, { "script", "it is \"script" },
		{ "script ../x", "not below" }, { "script a/../../x", "not below" },
		{ "script /x", "not below" }, { "script a/..", "not below" },
		{ "script ..", "not below" }, { "tcp timeout=0s", "timeout is" },
		{ "tcp timeout=31s", "timeout is" }, { "tcp interval=5ms", "interval is" },
		{ "tcp failures=-1", "failures" }, { "tcp failures=1001", "failures" },
		{ "tcp retries=1", "'retries=1' is too much" },
		{ "script a 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "'16' is too much" },
	};
	struct probe_rule r;
	char text[PROBE_MAX_TEXT + 2];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(probe_parse(str(rows[i].text), &r, &arena, &e), TARS_EARG);
		if (!strstr(e.text, rows[i].why))
			fail_msg("'%s': %s", rows[i].text, e.text);
	}
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(probe_parse(str(text), &r, &arena, &e), TARS_EARG);
}

static int check(const char *text, enum probe_purpose purpose, int32_t type, const char *protocol)
{
	struct endpoint ep = { .type = type };
	struct err e;

	return probe_check(str(text), purpose, &ep, str(protocol), &arena, &e);
}

static void test_fits(void **state)
{
	(void)state;
	assert_int_equal(check("", PROBE_LIVENESS, ENDPOINT_TCP, "tars"), 0);
	assert_int_equal(check("tars_ping", PROBE_LIVENESS, ENDPOINT_UDP, "tars"), 0);
	assert_int_equal(check("tars_ping", PROBE_LIVENESS, ENDPOINT_TCP, "not_tars"), TARS_EARG);
	assert_int_equal(check("tcp", PROBE_READINESS, ENDPOINT_UDP, "tars"), TARS_EARG);
	assert_int_equal(check("tcp", PROBE_READINESS, ENDPOINT_SSL, "tars"), 0);
	assert_int_equal(check("http /", PROBE_READINESS, ENDPOINT_SSL, "tars"), TARS_EARG);
	assert_int_equal(check("tcp successes=2", PROBE_READINESS, ENDPOINT_TCP, ""), 0);
	assert_int_equal(check("tcp successes=2", PROBE_LIVENESS, ENDPOINT_TCP, ""), TARS_EARG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_words),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_fits),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	arena_init(&arena, NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_clear(&arena);
	return failed;
}
