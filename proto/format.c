/* Formatting of simple text, and of any other by vsnprintf. */
#include "proto/format.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct room {
	char *p;
	size_t size, n;
};

static void put(struct room *r, const char *text, size_t n)
{
	if (r->n < r->size)
		memcpy(r->p + r->n, text, n < r->size - r->n ? n : r->size - r->n);
	r->n += n;
}

static void put_unsigned(struct room *r, unsigned v)
{
	char digits[12], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	put(r, p, (size_t)(digits + sizeof(digits) - p));
}

/* False, with any text in the room, if there is more than %s and %u. */
static bool put_simple(struct room *r, const char *fmt, va_list ap)
{
	for (;;) {
		const char *percent = strchrnul(fmt, '%'), *text;

		put(r, fmt, (size_t)(percent - fmt));
		if (!*percent)
			return true;
		if (percent[1] == 's') {
			text = va_arg(ap, const char *);
			text = text ? text : "(null)";
			put(r, text, strlen(text));
		} else if (percent[1] == 'u') {
			put_unsigned(r, va_arg(ap, unsigned));
		} else {
			return false;
		}
		fmt = percent + 2;
	}
}

int format_text(char *p, size_t room, const char *fmt, va_list ap)
{
	struct room r = { p, room, 0 };
	bool is_simple;
	va_list again;

	va_copy(again, ap);
	is_simple = put_simple(&r, fmt, again);
	va_end(again);
	if (!is_simple || r.n > INT_MAX)
		return vsnprintf(p, room, fmt, ap);
	if (room)
		p[r.n < room ? r.n : room - 1] = '\0';
	return (int)r.n;
}
