/*
 * The probes of a server's servants: when they are due, what they found, what follows from it.
 *
 *	active --delay--> due --probe_try, a coroutine--> verdict after failures or successes in a row
 *	                   ^----------- interval -----------|
 *	liveness fails:  EVENT_UNHEALTHY, so the server is restarted as after any other death
 *	readiness:       goes to the registry, so callers find the endpoint or do not
 *
 * A server that starts is not ready until its readiness probe has passed; one that was running when
 * the node came keeps what the registry knows of it.  Owner: the server; one that is replaced while
 * it runs goes when it ends.  Thread: the main reactor.
 */
#ifndef ROLES_NODE_PROBES_H
#define ROLES_NODE_PROBES_H

#include "roles/node/node.h"
#include "roles/probe.h"

enum verdict { VERDICT_NONE, VERDICT_PASSES, VERDICT_FAILS };

struct probe {
	struct probe *next;
	struct server *server;
	enum probe_purpose purpose;
	const char *text;            /* as it was declared; this and the next ones in the arena */
	const char *servant, *endpoint;
	struct probe_rule rule;
	struct endpoint ep;
	struct arena arena;
	struct timer timer;
	bool is_running, is_gone;
	unsigned round;              /* a result of an earlier one says nothing */
	int passed, failed;          /* in a row */
	enum verdict verdict;
	char error[256];             /* of the last failure; "" after a success */
};

/* The server's description is a new one. */
void probes_take(struct server *s);
/* It serves; it does so no more, or is started. */
void probes_begin(struct server *s);
void probes_end(struct server *s);
/* No timer refers to it any more. */
void probes_stop(struct server *s);
void probes_free(struct server *s);
/* Tells the registry which endpoints are ready.  Waits; not 0: the registry is away. */
int probes_report(struct server *s, struct tars_req *rq);
/* "; readiness of ..." for each that fails, and why one had the server restarted; "". */
const char *probes_text(const struct server *s, struct arena *a);

/* ---- probe_try.c ---- */
/* Once.  0 or what is wrong.  Waits, about as long as its time-out at most. */
int probe_try(struct probe *p, struct tars_req *rq, struct err *e);

#endif
