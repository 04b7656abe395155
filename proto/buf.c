/* Growing byte buffer: growth, text. */
#include "proto/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/arena.h"
#include "proto/err.h"

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

static void add_unsigned(struct buf *b, unsigned v)
{
	char digits[12], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

/* Text with nothing but %s and %u in it, as generators have it: vsnprintf takes several times as
 * long.  False, with nothing appended, for any other. */
static bool add_simple(struct buf *b, const char *fmt, va_list ap)
{
	size_t start = buf_size(b);

	for (;;) {
		const char *percent = strchrnul(fmt, '%'), *text;

		buf_add(b, fmt, (size_t)(percent - fmt));
		if (!*percent)
			return true;
		if (percent[1] == 's') {
			text = va_arg(ap, const char *);
			buf_add_str(b, text ? text : "(null)");
		} else if (percent[1] == 'u') {
			add_unsigned(b, va_arg(ap, unsigned));
		} else {
			b->len = b->pos + start;
			return false;
		}
		fmt = percent + 2;
	}
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	enum { USUAL = 128 };
	va_list again;
	bool is_done;
	size_t room;
	char *p;
	int n;

	va_copy(again, ap);
	is_done = add_simple(b, fmt, again);
	va_end(again);
	if (is_done)
		return;
	/* Most often it fits at once, and formatting is what costs. */
	p = (char *)buf_reserve(b, USUAL);
	room = b->cap - b->len;
	va_copy(again, ap);
	n = vsnprintf(p, room, fmt, again);
	va_end(again);
	BUG_ON(n < 0);
	if ((size_t)n >= room)
		vsnprintf((char *)buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, ap);
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
