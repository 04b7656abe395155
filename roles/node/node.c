/* The node role: options, start, stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "if/Mirror.h"
#include "if/Node.h"
#include "if/NodeF.h"
#include "if/QueryF.h"
#include "roles/node/credential.h"
#include "roles/node/node.h"
#include "roles/platform.h"

enum { FIRST_STEP_MS = 3000, MAX_CONNS = 10000, QUEUE_CAP = 100000, CHECK_MS = 60000 };

static const struct opt node_opts[] = {
	OPT("advertise", struct node_conf, advertise, NULL, OPT_NORELOAD,
	    "host that registry and services reach this node by (default: from listen, else this "
	    "machine's first address)"),
	OPT_DURATION("clean", struct node_conf, clean_ms, "1h", 0,
		     "interval of looks for files beyond log-age, log-size, core-age and core-files"),
	OPT_DURATION("core-age", struct node_conf, core_age_ms, "0", 0,
		     "remove core files of services that are older than this; 0: none"),
	OPT("core-files", struct node_conf, core_files, "0", 0,
	    "keep at most so many core files in a directory, the newest; 0: all"),
	OPT_DURATION("core-timeout", struct node_conf, core_ms, "60s", 0,
		     "how much longer a silent process may run when it is busy or writes its core"),
	OPT("fsm", struct node_conf, fsm, NULL, OPT_FLAG_ONLY,
	    "print the states of a server and what changes them, as 'table' or for 'dot', and end"),
	OPT("heart-timeout", struct node_conf, heart_timeout_s, "45", 0,
	    "seconds without heartbeat after which a service whose template says hearttimeout <= 0 "
	    "is restarted"),
	OPT_DURATION("heartbeat", struct node_conf, heartbeat_ms, "10s", 0,
		     "interval of heartbeats to the registry"),
	OPT("listen", struct node_conf, listen, "tcp -h 0.0.0.0 -p 19386 -t 60000", OPT_NORELOAD,
	    "endpoint of ServerObj and NodeObj, or host:port"),
	OPT_DURATION("log-age", struct node_conf, log_age_ms, "0", 0,
		     "remove log files of services that did not change for so long, 30d say; 0: none; "
		     "log-keep-days in a service's profile goes before it"),
	OPT_SIZE("log-size", struct node_conf, log_size, "0", 0,
		 "keep at most so much of each service's log files, the newest; 0: all; log-keep-mb "
		 "in its profile goes before it"),
	OPT_DURATION("metrics", struct node_conf, metrics_ms, "60s", 0,
		     "interval of reports on this machine (processors, memory, disks, clock) to the "
		     "registry, which keeps them for 31 days; 0: none"),
	OPT("mirror", struct node_conf, mirror, "yes", OPT_NORELOAD,
	    "keep a copy of all routing data, answer look-ups of this machine's services from it "
	    "and tell them of changes; no: their locator names the registries only"),
	OPT_DURATION("monitor", struct node_conf, monitor_ms, "3s", 0,
		     "interval of checks for silent services, and of monitor scripts"),
	OPT("name", struct node_conf, name, NULL, OPT_NORELOAD,
	    "name of this node (default: its address as the registry sees it)"),
	OPT("path", struct node_conf, path, NULL, OPT_NORELOAD,
	    "directory of services and logs (default: /usr/local/app/tars for root, else ~/.tars)"),
	OPT_DURATION("retry", struct node_conf, retry_ms, "1s", 0,
		     "pause before the registry is tried again when it is away"),
	OPT("start-limit", struct node_conf, limits.starts, "10", 0,
	    "automatic starts of one service within start-window"),
	OPT_DURATION("start-penalty", struct node_conf, limits.penalty_ms, "10m", 0,
		     "pause after start-limit; half as long again each time"),
	OPT_DURATION("start-window", struct node_conf, limits.window_ms, "60s", 0,
		     "see start-limit"),
	OPT("stop-services", struct node_conf, stop_services, "no", 0,
	    "stop the services with the node; else they go on and the next node takes them over"),
	OPT_DURATION("sync", struct node_conf, sync_ms, "60s", 0,
		     "interval of full exchanges of descriptions and states with the registry"),
	OPT("user", struct node_conf, user, NULL, OPT_NORELOAD,
	    "account that services run as when the node runs as root (default: root)"),
	{ 0 }
};

/* ---- coroutines ---- */

