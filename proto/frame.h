/*
 * Framing: which protocol a connection speaks, and where the next packet ends.
 *
 * Pure function of the bytes read so far.  Thread: any.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include "proto/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_LENGTH_SIZE = 4,
	FRAME_MIN = 5,                    /* smallest legal TARS packet, length included */
	FRAME_DEFAULT_MAX = 100 << 20,    /* as in the official C++ SDK */
};

enum frame_result {
	FRAME_NEED,   /* more bytes are needed; *size = how many in all, 0 if unknown */
	FRAME_OK,     /* *size = bytes of the first whole packet, its length field included */
	FRAME_BAD,    /* *e says why; the connection is lost */
};

enum frame_protocol {
	PROTOCOL_UNKNOWN, PROTOCOL_TARS, PROTOCOL_HTTP1, PROTOCOL_HTTP2, PROTOCOL_TLS,
};

/* By the first bytes; PROTOCOL_UNKNOWN while there are too few. */
enum frame_protocol frame_detect(const uint8_t *data, size_t n);
enum frame_result frame_next(const uint8_t *data, size_t n, size_t max, size_t *size,
			     struct err *e);

#endif
