/* Bytes as hex text for tests: "0a16(78*300)0b", a run in brackets; and the other way round. */
#ifndef T_UNIT_HEX_H
#define T_UNIT_HEX_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/buf.h"
#include "proto/err.h"

static inline uint8_t hex_byte(const char *text)
{
	unsigned v = 0;

	BUG_ON(sscanf(text, "%2x", &v) != 1);
	return (uint8_t)v;
}

/* Replaces the content of b. */
static inline void hex_read(struct buf *b, const char *text)
{
	buf_clear(b);
	while (*text) {
		char *end = NULL;
		long run = 1;

		if (*text == '|' || *text == ' ') { /* for the eye only */
			text++;
		} else if (*text == '(') {
			uint8_t byte = hex_byte(text + 1);

			BUG_ON(text[3] != '*');
			run = strtol(text + 4, &end, 10);
			BUG_ON(*end != ')');
			memset(buf_reserve(b, (size_t)run), byte, (size_t)run);
			b->len += (size_t)run;
			text = end + 1;
		} else {
			buf_add_u8(b, hex_byte(text));
			text += 2;
		}
	}
}

/* "" if b holds exactly these bytes, else what it holds, for the message of a failed test. */
static inline const char *hex_difference(const struct buf *b, const char *text)
{
	static char shown[2 * 2000 + 1];
	struct buf want = BUF_INIT;
	bool is_same;

	hex_read(&want, text);
	is_same = buf_size(b) == want.len &&
		  (!want.len || !memcmp(buf_head(b), want.data, want.len));
	shown[0] = '\0';
	for (size_t i = 0; !is_same && i < buf_size(b) && i < 2000; i++)
		snprintf(shown + 2 * i, 3, "%02x", buf_head(b)[i]);
	buf_release(&want);
	return is_same ? "" : *shown ? shown : "nothing";
}

#endif
