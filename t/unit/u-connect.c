/* Connecting: success, refusal, time-out, a change of mind; and foreign framing. */
#include "t/unit/conn-side.h"

#include <errno.h>

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

static enum frame_result next_line(struct conn *c, const uint8_t *data, size_t n, size_t *size,
				   struct err *e)
{
	const uint8_t *end = memchr(data, '\n', n);

	(void)c;
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
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_refused),
		cmocka_unit_test(test_connect_timeout),
		cmocka_unit_test(test_close_while_connecting),
		cmocka_unit_test(test_own_framing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("connect", tests, NULL, NULL);
}
