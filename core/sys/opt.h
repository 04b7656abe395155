/*
 * Option rows: one row is a flag, an INI key, an environment variable and a line of help.
 *
 * A row cannot disagree with its struct: offset and type come from the field.  Defaults are texts
 * and go through the same reader as everything else.  Rows are constants.  Thread: any.
 *
 *	struct demo_conf { const char *listen; int64_t timeout_ms; bool fast; };
 *	static const struct opt demo_opts[] = {
 *		OPT("fast", struct demo_conf, fast, "no", 0, "skip the checks"),
 *		OPT("listen", struct demo_conf, listen, NULL, OPT_REQUIRED, "endpoint to serve on"),
 *		OPT_DURATION("timeout", struct demo_conf, timeout_ms, "3s", 0, "how long to wait"),
 *		{ 0 }
 *	};
 */
#ifndef CORE_SYS_OPT_H
#define CORE_SYS_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/type.h"

enum opt_type {
	OPT_TYPE_STRING,    /* const char *; NULL without a default */
	OPT_TYPE_BOOL,      /* yes no true false on off 1 0 */
	OPT_TYPE_INT,       /* int */
	OPT_TYPE_INT64,     /* int64_t */
	OPT_TYPE_DURATION,  /* int64_t milliseconds: 250ms 10s 5m 2h 1d, 0 */
	OPT_TYPE_SIZE,      /* int64_t bytes: 512 64K 10M 2G, units of 1024 */
	OPT_TYPE_STR,       /* struct tars_str, as members of IDL structs are */
	OPT_TYPE_TEXTS,     /* struct opt_texts: a flag that may be given again and again */
};

struct opt_texts {
	const char **v;
	uint32_t n;
};

enum opt_flags {
	OPT_NORELOAD = 1 << 0,  /* takes effect at the next start only */
	OPT_SECRET = 1 << 1,    /* never printed */
	OPT_REQUIRED = 1 << 2,
	OPT_FLAG_ONLY = 1 << 3, /* command line only: no INI key, no environment variable */
	OPT_BARE_MS = 1 << 4,   /* of a duration: digits without a unit are milliseconds */
};

struct opt {
	const char *name;       /* "node-timeout"; NULL ends the rows */
	const char *def;        /* as text; NULL: none (zero) */
	const char *help;       /* one sentence, no full stop */
	size_t offset;
	unsigned flags;
	enum opt_type type;
	/* Seldom there: `OPT(..., "help", .letter = 't')`. */
	char letter;            /* "-t" is the same flag; 0: none */
	const char *choices;    /* "text|json": the only values that a text may have; NULL: any */
};

#define OPT_ROW(name, type, conf, field, def, flags, help, ...) \
	{ name, def, help, offsetof(conf, field), flags, type, ##__VA_ARGS__ }
#define OPT(name, conf, field, def, flags, help, ...) \
	OPT_ROW(name, _Generic(((conf *)0)->field, \
			       const char *: OPT_TYPE_STRING, \
			       struct tars_str: OPT_TYPE_STR, \
			       struct opt_texts: OPT_TYPE_TEXTS, \
			       bool: OPT_TYPE_BOOL, \
			       int: OPT_TYPE_INT, \
			       int64_t: OPT_TYPE_INT64), conf, field, def, flags, help, ##__VA_ARGS__)
#define OPT_DURATION(name, conf, field, def, flags, help, ...) \
	OPT_ROW(name, _Generic(((conf *)0)->field, int64_t: OPT_TYPE_DURATION), conf, field, def, \
		flags, help, ##__VA_ARGS__)
#define OPT_SIZE(name, conf, field, def, flags, help, ...) \
	OPT_ROW(name, _Generic(((conf *)0)->field, int64_t: OPT_TYPE_SIZE), conf, field, def, \
		flags, help, ##__VA_ARGS__)

/* The row of this name, or letter, among rows, or NULL. */
const struct opt *opt_find(const struct opt *rows, const char *name);
const struct opt *opt_find_letter(const struct opt *rows, char letter);
/* Reads text into the field of `values`, of texts behind those that it has; strings are copied to
 * the arena.  NULL, or what is wrong as the end of a sentence: "is not a duration (try 10s)". */
const char *opt_set(const struct opt *o, const char *text, void *values, struct arena *a);
/* As without a default: zero or NULL. */
void opt_clear(const struct opt *o, void *values);
/* A switch that is on by default: --no-NAME is the form that does something. */
bool opt_is_on(const struct opt *o);
/* The lines of help for all rows, wrapped at 80 columns. */
void opt_print_help(struct buf *b, const struct opt *rows);

#endif
