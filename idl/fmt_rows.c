/* Rows of formatted text: comments over several lines, aligned notes, printing. */
#include "idl/fmt_rows.h"

#include <string.h>

#include "idl/lex.h"

/* Notes are aligned up to here: a longer line must not push those of its neighbours away. */
enum { NOTE_COLUMN = 56 };

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct fmt_row *fmt_row_add(struct fmt_rows *rows, uint32_t indent)
{
	struct fmt_row *row = IDL_PUSH(rows->arena, rows->v, rows->n);

	*row = (struct fmt_row){ .code = (uint32_t)rows->text.len, .indent = indent };
	return row;
}

static bool is_empty(const struct fmt_row *row)
{
	return !row->n_code && !row->n_note && !row->is_raw;
}

void fmt_row_blank(struct fmt_rows *rows)
{
	uint32_t n = rows->n;

	while (n && is_empty(&rows->v[n - 1]) && rows->v[n - 1].is_dropped)
		n--;
	if (n && !is_empty(&rows->v[n - 1]))
		fmt_row_add(rows, 0);
}

void fmt_row_code(struct fmt_rows *rows, const char *p, size_t n)
{
	buf_add(&rows->text, p, n);
	rows->v[rows->n - 1].n_code += (uint32_t)n;
}

void fmt_row_note(struct fmt_rows *rows, const char *p, size_t n)
{
	struct fmt_row *row = &rows->v[rows->n - 1];

	if (row->n_note) {
		buf_add_u8(&rows->text, ' ');
		row->n_note++;
	} else {
		row->note = (uint32_t)rows->text.len;
	}
	buf_add(&rows->text, p, n);
	row->n_note += (uint32_t)n;
}

/* Characters of UTF-8 text; of other text about so many. */
static size_t width_of(const uint8_t *p, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++)
		width += (p[i] & 0xc0) != 0x80;
	return width;
}

size_t fmt_row_column(const struct fmt_rows *rows)
{
	const struct fmt_row *row = &rows->v[rows->n - 1];

	return row->indent * FMT_TAB + width_of(rows->text.data + row->code, row->n_code);
}

size_t fmt_blanks(const char *p, const char *end)
{
	size_t column = 0;

	for (; p < end && is_blank(*p); p++)
		column += *p == ' ' ? 1 : *p == '\t' ? FMT_TAB - column % FMT_TAB : 0;
	return column;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* Whether each further line of the comment begins with a star. */
static bool has_stars(const char *p, const char *end)
{
	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		p = skip_blanks(p + 1, end);
		if (p == end || *p != '*')
			return false;
	}
	return true;
}

/* A further line of a comment.  The row where the comment began is the one that it goes by. */
static void add_raw(struct fmt_rows *rows, const char *p, const char *end, uint32_t indent,
		    size_t spaces)
{
	struct fmt_row *row = fmt_row_add(rows, p == end ? 0 : indent);

	row->is_raw = true;
	if (p == end)
		return;
	while (spaces--)
		fmt_row_code(rows, " ", 1);
	fmt_row_code(rows, p, (size_t)(end - p));
}

static const char *trim_end(const char *p, const char *end)
{
	while (end > p && is_blank(end[-1]))
		end--;
	return end;
}

void fmt_row_comment(struct fmt_rows *rows, const char *p, const char *end, size_t base,
		     bool is_note)
{
	const struct fmt_row *first = &rows->v[rows->n - 1];
	uint32_t indent = first->indent, lead = 0;
	const char *eol = memchr(p, '\n', (size_t)(end - p)), *stop = trim_end(p, eol ? eol : end);
	bool stars = has_stars(p, end);

	while (lead < first->n_code && rows->text.data[first->code + lead] == ' ')
		lead++;
	if (first->n_note || (is_note && !eol && !first->is_raw)) {
		fmt_row_note(rows, p, (size_t)(stop - p));
	} else {
		if (first->n_code > lead)
			fmt_row_code(rows, " ", 1);
		fmt_row_code(rows, p, (size_t)(stop - p));
	}
	while (eol) {
		size_t column;

		p = eol + 1;
		eol = memchr(p, '\n', (size_t)(end - p));
		stop = trim_end(p, eol ? eol : end);
		column = fmt_blanks(p, stop);
		add_raw(rows, skip_blanks(p, stop), stop, indent,
			stars ? 1 : lead + (column > base ? column - base : 0));
	}
}

/* ---- printing ---- */

/* The rows that follow row i with notes of their own, and the column for these. */
static uint32_t note_group(const struct fmt_rows *rows, uint32_t i, size_t *column)
{
	uint32_t indent = rows->v[i].indent;

	*column = 0;
	for (; i < rows->n && rows->v[i].n_note && rows->v[i].n_code && rows->v[i].indent == indent;
	     i++) {
		size_t width = width_of(rows->text.data + rows->v[i].code, rows->v[i].n_code);

		if (width <= NOTE_COLUMN && width > *column)
			*column = width;
	}
	return i;
}

static void print_row(const struct fmt_rows *rows, const struct fmt_row *row, size_t column,
		      struct buf *out)
{
	size_t width = width_of(rows->text.data + row->code, row->n_code);

	for (uint32_t i = 0; i < row->indent && !is_empty(row); i++)
		buf_add_u8(out, '\t');
	buf_add(out, rows->text.data + row->code, row->n_code);
	if (row->n_note) {
		for (; row->n_code && width < column; width++)
			buf_add_u8(out, ' ');
		if (row->n_code)
			buf_add_u8(out, ' ');
		buf_add(out, rows->text.data + row->note, row->n_note);
	}
	buf_add_u8(out, '\n');
}

void fmt_rows_print(const struct fmt_rows *rows, struct buf *out)
{
	uint32_t n = rows->n, group_end = 0;
	size_t column = 0;

	while (n && is_empty(&rows->v[n - 1]))
		n--;
	for (uint32_t i = 0; i < n; i++) {
		const struct fmt_row *row = &rows->v[i];

		if (is_empty(row) && row->is_dropped)
			continue;
		if (i >= group_end) {
			group_end = note_group(rows, i, &column);
			group_end = group_end > i ? group_end : i + 1;
		}
		print_row(rows, row, column, out);
	}
}
