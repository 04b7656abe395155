/* Parser of .tars files: tokens, types, literals, modules and includes. */
#include "idl/parse.h"

#include <string.h>

enum { MAX_TYPE_DEPTH = 32 };

void parse_next(struct parser *p)
{
	p->prev_line = p->lx.line;
	p->prev_end = (struct idl_loc){
		p->file, p->lx.line, (uint32_t)(p->lx.pos - p->lx.line_start) + 1,
	};
	lexer_next(&p->lx, &p->tok);
	if (p->idl->has_more_errors)
		p->tok = (struct token){ .kind = TOK_END, .keyword = KW_NONE, .loc = p->tok.loc };
}

bool parse_is(const struct parser *p, char punct)
{
	return p->tok.kind == TOK_PUNCT && p->tok.punct == punct;
}

bool parse_is_keyword(const struct parser *p, enum keyword kw)
{
	return p->tok.kind == TOK_KEYWORD && p->tok.keyword == kw;
}

bool parse_accept(struct parser *p, char punct)
{
	if (!parse_is(p, punct))
		return false;
	parse_next(p);
	return true;
}

bool parse_accept_keyword(struct parser *p, enum keyword kw)
{
	if (!parse_is_keyword(p, kw))
		return false;
	parse_next(p);
	return true;
}

/* The next token for "found ..." in a message. */
static const char *describe(const struct parser *p)
{
	const struct token *t = &p->tok;
	int n = t->n < 40 ? (int)t->n : 40;

	switch (t->kind) {
	case TOK_END:
		return "the end of the file";
	case TOK_KEYWORD:
		return arena_strf(p->arena, "keyword '%.*s'", n, t->start);
	case TOK_NAME:
	case TOK_PUNCT:
	case TOK_SCOPE:
		return arena_strf(p->arena, "'%.*s'", n, t->start);
	case TOK_INCLUDE:
		return "#include";
	default:
		return arena_strf(p->arena, "%.*s", n, t->start);
	}
}

/* The lexer has reported what is bad here. */
bool parse_is_reported(const struct parser *p)
{
	return p->tok.kind == TOK_BAD ||
	       (p->tok.kind == TOK_END && (p->lx.is_cut || p->has_ended));
}

bool parse_unexpected(struct parser *p, const char *expected)
{
	/* What is missing at the end of the file is missing behind the last token. */
	const struct idl_loc *loc = p->tok.kind == TOK_END && p->prev_line ? &p->prev_end :
				    &p->tok.loc;

	if (!parse_is_reported(p))
		idl_fail(p->idl, loc, "expected %s, found %s", expected, describe(p));
	p->has_ended = p->tok.kind == TOK_END;
	return false;
}

bool parse_expect(struct parser *p, char punct, const char *where, const char *name)
{
	if (parse_accept(p, punct))
		return true;
	return parse_unexpected(p, arena_strf(p->arena, "'%c' %s '%s'", punct, where, name));
}

bool parse_semicolon(struct parser *p, const char *where, const char *name)
{
	if (parse_accept(p, ';'))
		return true;
	if (parse_is_reported(p))
		return false;
	idl_fail(p->idl, &p->prev_end, "expected ';' %s '%s', found %s", where, name, describe(p));
	return p->tok.loc.line > p->prev_line || p->tok.kind == TOK_END || parse_is(p, '}') ||
	       parse_is_def(p);
}

/* Scope in the symbol table of names that were reported. */
static const char reserved_scope;

static bool is_reserved(const struct parser *p, const struct token *t)
{
	return !p->idl->opt.with_tars && t->n >= 4 && memcmp(t->start, "tars", 4) == 0;
}

