/* Operations plan and apply: a declared fleet, what differs from it, and making it so. */
#include "roles/registry/command.h"
#include "roles/registry/ops.h"
#include "roles/registry/profile.h"
#include "sql.h"

enum { MAX_FLEET = 10000 };

/* One comparison of a declared fleet with what is there. */
struct comparison {
	struct tars_req *rq;
	struct registry *reg;
	const struct tars_FleetReq *req;
	struct arena *a;
	bool apply;
	struct tars_FleetChange_list *changes;
	struct Routes_DescriptorRow_list rows;   /* servers and adapters as they are */
	struct err e;
};

static struct tars_FleetChange *add_change(struct comparison *c, const char *action, const char *kind,
					   struct tars_str name, struct tars_str node,
					   const char *difference)
{
	struct tars_FleetChange *change = TARS_PUSH(c->rq, c->changes);

	*change = (struct tars_FleetChange){
		.action = tars_strf(c->rq, "%s", action), .kind = tars_strf(c->rq, "%s", kind),
		.name = name, .node = node, .difference = tars_strf(c->rq, "%s", difference),
		.outcome = TARS_STR(""),
	};
	return change;
}

/* "what: old -> new, "; texts of many lines are only named. */
static void differ(struct buf *b, const char *what, const char *old, const char *new)
{
	bool is_long = strlen(old) > 60 || strlen(new) > 60 || strchr(old, '\n') || strchr(new, '\n');

	if (!strcmp(old, new))
		return;
	if (is_long)
		buf_addf(b, "%s%s", buf_size(b) ? ", " : "", what);
	else
		buf_addf(b, "%s%s: %s -> %s", buf_size(b) ? ", " : "", what, *old ? old : "none",
			 *new ? new : "none");
}

static void differ_number(struct comparison *c, struct buf *b, const char *what, int old, int new)
{
	differ(b, what, arena_strf(c->a, "%d", old), arena_strf(c->a, "%d", new));
}

static const char *taken(struct comparison *c, struct buf *b)
{
	const char *text = arena_strdup(c->a, buf_str(b));

	buf_release(b);
	return text;
}

/* ---- rows that one statement writes ---- */

static int write_row(struct comparison *c, struct tars_FleetChange *change, const struct sql *sql,
		     const char *const *params)
{
	if (!c->apply)
		return 0;
	return ops_change(c->reg, sql, params, &change->outcome, c->a, &c->e) < 0 && c->e.code ?
		       c->e.code : 0;
}

static int compare_template(struct comparison *c, const struct tars_FleetTemplate *t,
			    const struct Routes_TemplateRow_list *there)
{
	const struct Routes_TemplateRow *old = NULL;
	struct tars_str parent = t->parent.n ? t->parent : t->name;
	struct buf b = BUF_INIT;
	const char *difference;

	for (uint32_t i = 0; i < there->n && !old; i++)
		if (str_is(there->v[i].template_name, t->name))
			old = &there->v[i];
	differ(&b, "parent", old ? old->parents_name.p : "", parent.p);
	differ(&b, "profile", old ? old->profile.p : "", t->profile.p);
	difference = taken(c, &b);
	if (old && !*difference)
		return 0;
	return write_row(c, add_change(c, old ? "update" : "create", "template", t->name, TARS_STR(""),
				       old ? difference : ""), &SQL_ops_template_set,
			 PG_PARAMS(t->name.p, t->profile.p, parent.p));
}

static int compare_idc(struct comparison *c, const struct tars_IdcRow *r,
		       const struct tars_IdcRow_list *there)
{
	const struct tars_IdcRow *old = NULL;
	struct buf b = BUF_INIT;
	const char *difference;

	for (uint32_t i = 0; i < there->n && !old; i++)
		if (str_is(there->v[i].name, r->name))
			old = &there->v[i];
	differ(&b, "order", old ? old->order.p : "", r->order.p);
	differ(&b, "allow", old ? old->allow.p : "", r->allow.p);
	differ(&b, "deny", old ? old->deny.p : "", r->deny.p);
	differ(&b, "remark", old ? old->remark.p : "", r->remark.p);
	difference = taken(c, &b);
	if (old && !*difference)
		return 0;
	return write_row(c, add_change(c, old ? "update" : "create", "idc", r->name, TARS_STR(""),
				       difference), &SQL_ops_idc_set,
			 PG_PARAMS(r->name.p, r->order.p, r->allow.p, r->deny.p, r->remark.p));
}

