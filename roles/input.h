/*
 * What tools read: an argument that may be a file, and batches of lines that are answered one by one.
 *
 * Thread: main, of a tool.
 */
#ifndef ROLES_INPUT_H
#define ROLES_INPUT_H

#include <stdio.h>

#include "proto/buf.h"
#include "proto/err.h"

enum {
	INPUT_MAX = 100 << 20,         /* bytes of an argument */
	INPUT_MAX_LINE = 16 << 20,     /* of a line of a batch, its newline left out */
};

/* Appends the argument: "-" is standard input, "@file" a file, anything else the text itself. */
int input_argument(const char *arg, struct buf *b, struct err *e);
/* The content of an open file. */
int input_file(FILE *f, const char *name, struct buf *b, struct err *e);

/*
 * Answers each line "name<TAB>value" of standard input with "name<TAB>ok<TAB>result" or
 * "name<TAB>error<TAB>reason" on standard output.  Answers leave when no more input is there to be
 * read.  `answer` appends a result of one line or fails; a bad line ends nothing.
 * Gives the exit status: whether all were ok.
 */
int input_batch(int (*answer)(void *ctx, const char *value, size_t n, struct buf *result,
			      struct err *e), void *ctx);

#endif