bool parse_name(struct parser *p, const char *what, const char **name, struct idl_loc *loc)
{
	const struct token *t = &p->tok;

	if (t->kind == TOK_KEYWORD) {
		idl_fail(p->idl, &t->loc,
			 "keyword '%.*s' cannot be the name of %s; expected another word",
			 (int)t->n, t->start, what);
		return false;
	}
	if (t->kind != TOK_NAME)
		return parse_unexpected(p, arena_strf(p->arena, "the name of %s", what));
	*name = arena_memdup(p->arena, t->start, t->n);
	/* Once for each name, however often it is used. */
	if (is_reserved(p, t) && !idl_symtab_add(p->idl->symbols, &reserved_scope, *name, p))
		idl_fail(p->idl, &t->loc, "'%s': names that start with 'tars' belong to the "
			 "platform; rename it or give --with-tars", *name);
	*loc = t->loc;
	parse_next(p);
	return true;
}

const char *parse_note(const struct parser *p, const char *note)
{
	return p->tok.note ? p->tok.note : note;
}

/* "A::B::c"; the first part is the next token. */
static bool parse_scoped(struct parser *p, const char *what, const char **name,
			 struct idl_loc *loc)
{
	struct idl_loc part_loc;
	const char *part;

	*loc = p->tok.loc;
	*name = "";
	if (p->tok.kind == TOK_SCOPE)
		parse_next(p);
	for (unsigned parts = 0; parts < 8; parts++) {
		if (!parse_name(p, what, &part, &part_loc))
			return false;
		*name = parts ? arena_strf(p->arena, "%s::%s", *name, part) : part;
		if (p->tok.kind != TOK_SCOPE)
			return true;
		parse_next(p);
	}
	idl_fail(p->idl, loc, "'%s::...' has too many parts; expected MODULE::NAME", *name);
	return false;
}

static bool parse_size(struct parser *p, const char *what, uint32_t *size)
{
	if (p->tok.kind != TOK_INT)
		return parse_unexpected(p, what);
	if (p->tok.i < 1 || p->tok.i >= 1 << 20) {
		idl_fail(p->idl, &p->tok.loc, "size %lld is out of range; expected 1 to 1048575",
			 (long long)p->tok.i);
		return false;
	}
	*size = (uint32_t)p->tok.i;
	parse_next(p);
	return true;
}

bool parse_array(struct parser *p, struct idl_member *m)
{
	struct idl_type *list;

	if (parse_accept(p, ':'))
		return parse_size(p, "a size behind ':'", &m->type->fixed);
	if (!parse_accept(p, '['))
		return true;
	list = ARENA_NEW(p->arena, struct idl_type);
	*list = (struct idl_type){
		.kind = TARS_LIST, .array = true, .elem = m->type, .loc = m->type->loc,
	};
	m->type = list;
	return parse_size(p, "an array size behind '['", &list->fixed) &&
	       parse_expect(p, ']', "behind the size of array", m->name);
}

static uint8_t builtin_kind(enum keyword kw, bool is_unsigned)
{
	switch (kw) {
	case KW_bool:
		return TARS_BOOL;
	case KW_byte:
		return is_unsigned ? TARS_U8 : TARS_I8;
	case KW_short:
		return is_unsigned ? TARS_U16 : TARS_I16;
	case KW_int:
		return is_unsigned ? TARS_U32 : TARS_I32;
	case KW_long:
		return TARS_I64;
	case KW_float:
		return TARS_F32;
	case KW_double:
		return TARS_F64;
	default:
		return TARS_STRING;
	}
}

static struct idl_type *parse_type_at(struct parser *p, unsigned depth);

static bool parse_container(struct parser *p, struct idl_type *t, unsigned depth)
{
	const char *name = t->kind == TARS_MAP ? "map" : "vector";

	if (!parse_expect(p, '<', "after", name))
		return false;
	if (t->kind == TARS_MAP) {
		t->key = parse_type_at(p, depth + 1);
		if (!t->key || !parse_expect(p, ',', "between key and value of", name))
			return false;
	}
	t->elem = parse_type_at(p, depth + 1);
	return t->elem && parse_expect(p, '>', "at the end of", name);
}

