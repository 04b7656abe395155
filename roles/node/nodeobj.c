/* NodeObj: orders to the node, and what it says about its servers. */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "core/sys/files.h"
#include "if/AdminF.h"
#include "if/AdminReg.h"
#include "roles/node/exits.h"
#include "roles/node/logobj.h"
#include "roles/node/node.h"
#include "roles/node/probes.h"

enum {
	REPLY_MS = 300,          /* kept back for the answer */
	NOTIFY_MS = 10000,
	REPORT_MS = 2000,        /* until the registry knows of a start */
	STOP_MARGIN_MS = 5000,   /* behind deactivating-timeout: SIGKILL and its effect */
	SEARCH_MS = 12000,
};

#define CODE(name) tars_tarsErrCode_EM_TARS_##name

static int64_t patience(const struct tars_req *rq, int64_t ms)
{
	int64_t left = tars_time_left_ms(rq) - REPLY_MS;

	return left < ms ? left : ms;
}

/* Before it nobody knows whether a process of an earlier node runs: an order would miss that. */
static void await_search(struct server *s)
{
	int64_t until = reactor_now() + SEARCH_MS * 1000;

	while (s->spec && !s->is_searched && !s->node->is_stopping && reactor_now() < until)
		signal_wait(&s->changed, (until - reactor_now()) / 1000 + 1);
}

/* Until it serves, has failed, or the caller cannot wait any longer. */
static int await_start(struct tars_req *rq, struct server *s, struct tars_str *result)
{
	int64_t ms = s->spec->conf.activating_ms + STOP_MARGIN_MS;
	int64_t until = reactor_now() + patience(rq, ms) * 1000;
	struct err e;
	unsigned deaths;

	while (s->state == SERVER_DEACTIVATING && reactor_now() < until)
		signal_wait(&s->changed, (until - reactor_now()) / 1000 + 1);
	/* Carried out by hand, so limits and an earlier stop are over.  Not sooner: a start that was
	 * due when the search ended is this one. */
	s->is_stopped = false;
	*s->unhealthy = '\0';
	s->limiter = (struct limiter){ 0 };
	deaths = s->deaths;
	if (server_event(s, EVENT_START, &e) < 0) {
		*result = tars_strf(rq, "%s", e.text);
		return CODE(SERVICE_STATE_ERR);
	}
	while (s->state != SERVER_ACTIVE && s->deaths == deaths && reactor_now() < until)
		signal_wait(&s->changed, (until - reactor_now()) / 1000 + 1);
	if (s->deaths != deaths) {
		*result = tars_strf(rq, "%s did not start: %s", s->id,
				    server_why(s, req_arena(rq)));
		return -1;
	}
	*result = s->state == SERVER_ACTIVE
		? tars_strf(rq, "%s is active, pid %d", s->id, s->proc.pid)
		: tars_strf(rq, "server is activating, please check: %s, pid %d, has sent no "
			    "keepAlive "
			    "yet", s->id, s->proc.pid);
	return 0;
}

/* Whoever starts a server and then looks for it finds it, unless no registry is there. */
static void await_report(struct server *s)
{
	int64_t until = reactor_now() + REPORT_MS * 1000;

	while (s->state == SERVER_ACTIVE && s->reported_state != SERVER_ACTIVE && s->node->is_heard &&
	       reactor_now() < until)
		signal_wait(&s->changed, (until - reactor_now()) / 1000 + 1);
}

static int start(struct tars_req *rq, const struct tars_Node_startServer_in *in,
		 struct tars_Node_startServer_out *out)
{
	struct node *n = tars_data(rq);
	struct server *s;
	struct err e = { 0 };
	int rc = link_load(n, rq, in->application.p, in->serverName.p, &e);

	s = server_find(n, in->application.p, in->serverName.p);
	/* A registry that is away does not keep a known server from starting. */
	if (!s || !s->spec || (rc < 0 && *s->trouble)) {
		out->result = tars_strf(rq, "%s", e.text);
		out->ret = CODE(LOAD_SERVICE_DESC_ERR);
		return 0;
	}
	server_hold(s);
	await_search(s);
	out->ret = await_start(rq, s, &out->result);
	await_report(s);
	server_release(s);
	return 0;
}

