/* UDP servants: each datagram is one request, and has a connection of its own until it is answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/format.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"
#include "core/rpc/stats.h"
#include "core/sys/log.h"

/* server_conn_unref frees it, as its first member. */
struct udp_conn {
	struct server_conn sc;
	struct datagram_way way;
};

static void udp_written(struct conn *c)
{
	struct server_conn *sc = container_of(c, struct server_conn, conn);
	struct udp_conn *u = container_of(sc, struct udp_conn, sc);
	struct adapter *a = sc->adapter;

	if (!datagram_answer(&a->udp, &u->way, buf_head(&c->out), buf_size(&c->out)))
		adapter_drop(a, DROP_ANSWER);
	buf_release(&c->out);
}

static const struct conn_class udp_class = { .written = udp_written };

static void refuse_datagram(struct adapter *a, const struct sockaddr_any *peer, const char *why)
{
	struct log_subject subject = { a->name, NULL };
	char text[64];

	sockaddr_print(text, sizeof(text), peer);
	adapter_drop(a, DROP_DATAGRAM);
	log_every(1000, LOG_LEVEL_WARN, &subject, "a datagram of %s is dropped: %s", text, why);
}

static struct udp_conn *udp_conn_new(struct adapter *a, const struct datagram_way *way)
{
	struct udp_conn *u = xcalloc(1, sizeof(*u));
	struct server_conn *sc = &u->sc;

	u->way = *way;
	sc->adapter = a;
	sc->loop = &a->app->loops[0];
	sc->released = true;   /* nothing of it lasts but the request */
	conn_open_loose(&sc->conn, &udp_class, &way->peer);
	sockaddr_host(sc->peer_host, sizeof(sc->peer_host), &sc->conn.peer);
	stats_conn_opened(sc);
	return u;
}

void server_datagram(struct datagram_port *p, const struct datagram_way *way, uint8_t *data,
		     size_t n)
{
	struct adapter *a = container_of(p, struct adapter, udp);
	struct sockaddr_any peer = way->peer;
	struct udp_conn *u;
	struct err e;
	size_t size = 0;

	sockaddr_unmap(&peer);
	if (!adapter_lets_in(a, &peer))
		return;
	e.text[0] = '\0';
	if (frame_next(data, n, a->conf.max_frame, &size, &e) != FRAME_OK || size != n) {
		refuse_datagram(a, &peer, *e.text ? e.text : "it is not exactly one packet");
		return;
	}
	u = udp_conn_new(a, way);
	/* The request may be answered and all gone when this returns. */
	if (server_class.frame(&u->sc.conn, data, n, &e) < 0) {
		refuse_datagram(a, &peer, e.text);
		server_conn_unref(&u->sc);
	}
}
