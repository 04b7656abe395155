/* What a server refuses and survives: queues, time-outs, connections, hostile packets, stopping. */
#include "t/unit/rpc-test.h"

#include "core/io/coro.h"
#include "proto/json.h"
#include "proto/tup.h"

/* ---- a servant that waits until it is told to go on ---- */

static struct gate {
	sem_t entered, go;
	_Atomic int n;
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
	gate.n++;
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
	gate.n = 0;
	return s;
}

static void server_free(struct rpc_server *s)
{
	rpc_server_stop(s, 2000);
	sem_destroy(&gate.entered);
	sem_destroy(&gate.go);
	free(s);
}

/* ---- raw packets ---- */

static struct request_packet request(const char *servant, const char *func, int id)
{
	return (struct request_packet){
		.version = VERSION_TARS, .request_id = id, .servant = str_of(servant),
		.func = str_of(func),
	};
}

static void put_work(struct buf *b, const struct request_packet *head, const char *what, int number)
{
	struct T_Rpc_work_in in = { .what = str_of(what), .number = number };
	size_t mark = packet_begin_request(b, head);

	codec_put_flat(b, &work_in_type, &in, 0);
	packet_end_request(b, mark, head);
}

static void receive(int fd, struct buf *b, struct arena *a, struct response_packet *r)
{
	struct err e = { 0 };

	assert_true(raw_receive(fd, b));
	assert_int_equal(packet_get_response(buf_head(b), buf_size(b), r, a, &e), 0);
}

struct raw {
	int fd;
	struct buf out, in;
	struct arena arena;
};

static void raw_open(struct raw *r, int port)
{
	*r = (struct raw){ .fd = raw_connect(port) };
	arena_init(&r->arena, NULL, 0);
}

static void raw_close(struct raw *r)
{
	close(r->fd);
	buf_release(&r->out);
	buf_release(&r->in);
	arena_clear(&r->arena);
}

static void send_work(struct raw *r, const struct request_packet *head, const char *what,
		      int number)
{
	put_work(&r->out, head, what, number);
	raw_send(r->fd, &r->out);
	buf_clear(&r->out);
}

/* ---- tests ---- */

static void test_heads_are_echoed(void **state)
{
	struct rpc_server *s = server_new();
	struct request_packet head = request("T.S.InlineObj", "work", 4711);
	struct response_packet reply;
	struct T_Rpc_work_out out;
	struct raw r;

	(void)state;
	rpc_server_start(s);
	raw_open(&r, s->port);
	head.message_type = MESSAGE_ASYNC;
	send_work(&r, &head, "", 9);
	receive(r.fd, &r.in, &r.arena, &reply);
	assert_int_equal(reply.version, VERSION_TARS);
	assert_int_equal(reply.packet_type, PACKET_NORMAL);
	assert_int_equal(reply.request_id, 4711);
	assert_int_equal(reply.message_type, MESSAGE_ASYNC);
	assert_int_equal(reply.ret, 0);
	assert_int_equal(codec_get_flat(reply.body.p, reply.body.n, &work_out_type, &out, &r.arena,
					NULL), 0);
	assert_int_equal(out.result, 9);
	/* Unknown versions are read as 1, and echoed. */
	head.version = 7;
	send_work(&r, &head, "", 9);
	receive(r.fd, &r.in, &r.arena, &reply);
	assert_int_equal(reply.version, 7);
	assert_int_equal(reply.ret, 0);
	raw_close(&r);
	server_free(s);
}

static void test_ping_and_describe(void **state)
{
	struct rpc_server *s = server_new();
	struct request_packet head = request("T.S.NoSuchObj", "tars_ping", 1);
	struct response_packet reply;
	struct tars_str text;
	struct raw r;

	(void)state;
	rpc_server_start(s);
	raw_open(&r, s->port);
	send_work(&r, &head, "", 0);
	receive(r.fd, &r.in, &r.arena, &reply);
	assert_int_equal(reply.ret, 0);
	assert_int_equal(reply.body.n, 0);
	head = request("T.S.PoolObj", "tars_describe", 2);
	send_work(&r, &head, "", 0);
	receive(r.fd, &r.in, &r.arena, &reply);
	assert_int_equal(reply.ret, 0);
	assert_int_equal(codec_get_field(reply.body.p, reply.body.n, 0, &tars_type_string, &text,
					 &r.arena, NULL), 0);
	assert_non_null(strstr(text.p, "interface Rpc"));
	assert_non_null(strstr(text.p, "echo(string text, out string back)"));
	raw_close(&r);
	server_free(s);
}

