/*
 * The calling side of one loop: peers (endpoints), links (their connections) and pending calls.
 *
 *   call -> target_pick (proxy.c) -> peer -> link open?  yes: its output
 *                                                        no:  peer->waiting until `up` or `down`
 *
 * A peer stays as long as a target refers to it; its link is replaced when it breaks.  A call
 * that has not been sent may move to the next peer; one that has been sent fails with its link.
 * Thread: the loop's, except where said.
 */
#ifndef CORE_RPC_CLIENT_H
#define CORE_RPC_CLIENT_H

#include "core/io/conn.h"
#include "core/io/wait.h"
#include "core/rpc/list.h"
#include "core/rpc/req.h"
#include "proto/endpoint.h"

struct loop;
struct target;
struct tars_call_info;
struct tars_proxy;
struct wait;

/* Output of a link: a peer that stops reading must not cost more. */
enum { LINK_MAX_OUTPUT = 64 << 20 };

/* Calls that cannot be sent yet; never more than app_conf.max_unsent. */
struct call_queue {
	struct list calls;
	unsigned n;
};

struct link {
	struct conn conn;
	struct list node;             /* in loop->links */
	struct loop *loop;
	struct peer *peer;            /* NULL: retired, only waits for the replies of its calls */
	struct list calls;            /* sent on it */
	struct target *owner;         /* of its peer, which may be gone */
	bool was_up;                  /* connected, and let in by the server */
	struct timer access_timer;    /* until the server has looked at our access key */
	const struct tars_protocol *protocol; /* NULL: TARS */
	size_t message_at;            /* frame()'s *at */
	struct buf asked;             /* ids of calls whose answers come in their order */
	bool is_suspect;              /* retired because it has fallen silent */
	int32_t ping_id;              /* keepalive.c: of the last one; 0: it is answered */
	int64_t ping_us;
	struct buf unsent;            /* where in its output requests end that have not left */
	size_t max_packet;            /* larger requests cannot be sent on it */
	int64_t heard_us;             /* when its last reply came */
	unsigned n_unheard;           /* time-outs since, of calls sent since */
	char text[96];                /* "tcp 10.0.0.1:18600" */
};

struct peer {
	struct list node;             /* in its bucket of loop->peers */
	struct loop *loop;
	struct endpoint ep;
	const char *object;           /* whose security it has; NULL for plain endpoints */
	struct target *owner;         /* whose pushes come here; NULL: nobody's */
	char text[96];
	unsigned refs;                /* targets, and a name look-up under way */
	struct link *link;            /* NULL: none yet, or it broke */
	bool resolving;
	struct sockaddr_any *addrs;   /* of its name */
	unsigned n_addrs, addr_at;    /* ... and the next one to try */
	struct list candidates;       /* of the targets that use it */
	int connect_timeout_ms;       /* the shortest of their proxies' */
	struct call_queue waiting;    /* until the link is up */
	struct timer keep_alive;
	bool is_pingless;             /* it does not know tars_ping */
};

/* One outgoing call.  Belongs to its loop from call_start to call_complete, else to the caller. */
struct tars_pending {
	struct tars_req *rq;          /* held */
	struct loop *loop;
	struct tars_proxy *proxy;
	const struct tars_func *func;
	int32_t id;
	bool oneway;
	bool starting;                /* inside tars_invoke_*: completion comes later */
	bool is_local;                /* the request is of its loop and stays until completion */
	enum tars_hash_mode hash_mode;
	uint64_t hash;
	int timeout_ms;
	int64_t start_us, deadline_us;
	bool timed_out;
	struct call_stat *stat;       /* accounting: it was sent to this endpoint */
	struct buf packet;            /* encoded, until a link has it */
	struct list node;             /* in link->calls, or in ... */
	struct call_queue *queue;     /* peer->waiting or target->waiting; NULL: in neither */
	struct tars_pending *next_by_id;   /* or the next on the free list */
	struct link *link;            /* it was sent on */
	struct peer *peer;            /* it waits for */
	struct health *health;        /* of its endpoint; held.  NULL: none picked */
	bool is_probe;                /* of a shielded endpoint */
	bool is_answered;             /* rc came from the server */
	uint8_t wire;                 /* enum tars_wire */
	struct tars_call_info *info;  /* of who waits for it, or NULL */
	int64_t picked_us;
	uint64_t out_at;              /* where its packet begins in the output of its link */
	size_t out_size;
	unsigned attempts;
	uint64_t tried;               /* bits of the endpoints that it has been to ... */
	const struct route *tried_of; /* ... of this route; compared, never followed */
	struct retrying *retrying;    /* NULL: it is never sent again */
	bool is_attempt;              /* made by a backup request */
	struct tars_pending *umbrella; /* of an attempt; NULL: nobody waits for it any more */
	struct timer timer;
	struct task task;
	_Atomic unsigned refs;        /* whoever frees it, and cancels on their way */
	_Atomic bool cancel_posted;
	bool is_registered, is_over;  /* by its loop: at first, and in the end */
	bool is_cancelled;            /* before it began */
	struct task cancel;

	/* Result, valid from completion on; memory in the arena, which the request takes over. */
	struct arena arena;
	int rc;
	const char *error;
	struct tars_bytes body;
	struct call_trace *trace;      /* NULL: it is not traced */
	struct call_sample *sample;    /* NULL: it is not sampled */
	struct tars_string_string_map reply_context;
	_Atomic(struct wait *) waiter; /* NULL, who waits, or CALL_DONE */

