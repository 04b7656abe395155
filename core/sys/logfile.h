/*
 * One application log on disk: appends whole lines, begins a new file by size or by time, and
 * counts what a full or broken disk takes away.
 *
 * Several processes may append to one log (the dyeing log of a machine): the file of that name is
 * looked up again from time to time, so one that was rolled or removed by others is left.
 * A line that could not be written is lost and counted; the log says so itself, in its next line
 * that can be written, and the diagnostics do at once.
 * Blocks: for the logs' own thread.  One thread at a time.
 */
#ifndef CORE_SYS_LOGFILE_H
#define CORE_SYS_LOGFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/logname.h"

struct logfile;

/* base: the path without number, time and ".log"; directories are made when they are needed. */
struct logfile_conf {
	const char *base;            /* NULL: stderr, which never rolls */
	bool by_time;                /* else by size */
	off_t max_size;              /* a file larger than this has only one line */
	unsigned max_files;          /* 0 and 1: <base>.log begins anew */
	enum log_period period;      /* by_time */
	unsigned every;
};

struct logfile *logfile_new(const struct logfile_conf *conf);
void logfile_free(struct logfile *f);

/* A line with its newline.  It is written when there are enough of them, and its memory must stay
 * until logfile_flush.  time_s: since 1970, when it was logged. */
void logfile_add(struct logfile *f, const char *text, size_t n, int64_t time_s);
/* Writes what was added; afterwards it is the kernel's, and a crash cannot take it. */
void logfile_flush(struct logfile *f);
/* Lines that were lost so far. */
uint64_t logfile_lost(const struct logfile *f);

#endif
