/* The lint rules: what each looks at, and the table of them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "idl/lex.h"
#include "idl/lint.h"

enum { MANY_PARAMS = 10 };

static bool is_lower(const char *name)
{
	return *name >= 'a' && *name <= 'z';
}

static bool is_upper(const char *name)
{
	return *name >= 'A' && *name <= 'Z';
}

/* ---- names ---- */

static void module_name(struct lint *l, const struct idl_file *file)
{
	for (uint32_t i = 0; i < file->n_modules; i++)
		if (is_lower(file->modules[i]->name))
			lint_add(l, &file->modules[i]->loc,
				 "module '%s' begins with a small letter", file->modules[i]->name);
}

static void type_name(struct lint *l, const struct idl_def *def)
{
	if (def->kind != IDL_CONST && def->kind != IDL_KEY && is_lower(def->name))
		lint_add(l, &def->loc, "'%s' is a type and begins with a small letter", def->name);
}

static void constant_name(struct lint *l, const struct idl_def *def)
{
	if (def->kind == IDL_CONST && is_lower(def->name))
		lint_add(l, &def->loc, "constant '%s' begins with a small letter", def->name);
	for (uint32_t i = 0; i < def->n_items; i++)
		if (is_lower(def->items[i].name))
			lint_add(l, &def->items[i].loc, "enumerator '%s' begins with a small letter",
				 def->items[i].name);
}

/* Calls `check` for each member, method and parameter, with what it is. */
static void each_name(struct lint *l, const struct idl_def *def,
		      void (*check)(struct lint *l, const struct idl_loc *loc, const char *name,
				    const char *what))
{
	for (uint32_t i = 0; i < def->n_members && def->kind == IDL_STRUCT; i++)
		check(l, &def->members[i].loc, def->members[i].name, "member");
	for (uint32_t i = 0; i < def->n_ops; i++) {
		const struct idl_op *op = &def->ops[i];

		check(l, &op->loc, op->name, "method");
		for (uint32_t k = 0; k < op->n_params; k++)
			check(l, &op->params[k].loc, op->params[k].name, "parameter");
	}
}

static void check_member_name(struct lint *l, const struct idl_loc *loc, const char *name,
			      const char *what)
{
	if (is_upper(name))
		lint_add(l, loc, "%s '%s' begins with a capital letter", what, name);
}

static void member_name(struct lint *l, const struct idl_def *def)
{
	each_name(l, def, check_member_name);
}

static void check_target_word(struct lint *l, const struct idl_loc *loc, const char *name,
			      const char *what)
{
	unsigned languages = lint_target_word(name);

	/* Members and methods have a capital letter in Go and stand behind a '.' in JavaScript. */
	if (strcmp(what, "parameter") != 0)
		languages &= LINT_CPP | LINT_JAVA;
	if (languages)
		lint_add(l, loc, "%s '%s' is a word of %s: what the official generators make of it "
			 "does not compile", what, name,
			 lint_languages(&l->idl->arena, languages));
}

static void target_word(struct lint *l, const struct idl_def *def)
{
	each_name(l, def, check_target_word);
}

static void local_name(struct lint *l, const struct idl_def *def)
{
	for (uint32_t i = 0; i < def->n_ops; i++) {
		for (uint32_t k = 0; k < def->ops[i].n_params; k++) {
			const struct idl_member *m = &def->ops[i].params[k];
			unsigned languages = lint_local_name(m->name);

			if (languages)
				lint_add(l, &m->loc, "parameter '%s' has the name of a variable in "
					 "code of the official generators for %s", m->name,
					 lint_languages(&l->idl->arena, languages));
		}
	}
}

/* Go begins what others may use with a capital letter. */
static void clash(struct lint *l, const struct idl_loc *loc, const char *a, const char *b)
{
	if (!strcasecmp(a, b) && strcmp(a, b) != 0 && !strcmp(a + 1, b + 1))
		lint_add(l, loc, "'%s' and '%s' differ in the case of their first letter only, and "
			 "are one name in Go", a, b);
}

static void case_clash(struct lint *l, const struct idl_def *def)
{
	for (uint32_t i = 0; i < def->n_members; i++)
		for (uint32_t k = 0; k < i; k++)
			clash(l, &def->members[i].loc, def->members[k].name, def->members[i].name);
	for (uint32_t i = 0; i < def->n_ops; i++)
		for (uint32_t k = 0; k < i; k++)
			clash(l, &def->ops[i].loc, def->ops[k].name, def->ops[i].name);
}

/* ---- structs ---- */

static void tag_order(struct lint *l, const struct idl_def *def)
{
	for (uint32_t i = 1; i < def->n_members && def->kind == IDL_STRUCT; i++)
		if (def->members[i].tag < def->members[i - 1].tag)
			lint_add(l, &def->members[i].loc, "tag %u of '%s' stands behind tag %u",
				 def->members[i].tag, def->members[i].name, def->members[i - 1].tag);
}

static int by_tag(const void *a, const void *b)
{
	return (*(const struct idl_member *const *)a)->tag -
	       (*(const struct idl_member *const *)b)->tag;
}

