/*
 * Comments of .tars text as plain text, and plain text as C comments.
 *
 * Internal to idl/.  Text is UTF-8 with '\n' between lines and none at the end; bytes that are not
 * UTF-8 become '?'.
 */
#ifndef IDL_COMMENT_H
#define IDL_COMMENT_H

#include "proto/arena.h"
#include "proto/buf.h"

/* Text of one comment, or of a block of comments with blanks between them; NULL if it is empty. */
const char *comment_text(struct arena *a, const char *start, const char *end);

/* Appends text as a C comment at this indentation (tabs), with a newline behind it: one line if it
 * fits.  NULL appends nothing. */
void comment_put(struct buf *b, unsigned indent, const char *text);
/* Whether the text makes a comment of one line of at most `width` columns. */
int comment_fits(const char *text, size_t width);
/* Appends the text of a one-line comment with its marks. */
void comment_put_inline(struct buf *b, const char *text);

/* Bytes of the UTF-8 character at p, 0 if it is not one. */
size_t utf8_size(const char *p, const char *end);
/* The same, and which one it is. */
size_t utf8_char(const char *p, const char *end, uint32_t *c_r);

#endif
