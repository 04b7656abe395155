/* CtlObj: what `tars ctl` asks for; a deployment is checked as a whole and written at once. */
#include <arpa/inet.h>
#include <ctype.h>

#include "if/Ctl.h"
#include "proto/endpoint.h"
#include "proto/tarsconf.h"
#include "roles/registry/command.h"
#include "roles/registry/profile.h"
#include "sql.h"

enum { REFUSED = -1, IDLE_MS = 60000, MAX_NAME = 128, MAX_SERVANTS = 256 };

/* A deployment on its way: what the request says, completed. */
struct deploy {
	struct tars_req *rq;
	struct registry *reg;
	const struct tars_DeployReq *req;
	struct arena *a;
	struct server_ref ref;
	const char *template_name;
	const char **servant_of, **endpoint_of;  /* per servant, as they are stored */
	struct endpoint *eps;
	struct err e;
};

/* ---- checks: what is wrong, and what would be right ---- */

/* Names end up in paths, scripts and object names. */
static int check_name(struct deploy *d, const char *what, struct tars_str s, const char *also)
{
	bool ok = s.n > 0 && s.n <= MAX_NAME && s.p[0] != '.';

	for (uint32_t i = 0; i < s.n && ok; i++)
		ok = s.p[i] && (isalnum((unsigned char)s.p[i]) || strchr(also, s.p[i]));
	if (ok)
		return 0;
	return err_set(&d->e, TARS_EARG, "%s '%.*s': up to %d letters, digits%s%s%s are allowed",
		       what, (int)(s.n > 64 ? 64 : s.n), s.p, MAX_NAME,
		       *also ? " and any of '" : "", also, *also ? "'" : "");
}

static int check_node(struct deploy *d)
{
	const struct Routes_NodeRow_list *nodes = &d->reg->model->rows.nodes;
	struct buf known = BUF_INIT;

	if (model_node(d->reg->model, d->ref.node))
		return 0;
	for (uint32_t i = 0; i < nodes->n && buf_size(&known) < 300; i++)
		buf_addf(&known, "%s%s", i ? ", " : "", nodes->v[i].node_name.p);
	err_set(&d->e, TARS_ENOTFOUND, "node %s is not registered; %s%s", d->ref.node.p,
		nodes->n ? "registered are: " : "start `tars node` on it first",
		buf_str(&known));
	buf_release(&known);
	return d->e.code;
}

