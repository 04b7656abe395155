/* Comments: from .tars text to plain text, and from plain text to C. */
#include "idl/comment.h"

#include <stdbool.h>
#include <string.h>

enum { COMMENT_WIDTH = 100 };

size_t utf8_char(const char *p, const char *end, uint32_t *c_r)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t left = (size_t)(end - p), n;
	uint32_t c;

	if (!left)
		return 0;
	*c_r = s[0];
	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n > left)
		return 0;
	c = s[0] & (0xffu >> (n + 1));
	for (size_t k = 1; k < n; k++) {
		if ((s[k] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[k] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	*c_r = c;
	return n;
}

size_t utf8_size(const char *p, const char *end)
{
	uint32_t c;

	return utf8_char(p, end, &c);
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A line without letters, such as a row of slashes, only decorates. */
static bool is_decoration(const char *p, const char *end)
{
	for (; p < end; p++)
		if (!memchr("/*-=#_+~ \t", *p, 10))
			return false;
	return true;
}

/* "lint:disable RULE" documents nothing. */
static bool is_for_lint(const char *p, const char *end)
{
	static const char mark[] = "lint:disable";

	return (size_t)(end - p) >= strlen(mark) && !memcmp(p, mark, strlen(mark));
}

static void add_line(struct buf *b, const char *p, const char *end)
{
	while (end > p && is_blank(end[-1]))
		end--;
	if (is_decoration(p, end) || is_for_lint(p, end))
		p = end;
	if (p == end && !b->len)
		return;
	while (p < end) {
		size_t n = utf8_size(p, end);

		if (n > 1 || (n && (*p == '\t' || (unsigned char)*p >= ' ')))
			buf_add(b, p, n);
		else
			buf_add_u8(b, '?');
		p += n ? n : 1;
	}
	buf_add_u8(b, '\n');
}

static void add_block(struct buf *b, const char *p, const char *end)
{
	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p)), *next = eol ? eol + 1 : end;

		eol = eol ? eol : end;
		while (p < eol && is_blank(*p))
			p++;
		while (p < eol && *p == '*')
			p++;
		if (p < eol && *p == ' ')
			p++;
		add_line(b, p, eol);
		p = next;
	}
}

const char *comment_text(struct arena *a, const char *start, const char *end)
{
	struct buf b = BUF_INIT;
	const char *p = start, *text = NULL;

	while (end - p >= 2) {
		const char *close;

		if (p[0] == '/' && p[1] == '/') {
			close = memchr(p, '\n', (size_t)(end - p));
			close = close ? close : end;
			while (p < close && *p == '/')
				p++;
			if (p < close && *p == ' ')
				p++;
			add_line(&b, p, close);
			p = close;
		} else if (p[0] == '/' && p[1] == '*') {
			close = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
			close = close ? close : end;
			p += 2;
			add_block(&b, p, close);
			p = end - close >= 2 ? close + 2 : end;
		} else {
			p++;
		}
	}
	while (b.len && b.data[b.len - 1] == '\n')
		b.len--;
	if (b.len)
		text = arena_memdup(a, b.data, b.len);
	buf_release(&b);
	return text;
}

/* The marks of a comment may not stand inside one. */
static void put_text(struct buf *b, const char *p, const char *end)
{
	for (; p < end; p++) {
		buf_add_u8(b, (uint8_t)*p);
		if (end - p > 1 && ((p[0] == '*' && p[1] == '/') || (p[0] == '/' && p[1] == '*')))
			buf_add_u8(b, ' ');
	}
}

int comment_fits(const char *text, size_t width)
{
	return !strchr(text, '\n') && strlen(text) + strlen("/*  */") <= width;
}

void comment_put_inline(struct buf *b, const char *text)
{
	buf_add_str(b, "/* ");
	put_text(b, text, text + strlen(text));
	buf_add_str(b, " */");
}

static void put_indent(struct buf *b, unsigned indent)
{
	while (indent--)
		buf_add_u8(b, '\t');
}

void comment_put(struct buf *b, unsigned indent, const char *text)
{
	if (!text)
		return;
	put_indent(b, indent);
	if (comment_fits(text, COMMENT_WIDTH - 8 * (size_t)indent)) {
		comment_put_inline(b, text);
		buf_add_u8(b, '\n');
		return;
	}
	buf_add_str(b, "/*\n");
	for (const char *p = text; p; ) {
		const char *eol = strchr(p, '\n'), *end = eol ? eol : p + strlen(p);

		put_indent(b, indent);
		buf_add_str(b, p == end ? " *" : " * ");
		put_text(b, p, end);
		buf_add_u8(b, '\n');
		p = eol ? eol + 1 : NULL;
	}
	put_indent(b, indent);
	buf_add_str(b, " */\n");
}
