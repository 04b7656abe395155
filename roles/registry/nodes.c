/* RegistryObj: what nodes tell the registry, and what they get to run (contract 3.3). */
#include "roles/registry/profile.h"

#include "core/sys/log.h"
#include "sql.h"
#include "if/Node.h"
#include "if/RegistryF.h"
#include "proto/text.h"

enum {
	NAME_CONFLICT = 1, NOT_STORED = 2,      /* answers of registerNode */
	CONFLICT_AGE_S = 30,                    /* a younger heartbeat makes it worth asking */
	CONFLICT_ASK_MS = 1000,
	MAX_NAME = 128,
};

static struct registry *registry(struct tars_req *rq)
{
	return tars_data(rq);
}

/* ---- registration ---- */

/* Does a process still answer as this node under its old address? */
static bool answers(struct tars_req *rq, struct registry *reg, const struct Routes_NodeRow *row)
{
	struct tars_call c = {
		.to = tars_proxy(reg->app, row->node_obj.p), .rq = rq,
		.timeout_ms = CONFLICT_ASK_MS,
	};
	struct tars_Node_getStateInfo_in in = { 0 };
	struct tars_Node_getStateInfo_out out;

	/* Any answer will do, also a refusal. */
	int rc = tars_Node_getStateInfo(&c, &in, &out);

	return rc != TARS_ECONNECT && rc != TARS_ETIMEOUT && rc != TARS_ENOENDPOINT &&
	       rc != TARS_ESEND;
}

static bool is_taken(struct tars_req *rq, struct registry *reg, const struct Routes_NodeRow *row,
		     struct tars_str node_obj)
{
	return str_is_text(row->present_state, "active") && node_obj.n && row->node_obj.n &&
	       !str_is(row->node_obj, node_obj) && row->heartbeat_age >= 0 &&
	       row->heartbeat_age < CONFLICT_AGE_S && answers(rq, reg, row);
}

static int register_node(struct tars_req *rq, const struct tars_Registry_registerNode_in *in,
			 struct tars_Registry_registerNode_out *out)
{
	struct registry *reg = registry(rq);
	struct arena *a = req_arena(rq);
	struct Routes_NodeRow_list rows = { 0 };
	struct err e = { 0 };
	int rc;

