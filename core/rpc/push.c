/* Push, the server's side: connections of callers that can be kept, and what is sent to them. */
#include "core/rpc/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"

enum { FULL_MS = 10 };

/* Instead of a client, when the connection is closed and there will be none any more. */
#define CLOSED ((struct tars_client *)1)

/* Between a thread that asks for a connection's client and the end of the connection. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* ---- the handle ---- */

static struct tars_client *client_new(struct server_conn *sc)
{
	struct tars_client *c = xcalloc(1, sizeof(*c));

	c->loop = sc->loop;
	c->conn = sc;
	c->speaks = sc->adapter->speaks != NULL;
	memcpy(c->peer, sc->conn.peer_text, sizeof(c->peer));
	pthread_mutex_init(&c->lock, NULL);
	atomic_init(&c->refs, 1);
	return c;
}

static void client_ref(struct tars_client *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void tars_client_unref(struct tars_client *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	buf_release(&c->out);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

struct tars_client *tars_client_ref(struct tars_req *rq)
{
	struct server_conn *sc = rq->conn;
	struct tars_client *c;

	if (!sc || sc->proto || rq->head.version != VERSION_TARS || rq->adapter->udp.is_open)
		return NULL;
	pthread_mutex_lock(&making);
	c = sc->client;
	if (c == CLOSED) {
		/* Its first reference is the caller's, and it never was connected. */
		c = client_new(sc);
		c->conn = NULL;
		c->closed = true;
	} else {
		/* The first one is the connection's. */
		if (!c)
			c = sc->client = client_new(sc);
		client_ref(c);
	}
	pthread_mutex_unlock(&making);
	return c;
}

const char *tars_client_peer(const struct tars_client *c)
{
	return c->peer;
}

/* ---- the end of a connection ---- */

struct closing {
	struct tars_client *client;
	void (*fn)(struct tars_client *c, void *ctx);
	void *ctx;
};

static void run_on_close(void *arg)
{
	struct closing k = *(struct closing *)arg;
	struct loop *l = k.client->loop;

	free(arg);
	count_add(&l->n_coros, 1);
	k.fn(k.client, k.ctx);
	tars_client_unref(k.client);
	count_add(&l->n_coros, -1);
}

static struct tars_client *take_client(struct server_conn *sc)
{
	struct tars_client *c;

	pthread_mutex_lock(&making);
	c = sc->client;
	sc->client = CLOSED;
	pthread_mutex_unlock(&making);
	return c;
}

void push_conn_down(struct server_conn *sc)
{
	struct tars_client *c = take_client(sc);
	struct closing k = { .client = c }, *arg;

	if (!c || c == CLOSED)
		return;
	if (timer_is_running(&c->again)) {
		timer_stop(&c->again);
		tars_client_unref(c);
	}
	pthread_mutex_lock(&c->lock);
	c->conn = NULL;
	c->closed = true;
	k.fn = c->on_close;
	k.ctx = c->ctx;
	c->on_close = NULL;
	buf_release(&c->out);
	pthread_mutex_unlock(&c->lock);
	/* When the service ends, what the callback would use may be gone before it. */
	if (!k.fn || atomic_load(&sc->loop->app->closed)) {
		tars_client_unref(c);
		return;
	}
	arg = xmalloc(sizeof(*arg));
	*arg = k;
	coro_start(sc->loop->app->conf.coro_stack, run_on_close, arg);
}

int tars_client_on_close(struct tars_client *c, void (*fn)(struct tars_client *c, void *ctx),
			 void *ctx)
{
	int rc = TARS_OK;

	pthread_mutex_lock(&c->lock);
	if (c->closed) {
		rc = TARS_ECONNECT;
	} else {
		c->on_close = fn;
		c->ctx = ctx;
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* ---- output ---- */

static void try_again(struct timer *t);

static bool wants_close(struct tars_client *c)
{
	bool close;

	pthread_mutex_lock(&c->lock);
	close = c->want_close;
	pthread_mutex_unlock(&c->lock);
	return close;
}

/* On its loop, with a reference that it gives up. */
static void move(struct tars_client *c)
{
	static const struct err asked = { TARS_ECANCEL, "closed by the service" };
	struct conn *conn = c->conn ? &c->conn->conn : NULL;
	bool close;

	if (conn && conn_is_open(conn) && conn_unsent(conn) >= PUSH_WINDOW &&
	    !wants_close(c)) {
		timer_start(&c->again, FULL_MS, try_again);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->posted = false;
	close = c->want_close;
	if (conn && conn_is_open(conn) && buf_size(&c->out))
		conn_append(conn, &c->out);
	buf_release(&c->out);
	pthread_mutex_unlock(&c->lock);
	if (close && conn)
		conn_close(conn, &asked);
	tars_client_unref(c);
}

static void try_again(struct timer *t)
{
	move(container_of(t, struct tars_client, again));
}

static void move_posted(struct task *t)
{
	move(container_of(t, struct tars_client, task));
}

/* The lock is held. */
static bool must_post(struct tars_client *c)
{
	if (c->posted)
		return false;
	c->posted = true;
	client_ref(c);
	c->task.run = move_posted;
	return true;
}

static int put_push(struct buf *b, const struct tars_func *func, const void *out)
{
	struct tars_string_string_pair name = {
		TARS_STR("TARS_FUNC"), { func->name, (uint32_t)strlen(func->name) } };
	struct response_packet head = { .version = VERSION_TARS, .status = { &name, 1 } };
	size_t start = buf_size(b), mark = packet_begin_response(b, &head);

	codec_put_flat(b, func->out, out, 0);
	packet_end_response(b, mark, &head);
	if (buf_size(b) - start <= FRAME_DEFAULT_MAX)
		return TARS_OK;
	b->len = b->pos + start;
	return TARS_ELIMIT;
}

static int put_message(struct buf *b, const struct tars_bytes *message)
{
	if (message->n > FRAME_DEFAULT_MAX)
		return TARS_ELIMIT;
	buf_add(b, message->p, message->n);
	return TARS_OK;
}

/* func NULL: out is a message. */
static int push(struct tars_client *c, const struct tars_func *func, const void *out)
{
	bool post = false;
	int rc;

	if (c->speaks != !func)
		return TARS_EARG;
	pthread_mutex_lock(&c->lock);
	rc = c->closed || c->want_close ? TARS_ECONNECT :
	     buf_size(&c->out) >= PUSH_MAX ? TARS_EOVERLOAD :
	     func ? put_push(&c->out, func, out) : put_message(&c->out, out);
	if (!rc)
		post = must_post(c);
	pthread_mutex_unlock(&c->lock);
	if (post)
		reactor_post(c->loop->reactor, &c->task);
	return rc;
}

int tars_client_push(struct tars_client *c, const struct tars_iface *iface, int func,
		     const void *out)
{
	return push(c, &iface->funcs[func], out);
}

int tars_client_send(struct tars_client *c, const struct tars_bytes *message)
{
	return push(c, NULL, message);
}

void tars_client_close(struct tars_client *c)
{
	bool post = false;

	pthread_mutex_lock(&c->lock);
	if (!c->closed) {
		/* What waits for it would keep it open. */
		buf_clear(&c->out);
		c->want_close = true;
		post = must_post(c);
	}
	pthread_mutex_unlock(&c->lock);
	if (post)
		reactor_post(c->loop->reactor, &c->task);
}
