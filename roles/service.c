/* Running a service role: start, ready line, reload, stop. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/coro.h"
#include "core/sys/log.h"
#include "core/sys/proc.h"
#include "roles/role.h"

/*
 *	STARTING --init--> RUNNING --signal--> STOPPING --> the loop ends
 *	    `---failed-----------------------------------------^
 */
enum service_state { SERVICE_STARTING, SERVICE_RUNNING, SERVICE_STOPPING };

struct service {
	struct role_run run;
	struct role_conf *conf;      /* in force; older ones hang on it */
	int argc;
	char **argv;
	struct log_subject log;
	enum service_state state;
	bool stop_asked, reloading;
	int status;
};

/* ---- ready line ---- */

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Errors of the start were for the terminal; from here on it is the shell's again. */
static void leave_terminal(struct service *s)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		log_warn(&s->log, "cannot open /dev/null: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	close(fd);
}

/*
 * --detach: the rest happens in a child; the parent waits until that is ready and gives its status
 * if it is not.  Returns the status in the parent, -1 in the child.
 */
static int detach(const struct role *role, struct role_common *common)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) || (pid = fork()) < 0) {
		fprintf(stderr, "tars: %s: cannot go to the background: %s\n", role->name,
			strerror(errno));
		return EXIT_RETRY;
	}
	if (!pid) {
		setsid();
		close(ready[0]);
		if (common->ready_fd < 0)
			common->ready_fd = ready[1];
		return -1;
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) == 1)
		return EXIT_ASKED;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BUG;
}

static void say_ready(struct service *s)
{
	const struct role_common *common = &s->conf->common;
	char line[sizeof(s->run.ready) + 64];
	int n = snprintf(line, sizeof(line), "tars: %s: ready%s%s\n", s->run.role->name,
			 *s->run.ready ? " " : "", s->run.ready);

	/* Who starts us by hand or from a test reads stderr, wherever the log goes. */
	if (write_all(STDERR_FILENO, line, (size_t)n))
		log_warn(&s->log, "the ready line could not be written to stderr");
	if (common->detach)
		leave_terminal(s);
	if (common->ready_fd < 0)
		return;
	if (write_all(common->ready_fd, line, (size_t)n))
		log_warn(&s->log, "--ready-fd %d: %s", common->ready_fd, strerror(errno));
	close(common->ready_fd);
}

/* ---- reload ---- */

static int read_again(struct service *s, struct role_conf *fresh, struct err *e)
{
	struct buf fixed = BUF_INIT;
	enum log_level level = LOG_LEVEL_INFO;
	int rc = role_conf_load(fresh, s->run.role, s->argc, s->argv, e);

	if (rc)
		return rc;
	rc = conf_check(&fresh->conf, e);
	if (rc) {
		role_conf_release(fresh);
		return rc;
	}
	conf_keep_fixed(&fresh->conf, &s->conf->conf, &fixed);
	if (buf_size(&fixed))
		log_warn(&s->log, "these options only change at the next start: %s",
			 buf_str(&fixed));
	buf_release(&fixed);
	if (fresh->common.log_level)
		rc = log_level_parse(fresh->common.log_level, &level, e);
	if (!rc && s->run.role->reload)
		rc = s->run.role->reload(&s->run, fresh->values, e);
	if (!rc)
		rc = log_open(fresh->common.log_file, e);
	if (!rc)
		log_set_level(level);
	else
		role_conf_release(fresh);
	return rc;
}

static void reload(void *arg)
{
	struct service *s = arg;
	struct role_conf *fresh = xcalloc(1, sizeof(*fresh));
	struct err e;

	if (read_again(s, fresh, &e)) {
		log_error(&s->log, "reload failed, the old configuration stays: %s", e.text);
		free(fresh);
	} else {
		/* Coroutines that wait may hold texts of the old one. */
		fresh->older = s->conf;
		s->conf = fresh;
		s->run.conf = fresh->values;
		log_info(&s->log, "configuration read again");
	}
	s->reloading = false;
}

static void release_reloaded(struct service *s, const struct role_conf *first)
{
	while (s->conf != first) {
		struct role_conf *older = s->conf->older;

		role_conf_release(s->conf);
		free(s->conf);
		s->conf = older;
	}
}

/* ---- start and stop ---- */

static void stop(void *arg)
{
	struct service *s = arg;

	s->state = SERVICE_STOPPING;
	log_info(&s->log, "stopping");
	if (s->run.role->stop)
		s->run.role->stop(&s->run);
	app_stop(s->run.app, s->conf->common.grace_ms);
}

static void on_signal(int signo, void *arg)
{
	struct service *s = arg;

	if (signo == SIGHUP) {
		if (s->state != SERVICE_RUNNING || s->reloading)
			return;
		s->reloading = true;
		coro_start(CORO_STACK_USER, reload, s);
		return;
	}
	if (s->stop_asked) {
		log_warn(&s->log, "told to stop twice: leaving at once");
		_exit(EXIT_ASKED);
	}
	s->stop_asked = true;
	s->run.keep_services = signo == SIGUSR2;
	if (s->state == SERVICE_RUNNING)
		coro_start(CORO_STACK_ROLE, stop, s);
}

static void start(void *arg)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR2, 0 };
	struct service *s = arg;
	struct err e;
	int rc;

	rc = reactor_on_signals(app_reactor(s->run.app), signals, on_signal, s, &e);
	if (!rc)
		rc = s->run.role->init(&s->run, &e);
	if (rc) {
		role_complain(s->run.role, &e);
		/* The command line was fine; a value in it, or in the file, was not. */
		s->status = rc == TARS_EARG ? EXIT_CONFIG : role_exit_status(rc);
		s->state = SERVICE_STOPPING;
		app_stop(s->run.app, 0);
		return;
	}
	if (s->run.is_done) {
		s->state = SERVICE_STOPPING;
		app_stop(s->run.app, 0);
		return;
	}
	s->state = SERVICE_RUNNING;
	say_ready(s);
	if (s->stop_asked)
		stop(s);
}

int service_main(const struct role *role, struct role_conf *rc, int argc, char **argv)
{
	char module[64];
	struct app_conf ac = {
		.reactors = (unsigned)rc->common.reactors,
		.locator = rc->common.locator,
		.module = module,
		.on_endpoint = app_log_endpoint,
	};
	struct service s = {
		.run = { .role = role, .conf = rc->values, .config_file = rc->conf.file,
			 .is_detached = rc->common.detach, .has_log_file = rc->common.log_file },
		.conf = rc, .argc = argc, .argv = argv,
		.log = { .prefix = role->name },
	};
	struct err e;

	if (rc->common.detach) {
		int status = detach(role, &rc->common);

		if (status >= 0)
			return status;
	}
	snprintf(module, sizeof(module), "tars.tars%s", role->name);
	reactor_block_signals();
	proc_raise_files();
	app_report_crashes(module);
	s.run.app = app_new(&ac, &e);
	if (!s.run.app) {
		role_complain(role, &e);
		return role_exit_status(e.code);
	}
	app_run(s.run.app, start, &s);
	if (s.run.free)
		s.run.free(s.run.state);
	release_reloaded(&s, rc);
	app_free(s.run.app);
	return s.status;
}
