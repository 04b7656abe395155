/* Calls over HTTP/1 through real sockets: run modes, results, order, full pipelines */
#include "t/unit/http-peer.h"

static void test_all_run_modes(void **state)
{
	static const char *const objects[] = { "PoolObj", "CoroObj", "InlineObj" };
	struct rpc_server *s = server_start();
	struct buf b = BUF_INIT;
	char path[64];
	int fd = raw_connect(s->port);

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/v1/call/T.S.%s/echo", objects[i]);
		put_call(&b, path, "", "{\"text\":\"h\\u00e4\"}");
		raw_send(fd, &b);
		buf_clear(&b);
		assert_string_equal(response(fd), "HTTP/1.1 200 OK\r\ncontent-type: "
				    "application/json\r\ncontent-length: 29\r\n\r\n"
				    "{\"tars_ret\":3,\"back\":\"<h\xc3\xa4>\"}");
	}
	buf_release(&b);
	close(fd);
	server_free(s);
}

static void test_results(void **state)
{
	struct rpc_server *s = server_start();
	int fd = raw_connect(s->port);

	(void)state;
	send_work(fd, "late", 1);
	assert_has(response(fd), "\r\n\r\n{\"tars_ret\":0,\"result\":77}");
	send_work(fd, "forget", 1);
	assert_starts(response(fd), "HTTP/1.1 500 Internal Server Error\r\n"
		      "content-type: application/problem+json\r\n");
	send_work(fd, "fail", 42);
	assert_has(response(fd), "\"status\":500,\"detail\":\"code 42 was wanted\",\"code\":42}");
	send_work(fd, "fail", TARS_EOVERLOAD);
	assert_has(response(fd), "HTTP/1.1 503 Service Unavailable\r\n");
	send_work(fd, "fail", TARS_EQUEUETIMEOUT);
	assert_has(response(fd), "\r\nretry-after: 1\r\n");
	send_work(fd, "fail", TARS_ETIMEOUT);
	assert_has(response(fd), "HTTP/1.1 504 Gateway Timeout\r\n");
	close(fd);
	server_free(s);
}

static void test_context_and_deadline(void **state)
{
	struct rpc_server *s = server_start();
	int fd = raw_connect(s->port);
	struct buf b = BUF_INIT;
	const char *answer;
	int left;

	(void)state;
	put_call(&b, "/v1/call/T.S.PoolObj/work", "Tars-Ctx-Key: v1\r\ntraceparent: 00-1-2-03\r\n",
		 "{\"what\":\"context\",\"number\":1}");
	put_call(&b, "/v1/call/T.S.PoolObj/work", "Tars-Timeout-Ms: 30000\r\n",
		 "{\"what\":\"time\",\"number\":1}");
	raw_send(fd, &b);
	answer = response(fd);
	assert_has(answer, "\r\ntars-ctx-seen: v1\r\n");
	assert_has(answer, "\r\ntars-ctx-trace: 00-1-2-03\r\n");
	answer = strstr(response(fd), "\"result\":");
	assert_non_null(answer);
	left = atoi(answer + 9);
	assert_true(left > 0 && left <= 30000);
	buf_release(&b);
	close(fd);
	server_free(s);
}