static int unknown(struct tars_req *rq, const struct tars_str *app, const struct tars_str *name,
		   struct tars_str *result, int code)
{
	*result = tars_strf(rq, "server is not exist: %s.%s is not on this node", app->p, name->p);
	return code;
}

static void begin_stop(struct server *s)
{
	s->is_stopped = true;
	exit_expect(s, "stopped by command");
	timer_stop(&s->restart);
	if (s->is_searched || s->state != SERVER_INACTIVE)
		server_event(s, EVENT_STOP, NULL);
}

static int await_stop(struct tars_req *rq, struct server *s, struct tars_str *result)
{
	int64_t ms = (s->spec ? s->spec->conf.deactivating_ms : 0) + STOP_MARGIN_MS;
	int64_t until = reactor_now() + patience(rq, ms) * 1000;

	if (!s->is_searched) {
		await_search(s);
		server_event(s, EVENT_STOP, NULL);
	}
	while (s->state != SERVER_INACTIVE && reactor_now() < until)
		signal_wait(&s->changed, (until - reactor_now()) / 1000 + 1);
	if (s->state == SERVER_INACTIVE) {
		*result = tars_strf(rq, "%s is stopped", s->id);
		return 0;
	}
	*result = tars_strf(rq, "server pid %d is still exist: %s is %s", s->proc.pid, s->id,
			    server_state_name((int)s->state));
	return -1;
}

static int stop(struct tars_req *rq, const struct tars_Node_stopServer_in *in,
		struct tars_Node_stopServer_out *out)
{
	struct server *s = server_find(tars_data(rq), in->application.p, in->serverName.p);

	if (!s) {
		out->ret = unknown(rq, &in->application, &in->serverName, &out->result,
				   CODE(LOAD_SERVICE_DESC_ERR));
		return 0;
	}
	server_hold(s);
	begin_stop(s);
	out->ret = await_stop(rq, s, &out->result);
	server_release(s);
	return 0;
}

int servers_stop(struct node *n, struct tars_req *rq, struct tars_str *result)
{
	struct server *s, **all = tars_alloc(rq, (n->n_servers + 1) * sizeof(struct server *));
	struct tars_str text;
	int failed = 0;
	size_t count = 0;

	*result = TARS_STR("");
	for (s = n->servers; s; s = s->next) {
		server_hold(s);
		all[count++] = s;
		begin_stop(s);
	}
	for (size_t i = 0; i < count; i++) {
		if (await_stop(rq, all[i], &text) != 0) {
			failed++;
			*result = tars_strf(rq, "%s%s%s", result->p, result->n ? "; " : "", text.p);
		}
		server_release(all[i]);
	}
	if (!failed)
		*result = tars_strf(rq, "%zu servers are stopped", count);
	return failed ? -1 : 0;
}

static int stop_all(struct tars_req *rq, const struct tars_Node_stopAllServers_in *in,
		    struct tars_Node_stopAllServers_out *out)
{
	(void)in;
	out->ret = servers_stop(tars_data(rq), rq, &out->result);
	return 0;
}

static int load(struct tars_req *rq, const struct tars_Node_loadServer_in *in,
		struct tars_Node_loadServer_out *out)
{
	struct err e = { 0 };
	int rc = link_load(tars_data(rq), rq, in->application.p, in->serverName.p, &e);

	out->ret = rc < 0 ? CODE(LOAD_SERVICE_DESC_ERR) : 0;
	out->result = rc < 0 ? tars_strf(rq, "%s", e.text)
			     : tars_strf(rq, "%s.%s: description loaded", in->application.p,
					 in->serverName.p);
	return 0;
}

static int destroy(struct tars_req *rq, const struct tars_Node_destroyServer_in *in,
		   struct tars_Node_destroyServer_out *out)
{
	struct server *s = server_find(tars_data(rq), in->application.p, in->serverName.p);
	struct err e;

