/* Runtime descriptors from a checked tree, with the layout a C compiler would choose. */
#include "idl/lex.h"

#include <stdlib.h>
#include <string.h>

struct describer {
	struct arena *arena;
	struct idl_descs *d;
	struct idl_symtab *types; /* by spelling: struct tars_type */
};

/* Scope of all spellings. */
static const char by_spelling;

static const struct tars_type *const builtins[] = {
	[TARS_BOOL] = &tars_type_bool, [TARS_I8] = &tars_type_byte, [TARS_I16] = &tars_type_short,
	[TARS_I32] = &tars_type_int, [TARS_I64] = &tars_type_long, [TARS_U8] = &tars_type_ubyte,
	[TARS_U16] = &tars_type_ushort, [TARS_U32] = &tars_type_uint, [TARS_F32] = &tars_type_float,
	[TARS_F64] = &tars_type_double, [TARS_STRING] = &tars_type_string,
	[TARS_BYTES] = &tars_type_bytes,
};

/* The type of this spelling; a new, empty one (kind TARS_BOOL, size 0) if there was none. */
static struct tars_type *intern(struct describer *g, const struct idl_type *t)
{
	struct buf b = BUF_INIT;
	struct tars_type *type, *known;
	const char *name;

	idl_type_put(&b, t);
	known = idl_symtab_find(g->types, &by_spelling, buf_str(&b));
	if (!known) {
		name = arena_memdup(g->arena, b.data, b.len);
		type = ARENA_NEW(g->arena, struct tars_type);
		type->name = name;
		idl_symtab_add(g->types, &by_spelling, name, type);
		known = type;
	}
	buf_release(&b);
	return known;
}

static const struct tars_type *describe_type(struct describer *g, const struct idl_type *t)
{
	struct idl_layout layout;
	struct tars_type *type;

	if (t->kind < TARS_ENUM)
		return builtins[t->kind];
	type = intern(g, t);
	if (type->size || t->kind == TARS_STRUCT || t->kind == TARS_ENUM)
		return type; /* described before, or the struct that is being described */
	idl_type_layout(t, &layout);
	type->kind = t->kind;
	type->size = layout.size;
	type->elem = describe_type(g, t->elem);
	if (t->kind == TARS_MAP) {
		struct idl_layout pair = { 0 };

		type->key = describe_type(g, t->key);
		idl_layout_add(&pair, t->key);
		type->val_offset = idl_layout_add(&pair, t->elem);
		idl_layout_close(&pair);
		type->pair_size = pair.size;
	}
	return type;
}

static void describe_field(struct describer *g, const struct idl_member *m, uint32_t offset,
			   struct tars_field *f)
{
	*f = (struct tars_field){
		.name = arena_strdup(g->arena, m->name), .tag = m->tag, .flags = m->flags,
		.offset = offset, .type = describe_type(g, m->type),
		.i = m->value.i, .f = m->value.f,
	};
	if (m->value.kind == IDL_STRING)
		f->s = arena_strdup(g->arena, m->value.s);
}

static int by_tag(const void *a, const void *b)
{
	return ((const struct tars_field *)a)->tag - ((const struct tars_field *)b)->tag;
}

/* Fields in tag order. */
static void describe_struct(struct describer *g, struct tars_type *type,
			    const struct idl_def *def)
{
	struct tars_field *fields = arena_alloc(g->arena, sizeof(*fields) * def->n_members);

	type->kind = TARS_STRUCT;
	type->size = def->size;
	for (uint32_t i = 0; i < def->n_members; i++)
		describe_field(g, &def->members[i], def->members[i].offset, &fields[i]);
	qsort(fields, def->n_members, sizeof(*fields), by_tag);
	type->fields = fields;
	type->n_fields = (uint16_t)def->n_members;
}

static void describe_enum(struct describer *g, struct tars_type *type, const struct idl_def *def)
{
	struct tars_enum_item *items = arena_alloc(g->arena, sizeof(*items) * def->n_items);

	type->kind = TARS_ENUM;
	type->size = sizeof(int32_t);
	for (uint32_t i = 0; i < def->n_items; i++)
		items[i] = (struct tars_enum_item){
			arena_strdup(g->arena, def->items[i].name), def->items[i].value,
		};
	type->items = items;
	type->n_fields = (uint16_t)def->n_items;
}

