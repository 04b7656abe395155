/* Inside of connections: what opening one (conn_open.c), its flow (conn_flow.c) and its TLS
 * (conn_sealed.c) ask of its life (conn.c), and that of them. */
#ifndef CORE_IO_CONN_INT_H
#define CORE_IO_CONN_INT_H

#include <sys/uio.h>

#include "core/io/conn.h"

/* Waits for what c has to do next, once it is open. */
void conn_set_events(struct conn *c);
void conn_queue_flush(struct conn *c);
void conn_flush(struct conn *c);
/* Serves what is in c->in, and the end of input, in a turn to come. */
void conn_queue_again(struct conn *c);
/* The output is above high water, or even above its limit. */
void conn_much_output(struct conn *c);
/* One read of the socket; as recv() returns, and what ends the connection is dealt with. */
ssize_t conn_receive(struct conn *c, struct iovec *room, int n_rooms);
/* n more plain bytes, behind what c->in has. */
void conn_serve(struct conn *c, uint8_t *data, size_t n);
void conn_end_input(struct conn *c);
/* Reads through TLS; serves the plain bytes of what has been fed to c->tls. */
void conn_read_sealed(struct conn *c);
void conn_serve_sealed(struct conn *c);
/* One send of what b has; as send() returns. */
ssize_t conn_send(struct conn *c, struct buf *b);
/* Sets all of c: a socket that is open and is not watched yet; fd may be -1. */
void conn_init(struct conn *c, const struct conn_class *class, int fd);
void conn_connect_error(struct err *e, const char *peer, int error);
void conn_close_errno(struct conn *c, int code, const char *what, int error);

#endif
