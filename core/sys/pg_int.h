/*
 * Inside of the PostgreSQL layer: one connection, one operation on it, and decoding of rows.
 *
 *   pg.c (pool, queries, transactions)   pg_listen.c (LISTEN)
 *                     \                   /
 *                    pg_conn.c (one connection: connect, run, notify, break)
 *
 * Everything here runs on the reactor's own stack, except pg_rows_decode.
 */
#ifndef CORE_SYS_PG_INT_H
#define CORE_SYS_PG_INT_H

#include <libpq-fe.h>

#include "core/io/wait.h"
#include "core/sys/pg.h"

enum {
	PG_CONNECT_TIMEOUT_MS = 5000,
	/* The server cancels a statement that takes too long (statement_timeout); a connection that
	 * gives no answer so much later is dead. */
	PG_ANSWER_GRACE_MS = 500,
	PG_BACKOFF_MIN_MS = 100,
	PG_BACKOFF_MAX_MS = 3000,
};

/* Where and how to connect: the parsed DSN. */
struct pg_target {
	PQconninfoOption *options;
	char *text;              /* for messages: without secrets */
	char *server_options;    /* "-c statement_timeout=..." */
	char *name;              /* application_name */
	unsigned attempts;       /* rotates the hosts, so that a silent one does not hide the others */
};

struct pg_op;
struct pg_conn;

struct pg_conn_class {
	/* Connected, or the operation is done: it takes the next. */
	void (*ready)(struct pg_conn *c);
	/* Could not connect or broke; the operation, if any, has failed before. */
	void (*down)(struct pg_conn *c, const struct err *why);
	void (*notified)(struct pg_conn *c, const PGnotify *n);
};

enum pg_conn_state { PG_CLOSED, PG_RESOLVING, PG_CONNECTING, PG_IDLE, PG_BUSY };

struct pg_conn {
	const struct pg_conn_class *class;
	struct pg_target *target;
	struct pg_resolve *resolve;   /* while PG_RESOLVING */
	PGconn *pq;
	struct watch watch;
	struct timer timer;           /* connect time-out, or the operation's */
	enum pg_conn_state state;
	bool was_up;                  /* since it was opened */
	bool stale;                   /* its prepared statements are no good: close when idle */
	struct pg_op *op;
	const struct sql **prepared;  /* the n-th is known to the server as "s<n>" */
	unsigned n_prepared, cap_prepared;
};

/* One statement, on the stack of its waiter (or in the listener). */
struct pg_op {
	struct pg_op *next;
	const struct sql *sql;
	const char *const *params;
	bool script;             /* several statements, simple protocol */
	bool loses_nothing;      /* if the connection breaks, the server rolls back or only reads */
	bool preparing;
	int64_t deadline_us;     /* reactor_clock() */
	PGresult *result;        /* the last one; owner: whoever started the operation */
	int rc;
	struct err err;
	void (*done)(struct pg_op *op);
};

int pg_target_init(struct pg_target *t, const struct pg_conf *conf, struct err *e);
void pg_target_release(struct pg_target *t);
/* The pool's; it lives as long as the pool. */
struct pg_target *pg_target_of(struct pg *pg);
/* In a coroutine: the connection parameters with addresses instead of names, in the arena. */
int pg_target_resolve(struct pg_target *t, struct arena *a, const char ***keys,
		      const char ***values, struct err *e);

void pg_conn_init(struct pg_conn *c, const struct pg_conn_class *class, struct pg_target *target);
void pg_conn_open(struct pg_conn *c);
/* Calls no callback; an operation under way fails with why. */
void pg_conn_close(struct pg_conn *c, const struct err *why);
/* The connection is PG_IDLE.  op->done follows; at once if the connection is found broken. */
void pg_conn_run(struct pg_conn *c, struct pg_op *op);
bool pg_conn_is_up(const struct pg_conn *c);
void pg_op_finish(struct pg_op *op, int rc);

/* Next pause of a series: decorrelated jitter. */
int64_t pg_backoff_ms(int64_t last_ms);

/* Error of a result: names statement, message, detail and SQLSTATE. */
int pg_result_error(const PGresult *res, const struct sql *sql, struct err *e);
int pg_rows_decode(const PGresult *res, const struct sql *sql, const struct tars_type *row,
		   void *rows, struct arena *a, struct err *e);

#endif
