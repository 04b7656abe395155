/* The reference of the benchmarks: an epoll echo of length-framed packets, without parsing. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 20, EVENTS = 64 };

struct peer {
	int fd;
	size_t n;              /* bytes of an incomplete frame */
	uint8_t data[ROOM];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static size_t whole_frames(const uint8_t *p, size_t n)
{
	size_t used = 0, size;

	while (n - used >= 4) {
		size = (size_t)p[used] << 24 | (size_t)p[used + 1] << 16 |
		       (size_t)p[used + 2] << 8 | p[used + 3];
		if (size < 4 || size > ROOM) {
			fprintf(stderr, "echo-raw: a frame of %zu bytes\n", size);
			exit(1);
		}
		if (n - used < size)
			break;
		used += size;
	}
	return used;
}

static void send_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno != EAGAIN)
			return;   /* the peer went: recv will tell */
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
}

static void on_readable(struct peer *p)
{
	ssize_t k = recv(p->fd, p->data + p->n, ROOM - p->n, 0);
	size_t used;

	if (k < 0 && errno == EAGAIN)
		return;
	if (k <= 0) {
		close(p->fd);
		free(p);
		return;
	}
	p->n += (size_t)k;
	used = whole_frames(p->data, p->n);
	if (used)
		send_all(p->fd, p->data, used);
	p->n -= used;
	if (p->n && used)
		memmove(p->data, p->data + used, p->n);
}

static void on_connection(int epoll, int listener)
{
	int on = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct peer *p = malloc(sizeof(*p));
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };

	if (fd < 0 || !p)
		die("echo-raw: accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	p->fd = fd;
	p->n = 0;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
		die("echo-raw: epoll_ctl");
}

static int listen_somewhere(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, size) || listen(fd, 1024) ||
	    getsockname(fd, (struct sockaddr *)&in, &size))
		die("echo-raw: listen");
	fprintf(stderr, "echo-raw: ready tcp 127.0.0.1:%d\n", ntohs(in.sin_port));
	return fd;
}

static void serve(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listen_somewhere(), n;
	struct epoll_event ev = { .events = EPOLLIN }, evs[EVENTS];

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev))
		die("echo-raw: epoll");
	for (;;) {
		n = epoll_wait(epoll, evs, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (evs[i].data.ptr)
				on_readable(evs[i].data.ptr);
			else
				on_connection(epoll, listener);
		}
	}
}

int main(int argc, char **argv)
{
	bool help = argc == 2 && !strcmp(argv[1], "--help");

	if (argc > 1) {
		fprintf(help ? stdout : stderr, "usage: echo-raw    (any port of 127.0.0.1; "
			"the line \"ready tcp\" tells it)\n");
		return help ? 0 : 64;
	}
	serve();
}
