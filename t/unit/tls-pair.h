/* For tests of TLS without sockets: two sessions that talk, and one with the library itself. */
#ifndef T_UNIT_TLS_PAIR_H
#define T_UNIT_TLS_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/io/tls.h"
#include "t/unit/certs.h"

static struct certs certs;

/* ---- two sessions that talk ---- */

struct pair {
	struct tls *client, *server;
	struct err client_error, server_error;
	enum tls_result client_rc, server_rc;
	size_t piece;            /* bytes that are fed at a time */
};

static inline struct tls_ctx *context(enum tls_side side, const char *ca, const char *cert, bool verify)
{
	char pem[64], key[64];
	struct tls_conf conf = { .verify_client = verify };
	struct tls_ctx *ctx;
	struct err e = { 0 };

	snprintf(pem, sizeof(pem), "%s.pem", cert ? cert : "");
	snprintf(key, sizeof(key), "%s.key", cert ? cert : "");
	if (ca)
		conf.ca = certs_path(&certs, ca);
	if (cert) {
		conf.cert = certs_path(&certs, pem);
		conf.key = certs_path(&certs, key);
	}
	ctx = tls_ctx_new(side, &conf, &e);
	assert_string_equal(e.text, "");
	assert_non_null(ctx);
	return ctx;
}

/* Consumes the contexts. */
static inline void pair_begin(struct pair *p, struct tls_ctx *client, struct tls_ctx *server,
		       const char *host)
{
	*p = (struct pair){ .piece = 1 << 20, .client_rc = TLS_NEED, .server_rc = TLS_NEED };
	p->client = tls_new(client, host, NULL);
	p->server = tls_new(server, NULL, NULL);
	tls_ctx_unref(client);
	tls_ctx_unref(server);
}

static inline void pair_end(struct pair *p)
{
	tls_free(p->client);
	tls_free(p->server);
}

/* What `from` has to say, cut into pieces, to the other's handshake. */
static inline void carry(struct pair *p, struct tls *from, struct tls *to, enum tls_result *rc,
		  struct err *e)
{
	struct buf *b = tls_out(from);

	while (buf_size(b)) {
		size_t n = buf_size(b) < p->piece ? buf_size(b) : p->piece;
		uint8_t *piece = malloc(n);   /* its own block, so that ASan sees overruns */

		memcpy(piece, buf_head(b), n);
		buf_consume(b, n);
		tls_feed(to, piece, n);
		if (*rc == TLS_NEED)
			*rc = tls_handshake(to, e);
		else if (*rc == TLS_OK)
			*rc = tls_read(to, (uint8_t[1]){ 0 }, 1, &(size_t){ 0 }, e) == TLS_FAILED ?
			      TLS_FAILED : TLS_OK;
		free(piece);
	}
}

static inline void shake_hands(struct pair *p)
{
	p->client_rc = tls_handshake(p->client, &p->client_error);
	while (buf_size(tls_out(p->client)) || buf_size(tls_out(p->server))) {
		carry(p, p->client, p->server, &p->server_rc, &p->server_error);
		carry(p, p->server, p->client, &p->client_rc, &p->client_error);
	}
}

/* n bytes of one side arrive whole at the other. */
static inline void say(struct pair *p, struct tls *from, struct tls *to, size_t n)
{
	uint8_t *said = malloc(n), *heard = calloc(1, n);
	size_t got = 0;
	struct err e;

	for (size_t i = 0; i < n; i++)
		said[i] = (uint8_t)(i * 7 + i / 251);
	assert_int_equal(tls_write(from, said, n, &e), 0);
	while (buf_size(tls_out(from))) {
		struct buf *b = tls_out(from);
		size_t size = buf_size(b) < p->piece ? buf_size(b) : p->piece, k;
		enum tls_result rc;

		tls_feed(to, buf_head(b), size);
		while ((rc = tls_read(to, heard + got, n - got, &k, &e)) == TLS_OK && got + k < n)
			got += k;
		if (rc == TLS_OK)
			got += k;
		else
			assert_int_equal(rc, TLS_NEED);
		buf_consume(b, size);
	}
	assert_int_equal(got, n);
	assert_memory_equal(said, heard, n);
	free(said);
	free(heard);
}

/* ---- peers that are not ours: the library itself, with what ours would never do ---- */

struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	struct tls *server;
};

static inline void raw_begin(struct raw *r, int min, int max)
{
	struct tls_ctx *ctx = context(TLS_SERVER, NULL, "server", false);

	r->server = tls_new(ctx, NULL, NULL);
	tls_ctx_unref(ctx);
	r->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(r->ctx, 0);
	SSL_CTX_set_min_proto_version(r->ctx, min);
	SSL_CTX_set_max_proto_version(r->ctx, max);
	r->ssl = SSL_new(r->ctx);
	SSL_set_bio(r->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(r->ssl);
}

static inline void raw_end(struct raw *r)
{
	tls_free(r->server);
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
}

/* Moves all that the client says to the server. */
static inline size_t raw_feed(struct raw *r)
{
	char *data;
	long n = BIO_get_mem_data(SSL_get_wbio(r->ssl), &data);
	static uint8_t room[1 << 20];

	assert_true((size_t)n <= sizeof(room));
	memcpy(room, data, (size_t)n);
	BIO_reset(SSL_get_wbio(r->ssl));
	tls_feed(r->server, room, (size_t)n);
	return (size_t)n;
}

static inline void raw_answer(struct raw *r)
{
	struct buf *b = tls_out(r->server);

	BIO_write(SSL_get_rbio(r->ssl), buf_head(b), (int)buf_size(b));
	buf_clear(b);
}

static inline enum tls_result raw_shake(struct raw *r, struct err *e)
{
	enum tls_result rc = TLS_NEED;

	while (rc == TLS_NEED) {
		SSL_do_handshake(r->ssl);
		ERR_clear_error();
		if (!raw_feed(r))
			break;
		rc = tls_handshake(r->server, e);
		raw_answer(r);
	}
	SSL_do_handshake(r->ssl);
	return rc;
}

#endif
