/*
 * The load: connections of their own on threads of their own, which send packets made before.
 *
 *   closed loop   each connection keeps `in_flight` calls under way: an answer sends the next
 *   open loop     calls are due at a fixed rate, whatever the service does; the latency of each
 *                 counts from when it was due, so a pause of the service shows in all calls that
 *                 it held up (no coordinated omission)
 *
 * A call has an id of its own, so late and doubled answers are seen for what they are.  Memory is
 * bounded by connections * in_flight.  Thread: who starts it; the counters any.
 */
#ifndef ROLES_BENCH_LOAD_H
#define ROLES_BENCH_LOAD_H

#include "core/io/address.h"
#include "core/tars.h"
#include "proto/endpoint.h"
#include "roles/bench/hist.h"

enum { LOAD_MAX_IN_FLIGHT = 65535, LOAD_MAX_CODES = 32 };

/* A whole request; the four bytes at id_at are its id. */
struct load_packet {
	const uint8_t *p;
	uint32_t n, id_at;
};

struct load_target {
	struct endpoint ep;
	struct sockaddr_any addr;
	char text[96];
};

/* What is done; stays until load_free. */
struct load_plan {
	struct tars_app *app;          /* for TLS and access keys */
	const char *object;            /* "App.Server.Obj" */
	const struct load_target *targets;
	unsigned n_targets;
	const struct load_packet *packets; /* taken in turn by each connection */
	uint32_t n_packets;
	unsigned connections, in_flight, threads;
	double rate;                   /* calls a second, of all connections; 0: closed loop */
	int64_t timeout_ms;
};

/* Since the start, of all threads. */
struct load_counts {
	struct hist latency;           /* of calls that were answered, and of those that timed out */
	uint64_t sent, ok, failed;
	uint64_t latency_sum_ns;
	uint64_t bytes_out, bytes_in;
	uint64_t broken, late;         /* connections that broke; answers that came too late */
	uint64_t overdue;              /* of an open loop: due, but not sent yet */
	struct load_code {
		int code;
		uint64_t n;
	} codes[LOAD_MAX_CODES + 1];   /* n 0 ends them; the last is that of all others, 0x7fffffff */
};

struct load;

/* Connects; waits until each connection is up or has failed.  NULL with *e if it cannot, or if no
 * connection came up. */
struct load *load_new(const struct load_plan *plan, struct err *e);
void load_go(struct load *l);
/* No new calls from now on. */
void load_stop(struct load *l);
/* After load_stop: waits until those under way have ended, at most their time-out. */
void load_wait(struct load *l);
void load_count(const struct load *l, struct load_counts *counts);
/* The last reason why a connection broke or did not come up; "" if there is none. */
void load_why_broken(const struct load *l, char *text, size_t size);
void load_free(struct load *l);
/* CLOCK_MONOTONIC. */
int64_t load_clock_ns(void);

#endif
