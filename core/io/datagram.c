/* Datagrams over UDP: a port that answers from where it was called, and calling one. */
#include "core/io/datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/conn_int.h"
#include "core/io/listen_int.h"

enum { PER_TURN = 64 };

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* ---- a port ---- */

static void read_local(struct msghdr *m, struct datagram_way *way)
{
	way->family = 0;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
			memcpy(&way->local.v4, CMSG_DATA(h), sizeof(way->local.v4));
			way->family = AF_INET;
		} else if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO) {
			memcpy(&way->local.v6, CMSG_DATA(h), sizeof(way->local.v6));
			way->family = AF_INET6;
		}
	}
}

static void on_datagram(struct watch *w, int events)
{
	struct datagram_port *p = container_of(w, struct datagram_port, watch);

	(void)events;
	for (int i = 0; i < PER_TURN && w->active; i++) {
		struct datagram_way way = { .peer.len = sizeof(way.peer.un) };
		struct iovec room = { reactor_scratch(), REACTOR_SCRATCH_SIZE };
		union control control;
		struct msghdr m = {
			.msg_name = &way.peer.sa, .msg_namelen = way.peer.len, .msg_iov = &room,
			.msg_iovlen = 1, .msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(w->fd, &m, 0);

		if (n < 0 && errno != EINTR && errno != ECONNREFUSED)
			return;
		if (n < 0)
			continue;
		way.peer.len = m.msg_namelen;
		read_local(&m, &way);
		p->received(p, &way, reactor_scratch(), (size_t)n);
	}
}

int datagram_open(struct datagram_port *p, const char *host, int port, int *port_r,
		  void (*received)(struct datagram_port *p, const struct datagram_way *way,
				   uint8_t *data, size_t n), struct err *e)
{
	struct sockaddr_any a;
	int on = 1, fd = listener_bind(host, port, SOCK_DGRAM, &a, e);

	if (fd < 0)
		return fd;
	if (a.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	*p = (struct datagram_port){ .received = received, .is_open = true };
	*port_r = sockaddr_port(&a);
	watch_set(&p->watch, fd, WATCH_READ, on_datagram);
	return 0;
}

void datagram_stop(struct datagram_port *p)
{
	if (p->is_open)
		watch_stop(&p->watch);
}

void datagram_close(struct datagram_port *p)
{
	if (!p->is_open)
		return;
	datagram_stop(p);
	close(p->watch.fd);
	p->is_open = false;
}

/* The address that we were called at is the one that the peer waits to hear from; the interface is
 * the route's choice. */
static void put_local(struct msghdr *m, union control *control, const struct datagram_way *way)
{
	struct in_pktinfo v4 = { .ipi_spec_dst = way->local.v4.ipi_addr };
	struct in6_pktinfo v6 = { .ipi6_addr = way->local.v6.ipi6_addr };
	bool is_v4 = way->family == AF_INET;
	size_t size = is_v4 ? sizeof(v4) : sizeof(v6);
	struct cmsghdr *h;

	if (!way->family)
		return;
	if (!is_v4 && IN6_IS_ADDR_LINKLOCAL(&v6.ipi6_addr))
		v6.ipi6_ifindex = way->local.v6.ipi6_ifindex;
	memset(control, 0, sizeof(*control));
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(size);
	h = CMSG_FIRSTHDR(m);
	h->cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
	h->cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO;
	h->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(h), is_v4 ? (void *)&v4 : (void *)&v6, size);
}

bool datagram_answer(const struct datagram_port *p, const struct datagram_way *way,
		     const void *data, size_t n)
{
	struct sockaddr_any peer = way->peer;
	struct iovec room = { (void *)data, n };
	struct msghdr m = { .msg_name = &peer.sa, .msg_namelen = peer.len, .msg_iov = &room,
			    .msg_iovlen = 1 };
	union control control;

	put_local(&m, &control, way);
	return p->is_open && sendmsg(p->watch.fd, &m, MSG_NOSIGNAL) == (ssize_t)n;
}

/* ---- calling one ---- */

/* What is no packet was not sent by whom we called, or on a bad day: it is as good as lost. */
static void serve_datagram(struct conn *c, uint8_t *data, size_t n)
{
	size_t size = 0;

	if (frame_next(data, n, DATAGRAM_MAX, &size, NULL) == FRAME_OK && size == n)
		c->class->frame(c, data, n, NULL);
}

static void on_answer(struct watch *w, int events)
{
	struct conn *c = container_of(w, struct conn, watch);

	(void)events;
	for (int i = 0; i < PER_TURN && !c->closed; i++) {
		ssize_t n = recv(w->fd, reactor_scratch(), REACTOR_SCRATCH_SIZE, 0);
		struct err e;

		if (n >= 0) {
			c->last_io_us = reactor_now();
			serve_datagram(c, reactor_scratch(), (size_t)n);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR) {
			conn_connect_error(&e, c->peer_text, errno);
			conn_close(c, &e);
		}
		return;
	}
}

int conn_connect_datagram(struct conn *c, const struct conn_class *class,
			  const struct sockaddr_any *to, struct err *e)
{
	int fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char text[sizeof(c->peer_text)];

	sockaddr_print(text, sizeof(text), to);
	if (fd < 0 || connect(fd, &to->sa, to->len)) {
		conn_connect_error(e, text, errno);
		if (fd >= 0)
			close(fd);
		return TARS_ECONNECT;
	}
	conn_init(c, class, fd);
	c->peer = *to;
	memcpy(c->peer_text, text, sizeof(text));
	c->doing = "waiting for answers";
	watch_set(&c->watch, fd, WATCH_READ, on_answer);
	return 0;
}

/* A datagram that does not leave is lost like one that does not arrive: its call times out. */
void conn_send_datagrams(struct conn *c)
{
	struct buf *b = &c->out;
	size_t size;

	while (frame_next(buf_head(b), buf_size(b), buf_size(b), &size, NULL) == FRAME_OK) {
		/* The first send after a refusal only reports that; the watch sees the next one. */
		if (send(c->watch.fd, buf_head(b), size, MSG_NOSIGNAL) < 0 &&
		    errno == ECONNREFUSED)
			send(c->watch.fd, buf_head(b), size, MSG_NOSIGNAL);
		buf_consume(b, size);
	}
	buf_clear(b);
}
