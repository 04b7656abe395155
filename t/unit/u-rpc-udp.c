/* UDP: calls in every run mode, what is too large, what is no packet, and peers that are not there. */
#include "t/unit/rpc-test.h"

static _Atomic int n_served;

static int echo(struct tars_req *rq, const struct T_Rpc_echo_in *in, struct T_Rpc_echo_out *out)
{
	n_served++;
	out->back = tars_strf(rq, "%s from %s", in->text.p, tars_caller_host(rq));
	return TARS_OK;
}

/* "big": an answer of so many bytes. */
static int work(struct tars_req *rq, const struct T_Rpc_work_in *in, struct T_Rpc_work_out *out)
{
	n_served++;
	if (!strcmp(in->what.p, "fail"))
		return tars_fail(rq, in->number, "no such user");
	out->result = in->number * 2;
	return TARS_OK;
}

static int big(struct tars_req *rq, const struct T_Rpc_echo_in *in, struct T_Rpc_echo_out *out)
{
	size_t n = strtoul(in->text.p, NULL, 10);
	char *p = tars_alloc(rq, n + 1);

	memset(p, 'x', n);
	out->back = (struct tars_str){ p, (uint32_t)n };
	return TARS_OK;
}

static const struct T_Rpc impl = { .echo = echo, .work = work }, big_impl = { .echo = big };

struct udp {
	struct rpc_server s;          /* has a TCP adapter, too */
	struct adapter_conf conf;
	struct adapter *adapter;
	int port, rc;
	struct err e;
	sem_t done;
};

static void listen_udp(struct tars_req *rq, void *arg)
{
	struct udp *u = arg;

	u->rc = app_listen(tars_app_of(rq), &u->conf, &u->port, &u->e);
	sem_post(&u->done);
}

static void udp_start(struct udp *u, const char *host)
{
	static const struct tars_servant rows[] = {
		{ "T.S.Pool", &T_Rpc_iface, &impl, TARS_RUN_POOL },
		{ "T.S.Coro", &T_Rpc_iface, &impl, TARS_RUN_CORO },
		{ "T.S.Inline", &T_Rpc_iface, &impl, TARS_RUN_INLINE },
		{ "T.S.Big", &T_Rpc_iface, &big_impl, TARS_RUN_POOL },
	};

	memcpy(u->s.servants, rows, sizeof(rows));
	n_served = 0;
	rpc_server_start(&u->s);
	u->conf.name = "T.S.UdpAdapter";
	u->conf.ep.type = ENDPOINT_UDP;
	strcpy(u->conf.ep.host, host);
	sem_init(&u->done, 0, 0);
	app_spawn(u->s.app, listen_udp, u);
	sem_wait(&u->done);
	assert_string_equal(u->rc ? u->e.text : "", "");
	u->adapter = container_of(u->s.app->adapters.prev, struct adapter, node);
}

static struct tars_proxy *proxy_of(struct tars_app *client, const char *object, const char *host,
				   int port)
{
	char text[128];

	snprintf(text, sizeof(text), "%s@udp -h %s -p %d", object, host, port);
	return tars_proxy(client, text);
}

/* ---- calls ---- */

static void test_run_modes(void **state)
{
	static const char *const objects[] = { "T.S.Pool", "T.S.Coro", "T.S.Inline" };
	struct tars_app *client = rpc_client();
	struct tars_call c = { .rq = tars_begin(client), .timeout_ms = 20000 };
	struct T_Rpc_echo_out out;
	struct udp u = { .s.conf.reactors = 2 };
	int result;

	(void)state;
	udp_start(&u, "127.0.0.1");
	for (int i = 0; i < 3; i++) {
		c.to = proxy_of(client, objects[i], "127.0.0.1", u.port);
		assert_int_equal(call_echo(&c, "hello", &out), 0);
		assert_string_equal(out.back.p, "hello from 127.0.0.1");
		assert_int_equal(call_work(&c, "double", 21, &result), 0);
		assert_int_equal(result, 42);
		assert_int_equal(call_work(&c, "fail", 7, &result), 7);
		assert_non_null(strstr(c.error, "no such user"));
	}
	assert_int_equal(u.adapter->drops[DROP_DATAGRAM], 0);
	assert_int_equal(u.adapter->n_conns, 0);
	tars_end(c.rq);
	tars_stop(client);
	rpc_server_stop(&u.s, 1000);
}

struct answers {
	sem_t come;
	_Atomic int n_ok;
};

static void on_answer(void *state, int rc, const void *out)
{
	struct answers *a = state;

	a->n_ok += !rc && out;
	sem_post(&a->come);
}

