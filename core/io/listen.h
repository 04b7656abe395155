/*
 * Listening sockets and name look-ups.
 *
 * Thread: its reactor.  `accepted` gets a non-blocking, close-on-exec descriptor that it owns.
 * When descriptors run out the listener turns the caller away and pauses instead of spinning.
 */
#ifndef CORE_IO_LISTEN_H
#define CORE_IO_LISTEN_H

#include <sys/types.h>

#include "core/io/address.h"
#include "core/io/reactor.h"

struct listener {
	struct watch watch;
	struct timer pause;
	void (*accepted)(struct listener *l, int fd, const struct sockaddr_any *peer);
	/* May be set after listener_open: cannot accept at present (e says why and what helps). */
	void (*starved)(struct listener *l, const struct err *e);
	int spare_fd;
	struct sockaddr_any bound;  /* the real port, also when 0 was asked for */
	char *file;                 /* of a socket file: removed at the end, if it is still ours */
	dev_t file_dev;
	ino_t file_ino;
};

/* host: address, "*" (all, IPv4 and IPv6), "0.0.0.0", "::" or a name of this machine (looked up
 * right here, so it should stand in /etc/hosts; its IPv4 address, if it has one: official clients
 * know no other).  Initialises all of l. */
int listener_open(struct listener *l, const char *host, int port, int backlog,
		  void (*accepted)(struct listener *, int fd, const struct sockaddr_any *peer),
		  struct err *e);
/*
 * A socket file.  One that nobody listens on any more is replaced, one in use or any other file is
 * an error.  mode: permissions, 0: as umask has it; whoever may write may connect.
 */
int listener_open_file(struct listener *l, const char *path, unsigned mode, int backlog,
		       void (*accepted)(struct listener *, int fd, const struct sockaddr_any *peer),
		       struct err *e);
/* Idempotent, also for a zeroed one. */
void listener_close(struct listener *l);
/* -1 for a socket file. */
int listener_port(const struct listener *l);

enum { RESOLVE_MAX = 8 };
/* All addresses of a host name, the best first; how many (1 to RESOLVE_MAX), or as resolve. */
int resolve_all(struct sockaddr_any a[RESOLVE_MAX], const char *host, int port, struct err *e);
/* Address of a host name; numeric ones at once, others through the shared pool (so waiting must be
 * possible here, else TARS_EBLOCK).  Error: TARS_ECONNECT with the resolver's reason. */
int resolve(struct sockaddr_any *a, const char *host, int port, struct err *e);
/* First non-loopback IPv4 address of this machine, else 127.0.0.1. */
void local_ip(char *text, size_t size);

#endif
