/* TLS: sessions between buffers of bytes, and their errors in words. */
#include "core/io/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/io/address.h"
#include "core/io/tls_int.h"
#include "proto/arena.h"

struct tls {
	SSL *ssl;
	const uint8_t *in;      /* fed and not used yet */
	size_t in_n;
	struct buf out;
	const struct tls_ctx *ctx; /* held, for messages */
	bool is_server, finished;
};

/* ---- the library's end: a BIO that takes what was fed and puts into `out` ---- */

static int bio_read(BIO *bio, char *to, int size)
{
	struct tls *t = BIO_get_data(bio);
	size_t n = t->in_n < (size_t)size ? t->in_n : (size_t)size;

	BIO_clear_retry_flags(bio);
	if (!n) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(to, t->in, n);
	t->in += n;
	t->in_n -= n;
	return (int)n;
}

static int bio_write(BIO *bio, const char *data, int n)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	buf_add(&t->out, data, (size_t)n);
	return n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *p)
{
	(void)bio;
	(void)number;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tars");
	BUG_ON(!bio_method);
	BIO_meth_set_read(bio_method, bio_read);
	BIO_meth_set_write(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

/* ---- errors ---- */

/* What the commonest refusals mean to whoever has to mend them. */
static const struct hint {
	int reason;
	const char *text;
} hints[] = {
	{ SSL_R_WRONG_VERSION_NUMBER, "it does not speak TLS: is its endpoint tcp?" },
	{ SSL_R_HTTP_REQUEST, "it speaks HTTP without TLS" },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, "it does not speak TLS: is its endpoint tcp?" },
	{ SSL_R_BAD_RECORD_TYPE, "it does not speak TLS: is its endpoint tcp?" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "TLS 1.2 is the oldest version" },
	{ SSL_R_NO_SHARED_CIPHER, "see `ciphers` on both sides" },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "verifyclient=1: it needs cert and key" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "it wants our certificate: set cert and key" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "its ca has not signed our certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "it refuses our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "our certificate has expired: renew it" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "it refuses our certificate" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	  "no cipher in common, or it wants our certificate: see ciphers, cert and key" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "no protocol version in common" },
};

static const char *hint_for(unsigned long code)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == hints[i].reason)
			return hints[i].text;
	return NULL;
}

static int certificate_error(const struct tls *t, long verdict, struct err *e)
{
	const char *hint = verdict == X509_V_ERR_HOSTNAME_MISMATCH ?
			   " (the endpoint's host must stand in the certificate)" : "";

	return err_set(e, TARS_ECONNECT, "TLS: the certificate is refused: %s%s (ca=%s)",
		       X509_verify_cert_error_string(verdict), hint, tls_ctx_ca(t->ctx));
}

static enum tls_result failed(const struct tls *t, struct err *e)
{
	unsigned long code = ERR_peek_error();
	long verdict = SSL_get_verify_result(t->ssl);
	const char *reason = ERR_reason_error_string(code), *hint = hint_for(code);

	if (verdict != X509_V_OK && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		certificate_error(t, verdict, e);
	else
		err_set(e, TARS_ECONNECT, "TLS: %s%s%s%s", reason ? reason : "broken",
			hint ? " (" : "", hint ? hint : "", hint ? ")" : "");
	ERR_clear_error();
	return TLS_FAILED;
}

static enum tls_result result_of(struct tls *t, int rc, struct err *e)
{
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		if (buf_size(&t->out) <= TLS_MAX_OWED)
			return TLS_NEED;
		err_set(e, TARS_ELIMIT, "TLS: %zu bytes of its protocol are not read by the peer",
			buf_size(&t->out));
		return TLS_FAILED;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	default:
		return failed(t, e);
	}
}

/* ---- sessions ---- */

static bool is_name(const char *host)
{
	struct sockaddr_any a;

	return host && *host && *host != '/' && sockaddr_from_ip(&a, host, 0);
}

static bool set_host(struct tls *t, const char *host)
{
	if (!is_name(host))
		return true;
	SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(t->ssl, host) == 1 &&
	       (!*tls_ctx_ca(t->ctx) || SSL_set1_host(t->ssl, host) == 1);
}

struct tls *tls_new(struct tls_ctx *ctx, const char *host, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct tls *t = xcalloc(1, sizeof(*t));
	BIO *bio;

	pthread_once(&once, make_bio_method);
	ERR_clear_error();
	t->ctx = ctx;
	tls_ctx_ref(ctx);
	t->ssl = tls_ctx_session(ctx, &t->is_server);
	bio = BIO_new(bio_method);
	BUG_ON(!t->ssl || !bio);
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	if (t->is_server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	if (set_host(t, host))
		return t;
	err_set(e, TARS_ECONNECT, "TLS: '%.60s' cannot be the name of a server", host);
	tls_free(t);
	return NULL;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	buf_release(&t->out);
	tls_ctx_unref((struct tls_ctx *)t->ctx);
	free(t);
}

struct buf *tls_out(struct tls *t)
{
	return &t->out;
}

void tls_feed(struct tls *t, const uint8_t *data, size_t n)
{
	t->in = data;
	t->in_n = n;
}

enum tls_result tls_handshake(struct tls *t, struct err *e)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(t->ssl);
	return rc == 1 ? TLS_OK : result_of(t, rc, e);
}

enum tls_result tls_read(struct tls *t, uint8_t *to, size_t size, size_t *n, struct err *e)
{
	int rc;

	ERR_clear_error();
	rc = SSL_read_ex(t->ssl, to, size, n);
	return rc == 1 ? TLS_OK : result_of(t, rc, e);
}

int tls_write(struct tls *t, const uint8_t *data, size_t n, struct err *e)
{
	size_t written;

	ERR_clear_error();
	if (!n || SSL_write_ex(t->ssl, data, n, &written) == 1)
		return TARS_OK;
	failed(t, e);
	return e->code;
}

void tls_finish(struct tls *t)
{
	if (t->finished || !SSL_is_init_finished(t->ssl))
		return;
	t->finished = true;
	SSL_shutdown(t->ssl);
	ERR_clear_error();
}
