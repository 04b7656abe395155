/* C generator: the code, which is mostly constant type descriptors. */
#include "idl/gen_c.h"

#include <stdlib.h>
#include <string.h>

/* Descriptors of containers that this code has already; see gen_is_first(). */
static const char in_code;

/* Names of types hold no characters that need escapes. */
static const char *spelling(struct gen *g, const struct idl_type *t)
{
	struct buf b = BUF_INIT;
	const char *text;

	idl_type_put(&b, t);
	text = arena_memdup(g->arena, b.data, b.len);
	buf_release(&b);
	return text;
}

static void gen_container_descriptor(struct gen *g, const struct idl_type *t)
{
	const char *name;

	if (t->kind != TARS_LIST && t->kind != TARS_MAP)
		return;
	if (t->kind == TARS_MAP)
		gen_container_descriptor(g, t->key);
	gen_container_descriptor(g, t->elem);
	name = gen_container(g, t);
	if (gen_is_runtime_container(g, t) || !gen_is_first(g, &in_code, name))
		return;
	buf_addf(g->c, "static const struct tars_type %s_type = {\n"
		 "\t.name = \"%s\", .kind = %s,\n\t.size = sizeof(struct %s),\n", name,
		 spelling(g, t), t->kind == TARS_MAP ? "TARS_MAP" : "TARS_LIST", name);
	if (t->kind == TARS_MAP)
		buf_addf(g->c, "\t.pair_size = sizeof(struct %s),\n"
			 "\t.val_offset = offsetof(struct %s, val),\n\t.key = &%s,\n",
			 gen_pair(g, t), gen_pair(g, t), gen_descriptor(g, t->key));
	buf_addf(g->c, "\t.elem = &%s,\n};\n\n", gen_descriptor(g, t->elem));
}

static void put_flags(struct buf *b, uint8_t flags)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {
		{ TARS_REQUIRED, "TARS_REQUIRED" }, { TARS_OUT, "TARS_OUT" },
		{ TARS_ROUTEKEY, "TARS_ROUTEKEY" }, { TARS_HAS_DEFAULT, "TARS_HAS_DEFAULT" },
		{ TARS_ALWAYS, "TARS_ALWAYS" },
	};
	const char *sep = ", .flags = ";

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (flags & names[i].flag) {
			buf_addf(b, "%s%s", sep, names[i].name);
			sep = " | ";
		}
	}
}

static void put_enum_default(struct gen *g, const struct idl_member *m)
{
	const struct idl_def *def = m->type->def;

	for (uint32_t i = 0; i < def->n_items; i++) {
		if (def->items[i].value == m->value.i) {
			buf_add_str(g->c, def->items[i].c_name);
			return;
		}
	}
	gen_number(g->c, m->type, &m->value);
}

/* The default, unless it is what a descriptor says by saying nothing. */
static void put_default(struct gen *g, const struct idl_member *m)
{
	const struct idl_type real = { .kind = TARS_F64 };
	const struct idl_value *v = &m->value;

	if (m->type->kind == TARS_STRING && v->s) {
		buf_add_str(g->c, ",\n\t  .s = ");
		gen_string(g->c, v->s);
	} else if ((m->type->kind == TARS_F32 || m->type->kind == TARS_F64) && v->f != 0) {
		buf_add_str(g->c, ",\n\t  .f = ");
		gen_number(g->c, &real, v);
	} else if (m->type->kind == TARS_ENUM && v->i) {
		buf_add_str(g->c, ",\n\t  .i = ");
		put_enum_default(g, m);
	} else if (m->type->kind < TARS_F32 && v->i) {
		buf_add_str(g->c, ",\n\t  .i = ");
		gen_number(g->c, m->type, v);
	}
}

static void gen_field(struct gen *g, const char *c_name, const struct idl_member *m)
{
	const char *offset = arena_strf(g->arena, ".offset = offsetof(struct %s, %s),", c_name,
					m->c_name);
	const char *type = arena_strf(g->arena, ".type = &%s", gen_descriptor(g, m->type));
	bool is_long = 10 + strlen(offset) + 1 + strlen(type) + 4 > 100;

	buf_addf(g->c, "\t{ .name = \"%s\", .tag = %u", m->name, m->tag);
	put_flags(g->c, m->flags);
	buf_addf(g->c, ",\n\t  %s%s%s", offset, is_long ? "\n\t  " : " ", type);
	put_default(g, m);
	buf_add_str(g->c, " },\n");
}

static int by_tag(const void *a, const void *b)
{
	return (*(const struct idl_member *const *)a)->tag -
	       (*(const struct idl_member *const *)b)->tag;
}

