/* Names of application log files, and the times in them and in their lines. */
#include "proto/logname.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *format, *word;
} periods[] = {
	[LOG_BY_DAY] = { "%Y%m%d", "day" },
	[LOG_BY_HOUR] = { "%Y%m%d%H", "hour" },
	[LOG_BY_MINUTE] = { "%Y%m%d%H%M", "minute" },
};

bool logname_is_ok(const char *name, size_t n)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.";

	if (n > LOG_NAME_MAX || (n && *name == '.'))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!name[i] || !strchr(allowed, name[i]))
			return false;
	return true;
}

const char *logname_format(enum log_period period)
{
	return periods[period].format;
}

void logname_stamp(char text[LOG_STAMP_SIZE], const struct tm *tm, enum log_period period,
		   unsigned every)
{
	struct tm start = *tm;
	int step = every > 1 ? (int)every : 1;
	int minute = tm->tm_hour * 60 + tm->tm_min;

	if (period == LOG_BY_HOUR) {
		start.tm_hour -= start.tm_hour % step;
	} else if (period == LOG_BY_MINUTE) {
		minute -= minute % step;
		start.tm_hour = minute / 60;
		start.tm_min = minute % 60;
	}
	if (!strftime(text, LOG_STAMP_SIZE, periods[period].format, &start))
		*text = '\0';
}

void logname_type(char *text, size_t size, enum log_period period, unsigned every)
{
	if (period == LOG_BY_DAY)
		*text = '\0';
	else
		snprintf(text, size, "%u%s", every ? every : 1, periods[period].word);
}

static char *two_digits(char *p, int v, char end)
{
	p[0] = (char)('0' + v / 10 % 10);
	p[1] = (char)('0' + v % 10);
	p[2] = end;
	return p + 3;
}

void logname_time(char text[LOG_TIME_SIZE], const struct tm *tm)
{
	int year = tm->tm_year + 1900;
	char *p = two_digits(text, year / 100, '0');

	p = two_digits(p - 1, year, '-');
	p = two_digits(p, tm->tm_mon + 1, '-');
	p = two_digits(p, tm->tm_mday, ' ');
	p = two_digits(p, tm->tm_hour, ':');
	p = two_digits(p, tm->tm_min, ':');
	two_digits(p, tm->tm_sec, '\0');
}
