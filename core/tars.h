/*
 * The public API: services and clients of TARS in C.
 *
 * One rule of ownership: what you get belongs to the request `rq`; what you give must live as long
 * as `rq`; nothing is freed by hand.  A client outside a handler makes its own rq with
 * tars_begin() and ends it with tars_end().
 *
 * One rule of waiting: a sync call parks its coroutine or blocks its worker or plain thread, and
 * refuses with TARS_EBLOCK on a bare reactor (an INLINE handler), so it can never freeze one.
 *
 * Result of a call: 0, a negative enum tars_code (framework), or the positive code that the
 * handler gave to tars_fail().  struct tars_call.error then says what, where and why.
 */
#ifndef CORE_TARS_H
#define CORE_TARS_H

#include "proto/code.h"
#include "proto/type.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tars_req;      /* one request and everything that belongs to it */
struct tars_app;      /* a running service or client: its configuration, loops and proxies */
struct tars_proxy;    /* a remote object */
struct tars_pending;  /* a call between f_begin and f_end */

/* ---- services ---- */

/* Where a servant's handlers run; the same handler works in all three. */
enum tars_run {
	TARS_RUN_POOL,    /* worker threads: may block (files, SQL, legacy libraries) */
	TARS_RUN_CORO,    /* a coroutine on the connection's reactor: may wait for calls only */
	/* On the reactor itself: fastest, must not wait at all; vector<byte> arguments are gone
	 * when it returns. */
	TARS_RUN_INLINE,
	TARS_RUN_CONF,    /* one of them, by the key opencoroutine of the configuration; else POOL */
};

struct tars_protocol;

struct tars_servant {
	const char *name;                /* "App.Server.Obj" */
	const struct tars_iface *iface;  /* generated: &M_I_iface */
	const void *impl;                /* generated handler table: const struct M_I * */
	enum tars_run run;
	void *data;                      /* tars_data(rq) in its handlers; NULL: the app's */
	/* The requests of one connection run in their order, one at a time: the next begins when
	 * the one before is answered, late replies included (the adapter's key queuemode). */
	bool ordered;
	/*
	 * Instead of iface and impl: it speaks a protocol of its own, on adapters of its own with
	 * protocol=not_tars.  message: a request lives as long as rq.  0: *answer goes back, nothing
	 * if it is empty; TARS_LATER: tars_reply(rq, &answer) gives it; else: protocol->refuse.
	 */
	const struct tars_protocol *protocol;
	int (*message)(struct tars_req *rq, const struct tars_bytes *request,
		       struct tars_bytes *answer);
};

/* A management command of a service's own: `tars ctl send App.Server 'NAME PARAMS'`, consoles. */
struct tars_command {
	const char *name;                         /* one word; that of a built-in one: runs after it */
	const char *help;                         /* one line; may be NULL */
	/* In a thread that may block.  params: what stands behind the first blank.  *result: text
	 * of rq.  Not 0: refused, and commands of the same name that follow do not run. */
	int (*run)(struct tars_req *rq, const char *params, struct tars_str *result);
};

struct tars_service {
	const struct tars_servant *servants;      /* ends with { 0 } */
	/* Before the first request, in a worker thread: may block.  Not 0: do not start. */
	int (*init)(struct tars_app *app);
	void (*fini)(struct tars_app *app);       /* after the last */
	/* In each thread that runs handlers (workers; reactors, if a servant is CORO or INLINE):
	 * its own handles.  After init, before its first request; not 0: do not start. */
	int (*thread_init)(struct tars_app *app);
	void (*thread_fini)(struct tars_app *app);
	const struct tars_command *commands;      /* ends with { 0 }; may be NULL */
	/* `tars.loadconfig FILE` has brought this file to the base path.  In a thread that may block.
	 * Not 0: the service refuses it, and whoever gave the command is told. */
	int (*on_config)(struct tars_app *app, const char *file);
};

