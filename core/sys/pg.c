/*
 * The PostgreSQL pool: who gets which connection, queries and transactions.
 *
 * Every statement is: acquire a slot (perhaps wait for it), run one operation, release the slot.
 * libpq needs more stack than a coroutine has to spare, so operations start from a deferred task.
 */
#include "core/sys/pg_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/io/coro.h"

enum { DEFAULT_CONNECTIONS = 4, DEFAULT_TIMEOUT_MS = 5000 };

struct slot {
	struct pg_conn conn;
	struct pg *pg;
	bool taken;              /* by a statement or transaction, until release() */
};

/* A coroutine that waits for a slot; on its stack. */
struct waiter {
	struct waiter *next;
	struct wait wait;
	struct timer timer;
	struct pg *pg;
	struct slot *slot;       /* what it got, else rc and err */
	int rc;
	struct err err;
};

struct pg {
	struct reactor *reactor;
	struct pg_target target;
	int64_t timeout_ms;
	struct waiter *first, **last;  /* waiting for a slot, oldest first */
	unsigned n_waiting;
	unsigned users;          /* the owner and every statement or transaction under way */
	bool closing;
	bool is_down;            /* nothing is connected and the last attempt failed: why */
	struct err why;
	struct timer retry;      /* runs during a back-off */
	int64_t backoff_ms;
	unsigned n_slots;
	struct slot slots[];
};

struct pg_tx {
	struct slot *slot;
};

const char pg_null[] = "NULL";

static const struct sql sql_begin = { "begin", "BEGIN", .once = true };
static const struct sql sql_commit = { "commit", "COMMIT", .once = true };
static const struct sql sql_rollback = { "rollback", "ROLLBACK", .once = true };

/* ---- the pool ---- */

static void waiter_wake(struct waiter *w)
{
	timer_stop(&w->timer);
	wait_wake(&w->wait);
}

static struct waiter *pop_waiter(struct pg *pg)
{
	struct waiter *w = pg->first;

	if (w) {
		pg->first = w->next;
		if (!pg->first)
			pg->last = &pg->first;
		pg->n_waiting--;
	}
	return w;
}

static void fail_waiters(struct pg *pg, const struct err *why)
{
	struct waiter *w;

	while ((w = pop_waiter(pg))) {
		w->rc = why->code;
		w->err = *why;
		waiter_wake(w);
	}
}

static unsigned count_state(const struct pg *pg, enum pg_conn_state from, enum pg_conn_state to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pg->n_slots; i++)
		n += pg->slots[i].conn.state >= from && pg->slots[i].conn.state <= to;
	return n;
}

bool pg_is_up(const struct pg *pg)
{
	return count_state(pg, PG_IDLE, PG_BUSY) > 0;
}

/* Opens connections: one always, more while statements wait; none during a back-off. */
static void open_needed(struct pg *pg)
{
	unsigned coming = count_state(pg, PG_RESOLVING, PG_CONNECTING);
	unsigned wanted = pg->n_waiting;

	if (!wanted && !coming && !pg_is_up(pg))
		wanted = 1;
	if (pg->closing || timer_is_running(&pg->retry))
		return;
	for (unsigned i = 0; i < pg->n_slots && coming < wanted; i++) {
		struct slot *s = &pg->slots[i];

		if (s->conn.state == PG_CLOSED && !s->taken) {
			pg_conn_open(&s->conn);
			coming++;
		}
	}
}

/* Gives an idle slot to the oldest waiter. */
static void offer(struct slot *s)
{
	struct waiter *w = pop_waiter(s->pg);

	if (w) {
		s->taken = true;
		w->slot = s;
		waiter_wake(w);
	}
}

static void slot_ready(struct pg_conn *c)
{
	struct slot *s = container_of(c, struct slot, conn);

	s->pg->is_down = false;
	s->pg->backoff_ms = 0;
	if (!s->taken)
		offer(s);
}

static void retry_now(struct timer *t)
{
	open_needed(container_of(t, struct pg, retry));
}

static void slot_down(struct pg_conn *c, const struct err *why)
{
	struct pg *pg = container_of(c, struct slot, conn)->pg;

	if (!c->was_up) {
		pg->backoff_ms = pg_backoff_ms(pg->backoff_ms);
		timer_start(&pg->retry, pg->backoff_ms, retry_now);
		if (!pg_is_up(pg)) {
			pg->is_down = true;
			pg->why = *why;
			fail_waiters(pg, why);
		}
	}
	open_needed(pg);
}

static const struct pg_conn_class slot_class = { .ready = slot_ready, .down = slot_down };

static void put_pg(struct pg *pg)
{
	if (--pg->users)
		return;
	pg_target_release(&pg->target);
	free(pg);
}

struct pg *pg_new(const struct pg_conf *conf, struct err *e)
{
	struct pg_conf full = *conf;
	struct pg *pg;

