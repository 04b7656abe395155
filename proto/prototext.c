/* The .proto file of a module's interfaces from type descriptors. */
#include "proto/prototext.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"
#include "proto/pb.h"

struct printer {
	struct buf *b;
	const char *module;
	struct arena arena;
	const char **done;       /* names of messages and enums that are printed */
	size_t n_done, cap_done;
};

static bool is_done(struct printer *p, const char *name)
{
	for (size_t i = 0; i < p->n_done; i++)
		if (!strcmp(p->done[i], name))
			return true;
	if (p->n_done == p->cap_done) {
		p->cap_done = p->cap_done ? 2 * p->cap_done : 16;
		p->done = xrealloc(p->done, p->cap_done * sizeof(*p->done));
	}
	p->done[p->n_done++] = arena_strdup(&p->arena, name);
	return false;
}

/* ---- names ---- */

/* "User" of our module, "Other_User" of another. */
static const char *def_name(struct printer *p, const char *name)
{
	const char *colons = strstr(name, "::");

	if (!colons)
		return name;
	if (strlen(p->module) == (size_t)(colons - name) &&
	    !memcmp(name, p->module, (size_t)(colons - name)))
		return colons + 2;
	return arena_strf(&p->arena, "%.*s_%s", (int)(colons - name), name, colons + 2);
}

/* Of what stands for an element of a container: "List_of_int", "Pair_of_Leaf_and_int". */
static const char *made_up_name(struct printer *p, const struct tars_type *t)
{
	switch (t->kind) {
	case TARS_LIST:
		return arena_strf(&p->arena, "List_of_%s", made_up_name(p, t->elem));
	case TARS_MAP:
		return arena_strf(&p->arena, "Map_of_%s_and_%s", made_up_name(p, t->key),
				  made_up_name(p, t->elem));
	case TARS_BYTES:
		return "bytes";
	case TARS_STRUCT:
	case TARS_ENUM:
		return def_name(p, t->name);
	default: {
		char *name = arena_strdup(&p->arena, t->name);

		for (char *c = name; *c; c++)
			if (*c == ' ')
				*c = '_';
		return name;
	}
	}
}

static const char *element_name(struct printer *p, const struct tars_type *container)
{
	if (container->kind == TARS_MAP)
		return arena_strf(&p->arena, "Pair_of_%s_and_%s", made_up_name(p, container->key),
				  made_up_name(p, container->elem));
	return made_up_name(p, container->elem);
}

/* What map<K, V> of protobuf can be. */
static bool is_plain_map(const struct tars_type *t)
{
	return t->kind == TARS_MAP && (t->key->kind <= TARS_U32 || t->key->kind == TARS_STRING) &&
	       !pb_is_repeated(t->elem);
}

static const char *single_name(struct printer *p, const struct tars_type *t)
{
	switch (t->kind) {
	case TARS_BOOL:
		return "bool";
	case TARS_I64:
		return "int64";
	case TARS_U8:
	case TARS_U16:
	case TARS_U32:
		return "uint32";
	case TARS_F32:
		return "float";
	case TARS_F64:
		return "double";
	case TARS_STRING:
		return "string";
	case TARS_BYTES:
		return "bytes";
	case TARS_ENUM:
	case TARS_STRUCT:
		return def_name(p, t->name);
	default:
		return "int32";
	}
}

static const char *field_type(struct printer *p, const struct tars_field *f)
{
	const struct tars_type *t = f->type;

	if (is_plain_map(t))
		return arena_strf(&p->arena, "map<%s, %s>", single_name(p, t->key),
				  single_name(p, t->elem));
	if (t->kind == TARS_MAP || (t->kind == TARS_LIST && pb_is_repeated(t->elem)))
		return arena_strf(&p->arena, "repeated %s", element_name(p, t));
	if (t->kind == TARS_LIST)
		return arena_strf(&p->arena, "repeated %s", single_name(p, t->elem));
	if (pb_is_optional(f) && t->kind != TARS_STRUCT)
		return arena_strf(&p->arena, "optional %s", single_name(p, t));
	return single_name(p, t);
}

/* ---- definitions ---- */

