/*
 * Inside of struct tars_app, shared by the files of core/rpc only.
 *
 * An app has one loop per reactor.  What hangs on a loop (connections, requests, calls, the route
 * of each proxy as that loop uses it) is touched by that loop's thread alone.
 *
 *   tars_app --- loop 0 (main) --- server connections, peers, pending calls
 *            |-- loop 1 ...
 *            |-- servants (immutable table, swapped), adapters, pools
 *            `-- proxies (by object string) --- target per loop --- peers
 */
#ifndef CORE_RPC_APP_INT_H
#define CORE_RPC_APP_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/rpc/app.h"
#include "core/rpc/dye.h"
#include "core/rpc/list.h"
#include "core/rpc/logstate.h"
#include "core/rpc/lookout.h"
#include "core/rpc/stats.h"
#include "core/sys/metric.h"
#include "proto/arena.h"
#include "proto/tarsconf.h"

struct adapter;
struct main_conf;
struct proxy_cache;
struct remotelog;
struct servant;
struct servant_table;
struct tars_pending;

enum { CALL_BUCKETS = 1024, PEER_BUCKETS = 256, PROXY_BUCKETS = 64, MAX_REACTORS = 64 };

/* One reactor with everything that belongs to its thread. */
struct loop {
	_Alignas(64) struct tars_app *app;    /* no line of the cache belongs to two loops */
	struct reactor *reactor;
	unsigned index;
	struct task enter;                    /* makes it loop_self() of its thread */
	bool threaded;                        /* on a thread of its own */
	_Atomic pthread_t thread;             /* that runs it; 0 before */
	struct tars_req *free_reqs;
	unsigned n_free_reqs;
	struct tars_pending *free_calls;
	unsigned n_free_calls;
	_Atomic unsigned n_requests;          /* being served; written by this loop only */
	_Atomic unsigned n_coros;             /* coroutines that must end before the loop does */
	unsigned n_handlers;                  /* those of them that run handlers */
	_Atomic unsigned n_conns;             /* accepted ones; the acceptor reads it */
	_Atomic unsigned n_busy_conns;        /* when server_count_busy looked */
	_Atomic uint64_t n_http_calls;        /* that came over HTTP; written by this loop only */
	struct list conns;                    /* struct server_conn */
	struct timer sweep;                   /* idle connections */
	bool hooks_ran;                       /* thread_init did, so thread_fini must */
	int hook_rc;
	struct task_list for_pools;           /* POOL requests of this turn */
	struct task submit;                   /* hands them over; queued while there are any */
	struct list peers[PEER_BUCKETS];      /* struct peer, by host and port */
	struct list links;                    /* struct link */
	struct tars_pending *calls[CALL_BUCKETS]; /* by request id */
	uint32_t next_id;                     /* of calls that begin here */
	struct arena scratch;                 /* of one frame */
	struct loop_stats stats;
	_Alignas(64) _Atomic uint32_t next_id_of_threads; /* of calls that begin elsewhere */
};

struct tars_app {
	struct app_conf conf;
	struct arena arena;                   /* names and rows; under `lock` after the start */
	struct loop *loops;
	unsigned n_loops;
	pthread_mutex_t lock;
	const char *name;                     /* "App.Server"; "" for a plain client */
	void *data;
	const struct tarsconf *_Atomic config; /* official configuration, or NULL; may be renewed */
	const char *config_path;              /* its file */
	const struct main_conf *service;      /* of tars_main; NULL: a client or a role */
	const struct tars_service *hooks;     /* likewise */
	const char *appcache_path;            /* NULL: none */
	struct dye dye;
	struct property_list *properties;
	struct reporter *report;
	struct sampler *sampler;
	struct log_state logs;
	struct applog *log;
	struct remotelog *remote_log;         /* NULL: no log server */

	struct metric_source *_Atomic metrics;
	struct metric_source own_metrics, call_metrics;

	struct servant_table *_Atomic servants;
	const struct servant *admin;          /* AdminObj of local adapters */
	struct list adapters, groups;
	bool has_pool_servant, has_loop_servant;
	unsigned max_handlers;                /* in coroutines of each loop */
	int (*thread_init)(struct tars_app *app);
	void (*thread_fini)(struct tars_app *app);
	void (*before_stop)(struct tars_app *app); /* in a worker, after the last request */
	void (*on_shutdown)(struct tars_app *app); /* AdminObj.shutdown; NULL: app_stop */
	void (*on_listening)(struct tars_app *app, const struct adapter *a); /* by tars_listen */
	bool may_listen;                      /* the service is up; the main loop's */
	void *hooks_arg;                      /* theirs */

	struct list secure_ctxs, secure_objects; /* secure.c; under `lock` */
	pthread_mutex_t secure_refresh;
	bool secure_started;
	struct task secure_start;
	struct timer secure_check;

	struct tars_proxy *proxies[PROXY_BUCKETS];
	struct tars_proxy *_Atomic registry;
	struct proxy_cache *cache;
	struct lookout lookout;                 /* the main loop's */
	_Atomic unsigned next_loop;           /* for requests of plain threads */

	struct task start_task, stop_task;
	_Atomic int64_t grace_ms;
	_Atomic bool stopping;                /* no new connections */
	_Atomic bool closed;                  /* no new calls */
	bool stuck;                           /* a handler did not return */
	bool abandoned;                       /* something did not end: its memory must stay */
	void (*started)(void *arg);
	void *started_arg;
};

/* The loop of the calling thread, or NULL. */
struct loop *loop_self(void);

/* For the counters that one loop writes and others read: no read-modify-write is needed. */
static inline void count_add(_Atomic unsigned *counter, int by)
{
	unsigned n = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, n + (unsigned)by, memory_order_release);
}

/* thread_init on each loop, if handlers run there.  In a coroutine of the main loop. */
int hooks_init(struct tars_app *app, struct err *e);

/* True on the thread of this loop. */
static inline bool loop_is_here(const struct loop *l)
{
	return loop_self() == l;
}

/* Tells the connections of a loop that the app stops, as far as their protocol has words for it. */
void server_drain_all(struct loop *l);
/* Stops listening; then, per loop, closes server connections once their output has left. */
void adapters_close(struct tars_app *app);
/* When nothing has to be answered any more. */
void adapters_free(struct tars_app *app);
/* Ends the worker threads; false: a handler has not returned by then.  May block. */
bool pools_end(struct tars_app *app, int64_t until_us);
/* Of a stopping app: connections on which something came or went just now.  Those that have never
 * paused are told to go now. */
void server_count_busy(struct loop *l);
void server_close_all(struct loop *l);
/* Closes those whose output has not left in time. */
void server_drop_all(struct loop *l);
/* Fails every call of the loop with TARS_ECANCEL; then closes the connections. */
void client_cancel_all(struct loop *l);
void client_close_all(struct loop *l);
void proxies_stop(struct tars_app *app);
void targets_drop(struct loop *l);
void proxies_free(struct tars_app *app);

#endif
