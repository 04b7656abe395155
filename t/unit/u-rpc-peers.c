/* Peers that half-close, stop reading, nest too deep or do not stop: what both sides survive. */
#include "t/unit/rpc-test.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>

#include "core/io/coro.h"

static struct gate {
	sem_t entered, go;
} gate;

static int echo(struct tars_req *rq, const struct T_Rpc_echo_in *in, struct T_Rpc_echo_out *out)
{
	(void)rq;
	out->ret = (int32_t)in->text.n;
	out->back = in->text;
	return TARS_OK;
}

static int work(struct tars_req *rq, const struct T_Rpc_work_in *in, struct T_Rpc_work_out *out)
{
	(void)rq;
	if (!strcmp(in->what.p, "wait")) {
		sem_post(&gate.entered);
		sem_wait(&gate.go);
	} else if (!strcmp(in->what.p, "sleep")) {
		coro_sleep_ms(in->number);
	}
	out->result = in->number;
	return TARS_OK;
}

static const struct T_Rpc impl = { .echo = echo, .work = work };

static struct rpc_server *server_new(void)
{
	static const struct tars_servant rows[] = {
		{ "T.S.PoolObj", &T_Rpc_iface, &impl, TARS_RUN_POOL, NULL },
		{ "T.S.CoroObj", &T_Rpc_iface, &impl, TARS_RUN_CORO, NULL },
		{ "T.S.InlineObj", &T_Rpc_iface, &impl, TARS_RUN_INLINE, NULL },
	};
	struct rpc_server *s = calloc(1, sizeof(*s));

	memcpy(s->servants, rows, sizeof(rows));
	sem_init(&gate.entered, 0, 0);
	sem_init(&gate.go, 0, 0);
	return s;
}

static void server_free(struct rpc_server *s)
{
	rpc_server_stop(s, 2000);
	sem_destroy(&gate.entered);
	sem_destroy(&gate.go);
	free(s);
}

static void put_work(struct buf *b, const char *servant, const char *what, int number)
{
	struct request_packet head = { .version = VERSION_TARS, .request_id = number,
				       .servant = str_of(servant), .func = str_of("work") };
	struct T_Rpc_work_in in = { .what = str_of(what), .number = number };
	size_t mark = packet_begin_request(b, &head);

	codec_put_flat(b, &work_in_type, &in, 0);
	packet_end_request(b, mark, &head);
}

static void send_work(int fd, const char *servant, const char *what, int number)
{
	struct buf b = BUF_INIT;

	put_work(&b, servant, what, number);
	raw_send(fd, &b);
	buf_release(&b);
}

/* The next reply must be a success with this id. */
static void receive_reply(int fd, int id)
{
	struct response_packet reply;
	struct buf b = BUF_INIT;
	struct arena a;
	struct err e;

	arena_init(&a, NULL, 0);
	assert_true(raw_receive(fd, &b));
	assert_int_equal(packet_get_response(buf_head(&b), buf_size(&b), &reply, &a, &e), 0);
	assert_int_equal(reply.ret, 0);
	assert_int_equal(reply.request_id, id);
	arena_clear(&a);
	buf_release(&b);
}

/* ---- half-closed ---- */

static void test_half_closed_peer_gets_its_replies(void **state)
{
	struct rpc_server *s = server_new();
	uint8_t byte;
	int fd;

	(void)state;
	rpc_server_start(s);
	fd = raw_connect(s->port);
	send_work(fd, "T.S.PoolObj", "wait", 1);
	sem_wait(&gate.entered);
	shutdown(fd, SHUT_WR);
	/* Nothing tells that the server has seen the end: a second connection comes after it. */
	for (int i = 0; i < 3; i++) {
		int other = raw_connect(s->port);

		send_work(other, "T.S.InlineObj", "", 5);
		receive_reply(other, 5);
		close(other);
	}
	sem_post(&gate.go);
	receive_reply(fd, 1);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);

	fd = raw_connect(s->port);
	send_work(fd, "T.S.CoroObj", "sleep", 20);
	send_work(fd, "T.S.CoroObj", "sleep", 40);
	shutdown(fd, SHUT_WR);
	receive_reply(fd, 20);
	receive_reply(fd, 40);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
	server_free(s);
}

