/* TLS without sockets: handshakes at every cut, who is refused and why. */
#include "t/unit/tls-pair.h"

/* ---- good ones ---- */

static void talk_in_pieces(size_t piece)
{
	struct pair p;

	pair_begin(&p, context(TLS_CLIENT, "ca.pem", "client", false),
		   context(TLS_SERVER, "ca.pem", "server", true), "localhost");
	p.piece = piece;
	shake_hands(&p);
	assert_string_equal(p.client_error.text, "");
	assert_string_equal(p.server_error.text, "");
	assert_int_equal(p.client_rc, TLS_OK);
	assert_int_equal(p.server_rc, TLS_OK);
	say(&p, p.client, p.server, 1);
	say(&p, p.server, p.client, 100000);
	say(&p, p.client, p.server, 70000);
	pair_end(&p);
}

static void test_pieces(void **state)
{
	(void)state;
	talk_in_pieces(1 << 20);
	talk_in_pieces(1000);
	talk_in_pieces(1);
}

static void test_empty_write(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p, context(TLS_CLIENT, NULL, NULL, false),
		   context(TLS_SERVER, NULL, "server", false), NULL);
	shake_hands(&p);
	assert_int_equal(tls_write(p.client, NULL, 0, NULL), 0);
	assert_int_equal(buf_size(tls_out(p.client)), 0);
	pair_end(&p);
}

/* One side ends; the other still speaks, and is heard. */
static void test_half_close(void **state)
{
	struct pair p;
	uint8_t byte;
	size_t n;
	struct err e;

	(void)state;
	pair_begin(&p, context(TLS_CLIENT, NULL, NULL, false),
		   context(TLS_SERVER, NULL, "server", false), NULL);
	shake_hands(&p);
	tls_finish(p.client);
	tls_finish(p.client);
	tls_feed(p.server, buf_head(tls_out(p.client)), buf_size(tls_out(p.client)));
	assert_int_equal(tls_read(p.server, &byte, 1, &n, &e), TLS_END);
	assert_int_equal(tls_read(p.server, &byte, 1, &n, &e), TLS_END);
	buf_clear(tls_out(p.client));
	say(&p, p.server, p.client, 50000);
	pair_end(&p);
}

static void test_finish_before_handshake(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p, context(TLS_CLIENT, NULL, NULL, false),
		   context(TLS_SERVER, NULL, "server", false), NULL);
	tls_finish(p.client);
	assert_int_equal(buf_size(tls_out(p.client)), 0);
	pair_end(&p);
}

/* ---- who is refused ---- */

struct refusal {
	const char *client_ca, *client_cert, *server_ca, *server_cert, *host;
	bool verify;
	const char *client_says, *server_says;   /* part of the text; NULL: no failure */
};

static const struct refusal refusals[] = {
	{ "ca.pem", NULL, NULL, "server", "localhost", false, NULL, NULL },
	{ "ca.pem", NULL, NULL, "server", "127.0.0.1", false, NULL, NULL },
	{ "ca.pem", NULL, NULL, "server", "::1", false, NULL, NULL },
	{ "ca.pem", NULL, NULL, "server", "/run/x.sock", false, NULL, NULL },
	/* Without ca nothing is compared. */
	{ NULL, NULL, NULL, "server", "elsewhere.test", false, NULL, NULL },
	{ NULL, NULL, NULL, "foreign", "localhost", false, NULL, NULL },
	{ "ca.pem", NULL, NULL, "server", "elsewhere.test", false, "hostname mismatch",
	  "it refuses our certificate" },
	{ "ca.pem", NULL, NULL, "server", "a.many.test", false, NULL, NULL },
	{ "ca.pem", NULL, NULL, "server", "b.a.many.test", false, "hostname mismatch",
	  "it refuses our certificate" },
	{ "ca.pem", NULL, NULL, "foreign", "localhost", false,
	  "unable to get local issuer certificate", "its ca has not signed our certificate" },
	{ "ca.pem", NULL, NULL, "expired", "localhost", false, "certificate has expired",
	  "our certificate has expired: renew it" },
	{ "ca.pem", "client", "ca.pem", "server", "localhost", true, NULL, NULL },
	{ "ca.pem", "client", "ca.pem", "server", "localhost", false, NULL, NULL },
	{ "ca.pem", NULL, "ca.pem", "server", "localhost", false, NULL, NULL },
	{ "ca.pem", NULL, "ca.pem", "server", "localhost", true,
	  "it wants our certificate: set cert and key", "verifyclient=1: it needs cert and key" },
	{ "ca.pem", "foreign", "ca.pem", "server", "localhost", true,
	  "its ca has not signed our certificate", "unable to get local issuer certificate" },
	{ "ca.pem", "expired", "ca.pem", "server", "localhost", true,
	  "our certificate has expired: renew it", "certificate has expired" },
};

static void check_text(enum tls_result rc, const struct err *e, const char *part, int row)
{
	if (rc == (part ? TLS_FAILED : TLS_OK) && (!part || strstr(e->text, part)))
		return;
	print_error("row %d: result %d, \"%s\" instead of \"%s\"\n", row, rc, e->text,
		    part ? part : "");
	fail();
}

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct pair p;

		pair_begin(&p, context(TLS_CLIENT, r->client_ca, r->client_cert, false),
			   context(TLS_SERVER, r->server_ca, r->server_cert, r->verify), r->host);
		shake_hands(&p);
		check_text(p.client_rc, &p.client_error, r->client_says, (int)i);
		check_text(p.server_rc, &p.server_error, r->server_says, (int)i);
		pair_end(&p);
	}
}

