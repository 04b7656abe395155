/* Proxies: look-ups in a registry, its absence, changing routes, and peers that misbehave. */
#include "t/unit/rpc-test.h"

#include "if/QueryF.h"

/* ---- servers with a name ---- */

static int echo(struct tars_req *rq, const struct T_Rpc_echo_in *in, struct T_Rpc_echo_out *out)
{
	(void)in;
	out->back = tars_strf(rq, "%s", (const char *)tars_data(rq));
	return TARS_OK;
}

static const struct T_Rpc impl = { .echo = echo };

static struct rpc_server *named_server(const char *name, int port)
{
	struct rpc_server *s = calloc(1, sizeof(*s));

	s->port = port;
	s->servants[0] = (struct tars_servant){ "T.S.Obj", &T_Rpc_iface, &impl, TARS_RUN_INLINE,
						(void *)name };
	rpc_server_start(s);
	return s;
}

static void server_free(struct rpc_server *s)
{
	rpc_server_stop(s, 1000);
	free(s);
}

/* ---- a registry whose answers the test sets ---- */

struct registry {
	struct rpc_server *server;
	_Atomic int ports[4];        /* of the active endpoints; 0: none */
	_Atomic int inactive;        /* port of one; 0: none */
	_Atomic int ret;
	_Atomic int asked;
	char locator[128];
};

static int find(struct tars_req *rq, const struct tars_QueryF_findObjectByIdInSameGroup_in *in,
		struct tars_QueryF_findObjectByIdInSameGroup_out *out)
{
	struct registry *r = tars_data(rq);

	assert_string_equal(in->id.p, "T.S.Obj");
	if (r->inactive) {
		struct tars_EndpointF *ep = TARS_PUSH(rq, &out->inactiveEp);

		ep->host = TARS_STR("127.0.0.1");
		ep->port = r->inactive;
		ep->istcp = 1;
	}
	for (int i = 0; i < 4 && r->ports[i]; i++) {
		struct tars_EndpointF *ep = TARS_PUSH(rq, &out->activeEp);

		ep->host = TARS_STR("127.0.0.1");
		ep->port = r->ports[i];
		ep->istcp = ENDPOINT_TCP;
		ep->timeout = 3000;
	}
	out->ret = r->ret;
	r->asked++;
	return TARS_OK;
}

static const struct tars_QueryF query_impl = { .findObjectByIdInSameGroup = find };

static struct registry *registry_start(void)
{
	struct registry *r = calloc(1, sizeof(*r));

	r->server = calloc(1, sizeof(*r->server));
	r->server->servants[0] = (struct tars_servant){
		"tars.tarsregistry.QueryObj", &tars_QueryF_iface, &query_impl, TARS_RUN_CORO, r };
	rpc_server_start(r->server);
	snprintf(r->locator, sizeof(r->locator),
		 "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p %d", r->server->port);
	return r;
}

static void registry_free(struct registry *r)
{
	if (r->server)
		server_free(r->server);
	free(r);
}

/* ---- a client with an app of its own configuration ---- */

struct client {
	struct rpc_server s;         /* only its app and thread are used */
	struct tars_req *rq;
	struct tars_call c;
};

static struct client *client_start(const struct app_conf *conf)
{
	struct client *c = calloc(1, sizeof(*c));

	c->s.conf = *conf;
	rpc_server_start(&c->s);
	c->rq = tars_begin(c->s.app);
	c->c = (struct tars_call){ .to = tars_proxy(c->s.app, "T.S.Obj"), .rq = c->rq };
	return c;
}

static void client_free(struct client *c)
{
	tars_end(c->rq);
	rpc_server_stop(&c->s, 0);
	free(c);
}

static int ask(struct client *c, const char **name)
{
	struct T_Rpc_echo_out out;
	int rc = call_echo(&c->c, "", &out);

	*name = rc ? "" : out.back.p;
	return rc;
}

/* The loop may have looked for posts before it looked at a connection that has ended. */
static int ask_again(struct client *c, const char **name)
{
	int rc = ask(c, name);

	return rc == TARS_ECONNECT && strstr(c->c.error, "may have been executed") ? ask(c, name)
										    : rc;
}

/* ---- tests: look-ups ---- */

