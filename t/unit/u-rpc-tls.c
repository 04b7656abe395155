/* Calls over TLS: whom each side trusts, by object; certificates that change under load. */
#include "t/unit/rpc-test.h"

#include <openssl/ssl.h>
#include <signal.h>

#include "t/unit/certs.h"

static struct certs certs;

static int echo(struct tars_req *rq, const struct T_Rpc_echo_in *in, struct T_Rpc_echo_out *out)
{
	(void)rq;
	out->back = in->text;
	return TARS_OK;
}

static const struct T_Rpc impl = { .echo = echo };

static void secure_server_start(struct rpc_server *s, bool verify)
{
	s->secure = true;
	s->servants[0] = (struct tars_servant){ "T.S.Obj", &T_Rpc_iface, &impl, TARS_RUN_POOL };
	s->servants[1] = (struct tars_servant){ "T.S.Coro", &T_Rpc_iface, &impl, TARS_RUN_CORO };
	s->servants[2] = (struct tars_servant){ "T.S.Inline", &T_Rpc_iface, &impl,
						TARS_RUN_INLINE };
	s->adapter.tls = (struct tls_conf){ .ca = certs_path(&certs, "ca.pem"),
					    .cert = certs_path(&certs, "server.pem"),
					    .key = certs_path(&certs, "server.key"),
					    .verify_client = verify };
	rpc_server_start(s);
}

/* ca, cert: names without ".pem"; NULL: none. */
static void secure(struct tars_app *client, const char *object, const char *ca, const char *cert)
{
	char pem[64], key[64], error[512] = "";
	struct tars_security s = { .object = object };

	if (ca) {
		snprintf(pem, sizeof(pem), "%s.pem", ca);
		s.ca = certs_path(&certs, pem);
	}
	if (cert) {
		snprintf(pem, sizeof(pem), "%s.pem", cert);
		snprintf(key, sizeof(key), "%s.key", cert);
		s.cert = certs_path(&certs, pem);
		s.key = certs_path(&certs, key);
	}
	assert_int_equal(tars_secure(client, &s, error, sizeof(error)), 0);
	assert_string_equal(error, "");
}

static int say(struct tars_app *client, const char *object, const char *host, int port,
	       char *error, size_t size)
{
	struct tars_req *rq = tars_begin(client);
	struct T_Rpc_echo_out out;
	struct tars_call c = { .rq = rq, .timeout_ms = 20000 };
	char text[128];
	int rc;

	snprintf(text, sizeof(text), "%s@ssl -h %s -p %d", object, host, port);
	c.to = tars_proxy(client, text);
	rc = call_echo(&c, "hello", &out);
	if (!rc)
		assert_string_equal(out.back.p, "hello");
	snprintf(error, size, "%s", c.error);
	tars_end(rq);
	return rc;
}

static void say_well(struct tars_app *client, const char *object, const char *host, int port)
{
	char error[512];

	assert_int_equal(say(client, object, host, port, error, sizeof(error)), 0);
	assert_string_equal(error, "");
}

static void say_in_vain(struct tars_app *client, const char *object, const char *host, int port,
			const char *part)
{
	char error[512];

	assert_int_equal(say(client, object, host, port, error, sizeof(error)), TARS_ECONNECT);
	if (!strstr(error, part)) {
		print_error("\"%s\" instead of \"%s\"\n", error, part);
		fail();
	}
}

/* The first is the adapter under test. */
static struct adapter *adapter_of(struct rpc_server *s)
{
	return container_of(s->app->adapters.next, struct adapter, node);
}

static void await_failures(struct rpc_server *s, unsigned n)
{
	for (int i = 0; i < 3000 && adapter_of(s)->drops[DROP_TLS] < n; i++)
		usleep(10000);
	assert_int_equal(adapter_of(s)->drops[DROP_TLS], n);
}

/* ---- whom they trust ---- */

static void test_run_modes(void **state)
{
	struct rpc_server s = { .conf.reactors = 2 };
	struct tars_app *client = rpc_client();

	(void)state;
	secure_server_start(&s, false);
	say_well(client, "T.S.Obj", "127.0.0.1", s.port);    /* nobody was told to compare */
	say_well(client, "T.S.Coro", "localhost", s.port);
	say_well(client, "T.S.Inline", "127.0.0.1", s.port);
	assert_int_equal(adapter_of(&s)->drops[DROP_TLS], 0);
	tars_stop(client);
	rpc_server_stop(&s, 1000);
}

