/* Lanes: the requests of one connection in their order, one at a time (queue mode). */
#include "core/io/coro.h"
#include "core/rpc/app_int.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"

static struct tars_req *req_of(struct task *t)
{
	return container_of(t, struct tars_req, task);
}

static bool is_pool(struct task *t)
{
	return req_of(t)->servant->row.run == TARS_RUN_POOL;
}

static void lane_turn(struct task *t);

static void lane_release(struct server_conn *sc)
{
	sc->lane.busy = false;
	conn_paid(&sc->conn, 0);
	server_conn_unref(sc);
}

/* In a worker.  A late reply holds the lane up: then its request's end goes on with the batch. */
static void work(struct task *t)
{
	struct server_conn *sc = req_of(t)->conn;
	struct lane *l = &sc->lane;

	do {
		if (!request_work(req_of(t)))
			return;
	} while ((t = task_list_take(&l->batch)));
	l->turn.run = lane_turn;
	reactor_post(sc->loop->reactor, &l->turn);
}

static void begin(struct lane *l, struct task *t)
{
	if (!is_pool(t)) {
		request_begin(req_of(t));
		return;
	}
	while (l->waiting.head && is_pool(l->waiting.head))
		task_list_add(&l->batch, task_list_take(&l->waiting));
	request_to_pool(req_of(t), work);
}

/* On the bare loop, so that coroutines which begin here do not stand on each other's stacks. */
static void lane_run(struct server_conn *sc)
{
	struct lane *l = &sc->lane;
	struct task *t;

	l->running = true;
	do {
		t = task_list_take(&l->waiting);
		l->ended = !t;
		if (t)
			begin(l, t);
	} while (t && l->ended);
	l->running = false;
	if (l->ended)
		lane_release(sc);
}

static void lane_turn(struct task *t)
{
	lane_run(container_of(t, struct server_conn, lane.turn));
}

void lane_over(struct server_conn *sc)
{
	struct lane *l = &sc->lane;

	/* What a worker has left of its batch comes before what came later. */
	task_list_move(&l->batch, &l->waiting);
	l->waiting = l->batch;
	l->batch = (struct task_list){ 0 };
	if (l->running) {
		l->ended = true;
	} else if (task_list_is_empty(&l->waiting)) {
		lane_release(sc);
	} else {
		l->turn.run = lane_turn;
		reactor_defer(&l->turn);
	}
}

void lane_enter(struct tars_req *rq)
{
	struct server_conn *sc = rq->conn;
	struct lane *l = &sc->lane;

	rq->ordered = true;
	task_list_add(&l->waiting, &rq->task);
	if (l->busy)
		return;
	l->busy = true;
	conn_owe(&sc->conn, 0);
	lane_run(sc);
}
