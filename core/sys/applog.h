/*
 * Application logs: what a service has to say to its users, apart from our own diagnostics (log.h).
 *
 *	<dir>/<App>/<Server>/<App>.<Server>.log              rolled by size; without dir: stderr
 *	<dir>/<App>/<Server>/<App>.<Server>_<name>_<date>.log  by day, hour or minute
 *	<dir>/tars_dyeing/dyeing.log, dyeing_<date>.log      copies of dyed lines of all services
 *
 * Lines go through a bounded queue to one thread, so nobody waits for a disk; those that find the
 * queue full are dropped and counted, those that a full disk refuses are lost and counted, and both
 * counts appear in the log itself (contract 10.3).  Thread: any, except applog_free.
 */
#ifndef CORE_SYS_APPLOG_H
#define CORE_SYS_APPLOG_H

#include <stdarg.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/sys/linequeue.h"
#include "proto/err.h"
#include "proto/logname.h"

struct applog;

enum applog_kind { APPLOG_ROLL, APPLOG_DAY, APPLOG_NOT_SENT, APPLOG_PERIOD };
enum applog_flags { APPLOG_LOCAL = 1, APPLOG_REMOTE = 2, APPLOG_DYED = 4 };

/* What the log server is to get too, in the logs' thread; l is valid until it returns.  A line with
 * APPLOG_REMOTE or APPLOG_DYED, or (APPLOG_PERIOD) period and every as two unsigned. */
typedef void applog_remote(void *arg, const struct line *l);

struct applog_conf {
	const char *dir;             /* NULL: stderr */
	const char *app, *server;    /* NULL: ""  */
	off_t max_size;              /* 0: 50 MB */
	unsigned max_files;          /* 0: 10 */
	size_t max_queue;            /* 0: 16 MB; of lines that wait */
};

struct applog_stats {
	uint64_t lines;              /* accepted */
	uint64_t dropped;            /* the queue was full, or the name cannot be one */
	uint64_t lost;               /* the disk was full or broken */
};

/* Nothing is opened or started before the first line.  The conf's texts are copied. */
struct applog *applog_new(const struct applog_conf *conf);
/* NULL: to nobody from now on. */
void applog_set_remote(struct applog *l, applog_remote *remote, void *arg);
/* Writes what waits.  A log that is stuck (a disk, a pipe) is left behind after a few seconds. */
void applog_free(struct applog *l);

/* A line of the rolling log, with the name of its level: "INFO". */
void applog_vroll(struct applog *l, const char *level, unsigned flags, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
/* A line of the log by time called `name`, "" for the one without a name. */
void applog_vday(struct applog *l, const char *name, unsigned flags, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
/* From now on a log begins a new file each `every` periods.  TARS_EARG: the name cannot be one. */
int applog_set_period(struct applog *l, const char *name, enum log_period period, unsigned every,
		      struct err *e);
/* A whole line that the log server did not get: into <name>.remote.error_<date>.log. */
void applog_not_sent(struct applog *l, const char *name, const char *text, size_t n);

/* Waits until what was logged before is written.  False: not in time. */
bool applog_flush(struct applog *l, int64_t ms);
/* In the signal handler of a crash: gives the threads of all logs a moment to write what waits. */
void applog_crashed(void);
void applog_stats(struct applog *l, struct applog_stats *stats);

#endif
