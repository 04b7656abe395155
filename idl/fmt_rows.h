/*
 * Rows of formatted text: what the formatter (fmt.c) fills and fmt_rows.c prints.
 *
 * Internal to idl/.  A row is a line: code at an indentation, and a comment behind it.  Those of
 * rows that follow each other are aligned.
 */
#ifndef IDL_FMT_ROWS_H
#define IDL_FMT_ROWS_H

#include "proto/arena.h"
#include "proto/buf.h"

enum { FMT_TAB = 8, FMT_WIDTH = 100 };

struct fmt_row {
	uint32_t code, n_code;   /* offset in the texts, size */
	uint32_t note, n_note;
	uint32_t indent;         /* tabs */
	bool is_raw;             /* a further line of a comment: also if it is empty */
	bool is_dropped;         /* held a token that is left out */
};

struct fmt_rows {
	struct arena *arena;
	struct buf text;
	struct fmt_row *v;
	uint32_t n;
};

/* Begins a row; code and then a note are appended to the last one. */
struct fmt_row *fmt_row_add(struct fmt_rows *rows, uint32_t indent);
/* A blank row, unless there is one or none before. */
void fmt_row_blank(struct fmt_rows *rows);
void fmt_row_code(struct fmt_rows *rows, const char *p, size_t n);
void fmt_row_note(struct fmt_rows *rows, const char *p, size_t n);
/* The columns that the last row's code takes. */
size_t fmt_row_column(const struct fmt_rows *rows);
/* A comment, whose further lines become rows: `base` is the column where the line it began in had
 * its first character.  is_note: it stands behind code. */
void fmt_row_comment(struct fmt_rows *rows, const char *p, const char *end, size_t base,
		     bool is_note);
/* Columns of the blanks at p. */
size_t fmt_blanks(const char *p, const char *end);

void fmt_rows_print(const struct fmt_rows *rows, struct buf *out);

#endif
