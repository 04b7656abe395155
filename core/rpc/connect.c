/* How a link comes to be: name look-up, one address after the other, TLS, access key. */
#include "core/rpc/connect.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/io/datagram.h"
#include "core/io/listen.h"
#include "core/rpc/app_int.h"
#include "core/rpc/message.h"
#include "core/rpc/proxy.h"
#include "core/rpc/secure.h"
#include "proto/auth.h"

enum { MIN_TIMEOUT_MS = 100 };

/* ---- access keys: calls wait for the server's verdict ---- */

static void on_access_timeout(struct timer *t)
{
	struct link *link = container_of(t, struct link, access_timer);
	struct err e;

	err_set(&e, TARS_ECONNECT, "%s: no answer to our access key", link->conn.peer_text);
	conn_close(&link->conn, &e);
}

/* The packet with the key is the connection's first output and has left by now. */
static void access_up(struct conn *c)
{
	struct link *link = container_of(c, struct link, conn);

	timer_start(&link->access_timer, c->connect_timeout_ms, on_access_timeout);
}

static int access_frame(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct link *link = container_of(c, struct link, conn);
	struct arena *a = &link->loop->scratch;
	struct response_packet r;
	int rc = packet_get_response(data + FRAME_LENGTH_SIZE, n - FRAME_LENGTH_SIZE, &r, a, e);

	if (!rc && !auth_is_granted(&r))
		rc = err_set(e, TARS_ECONNECT, "%s: the server refuses our access key (code %d)",
			     c->peer_text, r.ret);
	arena_clear(a);
	if (rc)
		return rc;
	timer_stop(&link->access_timer);
	c->class = &client_class;
	client_up(c);
	return 0;
}

static const struct conn_class access_class = {
	.up = access_up, .frame = access_frame, .down = client_down,
	.release = client_release,
};

const struct err *connect_why_down(const struct link *link, const struct err *why)
{
	static const struct err denied = { TARS_ECONNECT, "the server closed on our access key: "
		"accesskey, secretkey, the object or the clock is wrong" };

	return link->conn.class == &access_class && !why->code ? &denied : why;
}

/* ---- one address ---- */

/* What the peer's endpoint asks of a connection: TLS, an access key. */
static int make_secure(struct peer *peer, struct tls **tls, struct buf *access, struct err *e)
{
	struct tars_app *app = peer->loop->app;
	int rc = TARS_OK;

	if (peer->ep.auth)
		rc = secure_put_access(app, peer->object, access, e);
	if (rc || peer->ep.type != ENDPOINT_SSL)
		return rc;
	*tls = secure_session(app, peer->object, peer->ep.host, e);
	return *tls ? TARS_OK : e->code;
}

static const struct tars_protocol *protocol_of(const struct peer *peer)
{
	return peer->owner ? peer->owner->proxy->conf.protocol : NULL;
}

static void link_init(struct link *link, struct peer *peer)
{
	link->loop = peer->loop;
	list_init(&link->calls);
	memcpy(link->text, peer->text, sizeof(link->text));
	link->owner = peer->owner;
	link->protocol = protocol_of(peer);
	link->peer = peer;
	peer->link = link;
	list_append(&peer->loop->links, &link->node);
}

static const struct conn_class *class_for(const struct peer *peer)
{
	if (protocol_of(peer))
		return &message_link_class;
	return peer->ep.auth ? &access_class : &client_class;
}

/* The addresses of a name share the time. */
static int64_t timeout_ms(const struct peer *peer)
{
	int64_t each = peer->connect_timeout_ms / (peer->n_addrs ? peer->n_addrs : 1);

	return each > MIN_TIMEOUT_MS ? each : MIN_TIMEOUT_MS;
}

static int link_connect(struct peer *peer, const struct sockaddr_any *to, struct err *e)
{
	struct link *link = xcalloc(1, sizeof(*link));
	struct conn *c = &link->conn;
	struct buf access = BUF_INIT;
	struct tls *tls = NULL;
	int rc = make_secure(peer, &tls, &access, e);

	if (!rc)
		rc = conn_connect(c, class_for(peer), to, timeout_ms(peer), e);
	if (rc < 0) {
		tls_free(tls);
		free(link);
		buf_release(&access);
		return rc;
	}
	if (tls)
		conn_secure(c, tls, 0);
	c->keep_unsent = 1;
	c->max_frame = link->max_packet = FRAME_DEFAULT_MAX;
	if (protocol_of(peer))
		c->max_frame = message_limit(protocol_of(peer), c->max_frame);
	/* Replies are always read: a peer whose own output is stuck could never read on. */
	c->high_water = SIZE_MAX;
	link_init(link, peer);
	if (buf_size(&access))
		conn_append(c, &access);
	buf_release(&access);
	return 0;
}

