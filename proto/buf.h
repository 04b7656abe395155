/*
 * Growing byte buffer with a read position, for packets and text.
 *
 * Open value; owner: whoever embeds it.  One thread at a time.  Memory that runs out aborts; sizes
 * from peers are checked before they reach buf_reserve.
 *
 *   0 ........ pos ............ len ............ cap
 *   | consumed | content        | room           |
 */
#ifndef PROTO_BUF_H
#define PROTO_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	uint8_t *data;
	size_t pos, len, cap;
};

#define BUF_INIT { 0 }

void buf_release(struct buf *b);
/* Makes room for n more bytes behind len; consumed bytes are reclaimed first. */
void buf_grow(struct buf *b, size_t n);

static inline uint8_t *buf_reserve(struct buf *b, size_t n)
{
	if (__builtin_expect(b->cap - b->len < n, 0))
		buf_grow(b, n);
	return b->data + b->len;
}

static inline size_t buf_size(const struct buf *b)
{
	return b->len - b->pos;
}

static inline uint8_t *buf_head(const struct buf *b)
{
	return b->data ? b->data + b->pos : b->data;
}

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n) {
		memcpy(buf_reserve(b, n), p, n);
		b->len += n;
	}
}

static inline void buf_add_u8(struct buf *b, uint8_t v)
{
	*buf_reserve(b, 1) = v;
	b->len++;
}

static inline void buf_consume(struct buf *b, size_t n)
{
	b->pos += n;
	if (b->pos == b->len)
		b->pos = b->len = 0;
}

/* Moves all content of from behind that of b; nothing is copied if b is empty. */
static inline void buf_append(struct buf *b, struct buf *from)
{
	if (buf_size(b)) {
		buf_add(b, buf_head(from), buf_size(from));
		from->pos = from->len = 0;
	} else {
		struct buf swap = *b;

		*b = *from;
		*from = swap;
	}
}

static inline void buf_clear(struct buf *b)
{
	b->pos = b->len = 0;
}

void buf_add_str(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap);
/* Content as C text (a NUL is kept behind len); valid until the next change. */
const char *buf_str(struct buf *b);

#endif
