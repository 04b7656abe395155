/*
 * Packets as text for people and as JSON for programs: heads, and bodies by IDL or as trees.
 *
 * A `packets` remembers the last requests, so that the answers to them have names; what it remembers
 * is bounded, and what is forgotten only costs names.  Thread: one at a time.
 */
#ifndef ROLES_PACKETS_H
#define ROLES_PACKETS_H

#include "proto/tree.h"
#include "roles/types.h"

struct packets_call;

struct packets {
	const struct idl_descs *descs;   /* may be empty */
	const char *interface;           /* the only one to be looked at, or NULL */
	struct packets_call *calls;
};

/* Where a packet was seen: a conversation, and which side of it sent; -1: nobody knows. */
struct packets_place {
	uint64_t conversation;
	int side;
};

void packets_init(struct packets *p, const struct idl_descs *descs, const char *interface);
void packets_release(struct packets *p);

/* Whether data begins with a whole packet whose head can be read. */
bool packets_are_there(const uint8_t *data, size_t n);
/*
 * Appends one packet (n bytes, its length included): lines with a newline each, or the members of a
 * JSON object without the braces.  TARS_EPROTO: its head cannot be read.
 */
int packets_put(struct packets *p, const struct packets_place *place, const uint8_t *packet,
		size_t n, enum tree_form form, struct buf *b, struct err *e);

#endif
