/* What the threads of a process do. */
#include "roles/node/threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file below the directory as text; "" if it cannot be read. */
static const char *slurp(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* The value of a line "Name:\tvalue" of /proc/PID/status. */
static int value_of(const char *status, const char *name, const char **value)
{
	const char *p = strstr(status, name);

	if (!p)
		return 0;
	p += strlen(name);
	p += strspn(p, " \t");
	*value = p;
	return (int)strcspn(p, "\n");
}

static void add_value(struct buf *b, const char *before, const char *status, const char *name,
		      const char *after)
{
	const char *value;
	int n = value_of(status, name, &value);

	if (n)
		buf_addf(b, "%s%.*s%s", before, n, value, after);
}

/* "[<0>] futex_wait+0x12/0x40" a line; callers come later. */
static void add_stack(struct buf *b, const char *stack)
{
	for (int n = 0; n < THREADS_FRAMES && *stack; n++) {
		const char *frame = strstr(stack, "] ");
		size_t line = strcspn(stack, "\n");

		frame = frame && frame < stack + line ? frame + 2 : stack;
		buf_addf(b, "%s%.*s", n ? " < " : "; ", (int)strcspn(frame, "+\n"), frame);
		stack += line + (stack[line] == '\n');
	}
}

static void describe_thread(int task, long tid, struct buf *b)
{
	char status[4096], text[2048], path[40];

	snprintf(path, sizeof(path), "%ld/status", tid);
	slurp(task, path, status, sizeof(status));
	if (!*status)
		return;
	buf_addf(b, "%ld", tid);
	add_value(b, " ", status, "Name:", "");
	add_value(b, ": ", status, "State:", "");
	snprintf(path, sizeof(path), "%ld/wchan", tid);
	slurp(task, path, text, sizeof(text));
	if (*text && strcmp(text, "0") != 0)
		buf_addf(b, " in %s", text);
	snprintf(path, sizeof(path), "%ld/syscall", tid);
	slurp(task, path, text, sizeof(text));
	if (*text >= '0' && *text <= '9')
		buf_addf(b, ", system call %.*s", (int)strcspn(text, " \n"), text);
	snprintf(path, sizeof(path), "%ld/stack", tid);
	add_stack(b, slurp(task, path, text, sizeof(text)));
	buf_add_str(b, "\n");
}

static void describe_threads(int dir, struct buf *b)
{
	int task = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = task >= 0 ? fdopendir(dup(task)) : NULL;
	struct dirent *d;
	int n = 0;

	while (list && (d = readdir(list))) {
		if (*d->d_name == '.')
			continue;
		if (++n <= THREADS_SHOWN)
			describe_thread(task, strtol(d->d_name, NULL, 10), b);
	}
	if (n > THREADS_SHOWN)
		buf_addf(b, "and %d more\n", n - THREADS_SHOWN);
	if (list)
		closedir(list);
	if (task >= 0)
		close(task);
}

void threads_describe(pid_t pid, struct buf *b)
{
	char path[32], status[4096];
	int dir;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	slurp(dir, "status", status, sizeof(status));
	if (*status) {
		add_value(b, "", status, "State:", "");
		add_value(b, ", ", status, "Threads:", " threads");
		add_value(b, ", ", status, "VmRSS:", " resident");
		buf_add_str(b, "\n");
		describe_threads(dir, b);
	}
	close(dir);
}
