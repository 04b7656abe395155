/* AdminRegObj's operations on rows: servers, adapters, flow, files, plugins (contract 3.7). */
#include "roles/registry/admin.h"

#include "sql.h"
#include "proto/json.h"
#include "roles/registry/store.h"

enum { REFUSED = -1 };

/* These functions have no text to answer with, so it goes with a framework code. */
static int refuse(struct tars_req *rq, const char *what, const struct err *e)
{
	return tars_fail(rq, TARS_EUNKNOWN, "%s: %s", what, e->text);
}

/* Whoever changes rows and then looks finds them. */
static int stored(struct registry *reg, int n_rows, int32_t *ret)
{
	if (n_rows > 0)
		registry_reload_wait(reg);
	*ret = n_rows > 0 ? 0 : REFUSED;
	return TARS_OK;
}

ADMIN(insertServerConf)
{
	struct registry *reg = tars_data(rq);
	const struct tars_ServerConf *c = &in->conf;
	struct arena *a = req_arena(rq);
	struct err e = { 0 };
	int rc = registry_sql(reg, &SQL_registry_server_upsert,
			  PG_PARAMS(c->application.p, c->serverName.p, c->nodeName.p,
				    c->basePath.p, c->exePath.p, c->profile.p, c->settingState.p,
				    c->serverType.n ? c->serverType.p : "tars_cpp",
				    c->startScript.p, c->stopScript.p, c->monitorScript.p,
				    PG_NULL, PG_NULL, PG_NULL, PG_NULL, PG_NULL,
				    arena_strf(a, "%d", c->asyncThreadNum),
				    c->enableGroup.p, c->ipGroupName.p, "", in->replace ? "t" : "f"),
			  NULL, NULL, a, &e);

	if (rc < 0)
		return refuse(rq, "insertServerConf", &e);
	return stored(reg, rc, &out->ret);
}

ADMIN(insertAdapterConf)
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
				    arena_strf(a, "%d", c->queuetimeout), c->protocol.p, "",
				    in->replace ? "t" : "f", PG_NULL, PG_NULL),
			  NULL, NULL, a, &e);

	if (rc < 0)
		return refuse(rq, "insertAdapterConf", &e);
	return stored(reg, rc, &out->ret);
}

ADMIN(updateServerFlowState)
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
	registry_reload_wait(reg);
	out->ret = 0;
	return TARS_OK;
}

/* ---- configuration files, plugins, releases ---- */

/* REFUSED for what the caller may expect, an error with a text for all else. */
static int answer(struct tars_req *rq, const char *what, int rc, int32_t *ret, const struct err *e)
{
	*ret = rc == 0 ? 0 : REFUSED;
	return rc == 0 || rc == TARS_EEXISTS || rc == TARS_ENOTFOUND ? TARS_OK
								      : refuse(rq, what, e);
}

ADMIN(insertConfigFile)
{
	struct config_ref ref = { in->sFullServerName, in->fileName, in->nodeName, in->level };
	struct err e = { 0 };
	int rc = store_config_file(tars_data(rq), &ref, in->content, in->replace, req_arena(rq),
				   &e);

	return answer(rq, "insertConfigFile", rc, &out->ret, &e);
}

ADMIN(getConfigFileId)
{
	struct config_ref ref = { in->sFullServerName, in->fileName, in->nodeName, in->level };
	struct err e = { 0 };
	int64_t id = 0;
	int rc = store_config_id(tars_data(rq), &ref, &id, req_arena(rq), &e);

	out->configId = (int32_t)id;
	return answer(rq, "getConfigFileId", rc, &out->ret, &e);
}

ADMIN(insertHistoryConfigFile)
{
	struct err e = { 0 };
	int rc = store_config_history(tars_data(rq), in->configId, in->reason, in->content,
				      req_arena(rq), &e);

	return answer(rq, "insertHistoryConfigFile", rc, &out->ret, &e);
}

ADMIN(registerPlugin)
{
	struct err e = { 0 };
	int rc = store_plugin(tars_data(rq), &in->conf, req_arena(rq), &e);

	return answer(rq, "registerPlugin", rc, &out->ret, &e);
}

/* The official registry does not look at packageType either. */
ADMIN(getPatchPackage)
{
	struct Routes_Package found = { 0 };
	struct err e = { 0 };
	int rc = store_package(tars_data(rq), in->application, in->serverName, in->defaultVersion,
			       &found, req_arena(rq), &e);

	out->pack.id = found.id;
	out->pack.md5 = found.md5;
	return answer(rq, "getPatchPackage", rc, &out->ret, &e);
}
