/*
 * Security of connections: the TLS contexts of an app, and how each object is called.
 *
 * Contexts of equal configuration are one; they live as long as the app.  A timer of the main loop
 * looks every tls_check_ms whether their files have changed and reads those that have.
 */
#ifndef CORE_RPC_SECURE_H
#define CORE_RPC_SECURE_H

#include "core/io/tls.h"
#include "core/rpc/app.h"

/* The context of this configuration.  NULL with *e if its files are not good.  Reads files if it is
 * new.  Thread: any. */
struct tls_ctx *secure_ctx(struct tars_app *app, enum tls_side side, const struct tls_conf *conf,
			   struct err *e);
/* A session with a server of the object, by its own configuration or that of all.  Thread: any. */
struct tls *secure_session(struct tars_app *app, const char *object, const char *host,
			   struct err *e);

/* The packet with which a connection to an endpoint with -e 1 begins; appends to b.  TARS_ECONNECT if
 * no access key is known for the object.  Thread: any. */
int secure_put_access(struct tars_app *app, const char *object, struct buf *b, struct err *e);

/* The end: no more looks at files (main loop); then the memory. */
void secure_stop(struct tars_app *app);
void secure_free(struct tars_app *app);

#endif
