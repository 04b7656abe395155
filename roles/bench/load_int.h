/*
 * Inside of the load: a thread and its connections, shared by what runs them (load.c) and what a
 * connection does (load_conn.c).
 *
 * Thread: the worker's, but for the counters, which any may read.
 */
#ifndef ROLES_BENCH_LOAD_INT_H
#define ROLES_BENCH_LOAD_INT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "core/io/conn.h"
#include "core/rpc/list.h"
#include "proto/arena.h"
#include "roles/bench/load.h"

/* One call under way, or a place for one. */
struct load_slot {
	struct list node;              /* in worker->in_flight, or not busy */
	struct load_conn *conn;
	int64_t due_ns, sent_ns;
	uint32_t next_free;
	uint16_t generation;           /* of its id */
	bool busy;
};

struct load_conn {
	struct conn conn;
	struct load_worker *worker;
	struct timer retry;
	unsigned target;               /* index; another one after each failure */
	unsigned n_free, first_free;
	uint32_t turn;                 /* of packets */
	bool is_ready, is_settled, is_open;
	struct load_slot *slots;
};

struct load_worker {
	_Alignas(64) struct load *load;
	const struct load_plan *plan;
	struct reactor *reactor;
	struct load_conn *conns;
	unsigned n_conns, n_settled, n_open, turn;
	uint64_t n_places;             /* free slots of connections that are ready */
	struct list in_flight;         /* slots in the order in which they were sent */
	bool is_running, is_ending;
	struct arena scratch;          /* of one answer */
	struct task enter, go, stop, end;
	struct timer tick;             /* time-outs, and the end */
	/* Open loop: call number n_due of this worker is due at begin_ns + n_due * step_ns. */
	int64_t begin_ns, next_ns;
	uint64_t n_due;
	double step_ns;
	struct watch alarm;            /* a timerfd: the reactor's timers count in milliseconds */
	int alarm_fd;

	/* Written by this thread, read by any. */
	_Alignas(64) _Atomic uint64_t sent, ok, failed, latency_sum_ns, bytes_out, bytes_in, broken,
		late, overdue;
	struct { _Atomic int code; _Atomic uint64_t n; } codes[LOAD_MAX_CODES + 1];
	struct hist_live latency;
};

struct load {
	const struct load_plan *plan;
	struct load_worker *workers;
	unsigned n_workers;
	sem_t settled, ended;
	_Atomic bool any_ready;
	bool is_up;                    /* all threads run */
	int64_t begin_ns;
	pthread_mutex_t lock;          /* of why */
	char why[256];
};

static inline void load_add(_Atomic uint64_t *counter, uint64_t by)
{
	uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, n + by, memory_order_relaxed);
}

/* ---- load_conn.c ---- */
void load_conn_init(struct load_conn *c, struct load_worker *w, unsigned target);
void load_conn_connect(struct load_conn *c);
void load_conn_close(struct load_conn *c);
void load_conn_free(struct load_conn *c);
/* Sends the next packet; there must be a free slot. */
void load_conn_call(struct load_conn *c, int64_t due_ns, int64_t now_ns);
/* A closed loop begins. */
void load_conn_fill(struct load_conn *c, int64_t now_ns);
/* A call has ended with this code. */
void load_slot_end(struct load_slot *s, int code, int64_t now_ns);

/* ---- load.c ---- */
/* Open loop: sends what is due by now.  free: a connection that has a place, or NULL. */
void load_send_due(struct load_worker *w, struct load_conn *free, int64_t now_ns);
void load_conn_settled(struct load_conn *c, bool is_ready);
void load_note_why(struct load *l, const char *text);
/* A connection's memory is nobody's any more. */
void load_conn_gone(struct load_conn *c);

#endif
