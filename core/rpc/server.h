/*
 * The serving side: servants, adapters, their connections, and a packet's way to its handler.
 *
 *   conn -> server_frame -> servant_find -> dispatch -> INLINE | CORO | POOL -> req_respond -> conn
 *
 * Thread: an adapter belongs to the main loop, a server_conn to its loop; counters are atomic.
 */
#ifndef CORE_RPC_SERVER_H
#define CORE_RPC_SERVER_H

#include <stdatomic.h>

#include "core/io/conn.h"
#include "core/io/datagram.h"
#include "core/io/listen.h"
#include "core/io/pool.h"
#include "core/rpc/app.h"
#include "core/rpc/list.h"

struct call_row;
struct caller;
struct func_stat;
struct loop;
struct tars_client;
struct tars_req;

/* ---- servants ---- */

struct servant {
	struct tars_servant row;   /* name is our copy */
	size_t name_len;
	struct func_stat *_Atomic *stats;  /* [loop][function]; NULL: not called there yet */
	_Atomic bool guarded;      /* to be called through adapters of its own only */
};

/* Immutable once published; open addressing, at most half full. */
struct servant_table {
	uint32_t mask, n;
	const struct servant *slots[];
};

/* Thread: any. */
const struct servant *servant_find(struct tars_app *app, const char *name, size_t n);
/* "A.B.C, A.B.D" for messages. */
void servant_names(struct tars_app *app, char *text, size_t size);

/* ---- adapters ---- */

/* Worker threads; adapters of one handle group share them. */
struct group {
	struct list node;
	const char *name;
	unsigned threads;
	struct pool *_Atomic pool;    /* NULL until there is a POOL servant */
};

/* What an adapter refuses or closes, and counts. */
enum drop {
	DROP_CONN_FULL, DROP_CONN_DENIED, DROP_CONN_STARVED, DROP_CONN_IDLE, DROP_CONN_SLOW,
	DROP_TLS, DROP_ACCESS, DROP_OVERLOAD, DROP_EXPIRED, DROP_CONCURRENCY, DROP_RATE,
	DROP_DATAGRAM, DROP_ANSWER, N_DROPS,
};
/* In AdminObj's status, in /metrics, and what it means there. */
struct drop_row {
	const char *status, *metric, *help;
};
extern const struct drop_row drop_rows[N_DROPS];

/* One loop writes it; those of other loops are in other lines of the cache. */
struct loop_count {
	_Alignas(64) _Atomic unsigned n;
};

struct adapter {
	struct list node;             /* in the app's list */
	struct tars_app *app;
	const char *name;
	struct adapter_conf conf;     /* defaults filled in */
	struct tls_ctx *tls;          /* NULL: plain connections */
	struct listener listener;
	struct datagram_port udp;     /* of udp endpoints, instead */
	size_t max_reply;
	_Atomic bool listening;       /* written by the main loop */
	_Atomic int port;             /* 0: none, or not yet known */
	bool wanted;                  /* of a manual one: the service said so before it was up */
	struct group *group;
	_Atomic unsigned n_conns;
	_Atomic unsigned waiting;     /* POOL requests in the queue */
	struct loop_count *running;   /* CORO requests, of each loop */
	_Atomic uint64_t drops[N_DROPS];
	const struct servant *speaks; /* whose protocol it has; NULL: TARS */
	struct limits *limits;        /* NULL: none */
	uint64_t n_reported_timeouts; /* the reporter's */
};

static inline void adapter_drop(struct adapter *a, enum drop why)
{
	atomic_fetch_add_explicit(&a->drops[why], 1, memory_order_relaxed);
}

/* Thread: any. */
unsigned adapter_running(const struct adapter *a);
/* Whether allow and deny let this peer in; if not, that is counted and logged. */
bool adapter_lets_in(struct adapter *a, const struct sockaddr_any *peer);
/* Adds one that does not listen: not yet, or not before tars_listen.  Thread: main, like the next two. */
struct adapter *adapter_add(struct tars_app *app, const struct adapter_conf *conf);
/* All that it needs before it can listen: checks, workers, certificates. */
int adapter_prepare(struct adapter *a, struct err *e);
int adapter_listen(struct adapter *a, struct err *e);
/* All adapters: start with prev NULL; NULL at the end.  Thread: any. */
struct adapter *adapter_next(struct tars_app *app, struct adapter *prev);
int adapter_make_pools(struct tars_app *app, struct err *e);

/* ---- connections ---- */

