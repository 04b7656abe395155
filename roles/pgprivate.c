/* The private PostgreSQL of `tars up`: initdb, start, take over, restart, stop. */
#include "roles/pgprivate.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "core/io/coro.h"
#include "core/io/pool.h"
#include "core/sys/log.h"
#include "core/sys/migrate.h"
#include "core/sys/proc.h"
#include "roles/pgplace.h"

enum {
	INITDB_TIMEOUT_MS = 5 * 60 * 1000,
	/* Crash recovery of a large cluster takes long; while the server lives we wait. */
	READY_TIMEOUT_MS = 15 * 60 * 1000,
	STOP_TIMEOUT_MS = 60 * 1000,
	KILL_TIMEOUT_MS = 10 * 1000,
	RESTART_MS = 1000,
	LOG_MAX_SIZE = 10 << 20,
};

struct pgprivate {
	struct arena arena;
	struct pgplace place;
	struct proc_id id;
	struct proc_watch watch;
	struct timer restart;
};

static const struct log_subject subject = { .prefix = "private PostgreSQL" };

static int make_cluster(const struct pgplace *place, struct err *e)
{
	const char *const argv[] = {
		place->initdb, "-D", place->new_data, "-U", "tars", "-E", "UTF8", "--no-locale",
		"--auth-local=trust", "--auth-host=reject", NULL,
	};
	char line[256], status_text[64];
	struct proc_spec spec = {
		.argv = argv, .cwd = place->dir, .output = place->initdb_log, .user = place->account,
	};
	struct proc_id id = { 0 };
	int status, rc;

	log_info(&subject, "creating the cluster in %s (%s, account %s)", place->data,
		 place->initdb, place->account ? place->account : "ours");
	rc = pgplace_remove_new_data(place, e);
	if (rc == 0)
		rc = proc_spawn(&spec, &id.pid, e);
	if (rc == 0)
		rc = proc_wait(&id, INITDB_TIMEOUT_MS, &status, e);
	if (rc < 0)
		return rc;
	if (status != 0) {
		proc_print_status(status_text, sizeof(status_text), status);
		pgplace_last_line(place->initdb_log, line, sizeof(line));
		return err_set(e, TARS_EDB, "initdb failed (%s): %s; see %s", status_text, line,
			       place->initdb_log);
	}
	if (rename(place->new_data, place->data) < 0)
		return err_set(e, TARS_ESYS, "'%s': cannot rename: %s", place->new_data,
			       strerror(errno));
	return 0;
}

static void rotate_log(const struct pgplace *place)
{
	char old[4096];
	struct stat st;

	if (stat(place->log, &st) < 0 || st.st_size < LOG_MAX_SIZE)
		return;
	snprintf(old, sizeof(old), "%s.1", place->log);
	if (rename(place->log, old) < 0)
		log_warn(&subject, "'%s': cannot rename: %s", place->log, strerror(errno));
}

/* Settings stand here and not in postgresql.conf, so that the user's own there stay untouched; what
 * is here wins. */
static int spawn_server(struct pgprivate *p, struct err *e)
{
	const struct pgplace *place = &p->place;
	const char *const argv[] = {
		place->postgres, "-D", place->data,
		"-c", "listen_addresses=", "-c", "port=5432",
		"-c", place->socket_setting, "-c", "unix_socket_permissions=0700",
		"-c", "logging_collector=off", "-c", "log_destination=stderr",
		"-c", "log_checkpoints=off", NULL,
	};
	const struct proc_spec spec = {
		.argv = argv, .cwd = place->data, .output = place->log, .user = place->account,
	};
	pid_t pid;
	int rc;

	rotate_log(place);
	rc = proc_spawn(&spec, &pid, e);
	if (rc < 0)
		return rc;
	/* If it has ended already, a watch by the pid alone still reaps it. */
	if (proc_identify(pid, &p->id, NULL) < 0)
		p->id = (struct proc_id){ .pid = pid };
	return 0;
}

/* ---- ready ---- */

struct ping {
	const char *dsn;
	PGPing answer;
};

static void ping(void *arg)
{
	struct ping *p = arg;

	p->answer = PQping(p->dsn);
}

