/*
 * Access keys of connections, the server's side (endpoints with -e 1; contract 1.10).
 *
 * A connection of such an adapter begins in access_class; its first packet must be a good
 * authentication, which may come in any pieces, and makes it one of server_class.  All else ends it,
 * without an answer, logged and counted.  Thread: its loop.
 */
#ifndef CORE_RPC_ACCESS_H
#define CORE_RPC_ACCESS_H

#include "core/io/conn.h"

struct server_conn;

extern const struct conn_class access_class;
/* Ends a connection that has been waiting for its key too long. */
void access_tick(struct server_conn *sc, int64_t now_us);

#endif
