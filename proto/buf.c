/* Growing byte buffer: growth, text. */
#include "proto/buf.h"

#include <stdlib.h>

#include "proto/arena.h"
#include "proto/err.h"
#include "proto/format.h"

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void buf_grow(struct buf *b, size_t n)
{
	size_t used = b->len - b->pos, cap;

	if (b->pos && b->cap - used >= n && b->pos >= used) {
		memmove(b->data, b->data + b->pos, used);
	} else {
		BUG_ON(used + n < n);
		cap = b->cap ? b->cap : 256;
		while (cap - used < n)
			cap *= 2;
		if (b->pos) {
			uint8_t *data = xmalloc(cap);

			memcpy(data, b->data + b->pos, used);
			free(b->data);
			b->data = data;
		} else {
			b->data = xrealloc(b->data, cap);
		}
		b->cap = cap;
	}
	b->pos = 0;
	b->len = used;
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	enum { USUAL = 128 };
	va_list again;
	size_t room;
	char *p;
	int n;

	/* Most often it fits at once, and formatting is what costs. */
	p = (char *)buf_reserve(b, USUAL);
	room = b->cap - b->len;
	va_copy(again, ap);
	n = format_text(p, room, fmt, again);
	va_end(again);
	BUG_ON(n < 0);
	if ((size_t)n >= room)
		format_text((char *)buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

const char *buf_str(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return (const char *)buf_head(b);
}
