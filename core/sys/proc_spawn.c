/* Processes: starting one, detached, with everything that can fail reported by the parent. */
#include "core/sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/arena.h"

extern char **environ;

enum { MAX_GROUPS = 256 };

/* What the child needs, prepared before fork: in a process with threads the child may only call
 * async-signal-safe functions. */
struct child {
	const struct proc_spec *spec;
	const char *program;
	char **env;
	int null_fd, report_fd;
	bool changes_user;
	uid_t uid;
	gid_t gid;
	int n_groups;
	gid_t groups[MAX_GROUPS];
};

/* What the child writes to the report pipe when it cannot exec. */
struct report {
	int error;
	char step[20];
};

/* As it was before we raised it; programs that use select() cannot live with more. */
static struct rlimit files_before;

void proc_raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == files.rlim_max)
		return;
	files_before = files;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		files_before = (struct rlimit){ 0 };
}

_Noreturn static void child_fails(const struct child *c, const char *step)
{
	struct report report = { .error = errno };

	memcpy(report.step, step, strlen(step));
	/* Smaller than PIPE_BUF: written as a whole.  Nobody could be told of a failure. */
	if (write(c->report_fd, &report, sizeof(report)) < 0)
		_exit(126);
	_exit(127);
}

static void child_open_output(const struct child *c)
{
	int fd = open(c->spec->output, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		child_fails(c, "open output");
	if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		child_fails(c, "redirect output");
}

_Noreturn static void child_run(struct child *c)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	int output_fd = c->spec->output_fd ? c->spec->output_fd : c->null_fd;
	sigset_t none;

	setsid();
	umask(022);
	if (files_before.rlim_max && setrlimit(RLIMIT_NOFILE, &files_before) < 0)
		child_fails(c, "limit open files");
	for (int signo = 1; signo < NSIG; signo++)
		sigaction(signo, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(c->null_fd, 0) < 0 || dup2(output_fd, 1) < 0 || dup2(output_fd, 2) < 0)
		child_fails(c, "redirect output");
	/* Closed by exec, so that the report pipe works until then. */
	if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		child_fails(c, "close descriptors");
	if (c->changes_user && (setgroups((size_t)c->n_groups, c->groups) < 0 ||
				setgid(c->gid) < 0 || setuid(c->uid) < 0))
		child_fails(c, "change account");
	/* As that account: root would follow any link that the account has put in its folder. */
	if (c->spec->output)
		child_open_output(c);
	if (c->spec->cwd && chdir(c->spec->cwd) < 0)
		child_fails(c, "enter directory");
	execve(c->program, (char **)c->spec->argv, c->env);
	child_fails(c, "execute");
}

/* argv[0] as it is, or its file in PATH. */
static int find_program(struct arena *a, const char *name, const char **program, struct err *e)
{
	const char *path = getenv("PATH"), *end;

	if (strchr(name, '/')) {
		*program = name;
		return 0;
	}
	for (const char *dir = path && *path ? path : "/usr/bin:/bin"; *dir; dir = end) {
		size_t n = strcspn(dir, ":");
		const char *file = arena_strf(a, "%.*s/%s", (int)n, dir, name);
		struct stat st;

		end = dir + n + (dir[n] == ':');
		if (n && access(file, X_OK) == 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
			*program = file;
			return 0;
		}
	}
	return err_set(e, TARS_ENOTFOUND, "program '%s': not found in PATH", name);
}

static size_t name_length(const char *assignment)
{
	return strcspn(assignment, "=");
}

/* Ours with `added` over it: the same name is replaced. */
static char **merge_env(struct arena *a, const char *const *added)
{
	size_t n_ours = 0, n_added = 0, n = 0;
	char **env;

	while (environ && environ[n_ours])
		n_ours++;
	while (added && added[n_added])
		n_added++;
	env = arena_alloc(a, (n_ours + n_added + 1) * sizeof(*env));
	for (size_t i = 0; i < n_ours; i++) {
		size_t len = name_length(environ[i]);
		bool replaced = false;

		for (size_t k = 0; k < n_added && !replaced; k++)
			replaced = name_length(added[k]) == len &&
				   !strncmp(added[k], environ[i], len);
		if (!replaced)
			env[n++] = environ[i];
	}
	for (size_t k = 0; k < n_added; k++)
		env[n++] = (char *)added[k];
	return env;
}

