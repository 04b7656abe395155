/* Access keys on real connections: recorded probes of the official server, and who gets in. */
#include "t/unit/rpc-test.h"

#include <poll.h>
#include <time.h>

#include "proto/auth.h"
#include "t/unit/certs.h"
#include "t/unit/data.h"
#include "t/unit/hex.h"

#define OBJ "Interop.EchoServer.AuthObj"

/* ---- the servants: ping is that of the recordings ---- */

struct ping_out { int32_t ret; };
static const struct tars_field ping_fields[] = {
	{ .name = "", .flags = TARS_REQUIRED | TARS_OUT, .type = &tars_type_int },
};
static const struct tars_type ping_in = { .name = "ping_in", .kind = TARS_STRUCT, .size = 1 };
static const struct tars_type ping_out = {
	.name = "ping_out", .kind = TARS_STRUCT, .size = sizeof(struct ping_out), .n_fields = 1,
	.fields = ping_fields,
};
static const struct tars_func ping_funcs[] = { { "ping", &ping_in, &ping_out } };

static _Atomic int n_pings;

static int dispatch_ping(struct tars_req *rq, const void *impl, int func, const void *in, void *out)
{
	(void)rq;
	(void)impl;
	(void)func;
	(void)in;
	((struct ping_out *)out)->ret = 42;
	n_pings++;
	return TARS_OK;
}

static const struct tars_iface ping_iface = {
	.name = "Interop::Echo", .funcs = ping_funcs, .n_funcs = 1, .dispatch = dispatch_ping,
};

static void guarded_server_start(struct rpc_server *s)
{
	s->guarded = true;
	if (!s->adapter.access_key) {
		s->adapter.access_key = "testak";
		s->adapter.secret_key = "123456";
	}
	s->servants[0] = (struct tars_servant){ OBJ, &ping_iface, &n_pings, TARS_RUN_POOL };
	s->servants[1] = (struct tars_servant){ "Interop.EchoServer.Other", &ping_iface, &n_pings,
						TARS_RUN_INLINE };
	n_pings = 0;
	rpc_server_start(s);
}

static struct adapter *adapter_of(struct rpc_server *s)
{
	return container_of(s->app->adapters.next, struct adapter, node);
}

static void await_denied(struct rpc_server *s, unsigned n)
{
	for (int i = 0; i < 3000 && adapter_of(s)->drops[DROP_ACCESS] < n; i++)
		usleep(10000);
	assert_int_equal(adapter_of(s)->drops[DROP_ACCESS], n);
}

/* ---- recorded probes ---- */

/* Signs the authentication in b anew for our time; other packets stay. */
static void sign_again(struct buf *b, int64_t shift_s)
{
	static const struct tars_str secret = { "123456", 6 };
	struct request_packet p;
	uint8_t *body, signature[AUTH_SIGNATURE_SIZE], *at;
	struct arena a;
	struct err e;
	uint32_t time_be;

	arena_init(&a, NULL, 0);
	if (buf_size(b) < 0x9c || packet_get_request(buf_head(b) + 4, 0x9c - 4, &p, &a, &e) ||
	    p.body.n != 0x5b) {
		arena_clear(&a);
		return;
	}
	/* 16 1a OBJ 26 06 AK 32 TIME 56 30 SIGNATURE */
	body = buf_head(b) + (p.body.p - buf_head(b));
	at = body + 2 + 0x1a + 2 + 6 + 1;
	memcpy(&time_be, at, 4);
	time_be = htonl((uint32_t)((int64_t)ntohl(time_be) + shift_s));
	memcpy(at, &time_be, 4);
	auth_sign(&secret, ntohl(time_be), signature);
	memcpy(at + 6, signature, sizeof(signature));
	arena_clear(&a);
}

/* What comes until the server closes or has said `size` bytes; *closed says which. */
static void receive_some(int fd, struct buf *b, size_t size, bool *closed)
{
	*closed = false;
	while (buf_size(b) < size || !size) {
		ssize_t n = recv(fd, buf_reserve(b, 4096), 4096, 0);

		*closed = n <= 0;
		if (n <= 0)
			break;
		b->len += (size_t)n;
	}
}

/* Our answers where they are not the official ones; all ours are better. */
static const struct difference {
	const char *probe, *received, *then;
} differences[] = {
	/* Its call is answered, not thrown away. */
	{ "auth and call in one write",
	  "0000001b10012c300140405c6d000009415554485f53554343780c"
	  "0000001310012c30084c5c6d000002002a780c", "open" },
	{ "auth split in two writes",
	  "0000001b10012c300140405c6d000009415554485f53554343780c", "open" },
};