/* Open at once: whether anybody is there shows when it is called. */
static int udp_connect(struct peer *peer, const struct sockaddr_any *to, struct err *e)
{
	static const struct conn_class udp_class = {
		.frame = client_frame, .down = client_down, .release = client_release,
		.written = conn_send_datagrams,
	};
	struct link *link = xcalloc(1, sizeof(*link));
	int rc = conn_connect_datagram(&link->conn, &udp_class, to, e);

	if (rc) {
		free(link);
		return rc;
	}
	link->max_packet = DATAGRAM_MAX;
	link_init(link, peer);
	client_up(&link->conn);
	return TARS_OK;
}

/* ---- all addresses ---- */

static int open_link(struct peer *peer, const struct sockaddr_any *to, struct err *e)
{
	return peer->ep.type == ENDPOINT_UDP ? udp_connect(peer, to, e) :
					       link_connect(peer, to, e);
}

static int connect_from(struct peer *peer, struct err *e)
{
	int rc = TARS_ECONNECT;

	while (rc && peer->addr_at < peer->n_addrs)
		rc = open_link(peer, &peer->addrs[peer->addr_at++], e);
	return rc;
}

bool connect_next(struct peer *peer)
{
	return !atomic_load(&peer->loop->app->closed) && !connect_from(peer, NULL);
}

/* Takes the addresses of a name. */
static void set_addrs(struct peer *peer, const struct sockaddr_any *addrs, int n)
{
	free(peer->addrs);
	peer->addrs = xcalloc((size_t)n, sizeof(*addrs));
	memcpy(peer->addrs, addrs, (size_t)n * sizeof(*addrs));
	peer->n_addrs = (unsigned)n;
	peer->addr_at = 0;
}

/* Names are looked up in a coroutine, which may wait. */
static void resolve_peer(void *arg)
{
	struct sockaddr_any addrs[RESOLVE_MAX];
	struct peer *peer = arg;
	struct loop *l = peer->loop;
	struct err e;
	int n, rc = TARS_OK;

	count_add(&l->n_coros, 1);
	n = resolve_all(addrs, peer->ep.host, peer->ep.port, &e);
	peer->resolving = false;
	if (n < 0) {
		rc = n;
	} else if (peer->refs > 1 && !atomic_load(&l->app->closed)) {
		set_addrs(peer, addrs, n);
		rc = connect_from(peer, &e);
	}
	if (rc)
		peer_failed(peer, &e);
	peer_put(peer);
	count_add(&l->n_coros, -1);
}

static int find_address(const struct peer *p, struct sockaddr_any *to)
{
	return endpoint_is_unix(&p->ep) ? sockaddr_from_path(to, p->ep.host) :
					  sockaddr_from_ip(to, p->ep.host, p->ep.port);
}

void connect_start(struct peer *p, struct err *e)
{
	struct sockaddr_any to;

	p->n_addrs = p->addr_at = 0;
	if (protocol_of(p) && (p->ep.auth || p->ep.type == ENDPOINT_UDP)) {
		err_set(e, TARS_ECONNECT, "an object with a protocol of its own cannot have %s",
			p->ep.auth ? "-e 1" : "a udp endpoint");
	} else if (p->ep.type == ENDPOINT_UDP && (p->ep.auth || endpoint_is_unix(&p->ep))) {
		err_set(e, TARS_ECONNECT, "a udp endpoint cannot have %s", p->ep.auth ? "-e 1" :
			"a socket file");
	} else if (!find_address(p, &to)) {
		open_link(p, &to, e);
	} else if (endpoint_is_unix(&p->ep)) {
		err_set(e, TARS_ECONNECT, "the path of a socket file has at most %d bytes",
			(int)SOCKET_PATH_MAX);
	} else {
		p->resolving = true;
		p->refs++;
		coro_start(CORO_STACK_USER, resolve_peer, p);
		if (!p->resolving && !p->link)
			err_set(e, TARS_ECONNECT, "cannot look up '%s'", p->ep.host);
	}
}
