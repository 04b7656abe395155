/*
 * AdminRegObj: the operations that consoles and tools use (contract 3.7); those without a row in
 * the table at the end answer that the function does not exist.
 */
#include "if/AdminReg.h"

#include "sql.h"
#include "if/Node.h"
#include "if/RegistryF.h"
#include "proto/tarsconf.h"
#include "roles/registry/command.h"
#include "roles/registry/profile.h"

#define IN(f) const struct tars_AdminReg_##f##_in *in
#define OUT(f) struct tars_AdminReg_##f##_out *out
#define REF { in->application, in->serverName, in->nodeName }

static struct registry *registry(struct tars_req *rq)
{
	return tars_data(rq);
}

static struct tars_str text(struct tars_req *rq, const char *s)
{
	return tars_strndup(rq, s, strlen(s));
}

/* ---- lists, from memory ---- */

static int get_applications(struct tars_req *rq, IN(getAllApplicationNames),
			    OUT(getAllApplicationNames))
{
	const struct Routes_Row_list *rows = &registry(rq)->model->rows.servers;
	struct index seen;

	(void)in;
	index_init(&seen, rows->n, req_arena(rq));
	for (uint32_t i = 0; i < rows->n; i++) {
		void **slot = index_slot(&seen, rows->v[i].application);

		if (*slot)
			continue;
		*slot = &rows->v[i];
		*TARS_PUSH(rq, &out->ret) = rows->v[i].application;
	}
	return TARS_OK;
}

static int get_nodes(struct tars_req *rq, IN(getAllNodeNames), OUT(getAllNodeNames))
{
	const struct Routes_NodeRow_list *nodes = &registry(rq)->model->rows.nodes;

	(void)in;
	for (uint32_t i = 0; i < nodes->n; i++)
		if (str_is_text(nodes->v[i].present_state, "active"))
			*TARS_PUSH(rq, &out->ret) = nodes->v[i].node_name;
	return TARS_OK;
}

static int get_node_list(struct tars_req *rq, IN(getNodeList), OUT(getNodeList))
{
	for (uint32_t i = 0; i < in->nodeNames.n; i++) {
		const struct Routes_NodeRow *node = model_node(registry(rq)->model,
							       in->nodeNames.v[i]);
		struct tars_string_string_pair *pair = TARS_PUSH(rq, &out->heartbeats);

		pair->key = in->nodeNames.v[i];
		if (node)
			pair->val = node->heartbeat_time;
	}
	return TARS_OK;
}

/* Rows of one server are adjacent: calls fn once for each server. */
static bool is_first(const struct Routes_Row_list *rows, uint32_t i)
{
	const struct Routes_Row *x = &rows->v[i], *y = x - 1;

	return i == 0 || !str_is(x->server_name, y->server_name) ||
	       !str_is(x->application, y->application) || !str_is(x->node_name, y->node_name);
}

static int get_server_ids(struct tars_req *rq, IN(getAllServerIds), OUT(getAllServerIds))
{
	const struct Routes_Row_list *rows = &registry(rq)->model->rows.servers;

	(void)in;
	for (uint32_t i = 0; i < rows->n; i++) {
		const struct Routes_Row *row = &rows->v[i];
		struct tars_string_list *id;

		if (!is_first(rows, i))
			continue;
		id = TARS_PUSH(rq, &out->ret);
		*TARS_PUSH(rq, id) = tars_strf(rq, "%s.%s_%s", row->application.p,
					       row->server_name.p, row->node_name.p);
		*TARS_PUSH(rq, id) = row->setting_state;
		*TARS_PUSH(rq, id) = row->present_state;
		*TARS_PUSH(rq, id) = row->server_type;
	}
	return TARS_OK;
}

static int get_server_tree(struct tars_req *rq, IN(getServerTree), OUT(getServerTree))
{
	const struct Routes_Row_list *rows = &registry(rq)->model->rows.servers;

	(void)in;
	for (uint32_t i = 0; i < rows->n; i++) {
		const struct Routes_Row *row = &rows->v[i];
		struct tars_ServerTree *t;

		if (!is_first(rows, i))
			continue;
		t = TARS_PUSH(rq, &out->tree);
		t->application = row->application;
		t->server_name = row->server_name;
		t->enable_set = row->enable_set;
		t->set_name = row->set_name;
		t->set_area = row->set_area;
		t->set_group = row->set_group;
	}
	return TARS_OK;
}

static void add_framework_server(struct tars_req *rq, struct tars_FrameworkServer_list *list,
				 struct tars_str server, struct tars_str node,
				 struct tars_str servant, struct tars_str endpoint)
{
	struct tars_FrameworkServer *s = TARS_PUSH(rq, list);