static void probe(const struct data *d, int port, int64_t now)
{
	struct buf sent = BUF_INIT, received = BUF_INIT;
	const char *want = d->field[3], *then = d->field[4];
	int fd = raw_connect(port);
	bool closed, is_twice = !strcmp(d->field[1], "auth twice");

	for (size_t i = 0; i < sizeof(differences) / sizeof(*differences); i++)
		if (!strcmp(differences[i].probe, d->field[1])) {
			want = differences[i].received;
			then = differences[i].then;
		}
	for (int i = 5; i < d->n; i++) {
		struct timespec pause = { .tv_nsec = 20000000 };
		struct buf whole = BUF_INIT;

		/* A packet in two writes is signed as one. */
		hex_read(&sent, d->field[i]);
		if (!strcmp(d->field[1], "auth split in two writes")) {
			hex_read(&whole, d->field[5]);
			hex_read(&sent, d->field[6]);
			buf_add(&whole, buf_head(&sent), buf_size(&sent));
			sign_again(&whole, now - strtoll(d->field[2], NULL, 10));
			hex_read(&sent, d->field[5]);
			buf_consume(&whole, i == 5 ? 0 : buf_size(&sent));
			if (i == 5)
				whole.len = buf_size(&sent);
			buf_clear(&sent);
			buf_add(&sent, buf_head(&whole), buf_size(&whole));
		} else {
			sign_again(&sent, now - strtoll(d->field[2], NULL, 10));
		}
		raw_send(fd, &sent);
		nanosleep(&pause, NULL);
		buf_release(&whole);
	}
	receive_some(fd, &received, is_twice ? 0x1b + 0x12 : strlen(want) / 2, &closed);
	if (is_twice) {
		/* The official -3 has no text. */
		assert_memory_equal(buf_head(&received) + 0x1b + 4, "\x10\x01\x2c\x30\x01\x40\x40"
				    "\x50\xfd", 9);
	} else if (*hex_difference(&received, want)) {
		print_error("%s: %s\n", d->field[1], hex_difference(&received, want));
		fail();
	}
	assert_int_equal(closed, !strcmp(then, "closed"));
	close(fd);
	buf_release(&sent);
	buf_release(&received);
}

static void test_recorded_probes(void **state)
{
	struct rpc_server s = { .adapter = { .handshake_ms = 500, .servant = OBJ } };
	struct data rows;
	int n = 0;

	(void)state;
	guarded_server_start(&s);
	data_open(&rows, "t/data/auth.tsv");
	while (data_next(&rows))
		if (!strcmp(rows.field[0], "probe") && ++n)
			probe(&rows, s.port, time(NULL));
	assert_int_equal(n, 11);
	assert_int_equal(n_pings, 5);   /* of those that got in */
	await_denied(&s, 4);
	rpc_server_stop(&s, 1000);
}

/* ---- pieces, limits, time ---- */

static void put_access(struct buf *b, const char *object, const char *ak, const char *sk)
{
	struct auth_key key = { .object = str_of(object), .access_key = str_of(ak),
				.secret_key = str_of(sk) };

	buf_clear(b);
	auth_put_request(b, &key, time(NULL));
}

static void test_byte_by_byte(void **state)
{
	struct rpc_server s = { .adapter.servant = OBJ };
	struct buf b = BUF_INIT, got = BUF_INIT;
	int fd;

	(void)state;
	guarded_server_start(&s);
	fd = raw_connect(s.port);
	put_access(&b, OBJ, "testak", "123456");
	for (size_t i = 0; i < buf_size(&b); i++) {
		assert_int_equal(send(fd, buf_head(&b) + i, 1, 0), 1);
		usleep(100);
	}
	assert_true(raw_receive(fd, &got));
	assert_memory_equal(buf_head(&got) + buf_size(&got) - 11, "AUTH_SUCC", 9);
	close(fd);
	buf_release(&b);
	buf_release(&got);
	rpc_server_stop(&s, 1000);
}

static void assert_refused(struct rpc_server *s, const void *data, size_t n)
{
	struct buf got = BUF_INIT;
	int fd = raw_connect(s->port);
	bool closed;

	assert_int_equal(send(fd, data, n, MSG_NOSIGNAL), (ssize_t)n);
	receive_some(fd, &got, 0, &closed);
	assert_true(closed);
	assert_int_equal(buf_size(&got), 0);   /* not a word */
	close(fd);
	buf_release(&got);
}

