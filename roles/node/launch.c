/* Starts a server's process, and says why it does not run. */
#include <ctype.h>
#include <dirent.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/io/coro.h"
#include "core/io/pool.h"
#include "core/sys/files.h"
#include "proto/text.h"
#include "roles/node/exits.h"
#include "roles/node/node.h"
#include "roles/node/script.h"
#include "roles/run_options.h"

enum {
	SCRIPT_MS = 2000,      /* how long a start script may take to print pid= or its end mark */
	SCRIPT_STEP_MS = 50,
	REAP_STEP_MS = 500,    /* the node's stop waits so long for scripts that go on */
	SETTLE_MS = 1000,      /* a process without heartbeats serves when it lives so long */
	TAIL_LINES = 5,
};

/* ---- programs with a generated script ---- */

struct launch {
	struct server *s;
	struct proc_id id;
	struct err err;
	int rc;
};

const char *server_user(const struct node *n, const struct spec *spec)
{
	return spec && spec->desc->runUser.n ? spec->desc->runUser.p : n->conf->user;
}

/* Who asks for an account must not get another. */
static int check_account(const struct server *s, struct err *e)
{
	const struct tars_str *user = &s->spec->desc->runUser;
	struct passwd pw, *found = NULL;
	char room[2048];

	if (!user->n || geteuid() == 0)
		return 0;
	if (getpwnam_r(user->p, &pw, room, sizeof(room), &found) == 0 && found &&
	    pw.pw_uid == geteuid())
		return 0;
	return err_set(e, TARS_ECONF, "%s: it shall run as %s, but this node does not run as root: "
		       "start the node as root, or take the account away (tars ctl server set %s "
		       "--user none)", s->id, user->p, s->id);
}

/* In a worker. */
static int spawn(struct server *s, const char *const *argv, const char *output, struct proc_id *id,
		 struct err *e)
{
	struct arena a;
	const struct spec *spec = s->spec;
	const char *cwd = spec_cwd(spec);
	struct proc_spec p = { .argv = argv, .cwd = cwd, .output = output,
			       .user = server_user(s->node, spec) };
	int rc = dir_make(cwd, e);

	arena_init(&a, NULL, 0);
	if (rc == 0)
		rc = check_account(s, e);
	if (rc == 0) {
		p.env = run_env_parse(spec->desc->runEnv.p, &a, e);
		rc = p.env ? proc_spawn(&p, &id->pid, e) : e->code;
	}
	arena_clear(&a);
	/* Gone already: the watch on the zombie tells how it ended. */
	if (rc == 0 && proc_identify(id->pid, id, NULL) < 0)
		id->start = 0;
	return rc;
}

/* It runs: a disk that is full must not make us start it a second time. */
static void note_process(const struct launch *l)
{
	struct err e;

	if (l->id.start && proc_write_pid_file(l->s->spec->paths.pid, &l->id, &e) < 0)
		log_warn(&l->s->log, "its process %d would not be found by the next node so fast: "
			 "%s", (int)l->id.pid, e.text);
}

static void launch_program(void *arg)
{
	struct launch *l = arg;
	struct server *s = l->s;
	const struct spec *spec = s->spec;
	struct script_in in = { .id = s->id, .node = &s->node->paths, .paths = &spec->paths,
				.conf = &spec->conf };
	struct arena a;
	const char *const argv[] = { "/bin/sh", spec->paths.start, NULL };
	struct buf text = BUF_INIT;

	s->output_from = file_size(spec_output(spec));
	arena_init(&a, NULL, 0);
	in.env = run_env_parse(spec->desc->runEnv.p, &a, &l->err);
	in.args = run_args_parse(spec->desc->runArgs.p, &a, &l->err);
	l->rc = in.env && in.args ? script_start(&in, &text, &l->err) : l->err.code;
	if (l->rc == 0)
		l->rc = file_update(spec->paths.start, NULL, buf_head(&text), buf_size(&text), 0755,
				    &l->err);
	if (l->rc >= 0)
		l->rc = spawn(s, argv, spec_output(spec), &l->id, &l->err);
	if (l->rc == 0)
		note_process(l);
	buf_release(&text);
	arena_clear(&a);
}

/* ---- the user's own scripts ---- */

enum { MAX_SCRIPT_OUTPUT = 64 << 10 };  /* of what one run prints, as far as it is looked at */

struct script_job {
	struct server *s;
	const char *script, *output;
	const char *args;       /* of the operator, behind the server's id; NULL: none */
	off_t from;
	struct proc_id id;
	pid_t pid;              /* from a line pid=<n> */
	bool is_ended;          /* the end mark was printed */
	struct err err;
	int rc;
};

