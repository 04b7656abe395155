/* Watches running servers: heartbeats, time-outs, exits, monitor scripts. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "roles/node/exits.h"
#include "roles/node/host.h"
#include "roles/node/node.h"

enum {
	OWN_HEARTBEAT_MS = 10000,  /* a monitor script is asked when nothing came for so long */
	MONITOR_SCRIPT_MS = 2000,
};

/* ---- the process ---- */

static void went_away(struct server *s, int status)
{
	struct proc_id gone = s->proc, other = s->other;

	s->is_watching = false;
	s->proc.pid = 0;
	s->other.pid = 0;
	/* A graceful restart: the next process has reported already. */
	if (s->state == SERVER_ACTIVE && other.pid > 0 && server_take_process(s, &other)) {
		s->proc = other;
		signal_raise(&s->node->report);
		return;
	}
	/* Of its own accord: the restart that a probe wanted is history. */
	if (s->state == SERVER_ACTIVE)
		*s->unhealthy = '\0';
	exit_note(s, &gone, status);
	server_trouble(s, "%s", "");
	server_event(s, EVENT_EXITED, NULL);
}

static void exited(struct proc_watch *w, int status)
{
	struct server *s = container_of(w, struct server, watch);

	/* A PHP master that went to the background: its heartbeat will name the real pid. */
	if (status == 0 && s->state == SERVER_ACTIVATING && s->spec->paths.type == TYPE_PHP) {
		s->is_watching = false;
		s->proc.pid = 0;
		return;
	}
	went_away(s, status);
}

bool server_take_process(struct server *s, const struct proc_id *id)
{
	struct proc_id copy = *id;

	if (s->is_watching)
		proc_watch_stop(&s->watch);
	s->is_watching = proc_watch_start(&s->watch, &copy, exited, NULL) == 0;
	oom_mark(&s->oom, copy.pid);
	return s->is_watching;
}

static void all_beat(struct server *s)
{
	for (uint32_t i = 0; s->spec && i < s->spec->n_beats; i++)
		s->spec->beats[i].at_us = reactor_now();
}

static void too_slow(struct timer *t)
{
	struct server *s = container_of(t, struct server, deadline);

	notify(s, true, "[alarm] activating,pid not exist: %s sent no keepAlive within %lld ms",
	       s->id,
	       (long long)(s->spec ? s->spec->conf.activating_ms : 0));
	report_cause(s, true, "no keepAlive within %lld ms of its start",
		     (long long)(s->spec ? s->spec->conf.activating_ms : 0));
	exit_expect(s, "killed by the node: no keepAlive within %lld ms",
		    (long long)(s->spec ? s->spec->conf.activating_ms : 0));
	server_event(s, EVENT_TOO_SLOW, NULL);
}

static void start_deadline(struct server *s)
{
	timer_start(&s->deadline, s->spec ? s->spec->conf.activating_ms : 0, too_slow);
}

void server_do_watch(struct server *s)
{
	all_beat(s);
	if (s->proc.pid > 0 && !server_take_process(s, &s->proc)) {
		went_away(s, -1);
		return;
	}
	if (s->state == SERVER_ACTIVATING)
		start_deadline(s);
	signal_raise(&s->node->report);
}

void server_do_note_alive(struct server *s)
{
	timer_stop(&s->deadline);
	server_trouble(s, "%s", "");
	*s->last_exit = '\0';
}

void server_do_note_activating(struct server *s)
{
	if (!s->is_launching && !timer_is_running(&s->deadline))
		start_deadline(s);
}

void server_do_went_down(struct server *s)
{
	const struct limits *limits = &s->node->conf->limits;
	int64_t lived_ms = (reactor_now() - s->launched_us) / 1000;
	bool is_alarm = !s->is_stopped && s->is_enabled && !s->node->is_stopping;

	timer_stop(&s->deadline);
	if (s->is_watching)
		proc_watch_stop(&s->watch);
	s->is_watching = false;
	s->proc.pid = 0;
	s->other.pid = 0;
	s->died_from = s->output_from;
	s->deaths++;
	limiter_note_death(&s->limiter, limits, reactor_now(), lived_ms);
	if (*s->trouble)
		report_cause(s, is_alarm, "%s", s->trouble);
	if (*s->last_exit)
		report_cause(s, is_alarm, "%s", s->last_exit);
	if (is_alarm)
		notify(s, true, "[alarm] down, server is inactive: %s%s%s", s->trouble,
		       *s->trouble && *s->last_exit ? "; " : "", s->last_exit);
	server_start_if_due(s);
}

/* ---- heartbeats ---- */

struct pid_file {
	const char *path;
	struct proc_id id;
	struct err err;
	int rc;
};

static void write_pid_file(void *arg)
{
	struct pid_file *file = arg;

	file->rc = proc_write_pid_file(file->path, &file->id, &file->err);
}