static void test_undecodable_arguments(void **state)
{
	struct rpc_server *s = server_new();
	struct request_packet head = request("T.S.CoroObj", "work", 1);
	struct response_packet reply;
	struct raw r;

	(void)state;
	rpc_server_start(s);
	raw_open(&r, s->port);
	head.body = (struct tars_bytes){ (const uint8_t *)"\x16\x01x", 3 };  /* no `number` */
	packet_put_request(&r.out, &head);
	raw_send(r.fd, &r.out);
	receive(r.fd, &r.in, &r.arena, &reply);
	assert_int_equal(reply.ret, TARS_EDECODE);
	assert_int_equal(reply.body.n, 0);
	assert_non_null(memmem(reply.desc.p, reply.desc.n, "T.S.CoroObj.work: ", 18));
	assert_non_null(memmem(reply.desc.p, reply.desc.n, "number", 6));
	raw_close(&r);
	server_free(s);
}

static void test_tup_and_json(void **state)
{
	struct rpc_server *s = server_new();
	struct request_packet head = request("T.S.PoolObj", "work", 5), answer;
	struct T_Rpc_work_in in = { .what = TARS_STR("x"), .number = 6 };
	struct T_Rpc_work_out out;
	struct response_packet reply;
	struct err e = { 0 };
	struct raw r;
	size_t mark;

	(void)state;
	rpc_server_start(s);
	raw_open(&r, s->port);
	head.version = VERSION_TUP;
	mark = packet_begin_request(&r.out, &head);
	tup_put(&r.out, &work_in_type, &in, false);
	packet_end_request(&r.out, mark, &head);
	raw_send(r.fd, &r.out);
	buf_clear(&r.out);
	assert_true(raw_receive(r.fd, &r.in));
	assert_int_equal(packet_get_request(buf_head(&r.in), buf_size(&r.in), &answer, &r.arena,
					    &e), 0);
	assert_int_equal(answer.request_id, 5);
	assert_memory_equal(answer.servant.p, "T.S.PoolObj", 11);
	assert_null(packet_map_find(&answer.status, "STATUS_RESULT_CODE"));
	assert_int_equal(tup_get(answer.body.p, answer.body.n, &work_out_type, &out, &r.arena, &e),
			 0);
	assert_int_equal(out.result, 6);
	/* An error travels in the status. */
	head.func = str_of("nosuch");
	packet_put_request(&r.out, &head);
	raw_send(r.fd, &r.out);
	buf_clear(&r.out);
	assert_true(raw_receive(r.fd, &r.in));
	assert_int_equal(packet_get_request(buf_head(&r.in), buf_size(&r.in), &answer, &r.arena,
					    &e), 0);
	assert_string_equal(packet_map_find(&answer.status, "STATUS_RESULT_CODE")->p, "-3");

	head = request("T.S.CoroObj", "work", 8);
	head.version = VERSION_JSON;
	head.body = (struct tars_bytes){ (const uint8_t *)"{\"what\":\"\",\"number\":12}", 23 };
	packet_put_request(&r.out, &head);
	raw_send(r.fd, &r.out);
	receive(r.fd, &r.in, &r.arena, &reply);
	assert_int_equal(reply.version, VERSION_JSON);
	assert_int_equal(reply.ret, 0);
	assert_non_null(memmem(reply.body.p, reply.body.n, "\"result\":12", 11));
	assert_non_null(memmem(reply.body.p, reply.body.n, "\"tars_ret\":0", 12));
	raw_close(&r);
	server_free(s);
}

