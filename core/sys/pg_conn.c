/*
 * One PostgreSQL connection as a state machine on the reactor's own stack.
 *
 *   CLOSED -> RESOLVING -> CONNECTING -> IDLE <-> BUSY
 *      ^__________|____________|__________|_________|      (down)
 *
 * Only RESOLVING needs a coroutine: a look-up may park.
 */
#include "core/sys/pg_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"

struct pg_resolve {
	struct pg_conn *conn;    /* NULL: it was closed meanwhile */
	struct pg_target *target;
	struct task task;
	struct arena arena;
	const char **keys, **values;
	int rc;
	struct err err;
};

void pg_conn_init(struct pg_conn *c, const struct pg_conn_class *class, struct pg_target *target)
{
	*c = (struct pg_conn){ .class = class, .target = target };
}

bool pg_conn_is_up(const struct pg_conn *c)
{
	return c->state == PG_IDLE || c->state == PG_BUSY;
}

int64_t pg_backoff_ms(int64_t last_ms)
{
	int64_t span = last_ms ? 3 * last_ms - PG_BACKOFF_MIN_MS : 1, ms;

	ms = PG_BACKOFF_MIN_MS + (int64_t)(random() % span);
	return ms < PG_BACKOFF_MAX_MS ? ms : PG_BACKOFF_MAX_MS;
}

void pg_op_finish(struct pg_op *op, int rc)
{
	op->rc = rc;
	op->done(op);
}

/* libpq's messages have several lines; those that begin with a tab are hints of the kind "Is the
 * server running?". */
static void one_line(char *text, size_t size, const char *message)
{
	size_t n = 0;

	for (const char *p = message; *p && n + 1 < size; p++) {
		if (p[0] == '\n' && p[1] == '\t')
			p += 1 + strcspn(p + 1, "\n");
		if (!*p)
			break;
		if (!isspace((unsigned char)*p))
			text[n++] = *p;
		else if (n && text[n - 1] != ' ')
			text[n++] = ' ';
	}
	while (n && text[n - 1] == ' ')
		n--;
	text[n] = '\0';
}

/* ---- breaking ---- */

static void fail_op(struct pg_conn *c, const struct err *why)
{
	struct pg_op *op = c->op;
	bool lost_nothing = op->loses_nothing || op->preparing;

	c->op = NULL;
	if (!op->rc)
		op->rc = err_set(&op->err, lost_nothing ? why->code : TARS_EDBUNCERTAIN,
				 "statement \"%s\": %s%s", op->sql->name, why->text,
				 lost_nothing ? "" : "; it may have been executed");
	pg_op_finish(op, op->rc);
}

void pg_conn_close(struct pg_conn *c, const struct err *why)
{
	if (c->resolve)
		c->resolve->conn = NULL;
	c->resolve = NULL;
	timer_stop(&c->timer);
	watch_stop(&c->watch);
	PQfinish(c->pq);
	c->pq = NULL;
	free(c->prepared);
	c->prepared = NULL;
	c->n_prepared = c->cap_prepared = 0;
	c->state = PG_CLOSED;
	c->stale = false;
	if (c->op)
		fail_op(c, why);
}

static void conn_break(struct pg_conn *c, const struct err *why)
{
	pg_conn_close(c, why);
	c->class->down(c, why);
}

static void cannot_connect(struct pg_conn *c, const char *cause)
{
	struct err why;

	c->target->attempts++;
	err_set(&why, TARS_EDB, "database \"%.160s\": cannot connect: %.240s; "
		"start PostgreSQL or correct --db", c->target->text, cause);
	conn_break(c, &why);
}

static void connection_broke(struct pg_conn *c)
{
	char cause[240];
	struct err why;

	one_line(cause, sizeof(cause), PQerrorMessage(c->pq));
	err_set(&why, TARS_EDB, "database \"%.160s\": the connection broke: %s", c->target->text,
		cause);
	conn_break(c, &why);
}

/* ---- running an operation ---- */

static void io(struct watch *w, int events);

static void set_watch(struct pg_conn *c, int extra)
{
	watch_set(&c->watch, PQsocket(c->pq), WATCH_READ | extra, io);
}