/* So that the next node finds it. */
static void note_process(struct tars_req *rq, void *arg)
{
	struct server *s = arg;
	struct pid_file file = { 0 };

	(void)rq;
	server_lock(s);
	if (s->spec && s->proc.pid > 0) {
		file.path = s->spec->paths.pid;
		file.id = s->proc;
		pool_run(write_pid_file, &file);
	}
	server_unlock(s);
	if (file.rc < 0)
		log_warn(&s->log, "%s", file.err.text);
	server_release(s);
}

/* Whose pid counts: the reporter's, if ours is gone or both belong to one start (contract 4.6). */
static void note_pid(struct server *s, const struct proc_id *from)
{
	bool is_ours_alive = s->proc.pid > 0 && proc_is_alive(&s->proc);

	if (from->pid == s->proc.pid || s->is_launching)
		return;
	if (is_ours_alive &&
	    (s->state == SERVER_ACTIVE || getsid(from->pid) != getsid(s->proc.pid))) {
		s->other = *from;
		return;
	}
	if (!server_take_process(s, from))
		return;
	s->proc = *from;
	if (s->state == SERVER_INACTIVE)
		s->launched_us = reactor_now();
	server_hold(s);
	node_spawn(s->node, note_process, s);
	signal_raise(&s->node->report);
}

void server_beat(struct server *s, const char *adapter, pid_t pid, bool is_activating)
{
	struct proc_id from = { .pid = pid };
	struct err e;
	bool is_alive = proc_identify(pid, &from, NULL) == 0;

	/* The last words of a process that has ended meanwhile. */
	if (s->node->is_stopping || (!is_alive && s->state == SERVER_INACTIVE))
		return;
	if (is_alive && s->state != SERVER_DEACTIVATING)
		note_pid(s, &from);
	for (uint32_t i = 0; s->spec && i < s->spec->n_beats; i++)
		if (!*adapter || !strcmp(adapter, s->spec->beats[i].adapter))
			s->spec->beats[i].at_us = reactor_now();
	if (server_event(s, is_activating ? EVENT_KEEP_ACTIVATING : EVENT_KEEP_ALIVE, &e) < 0)
		log_every(10000, LOG_LEVEL_WARN, &s->log, "%s", e.text);
}

static void check_silence(struct server *s)
{
	int64_t limit_s = s->spec->conf.hearttimeout_s, oldest = INT64_MAX, age_ms;
	const char *adapter = "";
	char state;

	if (limit_s <= 0)
		limit_s = s->node->conf->heart_timeout_s;
	for (uint32_t i = 0; i < s->spec->n_beats; i++)
		if (s->spec->beats[i].at_us < oldest) {
			oldest = s->spec->beats[i].at_us;
			adapter = s->spec->beats[i].adapter;
		}
	age_ms = (reactor_now() - oldest) / 1000;
	if (age_ms < limit_s * 1000)
		return;
	/* Running hard, or writing its core: it gets a little longer. */
	state = host_process_state(s->proc.pid);
	if ((state == 'R' || state == 'D') && age_ms < limit_s * 1000 + s->node->conf->core_ms)
		return;
	notify(s, true, "[alarm] zombie process,no keep alive msg for %lld seconds from %s",
	       (long long)age_ms / 1000, adapter);
	report_cause(s, true, "zombie: no keepAlive for %lld s from %s", (long long)age_ms / 1000,
		     adapter);
	exit_expect(s, "killed by the node: no keepAlive for %lld s", (long long)age_ms / 1000);
	exit_look(s);
	server_event(s, EVENT_SILENT, NULL);
}

static void ask_monitor(struct tars_req *rq, void *arg)
{
	struct server *s = arg;
	struct err e;
	pid_t pid = -1;
	int rc;

	(void)rq;
	server_lock(s);
	/* Its description may have changed while we waited. */
	rc = s->spec->paths.monitor_script
		? script_run(s, s->spec->paths.monitor_script, MONITOR_SCRIPT_MS, &pid, &e) : 0;
	server_unlock(s);
	if (rc < 0)
		log_every(60000, LOG_LEVEL_WARN, &s->log, "%s", e.text);
	else if (pid > 0)
		server_beat(s, "", pid, false);
	server_release(s);
}

static void check(struct server *s)
{
	int64_t age_ms = (reactor_now() - s->spec->beats[0].at_us) / 1000;

	if (s->spec->paths.monitor_script) {
		if (!s->is_locked && (s->state == SERVER_ACTIVATING ||
				      (s->state == SERVER_ACTIVE && age_ms >= OWN_HEARTBEAT_MS))) {
			server_hold(s);
			node_spawn(s->node, ask_monitor, s);
		}
	} else if (s->state == SERVER_ACTIVE && s->proc.pid > 0 && spec_has_own_start(s->spec)) {
		all_beat(s);
	}
	if (s->state == SERVER_ACTIVE)
		check_silence(s);
}

void node_monitor(struct timer *t)
{
	struct node *n = container_of(t, struct node, monitor);

	for (struct server *s = n->servers; s; s = s->next)
		if (s->spec)
			check(s);
	timer_start(&n->monitor, n->conf->monitor_ms, node_monitor);
}
