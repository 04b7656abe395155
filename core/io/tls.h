/*
 * TLS: contexts made from files, which can be read again, and sessions between buffers of bytes.
 *
 *	socket --recv--> tls_feed --tls_read--> plain bytes
 *	socket <--send-- tls_out <--tls_write-- plain bytes
 *
 * A session does no input or output of its own: core/io/conn.c receives and sends.  TLS 1.2 and
 * newer, without renegotiation, compression, and resumption: TARS connections are few and long,
 * and nobody comes back with what an older certificate or an older ca has allowed.
 *
 * Thread: a context any; a session its connection's reactor.
 */
#ifndef CORE_IO_TLS_H
#define CORE_IO_TLS_H

#include <stdbool.h>

#include "proto/buf.h"
#include "proto/err.h"

/* Files are PEM; NULL or "" means none. */
struct tls_conf {
	const char *ca;         /* who must have signed the peer's certificate */
	const char *cert, *key; /* our certificate with its chain, and its private key */
	const char *ciphers;    /* OpenSSL's names with ':' between; NULL: its defaults */
	bool verify_client;     /* servers: a client without a certificate of ca is refused */
	/* Servers: protocols (ALPN), each behind its length as one byte, the best first; who offers
	 * none of them, or nothing, is served as if there was no ALPN.  NULL: none. */
	const char *alpn;
};

enum tls_side { TLS_CLIENT, TLS_SERVER };

struct tls_ctx;

/*
 * Reads the files, so it may block.  A server needs cert and key.  A client with ca refuses servers
 * whose certificate ca has not signed; without ca it encrypts but does not know to whom.
 * TARS_ECONF names the file, what is wrong with it and what helps.
 */
struct tls_ctx *tls_ctx_new(enum tls_side side, const struct tls_conf *conf, struct err *e);
void tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_unref(struct tls_ctx *ctx);
/*
 * Reads the files again if they are not those of the last time, or if it is forced to.  1: sessions
 * from now on use their content; 0: nothing has changed; else TARS_ECONF, and what was good before
 * stays in use.  Sessions that exist are not touched.  May block.
 */
int tls_ctx_refresh(struct tls_ctx *ctx, bool force, struct err *e);
bool tls_ctx_is(const struct tls_ctx *ctx, enum tls_side side, const struct tls_conf *conf);
/* When our certificate ends, in seconds since 1970; INT64_MAX if there is none. */
int64_t tls_ctx_expires(struct tls_ctx *ctx);
/* The file of our certificate, or "". */
const char *tls_ctx_cert(const struct tls_ctx *ctx);

/* ---- sessions ---- */

struct tls;

enum tls_result {
	TLS_OK,
	TLS_NEED,     /* all that was fed is used up */
	TLS_END,      /* the peer has ended its side in order */
	TLS_FAILED,   /* *e says why; tls_out may hold the alert that tells the peer */
};

enum {
	TLS_MAX_PLAIN = 16384,       /* of one record */
	TLS_MAX_OWED = 256 * 1024,   /* answers of the protocol itself that a peer does not read */
};

/* host: what a client connects to.  A name goes to the server (SNI), and with ca the certificate
 * must be for it; an address is not compared.  NULL for servers. */
struct tls *tls_new(struct tls_ctx *ctx, const char *host, struct err *e);
void tls_free(struct tls *t);
/* Bytes from the peer; they must stay until TLS_NEED has come. */
void tls_feed(struct tls *t, const uint8_t *data, size_t n);
/* To be called with what came until it is TLS_OK. */
enum tls_result tls_handshake(struct tls *t, struct err *e);
/* TLS_OK: *n bytes, at least 1. */
enum tls_result tls_read(struct tls *t, uint8_t *to, size_t size, size_t *n, struct err *e);
/* Seals all n bytes into tls_out. */
int tls_write(struct tls *t, const uint8_t *data, size_t n, struct err *e);
/* Our side ends in order: puts that into tls_out.  Idempotent. */
void tls_finish(struct tls *t);
/* What has to be sent to the peer; the caller consumes it. */
struct buf *tls_out(struct tls *t);

#endif