static const char *default_template(struct tars_str type)
{
	static const struct {
		const char *type, *name;
	} rows[] = {
		{ "tars_c", "tars.c.default" }, { "tars_cpp", "tars.cpp.default" },
		{ "tars_go", "tars.go.default" }, { "tars_java", "tars.tarsjava.default" },
		{ "tars_nodejs", "tars.nodejs.default" }, { "tars_php", "tars.tarsphp.default" },
		{ "not_tars", "tars.default" }, { "tars_dns", "tars.default" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (str_is_text(type, rows[i].type))
			return rows[i].name;
	return NULL;
}

static int check_profile(struct deploy *d)
{
	const struct tars_DeployReq *req = d->req;
	struct templates *t;
	int rc;

	d->template_name = default_template(req->serverType);
	if (!d->template_name)
		return err_set(&d->e, TARS_EARG, "type '%s' is unknown: tars_c, tars_cpp, tars_go, "
			       "tars_java, tars_nodejs, tars_php, not_tars or tars_dns",
			       req->serverType.p);
	if (req->templateName.n)
		d->template_name = req->templateName.p;
	rc = templates_load(d->reg, &t, d->a, &d->e);
	if (rc < 0)
		return rc;
	if (!templates_has(t, (struct tars_str){ d->template_name,
						 (uint32_t)strlen(d->template_name) }))
		return err_set(&d->e, TARS_ENOTFOUND, "template %s does not exist "
			       "(t_profile_template)", d->template_name);
	rc = tarsconf_parse(tarsconf_new(d->a), req->profile.p, req->profile.n, &d->e);
	return rc < 0 ? err_wrap(&d->e, "the profile") : 0;
}

static int check_set(struct deploy *d)
{
	const struct tars_DeployReq *req = d->req;
	unsigned n = !!req->setName.n + !!req->setArea.n + !!req->setGroup.n;

	if (n == 0)
		return 0;
	if (n < 3)
		return err_set(&d->e, TARS_EARG, "a set needs name, area and group "
			       "(name.area.group)");
	if (check_name(d, "set name", req->setName, "_-") < 0 ||
	    check_name(d, "set area", req->setArea, "_-") < 0 ||
	    check_name(d, "set group", req->setGroup, "_-*") < 0)
		return d->e.code;
	return 0;
}

/* The host that a node's servers get when none is given: where the node takes its commands. */
static const char *node_host(struct deploy *d)
{
	const struct Routes_NodeRow *node = model_node(d->reg->model, d->ref.node);
	struct object_ref obj;

	if (node && node->node_obj.n && object_ref_parse(node->node_obj.p, &obj, d->a, NULL) == 0 &&
	    obj.eps.n)
		return arena_strdup(d->a, obj.eps.v[0].host);
	return NULL;
}

static int check_servant(struct deploy *d, uint32_t i)
{
	const struct tars_DeployServant *s = &d->req->servants.v[i];
	struct endpoint *ep = &d->eps[i];
	struct buf text = BUF_INIT;
	const char *prefix = arena_strf(d->a, "%s.%s.", d->ref.app.p, d->ref.server.p);
	const char *endpoint = s->endpoint.p, *host;

	if (!memchr(s->servant.p, '.', s->servant.n))
		d->servant_of[i] = arena_strf(d->a, "%s%s", prefix, s->servant.p);
	else if (strncmp(s->servant.p, prefix, strlen(prefix)) == 0)
		d->servant_of[i] = s->servant.p;
	else
		return err_set(&d->e, TARS_EARG, "servant %s must begin with %s", s->servant.p,
			       prefix);
	if (check_name(d, "servant", (struct tars_str){ d->servant_of[i] + strlen(prefix),
			(uint32_t)strlen(d->servant_of[i] + strlen(prefix)) }, "_") < 0)
		return d->e.code;
	if (!strstr(endpoint, "-h ")) {
		host = node_host(d);
		if (!host)
			return err_set(&d->e, TARS_EARG, "servant %s: the endpoint '%s' has no "
				       "host (-h)", d->servant_of[i], endpoint);
		endpoint = arena_strf(d->a, "%s -h %s", endpoint, host);
	}
	if (endpoint_parse(endpoint, strlen(endpoint), ep, &d->e) < 0)
		return err_wrap(&d->e, "servant %s", d->servant_of[i]);
	/* It becomes the idle time-out of connections: three seconds are never meant. */
	if (!strstr(endpoint, "-t "))
		ep->timeout_ms = IDLE_MS;
	if (ep->port < 1)
		return err_set(&d->e, TARS_EARG, "servant %s: the endpoint '%s' has no port (-p)",
			       d->servant_of[i], endpoint);
	if (s->threads < 1 || s->maxconns < 1 || s->queuecap < 1 || s->queuetimeout < 1)
		return err_set(&d->e, TARS_EARG, "servant %s: threads, connections and queue "
			       "limits must be positive", d->servant_of[i]);
	endpoint_print(&text, ep);
	d->endpoint_of[i] = arena_strdup(d->a, buf_str(&text));
	buf_release(&text);
	return 0;
}

static bool is_wildcard(const char *host)
{
	return !strcmp(host, "0.0.0.0") || !strcmp(host, "*") || !strcmp(host, "::");
}

static bool collide(const struct endpoint *x, const struct endpoint *y)
{
	bool same_kind = (x->type == ENDPOINT_UDP) == (y->type == ENDPOINT_UDP);

	return same_kind && x->port == y->port &&
	       (!strcmp(x->host, y->host) || is_wildcard(x->host) || is_wildcard(y->host));
}

static int check_ports(struct deploy *d)
{
	const struct tars_DeployReq *req = d->req;
	struct Routes_PortRow_list taken = { 0 };
	struct endpoint other;
	int rc = registry_sql(d->reg, &SQL_registry_ports,
				  PG_PARAMS(d->ref.node.p, d->ref.app.p, d->ref.server.p),
				  &Routes_PortRow_type, &taken, d->a, &d->e);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < req->servants.n; i++) {
		for (uint32_t k = 0; k < i; k++)
			if (collide(&d->eps[i], &d->eps[k]))
				return err_set(&d->e, TARS_EEXISTS, "servants %s and %s have the "
					       "same port %d", d->servant_of[k], d->servant_of[i],
					       d->eps[i].port);
		for (uint32_t k = 0; k < taken.n; k++)
			if (endpoint_parse(taken.v[k].endpoint.p, taken.v[k].endpoint.n, &other,
					   NULL) == 0 && collide(&d->eps[i], &other))
				return err_set(&d->e, TARS_EEXISTS, "port %d on node %s belongs to "
					       "%s.%s: choose another for %s", other.port,
					       d->ref.node.p, taken.v[k].application.p,
					       taken.v[k].server_name.p, d->servant_of[i]);
	}
	return 0;
}

static int check_all(struct deploy *d)
{
	const struct tars_DeployReq *req = d->req;
	uint32_t n = req->servants.n;
	int rc;

	if (check_name(d, "application", req->application, "_") < 0 ||
	    check_name(d, "server", req->serverName, "_") < 0 ||
	    check_name(d, "node", req->nodeName, "._-:") < 0)
		return d->e.code;
	if (!n && !str_is_text(req->serverType, "not_tars"))
		return err_set(&d->e, TARS_EARG, "%s.%s has no servant: give at least one, "
			       "\"HelloObj@tcp -h HOST -p PORT\"", d->ref.app.p, d->ref.server.p);
	if (n > MAX_SERVANTS)
		return err_set(&d->e, TARS_ELIMIT, "%u servants are more than %d", n, MAX_SERVANTS);
	d->servant_of = arena_alloc(d->a, n * sizeof(*d->servant_of));
	d->endpoint_of = arena_alloc(d->a, n * sizeof(*d->endpoint_of));
	d->eps = arena_alloc(d->a, n * sizeof(*d->eps));
	rc = check_node(d);
	if (rc == 0)
		rc = check_set(d);
	if (rc == 0)
		rc = check_profile(d);
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = check_servant(d, i);
	return rc < 0 ? rc : check_ports(d);
}

/* ---- writing ---- */

static int write_server(struct deploy *d, struct pg_tx *tx)
{
	const struct tars_DeployReq *r = d->req;

	return pg_tx_query(tx, &SQL_registry_server_upsert,
			   PG_PARAMS(d->ref.app.p, d->ref.server.p, d->ref.node.p, "", r->exe.p,
				     d->template_name, r->start ? "active" : "inactive",
				     r->serverType.p, r->startScript.p, r->stopScript.p,
				     r->monitorScript.p, r->setName.n ? "Y" : "N", r->setName.p,
				     r->setArea.p, r->setGroup.p, r->profile.p, "3", "N", "", "ctl",
				     "t"),
			   NULL, NULL, d->a, &d->e);
}

static int write_adapter(struct deploy *d, struct pg_tx *tx, uint32_t i)
{
	const struct tars_DeployServant *s = &d->req->servants.v[i];

	return pg_tx_query(tx, &SQL_registry_adapter_upsert,
			   PG_PARAMS(d->ref.app.p, d->ref.server.p, d->ref.node.p,
				     arena_strf(d->a, "%sAdapter", d->servant_of[i]),
				     arena_strf(d->a, "%d", s->threads), d->endpoint_of[i],
				     arena_strf(d->a, "%d", s->maxconns), s->allow.p,
				     d->servant_of[i], arena_strf(d->a, "%d", s->queuecap),
				     arena_strf(d->a, "%d", s->queuetimeout), s->protocol.p, "ctl",
				     "t"),
			   NULL, NULL, d->a, &d->e);
}

static int write_all(struct deploy *d)
{
	struct pg_tx *tx;
	int rc = registry_begin(d->reg, &tx, &d->e);

	if (rc < 0)
		return rc;
	rc = write_server(d, tx);
	if (rc >= 0)
		rc = pg_tx_query(tx, &SQL_registry_adapters_delete,
				 PG_PARAMS(d->ref.app.p, d->ref.server.p, d->ref.node.p), NULL,
				 NULL, d->a, &d->e);
	for (uint32_t i = 0; rc >= 0 && i < d->req->servants.n; i++)
		rc = write_adapter(d, tx, i);
	if (rc < 0) {
		pg_rollback(tx);
		return rc;
	}
	return pg_commit(tx, &d->e);
}

/* ---- the servant ---- */

static int start_deployed(struct deploy *d, struct tars_str *result)
{
	const char *name = arena_strf(d->a, "%s.%s on node %s", d->ref.app.p, d->ref.server.p,
				      d->ref.node.p);
	struct tars_str text;
	int ret = 0;

	/* A start loads the description too.  Loaded before, the server would start by itself, and
	 * the order would meet it dead or alive as it happens. */
	if (!str_is_text(d->req->serverType, "tars_dns"))
		ret = node_command(d->rq, d->reg, d->req->start ? NODE_START : NODE_LOAD, &d->ref,
				   TARS_STR(""), &text);
	if (ret != 0)
		*result = tars_strf(d->rq, "%s is deployed, but not %s: %s", name,
				    d->req->start ? "started" : "loaded", text.p);
	else
		*result = tars_strf(d->rq, "%s is deployed%s", name,
				    d->req->start ? " and started" : "");
	return ret;
}

static int deploy(struct tars_req *rq, const struct tars_Ctl_deploy_in *in,
		  struct tars_Ctl_deploy_out *out)
{
	struct deploy d = {
		.rq = rq, .reg = tars_data(rq), .req = &in->req, .a = req_arena(rq),
		.ref = { in->req.application, in->req.serverName, in->req.nodeName },
	};

	if (check_all(&d) < 0 || write_all(&d) < 0) {
		/* The caller may try this again, but not what was refused. */
		out->ret = d.e.code == TARS_EDB || d.e.code == TARS_EDBUNCERTAIN ? d.e.code : REFUSED;
		out->result = tars_strf(rq, "%s", d.e.text);
		return TARS_OK;
	}
	/* Whoever deploys and then looks finds what he deployed. */
	registry_reload_wait(d.reg);
	out->ret = start_deployed(&d, &out->result);
	return TARS_OK;
}

static int undeploy(struct tars_req *rq, const struct tars_Ctl_undeploy_in *in,
		    struct tars_Ctl_undeploy_out *out)
{
	struct server_ref ref = { in->application, in->serverName, in->nodeName };

	out->ret = server_undeploy(rq, tars_data(rq), &ref, &out->result);
	return TARS_OK;
}

/* "", "App", "App.Server" or a node's name; '*' stands for any text. */
static bool is_wanted(struct tars_req *rq, const struct Routes_DescriptorRow *row,
		      struct tars_str filter)
{
	struct tars_str full = tars_strf(rq, "%s.%s", row->application.p, row->server_name.p);

	return !filter.n || route_text_matches(filter, row->application) ||
	       route_text_matches(filter, full) || route_text_matches(filter, row->node_name);
}

static void fill_row(struct tars_req *rq, struct tars_ServerRow *s,
		     const struct Routes_DescriptorRow *row)
{
	s->application = row->application;
	s->serverName = row->server_name;
	s->nodeName = row->node_name;
	s->serverType = row->server_type;
	s->settingState = row->setting_state;
	s->presentState = row->present_state;
	s->processId = row->process_id;
	s->version = row->patch_version.n ? row->patch_version : row->tars_version;
	if (str_is_yes(row->enable_set))
		s->setId = tars_strf(rq, "%s.%s.%s", row->set_name.p, row->set_area.p,
				     row->set_group.p);
}

static int list(struct tars_req *rq, const struct tars_Ctl_list_in *in,
		struct tars_Ctl_list_out *out)
{
	struct registry *reg = tars_data(rq);
	struct Routes_DescriptorRow_list rows = { 0 };
	struct tars_ServerRow *s = NULL;
	struct err e = { 0 };
	int rc = registry_sql(reg, &SQL_registry_descriptors, PG_PARAMS("", "", ""),
				  &Routes_DescriptorRow_type, &rows, req_arena(rq), &e);

	if (rc < 0)
		return tars_fail(rq, TARS_EUNKNOWN, "%s", e.text);
	for (uint32_t i = 0; i < rows.n; i++) {
		const struct Routes_DescriptorRow *row = &rows.v[i];

		if (!is_wanted(rq, row, in->filter))
			continue;
		if (!s || !str_is(s->application, row->application) ||
		    !str_is(s->serverName, row->server_name) ||
		    !str_is(s->nodeName, row->node_name)) {
			s = TARS_PUSH(rq, &out->servers);
			fill_row(rq, s, row);
		}
		if (row->servant.n)
			*TARS_PUSH(rq, &s->endpoints) = tars_strf(rq, "%s@%s", row->servant.p,
								  row->endpoint.p);
	}
	return TARS_OK;
}

const struct tars_Ctl registry_ctl = {
	.deploy = deploy,
	.undeploy = undeploy,
	.list = list,
};