static void test_packets(void **state)
{
	struct rpc_server *s = server_start();
	struct request_packet head = {
		.version = VERSION_TARS, .request_id = 5, .servant = TARS_STR("T.S.PoolObj"),
		.func = TARS_STR("tars_ping"),
	};
	struct buf packet = BUF_INIT, b = BUF_INIT;
	int fd = raw_connect(s->port);
	const char *answer;

	(void)state;
	for (int oneway = 0; oneway < 2; oneway++) {
		head.packet_type = (int8_t)oneway;
		buf_clear(&packet);
		packet_put_request(&packet, &head);
		buf_addf(&b, "POST /tup HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n",
			 buf_size(&packet));
		buf_add(&b, buf_head(&packet), buf_size(&packet));
	}
	raw_send(fd, &b);
	answer = response(fd);
	assert_starts(answer, "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n");
	assert_int_equal(strstr(answer, "\r\n\r\n")[4], 0);    /* of a packet's length */
	assert_string_equal(response(fd), "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
	buf_release(&packet);
	buf_release(&b);
	close(fd);
	server_free(s);
}

static void test_limits_and_counters(void **state)
{
	struct rpc_server *s = server_new();
	int fd;

	(void)state;
	s->adapter.queue_cap = 1;        /* nothing may wait: 1 is above 4/5 */
	rpc_server_start(s);
	fd = raw_connect(s->port);
	send_work(fd, "none", 1);
	assert_starts(response(fd), "HTTP/1.1 503 Service Unavailable\r\n");
	send_work(fd, "none", 1);
	assert_has(response(fd), "\"detail\":\"overloaded: 1 requests wait in T.S.Adapter "
		   "(queuecap=1)\",\"code\":-9,\"name\":\"SERVEROVERLOAD\"}");
	assert_int_equal(s->app->loops[0].n_http_calls, 2);
	close(fd);
	server_free(s);
}

/* ---- several requests on a connection ---- */

static void test_answers_keep_the_order(void **state)
{
	struct rpc_server *s = server_start();
	int fd = raw_connect(s->port);
	struct buf b = BUF_INIT;
	char number[32];

	(void)state;
	put_work(&b, "wait", 0);
	buf_add_str(&b, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
	for (int i = 2; i < 30; i++)
		put_work(&b, i == 29 ? "go" : "none", i);
	raw_send(fd, &b);
	/* The first ends last, by the last's doing. */
	assert_has(response(fd), "\"result\":0}");
	assert_has(response(fd), "{\"status\":\"ok\",");
	for (int i = 2; i < 30; i++) {
		snprintf(number, sizeof(number), "\"result\":%d}", i);
		assert_has(response(fd), number);
	}
	buf_release(&b);
	close(fd);
	server_free(s);
}

/* So many that the connection pauses several times. */
static void test_many_requests_at_once(void **state)
{
	enum { MANY = 3000 };
	struct rpc_server *s = server_start();
	int fd = raw_connect(s->port);
	struct buf b = BUF_INIT;
	char number[32];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		char body[64], path[64];

		snprintf(body, sizeof(body), "{\"what\":\"none\",\"number\":%d}", i);
		snprintf(path, sizeof(path), "/v1/call/T.S.%sObj/work",
			 i % 3 ? i % 2 ? "Pool" : "Coro" : "Inline");
		put_call(&b, path, "", body);
	}
	raw_send(fd, &b);
	for (int i = 0; i < MANY; i++) {
		snprintf(number, sizeof(number), "\"result\":%d}", i);
		assert_has(response(fd), number);
	}
	buf_release(&b);
	close(fd);
	server_free(s);
}

static void test_a_full_pipeline_waits(void **state)
{
	struct rpc_server *s = server_start();
	int fd = raw_connect(s->port), other = raw_connect(s->port);
	struct buf b = BUF_INIT;

	(void)state;
	put_work(&b, "wait", 0);
	for (int i = 1; i < 100; i++)
		put_work(&b, "none", i);
	raw_send(fd, &b);
	sem_wait(&gate.entered);
	send_work(other, "none", 1);
	assert_has(response(other), "\"result\":1}");
	/* The rest has not been let in. */
	assert_true(s->app->loops[0].n_http_calls <= 33);
	assert_true(is_silent(fd));
	sem_post(&gate.go);
	for (int i = 0; i < 100; i++)
		assert_starts(response(fd), "HTTP/1.1 200 OK\r\n");
	buf_release(&b);
	close(fd);
	close(other);
	server_free(s);
}

static void test_half_close_gets_its_answers(void **state)
{
	struct rpc_server *s = server_start();
	int fd = raw_connect(s->port);
	struct buf b = BUF_INIT;

	(void)state;
	put_work(&b, "wait", 1);
	put_work(&b, "go", 2);
	buf_add_str(&b, "GET /half");
	raw_send(fd, &b);
	shutdown(fd, SHUT_WR);
	assert_has(response(fd), "\"result\":1}");
	assert_has(response(fd), "\"result\":2}");
	assert_string_equal(response(fd), "");
	buf_release(&b);
	close(fd);
	server_free(s);
}

static void test_callers_that_go(void **state)
{
	struct rpc_server *s = server_start();

	(void)state;
	for (int i = 0; i < 20; i++) {
		int fd = raw_connect(s->port);

		send_work(fd, "wait", 1);
		send_work(fd, i % 2 ? "late" : "forget", 1);
		send_text(fd, "POST /v1/call/T.S.PoolObj/work HTTP/1.1\r\nHost: t\r\nContent-Le");
		sem_wait(&gate.entered);
		if (i % 4 < 2)
			shutdown(fd, SHUT_RD);
		close(fd);
		sem_post(&gate.go);
	}
	server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_run_modes),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_context_and_deadline),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_limits_and_counters),
		cmocka_unit_test(test_answers_keep_the_order),
		cmocka_unit_test(test_many_requests_at_once),
		cmocka_unit_test(test_a_full_pipeline_waits),
		cmocka_unit_test(test_half_close_gets_its_answers),
		cmocka_unit_test(test_callers_that_go),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rpc-http", tests, NULL, NULL);
}
