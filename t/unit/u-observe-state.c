/* What operators switch at run time: the dyeing rule, log levels and day logs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/rpc/dye.h"
#include "core/rpc/logstate.h"

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

static bool matches(struct dye *d, const char *key, const char *servant, const char *func)
{
	return dye_matches(d, str(key), str(servant), str(func));
}

static void dyeing(void **state)
{
	struct dye d;
	struct err e;
	char longest[DYE_MAX + 2];

	(void)state;
	dye_init(&d);
	assert_false(dye_is_armed(&d));
	assert_false(matches(&d, "", "A.B.C", "f"));
	assert_int_equal(dye_arm(&d, str("7"), str("A.B.C"), str("f"), &e), 0);
	assert_true(dye_is_armed(&d));
	assert_true(matches(&d, "7", "A.B.C", "f"));
	assert_false(matches(&d, "7", "A.B.C", "g"));
	assert_false(matches(&d, "7", "A.B.D", "f"));
	assert_false(matches(&d, "77", "A.B.C", "f"));
	assert_false(matches(&d, "", "A.B.C", "f"));

	/* A new rule replaces the old one; without a function it is for all. */
	assert_int_equal(dye_arm(&d, str("8"), str("A.B.C"), str(""), &e), 0);
	assert_false(matches(&d, "7", "A.B.C", "f"));
	assert_true(matches(&d, "8", "A.B.C", "g"));

	/* What is too long changes nothing. */
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(dye_arm(&d, str(longest), str("A.B.C"), str(""), &e), TARS_EARG);
	assert_true(matches(&d, "8", "A.B.C", "g"));

	assert_int_equal(dye_arm(&d, str(""), str("A.B.C"), str(""), &e), 0);
	assert_false(dye_is_armed(&d));
	assert_false(matches(&d, "8", "A.B.C", "g"));
	dye_release(&d);
}

static void log_levels(void **state)
{
	static const char *const names[] = { "NONE", "ERROR", "WARN", "INFO", "DEBUG", "TARS" };
	struct log_state ls;

	(void)state;
	log_state_init(&ls);
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(log_state_level_parse(names[i], strlen(names[i])),
				 (int)i + LOG_STATE_NONE);
		assert_string_equal(log_state_level_name((int)i + LOG_STATE_NONE), names[i]);
	}
	assert_int_equal(log_state_level_parse("info", 4), LOG_STATE_INFO);
	assert_int_equal(log_state_level_parse("INFOS", 5), 0);
	assert_int_equal(log_state_level_parse("", 0), 0);
	assert_string_equal(log_state_level_name(0), "");
	assert_string_equal(log_state_level_name(99), "");

	assert_true(log_state_is_on(&ls, LOG_STATE_DEBUG));
	assert_false(log_state_is_on(&ls, LOG_STATE_TARS));
	atomic_store(&ls.level, LOG_STATE_WARN);
	assert_true(log_state_is_on(&ls, LOG_STATE_ERROR));
	assert_false(log_state_is_on(&ls, LOG_STATE_INFO));
	log_state_release(&ls);
}

static void day_logs(void **state)
{
	struct log_state ls;
	struct err e;
	char name[DAY_LOG_NAME_MAX + 2];

	(void)state;
	log_state_init(&ls);
	assert_true(day_log_is_on(&ls, DAY_LOG_LOCAL, "x"));
	assert_int_equal(day_log_enable(&ls, DAY_LOG_LOCAL, "x", 1, true, &e), 0);
	assert_int_equal(atomic_load(&ls.n_off), 0);
	assert_int_equal(day_log_enable(&ls, DAY_LOG_LOCAL, "x", 1, false, &e), 0);
	assert_int_equal(day_log_enable(&ls, DAY_LOG_REMOTE, "", 0, false, &e), 0);
	assert_false(day_log_is_on(&ls, DAY_LOG_LOCAL, "x"));
	assert_true(day_log_is_on(&ls, DAY_LOG_REMOTE, "x"));
	assert_true(day_log_is_on(&ls, DAY_LOG_LOCAL, ""));
	assert_false(day_log_is_on(&ls, DAY_LOG_REMOTE, ""));
	assert_int_equal(day_log_enable(&ls, DAY_LOG_LOCAL, "x", 1, true, &e), 0);
	assert_true(day_log_is_on(&ls, DAY_LOG_LOCAL, "x"));
	assert_false(day_log_is_on(&ls, DAY_LOG_REMOTE, ""));
	assert_int_equal(atomic_load(&ls.n_off), 1);

	/* The table has a limit, and so has a name. */
	for (int i = 1; i < DAY_LOG_MAX_OFF; i++) {
		int n = snprintf(name, sizeof(name), "log%d", i);

		assert_int_equal(day_log_enable(&ls, DAY_LOG_LOCAL, name, (size_t)n, false, &e), 0);
	}
	assert_int_equal(day_log_enable(&ls, DAY_LOG_LOCAL, "more", 4, false, &e), TARS_ELIMIT);
	assert_true(day_log_is_on(&ls, DAY_LOG_LOCAL, "more"));
	memset(name, 'x', sizeof(name));
	assert_int_equal(day_log_enable(&ls, DAY_LOG_LOCAL, name, sizeof(name), false, &e),
			 TARS_EARG);
	log_state_release(&ls);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(dyeing),
		cmocka_unit_test(log_levels),
		cmocka_unit_test(day_logs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
