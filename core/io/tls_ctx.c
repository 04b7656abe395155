/* TLS contexts: from files, with an error for each thing that can be wrong, and again on change. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/io/tls_int.h"
#include "proto/arena.h"

enum { N_FILES = 3, N_TEXTS = N_FILES + 2 };

/* Which file it was: one that is replaced, written or linked anew has another. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};

struct tls_ctx {
	_Atomic unsigned refs;
	enum tls_side side;
	struct tls_conf conf;
	char *texts[N_TEXTS];      /* what conf points to */
	pthread_mutex_t refresh;   /* one at a time */
	struct stamp stamps[N_FILES];

	pthread_mutex_t lock;      /* these two */
	SSL_CTX *ssl;
	int64_t expires;
};

const char *tls_ctx_ca(const struct tls_ctx *ctx)
{
	return ctx->conf.ca ? ctx->conf.ca : "";
}

const char *tls_ctx_cert(const struct tls_ctx *ctx)
{
	return ctx->conf.cert ? ctx->conf.cert : "";
}

/* ---- errors ---- */

static const char *library_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	return reason ? reason : "unknown reason";
}

static int bad_file(struct err *e, const char *key, const char *path, const char *what)
{
	FILE *f = fopen(path, "re");
	int error = errno;

	if (!f)
		return err_set(e, TARS_ECONF, "TLS: cannot read the file of %s, '%s': %s", key,
			       path, strerror(error));
	fclose(f);
	return err_set(e, TARS_ECONF, "TLS: %s '%s' %s (%s)", key, path, what, library_reason());
}

/* ---- the parts of a context ---- */

/* No process of ours has somebody to ask. */
static int no_password(char *to, int size, int writing, void *arg)
{
	(void)to;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int load_pair(SSL_CTX *ssl, const struct tls_conf *c, struct err *e)
{
	if (!c->cert && !c->key)
		return TARS_OK;
	if (!c->cert || !c->key)
		return err_set(e, TARS_ECONF, "TLS: %s is set and %s is not: both are needed",
			       c->cert ? "cert" : "key", c->cert ? "key" : "cert");
	if (SSL_CTX_use_certificate_chain_file(ssl, c->cert) != 1)
		return bad_file(e, "cert", c->cert, "is no certificate in PEM form, or one that "
				"is too weak");
	if (SSL_CTX_use_PrivateKey_file(ssl, c->key, SSL_FILETYPE_PEM) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
			return err_set(e, TARS_ECONF, "TLS: key '%s' does not belong to cert '%s'",
				       c->key, c->cert);
		return bad_file(e, "key", c->key, "is no private key in PEM form without a "
				"password");
	}
	return TARS_OK;
}

static int load_ca(SSL_CTX *ssl, enum tls_side side, const struct tls_conf *c, struct err *e)
{
	if (!c->ca) {
		if (side == TLS_SERVER && c->verify_client)
			return err_set(e, TARS_ECONF, "TLS: verifyclient is set and ca is not: "
				       "which clients are good?");
		return TARS_OK;
	}
	if (SSL_CTX_load_verify_file(ssl, c->ca) != 1)
		return bad_file(e, "ca", c->ca, "has no certificate in PEM form");
	if (side == TLS_SERVER && c->verify_client) {
		SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(c->ca));
		SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	} else if (side == TLS_CLIENT) {
		SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	}
	return TARS_OK;
}

/* The library keeps the names of TLS 1.3 apart from the older ones; whoever lists only names of
 * one kind has chosen the version too. */
static int set_ciphers(SSL_CTX *ssl, const char *ciphers, struct err *e)
{
	struct buf old = BUF_INIT, new = BUF_INIT;
	const char *p = ciphers;
	bool ok;

	while (*p) {
		size_t n = strcspn(p, ":");
		struct buf *b = strncmp(p, "TLS_", 4) ? &old : &new;

		if (n) {
			if (buf_size(b))
				buf_add_u8(b, ':');
			buf_add(b, p, n);
		}
		p += n + (p[n] == ':');
	}
	ok = (!buf_size(&old) || SSL_CTX_set_cipher_list(ssl, buf_str(&old)) == 1) &&
	     (!buf_size(&new) || SSL_CTX_set_ciphersuites(ssl, buf_str(&new)) == 1);
	if (!buf_size(&old) && buf_size(&new))
		SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION);
	buf_release(&old);
	buf_release(&new);
	return ok ? TARS_OK : err_set(e, TARS_ECONF, "TLS: ciphers '%.100s': no such cipher "
				      "(`openssl ciphers` lists them)", ciphers);
}

/* TARS has no name there: a client that offers other ones may still speak it. */
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *size,
			   const unsigned char *offered, unsigned int n, void *alpn)
{
	unsigned char *at = NULL;
	int rc = SSL_select_next_proto(&at, size, alpn, (unsigned)strlen(alpn), offered, n);

	(void)ssl;
	*chosen = at;
	return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static int configure(SSL_CTX *ssl, enum tls_side side, const struct tls_conf *c, struct err *e)
{
	int rc;

	SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
			    SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(ssl, 0);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_default_passwd_cb(ssl, no_password);
	if (side == TLS_SERVER && !c->cert)
		return err_set(e, TARS_ECONF, "TLS: no cert: a server needs cert and key");
	if (c->alpn)
		SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, (void *)(uintptr_t)c->alpn);
	rc = load_pair(ssl, c, e);
	if (!rc)
		rc = load_ca(ssl, side, c, e);
	if (!rc && c->ciphers)
		rc = set_ciphers(ssl, c->ciphers, e);
	return rc;
}

