/*
 * The checked tree as JSON, for other tools; README.md has the schema.
 *
 * Needs an idl without errors.  One thread at a time.
 */
#ifndef IDL_TREE_JSON_H
#define IDL_TREE_JSON_H

#include "idl/idl.h"

/* Appends one object with all files, includes first, and a newline. */
int idl_json(struct idl *idl, struct buf *out, struct err *e);

#endif
