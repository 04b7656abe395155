/*
 * Tables for operators: the same rows as aligned text or as JSON.
 *
 *	static const char *const columns[] = { "function", "calls", "p99 ms" };
 *	table_init(&t, columns, 3);
 *	table_text(&t, f->name), table_number(&t, f->n), table_ms(&t, f->p99_us);   one row
 *	table_print(&t, json, out), table_release(&t);
 *
 * In JSON a column "p99 ms" is the member "p99_ms".  Open value.  Thread: one at a time.
 */
#ifndef CORE_RPC_TABLE_H
#define CORE_RPC_TABLE_H

#include <stdbool.h>

#include "proto/arena.h"
#include "proto/buf.h"

struct table_cell;

struct table {
	const char *const *columns;
	unsigned n_columns;
	struct table_cell *cells;     /* row by row */
	size_t n, cap;
	struct arena arena;
};

void table_init(struct table *t, const char *const *columns, unsigned n_columns);
void table_release(struct table *t);

/* Each adds the next cell; a row is as many as there are columns. */
void table_text(struct table *t, const char *text);
void table_number(struct table *t, int64_t n);
/* Microseconds, shown as milliseconds with three decimals. */
void table_ms(struct table *t, int64_t us);

/* JSON: {"name": [{...}, ...]} without newlines; text that is not UTF-8 is shown as "?". */
void table_print(const struct table *t, const char *name, bool json, struct buf *out);

#endif
