/* tars ctl: deploys, starts, stops and lists servers, through the registry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/tars.h"
#include "if/AdminReg.h"
#include "if/Ctl.h"
#include "proto/endpoint.h"
#include "proto/json.h"
#include "roles/role.h"

enum { MAX_PROFILE = 1 << 20, MAX_SERVANTS = 256 };

struct ctl_conf {
	const char *locator;
	int64_t timeout_ms;
};

static const struct opt ctl_opts[] = {
	OPT("locator", struct ctl_conf, locator, NULL, 0,
	    "object of the registry (default: $TARS_LOCATOR, or this machine's)"),
	OPT_DURATION("timeout", struct ctl_conf, timeout_ms, "90s", 0, "how long to wait"),
	{ 0 }
};

struct deploy_conf {
	const char *exe, *monitor_script, *node, *profile, *protocol, *servant, *set,
		*start_script, *stop_script, *template, *type;
	bool start;
	int threads;
};

#define DEPLOY_OPT(name, field, def, help) \
	OPT(name, struct deploy_conf, field, def, OPT_FLAG_ONLY, help)
static const struct opt deploy_opts[] = {
	DEPLOY_OPT("exe", exe, NULL, "the program that runs, or the .so of a service in C"),
	DEPLOY_OPT("monitor-script", monitor_script, NULL, "script that tells whether it lives"),
	DEPLOY_OPT("node", node, NULL, "the node to run on (default: the only one)"),
	DEPLOY_OPT("profile", profile, NULL,
		   "file with the server's own part of its configuration"),
	DEPLOY_OPT("protocol", protocol, "tars", "what its servants speak, tars or not_tars"),
	DEPLOY_OPT("servant", servant, NULL,
		   "a servant, \"HelloObj@tcp -h HOST -p PORT\"; give more as arguments"),
	DEPLOY_OPT("set", set, NULL, "its set, name.area.group"),
	DEPLOY_OPT("start", start, "yes", "start it too"),
	DEPLOY_OPT("start-script", start_script, NULL, "script that starts it"),
	DEPLOY_OPT("stop-script", stop_script, NULL, "script that stops it"),
	DEPLOY_OPT("template", template, NULL, "configuration template (default: the type's)"),
	DEPLOY_OPT("threads", threads, "5", "of each servant"),
	DEPLOY_OPT("type", type, "tars_c",
		   "tars_c, tars_cpp, tars_go, tars_java, tars_nodejs, tars_php or not_tars"),
	{ 0 }
};

struct table_conf {
	bool json;
};

static const struct opt table_opts[] = {
	OPT("json", struct table_conf, json, "no", OPT_FLAG_ONLY, "print JSON"),
	{ 0 }
};

struct ctl;

/* What a command does. */
struct op {
	int (*run)(struct ctl *c);
	int n_fixed;                 /* arguments before the node */
	/* What `run` does on one node, where that is the same for all. */
	int (*one)(struct ctl *c, struct tars_str app, struct tars_str server,
		   struct tars_str node);
};

/* One run of a command; everything lives in rq until the end. */
struct ctl {
	const struct ctl_conf *conf;
	const void *own;             /* struct deploy_conf or table_conf */
	const struct op *op;
	const char *name;            /* of the command */
	char **args;                 /* behind the command */
	int n_args;
	struct tars_app *app;
	struct tars_req *rq;
	struct tars_proxy *ctl, *admin;
	struct arena arena;
};