/* It may as well be gone: its connection does not outlive the idle time. */
static void test_half_closed_peer_is_not_kept_for_ever(void **state)
{
	struct rpc_server *s = server_new();
	uint8_t byte;
	int fd;

	(void)state;
	s->adapter.idle_ms = 100;
	rpc_server_start(s);
	fd = raw_connect(s->port);
	send_work(fd, "T.S.PoolObj", "wait", 1);
	sem_wait(&gate.entered);
	shutdown(fd, SHUT_WR);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
	sem_post(&gate.go);
	server_free(s);
}

/* ---- JSON ---- */

static void send_json(int fd, int id, const char *body)
{
	struct request_packet head = { .version = VERSION_JSON, .request_id = id,
				       .servant = TARS_STR("T.S.CoroObj"),
				       .func = TARS_STR("work"),
				       .body = { (const uint8_t *)body, (uint32_t)strlen(body) } };
	struct buf b = BUF_INIT;

	packet_put_request(&b, &head);
	raw_send(fd, &b);
	buf_release(&b);
}

static void test_json_of_peers(void **state)
{
	enum { DEPTH = 2000 };
	struct rpc_server *s = server_new();
	char deep[2 * DEPTH + 64];
	struct response_packet reply;
	struct buf b = BUF_INIT;
	struct arena a;
	struct err e;
	int fd;

	(void)state;
	arena_init(&a, NULL, 0);
	rpc_server_start(s);
	fd = raw_connect(s->port);
	snprintf(deep, sizeof(deep), "{\"what\":\"\",\"number\":1,\"x\":");
	memset(deep + strlen(deep), '[', DEPTH);
	strcpy(deep + strcspn(deep, "[") + DEPTH, "1");
	memset(deep + strlen(deep), ']', DEPTH);
	deep[strcspn(deep, "]") + DEPTH] = '}';
	deep[strcspn(deep, "]") + DEPTH + 1] = '\0';
	send_json(fd, 1, deep);
	assert_true(raw_receive(fd, &b));
	assert_int_equal(packet_get_response(buf_head(&b), buf_size(&b), &reply, &a, &e), 0);
	assert_int_equal(reply.ret, TARS_EUNKNOWN);
	assert_non_null(memmem(reply.desc.p, reply.desc.n, "nested deeper", 13));
	/* Official callers send the out parameters along. */
	send_json(fd, 2, "{\"what\":\"\",\"number\":1,\"result\":0}");
	receive_reply(fd, 2);
	close(fd);
	buf_release(&b);
	arena_clear(&a);
	server_free(s);
}

/* ---- output that does not leave ---- */

struct burst {
	_Atomic int n, ok, unsent;
	sem_t all;
	int want;
	struct tars_req *rq;
};

static void count_result(void *arg, int rc, const void *out)
{
	struct burst *b = arg;

	(void)out;
	b->ok += rc == TARS_OK;
	b->unsent += rc == TARS_ESEND;
	if (++b->n == b->want)
		sem_post(&b->all);
}

/* n concurrent calls of 1 MB each: on their way. */
static void burst_begin(struct burst *b, struct tars_app *client, int port, int n, int timeout_ms)
{
	enum { SIZE = 1 << 20 };
	struct T_Rpc_echo_in in = { .text = { calloc(1, SIZE), SIZE } };
	struct tars_call c = { .timeout_ms = timeout_ms };

	*b = (struct burst){ .want = n, .rq = tars_begin(client) };
	sem_init(&b->all, 0, 0);
	c.rq = b->rq;
	c.to = rpc_proxy(client, "T.S.InlineObj", port);
	for (int i = 0; i < n; i++)
		assert_int_equal(tars_invoke_async(&c, &T_Rpc_iface, F_ECHO, &in, count_result, b),
				 0);
	free((char *)in.text.p);
}

