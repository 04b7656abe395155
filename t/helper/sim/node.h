/*
 * Simulated nodes: connections to one registry in one thread, each following its routing data.
 *
 * Node 0 keeps what it is told and compares sums; the others compare numbers and claim the rest.
 * Everything is global: there is one simulation in a process.
 */
#ifndef T_HELPER_SIM_NODE_H
#define T_HELPER_SIM_NODE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "if/Mirror.h"
#include "if/RegistryF.h"
#include "proto/buf.h"
#include "roles/registry/fleet.h"

struct node {
	int fd;                         /* -1: not connected */
	bool is_open, in_step;
	int64_t retry_us, beat_us;
	struct tars_MirrorPosition position;
	struct tars_int_list stale;     /* to be fetched */
	int64_t changed_us;             /* the last change came */
	struct buf in, out;
};

extern struct sim {
	struct sockaddr_in registry;
	unsigned n_services, n_instances;
	struct node *nodes;
	int n_nodes, epoll_fd, n_in_step;
	int64_t beat_every_us;
	struct fleet *mirror;           /* node 0's */
	/* Of the mirror when it was in step: now, and before node 0 lost its connection. */
	int64_t last_sums[FLEET_SUMS], lost_sums[FLEET_SUMS], lost_sum;
	/* What has happened so far. */
	int64_t gaps, wrong, beats, bytes, changes, fetched, confirmed, refused;
	int64_t snapshot_us;            /* when node 0 was in step for the first time */
	int64_t confirmed_us;           /* the last confirmation */
	struct tars_MirrorPosition asked;   /* the registry's, as sim_ask was told */
	int64_t n_asked;
} sim;

int64_t now_us(void);
/* server 0.. is now in this state, says its node. */
void sim_report(unsigned server, int state);
/* Where the registry is. */
void sim_ask(void);
/* Until `done`, at most so long; false: it was not. */
bool sim_run(bool (*done)(void), int64_t limit_ms);

#endif
