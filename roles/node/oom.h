/*
 * Whether the kernel's OOM killer struck while a process ran, by the kernel's own counters.
 *
 * A counter is of a cgroup or of the machine, not of the process: it says "probably".  Reads of
 * /proc and of cgroups do not wait for a disk.  Thread: any.
 */
#ifndef ROLES_NODE_OOM_H
#define ROLES_NODE_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct oom_mark {
	char cgroup[512];            /* its memory.events; "": none that counts */
	int64_t in_cgroup, in_system;   /* kills so far; -1: not known */
};

/* The counters as they are, while process pid runs. */
void oom_mark(struct oom_mark *m, pid_t pid);
/* Something was killed since then: text says which counter says so. */
bool oom_struck(const struct oom_mark *m, char *text, size_t size);
/* The value of "oom_kill N" in a file like memory.events or vmstat; -1: there is none. */
int64_t oom_kills(const char *path);

#endif