static void test_strangers(void **state)
{
	struct rpc_server s = { .adapter = { .servant = OBJ, .handshake_ms = 300 } };
	static const char http[] = "POST /json/" OBJ "/ping HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char http2[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	struct buf b = BUF_INIT;
	int silent;

	(void)state;
	guarded_server_start(&s);
	close(raw_connect(s.port));              /* a health check is nobody's failure */
	put_access(&b, OBJ, "testak", "wrong");
	assert_refused(&s, buf_head(&b), buf_size(&b));
	put_access(&b, OBJ, "nobody", "123456");
	assert_refused(&s, buf_head(&b), buf_size(&b));
	put_access(&b, "Interop.EchoServer.Other", "testak", "123456");
	assert_refused(&s, buf_head(&b), buf_size(&b));
	assert_refused(&s, http, sizeof(http) - 1);
	assert_refused(&s, http2, sizeof(http2) - 1);
	assert_refused(&s, "\0\1\0\0\x10", 5);  /* longer than any authentication */
	await_denied(&s, 6);
	put_access(&b, OBJ, "testak", "123456");
	assert_refused(&s, buf_head(&b), 20);    /* and nothing more: for 300 ms */
	silent = raw_connect(s.port);
	assert_int_equal(recv(silent, (char[1]){ 0 }, 1, 0), 0);
	close(silent);
	await_denied(&s, 8);
	assert_int_equal(n_pings, 0);
	buf_release(&b);
	rpc_server_stop(&s, 1000);
}

/* ---- our client ---- */

static int ping(struct tars_app *client, const char *object, int port, const char *options,
		char *error, size_t size)
{
	struct tars_req *rq = tars_begin(client);
	struct tars_call c = { .rq = rq, .timeout_ms = 20000 };
	struct ping_out out = { 0 };
	char text[128], in = 0;
	int rc;

	snprintf(text, sizeof(text), "%s@%s -p %d -e 1", object, options, port);
	c.to = tars_proxy(client, text);
	rc = tars_invoke(&c, &ping_iface, 0, &in, &out);
	if (!rc)
		assert_int_equal(out.ret, 42);
	snprintf(error, size, "%s", c.error);
	tars_end(rq);
	return rc;
}

static void ping_in_vain(struct tars_app *client, const char *object, int port, const char *part)
{
	char error[512];

	assert_int_equal(ping(client, object, port, "tcp -h 127.0.0.1", error, sizeof(error)),
			 TARS_ECONNECT);
	if (!strstr(error, part)) {
		print_error("\"%s\" instead of \"%s\"\n", error, part);
		fail();
	}
}

static void set_key(struct tars_app *client, const char *object, const char *ak, const char *sk)
{
	struct tars_security security = { .object = object, .access_key = ak, .secret_key = sk };
	char error[512];

	assert_int_equal(tars_secure(client, &security, error, sizeof(error)), 0);
}

static void test_our_client(void **state)
{
	struct rpc_server s = { .conf.reactors = 2 };   /* any servant of it may be asked for */
	struct tars_app *client = rpc_client();
	char error[512];

	(void)state;
	guarded_server_start(&s);
	ping_in_vain(client, OBJ, s.port, "no accesskey and secretkey are set");
	set_key(client, OBJ, "testak", "123456");
	set_key(client, "Interop.EchoServer.Other", "testak", "wrong");
	set_key(client, "Interop.EchoServer.None", "testak", "123456");
	for (int i = 0; i < 3; i++)
		assert_int_equal(ping(client, OBJ, s.port, "tcp -h 127.0.0.1", error,
				      sizeof(error)), 0);
	assert_int_equal(adapter_of(&s)->n_conns, 1);
	ping_in_vain(client, "Interop.EchoServer.Other", s.port, "the server closed on our access key");
	ping_in_vain(client, "Interop.EchoServer.None", s.port, "the server closed on our access key");
	await_denied(&s, 2);
	tars_stop(client);
	rpc_server_stop(&s, 1000);
}