/* Several packets in one turn are as many datagrams. */
static void test_async_oneway_and_fan_out(void **state)
{
	enum { N = 20 };
	struct tars_app *client = rpc_client();
	struct tars_call c = { .rq = tars_begin(client), .timeout_ms = 20000 };
	struct T_Rpc_work_in in = { .what = TARS_STR("double"), .number = 4 };
	struct tars_pending *calls[N];
	struct answers answers = { .n_ok = 0 };
	struct udp u = { .s.conf.reactors = 1 };

	(void)state;
	udp_start(&u, "127.0.0.1");
	sem_init(&answers.come, 0, 0);
	c.to = proxy_of(client, "T.S.Coro", "127.0.0.1", u.port);
	for (int i = 0; i < N; i++)
		calls[i] = tars_invoke_begin(&c, &T_Rpc_iface, F_WORK, &in);
	for (int i = 0; i < N; i++) {
		struct T_Rpc_work_out out;

		assert_int_equal(tars_invoke_end(calls[i], &out), 0);
		assert_int_equal(out.result, 8);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(tars_invoke_async(&c, &T_Rpc_iface, F_WORK, &in, on_answer,
						   &answers), 0);
	for (int i = 0; i < N; i++)
		sem_wait(&answers.come);
	assert_int_equal(answers.n_ok, N);
	assert_int_equal(tars_invoke_oneway(&c, &T_Rpc_iface, F_WORK, &in), 0);
	for (int i = 0; i < 3000 && n_served < 2 * N + 1; i++)
		usleep(10000);
	assert_int_equal(n_served, 2 * N + 1);
	tars_end(c.rq);
	tars_stop(client);
	rpc_server_stop(&u.s, 1000);
}

/* The answer comes from the address that was called, or the caller's kernel would drop it. */
static void test_answers_from_where_it_was_called(void **state)
{
	static const char *const hosts[] = { "*", "0.0.0.0" };
	struct tars_app *client = rpc_client();
	struct tars_call c = { .rq = tars_begin(client), .timeout_ms = 20000 };
	int result;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct udp u = { .s.conf.reactors = 1 };

		udp_start(&u, hosts[i]);
		c.to = proxy_of(client, "T.S.Inline", "127.0.0.9", u.port);
		assert_int_equal(call_work(&c, "double", 1, &result), 0);
		rpc_server_stop(&u.s, 1000);
	}
	tars_end(c.rq);
	tars_stop(client);
}

/* ---- sizes ---- */

static void test_sizes(void **state)
{
	struct tars_app *client = rpc_client();
	struct tars_call c = { .rq = tars_begin(client), .timeout_ms = 20000 };
	struct T_Rpc_echo_out out;
	struct udp u = { .s.conf.reactors = 1 };
	char *large = calloc(1, 70001);

	(void)state;
	udp_start(&u, "127.0.0.1");
	c.to = proxy_of(client, "T.S.Big", "127.0.0.1", u.port);
	assert_int_equal(call_echo(&c, "65000", &out), 0);
	assert_int_equal(out.back.n, 65000);
	/* An answer that fits no datagram is an answer all the same. */
	assert_int_equal(call_echo(&c, "70000", &out), TARS_EENCODE);
	assert_non_null(strstr(c.error, "more than the limit of 65507"));
	/* And a request is not even sent. */
	memset(large, 'y', 70000);
	assert_int_equal(call_echo(&c, large, &out), TARS_ESEND);
	assert_non_null(strstr(c.error, "not sent: the request has 70"));
	assert_int_equal(call_echo(&c, "10", &out), 0);   /* the next one goes */
	free(large);
	tars_end(c.rq);
	tars_stop(client);
	rpc_server_stop(&u.s, 1000);
}

/* ---- strangers ---- */

static void await_bad(struct udp *u, unsigned n)
{
	for (int i = 0; i < 3000 && u->adapter->drops[DROP_DATAGRAM] < n; i++)
		usleep(10000);
	assert_int_equal(u->adapter->drops[DROP_DATAGRAM], n);
}

