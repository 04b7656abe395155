/*
 * Processes: start them detached, watch any of them by pidfd, find them again after a restart.
 *
 * Started processes get their own session, no inherited descriptors, default signals; they outlive
 * us.  Exits of children and of others are seen the same way.  A child that nobody watches stays a
 * zombie until we exit: watch each one.  Thread: any, except proc_watch_* and proc_wait: its
 * reactor.
 */
#ifndef CORE_SYS_PROC_H
#define CORE_SYS_PROC_H

#include <sys/types.h>

#include "core/io/reactor.h"

struct proc_spec {
	const char *const *argv;  /* argv[0] is executed; has a slash, or looked up in PATH */
	const char *const *env;   /* "NAME=value" added to ours; NULL: none */
	const char *cwd;          /* NULL: ours */
	const char *output;       /* stdout and stderr are appended to it, as `user`; NULL: /dev/null */
	int output_fd;            /* they go there instead; 0: they do not */
	const char *user;         /* account to run as when we are root; NULL: ours */
};

/* As many open files as this process may have; programs that it starts get what it had itself.
 * Before there are threads. */
void proc_raise_files(void);

/* Returns once exec has succeeded or failed (the error names program and cause). */
int proc_spawn(const struct proc_spec *spec, pid_t *pid_r, struct err *e);

/* Identity of a process: its pid alone may be reused. */
struct proc_id {
	pid_t pid;
	uint64_t start;          /* clock ticks since boot, /proc/<pid>/stat field 22; 0: unknown */
};
/* Fills start for pid; TARS_ENOTFOUND if there is no such (or only a zombie) process. */
int proc_identify(pid_t pid, struct proc_id *id, struct err *e);
bool proc_is_alive(const struct proc_id *id);
/* Signal to this very process, never to a reused pid; TARS_ENOTFOUND if it is gone. */
int proc_kill(const struct proc_id *id, int signo, struct err *e);

/* Pid file "pid start\n", written atomically.  Reading: TARS_ENOTFOUND if there is no file. */
int proc_write_pid_file(const char *path, const struct proc_id *id, struct err *e);
int proc_read_pid_file(const char *path, struct proc_id *id, struct err *e);

/* exited() runs once when the process ends; status is the wait status of a child, -1 of others. */
struct proc_watch {
	struct watch watch;
	struct proc_id id;
	int fd;                  /* the pidfd while it runs, else -1; valid once started */
	void (*exited)(struct proc_watch *w, int status);
};
/* TARS_ENOTFOUND if the process is gone already; a zombie child of ours is still reported. */
int proc_watch_start(struct proc_watch *w, const struct proc_id *id,
		     void (*exited)(struct proc_watch *w, int status), struct err *e);
/* Idempotent after a start, also when that failed. */
void proc_watch_stop(struct proc_watch *w);

/* Parks the coroutine until the process ends, at most so long (TARS_ETIMEOUT). */
int proc_wait(const struct proc_id *id, int64_t timeout_ms, int *status_r, struct err *e);
/* "exit status 3", "killed by signal 9 (Killed)", "ended" for -1. */
void proc_print_status(char *text, size_t size, int status);

#endif
