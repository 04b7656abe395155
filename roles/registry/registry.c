/* tars registry: the role's options, start and stop. */
#include "roles/registry/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/coro.h"
#include "core/sys/log.h"
#include "if/AdminReg.h"
#include "if/Ctl.h"
#include "if/Mirror.h"
#include "if/QueryF.h"
#include "if/RegistryF.h"

static const struct opt registry_opts[] = {
	PLATFORM_OPT_ADVERTISE(struct registry_conf),
	OPT_DURATION("check-interval", struct registry_conf, check_ms, "5s", OPT_NORELOAD,
		     "how often nodes are checked for missing heartbeats"),
	OPT_DURATION("command-timeout", struct registry_conf, command_timeout_ms, "75s",
		     OPT_NORELOAD, "how long a node may take for a command"),
	OPT("data", struct registry_conf, data, NULL, OPT_NORELOAD,
	    "directory for the routing snapshot; without it nothing survives a restart while the "
	    "database is away"),
	PLATFORM_OPT_DB(struct registry_conf),
	PLATFORM_OPT_LISTEN(struct registry_conf,
			    "tcp -h 0.0.0.0 -p 17890 -t 60000:tcp -h 0.0.0.0 -p 17891 -t 60000:"
			    "tcp -h 0.0.0.0 -p 12000 -t 60000"),
	OPT_DURATION("node-timeout", struct registry_conf, node_timeout_ms, "60s", OPT_NORELOAD,
		     "a node without heartbeats for so long is dead, and its servers are inactive"),
	OPT_DURATION("platform-timeout", struct registry_conf, platform_timeout_ms, "150s",
		     OPT_NORELOAD, "the same for the platform's own roles"),
	OPT("recover-protect", struct registry_conf, recover_protect, "30", OPT_NORELOAD,
	    "if more percent of the nodes (and at least 10) have no heartbeats, it is not they "
	    "that are dead: their servers stay in routing"),
	OPT("require-token", struct registry_conf, require_token, "no", OPT_NORELOAD,
	    "nodes must have joined with a token (tars node install); official nodes cannot"),
	{ 0 }
};

/* endpoint: index into the three official listening endpoints. */
static const struct platform_object objects[] = {
	{ "tars.tarsregistry.QueryObj", &tars_QueryF_iface, &registry_query, TARS_RUN_CORO, 0 },
	{ "tars.tarsregistry.MirrorObj", &tars_Mirror_iface, &registry_mirror, TARS_RUN_CORO, 0 },
	{ "tars.tarsregistry.WatchObj", &tars_Watch_iface, &query_watch, TARS_RUN_CORO, 0 },
	{ "tars.tarsregistry.RegistryObj", &tars_Registry_iface, &registry_nodes, TARS_RUN_CORO,
	  1 },
	{ "tars.tarsAdminRegistry.AdminRegObj", &tars_AdminReg_iface, &registry_admin,
	  TARS_RUN_CORO, 2 },
	{ "tars.tarsAdminRegistry.CtlObj", &tars_Ctl_iface, &registry_ctl, TARS_RUN_CORO, 2 },
	{ 0 }
};

/* <data>/snapshot, with the directory made. */
static int prepare_data(struct registry *reg, struct err *e)
{
	const char *data = reg->conf->data;
	struct buf path = BUF_INIT;
	int rc = 0;

	if (!data || !*data)
		return 0;
	buf_addf(&path, "%s/", data);
	/* With the slash at its end a file is none. */
	if ((mkdir(data, 0755) < 0 && errno != EEXIST) || access(buf_str(&path), W_OK | X_OK) < 0)
		rc = err_set(e, TARS_ECONF, "data directory %s: %m (choose another with --data)",
			     data);
	buf_add_str(&path, "snapshot");
	if (rc == 0)
		reg->snapshot_path = xstrdup(buf_str(&path));
	buf_release(&path);
	return rc;
}

/* The database is away: yesterday's answers are better than none. */
static void load_snapshot(struct registry *reg, const struct err *why)
{
	struct err e = { 0 };
	int rc = reg->snapshot_path ? registry_load_snapshot(reg, &e) : TARS_ENOTFOUND;

	reg->away_because = *why;
	if (rc == 0) {
		log_warn(NULL, "registry: serving %u endpoints from %s until the database is back: "
			 "%s", reg->fleet->n_endpoints, reg->snapshot_path, why->text);
		return;
	}
	if (rc != TARS_ENOTFOUND)
		log_error(NULL, "registry: %s", e.text);
	log_warn(NULL, "registry: nothing to serve until the database is back: %s", why->text);
}

/* Own objects are found as soon as they have endpoints. */
static int announce(struct role_run *run, struct registry *reg, struct err *e)
{
	int rc = platform_start(run, reg->pg, &reg->conf->common, objects, reg, &reg->platform, e);

	if (rc < 0)
		return rc;
	registry_apply_base(reg);
	return 0;
}

/* After the last request. */
static void registry_free(void *state)
{
	struct registry *reg = state;

	reports_free(reg->reports);
	heartbeats_free(reg->heartbeats);
	watchers_free(reg->query.watch);
	mirror_free(reg->mirror);
	orders_free(reg->orders);
	registry_model_free(reg);
	free(reg->snapshot_path);
	free(reg);
}

static int registry_init(struct role_run *run, struct err *e)
{
	const struct registry_conf *conf = run->conf;
	struct registry *reg = xcalloc(1, sizeof(*reg));
	struct pg_conf pc = { .dsn = conf->common.db, .name = "tars registry" };
	struct err why = { 0 };
	int rc;

	reg->conf = conf;
	reg->run = run;
	reg->app = run->app;
	reg->reports = reports_new();
	reg->heartbeats = heartbeats_new();
	registry_model_init(reg);
	reg->mirror = mirror_new(reg);
	reg->orders = orders_new(reg);
	reg->query.fleet = reg->fleet;
	reg->query.watch = watchers_new(reg->fleet);
	run->state = reg;
	run->free = registry_free;
	rc = prepare_data(reg, e);
	if (rc == 0) {
		reg->pg = pg_new(&pc, e);
		rc = reg->pg ? 0 : e->code;
	}
	if (rc < 0)
		return rc;
	/* Look-ups begin with something to answer from: first the rows, then the port. */
	if (registry_load_now(reg, &why) < 0)
		load_snapshot(reg, &why);
	rc = announce(run, reg, e);
	if (rc < 0) {
		pg_free(reg->pg);
		reg->pg = NULL;
		return rc;
	}
	registry_listen(reg);
	registry_start_checks(reg);
	return 0;
}

/* Ends all background work.  The memory stays for the requests that are still on their way. */
static void registry_stop(struct role_run *run)
{
	struct registry *reg = run->state;
	struct wait w;

	reg->stopping = true;
	timer_stop(&reg->retry_timer);
	timer_stop(&reg->save_timer);
	timer_stop(&reg->check_timer);
	timer_stop(&reg->beat_timer);
	timer_stop(&reg->version_timer);
	mirror_stop(reg->mirror);
	watchers_stop(reg->query.watch);
	pg_unlisten(reg->listener);
	if (reg->busy) {
		wait_init(&w);
		reg->drained = &w;
		wait_for(&w);
	}
	platform_stop(reg->platform);
	reg->platform = NULL;
	pg_free(reg->pg);
	reg->pg = NULL;
}

const struct role registry_role = {
	.name = "registry",
	.summary = "where every servant is, and which servers each node runs",
	.opts = registry_opts,
	.conf_size = sizeof(struct registry_conf),
	.init = registry_init,
	.stop = registry_stop,
};
