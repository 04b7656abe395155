/* AdminRegObj: what goes on to a node, or to any servant of the platform (contract 3.7). */
#include "roles/registry/admin.h"

#include "if/Node.h"

enum { ASK_MS = 5000, LOG_MS = 15000 };

static struct registry *registry(struct tars_req *rq)
{
	return tars_data(rq);
}

/* ---- connections that nodes hold open for orders (contract 3.6) ---- */

ADMIN(reportNode)
{
	struct tars_str why;
	struct err e;

	if (!in->rn.nodeName.n)
		return tars_fail(rq, TARS_EUNKNOWN, "reportNode: a node has a name");
	if (registry_admit(rq, registry(rq), in->rn.nodeName, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	out->ret = 0;
	if (!orders_connect(registry(rq)->orders, rq, in->rn.nodeName, in->rn.sid, &why))
		return tars_fail(rq, TARS_EUNKNOWN, "reportNode: %s", why.p);
	return TARS_OK;
}

ADMIN(deleteNode)
{
	orders_disconnect(registry(rq)->orders, in->rn.nodeName, in->rn.sid);
	out->ret = 0;
	return TARS_OK;
}

ADMIN(reportResult)
{
	out->ret = orders_answer(registry(rq)->orders, rq, in->requestId, in->ret, in->result) ? 0 : -1;
	return TARS_OK;
}

/* ---- orders and questions ---- */

ADMIN(pingNode)
{
	out->ret = node_ping(rq, registry(rq), in->name, &out->result);
	return TARS_OK;
}

ADMIN(shutdownNode)
{
	struct tars_Node_shutdown_in order = { 0 };
	struct tars_Node_shutdown_out answer = { 0 };

	out->ret = node_call(rq, registry(rq), in->name, "shutdown", &order, &answer, ASK_MS,
			     &out->result);
	if (out->ret == 0) {
		out->ret = answer.ret;
		out->result = answer.result;
	}
	return TARS_OK;
}

ADMIN(delCache)
{
	struct tars_Node_delCache_in order = { in->sFullCacheName, in->sBackupPath, in->sKey };
	struct tars_Node_delCache_out answer = { 0 };

	out->ret = node_call(rq, registry(rq), in->nodeName, "delCache", &order, &answer, ASK_MS,
			     &out->result);
	if (out->ret == 0) {
		out->ret = answer.ret;
		out->result = answer.result;
	}
	return TARS_OK;
}

ADMIN(getNodeLoad)
{
	struct tars_Node_getNodeLoad_in order = { in->application, in->serverName, in->pid };
	struct tars_Node_getNodeLoad_out answer = { 0 };

	out->ret = node_call(rq, registry(rq), in->nodeName, "getNodeLoad", &order, &answer,
			     ASK_MS, &out->fileData);
	if (out->ret == 0) {
		out->ret = answer.ret;
		out->fileData = answer.fileData;
	}
	return TARS_OK;
}

/* ---- logs ---- */

/* The log server keeps what came from all nodes, but is none. */
static bool is_log_server(struct tars_str node)
{
	return !node.n || str_is_text(node, "remote");
}

#define NO_REMOTE_LOGS "logs of the log server cannot be read through the registry: name the node"

ADMIN(getLogFileList)
{
	struct tars_Node_getLogFileList_in order = { in->application, in->serverName };
	struct tars_Node_getLogFileList_out answer = { 0 };
	struct tars_str why;

	if (is_log_server(in->nodeName))
		return tars_fail(rq, TARS_ENOFUNC, "getLogFileList: " NO_REMOTE_LOGS);
	out->ret = node_call(rq, registry(rq), in->nodeName, "getLogFileList", &order, &answer,
			     LOG_MS, &why);
	if (out->ret == 0) {
		out->ret = answer.ret;
		out->logFileList = answer.logFileList;
	}
	return TARS_OK;
}

/* The node decides which of the forms that cmd may have are harmless. */
ADMIN(getLogData)
{
	struct tars_Node_getLogData_in order = {
		in->application, in->serverName, in->logFile, in->cmd,
	};
	struct tars_Node_getLogData_out answer = { 0 };

	if (is_log_server(in->nodeName))
		return tars_fail(rq, TARS_ENOFUNC, "getLogData: " NO_REMOTE_LOGS);
	out->ret = node_call(rq, registry(rq), in->nodeName, "getLogData", &order, &answer, LOG_MS,
			     &out->fileData);
	if (out->ret == 0) {
		out->ret = answer.ret;
		out->fileData = answer.fileData;
	}
	return TARS_OK;
}

/* ---- is a servant there? ---- */

static const struct tars_type ping_type = { .name = "tars_ping", .kind = TARS_STRUCT, .size = 1 };
static const struct tars_func ping_func = { "tars_ping", &ping_type, &ping_type };
static const struct tars_iface ping_iface = { "tars::Ping", &ping_func, 1, NULL };

/* server: one of those that getServers gives. */
ADMIN(checkServer)
{
	struct tars_call c = { .rq = rq, .timeout_ms = ASK_MS };
	char none;

	out->ret = -1;
	/* A node that takes commands over its own connection has no object to be called. */
	if (str_is_text(in->server.serverName, "tarsnode") && !in->server.objName.n) {
		struct tars_str why;

		out->ret = node_ping(rq, registry(rq), in->server.nodeName, &why) ? 0 : -1;
		return TARS_OK;
	}
	c.to = tars_proxy(registry(rq)->app, in->server.objName.p);
	if (c.to)
		out->ret = tars_invoke(&c, &ping_iface, 0, &none, &none);
	return TARS_OK;
}
