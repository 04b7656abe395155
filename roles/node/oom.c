/* The OOM killer's counters: of a process's cgroup (version 2), or of the machine. */
#include "roles/node/oom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VMSTAT "/proc/vmstat"

int64_t oom_kills(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];
	int64_t n = -1;

	while (f && n < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, "oom_kill ", 9))
			n = strtoll(line + 9, NULL, 10);
	if (f)
		fclose(f);
	return n;
}

/* The root of all cgroups has no such file: what is not in one is counted for the machine. */
static void find_cgroup(struct oom_mark *m, pid_t pid)
{
	char path[32], line[sizeof(m->cgroup) - 64];
	FILE *f;

	m->cgroup[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "0::/", 4) && line[4])
			snprintf(m->cgroup, sizeof(m->cgroup), "/sys/fs/cgroup%s/memory.events",
				 line + 3);
	}
	if (f)
		fclose(f);
}

void oom_mark(struct oom_mark *m, pid_t pid)
{
	find_cgroup(m, pid);
	m->in_cgroup = oom_kills(m->cgroup);
	m->in_system = oom_kills(VMSTAT);
}

bool oom_struck(const struct oom_mark *m, char *text, size_t size)
{
	int64_t now = m->in_cgroup < 0 ? -1 : oom_kills(m->cgroup), before = m->in_cgroup;
	const char *what = "its cgroup's memory.events";

	/* Never in one, or it went away with the process. */
	if (now < 0) {
		now = oom_kills(VMSTAT);
		before = m->in_system;
		what = VMSTAT;
	}
	if (before < 0 || now <= before)
		return false;
	snprintf(text, size, "oom_kill in %s rose by %lld", what, (long long)(now - before));
	return true;
}
