/*
 * Our own INI files, read with inih into rows that know their line numbers.
 *
 * Nothing is cut silently: lines and section names that the library cannot hold are errors.  Values
 * are taken as they stand, without comments behind them.  The rows live in the arena.
 * Thread: any, one at a time (the library's settings are global).
 */
#ifndef CORE_SYS_INIFILE_H
#define CORE_SYS_INIFILE_H

#include "proto/arena.h"
#include "proto/err.h"

enum { INIFILE_MAX_SIZE = 1 << 20, INIFILE_MAX_LINE = 8000, INIFILE_MAX_SECTION = 49 };

struct inifile_row {
	const char *section;    /* "" before the first */
	const char *name;       /* NULL: the line that opens the section */
	const char *value;
	int line;
};

struct inifile {
	struct inifile_row *v;
	uint32_t n;
};

/* name: for errors, which begin with "name:line: ". */
int inifile_parse(struct inifile *f, const char *name, const char *text, size_t n, struct arena *a,
		  struct err *e);
int inifile_load(struct inifile *f, const char *path, struct arena *a, struct err *e);

#endif
