/* Finds core files by the kernel's pattern for their names. */
#include "roles/node/corefile.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "proto/buf.h"

enum { SLACK_S = 2 };   /* clocks of files are coarse */

static void add_literal(struct buf *b, char c)
{
	if (strchr("*?[]\\", c))
		buf_add_str(b, "\\");
	buf_add(b, &c, 1);
}

/* What stands behind a '%'. */
static void add_specifier(struct buf *b, char c, pid_t pid, bool *has_pid)
{
	if (c == '%') {
		add_literal(b, '%');
	} else if (c == 'p') {
		*has_pid = true;
		buf_addf(b, "%d", (int)pid);
	} else if (c) {
		buf_add_str(b, "*");
	}
}

const char *core_glob(const char *pattern, const char *cwd, pid_t pid, bool adds_pid,
		      struct arena *a)
{
	struct buf b = BUF_INIT;
	bool has_pid = false;
	const char *text;

	for (const char *p = cwd; *pattern != '/' && *p; p++)
		add_literal(&b, *p);
	if (*pattern != '/')
		buf_add_str(&b, "/");
	for (const char *p = pattern; *p; p++) {
		if (*p != '%')
			add_literal(&b, *p);
		else if (p[1])
			add_specifier(&b, *++p, pid, &has_pid);
	}
	if (adds_pid && !has_pid)
		buf_addf(&b, ".%d", (int)pid);
	text = arena_strdup(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* The youngest, if it was written since. */
static const char *youngest(const char *pattern, time_t since, struct arena *a)
{
	const char *best = NULL;
	glob_t found = { 0 };
	struct stat st;

	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			if (lstat(found.gl_pathv[i], &st) < 0 || !S_ISREG(st.st_mode) ||
			    st.st_mtime < since)
				continue;
			since = st.st_mtime;
			best = arena_strdup(a, found.gl_pathv[i]);
		}
	globfree(&found);
	return best;
}

/* The line in a file of the kernel's; "" if it cannot be read. */
static void read_setting(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(text, (int)size, f))
		*text = '\0';
	if (f)
		fclose(f);
	text[strcspn(text, "\n")] = '\0';
}

const char *core_file(const char *cwd, pid_t pid, int64_t ran_ms, struct arena *a)
{
	char pattern[256], uses_pid[16];
	const char *glob_text, *path;

	read_setting("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
	read_setting("/proc/sys/kernel/core_uses_pid", uses_pid, sizeof(uses_pid));
	if (*pattern == '|')
		return arena_strf(a, "given to %s", pattern + 1);
	glob_text = core_glob(pattern, cwd, pid, *uses_pid == '1', a);
	path = youngest(glob_text, time(NULL) - ran_ms / 1000 - SLACK_S, a);
	return path ? path : arena_strf(a, "not found as %s", glob_text);
}
