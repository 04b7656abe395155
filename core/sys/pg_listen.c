/* LISTEN on a connection of its own, which comes back by itself. */
#include "core/sys/pg_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing is sent while nothing changes, so a server that vanished has to be found out. */
enum { CHECK_MS = 5000 };

struct pg_listener {
	struct pg_conn conn;
	struct timer retry, check;
	int64_t backoff_ms;
	struct pg_op op;
	struct sql sql;
	char text[80];           /* LISTEN "channel" */
	bool listening;
	bool is_told;            /* notify(NULL) since it listens */
	bool loss_told;
	void (*notify)(void *arg, const char *payload);
	void (*lost)(void *arg, const struct err *why);
	void *arg;
};

static const struct sql sql_check = { "check", "SELECT 1", .once = true };

static void run(struct pg_listener *l, const struct sql *sql, void (*done)(struct pg_op *op))
{
	l->op = (struct pg_op){ .sql = sql, .loses_nothing = true, .done = done,
				.deadline_us = reactor_now() + 1000 * PG_CONNECT_TIMEOUT_MS };
	pg_conn_run(&l->conn, &l->op);
}

static void check_due(struct timer *t);

/* Any answer is enough; without one the connection counts as broken. */
static void checked(struct pg_op *op)
{
	struct pg_listener *l = container_of(op, struct pg_listener, op);

	PQclear(op->result);
	op->result = NULL;
	timer_start(&l->check, CHECK_MS, check_due);
}

static void check_due(struct timer *t)
{
	run(container_of(t, struct pg_listener, check), &sql_check, checked);
}

static void listened(struct pg_op *op)
{
	struct pg_listener *l = container_of(op, struct pg_listener, op);

	PQclear(op->result);
	op->result = NULL;
	l->listening = op->rc == 0;
}

static void retry_now(struct timer *t)
{
	pg_conn_open(&container_of(t, struct pg_listener, retry)->conn);
}

static void listener_down(struct pg_conn *c, const struct err *why)
{
	struct pg_listener *l = container_of(c, struct pg_listener, conn);

	timer_stop(&l->check);
	l->backoff_ms = pg_backoff_ms(l->listening ? 0 : l->backoff_ms);
	l->listening = l->is_told = false;
	l->op.rc = 0;
	timer_start(&l->retry, l->backoff_ms, retry_now);
	if (!l->loss_told) {
		l->loss_told = true;
		l->lost(l->arg, why);
	}
}

/* First after connecting, then after LISTEN, then after each check. */
static void listener_ready(struct pg_conn *c)
{
	struct pg_listener *l = container_of(c, struct pg_listener, conn);
	struct err why;

	if (l->is_told)
		return;
	if (l->listening) {
		l->is_told = true;
		l->loss_told = false;
		timer_start(&l->check, CHECK_MS, check_due);
		l->notify(l->arg, NULL);
	} else if (l->op.rc < 0) {
		why = l->op.err;
		pg_conn_close(c, &why);
		listener_down(c, &why);
	} else {
		run(l, &l->sql, listened);
	}
}

static void listener_notified(struct pg_conn *c, const PGnotify *n)
{
	struct pg_listener *l = container_of(c, struct pg_listener, conn);

	l->notify(l->arg, n->extra);
}

static const struct pg_conn_class listener_class = {
	.ready = listener_ready, .down = listener_down, .notified = listener_notified,
};

struct pg_listener *pg_listen(struct pg *pg, const char *channel,
			      void (*notify)(void *arg, const char *payload),
			      void (*lost)(void *arg, const struct err *why), void *arg)
{
	struct pg_listener *l = xcalloc(1, sizeof(*l));

	BUG_ON(!*channel || channel[strspn(channel, "abcdefghijklmnopqrstuvwxyz_")] ||
	       strlen(channel) > 60);
	snprintf(l->text, sizeof(l->text), "LISTEN %s", channel);
	l->sql = (struct sql){ .name = "listen", .text = l->text, .once = true };
	l->notify = notify;
	l->lost = lost;
	l->arg = arg;
	pg_conn_init(&l->conn, &listener_class, pg_target_of(pg));
	pg_conn_open(&l->conn);
	return l;
}

void pg_unlisten(struct pg_listener *l)
{
	const struct err why = { .code = TARS_ECANCEL, .text = "no longer listening" };

	if (!l)
		return;
	timer_stop(&l->retry);
	pg_conn_close(&l->conn, &why);
	timer_stop(&l->check);
	free(l);
}