/* A server that answers something else, or nothing. */
static void *answer_oddly(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);
	static const char code_1[] = "\0\0\0\x12\x10\1\x2c\x30\1\x40\x40\x50\xff\x6d\0\x0c\x78\x0c";
	char data[512];

	assert_true(recv(fd, data, sizeof(data), 0) > 100);
	assert_int_equal(send(fd, code_1, 18, 0), 18);
	while (recv(fd, data, sizeof(data), 0) > 0)
		;
	close(fd);
	fd = accept(*(int *)arg, NULL, NULL);
	while (recv(fd, data, sizeof(data), 0) > 0)
		;
	close(fd);
	return NULL;
}

static void test_odd_servers(void **state)
{
	struct app_conf conf = { .connect_timeout_ms = 200 };
	struct tars_app *client = rpc_client();
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t thread;

	(void)state;
	client->conf.connect_timeout_ms = conf.connect_timeout_ms;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)&a, &size);
	pthread_create(&thread, NULL, answer_oddly, &fd);
	set_key(client, NULL, "testak", "123456");
	ping_in_vain(client, OBJ, ntohs(a.sin_port), "refuses our access key (code -1)");
	ping_in_vain(client, OBJ, ntohs(a.sin_port), "no answer to our access key");
	pthread_join(thread, NULL);
	close(fd);
	tars_stop(client);
}

static void test_with_tls(void **state)
{
	struct rpc_server s = { .secure = true, .adapter.servant = OBJ };
	struct tars_app *client = rpc_client();
	struct certs certs;
	struct tars_security security = { .access_key = "testak", .secret_key = "123456" };
	char error[512];

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "server", "DNS:localhost", 30);
	s.adapter.tls = (struct tls_conf){ .cert = certs_path(&certs, "server.pem"),
					   .key = certs_path(&certs, "server.key") };
	security.ca = certs_path(&certs, "ca.pem");
	guarded_server_start(&s);
	assert_int_equal(tars_secure(client, &security, error, sizeof(error)), 0);
	assert_int_equal(ping(client, OBJ, s.port, "ssl -h localhost", error, sizeof(error)), 0);
	tars_stop(client);
	rpc_server_stop(&s, 1000);
	certs_end(&certs);
}

/* ---- no way around ---- */

static void listen_open(struct tars_req *rq, void *arg)
{
	struct adapter_conf open = { .name = "T.S.OpenAdapter", .idle_ms = 60000, .ep = {
				     .host = "127.0.0.1", .type = ENDPOINT_TCP } };
	sem_t *done = arg;
	struct err e;

	(void)rq;
	assert_int_equal(app_listen(tars_app_of(rq), &open, NULL, &e), 0);
	sem_post(done);
}

static void test_no_way_around(void **state)
{
	struct rpc_server s = { .adapter.servant = OBJ };
	struct tars_app *client = rpc_client();
	struct tars_call c = { .rq = tars_begin(client) };
	struct ping_out out;
	sem_t done;
	int port;

	(void)state;
	sem_init(&done, 0, 0);
	guarded_server_start(&s);
	app_spawn(s.app, listen_open, &done);
	sem_wait(&done);
	port = container_of(s.app->adapters.prev, struct adapter, node)->port;
	c.to = rpc_proxy(client, OBJ, port);
	assert_int_equal(tars_invoke(&c, &ping_iface, 0, "", &out), TARS_ENOSERVANT);
	assert_non_null(strstr(c.error, "is not served here, but at an endpoint that asks for"));
	c.to = rpc_proxy(client, "Interop.EchoServer.Other", port);
	assert_int_equal(tars_invoke(&c, &ping_iface, 0, "", &out), 0);
	tars_end(c.rq);
	tars_stop(client);
	rpc_server_stop(&s, 1000);
}

static void test_keys_are_needed(void **state)
{
	struct adapter_conf adapter = { .name = "T.S.Adapter", .access_key = "ak", .ep = {
					.host = "127.0.0.1", .type = ENDPOINT_TCP, .auth = 1 } };
	struct tars_app *app = rpc_client();
	struct err e;

	(void)state;
	assert_int_equal(app_listen(app, &adapter, NULL, &e), TARS_ECONF);
	assert_string_equal(e.text, "adapter T.S.Adapter: its endpoint has -e 1, which needs "
			    "accesskey and secretkey");
	tars_stop(app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_probes),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_our_client),
		cmocka_unit_test(test_odd_servers),
		cmocka_unit_test(test_with_tls),
		cmocka_unit_test(test_no_way_around),
		cmocka_unit_test(test_keys_are_needed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rpc-access", tests, NULL, NULL);
}
