/* Commands to nodes: which node, the call, and a text that says what came of it. */
#include "roles/registry/command.h"

#include "sql.h"
#include "if/Node.h"

enum { PING_MS = 3000 };

/* Where a node takes commands, or NULL with a text that says why it takes none. */
static struct tars_proxy *node_proxy(struct tars_req *rq, struct registry *reg,
				     struct tars_str name, struct tars_str *why)
{
	const struct Routes_NodeRow *node = registry_node(reg, name);

	if (!node)
		*why = tars_strf(rq, "node %s is not registered (tars ctl node list)", name.p);
	else if (!str_is_text(node->present_state, "active"))
		*why = tars_strf(rq, "node %s sends no heartbeats: start `tars node` there",
				 name.p);
	else if (!node->node_obj.n)
		*why = tars_strf(rq, "node %s has no address for commands, and no connection to this "
				 "registry at present: try again in some seconds", name.p);
	else
		return tars_proxy(reg->app, node->node_obj.p);
	return NULL;
}

bool node_is_active(const struct registry *reg, struct tars_str name)
{
	const struct Routes_NodeRow *node = registry_node(reg, name);

	return node && str_is_text(node->present_state, "active");
}

/* Any answer of the node is one; `why` says why there is none.  The connection that the node holds
 * open counts before its address, which may be one that we cannot reach; an order that was never
 * sent may go to that. */
int node_call(struct tars_req *rq, struct registry *reg, struct tars_str node, const char *func,
	      const void *in, void *out, int64_t timeout_ms, struct tars_str *why)
{
	int i = tars_iface_find(&tars_Node_iface, func, strlen(func)), rc;
	struct tars_call c = { .rq = rq, .timeout_ms = (int)timeout_ms };

	BUG_ON(i < 0);
	/* The connection of a node that has fallen silent may only look open. */
	if (orders_has(reg->orders, node) && node_is_active(reg, node)) {
		rc = orders_call(reg->orders, rq, node, i, in, out, timeout_ms, why);
		if (rc == 0 || rc == TARS_ENOFUNC)
			return rc;
		if (rc != ORDER_NOT_SENT)
			return NODE_SILENT;
	}
	c.to = node_proxy(rq, reg, node, why);
	if (!c.to)
		return NODE_AWAY;
	rc = tars_invoke(&c, &tars_Node_iface, i, in, out);
	if (rc == 0)
		return 0;
	*why = tars_strf(rq, "node %s: %s", node.p, c.error);
	return rc == TARS_ENOFUNC ? rc : NODE_SILENT;
}

const char *node_state_text(int state)
{
	static const char *const names[] = {
		"Inactive", "Activating", "Active", "Deactivating", "Destroying", "Destroyed",
	};

	return (unsigned)state < sizeof(names) / sizeof(*names) ? names[state] : "";
}

bool node_ping(struct tars_req *rq, struct registry *reg, struct tars_str name,
	       struct tars_str *result)
{
	struct tars_Node_getStateInfo_in in = { 0 };
	struct tars_Node_getStateInfo_out out;
	int rc = node_call(rq, reg, name, "getStateInfo", &in, &out, PING_MS, result);

	/* A refusal is a sign of life too. */
	if (rc == 0)
		*result = TARS_STR("ping succ");
	return rc == 0;
}

/* The generated structs are alike but have types of their own. */
#define CALL(verb, ...) \
	({ \
		struct tars_Node_##verb##_in in = { \
			.application = ref->app, .serverName = ref->server, __VA_ARGS__ \
		}; \
		struct tars_Node_##verb##_out out = { 0 }; \
		int rc_ = node_call(rq, reg, ref->node, #verb, &in, &out, \
				    reg->conf->command_timeout_ms, result); \
		if (rc_ == 0) { \
			*result = out.result; \
			rc_ = out.ret; \
		} \
		rc_; \
	})

