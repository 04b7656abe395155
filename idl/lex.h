/*
 * Tokens of .tars text, with the comments that belong to them.
 *
 * Internal to idl/.  A lexer reads text that outlives it and puts strings into the idl's arena;
 * what is malformed is reported by idl_fail() and comes out as TOK_BAD.
 */
#ifndef IDL_LEX_H
#define IDL_LEX_H

#include "idl/idl.h"

enum token_kind {
	TOK_END, TOK_BAD, TOK_NAME, TOK_KEYWORD, TOK_INT, TOK_FLOAT, TOK_STRING, TOK_SCOPE,
	TOK_INCLUDE, TOK_PUNCT,
};

#define IDL_KEYWORDS(X) \
	X(void) X(struct) X(bool) X(byte) X(short) X(int) X(double) X(float) X(long) X(string) \
	X(vector) X(map) X(key) X(routekey) X(module) X(interface) X(out) X(require) X(optional) \
	X(false) X(true) X(enum) X(const) X(unsigned)

enum keyword {
#define KEYWORD_ENUM(name) KW_##name,
	IDL_KEYWORDS(KEYWORD_ENUM)
#undef KEYWORD_ENUM
	KW_NONE,
};

struct token {
	uint8_t kind;            /* enum token_kind */
	uint8_t keyword;         /* enum keyword */
	char punct;
	const char *start;       /* its bytes in the text */
	uint32_t n;
	struct idl_loc loc;
	int64_t i;               /* INT */
	double f;                /* FLOAT */
	const char *s;           /* STRING, INCLUDE: the content */
	const char *doc;         /* the comment block that ends just before it, or NULL */
	const char *note;        /* the comment behind the token before, on its line */
};

struct lexer {
	struct idl *idl;
	struct idl_file *file;
	const char *pos, *end;
	const char *line_start;
	uint32_t line;
	uint32_t token_line;     /* where the token before ended */
	bool is_cut;             /* a comment that is not closed has swallowed the rest */
};

void lexer_init(struct lexer *lx, struct idl *idl, struct idl_file *file, const char *text,
		size_t n);
void lexer_next(struct lexer *lx, struct token *t);

/* error.c: adds an error; after IDL_MAX_ERRORS only notes that there were more. */
void idl_fail(struct idl *idl, const struct idl_loc *loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds the other place to the error just reported: "the other definition is here". */
void idl_note(struct idl *idl, const struct idl_loc *loc, const char *text);

/* Appends a zeroed element to an arena array and gives its address. */
#define IDL_PUSH(arena, v, n) \
	((v) = idl_grow((arena), (v), (n), sizeof(*(v))), &(v)[(n)++])
void *idl_grow(struct arena *a, void *v, uint32_t n, size_t size);

/* parse.c: reads and parses a file and its includes; NULL if it cannot be read.  The tree may be
 * incomplete when there are errors.  A file that is known already is given again. */
struct idl_file *idl_parse_file(struct idl *idl, const char *path, const struct idl_loc *from);
struct idl_file *idl_parse_text(struct idl *idl, const char *path, const char *text, size_t n);

/* Names in text that was skipped because of an error; nobody reports them as unknown. */
extern const char scope_skipped;

/* check.c */
void idl_check(struct idl *idl, struct idl_file *file);

/* layout.c: C values, as the compiler of this machine lays them out. */
struct idl_layout {
	uint32_t size, align;
};
void idl_type_layout(const struct idl_type *t, struct idl_layout *l);
/* Appends a member to a struct's layout, which starts as { 0 }, and gives its offset. */
uint32_t idl_layout_add(struct idl_layout *l, const struct idl_type *t);
/* Padding at the end. */
void idl_layout_close(struct idl_layout *l);
/* IDL spelling of a type, "map<string, A::B>", appended to b. */
void idl_type_put(struct buf *b, const struct idl_type *t);
/* Sets the value that a member has without one in the text: an enum's first enumerator. */
void idl_default(struct idl_member *m);
/* The tars_type_* name of a builtin kind ("int"), or NULL. */
const char *idl_kind_name(uint8_t kind);

/* symtab.c: names in scopes; a scope is any address. */
struct idl_symtab *idl_symtab_new(void);
void idl_symtab_free(struct idl_symtab *t);
/* The value known by this name, else NULL after it was added. */
void *idl_symtab_add(struct idl_symtab *t, const void *scope, const char *name, void *value);
void *idl_symtab_find(const struct idl_symtab *t, const void *scope, const char *name);

#endif
