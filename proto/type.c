/* Type descriptors: builtin types, defaults, order of values, functions by name. */
#include "proto/type.h"

#include <string.h>

#define BUILTIN(id, spelling, k, ctype) \
	const struct tars_type tars_type_##id = { \
		.name = (spelling), .kind = (k), .size = sizeof(ctype), \
	}

BUILTIN(bool, "bool", TARS_BOOL, bool);
BUILTIN(byte, "byte", TARS_I8, int8_t);
BUILTIN(short, "short", TARS_I16, int16_t);
BUILTIN(int, "int", TARS_I32, int32_t);
BUILTIN(long, "long", TARS_I64, int64_t);
BUILTIN(ubyte, "unsigned byte", TARS_U8, uint8_t);
BUILTIN(ushort, "unsigned short", TARS_U16, uint16_t);
BUILTIN(uint, "unsigned int", TARS_U32, uint32_t);
BUILTIN(float, "float", TARS_F32, float);
BUILTIN(double, "double", TARS_F64, double);
BUILTIN(string, "string", TARS_STRING, struct tars_str);
BUILTIN(bytes, "vector<byte>", TARS_BYTES, struct tars_bytes);

const struct tars_type tars_type_string_list = {
	.name = "vector<string>", .kind = TARS_LIST, .size = sizeof(struct tars_string_list),
	.elem = &tars_type_string,
};

const struct tars_type tars_type_int_list = {
	.name = "vector<int>", .kind = TARS_LIST, .size = sizeof(struct tars_int_list),
	.elem = &tars_type_int,
};

const struct tars_type tars_type_string_string_map = {
	.name = "map<string, string>", .kind = TARS_MAP,
	.size = sizeof(struct tars_string_string_map),
	.pair_size = sizeof(struct tars_string_string_pair),
	.val_offset = offsetof(struct tars_string_string_pair, val),
	.key = &tars_type_string, .elem = &tars_type_string,
};

void tars_field_init(const struct tars_field *f, void *field)
{
	switch (f->type->kind) {
	case TARS_BOOL:
		*(bool *)field = f->i != 0;
		break;
	case TARS_I8:
	case TARS_U8:
		*(uint8_t *)field = (uint8_t)f->i;
		break;
	case TARS_I16:
	case TARS_U16:
		*(uint16_t *)field = (uint16_t)f->i;
		break;
	case TARS_I32:
	case TARS_U32:
	case TARS_ENUM:
		*(uint32_t *)field = (uint32_t)f->i;
		break;
	case TARS_I64:
		*(int64_t *)field = f->i;
		break;
	case TARS_F32:
		*(float *)field = (float)f->f;
		break;
	case TARS_F64:
		*(double *)field = f->f;
		break;
	case TARS_STRING:
		*(struct tars_str *)field = (struct tars_str){
			f->s ? f->s : "", f->s ? (uint32_t)strlen(f->s) : 0,
		};
		break;
	default:
		tars_type_init(f->type, field);
	}
}

void tars_type_init(const struct tars_type *t, void *value)
{
	switch (t->kind) {
	case TARS_STRUCT:
		for (uint16_t i = 0; i < t->n_fields; i++)
			tars_field_init(&t->fields[i], (char *)value + t->fields[i].offset);
		break;
	case TARS_STRING:
		*(struct tars_str *)value = (struct tars_str){ "", 0 };
		break;
	case TARS_BYTES:
		*(struct tars_bytes *)value = (struct tars_bytes){ (const uint8_t *)"", 0 };
		break;
	default:
		memset(value, 0, t->size);
	}
}

#define ORDER(ctype) \
	((*(const ctype *)a > *(const ctype *)b) - (*(const ctype *)a < *(const ctype *)b))

static int compare_bytes(const void *a, uint32_t n, const void *b, uint32_t m)
{
	uint32_t common = n < m ? n : m;
	int order = common ? memcmp(a, b, common) : 0;

	return order ? (order > 0) - (order < 0) : (n > m) - (n < m);
}

/* NaN is equal to itself and less than any number, so that the order stays total. */
static int compare_double(double a, double b)
{
	if (a != a || b != b)
		return (b != b) - (a != a);
	return (a > b) - (a < b);
}

static int compare_list(const struct tars_type *t, const void *a, const void *b)
{
	const struct tars_any_list *l = a, *m = b;
	uint32_t common = l->n < m->n ? l->n : m->n;
	size_t step = t->kind == TARS_MAP ? t->pair_size : t->elem->size;

	for (uint32_t i = 0; i < common; i++) {
		const char *p = (const char *)l->v + i * step, *q = (const char *)m->v + i * step;
		int order = 0;

		if (t->kind == TARS_MAP)
			order = tars_type_compare(t->key, p, q);
		if (!order)
			order = tars_type_compare(t->elem, p + t->val_offset, q + t->val_offset);
		if (order)
			return order;
	}
	return (l->n > m->n) - (l->n < m->n);
}

static int compare_struct(const struct tars_type *t, const void *a, const void *b)
{
	for (uint16_t i = 0; i < t->n_fields; i++) {
		uint32_t at = t->fields[i].offset;
		int order = tars_type_compare(t->fields[i].type, (const char *)a + at,
					      (const char *)b + at);

		if (order)
			return order;
	}
	return 0;
}

int tars_type_compare(const struct tars_type *t, const void *a, const void *b)
{
	const struct tars_str *s = a, *z = b;
	const struct tars_bytes *x = a, *y = b;

	switch (t->kind) {
	case TARS_BOOL:
		return ORDER(bool);
	case TARS_I8:
		return ORDER(int8_t);
	case TARS_I16:
		return ORDER(int16_t);
	case TARS_I32:
	case TARS_ENUM:
		return ORDER(int32_t);
	case TARS_I64:
		return ORDER(int64_t);
	case TARS_U8:
		return ORDER(uint8_t);
	case TARS_U16:
		return ORDER(uint16_t);
	case TARS_U32:
		return ORDER(uint32_t);
	case TARS_F32:
		return compare_double(*(const float *)a, *(const float *)b);
	case TARS_F64:
		return compare_double(*(const double *)a, *(const double *)b);
	case TARS_STRING:
		return compare_bytes(s->p, s->n, z->p, z->n);
	case TARS_BYTES:
		return compare_bytes(x->p, x->n, y->p, y->n);
	case TARS_LIST:
	case TARS_MAP:
		return compare_list(t, a, b);
	default:
		return compare_struct(t, a, b);
	}
}

int tars_iface_find(const struct tars_iface *iface, const char *name, size_t n)
{
	int low = 0, high = iface->n_funcs;

	while (low < high) {
		int mid = low + (high - low) / 2;
		const char *s = iface->funcs[mid].name;
		int order = compare_bytes(name, (uint32_t)n, s, (uint32_t)strlen(s));

		if (!order)
			return mid;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}
