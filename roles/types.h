/*
 * Types of a tool's values: descriptors from the .tars file of --idl, and the one that --type names.
 *
 * Owner: the tool; everything lives until types_release.  Thread: one at a time.
 */
#ifndef ROLES_TYPES_H
#define ROLES_TYPES_H

#include "idl/idl.h"

struct types {
	struct idl idl;
	struct idl_descs descs;
	struct arena arena;
	const struct tars_type *type;    /* NULL: none was named */
};

/*
 * idl, include (directories with ':' between them) and type (a type as .tars files spell it, like
 * "map<string, M::S>") may be NULL.  TARS_EARG with *e set; mistakes in files are reported to stderr
 * in full.
 */
int types_load(struct types *t, const char *idl, const char *include, const char *type,
	       struct err *e);
void types_release(struct types *t);

/* The tag that an option gives, or -1 for NULL. */
int types_tag(const char *text, int *tag_r, struct err *e);

#endif