/* Runs the service until it is told to stop; `--config=FILE` names its official configuration.
 * Returns the exit status. */
TARS_API int tars_main(int argc, char **argv, const struct tars_service *service);

/* The user's pointer of an app, and the one a handler sees. */
TARS_API void tars_set_app_data(struct tars_app *app, void *data);
TARS_API void *tars_app_data(const struct tars_app *app);
TARS_API void *tars_data(const struct tars_req *rq);
TARS_API struct tars_app *tars_app_of(const struct tars_req *rq);
/*
 * With manuallisten=1 in the server's configuration no adapter listens before this: when what it
 * serves is ready.  name: of an adapter or of its servant; NULL: all.  Called before the service is
 * up (in init(), or a thread that it started), it takes effect then.  0: also if it listens already;
 * else a line in error[size].  Thread: any, but a bare reactor other than the main one.
 */
TARS_API int tars_listen(struct tars_app *app, const char *name, char *error, size_t size);
/* Value of the service configuration by path ("/tars/application/server<app>"), or fallback. */
TARS_API const char *tars_config(const struct tars_app *app, const char *path,
				 const char *fallback);

enum { TARS_CONFIG_LOCAL = 1 };
/*
 * Fetches a file of the configuration centre into the service's base path (contract 8.2); the one
 * that was there is kept as FILE.1.bak.  0: it is there and current; TARS_CONFIG_LOCAL: the centre
 * gave none, and the local one stays; negative: there is none.  text[size] says what happened.
 * In init() or another thread that may block, or a coroutine.
 */
TARS_API int tars_load_config(struct tars_app *app, const char *file, char *text, size_t size);
/* The same for a file of the whole application. */
TARS_API int tars_load_app_config(struct tars_app *app, const char *file, char *text, size_t size);

/* ---- inside a handler ---- */

/* Return value of a handler that replies later: tars_hold(rq) first, f_reply() from any thread.
 * When the last hold goes without a reply, the caller gets TARS_EUNKNOWN. */
#define TARS_LATER (-1000000)

