/* tars up and tars down: all roles in one process, with a PostgreSQL of their own if none is given. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "core/sys/log.h"
#include "core/sys/migrate.h"
#include "core/sys/proc.h"
#include "proto/text.h"
#include "roles/pgprivate.h"
#include "roles/role.h"

/* The roles that `up` runs, in the order of their start, and their official ports. */
static const struct up_part {
	const struct role *role;
	int ports[4];
} up_parts[] = {
	{ &registry_role, { 17890, 17891, 12000 } },
	{ &config_role, { 18193 } },
	{ &stat_role, { 18293, 18493, 18393, 18693 } },
	{ &log_role, { 18993, 18913, 18593 } },
	{ &patch_role, { 18793 } },
	{ &node_role, { 19386 } },
};
enum {
	N_PARTS = sizeof(up_parts) / sizeof(*up_parts),
	LOCK_WAIT_MS = 3000, LOCK_PAUSE_MS = 20,
	SECRET_BYTES = 32,
};

struct up_conf {
	const char *path, *db, *host, *config;
	bool any_port;
};

static const struct opt up_opts[] = {
	OPT("any-port", struct up_conf, any_port, "no", OPT_NORELOAD,
	    "let the kernel choose the ports, for several platforms on one machine"),
	OPT("db", struct up_conf, db, NULL, OPT_NORELOAD | OPT_SECRET,
	    "connection string of an existing PostgreSQL; without it `up` runs its own"),
	OPT("host", struct up_conf, host, "127.0.0.1", OPT_NORELOAD,
	    "address that all roles listen on; 0.0.0.0 admits other machines"),
	OPT("path", struct up_conf, path, NULL, OPT_NORELOAD,
	    "directory of everything (default: /usr/local/app/tars for root, else ~/.tars)"),
	{ 0 }
};

struct up {
	struct role_run *run;
	struct arena arena;
	const char *path, *pid_file;
	struct pgprivate *pg;
	char secret[2 * SECRET_BYTES + 1];   /* of its parts, another one each time */
	int lock_fd;             /* locked while the directory is ours, else -1 */
	struct role_conf conf[N_PARTS];
	struct role_run part[N_PARTS];
	unsigned n_started;
};

static const struct log_subject up_log = { .prefix = "up" };

static const char *pid_file_of(const char *path, struct arena *a)
{
	return arena_strf(a, "%s/up.pid", path);
}

/* ---- start ---- */

static bool is_held(const struct up *up, struct proc_id *holder)
{
	return !proc_read_pid_file(up->pid_file, holder, NULL) && proc_is_alive(holder);
}

/* Who runs there, for people. */
static int say_in_use(struct up *up, struct err *e)
{
	struct proc_id id;
	char who[32] = "a process that is starting";

	if (is_held(up, &id))
		snprintf(who, sizeof(who), "process %d", (int)id.pid);
	if (!up->run->is_detached)
		return err_set(e, TARS_EEXISTS,
			       "%s is in use: `tars up` runs there as %s (tars down stops it)",
			       up->path, who);
	fprintf(stderr, "tars: up: runs there already: %s in %s\n", who, up->path);
	up->run->is_done = true;
	return 0;
}

/*
 * errno of the lock, 0: it is ours.  It is held for a moment longer than its holder lives, until
 * the last thread is gone, and a moment before a new holder has told who it is.
 */
