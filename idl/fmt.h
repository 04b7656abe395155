/*
 * Canonical layout of .tars text, and files with their includes in one text.
 *
 * Only blanks, line ends and the indentation of comments change: tokens and comments stay byte by
 * byte, and every comment stays with what it documents, so that generated code stays the same.
 * Formatting what was formatted changes nothing.  One thread at a time.
 */
#ifndef IDL_FMT_H
#define IDL_FMT_H

#include "idl/idl.h"

/* Appends the formatted text.  Included files are not needed and not read.  `idl` is fresh; it has
 * the errors if the text is not accepted (TARS_EARG). */
int idl_fmt(struct idl *idl, const char *name, const char *text, size_t n, struct buf *out);

/* Appends a loaded file with all that it includes, each file once and includes first. */
int idl_merge(struct idl *idl, struct buf *out, struct err *e);

/* Internal: lays out text that has been parsed; without its #include lines if asked for. */
void fmt_text(struct idl *idl, const char *text, size_t n, bool drops_includes, struct buf *out);

#endif