static void test_by_object(void **state)
{
	struct rpc_server s = { 0 };
	struct tars_app *client = rpc_client();

	(void)state;
	secure_server_start(&s, false);
	secure(client, NULL, "other", NULL);
	secure(client, "T.S.Obj", "ca", NULL);
	say_well(client, "T.S.Obj", "localhost", s.port);
	say_in_vain(client, "T.S.Coro", "localhost", s.port, "the certificate is refused: ");
	await_failures(&s, 1);
	/* The newest row counts, for connections from then on. */
	secure(client, "T.S.Inline", "other", NULL);
	secure(client, "T.S.Inline", "ca", NULL);
	say_well(client, "T.S.Inline", "localhost", s.port);
	tars_stop(client);
	rpc_server_stop(&s, 1000);
}

static void test_host_name(void **state)
{
	struct rpc_server s = { 0 };
	struct tars_app *client = rpc_client();

	(void)state;
	certs_make(&certs, "server", "DNS:elsewhere.test", 30);
	secure_server_start(&s, false);
	certs_make(&certs, "server", "DNS:localhost", 30);
	secure(client, NULL, "ca", NULL);
	say_in_vain(client, "T.S.Obj", "localhost", s.port, "hostname mismatch");
	say_well(client, "T.S.Obj", "127.0.0.1", s.port);
	tars_stop(client);
	rpc_server_stop(&s, 1000);
}

static void test_client_certificate(void **state)
{
	struct rpc_server s = { 0 };
	struct tars_app *client = rpc_client();

	(void)state;
	secure_server_start(&s, true);
	secure(client, "T.S.Obj", "ca", "client");
	secure(client, "T.S.Coro", "ca", "foreign");
	say_well(client, "T.S.Obj", "localhost", s.port);
	say_in_vain(client, "T.S.Coro", "localhost", s.port,
		    "its ca has not signed our certificate");
	say_in_vain(client, "T.S.Inline", "localhost", s.port, "set cert and key");
	/* And again: one connection's security is never another object's. */
	say_well(client, "T.S.Obj", "localhost", s.port);
	say_in_vain(client, "T.S.Inline", "localhost", s.port, "set cert and key");
	tars_stop(client);
	rpc_server_stop(&s, 1000);
}

static void test_bad_conf(void **state)
{
	struct tars_app *client = rpc_client();
	struct tars_security none = { .ca = "/none.pem" };
	struct adapter_conf adapter = { .name = "T.S.Adapter", .ep = { .host = "127.0.0.1",
					.type = ENDPOINT_SSL } };
	char error[512];
	struct err e;

	(void)state;
	assert_int_equal(tars_secure(client, &none, error, sizeof(error)), TARS_ECONF);
	assert_string_equal(error, "client: TLS: cannot read the file of ca, '/none.pem': "
			    "No such file or directory");
	assert_int_equal(app_listen(client, &adapter, NULL, &e), TARS_ECONF);
	assert_string_equal(e.text, "adapter T.S.Adapter: TLS: no cert: a server needs cert and "
			    "key");
	tars_stop(client);
}

/* ---- strangers ---- */

static void say_well_later(struct rpc_server *s)
{
	struct tars_app *client = rpc_client();

	say_well(client, "T.S.Obj", "localhost", s->port);
	tars_stop(client);
}

static void await_end(int fd)
{
	char data[64];

	while (recv(fd, data, sizeof(data), 0) > 0)
		;
	close(fd);
}

static void test_strangers(void **state)
{
	struct rpc_server s = { .adapter.handshake_ms = 1000 };
	int fd, silent;

	(void)state;
	secure_server_start(&s, false);
	silent = raw_connect(s.port);           /* must not hold its place for ever */
	fd = raw_connect(s.port);
	assert_int_equal(send(fd, "\0\0\0\x30\x10\x01\x2c\x3c", 8, 0), 8);
	await_end(fd);
	await_end(silent);
	await_failures(&s, 2);
	close(raw_connect(s.port));             /* a health check is no failure */
	say_well_later(&s);
	await_failures(&s, 2);
	rpc_server_stop(&s, 1000);
}

