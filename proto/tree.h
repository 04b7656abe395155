/*
 * Encoded fields without descriptors, as text: the tree of their tags, types and values.
 *
 * As lines, indented by depth, a value each:      As JSON in one line:
 *   1 Int 300                                     [{"tag":1,"type":"Int","value":300},
 *   2 StructBegin                                  {"tag":2,"type":"StructBegin","value":[..]},
 *     0 String1 "x"                                {"tag":3,"type":"SimpleList","value":"00ff"}]
 *   3 SimpleList 2 bytes 00ff
 *
 * Elements of lists have tag 0, keys of maps tag 0 and their values tag 1.  A text that is not UTF-8
 * is shown as {"hex": ..}, a number that is not finite as a string.  Thread: any.
 */
#ifndef PROTO_TREE_H
#define PROTO_TREE_H

#include "proto/codec.h"

enum tree_form { TREE_LINES, TREE_JSON };

enum { TREE_MAX_TEXT = 64 << 20 }; /* bytes of text; more than that is an error */

/*
 * Appends all fields of data; TREE_LINES begin with `indent` blanks.  On an error the lines up to it
 * stand in b, of JSON nothing.
 */
int tree_put(struct buf *b, const uint8_t *data, size_t n, enum tree_form form, unsigned indent,
	     struct err *e);
/* Appends a text as JSON, or as {"hex": ".."} if it is not UTF-8. */
void tree_put_text(struct buf *b, const char *p, size_t n);
/* Appends bytes as hex digits. */
void tree_put_hex(struct buf *b, const void *p, size_t n);

#endif
