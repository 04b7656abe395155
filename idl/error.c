/* Errors: collected while a file is read, shown with the line they stand in and a caret. */
#include <string.h>

#include "idl/comment.h"
#include "idl/lex.h"

enum { TAB = 8, LINE_WIDTH = 100 };

void idl_fail(struct idl *idl, const struct idl_loc *loc, const char *fmt, ...)
{
	struct idl_error *error;
	va_list ap;

	if (idl->n_errors == IDL_MAX_ERRORS) {
		idl->has_more_errors = true;
		return;
	}
	error = &idl->errors[idl->n_errors++];
	error->loc = *loc;
	va_start(ap, fmt);
	error->text = arena_vstrf(&idl->arena, fmt, ap);
	va_end(ap);
}

void idl_note(struct idl *idl, const struct idl_loc *loc, const char *text)
{
	if (!idl->n_errors || idl->has_more_errors)
		return;
	idl->errors[idl->n_errors - 1].other = *loc;
	idl->errors[idl->n_errors - 1].other_text = text;
}

/* One character of a source line, as a terminal shows it. */
struct glyph {
	size_t n;          /* bytes */
	unsigned width;    /* columns */
	bool is_hidden;    /* it could move or hide text, or is no character: shown as '?' */
};

static bool is_between(uint32_t c, const uint32_t (*ranges)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

static struct glyph glyph_at(const char *p, const char *end, unsigned col)
{
	static const uint32_t hidden[][2] = {
		{ 0x00, 0x1f }, { 0x7f, 0x9f }, { 0x200e, 0x200f }, { 0x2028, 0x202e },
		{ 0x2066, 0x2069 }, { 0xfeff, 0xfeff },
	};
	static const uint32_t wide[][2] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
		{ 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 },
		{ 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
	};
	static const uint32_t combining[][2] = {
		{ 0x300, 0x36f }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
	};
	uint32_t c = 0;
	size_t n = utf8_char(p, end, &c);

	if (*p == '\t')
		return (struct glyph){ 1, TAB - col % TAB, false };
	if (!n || is_between(c, hidden, sizeof(hidden) / sizeof(*hidden)))
		return (struct glyph){ n ? n : 1, 1, true };
	if (is_between(c, combining, sizeof(combining) / sizeof(*combining)))
		return (struct glyph){ n, 0, false };
	return (struct glyph){
		n, is_between(c, wide, sizeof(wide) / sizeof(*wide)) ? 2 : 1, false,
	};
}

static void put_glyph(struct buf *b, const char *p, const struct glyph *g)
{
	if (g->is_hidden)
		buf_add_u8(b, '?');
	else
		buf_add(b, p, g->n);
}

/* What is quoted in a message, and the path of an include, may be any bytes of the source. */
static void put_text(struct buf *b, const char *p)
{
	const char *end = p + strlen(p);

	while (p < end) {
		struct glyph g = glyph_at(p, end, 0);

		put_glyph(b, p, &g);
		p += g.n;
	}
}

/* The bytes of a line, without its end; false if there is nothing to show. */
static bool find_line(const struct idl_file *file, uint32_t line, const char **start,
		      const char **end)
{
	const char *p = file->text, *stop = file->text + file->size;

	for (uint32_t i = 1; i < line; i++) {
		p = memchr(p, '\n', (size_t)(stop - p));
		if (!p)
			return false;
		p++;
	}
	if (line == 1 && stop - p >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	*start = p;
	*end = memchr(p, '\n', (size_t)(stop - p));
	*end = *end ? *end : stop;
	while (*end > p && memchr(" \t\r", (*end)[-1], 3))
		--*end;
	return *end > p;
}

static unsigned width_of(const char *p, const char *end)
{
	unsigned width = 0;

	while (p < end) {
		struct glyph g = glyph_at(p, end, width);

		width += g.width;
		p += g.n;
	}
	return width;
}

/*
 * A line with a caret under `at`.  Tabs stay tabs in both lines, so that the caret stands right
 * however wide they are shown; of a long line only what is around the caret is shown, with
 * blanks for tabs.
 */
static void put_line(struct buf *b, const char *start, const char *end, const char *at)
{
	bool is_cut = width_of(start, end) > LINE_WIDTH;
	unsigned caret_col = width_of(start, at < end ? at : end), col = 0;
	unsigned from = is_cut && caret_col > LINE_WIDTH * 2 / 3 ? caret_col - LINE_WIDTH / 2 : 0;
	unsigned to = is_cut ? from + LINE_WIDTH : UINT32_MAX;
	struct buf caret = BUF_INIT;
	const char *p = start;

	if (from) {
		buf_add_str(b, "...");
		buf_add_str(&caret, "   ");
	}
	while (p < end && col < to) {
		struct glyph g = glyph_at(p, end, col);
		bool is_tab = *p == '\t';

		if (col >= from) {
			if (is_tab && is_cut)
				buf_addf(b, "%*s", (int)g.width, "");
			else
				put_glyph(b, p, &g);
			if (p < at && is_tab && !is_cut)
				buf_add_u8(&caret, '\t');
			else if (p < at)
				buf_addf(&caret, "%*s", (int)g.width, "");
		}
		col += g.width;
		p += g.n;
	}
	buf_addf(b, "%s\n%s^\n", p < end ? "..." : "", buf_str(&caret));
	buf_release(&caret);
}

static void put_place(struct buf *b, const struct idl_loc *loc, const char *text)
{
	const char *start, *end;

	if (loc->file && loc->line) {
		put_text(b, loc->file->path);
		buf_addf(b, ":%u:%u: ", loc->line, loc->col);
	}
	put_text(b, text);
	buf_add_u8(b, '\n');
	if (loc->file && loc->line && find_line(loc->file, loc->line, &start, &end))
		put_line(b, start, end, start + loc->col - 1);
}

static uint32_t file_index(const struct idl *idl, const struct idl_file *file)
{
	uint32_t i = 0;

	while (i < idl->n_files && idl->files[i] != file)
		i++;
	return i;
}

static bool is_before(const struct idl *idl, const struct idl_loc *a, const struct idl_loc *b)
{
	if (a->file != b->file)
		return file_index(idl, a->file) < file_index(idl, b->file);
	return a->line != b->line ? a->line < b->line : a->col < b->col;
}

void idl_put_errors(const struct idl *idl, struct buf *b)
{
	const struct idl_error *sorted[IDL_MAX_ERRORS];

	/* Found by the parser first, by the checker later: shown as they stand in the files. */
	for (uint32_t i = 0; i < idl->n_errors; i++) {
		uint32_t k = i;

		for (; k && is_before(idl, &idl->errors[i].loc, &sorted[k - 1]->loc); k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = &idl->errors[i];
	}
	for (uint32_t i = 0; i < idl->n_errors; i++) {
		put_place(b, &sorted[i]->loc, sorted[i]->text);
		if (sorted[i]->other_text)
			put_place(b, &sorted[i]->other, sorted[i]->other_text);
	}
	if (idl->has_more_errors)
		buf_add_str(b, "more errors are not shown\n");
}
