/*
 * Heads of RequestPacket and ResponsePacket (bytes: proto/README.md).
 *
 * Decoded names and bodies point into the frame, which must outlive them; maps and their strings,
 * NUL-terminated, live in the arena, which is not touched while they are empty.
 * The layouts swap tags 3 and 4; both are written flat behind a 4-byte big-endian length that
 * counts itself.  Thread: any.
 */
#ifndef PROTO_PACKET_H
#define PROTO_PACKET_H

#include "proto/codec.h"

enum { /* iVersion */
	VERSION_TARS = 1, VERSION_TUP2 = 2, VERSION_TUP = 3, VERSION_JSON = 5,
};

enum { /* cPacketType */
	PACKET_NORMAL = 0, PACKET_ONEWAY = 1,
};

enum message_type { /* bits of iMessageType */
	MESSAGE_HASH = 0x01, MESSAGE_DYED = 0x04, MESSAGE_SAMPLE = 0x08, MESSAGE_ASYNC = 0x10, MESSAGE_AUTH = 0x40,
	MESSAGE_SETNAME = 0x80, MESSAGE_TRACE = 0x100,
};

struct request_packet {
	int16_t version;
	int8_t packet_type;
	int32_t message_type;
	int32_t request_id;
	struct tars_str servant, func;   /* not NUL-terminated: %.*s */
	struct tars_bytes body;
	int32_t timeout_ms;              /* 0: none given */
	struct tars_string_string_map context, status;
};

struct response_packet {
	int16_t version;
	int8_t packet_type;
	int32_t request_id;
	int32_t message_type;
	int32_t ret;
	struct tars_bytes body;
	struct tars_string_string_map status;
	struct tars_str desc;            /* not NUL-terminated */
	struct tars_string_string_map context;
};

/* frame = packet without its 4 length bytes. */
int packet_get_request(const uint8_t *frame, size_t n, struct request_packet *p, struct arena *a,
		       struct err *e);
int packet_get_response(const uint8_t *frame, size_t n, struct response_packet *p, struct arena *a,
			struct err *e);

/*
 * Whole packets with the length in front.  The body is copied from p->body.  A response has
 * sResultDesc when ret is not 0, even an empty one: TarsJava requires it.
 */
void packet_put_request(struct buf *b, const struct request_packet *p);
void packet_put_response(struct buf *b, const struct response_packet *p);

/*
 * The same without a copy of the body: begin, encode the body straight into b, end.
 * `begin` returns a mark for `end`.  Between them only appends to b are allowed.  p->body.n may say
 * about how large the body will be (codec_guess): a good guess saves that it is moved by some bytes.
 */
size_t packet_begin_request(struct buf *b, const struct request_packet *p);
void packet_end_request(struct buf *b, size_t mark, const struct request_packet *p);
size_t packet_begin_response(struct buf *b, const struct response_packet *p);
void packet_end_response(struct buf *b, size_t mark, const struct response_packet *p);

/* The same for the usual reply: ret 0, without status, text and context.  expected: bytes of the
 * body, as above. */
size_t packet_begin_ok(struct buf *b, const struct request_packet *to, size_t expected);
void packet_end_ok(struct buf *b, size_t mark);

/* Value of a key in a context or status map, or NULL. */
const struct tars_str *packet_map_find(const struct tars_string_string_map *m, const char *key);

#endif
