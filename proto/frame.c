/* Framing: protocol by the first bytes, and the bounds of the next packet. */
#include "proto/frame.h"

#include <string.h>

/*
 * TLS records begin with 0x16, HTTP requests with a capital letter.  A TARS length begins like that
 * only from 352 MB on, above any sensible limit.
 */
enum { TLS_HANDSHAKE = 0x16, TLS_MAJOR = 0x03 };

static const char http2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum frame_protocol frame_detect(const uint8_t *data, size_t n)
{
	size_t common = n < sizeof(http2_preface) - 1 ? n : sizeof(http2_preface) - 1;

	if (!n)
		return PROTOCOL_UNKNOWN;
	if (data[0] == TLS_HANDSHAKE) {
		if (n < 2)
			return PROTOCOL_UNKNOWN;
		return data[1] == TLS_MAJOR ? PROTOCOL_TLS : PROTOCOL_TARS;
	}
	if (data[0] < 'A' || data[0] > 'Z')
		return PROTOCOL_TARS;
	if (memcmp(data, http2_preface, common))
		return PROTOCOL_HTTP1;
	return common == sizeof(http2_preface) - 1 ? PROTOCOL_HTTP2 : PROTOCOL_UNKNOWN;
}

enum frame_result frame_next(const uint8_t *data, size_t n, size_t max, size_t *size,
			     struct err *e)
{
	size_t length;

	if (n < FRAME_LENGTH_SIZE) {
		*size = 0;
		return FRAME_NEED;
	}
	length = (size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
	if (length < FRAME_MIN || length > max) {
		err_set(e, TARS_EPROTO, "a packet length of %zu is not within %d..%zu: the peer "
			"does not speak TARS, or the limit is too low", length, (int)FRAME_MIN,
			max);
		return FRAME_BAD;
	}
	*size = length;
	return n < length ? FRAME_NEED : FRAME_OK;
}
