/*
 * Log files of services: listed and read, confined to the service's own log directory.
 *
 * No name leads out of it: every part of the path is opened without following links, the last must
 * be a regular file with one name.  An answer has at most LOG_MAX bytes, and costs at most
 * LOG_SCAN bytes and LOG_MS of reading.  All of it blocks: call it in a worker (pool_run).
 * Thread: any.
 */
#ifndef ROLES_NODE_LOGS_H
#define ROLES_NODE_LOGS_H

#include "proto/arena.h"
#include "proto/buf.h"
#include "roles/node/logcmd.h"

enum {
	LOG_MAX = 2 << 20, LOG_SCAN = 64 << 20, LOG_LINE = 64 << 10, LOG_MS = 3000,
	LOG_FILES = 5000,
};

struct log_file {
	const char *name;
	int64_t size, changed;  /* bytes; seconds since 1970 */
	bool is_compressed;
};

struct log_list {
	const char *root, *app, *server;  /* <root>/<app>/<server> is the directory */
	struct arena *arena;
	struct log_file *v;               /* newest first */
	size_t n;
	bool is_cut;                      /* there are more than LOG_FILES */
	int rc;                           /* 0, also if there is no such directory */
	struct err err;
};

struct log_read {
	const char *root, *app, *server, *file;
	int64_t from, to;        /* bytes; from < 0: before the end; to 0: the end */
	size_t max;              /* bytes of data; 0, or too large: LOG_MAX */
	struct log_steps steps;  /* none: the bytes as they are */

	struct buf data;         /* to be released by the caller */
	int64_t began, next, size;
	bool is_cut;             /* by a limit */
	int rc;
	struct err err;
};

/* list: struct log_list. */
void log_list(void *list);
/* read: struct log_read. */
void log_read(void *read);

#endif
