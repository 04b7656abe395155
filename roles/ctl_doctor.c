/*
 * tars ctl doctor: looks for the causes of what people complain of, and says what to do.
 *
 * It knows what operations tell, and tries every endpoint of a server that is said to be active.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/endpoint.h"
#include "roles/ctl.h"

enum { CONNECT_MS = 1000, MAX_TRIED = 2000 };

/* What is still well: the registries take a node for dead after a minute, unless too many are. */
enum { MAX_SILENT_S = 120, MAX_METRICS_S = 900, MAX_CLOCK_MS = 2000, MAX_DISK_PERCENT = 90 };

struct doctor {
	struct ctl c;
	unsigned n_wrong, n_tried;
	struct tars_Ctl_nodeList_out nodes;
	struct tars_Ctl_nodeMetrics_out metrics;
	struct tars_Ctl_serverState_out states;
	struct tars_Ctl_serverList_out servers;
	struct tars_Ctl_adapterList_out adapters;
	struct tars_Ctl_templateList_out templates;
};

static void wrong(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct doctor *d, const char *fmt, ...)
{
	va_list ap;

	fputs("WRONG  ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	d->n_wrong++;
}

/* A check that has found nothing since `before`. */
static void fine(const struct doctor *d, unsigned before, const char *what, uint32_t n)
{
	if (d->n_wrong == before)
		printf("ok     %s: %u\n", what, n);
}

static bool is_active(struct tars_str state)
{
	return !strcmp(state.p, "active");
}

/* ---- nodes ---- */

static void check_nodes(struct doctor *d)
{
	const struct tars_NodeRow_list *nodes = &d->nodes.rows;
	unsigned before = d->n_wrong;

	if (!nodes->n)
		wrong(d, "no node has registered: start `tars node --locator ...` on each machine");
	for (uint32_t i = 0; i < nodes->n; i++) {
		const struct tars_NodeRow *n = &nodes->v[i];

		if (!is_active(n->state))
			wrong(d, "node %s was last heard of at %s UTC and has %d servers: start `tars "
			      "node` there, or `tars ctl node remove %s`", n->node.p,
			      n->heartbeat.n ? n->heartbeat.p : "no time", n->servers, n->node.p);
		else if (n->age > MAX_SILENT_S)
			wrong(d, "node %s counts as active, but was last heard of %d s ago: so many "
			      "are silent that the registry believes it of none (--recover-protect); is "
			      "the network between them and the registry cut?", n->node.p, n->age);
		else if (n->version.n && strcmp(n->version.p, TARS_VERSION))
			wrong(d, "node %s runs version %s, this is %s: bring both to one version",
			      n->node.p, n->version.p, TARS_VERSION);
	}
	fine(d, before, "nodes, all heard of", nodes->n);
}

/* ---- their machines ---- */

static const struct tars_MetricsRow *metrics_of(const struct doctor *d, struct tars_str node)
{
	for (uint32_t i = 0; i < d->metrics.rows.n; i++)
		if (!strcmp(d->metrics.rows.v[i].node.p, node.p))
			return &d->metrics.rows.v[i];
	return NULL;
}

static void check_machine(struct doctor *d, const struct tars_MetricsRow *m)
{
	long long clock_ms = strtoll(m->clockDiff.p, NULL, 10);

	if (llabs(clock_ms) > MAX_CLOCK_MS)
		wrong(d, "the clock of node %s is %.1f s %s that of the registry, so the times in logs "
		      "and statistics do not fit together: let chrony or ntpd set it there", m->node.p,
		      (double)llabs(clock_ms) / 1000, clock_ms > 0 ? "before" : "behind");
	if (m->diskPercent > MAX_DISK_PERCENT)
		wrong(d, "a disk of node %s is %s full (%s): services there soon cannot log; remove "
		      "files, or limit logs and core files (options log-age, log-size, core-files of "
		      "`tars node`)", m->node.p,
		      m->diskPercent >= 100 ? "completely" :
		      arena_strf(&d->c.arena, "%d %%", m->diskPercent), m->disks.p);
}

/* Only of nodes that are heard of: the others have their line already. */
static void check_machines(struct doctor *d)
{
	const struct tars_NodeRow_list *nodes = &d->nodes.rows;
	unsigned before = d->n_wrong;
	uint32_t n_known = 0;

	for (uint32_t i = 0; i < nodes->n; i++) {
		const struct tars_NodeRow *n = &nodes->v[i];
		const struct tars_MetricsRow *m = metrics_of(d, n->node);

		if (!is_active(n->state))
			continue;
		n_known++;
		if (m && m->age <= MAX_METRICS_S)
			check_machine(d, m);
		else
			wrong(d, "node %s has told nothing of its clock and disks %s: give `tars node` "
			      "there its option metrics (default 60s)", n->node.p,
			      m ? arena_strf(&d->c.arena, "since %s UTC", m->time.p) : "yet");
	}
	fine(d, before, "machines with the right time and room on their disks", n_known);
}

/* An order to a node goes to its address, which may be one that only the node itself can reach. */
static void check_addresses(struct doctor *d)
{
	const struct tars_NodeRow_list *nodes = &d->nodes.rows;
	unsigned before = d->n_wrong;

	for (uint32_t i = 0; i < nodes->n; i++) {
		struct tars_Ctl_nodePing_in in = { .req.name = nodes->v[i].node };
		struct tars_Ctl_nodePing_out out = { 0 };
		struct tars_call call = {
			.to = d->c.to, .rq = d->c.rq, .timeout_ms = (int)d->c.conf->timeout_ms,
		};

		if (!is_active(nodes->v[i].state))
			continue;
		if (tars_Ctl_nodePing(&call, &in, &out) || out.ret)
			wrong(d, "node %s sends heartbeats, but takes no orders at %s: %s; is that "
			      "address reachable from the registry (firewall, NAT)?", nodes->v[i].node.p,
			      nodes->v[i].address.n ? nodes->v[i].address.p : "no address",
			      out.result.n ? out.result.p : call.error ? call.error : "no answer");
	}
	fine(d, before, "nodes that take orders", nodes->n);
}

/* ---- servers ---- */

static void check_states(struct doctor *d)
{
	const struct tars_StateRow_list *rows = &d->states.rows;
	unsigned before = d->n_wrong;

	for (uint32_t i = 0; i < rows->n; i++) {
		const struct tars_StateRow *s = &rows->v[i];
		bool runs = !strcmp(s->inNode.p, "Active");

		if (is_active(s->wanted) && s->inNode.n && !runs)
			wrong(d, "%s shall run on node %s and is %s there%s%s: `tars ctl events %s`, its "
			      "log on the node, then `tars ctl start %s %s`", s->server.p, s->node.p,
			      s->inNode.p, s->remark.n ? ": " : "", s->remark.p, s->server.p,
			      s->server.p, s->node.p);
		else if (is_active(s->wanted) && !s->inNode.n)
			wrong(d, "%s shall run on node %s, which does not say whether it does: %s",
			      s->server.p, s->node.p, s->remark.n ? s->remark.p : "no answer");
		else if (s->inNode.n && runs != is_active(s->state))
			wrong(d, "%s on node %s is %s there and %s for callers: this should mend itself "
			      "within a minute", s->server.p, s->node.p, s->inNode.p, s->state.p);
	}
	fine(d, before, "servers that are as they are wanted", rows->n);
}

static void check_flow(struct doctor *d)
{
	const struct tars_ServerRow_list *rows = &d->servers.rows;
	unsigned before = d->n_wrong;

	for (uint32_t i = 0; i < rows->n; i++) {
		const struct tars_ServerRow *s = &rows->v[i];

		if (is_active(s->wanted) && !is_active(s->flow))
			wrong(d, "%s on node %s runs, but callers do not find it, since it is drained: "
			      "`tars ctl resume %s %s`", s->server.p, s->node.p, s->server.p, s->node.p);
		if (!s->endpoints.n && strcmp(s->type.p, "not_tars"))
			wrong(d, "%s on node %s has no servant, so nobody can call it: `tars ctl adapter "
			      "set %s OBJ %s --endpoint \"tcp -h HOST -p PORT\"`", s->server.p,
			      s->node.p, s->server.p, s->node.p);
	}
	fine(d, before, "servers that callers find", rows->n);
}

/* ---- endpoints ---- */

static const struct tars_ServerRow *server_of(const struct doctor *d,
					      const struct tars_AdapterRow *a)
{
	for (uint32_t i = 0; i < d->servers.rows.n; i++)
		if (!strcmp(d->servers.rows.v[i].server.p, a->server.p) &&
		    !strcmp(d->servers.rows.v[i].node.p, a->node.p))
			return &d->servers.rows.v[i];
	return NULL;
}

/* A ping by the object's own endpoint: the process may live and its port be dead. */
static void try_endpoint(struct doctor *d, const struct tars_AdapterRow *a)
{
	static const struct tars_type nothing = { .name = "tars_ping", .kind = TARS_STRUCT };
	static const struct tars_func ping = { "tars_ping", &nothing, &nothing, .flags = 0 };
	static const struct tars_iface iface = { "tars::Ping", &ping, 1, NULL };
	struct tars_proxy_conf conf = { .connect_timeout_ms = CONNECT_MS };
	struct tars_call call = { .rq = d->c.rq, .timeout_ms = 2 * CONNECT_MS };
	char in[1], out[1];
	int rc;

	call.to = tars_proxy_conf(d->c.app, arena_strf(&d->c.arena, "%s@%s", a->servant.p,
						       a->endpoint.p), &conf);
	rc = tars_invoke(&call, &iface, 0, in, out);
	/* Any answer is one; other protocols have none of ours. */
	if (rc == TARS_ECONNECT && call.error && strstr(call.error, "connect to"))
		wrong(d, "%s on node %s is active, but %s does not take connections from here: %s; did "
		      "it fail to listen, or is a firewall in between?", a->servant.p, a->node.p,
		      a->endpoint.p, call.error);
}

static bool is_loopback(const char *host)
{
	return !strncmp(host, "127.", 4) || !strcmp(host, "localhost") || !strcmp(host, "::1");
}

static void check_endpoints(struct doctor *d)
{
	const struct tars_AdapterRow_list *rows = &d->adapters.rows;
	unsigned before = d->n_wrong;

	for (uint32_t i = 0; i < rows->n; i++) {
		const struct tars_AdapterRow *a = &rows->v[i];
		const struct tars_ServerRow *s = server_of(d, a);
		struct endpoint ep;
		struct err e;

		if (!s || !a->servant.n)
			continue;
		if (endpoint_parse(a->endpoint.p, a->endpoint.n, &ep, &e) < 0) {
			wrong(d, "%s on node %s: the endpoint '%s' cannot be read: %s", a->servant.p,
			      a->node.p, a->endpoint.p, e.text);
			continue;
		}
		if (is_loopback(ep.host) && d->nodes.rows.n > 1)
			wrong(d, "%s on node %s is at %s: callers on other machines are sent to "
			      "themselves; give it an address of the node", a->servant.p, a->node.p,
			      a->endpoint.p);
		if (is_active(s->state) && !strcmp(a->ready.p, "no"))
			wrong(d, "%s on node %s is not ready, so callers do not find it: `tars ctl server "
			      "state %s` says why", a->servant.p, a->node.p, a->server.p);
		else if (is_active(s->state) && ep.type != ENDPOINT_UDP && d->n_tried++ < MAX_TRIED)
			try_endpoint(d, a);
	}
	fine(d, before, "endpoints that were tried", d->n_tried);
}

/* Two servers of one node on one port: one of them cannot listen. */
static void check_ports(struct doctor *d)
{
	const struct tars_AdapterRow_list *rows = &d->adapters.rows;
	unsigned before = d->n_wrong;

	for (uint32_t i = 0; i < rows->n; i++)
		for (uint32_t k = 0; k < i; k++) {
			const struct tars_AdapterRow *a = &rows->v[i], *b = &rows->v[k];
			struct endpoint x, y;

			if (strcmp(a->node.p, b->node.p) || !strcmp(a->server.p, b->server.p) ||
			    endpoint_parse(a->endpoint.p, a->endpoint.n, &x, NULL) < 0 ||
			    endpoint_parse(b->endpoint.p, b->endpoint.n, &y, NULL) < 0 ||
			    x.port != y.port || strcmp(x.host, y.host) ||
			    (x.type == ENDPOINT_UDP) != (y.type == ENDPOINT_UDP))
				continue;
			wrong(d, "%s and %s on node %s have the same port %d: `tars ctl adapter set` one "
			      "of them", b->servant.p, a->servant.p, a->node.p, x.port);
		}
	fine(d, before, "ports without a collision", rows->n);
}

static void check_templates(struct doctor *d)
{
	const struct tars_TemplateRow_list *t = &d->templates.rows;
	unsigned before = d->n_wrong;

	for (uint32_t i = 0; i < d->servers.rows.n; i++) {
		const struct tars_ServerRow *s = &d->servers.rows.v[i];
		bool found = false;

		for (uint32_t k = 0; k < t->n && !found; k++)
			found = !strcmp(t->v[k].name.p, s->templateName.p);
		if (!found)
			wrong(d, "%s on node %s has the template '%s', which does not exist: `tars ctl "
			      "template set %s FILE`", s->server.p, s->node.p, s->templateName.p,
			      s->templateName.p);
	}
	fine(d, before, "servers whose template is there", d->servers.rows.n);
}

/* ---- all of it ---- */

#define GET(d, func, to) \
	({ \
		struct tars_Ctl_##func##_in in_ = { .req.filter = TARS_STR("") }; \
		ctl_call(&(d)->c, #func, &in_, (to)); \
	})

/* The youngest report of each node. */
static int get_metrics(struct doctor *d)
{
	struct tars_Ctl_nodeMetrics_in in = { .req = { .filter = TARS_STR(""), .last = 1 } };

	return ctl_call(&d->c, "nodeMetrics", &in, &d->metrics);
}

static int examine(struct doctor *d)
{
	int status = GET(d, nodeList, &d->nodes);

	if (!status)
		status = get_metrics(d);
	if (!status)
		status = GET(d, serverList, &d->servers);
	if (!status)
		status = GET(d, adapterList, &d->adapters);
	if (!status)
		status = GET(d, templateList, &d->templates);
	if (status)
		return status;
	printf("ok     registry and database answer: %s\n", role_locator(d->c.conf->locator));
	check_nodes(d);
	check_machines(d);
	check_addresses(d);
	fflush(stdout);
	status = GET(d, serverState, &d->states);
	if (status)
		return status;
	check_states(d);
	check_flow(d);
	check_templates(d);
	check_ports(d);
	fflush(stdout);
	check_endpoints(d);
	printf("%u problem%s\n", d->n_wrong, d->n_wrong == 1 ? "" : "s");
	return d->n_wrong ? EXIT_FAILED : EXIT_ASKED;
}

int ctl_doctor(const struct role_call *call)
{
	struct doctor d = { .c = { .conf = call->conf, .name = call->command->name } };
	int status;

	arena_init(&d.c.arena, NULL, 0);
	status = ctl_open(&d.c);
	if (!status)
		status = examine(&d);
	ctl_close(&d.c);
	return status;
}
