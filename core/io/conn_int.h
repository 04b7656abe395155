/* Inside of connections: what opening one (conn_open.c) asks of its life (conn.c). */
#ifndef CORE_IO_CONN_INT_H
#define CORE_IO_CONN_INT_H

#include "core/io/conn.h"

/* Waits for what c has to do next, once it is open. */
void conn_set_events(struct conn *c);
void conn_queue_flush(struct conn *c);
/* Serves the plain bytes of what has been fed to c->tls. */
void conn_serve_sealed(struct conn *c);
/* One send of what b has; as send() returns. */
ssize_t conn_send(struct conn *c, struct buf *b);
void conn_close_errno(struct conn *c, int code, const char *what, int error);

#endif
