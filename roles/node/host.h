/*
 * Figures of this machine and of one process, from /proc, for load reports and for people.
 *
 * Reads of /proc do not wait for a disk; host_disks may.  Thread: any.
 */
#ifndef ROLES_NODE_HOST_H
#define ROLES_NODE_HOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/arena.h"
#include "proto/buf.h"

/* State of a running average; zeroed at start. */
struct cpu_sample {
	uint64_t busy, total;
};

/* Busy share of all processors since the last call, 0..100. */
int host_cpu_percent(struct cpu_sample *last);
/* When a process started, in seconds since 1970, from its start ticks. */
int64_t host_start_time(uint64_t start_ticks);
/* How long it has run, by the same; milliseconds. */
int64_t host_run_ms(uint64_t start_ticks);
/* State letter of a process as in ps(1); '?' if there is none. */
char host_process_state(pid_t pid);
/* Whether "10.0.0.1", "::1" ... is an address of this machine. */
bool host_is_own_address(const char *ip);
struct host_memory {
	int64_t total, available, swap_used;   /* bytes */
};
/* Zeroes if /proc cannot be read. */
void host_memory(struct host_memory *m);

struct host_disk {
	const char *path;       /* where it is mounted */
	int64_t total, free;    /* bytes; free: what unprivileged users can take */
};
/* The disks that "/", `also` and mounted devices are on, each once.  Their number, at most max. */
size_t host_disks(const char *also, struct host_disk *v, size_t max, struct arena *a);
/* Where others may reach this machine: addresses of interfaces that are up, each once, without
 * loopback and those that count on one link only.  Their number, at most max. */
size_t host_addresses(const char **v, size_t max, struct arena *a);
/* Load, memory and, if pid > 0, the figures of that process: lines "name: value". */
void host_print_load(struct buf *b, pid_t pid);

#endif
