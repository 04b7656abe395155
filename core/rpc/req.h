/*
 * A request: what one call in a server, or one piece of work in a client, owns.
 *
 * Created by a server connection for each packet, by tars_begin and by app_spawn.  Everything it
 * hands out lives in its arena and dies with it, when the reply is sent and the last hold is gone.
 * Those that a connection made belong to its loop and return to that loop's free list; they cross
 * threads only by reactor_post of the embedded task.
 *
 * Thread: one at a time.  Once shared (tars_hold, an async call) its memory may be asked for by
 * any thread: req_lock guards the arena then, and costs nothing before.
 */
#ifndef CORE_RPC_REQ_H
#define CORE_RPC_REQ_H

#include <stdatomic.h>

#include "core/io/reactor.h"
#include "core/rpc/list.h"
#include "core/tars.h"
#include "proto/arena.h"
#include "proto/packet.h"

struct adapter;
struct call_format;
struct http_exchange;
struct loop;
struct server_conn;
struct servant;
struct travel;

enum { REQ_FIRST_BLOCK = 2048, REQ_MAX_FREE = 256, REQ_KEEP = 32 * 1024 };

struct tars_req {
	/* Kept while on the free list. */
	struct arena arena;
	struct buf reply;             /* encoded by another thread, on its way to the connection */
	struct tars_req *next_free;

	/* Zeroed for each request from here on: REQ_RESET_START. */
	struct tars_app *app;
	struct loop *loop;            /* runs its calls; a served request belongs to it */
	struct task task;
	_Atomic int holds;
	_Atomic bool answered;        /* reply given, or none wanted */
	atomic_flag lock;
	bool served;                  /* by a connection; else made by tars_begin or app_spawn */
	bool shared;
	bool coro_counted;            /* in adapter->running */
	uint32_t cost;                /* bytes that it keeps: conn_owe */
	bool ended;                   /* accounted for */
	bool hang_up;                 /* its connection ends with its reply */
	bool keeps_body;              /* a copy of it, with a byte behind it, in `arena` */
	bool limited;                 /* counted by adapter->limits */
	bool ordered;                 /* holds up the lane of its connection */
	_Atomic bool late;            /* its handler has put the reply off */
	int result;                   /* code of the reply; of a one-way request: of its handler */
	int64_t start_us, deadline_us;
	_Atomic int64_t ran_us;       /* when its handler began; 0: it did not */
	struct list running;          /* in loop->stats, while it waits or runs beyond the turn */
	struct server_conn *conn;
	struct adapter *adapter;
	const struct call_format *format;
	struct http_exchange *http;   /* NULL: it came as a packet */
	const struct servant *servant;
	const struct tars_func *func;
	int func_index;
	struct travel *travel;        /* goes on with its calls; NULL: nothing does */
	struct request_packet head;   /* names are valid in the frame callback only, body always */
	int fail_code;                /* tars_fail */
	const char *fail_text;
	struct tars_string_string_map reply_context, reply_status;
	struct tars_bytes encoded;    /* req_set_encoded; p is NULL: `out` is encoded */
	int error_code;               /* of its last failed call */
	const char *error;
	struct grown *grown;          /* capacities of the lists that tars_grow made */

	_Alignas(16) char first[REQ_FIRST_BLOCK];
};

/* For a packet of a connection.  Thread: l's. */
struct tars_req *req_get(struct loop *l);
/* Straight back, with nothing sent.  Thread: its loop. */
void req_put(struct tars_req *rq);
void req_free(struct tars_req *rq);
/* For tars_begin and app_spawn: calls run on l. */
struct tars_req *req_new(struct loop *l);

/* Allocation that other threads of a shared request may do at the same time. */
void req_lock(struct tars_req *rq);
void req_unlock(struct tars_req *rq);
/* tars_hold() for work of its own loop: where no other thread has the request, none will need the
 * lock. */
void req_hold_here(struct tars_req *rq);
/* Moves memory to the request. */
void req_take(struct tars_req *rq, struct arena *from);

/* What happens to a served request when the last hold is gone: server.c. */
void server_request_done(struct tars_req *rq);

#endif