static void test_by_name_in_turn(void **state)
{
	struct registry *r = registry_start();
	struct rpc_server *a = named_server("a", 0), *b = named_server("b", 0);
	struct client *c = client_start(&(struct app_conf){ .locator = r->locator });
	int seen[2] = { 0 };
	const char *name;

	(void)state;
	r->ports[0] = a->port;
	r->ports[1] = b->port;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask(c, &name), 0);
		seen[*name == 'b']++;
	}
	/* While one is being connected, calls go to the other. */
	assert_in_range(seen[0], 5, 15);
	assert_int_equal(r->asked, 1);
	/* One goes: the other takes over without an error. */
	server_free(a);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(i ? ask(c, &name) : ask_again(c, &name), 0);
		assert_string_equal(name, "b");
	}
	/* Both are gone. */
	server_free(b);
	assert_int_equal(ask_again(c, &name), TARS_ECONNECT);
	assert_non_null(strstr(c->c.error, "T.S.Obj.echo at tcp 127.0.0.1:"));
	assert_non_null(strstr(c->c.error, "nothing listens there"));
	client_free(c);
	registry_free(r);
}

static void test_nothing_active(void **state)
{
	struct registry *r = registry_start();
	struct client *c = client_start(&(struct app_conf){ .locator = r->locator });
	const char *name;

	(void)state;
	/* One that is known, but not active, changes nothing. */
	r->inactive = 1;
	assert_int_equal(ask(c, &name), TARS_ENOENDPOINT);
	assert_non_null(strstr(c->c.error, "T.S.Obj.echo: no endpoint: the registry tars."));
	assert_non_null(strstr(c->c.error, "knows no active server for it (tars ctl list)"));
	/* Calls right after it share that answer. */
	assert_int_equal(ask(c, &name), TARS_ENOENDPOINT);
	assert_int_equal(r->asked, 1);
	client_free(c);
	registry_free(r);
}

static void test_registry_away(void **state)
{
	struct app_conf conf = { .locator = "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p 1" };
	struct client *c = client_start(&conf);
	const char *name;

	(void)state;
	assert_int_equal(ask(c, &name), TARS_ENOENDPOINT);
	assert_non_null(strstr(c->c.error, "no endpoint: tars.tarsregistry.QueryObj."
			       "findObjectByIdInSameGroup at tcp 127.0.0.1:1: "));
	client_free(c);
}

static void test_cache_on_disk(void **state)
{
	char path[] = "/tmp/u-proxy-XXXXXX";
	struct registry *r = registry_start();
	struct rpc_server *a = named_server("a", 0);
	struct app_conf conf = { .locator = r->locator, .cache_path = path };
	struct client *c;
	const char *name;

	(void)state;
	close(mkstemp(path));
	r->ports[0] = a->port;
	c = client_start(&conf);
	assert_int_equal(ask(c, &name), 0);
	client_free(c);                /* the end waits until the file is written */
	server_free(r->server);
	r->server = NULL;
	c = client_start(&conf);       /* a new start without a registry */
	assert_int_equal(ask(c, &name), 0);
	assert_string_equal(name, "a");
	client_free(c);
	server_free(a);
	registry_free(r);
	unlink(path);
}

static void test_broken_cache_file(void **state)
{
	static const char rubbish[] =
		"active T.S.Obj@tcp -h\nactive\n\n@\nactive @x\n\xff\xfe 1@2\n";
	char path[] = "/tmp/u-proxy-XXXXXX";
	struct app_conf conf = { .locator = "tars.tarsregistry.QueryObj@tcp -h 127.0.0.1 -p 1",
				 .cache_path = path };
	struct client *c;
	const char *name;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, rubbish, sizeof(rubbish)), sizeof(rubbish));
	close(fd);
	c = client_start(&conf);
	assert_int_equal(ask(c, &name), TARS_ENOENDPOINT);
	client_free(c);
	unlink(path);
}

static void test_route_changes(void **state)
{
	struct registry *r = registry_start();
	struct rpc_server *a = named_server("a", 0), *b = named_server("b", 0);
	struct client *c = client_start(&(struct app_conf){ .locator = r->locator,
							    .refresh_ms = 20, .reactors = 2 });
	const char *name;
	int asked;

	(void)state;
	r->ports[0] = a->port;
	assert_int_equal(ask(c, &name), 0);
	assert_string_equal(name, "a");
	r->ports[0] = b->port;
	do
		assert_int_equal(ask(c, &name), 0);
	while (strcmp(name, "b"));
	/* An empty answer does not take the endpoints away, nor does an error. */
	r->ports[0] = 0;
	asked = r->asked;
	while (r->asked < asked + 1)
		assert_int_equal(ask(c, &name), 0);
	assert_int_equal(ask(c, &name), 0);
	assert_string_equal(name, "b");
	client_free(c);
	server_free(a);
	server_free(b);
	registry_free(r);
}

/* ---- tests: a peer that misbehaves ---- */

struct bad_peer {
	int listener, fd, port;
	struct buf in;
	struct arena arena;
};

static void bad_peer_open(struct bad_peer *p)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);

	*p = (struct bad_peer){ .listener = socket(AF_INET, SOCK_STREAM, 0) };
	arena_init(&p->arena, NULL, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(p->listener, 8), 0);
	getsockname(p->listener, (struct sockaddr *)&at, &n);
	p->port = ntohs(at.sin_port);
}

