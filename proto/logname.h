/*
 * Names of application log files and the heads of their lines, as all official SDKs write them
 * (contract 10.3): readers, consoles and the log server know them by these.
 *
 *	rolled by size   <base>.log <base>1.log <base>2.log ..., the oldest has the largest number
 *	by time          <base>_20260131.log  <base>_2026013107.log  <base>_202601310710.log
 *	rolling line     2026-01-31 07:12:59|4711|INFO|text
 *	line by time     2026-01-31 07:12:59|text
 *
 * Pure text: who calls knows the clock.  Thread: any.
 */
#ifndef PROTO_LOGNAME_H
#define PROTO_LOGNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum log_period { LOG_BY_DAY, LOG_BY_HOUR, LOG_BY_MINUTE };

enum { LOG_NAME_MAX = 63, LOG_TIME_SIZE = sizeof("2026-01-31 07:12:59"), LOG_STAMP_SIZE = 16 };

/* What may stand in a file's name: letters, digits, '_', '-', and '.' but not in front; "" is the
 * log without a name. */
bool logname_is_ok(const char *name, size_t n);

/* strftime's pattern of a period: "%Y%m%d". */
const char *logname_format(enum log_period period);
/*
 * The time in a file's name; several hours or minutes, counted from 0 o'clock, may share one file:
 * every = 10 minutes gives "202601310710" from 07:10 to 07:19.  0 and 1: each has its own.
 */
void logname_stamp(char text[LOG_STAMP_SIZE], const struct tm *tm, enum log_period period,
		   unsigned every);
/* LogInfo.sLogType: "10minute", or "" for what the format says already. */
void logname_type(char *text, size_t size, enum log_period period, unsigned every);

/* "2026-01-31 07:12:59" */
void logname_time(char text[LOG_TIME_SIZE], const struct tm *tm);

#endif
