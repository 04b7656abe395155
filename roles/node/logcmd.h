/*
 * The commands in which official consoles ask for a log (getLogData, contract 3.7), as a list of
 * steps.  Nothing of them is ever run by a shell: what is no step here is refused.
 *
 *   cat __log_file_name__ | grep -i "time out" | tail -n 50
 *
 * Pure text and no allocation.  Thread: any.
 */
#ifndef ROLES_NODE_LOGCMD_H
#define ROLES_NODE_LOGCMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

enum { LOG_STEPS = 8, LOG_TEXT = 256, LOG_LINES = 1000000, LOG_CONTEXT = 100 };

enum log_op {
	LOG_HEAD,   /* the first n lines */
	LOG_TAIL,   /* the last n lines */
	LOG_FROM,   /* from line n on, the first is 1 */
	LOG_GREP,   /* lines with the text */
};

struct log_step {
	enum log_op op;
	int64_t n;
	char text[LOG_TEXT + 1];
	bool ignore_case, invert;
	int64_t before, after;   /* LOG_GREP: lines around each that has it */
};

struct log_steps {
	struct log_step v[LOG_STEPS];
	unsigned n;
};

/* TARS_EARG: what is wrong, and what is allowed. */
int log_command_parse(const char *text, size_t n, struct log_steps *steps, struct err *e);

#endif
