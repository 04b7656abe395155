/* Connections of HTTP/1: keep-alive, refusals, slow peers, draining */
#include "t/unit/http-peer.h"

static void test_keep_alive_and_close(void **state)
{
	static const struct { const char *request, *head; bool stays; } rows[] = {
		{ "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n", "", true },
		{ "GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
		  "\r\nconnection: close\r\n", false },
		{ "GET /healthz HTTP/1.0\r\n\r\n", "\r\nconnection: close\r\n", false },
		{ "GET /healthz HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
		  "\r\nconnection: keep-alive\r\n", true },
		/* A refused body is read and forgotten. */
		{ "POST /nowhere HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n0123456789",
		  "HTTP/1.1 404 ", true },
		/* Unless nobody knows whether it comes. */
		{ "POST /nowhere HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n"
		  "Expect: 100-continue\r\n\r\n", "\r\nconnection: close\r\n", false },
		{ "nonsense\r\n\r\n", "", false },
		{ "NONSENSE\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n", false },
		{ "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", false },
		{ "GET / HTTP/3.0\r\nHost: t\r\n\r\n", "HTTP/1.1 505 ", false },
	};
	struct rpc_server *s = server_start();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int fd = raw_connect(s->port);

		send_text(fd, rows[i].request);
		if (rows[i].request[0] != 'n')
			assert_has(response(fd), rows[i].head);
		if (rows[i].stays) {
			send_text(fd, rows[0].request);
			assert_starts(response(fd), "HTTP/1.1 200 OK\r\n");
		} else {
			assert_string_equal(response(fd), "");
		}
		close(fd);
	}
	server_free(s);
}

static void test_expect_continue(void **state)
{
	struct rpc_server *s = server_start();
	int fd = raw_connect(s->port);

	(void)state;
	for (int i = 0; i < 2; i++) {
		send_text(fd, "POST /v1/call/T.S.InlineObj/echo HTTP/1.1\r\nHost: t\r\n"
			  "Expect: 100-continue\r\nContent-Length: 15\r\n\r\n");
		assert_string_equal(response(fd), "HTTP/1.1 100 Continue\r\n\r\n");
		send_text(fd, "{\"text\":\"late\"}");
		assert_has(response(fd), "\"back\":\"<late>\"}");
	}
	close(fd);
	server_free(s);
}

/* The answer comes although much is on its way that nobody will read. */
static void test_bodies_over_the_limit(void **state)
{
	enum { LIMIT = 100000 };
	struct rpc_server *s = server_new();
	char head[200], *body = calloc(1, 2 << 20);
	int fd;

	(void)state;
	s->adapter.max_frame = LIMIT;
	rpc_server_start(s);
	fd = raw_connect(s->port);
	snprintf(head, sizeof(head), "POST /json HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n",
		 2 << 20);
	send_text(fd, head);
	assert_int_equal(send(fd, body, 2 << 20, MSG_NOSIGNAL), 2 << 20);
	assert_starts(response(fd), "HTTP/1.1 413 Content Too Large\r\n");
	assert_string_equal(response(fd), "");
	close(fd);
	fd = raw_connect(s->port);
	send_text(fd, "POST /json HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "100000\r\n");
	assert_int_equal(send(fd, body, 1 << 20, MSG_NOSIGNAL), 1 << 20);
	assert_has(response(fd), "\"detail\":\"the body has more than 100000 bytes\"}");
	assert_string_equal(response(fd), "");
	close(fd);
	free(body);
	server_free(s);
}

/* A byte now and then does not keep a request alive; all of them at the same time. */
static void test_slow_requests(void **state)
{
	static const char *const starts[] = {
		"POST /v1/call/T.S.PoolObj/work HTTP/1.1\r\nHost: t\r\nX: ",
		"POST /json HTTP/1.1\r\nHost: t\r\nContent-Length: 99999\r\n\r\n",
		"POST /nowhere HTTP/1.1\r\nHost: t\r\nContent-Length: 99999\r\n\r\n",
		"",   /* says nothing, which is not slow but idle */
	};
	struct rpc_server *s = server_new();
	struct pollfd p[4];
	int ended = 0;

	(void)state;
	s->adapter.idle_ms = 2000;
	rpc_server_start(s);
	for (int i = 0; i < 4; i++) {
		p[i] = (struct pollfd){ .fd = raw_connect(s->port), .events = POLLIN };
		send_text(p[i].fd, starts[i]);
	}
	assert_starts(response(p[2].fd), "HTTP/1.1 404 Not Found\r\n");
	while (ended < 4) {
		poll(NULL, 0, 20);   /* the pace */
		poll(p, 4, 0);
		ended = 0;
		for (int i = 0; i < 4; i++)
			ended += p[i].revents ||
				 (i < 3 && send(p[i].fd, "x", 1, MSG_NOSIGNAL) != 1);
	}
	assert_starts(response(p[0].fd), "HTTP/1.1 408 Request Timeout\r\n");
	assert_starts(response(p[1].fd), "HTTP/1.1 408 Request Timeout\r\n");
	for (int i = 0; i < 4; i++) {
		assert_string_equal(response(p[i].fd), "");
		close(p[i].fd);
	}
	server_free(s);
}

static void test_draining(void **state)
{
	struct rpc_server *s = server_start();
	int fd = raw_connect(s->port), other = raw_connect(s->port);
	const char *answer;

	(void)state;
	send_text(other, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
	assert_starts(response(other), "HTTP/1.1 200 OK\r\n");
	send_work(fd, "wait", 1);
	sem_wait(&gate.entered);
	app_stop(s->app, 10000);
	do {
		send_text(other, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
		answer = response(other);
	} while (!strncmp(answer, "HTTP/1.1 200", 12));
	assert_starts(answer, "HTTP/1.1 503 Service Unavailable\r\n");
	assert_has(answer, "{\"status\":\"draining\",\"requests\":1,");
	sem_post(&gate.go);
	assert_starts(response(fd), "HTTP/1.1 200 OK\r\n");
	assert_string_equal(response(fd), "");
	close(fd);
	close(other);
	server_free(s);
}

static void test_tars_only(void **state)
{
	struct rpc_server *s = server_new();
	int fd;

	(void)state;
	s->adapter.tars_only = true;
	rpc_server_start(s);
	fd = raw_connect(s->port);
	send_text(fd, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
	assert_string_equal(response(fd), "");
	close(fd);
	server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep_alive_and_close),
		cmocka_unit_test(test_expect_continue),
		cmocka_unit_test(test_bodies_over_the_limit),
		cmocka_unit_test(test_slow_requests),
		cmocka_unit_test(test_draining),
		cmocka_unit_test(test_tars_only),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rpc-http-ends", tests, NULL, NULL);
}
