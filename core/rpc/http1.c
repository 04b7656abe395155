/* HTTP/1 on server connections: requests in, answers out in their order, and when it ends. */
#include <stdlib.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/http.h"
#include "proto/h1.h"

/* Requests that may wait for their answers on one connection, before it is read on. */
enum { MAX_PIPELINED = 32 };

struct http1 {
	struct h1 parser;
	struct list open;               /* exchanges that are not written yet, the eldest first */
	unsigned n_open;
	struct http_exchange *reading;  /* the newest, until its request is whole */
	bool last;                      /* nothing more is read */
};

static struct http1 *http1_of(struct server_conn *sc)
{
	return sc->proto_state;
}

/* ---- answers ---- */

static void write_answer(struct http_exchange *x)
{
	bool is_head = x->request.method == METHOD_HEAD;

	h1_put_response(conn_out(&x->sc->conn), &x->response, http_date(),
			(is_head ? H1_NO_BODY : 0) | (x->close ? H1_CLOSE : 0) |
			(x->is_http10 ? H1_KEEP_ALIVE : 0));
	conn_written(&x->sc->conn);
}

static void take_off(struct http1 *h, struct http_exchange *x)
{
	list_remove(&x->node);
	h->n_open--;
	http_exchange_unref(x);
}

/* All answers that are next in line. */
static void write_answers(struct server_conn *sc)
{
	struct http1 *h = http1_of(sc);

	while (!list_is_empty(&h->open) && !sc->conn.finishing) {
		struct http_exchange *x = container_of(h->open.next, struct http_exchange, node);

		if (!x->answered)
			break;
		write_answer(x);
		if (x->close)
			conn_finish(&sc->conn);
		take_off(h, x);
	}
	if (h->n_open < MAX_PIPELINED / 2)
		conn_resume(&sc->conn);
}

static void on_answer(struct http_exchange *x)
{
	if (conn_is_open(&x->sc->conn))
		write_answers(x->sc);
}

/* ---- requests ---- */

static void begin(struct server_conn *sc)
{
	struct http1 *h = http1_of(sc);
	struct http_exchange *x = http_exchange_new(sc, on_answer);

	list_append(&h->open, &x->node);
	h->n_open++;
	x->refs++;
	h->reading = x;
	h1_begin(&h->parser, &x->request);
}

static void end_reading(struct http1 *h)
{
	struct http_exchange *x = h->reading;

	h->last |= x->close;
	h->reading = NULL;
	http_exchange_unref(x);
}

static void on_head(struct server_conn *sc)
{
	struct http1 *h = http1_of(sc);
	struct http_exchange *x = h->reading;

	x->is_http10 = h->parser.is_http10;
	x->close = !h->parser.keep_alive || atomic_load(&sc->loop->app->stopping);
	/* Whoever waits for a go-ahead may send the body or not: the next request could not be
	 * told from it. */
	if (h->parser.expects_continue)
		x->close = true;
	if (!http_head(x)) {
		h1_drop_body(&h->parser);
		return;
	}
	if (!h->parser.expects_continue)
		return;
	x->close = !h->parser.keep_alive;
	/* In its place among the answers, or not at all: then the body comes a little later. */
	if (h->n_open == 1) {
		h1_put_continue(conn_out(&sc->conn));
		conn_written(&sc->conn);
	}
}

/* Nothing that follows can be understood. */
static void on_bad(struct server_conn *sc, int status, const char *text)
{
	struct http1 *h = http1_of(sc);
	struct http_exchange *x = h->reading;

	x->close = true;
	h->last = true;
	if (!x->answered)
		http_refuse(x, status, text);
	else if (list_is_empty(&h->open))   /* and written */
		conn_finish(&sc->conn);
	end_reading(h);
}

static enum h1_event next_event(struct server_conn *sc, const uint8_t *data, size_t n, size_t *used)
{
	struct http1 *h = http1_of(sc);
	enum h1_event event;
	struct err why;

	*used += h1_feed(&h->parser, data, n, &event, &why);
	if (event == H1_HEAD) {
		on_head(sc);
	} else if (event == H1_REQUEST) {
		struct http_exchange *x = h->reading;

		x->refs++;
		end_reading(h);
		http_whole(x);
		http_exchange_unref(x);
	} else if (event == H1_BAD) {
		on_bad(sc, h->parser.status, why.text);
	}
	return event;
}

static ssize_t http1_stream(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct server_conn *sc = container_of(c, struct server_conn, conn);
	struct http1 *h = http1_of(sc);
	enum h1_event event = H1_NEED;
	size_t used = 0;

	(void)e;
	while ((used < n || event != H1_NEED) && !c->paused) {
		if (h->last || c->finishing)
			return (ssize_t)n;
		if (!h->reading && used == n)
			break;
		if (!h->reading)
			begin(sc);
		event = next_event(sc, data + used, n - used, &used);
		if (event == H1_REQUEST && h->n_open >= MAX_PIPELINED)
			conn_pause(c);
	}
	return (ssize_t)used;
}

/* ---- the connection ---- */

static void http1_open(struct server_conn *sc)
{
	struct http1 *h = xcalloc(1, sizeof(*h));

	h1_init(&h->parser);
	list_init(&h->open);
	sc->proto_state = h;
}

static void http1_tick(struct server_conn *sc, int64_t now_us)
{
	struct http1 *h = http1_of(sc);

	if (h->reading && !sc->conn.finishing && http_is_overdue(h->reading, now_us))
		on_bad(sc, 408, "the request came too slowly");
}

static void http1_down(struct server_conn *sc)
{
	struct http1 *h = http1_of(sc);

	if (h->reading)
		end_reading(h);
	while (!list_is_empty(&h->open))
		take_off(h, container_of(h->open.next, struct http_exchange, node));
}

static void http1_free(struct server_conn *sc)
{
	struct http1 *h = http1_of(sc);

	h1_release(&h->parser);
	free(h);
}

const struct server_proto http1_proto = {
	.class = { .stream = http1_stream, .down = server_conn_down,
		   .release = server_conn_release },
	.open = http1_open, .tick = http1_tick, .down = http1_down, .free = http1_free,
};
