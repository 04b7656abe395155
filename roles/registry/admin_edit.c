/* AdminRegObj's writing operations on rows: servers, adapters, flow (contract 3.7). */
#include "sql.h"
#include "proto/json.h"
#include "roles/registry/command.h"

enum { REFUSED = -1 };

/* These functions have no text to answer with, so it goes with a framework code. */
static int refuse(struct tars_req *rq, const char *what, const struct err *e)
{
	return tars_fail(rq, TARS_EUNKNOWN, "%s: %s", what, e->text);
}

int admin_insert_server(struct tars_req *rq, const struct tars_AdminReg_insertServerConf_in *in,
			struct tars_AdminReg_insertServerConf_out *out)
{
	struct registry *reg = tars_data(rq);
	const struct tars_ServerConf *c = &in->conf;
	struct arena *a = req_arena(rq);
	struct err e = { 0 };
	/* Only 'Y' groups; the default of the official struct is "M". */
	const char *grouped = str_is_text(c->enableGroup, "Y") ? "Y" : "N";
	int rc = registry_sql(reg, &SQL_registry_server_upsert,
			  PG_PARAMS(c->application.p, c->serverName.p, c->nodeName.p,
				    c->basePath.p, c->exePath.p, c->profile.p, c->settingState.p,
				    c->serverType.n ? c->serverType.p : "tars_cpp",
				    c->startScript.p, c->stopScript.p, c->monitorScript.p,
				    PG_NULL, PG_NULL, PG_NULL, PG_NULL, PG_NULL,
				    arena_strf(a, "%d", c->asyncThreadNum), grouped,
				    c->ipGroupName.p, "admin", in->replace ? "t" : "f"),
			  NULL, NULL, a, &e);

	if (rc < 0)
		return refuse(rq, "insertServerConf", &e);
	out->ret = rc > 0 ? 0 : REFUSED;
	return TARS_OK;
}

int admin_insert_adapter(struct tars_req *rq, const struct tars_AdminReg_insertAdapterConf_in *in,
			 struct tars_AdminReg_insertAdapterConf_out *out)
{
	struct registry *reg = tars_data(rq);
	const struct tars_AdapterConf *c = &in->conf;
	struct arena *a = req_arena(rq);
	struct err e = { 0 };
	int rc = registry_sql(reg, &SQL_registry_adapter_upsert,
			  PG_PARAMS(in->sApplication.p, in->serverName.p, in->nodeName.p,
				    c->adapterName.p, arena_strf(a, "%d", c->threadNum),
				    c->endpoint.p, arena_strf(a, "%d", c->maxConnections),
				    c->allowIp.p, c->servant.p, arena_strf(a, "%d", c->queuecap),
				    arena_strf(a, "%d", c->queuetimeout), c->protocol.p, "admin",
				    in->replace ? "t" : "f"),
			  NULL, NULL, a, &e);

	if (rc < 0)
		return refuse(rq, "insertAdapterConf", &e);
	out->ret = rc > 0 ? 0 : REFUSED;
	return TARS_OK;
}

int admin_flow_state(struct tars_req *rq, const struct tars_AdminReg_updateServerFlowState_in *in,
		     struct tars_AdminReg_updateServerFlowState_out *out)
{
	struct registry *reg = tars_data(rq);
	struct buf names = BUF_INIT;
	struct err e = { 0 };
	int rc;

	if (!in->nodeList.n) {
		out->ret = REFUSED;
		return TARS_OK;
	}
	rc = json_put(&names, &tars_type_string_list, &in->nodeList, JSON_COMPACT, &e);
	if (rc == 0)
		rc = registry_sql(reg, &SQL_registry_set_flow,
			      PG_PARAMS(in->application.p, in->serverName.p,
					in->bActive ? "active" : "inactive", buf_str(&names)),
			      NULL, NULL, req_arena(rq), &e);
	buf_release(&names);
	if (rc < 0)
		return refuse(rq, "updateServerFlowState", &e);
	out->ret = 0;
	return TARS_OK;
}
