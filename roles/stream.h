/*
 * The bytes of a TCP connection put back together from captured segments, in bounded memory.
 *
 * A capture may begin in the middle, miss segments and have them twice or out of order.  What is in
 * order goes into `data`; the user takes packets from there.  Thread: one at a time.
 */
#ifndef ROLES_STREAM_H
#define ROLES_STREAM_H

#include <stdbool.h>

#include "proto/buf.h"

enum {
	STREAM_MAX_LATE = 256,        /* segments that may wait for what is in front of them */
	STREAM_MAX_LATE_SIZE = 4 << 20,
};

struct stream_late {
	uint32_t seq, n;
	uint8_t *data;
};

/* One direction. */
struct stream {
	struct buf data;              /* in order, not taken yet */
	bool has_begun;               /* next is known */
	bool is_in_step;              /* data begins where a packet does, as far as can be told */
	uint32_t next;                /* sequence number behind data */
	struct stream_late *late;     /* sorted by distance from next */
	unsigned n_late;
	size_t late_size;
	/* Until the user has told of them: bytes missing for good, and left out to find a packet. */
	uint64_t lost, skipped;
};

void stream_release(struct stream *s);
/* SYN: the bytes begin behind seq. */
void stream_begin(struct stream *s, uint32_t seq);
/* A segment.  When too much waits for bytes that do not come, they count as lost. */
void stream_add(struct stream *s, uint32_t seq, const uint8_t *p, size_t n);
/* Gives up on what the next late segment waits for; false if none waits. */
bool stream_skip_gap(struct stream *s);
/* Looks for the beginning of a packet when out of step; what stands before it is skipped. */
void stream_find_packet(struct stream *s);

#endif
