/* Two versions of definitions: interfaces, enums, structs, and what a change means. */
#include "idl/compat.h"

#include <string.h>

#include "idl/compat_int.h"
#include "proto/text.h"

static const struct compat_rule rules[] = {
#define RULE_ROW(id, name, level, who) { name, level, who },
	COMPAT_RULES(RULE_ROW)
#undef RULE_ROW
};

/* Scopes of the symbol tables. */
static const char scope_interfaces, scope_others, scope_pairs;

static const char use_marks[4]; /* addresses for sets of enum compat_use */

void compat_init(struct compat *c, const struct compat_options *opt)
{
	*c = (struct compat){ .opt = *opt, .pairs = idl_symtab_new() };
	arena_init(&c->arena, NULL, 0);
	c->old.names = idl_symtab_new();
	c->new.names = idl_symtab_new();
	c->old.used = idl_symtab_new();
	c->new.used = idl_symtab_new();
}

void compat_release(struct compat *c)
{
	idl_symtab_free(c->old.names);
	idl_symtab_free(c->new.names);
	idl_symtab_free(c->old.used);
	idl_symtab_free(c->new.used);
	idl_symtab_free(c->pairs);
	arena_clear(&c->arena);
	*c = (struct compat){ 0 };
}

/* ---- rules ---- */

bool compat_is_rule(const char *name, size_t n)
{
	for (unsigned i = 0; i < N_COMPAT_RULES; i++)
		if (strlen(rules[i].name) == n && !memcmp(rules[i].name, name, n))
			return true;
	return false;
}

/* Requests go from clients, which are old then, to new servers; replies the other way. */
static bool concerns(const struct compat *c, unsigned who, unsigned use)
{
	unsigned affected = 0;

	if (who & COMPAT_NAMES)
		return !c->opt.binary_only;
	if (!c->opt.servers_first || !use)
		return true;
	affected |= use & USE_REQUESTS ? who & COMPAT_NEW_READERS : 0;
	affected |= use & USE_REPLIES ? who & COMPAT_OLD_READERS : 0;
	return affected;
}

void compat_report(struct compat *c, enum compat_rule_id id, const struct idl_loc *loc,
		   const char *subject, unsigned who, unsigned use, const char *fmt, ...)
{
	const struct compat_rule *rule = &rules[id];
	enum compat_level level = rule->level;
	struct compat_change *change;
	va_list ap;

	if (text_list_has(c->opt.ignore, c->opt.ignore ? strlen(c->opt.ignore) : 0, rule->name))
		return;
	if (level == COMPAT_BREAKING && !concerns(c, who ? who : rule->who, use))
		level = COMPAT_WARNING;
	change = IDL_PUSH(&c->arena, c->changes, c->n_changes);
	*change = (struct compat_change){
		.rule = rule, .level = level, .loc = *loc, .subject = subject,
	};
	va_start(ap, fmt);
	change->text = arena_vstrf(&c->arena, fmt, ap);
	va_end(ap);
}

/* ---- what is where ---- */

static const void *scope_of(const struct idl_def *def)
{
	return def->kind == IDL_INTERFACE ? &scope_interfaces : &scope_others;
}

static struct idl_def *find(const struct compat_side *side, const struct idl_def *def)
{
	struct idl_def *found = idl_symtab_find(side->names, scope_of(def), def->full_name);

	return found && found->kind == def->kind ? found : NULL;
}

void compat_add(struct compat *c, struct compat_side *side, const struct idl *idl)
{
	for (uint32_t i = 0; i < idl->n_files; i++) {
		const struct idl_file *file = idl->files[i];

		for (uint32_t k = 0; k < file->n_modules; k++) {
			const struct idl_module *m = file->modules[k];

			for (uint32_t j = 0; j < m->n_defs; j++) {
				struct idl_def *def = m->defs[j];

				if (def->kind != IDL_KEY &&
				    !idl_symtab_add(side->names, scope_of(def), def->full_name, def))
					*IDL_PUSH(&c->arena, side->defs, side->n_defs) = def;
			}
		}
	}
}