static void bad_peer_accept(struct bad_peer *p)
{
	p->fd = accept(p->listener, NULL, NULL);
	assert_true(p->fd >= 0);
}

static void bad_peer_close(struct bad_peer *p)
{
	close(p->fd);
	close(p->listener);
	buf_release(&p->in);
	arena_clear(&p->arena);
}

static int32_t read_request(struct bad_peer *p)
{
	struct request_packet head;

	assert_true(raw_receive(p->fd, &p->in));
	assert_int_equal(packet_get_request(buf_head(&p->in), buf_size(&p->in), &head, &p->arena,
					    NULL), 0);
	return head.request_id;
}

static void send_reply(struct bad_peer *p, struct response_packet *r)
{
	struct T_Rpc_echo_out out = { .back = TARS_STR("fine") };
	struct buf b = BUF_INIT;
	size_t mark = packet_begin_response(&b, r);

	codec_put_flat(&b, &echo_out_type, &out, 0);
	packet_end_response(&b, mark, r);
	raw_send(p->fd, &b);
	buf_release(&b);
}

struct misbehaviour {
	struct bad_peer peer;
	struct tars_app *client;
	struct tars_req *rq;
	struct tars_call c;
	struct tars_pending *call;
};

static void misbehaviour_begin(struct misbehaviour *m, int timeout_ms)
{
	struct T_Rpc_echo_in in = { .text = TARS_STR("x") };

	memset(m, 0, sizeof(*m));
	bad_peer_open(&m->peer);
	m->client = rpc_client();
	m->rq = tars_begin(m->client);
	m->c = (struct tars_call){ .to = rpc_proxy(m->client, "T.S.Obj", m->peer.port),
				   .rq = m->rq, .timeout_ms = timeout_ms };
	m->call = tars_invoke_begin(&m->c, &T_Rpc_iface, F_ECHO, &in);
	bad_peer_accept(&m->peer);
}

static void misbehaviour_end(struct misbehaviour *m)
{
	tars_end(m->rq);
	tars_stop(m->client);
	bad_peer_close(&m->peer);
}

static void test_time_out_and_late_answer(void **state)
{
	struct T_Rpc_echo_in in = { .text = TARS_STR("x") };
	struct T_Rpc_echo_out out;
	struct misbehaviour m;
	int32_t first;

	(void)state;
	/* Long enough to be sent, even on a slow machine. */
	misbehaviour_begin(&m, 1500);
	first = read_request(&m.peer);
	assert_int_equal(tars_invoke_end(m.call, &out), TARS_ETIMEOUT);
	assert_non_null(strstr(tars_error(m.rq), "T.S.Obj.echo at tcp 127.0.0.1:"));
	assert_non_null(strstr(tars_error(m.rq), ": no reply within 1500 ms"));
	/* The answer that comes too late is dropped, the next call is not confused. */
	m.c.timeout_ms = 60000;
	m.call = tars_invoke_begin(&m.c, &T_Rpc_iface, F_ECHO, &in);
	send_reply(&m.peer, &(struct response_packet){ .version = VERSION_TARS,
						       .request_id = first });
	send_reply(&m.peer, &(struct response_packet){ .version = VERSION_TARS,
						       .request_id = read_request(&m.peer) });
	assert_int_equal(tars_invoke_end(m.call, &out), 0);
	assert_string_equal(out.back.p, "fine");
	misbehaviour_end(&m);
}

static void test_peer_dies_during_the_call(void **state)
{
	struct T_Rpc_echo_out out;
	struct misbehaviour m;

	(void)state;
	misbehaviour_begin(&m, 60000);
	read_request(&m.peer);
	close(m.peer.fd);
	assert_int_equal(tars_invoke_end(m.call, &out), TARS_ECONNECT);
	assert_non_null(strstr(tars_error(m.rq), "the call may have been executed"));
	misbehaviour_end(&m);
}

static void expect_refusal(struct response_packet *r, const char *why)
{
	struct T_Rpc_echo_out out;
	struct misbehaviour m;

	misbehaviour_begin(&m, 60000);
	r->request_id = read_request(&m.peer);
	send_reply(&m.peer, r);
	assert_int_equal(tars_invoke_end(m.call, &out), TARS_ECONNECT);
	if (!strstr(tars_error(m.rq), why))
		fail_msg("'%s' is not in: %s", why, tars_error(m.rq));
	misbehaviour_end(&m);
}

