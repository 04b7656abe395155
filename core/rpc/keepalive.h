/*
 * Connections that stay: silent ones are pinged, lost ones are replaced before a call needs them.
 *
 *	quiet for keep_alive_ms --> tars_ping --answer--> quiet again
 *	                                      --none----> the next ping --none--> a new connection
 *	no connection ------------> connect
 *
 * A ping is no call: it is in no statistics and shields no endpoint.  Thread: the peer's loop.
 */
#ifndef CORE_RPC_KEEPALIVE_H
#define CORE_RPC_KEEPALIVE_H

#include "core/rpc/client.h"

/* From now on, as long as there is the peer, if the app wants it.  Idempotent. */
void keepalive_start(struct peer *peer);
void keepalive_stop(struct peer *peer);
/* A reply that belongs to no call: is it that of a ping? */
void keepalive_reply(struct link *link, const struct response_packet *r);

#endif