static int compare_station(struct comparison *c, const struct tars_StationRow *r,
			   const struct tars_StationRow_list *there)
{
	const struct tars_StationRow *old = NULL;
	struct buf b = BUF_INIT;
	const char *difference;

	for (uint32_t i = 0; i < there->n && !old; i++)
		if (str_is(there->v[i].name, r->name))
			old = &there->v[i];
	differ(&b, "groups", old ? old->groups.p : "", r->groups.p);
	differ_number(c, &b, "order", old ? old->order : 0, r->order);
	differ(&b, "station", old ? old->station.p : "", r->station.p);
	difference = taken(c, &b);
	if (old && !*difference)
		return 0;
	return write_row(c, add_change(c, old ? "update" : "create", "station", r->name, TARS_STR(""),
				       difference), &SQL_ops_station_set,
			 PG_PARAMS(r->name.p, r->groups.p, arena_strf(c->a, "%d", r->order),
				   r->station.p));
}

/* ---- servers ---- */

static bool is_of(const struct Routes_DescriptorRow *row, const struct server_ref *ref)
{
	return str_is(row->application, ref->app) && str_is(row->server_name, ref->server) &&
	       str_is(row->node_name, ref->node);
}

static const struct Routes_DescriptorRow *find_row(const struct comparison *c,
						   const struct server_ref *ref, const char *servant)
{
	for (uint32_t i = 0; i < c->rows.n; i++)
		if (is_of(&c->rows.v[i], ref) &&
		    (!servant || str_is_text(c->rows.v[i].servant, servant)))
			return &c->rows.v[i];
	return NULL;
}

static void compare_servant(struct comparison *c, const struct deploy *d, uint32_t i, struct buf *b)
{
	const struct tars_DeployServant *s = &d->req->servants.v[i];
	const struct Routes_DescriptorRow *old = find_row(c, &d->ref, d->servant_of[i]);
	struct buf own = BUF_INIT;

	if (!old) {
		buf_addf(b, "%snew servant %s", buf_size(b) ? ", " : "", d->servant_of[i]);
		return;
	}
	differ(&own, "endpoint", old->endpoint.p, d->endpoint_of[i]);
	differ(&own, "protocol", old->protocol.p, s->protocol.p);
	differ(&own, "allow", old->allow_ip.p, s->allow.p);
	differ(&own, "threads", old->thread_num.p, arena_strf(c->a, "%d", s->threads));
	differ_number(c, &own, "maxconns", old->max_connections, s->maxconns);
	differ_number(c, &own, "queuecap", old->queuecap, s->queuecap);
	differ_number(c, &own, "queuetimeout", old->queuetimeout, s->queuetimeout);
	if (buf_size(&own))
		buf_addf(b, "%s%s (%s)", buf_size(b) ? ", " : "", d->servant_of[i], buf_str(&own));
	buf_release(&own);
}

/* They count at once: a server does not start again for them. */
static void compare_probes(struct comparison *c, const struct deploy *d, struct buf *b)
{
	for (uint32_t i = 0; i < d->req->servants.n; i++) {
		const struct tars_DeployServant *s = &d->req->servants.v[i];
		const struct Routes_DescriptorRow *old = find_row(c, &d->ref, d->servant_of[i]);
		struct buf own = BUF_INIT;

		differ(&own, "liveness", old ? old->liveness.p : s->liveness.p, s->liveness.p);
		differ(&own, "readiness", old ? old->readiness.p : s->readiness.p, s->readiness.p);
		if (buf_size(&own))
			buf_addf(b, "%s%s (%s)", buf_size(b) ? ", " : "", d->servant_of[i],
				 buf_str(&own));
		buf_release(&own);
	}
}

static bool is_declared(const struct deploy *d, struct tars_str servant)
{
	for (uint32_t i = 0; i < d->req->servants.n; i++)
		if (str_is_text(servant, d->servant_of[i]))
			return true;
	return false;
}

