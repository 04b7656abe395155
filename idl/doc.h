/*
 * Documentation of checked files: Markdown for people, OpenAPI 3.1 for HTTP clients.
 *
 * Both take all files of an idl without errors and append to out.  One thread at a time.
 */
#ifndef IDL_DOC_H
#define IDL_DOC_H

#include "idl/idl.h"

/* Modules, and in them interfaces, structs, enums and constants, with links between them. */
int idl_markdown(struct idl *idl, struct buf *out, struct err *e);

/* Functions as POST /json/OBJECT/FUNCTION.  `object` is an object's name in which %I stands for the
 * interface and %M for its module. */
int idl_openapi(struct idl *idl, const char *object, struct buf *out, struct err *e);

/* Internal: the definitions of a module in all files, each module once, in the order of files. */
struct doc_module {
	const char *name;
	const char *docs;        /* comments before it, in paragraphs; "" without */
	const struct idl_def **defs;
	uint32_t n_defs;
};
struct doc_modules {
	struct doc_module *v;
	uint32_t n;
};
void doc_collect(struct idl *idl, struct doc_modules *all);
/* The comment before and the comment behind, with a blank line in between; NULL without. */
const char *doc_text(struct arena *a, const char *doc, const char *note);

#endif