/*
 * What keeps the requests of a connection in order: one is at work, the others wait.  Of a POOL
 * servant all that wait are handed to one worker, which runs them one after the other, so a busy
 * lane costs no hand-over per request.
 */
struct lane {
	struct task_list waiting;     /* the loop's */
	struct task_list batch;       /* the worker's until `turn` is posted or a reply is put off */
	struct task turn;             /* back on the loop */
	bool busy;                    /* holds the connection */
	bool running, ended;          /* inside lane_run; what it began has ended meanwhile */
};

struct server_conn;

/* What a connection speaks if that is not TARS. */
struct server_proto {
	struct conn_class class;      /* its down and release are those below */
	void (*open)(struct server_conn *sc);
	void (*tick)(struct server_conn *sc, int64_t now_us);  /* every second; may be NULL */
	void (*drain)(struct server_conn *sc);                 /* the app stops; may be NULL */
	void (*down)(struct server_conn *sc);                  /* the connection is closed */
	void (*free)(struct server_conn *sc);                  /* and no request refers to it */
};

/* Whether a direction that has something to do does it. */
struct pace {
	int64_t since_us;             /* 0: nothing to do */
	uint64_t bytes;               /* at that time */
};

struct server_conn {
	struct conn conn;             /* .owed counts the requests that refer to it */
	struct list node;             /* in the loop's list */
	struct task opened;           /* hands the descriptor to its loop */
	struct loop *loop;
	struct adapter *adapter;
	int fd;                       /* until `opened` has run */
	struct sockaddr_any peer;     /* as accepted: it may be gone when `opened` runs */
	int64_t opened_us;
	bool released;
	struct tars_client *client;   /* push.c: NULL until somebody wants to keep it */
	bool knows_pushes;            /* its last request was of the TARS version */
	bool must_go;                 /* it will be told when nothing is owed to it */
	const struct server_proto *proto; /* NULL: TARS */
	void *proto_state;            /* the protocol's */
	unsigned n_exchanges;         /* of HTTP, that are in memory */
	size_t message_at;            /* of adapter->speaks: frame()'s *at */
	const struct servant *last;   /* most connections talk to one servant */
	int last_func;                /* and ask it the same as before; -1: what it does not have */
	struct caller *caller;        /* accounting: the peer's host */
	struct call_row *row;         /* accounting: of its last request */
	struct lane lane;
	struct pace in, out;
	char peer_host[48];
};

/* Opens an accepted descriptor on this loop.  Thread: main. */
void server_accept(struct adapter *a, struct loop *l, int fd, const struct sockaddr_any *peer);

/* TARS packets. */
extern const struct conn_class server_class;
/* A datagram for a udp endpoint.  Thread: main. */
void server_datagram(struct datagram_port *p, const struct datagram_way *way, uint8_t *data,
		     size_t n);
/* Of conn_class, for the protocols. */
void server_conn_down(struct conn *c, const struct err *why);
void server_conn_release(struct conn *c);
/* A request that came on sc, from req_get, with its head and format: counts, dispatches and owns it
 * from now on.  Thread: sc's loop. */
void server_submit(struct server_conn *sc, struct tars_req *rq);

/* Frees it, when it is closed and nothing refers to it any more. */
void server_conn_unref(struct server_conn *sc);

/* Closes connections that are idle or stuck, as long as there are any.  sweep.c; Thread: l's. */
void server_sweep(struct loop *l);

/* ---- lane.c: requests of ordered servants; Thread: their loop ---- */

/* Begins it, or puts it behind those before it. */
void lane_enter(struct tars_req *rq);
/* The request that was begun is answered; it may be gone already. */
void lane_over(struct server_conn *sc);

/* ---- dispatch.c ---- */

/* A request whose head is parsed; takes it over.  Thread: its loop. */
void dispatch(struct tars_req *rq);
/* Runs an admitted request in its run mode.  Thread: its loop. */
void request_begin(struct tars_req *rq);
/* Runs a POOL request, or says why not, in the calling worker.  False: the reply comes later, and
 * it belongs to somebody else already. */
bool request_work(struct tars_req *rq);
/* Hands a POOL request to its workers at the end of the turn: they call `run`. */
void request_to_pool(struct tars_req *rq, void (*run)(struct task *));
/*
 * Gives the reply and consumes one hold.  code 0: `out` is encoded; else `text` says why.
 * Thread: any.  TARS_EARG if a reply was given already.
 */
int req_respond(struct tars_req *rq, int code, const char *text, const void *out);

#endif