	if (!s) {
		out->ret = unknown(rq, &in->application, &in->serverName, &out->result,
				   CODE(LOAD_SERVICE_DESC_ERR));
		return 0;
	}
	server_hold(s);
	await_search(s);
	((struct node *)tars_data(rq))->orders++;
	if (server_event(s, EVENT_DESTROY, &e) < 0) {
		out->ret = CODE(LOAD_SERVICE_DESC_ERR);
		out->result = tars_strf(rq, "server state is not Inactive. the curent state is %s: "
					"stop "
					"%s first", server_state_name((int)s->state), s->id);
	} else {
		out->result = tars_strf(rq, "%s is destroyed", s->id);
	}
	server_release(s);
	return 0;
}

/* ---- questions ---- */

static int notify_server(struct tars_req *rq, const struct tars_Node_notifyServer_in *in,
			 struct tars_Node_notifyServer_out *out)
{
	struct node *n = tars_data(rq);
	struct server *s = server_find(n, in->application.p, in->serverName.p);
	struct tars_AdminF_notify_in ask = { .command = in->command };
	struct tars_AdminF_notify_out answer = { 0 };
	struct tars_call c = { .rq = rq };
	int rc;

	out->ret = -1;
	if (!s) {
		unknown(rq, &in->application, &in->serverName, &out->result, -1);
		return 0;
	}
	if ((s->state != SERVER_ACTIVE && s->state != SERVER_ACTIVATING) || !s->spec ||
	    !s->spec->conf.has_local) {
		out->result = tars_strf(rq, "error:server state is %s. ",
					server_state_name((int)s->state));
		return 0;
	}
	c.to = server_admin(s, rq);
	c.timeout_ms = (int)patience(rq, NOTIFY_MS);
	rc = tars_AdminF_notify(&c, &ask, &answer);
	out->ret = rc == 0 ? 0 : -1;
	out->result = rc == 0 ? tars_strf(rq, "succ:%s", answer.ret.p)
			      : tars_strf(rq, "error:%s", c.error);
	return 0;
}

static const char *next_start(struct tars_req *rq, const struct server *s, int64_t seconds)
{
	const struct limits *l = &s->node->conf->limits;

	if (s->limiter.is_punished)
		return tars_strf(rq, "; start limit reached (%d within %lld s), next start in %lld s",
				 l->starts, (long long)l->window_ms / 1000, (long long)seconds).p;
	return tars_strf(rq, "; next start in %lld s (%d of %d within %lld s)", (long long)seconds,
			 s->limiter.starts + 1, l->starts, (long long)l->window_ms / 1000).p;
}

static void describe(struct tars_req *rq, struct server *s, struct tars_str *result)
{
	const char *why = s->state == SERVER_INACTIVE ? server_why(s, req_arena(rq)) : s->trouble;
	int64_t wait_ms = timer_is_running(&s->restart)
		? (s->restart.due_us - reactor_now()) / 1000 : 0;
	const char *next = "";

	if (s->state == SERVER_INACTIVE && s->is_stopped)
		next = "; stopped by command";
	else if (s->state == SERVER_INACTIVE && !s->is_enabled)
		next = "; not to be started (setting_state)";
	else if (wait_ms > 0)
		next = next_start(rq, s, (wait_ms + 999) / 1000);
	*result = tars_strf(rq, "getStateInfo [%s] succ: %s for %lld s%s%s%s%s", s->id,
			    server_state_name((int)s->state),
			    (long long)(reactor_now() - s->since_us) / 1000000, *why ? "; " : "",
			    why, probes_text(s, req_arena(rq)), next);
}

static int get_state(struct tars_req *rq, const struct tars_Node_getStateInfo_in *in,
		     struct tars_Node_getStateInfo_out *out)
{
	struct server *s = server_find(tars_data(rq), in->application.p, in->serverName.p);
	struct tars_string_string_pair *pair;
	int64_t started = 0;

