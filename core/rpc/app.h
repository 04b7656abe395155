/*
 * The running process: reactors, servants, adapters (listening endpoints) and proxies.
 *
 * struct tars_app is what tars_main, tars_start and the roles share.  Requests are dispatched by
 * servant name on every adapter of the app, so several objects may share a port (contract 13.6/60).
 * Thread: the main reactor (the one that app_run runs), unless said otherwise.
 */
#ifndef CORE_RPC_APP_H
#define CORE_RPC_APP_H

#include "core/io/reactor.h"
#include "core/rpc/report.h"
#include "core/sys/applog.h"
#include "core/io/tls.h"
#include "core/tars.h"
#include "proto/endpoint.h"
#include "proto/iplist.h"

struct limits_conf;
struct pool;

struct app_conf {
	unsigned reactors;          /* 0: 1 */
	const char *locator;        /* object string of the registry; NULL or "": none */
	const char *module;         /* "App.Server": caller name in reports */
	const char *node_name;      /* sent as context["node_name"]; NULL or "": not sent */
	const char *set;            /* "name.area.group" or NULL */
	const char *cache_path;     /* file that keeps the last endpoint lists; NULL: none */
	int64_t sync_timeout_ms;    /* 0: 3000 */
	int64_t async_timeout_ms;   /* 0: 5000 */
	int64_t min_timeout_ms;     /* least that a caller may ask for; 0: any */
	unsigned sample_rate;       /* one of so many calls begins a sample; 0: none */
	unsigned max_samples;       /* calls of them in a report; 0: 100 */
	int64_t refresh_ms;         /* 0: 60000; of endpoint lists */
	int64_t connect_timeout_ms; /* 0: 3000 */
	size_t coro_stack;          /* 0: CORO_STACK_USER */
	struct applog_conf log;     /* of tars_log and tars_daylog; zeroed: stderr */
	int log_level;              /* enum tars_log_level; 0: DEBUG */
	const char *log_object;     /* of the log server; NULL or "": none */
	/* An endpoint is shielded from calls, or gets them again: one line.  Thread: any loop. */
	void (*on_endpoint)(struct tars_app *app, const char *text);
	size_t coro_memory;         /* 0: 1 GB; of it stacks of coroutines that run handlers */
	enum tars_run run;          /* of servants that say TARS_RUN_CONF */
	int64_t end_ms;             /* 0: 10000; for handlers that outlast the grace of app_stop */
	bool any_set;               /* callers of other sets are not refused */
	struct reporter_conf report;
	unsigned trace_kb;          /* 0: 1; data of a trace's line, unless its key says more */
	int64_t tls_check_ms;       /* 0: 5000; how often files of TLS are looked at */
	int64_t keep_alive_ms;      /* ping connections that are silent for so long; 0: never */
	unsigned max_unsent;        /* 0: 100000; requests that wait to be sent, of one endpoint */
};

/* An on_endpoint for services: a line in the log. */
void app_log_endpoint(struct tars_app *app, const char *text);

struct tars_app *app_new(const struct app_conf *conf, struct err *e);
/* Runs main reactor and its helpers until app_stop; `started` runs first, in a coroutine. */
void app_run(struct tars_app *app, void (*started)(void *arg), void *arg);
/*
 * Drains: adapters close, running requests finish (bounded by grace_ms), calls are cancelled, then
 * app_run returns.  Coroutines of app_spawn should end by then; if anything is still at work
 * end_ms later, it is named in the log, and app_free leaves the memory to the end of the process.
 * Thread: any.
 */
void app_stop(struct tars_app *app, int64_t grace_ms);
/* After app_run: a handler has not returned, so that the process can only _exit. */
bool app_is_stuck(const struct tars_app *app);
void app_free(struct tars_app *app);

/* A fault in this process names the request that it came from, in the log, before the process dies
 * of it.  Before other threads are started; name: of the process. */
void app_report_crashes(const char *name);

