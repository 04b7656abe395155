/*
 * The parser's state and how it reports, shared by parse*.c and source.c.
 *
 * Internal to idl/.  A function that returns false or NULL has reported why; its caller passes
 * that on up to a list of definitions, members or methods, which goes on behind the next ';'.
 * One mistake shall be one error: see parse_skip.c.
 */
#ifndef IDL_PARSE_H
#define IDL_PARSE_H

#include "idl/lex.h"

struct parser {
	struct lexer lx;
	struct idl *idl;
	struct arena *arena;
	struct idl_file *file;
	struct idl_module *module; /* where definitions go */
	struct token tok;        /* the next one */
	const char *element;     /* where the member, method or definition in hand starts */
	struct idl_loc prev_end; /* just behind the last one taken */
	uint32_t prev_line;
	/* Errors reported already that more tokens may follow from: */
	unsigned n_unclosed;     /* so many '}' may be missing */
	unsigned n_extra;        /* so many '}' may be too much */
	const struct idl_module *outer; /* its definitions may go on behind the module in it */
	bool is_lost;            /* definitions outside modules */
	bool has_ended;          /* the end of the file */
};

void parse_next(struct parser *p);
bool parse_is(const struct parser *p, char punct);
bool parse_is_keyword(const struct parser *p, enum keyword kw);
/* Takes the token if it is this one. */
bool parse_accept(struct parser *p, char punct);
bool parse_accept_keyword(struct parser *p, enum keyword kw);
/* Takes it, or reports "expected '{' after enum 'Color', found ...". */
bool parse_expect(struct parser *p, char punct, const char *where, const char *name);
/* As parse_expect(';'), but goes on as if it were there when the line ends here. */
bool parse_semicolon(struct parser *p, const char *where, const char *name);
/* Takes a name; `what` says of what: "a struct". */
bool parse_name(struct parser *p, const char *what, const char **name, struct idl_loc *loc);
/* Whether the lexer has reported what is bad here. */
bool parse_is_reported(const struct parser *p);
/* Reports at the next token what was expected there; false. */
bool parse_unexpected(struct parser *p, const char *expected);
/* What the list, in which an error was, consists of; each starts in its own way. */
enum parse_list { LIST_DEFS, LIST_MEMBERS, LIST_METHODS };
/* parse_skip.c: skips to behind the next ';', to a '}' of this level, or to a line that starts the
 * next element of the list.  The names in it count as skipped, see scope_skipped. */
void parse_resync(struct parser *p, enum parse_list list);
/* Skips one token. */
void parse_skip(struct parser *p);
/* Whether the next token is 'struct', 'enum', 'const', 'key', 'interface' or 'module'. */
bool parse_is_def(const struct parser *p);
/* Takes a '{', or reports that it is missing and skips to where the body seems to start; false if
 * there is none.  brace_r: where it is. */
bool parse_open(struct parser *p, const char *where, const char *name, struct idl_loc *brace_r);
/* Takes the '}'; false if it is missing. */
bool parse_close(struct parser *p, const char *where, const char *name,
		 const struct idl_loc *brace);
/* A definition where only members or methods can stand; false if the body ends here. */
bool parse_inner(struct parser *p, const char *where, const char *name,
		 const struct idl_loc *brace, bool *is_inner);

/* The comment behind the token just taken, or the older note. */
const char *parse_note(const struct parser *p, const char *note);

struct idl_type *parse_type(struct parser *p);
/* "[N]" or ":N" behind a member's name. */
bool parse_array(struct parser *p, struct idl_member *m);
bool parse_value(struct parser *p, struct idl_value *v);

/* The whole file: includes and modules. */
void parse_definitions(struct parser *p);

/* A definition with its ';', added to the module.  False if the ';' is missing before a '}'. */
bool parse_definition(struct parser *p);
/* parse_def.c: the same without the ';'.  NULL if nothing of it can be used. */
struct idl_def *parse_def(struct parser *p);

#endif