static void test_no_packets(void **state)
{
	static const uint8_t twice[] = { 0, 0, 0, 5, 0x0c, 0, 0, 0, 5, 0x0c };
	struct udp u = { .s.conf.reactors = 1 };
	struct tars_app *client = rpc_client();
	struct tars_call c = { .rq = tars_begin(client), .timeout_ms = 20000 };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), result;

	(void)state;
	udp_start(&u, "127.0.0.1");
	to.sin_port = htons((uint16_t)u.port);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(fd, "", 0, 0), 0);
	assert_int_equal(send(fd, "\0\0\0\x30\x10\x01", 6, 0), 6);   /* the rest never comes */
	assert_int_equal(send(fd, twice, sizeof(twice), 0), (ssize_t)sizeof(twice));
	assert_int_equal(send(fd, "\xff\xff\xff\xff\xff", 5, 0), 5);
	assert_int_equal(send(fd, "\0\0\0\5\xff", 5, 0), 5);         /* a packet without a head */
	await_bad(&u, 5);
	assert_int_equal(recv(fd, &result, 1, MSG_DONTWAIT), -1);    /* nobody is answered */
	c.to = proxy_of(client, "T.S.Inline", "127.0.0.1", u.port);
	assert_int_equal(call_work(&c, "double", 2, &result), 0);
	close(fd);
	tars_end(c.rq);
	tars_stop(client);
	rpc_server_stop(&u.s, 1000);
}

/* allow and deny hold for datagrams as for connections: who is denied is not even answered. */
static void test_denied_peers(void **state)
{
	struct tars_app *client = rpc_client();
	struct tars_call c = { .rq = tars_begin(client), .timeout_ms = 300 };
	struct udp u = { .s.conf.reactors = 1 };
	struct arena a;
	struct err e;
	int result;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_int_equal(iplist_parse("10.1.2.3", &u.conf.peers.allow, &a, &e), 0);
	udp_start(&u, "127.0.0.1");
	c.to = proxy_of(client, "T.S.Inline", "127.0.0.1", u.port);
	assert_int_equal(call_work(&c, "double", 2, &result), TARS_ETIMEOUT);
	assert_true(u.adapter->drops[DROP_CONN_DENIED] > 0);
	assert_int_equal(n_served, 0);
	tars_end(c.rq);
	tars_stop(client);
	rpc_server_stop(&u.s, 1000);
	arena_clear(&a);
}

static void test_nobody_there(void **state)
{
	struct tars_app *client = rpc_client();
	struct tars_call c = { .rq = tars_begin(client), .timeout_ms = 20000 };
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), result;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(fd, (struct sockaddr *)&a, &size);
	close(fd);
	c.to = proxy_of(client, "T.S.Inline", "127.0.0.1", ntohs(a.sin_port));
	/* Not after 20 s: the kernel says that nothing listens there. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(call_work(&c, "double", 2, &result), TARS_ECONNECT);
		assert_non_null(strstr(c.error, "nothing listens there"));
	}
	tars_end(c.rq);
	tars_stop(client);
}

/* Reflection makes much of little, and whom it goes to may never have asked. */
static void test_no_reflection(void **state)
{
	static const struct tars_type none = { .name = "none", .kind = TARS_STRUCT, .size = 1 };
	static const struct tars_func func = { "tars_describe", &none, &none };
	static const struct tars_iface iface = { "tars::Reflection", &func, 1, NULL };
	struct tars_app *client = rpc_client();
	struct tars_call c = { .rq = tars_begin(client), .timeout_ms = 20000 };
	struct udp u = { .s.conf.reactors = 1 };
	char in = 0, out;

	(void)state;
	udp_start(&u, "127.0.0.1");
	c.to = proxy_of(client, "T.S.Inline", "127.0.0.1", u.port);
	assert_int_equal(tars_invoke(&c, &iface, 0, &in, &out), TARS_ENOFUNC);
	tars_end(c.rq);
	tars_stop(client);
	rpc_server_stop(&u.s, 1000);
}

static void test_bad_conf(void **state)
{
	struct adapter_conf conf = { .name = "T.S.A", .access_key = "a", .secret_key = "s",
				     .ep = { .host = "127.0.0.1", .type = ENDPOINT_UDP, .auth = 1 } };
	struct tars_app *app = rpc_client();
	struct err e;

	(void)state;
	assert_int_equal(app_listen(app, &conf, NULL, &e), TARS_ECONF);
	assert_non_null(strstr(e.text, "cannot have -e 1: there is no connection"));
	conf.ep.auth = 0;
	strcpy(conf.ep.host, "/tmp/x.sock");
	assert_int_equal(app_listen(app, &conf, NULL, &e), TARS_ECONF);
	assert_non_null(strstr(e.text, "cannot have a socket file"));
	tars_stop(app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_modes),
		cmocka_unit_test(test_async_oneway_and_fan_out),
		cmocka_unit_test(test_answers_from_where_it_was_called),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_no_packets),
		cmocka_unit_test(test_denied_peers),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_no_reflection),
		cmocka_unit_test(test_bad_conf),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rpc-udp", tests, NULL, NULL);
}
