/* Inside of TLS: what sessions (tls.c) ask of their context (tls_ctx.c). */
#ifndef CORE_IO_TLS_INT_H
#define CORE_IO_TLS_INT_H

#include <openssl/ssl.h>

#include "core/io/tls.h"

/* A new session as the files are now. */
SSL *tls_ctx_session(struct tls_ctx *ctx, bool *is_server);
/* The file, or "". */
const char *tls_ctx_ca(const struct tls_ctx *ctx);

#endif