static void test_wrong_replies_close_the_connection(void **state)
{
	(void)state;
	expect_refusal(&(struct response_packet){ .version = 2 }, "iVersion 2");
	expect_refusal(&(struct response_packet){ .version = 1, .packet_type = 1 },
		       "cPacketType 1");
	expect_refusal(&(struct response_packet){ .version = 1, .ret = -100 }, "iRet -100");
}

static void test_undecodable_reply(void **state)
{
	struct response_packet r = { .version = VERSION_TARS };
	struct T_Rpc_echo_out out;
	struct misbehaviour m;
	struct buf b = BUF_INIT;

	(void)state;
	misbehaviour_begin(&m, 60000);
	r.request_id = read_request(&m.peer);
	packet_put_response(&b, &r);   /* an empty body */
	raw_send(m.peer.fd, &b);
	assert_int_equal(tars_invoke_end(m.call, &out), TARS_ECLIENTDECODE);
	assert_non_null(strstr(tars_error(m.rq), "T.S.Obj.echo: the reply cannot be decoded: "));
	buf_release(&b);
	misbehaviour_end(&m);
}

/* "_reconnect_": calls under way are answered on the old connection, new ones take a new one. */
static void test_reconnect_push(void **state)
{
	struct T_Rpc_echo_in in = { .text = TARS_STR("x") };
	struct response_packet r = { .version = VERSION_TARS, .desc = TARS_STR("_reconnect_") };
	struct tars_pending *second;
	struct T_Rpc_echo_out out;
	struct misbehaviour m;
	struct buf b = BUF_INIT;
	int32_t first;
	int old;

	(void)state;
	misbehaviour_begin(&m, 60000);
	first = read_request(&m.peer);
	second = tars_invoke_begin(&m.c, &T_Rpc_iface, F_ECHO, &in);
	r.request_id = read_request(&m.peer);
	old = m.peer.fd;
	r.desc.n = 0;
	send_reply(&m.peer, &r);       /* answers the second, so that the push is in step */
	assert_int_equal(tars_invoke_end(second, &out), 0);
	r.desc = TARS_STR("_reconnect_");
	r.request_id = 0;
	packet_put_response(&b, &r);
	raw_send(old, &b);
	r.desc.n = 0;
	r.request_id = first;
	send_reply(&m.peer, &r);
	assert_int_equal(tars_invoke_end(m.call, &out), 0);
	/* The retired connection closes with its last call. */
	assert_false(raw_receive(old, &m.peer.in));
	m.call = tars_invoke_begin(&m.c, &T_Rpc_iface, F_ECHO, &in);
	bad_peer_accept(&m.peer);
	close(old);
	r.request_id = read_request(&m.peer);
	send_reply(&m.peer, &r);
	assert_int_equal(tars_invoke_end(m.call, &out), 0);
	buf_release(&b);
	misbehaviour_end(&m);
}

static void test_stop_cancels(void **state)
{
	struct T_Rpc_echo_out out;
	struct misbehaviour m;

	(void)state;
	misbehaviour_begin(&m, 60000);
	read_request(&m.peer);
	app_stop(m.client, 0);
	assert_int_equal(tars_invoke_end(m.call, &out), TARS_ECANCEL);
	assert_int_equal(call_echo(&m.c, "x", &out), TARS_ECANCEL);
	misbehaviour_end(&m);
}

static void test_host_names(void **state)
{
	struct rpc_server *a = named_server("a", 0);
	struct tars_app *client = rpc_client();
	struct tars_req *rq = tars_begin(client);
	struct tars_call c = { .rq = rq };
	struct T_Rpc_echo_out out;
	char object[128];

	(void)state;
	snprintf(object, sizeof(object), "T.S.Obj@tcp -h localhost -p %d", a->port);
	c.to = tars_proxy(client, object);
	assert_int_equal(call_echo(&c, "", &out), 0);
	c.to = tars_proxy(client, "T.S.Obj@tcp -h no-such-host.invalid -p 1");
	assert_int_equal(call_echo(&c, "", &out), TARS_ECONNECT);
	assert_non_null(strstr(c.error, "no-such-host.invalid"));
	tars_end(rq);
	tars_stop(client);
	server_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_name_in_turn),
		cmocka_unit_test(test_nothing_active),
		cmocka_unit_test(test_registry_away),
		cmocka_unit_test(test_cache_on_disk),
		cmocka_unit_test(test_broken_cache_file),
		cmocka_unit_test(test_route_changes),
		cmocka_unit_test(test_time_out_and_late_answer),
		cmocka_unit_test(test_peer_dies_during_the_call),
		cmocka_unit_test(test_wrong_replies_close_the_connection),
		cmocka_unit_test(test_undecodable_reply),
		cmocka_unit_test(test_reconnect_push),
		cmocka_unit_test(test_stop_cancels),
		cmocka_unit_test(test_host_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
