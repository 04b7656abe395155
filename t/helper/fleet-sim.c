/*
 * A fleet of nodes in one process, over real connections: each registers nothing, beats, follows
 * the registry's routing data and reports states, as told by lines on the input.
 *
 *	fleet-sim HOST:PORT SERVICES INSTANCES
 *	servers S<j> of application Fleet, instance k on node<(j * INSTANCES + k) % NODES>
 *
 *	nodes N            connects them; "in_step=N ms=.. snapshot_ms=.. snapshot_bytes=.. servers=.."
 *	                   (node 0 fetches everything and keeps it; the others say that they have it)
 *	beat MS            from now on each node beats so often
 *	flip I             server I (0..) is reported as inactive, and as active the next time:
 *	                   "confirmed_ms=.. p50_ms=.. p99_ms=.. max_ms=.."
 *	storm N SECONDS    N servers restart: "confirmed=.. refused=.. settled_ms=.. changes=.."
 *	again              waits until all nodes are in step again: "ms=.. fetched=.. bytes=.."
 *	state              "in_step=.. gaps=.. wrong=.. beats=.. bytes=.."
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/arena.h"
#include "t/helper/sim/node.h"

static bool *is_down;                   /* per server */

static bool all_in_step(void)
{
	return sim.n_in_step == sim.n_nodes;
}

/* ---- commands ---- */

static void do_nodes(int n)
{
	int64_t start = now_us();

	sim.nodes = xcalloc((size_t)n, sizeof(*sim.nodes));
	sim.n_nodes = n;
	for (int i = 0; i < n; i++)
		sim.nodes[i].fd = -1;
	/* Node 0 alone first: what it fetches is what a new node waits for. */
	sim.n_nodes = 1;
	sim_run(all_in_step, 60000);
	sim.snapshot_us -= start;
	printf("snapshot_ms=%.1f snapshot_bytes=%lld servers=%u ", (double)sim.snapshot_us / 1000,
	       (long long)sim.bytes, sim.mirror->n);
	sim.n_nodes = n;
	start = now_us();
	for (int i = 1; i < n; i++) {
		sim.nodes[i].beat_us = start + random() % 10000000;
		/* The listener's queue is finite. */
		sim.nodes[i].retry_us = start + i * INT64_C(100);
	}
	sim_run(all_in_step, 120000);
	printf("in_step=%d ms=%.1f\n", sim.n_in_step, (double)(now_us() - start) / 1000);
}

static int64_t flip_us, n_confirmed_before;

