/* Listening sockets: opening, accepting, running out of descriptors. */
#include "core/io/listen_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64, CLOSING_ROUNDS = 64, PAUSE_MS = 100 };

static void on_connection(struct watch *w, int events);

static void on_pause_over(struct timer *t)
{
	struct listener *l = container_of(t, struct listener, pause);

	watch_set(&l->watch, l->watch.fd, WATCH_READ, on_connection);
}

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Without descriptors the caller would hang in the backlog and the loop would spin on it.  The
 * spare one is used up to turn a caller away, and the rest wait a moment. */
static void starve(struct listener *l, int error)
{
	struct err e;
	char text[64];
	int fd;

	if (l->spare_fd >= 0) {
		close(l->spare_fd);
		fd = accept4(l->watch.fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		l->spare_fd = open_spare();
	}
	watch_stop(&l->watch);
	timer_start(&l->pause, PAUSE_MS, on_pause_over);
	if (!l->starved)
		return;
	sockaddr_print(text, sizeof(text), &l->bound);
	err_set(&e, TARS_ESYS, "cannot accept on %s: %s: a connection was closed, next try in %d ms"
		"%s", text, strerror(error), PAUSE_MS,
		error == EMFILE ? " (raise ulimit -n or LimitNOFILE=)" : "");
	l->starved(l, &e);
}

/* True if there may be more. */
static bool accept_some(struct listener *l)
{
	struct watch *w = &l->watch;
	struct sockaddr_any peer;
	int fd;

	for (int i = 0; i < ACCEPTS_PER_TURN && w->active; i++) {
		peer.len = sizeof(peer.un);
		fd = accept4(w->fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				starve(l, errno);
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return false;
		}
		sockaddr_unmap(&peer);
		l->accepted(l, fd, &peer);
	}
	return w->active;
}

static void on_connection(struct watch *w, int events)
{
	(void)events;
	accept_some(container_of(w, struct listener, watch));
}

/* ---- opening ---- */

static int find_address(struct sockaddr_any *a, const char *host, int port, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found, *best;
	int rc;

	if (!sockaddr_from_ip(a, strcmp(host, "*") ? host : "::", port))
		return 0;
	rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc)
		return err_set(e, TARS_ESYS, "cannot listen on %s:%d: host: %s (give an address of "
			       "this machine, or *)", host, port,
			       rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	for (best = found; best && best->ai_family != AF_INET; best = best->ai_next)
		;
	if (!best)
		best = found;
	memcpy(&a->sa, best->ai_addr, best->ai_addrlen);
	a->len = best->ai_addrlen;
	sockaddr_set_port(a, port);
	freeaddrinfo(found);
	return 0;
}

static int bind_socket(const struct sockaddr_any *a, int type)
{
	int fd = socket(a->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0, error;

	if (fd < 0)
		return -1;
	/* For datagrams it would let two servers share a port. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (!bind(fd, &a->sa, a->len))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int listen_error(struct err *e, const char *host, int port, int error)
{
	switch (error) {
	case EADDRINUSE:
		return err_set(e, TARS_ESYS, "cannot listen on %s:%d: the port is in use "
			       "(ss -ltnp 'sport = :%d' shows by whom)", host, port, port);
	case EACCES:
		return err_set(e, TARS_ESYS, "cannot listen on %s:%d: not allowed (ports below 1024 "
			       "want root or CAP_NET_BIND_SERVICE)", host, port);
	case EADDRNOTAVAIL:
		return err_set(e, TARS_ESYS, "cannot listen on %s:%d: this machine does not have "
			       "the address (ip addr shows which it has)", host, port);
	default:
		return err_set(e, TARS_ESYS, "cannot listen on %s:%d: %s", host, port,
			       strerror(error));
	}
}

int listener_bind(const char *host, int port, int type, struct sockaddr_any *a, struct err *e)
{
	int rc, fd;

	if (port < 0 || port > 65535)
		return err_set(e, TARS_EARG, "cannot listen on %s:%d: a port is 0 to 65535", host,
			       port);
	rc = find_address(a, host, port, e);
	if (rc)
		return rc;
	fd = bind_socket(a, type);
	if (fd < 0 && errno == EAFNOSUPPORT && !strcmp(host, "*")) {
		sockaddr_from_ip(a, "0.0.0.0", port);
		fd = bind_socket(a, type);
	}
	if (fd < 0)
		return listen_error(e, host, port, errno);
	a->len = sizeof(a->un);
	getsockname(fd, &a->sa, &a->len);
	return fd;
}

int listener_open(struct listener *l, const char *host, int port, int backlog,
		  void (*accepted)(struct listener *, int fd, const struct sockaddr_any *peer),
		  struct err *e)
{
	struct sockaddr_any a;
	int error, fd = listener_bind(host, port, SOCK_STREAM, &a, e);

	if (fd < 0)
		return fd;
	if (listen(fd, backlog > 0 ? backlog : LISTEN_BACKLOG)) {
		error = errno;
		close(fd);
		return listen_error(e, host, port, error);
	}
	listener_start(l, fd, accepted);
	return 0;
}

void listener_start(struct listener *l, int fd,
		    void (*accepted)(struct listener *, int fd, const struct sockaddr_any *peer))
{
	*l = (struct listener){ .accepted = accepted, .spare_fd = open_spare() };
	l->bound.len = sizeof(l->bound.un);
	getsockname(fd, &l->bound.sa, &l->bound.len);
	watch_set(&l->watch, fd, WATCH_READ, on_connection);
}

void listener_close(struct listener *l)
{
	if (!l->accepted)
		return;
	/* Who stands in the queue would be reset, perhaps with a request on its way. */
	for (int i = 0; i < CLOSING_ROUNDS && accept_some(l); i++)
		;
	timer_stop(&l->pause);
	watch_stop(&l->watch);
	close(l->watch.fd);
	if (l->spare_fd >= 0)
		close(l->spare_fd);
	if (l->file)
		listener_remove_file(l);
	l->accepted = NULL;
}

int listener_port(const struct listener *l)
{
	return sockaddr_port(&l->bound);
}
