/* AdminRegObj: what consoles and tools ask of servers, their profiles and states (contract 3.7). */
#include "roles/registry/admin.h"

#include "sql.h"
#include "if/Node.h"
#include "if/RegistryF.h"
#include "roles/registry/profile.h"

enum { STATE_MS = 5000 };

#define REF { in->application, in->serverName, in->nodeName }

static struct registry *registry(struct tars_req *rq)
{
	return tars_data(rq);
}

static struct tars_str text(struct tars_req *rq, const char *s)
{
	return tars_strndup(rq, s, strlen(s));
}

/* ---- templates and profiles ---- */

ADMIN(getProfileTemplate)
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

ADMIN(getServerProfileTemplate)
{
	struct server_ref ref = REF;
	struct err e = { 0 };

	out->ret = 0;
	if (server_profile(registry(rq), &ref, &out->profileTemplate, req_arena(rq), &e) < 0) {
		out->ret = -1;
		out->resultDesc = text(rq, e.text);
	}
	return TARS_OK;
}

/* ---- states ---- */

static int ask_node(struct tars_req *rq, struct registry *reg, const struct server_ref *ref,
		    struct tars_ServerStateDesc *state, struct tars_str *result)
{
	struct tars_Node_getStateInfo_in in = {
		.application = ref->app, .serverName = ref->server,
	};
	struct tars_Node_getStateInfo_out out = { 0 };
	int ret = node_call(rq, reg, ref->node, "getStateInfo", &in, &out, STATE_MS, result);

	if (ret != 0)
		return ret;
	state->presentStateInNode = text(rq, node_state_text((int)out.info.serverState));
	state->processId = out.info.processId;
	*result = out.result;
	return out.ret;
}

ADMIN(getServerState)
{
	struct registry *reg = registry(rq);
	struct server_ref ref = REF;
	struct Routes_DescriptorRow_list rows = { 0 };
	struct err e = { 0 };
	int rc = 0;

	if (ref.app.n && ref.server.n && ref.node.n)
		rc = registry_sql(reg, &SQL_registry_descriptors,
				  PG_PARAMS(ref.app.p, ref.server.p, ref.node.p),
				  &Routes_DescriptorRow_type, &rows, req_arena(rq), &e);
	out->ret = -1;
	if (rc >= 0 && !rows.n) {
		server_unknown(&ref, &e);
		out->ret = tars_tarsErrCode_EM_TARS_LOAD_SERVICE_DESC_ERR;
	}
	if (e.code) {
		out->result = text(rq, e.text);
		return TARS_OK;
	}
	out->state.settingStateInReg = rows.v[0].setting_state;
	out->state.presentStateInReg = rows.v[0].present_state;
	out->state.patchVersion = rows.v[0].patch_version;
	out->state.patchTime = rows.v[0].patch_time;
	out->state.patchUser = rows.v[0].patch_user;
	if (str_is_text(rows.v[0].server_type, "tars_dns")) {
		out->state.presentStateInNode = rows.v[0].present_state;
		out->ret = 0;
	} else {
		out->ret = ask_node(rq, reg, &ref, &out->state, &out->result);
	}
	return TARS_OK;
}

/* ---- commands ---- */

ADMIN(startServer)
{
	struct server_ref ref = REF;

	out->ret = server_start(rq, registry(rq), &ref, &out->result);
	return TARS_OK;
}

ADMIN(stopServer)
{
	struct server_ref ref = REF;

	out->ret = server_stop(rq, registry(rq), &ref, &out->result);
	return TARS_OK;
}

ADMIN(restartServer)
{
	struct server_ref ref = REF;

	out->ret = server_restart(rq, registry(rq), &ref, &out->result);
	return TARS_OK;
}

ADMIN(loadServer)
{
	struct server_ref ref = REF;

	out->ret = node_command(rq, registry(rq), NODE_LOAD, &ref, TARS_STR(""), &out->result);
	return TARS_OK;
}

ADMIN(notifyServer)
{
	struct server_ref ref = REF;

	out->ret = node_command(rq, registry(rq), NODE_NOTIFY, &ref, in->command, &out->result);
	return TARS_OK;
}

ADMIN(destroyServer)
{
	struct server_ref ref = REF;

	out->ret = server_destroy(rq, registry(rq), &ref, &out->result);
	return TARS_OK;
}

ADMIN(undeploy)
{
	struct server_ref ref = REF;

	out->ret = server_undeploy(rq, registry(rq), &ref, &out->log);
	return TARS_OK;
}

ADMIN(uninstallServer)
{
	struct server_ref ref = REF;

	out->ret = server_uninstall(rq, registry(rq), &ref, &out->result);
	return TARS_OK;
}

/* ---- about the caller and us ---- */

ADMIN(getGroupId)
{
	/* The id is the return value; the out parameter stays as it is (contract 13.4/40). */
	out->ret = route_admin_group_of(&registry(rq)->fleet->base->rows.rules, in->ip);
	return TARS_OK;
}

ADMIN(getClientIp)
{
	(void)in;
	out->sClientIp = text(rq, tars_caller_host(rq));
	return TARS_OK;
}

ADMIN(getVersion)
{
	(void)in;
	out->version = text(rq, TARS_VERSION);
	return TARS_OK;
}

#define ROW(f) .f = admin_##f,
const struct tars_AdminReg registry_admin = { ADMIN_ALL(ROW) };