static void flush(struct pg_conn *c)
{
	int rc = PQflush(c->pq);

	if (rc < 0)
		connection_broke(c);
	else
		set_watch(c, rc > 0 ? WATCH_WRITE : 0);
}

static int find_prepared(const struct pg_conn *c, const struct sql *sql)
{
	for (unsigned i = 0; i < c->n_prepared; i++)
		if (c->prepared[i] == sql)
			return (int)i;
	return -1;
}

static void add_prepared(struct pg_conn *c, const struct sql *sql)
{
	if (c->n_prepared == c->cap_prepared) {
		c->cap_prepared = c->cap_prepared ? 2 * c->cap_prepared : 16;
		c->prepared = xrealloc(c->prepared, c->cap_prepared * sizeof(*c->prepared));
	}
	c->prepared[c->n_prepared++] = sql;
}

/* Fills v with the values, NULL for PG_NULL; returns their number. */
static int list_params(const struct pg_op *op, const char **v)
{
	int n = 0;

	for (; op->params && op->params[n]; n++) {
		BUG_ON(n == PG_MAX_PARAMS);
		v[n] = op->params[n] == pg_null ? NULL : op->params[n];
	}
	return n;
}

static int send_op(struct pg_conn *c, struct pg_op *op)
{
	const char *values[PG_MAX_PARAMS];
	int n = list_params(op, values), known;
	char name[16];

	if (op->script)
		return PQsendQuery(c->pq, op->sql->text);
	if (op->sql->once)
		return PQsendQueryParams(c->pq, op->sql->text, n, NULL, values, NULL, NULL, 0);
	known = find_prepared(c, op->sql);
	op->preparing = known < 0;
	snprintf(name, sizeof(name), "s%u", op->preparing ? c->n_prepared : (unsigned)known);
	if (op->preparing)
		return PQsendPrepare(c->pq, name, op->sql->text, 0, NULL);
	return PQsendQueryPrepared(c->pq, name, n, values, NULL, NULL, 0);
}

static void start_op(struct pg_conn *c)
{
	if (send_op(c, c->op))
		flush(c);
	else
		connection_broke(c);
}

static void op_late(struct timer *t)
{
	struct pg_conn *c = container_of(t, struct pg_conn, timer);
	struct err why;

	err_set(&why, TARS_EDB, "database \"%.160s\": no answer in time; connection given up",
		c->target->text);
	conn_break(c, &why);
}

void pg_conn_run(struct pg_conn *c, struct pg_op *op)
{
	int64_t left_ms = (op->deadline_us - reactor_now()) / 1000;

	BUG_ON(c->state != PG_IDLE);
	c->state = PG_BUSY;
	c->op = op;
	timer_start(&c->timer, (left_ms > 0 ? left_ms : 0) + PG_ANSWER_GRACE_MS, op_late);
	start_op(c);
}

static void op_ended(struct pg_conn *c)
{
	struct pg_op *op = c->op;

	if (op->preparing && op->rc == 0) {
		add_prepared(c, op->sql);
		start_op(c);
		return;
	}
	timer_stop(&c->timer);
	c->op = NULL;
	c->state = PG_IDLE;
	pg_op_finish(op, op->rc);
	c->class->ready(c);
}

/* False if the connection is no good any more. */
static bool take_result(struct pg_conn *c, PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	struct pg_op *op = c->op;

	switch (PQresultStatus(res)) {
	case PGRES_EMPTY_QUERY:
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
		PQclear(op->result);
		op->result = res;
		return true;
	default:
		break;
	}
	/* Without SQLSTATE it is libpq that speaks: the connection broke, or COPY, which we never
	 * use. */
	if (state && !op->rc)
		op->rc = pg_result_error(res, op->sql, &op->err);
	/* The table has changed under a prepared statement, or a pooler gave us another session. */
	if (state && (!strcmp(state, "0A000") || !strcmp(state, "26000")))
		c->stale = true;
	PQclear(res);
	return state != NULL;
}

