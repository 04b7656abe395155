/*
 * IDL text from type descriptors: what reflection answers and `tars call OBJ` prints.
 *
 * The text is self-contained: it holds all types the interface needs, each before its use, in
 * modules, and parses with names that start with "tars" allowed.  Thread: any.
 */
#ifndef PROTO_IDLTEXT_H
#define PROTO_IDLTEXT_H

#include "proto/buf.h"
#include "proto/type.h"

/* Appends the interface and the structs and enums it needs. */
void idltext_iface(struct buf *b, const struct tars_iface *iface);
/* Appends a struct or enum with what it needs. */
void idltext_type(struct buf *b, const struct tars_type *t);
/* Appends one method as "int greet(string name, out string text)". */
void idltext_func(struct buf *b, const struct tars_func *f, const char *module);

#endif