	if (!in->nodeName.n)
		return tars_fail(rq, TARS_EUNKNOWN, "registerNode: the node has no name");
	if (registry_admit(rq, reg, in->nodeName, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	rc = registry_sql(reg, &SQL_registry_node, PG_PARAMS(in->nodeName.p),
		      &Routes_NodeRow_type, &rows, a, &e);
	if (rc == 1 && is_taken(rq, reg, &rows.v[0], in->ni.nodeObj)) {
		log_every(10000, LOG_LEVEL_WARN, NULL, "registry: %s wants to be node %s, but %s "
			  "is and answers: give one of them another name", tars_peer(rq),
			  in->nodeName.p, rows.v[0].node_obj.p);
		out->ret = NAME_CONFLICT;
		return TARS_OK;
	}
	if (rc >= 0)
		rc = registry_sql(reg, &SQL_registry_node_upsert,
			      PG_PARAMS(in->nodeName.p, in->ni.nodeObj.p, in->ni.endpointIp.p,
					arena_strf(a, "%d", in->ni.endpointPort), in->ni.dataDir.p,
					arena_strf(a, "%g", (double)in->li.avg1),
					arena_strf(a, "%g", (double)in->li.avg5),
					arena_strf(a, "%g", (double)in->li.avg15),
					in->ni.version.p),
			      NULL, NULL, a, &e);
	if (rc < 0) {
		log_every(10000, LOG_LEVEL_WARN, NULL, "registry: node %s cannot register: %s",
			  in->nodeName.p, e.text);
		out->ret = NOT_STORED;
		return TARS_OK;
	}
	/* Its heartbeat comes before the database's notification may have reached us. */
	registry_reload_wait(reg);
	log_info(NULL, "registry: node %s registered from %s", in->nodeName.p, tars_peer(rq));
	return TARS_OK;
}

static int keep_alive(struct tars_req *rq, const struct tars_Registry_keepAlive_in *in,
		      struct tars_Registry_keepAlive_out *out)
{
	struct registry *reg = registry(rq);
	const struct Routes_NodeRow *node = registry_node(reg, in->nodeName);
	struct err e;

	if (registry_admit(rq, reg, in->nodeName, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	/* Non-zero makes the node register again and report the states of its servers, which is
	 * right when it was taken for dead.  Without the database it could not. */
	if (node)
		registry_heartbeat(reg, node->node_name, in->load.avg1, in->load.avg5,
				   in->load.avg15);
	out->ret = reg->db_up_since_us && (!node || !str_is_text(node->present_state, "active"));
	return TARS_OK;
}

static int destroy_node(struct tars_req *rq, const struct tars_Registry_destroyNode_in *in,
			struct tars_Registry_destroyNode_out *out)
{
	struct err e = { 0 };

	if (registry_admit(rq, registry(rq), in->nodeName, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	out->ret = 0;
	if (registry_sql(registry(rq), &SQL_registry_node_destroy, PG_PARAMS(in->nodeName.p), NULL,
		     NULL, req_arena(rq), &e) < 0)
		log_warn(NULL, "registry: node %s says goodbye, but that is not stored: %s",
			 in->nodeName.p, e.text);
	return TARS_OK;
}

static int report_node(struct tars_req *rq, const struct tars_Registry_reportNode_in *in,
		       struct tars_Registry_reportNode_out *out)
{
	struct tars_str why;
	struct err e;

	if (registry_admit(rq, registry(rq), in->rn.nodeName, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	/* Older nodes do this here instead of at AdminRegObj, and are told nothing (contract 3.3). */
	if (!orders_connect(registry(rq)->orders, rq, in->rn.nodeName, in->rn.sid, &why))
		log_every(60000, LOG_LEVEL_WARN, NULL, "registry: reportNode: %s", why.p);
	out->ret = 0;
	return TARS_OK;
}

/* ---- states ---- */

/* What no name can be would keep the reports of others from being stored with it. */
static int check_name(struct tars_str name, struct err *e)
{
	if (name.n && name.n <= MAX_NAME && strlen(name.p) == name.n && text_is_utf8(name.p, name.n))
		return 0;
	return err_set(e, TARS_EARG, "'%.64s' is no name of a server or a node", name.p);
}

/* 0 if the caller may say something of it. */
static int check_ref(struct tars_req *rq, const struct server_ref *ref, struct err *e)
{
	int rc = check_name(ref->app, e);

	if (rc == 0)
		rc = check_name(ref->server, e);
	if (rc == 0)
		rc = check_name(ref->node, e);
	return rc < 0 ? rc : registry_admit(rq, registry(rq), ref->node, e);
}

/* Nodes of this platform tell why, in exState: "cause" and, if nobody wanted it, "alarm". */
static struct report_said said_by(const struct tars_ServerStateInfo *info)
{
	struct report_said said = {
		.state = state_name((int32_t)info->serverState), .pid = info->processId,
		.cause = TARS_STR(""),
	};

	for (uint32_t i = 0; i < info->exState.n; i++) {
		if (str_is_text(info->exState.v[i].key, "cause"))
			said.cause = info->exState.v[i].val;
		else if (str_is_text(info->exState.v[i].key, "alarm"))
			said.is_alarm = true;
	}
	return said;
}

/* The IDL calls the first three parameters app, serverName and nodeName; callers send nodeName,
 * app, serverName (contract 3.3). */
static int update_server(struct tars_req *rq, const struct tars_Registry_updateServer_in *in,
			 struct tars_Registry_updateServer_out *out)
{
	struct server_ref ref = { .app = in->serverName, .server = in->nodeName, .node = in->app };
	struct report_said said = said_by(&in->state);
	struct err e = { 0 };
	int rc = TARS_EARG;

	if (check_ref(rq, &ref, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	if (said.state)
		rc = registry_report_state(registry(rq), &ref, &said, &e);
	else
		err_set(&e, rc, "%s.%s on node %s: %d is not a state", ref.app.p, ref.server.p,
			ref.node.p, (int)in->state.serverState);
	if (rc < 0)
		log_every(10000, LOG_LEVEL_WARN, NULL, "registry: %s", e.text);
	out->ret = rc < 0 ? -1 : 0;
	return TARS_OK;
}

/* True if it is this state already: only changes are worth a write. */
static bool is_known_state(const struct registry *reg, const struct server_ref *ref, int32_t state)
{
	const struct instance *in = registry_server(reg, ref);

	return in && in->state == state;
}

static int update_batch(struct tars_req *rq, const struct tars_Registry_updateServerBatch_in *in,
			struct tars_Registry_updateServerBatch_out *out)
{
	struct registry *reg = registry(rq);
	struct report_waiter *waiters = tars_alloc(rq, in->vState.n * sizeof(*waiters));
	struct err e = { 0 };
	uint32_t n = 0;

	out->ret = 0;
	for (uint32_t i = 0; i < in->vState.n; i++) {
		const struct tars_ServerStateInfo *s = &in->vState.v[i];
		struct server_ref ref = { s->application, s->serverName, s->nodeName };
		struct report_said said = said_by(s);

		if (check_ref(rq, &ref, &e) < 0)
			out->ret = -1;
		else if (said.state && !is_known_state(reg, &ref, (int32_t)s->serverState))
			registry_report_begin(reg, &ref, &said, &waiters[n++]);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (registry_report_end(&waiters[i], &e) == 0)
			continue;
		log_every(10000, LOG_LEVEL_WARN, NULL, "registry: %s", e.text);
		out->ret = -1;
	}
	return TARS_OK;
}

static int report_version(struct tars_req *rq, const struct tars_Registry_reportVersion_in *in,
			  struct tars_Registry_reportVersion_out *out)
{
	const struct server_ref ref = { in->app, in->serverName, in->nodeName };
	struct err e = { 0 };
	int rc;

	if (check_ref(rq, &ref, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	rc = registry_sql(registry(rq), &SQL_registry_set_version,
			  PG_PARAMS(in->app.p, in->serverName.p, in->nodeName.p, in->version.p),
			  NULL, NULL, req_arena(rq), &e);

	if (rc < 0)
		log_every(10000, LOG_LEVEL_WARN, NULL, "registry: the version of %s.%s is not "
			  "stored: %s", in->app.p, in->serverName.p, e.text);
	out->ret = rc < 0 ? -1 : 0;
	return TARS_OK;
}

static int update_patch_result(struct tars_req *rq,
			       const struct tars_Registry_updatePatchResult_in *in,
			       struct tars_Registry_updatePatchResult_out *out)
{
	const struct tars_PatchResult *r = &in->result;
	const struct server_ref ref = { r->sApplication, r->sServerName, r->sNodeName };
	struct err e = { 0 };
	int rc;

	if (check_ref(rq, &ref, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	rc = registry_sql(registry(rq), &SQL_registry_set_patched,
			  PG_PARAMS(r->sApplication.p, r->sServerName.p, r->sNodeName.p,
				    r->sVersion.p, r->sUserName.p),
			  NULL, NULL, req_arena(rq), &e);

	if (rc < 0)
		log_every(10000, LOG_LEVEL_WARN, NULL, "registry: the release of %s.%s is not "
			  "stored: %s", r->sApplication.p, r->sServerName.p, e.text);
	out->ret = rc < 0 ? -1 : 0;
	return TARS_OK;
}

/* ---- what a node gets ---- */

static int get_servers(struct tars_req *rq, const struct tars_Registry_getServers_in *in,
		       struct tars_Registry_getServers_out *out)
{
	struct err e = { 0 };

	if (registry_admit(rq, registry(rq), in->nodeName, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	if (descriptors_load(rq, registry(rq), in->app, in->serverName, in->nodeName, &out->ret,
			     &e) < 0)
		return tars_fail(rq, TARS_EUNKNOWN, "getServers for node %s: %s", in->nodeName.p,
				 e.text);
	return TARS_OK;
}

static int get_node_template(struct tars_req *rq,
			     const struct tars_Registry_getNodeTemplate_in *in,
			     struct tars_Registry_getNodeTemplate_out *out)
{
	struct registry *reg = registry(rq);
	const struct Routes_NodeRow *node = registry_node(reg, in->nodeName);
	struct tars_str name = TARS_STR("tars.tarsnode");
	struct arena *a = req_arena(rq);
	struct templates *t;
	struct err e = { 0 };

	if (registry_admit(rq, reg, in->nodeName, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	if (node && node->template_name.n)
		name = node->template_name;
	if (templates_load(reg, &t, a, &e) < 0 ||
	    tarsconf_text(templates_merge(t, name, a), &out->profileTemplate, a, &e) < 0)
		return tars_fail(rq, TARS_EUNKNOWN, "getNodeTemplate of %s: %s", in->nodeName.p,
				 e.text);
	out->ret = 0;
	return TARS_OK;
}

static int get_client_ip(struct tars_req *rq, const struct tars_Registry_getClientIp_in *in,
			 struct tars_Registry_getClientIp_out *out)
{
	(void)in;
	out->sClientIp = registry_peer_host(rq);
	out->ret = 0;
	return TARS_OK;
}

/* We have no container registry and no market key: empty answers, which nodes accept. */
static int get_docker_registry(struct tars_req *rq,
			       const struct tars_Registry_getDockerRegistry_in *in,
			       struct tars_Registry_getDockerRegistry_out *out)
{
	(void)rq;
	(void)in;
	out->ret = 0;
	return TARS_OK;
}

static int get_framework_key(struct tars_req *rq,
			     const struct tars_Registry_getFrameworkKey_in *in,
			     struct tars_Registry_getFrameworkKey_out *out)
{
	(void)rq;
	(void)in;
	out->ret = 0;
	return TARS_OK;
}

const struct tars_Registry registry_nodes = {
	.reportNode = report_node,
	.registerNode = register_node,
	.keepAlive = keep_alive,
	.getServers = get_servers,
	.updateServer = update_server,
	.updateServerBatch = update_batch,
	.destroyNode = destroy_node,
	.reportVersion = report_version,
	.getNodeTemplate = get_node_template,
	.getClientIp = get_client_ip,
	.updatePatchResult = update_patch_result,
	.getDockerRegistry = get_docker_registry,
	.getFrameworkKey = get_framework_key,
	.reportHost = registry_report_host,
	.reportReadiness = registry_report_readiness,
	.joinNode = registry_join_node,
};
