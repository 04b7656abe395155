/* C generator: straight-line encoders and decoders of structs (proto/member_put.h, member_get.h). */
#include "idl/gen_c.h"

/* Members whose encoding has a fixed size at most: they share one check for room. */
static bool is_number(const struct idl_member *m)
{
	return m->type->kind < TARS_STRING || m->type->kind == TARS_ENUM;
}

/* What the inline functions for a kind are called: tars_put_X, tars_get_X. */
static const char *put_name(const struct idl_member *m)
{
	switch (m->type->kind) {
	case TARS_BOOL:
	case TARS_ENUM:
		return "enum";
	case TARS_F32:
	case TARS_F64:
	case TARS_STRING:
	case TARS_BYTES:
		return m->type->kind == TARS_BYTES ? "bytes" : idl_kind_name(m->type->kind);
	case TARS_LIST:
	case TARS_MAP:
	case TARS_STRUCT:
		return "member";
	default:
		return "int";
	}
}

static const char *get_name(const struct idl_member *m)
{
	if (m->type->kind == TARS_ENUM)
		return "enum";
	return m->type->kind <= TARS_STRING ? idl_kind_name(m->type->kind) : "member";
}

/* How many numbers stand in a row from i on. */
static uint32_t count_numbers(const struct idl_member *const *members, uint32_t n, uint32_t i)
{
	uint32_t first = i;

	while (i < n && is_number(members[i]))
		i++;
	return i - first;
}

static void put_function(struct gen *g, const char *c_name, const char *verb, const char *result,
			 const char *const *args)
{
	gen_wrap(g->c, arena_strf(g->arena, "static %s%s_%s", result, c_name, verb), args, 3,
		 "\n{\n");
}

static void gen_put(struct gen *g, const char *c_name, const struct idl_member *const *members,
		    uint32_t n)
{
	static const char *const args[] = {
		"struct tars_writer *w", "uint8_t *p", "const void *value",
	};

	put_function(g, c_name, "put", "uint8_t *", args);
	buf_addf(g->c, "\tconst struct tars_field *f = %s_fields;\n\tconst struct %s *v = value;\n\n",
		 c_name, c_name);
	for (uint32_t i = 0; i < n; i++) {
		const struct idl_member *m = members[i];
		bool is_value = is_number(m);

		if (is_value && (!i || !is_number(members[i - 1])))
			buf_addf(g->c, "\tp = tars_put_room(w, p, %u);\n",
				 count_numbers(members, n, i));
		buf_addf(g->c, "\tp = tars_put_%s(w, p, &f[%u], %sv->%s);\n", put_name(m), i,
			 is_value ? "" : "&", m->c_name);
	}
	buf_add_str(g->c, "\treturn p;\n}\n\n");
}

static void gen_get(struct gen *g, const char *c_name, const struct idl_member *const *members,
		    uint32_t n)
{
	static const char *const args[] = {
		"struct tars_reader *r", "const uint8_t *p", "void *value",
	};

	put_function(g, c_name, "get", "const uint8_t *", args);
	buf_addf(g->c, "\tconst struct tars_field *f = %s_fields;\n\tstruct %s *v = value;\n\n",
		 c_name, c_name);
	for (uint32_t i = 0; i < n; i++)
		buf_addf(g->c, "\tp = tars_get_%s(r, p, &f[%u], &v->%s);\n", get_name(members[i]), i,
			 members[i]->c_name);
	buf_add_str(g->c, "\treturn p;\n}\n\n");
}

void gen_codec(struct gen *g, const char *c_name, const struct idl_member *const *members,
	       uint32_t n)
{
	gen_put(g, c_name, members, n);
	gen_get(g, c_name, members, n);
}
