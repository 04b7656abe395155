/*
 * The configuration of a role: values of its option rows and where each came from.
 *
 * Precedence: --flag > environment TARS_<SECTION>_<NAME> > INI [section] > INI [tars] > default.
 * The row named "config", if there is one, names the INI file.  Everything in the file is checked,
 * the sections of other roles by name only.  A conf owns its texts; the structs that it fills are
 * the caller's and point into it.  Thread: one at a time.
 */
#ifndef CORE_SYS_CONF_H
#define CORE_SYS_CONF_H

#include "core/sys/opt.h"
#include "proto/err.h"

enum { CONF_MAX_GROUPS = 4 };

enum conf_from { CONF_DEFAULT, CONF_FILE_ALL, CONF_FILE, CONF_ENV, CONF_FLAG };

struct conf_value {
	const char *text;       /* NULL: not set */
	enum conf_from from;
	int line;               /* in the file */
	struct conf_value *before; /* of a flag that is given several times */
};

struct conf_group {
	const struct opt *opts;
	void *values;
	struct conf_value *value;  /* one for each row */
};

/* A section that the file may have, for checks and for "did you mean". */
struct conf_section {
	const char *name;
	const struct opt *opts;
};

struct conf {
	const char *section;
	struct arena arena;
	struct conf_group group[CONF_MAX_GROUPS];
	int n_groups;
	const char *file;       /* the INI file, or NULL */
	char **args;            /* positional arguments, NULL-terminated */
	int n_args;
};

void conf_init(struct conf *c, const char *section);
/* Adds rows and the struct that they fill, before conf_load. */
void conf_add(struct conf *c, const struct opt *opts, void *values);
void conf_release(struct conf *c);

/*
 * argv: flags and positional arguments ("--" ends the flags), without the program.  known: all
 * sections, ends with { 0 }; the rows of "tars" are allowed in every section, and [tars] may have
 * the rows of every section.
 * TARS_EARG: the command line is wrong; TARS_ECONF: the file or the environment.
 */
int conf_load(struct conf *c, int argc, char **argv, const struct conf_section *known,
	      struct err *e);
/* TARS_ECONF if an OPT_REQUIRED row has no value: after conf_load, before the values are used. */
int conf_check(struct conf *c, struct err *e);
/* Gives OPT_NORELOAD rows of `fresh` the values of `old`; appends the names of those that would
 * have changed to b, separated by ", ". */
void conf_keep_fixed(struct conf *fresh, const struct conf *old, struct buf *b);
/* The effective values as an INI file that conf_load would read back; secrets are left out. */
void conf_show(struct buf *b, const struct conf *c);

#endif