/* The members of a struct by ascending tag, in the arena. */
static const struct idl_member **sorted(struct lint *l, const struct idl_def *def)
{
	const struct idl_member **v = arena_alloc(&l->idl->arena,
						  (def->n_members + 1) * sizeof(*v));

	for (uint32_t i = 0; i < def->n_members; i++)
		v[i] = &def->members[i];
	qsort(v, def->n_members, sizeof(*v), by_tag);
	return v;
}

static void tag_gap(struct lint *l, const struct idl_def *def)
{
	const struct idl_member **v = sorted(l, def);

	for (uint32_t i = 1; i < def->n_members && def->kind == IDL_STRUCT; i++)
		if (v[i]->tag != v[i - 1]->tag + 1)
			lint_add(l, &v[i]->loc, "no member has tag %u, between '%s' and '%s': was "
				 "one removed?", v[i - 1]->tag + 1, v[i - 1]->name, v[i]->name);
}

static void require_late(struct lint *l, const struct idl_def *def)
{
	const struct idl_member **v = sorted(l, def), *optional = NULL;

	for (uint32_t i = 0; i < def->n_members && def->kind == IDL_STRUCT; i++) {
		if (!(v[i]->flags & TARS_REQUIRED))
			optional = optional ? optional : v[i];
		else if (optional)
			lint_add(l, &v[i]->loc, "'%s' is required behind the optional '%s': was it "
				 "added later? Code that does not know it cannot be read then",
				 v[i]->name, optional->name);
	}
}

static void enum_default(struct lint *l, const struct idl_def *def)
{
	for (uint32_t i = 0; i < def->n_members && def->kind == IDL_STRUCT; i++) {
		const struct idl_member *m = &def->members[i];

		if (m->type->kind == TARS_ENUM && !(m->flags & TARS_REQUIRED) &&
		    m->value.kind == IDL_NONE)
			lint_add(l, &m->loc, "optional enum '%s' has no default: each language "
				 "begins with a value of its own", m->name);
	}
}

static void length_ignored(struct lint *l, const struct idl_def *def)
{
	for (uint32_t i = 0; i < def->n_members; i++)
		if (def->members[i].type->fixed)
			lint_add(l, &def->members[i].loc, "the length of '%s' is a hint: it does not "
				 "bound what arrives", def->members[i].name);
}

/* ---- maps ---- */

static void check_key(struct lint *l, const struct idl_type *t)
{
	if (!t)
		return;
	check_key(l, t->key);
	check_key(l, t->elem);
	if (t->kind != TARS_MAP)
		return;
	if (t->key->kind == TARS_STRUCT && !t->key->def->key)
		lint_add(l, &t->key->loc, "'%s' is the key of a map and has no order: C++ wants "
			 "key[%s, ...]", t->key->def->full_name, t->key->def->name);
	if (t->key->kind == TARS_F32 || t->key->kind == TARS_F64)
		lint_add(l, &t->key->loc, "the key of a map is a floating-point number, which is "
			 "seldom equal to another");
}

static void map_key(struct lint *l, const struct idl_def *def)
{
	for (uint32_t i = 0; i < def->n_members; i++)
		check_key(l, def->members[i].type);
	for (uint32_t i = 0; i < def->n_ops; i++) {
		check_key(l, def->ops[i].ret);
		for (uint32_t k = 0; k < def->ops[i].n_params; k++)
			check_key(l, def->ops[i].params[k].type);
	}
}

/* ---- enums and interfaces ---- */

static void same_value(struct lint *l, const struct idl_def *def)
{
	for (uint32_t i = 0; i < def->n_items; i++) {
		for (uint32_t k = 0; k < i; k++) {
			if (def->items[k].value != def->items[i].value)
				continue;
			lint_add(l, &def->items[i].loc, "'%s' has the value of '%s', %d",
				 def->items[i].name, def->items[k].name, def->items[i].value);
			break;
		}
	}
}

static void many_params(struct lint *l, const struct idl_def *def)
{
	for (uint32_t i = 0; i < def->n_ops; i++)
		if (def->ops[i].n_params > MANY_PARAMS)
			lint_add(l, &def->ops[i].loc, "method '%s' has %u parameters: none can be "
				 "added later, to a struct members can", def->ops[i].name,
				 def->ops[i].n_params);
}

static void missing_doc(struct lint *l, const struct idl_def *def)
{
	if (def->kind == IDL_INTERFACE && !def->doc && !def->note)
		lint_add(l, &def->loc, "interface '%s' has no comment", def->name);
	for (uint32_t i = 0; i < def->n_ops; i++)
		if (!def->ops[i].doc && !def->ops[i].note)
			lint_add(l, &def->ops[i].loc, "method '%s' has no comment",
				 def->ops[i].name);
}

/* ---- includes ---- */

/* What a file uses of others, as a set of files. */
struct uses {
	const struct idl_file **v;
	uint32_t n;
};

static bool has_file(const struct uses *u, const struct idl_file *file)
{
	for (uint32_t i = 0; i < u->n; i++)
		if (u->v[i] == file)
			return true;
	return false;
}

