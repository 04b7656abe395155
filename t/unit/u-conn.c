/* Connections: frames, partial and large ones, half-close, water marks, connecting, closing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
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
	int fail_at;             /* frame that is refused */
	size_t most_out;
	bool narrow;             /* small socket buffers */
	size_t in_cap;           /* of the input buffer at the end */
	char peer_text[64];
	struct err why;
};

static struct side *side_of(struct conn *c)
{
	return container_of(c, struct side, conn);
}

static void on_up(struct conn *c)
{
	side_of(c)->ups++;
	assert_true(conn_is_open(c));
	assert_false(timer_is_running(&c->connect_timer));
}

static int on_frame(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	struct side *s = side_of(c);

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
	if (buf_size(conn_out(c)) > s->most_out)
		s->most_out = buf_size(conn_out(c));
	return 0;
}

static void on_low_water(struct conn *c)
{
	side_of(c)->low_waters++;
}

static void on_down(struct conn *c, const struct err *why)
{
	struct side *s = side_of(c);

	assert_int_equal(s->releases, 0);
	s->downs++;
	s->in_cap = c->in.cap;
	memcpy(s->peer_text, c->peer_text, sizeof(s->peer_text));
	s->why = *why;
}

static void on_release(struct conn *c)
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

static void make_narrow(int fd)
{
	int size = 4096;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

static void on_accepted(struct listener *l, int fd, const struct sockaddr_any *peer)
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
	bool hasty;              /* comes and goes before it is accepted */
	int fd, port;
	size_t got;
};

static void put_frame(uint8_t *p, size_t n, uint8_t fill)
{
	p[0] = (uint8_t)(n >> 24);
	p[1] = (uint8_t)(n >> 16);
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
	memset(p + 4, fill, n - 4);
}

static void send_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		BUG_ON(k <= 0);
		p += k;
		n -= (size_t)k;
	}
}

static void receive_all(int fd, void *data, size_t n)
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
static bool receive_end(struct peer *p, int fd)
{
	char room[4096];
	ssize_t k;

	while ((k = recv(fd, room, sizeof(room), 0)) > 0)
		p->got += (size_t)k;
	return k == 0;
}

static void *peer_main(void *arg)
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

static void serve(void *arg)
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

static struct peer *serve_peer(struct peer *p, void (*talk)(struct peer *, int))
{
	p->talk = talk;
	io_run(serve, p);
	return p;
}

/* ---- frames ---- */

static void talk_in_pieces(struct peer *p, int fd)
{
	enum { N = 700 };
	uint8_t frame[N], back[N];

	(void)p;
	put_frame(frame, N, 7);
	for (size_t cut = 1; cut < N; cut += cut < 10 ? 1 : 97) {
		send_all(fd, frame, cut);
		send_all(fd, frame + cut, N - cut);
		receive_all(fd, back, N);
		BUG_ON(memcmp(frame, back, N));
	}
}

static void test_frames_in_pieces(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_in_pieces);
	assert_int_equal(p.side.why.code, 0);
	assert_int_equal(p.side.frame_bytes, 700 * p.side.frames);
	assert_int_equal(p.side.ups, 0);
}

enum { PIPELINED = 20000, PIPELINED_SIZE = 37 };

static void *send_pipelined(void *arg)
{
	uint8_t *all = malloc((size_t)PIPELINED * PIPELINED_SIZE);

	for (int i = 0; i < PIPELINED; i++)
		put_frame(all + (size_t)i * PIPELINED_SIZE, PIPELINED_SIZE, (uint8_t)i);
	send_all(((struct peer *)arg)->fd, all, (size_t)PIPELINED * PIPELINED_SIZE);
	free(all);
	return NULL;
}

static void talk_pipelined(struct peer *p, int fd)
{
	uint8_t back[PIPELINED_SIZE];
	pthread_t sender;

	BUG_ON(pthread_create(&sender, NULL, send_pipelined, p));
	for (int i = 0; i < PIPELINED; i++) {
		receive_all(fd, back, sizeof(back));
		BUG_ON(back[4] != (uint8_t)i);
	}
	pthread_join(sender, NULL);
}

static void test_many_frames_at_once(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_pipelined);
	assert_int_equal(p.side.frames, PIPELINED);
	assert_int_equal(p.side.why.code, 0);
}

static void talk_large(struct peer *p, int fd)
{
	enum { N = 5 << 20 };
	uint8_t *frame = malloc(N), *back = malloc(N);

	(void)p;
	put_frame(frame, N, 9);
	for (int i = 0; i < 2; i++) {
		send_all(fd, frame, N);
		receive_all(fd, back, N);
		BUG_ON(memcmp(frame, back, N));
	}
	free(frame);
	free(back);
}

