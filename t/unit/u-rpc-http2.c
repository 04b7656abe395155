/* Calls over HTTP/2: many at once on a connection, resets, limits, draining. */
#include "t/unit/http-peer.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>

/* ---- a client with one connection ---- */

enum { MOST_STREAMS = 1000 };

struct stream {
	char *sent;              /* body of the request */
	size_t n_sent, n_left;
	int status, grpc_status;
	char grpc_message[200];
	bool closed;
	uint32_t error;
	char body[256];
	size_t n;
};

struct h2 {
	int fd;
	nghttp2_session *session;
	struct stream streams[MOST_STREAMS];   /* by (id - 1) / 2 */
	int goaway;                            /* error code, -1: none yet */
	int32_t last_stream;
	bool ended;
};

static struct stream *stream_of(struct h2 *h, int32_t id)
{
	assert_true(id > 0 && id / 2 < MOST_STREAMS);
	return &h->streams[id / 2];
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t n_name, const uint8_t *value, size_t n_value, uint8_t flags, void *arg)
{
	struct stream *s = stream_of(arg, frame->hd.stream_id);

	(void)session;
	(void)n_name;
	(void)n_value;
	(void)flags;
	if (!strcmp((const char *)name, ":status"))
		s->status = atoi((const char *)value);
	else if (!strcmp((const char *)name, "grpc-status"))
		s->grpc_status = atoi((const char *)value);
	else if (!strcmp((const char *)name, "grpc-message"))
		snprintf(s->grpc_message, sizeof(s->grpc_message), "%s", (const char *)value);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		   size_t n, void *arg)
{
	struct stream *s = stream_of(arg, id);

	(void)session;
	(void)flags;
	if (s->n + n < sizeof(s->body))
		memcpy(s->body + s->n, data, n);
	s->n += n;
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	(void)session;
	stream_of(arg, id)->closed = true;
	stream_of(arg, id)->error = error;
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		h->goaway = (int)frame->goaway.error_code;
		h->last_stream = frame->goaway.last_stream_id;
	}
	return 0;
}

static struct h2 *h2_open(int port, uint32_t window)
{
	nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window } };
	struct h2 *h = calloc(1, sizeof(*h));
	nghttp2_session_callbacks *cb;

	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	assert_int_equal(nghttp2_session_client_new(&h->session, cb, h), 0);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, 1);
	h->goaway = -1;
	h->fd = raw_connect(port);
	return h;
}

static void h2_close(struct h2 *h)
{
	close(h->fd);
	nghttp2_session_del(h->session);
	for (int i = 0; i < MOST_STREAMS; i++)
		free(h->streams[i].sent);
	free(h);
}

static void h2_flush(struct h2 *h)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(h->session, &p)) > 0)
		assert_int_equal(send(h->fd, p, (size_t)n, MSG_NOSIGNAL), n);
}