static void start_script(void *arg)
{
	struct script_job *job = arg;
	const char *const *args;
	const char **argv;
	size_t n = 0;
	struct arena a;

	arena_init(&a, NULL, 0);
	args = run_args_parse(job->args ? job->args : "", &a, &job->err);
	while (args && args[n])
		n++;
	argv = arena_alloc(&a, (n + 4) * sizeof(*argv));
	argv[0] = "/bin/sh";
	argv[1] = job->script;
	argv[2] = job->s->id;
	for (size_t i = 0; i < n; i++)
		argv[3 + i] = args[i];
	job->from = file_size(job->output);
	if (!args)
		job->rc = job->err.code;
	else if (!file_is_regular(job->script))
		job->rc = err_set(&job->err, TARS_ENOTFOUND, "%s: there is no script %s: release a "
				  "package with it, or correct its path", job->s->id, job->script);
	else
		job->rc = spawn(job->s, argv, job->output, &job->id, &job->err);
	arena_clear(&a);
}

static void read_output(void *arg)
{
	struct script_job *job = arg;
	const char *name = strrchr(job->script, '/') + 1, *text, *pid;
	struct arena a;

	arena_init(&a, NULL, 0);
	text = file_part(job->output, job->from, MAX_SCRIPT_OUTPUT, &a);
	job->is_ended = strstr(text, arena_strf(&a, "end-%s", name));
	pid = strstr(text, "pid=");
	if (pid)
		job->pid = (pid_t)strtol(pid + strlen("pid="), NULL, 10);
	arena_clear(&a);
}

/* Runs until the script ends, prints its end mark, or time is up.  1: it still runs.  Whoever gets
 * that takes care of the process. */
static int run_script(struct script_job *job, int64_t timeout_ms, struct err *e)
{
	int status = 0, rc = TARS_ETIMEOUT;
	char text[64];

	pool_run(start_script, job);
	if (job->rc < 0)
		return err_set(e, job->rc, "%s", job->err.text);
	for (int64_t ms = 0; ms < timeout_ms && rc == TARS_ETIMEOUT && !job->is_ended;
	     ms += SCRIPT_STEP_MS) {
		rc = proc_wait(&job->id, SCRIPT_STEP_MS, &status, NULL);
		pool_run(read_output, job);
	}
	if (rc == TARS_ETIMEOUT)
		return 1;
	if (rc == 0 && status > 0) {
		proc_print_status(text, sizeof(text), status);
		return err_set(e, TARS_EUNKNOWN, "%s: script %s: %s", job->s->id, job->script,
			       text);
	}
	return 0;
}

int script_run(struct server *s, const char *script, int64_t timeout_ms, pid_t *pid_r,
	       struct err *e)
{
	struct script_job job = { .s = s, .script = script, .pid = -1 };
	struct arena a;
	int rc, status;

	arena_init(&a, NULL, 0);
	job.output = arena_strf(&a, "%s/%s.script.log", s->spec->paths.log_dir, s->id);
	rc = run_script(&job, timeout_ms, e);
	/* The end mark was seen before the end itself. */
	if (rc == 1 && job.is_ended && proc_wait(&job.id, SCRIPT_MS, &status, NULL) == 0)
		rc = 0;
	if (rc == 1) {
		/* It leads a group: what it waits for must not stay behind. */
		kill(-job.id.pid, SIGKILL);
		proc_wait(&job.id, SCRIPT_MS, &status, NULL);
		rc = err_set(e, TARS_ETIMEOUT, "%s: script %s did not end within %lld ms", s->id,
			     script, (long long)timeout_ms);
	}
	*pid_r = job.pid;
	arena_clear(&a);
	return rc;
}

struct scan {
	pid_t session, found;
};

/* The oldest process of a session: what a start script left running in the background. */
static void scan_session(void *arg)
{
	struct scan *scan = arg;
	DIR *dir = opendir("/proc");
	struct dirent *d;
	pid_t pid;

	scan->found = 0;
	while (dir && (d = readdir(dir))) {
		pid = isdigit((unsigned char)*d->d_name) ? (pid_t)strtol(d->d_name, NULL, 10) : 0;
		if (pid > 0 && pid != scan->session && getsid(pid) == scan->session &&
		    (!scan->found || pid < scan->found))
			scan->found = pid;
	}
	if (dir)
		closedir(dir);
}

struct leftover {
	struct node *node;
	struct proc_id id;
};

/* A script that goes on beside the process it named: a child of ours until it ends. */
static void reap(struct tars_req *rq, void *arg)
{
	struct leftover left = *(struct leftover *)arg;
	int status, rc;

	(void)rq;
	free(arg);
	do
		rc = proc_wait(&left.id, REAP_STEP_MS, &status, NULL);
	while (rc == TARS_ETIMEOUT && !left.node->is_stopping);
}

static void leave_running(struct server *s, const struct proc_id *script)
{
	struct leftover *left = xmalloc(sizeof(*left));

	*left = (struct leftover){ s->node, *script };
	node_spawn(s->node, reap, left);
}

