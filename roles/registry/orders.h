/*
 * Orders to nodes over the connections that they hold open (contract 3.6).
 *
 * A node calls reportNode now and then, and takes orders as pushes on that connection; it answers
 * with a call of reportResult.  So a node that nobody can connect to takes orders too.  Nodes of this
 * platform take any function of Node that way, official ones those of NodePush.
 * Thread: the registry's reactor; orders_call in a coroutine.
 */
#ifndef ROLES_REGISTRY_ORDERS_H
#define ROLES_REGISTRY_ORDERS_H

#include "core/tars.h"

struct orders;
struct registry;

/* reg knows which nodes there are. */
struct orders *orders_new(const struct registry *reg);
/* No handler is left. */
void orders_free(struct orders *o);

/* Instead of an answer: nothing went to the node, so that another way may be tried. */
enum { ORDER_NOT_SENT = INT32_MIN };

/* The caller is this node, and takes orders from now on; sid tells its runs apart.  False, with the
 * reason: no node of this name is registered, or its connection cannot take pushes. */
bool orders_connect(struct orders *o, struct tars_req *rq, struct tars_str node,
		    struct tars_str sid, struct tars_str *why);
void orders_disconnect(struct orders *o, struct tars_str node, struct tars_str sid);
/* The node has such a connection. */
bool orders_has(const struct orders *o, struct tars_str node);
/*
 * Function i of Node, by push.  0: out is filled, in rq; ORDER_NOT_SENT; TARS_ETIMEOUT: no answer;
 * TARS_ENOFUNC: an official node has no such push; another code: what the node answered.  why: a
 * text then.
 */
int orders_call(struct orders *o, struct tars_req *rq, struct tars_str node, int i, const void *in,
		void *out, int64_t timeout_ms, struct tars_str *why);
/* A node's answer, in a call of its own; false: nobody waits for it (any more), or it comes from
 * another host than the one that was asked. */
bool orders_answer(struct orders *o, const struct tars_req *rq, int32_t id, int32_t ret,
		   struct tars_str result);

#endif
