/* Keeps the memory up to date: everything at start, then what the database says has changed. */
#include "roles/registry/registry.h"

#include <stdlib.h>

#include "core/io/coro.h"
#include "core/io/wait.h"
#include "core/sys/log.h"
#include "sql.h"

enum { RETRY_MS = 1000, VERSION_MS = 60000 };

struct job {
	struct registry *reg;
	void (*fn)(struct tars_req *rq, void *arg);
};

static void job_run(struct tars_req *rq, void *arg)
{
	struct job *job = arg;
	struct registry *reg = job->reg;

	job->fn(rq, reg);
	free(job);
	if (--reg->busy == 0 && reg->drained)
		wait_wake(reg->drained);
}

void registry_spawn(struct registry *reg, void (*fn)(struct tars_req *rq, void *arg))
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->reg = reg;
	job->fn = fn;
	reg->busy++;
	app_spawn(reg->app, job_run, job);
}

/* ---- whether the database is there ---- */

static void database_is_up(struct registry *reg)
{
	if (!reg->db_up_since_us)
		reg->db_up_since_us = reactor_clock();
	if (reg->away_because.code)
		log_info(NULL, "registry: the database is back");
	reg->away_because.code = 0;
}

static void database_is_away(struct registry *reg, const struct err *why)
{
	reg->db_up_since_us = 0;
	if (!reg->away_because.code)
		log_warn(NULL, "registry: look-ups go on from memory, changes are refused: %s",
			 why->text);
	else if (strcmp(reg->away_because.text, why->text) != 0)
		log_every(5000, LOG_LEVEL_WARN, NULL, "registry: the database is still away: %s",
			  why->text);
	reg->away_because = *why;
}

/* ---- loads ---- */

int registry_load_now(struct registry *reg, struct err *e)
{
	int64_t start_us = reactor_clock();
	int rc;

	reg->load_all = false;
	rc = registry_read_all(reg, e);
	if (rc < 0) {
		reg->load_all = true;
		return rc;
	}
	database_is_up(reg);
	reg->was_loaded = true;
	registry_save_later(reg);
	log_debug(NULL, "registry: loaded %u servers with %u endpoints in %lld ms", reg->fleet->n,
		  reg->fleet->n_endpoints, (long long)(reactor_clock() - start_us) / 1000);
	return 0;
}

static int load_changes(struct registry *reg, struct err *e)
{
	int rc;

	if (reg->load_all)
		return registry_load_now(reg, e);
	do {
		rc = registry_read_changes(reg, e);
	} while (rc >= REGISTRY_MAX_CHANGES);
	if (rc < 0)
		return rc;
	database_is_up(reg);
	if (rc)
		registry_save_later(reg);
	return 0;
}

static void retry(struct timer *t)
{
	registry_reload(container_of(t, struct registry, retry_timer));
}

struct reload_waiter {
	struct reload_waiter *next;
	struct wait wait;
	uint64_t seq;               /* the load that it waits for */
};

static void wake_waiters(struct registry *reg, uint64_t seq)
{
	for (struct reload_waiter **p = &reg->waiters; *p; ) {
		struct reload_waiter *w = *p;

		if (w->seq > seq) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		wait_wake(&w->wait);
	}
}

static void load_job(struct tars_req *rq, void *arg)
{
	struct registry *reg = arg;
	struct err e = { 0 };
	int rc = 0;

	(void)rq;
	do {
		int64_t start_us = reactor_clock();

		reg->load_again = false;
		rc = load_changes(reg, &e);
		wake_waiters(reg, rc < 0 || reg->stopping ? UINT64_MAX : reg->load_seq);
		/* Under a storm of changes half of the time belongs to look-ups. */
		if (rc == 0 && reg->load_again && !reg->stopping)
			coro_sleep_ms((long)((reactor_clock() - start_us) / 1000));
	} while (rc == 0 && reg->load_again && !reg->stopping);
	if (reg->stopping)
		wake_waiters(reg, UINT64_MAX);
	reg->loading = false;
	if (rc < 0) {
		database_is_away(reg, &e);
		if (!reg->stopping)
			timer_start(&reg->retry_timer, RETRY_MS, retry);
	}
}

void registry_reload(struct registry *reg)
{
	if (reg->stopping)
		return;
	if (reg->loading) {
		reg->load_again = true;
		return;
	}
	timer_stop(&reg->retry_timer);
	reg->loading = true;
	registry_spawn(reg, load_job);
}

void registry_reload_wait(struct registry *reg)
{
	struct reload_waiter w = { .next = reg->waiters, .seq = reg->load_seq + 1 };

	if (reg->stopping)
		return;
	wait_init(&w.wait);
	reg->waiters = &w;
	registry_reload(reg);
	wait_for(&w.wait);
}

/* ---- what the database tells us ---- */

static void changed(void *arg, const char *payload)
{
	struct registry *reg = arg;

	/* After a reconnect it may be another server, which has another history. */
	if (!payload)
		reg->load_all = true;
	registry_reload(reg);
}

static void listener_lost(void *arg, const struct err *why)
{
	struct registry *reg = arg;

	/* Changes may be missed from now on; the listener's reconnect loads everything. */
	if (!reg->stopping)
		database_is_away(reg, why);
}

/* ---- and in case that we did not hear it ---- */

static void version_due(struct timer *t);

static void check_version(struct tars_req *rq, void *arg)
{
	struct registry *reg = arg;
	struct Routes_Version_list version = { 0 };

	if (registry_sql(reg, &SQL_registry_version, PG_PARAMS(), &Routes_Version_type, &version,
			   req_arena(rq), NULL) == 1 &&
	    version.v[0].version != reg->version) {
		reg->load_all |= version.v[0].version < reg->version;
		registry_reload(reg);
	}
	if (!reg->stopping)
		timer_start(&reg->version_timer, VERSION_MS, version_due);
}

static void version_due(struct timer *t)
{
	registry_spawn(container_of(t, struct registry, version_timer), check_version);
}

void registry_listen(struct registry *reg)
{
	timer_start(&reg->version_timer, VERSION_MS, version_due);
	reg->listener = pg_listen(reg->pg, "tars_change", changed, listener_lost, reg);
}