	s->serverName = server;
	s->nodeName = node;
	s->objName = tars_strf(rq, "%s@%s", servant.p, endpoint.p);
}

static int get_servers(struct tars_req *rq, IN(getServers), OUT(getServers))
{
	const struct Routes_Rows *rows = &registry(rq)->model->rows;

	(void)in;
	for (uint32_t i = 0; i < rows->servers.n; i++) {
		const struct Routes_Row *row = &rows->servers.v[i];

		if (str_is_text(row->application, "tars") && row->servant.n)
			add_framework_server(rq, &out->servers, row->server_name, row->node_name,
					     row->servant, row->endpoint);
	}
	for (uint32_t i = 0; i < rows->platform.n; i++) {
		const struct Routes_PlatformRow *row = &rows->platform.v[i];

		add_framework_server(rq, &out->servers, row->servant, row->locator_id,
				     row->servant, row->endpoint);
	}
	return TARS_OK;
}

static int has_server(struct tars_req *rq, IN(hasServer), OUT(hasServer))
{
	const struct Routes_Row_list *rows = &registry(rq)->model->rows.servers;

	for (uint32_t i = 0; i < rows->n && !out->has; i++)
		out->has = str_is(rows->v[i].application, in->application) &&
			   str_is(rows->v[i].server_name, in->serverName);
	return TARS_OK;
}

/* ---- templates and profiles ---- */

static int get_template(struct tars_req *rq, IN(getProfileTemplate), OUT(getProfileTemplate))
{
	struct arena *a = req_arena(rq);
	struct templates *t;
	struct err e = { 0 };

	if (templates_load(registry(rq), &t, a, &e) < 0 ||
	    tarsconf_text(templates_merge(t, in->profileName, a), &out->profileTemplate, a, &e) < 0)
		return tars_fail(rq, TARS_EUNKNOWN, "template %s: %s", in->profileName.p, e.text);
	out->resultDesc = templates_describe(t, in->profileName, a);
	return TARS_OK;
}

static int get_profile(struct tars_req *rq, IN(getServerProfileTemplate),
		       OUT(getServerProfileTemplate))
{
	struct tars_ServerDescriptor_list list = { 0 };
	struct err e = { 0 };

	out->ret = -1;
	if (descriptors_load(rq, registry(rq), in->application, in->serverName, in->nodeName, &list,
			     &e) < 0) {
		out->resultDesc = text(rq, e.text);
	} else if (list.n != 1) {
		out->resultDesc = tars_strf(rq, "%s.%s is not deployed on node %s",
					    in->application.p, in->serverName.p, in->nodeName.p);
	} else {
		out->ret = 0;
		out->profileTemplate = list.v[0].profile;
	}
	return TARS_OK;
}

/* ---- states ---- */

static void ask_node(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		     struct tars_ServerStateDesc *state, struct tars_str *result)
{
	const struct Routes_NodeRow *node = model_node(reg->model, ref->node);
	struct tars_Node_getStateInfo_in in = {
		.application = ref->app, .serverName = ref->server,
	};
	struct tars_Node_getStateInfo_out out = { 0 };
	struct tars_call c = { .rq = rq, .timeout_ms = 5000 };
	static const char *const names[] = {
		"Inactive", "Activating", "Active", "Deactivating", "Destroying", "Destroyed",
	};

	if (!node || !node->node_obj.n || !node_is_active(reg, ref->node)) {
		*result = tars_strf(rq, "node %s is not there to be asked", ref->node.p);
		return;
	}
	c.to = tars_proxy(reg->app, node->node_obj.p);
	if (tars_Node_getStateInfo(&c, &in, &out) != 0) {
		*result = text(rq, c.error);
		return;
	}
	if ((uint32_t)out.info.serverState < sizeof(names) / sizeof(*names))
		state->presentStateInNode = text(rq, names[out.info.serverState]);
	state->processId = out.info.processId;
	*result = out.result;
}

static int get_state(struct tars_req *rq, IN(getServerState), OUT(getServerState))
{
	struct registry *reg = registry(rq);
	struct server_ref ref = REF;
	struct Routes_DescriptorRow_list rows = { 0 };
	struct err e = { 0 };
	int rc = registry_sql(reg, &SQL_registry_descriptors,
			  PG_PARAMS(ref.app.p, ref.server.p, ref.node.p),
			  &Routes_DescriptorRow_type, &rows, req_arena(rq), &e);

	out->ret = -1;
	if (rc < 0) {
		out->result = text(rq, e.text);
		return TARS_OK;
	}
	if (!rows.n || !ref.app.n || !ref.server.n || !ref.node.n) {
		out->result = tars_strf(rq, "%s.%s is not deployed on node %s", ref.app.p,
					ref.server.p, ref.node.p);
		return TARS_OK;
	}
	out->ret = 0;
	out->state.settingStateInReg = rows.v[0].setting_state;
	out->state.presentStateInReg = rows.v[0].present_state;
	out->state.patchVersion = rows.v[0].patch_version;
	out->state.patchTime = rows.v[0].patch_time;
	out->state.patchUser = rows.v[0].patch_user;
	if (str_is_text(rows.v[0].server_type, "tars_dns"))
		out->state.presentStateInNode = rows.v[0].present_state;
	else
		ask_node(rq, reg, &ref, &out->state, &out->result);
	return TARS_OK;
}

