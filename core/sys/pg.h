/*
 * PostgreSQL from coroutines: a small pool of non-blocking connections on one reactor.
 *
 * A query parks its coroutine; libpq itself runs on the reactor's stack.  Connections reconnect by
 * themselves with back-off; host names are resolved before libpq sees them.  While the server
 * cannot be reached statements fail at once with the reason.
 *
 * Errors name the statement, the server's message and its SQLSTATE:
 *   TARS_EEXISTS        a unique key is taken already (23505)
 *   TARS_EARG           the server rejects a value (class 22, or another constraint of class 23)
 *   TARS_EDB            everything else; nothing was written
 *   TARS_EDBUNCERTAIN   the connection broke while a write or a commit was under way
 *   TARS_EOVERLOAD      too many statements wait
 * Thread: its reactor; statements: a coroutine of it.
 */
#ifndef CORE_SYS_PG_H
#define CORE_SYS_PG_H

#include "core/io/reactor.h"
#include "proto/arena.h"
#include "proto/type.h"

struct pg;

enum { PG_MAX_QUEUE = 1000, PG_MAX_PARAMS = 64 };

struct pg_conf {
	const char *dsn;         /* libpq connection string or URI; several hosts are allowed */
	const char *name;        /* application_name */
	unsigned connections;    /* 0: 4 */
	int64_t timeout_ms;      /* of one statement, queueing included; 0: 5000 */
};

/*
 * A statement from a .sql file ("-- name: x"); gen/sql.h declares one SQL_x for each.  It is
 * prepared once per connection, so it must be a constant that stays; `once` switches that off, for
 * texts that are made at run time.
 */
struct sql {
	const char *name, *text;
	bool once;
};

/* Never waits: connections open in the background.  Error: a malformed dsn. */
struct pg *pg_new(const struct pg_conf *conf, struct err *e);
/* Statements under way fail with TARS_ECANCEL (TARS_EDBUNCERTAIN: a write that was sent). */
void pg_free(struct pg *pg);
/* True while a connection is there. */
bool pg_is_up(const struct pg *pg);

/*
 * Runs one statement.  params: NULL-terminated texts in order $1, $2, ... ; PG_NULL is SQL NULL.
 * With `row` (a STRUCT descriptor) the result columns are matched to its fields by name and
 * decoded into *(struct { T *v; uint32_t n; } *)rows, in the arena; a column without a field or a
 * field without a column is a bug and an error.  SQL NULL gives the field's default.
 * Returns the number of rows (returned, else affected) or a negative code.
 */
extern const char pg_null[];
#define PG_NULL pg_null
#define PG_PARAMS(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL })
int pg_query(struct pg *pg, const struct sql *sql, const char *const *params,
	     const struct tars_type *row, void *rows, struct arena *a, struct err *e);

/* A transaction on one connection: begin, tx queries, then commit or rollback exactly once.
 * isolation: read committed.  After a failed query only rollback makes sense. */
struct pg_tx;
int pg_begin(struct pg *pg, struct pg_tx **tx, struct err *e);
int pg_tx_query(struct pg_tx *tx, const struct sql *sql, const char *const *params,
		const struct tars_type *row, void *rows, struct arena *a, struct err *e);
/* Several statements without parameters and results, with a time-out of their own. */
int pg_tx_script(struct pg_tx *tx, const struct sql *script, int64_t timeout_ms, struct err *e);
int pg_commit(struct pg_tx *tx, struct err *e);
void pg_rollback(struct pg_tx *tx);

/*
 * LISTEN on a connection of its own.  notify(arg, payload) for each; notify(arg, NULL) after each
 * (re)connect: everything may have changed.  Runs on the reactor's stack: start a coroutine for
 * work.  lost(arg, why) once when the connection broke or could not be made; it keeps trying.
 * A server that gives no answer any more is noticed within some 10 s.
 * channel: lower-case letters and '_'.  pg_unlisten before pg_free, not from within a callback.
 */
struct pg_listener;
struct pg_listener *pg_listen(struct pg *pg, const char *channel,
			      void (*notify)(void *arg, const char *payload),
			      void (*lost)(void *arg, const struct err *why), void *arg);
void pg_unlisten(struct pg_listener *l);

#endif
