/* Checker: resolves the names of a file's definitions and reports what is wrong with them. */
#include "idl/check.h"

#include <ctype.h>
#include <string.h>

static const char scope_consts, scope_interfaces;

static const char other_definition[] = "the other definition is here";

static void report_twice(struct checker *c, const char *what, const char *name,
			 const struct idl_loc *loc, const struct idl_loc *first)
{
	idl_fail(c->idl, loc, "%s '%s' is defined twice; rename or remove one", what, name);
	idl_note(c->idl, first, other_definition);
}

/* Adds a name to its scope; a name that is there already is an error with both places. */
static bool declare(struct checker *c, const void *scope, const char *what, const char *name,
		    struct idl_loc *loc)
{
	const struct idl_loc *first = idl_symtab_add(c->idl->symbols, scope, name, loc);

	if (first)
		report_twice(c, what, name, loc, first);
	return !first;
}

/* Structs and enums have one scope. */
static void declare_type(struct checker *c, struct idl_def *def)
{
	const struct idl_def *first = idl_symtab_add(c->idl->symbols, &scope_types, def->full_name,
						     def);

	if (first)
		report_twice(c, def->kind == IDL_ENUM ? "enum" : "struct", def->full_name, &def->loc,
			     &first->loc);
}

/* Sets the item's value; a wrong one is as good as any for what depends on it. */
static void check_item(struct checker *c, const struct idl_def *def, struct idl_item *item,
		       int64_t next)
{
	static const struct idl_type type = { .kind = TARS_I32 };
	const char *what = arena_strf(&c->idl->arena, "enumerator '%s'", item->name);
	struct idl_value *v = &item->given;
	const struct idl_item *own = v->kind == IDL_NAME ?
				     idl_symtab_find(c->idl->symbols, def, v->s) : NULL;

	if (own && own != item) {
		v->i = own->value; /* whatever others have that name */
	} else if (v->kind != IDL_NONE) {
		check_value(c, &type, v, what);
	} else {
		*v = (struct idl_value){ .loc = item->loc, .i = next };
		if (next > INT32_MAX)
			idl_fail(c->idl, &v->loc,
				 "%lld, the value of %s, does not fit into 32 bits; give it one",
				 (long long)next, what);
	}
	item->value = (int32_t)v->i;
}

static void check_enum(struct checker *c, struct idl_def *def)
{
	struct idl_symtab *symbols = c->idl->symbols;
	struct arena *a = &c->idl->arena;
	int64_t next = 0;

	declare_type(c, def);
	if (def->n_items > IDL_MAX_ITEMS) {
		idl_fail(c->idl, &def->loc, "enum '%s' has more than %d enumerators; split it",
			 def->full_name, IDL_MAX_ITEMS);
		return;
	}
	for (uint32_t i = 0; i < def->n_items; i++) {
		struct idl_item *item = &def->items[i];
		const struct idl_item *first = idl_symtab_add(symbols, def, item->name, item);

		if (first) {
			report_twice(c, "enumerator", item->name, &item->loc, &first->loc);
			continue;
		}
		check_item(c, def, item, next);
		next = (int64_t)item->value + 1;
		/* Names may repeat in other enums: the first one is what the bare name means. */
		idl_symtab_add(symbols, &scope_enumerators, item->name, item);
		idl_symtab_add(symbols, &scope_enumerators,
			       arena_strf(a, "%s::%s", def->module, item->name), item);
		idl_symtab_add(symbols, &scope_enumerators,
			       arena_strf(a, "%s::%s", def->full_name, item->name), item);
	}
}

static bool check_member(struct checker *c, struct idl_def *def, struct idl_member *m,
			 struct idl_member *by_tag[256])
{
	const struct idl_member *first = by_tag[m->tag];

	if (!declare(c, def, "member", m->name, &m->loc))
		return false;
	if (first) {
		idl_fail(c->idl, &m->loc,
			 "member '%s' has tag %u, which is taken by '%s'; give it another",
			 m->name, m->tag, first->name);
		idl_note(c->idl, &first->loc, other_definition);
		return false;
	}
	by_tag[m->tag] = m;
	if (!check_type(c, m->type))
		return false;
	if (m->type->def == def && m->type->kind == TARS_STRUCT) {
		idl_fail(c->idl, &m->type->loc,
			 "struct '%s' cannot hold itself; expected a vector or "
			 "map of it", def->full_name);
		return false;
	}
	if (m->value.kind != IDL_NONE)
		return check_value(c, m->type, &m->value,
				   arena_strf(&c->idl->arena, "member '%s'", m->name));
	idl_default(m);
	return true;
}

static bool is_too_large(struct checker *c, const struct idl_loc *loc, const char *what,
			 uint32_t size)
{
	if (size <= IDL_MAX_VALUE_SIZE)
		return false;
	idl_fail(c->idl, loc, "%s holds more than %d bytes of structs in structs; expected vectors "
		 "of them", what, IDL_MAX_VALUE_SIZE);
	return true;
}

static void check_struct(struct checker *c, struct idl_def *def)
{
	struct idl_member *by_tag[256] = { NULL };
	struct idl_layout layout = { 0 };
	uint32_t depth = 0;

	def->size = def->align = 1; /* until it is known, for those who use a faulty one */
	declare_type(c, def);
	if (!def->n_members) {
		if (def->is_broken)
			return;
		idl_fail(c->idl, &def->loc, "struct '%s' is empty; expected at least one member",
			 def->full_name);
		return;
	}
	for (uint32_t i = 0; i < def->n_members; i++) {
		struct idl_member *m = &def->members[i];

		if (!check_member(c, def, m, by_tag))
			continue;
		depth = m->type->depth > depth ? m->type->depth : depth;
		m->offset = idl_layout_add(&layout, m->type);
		if (is_too_large(c, &def->loc, arena_strf(&c->idl->arena, "struct '%s'",
							  def->full_name), layout.size))
			return;
	}
	idl_layout_close(&layout);
	def->size = layout.size;
	def->align = layout.align;
	def->depth = depth + 1;
}

