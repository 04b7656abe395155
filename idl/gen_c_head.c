/* C generator: the header, except what interfaces need. */
#include "idl/gen_c.h"

#include <ctype.h>
#include <string.h>

/* Containers that this header has already; see gen_is_first(). */
static const char in_header;

static bool is_container(const struct idl_type *t)
{
	return t->kind == TARS_LIST || t->kind == TARS_MAP;
}

static bool is_self(const struct idl_type *t, const struct idl_def *self)
{
	return self && t->kind == TARS_STRUCT && t->def == self;
}

/* A map's pair holds key and value: it has to wait for a struct that is not complete. */
static bool must_wait(const struct idl_type *map, const struct idl_def *self)
{
	return is_self(map->key, self) || is_self(map->elem, self);
}

static void put_pair(struct gen *g, const struct idl_type *t)
{
	buf_addf(g->h, "struct %s {\n\t%s key;\n\t%s val;\n};\n", gen_pair(g, t),
		 gen_c_type(g, t->key), gen_c_type(g, t->elem));
}

static void put_container(struct gen *g, const struct idl_type *t, const struct idl_def *self)
{
	const char *name = gen_container(g, t);
	/* Lists of a struct stand in its own header only; all others in any that needs them. */
	bool is_own = t->kind == TARS_LIST && t->elem->kind == TARS_STRUCT;

	if (!is_own)
		buf_addf(g->h, "#ifndef TARS_HAVE_%s\n#define TARS_HAVE_%s\n", name, name);
	if (t->kind == TARS_MAP && !must_wait(t, self))
		put_pair(g, t);
	buf_addf(g->h, "struct %s {\n", name);
	if (t->kind == TARS_MAP)
		buf_addf(g->h, "\tstruct %s *v;", gen_pair(g, t));
	else
		buf_addf(g->h, "\t%s *v;", gen_c_type(g, t->elem));
	buf_addf(g->h, "\n\tuint32_t n;\n};\n%s\n", is_own ? "" : "#endif\n");
}

void gen_containers(struct gen *g, const struct idl_type *t, const struct idl_def *self)
{
	bool is_foreign;

	if (!is_container(t))
		return;
	if (t->kind == TARS_MAP)
		gen_containers(g, t->key, self);
	gen_containers(g, t->elem, self);
	if (gen_is_runtime_container(g, t) || !gen_is_first(g, &in_header, gen_container(g, t)))
		return;
	gen_claim_container(g, t);
	is_foreign = t->kind == TARS_LIST && t->elem->kind == TARS_STRUCT &&
		     t->elem->def->loc.file != g->file;
	if (!is_foreign)
		put_container(g, t, self);
}

/* The pairs that had to wait for `self`; each map once. */
static void gen_late_pairs(struct gen *g, const struct idl_type *t, const struct idl_def *self)
{
	if (!is_container(t))
		return;
	if (t->kind == TARS_MAP)
		gen_late_pairs(g, t->key, self);
	gen_late_pairs(g, t->elem, self);
	if (t->kind != TARS_MAP || !must_wait(t, self) ||
	    !gen_is_first(g, &in_header, gen_pair(g, t)))
		return;
	put_pair(g, t);
	buf_add_u8(g->h, '\n');
}

void gen_member(struct gen *g, const struct idl_member *m)
{
	const char *type = gen_c_type(g, m->type);
	size_t width = 8 + strlen(type) + 1 + strlen(m->c_name) + 3;
	bool is_behind = m->note && width < 100 && comment_fits(m->note, 100 - width);

	comment_put(g->h, 1, m->doc);
	if (m->note && !is_behind)
		comment_put(g->h, 1, m->note);
	buf_addf(g->h, "\t%s %s;", type, m->c_name);
	if (is_behind) {
		buf_add_u8(g->h, ' ');
		comment_put_inline(g->h, m->note);
	}
	buf_add_u8(g->h, '\n');
}

static void put_doc(struct gen *g, const struct idl_def *def)
{
	comment_put(g->h, 0, def->doc);
	comment_put(g->h, 0, def->note);
}

