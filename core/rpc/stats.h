/*
 * Accounting: what each loop knows of the calls it served, the calls it made, and its own turns.
 *
 *	request --ended--> call_row (caller, function) --at the end of the turn--> func_stat, mic_body
 *
 * A call that ends in the turn in which it arrived only counts up its row; the turn's end reads the
 * clock once and accounts for all of them, as that is when their replies leave.  Only the loop's
 * own thread writes: no locks, no read-modify-write.  Counters that are _Atomic may be read by any
 * thread, all else by the loop's (stats_gather).
 */
#ifndef CORE_RPC_STATS_H
#define CORE_RPC_STATS_H

#include "core/io/reactor.h"
#include "core/rpc/histogram.h"
#include "core/rpc/list.h"
#include "core/rpc/mic.h"
#include "core/rpc/property.h"
#include "core/tars.h"
#include "proto/endpoint.h"

struct adapter;
struct buf;
struct loop;
struct peer;
struct servant;
struct server_conn;

enum {
	STATS_CODES = 8,         /* different codes that one function counts; more are "other" */
	STATS_MAX_HOSTS = 512,   /* per loop; the calls of more hosts are counted as of host "" */
	STATS_MAX_ROWS = 8192,   /* per loop */
	STATS_HOST_BUCKETS = 64, STATS_ROW_BUCKETS = 8, STATS_CALL_BUCKETS = 256,
	STATS_LAG_WINDOW_MS = 10000,
};

/* Requests that reach no function of the interface. */
enum stats_misc { STATS_PING, STATS_DESCRIBE, STATS_UNKNOWN, STATS_N_MISC };

/* All calls of one function that one loop served, since the start. */
struct func_stat {
	_Atomic uint64_t n, n_failed;
	_Atomic uint64_t n_ran, us_total, us_max;  /* those that reached their handler */
	_Atomic int32_t codes[STATS_CODES];        /* 0: free */
	_Atomic uint64_t n_codes[STATS_CODES], n_other_codes;
	struct histogram times;                    /* microseconds, of those that reached it */
};

/* Under which name the callers of these requests are reported (contract 9.1). */
enum caller_kind { CALLER_TARS, CALLER_TUP, CALLER_ONEWAY };

/* Times of the requests of an adapter since the last report: waiting, and in the handler. */
struct adapter_times {
	struct adapter_times *next;
	struct adapter *adapter;
	struct property_sum wait, handled;
};

/* One host that calls this adapter, as one loop sees it. */
struct caller {
	struct caller *next;          /* in its bucket */
	struct adapter *adapter;
	struct adapter_times *times;
	unsigned refs;                /* connections */
	struct call_row *rows[STATS_ROW_BUCKETS];
	char host[48];
};

/* The calls of one function by one host. */
struct call_row {
	struct call_row *next;        /* in its bucket */
	struct call_row *next_dirty;
	struct caller *caller;
	const struct servant *servant;  /* these two as in the requests */
	const struct tars_func *func;
	enum caller_kind kind;
	const char *name;             /* of the function, or what a misc one is called */
	unsigned in_turn;             /* ended well in this turn, not counted below yet */
	struct func_stat *stat;
	struct mic_body body;         /* since the last report */
};

/* The calls of one function of an object to one endpoint, made by one loop. */
struct call_stat {
	struct call_stat *next;       /* in its bucket */
	struct tars_proxy *proxy;
	const struct tars_func *func;
	const struct peer *peer;
	struct endpoint ep;
	char endpoint[96];            /* "tcp 10.0.0.1:18600"; "": these calls never got one */
	bool gone;                    /* the peer is: no more calls */
	unsigned in_flight;
	uint64_t n_ok, n_timeouts, n_failed, us_total, us_max;
	struct mic_body body;         /* since the last report */
};

struct loop_stats {
	struct task turn_end;
	bool turn_open;
	bool want_times;              /* for properties; else nobody adds them up */
	struct call_row *dirty;
	struct adapter_times *times;
	struct list running;          /* requests that wait or run, by their node `running` */
	struct caller *hosts[STATS_HOST_BUCKETS];
	unsigned n_hosts, n_rows;
	struct func_stat *_Atomic misc[STATS_N_MISC];
	struct call_stat *calls[STATS_CALL_BUCKETS];

	/* Turns in which requests, replies or results came. */
	_Atomic uint64_t n_turns, busy_us;
	_Atomic int64_t turn_since_us;                /* 0: none is under way */
	_Atomic int64_t lag_us, lag_before_us;        /* longest turn of this window, of the one before */
	int64_t lag_window_us;                        /* when it began */
};

/* want_times: properties are reported. */
void stats_init(struct loop *l, bool want_times);
void stats_release(struct loop *l);
/* Room for the functions of a new servant. */
void stats_add_servant(struct tars_app *app, struct servant *s);

/* ---- hooks of the request path; Thread: the loop's ---- */

void stats_open_turn(struct loop *l);
/* Something arrived: how long this turn takes is measured. */
static inline void stats_turn(struct loop *l, struct loop_stats *s)
{
	if (!s->turn_open)
		stats_open_turn(l);
}

void stats_conn_opened(struct server_conn *sc);
void stats_conn_freed(struct server_conn *sc);
/* It waits or runs beyond the turn: tars.requests shows it until it is done. */
void stats_running(struct tars_req *rq);
/* Its reply has been given to the connection, or it needs none; rq->result says how it ended. */
void stats_ended(struct tars_req *rq);

void stats_call_sent(struct tars_pending *p, struct peer *peer);
void stats_call_ended(struct tars_pending *p, int rc);
void stats_peer_gone(struct peer *peer);
/* Hosts that went and have nothing to report any more.  Thread: the loop's. */
void stats_callers_drop(struct loop_stats *s);
/* Rows whose peer is gone and that have nothing to report; or all.  Thread: the loop's. */
void stats_calls_drop(struct loop_stats *s, bool all);

/* Of so many requests, each.  report_adapter.c */
void stats_note_times(struct adapter_times *t, int64_t wait_us, int64_t handle_us, unsigned times);

/* ---- readers ---- */

const char *stats_misc_name(enum stats_misc misc);

/* One function of one servant over all loops. */
struct stats_func {
	const char *servant, *func;   /* servant "": misc */
	uint64_t n, n_failed, n_ran, us_total, us_max;
	struct { int32_t code; uint64_t n; } codes[STATS_CODES];
	uint64_t n_other_codes;
	struct histogram_sum times;
};
/* Those that were called, AdminObj's too.  f is valid during the call.  Thread: any. */
void stats_each_func(struct tars_app *app, void (*fn)(void *arg, const struct stats_func *f),
		     void *arg);

/* Longest turn of the last 10 to 20 s, the one under way included.  Thread: any. */
int64_t stats_lag_us(const struct loop_stats *s);

/*
 * Runs fn(loop, arg, out) on each loop's own thread and appends the outputs in the order of the
 * loops; false: a loop did not come to it within timeout_ms, and has no part in `out`.  arg is
 * copied.  In a coroutine.
 */
bool stats_gather(struct tars_app *app, void (*fn)(struct loop *l, const void *arg, struct buf *out),
		  const void *arg, size_t arg_size, int64_t timeout_ms, struct buf *out);

#endif