static void put_message(struct printer *p, const char *name, const struct tars_type *t)
{
	buf_addf(p->b, "\nmessage %s {\n", name);
	for (uint16_t i = 0; i < t->n_fields; i++) {
		const struct tars_field *f = &t->fields[i];

		buf_addf(p->b, "  %s %s = %u;\n", field_type(p, f), *f->name ? f->name : "tars_ret",
			 f->tag + 1u);
	}
	buf_add_str(p->b, "}\n");
}

/* The first one must be 0; names are of the enum, not of the file. */
static void put_enum(struct printer *p, const struct tars_type *t)
{
	const char *name = def_name(p, t->name);
	bool has_zero = false, has_alias = false;

	for (uint16_t i = 0; i < t->n_fields; i++) {
		has_zero |= !t->items[i].value;
		for (uint16_t k = 0; k < i; k++)
			has_alias |= t->items[i].value == t->items[k].value;
	}
	buf_addf(p->b, "\nenum %s {\n", name);
	if (has_alias)
		buf_add_str(p->b, "  option allow_alias = true;\n");
	if (!has_zero)
		buf_addf(p->b, "  %s_UNSPECIFIED = 0;\n", name);
	for (int zero = true; zero >= 0; zero--)
		for (uint16_t i = 0; i < t->n_fields; i++)
			if ((t->items[i].value == 0) == zero)
				buf_addf(p->b, "  %s_%s = %" PRId32 ";\n", name, t->items[i].name,
					 t->items[i].value);
	buf_add_str(p->b, "}\n");
}

static void define(struct printer *p, const struct tars_type *t);

static void define_fields(struct printer *p, const struct tars_type *t)
{
	for (uint16_t i = 0; i < t->n_fields; i++)
		define(p, t->fields[i].type);
}

static void define_element(struct printer *p, const struct tars_type *t)
{
	struct pb_message room;
	const struct tars_type *message;

	if (is_plain_map(t) || (t->kind == TARS_LIST && !pb_is_repeated(t->elem)))
		return;
	message = pb_element(t, &room);
	if (!is_done(p, element_name(p, t)))
		put_message(p, element_name(p, t), message);
}

/* All that a field of this type needs. */
static void define(struct printer *p, const struct tars_type *t)
{
	switch (t->kind) {
	case TARS_MAP:
		define(p, t->key);
		define(p, t->elem);
		define_element(p, t);
		break;
	case TARS_LIST:
		define(p, t->elem);
		define_element(p, t);
		break;
	case TARS_ENUM:
		if (!is_done(p, def_name(p, t->name)))
			put_enum(p, t);
		break;
	case TARS_STRUCT:
		if (is_done(p, def_name(p, t->name)))
			break;
		define_fields(p, t);
		put_message(p, def_name(p, t->name), t);
		break;
	default:
		break;
	}
}

static void put_service(struct printer *p, const struct tars_iface *iface)
{
	const char *name = def_name(p, iface->name);

	for (uint16_t i = 0; i < iface->n_funcs; i++) {
		const struct tars_func *f = &iface->funcs[i];

		define_fields(p, f->in);
		define_fields(p, f->out);
		put_message(p, arena_strf(&p->arena, "%s_%s_in", name, f->name), f->in);
		put_message(p, arena_strf(&p->arena, "%s_%s_out", name, f->name), f->out);
	}
	buf_addf(p->b, "\nservice %s {\n", name);
	for (uint16_t i = 0; i < iface->n_funcs; i++)
		buf_addf(p->b, "  rpc %s(%s_%s_in) returns (%s_%s_out);\n", iface->funcs[i].name,
			 name, iface->funcs[i].name, name, iface->funcs[i].name);
	buf_add_str(p->b, "}\n");
}

void prototext(struct buf *b, const char *module, const struct tars_iface *const *ifaces, size_t n)
{
	struct printer p = { .b = b, .module = module };

	arena_init(&p.arena, NULL, 0);
	buf_addf(b, "// Generated by 'tars idl proto'; do not edit.\nsyntax = \"proto3\";\n\n"
		 "package %s;\n", module);
	for (size_t i = 0; i < n; i++)
		put_service(&p, ifaces[i]);
	arena_clear(&p.arena);
	free(p.done);
}
