/* C generator: literals and lines that break at 100 columns. */
#include "idl/gen_c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 100, TAB = 8 };

static unsigned column_after(const char *s, size_t n, unsigned column)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			column = 0;
		else
			column += s[i] == '\t' ? TAB - column % TAB : 1;
	}
	return column;
}

static void put_column(struct buf *b, unsigned column)
{
	buf_addf(b, "\n%.*s%*s", (int)(column / TAB), "\t\t\t\t\t\t\t\t\t\t\t\t",
		 (int)(column % TAB), "");
}

/* Where broken lines go on: behind the parenthesis, or two tabs in if one would be too long. */
static unsigned next_column(unsigned open, const char *const *args, unsigned n, const char *tail)
{
	for (unsigned i = 0; i < n; i++) {
		size_t behind = i + 1 < n ? 1 : 1 + strcspn(tail, "\n");

		if (open + strlen(args[i]) + behind > WIDTH)
			return 2 * TAB;
	}
	return open;
}

void gen_wrap(struct buf *b, const char *head, const char *const *args, unsigned n,
	      const char *tail)
{
	unsigned open = column_after(head, strlen(head), 0) + 1, column = open;
	unsigned next = next_column(open, args, n, tail);

	buf_addf(b, "%s(", head);
	for (unsigned i = 0; i < n; i++) {
		bool is_last = i + 1 == n;
		size_t behind = is_last ? 1 + strcspn(tail, "\n") : 1;
		unsigned size = (unsigned)(strlen(args[i]) + behind);

		if (i && column + 1 + size > WIDTH) {
			put_column(b, next);
			column = next;
		} else if (i) {
			buf_add_u8(b, ' ');
			column++;
		} else if (column + size > WIDTH && next < open) {
			put_column(b, next);
			column = next;
		}
		buf_addf(b, "%s%s", args[i], is_last ? "" : ",");
		column += size;
	}
	buf_addf(b, ")%s", tail);
}

void gen_string(struct buf *b, const char *s)
{
	const char *end = s + strlen(s);

	buf_add_u8(b, '"');
	while (s < end) {
		size_t n = utf8_size(s, end);
		unsigned char c = (unsigned char)*s;

		if (n > 1)
			buf_add(b, s, n);
		else if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c == '\n' || c == '\t')
			buf_add_str(b, c == '\n' ? "\\n" : "\\t");
		else if (!n || c < ' ' || c == 127 || (c == '?' && s[1] == '?')) /* trigraphs */
			buf_addf(b, "\\%03o", c);
		else
			buf_add_u8(b, c);
		s += n ? n : 1;
	}
	buf_add_u8(b, '"');
}

static void put_double(struct buf *b, double v, bool is_float)
{
	char text[40];

	for (int digits = is_float ? 6 : 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (is_float ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
			break;
	}
	buf_addf(b, "%s%s%s", text, strpbrk(text, ".e") ? "" : ".0", is_float ? "f" : "");
}

void gen_number(struct buf *b, const struct idl_type *t, const struct idl_value *v)
{
	switch (t->kind) {
	case TARS_F32:
	case TARS_F64:
		put_double(b, v->f, t->kind == TARS_F32);
		break;
	case TARS_BOOL:
		buf_add_str(b, v->i ? "true" : "false");
		break;
	case TARS_I64:
		if (v->i == INT64_MIN)
			buf_add_str(b, "INT64_MIN");
		else
			buf_addf(b, "INT64_C(%" PRId64 ")", v->i);
		break;
	case TARS_U32:
		buf_addf(b, "%" PRId64 "u", v->i);
		break;
	default:
		if (v->i == INT32_MIN)
			buf_add_str(b, "INT32_MIN");
		else
			buf_addf(b, "%" PRId64, v->i);
	}
}