	BUG_ON(!reactor_self());
	full.connections = full.connections ? full.connections : DEFAULT_CONNECTIONS;
	full.timeout_ms = full.timeout_ms ? full.timeout_ms : DEFAULT_TIMEOUT_MS;
	pg = xcalloc(1, sizeof(*pg) + full.connections * sizeof(*pg->slots));
	if (pg_target_init(&pg->target, &full, e) < 0) {
		free(pg);
		return NULL;
	}
	pg->reactor = reactor_self();
	pg->timeout_ms = full.timeout_ms;
	pg->last = &pg->first;
	pg->users = 1;
	pg->n_slots = full.connections;
	for (unsigned i = 0; i < pg->n_slots; i++) {
		pg->slots[i].pg = pg;
		pg_conn_init(&pg->slots[i].conn, &slot_class, &pg->target);
	}
	open_needed(pg);
	return pg;
}

void pg_free(struct pg *pg)
{
	struct err why;

	if (!pg)
		return;
	err_set(&why, TARS_ECANCEL, "database \"%.160s\": closed", pg->target.text);
	pg->closing = true;
	timer_stop(&pg->retry);
	fail_waiters(pg, &why);
	for (unsigned i = 0; i < pg->n_slots; i++)
		pg_conn_close(&pg->slots[i].conn, &why);
	put_pg(pg);
}

struct pg_target *pg_target_of(struct pg *pg)
{
	return &pg->target;
}

/* ---- acquire, run, release ---- */

