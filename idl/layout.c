/* Types: their C layout and their IDL spelling. */
#include "idl/lex.h"

#include <stdalign.h>

struct any_list {
	void *v;
	uint32_t n;
};

#define KIND(kind, name, idl_name, type) [kind] = { name, idl_name, sizeof(type), alignof(type) }
static const struct {
	const char *name, *idl_name;
	uint8_t size, align;
} kinds[] = {
	KIND(TARS_BOOL, "bool", "bool", bool),
	KIND(TARS_I8, "byte", "byte", int8_t),
	KIND(TARS_I16, "short", "short", int16_t),
	KIND(TARS_I32, "int", "int", int32_t),
	KIND(TARS_I64, "long", "long", int64_t),
	KIND(TARS_U8, "ubyte", "unsigned byte", uint8_t),
	KIND(TARS_U16, "ushort", "unsigned short", uint16_t),
	KIND(TARS_U32, "uint", "unsigned int", uint32_t),
	KIND(TARS_F32, "float", "float", float),
	KIND(TARS_F64, "double", "double", double),
	KIND(TARS_STRING, "string", "string", struct tars_str),
	KIND(TARS_BYTES, "bytes", "vector<byte>", struct tars_bytes),
	KIND(TARS_ENUM, NULL, NULL, int32_t),
	KIND(TARS_LIST, NULL, NULL, struct any_list),
	KIND(TARS_MAP, NULL, NULL, struct any_list),
};

const char *idl_kind_name(uint8_t kind)
{
	return kind < TARS_ENUM ? kinds[kind].name : NULL;
}

void idl_type_layout(const struct idl_type *t, struct idl_layout *l)
{
	if (t->kind == TARS_STRUCT)
		*l = (struct idl_layout){ t->def->size, t->def->align };
	else
		*l = (struct idl_layout){ kinds[t->kind].size, kinds[t->kind].align };
}

uint32_t idl_layout_add(struct idl_layout *l, const struct idl_type *t)
{
	struct idl_layout m;
	uint32_t offset;

	idl_type_layout(t, &m);
	if (l->align < m.align)
		l->align = m.align;
	offset = (l->size + m.align - 1) / m.align * m.align;
	l->size = offset + m.size;
	return offset;
}

void idl_layout_close(struct idl_layout *l)
{
	if (!l->align)
		*l = (struct idl_layout){ 1, 1 }; /* C has no empty structs: a dummy member */
	l->size = (l->size + l->align - 1) / l->align * l->align;
}

void idl_type_put(struct buf *b, const struct idl_type *t)
{
	switch (t->kind) {
	case TARS_LIST:
		buf_add_str(b, "vector<");
		idl_type_put(b, t->elem);
		buf_add_str(b, ">");
		break;
	case TARS_MAP:
		buf_add_str(b, "map<");
		idl_type_put(b, t->key);
		buf_add_str(b, ", ");
		idl_type_put(b, t->elem);
		buf_add_str(b, ">");
		break;
	case TARS_STRUCT:
	case TARS_ENUM:
		buf_add_str(b, t->def ? t->def->full_name : t->ref);
		break;
	default:
		buf_add_str(b, kinds[t->kind].idl_name);
	}
}

void idl_default(struct idl_member *m)
{
	if (m->type->kind == TARS_ENUM && m->type->def->n_items)
		m->value.i = m->type->def->items[0].value;
}