/* Parameters of one direction, and the return value with the out ones. */
static const struct tars_type *describe_params(struct describer *g, const struct idl_def *def,
					       const struct idl_op *op, bool out)
{
	struct tars_type *type = ARENA_NEW(g->arena, struct tars_type);
	struct tars_field *fields = arena_alloc(g->arena, sizeof(*fields) * (op->n_params + 1));
	struct idl_layout layout = { 0 };
	uint16_t n = 0;

	if (out && op->ret) {
		struct idl_member ret = {
			.name = "", .flags = TARS_REQUIRED | TARS_OUT, .type = op->ret,
		};

		idl_default(&ret);
		describe_field(g, &ret, idl_layout_add(&layout, op->ret), &fields[n++]);
	}
	for (uint32_t i = 0; i < op->n_params; i++) {
		const struct idl_member *m = &op->params[i];

		if (((m->flags & TARS_OUT) != 0) == out)
			describe_field(g, m, idl_layout_add(&layout, m->type), &fields[n++]);
	}
	idl_layout_close(&layout);
	*type = (struct tars_type){
		.name = arena_strf(g->arena, "%s.%s %s", def->full_name, op->name,
				   out ? "out" : "in"),
		.kind = TARS_STRUCT, .size = layout.size, .fields = fields, .n_fields = n,
	};
	return type;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tars_func *)a)->name, ((const struct tars_func *)b)->name);
}

static void describe_iface(struct describer *g, const struct idl_def *def)
{
	struct tars_iface *iface = ARENA_NEW(g->arena, struct tars_iface);
	struct tars_func *funcs = arena_alloc(g->arena, sizeof(*funcs) * def->n_ops);

	for (uint32_t i = 0; i < def->n_ops; i++)
		funcs[i] = (struct tars_func){
			arena_strdup(g->arena, def->ops[i].name),
			describe_params(g, def, &def->ops[i], false),
			describe_params(g, def, &def->ops[i], true),
			def->ops[i].routekey,
			def->ops[i].flags,
		};
	qsort(funcs, def->n_ops, sizeof(*funcs), by_name);
	*iface = (struct tars_iface){
		.name = arena_strdup(g->arena, def->full_name),
		.funcs = funcs, .n_funcs = (uint16_t)def->n_ops,
	};
	*IDL_PUSH(g->arena, g->d->ifaces, g->d->n_ifaces) = iface;
}

static void describe_def(struct describer *g, struct idl_def *def)
{
	struct idl_type t = { .kind = TARS_STRUCT, .def = def };
	struct tars_type *type;

	if (def->kind == IDL_INTERFACE)
		describe_iface(g, def);
	if (def->kind != IDL_STRUCT && def->kind != IDL_ENUM)
		return;
	type = intern(g, &t);
	if (def->kind == IDL_STRUCT)
		describe_struct(g, type, def);
	else
		describe_enum(g, type, def);
	*IDL_PUSH(g->arena, g->d->types, g->d->n_types) = type;
}

void idl_describe(const struct idl *idl, struct arena *a, struct idl_descs *d)
{
	struct describer g = { .arena = a, .d = d, .types = idl_symtab_new() };

	*d = (struct idl_descs){ 0 };
	for (uint32_t f = 0; f < idl->n_files; f++)
		for (uint32_t m = 0; m < idl->files[f]->n_modules; m++)
			for (uint32_t k = 0; k < idl->files[f]->modules[m]->n_defs; k++)
				describe_def(&g, idl->files[f]->modules[m]->defs[k]);
	idl_symtab_free(g.types);
}

const struct tars_type *idl_descs_type(const struct idl_descs *d, const char *name)
{
	for (uint32_t i = 0; i < d->n_types; i++)
		if (!strcmp(d->types[i]->name, name))
			return d->types[i];
	return NULL;
}

const struct tars_iface *idl_descs_iface(const struct idl_descs *d, const char *name)
{
	for (uint32_t i = 0; i < d->n_ifaces; i++)
		if (!strcmp(d->ifaces[i]->name, name))
			return d->ifaces[i];
	return NULL;
}