struct node_job {
	struct node *node;
	void (*fn)(struct tars_req *rq, void *arg);
	void *arg;
};

static void run_job(struct tars_req *rq, void *arg)
{
	struct node_job job = *(struct node_job *)arg;

	free(arg);
	job.fn(rq, job.arg);
	job.node->coroutines--;
	signal_raise(&job.node->idle);
}

void node_spawn(struct node *n, void (*fn)(struct tars_req *rq, void *arg), void *arg)
{
	struct node_job *job = xmalloc(sizeof(*job));

	*job = (struct node_job){ n, fn, arg };
	n->coroutines++;
	app_spawn(n->app, run_job, job);
}

void node_set_name(struct node *n, const char *name)
{
	n->name = arena_strdup(&n->arena, name);
}

/* Where services of this machine reach us. */
static const char *node_local_host(const struct node *n)
{
	return strcmp(n->host, "localhost") ? n->host : "127.0.0.1";
}

void node_set_locator(struct node *n, const char *locator)
{
	const char *endpoints = strchr(locator, '@');

	n->locator = arena_strdup(&n->arena, locator);
	n->service_locator = n->locator;
	if (n->mirror)
		n->service_locator = arena_strf(&n->arena, "tars.tarsregistry.QueryObj@tcp -h %s "
						"-p %d%s%s", node_local_host(n), n->port,
						endpoints ? ":" : "", endpoints ? endpoints + 1 : "");
}

/* ---- start ---- */

const char *node_executable(struct arena *a)
{
	static const char deleted[] = " (deleted)";
	char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	size_t cut = sizeof(deleted) - 1;

	if (n < 0)
		return "tars";
	path[n] = '\0';
	/* Replaced by a newer version while we run: that one is to be used. */
	if ((size_t)n > cut && !strcmp(path + n - cut, deleted))
		path[(size_t)n - cut] = '\0';
	return arena_strdup(a, path);
}

static int make_paths(struct node *n, struct err *e)
{
	struct node_paths *p = &n->paths;
	struct arena *a = &n->arena;
	int rc = role_data_path(n->conf->path, a, &p->root, e);

	if (rc < 0)
		return rc;
	p->data = arena_strf(a, "%s/tarsnode/data", p->root);
	p->log = arena_strf(a, "%s/app_log/", p->root);
	p->self = node_executable(a);
	n->cache_path = arena_strf(a, "%s/tarsnode/servers.cache", p->root);
	rc = dir_make(arena_strf(a, "%s/lib", p->data), e);
	return rc < 0 ? rc : dir_make(p->log, e);
}

/* What `tars node install` left.  Without a name of its own the node has the one that joined. */
static int take_credential(struct node *n, struct err *e)
{
	struct credential c;
	int rc = credential_read(n->paths.root, &c, &n->arena, e);

	if (rc == TARS_ENOTFOUND && n->run->part_secret) {
		c = (struct credential){ .node = n->name, .secret = n->run->part_secret };
		rc = 0;
	}
	if (rc < 0)
		return rc == TARS_ENOTFOUND ? 0 : rc;
	if (!n->name)
		n->name = c.node;
	n->credential = credential_context(&c, &n->arena);
	return 0;
}