static void check_const(struct checker *c, struct idl_def *def)
{
	struct idl_member *m = &def->members[0];

	if (declare(c, &scope_consts, "const", def->full_name, &def->loc) &&
	    check_type(c, m->type))
		check_value(c, m->type, &m->value,
			    arena_strf(&c->idl->arena, "const '%s'", def->name));
}

static void check_key(struct checker *c, struct idl_def *def)
{
	struct idl_type t = { .kind = TARS_STRUCT, .ref = def->name, .loc = def->loc };

	if (!check_type(c, &t))
		return;
	def->target = t.def;
	if (t.kind != TARS_STRUCT) {
		idl_fail(c->idl, &def->loc, "'%s' is an enum; expected a struct to order by key",
			 def->name);
		return;
	}
	if (t.def->key) {
		idl_fail(c->idl, &def->loc, "struct '%s' has a key already; remove one",
			 t.def->full_name);
		idl_note(c->idl, &t.def->key->loc, other_definition);
		return;
	}
	t.def->key = def;
	for (uint32_t i = 0; i < def->n_keys; i++) {
		if (idl_symtab_find(c->idl->symbols, t.def, def->keys[i].s) || t.def->is_broken)
			continue;
		idl_fail(c->idl, &def->keys[i].loc, "'%s' is no member of struct '%s'; expected one",
			 def->keys[i].s, t.def->full_name);
		idl_note(c->idl, &t.def->loc, "the struct is here");
	}
}

static void check_param(struct checker *c, const struct idl_def *def, struct idl_op *op,
			struct idl_member *m, const struct idl_member **routekey)
{
	/* The parameters of a method are a scope of their own. */
	declare(c, op, "parameter", m->name, &m->loc);
	if (!strcmp(m->name, op->name))
		idl_fail(c->idl, &m->loc,
			 "parameter '%s' of '%s' has the name of its method; rename it",
			 m->name, def->full_name);
	if (m->flags & TARS_ROUTEKEY) {
		if (*routekey) {
			idl_fail(c->idl, &m->loc, "method '%s' has a second routekey; remove one",
				 op->name);
			idl_note(c->idl, &(*routekey)->loc, "the other routekey is here");
		}
		*routekey = m;
	}
}

/* An annotation is a word of a comment: other compilers pass it over. */
static bool is_annotated(const char *comment, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = comment; p && (p = strstr(p, word)); p += n)
		if ((p == comment || !isalnum((unsigned char)p[-1])) &&
		    !isalnum((unsigned char)p[n]) && p[n] != '_')
			return true;
	return false;
}

static void check_op(struct checker *c, const struct idl_def *def, struct idl_op *op)
{
	struct idl_layout in = { 0 }, out = { 0 };
	const struct idl_member *routekey = NULL;
	uint16_t n_in = 0;
	const char *what = arena_strf(&c->idl->arena, "method '%s'", op->name);

	declare(c, def, "method", op->name, &op->loc);
	if (is_annotated(op->doc, "@idempotent") || is_annotated(op->note, "@idempotent"))
		op->flags |= TARS_IDEMPOTENT;
	if (op->ret && check_type(c, op->ret))
		idl_layout_add(&out, op->ret);
	for (uint32_t i = 0; i < op->n_params; i++) {
		struct idl_member *m = &op->params[i];
		struct idl_layout *layout = m->flags & TARS_OUT ? &out : &in;

		check_param(c, def, op, m, &routekey);
		n_in += !(m->flags & TARS_OUT);
		if (m->flags & TARS_ROUTEKEY)
			op->routekey = n_in;
		if (!check_type(c, m->type))
			continue;
		idl_default(m);
		idl_layout_add(layout, m->type);
		if (is_too_large(c, &op->loc, what, layout->size))
			return;
	}
}

static void check_interface(struct checker *c, struct idl_def *def)
{
	if (!declare(c, &scope_interfaces, "interface", def->full_name, &def->loc))
		return;
	if (!strcmp(def->name, def->module))
		idl_fail(c->idl, &def->loc, "interface '%s' has the name of its module; rename one",
			 def->name);
	if (def->n_ops > IDL_MAX_ITEMS) {
		idl_fail(c->idl, &def->loc, "interface '%s' has more than %d methods",
			 def->full_name, IDL_MAX_ITEMS);
		return;
	}
	def->is_push = is_annotated(def->doc, "@push") || is_annotated(def->note, "@push");
	for (uint32_t i = 0; i < def->n_ops; i++)
		check_op(c, def, &def->ops[i]);
}

static void check_module(struct idl *idl, struct idl_module *m)
{
	static void (*const checks[])(struct checker *c, struct idl_def *def) = {
		[IDL_ENUM] = check_enum, [IDL_STRUCT] = check_struct, [IDL_CONST] = check_const,
		[IDL_KEY] = check_key, [IDL_INTERFACE] = check_interface,
	};
	struct checker c = { .idl = idl, .module = m->name };

	for (uint32_t i = 0; i < m->n_defs && !idl->has_more_errors; i++)
		checks[m->defs[i]->kind](&c, m->defs[i]);
}

void idl_check(struct idl *idl, struct idl_file *file)
{
	if (file->is_checked)
		return;
	file->is_checked = true;
	for (uint32_t i = 0; i < file->n_modules; i++)
		check_module(idl, file->modules[i]);
}
