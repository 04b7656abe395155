/* Operations that ask nodes to do something, or what they know. */
#include "roles/registry/command.h"
#include "roles/registry/ops.h"
#include "if/Node.h"
#include "sql.h"

enum { STATE_MS = 3000, EXIT_MS = 3000 };

OP_HANDLER(serverDeploy)
{
	struct deploy d = {
		.rq = rq, .reg = tars_data(rq), .req = &in->req, .a = req_arena(rq),
	};

	if (deploy_check(&d) < 0 || deploy_write(&d) < 0) {
		out->ret = ops_ret(d.e.code);
		out->result = tars_strf(rq, "%s", d.e.text);
		return TARS_OK;
	}
	/* Whoever deploys and then looks finds what he deployed. */
	registry_reload_wait(d.reg);
	out->ret = deploy_start(&d, &out->result);
	return TARS_OK;
}

/* 0, or the answer that it is no server. */
static int split(struct tars_req *rq, const struct tars_ServerReq *req, struct server_ref *ref,
		 struct tars_str *result)
{
	struct err e;

	ref->node = req->node;
	if (ops_split_server(req->server, ref, req_arena(rq), &e) < 0)
		*result = tars_strf(rq, "%s", e.text);
	else if (!req->node.n)
		*result = tars_strf(rq, "%s: which node?", req->server.p);
	else
		return 0;
	return -1;
}

#define SERVER_OP(f, command) \
	OP_HANDLER(f) \
	{ \
		struct server_ref ref; \
		\
		out->ret = split(rq, &in->req, &ref, &out->result); \
		if (!out->ret) \
			out->ret = command(rq, tars_data(rq), &ref, &out->result); \
		return TARS_OK; \
	}
SERVER_OP(serverUndeploy, server_undeploy)
SERVER_OP(serverStart, server_start)
SERVER_OP(serverStop, server_stop)
SERVER_OP(serverRestart, server_restart)

OP_HANDLER(adapterProbe)
{
	struct registry *reg = tars_data(rq);
	struct server_ref ref = { .node = in->req.node };
	struct tars_str why;
	struct err e = { 0 };
	int rc = adapter_probe(reg, &in->req, &ref, &out->result, req_arena(rq), &e);

	out->ret = 0;
	if (rc < 0) {
		out->ret = ops_ret(rc);
		out->result = tars_strf(rq, "%s", e.text);
	} else if (node_command(rq, reg, NODE_LOAD, &ref, TARS_STR(""), &why)) {
		out->result = tars_strf(rq, "%s; its node does not know it yet: %s", out->result.p,
					why.p);
	}
	return TARS_OK;
}

/* The node says "succ:" and then what the service said. */
static struct tars_str answer_of(struct tars_str text)
{
	uint32_t n = !strncmp(text.p, "succ:", 5) ? 5 : 0;

	return (struct tars_str){ text.p + n, text.n - n };
}

/* A service answers a command that it does not know with nothing: what it knows is said then. */
OP_HANDLER(serverSend)
{
	struct tars_ServerReq req = { .server = in->req.server, .node = in->req.node };
	struct registry *reg = tars_data(rq);
	struct tars_str said, help;
	struct server_ref ref;

	out->ret = split(rq, &req, &ref, &out->result);
	if (out->ret)
		return TARS_OK;
	out->ret = node_command(rq, reg, NODE_NOTIFY, &ref, in->req.command, &said);
	out->result = out->ret ? said : answer_of(said);
	if (out->result.n)
		return TARS_OK;
	out->ret = -1;
	if (node_command(rq, reg, NODE_NOTIFY, &ref, TARS_STR("tars.help -v"), &help) ||
	    !answer_of(help).n)
		out->result = tars_strf(rq, "no answer: the service has no command '%s'",
					in->req.command.p);
	else
		out->result = tars_strf(rq, "the service has no command '%s'; it has:\n%s",
					in->req.command.p, answer_of(help).p);
	return TARS_OK;
}

