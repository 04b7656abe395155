/* Server connections: accepting, packets to requests, idle time-outs, closing. */
#include "core/rpc/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/rpc/access.h"
#include "core/rpc/app_int.h"
#include "core/rpc/format.h"
#include "core/rpc/http.h"
#include "core/rpc/limits.h"
#include "core/rpc/message.h"
#include "core/rpc/push.h"
#include "core/rpc/req.h"
#include "core/sys/log.h"
#include "proto/auth.h"

enum {
	TELL_MS = 60000,
	QUIET_MS = 100,   /* of a stopping server: who has said nothing for so long has understood,
			   * or has nothing to say */
};

/* ---- going ---- */

/*
 * "Take a new connection, elsewhere" (contract 1.7).  What was asked on this one is still answered;
 * but the official C++ client drops the connection at this message, so it waits for a moment when
 * nothing is owed.  Callers in TUP and JSON would take it for their reply.
 */
static void say_reconnect(struct server_conn *sc)
{
	static const struct response_packet push = { .version = VERSION_TARS,
						     .desc = TARS_STR("_reconnect_") };

	if (!sc->knows_pushes || !conn_is_open(&sc->conn))
		return;
	sc->must_go = false;
	packet_put_response(conn_out(&sc->conn), &push);
	conn_written(&sc->conn);
}

static void ask_to_go(struct server_conn *sc)
{
	sc->must_go = !sc->adapter->conf.local;
	if (sc->must_go && !sc->conn.owed)
		say_reconnect(sc);
}

void server_conn_unref(struct server_conn *sc)
{
	if (!sc->released || sc->conn.owed)
		return;
	stats_conn_freed(sc);
	if (sc->proto)
		sc->proto->free(sc);
	free(sc);
}

static int server_frame(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct server_conn *sc = container_of(c, struct server_conn, conn);
	struct tars_req *rq = req_get(sc->loop);
	int rc;

	rc = packet_get_request(data + FRAME_LENGTH_SIZE, n - FRAME_LENGTH_SIZE, &rq->head,
				&rq->arena, e);
	if (rc < 0) {
		req_put(rq);
		return rc;
	}
	rq->format = packet_format(rq->head.version);
	sc->knows_pushes = rq->head.version == VERSION_TARS;
	rq->cost = (uint32_t)n;
	server_submit(sc, rq);
	return 0;
}

void server_submit(struct server_conn *sc, struct tars_req *rq)
{
	if (rq->cost < rq->head.body.n)
		rq->cost = rq->head.body.n;
	conn_owe(&sc->conn, rq->cost);
	count_add(&sc->loop->n_requests, 1);
	stats_turn(sc->loop, &sc->loop->stats);
	rq->conn = sc;
	rq->adapter = sc->adapter;
	rq->start_us = reactor_now();
	if (rq->head.timeout_ms > 0)
		rq->deadline_us = rq->start_us + rq->head.timeout_ms * INT64_C(1000);
	if (rq->head.packet_type == PACKET_ONEWAY)
		atomic_store_explicit(&rq->answered, true, memory_order_relaxed);
	dispatch(rq);
}

/* The last hold is gone. */
void server_request_done(struct tars_req *rq)
{
	struct server_conn *sc = rq->conn;
	uint32_t cost;

	if (!atomic_load_explicit(&rq->answered, memory_order_acquire)) {
		/* The hold it consumes. */
		atomic_store(&rq->holds, 1);
		req_respond(rq, TARS_EUNKNOWN, "the handler put the reply off and never gave it",
			    NULL);
		return;
	}
	if (!rq->ended)
		stats_ended(rq);
	if (rq->running.next)
		list_remove(&rq->running);
	if (rq->coro_counted)
		count_add(&rq->adapter->running[rq->loop->index].n, -1);
	if (rq->ordered && atomic_load_explicit(&rq->late, memory_order_relaxed))
		lane_over(sc);
	if (rq->limited)
		limits_ended(sc->adapter->limits, rq);
	count_add(&rq->loop->n_requests, -1);
	cost = rq->cost;
	if (rq->http)
		http_exchange_unref(rq->http);
	req_put(rq);
	conn_paid(&sc->conn, cost);
	if (__builtin_expect(sc->must_go, 0) && !sc->conn.owed)
		say_reconnect(sc);
	server_conn_unref(sc);
}