static int ping_node(struct tars_req *rq, IN(pingNode), OUT(pingNode))
{
	out->ret = node_ping(rq, registry(rq), in->name, &out->result);
	return TARS_OK;
}

/* ---- commands ---- */

static int start(struct tars_req *rq, IN(startServer), OUT(startServer))
{
	struct server_ref ref = REF;

	out->ret = server_start(rq, registry(rq), &ref, &out->result);
	return TARS_OK;
}

static int stop(struct tars_req *rq, IN(stopServer), OUT(stopServer))
{
	struct server_ref ref = REF;

	out->ret = server_stop(rq, registry(rq), &ref, &out->result);
	return TARS_OK;
}

static int restart(struct tars_req *rq, IN(restartServer), OUT(restartServer))
{
	struct server_ref ref = REF;

	out->ret = server_restart(rq, registry(rq), &ref, &out->result);
	return TARS_OK;
}

static int load(struct tars_req *rq, IN(loadServer), OUT(loadServer))
{
	struct server_ref ref = REF;

	out->ret = node_command(rq, registry(rq), NODE_LOAD, &ref, TARS_STR(""), &out->result);
	return TARS_OK;
}

static int notify(struct tars_req *rq, IN(notifyServer), OUT(notifyServer))
{
	struct server_ref ref = REF;

	out->ret = node_command(rq, registry(rq), NODE_NOTIFY, &ref, in->command, &out->result);
	return TARS_OK;
}

static int destroy(struct tars_req *rq, IN(destroyServer), OUT(destroyServer))
{
	struct server_ref ref = REF;

	out->ret = server_stop(rq, registry(rq), &ref, &out->result);
	if (out->ret == 0)
		out->ret = node_command(rq, registry(rq), NODE_DESTROY, &ref, TARS_STR(""),
					&out->result);
	return TARS_OK;
}

static int undeploy(struct tars_req *rq, IN(undeploy), OUT(undeploy))
{
	struct server_ref ref = REF;

	out->ret = server_undeploy(rq, registry(rq), &ref, &out->log);
	return TARS_OK;
}

static int uninstall(struct tars_req *rq, IN(uninstallServer), OUT(uninstallServer))
{
	struct server_ref ref = REF;

	out->ret = server_undeploy(rq, registry(rq), &ref, &out->result);
	return TARS_OK;
}

/* ---- about the caller and us ---- */

static int get_group(struct tars_req *rq, IN(getGroupId), OUT(getGroupId))
{
	/* The id is the return value; the out parameter stays as it is (contract 13.4/40). */
	out->ret = route_admin_group_of(&registry(rq)->model->rows.rules, in->ip);
	return TARS_OK;
}

static int get_client_ip(struct tars_req *rq, IN(getClientIp), OUT(getClientIp))
{
	(void)in;
	out->sClientIp = text(rq, tars_caller_host(rq));
	return TARS_OK;
}

static int get_version(struct tars_req *rq, IN(getVersion), OUT(getVersion))
{
	(void)in;
	out->version = text(rq, TARS_VERSION);
	return TARS_OK;
}

const struct tars_AdminReg registry_admin = {
	.getAllApplicationNames = get_applications,
	.getAllNodeNames = get_nodes,
	.getNodeList = get_node_list,
	.getAllServerIds = get_server_ids,
	.getServerTree = get_server_tree,
	.getServers = get_servers,
	.hasServer = has_server,
	.getProfileTemplate = get_template,
	.getServerProfileTemplate = get_profile,
	.getServerState = get_state,
	.pingNode = ping_node,
	.startServer = start,
	.stopServer = stop,
	.restartServer = restart,
	.destroyServer = destroy,
	.loadServer = load,
	.notifyServer = notify,
	.undeploy = undeploy,
	.uninstallServer = uninstall,
	.insertServerConf = admin_insert_server,
	.insertAdapterConf = admin_insert_adapter,
	.updateServerFlowState = admin_flow_state,
	.getGroupId = get_group,
	.getClientIp = get_client_ip,
	.getVersion = get_version,
};