static int lock_path(const struct up *up)
{
	struct proc_id id;

	for (int tries = LOCK_WAIT_MS / LOCK_PAUSE_MS; ; tries--) {
		int why = flock(up->lock_fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;

		if (why != EWOULDBLOCK || tries == 0 || is_held(up, &id))
			return why;
		usleep(LOCK_PAUSE_MS * 1000);
	}
}

/* One `up` for each directory.  The lock decides, it ends with the process; the pid file tells. */
static int claim_path(struct up *up, struct err *e)
{
	const char *path = arena_strf(&up->arena, "%s/up.lock", up->path);
	struct proc_id id;
	int why;

	if (dir_make(up->path, e))
		return err_wrap(e, "choose another directory with --path");
	up->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (up->lock_fd < 0)
		return err_set(e, TARS_ESYS, "%s: %s: choose another directory with --path", path,
			       strerror(errno));
	why = lock_path(up);
	if (why) {
		close(up->lock_fd);
		up->lock_fd = -1;
		return why == EWOULDBLOCK ? say_in_use(up, e)
			: err_set(e, TARS_ESYS, "%s: cannot be locked: %s", path, strerror(why));
	}
	if (proc_identify(getpid(), &id, e))
		return e->code;
	return proc_write_pid_file(up->pid_file, &id, e);
}

static void say_applied(const char *name)
{
	log_info(&up_log, "database: applied %s", name);
}

static int prepare_db(struct up *up, const char **dsn, struct err *e)
{
	struct pg_conf conf = { .name = "tars up", .connections = 1, .timeout_ms = 60000 };
	struct pg *pg;
	int rc;

	if (!*dsn || !**dsn) {
		rc = pgprivate_start(&up->pg, arena_strf(&up->arena, "%s/pg", up->path), e);
		if (rc)
			return rc;
		*dsn = pgprivate_dsn(up->pg);
	}
	conf.dsn = *dsn;
	pg = pg_new(&conf, e);
	if (!pg)
		return e->code;
	rc = migrate_run(pg, migrations, say_applied, e);
	pg_free(pg);
	return rc < 0 ? rc : 0;
}

static void make_secret(struct up *up)
{
	unsigned char bytes[SECRET_BYTES];

	while (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		;
	text_put_hex(up->secret, bytes, sizeof(bytes));
}

static bool has_row(const struct role *role, const char *name)
{
	return role->opts && opt_find(role->opts, name);
}

/* True if the file or the environment sets this option of the part. */
static bool is_set(const struct role_conf *rc, const char *name)
{
	for (int g = 0; g < rc->conf.n_groups; g++)
		for (int i = 0; rc->conf.group[g].opts[i].name; i++)
			if (!strcmp(rc->conf.group[g].opts[i].name, name))
				return rc->conf.group[g].value[i].from != CONF_DEFAULT;
	return false;
}

static const char *listen_text(const struct up_part *part, const struct up_conf *conf,
			       struct arena *a)
{
	const char *text = "";

	if (conf->any_port)
		return arena_strf(a, "%s:0", conf->host);
	for (int i = 0; i < 4 && part->ports[i]; i++)
		text = arena_strf(a, "%s%stcp -h %s -p %d -t 60000", text, i ? ":" : "",
				  conf->host, part->ports[i]);
	return text;
}

/* The options of a part: its own section of the file, and what `up` decides. */
static int configure_part(struct up *up, unsigned i, const char *dsn, struct err *e)
{
	const struct up_conf *conf = up->run->conf;
	const struct up_part *part = &up_parts[i];
	struct arena *a = &up->arena;
	char *argv[16];
	int argc = 0, rc;

	if (up->run->config_file) {
		argv[argc++] = arena_strf(a, "--config=%s", up->run->config_file);
		rc = role_conf_load(&up->conf[i], part->role, argc, argv, e);
		if (rc)
			return rc;
	}
	if (!up->run->config_file || !is_set(&up->conf[i], "listen"))
		argv[argc++] = arena_strf(a, "--listen=%s", listen_text(part, conf, a));
	if (has_row(part->role, "db"))
		argv[argc++] = arena_strf(a, "--db=%s", dsn);
	if (has_row(part->role, "path"))
		argv[argc++] = arena_strf(a, "--path=%s", up->path);
	if (has_row(part->role, "data"))
		argv[argc++] = arena_strf(a, "--data=%s/%s", up->path, part->role->name);
	if (has_row(part->role, "stop-services"))
		argv[argc++] = arena_strdup(a, "--stop-services");
	if (up->run->config_file)
		role_conf_release(&up->conf[i]);
	return role_conf_load(&up->conf[i], part->role, argc, argv, e);
}

/* "tcp HOST:PORT" of the first endpoint as locator; the host may be IPv6. */
static const char *locator_of(const char *ready, struct arena *a)
{
	size_t begin = strlen("tcp "), end = begin + strcspn(ready + begin, " ");
	const char *colon = memrchr(ready + begin, ':', end - begin);

	BUG_ON(!colon);
	return arena_strf(a, "tars.tarsregistry.QueryObj@tcp -h %.*s -p %.*s",
			  (int)(colon - ready - (ptrdiff_t)begin), ready + begin,
			  (int)(ready + end - colon - 1), colon + 1);
}

static int start_part(struct up *up, unsigned i, const char *dsn, struct err *e)
{
	struct role_run *part = &up->part[i];
	int rc;

	rc = configure_part(up, i, dsn, e);
	if (rc)
		return err_wrap(e, "%s", up_parts[i].role->name);
	*part = (struct role_run){ .role = up_parts[i].role, .app = up->run->app,
				   .conf = up->conf[i].values, .is_part = true,
				   .part_secret = up->secret };
	rc = part->role->init(part, e);
	if (rc)
		return err_wrap(e, "%s", part->role->name);
	up->n_started = i + 1;
	log_info(&up_log, "%s: ready %s", part->role->name, part->ready);
	if (part->role == &registry_role) {
		app_set_locator(up->run->app, locator_of(part->ready, &up->arena));
		snprintf(up->run->ready, sizeof(up->run->ready), "%s", part->ready);
	}
	return 0;
}

static void up_stop(struct role_run *run)
{
	struct up *up = run->state;

	while (up->n_started) {
		struct role_run *part = &up->part[--up->n_started];

		part->keep_services = run->keep_services;
		if (part->role->stop)
			part->role->stop(part);
	}
	pgprivate_stop(up->pg);
	up->pg = NULL;
}

static void up_free(void *state)
{
	struct up *up = state;

	for (unsigned i = N_PARTS; i-- > 0;) {
		struct role_run *part = &up->part[i];

		if (part->free)
			part->free(part->state);
		if (part->role)
			role_conf_release(&up->conf[i]);
	}
	if (up->lock_fd >= 0) {
		unlink(up->pid_file);
		close(up->lock_fd);
	}
	arena_clear(&up->arena);
	free(up);
}

static int up_init(struct role_run *run, struct err *e)
{
	const struct up_conf *conf = run->conf;
	struct up *up = xcalloc(1, sizeof(*up));
	const char *dsn = conf->db;
	int rc;

	up->run = run;
	arena_init(&up->arena, NULL, 0);
	run->state = up;
	run->free = up_free;
	up->lock_fd = -1;
	make_secret(up);
	if (!*conf->host || strpbrk(conf->host, " \t"))
		return err_set(e, TARS_ECONF, "host: '%s' is not an address or a name", conf->host);
	rc = role_data_path(conf->path, &up->arena, &up->path, e);
	if (rc)
		return rc;
	up->pid_file = pid_file_of(up->path, &up->arena);
	rc = claim_path(up, e);
	if (rc || run->is_done)
		return rc;
	if (run->is_detached && !run->has_log_file)
		rc = log_open(arena_strf(&up->arena, "%s/up.log", up->path), e);
	if (!rc)
		rc = prepare_db(up, &dsn, e);
	for (unsigned i = 0; !rc && i < N_PARTS; i++)
		rc = start_part(up, i, dsn, e);
	if (rc)
		up_stop(run);
	return rc;
}

const struct role up_role = {
	.name = "up",
	.summary = "all roles in one process, for one machine",
	.opts = up_opts,
	.conf_size = sizeof(struct up_conf),
	.init = up_init,
	.stop = up_stop,
};

/* ---- down ---- */

struct down_conf {
	const char *path;
	bool keep_services;
	int64_t timeout_ms;
};

static const struct opt down_opts[] = {
	OPT("keep-services", struct down_conf, keep_services, "no", OPT_FLAG_ONLY,
	    "leave the services running; the next `tars up` takes them over"),
	OPT("path", struct down_conf, path, NULL, 0,
	    "directory of `tars up` (default: /usr/local/app/tars for root, else ~/.tars)"),
	OPT_DURATION("timeout", struct down_conf, timeout_ms, "90s", 0,
		     "how long to wait for the end"),
	{ 0 }
};

static int wait_for_end(const struct proc_id *id, int64_t timeout_ms)
{
	struct pollfd p = { .events = POLLIN };
	int n;

	p.fd = (int)syscall(SYS_pidfd_open, id->pid, 0);
	if (p.fd < 0)
		return 1; /* gone already */
	do {
		n = proc_is_alive(id) ? poll(&p, 1, (int)timeout_ms) : 1;
	} while (n < 0 && errno == EINTR);
	close(p.fd);
	return n;
}

static int stop_up(const char *path, const char *pid_file, const struct down_conf *conf)
{
	struct proc_id id;
	struct err e;
	int rc = proc_read_pid_file(pid_file, &id, &e);

	if (rc && rc != TARS_ENOTFOUND) {
		role_complain(&down_role, &e);
		return EXIT_FAILED;
	}
	if (rc || !proc_is_alive(&id)) {
		printf("tars: down: no `tars up` runs in %s\n", path);
		return EXIT_ASKED;
	}
	if (proc_kill(&id, conf->keep_services ? SIGUSR2 : SIGTERM, &e)) {
		fprintf(stderr, "tars: down: %s\n", e.text);
		return EXIT_FAILED;
	}
	if (wait_for_end(&id, conf->timeout_ms) <= 0) {
		fprintf(stderr, "tars: down: process %d still runs after %lld s (see %s/up.log)\n",
			(int)id.pid, (long long)conf->timeout_ms / 1000, path);
		return EXIT_RETRY;
	}
	printf("tars: down: stopped%s\n", conf->keep_services ? "; the services go on" : "");
	return EXIT_ASKED;
}

static int down_main(int argc, char **argv, const void *conf_)
{
	const struct down_conf *conf = conf_;
	struct arena a;
	const char *path;
	struct err e;
	int status;

	(void)argc;
	(void)argv;
	arena_init(&a, NULL, 0);
	if (role_data_path(conf->path, &a, &path, &e)) {
		role_complain(&down_role, &e);
		status = EXIT_CONFIG;
	} else {
		status = stop_up(path, pid_file_of(path, &a), conf);
	}
	arena_clear(&a);
	return status;
}

const struct role down_role = {
	.name = "down",
	.summary = "stops what `tars up` runs",
	.opts = down_opts,
	.conf_size = sizeof(struct down_conf),
	.main = down_main,
};