void gen_struct_descriptor(struct gen *g, const char *storage, const char *c_name,
			   const char *idl_name, const struct idl_member *const *members,
			   uint32_t n)
{
	const struct idl_member *sorted[256];
	bool has_codec = n && !g->idl->opt.tables_only;

	for (uint32_t i = 0; i < n; i++) {
		gen_container_descriptor(g, members[i]->type);
		sorted[i] = members[i];
	}
	qsort(sorted, n, sizeof(*sorted), by_tag);
	if (n) {
		buf_addf(g->c, "static const struct tars_field %s_fields[] = {\n", c_name);
		for (uint32_t i = 0; i < n; i++)
			gen_field(g, c_name, sorted[i]);
		buf_add_str(g->c, "};\n\n");
	}
	if (has_codec)
		gen_codec(g, c_name, sorted, n);
	buf_addf(g->c,
		 "%sconst struct tars_type %s_type = {\n\t.name = \"%s\", .kind = TARS_STRUCT,\n"
		 "\t.size = sizeof(struct %s),\n", storage, c_name, idl_name, c_name);
	if (n)
		buf_addf(g->c, "\t.n_fields = %u, .fields = %s_fields,\n", n, c_name);
	if (has_codec)
		buf_addf(g->c, "\t.put = %s_put, .get = %s_get,\n", c_name, c_name);
	buf_add_str(g->c, "};\n\n");
}

static void gen_struct(struct gen *g, const struct idl_def *def)
{
	const struct idl_member *members[256];

	for (uint32_t i = 0; i < def->n_members; i++)
		members[i] = &def->members[i];
	gen_struct_descriptor(g, "", def->c_name, def->full_name, members, def->n_members);
}

static void gen_enum(struct gen *g, const struct idl_def *def)
{
	const char *name = def->c_name;

	if (def->n_items) {
		buf_addf(g->c, "static const struct tars_enum_item %s_items[] = {\n", name);
		for (uint32_t i = 0; i < def->n_items; i++)
			buf_addf(g->c, "\t{ \"%s\", %s },\n", def->items[i].name,
				 def->items[i].c_name);
		buf_add_str(g->c, "};\n\n");
	}
	buf_addf(g->c, "const struct tars_type %s_type = {\n\t.name = \"%s\", .kind = TARS_ENUM,\n"
		 "\t.size = sizeof(enum %s),\n", name, def->full_name, name);
	if (def->n_items)
		buf_addf(g->c, "\t.n_fields = %u, .items = %s_items,\n", def->n_items, name);
	buf_add_str(g->c, "};\n\n");
}

static const struct idl_member *find_member(const struct idl_def *def, const char *name)
{
	for (uint32_t i = 0; i < def->n_members; i++)
		if (!strcmp(def->members[i].name, name))
			return &def->members[i];
	BUG_ON(true); /* check.c has looked them up */
	return NULL;
}

/* "a->x against b->x": a struct by its own key, if it has one. */
static void gen_key_member(struct gen *g, const struct idl_member *m, const char *indent)
{
	const struct idl_def *key = m->type->kind == TARS_STRUCT ? m->type->def->key : NULL;
	const char *head = key ? arena_strf(g->arena, "%s_compare", m->type->def->c_name) :
			   "tars_type_compare";
	const char *values[] = {
		arena_strf(g->arena, "&%s", gen_descriptor(g, m->type)),
		arena_strf(g->arena, "&a->%s", m->c_name),
		arena_strf(g->arena, "&b->%s", m->c_name),
	};

	gen_wrap(g->c, arena_strf(g->arena, "%sorder = %s", indent, head), values + (key != NULL),
		 3 - (key != NULL), ";\n");
}

static void gen_key(struct gen *g, const struct idl_def *def)
{
	const char *name = def->target->c_name;
	const char *args[] = {
		arena_strf(g->arena, "const struct %s *a", name),
		arena_strf(g->arena, "const struct %s *b", name),
	};

	gen_wrap(g->c, arena_strf(g->arena, "int %s_compare", name), args, 2,
		 "\n{\n\tint order = 0;\n\n");
	for (uint32_t i = 0; i < def->n_keys; i++) {
		if (i)
			buf_add_str(g->c, "\tif (!order)\n");
		gen_key_member(g, find_member(def->target, def->keys[i].s), i ? "\t\t" : "\t");
	}
	buf_add_str(g->c, "\treturn order;\n}\n\n");
}

/* Containers in a struct of another file have no descriptor here yet. */
static void gen_key_descriptors(struct gen *g, const struct idl_def *def)
{
	for (uint32_t i = 0; i < def->n_keys; i++)
		gen_container_descriptor(g, find_member(def->target, def->keys[i].s)->type);
}

void gen_code(struct gen *g)
{
	buf_addf(g->c,
		 "/* generated by 'tars idl gen %s.tars'; do not edit */\n#include \"%s.h\"\n\n%s",
		 g->file->base, g->file->base,
		 g->idl->opt.tables_only ? "" : "#include <tars_codec.h>\n\n");
	for (uint32_t m = 0; m < g->file->n_modules; m++) {
		const struct idl_module *module = g->file->modules[m];

		for (uint32_t d = 0; d < module->n_defs; d++) {
			const struct idl_def *def = module->defs[d];

			if (def->kind == IDL_ENUM) {
				gen_enum(g, def);
			} else if (def->kind == IDL_STRUCT) {
				gen_struct(g, def);
			} else if (def->kind == IDL_KEY) {
				gen_key_descriptors(g, def);
				gen_key(g, def);
			} else if (def->kind == IDL_INTERFACE) {
				gen_iface_code(g, def);
			}
			gen_done(g);
		}
	}
	/* The last definition ends with an empty line. */
	while (g->c->len >= 2 && g->c->data[g->c->len - 2] == '\n')
		g->c->len--;
}