/* The queue holds 5; from 4/5 on -9 is the answer.  Nothing is lost: 12 calls, 12 answers. */
static void test_pool_overload(void **state)
{
	struct rpc_server *s = server_new();
	struct response_packet reply;
	int ok = 0, refused = 0;
	struct raw r;

	(void)state;
	s->adapter.queue_cap = 5;
	s->adapter.threads = 1;
	rpc_server_start(s);
	raw_open(&r, s->port);
	for (int i = 1; i <= 12; i++) {
		struct request_packet head = request("T.S.PoolObj", "work", i);

		send_work(&r, &head, "wait", i);
		if (i == 1)
			sem_wait(&gate.entered);  /* the only worker is busy now */
	}
	for (int i = 0; i < 7; i++) {
		receive(r.fd, &r.in, &r.arena, &reply);
		assert_int_equal(reply.ret, TARS_EOVERLOAD);
		assert_non_null(memmem(reply.desc.p, reply.desc.n, "queuecap=5", 10));
		refused++;
	}
	for (int i = 0; i < 5; i++)
		sem_post(&gate.go);
	for (int i = 0; i < 5; i++) {
		receive(r.fd, &r.in, &r.arena, &reply);
		assert_int_equal(reply.ret, 0);
		ok++;
	}
	assert_int_equal(ok + refused, 12);
	assert_int_equal(gate.n, 5);
	raw_close(&r);
	server_free(s);
}

static void test_coroutine_overload(void **state)
{
	struct rpc_server *s = server_new();
	struct response_packet reply;
	int refused = 0;
	struct raw r;

	(void)state;
	s->adapter.queue_cap = 5;
	rpc_server_start(s);
	raw_open(&r, s->port);
	for (int i = 1; i <= 8; i++) {
		struct request_packet head = request("T.S.CoroObj", "work", i);

		put_work(&r.out, &head, "sleep", 100);
	}
	raw_send(r.fd, &r.out);
	for (int i = 0; i < 8; i++) {
		receive(r.fd, &r.in, &r.arena, &reply);
		refused += reply.ret == TARS_EOVERLOAD;
	}
	assert_int_equal(refused, 4);
	raw_close(&r);
	server_free(s);
}

/* A request that waits longer than its caller does is answered -6 and not executed. */
static void test_queue_timeout(void **state)
{
	struct rpc_server *s = server_new();
	struct request_packet head = request("T.S.PoolObj", "work", 1);
	struct response_packet reply;
	struct raw r;

	(void)state;
	s->adapter.queue_timeout_ms = 60;
	rpc_server_start(s);
	raw_open(&r, s->port);
	send_work(&r, &head, "wait", 1);
	sem_wait(&gate.entered);
	head.request_id = 2;
	head.timeout_ms = 20;
	send_work(&r, &head, "never", 2);
	head.request_id = 3;
	head.timeout_ms = 0;
	send_work(&r, &head, "never", 3);
	/* When a later one is answered they are in the queue. */
	head = request("T.S.InlineObj", "tars_ping", 4);
	send_work(&r, &head, "", 0);
	receive(r.fd, &r.in, &r.arena, &reply);
	assert_int_equal(reply.request_id, 4);
	usleep(100 * 1000); /* the very thing that is tested: time that passes in the queue */
	sem_post(&gate.go);
	for (int i = 0; i < 3; i++) {
		receive(r.fd, &r.in, &r.arena, &reply);
		assert_int_equal(reply.ret, reply.request_id == 1 ? 0 : TARS_EQUEUETIMEOUT);
	}
	assert_int_equal(gate.n, 1);
	raw_close(&r);
	server_free(s);
}

static void test_max_connections(void **state)
{
	struct rpc_server *s = server_new();
	struct request_packet head = request("T.S.InlineObj", "tars_ping", 1);
	struct response_packet reply;
	struct raw r[3];
	uint8_t byte;

	(void)state;
	s->adapter.max_conns = 2;
	rpc_server_start(s);
	for (int i = 0; i < 2; i++) {
		raw_open(&r[i], s->port);
		send_work(&r[i], &head, "", 0);
		receive(r[i].fd, &r[i].in, &r[i].arena, &reply);
	}
	raw_open(&r[2], s->port);
	assert_int_equal(recv(r[2].fd, &byte, 1, 0), 0);
	for (int i = 0; i < 3; i++)
		raw_close(&r[i]);
	server_free(s);
}

static void test_idle_connection_is_closed(void **state)
{
	struct rpc_server *s = server_new();
	struct raw r;
	uint8_t byte;

	(void)state;
	s->adapter.idle_ms = 50;
	rpc_server_start(s);
	raw_open(&r, s->port);
	assert_int_equal(recv(r.fd, &byte, 1, 0), 0);
	raw_close(&r);
	server_free(s);
}