/* Until it answers, or is gone. */
static int wait_ready(struct pgprivate *p, struct err *e)
{
	int64_t deadline_us = reactor_clock() + 1000 * (int64_t)READY_TIMEOUT_MS;
	struct ping q = { .dsn = p->place.dsn };
	char line[256];

	for (;;) {
		pool_run(ping, &q);
		if (q.answer == PQPING_OK)
			return 0;
		if (!proc_is_alive(&p->id)) {
			pgplace_last_line(p->place.log, line, sizeof(line));
			return err_set(e, TARS_EDB, "the private PostgreSQL ended at its start: %s; "
				       "see %s", line, p->place.log);
		}
		if (reactor_clock() > deadline_us)
			return err_set(e, TARS_EDB, "the private PostgreSQL (process %d) does not "
				       "answer; see %s", (int)p->id.pid, p->place.log);
		coro_sleep_ms(10);
	}
}

/* ---- unasked ends ---- */

static void server_exited(struct proc_watch *w, int status);

static int watch_server(struct pgprivate *p, struct err *e)
{
	return proc_watch_start(&p->watch, &p->id, server_exited, e);
}

static void restart(struct timer *t)
{
	struct pgprivate *p = container_of(t, struct pgprivate, restart);
	struct err e;
	int rc;

	rc = spawn_server(p, &e);
	if (rc == 0)
		rc = watch_server(p, &e);
	if (rc == 0) {
		log_warn(&subject, "started again as process %d", (int)p->id.pid);
		return;
	}
	log_error(&subject, "%s", e.text);
	timer_start(&p->restart, RESTART_MS, restart);
}

static void server_exited(struct proc_watch *w, int status)
{
	struct pgprivate *p = container_of(w, struct pgprivate, watch);
	char line[256], text[64];

	proc_print_status(text, sizeof(text), status);
	pgplace_last_line(p->place.log, line, sizeof(line));
	log_error(&subject, "process %d: %s: %s", (int)p->id.pid, text, line);
	p->id = (struct proc_id){ 0 };
	timer_start(&p->restart, RESTART_MS, restart);
}

/* ---- the life of it ---- */

static int start_or_take_over(struct pgprivate *p, struct err *e)
{
	pid_t pid = pgplace_running(&p->place);

	if (pid && proc_identify(pid, &p->id, NULL) == 0) {
		log_info(&subject, "taking over process %d", (int)pid);
		/* It may be the end of it that we see: then a new one is due. */
		if (wait_ready(p, NULL) == 0)
			return 0;
	}
	if (spawn_server(p, e) < 0)
		return e->code;
	return wait_ready(p, e);
}

int pgprivate_start(struct pgprivate **p_r, const char *dir, struct err *e)
{
	struct pgprivate *p = xcalloc(1, sizeof(*p));
	int rc;

	arena_init(&p->arena, NULL, 0);
	p->watch.fd = -1;
	rc = pgplace_find(&p->place, dir, &p->arena, e);
	if (rc == 0 && !pgplace_has_cluster(&p->place))
		rc = make_cluster(&p->place, e);
	if (rc == 0)
		rc = start_or_take_over(p, e);
	if (rc == 0)
		rc = watch_server(p, e);
	if (rc == 0)
		rc = migrate_create_database(p->place.dsn, e);
	if (rc < 0) {
		pgprivate_stop(p);
		return rc;
	}
	log_info(&subject, "ready: psql \"%s\"", p->place.dsn);
	*p_r = p;
	return 0;
}

const char *pgprivate_dsn(const struct pgprivate *p)
{
	return p->place.dsn;
}

/* Fast shutdown; a server that hangs is told to drop everything, its journal keeps the data. */
static void stop_server(struct pgprivate *p)
{
	static const struct { int signo, timeout_ms; } steps[] = {
		{ SIGINT, STOP_TIMEOUT_MS }, { SIGQUIT, KILL_TIMEOUT_MS },
	};
	struct err e = { 0 };
	int status, rc;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		rc = proc_kill(&p->id, steps[i].signo, &e);
		if (rc == 0)
			rc = proc_wait(&p->id, steps[i].timeout_ms, &status, &e);
		if (rc == 0 || rc == TARS_ENOTFOUND)
			return;
		log_warn(&subject, "cannot stop it: %s", e.text);
	}
}

void pgprivate_stop(struct pgprivate *p)
{
	if (!p)
		return;
	timer_stop(&p->restart);
	proc_watch_stop(&p->watch);
	if (p->id.pid)
		stop_server(p);
	/* Only a short one below /tmp; it stays if the server does. */
	if (p->place.socket_dir && p->place.socket_dir != p->place.dir)
		rmdir(p->place.socket_dir);
	arena_clear(&p->arena);
	free(p);
}