/* All have their result. */
static void burst_end(struct burst *b)
{
	sem_wait(&b->all);
	sem_destroy(&b->all);
	tars_end(b->rq);
}

static void post_sem(struct tars_req *rq, void *sem)
{
	(void)rq;
	sem_post(sem);
}

/* Until the loop has done all that was handed to it before. */
static void pass_loop(struct tars_app *client)
{
	sem_t passed;

	sem_init(&passed, 0, 0);
	app_spawn(client, post_sem, &passed);
	sem_wait(&passed);
	sem_destroy(&passed);
}

/* Both sides have more to write than their marks: the one that calls must go on reading. */
static void test_large_burst_does_not_lock_up(void **state)
{
	struct rpc_server *s = server_new();
	struct tars_app *client = rpc_client();
	struct burst b;

	(void)state;
	rpc_server_start(s);
	burst_begin(&b, client, s->port, 60, 200000);
	burst_end(&b);
	assert_int_equal(b.ok, 60);
	tars_stop(client);
	server_free(s);
}

struct big {
	const struct T_Rpc_echo_in *in;
	int port, rc, small_rc;
	sem_t done;
};

static void call_big(struct tars_req *rq, void *arg)
{
	struct big *big = arg;
	struct tars_call c = { .rq = rq };
	struct T_Rpc_echo_out out;

	c.to = rpc_proxy(tars_app_of(rq), "T.S.InlineObj", big->port);
	big->rc = tars_invoke(&c, &T_Rpc_iface, F_ECHO, big->in, &out);
	big->small_rc = call_echo(&c, "small", &out);
	sem_post(&big->done);
}

/* Refused here; the server would close the connection, and other calls would fail with it. */
static void test_request_over_the_limit(void **state)
{
	struct rpc_server *s = server_new();
	struct tars_app *client = rpc_client();
	struct tars_req *rq = tars_begin(client);
	struct tars_call c = { .rq = rq };
	struct T_Rpc_echo_in in = { .text = { calloc(1, FRAME_DEFAULT_MAX), FRAME_DEFAULT_MAX } };
	struct T_Rpc_echo_out out;
	struct big big = { .in = &in };

	(void)state;
	rpc_server_start(s);
	big.port = s->port;
	c.to = rpc_proxy(client, "T.S.InlineObj", s->port);
	assert_int_equal(tars_invoke(&c, &T_Rpc_iface, F_ECHO, &in, &out), TARS_ESEND);
	assert_non_null(strstr(c.error, "T.S.InlineObj.echo: not sent: the request has 1048576"));
	assert_int_equal(call_echo(&c, "small", &out), 0);
	/* From the loop itself, where the packet goes straight into the connection's output. */
	for (int i = 0; i < 2; i++) {
		sem_init(&big.done, 0, 0);
		app_spawn(s->app, call_big, &big);
		sem_wait(&big.done);
		sem_destroy(&big.done);
		assert_int_equal(big.rc, TARS_ESEND);
		assert_int_equal(big.small_rc, 0);
	}
	free((char *)in.text.p);
	tars_end(rq);
	tars_stop(client);
	server_free(s);
}

