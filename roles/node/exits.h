/*
 * How a server's last process ended, with what was left of it: kept in a file beside its
 * configuration, so that it is known to the next node, too.
 *
 * The file is struct tars_ExitRecord as JSON.  Thread: the main reactor, if nothing else is said.
 */
#ifndef ROLES_NODE_EXITS_H
#define ROLES_NODE_EXITS_H

#include "core/sys/proc.h"
#include "if/Node.h"
#include "proto/arena.h"

struct server;

enum { STATUS_AWAY = -2 };   /* it ended while no node was there to see it */

/* Its process is gone: says so in s->last_exit at once; a record follows in a coroutine, before
 * anything that takes the server's lock later.  status: a wait status, -1 or STATUS_AWAY. */
void exit_note(struct server *s, const struct proc_id *id, int status);
/* Why the node is about to end its process.  What was said first counts. */
__attribute__((format(printf, 2, 3)))
void exit_expect(struct server *s, const char *fmt, ...);
/* Before it is asked to end because it hangs, or killed: what its process and threads do, for the
 * record.  The first look counts. */
void exit_look(struct server *s);
/* A new process: nothing was said about its end. */
void exit_forget(struct server *s);

/* The record in a file; TARS_ENOTFOUND if there is none.  In a worker. */
int exit_read(const char *path, struct tars_ExitRecord *rec, struct arena *a, struct err *e);
/* "2026-11-27 10:00:00 exit status 3 after 0.1 s": the line for consoles.  Thread: any. */
void exit_summary(const struct tars_ExitRecord *rec, char *text, size_t size);

/* NodeObj. */
int node_getLastExit(struct tars_req *rq, const struct tars_Node_getLastExit_in *in,
		     struct tars_Node_getLastExit_out *out);

#endif