static int serve(struct node *n, struct err *e)
{
	struct query_source *source = n->mirror ? node_mirror_source(n->mirror) : NULL;
	const struct tars_servant servants[] = {
		{ "tars.tarsnode.ServerObj", &tars_ServerF_iface, &node_server_servant,
		  TARS_RUN_CORO, n },
		{ "tars.tarsnode.NodeObj", &tars_Node_iface, &node_node_servant, TARS_RUN_CORO, n },
		{ "tars.tarsregistry.QueryObj", &tars_QueryF_iface, &node_query, TARS_RUN_CORO,
		  source },
		{ "tars.tarsregistry.WatchObj", &tars_Watch_iface, &query_watch, TARS_RUN_CORO,
		  source },
	};
	struct endpoint_list eps;
	struct adapter_conf ac = { .name = "ServerAdapter", .max_conns = MAX_CONNS,
				   .queue_cap = QUEUE_CAP };
	int rc = platform_parse_listen(n->conf->listen, &eps, &n->arena, e);

	if (rc == 0 && eps.n != 1)
		rc = err_set(e, TARS_ECONF, "listen: the node has one endpoint, not %u", eps.n);
	for (int i = 0; i < (source ? 4 : 2) && rc == 0; i++)
		rc = app_add_servant(n->app, &servants[i], e);
	if (rc == 0) {
		ac.ep = eps.v[0];
		rc = app_listen(n->app, &ac, &n->port, e);
	}
	if (rc < 0)
		return rc;
	n->host = platform_public_host(ac.ep.host, n->conf->advertise, &n->arena);
	n->service_ep = arena_strf(&n->arena, "tcp -h %s -p %d -t 60000", node_local_host(n), n->port);
	if (source)
		source->local_host = n->host;
	node_set_locator(n, "");
	n->object = arena_strf(&n->arena, "tars.tarsnode.NodeObj@tcp -h %s -p %d -t 60000", n->host,
			       n->port);
	snprintf(n->run->ready, sizeof(n->run->ready), "tcp %.200s:%d", ac.ep.host, n->port);
	return 0;
}

static int print_fsm(struct role_run *run, const struct node_conf *conf, struct err *e)
{
	struct buf b = BUF_INIT;
	bool is_dot = !strcmp(conf->fsm, "dot");

	if (!is_dot && strcmp(conf->fsm, "table") != 0)
		return err_set(e, TARS_EARG, "fsm: '%s' is neither 'table' nor 'dot'", conf->fsm);
	fsm_print(&b, is_dot);
	fputs(buf_str(&b), stdout);
	fflush(stdout);
	buf_release(&b);
	run->is_done = true;
	return 0;
}

/* Shorter ones would keep the node, or the registry, busy with nothing else. */
static int check_intervals(const struct node_conf *c, struct err *e)
{
	enum { MIN_MS = 10, MAX_MS = 24 * 3600 * 1000 };
	const struct {
		const char *name;
		int64_t ms;
	} all[] = {
		{ "clean", c->clean_ms }, { "heartbeat", c->heartbeat_ms }, { "monitor", c->monitor_ms },
		{ "retry", c->retry_ms }, { "start-penalty", c->limits.penalty_ms },
		{ "start-window", c->limits.window_ms }, { "sync", c->sync_ms },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].ms < MIN_MS || all[i].ms > MAX_MS)
			return err_set(e, TARS_ECONF, "%s: %lld ms is not between 10 ms and 24 h",
				       all[i].name, (long long)all[i].ms);
	if (c->heart_timeout_s < 1 || c->limits.starts < 1)
		return err_set(e, TARS_ECONF, "%s: must be at least 1",
			       c->heart_timeout_s < 1 ? "heart-timeout" : "start-limit");
	if (c->core_ms < 0 || c->core_ms > MAX_MS)
		return err_set(e, TARS_ECONF, "core-timeout: must be between 0 and 24 h");
	if (c->metrics_ms < 0 || c->metrics_ms > MAX_MS)
		return err_set(e, TARS_ECONF, "metrics: must be between 0 and 24 h");
	if (c->log_age_ms < 0 || c->log_size < 0 || c->core_age_ms < 0 || c->core_files < 0)
		return err_set(e, TARS_ECONF, "log-age, log-size, core-age, core-files: must not be "
			       "negative");
	return 0;
}

