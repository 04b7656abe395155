/*
 * Datagrams over UDP, each of them one whole packet.
 *
 * A port serves any number of peers and knows none of them: what it is told with a datagram is
 * enough to answer it, from the address that it was sent to.  A conn_connect_datagram is a
 * connection in name only, so that callers need not care: what is written to it leaves at once, a
 * datagram for each packet, and may be lost.  Thread: its reactor.
 */
#ifndef CORE_IO_DATAGRAM_H
#define CORE_IO_DATAGRAM_H

#include "core/io/conn.h"

enum { DATAGRAM_MAX = 65507 };   /* what IPv4 can carry */

/* Where a datagram came from and went to. */
struct datagram_way {
	struct sockaddr_any peer;    /* as the socket needs it: sockaddr_unmap a copy to show it */
	union {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
	} local;
	int family;                  /* of local; 0: unknown */
};

struct datagram_port {
	struct watch watch;
	void (*received)(struct datagram_port *p, const struct datagram_way *way, uint8_t *data,
			 size_t n);
	bool is_open;
};

/* host as for listener_open; *port_r is the real port.  Initialises all of p. */
int datagram_open(struct datagram_port *p, const char *host, int port, int *port_r,
		  void (*received)(struct datagram_port *p, const struct datagram_way *way,
				   uint8_t *data, size_t n), struct err *e);
/* Takes no more, but answers still leave. */
void datagram_stop(struct datagram_port *p);
void datagram_close(struct datagram_port *p);
/* False if it could not be sent. */
bool datagram_answer(const struct datagram_port *p, const struct datagram_way *way,
		     const void *data, size_t n);

/* A connection to one peer; it is open at once.  class->written must be conn_send_datagrams.  A
 * peer that tells us that nothing listens there takes it down. */
int conn_connect_datagram(struct conn *c, const struct conn_class *class,
			  const struct sockaddr_any *to, struct err *e);
void conn_send_datagrams(struct conn *c);

#endif
