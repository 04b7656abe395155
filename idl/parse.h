/*
 * The parser's state and how it reports, shared by parse.c, parse_def.c and source.c.
 *
 * Internal to idl/.  A function that returns false or NULL has reported why; its caller passes
 * that on up to a list of definitions, members or methods, which goes on behind the next ';'.
 */
#ifndef IDL_PARSE_H
#define IDL_PARSE_H

#include "idl/lex.h"

struct parser {
	struct lexer lx;
	struct idl *idl;
	struct arena *arena;
	struct idl_file *file;
	struct token tok;        /* the next one */
	struct idl_loc prev_end; /* just behind the last one taken */
	uint32_t prev_line;
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
/* Takes a name; `what` says of what. */
bool parse_name(struct parser *p, const char *what, const char **name, struct idl_loc *loc);
/* Reports at the next token what was expected there; false. */
bool parse_unexpected(struct parser *p, const char *expected);
/* Skips to behind the next ';' or to a '}' of this level. */
void parse_resync(struct parser *p);
/* The comment behind the token just taken, or the older note. */
const char *parse_note(const struct parser *p, const char *note);

struct idl_type *parse_type(struct parser *p);
/* "[N]" or ":N" behind a member's name. */
bool parse_array(struct parser *p, struct idl_member *m);
bool parse_value(struct parser *p, struct idl_value *v);

/* The whole file: includes and modules. */
void parse_definitions(struct parser *p);

/* parse_def.c: what stands in a module, without the ';' behind it. */
struct idl_def *parse_def(struct parser *p, const char *module);

#endif
