/* Commands to nodes: which node, the call, and a text that says what came of it. */
#include "roles/registry/command.h"

#include "sql.h"
#include "if/Node.h"

/* Where a node takes commands, or NULL with a text that says why it takes none. */
static struct tars_proxy *node_proxy(struct tars_req *rq, struct registry *reg,
				     struct tars_str name, struct tars_str *why)
{
	const struct Routes_NodeRow *node = model_node(reg->model, name);

	if (!node)
		*why = tars_strf(rq, "node %s is not registered (tars ctl nodes)", name.p);
	else if (!str_is_text(node->present_state, "active"))
		*why = tars_strf(rq, "node %s sends no heartbeats: start `tars node` there",
				 name.p);
	else if (!node->node_obj.n)
		*why = tars_strf(rq, "node %s has no address for commands: it must register a "
				 "NodeObj", name.p);
	else
		return tars_proxy(reg->app, node->node_obj.p);
	return NULL;
}

bool node_is_active(const struct registry *reg, struct tars_str name)
{
	const struct Routes_NodeRow *node = model_node(reg->model, name);

	return node && str_is_text(node->present_state, "active");
}

bool node_ping(struct tars_req *rq, struct registry *reg, struct tars_str name,
	       struct tars_str *result)
{
	struct tars_call c = {
		.to = node_proxy(rq, reg, name, result), .rq = rq, .timeout_ms = 3000,
	};
	struct tars_Node_getStateInfo_in in = { 0 };
	struct tars_Node_getStateInfo_out out;

	if (!c.to)
		return false;
	/* A refusal is a sign of life too: negative codes that travel come from the node. */
	if (tars_Node_getStateInfo(&c, &in, &out) == 0) {
		*result = TARS_STR("ping succ");
		return true;
	}
	*result = tars_strf(rq, "node %s: %s", name.p, c.error);
	return false;
}

/* The generated calls are alike but have types of their own. */
#define CALL(verb, ...) \
	({ \
		struct tars_Node_##verb##_in in = { \
			.application = ref->app, .serverName = ref->server, __VA_ARGS__ \
		}; \
		struct tars_Node_##verb##_out out = { 0 }; \
		int rc_ = tars_Node_##verb(&c, &in, &out); \
		*result = out.result; \
		*ret = out.ret; \
		rc_; \
	})

static int call_node(struct tars_call *call, enum node_command cmd, const struct server_ref *ref,
		     struct tars_str command, struct tars_str *result, int *ret)
{
	struct tars_call c = *call;
	int rc = TARS_EARG;

	switch (cmd) {
	case NODE_START:
		rc = CALL(startServer);
		break;
	case NODE_STOP:
		rc = CALL(stopServer);
		break;
	case NODE_LOAD:
		rc = CALL(loadServer);
		break;
	case NODE_DESTROY:
		rc = CALL(destroyServer);
		break;
	case NODE_NOTIFY:
		rc = CALL(notifyServer, .command = command);
		break;
	}
	*call = c;
	return rc;
}

int node_command(struct tars_req *rq, struct registry *reg, enum node_command cmd,
		 const struct server_ref *ref, struct tars_str command, struct tars_str *result)
{
	static const char *const verbs[] = {
		[NODE_START] = "start", [NODE_STOP] = "stop", [NODE_LOAD] = "load",
		[NODE_DESTROY] = "destroy", [NODE_NOTIFY] = "notify",
	};
	struct tars_str text = { 0 };
	struct tars_call c = {
		.to = node_proxy(rq, reg, ref->node, &text), .rq = rq,
		.timeout_ms = (int)reg->conf->command_timeout_ms,
	};
	int ret = -1, rc;

	if (!c.to) {
		*result = text;
		return -1;
	}
	rc = call_node(&c, cmd, ref, command, &text, &ret);
	if (rc != 0) {
		*result = tars_strf(rq, "%s %s.%s on node %s: %s", verbs[cmd], ref->app.p,
				    ref->server.p, ref->node.p, c.error);
		return rc == TARS_ETIMEOUT ? tars_tarsErrCode_EM_TARS_CALL_NODE_TIMEOUT_ERR : -1;
	}
	/* A refusal must not go by without a reason. */
	if (ret != 0 && !text.n)
		text = tars_strf(rq, "node %s answers %d to %s %s.%s", ref->node.p, ret,
				 verbs[cmd], ref->app.p, ref->server.p);
	*result = text.n ? text : TARS_STR("");
	return ret;
}

/* ---- commands that also say what the server's state shall be ---- */