static void node_free(void *state)
{
	struct node *n = state;

	servers_free(n);
	node_orders_free(n);
	if (n->mirror)
		node_mirror_free(n->mirror);
	arena_clear(&n->arena);
	free(n->template);
	free(n);
}

static int node_init(struct role_run *run, struct err *e)
{
	const struct node_conf *conf = run->conf;
	struct node *n;
	int rc = fsm_verify(fsm_rows, fsm_n_rows, e);

	if (rc == 0 && conf->fsm)
		return print_fsm(run, conf, e);
	if (rc == 0)
		rc = check_intervals(conf, e);
	if (rc < 0)
		return rc;
	n = xcalloc(1, sizeof(*n));
	n->run = run;
	n->conf = n->options = conf;
	n->app = run->app;
	n->log.prefix = "node";
	arena_init(&n->arena, NULL, 0);
	if (conf->name && *conf->name)
		n->name = conf->name;
	rc = make_paths(n, e);
	if (rc == 0)
		rc = take_credential(n, e);
	/* As a part, together with the registry, there is nothing to copy. */
	if (rc == 0 && conf->mirror && !run->is_part)
		n->mirror = node_mirror_new(n);
	if (rc == 0)
		rc = serve(n, e);
	if (rc < 0) {
		node_free(n);
		return rc;
	}
	run->state = n;
	run->free = node_free;
	node_spawn(n, link_run, n);
	node_spawn(n, report_run, n);
	node_spawn(n, node_orders_run, n);
	if (n->mirror)
		node_spawn(n, node_mirror_run, n->mirror);
	timer_start(&n->monitor, conf->monitor_ms, node_monitor);
	timer_start(&n->clean, conf->clean_ms, node_tidy);
	/* Ready: the registry knows us, if it can be asked; who waits for us may deploy. */
	signal_wait(&n->stepped, FIRST_STEP_MS);
	return 0;
}

static int node_reload(struct role_run *run, const void *conf, struct err *e)
{
	struct node *n = run->state;
	int rc = check_intervals(conf, e);

	if (rc == 0) {
		n->options = conf;
		node_tune(n);
	}
	return rc;
}

/* ---- stop ---- */

static void stop_services(struct node *n)
{
	struct tars_req *rq = tars_begin(n->app);
	struct tars_str result;

	if (servers_stop(n, rq, &result) != 0)
		log_warn(&n->log, "%s", result.p);
	else
		log_info(&n->log, "%s", result.p);
	tars_end(rq);
	/* The registry should hear of it before we are gone. */
	rq = tars_begin(n->app);
	if (n->is_heard)
		report_all(n, rq, &(struct err){ 0 });
	tars_end(rq);
}

static void node_stop(struct role_run *run)
{
	struct node *n = run->state;
	struct server *s;

	if (!n)
		return;
	if (n->conf->stop_services && !run->keep_services)
		stop_services(n);
	n->is_stopping = true;
	timer_stop(&n->monitor);
	timer_stop(&n->clean);
	if (n->mirror)
		node_mirror_stop(n->mirror);
	for (s = n->servers; s; s = s->next)
		server_quiesce(s);
	signal_raise(&n->link);
	signal_raise(&n->stepped);
	signal_raise(&n->admin_lost);
	signal_raise(&n->report);
	while (n->coroutines)
		signal_wait(&n->idle, CHECK_MS);
}

const struct role node_role = {
	.name = "node",
	.summary = "starts and watches the services of one machine",
	.opts = node_opts,
	.commands = node_commands,
	.conf_size = sizeof(struct node_conf),
	.init = node_init,
	.reload = node_reload,
	.stop = node_stop,
};
