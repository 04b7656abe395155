/* Parser of the definitions in a module: enum, struct, const, key and interface. */
#include "idl/parse.h"

#include <string.h>

static bool parse_item(struct parser *p, struct idl_item *item)
{
	item->doc = p->tok.doc;
	if (!parse_name(p, "an enumerator", &item->name, &item->loc))
		return false;
	item->note = parse_note(p, NULL);
	return !parse_accept(p, '=') || parse_value(p, &item->given);
}

/* Up to the next ',' or '}', or to a line that starts a definition. */
static void skip_item(struct parser *p)
{
	while (!parse_is(p, ',') && !parse_is(p, '}') && p->tok.kind != TOK_END &&
	       !(parse_is_def(p) && p->tok.loc.line > p->prev_line))
		parse_skip(p);
}

/* An enumerator and what is behind it; false if the enum seems to end here without a '}'. */
static bool parse_item_of(struct parser *p, struct idl_def *def)
{
	struct idl_item item = { 0 };

	if (!parse_item(p, &item) ||
	    (!parse_is(p, '}') && !parse_expect(p, ',', "or '}' after enumerator", item.name))) {
		def->is_broken = true;
		skip_item(p);
		if (!item.name)
			return !parse_is_def(p);
	}
	item.note = parse_note(p, item.note);
	*IDL_PUSH(p->arena, def->items, def->n_items) = item;
	return !def->is_broken || !parse_is_def(p);
}

static bool parse_enum(struct parser *p, struct idl_def *def)
{
	struct idl_loc brace;

	if (!parse_name(p, "an enum", &def->name, &def->loc))
		return false;
	def->is_broken = !parse_is(p, '{');
	if (!parse_open(p, "after enum", def->name, &brace))
		return true;
	def->note = parse_note(p, NULL);
	while (!parse_is(p, '}') && p->tok.kind != TOK_END) {
		if (parse_accept(p, ','))
			continue; /* a trailing or doubled comma */
		if (parse_is_def(p) && p->tok.loc.line > p->prev_line)
			break;
		if (!parse_item_of(p, def))
			return true;
	}
	def->is_broken |= !parse_close(p, "at the end of enum", def->name, &brace);
	return true;
}

/* "T name", "T name[N]", "T *name" or "T name:N". */
static bool parse_member_id(struct parser *p, struct idl_member *m, const char *what)
{
	m->type = parse_type(p);
	if (!m->type)
		return false;
	if (parse_accept(p, '*')) {
		struct idl_type *list = ARENA_NEW(p->arena, struct idl_type);

		*list = (struct idl_type){
			.kind = TARS_LIST, .array = true, .elem = m->type, .loc = m->type->loc,
		};
		m->type = list;
		return parse_name(p, what, &m->name, &m->loc);
	}
	return parse_name(p, what, &m->name, &m->loc) && parse_array(p, m);
}

static bool parse_member(struct parser *p, struct idl_member *m)
{
	m->doc = p->tok.doc;
	p->element = p->tok.start;
	if (p->tok.kind != TOK_INT)
		return parse_unexpected(p, "a tag from 0 to 255 at the start of a struct member");
	if (p->tok.i < 0 || p->tok.i > 255) {
		idl_fail(p->idl, &p->tok.loc, "tag %lld is out of range; expected 0 to 255",
			 (long long)p->tok.i);
		return false;
	}
	m->tag = (uint8_t)p->tok.i;
	parse_next(p);
	if (parse_accept_keyword(p, KW_require))
		m->flags = TARS_REQUIRED;
	else if (!parse_accept_keyword(p, KW_optional))
		return parse_unexpected(p, "'require' or 'optional' after the tag");
	else if (p->idl->opt.write_defaults)
		m->flags = TARS_ALWAYS;
	if (!parse_member_id(p, m, "a struct member"))
		return false;
	if (!parse_accept(p, '='))
		return true;
	m->flags |= TARS_HAS_DEFAULT;
	return parse_value(p, &m->value);
}

static bool parse_struct(struct parser *p, struct idl_def *def)
{
	struct idl_loc brace;
	bool is_inner = false;

	if (!parse_name(p, "a struct", &def->name, &def->loc))
		return false;
	def->is_broken = !parse_is(p, '{');
	if (!parse_open(p, "after struct", def->name, &brace))
		return true;
	def->note = parse_note(p, NULL);
	while (!parse_is(p, '}') && p->tok.kind != TOK_END) {
		struct idl_member m = { 0 };

		if (parse_is_def(p)) {
			if (!parse_inner(p, "at the end of struct", def->name, &brace, &is_inner))
				break;
			continue;
		}
		if (!parse_member(p, &m) || !parse_semicolon(p, "after member", m.name)) {
			def->is_broken = true;
			parse_resync(p, LIST_MEMBERS);
			continue;
		}
		m.note = parse_note(p, NULL);
		*IDL_PUSH(p->arena, def->members, def->n_members) = m;
	}
	def->is_broken |= is_inner | !parse_close(p, "at the end of struct", def->name, &brace);
	return true;
}

static bool parse_const(struct parser *p, struct idl_def *def)
{
	struct idl_member m = { 0 };

	if (!parse_member_id(p, &m, "a constant"))
		return false;
	def->name = m.name;
	def->loc = m.loc;
	if (!parse_expect(p, '=', "after const", m.name) || !parse_value(p, &m.value))
		return false;
	*IDL_PUSH(p->arena, def->members, def->n_members) = m;
	return true;
}