static void test_large_frames(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_large);
	assert_int_equal(p.side.frames, 2);
	assert_int_equal(p.side.why.code, 0);
}

static void talk_length_only(struct peer *p, int fd)
{
	uint8_t start[100] = { 0, 0x70, 0, 0 };   /* of a packet of 7 MB */

	(void)p;
	send_all(fd, start, sizeof(start));
}

static void test_length_alone_costs_no_memory(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_length_only);
	assert_int_equal(p.side.why.code, TARS_EPROTO);
	assert_true(p.side.in_cap > 0 && p.side.in_cap <= 64 * 1024);
}

/* ---- the peer goes ---- */

enum { HASTY = 4 * CONN_FRAMES_PER_TURN };

static void talk_and_go(struct peer *p, int fd)
{
	uint8_t frames[HASTY * 20];

	(void)p;
	for (size_t i = 0; i < HASTY; i++)
		put_frame(frames + 20 * i, 20, 1);
	send_all(fd, frames, sizeof(frames));
}

static void test_requests_of_a_gone_peer_are_served(void **state)
{
	struct peer quiet = { .hasty = true, .side.quiet = true }, p = { .hasty = true };

	(void)state;
	serve_peer(&quiet, talk_and_go);
	assert_int_equal(quiet.side.frames, HASTY);
	assert_int_equal(quiet.side.why.code, 0);
	/* The first turn's answers meet a reset: the other turns' requests are executed even so. */
	serve_peer(&p, talk_and_go);
	assert_int_equal(p.side.frames, HASTY);
	assert_int_equal(p.side.why.code, TARS_ESEND);
	assert_non_null(strstr(p.side.why.text, p.side.peer_text));
}

static void talk_one_and_go(struct peer *p, int fd)
{
	uint8_t frame[64];

	(void)p;
	put_frame(frame, sizeof(frame), 1);
	send_all(fd, frame, sizeof(frame));
}

static void test_request_and_close(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct peer p = { 0 };

		serve_peer(&p, talk_one_and_go);
		assert_int_equal(p.side.frames, 1);
	}
}

static void talk_half_close(struct peer *p, int fd)
{
	uint8_t frame[50];

	put_frame(frame, sizeof(frame), 1);
	for (int i = 0; i < 3; i++)
		send_all(fd, frame, sizeof(frame));
	shutdown(fd, SHUT_WR);
	BUG_ON(!receive_end(p, fd));
}

static void test_half_close_gets_its_answers(void **state)
{
	/* More than the water mark and the socket hold. */
	struct peer p = { .side.answer_size = 4 << 20 };
	/* Below the water mark, but more than the socket takes at once. */
	struct peer q = { .side.answer_size = 80 << 10, .side.narrow = true };

	(void)state;
	serve_peer(&p, talk_half_close);
	assert_int_equal(p.side.frames, 3);
	assert_int_equal(p.got, 3 * (4 << 20));
	assert_int_equal(p.side.why.code, 0);
	serve_peer(&q, talk_half_close);
	assert_int_equal(q.got, 3 * (80 << 10));
	assert_int_equal(q.side.why.code, 0);
}

static void talk_partial(struct peer *p, int fd)
{
	uint8_t frame[100];

	(void)p;
	put_frame(frame, sizeof(frame), 1);
	send_all(fd, frame, 12);
}

static void test_end_in_a_packet(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_partial);
	assert_int_equal(p.side.frames, 0);
	assert_int_equal(p.side.why.code, TARS_EPROTO);
	assert_non_null(strstr(p.side.why.text, "in the middle of a packet (12 bytes came)"));
}

/* ---- we end it ---- */

static void talk_too_long(struct peer *p, int fd)
{
	static const uint8_t length[4] = { 0, 0x90, 0, 0 };

	send_all(fd, length, sizeof(length));
	BUG_ON(!receive_end(p, fd));
}

static void test_packet_over_the_limit(void **state)
{
	struct peer p = { 0 };

	(void)state;
	serve_peer(&p, talk_too_long);
	assert_int_equal(p.side.why.code, TARS_EPROTO);
	assert_non_null(strstr(p.side.why.text, p.side.peer_text));
	assert_int_equal(p.side.frames, 0);
}

static void talk_three(struct peer *p, int fd)
{
	uint8_t frame[3 * 50];

	for (int i = 0; i < 3; i++)
		put_frame(frame + 50 * i, 50, 1);
	send_all(fd, frame, sizeof(frame));
	receive_end(p, fd);
}