/* What differs, without whether it shall run. */
static const char *difference_of(struct comparison *c, const struct deploy *d,
				 const struct Routes_DescriptorRow *old)
{
	const struct tars_DeployReq *r = d->req;
	struct buf b = BUF_INIT;
	const char *set = str_is_yes(old->enable_set) ?
			  arena_strf(c->a, "%s.%s.%s", old->set_name.p, old->set_area.p,
				     old->set_group.p) : "";

	differ(&b, "type", old->server_type.p, r->type.p);
	differ(&b, "exe", old->exe_path.p, r->exe.p);
	differ(&b, "start script", old->start_script_path.p, r->startScript.p);
	differ(&b, "stop script", old->stop_script_path.p, r->stopScript.p);
	differ(&b, "monitor script", old->monitor_script_path.p, r->monitorScript.p);
	differ(&b, "template", old->template_name.p, d->template_name);
	differ(&b, "profile", old->profile.p, r->profile.p);
	differ(&b, "set", set, r->set.p);
	for (uint32_t i = 0; i < r->servants.n; i++)
		compare_servant(c, d, i, &b);
	for (uint32_t i = 0; i < c->rows.n; i++)
		if (is_of(&c->rows.v[i], &d->ref) && c->rows.v[i].servant.n &&
		    !is_declared(d, c->rows.v[i].servant))
			buf_addf(&b, "%s%s is gone", buf_size(&b) ? ", " : "",
				 c->rows.v[i].servant.p);
	return taken(c, &b);
}

static void make_so(struct comparison *c, struct deploy *d, struct tars_FleetChange *change,
		    bool is_new, bool differs)
{
	int ret;

	if (deploy_write(d) < 0) {
		change->outcome = tars_strf(c->rq, "failed: %s", d->e.text);
		return;
	}
	registry_reload_wait(c->reg);
	/* What runs must end for what is new to count. */
	if (differs && !is_new && d->req->start)
		ret = server_restart(c->rq, c->reg, &d->ref, &change->outcome);
	else
		ret = deploy_start(d, &change->outcome);
	if (ret)
		change->outcome = tars_strf(c->rq, "failed: %s", change->outcome.p);
}

static int compare_server(struct comparison *c, const struct tars_FleetServer *s,
			  struct tars_str node)
{
	struct tars_DeployReq req = {
		.server = s->server, .node = node, .type = s->type, .exe = s->exe,
		.startScript = s->startScript, .stopScript = s->stopScript,
		.monitorScript = s->monitorScript, .templateName = s->templateName,
		.profile = s->profile, .servants = s->servants, .start = s->start, .set = s->set,
	};
	struct deploy d = {
		.rq = c->rq, .reg = c->reg, .req = &req, .a = c->a,
		.new_templates = &c->req->templates,
	};
	const struct Routes_DescriptorRow *old;
	struct tars_FleetChange *change;
	const char *difference, *wanted = s->start ? "active" : "inactive";
	struct buf b = BUF_INIT;

	if (!node.n)
		return err_set(&c->e, TARS_EARG, "%s: a node has no name", s->server.p);
	if (deploy_check(&d) < 0) {
		c->e = d.e;
		return err_wrap(&c->e, "%s on node %s", s->server.p, node.p);
	}
	old = find_row(c, &d.ref, NULL);
	difference = old ? difference_of(c, &d, old) : "";
	buf_add_str(&b, difference);
	if (old)
		compare_probes(c, &d, &b);
	differ(&b, "wanted", old ? old->setting_state.p : wanted, wanted);
	if (old && !buf_size(&b)) {
		buf_release(&b);
		return 0;
	}
	change = add_change(c, old ? "update" : "create", "server", s->server, node, taken(c, &b));
	if (c->apply)
		make_so(c, &d, change, !old, *difference);
	return 0;
}

/* ---- what is there and not declared ---- */

static bool app_is_named(const struct tars_FleetReq *req, struct tars_str app)
{
	for (uint32_t i = 0; i < req->servers.n; i++)
		if (!strncmp(req->servers.v[i].server.p, app.p, app.n) &&
		    req->servers.v[i].server.p[app.n] == '.')
			return true;
	return false;
}

static bool server_is_named(const struct tars_FleetReq *req, struct tars_str server,
			    struct tars_str node)
{
	for (uint32_t i = 0; i < req->servers.n; i++)
		for (uint32_t k = 0; k < req->servers.v[i].nodes.n; k++)
			if (str_is(req->servers.v[i].server, server) &&
			    str_is(req->servers.v[i].nodes.v[k], node))
				return true;
	return false;
}