/* A name with its parts, as the struct of a key: "S" or "M::S". */
static bool parse_key_struct(struct parser *p, struct idl_def *def)
{
	struct idl_value v;

	if (p->tok.kind != TOK_NAME && p->tok.kind != TOK_SCOPE)
		return parse_name(p, "the struct of a key", &def->name, &def->loc);
	if (!parse_value(p, &v))
		return false;
	def->name = v.s;
	def->loc = v.loc;
	return true;
}

static bool parse_key(struct parser *p, struct idl_def *def)
{
	if (!parse_expect(p, '[', "after", "key") || !parse_key_struct(p, def))
		return false;
	if (!parse_is(p, ','))
		return parse_unexpected(p, "',' and the members of the key after its struct");
	while (parse_accept(p, ',')) {
		struct idl_value v = { .kind = IDL_NAME };

		if (!parse_name(p, "a member of the key", &v.s, &v.loc))
			return false;
		*IDL_PUSH(p->arena, def->keys, def->n_keys) = v;
	}
	return parse_expect(p, ']', "at the end of the key of", def->name);
}

/* A parameter and the ',' behind it; has_more_r: whether there was one. */
static bool parse_param(struct parser *p, struct idl_op *op, bool *has_more_r)
{
	struct idl_member m = { .flags = TARS_REQUIRED, .doc = p->tok.doc };

	if (op->n_params == 255) {
		idl_fail(p->idl, &p->tok.loc,
			 "method '%s' has more than 255 parameters; put them into a struct",
			 op->name);
		return false;
	}
	if (parse_accept_keyword(p, KW_out))
		m.flags |= TARS_OUT;
	else if (parse_accept_keyword(p, KW_routekey))
		m.flags |= TARS_ROUTEKEY;
	if (!parse_member_id(p, &m, "a parameter"))
		return false;
	m.tag = (uint8_t)(op->n_params + 1);
	*has_more_r = !parse_is(p, ')');
	if (*has_more_r && !parse_expect(p, ',', "or ')' after parameter", m.name))
		return false;
	m.note = parse_note(p, NULL);
	*IDL_PUSH(p->arena, op->params, op->n_params) = m;
	return true;
}

/* "(a, b)"; the first may be empty: "(, b)". */
static bool parse_params(struct parser *p, struct idl_op *op)
{
	bool has_more;

	if (!parse_expect(p, '(', "after method", op->name))
		return false;
	if (!parse_accept(p, ',') && parse_accept(p, ')'))
		return true;
	do {
		if (!parse_param(p, op, &has_more))
			return false;
	} while (has_more);
	parse_next(p);
	return true;
}

static bool parse_op(struct parser *p, struct idl_op *op)
{
	struct token name;

	op->doc = p->tok.doc;
	p->element = p->tok.start;
	if (!parse_accept_keyword(p, KW_void)) {
		op->ret = parse_type(p);
		if (!op->ret)
			return false;
	}
	/* Before a '(' any word is a method's name, keywords too. */
	name = p->tok;
	op->loc = name.loc;
	if (name.kind != TOK_NAME && name.kind != TOK_KEYWORD)
		return parse_unexpected(p, "the name of a method");
	op->name = arena_memdup(p->arena, name.start, name.n);
	parse_next(p);
	return parse_params(p, op);
}

static bool parse_interface(struct parser *p, struct idl_def *def)
{
	struct idl_loc brace;
	bool is_inner = false;

	if (!parse_name(p, "an interface", &def->name, &def->loc) ||
	    !parse_open(p, "after interface", def->name, &brace))
		return false;
	def->note = parse_note(p, NULL);
	while (!parse_is(p, '}') && p->tok.kind != TOK_END) {
		struct idl_op op = { 0 };

		if (parse_is_def(p)) {
			if (!parse_inner(p, "at the end of interface", def->name, &brace,
					 &is_inner))
				break;
			continue;
		}
		if (!parse_op(p, &op) || !parse_semicolon(p, "after method", op.name)) {
			parse_resync(p, LIST_METHODS);
			continue;
		}
		op.note = parse_note(p, NULL);
		*IDL_PUSH(p->arena, def->ops, def->n_ops) = op;
	}
	def->is_broken = !parse_close(p, "at the end of interface", def->name, &brace);
	return true;
}

struct idl_def *parse_def(struct parser *p)
{
	static const struct {
		uint8_t keyword, kind;
		bool (*parse)(struct parser *p, struct idl_def *def);
	} defs[] = {
		{ KW_enum, IDL_ENUM, parse_enum },
		{ KW_struct, IDL_STRUCT, parse_struct },
		{ KW_const, IDL_CONST, parse_const },
		{ KW_key, IDL_KEY, parse_key },
		{ KW_interface, IDL_INTERFACE, parse_interface },
	};
	struct idl_def *def = ARENA_NEW(p->arena, struct idl_def);
	const char *module = p->module->name;

	def->module = module;
	def->doc = p->tok.doc;
	for (size_t i = 0; i < sizeof(defs) / sizeof(*defs); i++) {
		if (!parse_accept_keyword(p, (enum keyword)defs[i].keyword))
			continue;
		def->kind = defs[i].kind;
		if (!defs[i].parse(p, def))
			return NULL;
		def->full_name = arena_strf(p->arena, "%s::%s", module, def->name);
		return def;
	}
	parse_unexpected(p, "'struct', 'enum', 'const', 'key' or 'interface'");
	return NULL;
}
