/*
 * Where the kernel put the core of a process that has just dumped one.
 *
 * Reads directories: call it in a worker.  Thread: any.
 */
#ifndef ROLES_NODE_COREFILE_H
#define ROLES_NODE_COREFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/arena.h"

/* The file's path, or a text that says where else it went; cwd: where the process ran, for ran_ms. */
const char *core_file(const char *cwd, pid_t pid, int64_t ran_ms, struct arena *a);
/* A core_pattern as a pattern for glob(3): what only the kernel knows is '*'. */
const char *core_glob(const char *pattern, const char *cwd, pid_t pid, bool adds_pid,
		      struct arena *a);

#endif
