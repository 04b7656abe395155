/* Application logs: names of files and the times in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/logname.h"

static struct tm at(int hour, int minute)
{
	return (struct tm){ .tm_year = 126, .tm_mon = 0, .tm_mday = 31, .tm_hour = hour,
			    .tm_min = minute, .tm_sec = 59 };
}

static void test_times(void **state)
{
	char text[LOG_TIME_SIZE];
	struct tm tm = at(7, 5);

	(void)state;
	logname_time(text, &tm);
	assert_string_equal(text, "2026-01-31 07:05:59");
	tm = (struct tm){ .tm_year = 199, .tm_mon = 11, .tm_mday = 1 };
	logname_time(text, &tm);
	assert_string_equal(text, "2099-12-01 00:00:00");
}

static void test_stamps(void **state)
{
	static const struct {
		int hour, minute;
		enum log_period period;
		unsigned every;
		const char *stamp, *type;
	} rows[] = {
		{ 7, 19, LOG_BY_DAY, 1, "20260131", "" },
		{ 23, 59, LOG_BY_DAY, 0, "20260131", "" },
		{ 7, 19, LOG_BY_HOUR, 1, "2026013107", "1hour" },
		{ 7, 19, LOG_BY_HOUR, 0, "2026013107", "1hour" },
		{ 7, 19, LOG_BY_HOUR, 2, "2026013106", "2hour" },
		{ 23, 0, LOG_BY_HOUR, 24, "2026013100", "24hour" },
		{ 7, 19, LOG_BY_MINUTE, 1, "202601310719", "1minute" },
		{ 7, 19, LOG_BY_MINUTE, 10, "202601310710", "10minute" },
		{ 7, 10, LOG_BY_MINUTE, 10, "202601310710", "10minute" },
		{ 7, 9, LOG_BY_MINUTE, 10, "202601310700", "10minute" },
		{ 7, 19, LOG_BY_MINUTE, 90, "202601310600", "90minute" },
		{ 23, 59, LOG_BY_MINUTE, 1440, "202601310000", "1440minute" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char stamp[LOG_STAMP_SIZE], type[16];
		struct tm tm = at(rows[i].hour, rows[i].minute);

		logname_stamp(stamp, &tm, rows[i].period, rows[i].every);
		assert_string_equal(stamp, rows[i].stamp);
		logname_type(type, sizeof(type), rows[i].period, rows[i].every);
		assert_string_equal(type, rows[i].type);
	}
	assert_string_equal(logname_format(LOG_BY_DAY), "%Y%m%d");
	assert_string_equal(logname_format(LOG_BY_HOUR), "%Y%m%d%H");
	assert_string_equal(logname_format(LOG_BY_MINUTE), "%Y%m%d%H%M");
}

static bool ok(const char *name)
{
	return logname_is_ok(name, strlen(name));
}

static void test_names(void **state)
{
	char longest[LOG_NAME_MAX + 2] = "";

	(void)state;
	assert_true(ok(""));
	assert_true(ok("_t_trace_"));
	assert_true(ok("Flow-2.new"));
	assert_false(ok(".hidden"));
	assert_false(ok(".."));
	assert_false(ok("a/b"));
	assert_false(ok("../a"));
	assert_false(ok("a b"));
	assert_false(ok("a\n"));
	assert_false(ok("\xc3\xa4"));
	assert_false(logname_is_ok("a\0b", 3));
	memset(longest, 'x', LOG_NAME_MAX);
	assert_true(ok(longest));
	longest[LOG_NAME_MAX] = 'x';
	assert_false(ok(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