/* Zeroed memory of the request. */
TARS_API void *tars_alloc(struct tars_req *rq, size_t size);
TARS_API struct tars_str tars_strf(struct tars_req *rq, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Copy of n bytes, NUL-terminated. */
TARS_API struct tars_str tars_strndup(struct tars_req *rq, const char *p, size_t n);

/* Appends a zeroed element to a list or map and gives its address:
 * TARS_PUSH(rq, &out->endpoints)->port = 1; */
#define TARS_PUSH(rq, list) \
	((list)->v = tars_grow((rq), (list)->v, (list)->n, sizeof(*(list)->v)), \
	 &(list)->v[(list)->n++])
TARS_API void *tars_grow(struct tars_req *rq, void *v, uint32_t n, size_t size);

/* Sets code and text of the reply and returns code: `return tars_fail(rq, 7, "no user %d", id);` */
TARS_API int tars_fail(struct tars_req *rq, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Keeps rq alive beyond the handler, for late replies and own threads; each hold wants a release.
 * Thread: any. */
TARS_API void tars_hold(struct tars_req *rq);
TARS_API void tars_release(struct tars_req *rq);

/* What the caller sent, and what goes back with the reply; NULL where there is none. */
TARS_API const char *tars_context(const struct tars_req *rq, const char *key);
TARS_API const char *tars_status(const struct tars_req *rq, const char *key);
TARS_API void tars_set_reply_context(struct tars_req *rq, const char *key, const char *value);
/* The same for the status, which the frameworks use themselves: keys that begin with "STATUS_" or
 * "TARS_" are theirs.  TARS_EARG: it is such a key. */
TARS_API int tars_set_reply_status(struct tars_req *rq, const char *key, const char *value);
/* "10.0.0.1:5312" of the caller; "" outside a handler. */
TARS_API const char *tars_peer(const struct tars_req *rq);
/* context["node_name"] if given, else the peer's address without port (contract 1.4). */
TARS_API const char *tars_caller_host(const struct tars_req *rq);
/* Waits so long as the run mode allows: a coroutine parks, a worker or plain thread sleeps, and a
 * bare reactor (an INLINE handler) refuses with TARS_EBLOCK. */
TARS_API int tars_sleep(int64_t ms);
/* Milliseconds until the caller gives up; INT64_MAX if it never does. */
TARS_API int64_t tars_time_left_ms(const struct tars_req *rq);

/* Ends the connection of rq when this message, of a protocol of one's own, is answered. */
TARS_API void tars_hang_up(struct tars_req *rq);

/* ---- what travels from a request to its calls ---- */

/* Cookies: texts of whoever began a chain of calls, which every service behind it sees.  key must
 * not begin with "STATUS_" (TARS_EARG); NULL: there is none.  64 KB together. */
TARS_API int tars_set_cookie(struct tars_req *rq, const char *key, const char *value);
TARS_API const char *tars_cookie(const struct tars_req *rq, const char *key);

/* Dyeing: what a dyed request logs, here and behind its calls, also goes to the dyeing log of the
 * machine and of the log server.  Operators dye by `tars.setdyeing key servant [function]`, which
 * looks at the routekey parameter; tars_dye does it in code.  tars_dyed gives the key or NULL. */
TARS_API void tars_dye(struct tars_req *rq, const char *key);
TARS_API const char *tars_dyed(const struct tars_req *rq);

/*
 * Call trace: each call of a trace is written down by both sides, in the log _t_trace_.  It goes on
 * as TARS trace key and as W3C traceparent, from whichever came; only who begins one samples.
 * data: which lines have arguments and results, in JSON of at most max_kb (0: the configured).
 */
enum tars_trace_data {
	TARS_TRACE_CS = 1, TARS_TRACE_CR = 2,  /* in the caller: arguments, result */
	TARS_TRACE_SR = 4, TARS_TRACE_SS = 8,  /* in the server */
	TARS_TRACE_ALL = 15,
};
/* All calls of rq from now on; nothing if it is part of a trace already. */
TARS_API void tars_trace_start(struct tars_req *rq, unsigned data, unsigned max_kb);
/* For own logs: the trace, and the call in it that rq answers; "" if there is none. */
TARS_API const char *tars_trace_id(const struct tars_req *rq);
TARS_API const char *tars_trace_span(const struct tars_req *rq);

/* ---- calling ---- */

/* A client without a service.  locator: "tars.tarsregistry.QueryObj@tcp -h .. -p .." or NULL when
 * all objects are direct.  NULL with a line in error[size] if it cannot start. */
TARS_API struct tars_app *tars_start(const char *locator, char *error, size_t size);
/* The same with options; zero means default everywhere.  Only grows at the end. */
struct tars_start_conf {
	const char *locator;             /* as above */
	const char *module;              /* who calls, in reports; NULL: the program's name */
	const char *node_name;           /* this machine, in reports; NULL: the receiver sees it */
	const char *set;                 /* "name.area.group" */
	const char *stat, *property;     /* objects that are told of calls and properties */
	int report_interval_ms;          /* 60000; at least 10000 */
	int sync_timeout_ms;             /* 3000 */
	int async_timeout_ms;            /* 5000 */
	int refresh_ms;                  /* of endpoints: 60000 */
	const char *cache_path;          /* file that keeps endpoints for starts without a registry */
	unsigned threads;                /* reactors: 1 */
	int keep_alive_ms;               /* ping connections that are silent for so long: never */
	unsigned max_unsent;             /* requests that wait to be sent to an endpoint: 100000 */
};
TARS_API struct tars_app *tars_start_with(const struct tars_start_conf *conf, char *error,
					  size_t size);
TARS_API void tars_stop(struct tars_app *app);
TARS_API struct tars_req *tars_begin(struct tars_app *app);
TARS_API void tars_end(struct tars_req *rq);

/* "App.Server.Obj" (by name) or "App.Server.Obj@tcp -h .. -p ..:tcp .." (direct).  The same name
 * gives the same proxy; it lives as long as the app.  Never NULL: a malformed name fails each call
 * with TARS_EARG and the reason.  Thread: any. */
TARS_API struct tars_proxy *tars_proxy(struct tars_app *app, const char *object);

/*
 * When an endpoint is shielded from calls, and for how long.  0 means the default, which is that of
 * the official C++ client: one failed call shields for 5 s.  A code of the application (above 0)
 * is no failure.  When all are shielded they are used in turn: calls never fail for that alone.
 */
struct tars_check {
	int window_ms;           /* over which failures are counted: 5000 */
	int min_failures;        /* in a window, and ... : 1 */
	double ratio;            /* ... this share of its calls: 0.05 */
	int consecutive;         /* or so many failures in a row ... : 1 */
	int consecutive_ms;      /* ... within no less than this, if more than one: 3000 */
	int retry_ms;            /* shielded so long; then one call at a time tries again: 5000 */
	int connect_failures;    /* failed connects in a row that shield: 1 */
	/* If fewer are left (percent), those that still answered some calls are used all the same:
	 * 50; -1: only when none is left. */
	int usable_percent;
	bool off;                /* nothing is shielded */
};

/*
 * Calls that may be sent more than once; opt-in.  A call that the server refused before it ran it
 * (overload, queue time-out) goes to another endpoint.  One that may have run (its connection
 * broke) does so only if the function is @idempotent: a comment with this word stands before it
 * in the IDL.
 */
struct tars_retry {
	const char *func;                 /* its name in the IDL; NULL: all functions */
	int attempts;                     /* at most, the first included: 2 */
	/* Of an @idempotent one: if no answer has come after so long, another endpoint is asked
	 * too, and the first answer counts.  0: no such backup request. */
	int backup_ms;
};

/* Zero means default everywhere.  Only grows at the end. */
struct tars_proxy_conf {
	const struct tars_check *check;   /* copied, like the texts */
	int timeout_ms;                   /* of calls: the configured ones */
	int connect_timeout_ms;           /* 3000 */
	/* Look it up in a set "name.area.group" instead of the caller's own, "": in none. */
	const char *set;
	const char *station;              /* or in a station (contract 11.1) */
	const struct tars_retry *retries; /* the first that fits; copied */
	int n_retries;
	/* Each call earns this part of a retry or backup request, and at most so many are saved
	 * up (by each loop): 10 %, 10. */
	int retry_percent, retry_burst;
	/* What it speaks instead of TARS: its calls are tars_message.  Stays. */
	const struct tars_protocol *protocol;
};

/* A proxy with options of its own: the same object and options give the same proxy. */
TARS_API struct tars_proxy *tars_proxy_conf(struct tars_app *app, const char *object,
					    const struct tars_proxy_conf *conf);

/* How an object is reached whose endpoints are "ssl" or have "-e 1".  Files are PEM; only grows at the end. */
struct tars_security {
	const char *object;              /* "App.Server.Obj"; NULL: all that have no row of theirs */
	/* Who must have signed the server's certificate, which must be for the endpoint's host if
	 * that is a name.  NULL: encrypted, but nobody knows to whom. */
	const char *ca;
	const char *cert, *key;          /* of this client, for servers that ask */
	const char *ciphers;             /* as OpenSSL lists them; NULL: its defaults */
	const char *access_key, *secret_key; /* for endpoints with -e 1 */
};
/* For connections from now on; the service configuration's keys do the same.  Files that change
 * later are read again.  Not 0: TARS_ECONF with a line in error[size].  Thread: any; reads files. */
TARS_API int tars_secure(struct tars_app *app, const struct tars_security *security, char *error,
			 size_t size);

/* ---- push: what a server sends to connected callers without being asked ---- */

/*
 * Server: the connection of a caller, to be kept beyond the request.  NULL if it cannot take pushes
 * (TUP, JSON, HTTP, UDP, and outside a handler).  Each ref wants its unref, before fini() returns.
 * Thread: any, for all of these.
 */
struct tars_client;
TARS_API struct tars_client *tars_client_ref(struct tars_req *rq);
TARS_API void tars_client_unref(struct tars_client *c);
/* "10.0.0.1:5312". */
TARS_API const char *tars_client_peer(const struct tars_client *c);
/* fn runs once, in a coroutine, when the connection ends; not when the service itself does.  The
 * last one counts.  TARS_ECONNECT: it has ended already. */
TARS_API int tars_client_on_close(struct tars_client *c,
				  void (*fn)(struct tars_client *c, void *ctx), void *ctx);
/* What the function's results are.  TARS_ECONNECT: it is gone; TARS_EOVERLOAD: it does not read, a
 * megabyte waits for it; TARS_ELIMIT: the packet is too large. */
TARS_API int tars_client_push(struct tars_client *c, const struct tars_iface *iface, int func,
			      const void *out);
/* The same, of servants that speak a protocol of their own: a whole message. */
TARS_API int tars_client_send(struct tars_client *c, const struct tars_bytes *message);
TARS_API void tars_client_close(struct tars_client *c);

/* Client: what is done with the pushes that come for a proxy. */
typedef void tars_pushed(const void *handlers, void *ctx, int func, const void *out);

struct tars_push {
	/* NULL for a protocol of one's own: func is 0 then, and out a struct tars_bytes. */
	const struct tars_iface *iface;
	tars_pushed *pushed;             /* generated, for an interface that is @push */
	const void *handlers;            /* the user's table */
	void *ctx;
	void (*closed)(void *ctx);       /* a connection ended: subscribe again; or NULL */
};
/*
 * From now on; before the call that subscribes.  The proxy has connections of its own then, one for
 * each loop and endpoint that it calls.  Handlers run in coroutines, in order for each connection;
 * what `out` refers to is gone when they return.  Thread: any.
 */
TARS_API void tars_set_push(struct tars_proxy *proxy, const struct tars_push *push);

/* ---- a call ---- */

/* MOD: the hash modulo the endpoints, inactive ones included.  CONSISTENT: its low 32 bits are the
 * place on a ring, so small numbers all go to the same endpoint: use a hash of a text. */
enum tars_hash_mode { TARS_HASH_NONE, TARS_HASH_MOD, TARS_HASH_CONSISTENT };
/* Hashes of texts that send a key to the same endpoint as official C++ clients do with
 * tars::hash<string> and with tars::hash_new<string>, which spreads better.  Thread: any. */
TARS_API uint64_t tars_hash(const char *text, size_t n);
TARS_API uint64_t tars_hash_new(const char *text, size_t n);
/* The same of integers: the number itself, a negative one as its 64-bit two's complement; but a
 * signed char counts as if it were unsigned, and a char as if it were signed, on every machine. */
#define tars_hash_int(n) \
	_Generic((n), \
		char: (uint64_t)(int64_t)(signed char)(n), \
		signed char: (uint64_t)(unsigned char)(n), \
		default: (uint64_t)(n))

/* What a call looks like: what C++, Go and Java speak, or as scripts and gateways call them. */
enum tars_wire { TARS_WIRE_TARS = 0, TARS_WIRE_TUP = 3, TARS_WIRE_JSON = 5 };

/* Where a call went and what came back beside the result. */
struct tars_call_info {
	char endpoint[96];               /* "tcp 10.0.0.1:18600"; "" if it was never sent */
	struct tars_string_string_map reply_status; /* belongs to rq */
};

/* One call; zero means default everywhere.  Only grows at the end. */
struct tars_call {
	struct tars_proxy *to;
	struct tars_req *rq;             /* deadline and trace come from it; results belong to it */
	int timeout_ms;                  /* 0: the configured time-out */
	enum tars_hash_mode hash_mode;
	uint64_t hash;
	const struct tars_string_string_map *context, *status;
	/* Results */
	const char *error;               /* "" or what failed, with object, endpoint and cause */
	struct tars_string_string_map reply_context;
	/* Of tars_message */
	const char *kind;                /* its name in statistics, one of few; NULL: "message" */
	enum tars_wire wire;
	struct tars_call_info *info;     /* of tars_invoke: filled if given */
};

/* Why the last failed call of rq failed, as in tars_call.error; "" if none did.  For callbacks and
 * f_end, whose tars_call is gone. */
TARS_API const char *tars_error(const struct tars_req *rq);

/* ---- protocols of one's own ---- */

/*
 * How a stream of bytes is cut into messages, each of which is one request or one answer.  The
 * functions see what strangers send, on the connection's reactor: they must not wait.
 */
struct tars_protocol {
	/*
	 * Where the message that begins at p ends, of which n bytes (at least 1) have come: its
	 * size, which may be more than n; 0: that cannot be told yet; negative: these bytes are no
	 * message, and the connection ends.  *at is 0 for a new message, and keeps what is put there
	 * until it is whole: where to look on, so that nothing is looked at twice.
	 */
	int64_t (*frame)(const uint8_t *p, size_t n, size_t *at);
	size_t max_size;                 /* of a message; 0: the key backpacketlimit, 100 MB */
	/*
	 * Messages with ids: answers may overtake each other.  get_id: false if it has none, as what
	 * is pushed; put_id: into a request that is about to be sent.  NULL: answers come in the
	 * order of their requests, so a servant's messages of one connection run one at a time.
	 */
	bool (*get_id)(const uint8_t *p, size_t n, uint32_t *id);
	void (*put_id)(uint8_t *p, size_t n, uint32_t id);
	/* Server: what is answered to a message that was not executed (overload, queue time-out),
	 * or whose handler gave a code.  NULL: the connection ends.  Thread: any. */
	void (*refuse)(struct tars_req *rq, const struct tars_bytes *request, int code,
		       const char *text, struct tars_bytes *answer);
};

/*
 * A call of an object whose proxy has a protocol, as tars_invoke and its variants below; a call
 * that is begun ends with tars_invoke_end(p, &answer).  request: one whole message; copied.  An
 * answer is always a success; it belongs to c->rq.
 */
TARS_API int tars_message(struct tars_call *c, const struct tars_bytes *request,
			  struct tars_bytes *answer);
/* A message that has no answer. */
TARS_API int tars_message_oneway(struct tars_call *c, const struct tars_bytes *request);
/* out: a struct tars_bytes. */
TARS_API int tars_message_async(struct tars_call *c, const struct tars_bytes *request,
				void (*done)(void *state, int rc, const void *out), void *state);
TARS_API struct tars_pending *tars_message_begin(struct tars_call *c,
						 const struct tars_bytes *request);

/* ---- properties ---- */

/*
 * Values that the platform shows over time (contract 9.3): reported every minute to the object of
 * the key `property`, each policy with a value of its own.  Max begins at -9999999 in the first
 * minute and at 0 later, Min is the smallest that is not 0, as for all official SDKs.
 */
struct tars_property;
enum tars_property_policy { /* or-ed */
	TARS_PROPERTY_SUM = 1, TARS_PROPERTY_AVG = 2, TARS_PROPERTY_MIN = 4, TARS_PROPERTY_MAX = 8,
	TARS_PROPERTY_COUNT = 16,
	TARS_PROPERTY_DISTR = 32,  /* how many values are below each of the ranges (at most 32) */
};
/* The same name gives the same property, with the policies of the first call; it lives as long as
 * the app.  Never NULL.  Thread: any. */
TARS_API struct tars_property *tars_property(struct tars_app *app, const char *name,
					     unsigned policies, const int *ranges,
					     unsigned n_ranges);
/* Costs some nanoseconds.  Thread: any. */
TARS_API void tars_property_report(struct tars_property *p, int value);

/* ---- logs ---- */

/*
 * Application logs (contract 10.3).  The rolling log is <logpath>/<App>/<Server>/<App>.<Server>.log
 * (keys logpath, logsize, lognum, logLevel); logs by time are <App>.<Server>_<name>_<date>.log
 * beside it, and go to the log server (key log), too.  Without a logpath all go to stderr.
 *
 * A line needs no newline, and costs its caller no wait: a thread writes it.  Lines that come
 * faster than the disk takes them, or that a full disk refuses, are counted, and the log says so.
 * Thread: any.
 */
enum tars_log_level {        /* a line is written if its level is not above the log's */
	TARS_LOG_NONE = 1, TARS_LOG_ERROR, TARS_LOG_WARN, TARS_LOG_INFO, TARS_LOG_DEBUG,
	TARS_LOG_TARS,       /* for the framework itself */
};
enum tars_log_period { TARS_LOG_BY_DAY, TARS_LOG_BY_HOUR, TARS_LOG_BY_MINUTE };

/* The rolling log; for a dyed request the dyeing log, too. */
TARS_API void tars_log(const struct tars_req *rq, enum tars_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
TARS_API void tars_app_log(struct tars_app *app, enum tars_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Whether such a line would be written: for arguments that cost much. */
TARS_API bool tars_log_is_on(const struct tars_app *app, enum tars_log_level level);
/* A log by time.  name: letters, digits, '_', '-', '.'; at most 63; "": the one without a name. */
TARS_API void tars_daylog(const struct tars_req *rq, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
TARS_API void tars_app_daylog(struct tars_app *app, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* When a log by time begins a new file: each day (default), or each `every` hours or minutes,
 * counted from 0 o'clock.  Before its first line.  TARS_EARG: the name or `every` cannot be used. */
TARS_API int tars_daylog_period(struct tars_app *app, const char *name,
				enum tars_log_period period, unsigned every);
/* Waits until all lines so far are written: before _exit().  False: not in time.  Not on a
 * reactor. */
TARS_API bool tars_log_flush(struct tars_app *app, int ms);

/* ---- entry points of generated code ---- */

typedef void tars_done(void *state, int rc, const void *out);

TARS_API int tars_invoke(struct tars_call *c, const struct tars_iface *iface, int func,
			 const void *in, void *out);
TARS_API int tars_invoke_oneway(struct tars_call *c, const struct tars_iface *iface, int func,
				const void *in);
/* done runs exactly once, in a coroutine of a reactor (of the handler's, if called in one; in its
 * own thread then not before this returns).  out is NULL when rc is not 0; it belongs to c->rq,
 * which is held until done returns; state is the caller's.  Non-zero return: done will not run. */
TARS_API int tars_invoke_async(struct tars_call *c, const struct tars_iface *iface, int func,
			       const void *in, tars_done *done, void *state);
/* Never NULL; every begin wants its end.  c may go out of scope in between. */
TARS_API struct tars_pending *tars_invoke_begin(struct tars_call *c,
						const struct tars_iface *iface, int func,
						const void *in);
TARS_API int tars_invoke_end(struct tars_pending *p, void *out);
/* The call ends with TARS_ECANCEL, if it is not done already; it still wants its end.  The error
 * says whether it may have been executed.  Thread: any, but not after the end has begun to return. */
TARS_API void tars_cancel(struct tars_pending *p);
/* Waits until one of n calls is done, and gives its index; it still wants its end.  NULL ones are
 * passed over; TARS_EARG if there is no other. */
TARS_API int tars_wait_any(struct tars_pending *const *calls, int n);
/* Late replies; release the hold afterwards.  TARS_EARG if there was one already.  Thread: any. */
TARS_API int tars_reply(struct tars_req *rq, const void *out);
TARS_API int tars_reply_error(struct tars_req *rq, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif

#endif
