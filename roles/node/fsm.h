/*
 * The life of a managed server as rows: what may happen in which state, and what it leads to.
 *
 * Constant data; fsm_verify() at start proves that the rows make sense.  An event without a row is
 * refused, so every reaction of the node can be read (and drawn: `tars node --fsm`) from one table.
 * Thread: any.
 */
#ifndef ROLES_NODE_FSM_H
#define ROLES_NODE_FSM_H

#include "proto/buf.h"
#include "proto/err.h"

struct server;

/* The first six are the wire's enum ServerState, in its order. */
enum server_state {
	SERVER_INACTIVE, SERVER_ACTIVATING, SERVER_ACTIVE, SERVER_DEACTIVATING, SERVER_DESTROYING,
	SERVER_DESTROYED, SERVER_STATES
};

enum server_event {
	EVENT_START,           /* commanded, or automatic */
	EVENT_FOUND,           /* a process of an earlier node was found, and it was active */
	EVENT_FOUND_STARTING,  /* the same, and it had not reported yet */
	EVENT_LAUNCHED,        /* the start script or program runs */
	EVENT_LAUNCH_FAILED,
	EVENT_KEEP_ACTIVATING, /* ServerObj.keepActivating */
	EVENT_KEEP_ALIVE,      /* ServerObj.keepAlive */
	EVENT_EXITED,          /* the process is gone */
	EVENT_TOO_SLOW,        /* no keepAlive within activating-timeout */
	EVENT_SILENT,          /* no keepAlive within hearttimeout */
	EVENT_UNHEALTHY,       /* its liveness probe fails */
	EVENT_STOP,            /* commanded */
	EVENT_NO_EXIT,         /* still there after deactivating-timeout */
	EVENT_DESTROY,         /* commanded */
	EVENT_REMOVED,         /* its files are gone */
	SERVER_EVENTS
};

struct fsm_row {
	enum server_state from;
	enum server_event event;
	enum server_state to;
	void (*action)(struct server *s); /* NULL: none.  Runs in state `to`. */
	const char *text;                 /* for people: what happens */
};

const char *server_state_name(int state);
const char *server_event_name(int event);

/* NULL: the event is refused in this state. */
const struct fsm_row *fsm_find(enum server_state from, enum server_event event);
/* One row per state and event, every state reachable, no dead end but the last. */
int fsm_verify(const struct fsm_row *rows, size_t n, struct err *e);
/* All rows as a table, or as a graph for dot(1). */
void fsm_print(struct buf *b, int as_dot);

extern const struct fsm_row fsm_rows[];
extern const size_t fsm_n_rows;

/* ---- actions, in server.c, launch.c, stop.c and destroy.c; they start work and never wait ---- */
void server_do_launch(struct server *s);
void server_do_watch(struct server *s);
void server_do_note_alive(struct server *s);
void server_do_note_activating(struct server *s);
void server_do_went_down(struct server *s);
void server_do_shut_down(struct server *s);
void server_do_kill(struct server *s);
void server_do_remove(struct server *s);
void server_do_forget(struct server *s);

#endif