/* ---- certificates that change ---- */

struct load {
	pthread_t thread;
	struct tars_app *app;
	int port;
	_Atomic bool stop;
	_Atomic unsigned n, n_failed;
};

static void *call_on(void *arg)
{
	struct load *c = arg;
	char error[512];

	while (!c->stop) {
		if (say(c->app, "T.S.Obj", "localhost", c->port, error, sizeof(error))) {
			print_error("%s\n", error);
			c->n_failed++;
		}
		c->n++;
	}
	return NULL;
}

static void wait_for_calls(struct load *c, unsigned n)
{
	unsigned until = c->n + n;

	while (c->n < until && !c->n_failed)
		usleep(1000);
}

/* Whom a new connection meets: the serial number of the server's certificate. */
static long serial_now(int port)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = raw_connect(port);
	long serial;
	X509 *cert;

	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	cert = SSL_get1_peer_certificate(ssl);
	serial = ASN1_INTEGER_get(X509_get0_serialNumber(cert));
	X509_free(cert);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return serial;
}

static void await_serial(int port, long serial)
{
	for (int i = 0; i < 3000 && serial_now(port) != serial; i++)
		usleep(10000);
	assert_int_equal(serial_now(port), serial);
}

/* The files change while calls are under way: none of them notices, and nobody connects again. */
static void test_reload_under_load(void **state)
{
	struct rpc_server s = { .conf = { .reactors = 2, .tls_check_ms = 20 } };
	struct load c = { .app = rpc_client() };

	(void)state;
	secure_server_start(&s, false);
	secure(c.app, NULL, "ca", NULL);
	c.port = s.port;
	assert_int_equal(pthread_create(&c.thread, NULL, call_on, &c), 0);
	wait_for_calls(&c, 100);
	for (int i = 0; i < 3; i++) {
		certs_make(&certs, "server", "DNS:localhost", 31 + i);
		await_serial(s.port, certs.serial);
		wait_for_calls(&c, 100);
	}
	/* A file that is no good changes nothing. */
	certs_write(&certs, "server.pem", NULL, NULL);
	wait_for_calls(&c, 100);
	assert_int_equal(serial_now(s.port), certs.serial);
	certs_make(&certs, "server", "DNS:localhost", 30);
	await_serial(s.port, certs.serial);
	c.stop = true;
	pthread_join(c.thread, NULL);
	assert_int_equal(c.n_failed, 0);
	for (int i = 0; i < 3000 && adapter_of(&s)->n_conns > 1; i++)
		usleep(10000);   /* those of serial_now end */
	assert_int_equal(adapter_of(&s)->n_conns, 1);
	tars_stop(c.app);
	rpc_server_stop(&s, 1000);
}

/* What AdminObj can ask for, in a handler or a plain thread. */
static void test_forced_reload(void **state)
{
	struct rpc_server s = { .conf.tls_check_ms = 3600000 };
	long first;
	struct err e = { 0 };

	(void)state;
	secure_server_start(&s, false);
	first = serial_now(s.port);
	certs_make(&certs, "server", "DNS:localhost", 30);
	assert_int_equal(serial_now(s.port), first);
	assert_int_equal(app_reload_tls(s.app, &e), 1);
	assert_int_equal(serial_now(s.port), certs.serial);
	certs_write(&certs, "server.key", NULL, NULL);
	assert_int_equal(app_reload_tls(s.app, &e), TARS_ECONF);
	assert_non_null(strstr(e.text, "/server.key' is no private key"));
	assert_int_equal(serial_now(s.port), certs.serial);
	certs_make(&certs, "server", "DNS:localhost", 30);
	rpc_server_stop(&s, 1000);
}

static int begin(void **state)
{
	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "server", "DNS:localhost", 30);
	certs_make(&certs, "client", NULL, 30);
	certs_make_foreign(&certs, "foreign", NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	certs_end(&certs);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_modes),
		cmocka_unit_test(test_by_object),
		cmocka_unit_test(test_host_name),
		cmocka_unit_test(test_client_certificate),
		cmocka_unit_test(test_bad_conf),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_reload_under_load),
		cmocka_unit_test(test_forced_reload),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rpc-tls", tests, begin, end);
}
