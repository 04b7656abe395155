/* Inside of listeners: what ports (listen.c) and socket files (listen_file.c) share. */
#ifndef CORE_IO_LISTEN_INT_H
#define CORE_IO_LISTEN_INT_H

#include "core/io/listen.h"

/* A socket of this type on host and port, *a is its address.  Negative code with *e. */
int listener_bind(const char *host, int port, int type, struct sockaddr_any *a, struct err *e);

enum { LISTEN_BACKLOG = 1024 };

/* fd listens already; initialises all of l. */
void listener_start(struct listener *l, int fd,
		    void (*accepted)(struct listener *, int fd, const struct sockaddr_any *peer));
void listener_remove_file(struct listener *l);

#endif