static bool all_heard(void)
{
	for (int i = 0; i < sim.n_nodes; i++)
		if (sim.nodes[i].changed_us < flip_us)
			return false;
	return sim.confirmed + sim.refused > n_confirmed_before;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void do_flip(unsigned server)
{
	int64_t *took = xcalloc((size_t)sim.n_nodes, sizeof(*took));

	is_down[server] = !is_down[server];
	n_confirmed_before = sim.confirmed + sim.refused;
	flip_us = now_us();
	sim_report(server, is_down[server] ? tars_ServerState_Inactive : tars_ServerState_Active);
	if (!sim_run(all_heard, 20000))
		printf("timeout=1 ");
	for (int i = 0; i < sim.n_nodes; i++)
		took[i] = sim.nodes[i].changed_us - flip_us;
	qsort(took, (size_t)sim.n_nodes, sizeof(*took), compare);
	printf("confirmed_ms=%.1f p50_ms=%.1f p99_ms=%.1f max_ms=%.1f\n",
	       (double)(sim.confirmed_us - flip_us) / 1000, (double)took[sim.n_nodes / 2] / 1000,
	       (double)took[sim.n_nodes * 99 / 100] / 1000, (double)took[sim.n_nodes - 1] / 1000);
	free(took);
}

/* A storm: each server goes down, and comes back a while later. */
static struct {
	unsigned n, n_down, n_up;
	int64_t start_us, length_us, back_us, last_ask_us, target;
} storm;

static unsigned storm_server(unsigned i)
{
	return (unsigned)((uint64_t)i * 7919 % ((uint64_t)sim.n_services * sim.n_instances));
}

static bool storm_sent(void)
{
	int64_t now = now_us();

	while (storm.n_down < storm.n &&
	       now >= storm.start_us + storm.length_us * storm.n_down / storm.n)
		sim_report(storm_server(storm.n_down++), tars_ServerState_Inactive);
	while (storm.n_up < storm.n_down &&
	       now >= storm.start_us + storm.back_us + storm.length_us * storm.n_up / storm.n)
		sim_report(storm_server(storm.n_up++), tars_ServerState_Active);
	return storm.n_up == storm.n &&
	       sim.confirmed + sim.refused >= n_confirmed_before + 2 * (int64_t)storm.n;
}

/* The sim.registry has nothing more to tell, and everybody was told. */
static bool settled(void)
{
	int64_t now = now_us();

	if (now - storm.last_ask_us > 20000) {
		storm.last_ask_us = now;
		sim_ask();
	}
	if (!sim.n_asked || sim.asked.seq != sim.nodes[0].position.seq || sim.n_in_step != sim.n_nodes ||
	    sim.asked.sum != (int64_t)fleet_sum(sim.mirror))
		return false;
	for (int i = 1; i < sim.n_nodes; i++)
		if (sim.nodes[i].position.seq != sim.asked.seq)
			return false;
	return true;
}

static void do_storm(unsigned n, unsigned seconds)
{
	int64_t changes = sim.changes, confirmed = sim.confirmed, refused = sim.refused;
	bool in_time;

	n_confirmed_before = confirmed + refused;
	storm.n = n;
	storm.n_down = storm.n_up = 0;
	storm.start_us = now_us();
	storm.back_us = INT64_C(1000000);
	storm.length_us = seconds * INT64_C(1000000) - storm.back_us;
	in_time = sim_run(storm_sent, seconds * 1000 + 60000);
	sim.n_asked = 0;
	in_time = sim_run(settled, 60000) && in_time;
	printf("%sconfirmed=%lld refused=%lld last_ms=%.0f settled_ms=%.1f changes=%lld\n",
	       in_time ? "" : "timeout=1 ", (long long)(sim.confirmed - confirmed),
	       (long long)(sim.refused - refused), (double)(sim.confirmed_us - storm.start_us) / 1000,
	       (double)(now_us() - sim.confirmed_us) / 1000, (long long)(sim.changes - changes));
}

static bool somebody_is_out(void)
{
	return sim.n_in_step < sim.n_nodes;
}

static void do_again(void)
{
	int64_t start, fetched = sim.fetched, bytes = sim.bytes;

	sim_run(somebody_is_out, 10000);
	start = now_us();
	sim_run(all_in_step, 60000);
	printf("in_step=%d ms=%.1f fetched=%lld bytes=%lld\n", sim.n_in_step,
	       (double)(now_us() - start) / 1000, (long long)(sim.fetched - fetched),
	       (long long)(sim.bytes - bytes));
}

static bool line_ready;
static char line[128];

static bool has_line(void)
{
	static size_t n;
	ssize_t k = read(0, line + n, sizeof(line) - 1 - n);

	if (k == 0)
		exit(0);
	if (k > 0)
		n += (size_t)k;
	line[n] = '\0';
	line_ready = strchr(line, '\n') != NULL;
	if (line_ready)
		n = 0;
	return line_ready;
}

static void obey(void)
{
	unsigned a = 0, b = 0;

	if (sscanf(line, "nodes %u", &a) == 1)
		do_nodes((int)a);
	else if (sscanf(line, "beat %u", &a) == 1)
		sim.beat_every_us = a * INT64_C(1000), printf("ok=1\n");
	else if (sscanf(line, "flip %u", &a) == 1)
		do_flip(a);
	else if (sscanf(line, "storm %u %u", &a, &b) == 2)
		do_storm(a, b);
	else if (!strncmp(line, "again", 5))
		do_again();
	else
		printf("in_step=%d gaps=%lld wrong=%lld beats=%lld bytes=%lld\n", sim.n_in_step,
		       (long long)sim.gaps, (long long)sim.wrong, (long long)sim.beats,
		       (long long)sim.bytes);
	fflush(stdout);
}

static bool never(void)
{
	return has_line();
}

int main(int argc, char **argv)
{
	char *colon = argc == 4 ? strrchr(argv[1], ':') : NULL;
	struct rlimit files;

	if (!colon) {
		fprintf(stderr, "usage: fleet-sim HOST:PORT SERVICES INSTANCES\n");
		return 64;
	}
	*colon = '\0';
	sim.registry.sin_family = AF_INET;
	sim.registry.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	inet_pton(AF_INET, argv[1], &sim.registry.sin_addr);
	sim.n_services = (unsigned)strtoul(argv[2], NULL, 10);
	sim.n_instances = (unsigned)strtoul(argv[3], NULL, 10);
	is_down = xcalloc((size_t)sim.n_services * sim.n_instances + 1, sizeof(*is_down));
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	sim.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sim.mirror = fleet_new();
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	for (;;)
		if (sim_run(never, 1000000000))
			obey();
}