static void mark(struct compat_side *side, const struct idl_type *t, unsigned use)
{
	const char *scope = &use_marks[use];

	if (!t)
		return;
	mark(side, t->key, use);
	mark(side, t->elem, use);
	if (!t->def || idl_symtab_add(side->used, scope, t->def->full_name, t->def))
		return;
	for (uint32_t i = 0; i < t->def->n_members; i++)
		mark(side, t->def->members[i].type, use);
}

static void mark_op(struct compat_side *side, const struct idl_def *def, const struct idl_op *op)
{
	mark(side, op->ret, USE_REPLIES);
	for (uint32_t i = 0; i < op->n_params; i++) {
		bool out = op->params[i].flags & TARS_OUT;

		if (out || def->is_push)
			mark(side, op->params[i].type, USE_REPLIES);
		if (!out || def->is_push)
			mark(side, op->params[i].type, USE_REQUESTS);
	}
}

static void mark_all(struct compat_side *side)
{
	for (uint32_t i = 0; i < side->n_defs; i++)
		for (uint32_t k = 0; k < side->defs[i]->n_ops; k++)
			mark_op(side, side->defs[i], &side->defs[i]->ops[k]);
}

static unsigned use_of(const struct compat_side *side, const struct idl_def *def)
{
	unsigned use = 0;

	for (unsigned bit = USE_REQUESTS; bit <= USE_REPLIES; bit <<= 1)
		if (idl_symtab_find(side->used, &use_marks[bit], def->full_name))
			use |= bit;
	return use;
}

/* ---- definitions ---- */

void compat_structs(struct compat *c, const struct idl_def *old, const struct idl_def *new)
{
	const struct compat_list was = { old->full_name, old->members, old->n_members };
	const struct compat_list is = { new->full_name, new->members, new->n_members };
	const char *pair = arena_strf(&c->arena, "%s %s", old->full_name, new->full_name);

	if (!idl_symtab_add(c->pairs, &scope_pairs, pair, (void *)old))
		compat_members(c, &was, &is, false, use_of(&c->old, old) | use_of(&c->new, new));
}

static const struct idl_item *item_by_name(const struct idl_def *def, const char *name)
{
	for (uint32_t i = 0; i < def->n_items; i++)
		if (!strcmp(def->items[i].name, name))
			return &def->items[i];
	return NULL;
}

static const struct idl_item *item_by_value(const struct idl_def *def, int32_t value)
{
	for (uint32_t i = 0; i < def->n_items; i++)
		if (def->items[i].value == value)
			return &def->items[i];
	return NULL;
}

static void compare_enums(struct compat *c, const struct idl_def *old, const struct idl_def *new)
{
	unsigned use = use_of(&c->old, old) | use_of(&c->new, new);

	for (uint32_t i = 0; i < old->n_items; i++) {
		const struct idl_item *was = &old->items[i], *is = item_by_name(new, was->name);
		const struct idl_item *same = item_by_value(new, was->value);
		const char *name = arena_strf(&c->arena, "%s::%s", new->full_name, was->name);

		if (is && is->value != was->value)
			compat_report(c, RULE_ENUMERATOR_VALUE, &is->loc, name, 0, use,
				      "its value was %d and is %d", was->value, is->value);
		else if (!is && same && !item_by_name(old, same->name))
			compat_report(c, RULE_ENUMERATOR_RENAMED, &same->loc, name, 0, use,
				      "its name is now '%s': JSON may have it by name", same->name);
		else if (!is)
			compat_report(c, RULE_ENUMERATOR_REMOVED, &was->loc, name, 0, use,
				      "it is removed: old code still writes %d", was->value);
	}
	for (uint32_t i = 0; i < new->n_items; i++) {
		const struct idl_item *is = &new->items[i];

		if (!item_by_name(old, is->name) && !item_by_value(old, is->value))
			compat_report(c, RULE_ENUMERATOR_ADDED, &is->loc,
				      arena_strf(&c->arena, "%s::%s", new->full_name, is->name),
				      0, use, "it is new: old code has no name for %d", is->value);
	}
}

