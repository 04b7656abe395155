/*
 * The IDL compiler as a library: .tars text -> checked tree -> C code or runtime descriptors.
 *
 * Owner: whoever embeds `struct idl`; the tree, its texts and its errors live in its arena until
 * idl_release().  One thread at a time.  Any bytes give a tree or errors, in bounded depth:
 *
 *   text -lex.c-> tokens -parse.c-> tree -check.c-> resolved tree -gen_c*.c-> X.h, X.c
 *                                                        `---------desc.c-> struct tars_iface
 */
#ifndef IDL_IDL_H
#define IDL_IDL_H

#include "idl/ast.h"
#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/err.h"

enum {
	IDL_MAX_ERRORS = 20,
	IDL_MAX_FILE_SIZE = 16 << 20,
	IDL_MAX_INCLUDE_DEPTH = 200,
	IDL_MAX_DEPTH = 64,           /* containers and structs in each other; CODEC_MAX_DEPTH */
	IDL_MAX_VALUE_SIZE = 1 << 20, /* bytes of one C struct */
	IDL_MAX_ITEMS = 65535,        /* enumerators of an enum, methods of an interface */
};

struct idl_symtab;

struct idl_error {
	struct idl_loc loc;
	const char *text;
	struct idl_loc other;        /* what it clashes with, or where it began */
	const char *other_text;      /* what stands there; NULL: there is no other place */
};

struct idl_options {
	/* Directories to look for includes in, after the path as it stands: "a:b"; may be NULL. */
	const char *path;
	bool with_tars;              /* identifiers may start with "tars" */
	bool write_defaults;         /* optional members are TARS_ALWAYS */
	bool tables_only;            /* no straight-line encoders and decoders: smaller, slower */
	/* Appends a file to text.  TARS_ENOTFOUND: look elsewhere.  NULL: idl_read_file(). */
	int (*read)(void *ctx, const char *path, struct buf *text, struct err *e);
	void *ctx;
};

struct idl {
	struct idl_options opt;
	struct arena arena;
	struct idl_file **files;     /* includes stand before the files that include them */
	uint32_t n_files;
	struct idl_error errors[IDL_MAX_ERRORS];
	uint32_t n_errors;
	bool has_more_errors;
	bool is_incomplete;          /* an include is missing: any name may stand in it */
	struct idl_symtab *symbols;
	uint32_t include_depth;
};

void idl_init(struct idl *idl, const struct idl_options *opt);
void idl_release(struct idl *idl);

/* Parses and checks a file and what it includes; NULL if there are errors (in any of them). */
struct idl_file *idl_load(struct idl *idl, const char *path);
/* The same for text in memory; `name` stands for its path. */
struct idl_file *idl_load_text(struct idl *idl, const char *name, const char *text, size_t n);
/* Appends the errors in the order of the files: "file:line:col: what", the line, a caret below it;
 * and the same for the other place if there is one: "file:line:col: the other ... is here". */
void idl_put_errors(const struct idl *idl, struct buf *b);

int idl_read_file(void *ctx, const char *path, struct buf *text, struct err *e);

/* C code of one file; needs an idl without errors.  Fails on C names that clash. */
int idl_gen_c(struct idl *idl, struct idl_file *file, struct buf *header, struct buf *code);
/* The same in pieces, in order: of the header, and of the code if is_code. */
struct idl_sink {
	void (*put)(void *ctx, bool is_code, const void *text, size_t n);
	void *ctx;
};
int idl_pour_c(struct idl *idl, struct idl_file *file, const struct idl_sink *sink);
/* Only whether it fails. */
int idl_check_c(struct idl *idl, struct idl_file *file);

/* Runtime descriptors of all files, for calls without generated code.  They live in the arena
 * given and do not need the idl any more.  dispatch is NULL. */
struct idl_descs {
	const struct tars_type **types;   /* structs and enums */
	uint32_t n_types;
	const struct tars_iface **ifaces;
	uint32_t n_ifaces;
};
void idl_describe(const struct idl *idl, struct arena *a, struct idl_descs *d);
/* By full name, "TestApp::User"; NULL if there is none. */
const struct tars_type *idl_descs_type(const struct idl_descs *d, const char *name);
const struct tars_iface *idl_descs_iface(const struct idl_descs *d, const char *name);

#endif