static void waited_too_long(struct timer *t)
{
	struct waiter *w = container_of(t, struct waiter, timer), **at;
	struct pg *pg = w->pg;

	for (at = &pg->first; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	if (!w->next)
		pg->last = at;
	pg->n_waiting--;
	w->rc = err_set(&w->err, TARS_EDB, "database \"%.160s\": none of %u connections was free "
			"within %lld ms", pg->target.text, pg->n_slots, (long long)pg->timeout_ms);
	wait_wake(&w->wait);
}

static int wait_for_slot(struct pg *pg, struct slot **s, struct err *e)
{
	struct waiter w = { .pg = pg };

	if (pg->is_down) {
		if (e)
			*e = pg->why;
		return pg->why.code;
	}
	if (pg->n_waiting == PG_MAX_QUEUE)
		return err_set(e, TARS_EOVERLOAD, "database \"%.160s\": %d statements wait already",
			       pg->target.text, PG_MAX_QUEUE);
	*pg->last = &w;
	pg->last = &w.next;
	pg->n_waiting++;
	wait_init(&w.wait);
	timer_start(&w.timer, pg->timeout_ms, waited_too_long);
	open_needed(pg);
	wait_for(&w.wait);
	if (w.rc < 0) {
		if (e)
			*e = w.err;
		return w.rc;
	}
	*s = w.slot;
	return 0;
}

/* On success the caller has the slot and keeps pg alive until release(). */
static int acquire(struct pg *pg, struct slot **slot_r, struct err *e)
{
	int rc;

	if (!coro_self() || reactor_self() != pg->reactor)
		return err_set(e, TARS_EBLOCK, "database \"%.160s\": only a coroutine of its reactor "
			       "may wait for it", pg->target.text);
	if (pg->closing)
		return err_set(e, TARS_ECANCEL, "database \"%.160s\": closed", pg->target.text);
	pg->users++;
	for (unsigned i = 0; i < pg->n_slots && !pg->first; i++) {
		struct slot *s = &pg->slots[i];

		if (s->conn.state == PG_IDLE && !s->taken) {
			s->taken = true;
			*slot_r = s;
			return 0;
		}
	}
	rc = wait_for_slot(pg, slot_r, e);
	if (rc < 0)
		put_pg(pg);
	return rc;
}

static void release(struct slot *s)
{
	struct pg *pg = s->pg;

	s->taken = false;
	if (s->conn.stale) {
		const struct err why = { .code = TARS_EDB };

		pg_conn_close(&s->conn, &why);
	}
	if (s->conn.state == PG_IDLE)
		offer(s);
	open_needed(pg);
	put_pg(pg);
}

/* An operation that its coroutine waits for. */
struct run {
	struct pg_op op;
	struct task start;
	struct wait wait;
	struct slot *slot;
};

static void run_start(struct task *t)
{
	struct run *r = container_of(t, struct run, start);

	if (r->slot->conn.state == PG_IDLE) {
		pg_conn_run(&r->slot->conn, &r->op);
		return;
	}
	pg_op_finish(&r->op, err_set(&r->op.err, r->slot->pg->closing ? TARS_ECANCEL : TARS_EDB,
				     "statement \"%s\": its database connection is closed",
				     r->op.sql->name));
}

static void run_done(struct pg_op *op)
{
	wait_wake(&container_of(op, struct run, op)->wait);
}

/* Runs op on the slot; the caller clears *result_r, which may be NULL after an error. */
static int run(struct slot *s, const struct pg_op *op, PGresult **result_r, struct err *e)
{
	struct run r = { .op = *op, .slot = s };

	r.op.done = run_done;
	r.start.run = run_start;
	wait_init(&r.wait);
	reactor_defer(&r.start);
	wait_for(&r.wait);
	if (r.op.rc < 0 && e)
		*e = r.op.err;
	*result_r = r.op.result;
	return r.op.rc;
}

/* Rows returned, else affected. */
static int take_rows(const PGresult *res, const struct sql *sql, const struct tars_type *row,
		     void *rows, struct arena *a, struct err *e)
{
	if (row)
		return pg_rows_decode(res, sql, row, rows, a, e);
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return PQntuples(res);
	return (int)strtol(PQcmdTuples((PGresult *)res), NULL, 10);
}

/* A lost answer to these leaves nothing in doubt. */
static bool only_reads(const struct sql *sql)
{
	return !strncasecmp(sql->text, "select", 6) || !strncasecmp(sql->text, "show", 4);
}

static int64_t deadline_us(const struct pg *pg)
{
	return reactor_now() + 1000 * pg->timeout_ms;
}

static int run_statement(struct slot *s, const struct pg_op *op, const struct tars_type *row,
			 void *rows, struct arena *a, struct err *e)
{
	PGresult *res;
	int rc = run(s, op, &res, e);

	if (rc == 0)
		rc = take_rows(res, op->sql, row, rows, a, e);
	PQclear(res);
	return rc;
}

int pg_query(struct pg *pg, const struct sql *sql, const char *const *params,
	     const struct tars_type *row, void *rows, struct arena *a, struct err *e)
{
	struct pg_op op = { .sql = sql, .params = params, .loses_nothing = only_reads(sql),
			    .deadline_us = deadline_us(pg) };
	struct slot *s;
	int rc = acquire(pg, &s, e);

	if (rc < 0)
		return rc;
	rc = run_statement(s, &op, row, rows, a, e);
	release(s);
	return rc;
}

/* ---- transactions ---- */

int pg_begin(struct pg *pg, struct pg_tx **tx_r, struct err *e)
{
	struct pg_tx *tx;
	struct slot *s;
	int rc = acquire(pg, &s, e);

	if (rc < 0)
		return rc;
	tx = xcalloc(1, sizeof(*tx));
	tx->slot = s;
	rc = pg_tx_query(tx, &sql_begin, NULL, NULL, NULL, NULL, e);
	if (rc < 0) {
		free(tx);
		release(s);
		return rc;
	}
	*tx_r = tx;
	return 0;
}

int pg_tx_query(struct pg_tx *tx, const struct sql *sql, const char *const *params,
		const struct tars_type *row, void *rows, struct arena *a, struct err *e)
{
	struct pg_op op = { .sql = sql, .params = params, .loses_nothing = true,
			    .deadline_us = deadline_us(tx->slot->pg) };

	return run_statement(tx->slot, &op, row, rows, a, e);
}

int pg_tx_script(struct pg_tx *tx, const struct sql *script, int64_t timeout_ms, struct err *e)
{
	struct sql timed = { .name = script->name };
	struct pg_op op = { .sql = &timed, .script = true, .loses_nothing = true,
			    .deadline_us = reactor_now() + 1000 * timeout_ms };
	struct arena a;
	PGresult *res;
	int rc;

	arena_init(&a, NULL, 0);
	timed.text = arena_strf(&a, "SET LOCAL statement_timeout = %lld;\n%s",
				(long long)timeout_ms, script->text);
	rc = run(tx->slot, &op, &res, e);
	PQclear(res);
	arena_clear(&a);
	return rc;
}

static void end_tx(struct pg_tx *tx)
{
	release(tx->slot);
	free(tx);
}

int pg_commit(struct pg_tx *tx, struct err *e)
{
	struct pg_op op = { .sql = &sql_commit, .deadline_us = deadline_us(tx->slot->pg) };
	PGresult *res;
	int rc = run(tx->slot, &op, &res, e);

	/* The server answers COMMIT of a failed transaction with ROLLBACK, and no error. */
	if (rc == 0 && strcmp(PQcmdStatus(res), "COMMIT") != 0)
		rc = err_set(e, TARS_EDB, "statement \"commit\": rolled back, because a statement of "
			     "the transaction had failed");
	PQclear(res);
	end_tx(tx);
	return rc;
}

void pg_rollback(struct pg_tx *tx)
{
	struct err why;

	/* A connection whose state is unknown must not be used again. */
	if (pg_tx_query(tx, &sql_rollback, NULL, NULL, NULL, NULL, &why) < 0)
		pg_conn_close(&tx->slot->conn, &why);
	end_tx(tx);
}