struct reactor *app_reactor(struct tars_app *app);
/* Changes the locator of by-name proxies from now on (a registry that listens on port 0). */
void app_set_locator(struct tars_app *app, const char *locator);
/* What it is now; "": none. */
const char *app_locator(const struct tars_app *app);

/* The servant row is copied; iface and impl must stay. */
int app_add_servant(struct tars_app *app, const struct tars_servant *servant, struct err *e);

/* One listening endpoint with its limits; zero means the official default (contract 4.5.1). */
struct adapter_conf {
	const char *name;           /* "App.Server.ObjAdapter" */
	struct endpoint ep;         /* port 0: the kernel chooses */
	unsigned threads;           /* of POOL servants that arrive here */
	unsigned max_conns;         /* default 1024 */
	unsigned queue_cap;         /* default 1024; > 4/5: -9, full: -9 (contract 11.5) */
	int64_t queue_timeout_ms;   /* default 10000 */
	int64_t idle_ms;            /* close silent connections; 0: the endpoint's -t */
	int64_t empty_ms;           /* and those that never sent a byte; 0: idle_ms */
	size_t max_frame;           /* 0: FRAME_DEFAULT_MAX */
	size_t max_out;             /* replies that a connection does not read; 0: 100 MB */
	size_t min_io;              /* bytes in idle_ms that keep a stuck one open; default 1024 */
	/* Requests of one connection that are at work: more, and it is not read meanwhile. */
	unsigned conn_requests;     /* 0: queue_cap, at least 1024 and at most 65536 */
	size_t conn_bytes;          /* 0: 64 MB */
	struct ip_policy peers;     /* who may connect; lists stay */
	const struct limits_conf *limits;  /* NULL: none; stays */
	const char *handle_group;   /* adapters of one share workers; NULL: the adapter's own */
	bool ordered;               /* all its servants are: queue mode */
	bool local;                 /* serves AdminObj and nothing else, and nobody else does */
	bool tars_only;             /* no HTTP on this port */
	bool not_tars;              /* it speaks the protocol of its servant */
	bool manual;                /* does not listen before tars_listen */
	struct tls_conf tls;        /* of ssl endpoints */
	int64_t handshake_ms;       /* 0: 10000; for all that comes before the first request */
	/* The servant that this endpoint is for; NULL: all.  If the endpoint asks for an access key or
	 * a client certificate, it cannot be called through others. */
	const char *servant;
	const char *access_key, *secret_key; /* of endpoints with -e 1 */
	unsigned socket_mode;       /* permissions of a socket file (-h /path); 0: as umask has it */
};
struct adapter;
/* On success *port_r is the real port, 0 for a socket file.  e names address and cause ("the port is in use ..."). */
int app_listen(struct tars_app *app, const struct adapter_conf *conf, int *port_r, struct err *e);

/* As tars_secure. */
int app_secure(struct tars_app *app, const struct tars_security *security, struct err *e);
/* Reads all files of TLS again, changed or not: gives how many sets of them are in use.  What is not
 * good leaves what was there before in use, and e has the first that is not.  It may block.
 * Thread: any. */
int app_reload_tls(struct tars_app *app, struct err *e);

/* A coroutine on the main reactor with a request of its own, for the roles' periodic work. */
void app_spawn(struct tars_app *app, void (*fn)(struct tars_req *rq, void *arg), void *arg);
/* The arena of a request: for calls that want one (pg_query). */
struct arena *req_arena(struct tars_req *rq);

/* Handlers that give the same results again and again may keep them encoded: if the reply is plain,
 * which needs nothing but bytes, they can stand for what `out` has. */
bool req_is_plain(const struct tars_req *rq);
/* Appends `out` as a plain reply has it. */
void req_encode(const struct tars_req *rq, const void *out, struct buf *to);
/* Such bytes, which stay until the handler has returned. */
void req_set_encoded(struct tars_req *rq, struct tars_bytes encoded);

#endif