static void take_notifies(struct pg_conn *c)
{
	PGnotify *n;

	while (c->pq && (n = PQnotifies(c->pq))) {
		if (c->class->notified)
			c->class->notified(c, n);
		PQfreemem(n);
	}
}

static void io(struct watch *w, int events)
{
	struct pg_conn *c = container_of(w, struct pg_conn, watch);
	PGresult *res;

	if ((events & WATCH_READ) && !PQconsumeInput(c->pq)) {
		connection_broke(c);
		return;
	}
	if (events & WATCH_WRITE) {
		flush(c);
		if (!c->pq)
			return;
	}
	take_notifies(c);
	while (c->op && !PQisBusy(c->pq)) {
		res = PQgetResult(c->pq);
		if (!res)
			op_ended(c);
		else if (!take_result(c, res))
			connection_broke(c);
	}
}

/* ---- connecting ---- */

static void connect_late(struct timer *t)
{
	char cause[64];

	snprintf(cause, sizeof(cause), "no answer within %d ms", PG_CONNECT_TIMEOUT_MS);
	cannot_connect(container_of(t, struct pg_conn, timer), cause);
}

static void connect_failed(struct pg_conn *c)
{
	char cause[240];

	one_line(cause, sizeof(cause), PQerrorMessage(c->pq));
	cannot_connect(c, cause);
}

static void connected(struct pg_conn *c)
{
	timer_stop(&c->timer);
	PQsetnonblocking(c->pq, 1);
	c->state = PG_IDLE;
	c->was_up = true;
	set_watch(c, 0);
	c->class->ready(c);
}

static void connect_io(struct watch *w, int events)
{
	struct pg_conn *c = container_of(w, struct pg_conn, watch);

	(void)events;
	/* libpq may close this socket and open another one under the same number. */
	watch_stop(&c->watch);
	switch (PQconnectPoll(c->pq)) {
	case PGRES_POLLING_READING:
		watch_set(&c->watch, PQsocket(c->pq), WATCH_READ, connect_io);
		return;
	case PGRES_POLLING_WRITING:
		watch_set(&c->watch, PQsocket(c->pq), WATCH_WRITE, connect_io);
		return;
	case PGRES_POLLING_OK:
		connected(c);
		return;
	default:
		connect_failed(c);
	}
}

static void ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static void resolved(struct task *task)
{
	struct pg_resolve *r = container_of(task, struct pg_resolve, task);
	struct pg_conn *c = r->conn;

	if (c) {
		c->resolve = NULL;
		if (r->rc < 0) {
			cannot_connect(c, r->err.text);
		} else {
			c->state = PG_CONNECTING;
			c->pq = PQconnectStartParams(r->keys, r->values, 0);
			BUG_ON(!c->pq);
			PQsetNoticeProcessor(c->pq, ignore_notice, NULL);
			timer_start(&c->timer, PG_CONNECT_TIMEOUT_MS, connect_late);
			if (PQstatus(c->pq) == CONNECTION_BAD)
				connect_failed(c);
			else
				watch_set(&c->watch, PQsocket(c->pq), WATCH_WRITE, connect_io);
		}
	}
	arena_clear(&r->arena);
	free(r);
}

static void resolve_in_coro(void *arg)
{
	struct pg_resolve *r = arg;

	r->rc = pg_target_resolve(r->target, &r->arena, &r->keys, &r->values, &r->err);
	r->task.run = resolved;
	reactor_defer(&r->task);
}

static void start_resolve(struct task *task)
{
	struct pg_resolve *r = container_of(task, struct pg_resolve, task);

	if (r->conn) {
		coro_start(CORO_STACK_ROLE, resolve_in_coro, r);
	} else {
		arena_clear(&r->arena);
		free(r);
	}
}

void pg_conn_open(struct pg_conn *c)
{
	struct pg_resolve *r = xcalloc(1, sizeof(*r));

	BUG_ON(c->state != PG_CLOSED);
	r->conn = c;
	r->target = c->target;
	arena_init(&r->arena, NULL, 0);
	r->task.run = start_resolve;
	c->resolve = r;
	c->state = PG_RESOLVING;
	c->was_up = false;
	reactor_defer(&r->task);
}
