/* Rows of `tars ctl`: as a table, a wider one, or JSON. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/field.h"
#include "proto/json.h"
#include "roles/ctl.h"

enum { MAX_COLUMNS = 24 };

/* The columns that are shown, and their members. */
struct columns {
	const struct tars_field *field[MAX_COLUMNS];
	char head[MAX_COLUMNS][24];
	int n;
};

/* "dataDir" is DATA DIR; a template's name is its TEMPLATE. */
static void put_head(char *head, size_t size, const char *name, size_t n)
{
	size_t used = 0;

	if (n > 4 && !strncmp(name + n - 4, "Name", 4))
		n -= 4;
	for (size_t i = 0; i < n && used + 2 < size; i++) {
		if (name[i] >= 'A' && name[i] <= 'Z')
			head[used++] = ' ';
		head[used++] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
	}
	head[used] = '\0';
}

/* "a b|c|d": a and b; c only in wide tables; d in both. */
static void choose_columns(struct columns *cols, const struct tars_type *t, const char *names,
			   bool is_wide)
{
	bool shown = true;

	for (const char *p = names; *p;) {
		size_t n = strcspn(p, " |");
		const struct tars_field *f = field_find(t, p, n);

		BUG_ON(!f || cols->n == MAX_COLUMNS);
		if (shown || is_wide) {
			put_head(cols->head[cols->n], sizeof(cols->head[0]), p, n);
			cols->field[cols->n++] = f;
		}
		p += n;
		shown ^= *p == '|';
		p += *p != '\0';
	}
}

/* A cell is one line: what would break the table is shown as a blank. */
static const char *clean(struct ctl *c, const char *text, size_t n)
{
	char *s = arena_memdup(&c->arena, text, n);

	for (char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return s;
}

/* Seconds since 1970. */
static const char *time_text(struct ctl *c, time_t t)
{
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", gmtime_r(&t, &tm));
	return arena_strdup(&c->arena, text);
}

static const char *cell(struct ctl *c, const struct tars_field *f, const void *row)
{
	const void *value = (const char *)row + f->offset;
	const struct tars_str *s = value;

	if (f->type == &tars_type_string)
		return clean(c, s->p, s->n);
	if (f->type == &tars_type_bool)
		return *(const bool *)value ? "yes" : "no";
	if (f->type == &tars_type_int)
		return arena_strf(&c->arena, "%d", *(const int32_t *)value);
	BUG_ON(f->type != &tars_type_long);
	return strcmp(f->name, "changed") ?
		       arena_strf(&c->arena, "%lld", *(const long long *)value) :
		       time_text(c, *(const int64_t *)value);
}

static void print_line(const struct columns *cols, const char *const *cells, const size_t *width)
{
	for (int k = 0; k < cols->n; k++)
		printf("%-*s%s", k + 1 < cols->n ? (int)width[k] : 0, cells[k],
		       k + 1 < cols->n ? "  " : "\n");
}

/* Columns are counted in characters, not in bytes: names may be in any language. */
static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static int print_table(struct ctl *c, const struct tars_type *type, const struct tars_any_list *rows,
		       bool is_wide)
{
	struct columns cols = { .n = 0 };
	const char *head[MAX_COLUMNS], **cells;
	size_t width[MAX_COLUMNS];

	choose_columns(&cols, type, c->op->columns, is_wide);
	cells = arena_alloc(&c->arena, ((size_t)rows->n * (size_t)cols.n + 1) * sizeof(*cells));
	for (int k = 0; k < cols.n; k++) {
		head[k] = cols.head[k];
		width[k] = strlen(head[k]);
	}
	for (uint32_t i = 0; i < rows->n; i++)
		for (int k = 0; k < cols.n; k++) {
			const char *text = cell(c, cols.field[k], (char *)rows->v + i * type->size);
			size_t n = characters(text);

			cells[i * (uint32_t)cols.n + (uint32_t)k] = text;
			width[k] = n > width[k] ? n : width[k];
		}
	print_line(&cols, head, width);
	for (uint32_t i = 0; i < rows->n; i++) {
		size_t padded[MAX_COLUMNS];

		/* printf pads bytes. */
		for (int k = 0; k < cols.n; k++) {
			const char *text = cells[i * (uint32_t)cols.n + (uint32_t)k];

			padded[k] = width[k] + strlen(text) - characters(text);
		}
		print_line(&cols, &cells[i * (uint32_t)cols.n], padded);
	}
	return EXIT_ASKED;
}

static int print_json(struct ctl *c, const struct tars_type *type, const struct tars_any_list *rows)
{
	json_t *array = json_array();
	size_t flags = isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT;
	struct err e = { 0 };
	char *text;

	for (uint32_t i = 0; i < rows->n; i++) {
		json_t *row = json_from_value(type, (char *)rows->v + i * type->size, &e);

		if (!row) {
			json_decref(array);
			return ctl_complain(c, EXIT_FAILED, "%s", e.text);
		}
		json_array_append_new(array, row);
	}
	text = json_dumps(array, flags);
	puts(text);
	free(text);
	json_decref(array);
	return EXIT_ASKED;
}

int ctl_print_rows(struct ctl *c, const struct tars_type *type, const void *rows)
{
	int status = !strcmp(c->conf->output, "json") ? print_json(c, type, rows) :
		     print_table(c, type, rows, !strcmp(c->conf->output, "wide"));

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return ctl_complain(c, EXIT_FAILED, "stdout: the rows could not be written: %m");
}