/* Calls to a server that does not read fail once enough waits for it, and memory stays bounded. */
static void test_server_that_does_not_read(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0), accepted;
	struct pollfd next = { .fd = fd, .events = POLLIN };
	struct tars_app *client = rpc_client();
	struct burst all, one;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	burst_begin(&all, client, ntohs(at.sin_port), 100, 200000);
	pass_loop(client);
	assert_in_range(all.unsent, 20, 59);
	/* When it ends its side, new calls get a new connection. */
	accepted = accept(fd, NULL, NULL);
	assert_int_equal(shutdown(accepted, SHUT_WR), 0);
	for (int i = 0; i < 3000 && !poll(&next, 1, 0); i++) {
		burst_begin(&one, client, ntohs(at.sin_port), 1, 20);
		burst_end(&one);
	}
	assert_int_equal(poll(&next, 1, 0), 1);
	/* And when it is gone, nothing waits for it. */
	close(accepted);
	burst_end(&all);
	assert_int_equal(all.ok, 0);
	tars_stop(client);
	close(fd);
}

/* The connection of a peer that does not read ends with the server. */
static void test_stop_with_output_that_does_not_leave(void **state)
{
	struct rpc_server *s = server_new();
	struct buf b = BUF_INIT;
	uint8_t room[4096];
	size_t sent = 0;
	ssize_t n;
	int fd;

	(void)state;
	rpc_server_start(s);
	fd = raw_connect(s->port);
	for (int i = 0; i < 200; i++)
		put_work(&b, "T.S.InlineObj", "", 7);
	/* Until neither side takes any more: the server has stopped reading by then. */
	for (int quiet = 0; quiet < 20; quiet++) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		while ((n = send(fd, buf_head(&b) + sent, buf_size(&b) - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT)) > 0) {
			sent = (sent + (size_t)n) % buf_size(&b);
			quiet = 0;
		}
		poll(&p, 1, 10);
	}
	server_free(s);
	while ((n = recv(fd, room, sizeof(room), 0)) > 0)
		;
	assert_true(n == 0 || errno == ECONNRESET);
	close(fd);
	buf_release(&b);
}

/* ---- stopping under load ---- */

struct flood {
	pthread_t thread;
	int port;
};

/* Sends without a pause until the server closes, and reads what comes. */
static void *flood(void *arg)
{
	static const char *const names[] = { "T.S.PoolObj", "T.S.CoroObj" };
	struct flood *f = arg;
	int fd = raw_connect(f->port);
	struct buf b = BUF_INIT;
	uint8_t room[16384];
	size_t sent = 0;
	bool open = true;

	for (int i = 0; i < 64; i++)
		put_work(&b, names[i % 2], "", i + 1);
	while (open) {
		ssize_t n = send(fd, buf_head(&b) + sent, buf_size(&b) - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			open = errno == EAGAIN;
		else
			sent = (sent + (size_t)n) % buf_size(&b);
		while (open && (n = recv(fd, room, sizeof(room), MSG_DONTWAIT)) > 0)
			;
		if (!n)
			open = false;
	}
	close(fd);
	buf_release(&b);
	return NULL;
}

static void test_stop_under_load(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		struct rpc_server *s = server_new();
		struct flood f[2];

		s->conf.reactors = 2;
		rpc_server_start(s);
		for (int i = 0; i < 2; i++) {
			f[i].port = s->port;
			pthread_create(&f[i].thread, NULL, flood, &f[i]);
		}
		while (!atomic_load(&s->app->loops[0].n_requests) ||
		       !atomic_load(&s->app->loops[1].n_requests))
			sched_yield();
		rpc_server_stop(s, 1);
		for (int i = 0; i < 2; i++)
			pthread_join(f[i].thread, NULL);
		sem_destroy(&gate.entered);
		sem_destroy(&gate.go);
		free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_closed_peer_gets_its_replies),
		cmocka_unit_test(test_half_closed_peer_is_not_kept_for_ever),
		cmocka_unit_test(test_json_of_peers),
		cmocka_unit_test(test_large_burst_does_not_lock_up),
		cmocka_unit_test(test_request_over_the_limit),
		cmocka_unit_test(test_server_that_does_not_read),
		cmocka_unit_test(test_stop_with_output_that_does_not_leave),
		cmocka_unit_test(test_stop_under_load),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
