/* vsnprintf, several times as fast for text with nothing but %s and %u in it, as generators have it. */
#ifndef PROTO_FORMAT_H
#define PROTO_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Writes at most `room` bytes, a NUL among them, and gives the length that the text has without it:
 * the text is whole if that is less than `room`.  Negative: an argument that cannot be formatted.
 * `ap` is used up.  Thread: any.
 */
int format_text(char *p, size_t room, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

#endif
