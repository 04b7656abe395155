/*
 * Generated files on disk: what idlc and `tars idl gen` share.
 *
 * Errors go to `report`, a line each.  One thread at a time.
 */
#ifndef IDL_WRITE_H
#define IDL_WRITE_H

#include <stdio.h>

#include "idl/idl.h"

/* Compiles path to DIR/X.h and DIR/X.c; 0 or a negative code.  Both files are replaced as a whole,
 * neither if there is an error. */
int idl_write_c(const struct idl_options *opt, const char *path, const char *dir, FILE *report);
/* The interfaces of path as DIR/MODULE.proto, for gRPC clients. */
int idl_write_proto(const struct idl_options *opt, const char *path, const char *dir, FILE *report);

/* Replaces a file as a whole, by a temporary one, so that nobody sees half of it. */
int idl_write_file(const char *path, const struct buf *text, struct err *e);

#endif
