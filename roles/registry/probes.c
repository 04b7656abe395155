/* Probes of servants: given by operators, and what the nodes say of readiness. */
#include "roles/probe.h"

#include "core/sys/log.h"
#include "if/RegistryF.h"
#include "proto/json.h"
#include "roles/registry/ops.h"
#include "sql.h"

/* ---- readiness ---- */

static void set_ready(struct Routes_Server *s, const struct tars_EndpointReadiness *said)
{
	for (uint32_t i = 0; i < s->adapters.n; i++)
		if (str_is(s->adapters.v[i].servant, said->servant) &&
		    str_is(s->adapters.v[i].endpoint, said->endpoint))
			s->adapters.v[i].unready = !said->ready;
}

/* The database is away: look-ups answer what is true all the same, until it is there again. */
static void count_at_once(struct registry *reg, const struct server_ref *ref,
			  const struct tars_EndpointReadiness_list *said, struct arena *a)
{
	const struct instance *in = registry_server(reg, ref);
	struct Routes_Server s = { 0 };

	if (!in)
		return;
	fleet_server(in, &s, a);
	for (uint32_t i = 0; i < said->n; i++)
		set_ready(&s, &said->v[i]);
	fleet_put(reg->fleet, &s);
	registry_save_later(reg);
}

/* The rows that differ; how many there were. */
static int store(struct registry *reg, const struct tars_Registry_reportReadiness_in *in,
		 struct arena *a, struct err *e)
{
	int func = tars_iface_find(&tars_Registry_iface, "reportReadiness",
				   strlen("reportReadiness"));
	struct buf json = BUF_INIT;
	int rc = json_put(&json, tars_Registry_iface.funcs[func].in, in, JSON_COMPACT, e);

	if (rc == 0)
		rc = registry_sql(reg, &SQL_registry_set_ready, PG_PARAMS(buf_str(&json)), NULL,
				  NULL, a, e);
	buf_release(&json);
	return rc;
}

int registry_report_readiness(struct tars_req *rq,
			      const struct tars_Registry_reportReadiness_in *in,
			      struct tars_Registry_reportReadiness_out *out)
{
	struct registry *reg = tars_data(rq);
	struct server_ref ref = { in->application, in->serverName, in->nodeName };
	struct err e = { 0 };
	int rc;

	if (registry_admit(rq, reg, in->nodeName, &e) < 0)
		return tars_fail(rq, NODE_REFUSED, "%s", e.text);
	rc = store(reg, in, req_arena(rq), &e);
	/* Whoever is told of it and then looks finds it. */
	if (rc > 0)
		registry_reload_wait(reg);
	if (rc < 0) {
		count_at_once(reg, &ref, &in->endpoints, req_arena(rq));
		log_every(10000, LOG_LEVEL_WARN, NULL, "registry: readiness of %s.%s on node %s "
			  "counts but is not stored: %s", ref.app.p, ref.server.p, ref.node.p, e.text);
	}
	out->ret = rc < 0 ? -1 : 0;
	return TARS_OK;
}

/* ---- what operators want ---- */

static int check(struct tars_str text, enum probe_purpose purpose,
		 const struct Routes_DescriptorRow *row, struct arena *a, struct err *e)
{
	struct endpoint ep;

	if (!text.n || str_is_text(text, "none"))
		return 0;
	if (endpoint_parse(row->endpoint.p, row->endpoint.n, &ep, e) < 0)
		return err_wrap(e, "endpoint of %s", row->servant.p);
	return probe_check(text, purpose, &ep, row->protocol, a, e);
}

static int check_rows(const struct tars_AdapterProbeReq *req,
		      const struct Routes_DescriptorRow_list *rows, struct arena *a, struct err *e)
{
	const char *servant = arena_strf(a, "%s.%s", req->server.p, req->servant.p);
	uint32_t n = 0;

	for (uint32_t i = 0; i < rows->n; i++) {
		if (!str_is_text(rows->v[i].servant, servant))
			continue;
		if (check(req->liveness, PROBE_LIVENESS, &rows->v[i], a, e) < 0 ||
		    check(req->readiness, PROBE_READINESS, &rows->v[i], a, e) < 0)
			return err_wrap(e, "%s", servant);
		n++;
	}
	return n ? 0 : err_set(e, TARS_ENOTFOUND, "%s has no servant %s on node %s (tars ctl adapter "
			       "list %s)", req->server.p, req->servant.p, req->node.p, req->server.p);
}

int adapter_probe(struct registry *reg, const struct tars_AdapterProbeReq *req,
		  struct server_ref *ref, struct tars_str *text, struct arena *a, struct err *e)
{
	struct Routes_DescriptorRow_list rows = { 0 };
	int rc = ops_split_server(req->server, ref, a, e);

	if (rc < 0)
		return rc;
	if (!req->liveness.n && !req->readiness.n)
		return err_set(e, TARS_EARG, "%s.%s: which probe? --liveness, --readiness, each may be "
			       "none", req->server.p, req->servant.p);
	if (!req->node.n)
		return err_set(e, TARS_EARG, "%s: which node?", req->server.p);
	rc = registry_sql(reg, &SQL_registry_descriptors,
			  PG_PARAMS(ref->app.p, ref->server.p, ref->node.p),
			  &Routes_DescriptorRow_type, &rows, a, e);
	if (rc >= 0)
		rc = check_rows(req, &rows, a, e);
	return rc < 0 ? rc : ops_change(reg, &SQL_ops_adapter_probe,
					PG_PARAMS(req->server.p, req->servant.p, req->node.p,
						  req->liveness.p, req->readiness.p), text, a, e);
}