static bool parse_type_name(struct parser *p, struct idl_type *t, unsigned depth)
{
	enum keyword kw = (enum keyword)p->tok.keyword;

	switch (kw) {
	case KW_bool: case KW_byte: case KW_short: case KW_int: case KW_long: case KW_float:
	case KW_double: case KW_string:
		t->kind = builtin_kind(kw, false);
		parse_next(p);
		return true;
	case KW_unsigned:
		parse_next(p);
		kw = (enum keyword)p->tok.keyword;
		if (kw != KW_byte && kw != KW_short && kw != KW_int)
			return parse_unexpected(p, "'byte', 'short' or 'int' after 'unsigned'");
		t->kind = builtin_kind(kw, true);
		parse_next(p);
		return true;
	case KW_vector: case KW_map:
		t->kind = kw == KW_map ? TARS_MAP : TARS_LIST;
		parse_next(p);
		return parse_container(p, t, depth);
	case KW_NONE:
		if (p->tok.kind != TOK_NAME && p->tok.kind != TOK_SCOPE)
			return parse_unexpected(p, "a type");
		t->kind = TARS_STRUCT;
		return parse_scoped(p, "a type", &t->ref, &t->loc);
	default:
		return parse_unexpected(p, "a type");
	}
}

static struct idl_type *parse_type_at(struct parser *p, unsigned depth)
{
	struct idl_type *t = ARENA_NEW(p->arena, struct idl_type);

	t->loc = p->tok.loc;
	if (depth > MAX_TYPE_DEPTH) {
		idl_fail(p->idl, &t->loc, "containers are nested more than %d deep; expected a "
			 "struct in between", MAX_TYPE_DEPTH);
		return NULL;
	}
	if (!parse_type_name(p, t, depth))
		return NULL;
	if (parse_is(p, ':')) {
		parse_next(p);
		if (!parse_size(p, "a size behind ':'", &t->fixed))
			return NULL;
	}
	return t;
}

struct idl_type *parse_type(struct parser *p)
{
	return parse_type_at(p, 0);
}

bool parse_value(struct parser *p, struct idl_value *v)
{
	const struct token *t = &p->tok;

	*v = (struct idl_value){ .loc = t->loc };
	if (t->kind == TOK_INT) {
		v->kind = IDL_INT;
		v->i = t->i;
		v->f = (double)t->i;
	} else if (t->kind == TOK_FLOAT) {
		v->kind = IDL_FLOAT;
		v->f = t->f;
	} else if (t->kind == TOK_STRING) {
		v->kind = IDL_STRING;
		v->s = t->s;
	} else if (parse_is_keyword(p, KW_true) || parse_is_keyword(p, KW_false)) {
		v->kind = IDL_BOOL;
		v->i = t->keyword == KW_true;
	} else if (t->kind == TOK_NAME || t->kind == TOK_SCOPE) {
		v->kind = IDL_NAME;
		return parse_scoped(p, "a value", &v->s, &v->loc);
	} else {
		return parse_unexpected(p, "a number, string, 'true', 'false' or an enumerator");
	}
	parse_next(p);
	return true;
}

bool parse_definition(struct parser *p)
{
	struct idl_module *m = p->module;
	const char *start = p->tok.start;
	struct idl_def *def = parse_def(p);
	bool is_closing;

	p->element = start;
	if (!def) {
		parse_resync(p, LIST_DEFS);
		return true;
	}
	*IDL_PUSH(p->arena, m->defs, m->n_defs) = def;
	if (def->is_broken && (p->tok.kind == TOK_END || parse_is_def(p)))
		return true;
	is_closing = parse_is(p, '}');
	if (!parse_semicolon(p, "after", def->name))
		parse_resync(p, LIST_DEFS);
	else
		def->note = parse_note(p, def->note);
	return !is_closing;
}

/* Definitions go to a new block of this module from here on. */
static void enter_module(struct parser *p, const char *name, const struct idl_loc *loc,
			 const char *doc)
{
	struct idl_module *m = ARENA_NEW(p->arena, struct idl_module);

	*m = (struct idl_module){ .name = name, .doc = doc, .loc = *loc };
	*IDL_PUSH(p->arena, p->file->modules, p->file->n_modules) = m;
	p->module = m;
}