static void prune(struct comparison *c)
{
	const struct Routes_DescriptorRow *last = NULL;

	for (uint32_t i = 0; i < c->rows.n; i++) {
		const struct Routes_DescriptorRow *row = &c->rows.v[i];
		struct server_ref ref = { row->application, row->server_name, row->node_name };
		struct tars_str name = tars_strf(c->rq, "%s.%s", ref.app.p, ref.server.p);
		struct tars_FleetChange *change;

		if ((last && descriptor_is_of(row, last)) || !app_is_named(c->req, ref.app) ||
		    server_is_named(c->req, name, ref.node))
			continue;
		last = row;
		change = add_change(c, "delete", "server", name, ref.node, "");
		if (c->apply && server_undeploy(c->rq, c->reg, &ref, &change->outcome))
			change->outcome = tars_strf(c->rq, "failed: %s", change->outcome.p);
	}
}

/* ---- all of it ---- */

/* What servers need comes before them. */
static int compare_rows(struct comparison *c)
{
	const struct tars_FleetReq *r = c->req;
	struct Routes_TemplateRow_list templates = { 0 };
	struct tars_IdcRow_list idc = { 0 };
	struct tars_StationRow_list stations = { 0 };
	int rc = registry_sql(c->reg, &SQL_registry_templates, PG_PARAMS(), &Routes_TemplateRow_type,
			      &templates, c->a, &c->e);

	if (rc >= 0)
		rc = registry_sql(c->reg, &SQL_ops_idc_list, PG_PARAMS(""), &tars_IdcRow_type, &idc,
				  c->a, &c->e);
	if (rc >= 0)
		rc = registry_sql(c->reg, &SQL_ops_station_list, PG_PARAMS(""), &tars_StationRow_type,
				  &stations, c->a, &c->e);
	for (uint32_t i = 0; rc >= 0 && i < r->templates.n; i++)
		rc = compare_template(c, &r->templates.v[i], &templates);
	for (uint32_t i = 0; rc >= 0 && i < r->idc.n; i++)
		rc = compare_idc(c, &r->idc.v[i], &idc);
	for (uint32_t i = 0; rc >= 0 && i < r->stations.n; i++)
		rc = compare_station(c, &r->stations.v[i], &stations);
	return rc;
}

static int compare_servers(struct comparison *c)
{
	uint32_t n = 0;
	int rc = registry_sql(c->reg, &SQL_registry_descriptors, PG_PARAMS("", "", ""),
			      &Routes_DescriptorRow_type, &c->rows, c->a, &c->e);

	for (uint32_t i = 0; rc >= 0 && i < c->req->servers.n; i++) {
		const struct tars_FleetServer *s = &c->req->servers.v[i];

		for (uint32_t k = 0; rc >= 0 && k < s->nodes.n; k++)
			rc = ++n > MAX_FLEET ? err_set(&c->e, TARS_ELIMIT, "more than %d servers: give "
						       "them in several files", MAX_FLEET) :
					       compare_server(c, s, s->nodes.v[k]);
	}
	if (rc >= 0 && c->req->prune)
		prune(c);
	return rc;
}

static int compare(struct comparison *c, struct tars_str *result)
{
	if (compare_rows(c) >= 0 && compare_servers(c) >= 0)
		return 0;
	*result = tars_strf(c->rq, "%s", c->e.text);
	return ops_ret(c->e.code);
}

/* A plan is made first, so that a mistake anywhere changes nothing. */
static int run_both(struct tars_req *rq, const struct tars_FleetReq *req, bool apply,
		    struct tars_FleetChange_list *changes, struct tars_str *result)
{
	struct tars_FleetChange_list planned = { 0 };
	struct comparison c = {
		.rq = rq, .reg = tars_data(rq), .req = req, .a = req_arena(rq), .changes = &planned,
	};
	int ret = compare(&c, result);

	if (!ret && apply) {
		c.apply = true;
		c.changes = changes;
		c.rows = (struct Routes_DescriptorRow_list){ 0 };
		ret = compare(&c, result);
	} else if (!ret) {
		*changes = planned;
	}
	return ret;
}

OP_HANDLER(plan)
{
	out->ret = run_both(rq, &in->req, false, &out->rows, &out->result);
	return TARS_OK;
}

OP_HANDLER(apply)
{
	out->ret = run_both(rq, &in->req, true, &out->rows, &out->result);
	return TARS_OK;
}
