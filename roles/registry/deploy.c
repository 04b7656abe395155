/* Deployments: checked as a whole and written at once. */
#include "roles/registry/deploy.h"

#include <ctype.h>

#include "proto/tarsconf.h"
#include "roles/probe.h"
#include "roles/registry/command.h"
#include "roles/registry/profile.h"
#include "sql.h"

enum { IDLE_MS = 60000, MAX_NAME = 128, MAX_SERVANTS = 256 };

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

/* The only node that there is. */
static int choose_node(struct deploy *d)
{
	const struct Routes_NodeRow_list *nodes = &d->reg->nodes->rows;
	struct buf names = BUF_INIT;
	uint32_t n = 0;

	for (uint32_t i = 0; i < nodes->n; i++) {
		if (!str_is_text(nodes->v[i].present_state, "active"))
			continue;
		if (buf_size(&names) < 300)
			buf_addf(&names, "%s%s", n ? ", " : "", nodes->v[i].node_name.p);
		d->ref.node = nodes->v[i].node_name;
		n++;
	}
	if (!n)
		err_set(&d->e, TARS_EARG, "no node is there: start `tars node` first, or name one "
			"with --node");
	else if (n > 1)
		err_set(&d->e, TARS_EARG, "several nodes are there, choose one with --node: %s",
			buf_str(&names));
	buf_release(&names);
	return n == 1 ? 0 : d->e.code;
}

static int check_node(struct deploy *d)
{
	const struct Routes_NodeRow_list *nodes = &d->reg->nodes->rows;
	struct buf known = BUF_INIT;

	if (registry_node(d->reg, d->ref.node))
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

static bool is_new_template(const struct deploy *d, const char *name)
{
	for (uint32_t i = 0; d->new_templates && i < d->new_templates->n; i++)
		if (str_is_text(d->new_templates->v[i].name, name))
			return true;
	return false;
}

static int check_profile(struct deploy *d)
{
	const struct tars_DeployReq *req = d->req;
	struct templates *t;
	int rc;

	d->template_name = default_template(req->type);
	if (!d->template_name)
		return err_set(&d->e, TARS_EARG, "type '%s' is unknown: tars_c, tars_cpp, tars_go, "
			       "tars_java, tars_nodejs, tars_php, not_tars or tars_dns",
			       req->type.p);
	if (req->templateName.n)
		d->template_name = req->templateName.p;
	rc = templates_load(d->reg, &t, d->a, &d->e);
	if (rc < 0)
		return rc;
	if (!templates_has(t, (struct tars_str){ d->template_name,
						 (uint32_t)strlen(d->template_name) }) &&
	    !is_new_template(d, d->template_name))
		return err_set(&d->e, TARS_ENOTFOUND, "template %s does not exist (tars ctl template "
			       "list)", d->template_name);
	rc = tarsconf_parse(tarsconf_new(d->a), req->profile.p, req->profile.n, &d->e);
	return rc < 0 ? err_wrap(&d->e, "the profile") : 0;
}

/* "name.area.group", or nothing. */
static int check_set(struct deploy *d)
{
	static const char *const what[] = { "set name", "set area", "set group" };
	const char *p = d->req->set.p;

	if (!d->req->set.n)
		return 0;
	for (int i = 0; i < 3; i++) {
		size_t n = i < 2 ? strcspn(p, ".") : strlen(p);

		if (!n || (i < 2 && !p[n]))
			return err_set(&d->e, TARS_EARG, "set '%s': a set needs name, area and group "
				       "(name.area.group)", d->req->set.p);
		d->set[i] = (struct tars_str){ arena_memdup(d->a, p, n), (uint32_t)n };
		if (check_name(d, what[i], d->set[i], i < 2 ? "_-" : "_-*") < 0)
			return d->e.code;
		p += n + (i < 2);
	}
	return 0;
}

/* The host that a node's servers get when none is given: where the node takes its commands. */
static const char *node_host(struct deploy *d)
{
	const struct Routes_NodeRow *node = registry_node(d->reg, d->ref.node);
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
	if (probe_check(s->liveness, PROBE_LIVENESS, ep, s->protocol, d->a, &d->e) < 0 ||
	    probe_check(s->readiness, PROBE_READINESS, ep, s->protocol, d->a, &d->e) < 0)
		return err_wrap(&d->e, "servant %s", d->servant_of[i]);
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

int deploy_check(struct deploy *d)
{
	const struct tars_DeployReq *req = d->req;
	uint32_t n = req->servants.n;
	int rc;

	d->ref.node = req->node;
	d->set[0] = d->set[1] = d->set[2] = TARS_STR("");
	if (ops_split_server(req->server, &d->ref, d->a, &d->e) < 0 ||
	    check_name(d, "application", d->ref.app, "_") < 0 ||
	    check_name(d, "server", d->ref.server, "_") < 0 ||
	    (!req->node.n && choose_node(d) < 0) ||
	    check_name(d, "node", d->ref.node, "._-:") < 0)
		return d->e.code;
	if (!n && !str_is_text(req->type, "not_tars"))
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
				     r->type.p, r->startScript.p, r->stopScript.p,
				     r->monitorScript.p, r->set.n ? "Y" : "N", d->set[0].p,
				     d->set[1].p, d->set[2].p, r->profile.p, "3", "N", "", "ctl",
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
				     "t", s->liveness.p, s->readiness.p),
			   NULL, NULL, d->a, &d->e);
}

int deploy_write(struct deploy *d)
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

/* ---- afterwards ---- */

static bool is_running(const struct deploy *d)
{
	const struct instance *in = registry_server(d->reg, &d->ref);
	struct Routes_Server s = { 0 };

	if (in)
		fleet_server(in, &s, d->a);
	return in && !str_is_text(s.present_state, "inactive");
}

/* A start loads the description too: loaded before, the server would start by itself, and the order
 * would meet it dead or alive as it happens.  One that runs already runs on, if it shall. */
static int order_node(struct deploy *d, bool stop, struct tars_str *why)
{
	int ret = stop ? node_command(d->rq, d->reg, NODE_STOP, &d->ref, TARS_STR(""), why) : 0;

	return ret ? ret : node_command(d->rq, d->reg, d->req->start ? NODE_START : NODE_LOAD,
					&d->ref, TARS_STR(""), why);
}

int deploy_start(struct deploy *d, struct tars_str *result)
{
	const char *name = arena_strf(d->a, "%s.%s on node %s", d->ref.app.p, d->ref.server.p,
				      d->ref.node.p);
	bool stop = !d->req->start && is_running(d);
	struct tars_str text;
	int ret = str_is_text(d->req->type, "tars_dns") ? 0 : order_node(d, stop, &text);

	if (ret != 0)
		*result = tars_strf(d->rq, "%s is deployed, but not %s: %s", name,
				    d->req->start ? "started" : "loaded", text.p);
	else
		*result = tars_strf(d->rq, "%s is deployed%s", name,
				    d->req->start ? " and started" : stop ? " and stopped" : "");
	return ret;
}