static void launch_script(struct launch *l)
{
	struct server *s = l->s;
	const struct spec *spec = s->spec;
	struct script_job job = { .s = s, .script = spec->paths.start_script,
				  .output = spec_output(spec), .args = spec->desc->runArgs.p };
	struct scan scan;

	if (!job.script) {
		l->rc = err_set(&l->err, TARS_ECONF, "%s: a service of type not_tars needs a start "
				"script: give it one in its configuration", s->id);
		return;
	}
	l->rc = run_script(&job, SCRIPT_MS, &l->err);
	s->output_from = job.from;
	if (l->rc < 0)
		return;
	scan.session = job.id.pid;
	if (l->rc == 1 && job.pid > 0 && job.pid != job.id.pid)
		leave_running(s, &job.id);
	if (job.pid > 0) {
		l->id.pid = job.pid;
	} else if (l->rc == 1) {
		l->id = job.id;
	} else {
		pool_run(scan_session, &scan);
		l->id.pid = scan.found;
	}
	l->rc = 0;
	if (l->id.pid > 0 && proc_identify(l->id.pid, &l->id, NULL) < 0)
		l->id.pid = 0;
	if (l->id.pid <= 0 && !spec->paths.monitor_script)
		l->rc = err_set(&l->err, TARS_ENOTFOUND, "%s: script %s ended and left no process: "
				"let it print pid=<number>, or give the service a monitor script",
				s->id,
				job.script);
	else if (l->id.pid > 0)
		proc_write_pid_file(spec->paths.pid, &l->id, NULL);
}

/* ---- on the reactor ---- */

/* A process that sends no heartbeats is taken to serve when it has survived its start. */
static void settle(struct server *s)
{
	int64_t until = reactor_now() + SETTLE_MS * 1000;

	while (s->state == SERVER_ACTIVATING && reactor_now() < until)
		signal_wait(&s->changed, (until - reactor_now()) / 1000 + 1);
	if (s->state == SERVER_ACTIVATING && s->proc.pid > 0)
		server_event(s, EVENT_KEEP_ALIVE, NULL);
}

static void launch(struct tars_req *rq, void *arg)
{
	struct launch l = { .s = arg };
	struct server *s = arg;
	struct err e;
	bool is_own = false;

	(void)rq;
	server_lock(s);
	if (s->spec && s->are_files_due)
		server_fetch_files(s);
	if (!s->spec) {
		l.rc = err_set(&l.err, TARS_ECONF, "%s",
			       *s->trouble ? s->trouble : "there is no description of it");
	} else if (spec_has_own_start(s->spec)) {
		is_own = !s->spec->paths.monitor_script;
		launch_script(&l);
	} else {
		pool_run(launch_program, &l);
	}
	server_unlock(s);
	s->is_launching = false;
	s->proc = l.id;
	if (l.rc < 0) {
		server_trouble(s, "%s", l.err.text);
		*s->last_exit = '\0';
	}
	if (server_event(s, l.rc < 0 ? EVENT_LAUNCH_FAILED : EVENT_LAUNCHED, &e) < 0)
		log_warn(&s->log, "%s", e.text);
	else if (is_own)
		settle(s);
	server_release(s);
}

void server_do_launch(struct server *s)
{
	s->is_launching = true;
	exit_forget(s);
	s->launched_us = reactor_now();
	server_hold(s);
	node_spawn(s->node, launch, s);
}

static void start_now(struct timer *t)
{
	server_start_if_due(container_of(t, struct server, restart));
}

void server_start_if_due(struct server *s)
{
	const struct limits *limits = &s->node->conf->limits;
	int64_t wait_ms;
	bool was_punished = s->limiter.is_punished;

	timer_stop(&s->restart);
	if (s->state != SERVER_INACTIVE || !s->spec || !s->is_enabled || s->is_stopped ||
	    !s->is_searched || s->node->is_stopping)
		return;
	wait_ms = limiter_delay_ms(&s->limiter, limits, reactor_now());
	if (wait_ms > 0) {
		timer_start(&s->restart, wait_ms, start_now);
		if (s->limiter.is_punished && !was_punished)
			notify(s, true, "[alarm] %s was started %d times within %lld s: next try "
			       "in %lld s, or start it by command", s->id, limits->starts,
			       (long long)limits->window_ms / 1000, (long long)wait_ms / 1000);
		return;
	}
	limiter_note_start(&s->limiter, limits, reactor_now());
	server_event(s, EVENT_START, NULL);
}

struct why {
	const char *path, *tail;
	off_t from;
	struct arena *arena;
};

static void read_tail(void *arg)
{
	struct why *w = arg;

	const char *tail = file_tail(w->path, w->from, TAIL_LINES, w->arena);
	size_t n = strlen(tail);
	char *clean = arena_alloc(w->arena, n + 1);

	text_clean(clean, tail, n);
	clean[n] = '\0';
	w->tail = clean;
}

const char *server_why(struct server *s, struct arena *a)
{
	struct why w = { .from = s->died_from, .arena = a, .tail = "" };

	if (s->spec) {
		w.path = arena_strdup(a, spec_output(s->spec));
		pool_run(read_tail, &w);
	}
	return arena_strf(a, "%s%s%s%s%s", s->trouble, *s->trouble && *s->last_exit ? "; " : "",
			  s->last_exit, *w.tail ? "; its last output: " : "", w.tail);
}
