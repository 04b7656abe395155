/*
 * Push: packets that a server sends to a connected client without a request (contract 1.7).
 *
 * On the wire a push is a reply with request id 0, the function's name in the status TARS_FUNC, and
 * a body of its results.
 *
 * Server: struct tars_client is a caller's connection that can be kept.  What is pushed from other
 * threads waits in it, bounded, and its loop moves it into the connection as that has room:
 *
 *   any thread -> tars_client.out (PUSH_MAX) -> conn.out (PUSH_WINDOW) -> socket
 *
 * Client: a proxy that wants pushes has connections of its own, because a push does not say which
 * object it is from.  They are handed over in order, by one coroutine for each loop.
 */
#ifndef CORE_RPC_PUSH_H
#define CORE_RPC_PUSH_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/rpc/app_int.h"
#include "proto/packet.h"

struct server_conn;
struct link;
struct target;

enum {
	PUSH_MAX = 1 << 20,      /* bytes that wait for one subscriber */
	PUSH_WINDOW = 256 << 10, /* of them, in its connection's output */
	PUSHED_MAX = 1024,       /* pushes that wait for a client's handler ... */
	PUSHED_MAX_BYTES = 16 << 20, /* ... and bytes of them */
};

/* ---- push.c: the server's side ---- */

struct tars_client {
	_Atomic unsigned refs;
	struct loop *loop;
	struct server_conn *conn;         /* NULL: closed.  The loop's */
	char peer[64];
	pthread_mutex_t lock;             /* what follows */
	struct buf out;
	bool posted;                      /* `task` or `again` is to come, with a reference */
	bool closed, want_close;
	bool speaks;                      /* a protocol of its own, not TARS */
	void (*on_close)(struct tars_client *c, void *ctx);
	void *ctx;
	struct task task;                 /* moves `out` */
	struct timer again;               /* the connection is full */
};

/* The connection is closed.  Thread: its loop. */
void push_conn_down(struct server_conn *sc);

/* ---- pushed.c: the client's side ---- */

/* What a proxy does with pushes; replaced as a whole, and kept as long as the app. */
struct push_handler {
	const struct tars_iface *iface;
	tars_pushed *pushed;
	const void *handlers;
	void *ctx;
	void (*closed)(void *ctx);
};

struct pushed;

/* Of a target: what has come and is not handled yet. */
struct pushed_queue {
	struct pushed *first, **end;
	unsigned n;
	size_t bytes;                 /* of their bodies */
	uint64_t n_dropped;           /* too many waited; no handler; not to be decoded */
	bool running;
};

/* A push came on a link of a proxy that wants them.  Thread: its loop. */
void pushed_take(struct target *t, const struct response_packet *r);
/* The same of a message of the proxy's own protocol; false: nobody takes those. */
bool pushed_message(struct target *t, const struct tars_bytes *message);
/* A connection on which pushes could have come is closed. */
void pushed_closed(struct target *t);

#endif
