/*
 * TARS packets from a capture (pcap, pcapng): TCP streams put together, and UDP datagrams.
 *
 * Read by libpcap, which is loaded when it is needed: nothing else of the executable wants it.
 * Ethernet (with VLANs), loopback, Linux "any", raw IP; IPv4 and IPv6.  What is not there or not
 * understood is noted and passed over; memory is bounded.  Thread: one at a time.
 */
#ifndef ROLES_CAPTURE_H
#define ROLES_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/err.h"

enum {
	CAPTURE_MAX_CONNECTIONS = 4096,       /* at a time: the one that is idle longest goes */
	CAPTURE_MAX_MEMORY = 256 << 20,       /* of packets that are not complete yet */
	CAPTURE_TEXT_SIZE = 64,
};

struct capture_place {
	int64_t time_us;                      /* since 1970 */
	char from[CAPTURE_TEXT_SIZE], to[CAPTURE_TEXT_SIZE]; /* "10.0.0.1:80", "[::1]:80" */
	uint64_t connection;                  /* a number of its own for each */
	int side;                             /* 0 or 1: which end sent */
};

struct capture_sink {
	/* A whole packet, its length included. */
	void (*packet)(void *ctx, const struct capture_place *place, const uint8_t *p, size_t n);
	/* Something of this connection that could not be shown. */
	void (*note)(void *ctx, const struct capture_place *place, const char *text);
	void *ctx;
};

/* Whether a file with these first bytes is a capture. */
bool capture_is_it(const uint8_t *data, size_t n);
/* Takes f over.  TARS_EPROTO: the file is damaged; what came before has been given. */
int capture_read(FILE *f, const struct capture_sink *sink, struct err *e);

#endif