static const struct Routes_Row *known_server(struct tars_req *rq, struct registry *reg,
					     const struct server_ref *ref)
{
	return index_find(&reg->model->servers,
			  server_key(req_arena(rq), ref->app, ref->server, ref->node));
}

static bool is_dns(struct tars_req *rq, struct registry *reg, const struct server_ref *ref)
{
	const struct Routes_Row *row = known_server(rq, reg, ref);

	return row && str_is_text(row->server_type, "tars_dns");
}

static int set_setting(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		       const char *state, struct tars_str *result)
{
	struct err e = { 0 };
	int rc = registry_sql(reg, &SQL_registry_set_setting,
			  PG_PARAMS(ref->app.p, ref->server.p, ref->node.p, state), NULL, NULL,
			  req_arena(rq), &e);

	if (rc < 0)
		*result = tars_strf(rq, "%s.%s on node %s: %s", ref->app.p, ref->server.p,
				    ref->node.p, e.text);
	else if (rc == 0)
		*result = tars_strf(rq, "%s.%s is not deployed on node %s (tars ctl list)",
				    ref->app.p, ref->server.p, ref->node.p);
	return rc > 0 ? 0 : -1;
}

/* A tars_dns server has rows only: its present state is what we say. */
static int set_dns_state(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
			 const char *state, struct tars_str *result)
{
	struct err e = { 0 };

	if (registry_report_state(reg, req_arena(rq), ref, state, -1, &e) == 0)
		return 0;
	*result = tars_strf(rq, "%s", e.text);
	return -1;
}

int server_start(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		 struct tars_str *result)
{
	if (set_setting(rq, reg, ref, "active", result) < 0)
		return -1;
	if (is_dns(rq, reg, ref))
		return set_dns_state(rq, reg, ref, "active", result);
	return node_command(rq, reg, NODE_START, ref, TARS_STR(""), result);
}

int server_stop(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		struct tars_str *result)
{
	if (set_setting(rq, reg, ref, "inactive", result) < 0)
		return -1;
	if (is_dns(rq, reg, ref))
		return set_dns_state(rq, reg, ref, "inactive", result);
	return node_command(rq, reg, NODE_STOP, ref, TARS_STR(""), result);
}

int server_restart(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		   struct tars_str *result)
{
	/* The setting stays active: whoever looks in between sees a restart, not a stop. */
	if (!is_dns(rq, reg, ref)) {
		int ret = node_command(rq, reg, NODE_STOP, ref, TARS_STR(""), result);

		if (ret != 0)
			return ret;
	}
	return server_start(rq, reg, ref, result);
}

/* ---- taking a server away ---- */

static int delete_rows(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		       struct err *e)
{
	const char *const *params = PG_PARAMS(ref->app.p, ref->server.p, ref->node.p);
	struct arena *a = req_arena(rq);
	struct pg_tx *tx;
	int rc = registry_begin(reg, &tx, e);

	if (rc < 0)
		return rc;
	/* The server's row first: a node's report locks it and then the version that every change
	 * takes; the other way round the two would wait for each other. */
	rc = pg_tx_query(tx, &SQL_registry_server_delete, params, NULL, NULL, a, e);
	if (rc >= 0)
		rc = pg_tx_query(tx, &SQL_registry_adapters_delete, params, NULL, NULL, a, e);
	if (rc < 0) {
		pg_rollback(tx);
		return rc;
	}
	return pg_commit(tx, e);
}

int server_undeploy(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		    struct tars_str *result)
{
	struct err e = { 0 };
	/* A node that is gone cannot stop anything, and must not keep its rows forever. */
	bool ask_node = node_is_active(reg, ref->node) && !is_dns(rq, reg, ref);

	if (!known_server(rq, reg, ref)) {
		*result = tars_strf(rq, "%s.%s is not deployed on node %s (tars ctl list)",
				    ref->app.p, ref->server.p, ref->node.p);
		return -1;
	}
	if (ask_node) {
		int ret = server_stop(rq, reg, ref, result);

		if (ret == 0)
			ret = node_command(rq, reg, NODE_DESTROY, ref, TARS_STR(""), result);
		if (ret != 0)
			return ret;
	}
	if (delete_rows(rq, reg, ref, &e) < 0) {
		*result = tars_strf(rq, "%s.%s on node %s is not undeployed: %s", ref->app.p,
				    ref->server.p, ref->node.p, e.text);
		return -1;
	}
	*result = tars_strf(rq, "%s.%s is undeployed from node %s%s", ref->app.p, ref->server.p,
			    ref->node.p, ask_node ? "" : " (the node was not asked)");
	return 0;
}
