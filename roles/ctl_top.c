/* tars ctl top: what does not run as it should, and the nodes, again and again. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "roles/ctl.h"

enum { MAX_LINES = 15 };

struct look {
	struct tars_Ctl_serverList_out servers;
	struct tars_Ctl_nodeList_out nodes;
};

static bool is_as_wanted(const struct tars_ServerRow *s)
{
	return !strcmp(s->wanted.p, s->state.p) && !strcmp(s->flow.p, "active");
}

static void print_summary(const struct look *l)
{
	uint32_t wanted = 0, active = 0, drained = 0, alive = 0;
	char now[32];
	time_t t = time(NULL);

	for (uint32_t i = 0; i < l->servers.rows.n; i++) {
		const struct tars_ServerRow *s = &l->servers.rows.v[i];

		wanted += !strcmp(s->wanted.p, "active");
		active += !strcmp(s->state.p, "active");
		drained += strcmp(s->flow.p, "active") != 0;
	}
	for (uint32_t i = 0; i < l->nodes.rows.n; i++)
		alive += !strcmp(l->nodes.rows.v[i].state.p, "active");
	strftime(now, sizeof(now), "%H:%M:%S", localtime(&t));
	printf("%s  nodes %u of %u alive  servers %u: %u wanted, %u active, %u drained\n", now, alive,
	       l->nodes.rows.n, l->servers.rows.n, wanted, active, drained);
}

static void print_servers(const struct look *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->servers.rows.n; i++) {
		const struct tars_ServerRow *s = &l->servers.rows.v[i];

		if (is_as_wanted(s))
			continue;
		if (!n++)
			printf("\n%-40s %-20s %-10s %-12s %s\n", "NOT AS WANTED", "NODE", "WANTED",
			       "STATE", "FLOW");
		if (n <= MAX_LINES)
			printf("%-40s %-20s %-10s %-12s %s\n", s->server.p, s->node.p, s->wanted.p,
			       s->state.p, s->flow.p);
	}
	if (n > MAX_LINES)
		printf("and %u more (tars ctl server list)\n", n - MAX_LINES);
	if (!n)
		puts("\nevery server is as it is wanted");
}

static void print_nodes(const struct look *l)
{
	printf("\n%-24s %-9s %8s %7s  %-18s %s\n", "NODE", "STATE", "SERVERS", "ACTIVE", "LOAD",
	       "HEARTBEAT (UTC)");
	for (uint32_t i = 0; i < l->nodes.rows.n && i < MAX_LINES; i++) {
		const struct tars_NodeRow *n = &l->nodes.rows.v[i];

		printf("%-24s %-9s %8d %7d  %-18s %s\n", n->node.p, n->state.p, n->servers, n->active,
		       n->load.p, n->heartbeat.p);
	}
	if (l->nodes.rows.n > MAX_LINES)
		printf("and %u more (tars ctl node list)\n", l->nodes.rows.n - MAX_LINES);
}

static int look_once(struct ctl *c)
{
	struct tars_Ctl_serverList_in servers = { .req.filter = TARS_STR("") };
	struct tars_Ctl_nodeList_in nodes = { .req.filter = TARS_STR("") };
	struct look l = { .servers.ret = 0 };
	int status = ctl_call(c, "serverList", &servers, &l.servers);

	if (!status)
		status = ctl_call(c, "nodeList", &nodes, &l.nodes);
	if (status)
		return status;
	/* A terminal is drawn anew; what is none gets one look after the other. */
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	print_summary(&l);
	print_servers(&l);
	print_nodes(&l);
	if (!isatty(STDOUT_FILENO))
		putchar('\n');
	return fflush(stdout) || ferror(stdout) ? ctl_complain(c, EXIT_FAILED, "stdout: %m") : 0;
}

int ctl_top(const struct role_call *call)
{
	const struct ctl_top *own = call->own;
	struct ctl c = { .conf = call->conf, .name = call->command->name };
	int status;

	arena_init(&c.arena, NULL, 0);
	status = ctl_open(&c);
	for (int i = 0; !status && (!own->rounds || i < own->rounds); i++) {
		if (i)
			poll(NULL, 0, (int)own->every_ms);
		status = look_once(&c);
		/* What came goes with its request. */
		tars_end(c.rq);
		c.rq = tars_begin(c.app);
	}
	ctl_close(&c);
	return status;
}
