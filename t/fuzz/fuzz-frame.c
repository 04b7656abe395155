/* Framing: detection is stable as bytes arrive, and whole packets tile the input. */
#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum frame_protocol known = PROTOCOL_UNKNOWN;
	size_t at = 0, size = 0;
	struct err e = { 0 };
	enum frame_result rc;

	for (size_t cut = 0; cut <= n && cut < 64; cut++) {
		enum frame_protocol now = frame_detect(data, cut);

		BUG_ON(known != PROTOCOL_UNKNOWN && now != known);
		known = now;
	}
	while ((rc = frame_next(data + at, n - at, 1000, &size, &e)) == FRAME_OK) {
		BUG_ON(size < FRAME_MIN || size > 1000 || size > n - at);
		at += size;
	}
	BUG_ON(rc == FRAME_BAD && !*e.text);
	BUG_ON(rc == FRAME_NEED && size && size <= n - at);
	return 0;
}
