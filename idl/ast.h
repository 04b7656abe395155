/*
 * The tree of parsed .tars text.
 *
 * Lives in the arena of its struct idl.  parse.c makes it, check.c resolves names and sets sizes,
 * the C generator adds C names; nobody else changes it.
 */
#ifndef IDL_AST_H
#define IDL_AST_H

#include "proto/type.h"

struct idl_def;
struct idl_file;

struct idl_loc {
	const struct idl_file *file;
	uint32_t line, col; /* from 1 */
};

/* A type as it stands in the text; check.c fills kind, def and depth. */
struct idl_type {
	uint8_t kind;            /* enum tars_kind; TARS_STRUCT for a name not resolved yet */
	bool array;              /* "T name[N]" or "T *name": `fixed` belongs to the member */
	uint32_t fixed;          /* N of "[N]" or ":N"; only a hint, the wire format has no sizes */
	const char *ref;         /* STRUCT, ENUM: the name as written */
	struct idl_def *def;     /* STRUCT, ENUM: what it is */
	struct idl_type *key;    /* MAP */
	struct idl_type *elem;   /* LIST and BYTES element, MAP value */
	struct idl_loc loc;
	uint32_t depth;          /* levels of containers and structs */
};

enum idl_value_kind { IDL_NONE, IDL_INT, IDL_FLOAT, IDL_STRING, IDL_BOOL, IDL_NAME };

/* A literal.  check.c resolves names (of enumerators) and fits kind, i and f to the type. */
struct idl_value {
	uint8_t kind;            /* enum idl_value_kind */
	int64_t i;               /* INT, BOOL, NAME */
	double f;                /* FLOAT; from the parser also INT */
	const char *s;           /* STRING; NAME: as written */
	struct idl_loc loc;
};

/* A struct member, a parameter or (name "") a return value. */
struct idl_member {
	const char *name;
	uint8_t tag;
	uint8_t flags;           /* enum tars_field_flags */
	struct idl_type *type;
	struct idl_value value;  /* the default */
	const char *doc, *note;  /* comment before it, comment behind it; NULL if there is none */
	struct idl_loc loc;
	uint32_t offset;         /* of a struct member in the C struct */
	const char *c_name;      /* set by the C generator */
};

struct idl_item {
	const char *name;
	int32_t value;
	struct idl_value given;  /* IDL_NONE: the one before plus 1 */
	const char *doc, *note;
	struct idl_loc loc;
	const char *c_name;
};

struct idl_op {
	const char *name;
	struct idl_type *ret;        /* NULL: void */
	struct idl_member *params;   /* in IDL order; tag i + 1 */
	uint32_t n_params;
	uint16_t routekey;           /* 1 + its index among the input parameters; 0: none */
	uint16_t flags;              /* enum tars_func_flags */
	const char *doc, *note;
	struct idl_loc loc;
	const char *c_name;
};

enum idl_def_kind { IDL_ENUM, IDL_STRUCT, IDL_CONST, IDL_KEY, IDL_INTERFACE };

struct idl_def {
	uint8_t kind;                /* enum idl_def_kind */
	const char *name;            /* "User"; a KEY's is the struct's name as written */
	const char *full_name;       /* "TestApp::User" */
	const char *module;          /* "TestApp" */
	const char *doc, *note;
	struct idl_loc loc;
	struct idl_item *items;      /* ENUM */
	uint32_t n_items;
	struct idl_member *members;  /* STRUCT in IDL order; CONST: one, name, type and value */
	uint32_t n_members;
	struct idl_op *ops;          /* INTERFACE in IDL order */
	uint32_t n_ops;
	bool is_push;                /* INTERFACE: "@push" in its comment */
	struct idl_def *target;      /* KEY: the struct */
	bool is_broken;              /* there are errors in it: parts of it may be missing */
	struct idl_value *keys;      /* KEY: its members */
	uint32_t n_keys;
	struct idl_def *key;         /* STRUCT: its key definition, or NULL */
	uint32_t size, align, depth; /* STRUCT: of the C struct */
	const char *c_name;
};

struct idl_module {
	const char *name;
	const char *doc;
	struct idl_loc loc;
	struct idl_def **defs;       /* in IDL order */
	uint32_t n_defs;
};

struct idl_file {
	const char *path;            /* as found: what error messages say */
	const char *base;            /* without directory and ".tars" */
	const char *text;            /* all of it */
	size_t size;
	const char *doc;             /* comment before the first include */
	struct idl_file **includes;
	uint32_t n_includes;
	struct idl_module **modules; /* in IDL order; one may be reopened */
	uint32_t n_modules;
	bool is_checked;
};

#endif