/* Executed although the client is gone: tarsphp sends and closes at once. */
static void test_peer_that_closes_at_once(void **state)
{
	struct rpc_server *s = server_new();
	struct request_packet head = request("T.S.PoolObj", "work", 1);
	struct raw r;

	(void)state;
	rpc_server_start(s);
	raw_open(&r, s->port);
	sem_post(&gate.go);
	send_work(&r, &head, "wait", 1);
	raw_close(&r);
	sem_wait(&gate.entered);
	server_free(s);
	assert_int_equal(gate.n, 1);
}

static void test_hostile_bytes(void **state)
{
	static const struct { const char *bytes; size_t n; } bad[] = {
		{ "\0\0\0\0", 4 },                          /* length below the minimum */
		{ "\xff\xff\xff\xff", 4 },                  /* above the maximum */
		{ "\0\0\0\x08xxxx", 8 },                    /* not a packet */
		{ "\0\0\0\x06\x10\x01", 6 },                /* most fields are missing */
		{ "get / http/1.1\r\n\r\n", 18 },             /* no HTTP either */
		{ "\0\0\0\x20\x10\x01\x2c\x3c\x40\x01\x57\xff\xff\xff\xff", 32 },
	};
	struct rpc_server *s = server_new();
	struct request_packet head = request("T.S.InlineObj", "tars_ping", 1);
	struct response_packet reply;
	struct raw r;

	(void)state;
	rpc_server_start(s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint8_t bytes[64] = { 0 }, byte;

		memcpy(bytes, bad[i].bytes, bad[i].n < 15 ? bad[i].n : 15);
		raw_open(&r, s->port);
		assert_int_equal(send(r.fd, bytes, bad[i].n, MSG_NOSIGNAL), (ssize_t)bad[i].n);
		assert_true(recv(r.fd, &byte, 1, 0) <= 0);
		raw_close(&r);
	}
	/* Others are still served, byte by byte if need be. */
	raw_open(&r, s->port);
	put_work(&r.out, &head, "", 0);
	for (size_t i = 0; i < buf_size(&r.out); i++)
		assert_int_equal(send(r.fd, buf_head(&r.out) + i, 1, MSG_NOSIGNAL), 1);
	receive(r.fd, &r.in, &r.arena, &reply);
	assert_int_equal(reply.ret, 0);
	raw_close(&r);
	server_free(s);
}

/* app_stop lets the running request finish and its reply leave. */
static void *stop_server(void *arg)
{
	rpc_server_stop(arg, 5000);
	return NULL;
}

static void test_stop_drains(void **state)
{
	struct rpc_server *s = server_new();
	struct request_packet head = request("T.S.PoolObj", "work", 1);
	struct response_packet reply;
	pthread_t thread;
	struct raw r;
	uint8_t byte;
	int seen = 0;

	(void)state;
	rpc_server_start(s);
	raw_open(&r, s->port);
	send_work(&r, &head, "wait", 55);
	sem_wait(&gate.entered);
	pthread_create(&thread, NULL, stop_server, s);
	while (!atomic_load(&s->app->stopping))
		sched_yield();
	sem_post(&gate.go);
	/* The reply and "go elsewhere", which overtakes it or does not. */
	for (int i = 0; i < 2; i++) {
		receive(r.fd, &r.in, &r.arena, &reply);
		assert_int_equal(reply.ret, 0);
		seen |= reply.request_id ? 1 : 2;
		if (!reply.request_id)
			assert_memory_equal(reply.desc.p, "_reconnect_", 11);
	}
	assert_int_equal(seen, 3);
	assert_int_equal(recv(r.fd, &byte, 1, 0), 0);
	pthread_join(thread, NULL);
	raw_close(&r);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads_are_echoed),
		cmocka_unit_test(test_ping_and_describe),
		cmocka_unit_test(test_undecodable_arguments),
		cmocka_unit_test(test_tup_and_json),
		cmocka_unit_test(test_pool_overload),
		cmocka_unit_test(test_coroutine_overload),
		cmocka_unit_test(test_queue_timeout),
		cmocka_unit_test(test_max_connections),
		cmocka_unit_test(test_idle_connection_is_closed),
		cmocka_unit_test(test_peer_that_closes_at_once),
		cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_stop_drains),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
