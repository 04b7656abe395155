/* TLS contexts: what is said about bad files, ciphers, and files that change. */
#include "t/unit/tls-pair.h"

static void assert_bad(enum tls_side side, const struct tls_conf *conf, const char *part)
{
	struct err e = { 0 };

	assert_null(tls_ctx_new(side, conf, &e));
	assert_int_equal(e.code, TARS_ECONF);
	if (!strstr(e.text, part)) {
		print_error("\"%s\" instead of \"%s\"\n", e.text, part);
		fail();
	}
}

static void write_text(const char *name, const char *text)
{
	FILE *f = fopen(certs_path(&certs, name), "w");

	fputs(text, f);
	fclose(f);
}

static void test_bad_files(void **state)
{
	const char *ca = certs_path(&certs, "ca.pem"), *none = certs_path(&certs, "none");
	const char *cert = certs_path(&certs, "server.pem"), *key = certs_path(&certs, "server.key");
	const char *text = certs_path(&certs, "text"), *other = certs_path(&certs, "client.key");
	const char *locked = certs_path(&certs, "locked.key");
	EVP_PKEY *k = EVP_EC_gen("P-256");
	FILE *f = fopen(locked, "w");

	(void)state;
	PEM_write_PKCS8PrivateKey(f, k, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
	fclose(f);
	EVP_PKEY_free(k);
	write_text("text", "this is no certificate\n");
	assert_bad(TLS_SERVER, &(struct tls_conf){ 0 }, "a server needs cert and key");
	assert_bad(TLS_SERVER, &(struct tls_conf){ .cert = cert }, "cert is set and key is not");
	assert_bad(TLS_CLIENT, &(struct tls_conf){ .key = key }, "key is set and cert is not");
	assert_bad(TLS_SERVER, &(struct tls_conf){ .cert = none, .key = key },
		   "/none': No such file or directory");
	assert_bad(TLS_SERVER, &(struct tls_conf){ .cert = cert, .key = none },
		   "cannot read the file of key, '");
	assert_bad(TLS_SERVER, &(struct tls_conf){ .cert = text, .key = key },
		   "/text' is no certificate in PEM form");
	assert_bad(TLS_SERVER, &(struct tls_conf){ .cert = cert, .key = text },
		   "/text' is no private key in PEM form without a password");
	assert_bad(TLS_SERVER, &(struct tls_conf){ .cert = cert, .key = locked },
		   "/locked.key' is no private key in PEM form without a password");
	assert_bad(TLS_SERVER, &(struct tls_conf){ .cert = cert, .key = other },
		   "/client.key' does not belong to cert '");
	assert_bad(TLS_SERVER, &(struct tls_conf){ .cert = cert, .key = key, .verify_client = true },
		   "verifyclient is set and ca is not");
	assert_bad(TLS_CLIENT, &(struct tls_conf){ .ca = none }, "cannot read the file of ca, '");
	assert_bad(TLS_CLIENT, &(struct tls_conf){ .ca = text }, "/text' has no certificate");
	assert_bad(TLS_CLIENT, &(struct tls_conf){ .ca = ca, .ciphers = "NO-SUCH-CIPHER" },
		   "ciphers 'NO-SUCH-CIPHER': no such cipher");
}

static const char *cipher_with(const char *server_ciphers, struct pair *p)
{
	struct tls_conf conf = { .cert = certs_path(&certs, "server.pem"),
				 .key = certs_path(&certs, "server.key"),
				 .ciphers = server_ciphers };
	struct err e = { 0 };
	struct tls_ctx *ctx = tls_ctx_new(TLS_SERVER, &conf, &e);

	assert_string_equal(e.text, "");
	pair_begin(p, context(TLS_CLIENT, NULL, NULL, false), ctx, NULL);
	shake_hands(p);
	return p->client_error.text;
}

static void test_ciphers(void **state)
{
	struct pair p;

	(void)state;
	assert_string_equal(cipher_with("ECDHE-ECDSA-AES128-GCM-SHA256", &p), "");
	pair_end(&p);
	assert_string_equal(cipher_with("TLS_AES_128_GCM_SHA256", &p), "");
	pair_end(&p);
	assert_string_equal(cipher_with(":TLS_AES_128_GCM_SHA256::HIGH:", &p), "");
	pair_end(&p);
}

/* The serial number of the certificate that a new client gets to see. */
static long serial_of(struct tls_ctx *server)
{
	struct raw r;
	struct err e;
	long serial;
	X509 *cert;

	r.server = tls_new(server, NULL, NULL);
	r.ctx = SSL_CTX_new(TLS_client_method());
	r.ssl = SSL_new(r.ctx);
	SSL_set_bio(r.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(r.ssl);
	assert_int_equal(raw_shake(&r, &e), TLS_OK);
	cert = SSL_get1_peer_certificate(r.ssl);
	serial = ASN1_INTEGER_get(X509_get0_serialNumber(cert));
	X509_free(cert);
	raw_end(&r);
	return serial;
}

static void test_refresh(void **state)
{
	struct tls_ctx *server, *client = context(TLS_CLIENT, "ca.pem", NULL, false);
	struct pair old;
	struct err e = { 0 };
	long first, second;

	(void)state;
	certs_make(&certs, "changing", "DNS:localhost", 1);
	server = context(TLS_SERVER, NULL, "changing", false);
	first = serial_of(server);
	tls_ctx_ref(server);
	pair_begin(&old, client, server, "localhost");
	shake_hands(&old);
	assert_int_equal(tls_ctx_refresh(server, false, &e), 0);
	assert_int_equal(tls_ctx_refresh(server, true, &e), 1);
	assert_int_equal(serial_of(server), first);

	certs_make(&certs, "changing", "DNS:localhost", 5);
	assert_int_equal(tls_ctx_refresh(server, false, &e), 1);
	second = serial_of(server);
	assert_int_not_equal(second, first);
	say(&old, old.client, old.server, 1000);   /* it goes on */
	say(&old, old.server, old.client, 1000);

	/* Half of a new pair: the old one stays, which is said once. */
	rename(certs_path(&certs, "client.pem"), certs_path(&certs, "aside.pem"));
	rename(certs_path(&certs, "changing.pem"), certs_path(&certs, "client.pem"));
	assert_int_equal(tls_ctx_refresh(server, false, &e), TARS_ECONF);
	assert_non_null(strstr(e.text, "/changing.pem': No such file or directory"));
	assert_int_equal(tls_ctx_refresh(server, false, &e), 0);
	assert_int_equal(tls_ctx_refresh(server, true, &e), TARS_ECONF);
	assert_int_equal(serial_of(server), second);
	rename(certs_path(&certs, "client.pem"), certs_path(&certs, "changing.pem"));
	rename(certs_path(&certs, "aside.pem"), certs_path(&certs, "client.pem"));
	assert_int_equal(tls_ctx_refresh(server, false, &e), 1);
	assert_int_equal(serial_of(server), second);
	pair_end(&old);
	tls_ctx_unref(server);
}

static void test_context_facts(void **state)
{
	struct tls_ctx *server = context(TLS_SERVER, "ca.pem", "server", true);
	struct tls_ctx *client = context(TLS_CLIENT, NULL, NULL, false);
	struct tls_conf conf = { .ca = certs_path(&certs, "ca.pem"),
				 .cert = certs_path(&certs, "server.pem"),
				 .key = certs_path(&certs, "server.key"), .verify_client = true };
	int64_t left_s = tls_ctx_expires(server) - time(NULL);

	(void)state;
	assert_true(left_s > 86000 && left_s <= 86400);
	assert_true(tls_ctx_expires(client) == INT64_MAX);
	assert_string_equal(tls_ctx_cert(server), conf.cert);
	assert_string_equal(tls_ctx_cert(client), "");
	assert_true(tls_ctx_is(server, TLS_SERVER, &conf));
	assert_false(tls_ctx_is(server, TLS_CLIENT, &conf));
	assert_true(tls_ctx_is(client, TLS_CLIENT, &(struct tls_conf){ .ca = "" }));
	conf.ciphers = "HIGH";
	assert_false(tls_ctx_is(server, TLS_SERVER, &conf));
	tls_ctx_unref(server);
	tls_ctx_unref(client);
}

static int begin(void **state)
{
	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "server", "DNS:localhost", 1);
	certs_make(&certs, "client", NULL, 1);
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
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_context_facts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tls-files", tests, begin, end);
}
