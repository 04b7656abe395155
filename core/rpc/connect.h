/*
 * How a link comes to be: name look-up, one address after the other, TLS, access key.
 *
 * client.c asks for it and is told by client_up, or by client_down with a link that was never up.
 * Thread: the peer's loop.
 */
#ifndef CORE_RPC_CONNECT_H
#define CORE_RPC_CONNECT_H

#include "core/rpc/client.h"

/* Begins to connect a peer that has no link and looks none up; *e if that failed at once. */
void connect_start(struct peer *peer, struct err *e);
/* A link of the peer came to nothing: has its name another address, which is tried now? */
bool connect_next(struct peer *peer);
/* Why a link went down, in words that help. */
const struct err *connect_why_down(const struct link *link, const struct err *why);

/* ---- client.c, for this ---- */
extern const struct conn_class client_class;
void client_up(struct conn *c);
int client_frame(struct conn *c, uint8_t *data, size_t n, struct err *e);
void client_down(struct conn *c, const struct err *why);
void client_release(struct conn *c);
/* It cannot be reached: calls that wait for it go elsewhere. */
void peer_failed(struct peer *peer, const struct err *why);

#endif
