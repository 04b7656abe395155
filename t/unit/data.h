/*
 * Rows of recorded facts from t/data: tab-separated fields with \\ \n \t \r \xHH as escapes.
 *
 * Lines that begin with '#' say what the columns are.  Used by unit tests that run at the top of
 * the tree.
 */
#ifndef T_UNIT_DATA_H
#define T_UNIT_DATA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/err.h"

enum { DATA_MAX_FIELDS = 512 };

struct data {
	FILE *file;
	char *text;                      /* the fields of this row point into it */
	size_t cap;
	int line, n;
	char *field[DATA_MAX_FIELDS];
};

static inline void data_open(struct data *d, const char *path)
{
	*d = (struct data){ .file = fopen(path, "r") };
	if (!d->file) {
		perror(path);
		abort();
	}
}

static inline void data_unescape(char *s)
{
	char *o = s, hex[3] = "";

	for (; *s; s++) {
		if (*s != '\\') {
			*o++ = *s;
			continue;
		}
		switch (*++s) {
		case 'n': *o++ = '\n'; break;
		case 't': *o++ = '\t'; break;
		case 'r': *o++ = '\r'; break;
		case 'x':
			memcpy(hex, s + 1, 2);
			*o++ = (char)strtol(hex, NULL, 16);
			s += 2;
			break;
		default: *o++ = *s;
		}
	}
	*o = '\0';
}

/* False at the end of the file, which is closed then. */
static inline int data_next(struct data *d)
{
	while (getline(&d->text, &d->cap, d->file) >= 0) {
		char *p = d->text, *field;

		d->line++;
		p[strcspn(p, "\n")] = '\0';
		if (*p == '#')
			continue;
		for (d->n = 0; (field = strsep(&p, "\t"));) {
			BUG_ON(d->n == DATA_MAX_FIELDS);
			data_unescape(field);
			d->field[d->n++] = field;
		}
		return 1;
	}
	free(d->text);
	fclose(d->file);
	return 0;
}

#endif