/* "getStateInfo [..] succ: Active for 3 s; what is wrong". */
static struct tars_str remark_of(struct tars_str text)
{
	const char *remark = strstr(text.p, "; ");

	return remark ? (struct tars_str){ remark + 2, (uint32_t)strlen(remark + 2) } : TARS_STR("");
}

/* What a node says beside the state itself; official ones say less. */
static struct tars_str ex_state(const struct tars_ServerStateInfo *info, const char *key)
{
	for (uint32_t i = 0; i < info->exState.n; i++)
		if (!strcmp(info->exState.v[i].key.p, key))
			return info->exState.v[i].val;
	return TARS_STR("");
}

OP_HANDLER(serverState)
{
	struct registry *reg = tars_data(rq);
	struct err e = { 0 };
	int rc = registry_sql(reg, &SQL_ops_server_state, PG_PARAMS(in->req.filter.p),
			      &tars_StateRow_type, &out->rows, req_arena(rq), &e);

	if (rc < 0) {
		out->ret = ops_ret(rc);
		out->result = tars_strf(rq, "%s", e.text);
		return TARS_OK;
	}
	for (uint32_t i = 0; i < out->rows.n; i++) {
		struct tars_StateRow *row = &out->rows.v[i];
		struct tars_Node_getStateInfo_in ask = { 0 };
		struct tars_Node_getStateInfo_out info;
		struct server_ref ref;

		if (ops_split_server(row->server, &ref, req_arena(rq), &e) < 0)
			continue;
		ask.application = ref.app;
		ask.serverName = ref.server;
		if (node_call(rq, reg, row->node, "getStateInfo", &ask, &info, STATE_MS, &row->remark))
			continue;
		if (info.ret) {
			row->remark = info.result;
			continue;
		}
		row->inNode = tars_strf(rq, "%s", node_state_text((int)info.info.serverState));
		row->pid = info.info.processId;
		row->remark = remark_of(info.result);
		row->lastExit = ex_state(&info.info, "LAST_EXIT");
	}
	return TARS_OK;
}

static struct tars_str exit_text(struct tars_req *rq, const struct tars_ExitRecord *r)
{
	return tars_strf(rq, "%s on node %s: %s UTC, pid %d: %s\n%s%s%s%s%s%s%s%s%s%s", r->server.p,
			 r->node.p, r->time.p, r->pid, r->cause.p,
			 r->endedBy.n ? "why: " : "", r->endedBy.p, r->endedBy.n ? "\n" : "",
			 r->dumped ? "core: " : "", r->core.p, r->dumped ? "\n" : "",
			 r->threads.n ? "when it was killed: " : "", r->threads.p,
			 r->lines.n ? "its last lines:\n" : "it printed nothing\n", r->lines.p);
}

OP_HANDLER(serverExits)
{
	struct tars_Node_getLastExit_in ask = { 0 };
	struct tars_Node_getLastExit_out answer = { 0 };
	struct server_ref ref;

	out->ret = split(rq, &in->req, &ref, &out->result);
	if (out->ret)
		return TARS_OK;
	ask.application = ref.app;
	ask.serverName = ref.server;
	out->ret = node_call(rq, tars_data(rq), ref.node, "getLastExit", &ask, &answer, EXIT_MS,
			     &out->result);
	if (out->ret)
		return TARS_OK;
	out->ret = answer.ret;
	out->result = answer.result;
	if (!answer.ret && answer.exit.time.n) {
		*TARS_PUSH(rq, &out->rows) = answer.exit;
		out->result = exit_text(rq, &answer.exit);
	} else if (!answer.ret) {
		out->result = tars_strf(rq, "%s on node %s: no process of it has ended yet",
					in->req.server.p, ref.node.p);
	}
	return TARS_OK;
}

OP_HANDLER(nodePing)
{
	bool is_there = node_ping(rq, tars_data(rq), in->req.name, &out->result);

	out->ret = is_there ? 0 : -1;
	if (is_there)
		out->result = tars_strf(rq, "node %s answers", in->req.name.p);
	return TARS_OK;
}
