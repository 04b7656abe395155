/* Finds the processes that an earlier node left running, so that nothing is started twice. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/pool.h"
#include "core/sys/files.h"
#include "if/AdminF.h"
#include "roles/node/exits.h"
#include "roles/node/node.h"

enum { MAX_CMDLINE = 128 << 10, MAX_PID_FILE = 64, ADMIN_MS = 3000, GRACE_MS = 11000 };

struct search {
	const struct spec *spec;
	pid_t answered;         /* on its admin port */
	struct proc_id id;      /* pid 0: not found */
	struct proc_id gone;    /* noted by an earlier node, and it ended since; pid 0: none */
	char exit_text[512];    /* how the one before ended */
};

/* Services have their configuration file on the command line: no other process has. */
static bool runs_with_conf(pid_t pid, const char *conf)
{
	char path[32], *text = xmalloc(MAX_CMDLINE);
	bool found = false;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = fopen(path, "re");
	if (f) {
		n = fread(text, 1, MAX_CMDLINE, f);
		fclose(f);
	}
	found = n && memmem(text, n, conf, strlen(conf));
	free(text);
	return found;
}

static void take_if_it(struct search *search, pid_t pid)
{
	struct proc_id id;

	if (pid > 0 && runs_with_conf(pid, search->spec->paths.conf) &&
	    proc_identify(pid, &id, NULL) == 0)
		search->id = id;
}

static void search_files(void *arg)
{
	struct search *search = arg;
	const struct server_paths *p = &search->spec->paths;
	struct proc_id id = { 0 };
	struct tars_ExitRecord last;
	struct arena a;
	const char *text;
	size_t n;

	arena_init(&a, NULL, 0);
	if (exit_read(p->exit, &last, &a, NULL) == 0)
		exit_summary(&last, search->exit_text, sizeof(search->exit_text));
	if (proc_read_pid_file(p->pid, &id, NULL) == 0) {
		if (proc_is_alive(&id))
			search->id = id;
		else
			search->gone = id;
	}
	if (search->id.pid == 0 &&
	    file_read(p->script_pid, MAX_PID_FILE, &a, &text, &n, NULL) == 0)
		take_if_it(search, (pid_t)strtol(text, NULL, 10));
	arena_clear(&a);
}

static void check_answered(void *arg)
{
	struct search *search = arg;

	take_if_it(search, search->answered);
}

/* Whoever answers on its admin port says who it is; official Go and Java do not know getPid. */
static int ask_admin(struct server *s, struct tars_req *rq, pid_t *pid_r)
{
	struct tars_call c = { .to = server_admin(s, rq), .rq = rq, .timeout_ms = ADMIN_MS };
	struct tars_AdminF_getPid_in in = { 0 };
	struct tars_AdminF_getPid_out out = { 0 };
	int rc = tars_AdminF_getPid(&c, &in, &out);

	*pid_r = rc == 0 ? (pid_t)out.ret : 0;
	return rc;
}

/* Not all SDKs know getPid, and a service may be too busy to answer: a heartbeat tells then, if one
 * comes.  Nothing listens on the port of one that does not run: that is known at once. */
static void await_heartbeat(struct server *s)
{
	int64_t until = reactor_now() + GRACE_MS * 1000;

	log_info(&s->log, "something is at its admin port, but does not say its pid: waiting for a "
		 "heartbeat");
	while (s->state == SERVER_INACTIVE && reactor_now() < until && !s->node->is_stopping)
		signal_wait(&s->changed, (until - reactor_now()) / 1000 + 1);
}

static void take_over(struct server *s, const struct proc_id *id)
{
	/* What the registry knew last; where it is stale, a heartbeat follows within seconds. */
	bool was_active = !strcmp(s->spec->desc->presentState.p, "active") ||
			  spec_has_own_start(s->spec);

	if (s->state != SERVER_INACTIVE)
		return;
	log_info(&s->log, "found running, pid %d", id->pid);
	s->proc = *id;
	s->launched_us = reactor_now();
	server_event(s, was_active ? EVENT_FOUND : EVENT_FOUND_STARTING, NULL);
}

/* What was left: how the last process ended, or that nobody saw it. */
static void take_exit(struct server *s, const struct search *search)
{
	snprintf(s->exit_text, sizeof(s->exit_text), "%s", search->exit_text);
	if (search->gone.pid == 0)
		return;
	exit_note(s, &search->gone, STATUS_AWAY);
	notify(s, true, "[alarm] down, pid %d %s", search->gone.pid, s->last_exit);
}

void server_search(struct tars_req *rq, void *arg)
{
	struct server *s = arg;
	struct search search = { 0 };
	int rc;

	server_lock(s);
	if (s->spec && !s->is_searched) {
		search.spec = s->spec;
		pool_run(search_files, &search);
		take_exit(s, &search);
		if (search.id.pid == 0 && s->spec->conf.has_local &&
		    s->state == SERVER_INACTIVE) {
			rc = ask_admin(s, rq, &search.answered);
			if (rc == 0)
				pool_run(check_answered, &search);
			else if (rc == TARS_ENOFUNC || rc == TARS_ETIMEOUT)
				await_heartbeat(s);
		}
		if (search.id.pid > 0)
			take_over(s, &search.id);
	}
	s->is_searched = s->spec != NULL;
	signal_raise(&s->node->report);
	server_unlock(s);
	server_start_if_due(s);
	server_release(s);
}
