/* Operations that show what memory and tables say. */
#include "proto/endpoint.h"
#include "proto/tarsconf.h"
#include "roles/ops.h"
#include "roles/registry/ops.h"
#include "roles/registry/profile.h"

static struct tars_str str_of(const char *s)
{
	return (struct tars_str){ s ? s : "", s ? (uint32_t)strlen(s) : 0 };
}

OP_HANDLER(operations)
{
	for (const struct role_command *c = ops; c->name; c++) {
		const struct op *op = c->detail;
		struct tars_OperationRow *row;

		if (!op || (in->req.filter.n && !route_text_matches(in->req.filter, str_of(c->name))))
			continue;
		row = TARS_PUSH(rq, &out->rows);
		*row = (struct tars_OperationRow){
			.operation = str_of(c->name), .function = str_of(op->func),
			.right = str_of(op_rights[op->right]), .changes = op->changes,
			.summary = str_of(c->summary), .example = str_of(c->example),
		};
	}
	return TARS_OK;
}

OP_HANDLER(templateView)
{
	struct registry *reg = tars_data(rq);
	struct arena *a = req_arena(rq);
	struct templates *t;
	struct err e = { 0 };
	int rc = templates_load(reg, &t, a, &e);

	if (rc >= 0 && !templates_has(t, in->req.name))
		rc = err_set(&e, TARS_ENOTFOUND, "template %s does not exist (tars ctl template list)",
			     in->req.name.p);
	if (rc >= 0 && in->req.merged)
		rc = tarsconf_text(templates_merge(t, in->req.name, a), &out->result, a, &e);
	else if (rc >= 0)
		out->result = templates_text(t, in->req.name);
	if (rc < 0) {
		out->ret = ops_ret(rc);
		out->result = tars_strf(rq, "%s", e.text);
	}
	return TARS_OK;
}

/* ---- what a caller finds ---- */

static void add_endpoints(struct tars_req *rq, struct tars_IplistRow_list *rows,
			  const struct tars_EndpointF_list *from, bool active)
{
	static const char *const kinds[] = { "udp", "tcp", "ssl" };

	for (uint32_t i = 0; i < from->n; i++) {
		const struct tars_EndpointF *f = &from->v[i];
		struct tars_IplistRow *row = TARS_PUSH(rq, rows);

		*row = (struct tars_IplistRow){
			.endpoint = tars_strf(rq, "%s -h %s -p %d -t %d",
					      f->istcp >= 0 && f->istcp < 3 ? kinds[f->istcp] : "?",
					      f->host.p, f->port, f->timeout),
			.active = active, .node = f->nodeName, .set = f->setId, .group = f->groupworkid,
			.weight = f->weight,
		};
	}
}

OP_HANDLER(iplist)
{
	const struct registry *reg = tars_data(rq);
	const struct tars_IplistReq *r = &in->req;
	struct tars_str caller = r->caller.n ? r->caller : str_of(tars_caller_host(rq));
	struct route_answer ans = { 0 };

	if (r->set.n && r->station.n) {
		out->ret = -1;
		out->result = TARS_STR("give a set or a station, not both");
		return TARS_OK;
	}
	if (!fleet_object(reg->fleet, r->object)) {
		out->ret = -1;
		out->result = tars_strf(rq, "%s: no server has this object (tars ctl adapter list)",
					r->object.p);
		return TARS_OK;
	}
	if (r->station.n)
		route_in_station(reg->fleet, r->object, r->station, req_arena(rq), &ans);
	else if (r->set.n)
		route_in_set(reg->fleet, r->object, r->set, caller, req_arena(rq), &ans);
	else
		route_in_group(reg->fleet, r->object, caller, req_arena(rq), &ans);
	if (ans.ret) {
		out->ret = -1;
		out->result = tars_strf(rq, "%s: callers are answered %d: there is no station %s",
					r->object.p, ans.ret, r->station.p);
		return TARS_OK;
	}
	add_endpoints(rq, &out->rows, &ans.active, true);
	add_endpoints(rq, &out->rows, &ans.inactive, false);
	return TARS_OK;
}