static void test_frame_callback_closes(void **state)
{
	struct peer p = { .side.close_at = 2 }, q = { .side.fail_at = 2 };

	(void)state;
	serve_peer(&p, talk_three);
	assert_int_equal(p.side.frames, 2);
	assert_int_equal(p.side.why.code, 0);
	serve_peer(&q, talk_three);
	assert_int_equal(q.side.frames, 2);
	assert_int_equal(q.side.why.code, TARS_EPROTO);
	assert_string_equal(q.side.why.text, "frame 2 is refused");
}

static int frame_answers_and_ends(struct conn *c, uint8_t *data, size_t n, struct err *e)
{
	int rc = on_frame(c, data, n, e);

	conn_close_after_flush(c);
	return rc;
}

static const struct conn_class ending_class = {
	.frame = frame_answers_and_ends, .down = on_down, .release = on_release,
};

static void on_accepted_ending(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	(void)peer;
	conn_open(&container_of(l, struct side, listener)->conn, &ending_class, fd);
}

static void test_close_after_flush(void **state)
{
	struct peer p = { .side.answer_size = 6 << 20, .accepted = on_accepted_ending };

	(void)state;
	serve_peer(&p, talk_three);
	assert_int_equal(p.side.frames, 1);
	assert_int_equal(p.got, 6 << 20);
	assert_int_equal(p.side.why.code, 0);
}

/* ---- a peer that does not read ---- */

static void talk_flood(struct peer *p, int fd)
{
	enum { FRAMES = 400, SIZE = 50 };
	uint8_t frames[FRAMES * SIZE];

	for (int i = 0; i < FRAMES; i++)
		put_frame(frames + SIZE * i, SIZE, 1);
	send_all(fd, frames, sizeof(frames));
	shutdown(fd, SHUT_WR);
	BUG_ON(!receive_end(p, fd));
}

static void test_high_water_stops_serving(void **state)
{
	enum { ANSWER = 100 * 1024, HIGH = 256 * 1024 };
	struct peer p = { .side.answer_size = ANSWER };

	(void)state;
	serve_peer(&p, talk_flood);
	assert_int_equal(p.side.frames, 400);
	assert_int_equal(p.got, 400 * ANSWER);
	assert_true(p.side.most_out <= HIGH + ANSWER);
	assert_true(p.side.low_waters > 10);
	assert_int_equal(p.side.why.code, 0);
}

/* ---- connecting ---- */

struct pair {
	struct side client, server;
};

static void on_accepted_pair(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	(void)peer;
	conn_open(&container_of(l, struct side, listener)->conn, &side_class, fd);
}

static void connect_and_write(void *arg)
{
	struct pair *p = arg;
	struct sockaddr_any a;
	uint8_t frame[30];
	struct err e;

	p->server.waiter = coro_self();
	p->client.quiet = true;
	p->client.close_at = 2;
	assert_int_equal(listener_open(&p->server.listener, "127.0.0.1", 0, 0, on_accepted_pair,
				       &e), 0);
	sockaddr_from_ip(&a, "127.0.0.1", listener_port(&p->server.listener));
	assert_int_equal(conn_connect(&p->client.conn, &side_class, &a, 1000, &e), 0);
	assert_false(conn_is_open(&p->client.conn));
	for (int i = 0; i < 2; i++) {
		put_frame(frame, sizeof(frame), 1);
		buf_add(conn_out(&p->client.conn), frame, sizeof(frame));
		conn_written(&p->client.conn);   /* waits for the connection */
	}
	coro_park();
	listener_close(&p->server.listener);
}

static void test_connect(void **state)
{
	struct pair p = { 0 };

	(void)state;
	io_run(connect_and_write, &p);
	assert_int_equal(p.client.ups, 1);
	assert_int_equal(p.client.frames, 2);
	assert_int_equal(p.server.frames, 2);
	assert_int_equal(p.client.releases, 1);
	assert_int_equal(p.server.releases, 1);
}

static void connect_nowhere(void *arg)
{
	struct side *s = arg;
	struct listener l;
	struct sockaddr_any a;
	struct err e;
	int rc;

	assert_int_equal(listener_open(&l, "127.0.0.1", 0, 0, NULL, &e), 0);
	sockaddr_from_ip(&a, "127.0.0.1", listener_port(&l));
	l.accepted = on_accepted;
	listener_close(&l);   /* now a port where nothing listens */
	s->waiter = coro_self();
	rc = conn_connect(&s->conn, &side_class, &a, 1000, &e);
	if (rc)
		s->why = e;
	else
		coro_park();
}