static void gen_enum(struct gen *g, const struct idl_def *def)
{
	put_doc(g, def);
	buf_addf(g->h, "enum %s {\n", def->c_name);
	for (uint32_t i = 0; i < def->n_items; i++) {
		const struct idl_item *item = &def->items[i];

		comment_put(g->h, 1, item->doc);
		comment_put(g->h, 1, item->note);
		buf_addf(g->h, "\t%s = %ld,\n", item->c_name, (long)item->value);
	}
	if (!def->n_items)
		buf_addf(g->h, "\t%s_none_, /* C has no empty enums */\n", def->c_name);
	buf_addf(g->h, "};\n\nextern const struct tars_type %s_type;\n\n", def->c_name);
}

static void gen_struct(struct gen *g, const struct idl_def *def)
{
	struct idl_type self = { .kind = TARS_STRUCT, .def = (struct idl_def *)(uintptr_t)def };
	const struct idl_type list = { .kind = TARS_LIST, .elem = &self };
	const char *name = def->c_name;

	for (uint32_t i = 0; i < def->n_members; i++)
		gen_containers(g, def->members[i].type, def);
	put_doc(g, def);
	buf_addf(g->h, "struct %s {\n", name);
	for (uint32_t i = 0; i < def->n_members; i++)
		gen_member(g, &def->members[i]);
	buf_add_str(g->h, "};\n\n");
	for (uint32_t i = 0; i < def->n_members; i++)
		gen_late_pairs(g, def->members[i].type, def);
	gen_containers(g, &list, NULL);
	buf_addf(g->h, "extern const struct tars_type %s_type;\n\n", name);
	buf_addf(g->h,
		 "/* The defaults of the IDL. */\nstatic inline void %s_init(struct %s *v)\n{\n"
		 "\ttars_type_init(&%s_type, v);\n}\n\n", name, name, name);
}

static void gen_const(struct gen *g, const struct idl_def *def)
{
	const struct idl_member *m = &def->members[0];
	bool is_negative = m->value.i < 0 || m->value.f < 0;

	put_doc(g, def);
	buf_addf(g->h, "#define %s %s", def->c_name, is_negative ? "(" : "");
	if (m->value.kind == IDL_STRING)
		gen_string(g->h, m->value.s);
	else
		gen_number(g->h, m->type, &m->value);
	buf_addf(g->h, "%s\n\n", is_negative ? ")" : "");
}

static void gen_key(struct gen *g, const struct idl_def *def)
{
	const char *name = def->target->c_name;
	const char *type = arena_strf(g->arena, "const struct %s *", name);
	const char *args[] = {
		arena_strf(g->arena, "%sa", type), arena_strf(g->arena, "%sb", type),
	};

	put_doc(g, def);
	buf_add_str(g->h, "/* Order by");
	for (uint32_t i = 0; i < def->n_keys; i++)
		buf_addf(g->h, "%s %s", i ? "," : "", def->keys[i].s);
	buf_add_str(g->h, ". */\n");
	gen_wrap(g->h, arena_strf(g->arena, "int %s_compare", name), args, 2, ";\n\n");
}

static const char *guard_name(struct gen *g)
{
	char *guard = arena_strf(g->arena, "TARS_IDL_%s_H", g->file->base);

	for (char *p = guard; *p; p++)
		*p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
	return guard;
}

static void gen_module(struct gen *g, const struct idl_module *m)
{
	static void (*const gens[])(struct gen *g, const struct idl_def *def) = {
		[IDL_ENUM] = gen_enum, [IDL_STRUCT] = gen_struct, [IDL_CONST] = gen_const,
		[IDL_KEY] = gen_key, [IDL_INTERFACE] = gen_iface_head,
	};

	comment_put(g->h, 0, m->doc);
	if (m->doc)
		buf_add_u8(g->h, '\n');
	for (uint32_t i = 0; i < m->n_defs; i++) {
		gens[m->defs[i]->kind](g, m->defs[i]);
		gen_done(g);
	}
}

void gen_head(struct gen *g)
{
	const char *guard = guard_name(g);

	buf_addf(g->h, "/* generated by 'tars idl gen %s.tars'; do not edit */\n", g->file->base);
	comment_put(g->h, 0, g->file->doc);
	buf_addf(g->h, "#ifndef %s\n#define %s\n\n#include <tars.h>\n\n", guard, guard);
	for (uint32_t i = 0; i < g->file->n_includes; i++)
		buf_addf(g->h, "#include \"%s.h\"\n", g->file->includes[i]->base);
	buf_addf(g->h, "%s#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
		 g->file->n_includes ? "\n" : "");
	for (uint32_t i = 0; i < g->file->n_modules; i++)
		gen_module(g, g->file->modules[i]);
	buf_add_str(g->h, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
