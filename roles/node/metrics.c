/* Tells the registry how this machine does: processors, memory, disks, addresses, clock. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "if/RegistryF.h"
#include "roles/node/host.h"
#include "roles/node/node.h"

enum { CALL_MS = 3000, MAX_DISKS = 64, MAX_ADDRESSES = 64 };

struct look {
	const char *path;
	struct arena *arena;
	struct host_disk disks[MAX_DISKS];
	size_t n;
	const char *addresses[MAX_ADDRESSES];
	size_t n_addresses;
};

static void look_at_disks(void *arg)
{
	struct look *l = arg;

	l->n = host_disks(l->path, l->disks, MAX_DISKS, l->arena);
}

static void fill(struct node *n, struct tars_req *rq, struct tars_HostMetrics *m)
{
	struct look *l = tars_alloc(rq, sizeof(*l));
	struct host_memory memory;
	double avg[3] = { 0 };

	l->path = n->paths.root;
	l->arena = req_arena(rq);
	pool_run(look_at_disks, l);
	for (size_t i = 0; i < l->n; i++)
		*TARS_PUSH(rq, &m->disks) = (struct tars_HostDisk){
			.path = tars_strf(rq, "%s", l->disks[i].path), .total = l->disks[i].total,
			.free = l->disks[i].free,
		};
	if (getloadavg(avg, 3) == 3) {
		m->avg1 = (float)avg[0];
		m->avg5 = (float)avg[1];
		m->avg15 = (float)avg[2];
	}
	l->n_addresses = host_addresses(l->addresses, MAX_ADDRESSES, req_arena(rq));
	for (size_t i = 0; i < l->n_addresses; i++)
		*TARS_PUSH(rq, &m->addresses) = tars_strf(rq, "%s", l->addresses[i]);
	host_memory(&memory);
	m->cpu = host_cpu_percent(&n->metrics_cpu);
	m->processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
	m->memTotal = memory.total;
	m->memAvailable = memory.available;
	m->swapUsed = memory.swap_used;
	m->clockDiff = n->clock_diff_ms;
	m->clockKnown = n->is_clock_known;
}

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int report(struct node *n, struct tars_req *rq)
{
	struct tars_call c = link_call(n, rq, CALL_MS);
	struct tars_Registry_reportHost_in in = { .nodeName = tars_strf(rq, "%s", n->name) };
	struct tars_Registry_reportHost_out out = { 0 };
	int64_t before;
	int rc;

	fill(n, rq, &in.metrics);
	before = wall_ms();
	rc = tars_Registry_reportHost(&c, &in, &out);
	if (rc != 0) {
		log_debug(&n->log, "report on this machine: %s", c.error);
		return rc;
	}
	/* The registry looked at its clock about half-way. */
	n->clock_diff_ms = before + (wall_ms() - before) / 2 - out.registryTime;
	n->is_clock_known = true;
	return 0;
}

void node_report_host(struct node *n, struct tars_req *rq)
{
	int64_t ms = n->conf->metrics_ms;
	bool is_first = !n->is_clock_known;

	if (!ms || n->is_host_unwanted ||
	    (n->last_metrics_us && reactor_now() - n->last_metrics_us < ms * 1000))
		return;
	n->last_metrics_us = reactor_now();
	/* An official registry: it is asked again when the node registers again. */
	n->is_host_unwanted = report(n, rq) == TARS_ENOFUNC;
	/* The first one had no clock to tell of, and no share of the processors: the next soon has. */
	if (is_first)
		n->last_metrics_us = 0;
}
