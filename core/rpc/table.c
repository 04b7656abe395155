/* Tables for operators: the same rows as aligned text or as JSON. */
#include "core/rpc/table.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table_cell {
	const char *text;
	enum { CELL_TEXT, CELL_NUMBER, CELL_MS } kind;
	int64_t number;
};

void table_init(struct table *t, const char *const *columns, unsigned n_columns)
{
	*t = (struct table){ .columns = columns, .n_columns = n_columns };
	arena_init(&t->arena, NULL, 0);
}

void table_release(struct table *t)
{
	arena_clear(&t->arena);
	free(t->cells);
}

static void add_cell(struct table *t, struct table_cell cell)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cells = xrealloc(t->cells, t->cap * sizeof(*t->cells));
	}
	t->cells[t->n++] = cell;
}

void table_text(struct table *t, const char *text)
{
	add_cell(t, (struct table_cell){ .kind = CELL_TEXT, .text = arena_strdup(&t->arena, text) });
}

void table_number(struct table *t, int64_t n)
{
	add_cell(t, (struct table_cell){ .kind = CELL_NUMBER, .number = n,
					 .text = arena_strf(&t->arena, "%lld", (long long)n) });
}

void table_ms(struct table *t, int64_t us)
{
	add_cell(t, (struct table_cell){ .kind = CELL_MS, .number = us,
					 .text = arena_strf(&t->arena, "%.3f", (double)us / 1e3) });
}

/* ---- text ---- */

static void print_row(const struct table *t, const char *const *texts, const size_t *widths,
		      struct buf *out)
{
	for (unsigned c = 0; c < t->n_columns; c++) {
		bool last = c + 1 == t->n_columns;

		buf_addf(out, "%-*s%s", last ? 0 : (int)widths[c], texts[c], last ? "\n" : "  ");
	}
}

static void print_text(const struct table *t, struct buf *out)
{
	size_t *widths = xcalloc(t->n_columns, sizeof(*widths));
	const char **texts = xcalloc(t->n_columns, sizeof(*texts));

	for (unsigned c = 0; c < t->n_columns; c++)
		widths[c] = strlen(t->columns[c]);
	for (size_t i = 0; i < t->n; i++)
		if (strlen(t->cells[i].text) > widths[i % t->n_columns])
			widths[i % t->n_columns] = strlen(t->cells[i].text);
	print_row(t, t->columns, widths, out);
	for (size_t i = 0; i + t->n_columns <= t->n; i += t->n_columns) {
		for (unsigned c = 0; c < t->n_columns; c++)
			texts[c] = t->cells[i + c].text;
		print_row(t, texts, widths, out);
	}
	free(widths);
	free(texts);
}

/* ---- JSON ---- */

static json_t *cell_json(const struct table_cell *cell)
{
	json_t *json;

	switch (cell->kind) {
	case CELL_NUMBER:
		return json_integer(cell->number);
	case CELL_MS:
		return json_real((double)cell->number / 1e3);
	case CELL_TEXT:
		break;
	}
	json = json_string(cell->text);
	return json ? json : json_string("?");
}

static void member_name(char *name, size_t size, const char *column)
{
	snprintf(name, size, "%s", column);
	for (; *name; name++)
		if (*name == ' ')
			*name = '_';
}

static json_t *rows_json(const struct table *t)
{
	json_t *rows = json_array();
	char name[64];

	for (size_t i = 0; i + t->n_columns <= t->n; i += t->n_columns) {
		json_t *row = json_object();

		for (unsigned c = 0; c < t->n_columns; c++) {
			member_name(name, sizeof(name), t->columns[c]);
			json_object_set_new(row, name, cell_json(&t->cells[i + c]));
		}
		json_array_append_new(rows, row);
	}
	return rows;
}

static void print_json(const struct table *t, const char *name, struct buf *out)
{
	json_t *all = json_object();
	char *text;

	json_object_set_new(all, name, rows_json(t));
	text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(12));
	buf_add_str(out, text ? text : "{}");
	free(text);
	json_decref(all);
}

void table_print(const struct table *t, const char *name, bool json, struct buf *out)
{
	if (json)
		print_json(t, name, out);
	else
		print_text(t, out);
}
