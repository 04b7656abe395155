/*
 * Removing old files: those beyond an age, a number or a size together, the oldest first.
 *
 * A file that any process has open is never removed, nor one that changed within CLEAN_QUIET_S:
 * somebody may be about to open it again.  Links are not followed, and only regular files go.
 * Blocks: call it in a worker (pool_run).  Thread: any.
 */
#ifndef ROLES_NODE_CLEAN_H
#define ROLES_NODE_CLEAN_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "proto/err.h"

enum { CLEAN_QUIET_S = 600 };

/* 0: no limit. */
struct clean_rule {
	int64_t age_s;
	int64_t bytes;    /* on disk, all files of the kind together */
	int64_t files;
};

struct clean_dir {
	const char *path;
	bool (*is_kind)(int dir, const char *name);  /* of those that it is about */
	const char *keep;       /* a name that stays in any case; may be NULL */
	struct clean_rule rule;

	unsigned removed;       /* results */
	int64_t removed_bytes;
	struct err err;         /* the first file that should go and could not; code 0: none */
};

/* A directory that is not there is empty. */
void clean_dir(struct clean_dir *c, time_t now);
/* "a.log", "a.log.gz", "a.log.3" */
bool clean_is_log(int dir, const char *name);
/* A name with "core" in it, and the content of a core file: bin/core.js stays. */
bool clean_is_core(int dir, const char *name);

#endif
