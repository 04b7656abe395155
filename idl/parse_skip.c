/* Parser: how to go on after a mistake, so that it is one error and hides little. */
#include "idl/parse.h"

const char scope_skipped;

bool parse_is_def(const struct parser *p)
{
	switch (p->tok.kind == TOK_KEYWORD ? p->tok.keyword : KW_NONE) {
	case KW_struct: case KW_enum: case KW_const: case KW_key: case KW_interface:
	case KW_module:
		return true;
	default:
		return false;
	}
}

void parse_skip(struct parser *p)
{
	const struct token *t = &p->tok;
	static const char skipped = 's';

	if (t->kind == TOK_NAME)
		idl_symtab_add(p->idl->symbols, &scope_skipped,
			       arena_memdup(p->arena, t->start, t->n),
			       (void *)(uintptr_t)&skipped);
	parse_next(p);
}

/* Whether the next token starts a line and, with it, a new element of this list. */
static bool is_start(const struct parser *p, enum parse_list list)
{
	if (p->tok.loc.line == p->prev_line || p->tok.start == p->element)
		return false;
	return parse_is_def(p) || (list == LIST_MEMBERS && p->tok.kind == TOK_INT) ||
	       (list == LIST_DEFS && p->tok.kind == TOK_INCLUDE);
}

void parse_resync(struct parser *p, enum parse_list list)
{
	unsigned depth = 0;

	for (; p->tok.kind != TOK_END; parse_skip(p)) {
		if (parse_is(p, '{')) {
			depth++;
		} else if (parse_is(p, '}')) {
			if (!depth)
				return;
			depth--;
		} else if (!depth && parse_is(p, ';')) {
			parse_next(p);
			return;
		} else if (!depth && is_start(p, list)) {
			return;
		}
	}
}

bool parse_open(struct parser *p, const char *where, const char *name, struct idl_loc *brace_r)
{
	*brace_r = p->tok.loc;
	if (parse_expect(p, '{', where, name))
		return true;
	if (parse_is(p, ';'))
		return false; /* a declaration without a body */
	/* "struct S : Base {", or the brace was forgotten. */
	while (!parse_is(p, '{') && !parse_is(p, '}') && !parse_is(p, ';')) {
		if (p->tok.kind == TOK_END || parse_is_def(p))
			return false;
		parse_skip(p);
	}
	if (!parse_is(p, '}'))
		parse_next(p);
	return true;
}

bool parse_close(struct parser *p, const char *where, const char *name,
		 const struct idl_loc *brace)
{
	bool is_end = p->tok.kind == TOK_END || parse_is_keyword(p, KW_module);

	if (is_end && p->n_unclosed) {
		p->n_unclosed--;
		return false;
	}
	if (parse_accept(p, '}'))
		return true;
	if (!parse_is_reported(p)) {
		parse_expect(p, '}', where, name);
		idl_note(p->idl, brace, "the '{' is here");
	}
	return false;
}

bool parse_inner(struct parser *p, const char *where, const char *name,
		 const struct idl_loc *brace, bool *is_inner)
{
	enum { MAX_UNCLOSED = 8 };
	bool is_module = parse_is_keyword(p, KW_module);

	/* Either definitions were nested or a '}' is missing: only the end of the file can tell, so
	 * both are read without a further word. */
	if (!*is_inner) {
		if (!p->n_unclosed) {
			parse_unexpected(p, arena_strf(p->arena, "'}' %s '%s'", where, name));
			idl_note(p->idl, brace, "the '{' is here");
		}
		p->n_unclosed += is_module ? 2 : 1;
		*is_inner = true;
	}
	if (is_module)
		return false;
	if (p->n_unclosed > MAX_UNCLOSED) {
		parse_skip(p);
		parse_resync(p, LIST_DEFS);
	} else {
		parse_definition(p);
	}
	return true;
}
