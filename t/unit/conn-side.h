/* For tests of core/io/conn: a served connection that notes what happens, and a blocking peer. */
#ifndef T_UNIT_CONN_SIDE_H
#define T_UNIT_CONN_SIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/conn.h"
#include "core/io/listen.h"
#include "t/unit/io-run.h"

/* The served side: one connection, which answers each frame with `answer_size` bytes. */
struct side {
	struct conn conn;
	struct listener listener;
	struct coro *waiter;     /* wakes when the connection is released */
	int frames, ups, downs, releases, low_waters;
	size_t frame_bytes;
	size_t answer_size;      /* 0: echo */
	bool quiet;              /* no answers */
	int close_at;            /* frame that closes the connection */
	bool last_answer;        /* the first answer ends it */
	_Atomic bool is_down;    /* for the peer */
	int fail_at;             /* frame that is refused */
	size_t most_out;
	bool narrow;             /* small socket buffers */
	size_t in_cap;           /* of the input buffer at the end */
	struct task look;        /* in each turn with frames */
	bool look_queued;
	unsigned turns;
	size_t out_left;         /* output that waited for the end of the last such turn */
	char peer_text[64];
	struct err why;
};

static inline struct side *side_of(struct conn *c)
{
	return container_of(c, struct side, conn);
}

static inline void on_up(struct conn *c)
{
	side_of(c)->ups++;
	assert_true(conn_is_open(c));
	assert_false(timer_is_running(&c->connect_timer));
}

static inline void on_look(struct task *t)
{
	struct side *s = container_of(t, struct side, look);

	s->look_queued = false;
	s->turns++;
	s->out_left = buf_size(conn_out(&s->conn));
}

static inline int on_frame(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct side *s = side_of(c);

	if (!s->look_queued) {
		s->look_queued = true;
		s->look.run = on_look;
		reactor_defer(&s->look);
	}
	assert_true(conn_is_open(c));
	s->frames++;
	s->frame_bytes += n;
	if (s->frames == s->fail_at)
		return err_set(e, TARS_EPROTO, "frame %d is refused", s->frames);
	if (s->frames == s->close_at) {
		conn_close(c, NULL);
		conn_close(c, NULL);
		assert_false(conn_is_open(c));
		data[n - 1]++;   /* still valid */
		buf_add(conn_out(c), data, n);
		conn_written(c); /* dropped */
		return 0;
	}
	if (s->quiet)
		return 0;
	if (s->answer_size) {
		memset(buf_reserve(conn_out(c), s->answer_size), 'a', s->answer_size);
		conn_out(c)->len += s->answer_size;
	} else {
		buf_add(conn_out(c), data, n);
	}
	conn_written(c);
	if (s->last_answer)
		conn_close_after_flush(c);
	if (buf_size(conn_out(c)) > s->most_out)
		s->most_out = buf_size(conn_out(c));
	return 0;
}

static inline void on_low_water(struct conn *c)
{
	side_of(c)->low_waters++;
}

static inline void on_down(struct conn *c, const struct err *why)
{
	struct side *s = side_of(c);

	assert_int_equal(s->releases, 0);
	s->downs++;
	s->is_down = true;
	s->in_cap = c->in.cap;
	memcpy(s->peer_text, c->peer_text, sizeof(s->peer_text));
	s->why = *why;
}

static inline void on_release(struct conn *c)
{
	struct side *s = side_of(c);

	assert_int_equal(s->downs, 1);
	s->releases++;
	/* As good as freed: the reactor must not know it any more. */
	memset(c, 0xee, sizeof(*c));
	if (s->waiter)
		coro_wake(s->waiter);
}

static const struct conn_class side_class = {
	.up = on_up, .frame = on_frame, .low_water = on_low_water, .down = on_down,
	.release = on_release,
};

static inline void make_narrow(int fd)
{
	int size = 4096;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

static inline void on_accepted(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	struct side *s = container_of(l, struct side, listener);
	char text[64];

	if (s->narrow)
		make_narrow(fd);
	conn_open(&s->conn, &side_class, fd);
	sockaddr_print(text, sizeof(text), peer);
	assert_string_equal(text, s->conn.peer_text);
	s->conn.max_frame = 8 << 20;
	s->conn.high_water = 256 * 1024;
}

/* ---- the peer: a thread with blocking calls ---- */

struct peer {
	struct side side;
	void (*accepted)(struct listener *l, int fd, const struct sockaddr_any *peer);
	void (*talk)(struct peer *p, int fd);
	bool late;               /* the connection had not gone when it began to read */
	bool hasty;              /* comes and goes before it is accepted */
	int fd, port;
	size_t got;
};

static inline void put_frame(uint8_t *p, size_t n, uint8_t fill)
{
	p[0] = (uint8_t)(n >> 24);
	p[1] = (uint8_t)(n >> 16);
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
	memset(p + 4, fill, n - 4);
}

static inline void send_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		BUG_ON(k <= 0);
		p += k;
		n -= (size_t)k;
	}
}

static inline void receive_all(int fd, void *data, size_t n)
{
	char *p = data;

	while (n) {
		ssize_t k = recv(fd, p, n, 0);

		BUG_ON(k <= 0);
		p += k;
		n -= (size_t)k;
	}
}

/* Reads until the other side closes; true if it did so in order. */
static inline bool receive_end(struct peer *p, int fd)
{
	char room[4096];
	ssize_t k;

	while ((k = recv(fd, room, sizeof(room), 0)) > 0)
		p->got += (size_t)k;
	return k == 0;
}

static inline void *peer_main(void *arg)
{
	struct peer *p = arg;
	struct sockaddr_any a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (p->side.narrow)
		make_narrow(fd);
	sockaddr_from_ip(&a, "127.0.0.1", p->port);
	BUG_ON(connect(fd, &a.sa, a.len));
	p->fd = fd;
	p->talk(p, fd);
	close(fd);
	return NULL;
}

static inline void serve(void *arg)
{
	struct peer *p = arg;
	struct err e;
	pthread_t thread;

	assert_int_equal(listener_open(&p->side.listener, "127.0.0.1", 0, 0,
				       p->accepted ? p->accepted : on_accepted, &e), 0);
	p->port = listener_port(&p->side.listener);
	p->side.waiter = coro_self();
	if (p->hasty)
		peer_main(p);
	else
		assert_int_equal(pthread_create(&thread, NULL, peer_main, p), 0);
	coro_park();
	if (!p->hasty)
		pthread_join(thread, NULL);
	listener_close(&p->side.listener);
	assert_int_equal(p->side.downs, 1);
	assert_int_equal(p->side.releases, 1);
}

static inline struct peer *serve_peer(struct peer *p, void (*talk)(struct peer *, int))
{
	p->talk = talk;
	io_run(serve, p);
	return p;
}

#endif