static void compare_returns(struct compat *c, const char *subject, const struct idl_op *old,
			    const struct idl_op *new)
{
	unsigned who = !new->ret ? COMPAT_OLD_READERS : COMPAT_NEW_READERS;
	const char *was = old->ret ? compat_type_text(c, old->ret) : "void";
	const char *is = new->ret ? compat_type_text(c, new->ret) : "void";

	if (!old->ret && !new->ret)
		return;
	if (old->ret && new->ret)
		who = compat_types(c, old->ret, new->ret);
	if (who)
		compat_report(c, RULE_RETURN_TYPE, &new->loc, subject, who, USE_REPLIES,
			      "it returned '%s' and returns '%s'", was, is);
	else if (strcmp(was, is) != 0)
		compat_report(c, RULE_TYPE_SPELLING, &new->loc, subject, 0, 0,
			      "it returned '%s' and returns '%s', which is the same on the wire",
			      was, is);
}

static const struct idl_op *op_by_name(const struct idl_def *def, const char *name)
{
	for (uint32_t i = 0; i < def->n_ops; i++)
		if (!strcmp(def->ops[i].name, name))
			return &def->ops[i];
	return NULL;
}

static void compare_interfaces(struct compat *c, const struct idl_def *old,
			       const struct idl_def *new)
{
	for (uint32_t i = 0; i < old->n_ops; i++) {
		const struct idl_op *was = &old->ops[i], *is = op_by_name(new, was->name);
		const char *name = arena_strf(&c->arena, "%s.%s", old->full_name, was->name);

		if (!is) {
			compat_report(c, RULE_FUNCTION_REMOVED, &was->loc, name, 0, USE_REQUESTS,
				      "it is removed: old clients call it");
			continue;
		}
		compare_returns(c, name, was, is);
		compat_members(c, &(struct compat_list){ name, was->params, was->n_params },
			       &(struct compat_list){ name, is->params, is->n_params }, true, 0);
	}
	for (uint32_t i = 0; i < new->n_ops; i++)
		if (!op_by_name(old, new->ops[i].name))
			compat_report(c, RULE_FUNCTION_ADDED, &new->ops[i].loc,
				      arena_strf(&c->arena, "%s.%s", new->full_name,
						 new->ops[i].name), 0, 0, "it is new");
}

static bool same_const(struct compat *c, const struct idl_member *old, const struct idl_member *new)
{
	if (!compat_same_text(c, old->type, new->type))
		return false;
	if (old->value.s && new->value.s && old->value.kind == IDL_STRING)
		return !strcmp(old->value.s, new->value.s);
	return old->value.i == new->value.i &&
	       !(old->value.f < new->value.f) && !(old->value.f > new->value.f);
}

static void compare_defs(struct compat *c, const struct idl_def *old, const struct idl_def *new)
{
	switch (old->kind) {
	case IDL_ENUM:
		compare_enums(c, old, new);
		break;
	case IDL_STRUCT:
		compat_structs(c, old, new);
		break;
	case IDL_INTERFACE:
		compare_interfaces(c, old, new);
		break;
	case IDL_CONST:
		if (!same_const(c, &old->members[0], &new->members[0]))
			compat_report(c, RULE_CONST_CHANGED, &new->loc, new->full_name, 0, 0,
				      "it has another type or value: code has the one that it was "
				      "built with");
		break;
	}
}

void compat_run(struct compat *c)
{
	static const struct {
		enum compat_rule_id removed, added;
	} ids[] = {
		[IDL_ENUM] = { RULE_TYPE_REMOVED, RULE_TYPE_ADDED },
		[IDL_STRUCT] = { RULE_TYPE_REMOVED, RULE_TYPE_ADDED },
		[IDL_CONST] = { RULE_CONST_REMOVED, RULE_TYPE_ADDED },
		[IDL_INTERFACE] = { RULE_INTERFACE_REMOVED, RULE_INTERFACE_ADDED },
	};

	mark_all(&c->old);
	mark_all(&c->new);
	for (uint32_t i = 0; i < c->old.n_defs; i++) {
		const struct idl_def *old = c->old.defs[i], *new = find(&c->new, old);

		if (new)
			compare_defs(c, old, new);
		else
			compat_report(c, ids[old->kind].removed, &old->loc, old->full_name, 0,
				      USE_REQUESTS, "it is removed");
	}
	for (uint32_t i = 0; i < c->new.n_defs; i++) {
		const struct idl_def *new = c->new.defs[i];

		if (!find(&c->old, new))
			compat_report(c, ids[new->kind].added, &new->loc, new->full_name, 0, 0,
				      "it is new");
	}
}
