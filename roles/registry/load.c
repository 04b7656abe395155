/* Keeps the model up to date: reads all rows at start and whenever the database says so. */
#include "roles/registry/registry.h"

#include <stdlib.h>
#include <time.h>

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

/* ---- the database, for requests that may outlive our connection to it ---- */

static int stopping(struct err *e)
{
	return err_set(e, TARS_ECANCEL, "this registry is stopping: ask another, or try again");
}

int registry_sql(struct registry *reg, const struct sql *sql, const char *const *params,
		 const struct tars_type *row, void *rows, struct arena *a, struct err *e)
{
	return reg->pg ? pg_query(reg->pg, sql, params, row, rows, a, e) : stopping(e);
}

int registry_begin(struct registry *reg, struct pg_tx **tx, struct err *e)
{
	return reg->pg ? pg_begin(reg->pg, tx, e) : stopping(e);
}

/* ---- reading ---- */

static int read_rows(struct registry *reg, struct model *m, struct err *e)
{
	struct Routes_Version_list version = { 0 };
	const struct {
		const struct sql *sql;
		const struct tars_type *type;
		void *rows;
	} parts[] = {
		{ &SQL_registry_version, &Routes_Version_type, &version },
		{ &SQL_registry_rules, &Routes_GroupRule_type, &m->rows.rules },
		{ &SQL_registry_priorities, &Routes_GroupPriority_type, &m->rows.priorities },
		{ &SQL_registry_nodes, &Routes_NodeRow_type, &m->rows.nodes },
		{ &SQL_registry_platform, &Routes_PlatformRow_type, &m->rows.platform },
		{ &SQL_registry_servers, &Routes_Row_type, &m->rows.servers },
	};

	for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		int rc = registry_sql(reg, parts[i].sql, PG_PARAMS(), parts[i].type, parts[i].rows,
				  &m->arena, e);

		if (rc < 0)
			return rc;
	}
	/* Read first: what changes meanwhile has a higher one. */
	m->rows.version = version.n ? version.v[0].version : 0;
	m->rows.taken_at = time(NULL);
	return 0;
}

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

int registry_load_now(struct registry *reg, struct err *e)
{
	int64_t start_us = reactor_clock();
	uint64_t seq = ++reg->load_seq;
	struct model *m = model_new();
	int rc = read_rows(reg, m, e);

	if (rc < 0) {
		model_free(m);
		return rc;
	}
	database_is_up(reg);
	registry_adopt(reg, m, seq);
	registry_save_later(reg);
	log_debug(NULL, "registry: loaded %u endpoints of %u objects in %lld ms",
		  reg->model->table->n_endpoints, reg->model->table->n_objects,
		  (long long)(reactor_clock() - start_us) / 1000);
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
		rc = registry_load_now(reg, &e);
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
	(void)payload;
	registry_reload(arg);
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
	    version.v[0].version != reg->model->rows.version)
		registry_reload(reg);
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
