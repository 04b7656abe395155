/* Processes: identity by pid and start time, signals, pid files and exit watches by pidfd. */
#include "core/sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/wait.h"
#include "core/sys/files.h"

static int no_such_process(pid_t pid, struct err *e)
{
	return err_set(e, TARS_ENOTFOUND, "process %d does not run", (int)pid);
}

/* State letter and start time from /proc/<pid>/stat; the program's name in it may hold anything,
 * so fields are counted from its last ')'. */
static int read_stat(pid_t pid, char *state, uint64_t *start)
{
	char path[40], text[1024];
	const char *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			 "%*d %*d %*d %" SCNu64, state, start) != 2)
		return -1;
	return 0;
}

static bool is_same(const struct proc_id *id, uint64_t start)
{
	return !id->start || id->start == start;
}

int proc_identify(pid_t pid, struct proc_id *id, struct err *e)
{
	uint64_t start;
	char state;

	if (pid <= 0 || read_stat(pid, &state, &start) < 0 || state == 'Z' || state == 'X')
		return no_such_process(pid, e);
	*id = (struct proc_id){ .pid = pid, .start = start };
	return 0;
}

bool proc_is_alive(const struct proc_id *id)
{
	struct proc_id now = { 0 };

	return proc_identify(id->pid, &now, NULL) == 0 && is_same(id, now.start);
}

/* A pidfd of this very process.  The identity is checked after the descriptor was opened: from then
 * on it cannot come to mean another one. */
static int open_pidfd(const struct proc_id *id, int *fd_r, struct err *e)
{
	uint64_t start;
	char state;
	int fd;

	if (id->pid <= 0)
		return no_such_process(id->pid, e);
	fd = pidfd_open(id->pid, 0);
	if (fd < 0) {
		if (errno == ESRCH || errno == EINVAL)
			return no_such_process(id->pid, e);
		return err_set(e, TARS_ESYS, "process %d: pidfd_open: %s", (int)id->pid,
			       strerror(errno));
	}
	if (read_stat(id->pid, &state, &start) < 0 || !is_same(id, start)) {
		close(fd);
		return no_such_process(id->pid, e);
	}
	*fd_r = fd;
	return 0;
}

int proc_kill(const struct proc_id *id, int signo, struct err *e)
{
	int fd, rc;

	rc = open_pidfd(id, &fd, e);
	if (rc < 0)
		return rc;
	if (pidfd_send_signal(fd, signo, NULL, 0) < 0) {
		if (errno == ESRCH)
			rc = no_such_process(id->pid, e);
		else
			rc = err_set(e, TARS_ESYS, "process %d: cannot send signal %d: %s",
				     (int)id->pid, signo, strerror(errno));
	}
	close(fd);
	return rc;
}

/* ---- pid files ---- */

int proc_write_pid_file(const char *path, const struct proc_id *id, struct err *e)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%d %" PRIu64 "\n", (int)id->pid, id->start);
	int rc = file_write(path, text, (size_t)n, 0644, e);

	return rc < 0 ? err_wrap(e, "pid file") : 0;
}

int proc_read_pid_file(const char *path, struct proc_id *id, struct err *e)
{
	char text[64], newline = 0;
	unsigned long long start;
	int fd, pid;
	ssize_t n;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? TARS_ENOTFOUND : TARS_ESYS, "pid file '%s': %s",
			       path, strerror(errno));
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* Without a start time it would fit whatever has that pid now. */
	if (sscanf(text, "%d %llu%c", &pid, &start, &newline) != 3 || newline != '\n' ||
	    pid <= 0 || !start)
		return err_set(e, TARS_EPROTO,
			       "pid file '%s': expected \"<pid> <start time>\"; remove the file", path);
	*id = (struct proc_id){ .pid = (pid_t)pid, .start = start };
	return 0;
}

/* ---- exits ---- */

static void watch_readable(struct watch *watch, int events)
{
	struct proc_watch *w = container_of(watch, struct proc_watch, watch);
	int status = -1;

	(void)events;
	/* The pid is ours until this call reaps it, so it means the same process as the pidfd. */
	if (waitpid(w->id.pid, &status, WNOHANG) != w->id.pid)
		status = -1;
	proc_watch_stop(w);
	w->exited(w, status);
}

int proc_watch_start(struct proc_watch *w, const struct proc_id *id,
		     void (*exited)(struct proc_watch *w, int status), struct err *e)
{
	int rc;

	*w = (struct proc_watch){ .id = *id, .fd = -1, .exited = exited };
	rc = open_pidfd(id, &w->fd, e);
	if (rc < 0)
		return rc;
	watch_set(&w->watch, w->fd, WATCH_READ, watch_readable);
	return 0;
}

void proc_watch_stop(struct proc_watch *w)
{
	if (w->fd < 0)
		return;
	watch_stop(&w->watch);
	close(w->fd);
	w->fd = -1;
}

struct proc_waiter {
	struct proc_watch watch;
	struct timer timer;
	struct wait wait;
	int status;
	bool ended;
};

static void waiter_exited(struct proc_watch *watch, int status)
{
	struct proc_waiter *w = container_of(watch, struct proc_waiter, watch);

	timer_stop(&w->timer);
	w->status = status;
	w->ended = true;
	wait_wake(&w->wait);
}

static void waiter_late(struct timer *timer)
{
	struct proc_waiter *w = container_of(timer, struct proc_waiter, timer);

	proc_watch_stop(&w->watch);
	wait_wake(&w->wait);
}

int proc_wait(const struct proc_id *id, int64_t timeout_ms, int *status_r, struct err *e)
{
	struct proc_waiter w = { .status = -1 };
	int rc;

	wait_init(&w.wait);
	rc = proc_watch_start(&w.watch, id, waiter_exited, e);
	if (rc < 0)
		return rc;
	timer_start(&w.timer, timeout_ms, waiter_late);
	wait_for(&w.wait);
	if (!w.ended)
		return err_set(e, TARS_ETIMEOUT, "process %d did not end within %lld ms",
			       (int)id->pid, (long long)timeout_ms);
	*status_r = w.status;
	return 0;
}

void proc_print_status(char *text, size_t size, int status)
{
	if (status == -1)
		snprintf(text, size, "ended");
	else if (WIFEXITED(status))
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
	else
		snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
}