/* Without root there is nothing to change to: everything runs as our own account. */
static int find_account(struct arena *a, const char *user, struct child *c, struct err *e)
{
	enum { SIZE = 16 * 1024 };
	struct passwd pw, *found = NULL;
	int rc;

	if (!user || geteuid() != 0)
		return 0;
	rc = getpwnam_r(user, &pw, arena_alloc(a, SIZE), SIZE, &found);
	if (rc)
		return err_set(e, TARS_ESYS, "account '%s': %s", user, strerror(rc));
	if (!found)
		return err_set(e, TARS_ENOTFOUND, "account '%s' does not exist", user);
	c->changes_user = true;
	c->uid = pw.pw_uid;
	c->gid = pw.pw_gid;
	c->n_groups = MAX_GROUPS;
	if (getgrouplist(user, pw.pw_gid, c->groups, &c->n_groups) < 0)
		return err_set(e, TARS_ELIMIT, "account '%s' is in more than %d groups", user,
			       MAX_GROUPS);
	return 0;
}

static int report_error(const struct child *c, const struct report *r, struct err *e)
{
	const char *object = c->program;
	int code = TARS_ESYS;

	if (!strcmp(r->step, "enter directory"))
		object = c->spec->cwd;
	else if (!strcmp(r->step, "open output"))
		object = c->spec->output;
	else if (!strcmp(r->step, "change account"))
		object = c->spec->user;
	if (r->error == ENOENT || r->error == ENOTDIR)
		code = TARS_ENOTFOUND;
	return err_set(e, code, "cannot start '%s': %s '%s': %s", c->spec->argv[0], r->step, object,
		       strerror(r->error));
}

/* Forks and reads the child's report; an empty one means that exec has closed the pipe. */
static int fork_child(struct child *c, int read_fd, pid_t *pid_r, struct err *e)
{
	struct report report;
	sigset_t all, old;
	ssize_t n;
	pid_t pid;

	/* No handler of ours may run in the child before it has reset them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		child_run(c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_set(e, TARS_ESYS, "cannot start '%s': fork: %s", c->program,
			       strerror(errno));
	close(c->report_fd);
	c->report_fd = -1;
	do
		n = read(read_fd, &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	if (n == 0) {
		*pid_r = pid;
		return 0;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof(report))
		return err_set(e, TARS_ESYS, "cannot start '%s': the new process gave no report",
			       c->program);
	return report_error(c, &report, e);
}

int proc_spawn(const struct proc_spec *spec, pid_t *pid_r, struct err *e)
{
	struct child c = { .spec = spec, .null_fd = -1, .report_fd = -1 };
	int report[2] = { -1, -1 };
	struct arena a;
	int rc;

	arena_init(&a, NULL, 0);
	rc = find_program(&a, spec->argv[0], &c.program, e);
	if (rc == 0)
		rc = find_account(&a, spec->user, &c, e);
	if (rc < 0)
		goto out;
	c.env = merge_env(&a, spec->env);
	c.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (c.null_fd < 0) {
		rc = err_set(e, TARS_ESYS, "cannot start '%s': /dev/null: %s", spec->argv[0],
			     strerror(errno));
		goto out;
	}
	if (pipe2(report, O_CLOEXEC) < 0) {
		rc = err_set(e, TARS_ESYS, "cannot start '%s': pipe: %s", spec->argv[0],
			     strerror(errno));
		goto out;
	}
	c.report_fd = report[1];
	rc = fork_child(&c, report[0], pid_r, e);
out:
	if (report[0] >= 0)
		close(report[0]);
	if (c.report_fd >= 0)
		close(c.report_fd);
	if (c.null_fd >= 0)
		close(c.null_fd);
	arena_clear(&a);
	return rc;
}