/* A module in a module, before which the first one's end is missing: it counts as closed. */
static void leave_module(struct parser *p, const struct idl_loc *brace)
{
	if (p->n_unclosed) {
		p->n_unclosed--;
		return;
	}
	idl_fail(p->idl, &p->tok.loc,
		 "modules cannot be nested; close '%s' with \"};\" before this one",
		 p->module->name);
	idl_note(p->idl, brace, "the '{' is here");
	p->n_extra++;
	p->outer = p->module;
}

/* From behind the '{' to the ';'. */
static void parse_module_body(struct parser *p, const char *name, const struct idl_loc *brace)
{
	bool is_closing = false;

	while (!parse_is(p, '}') && p->tok.kind != TOK_END) {
		if (parse_is_keyword(p, KW_module)) {
			leave_module(p, brace);
			return;
		}
		if (p->tok.kind == TOK_INCLUDE) {
			idl_fail(p->idl, &p->tok.loc,
				 "#include cannot stand in a module; expected it before '%s'", name);
			parse_next(p);
			continue;
		}
		is_closing = !parse_definition(p);
	}
	if (!parse_close(p, "at the end of module", name, brace))
		return;
	if (!parse_semicolon(p, "after the '}' of module", name))
		parse_resync(p, LIST_DEFS);
	/* If definitions follow, then that '}' was one too many. */
	p->is_lost = is_closing;
}

static void parse_module(struct parser *p)
{
	const char *doc = p->tok.doc, *name;
	struct idl_loc loc, brace;

	p->is_lost = false;
	parse_next(p);
	if (parse_name(p, "a module", &name, &loc)) {
		enter_module(p, name, &loc, doc);
		if (parse_open(p, "after module", name, &brace)) {
			parse_module_body(p, name, &brace);
			return;
		}
	}
	parse_resync(p, LIST_DEFS);
}

/* "key[M::S, a];" outside a module counts as one in the module before. */
static void parse_late_key(struct parser *p)
{
	if (p->module) {
		parse_definition(p);
		return;
	}
	idl_fail(p->idl, &p->tok.loc,
		 "'key' stands before any module; expected it behind the struct it belongs to");
	parse_next(p);
	parse_resync(p, LIST_DEFS);
}

static void parse_include(struct parser *p)
{
	struct idl_loc loc = p->tok.loc;
	const char *path = p->tok.s;
	struct idl_file *file;

	if (!p->file->doc)
		p->file->doc = p->tok.doc;
	parse_next(p);
	file = idl_parse_file(p->idl, path, &loc);
	if (file)
		*IDL_PUSH(p->arena, p->file->includes, p->file->n_includes) = file;
	else
		p->idl->is_incomplete = true;
}

/* What belongs into a module; the first of it is reported. */
static void parse_outside(struct parser *p)
{
	if (parse_is(p, '}') && (p->is_lost || p->n_extra)) {
		p->n_extra -= p->n_extra > 0;
		parse_next(p);
		parse_accept(p, ';');
		return;
	}
	if (!p->is_lost && !p->n_extra)
		parse_unexpected(p, "'module' or '#include'");
	p->is_lost = true;
	if (parse_is_def(p)) {
		if (!p->module || p->outer)
			enter_module(p, p->outer ? p->outer->name : "", &p->tok.loc, NULL);
		p->outer = NULL;
		parse_definition(p);
		return;
	}
	parse_resync(p, LIST_DEFS);
	if (parse_is(p, '}'))
		parse_next(p);
	parse_accept(p, ';');
}

void parse_definitions(struct parser *p)
{
	while (p->tok.kind != TOK_END) {
		if (p->tok.kind == TOK_INCLUDE)
			parse_include(p);
		else if (parse_is_keyword(p, KW_module))
			parse_module(p);
		else if (parse_is_keyword(p, KW_key))
			parse_late_key(p);
		else
			parse_outside(p);
	}
}
