/*
 * Type descriptors: what `tars idl` knows of a type, as constant data.
 *
 * The one source of truth for layout: wire codec, JSON, SQL rows, defaults, comparison, printing,
 * reflection and fuzzing walk these.  Generated code and public: inlined into the installed tars.h.
 * Descriptors are immutable; Thread: any.
 *
 * C values by kind:
 *   TARS_BOOL bool · TARS_I8..I64 intN_t · TARS_U8..U32 uintN_t (wire: the next larger signed type)
 *   TARS_F32 float · TARS_F64 double · TARS_ENUM int32_t-sized enum
 *   TARS_STRING struct tars_str · TARS_BYTES struct tars_bytes (vector<byte>)
 *   TARS_LIST   struct { T *v; uint32_t n; }                       (vector<T>, T name[N])
 *   TARS_MAP    struct { struct { K key; V val; } *v; uint32_t n; } (map<K,V>, wire order)
 *   TARS_STRUCT the generated struct
 */
#ifndef PROTO_TYPE_H
#define PROTO_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/code.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Text or bytes.  p is never NULL and NUL-terminated after decoding; a zeroed one is empty. */
struct tars_str {
	const char *p;
	uint32_t n;
};

struct tars_bytes {
	const uint8_t *p;
	uint32_t n;
};

/* A string constant as a value, and as an initialiser. */
#define TARS_STR(literal) ((struct tars_str){ "" literal, sizeof(literal) - 1 })

enum tars_kind {
	TARS_BOOL, TARS_I8, TARS_I16, TARS_I32, TARS_I64, TARS_U8, TARS_U16, TARS_U32,
	TARS_F32, TARS_F64, TARS_STRING, TARS_BYTES, TARS_ENUM, TARS_LIST, TARS_MAP, TARS_STRUCT,
};

struct tars_enum_item {
	const char *name;
	int32_t value;
};

struct tars_field;
struct tars_writer;
struct tars_reader;

struct tars_type {
	const char *name;        /* IDL spelling: "int", "vector<string>", "TestApp::User" */
	uint8_t kind;            /* enum tars_kind */
	uint16_t n_fields;       /* STRUCT: fields; ENUM: items */
	uint32_t size;           /* sizeof the C value */
	uint32_t pair_size;      /* MAP: sizeof one { key, val } */
	uint32_t val_offset;     /* MAP: offset of val in it */
	const struct tars_type *key;           /* MAP */
	const struct tars_type *elem;          /* LIST element, MAP value */
	const struct tars_field *fields;       /* STRUCT: sorted by tag, ascending */
	const struct tars_enum_item *items;    /* ENUM: in IDL order */
	/* STRUCT: its fields in straight-line code, from `tars idl gen`; NULL: the table is walked. */
	uint8_t *(*put)(struct tars_writer *w, uint8_t *p, const void *value);
	const uint8_t *(*get)(struct tars_reader *r, const uint8_t *p, void *value);
};

enum tars_field_flags {
	TARS_REQUIRED = 1 << 0,  /* "require"; without it: optional */
	TARS_OUT = 1 << 1,       /* an out parameter or the return value */
	TARS_ROUTEKEY = 1 << 2,  /* the parameter that travels as STATUS_GRID_KEY */
	TARS_HAS_DEFAULT = 1 << 3, /* an explicit default stands in the IDL */
	TARS_ALWAYS = 1 << 4,    /* optional, but written even if it equals its default */
};

struct tars_field {
	const char *name;        /* IDL spelling; the return value is "" */
	uint8_t tag;
	uint8_t flags;           /* enum tars_field_flags */
	uint32_t offset;         /* in the C struct */
	const struct tars_type *type;
	/* Default: integers, bool and enums in i, floating point in f, strings in s (NULL: empty). */
	int64_t i;
	double f;
	const char *s;
};

enum tars_func_flags {
	TARS_IDEMPOTENT = 1 << 0,  /* "@idempotent" in its comment: twice is as good as once */
};

/*
 * One method.  in and out are STRUCT descriptors written flat (no StructBegin): in holds the
 * input parameters, out the return value (tag 0, name "", C member `ret`) and the out parameters;
 * tags count over all parameters in IDL order.
 */
struct tars_func {
	const char *name;
	const struct tars_type *in, *out;
	uint16_t routekey;               /* 1 + index in in->fields of its TARS_ROUTEKEY; 0: none */
	uint16_t flags;                  /* enum tars_func_flags */
};

struct tars_req;

struct tars_iface {
	const char *name;                /* "TestApp::Hello" */
	const struct tars_func *funcs;   /* sorted by name, for bsearch */
	uint16_t n_funcs;
	/* Calls the handler for funcs[func] in the user's table `impl`; TARS_ENOFUNC if it is NULL. */
	int (*dispatch)(struct tars_req *rq, const void *impl, int func, const void *in, void *out);
};

/* Descriptors of the builtin types. */
TARS_API extern const struct tars_type tars_type_bool, tars_type_byte, tars_type_short,
	tars_type_int, tars_type_long, tars_type_ubyte, tars_type_ushort, tars_type_uint,
	tars_type_float, tars_type_double, tars_type_string, tars_type_bytes;

/* Containers of builtins that every program needs; generated headers add others. */
struct tars_string_list { struct tars_str *v; uint32_t n; };
struct tars_int_list { int32_t *v; uint32_t n; };
struct tars_string_string_pair { struct tars_str key, val; };
struct tars_string_string_map { struct tars_string_string_pair *v; uint32_t n; };
#define TARS_HAVE_tars_string_list
#define TARS_HAVE_tars_int_list
#define TARS_HAVE_tars_string_string_map
TARS_API extern const struct tars_type tars_type_string_list, tars_type_int_list,
	tars_type_string_string_map;

/*
 * Any list or map value, for code that walks descriptors: v holds n elements of t->elem->size
 * (list) or pairs of t->pair_size (map).  may_alias: in C each container is its own struct type.
 */
struct tars_any_list { void *v; uint32_t n; } __attribute__((may_alias));

/* Sets IDL defaults (zero where there is none), recursively for structs held by value. */
TARS_API void tars_type_init(const struct tars_type *t, void *value);
/* The same for one field; `field` points at the member itself. */
void tars_field_init(const struct tars_field *f, void *field);
/* Order of two values, -1, 0 or 1: numbers, bytes, then element by element, field by field. */
TARS_API int tars_type_compare(const struct tars_type *t, const void *a, const void *b);
/* Index of a function by name, or -1. */
TARS_API int tars_iface_find(const struct tars_iface *iface, const char *name, size_t n);

#ifdef __cplusplus
}
#endif

#endif
