/* Ends a server's process: asks it first, kills it when time is up. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "core/sys/files.h"
#include "if/AdminF.h"
#include "roles/node/exits.h"
#include "roles/node/node.h"
#include "roles/node/script.h"

enum {
	STOP_MIN_MS = 2000, STOP_MAX_MS = 60000,   /* clamp of deactivating-timeout */
	KILL_MS = 2000,                            /* until SIGKILL is sent again */
	SHUTDOWN_MS = 1000,
};

static void time_is_up(struct timer *t)
{
	server_event(container_of(t, struct server, deadline), EVENT_NO_EXIT, NULL);
}

struct php {
	struct server *s;
	struct err err;
	int rc;
};

static void write_php_stop(void *arg)
{
	struct php *p = arg;
	const struct spec *spec = p->s->spec;
	const struct script_in in = { .id = p->s->id, .node = &p->s->node->paths,
				      .paths = &spec->paths, .conf = &spec->conf };
	struct buf text = BUF_INIT;

	p->rc = script_stop(&in, &text, &p->err);
	if (p->rc == 0)
		p->rc = file_update(spec->paths.stop, NULL, buf_head(&text), buf_size(&text), 0755,
				    &p->err);
	buf_release(&text);
}

static int run_php_stop(struct server *s, int64_t timeout_ms, struct err *e)
{
	struct php p = { .s = s };
	pid_t pid;

	pool_run(write_php_stop, &p);
	if (p.rc < 0)
		return err_set(e, p.rc, "%s", p.err.text);
	return script_run(s, s->spec->paths.stop, timeout_ms, &pid, e);
}

static int call_shutdown(struct server *s, struct tars_req *rq, struct err *e)
{
	struct tars_call c = { .to = server_admin(s, rq), .rq = rq, .timeout_ms = SHUTDOWN_MS };
	struct tars_AdminF_shutdown_in in = { 0 };
	int rc = tars_AdminF_shutdown_oneway(&c, &in);

	return rc < 0 ? err_set(e, rc, "%s", c.error) : 0;
}

static int64_t patience_ms(const struct server *s)
{
	int64_t ms = s->spec ? s->spec->conf.deactivating_ms : 0;

	return ms < STOP_MIN_MS ? STOP_MIN_MS : ms > STOP_MAX_MS ? STOP_MAX_MS : ms;
}

static void ask_to_stop(struct tars_req *rq, void *arg)
{
	struct server *s = arg;
	const struct spec *spec;
	struct err e;
	pid_t pid;
	int rc;

	server_lock(s);
	spec = s->spec;
	if (spec && spec->paths.stop_script)
		rc = script_run(s, spec->paths.stop_script, patience_ms(s), &pid, &e);
	else if (spec && spec->paths.type == TYPE_PHP)
		rc = run_php_stop(s, patience_ms(s), &e);
	else if (spec && spec->conf.has_local && !spec_has_own_start(spec))
		rc = call_shutdown(s, rq, &e);
	else
		rc = err_set(&e, TARS_ENOTFOUND, "it has no AdminObj");
	server_unlock(s);
	if (rc < 0 && s->state == SERVER_DEACTIVATING && s->proc.pid > 0) {
		log_info(&s->log, "stop by SIGTERM: %s", e.text);
		proc_kill(&s->proc, SIGTERM, NULL);
	} else if (rc == TARS_ETIMEOUT) {
		/* Its time is ours: SIGKILL was due at the same moment. */
		log_warn(&s->log, "%s", e.text);
	}
	server_release(s);
}

void server_do_shut_down(struct server *s)
{
	timer_stop(&s->deadline);
	/* Still being launched: its end decides. */
	if (s->is_launching)
		return;
	if (s->proc.pid <= 0 && !(s->spec && s->spec->paths.type == TYPE_PHP)) {
		server_event(s, EVENT_EXITED, NULL);
		return;
	}
	timer_start(&s->deadline, patience_ms(s), time_is_up);
	server_hold(s);
	node_spawn(s->node, ask_to_stop, s);
}

void server_do_kill(struct server *s)
{
	struct err e;

	if (s->proc.pid <= 0) {
		server_event(s, EVENT_EXITED, NULL);
		return;
	}
	exit_look(s);
	s->is_kill_sent = true;
	/* What we started leads a group: its workers must not keep its ports. */
	if (getpgid(s->proc.pid) == s->proc.pid && proc_is_alive(&s->proc))
		kill(-s->proc.pid, SIGKILL);
	else if (proc_kill(&s->proc, SIGKILL, &e) < 0 && e.code != TARS_ENOTFOUND)
		server_trouble(s, "%s", e.text);
	if (!s->is_watching && !server_take_process(s, &s->proc)) {
		s->proc.pid = 0;
		server_event(s, EVENT_EXITED, NULL);
		return;
	}
	timer_start(&s->deadline, KILL_MS, time_is_up);
}