/* Exchanges bytes until `done` says so, or the connection ends. */
static void h2_run(struct h2 *h, bool (*done)(struct h2 *h))
{
	uint8_t room[16384];

	h2_flush(h);
	while (!done(h) && !h->ended) {
		ssize_t n = recv(h->fd, room, sizeof(room), 0);

		if (n < 0 && errno == EAGAIN)
			fail_msg("no answer");
		h->ended = n <= 0;
		if (n > 0)
			assert_int_equal(nghttp2_session_mem_recv(h->session, room, (size_t)n), n);
		h2_flush(h);
	}
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t size,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct stream *s = stream_of(arg, id);
	size_t n = s->n_left < size ? s->n_left : size;

	(void)session;
	(void)source;
	memcpy(room, s->sent + s->n_sent, n);
	s->n_sent += n;
	s->n_left -= n;
	if (!s->n_left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

#define NV(name, value) \
	{ (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), \
	  strlen(value), NGHTTP2_NV_FLAG_NONE }

static int32_t h2_post_bytes(struct h2 *h, const char *path, const void *body, size_t n,
			     const char *name, const char *value)
{
	nghttp2_nv nv[] = { NV(":method", "POST"), NV(":scheme", "http"), NV(":authority", "t"),
			    NV(":path", path), NV(name, value) };
	nghttp2_data_provider data = { .read_callback = read_body };
	int32_t id = nghttp2_submit_request(h->session, NULL, nv, 5, &data, NULL);

	stream_of(h, id)->sent = memcpy(malloc(n + 1), body, n);
	stream_of(h, id)->n_left = n;
	h2_flush(h);
	return id;
}

static int32_t h2_post(struct h2 *h, const char *path, const char *body, const char *name,
		       const char *value)
{
	return h2_post_bytes(h, path, body, strlen(body), name, value);
}

static int32_t h2_work(struct h2 *h, const char *object, const char *what, int number)
{
	char path[64], body[100];

	snprintf(body, sizeof(body), "{\"what\":\"%s\",\"number\":%d}", what, number);
	snprintf(path, sizeof(path), "/v1/call/T.S.%s/work", object);
	return h2_post(h, path, body, "x", "y");
}

static int n_wanted;

/* So many streams have come to their end. */
static bool all_closed(struct h2 *h)
{
	int n = 0;

	for (int i = 0; i < MOST_STREAMS; i++)
		n += h->streams[i].closed;
	return n >= n_wanted;
}

static bool never(struct h2 *h)
{
	(void)h;
	return false;
}

/* ---- tests ---- */

static void test_many_calls_at_once(void **state)
{
	static const char *const objects[] = { "PoolObj", "CoroObj", "InlineObj" };
	static const char *const whats[] = { "none", "late", "none", "fail" };
	struct rpc_server *s = server_start();
	struct h2 *h = h2_open(s->port, 65535);
	char expected[64];

	(void)state;
	for (int i = 0; i < 300; i++)
		h2_work(h, objects[i % 3], whats[i % 4], i);
	n_wanted = 300;
	h2_run(h, all_closed);
	for (int i = 0; i < 300; i++) {
		struct stream *st = &h->streams[i];

		snprintf(expected, sizeof(expected), i % 4 == 3 ? "code %d was wanted" :
			 "\"result\":%d}", i % 4 == 1 ? 77 : i);
		assert_int_equal(st->error, NGHTTP2_NO_ERROR);
		assert_int_equal(st->status, i % 4 == 3 ? 500 : 200);
		assert_has(st->body, expected);
	}
	assert_int_equal(s->app->loops[0].n_http_calls, 300);
	h2_close(h);
	server_free(s);
}

static void test_answers_come_as_they_are_ready(void **state)
{
	struct rpc_server *s = server_start();
	struct h2 *h = h2_open(s->port, 65535);

	(void)state;
	h2_work(h, "PoolObj", "wait", 1);
	sem_wait(&gate.entered);
	h2_work(h, "PoolObj", "none", 2);
	n_wanted = 1;
	h2_run(h, all_closed);
	assert_false(h->streams[0].closed);
	assert_has(h->streams[1].body, "\"result\":2}");
	sem_post(&gate.go);
	n_wanted = 2;
	h2_run(h, all_closed);
	assert_has(h->streams[0].body, "\"result\":1}");
	h2_close(h);
	server_free(s);
}

static void test_context_and_refusals(void **state)
{
	struct rpc_server *s = server_start();
	struct h2 *h = h2_open(s->port, 65535);
	static char large[HTTP_MAX_HEAD];
	static const struct { const char *path, *body, *name, *value; int status; const char *part; }
	rows[] = {
		{ "/v1/call/T.S.PoolObj/work", "{\"what\":\"context\",\"number\":1}", "tars-ctx-key",
		  "v1", 200, "\"result\":1}" },
		{ "/nowhere", "{}", "x", "y", 404, "no such path: '/nowhere'" },
		{ "/v1/call/T.S.PoolObj/none", "{}", "x", "y", 404, "\"code\":-3" },
		{ "/v1/call/T.S.PoolObj/work", "{", "x", "y", 400, "\"code\":-1" },
		{ "/healthz", "", "x", "y", 405, "/healthz takes GET, HEAD" },
		{ "/json/T.S.PoolObj/work", "{}", "origin", "http://elsewhere", 403, "web pages" },
		{ "/json", "{}", "x", large, 431, "more than 32768 bytes" },
	};
	int n = sizeof(rows) / sizeof(*rows);

	(void)state;
	memset(large, 'l', sizeof(large) - 1);
	for (int i = 0; i < n; i++)
		h2_post(h, rows[i].path, rows[i].body, rows[i].name, rows[i].value);
	n_wanted = n;
	h2_run(h, all_closed);
	for (int i = 0; i < n; i++) {
		if (h->streams[i].status != rows[i].status || !strstr(h->streams[i].body, rows[i].part))
			fail_msg("%d: %d, %s", i, h->streams[i].status, h->streams[i].body);
	}
	h2_close(h);
	server_free(s);
}

static void test_grpc(void **state)
{
	/* echo("ab") gives 2 and "<ab>"; work("fail", 7) fails. */
	static const char echo_ab[] = "\0\0\0\0\4\x12\2ab", fail7[] = "\0\0\0\0\10\x12\4fail\x18\7";
	static const struct { const char *path, *body; size_t n; int status; const char *text; }
	rows[] = {
		{ "/T.S.PoolObj/echo", echo_ab, 9, 0, "" },
		{ "/T.S.InlineObj/echo", echo_ab, 9, 0, "" },
		{ "/T.S.PoolObj/work", fail7, 13, 2, "code 7 was wanted" },
		/* Three objects have it. */
		{ "/T.Rpc/echo", echo_ab, 9, 12, "Obj have the interface 'T.Rpc': name one of them" },
		{ "/T.Rpd/echo", echo_ab, 9, 12, "no servant 'T.Rpd' here" },
		{ "/T.S.PoolObj/echo", echo_ab, 8, 3, "it must be one message" },
	};
	static const char answer[] = "\0\0\0\0\10\x08\2\x1a\4<ab>";
	struct rpc_server *s = server_start();
	struct h2 *h = h2_open(s->port, 65535);
	int n = sizeof(rows) / sizeof(*rows);

	(void)state;
	for (int i = 0; i < n; i++)
		h2_post_bytes(h, rows[i].path, rows[i].body, rows[i].n, "content-type",
			      "application/grpc");
	n_wanted = n;
	h2_run(h, all_closed);
	for (int i = 0; i < n; i++) {
		struct stream *st = &h->streams[i];

		assert_int_equal(st->status, 200);
		assert_int_equal(st->grpc_status, rows[i].status);
		assert_has(st->grpc_message, rows[i].text);
		assert_int_equal(st->n, rows[i].status ? 0 : sizeof(answer) - 1);
		assert_memory_equal(st->body, answer, st->n);
	}
	h2_close(h);
	server_free(s);
}

/* Streams end at once, their calls do not: no more begin than the connection may have. */
static void test_resets_do_not_pile_up_calls(void **state)
{
	struct rpc_server *s = server_start();
	struct h2 *h = h2_open(s->port, 65535);

	(void)state;
	for (int i = 0; i < 600; i++) {
		int32_t id = h2_work(h, "PoolObj", "wait", i);

		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
		h2_flush(h);
	}
	/* It comes behind them, and is refused or served. */
	h2_work(h, "InlineObj", "none", 1);
	n_wanted = 601;
	h2_run(h, all_closed);
	assert_true(s->app->loops[0].n_http_calls <= 256);
	assert_int_equal(h->streams[600].error, NGHTTP2_REFUSED_STREAM);
	for (unsigned i = 0; i < s->app->loops[0].n_http_calls; i++)
		sem_post(&gate.go);
	h2_close(h);
	server_free(s);
}

static bool some_refused(struct h2 *h)
{
	for (int i = 0; i < MOST_STREAMS; i++)
		if (h->streams[i].closed)
			return true;
	return false;
}

/* A peer whose window is shut makes responses pile up, but only to a limit. */
static void test_shut_window(void **state)
{
	enum { SIZE = 200000 };
	struct rpc_server *s = server_start();
	struct h2 *h = h2_open(s->port, 0);
	int answered = 0;
	char *body;

	(void)state;
	assert_true(asprintf(&body, "{\"text\":\"%0*d\"}", SIZE, 0) > 0);
	for (int i = 0; i < 100; i++)
		h2_post(h, "/v1/call/T.S.InlineObj/echo", body, "x", "y");
	free(body);
	h2_run(h, some_refused);
	for (int i = 0; i < MOST_STREAMS; i++) {
		if (h->streams[i].closed)
			assert_int_equal(h->streams[i].error, NGHTTP2_REFUSED_STREAM);
		answered += h->streams[i].status == 200;
	}
	assert_int_equal(answered, (8 << 20) / SIZE + 1);
	h2_close(h);
	server_free(s);
}

static void test_draining(void **state)
{
	struct rpc_server *s = server_start();
	struct h2 *h = h2_open(s->port, 65535), *idle = h2_open(s->port, 65535);

	(void)state;
	h2_work(idle, "InlineObj", "none", 1);
	n_wanted = 1;
	h2_run(idle, all_closed);
	h2_work(h, "PoolObj", "wait", 1);
	sem_wait(&gate.entered);
	app_stop(s->app, 10000);
	/* The one has nothing to wait for. */
	h2_run(idle, never);
	assert_int_equal(idle->goaway, NGHTTP2_NO_ERROR);
	assert_int_equal(idle->last_stream, 1);
	sem_post(&gate.go);
	h2_run(h, never);
	assert_int_equal(h->goaway, NGHTTP2_NO_ERROR);
	assert_int_equal(h->last_stream, 1);
	assert_int_equal(h->streams[0].status, 200);
	assert_has(h->streams[0].body, "\"result\":1}");
	h2_close(h);
	h2_close(idle);
	server_free(s);
}

static void test_callers_that_go(void **state)
{
	struct rpc_server *s = server_start();

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct h2 *h = h2_open(s->port, 65535);

		h2_work(h, "PoolObj", "wait", 1);
		h2_work(h, "PoolObj", i % 2 ? "late" : "forget", 1);
		sem_wait(&gate.entered);
		h2_close(h);
		sem_post(&gate.go);
	}
	server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_calls_at_once),
		cmocka_unit_test(test_answers_come_as_they_are_ready),
		cmocka_unit_test(test_context_and_refusals),
		cmocka_unit_test(test_grpc),
		cmocka_unit_test(test_resets_do_not_pile_up_calls),
		cmocka_unit_test(test_shut_window),
		cmocka_unit_test(test_draining),
		cmocka_unit_test(test_callers_that_go),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rpc-http2", tests, NULL, NULL);
}