	tars_done *done;              /* async only */
	void *state;
};

#define CALL_DONE ((struct wait *)1)
enum { CALL_MAX_FREE = 1024 };        /* kept by a loop */

/* Where its result goes: straight to the request if only this loop has that, else to the call,
 * until the request takes it.  Thread: its loop, or who ends it. */
static inline struct arena *call_arena(struct tars_pending *p)
{
	return p->is_local && !p->rq->shared ? &p->rq->arena : &p->arena;
}

/* One who waits for any of several calls; `waiter` points one byte into it then. */
struct wait_any {
	struct wait wait;
	_Atomic bool woken;
	_Atomic unsigned users;       /* calls that may still touch it */
};

static inline struct wait *wait_any_tag(struct wait_any *any)
{
	return (struct wait *)((uintptr_t)any | 2);
}
static inline struct wait_any *wait_any_of(struct wait *waiter)
{
	return (uintptr_t)waiter & 2 ? (struct wait_any *)((uintptr_t)waiter & ~(uintptr_t)2) : NULL;
}

/* ---- peers ---- */
/* object: "App.Server.Obj", which must stay. */
/* owner: the target that shares it with nobody; NULL: any that has no owner will do. */
struct peer *peer_get(struct loop *l, const struct endpoint *ep, const char *object,
		      struct target *owner);
void peer_put(struct peer *p);
/* New calls get another one; it closes when its calls have ended. */
void link_retire(struct link *link);
/* The call that this answer of the link is for, or NULL: it has ended already. */
struct tars_pending *link_answered(struct link *link, int32_t id);
/* One of its calls has ended: a retired link closes with the last. */
void link_call_ended(struct link *link);
static inline bool peer_is_connected(const struct peer *p)
{
	return p->link && p->link->was_up && conn_is_open(&p->link->conn) && !p->link->conn.eof &&
	       !p->link->conn.write_errno &&
	       p->link->conn.out.len - p->link->conn.out.pos <= LINK_MAX_OUTPUT;
}
static inline bool peer_is_connecting(const struct peer *p)
{
	return p->resolving || (p->link && !p->link->was_up);
}
/* Starts to connect, if need be, without a call that waits for it. */
void peer_connect(struct peer *p);
/* A call could not wait any longer for the connection. */
void peer_is_late(struct peer *p, const char *why);
/* A call that was sent at since_us timed out.  If nothing was heard since then, time and again, the
 * connection may be dead without knowing it: further calls take a new one. */
void link_suspect(struct link *link, int64_t since_us);
/* Its open link, or NULL: then one is being opened (peer->waiting) or failed at once (*e). */
struct link *peer_link(struct peer *p, struct err *e);

/* A request has been put into the output of a stuck connection. */
void link_note_unsent(struct link *link);

/* ---- calls ---- */
/* False, with *e, if it is full. */
bool call_queue_has_room(const struct call_queue *q, const struct tars_app *app, struct err *e);
static inline void call_enter_queue(struct tars_pending *p, struct call_queue *q)
{
	list_append(&q->calls, &p->node);
	q->n++;
	p->queue = q;
}
static inline void call_leave_queue(struct tars_pending *p)
{
	if (!p->queue)
		return;
	list_remove(&p->node);
	p->queue->n--;
	p->queue = NULL;
}
/* Registers id and time-out; call_try_link or call_route must follow. */
void call_register(struct tars_pending *p);
/*
 * The open link for a registered call: the caller puts the packet into its output and says
 * call_sent.  NULL: the call waits for a link, and p->packet must be filled before the caller
 * returns to its loop; or it has failed.
 */
struct link *call_try_link(struct tars_pending *p);
/* size: of the packet, which is the last in the link's output. */
void call_sent(struct tars_pending *p, struct link *link, size_t size);
/* These are for calls whose p->packet is filled. */
void call_send_packet(struct tars_pending *p, struct link *link);
void call_route(struct tars_pending *p);
/* After a failed connect: the next peer, or the end. */
void call_reroute(struct tars_pending *p, const struct err *why);

/* This attempt has ended with rc, the call has not: it is on no link then. */
void call_detach(struct tars_pending *p, int rc);
/* `to` takes the place of p, a sent call, on its link and under its id; p gets a new one. */
void call_hand_over(struct tars_pending *p, struct tars_pending *to);
/* The link of a sent call is down: its packet back, if surely nothing of it has left. */
bool call_take_back(struct tars_pending *p);
void call_complete(struct tars_pending *p, int rc);
/* Ends the call with a code and a text that says why; object, function and endpoint are put in
 * front of it. */
void call_fail(struct tars_pending *p, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- invoke.c ---- */
int32_t call_next_id(struct loop *l);
/* Completed: runs p->done in a coroutine, then frees p. */
void call_run_done(struct tars_pending *p);
/* Zeroed but for its loop, list and the one reference of the caller. */
struct tars_pending *call_alloc(struct loop *l);
/* Drops a reference. */
void call_free(struct tars_pending *p);
/* The free list of a loop that has ended. */
void call_free_all(struct loop *l);

/* ---- pending.c ---- */
/* Ends it with TARS_ECANCEL, unless it is over.  Thread: its loop. */
void call_cancel(struct tars_pending *p);
/* A call that somebody waits for is done. */
void wait_any_wake(struct wait_any *any);

#endif