int node_command(struct tars_req *rq, struct registry *reg, enum node_command cmd,
		 const struct server_ref *ref, struct tars_str command, struct tars_str *result)
{
	static const char *const verbs[] = {
		[NODE_START] = "start", [NODE_STOP] = "stop", [NODE_LOAD] = "load",
		[NODE_DESTROY] = "destroy", [NODE_NOTIFY] = "notify",
	};
	int ret = NODE_AWAY;

	*result = TARS_STR("");
	switch (cmd) {
	case NODE_START:
		ret = CALL(startServer);
		break;
	case NODE_STOP:
		ret = CALL(stopServer);
		break;
	case NODE_LOAD:
		ret = CALL(loadServer);
		break;
	case NODE_DESTROY:
		ret = CALL(destroyServer);
		break;
	case NODE_NOTIFY:
		ret = CALL(notifyServer, .command = command);
		break;
	}
	if (ret == NODE_SILENT)
		*result = tars_strf(rq, "%s %s.%s on %s", verbs[cmd], ref->app.p, ref->server.p,
				    result->p);
	/* A refusal must not go by without a reason. */
	if (ret != 0 && !result->n)
		*result = tars_strf(rq, "node %s answers %d for %s.%s", ref->node.p, ret,
				    ref->app.p, ref->server.p);
	return ret;
}

/* ---- commands that also say what the server's state shall be ---- */

static bool is_dns(struct tars_req *rq, const struct registry *reg, const struct server_ref *ref)
{
	const struct instance *in = registry_server(reg, ref);
	struct Routes_Server s = { 0 };

	if (in)
		fleet_server(in, &s, req_arena(rq));
	return in && str_is_text(s.server_type, "tars_dns");
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
	else if (rc == 0 && server_unknown(ref, &e))
		*result = tars_strf(rq, "%s", e.text);
	return rc > 0 ? 0 : -1;
}

/* A tars_dns server has rows only: its present state is what we say. */
static int set_dns_state(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
			 const char *state, struct tars_str *result)
{
	struct report_said said = { .state = state, .pid = -1 };
	struct err e = { 0 };

	if (registry_report_state(reg, ref, &said, &e) == 0)
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

int server_destroy(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		   struct tars_str *result)
{
	int ret = server_stop(rq, reg, ref, result);

	if (ret == 0 && !is_dns(rq, reg, ref))
		ret = node_command(rq, reg, NODE_DESTROY, ref, TARS_STR(""), result);
	return ret;
}

static int delete_server(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
			 const char *remark, struct tars_str *result)
{
	struct err e = { 0 };
	int rc = delete_rows(rq, reg, ref, &e);

	if (rc < 0)
		*result = tars_strf(rq, "%s.%s on node %s is not undeployed: %s", ref->app.p,
				    ref->server.p, ref->node.p, e.text);
	else
		*result = tars_strf(rq, "%s.%s is undeployed from node %s%s", ref->app.p,
				    ref->server.p, ref->node.p, remark);
	return rc < 0 ? -1 : 0;
}

int server_undeploy(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		    struct tars_str *result)
{
	struct err e = { 0 };
	/* A node that is gone cannot stop anything, and must not keep its rows forever. */
	bool ask_node = node_is_active(reg, ref->node) && !is_dns(rq, reg, ref);
	int ret = 0;

	if (!registry_server(reg, ref)) {
		server_unknown(ref, &e);
		*result = tars_strf(rq, "%s", e.text);
		return -1;
	}
	if (ask_node)
		ret = server_destroy(rq, reg, ref, result);
	return ret ? ret : delete_server(rq, reg, ref, ask_node ? "" : " (the node was not asked)",
					 result);
}

int server_uninstall(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		     struct tars_str *result)
{
	/* Not even the setting changes when nobody is there to take it off. */
	if (!is_dns(rq, reg, ref) && !node_proxy(rq, reg, ref->node, result))
		return NODE_AWAY;
	return server_destroy(rq, reg, ref, result) ? -1 : delete_server(rq, reg, ref, "", result);
}