/* Whoever sends nothing is no failure: health checks and port scans come and go like that. */
static void note_stranger(const struct server_conn *sc, enum drop what, const struct err *why)
{
	struct log_subject subject = { sc->adapter->name, NULL };

	if (!why->code || why->code == TARS_ECANCEL)
		return;
	adapter_drop(sc->adapter, what);
	log_every(1000, LOG_LEVEL_WARN, &subject, "refused: %s", why->text);
}

static void tell_limit(struct adapter *a, const struct err *why)
{
	struct log_subject me = { a->name, NULL };

	adapter_drop(a, DROP_CONN_SLOW);
	log_every(TELL_MS, LOG_LEVEL_WARN, &me, "connection closed: %s", why->text);
}

void server_conn_down(struct conn *c, const struct err *why)
{
	struct server_conn *sc = container_of(c, struct server_conn, conn);

	if (why->code == TARS_ELIMIT)
		tell_limit(sc->adapter, why);
	push_conn_down(sc);
	if (sc->proto)
		sc->proto->down(sc);
	if (c->handshaking)
		note_stranger(sc, DROP_TLS, why);
	else if (c->class == &access_class)
		note_stranger(sc, DROP_ACCESS, why);
	list_remove(&sc->node);
	atomic_fetch_sub(&sc->adapter->n_conns, 1);
	atomic_fetch_sub(&sc->loop->n_conns, 1);
}

void server_conn_release(struct conn *c)
{
	struct server_conn *sc = container_of(c, struct server_conn, conn);

	sc->released = true;
	server_conn_unref(sc);
}

const struct conn_class server_class = {
	.frame = server_frame, .down = server_conn_down, .release = server_conn_release,
};

/* ---- what else may come on the port of a servant ---- */

static const struct conn_class *switch_to(struct server_conn *sc, const struct server_proto *proto)
{
	sc->proto = proto;
	proto->open(sc);
	return &proto->class;
}

static const struct conn_class *server_detect(struct conn *c, const uint8_t *data, size_t n)
{
	struct server_conn *sc = container_of(c, struct server_conn, conn);

	switch (frame_detect(data, n)) {
	case PROTOCOL_UNKNOWN:
		return NULL;
	case PROTOCOL_HTTP1:
		return switch_to(sc, &http1_proto);
	case PROTOCOL_HTTP2:
		return switch_to(sc, &http2_proto);
	default:
		/* It came before the listener closed, and speaks now. */
		if (atomic_load_explicit(&sc->loop->app->stopping, memory_order_relaxed))
			ask_to_go(sc);
		return &server_class;
	}
}

static const struct conn_class first_class = {
	.detect = server_detect, .down = server_conn_down, .release = server_conn_release,
};

/* ---- accepting ---- */

/* "10.0.0.1:5312" and "[::1]:80" without port and brackets. */
static void host_of(char *host, size_t size, const char *peer_text)
{
	const char *colon = strrchr(peer_text, ':');
	size_t n = colon ? (size_t)(colon - peer_text) : strlen(peer_text);

	if (n >= 2 && peer_text[0] == '[') {
		peer_text++;
		n -= 2;
	}
	snprintf(host, size, "%.*s", (int)n, peer_text);
}

static void set_limits(struct conn *c, const struct adapter_conf *conf)
{
	/* Until its key is known, it can send the packet with the key only. */
	c->max_frame = conf->ep.auth ? AUTH_MAX_PACKET : conf->max_frame;
	c->max_out = conf->max_out;
	c->max_owed = conf->conn_requests;
	c->max_owed_bytes = conf->conn_bytes;
}