	if (!s) {
		out->ret = -1;
		out->info.processId = -1;
		out->result = tars_strf(rq, "getStateInfo [%s.%s] server not exist",
					in->application.p,
					in->serverName.p);
		return 0;
	}
	server_hold(s);
	out->info = (struct tars_ServerStateInfo){
		.serverState = (int)s->state, .processId = s->proc.pid,
		.application = in->application, .serverName = in->serverName,
		.nodeName = tars_strf(rq, "%s", s->node->name ? s->node->name : ""),
		.settingState = s->is_enabled ? tars_ServerState_Active : tars_ServerState_Inactive,
	};
	if (s->proc.pid > 0)
		started = host_start_time(s->proc.start);
	pair = TARS_PUSH(rq, &out->info.exState);
	pair->key = TARS_STR("PROC_START_TIME");
	pair->val = tars_strf(rq, "%lld", (long long)started);
	pair = TARS_PUSH(rq, &out->info.exState);
	pair->key = TARS_STR("RUN_SECONDS");
	pair->val = tars_strf(rq, "%lld", (long long)(time(NULL) - started));
	if (*s->exit_text) {
		pair = TARS_PUSH(rq, &out->info.exState);
		pair->key = TARS_STR("LAST_EXIT");
		pair->val = tars_strf(rq, "%s", s->exit_text);
	}
	describe(rq, s, &out->result);
	server_release(s);
	return 0;
}

static int get_load(struct tars_req *rq, const struct tars_Node_getNodeLoad_in *in,
		    struct tars_Node_getNodeLoad_out *out)
{
	struct server *s = server_find(tars_data(rq), in->application.p, in->serverName.p);
	struct buf b = BUF_INIT;

	host_print_load(&b, in->pid > 0 ? in->pid : s ? s->proc.pid : 0);
	out->fileData = tars_strf(rq, "%s", buf_str(&b));
	buf_release(&b);
	return 0;
}

static int shut_down(struct tars_req *rq, const struct tars_Node_shutdown_in *in,
		     struct tars_Node_shutdown_out *out)
{
	const struct node *n = tars_data(rq);

	(void)in;
	/* Whoever means the node must not end the registry and the database beside it. */
	if (n->run->is_part) {
		out->ret = -1;
		out->result = TARS_STR("this node is a part of `tars up`, which would stop with "
				       "it: use `tars down` on its machine");
		return 0;
	}
	out->result = tars_strf(rq, n->conf->stop_services ? "the node and its services stop"
							   : "the node stops; its services go on");
	/* As an administrator would: the driver drains, so this answer still goes out. */
	kill(getpid(), SIGTERM);
	return 0;
}

/* Without releases: no server has one under way. */
static int get_patch_percent(struct tars_req *rq, const struct tars_Node_getPatchPercent_in *in,
			     struct tars_Node_getPatchPercent_out *out)
{
	if (!server_find(tars_data(rq), in->application.p, in->serverName.p)) {
		out->ret = CODE(LOAD_SERVICE_DESC_ERR);
		out->tPatchInfo.sResult = tars_strf(rq, "getPatchPercent [%s.%s] server not exist",
						    in->application.p, in->serverName.p);
		return 0;
	}
	out->ret = -1;
	out->tPatchInfo.iPercent = 100;
	return 0;
}

/* Servers run as processes: there is no registry of images to log in to. */
static int docker_login(struct tars_req *rq, const struct tars_Node_forceDockerLogin_in *in,
			struct tars_Node_forceDockerLogin_out *out)
{
	(void)rq;
	(void)in;
	out->ret = 0;
	return 0;
}

#define ROW(f) .f = node_##f,

const struct tars_Node node_node_servant = {
	.startServer = start,
	.stopServer = stop,
	.stopAllServers = stop_all,
	.loadServer = load,
	.destroyServer = destroy,
	.notifyServer = notify_server,
	.getStateInfo = get_state,
	.getNodeLoad = get_load,
	.shutdown = shut_down,
	.getPatchPercent = get_patch_percent,
	.forceDockerLogin = docker_login,
	.getLastExit = node_getLastExit,
	NODE_LOGS(ROW)
};