static int64_t end_of(SSL_CTX *ssl)
{
	const X509 *cert = SSL_CTX_get0_certificate(ssl);
	struct tm tm;

	if (!cert || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return INT64_MAX;
	return timegm(&tm);
}

/* ---- reading and reading again ---- */

static void take_stamps(const struct tls_ctx *ctx, struct stamp *stamps)
{
	memset(stamps, 0, N_FILES * sizeof(*stamps));
	for (int i = 0; i < N_FILES; i++) {
		struct stat st;

		if (!ctx->texts[i] || stat(ctx->texts[i], &st))
			continue;
		stamps[i].dev = st.st_dev;
		stamps[i].ino = st.st_ino;
		stamps[i].size = st.st_size;
		stamps[i].changed = st.st_ctim;
	}
}

static int load(struct tls_ctx *ctx, struct err *e)
{
	SSL_CTX *ssl = SSL_CTX_new(ctx->side == TLS_SERVER ? TLS_server_method() :
				   TLS_client_method()), *old;
	int rc;

	BUG_ON(!ssl);
	ERR_clear_error();
	rc = configure(ssl, ctx->side, &ctx->conf, e);
	ERR_clear_error();
	if (rc) {
		SSL_CTX_free(ssl);
		return rc;
	}
	pthread_mutex_lock(&ctx->lock);
	old = ctx->ssl;
	ctx->ssl = ssl;
	ctx->expires = end_of(ssl);
	pthread_mutex_unlock(&ctx->lock);
	SSL_CTX_free(old);
	return TARS_OK;
}

int tls_ctx_refresh(struct tls_ctx *ctx, bool force, struct err *e)
{
	struct stamp now[N_FILES];
	int rc = 0;

	pthread_mutex_lock(&ctx->refresh);
	/* Before reading: a file that changes meanwhile is read again the next time. */
	take_stamps(ctx, now);
	if (force || memcmp(now, ctx->stamps, sizeof(now))) {
		memcpy(ctx->stamps, now, sizeof(now));
		rc = load(ctx, e);
		rc = rc ? rc : 1;
	}
	pthread_mutex_unlock(&ctx->refresh);
	return rc;
}

/* ---- life ---- */

static const char *keep(char **place, const char *text)
{
	if (text && *text)
		*place = xstrdup(text);
	return *place;
}

struct tls_ctx *tls_ctx_new(enum tls_side side, const struct tls_conf *conf, struct err *e)
{
	struct tls_ctx *ctx = xcalloc(1, sizeof(*ctx));

	atomic_init(&ctx->refs, 1);
	pthread_mutex_init(&ctx->refresh, NULL);
	pthread_mutex_init(&ctx->lock, NULL);
	ctx->side = side;
	ctx->conf.ca = keep(&ctx->texts[0], conf->ca);
	ctx->conf.cert = keep(&ctx->texts[1], conf->cert);
	ctx->conf.key = keep(&ctx->texts[2], conf->key);
	ctx->conf.ciphers = keep(&ctx->texts[3], conf->ciphers);
	ctx->conf.alpn = keep(&ctx->texts[4], conf->alpn);
	ctx->conf.verify_client = conf->verify_client;
	if (tls_ctx_refresh(ctx, true, e) > 0)
		return ctx;
	tls_ctx_unref(ctx);
	return NULL;
}

void tls_ctx_ref(struct tls_ctx *ctx)
{
	atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
}

void tls_ctx_unref(struct tls_ctx *ctx)
{
	if (!ctx || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(ctx->ssl);
	for (int i = 0; i < N_TEXTS; i++)
		free(ctx->texts[i]);
	pthread_mutex_destroy(&ctx->refresh);
	pthread_mutex_destroy(&ctx->lock);
	free(ctx);
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

bool tls_ctx_is(const struct tls_ctx *ctx, enum tls_side side, const struct tls_conf *conf)
{
	const struct tls_conf *c = &ctx->conf;

	return ctx->side == side && same(c->ca, conf->ca) && same(c->cert, conf->cert) &&
	       same(c->key, conf->key) && same(c->ciphers, conf->ciphers) &&
	       same(c->alpn, conf->alpn) && c->verify_client == conf->verify_client;
}

SSL *tls_ctx_session(struct tls_ctx *ctx, bool *is_server)
{
	SSL *ssl;

	pthread_mutex_lock(&ctx->lock);
	ssl = SSL_new(ctx->ssl);
	pthread_mutex_unlock(&ctx->lock);
	*is_server = ctx->side == TLS_SERVER;
	return ssl;
}

int64_t tls_ctx_expires(struct tls_ctx *ctx)
{
	int64_t expires;

	pthread_mutex_lock(&ctx->lock);
	expires = ctx->expires;
	pthread_mutex_unlock(&ctx->lock);
	return expires;
}