/* Who it is, where an address would say nothing: "unix:uid=1000,pid=4711". */
static void name_unix_peer(struct conn *c)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (!getsockopt(c->watch.fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		snprintf(c->peer_text, sizeof(c->peer_text), "unix:uid=%u,pid=%d", cred.uid,
			 cred.pid);
}

static const struct conn_class *class_of(const struct adapter *a)
{
	if (a->speaks)
		return &message_server_class;
	if (a->conf.ep.auth)
		return &access_class;
	return a->conf.tars_only ? &server_class : &first_class;
}

static void server_opened(struct task *t)
{
	struct server_conn *sc = container_of(t, struct server_conn, opened);
	struct loop *l = sc->loop;

	list_append(&l->conns, &sc->node);
	conn_open(&sc->conn, class_of(sc->adapter), sc->fd);
	sc->opened_us = reactor_now();
	sc->conn.peer = sc->peer;
	sockaddr_print(sc->conn.peer_text, sizeof(sc->conn.peer_text), &sc->peer);
	set_limits(&sc->conn, &sc->adapter->conf);
	if (sc->adapter->speaks)
		message_opened(sc);
	if (sc->peer.sa.sa_family == AF_UNIX)
		name_unix_peer(&sc->conn);
	host_of(sc->peer_host, sizeof(sc->peer_host), sc->conn.peer_text);
	stats_conn_opened(sc);
	if (sc->adapter->tls)
		conn_secure(&sc->conn, tls_new(sc->adapter->tls, NULL, NULL),
			    sc->adapter->conf.handshake_ms);
	server_sweep(l);
	/* One that came just before the stop may bring a call: it is told when it does. */
	if (atomic_load(&l->app->closed))
		conn_close(&sc->conn, NULL);
}

void server_accept(struct adapter *a, struct loop *l, int fd, const struct sockaddr_any *peer)
{
	struct server_conn *sc = xcalloc(1, sizeof(*sc));

	sc->adapter = a;
	sc->loop = l;
	sc->fd = fd;
	sc->peer = *peer;
	atomic_fetch_add(&a->n_conns, 1);
	atomic_fetch_add(&l->n_conns, 1);
	sc->opened.run = server_opened;
	if (loop_is_here(l))
		server_opened(&sc->opened);
	else
		reactor_post(l->reactor, &sc->opened);
}

void server_drain_all(struct loop *l)
{
	struct list *node, *next;

	for (node = l->conns.next; node != &l->conns; node = next) {
		struct server_conn *sc = container_of(node, struct server_conn, node);

		next = node->next;
		if (sc->proto && sc->proto->drain)
			sc->proto->drain(sc);
		else if (sc->conn.class == &server_class)
			ask_to_go(sc);
	}
}

void server_count_busy(struct loop *l)
{
	int64_t since = reactor_now() - QUIET_MS * INT64_C(1000);
	unsigned n = 0;

	for (struct list *node = l->conns.next; node != &l->conns; node = node->next) {
		struct server_conn *sc = container_of(node, struct server_conn, node);

		if (sc->must_go)
			say_reconnect(sc);
		n += !sc->adapter->conf.local && sc->conn.class == &server_class &&
		     sc->conn.last_io_us > since;
	}
	atomic_store(&l->n_busy_conns, n);
}

void server_close_all(struct loop *l)
{
	struct list *node, *next;

	for (node = l->conns.next; node != &l->conns; node = next) {
		struct server_conn *sc = container_of(node, struct server_conn, node);

		next = node->next;
		/* A reset for what comes too late would take the last answers with it. */
		if (sc->conn.class == &server_class || sc->adapter->speaks)
			conn_finish(&sc->conn);
		else
			conn_close_after_flush(&sc->conn);
	}
}

void server_drop_all(struct loop *l)
{
	static const struct err why = { TARS_ECANCEL, "stopping, and the peer does not read" };
	struct list *node, *next;

	for (node = l->conns.next; node != &l->conns; node = next) {
		next = node->next;
		conn_close(&container_of(node, struct server_conn, node)->conn, &why);
	}
}