static void use(struct lint *l, struct uses *u, const struct idl_file *file)
{
	if (!has_file(u, file))
		*IDL_PUSH(&l->idl->arena, u->v, u->n) = file;
}

static void use_type(struct lint *l, struct uses *u, const struct idl_type *t)
{
	if (!t)
		return;
	use_type(l, u, t->key);
	use_type(l, u, t->elem);
	if (t->def)
		use(l, u, t->def->loc.file);
}

/* A value with a name may be an enumerator of any file: of all that have one of this name. */
static void use_value(struct lint *l, struct uses *u, const struct idl_value *v)
{
	const char *scope = v->kind == IDL_NAME ? strrchr(v->s, ':') : NULL;
	const char *name = scope ? scope + 1 : v->s;

	for (uint32_t i = 0; i < l->idl->n_files && v->kind == IDL_NAME; i++)
		for (uint32_t k = 0; k < l->idl->files[i]->n_modules; k++)
			for (uint32_t j = 0; j < l->idl->files[i]->modules[k]->n_defs; j++) {
				const struct idl_def *def = l->idl->files[i]->modules[k]->defs[j];

				for (uint32_t m = 0; m < def->n_items; m++)
					if (!strcmp(def->items[m].name, name))
						use(l, u, l->idl->files[i]);
			}
}

static void use_def(struct lint *l, struct uses *u, const struct idl_def *def)
{
	if (def->target)
		use(l, u, def->target->loc.file);
	for (uint32_t i = 0; i < def->n_items; i++)
		use_value(l, u, &def->items[i].given);
	for (uint32_t i = 0; i < def->n_members; i++) {
		use_type(l, u, def->members[i].type);
		use_value(l, u, &def->members[i].value);
	}
	for (uint32_t i = 0; i < def->n_ops; i++) {
		use_type(l, u, def->ops[i].ret);
		for (uint32_t k = 0; k < def->ops[i].n_params; k++)
			use_type(l, u, def->ops[i].params[k].type);
	}
}

/* Adds the files that include what is used; those that are included stand before them. */
static void use_through(struct lint *l, struct uses *u)
{
	for (uint32_t i = 0; i < l->idl->n_files; i++)
		for (uint32_t k = 0; k < l->idl->files[i]->n_includes; k++)
			if (has_file(u, l->idl->files[i]->includes[k]))
				use(l, u, l->idl->files[i]);
}

static void unused_include(struct lint *l, const struct idl_file *file)
{
	struct uses u = { 0 };

	for (uint32_t i = 0; i < file->n_modules; i++)
		for (uint32_t k = 0; k < file->modules[i]->n_defs; k++)
			use_def(l, &u, file->modules[i]->defs[k]);
	use_through(l, &u);
	/* A file that only includes is there to bundle others. */
	for (uint32_t i = 0; i < l->n_includes && file->n_modules; i++)
		if (!has_file(&u, file->includes[i]))
			lint_add(l, &l->includes[i], "nothing of '%s' is used",
				 file->includes[i]->path);
}

const struct lint_rule lint_rules[] = {
	{ "case-clash", LINT_ERROR, "names that differ in the case of their first letter only",
	  .on_def = case_clash },
	{ "constant-name", LINT_WARNING, "constants and enumerators begin with a capital letter",
	  .on_def = constant_name },
	{ "enum-default", LINT_WARNING, "an optional enum has a default", .on_def = enum_default },
	{ "length-ignored", LINT_HINT, "lengths of strings and lists are hints",
	  .on_def = length_ignored },
	{ "local-name", LINT_WARNING, "parameters keep clear of variables in generated code",
	  .on_def = local_name },
	{ "many-params", LINT_HINT, "a method has at most 10 parameters", .on_def = many_params },
	{ "map-key", LINT_WARNING, "keys of maps have an order and can be equal",
	  .on_def = map_key },
	{ "member-name", LINT_WARNING,
	  "members, methods and parameters begin with a small letter", .on_def = member_name },
	{ "missing-doc", LINT_HINT, "interfaces and methods have a comment",
	  .on_def = missing_doc },
	{ "module-name", LINT_WARNING, "modules begin with a capital letter",
	  .on_file = module_name },
	{ "require-late", LINT_WARNING, "no required member has a tag behind an optional one's",
	  .on_def = require_late },
	{ "same-value", LINT_WARNING, "no two enumerators have one value", .on_def = same_value },
	{ "tag-gap", LINT_HINT, "tags follow each other", .on_def = tag_gap },
	{ "tag-order", LINT_WARNING, "members stand in the order of their tags",
	  .on_def = tag_order },
	{ "target-word", LINT_ERROR, "names are no words of C++, Java, Go or JavaScript",
	  .on_def = target_word },
	{ "type-name", LINT_WARNING, "structs, enums and interfaces begin with a capital letter",
	  .on_def = type_name },
	{ "unused-include", LINT_WARNING, "something of each included file is used",
	  .on_file = unused_include },
	{ 0 }
};