static int complain(const struct ctl *c, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int complain(const struct ctl *c, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "tars: ctl %s: ", c->name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return status;
}

static struct tars_call call_to(const struct ctl *c, struct tars_proxy *to)
{
	return (struct tars_call){
		.to = to, .rq = c->rq, .timeout_ms = (int)c->conf->timeout_ms,
	};
}

static int fail_call(const struct ctl *c, const struct tars_call *call, int rc)
{
	return complain(c, rc == TARS_EUNKNOWN ? EXIT_FAILED : role_exit_status(rc), "%s",
			call->error && *call->error ? call->error : tars_strerror(rc));
}

static struct tars_str str_of(const char *s)
{
	return (struct tars_str){ s ? s : "", s ? (uint32_t)strlen(s) : 0 };
}

/* What an operation answered: its text, and whether that is good news. */
static int tell(const struct ctl *c, int ret, struct tars_str text)
{
	if (ret != 0)
		return complain(c, ret == TARS_EDB || ret == TARS_EDBUNCERTAIN ? EXIT_UNAVAILABLE
			       : EXIT_FAILED, "%s", text.n ? text.p : "refused without a reason");
	if (text.n)
		puts(text.p);
	return EXIT_ASKED;
}

/* ---- names ---- */

/* "App.Server" */
static int split_server(struct ctl *c, const char *text, struct tars_str *app,
			struct tars_str *server)
{
	const char *dot = strchr(text, '.');

	if (!dot || dot == text || !dot[1] || strchr(dot + 1, '.'))
		return complain(c, EXIT_USAGE, "'%s' is not App.Server", text);
	*app = tars_strndup(c->rq, text, (size_t)(dot - text));
	*server = str_of(dot + 1);
	return 0;
}

static int get_nodes(struct ctl *c, struct tars_string_list *names)
{
	struct tars_call call = call_to(c, c->admin);
	struct tars_AdminReg_getAllNodeNames_in in = { 0 };
	struct tars_AdminReg_getAllNodeNames_out out;
	int rc = tars_AdminReg_getAllNodeNames(&call, &in, &out);

	if (rc != 0)
		return fail_call(c, &call, rc);
	*names = out.ret;
	return 0;
}

/* The node asked for, else the only one there is. */
static int choose_node(struct ctl *c, struct tars_str *node)
{
	struct tars_string_list names;
	struct buf list = BUF_INIT;
	int status;

	*node = str_of(((const struct deploy_conf *)c->own)->node);
	if (node->n)
		return 0;
	status = get_nodes(c, &names);
	if (status)
		return status;
	if (names.n == 1) {
		*node = names.v[0];
		return 0;
	}
	for (uint32_t i = 0; i < names.n; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", names.v[i].p);
	if (names.n)
		complain(c, 0, "several nodes are there, choose one with --node: %s",
			 buf_str(&list));
	else
		complain(c, 0, "no node is there: start `tars node` first, or name one with "
			 "--node");
	buf_release(&list);
	return EXIT_USAGE;
}

/* ---- deploy ---- */

static int read_profile(struct ctl *c, struct tars_str *text)
{
	const char *path = ((const struct deploy_conf *)c->own)->profile;
	FILE *f = path ? fopen(path, "r") : NULL;
	struct buf b = BUF_INIT;
	size_t n;

	*text = TARS_STR("");
	if (!path)
		return 0;
	if (!f)
		return complain(c, EXIT_USAGE, "--profile %s: %m", path);
	while (b.len <= MAX_PROFILE && (n = fread(buf_reserve(&b, 65536), 1, 65536, f)) > 0)
		b.len += n;
	fclose(f);
	*text = tars_strndup(c->rq, (const char *)b.data, b.len);
	buf_release(&b);
	return text->n > MAX_PROFILE ? complain(c, EXIT_USAGE, "--profile %s is larger than %d "
						"bytes", path, MAX_PROFILE) : 0;
}

static int add_servant(struct ctl *c, struct tars_DeployReq *req, const char *text)
{
	const struct deploy_conf *conf = c->own;
	const char *at = strchr(text, '@');
	struct tars_DeployServant *s;

	if (!at || at == text || !at[1])
		return complain(c, EXIT_USAGE, "'%s' is not a servant: \"HelloObj@tcp -h HOST -p "
				"PORT\"", text);
	if (req->servants.n == MAX_SERVANTS)
		return complain(c, EXIT_USAGE, "more than %d servants", MAX_SERVANTS);
	s = TARS_PUSH(c->rq, &req->servants);
	tars_DeployServant_init(s);
	s->servant = tars_strndup(c->rq, text, (size_t)(at - text));
	s->endpoint = str_of(at + 1);
	s->threads = conf->threads;
	s->protocol = str_of(conf->protocol);
	return 0;
}

/* A node has another working directory than we. */
static struct tars_str absolute(struct ctl *c, const char *path)
{
	char *real = path && strchr(path, '/') ? realpath(path, NULL) : NULL;
	struct tars_str s = real ? tars_strndup(c->rq, real, strlen(real)) : str_of(path);

	free(real);
	return s;
}

static int fill_request(struct ctl *c, struct tars_DeployReq *req)
{
	const struct deploy_conf *conf = c->own;
	struct tars_str *const set[] = { &req->setName, &req->setArea, &req->setGroup };
	int status;

	tars_DeployReq_init(req);
	status = split_server(c, c->args[0], &req->application, &req->serverName);
	if (!status)
		status = choose_node(c, &req->nodeName);
	if (!status)
		status = read_profile(c, &req->profile);
	if (!status && conf->servant)
		status = add_servant(c, req, conf->servant);
	for (int i = 1; !status && i < c->n_args; i++)
		status = add_servant(c, req, c->args[i]);
	if (status)
		return status;
	req->serverType = str_of(conf->type);
	req->exe = absolute(c, conf->exe);
	req->startScript = absolute(c, conf->start_script);
	req->stopScript = absolute(c, conf->stop_script);
	req->monitorScript = absolute(c, conf->monitor_script);
	req->templateName = str_of(conf->template);
	req->start = conf->start;
	if (conf->set) {
		const char *p = conf->set;

		for (int i = 0; i < 3; i++) {
			size_t n = i < 2 ? strcspn(p, ".") : strlen(p);

			*set[i] = tars_strndup(c->rq, p, n);
			p += n + (p[n] == '.');
		}
	}
	return 0;
}

static int ctl_deploy(struct ctl *c)
{
	struct tars_call call = call_to(c, c->ctl);
	struct tars_Ctl_deploy_in in;
	struct tars_Ctl_deploy_out out;
	int rc = fill_request(c, &in.req);

	if (rc)
		return rc;
	rc = tars_Ctl_deploy(&call, &in, &out);
	return rc != 0 ? fail_call(c, &call, rc) : tell(c, out.ret, out.result);
}

/* ---- what is there ---- */

static int get_servers(struct ctl *c, const char *filter, struct tars_ServerRow_list *servers)
{
	struct tars_call call = call_to(c, c->ctl);
	struct tars_Ctl_list_in in = { .filter = str_of(filter) };
	struct tars_Ctl_list_out out;
	int rc = tars_Ctl_list(&call, &in, &out);

	if (rc != 0)
		return fail_call(c, &call, rc);
	*servers = out.servers;
	return 0;
}

/* ---- start, stop, restart, undeploy: on one node, or on all that have the server ---- */

#define DO(iface, proxy, verb, text) \
	({ \
		struct tars_call call = call_to(c, (proxy)); \
		struct tars_##iface##_##verb##_in in = { \
			.application = app, .serverName = server, .nodeName = node, \
		}; \
		struct tars_##iface##_##verb##_out out; \
		int rc_ = tars_##iface##_##verb(&call, &in, &out); \
		rc_ != 0 ? fail_call(c, &call, rc_) : tell(c, out.ret, out.text); \
	})

static int start_one(struct ctl *c, struct tars_str app, struct tars_str server,
		     struct tars_str node)
{
	return DO(AdminReg, c->admin, startServer, result);
}

static int stop_one(struct ctl *c, struct tars_str app, struct tars_str server,
		    struct tars_str node)
{
	return DO(AdminReg, c->admin, stopServer, result);
}

static int restart_one(struct ctl *c, struct tars_str app, struct tars_str server,
		       struct tars_str node)
{
	return DO(AdminReg, c->admin, restartServer, result);
}

static int undeploy_one(struct ctl *c, struct tars_str app, struct tars_str server,
			struct tars_str node)
{
	return DO(Ctl, c->ctl, undeploy, result);
}

static int ctl_change(struct ctl *c)
{
	struct tars_str app, server;
	struct tars_ServerRow_list rows;
	int status = split_server(c, c->args[0], &app, &server);

	if (status)
		return status;
	if (c->n_args > c->op->n_fixed)
		return c->op->one(c, app, server, str_of(c->args[c->op->n_fixed]));
	status = get_servers(c, c->args[0], &rows);
	if (status)
		return status;
	if (!rows.n)
		return complain(c, EXIT_FAILED, "%s is not deployed (tars ctl list)", c->args[0]);
	for (uint32_t i = 0; i < rows.n; i++) {
		int s = c->op->one(c, app, server, rows.v[i].nodeName);

		if (s)
			status = s;
	}
	return status;
}

/* ---- list and nodes ---- */

static void print_table(const char *const *cells, unsigned columns, unsigned rows)
{
	for (unsigned r = 0; r < rows; r++)
		for (unsigned k = 0; k < columns; k++) {
			size_t width = 0;

			for (unsigned i = 0; i < rows; i++) {
				size_t n = strlen(cells[i * columns + k]);

				width = n > width ? n : width;
			}
			printf("%-*s%s", k + 1 < columns ? (int)width : 0, cells[r * columns + k],
			       k + 1 < columns ? "  " : "\n");
		}
}

static int print_json(struct ctl *c, const struct tars_type *type, const void *value)
{
	struct buf b = BUF_INIT;
	struct err e = { 0 };
	size_t flags = isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT;
	int rc = json_put(&b, type, value, flags, &e);

	if (rc == 0)
		puts(buf_str(&b));
	buf_release(&b);
	return rc == 0 ? EXIT_ASKED : complain(c, EXIT_FAILED, "%s", e.text);
}

static bool wants_json(const struct ctl *c)
{
	return ((const struct table_conf *)c->own)->json;
}

static int ctl_list(struct ctl *c)
{
	enum { COLUMNS = 7 };
	static const char *const head[COLUMNS] = {
		"SERVER", "NODE", "TYPE", "WANTED", "STATE", "PID", "ENDPOINTS",
	};
	int func = tars_iface_find(&tars_Ctl_iface, "list", strlen("list"));
	struct tars_Ctl_list_out out = { 0 };
	const char **cells;
	int status = get_servers(c, c->n_args ? c->args[0] : "", &out.servers);

	if (status)
		return status;
	if (wants_json(c))
		return print_json(c, tars_Ctl_iface.funcs[func].out, &out);
	cells = arena_alloc(&c->arena, (out.servers.n + 1) * COLUMNS * sizeof(*cells));
	memcpy(cells, head, sizeof(head));
	for (uint32_t i = 0; i < out.servers.n; i++) {
		const struct tars_ServerRow *s = &out.servers.v[i];
		const char **row = &cells[(i + 1) * COLUMNS], *eps = "";

		for (uint32_t k = 0; k < s->endpoints.n; k++)
			eps = arena_strf(&c->arena, "%s%s%s", eps, k ? ", " : "",
					 s->endpoints.v[k].p);
		row[0] = arena_strf(&c->arena, "%s.%s", s->application.p, s->serverName.p);
		row[1] = s->nodeName.p;
		row[2] = s->serverType.p;
		row[3] = s->settingState.p;
		row[4] = s->presentState.p;
		row[5] = arena_strf(&c->arena, "%d", s->processId);
		row[6] = eps;
	}
	print_table(cells, COLUMNS, out.servers.n + 1);
	return EXIT_ASKED;
}

static int ctl_nodes(struct ctl *c)
{
	struct tars_call call = call_to(c, c->admin);
	struct tars_AdminReg_getNodeList_in in;
	struct tars_AdminReg_getNodeList_out out;
	const char **cells;
	int rc = get_nodes(c, &in.nodeNames);

	if (rc)
		return rc;
	rc = tars_AdminReg_getNodeList(&call, &in, &out);
	if (rc != 0)
		return fail_call(c, &call, rc);
	if (wants_json(c))
		return print_json(c, &tars_type_string_string_map, &out.heartbeats);
	cells = arena_alloc(&c->arena, (out.heartbeats.n + 1) * 2 * sizeof(*cells));
	cells[0] = "NODE";
	cells[1] = "LAST HEARTBEAT";
	for (uint32_t i = 0; i < out.heartbeats.n; i++) {
		cells[(i + 1) * 2] = out.heartbeats.v[i].key.p;
		cells[(i + 1) * 2 + 1] = out.heartbeats.v[i].val.p;
	}
	print_table(cells, 2, out.heartbeats.n + 1);
	return EXIT_ASKED;
}

/* ---- management commands of services ---- */

static int notify_one(struct ctl *c, struct tars_str app, struct tars_str server,
		      struct tars_str node, const char *command, struct tars_str *result)
{
	struct tars_call call = call_to(c, c->admin);
	struct tars_AdminReg_notifyServer_in in = {
		.application = app, .serverName = server, .nodeName = node,
		.command = str_of(command),
	};
	struct tars_AdminReg_notifyServer_out out;
	uint32_t n;
	int rc = tars_AdminReg_notifyServer(&call, &in, &out);

	if (rc)
		return fail_call(c, &call, rc);
	if (out.ret)
		return tell(c, out.ret, out.result);
	/* The node says "succ:" and then what the service said. */
	n = !strncmp(out.result.p, "succ:", 5) ? 5 : 0;
	*result = (struct tars_str){ out.result.p + n, out.result.n - n };
	return 0;
}

/* A service answers a command that it does not know with nothing: what it knows is shown then. */
static int notify_node(struct ctl *c, struct tars_str app, struct tars_str server,
		       struct tars_str node)
{
	const char *command = c->args[1];
	struct tars_str result, help;
	int status;

	if (c->n_args == c->op->n_fixed)
		printf("== %s\n", node.p);
	fflush(stdout);
	status = notify_one(c, app, server, node, command, &result);
	if (status)
		return status;
	if (result.n) {
		fputs(result.p, stdout);
		return EXIT_ASKED;
	}
	if (notify_one(c, app, server, node, "tars.help -v", &help) || !help.n)
		return complain(c, EXIT_FAILED, "no answer: the service has no command '%s'",
				command);
	return complain(c, EXIT_USAGE, "the service has no command '%s'; it has:\n%s", command,
			help.p);
}

/* ---- the commands ---- */

/* The registry's objects are served on each of its endpoints: the locator is all that we need. */
static int connect_registry(struct ctl *c)
{
	const char *locator = role_locator(c->conf->locator);
	struct buf eps = BUF_INIT;
	struct object_ref ref;
	struct err e = { 0 };
	char error[512];

	if (object_ref_parse(locator, &ref, &c->arena, &e) < 0)
		return complain(c, EXIT_USAGE, "locator: %s", e.text);
	if (!ref.direct)
		return complain(c, EXIT_USAGE, "locator '%s' has no endpoint (%s)", locator,
				ROLE_LOCATOR);
	c->app = tars_start(NULL, error, sizeof(error));
	if (!c->app)
		return complain(c, EXIT_BUG, "%s", error);
	for (uint32_t i = 0; i < ref.eps.n; i++) {
		if (i)
			buf_add_str(&eps, ":");
		endpoint_print(&eps, &ref.eps.v[i]);
	}
	c->ctl = tars_proxy(c->app, arena_strf(&c->arena, "tars.tarsAdminRegistry.CtlObj@%s",
					       buf_str(&eps)));
	c->admin = tars_proxy(c->app, arena_strf(&c->arena, "tars.tarsAdminRegistry.AdminRegObj@%s",
						 buf_str(&eps)));
	c->rq = tars_begin(c->app);
	buf_release(&eps);
	return 0;
}

static int ctl_run(const struct role_call *call)
{
	struct ctl c = {
		.conf = call->conf, .own = call->own, .op = call->command->detail,
		.name = call->command->name, .args = call->argv, .n_args = call->argc,
	};
	int status;

	arena_init(&c.arena, NULL, 0);
	status = connect_registry(&c);
	if (!status)
		status = c.op->run(&c);
	if (c.rq)
		tars_end(c.rq);
	if (c.app)
		tars_stop(c.app);
	arena_clear(&c.arena);
	return status;
}

static const struct op deploy = { ctl_deploy }, list = { ctl_list }, nodes = { ctl_nodes },
	notify = { ctl_change, 2, notify_node }, restart = { ctl_change, 1, restart_one },
	start = { ctl_change, 1, start_one }, stop = { ctl_change, 1, stop_one },
	undeploy = { ctl_change, 1, undeploy_one };

static const struct role_command commands[] = {
	{ "deploy", "App.Server [\"Obj@ENDPOINT\"...]", "puts a server on a node and starts it",
	  deploy_opts, sizeof(struct deploy_conf), ctl_run, &deploy },
	{ "list", "[FILTER]", "servers; the filter is an App, an App.Server or a node",
	  table_opts, sizeof(struct table_conf), ctl_run, &list },
	{ "nodes", NULL, "nodes, and when each was last heard of",
	  table_opts, sizeof(struct table_conf), ctl_run, &nodes },
	{ "notify", "App.Server COMMAND [NODE]", "a management command for it", NULL, 0, ctl_run,
	  &notify },
	{ "restart", "App.Server [NODE]", "stops and starts it", NULL, 0, ctl_run, &restart },
	{ "start", "App.Server [NODE]", "starts it where it is", NULL, 0, ctl_run, &start },
	{ "stop", "App.Server [NODE]", "stops it", NULL, 0, ctl_run, &stop },
	{ "undeploy", "App.Server [NODE]", "stops it and forgets it", NULL, 0, ctl_run, &undeploy },
	{ 0 }
};

const struct role ctl_role = {
	.name = "ctl",
	.summary = "deploy, undeploy, start, stop, restart, list, notify; nodes",
	.opts = ctl_opts,
	.conf_size = sizeof(struct ctl_conf),
	.commands = commands,
};
