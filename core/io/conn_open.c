/* Connection: opening accepted sockets, connecting, the TLS handshake. */
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/conn_int.h"
#include "core/io/tls.h"

void conn_init(struct conn *c, const struct conn_class *class, int fd)
{
	*c = (struct conn){
		.class = class,
		.reactor = reactor_self(),
		.watch.fd = fd,
		.max_frame = FRAME_DEFAULT_MAX,
		.high_water = CONN_DEFAULT_HIGH_WATER,
		.max_out = SIZE_MAX,
		.max_owed = UINT_MAX,
		.max_owed_bytes = SIZE_MAX,
		.last_io_us = reactor_now(),
	};
}

static void established(struct conn *c)
{
	int on = 1;

	if (c->peer.sa.sa_family != AF_UNIX)
		setsockopt(c->watch.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->doing = "reading a frame";
	conn_set_events(c);
}

/* Connected, and the handshake, if there is one, is done. */
static void opened(struct conn *c)
{
	timer_stop(&c->connect_timer);
	c->connecting = c->handshaking = 0;
	c->events = 0;
	established(c);
	if (buf_size(&c->out) || c->close_after_flush || c->finishing)
		conn_queue_flush(c);
	if (c->class->up)
		c->class->up(c);
}

static void on_connect_timeout(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, connect_timer);
	struct err e;

	if (c->handshaking)
		err_set(&e, TARS_ECONNECT, "%s: TLS: the handshake was not done within %lld ms",
			c->peer_text, (long long)c->connect_timeout_ms);
	else
		err_set(&e, TARS_ECONNECT, "connect to %s: no answer within %lld ms: host down, "
			"or a firewall drops it", c->peer_text, (long long)c->connect_timeout_ms);
	conn_close(c, &e);
}

/* ---- the TLS handshake ---- */

static void on_handshake(struct watch *w, int events);

static void close_handshake(struct conn *c, struct err *e)
{
	err_wrap(e, "%s", c->peer_text);
	conn_close(c, e);
}

static void handshake(struct conn *c)
{
	struct err e;
	enum tls_result rc = tls_handshake(c->tls, &e);
	int events;

	/* An error of the socket shows when it is read. */
	conn_send(c, tls_out(c->tls));
	if (rc == TLS_OK) {
		opened(c);
		/* What came behind the handshake. */
		if (!c->closed)
			conn_serve_sealed(c);
	} else if (rc == TLS_NEED) {
		events = WATCH_READ | (buf_size(tls_out(c->tls)) ? WATCH_WRITE : 0);
		if (events != c->events)
			watch_set(&c->watch, c->watch.fd, events, on_handshake);
		c->events = events;
	} else {
		if (rc == TLS_END)
			err_set(&e, TARS_ECONNECT, "TLS: it gave up");
		close_handshake(c, &e);
	}
}

static void on_handshake(struct watch *w, int events)
{
	struct conn *c = container_of(w, struct conn, watch);
	ssize_t n = 0;
	struct err e;

	if (events & WATCH_READ) {
		n = recv(w->fd, reactor_scratch(), REACTOR_SCRATCH_SIZE, 0);
		if (n == 0 && !c->heard) {
			conn_close(c, NULL);
			return;
		}
		if (n == 0) {
			err_set(&e, TARS_ECONNECT, "TLS: it closed during the handshake (is its "
				"endpoint ssl?)");
			close_handshake(c, &e);
			return;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			conn_close_errno(c, TARS_ECONNECT, "TLS handshake with", errno);
			return;
		}
	}
	c->heard |= n > 0;
	tls_feed(c->tls, reactor_scratch(), n > 0 ? (size_t)n : 0);
	handshake(c);
}

static void begin_handshake(struct conn *c)
{
	c->handshaking = 1;
	c->doing = "TLS handshake";
	c->events = 0;
	handshake(c);
}

void conn_secure(struct conn *c, struct tls *t, int64_t timeout_ms)
{
	c->tls = t;
	if (c->connecting)
		return;
	c->connecting = 1;
	c->connect_timeout_ms = timeout_ms;
	timer_start(&c->connect_timer, timeout_ms, on_connect_timeout);
	begin_handshake(c);
}

/* ---- opening ---- */

void conn_open(struct conn *c, const struct conn_class *class, int fd)
{
	conn_init(c, class, fd);
	c->peer.len = sizeof(c->peer.un);
	/* A peer that is gone already shows as an unknown address, and then as end of input. */
	if (getpeername(fd, &c->peer.sa, &c->peer.len))
		c->peer = (struct sockaddr_any){ 0 };
	sockaddr_unmap(&c->peer);
	sockaddr_print(c->peer_text, sizeof(c->peer_text), &c->peer);
	established(c);
}

void conn_open_loose(struct conn *c, const struct conn_class *class, const struct sockaddr_any *peer)
{
	conn_init(c, class, -1);
	c->peer = *peer;
	sockaddr_unmap(&c->peer);
	sockaddr_print(c->peer_text, sizeof(c->peer_text), &c->peer);
}

void conn_connect_error(struct err *e, const char *peer, int error)
{
	const char *hint = error == ECONNREFUSED || error == ENOENT ? ": nothing listens there" :
			   error == EHOSTUNREACH || error == ENETUNREACH ? ": check the route" :
			   error == EAGAIN ? ": its backlog is full" : "";

	err_set(e, TARS_ECONNECT, "connect to %s: %s%s", peer, strerror(error), hint);
}

static void on_connected(struct watch *w, int events)
{
	struct conn *c = container_of(w, struct conn, watch);
	int error = 0;
	socklen_t size = sizeof(error);
	struct err e;

	(void)events;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size))
		error = errno;
	if (error) {
		conn_connect_error(&e, c->peer_text, error);
		conn_close(c, &e);
		return;
	}
	c->heard = 1;   /* that it accepted us is something, too */
	if (c->tls)
		begin_handshake(c);
	else
		opened(c);
}

int conn_connect(struct conn *c, const struct conn_class *class, const struct sockaddr_any *to,
		 int64_t timeout_ms, struct err *e)
{
	char text[sizeof(c->peer_text)];
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	sockaddr_print(text, sizeof(text), to);
	if (fd < 0)
		return err_set(e, TARS_ECONNECT, "connect to %s: no socket: %s (see ulimit -n)",
			       text, strerror(errno));
	if (connect(fd, &to->sa, to->len) && errno != EINPROGRESS) {
		conn_connect_error(e, text, errno);
		close(fd);
		return TARS_ECONNECT;
	}
	conn_init(c, class, fd);
	c->peer = *to;
	memcpy(c->peer_text, text, sizeof(text));
	c->connecting = 1;
	c->doing = "connecting";
	c->connect_timeout_ms = timeout_ms;
	timer_start(&c->connect_timer, timeout_ms, on_connect_timeout);
	watch_set(&c->watch, fd, WATCH_WRITE, on_connected);
	return 0;
}