static void test_refusal_names_ca(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p, context(TLS_CLIENT, "ca.pem", NULL, false),
		   context(TLS_SERVER, NULL, "foreign", false), NULL);
	shake_hands(&p);
	assert_non_null(strstr(p.client_error.text, certs_path(&certs, "ca.pem")));
	pair_end(&p);
}

static void strange_bytes(const char *bytes, const char *part)
{
	struct tls_ctx *ctx = context(TLS_SERVER, NULL, "server", false);
	struct tls *t = tls_new(ctx, NULL, NULL);
	struct err e = { 0 };

	tls_ctx_unref(ctx);
	tls_feed(t, (const uint8_t *)bytes, 16);
	check_text(tls_handshake(t, &e), &e, part, 0);
	tls_free(t);
}

static void test_strangers(void **state)
{
	(void)state;
	strange_bytes("\0\0\0\x30\x10\x01\x2c\x3c\x40\x01\x56\x01\x41\x66\x01\x42",
		      "it does not speak TLS: is its endpoint tcp?");
	strange_bytes("GET / HTTP/1.1\r\n", "it speaks HTTP without TLS");
	strange_bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "TLS: ");
}

/* ---- peers that do what ours would never do ---- */

static void test_renegotiation(void **state)
{
	struct raw r;
	struct err e = { 0 };
	uint8_t data[4];
	size_t n;

	(void)state;
	raw_begin(&r, TLS1_2_VERSION, TLS1_2_VERSION);
	assert_int_equal(raw_shake(&r, &e), TLS_OK);
	assert_int_equal(SSL_renegotiate(r.ssl), 1);
	SSL_do_handshake(r.ssl);
	assert_true(raw_feed(&r) > 0);
	/* A warning goes back, and none of the work of a handshake is done. */
	assert_int_equal(tls_read(r.server, data, sizeof(data), &n, &e), TLS_NEED);
	assert_true(buf_size(tls_out(r.server)) < 100);
	raw_answer(&r);
	assert_true(SSL_do_handshake(r.ssl) <= 0);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
	ERR_clear_error();
	raw_end(&r);
}

static void test_old_versions(void **state)
{
	struct raw r;
	struct err e = { 0 };

	(void)state;
	raw_begin(&r, TLS1_VERSION, TLS1_1_VERSION);
	check_text(raw_shake(&r, &e), &e, "TLS 1.2 is the oldest version", 0);
	raw_end(&r);
}

/* No tickets, so nobody resumes what an older certificate or ca has allowed. */
static void test_no_resumption(void **state)
{
	const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct raw r, again;
	struct err e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		raw_begin(&r, versions[i], versions[i]);
		assert_int_equal(raw_shake(&r, &e), TLS_OK);
		raw_begin(&again, versions[i], versions[i]);
		SSL_set_session(again.ssl, SSL_get0_session(r.ssl));
		assert_int_equal(raw_shake(&again, &e), TLS_OK);
		assert_int_equal(SSL_session_reused(again.ssl), 0);
		raw_end(&again);
		raw_end(&r);
	}
}

/* Each of its messages wants one of ours: a peer that does not read them must not cost more. */
static void test_key_updates_unread(void **state)
{
	struct raw r;
	struct err e = { 0 };
	enum tls_result rc = TLS_NEED;
	uint8_t data[4];
	size_t n, most = 0;

	(void)state;
	raw_begin(&r, TLS1_3_VERSION, TLS1_3_VERSION);
	assert_int_equal(raw_shake(&r, &e), TLS_OK);
	for (int i = 0; rc == TLS_NEED && i < 100000; i++) {
		assert_int_equal(SSL_key_update(r.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(r.ssl), 1);
		raw_feed(&r);
		rc = tls_read(r.server, data, sizeof(data), &n, &e);
		if (buf_size(tls_out(r.server)) > most)
			most = buf_size(tls_out(r.server));
	}
	assert_int_equal(rc, TLS_FAILED);
	assert_int_equal(e.code, TARS_ELIMIT);
	assert_true(most < TLS_MAX_OWED + 1000);
	raw_end(&r);
}

/* A handshake message that says it is 16 MB long is not believed. */
static void test_long_handshake_message(void **state)
{
	struct tls_ctx *ctx = context(TLS_SERVER, NULL, "server", false);
	struct tls *t = tls_new(ctx, NULL, NULL);
	uint8_t record[5 + 16384] = { 22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff, 3, 3 };
	enum tls_result rc = TLS_NEED;
	struct err e = { 0 };
	int records = 0;

	(void)state;
	tls_ctx_unref(ctx);
	for (; rc == TLS_NEED && records < 100; records++) {
		tls_feed(t, record, sizeof(record));
		rc = tls_handshake(t, &e);
	}
	assert_int_equal(rc, TLS_FAILED);
	assert_true(records < 20);
	tls_free(t);
}

static int begin(void **state)
{
	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "server", "DNS:localhost,DNS:*.many.test", 1);
	certs_make(&certs, "client", NULL, 1);
	certs_make(&certs, "expired", "DNS:localhost", -1);
	certs_make_foreign(&certs, "foreign", "DNS:localhost");
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
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_empty_write),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_finish_before_handshake),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_refusal_names_ca),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_old_versions),
		cmocka_unit_test(test_no_resumption),
		cmocka_unit_test(test_key_updates_unread),
		cmocka_unit_test(test_long_handshake_message),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tls", tests, begin, end);
}