static void test_connect_refused(void **state)
{
	struct side s = { 0 };

	(void)state;
	io_run(connect_nowhere, &s);
	assert_int_equal(s.ups, 0);
	assert_int_equal(s.why.code, TARS_ECONNECT);
	assert_non_null(strstr(s.why.text, "connect to 127.0.0.1:"));
	assert_non_null(strstr(s.why.text, "Connection refused: nothing listens there"));
}

static void connect_unanswered(void *arg)
{
	struct side *s = arg;
	struct sockaddr_any a;
	int fd = socket(AF_INET, SOCK_STREAM, 0), full[3];
	struct err e;

	/* A listener whose backlog is full drops the first packet of further callers. */
	sockaddr_from_ip(&a, "127.0.0.1", 0);
	assert_int_equal(bind(fd, &a.sa, a.len), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, &a.sa, &a.len), 0);
	for (int i = 0; i < 3; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(!connect(full[i], &a.sa, a.len) || errno == EINPROGRESS);
	}
	s->waiter = coro_self();
	assert_int_equal(conn_connect(&s->conn, &side_class, &a, 30, &e), 0);
	coro_park();
	for (int i = 0; i < 3; i++)
		close(full[i]);
	close(fd);
}

static void test_connect_timeout(void **state)
{
	struct side s = { 0 };

	(void)state;
	io_run(connect_unanswered, &s);
	assert_int_equal(s.ups, 0);
	assert_int_equal(s.why.code, TARS_ECONNECT);
	assert_non_null(strstr(s.why.text, "no answer within 30 ms"));
}

static void connect_and_close(void *arg)
{
	struct pair *p = arg;
	struct sockaddr_any a;
	struct err e, why;

	assert_int_equal(listener_open(&p->server.listener, "127.0.0.1", 0, 0, on_accepted_pair,
				       &e), 0);
	sockaddr_from_ip(&a, "127.0.0.1", listener_port(&p->server.listener));
	p->client.waiter = coro_self();
	p->server.waiter = NULL;
	assert_int_equal(conn_connect(&p->client.conn, &side_class, &a, 1000, &e), 0);
	err_set(&why, TARS_ECANCEL, "changed our mind");
	conn_close(&p->client.conn, &why);
	coro_park();
	listener_close(&p->server.listener);
}

static void test_close_while_connecting(void **state)
{
	struct pair p = { 0 };

	(void)state;
	io_run(connect_and_close, &p);
	assert_int_equal(p.client.ups, 0);
	assert_int_equal(p.client.why.code, TARS_ECANCEL);
}

/* ---- foreign framing ---- */

static enum frame_result next_line(const uint8_t *data, size_t n, size_t max, size_t *size,
				   struct err *e)
{
	const uint8_t *end = memchr(data, '\n', n);

	(void)max;
	(void)e;
	*size = end ? (size_t)(end - data) + 1 : 0;
	return end ? FRAME_OK : FRAME_NEED;
}

static const struct conn_class line_class = {
	.frame = on_frame, .down = on_down, .release = on_release, .next = next_line,
};

static void on_accepted_lines(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	struct side *s = container_of(l, struct side, listener);

	(void)peer;
	conn_open(&s->conn, &line_class, fd);
	s->conn.max_frame = 1000;
}

static void talk_lines(struct peer *p, int fd)
{
	char endless[2000];

	send_all(fd, "one\ntwo\n", 8);
	memset(endless, 'x', sizeof(endless));
	send_all(fd, endless, sizeof(endless));
	receive_end(p, fd);
}

static void test_own_framing(void **state)
{
	struct peer p = { .accepted = on_accepted_lines };

	(void)state;
	serve_peer(&p, talk_lines);
	assert_int_equal(p.side.frames, 2);
	assert_int_equal(p.side.why.code, TARS_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_in_pieces),
		cmocka_unit_test(test_many_frames_at_once),
		cmocka_unit_test(test_large_frames),
		cmocka_unit_test(test_length_alone_costs_no_memory),
		cmocka_unit_test(test_requests_of_a_gone_peer_are_served),
		cmocka_unit_test(test_request_and_close),
		cmocka_unit_test(test_half_close_gets_its_answers),
		cmocka_unit_test(test_end_in_a_packet),
		cmocka_unit_test(test_packet_over_the_limit),
		cmocka_unit_test(test_frame_callback_closes),
		cmocka_unit_test(test_close_after_flush),
		cmocka_unit_test(test_high_water_stops_serving),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_refused),
		cmocka_unit_test(test_connect_timeout),
		cmocka_unit_test(test_close_while_connecting),
		cmocka_unit_test(test_own_framing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
