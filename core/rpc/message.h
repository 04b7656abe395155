/*
 * Protocols of a user's own (struct tars_protocol): messages in the place of TARS packets.
 *
 *   server: conn -> message_server_class -> server_submit -> dispatch -> servant.message -> conn
 *   client: tars_message -> invoke.c, call.c -> link -> message_link_class -> the call it answers
 *
 * All between the two ends is what TARS calls have, too: to dispatch a message is a request of the
 * one function of message_iface, whose argument and result are bytes.
 */
#ifndef CORE_RPC_MESSAGE_H
#define CORE_RPC_MESSAGE_H

#include "core/io/conn.h"
#include "core/tars.h"

struct adapter;
struct link;
struct servant;
struct server_conn;
struct tars_pending;

/* A struct tars_bytes. */
extern const struct tars_type message_type;
extern const struct tars_iface message_iface;

/* The smaller of the protocol's limit and max. */
size_t message_limit(const struct tars_protocol *p, size_t max);
/* The user's frame(), with what it says checked; as conn_class.next. */
enum frame_result message_cut(const struct tars_protocol *p, const uint8_t *data, size_t n,
			      size_t max, size_t *at, size_t *size, struct err *e);

/* ---- message.c: the server's side ---- */

extern const struct conn_class message_server_class;
/* A servant with a protocol, before it is published. */
void message_servant(struct servant *s);
/* Adapter and servant must agree about what is spoken. */
int message_adapter(struct adapter *a, struct err *e);
/* A connection of such an adapter; its limits are set. */
void message_opened(struct server_conn *sc);

/* ---- message_call.c: the client's side; Thread: the link's loop, but for the first two ---- */

/* Sets proxy->bad if its protocol cannot be used so. */
void message_check_proxy(struct tars_proxy *proxy);
/* Appends the request of p. */
int message_put(struct buf *b, const struct tars_pending *p, const struct tars_bytes *request,
		struct err *e);
extern const struct conn_class message_link_class;
/* The request of this call, which wants an answer, has been appended to the link's output. */
void message_sent(struct link *link, int32_t id);

#endif
