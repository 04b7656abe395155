/*
 * Our own diagnostics: one line per event to stderr or a file, for operators.
 *
 *	2026-11-22T15:00:44.123Z warn registry conn 7 10.0.0.1:5312: closed (reading a frame)
 *
 * A subject says who speaks (prefix) and what it is at (doing, may change all the time); it belongs
 * to the object that it describes.  Each line is one write(), bounded, with control characters made
 * visible, so texts of peers may be logged.  The log is one per process.  Thread: any.
 */
#ifndef CORE_SYS_LOG_H
#define CORE_SYS_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_subject {
	const char *prefix;  /* "registry conn 7 10.0.0.1:5312" */
	const char *doing;   /* "reading a frame"; NULL: nothing particular */
};

#define log_error(subject, ...) log_at(LOG_LEVEL_ERROR, (subject), __VA_ARGS__)
#define log_warn(subject, ...) log_at(LOG_LEVEL_WARN, (subject), __VA_ARGS__)
#define log_info(subject, ...) log_at(LOG_LEVEL_INFO, (subject), __VA_ARGS__)
#define log_debug(subject, ...) log_at(LOG_LEVEL_DEBUG, (subject), __VA_ARGS__)

/* For what a peer can trigger: at most one line per `ms` from this place in the code; the next one
 * tells how many were left out.  log_every(1000, LOG_LEVEL_WARN, subject, "bad frame: %s", why); */
#define log_every(ms, level, subject, ...) \
	do { \
		static struct log_gate gate_; \
		if (log_gate_opens(&gate_, (ms), (level))) \
			log_through(&gate_, (level), (subject), __VA_ARGS__); \
	} while (0)

struct log_gate {
	_Atomic int64_t opens_ms;
	_Atomic uint32_t left_out;
};

/* The default: warnings and worse, stderr. */
bool log_is_on(enum log_level level);
void log_set_level(enum log_level level);
/* "error", "warn", "info", "debug". */
int log_level_parse(const char *text, enum log_level *level, struct err *e);
/* Appends to a file from now on, NULL or "": stderr.  Again with the same path: opens it anew,
 * after something else has moved it away. */
int log_open(const char *path, struct err *e);
/* Where lines go at present, for signal handlers. */
int log_descriptor(void);

void log_at(enum log_level level, const struct log_subject *subject, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void log_through(struct log_gate *gate, enum log_level level, const struct log_subject *subject,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
bool log_gate_opens(struct log_gate *gate, int64_t ms, enum log_level level);

#endif
