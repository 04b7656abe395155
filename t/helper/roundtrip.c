/* Random values of every struct and function of .tars files, through TARS, TUP and JSON and back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "idl/idl.h"
#include "proto/json.h"
#include "proto/tup.h"
#include "test/All.h"

enum { MAX_DEPTH = 5, MAX_ELEMENTS = 3000 };

/* What JSON cannot have is left out: text that is not UTF-8, numbers that are not finite. */
enum kind_of_value { ANY_VALUE, JSON_VALUE };

struct maker {
	uint64_t state;
	struct arena *arena;
	enum kind_of_value kind;
	unsigned depth, left;    /* elements that may still be made */
};

/* Types that are compiled in, with their straight-line code; the run-time ones have none. */
static const struct tars_type *const compiled[] = {
	&Base_Point_type, &Test_Scalars_type, &Test_Containers_type, &Test_Tree_type, &Test_Words_type,
	&Test_Tree_list__type, &Second_User_type, &Test_Again_type,
};

static uint64_t next(struct maker *m)
{
	uint64_t z = m->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint32_t below(struct maker *m, uint32_t n)
{
	return (uint32_t)(next(m) % n);
}

/* Bounds of each wire type and what is next to them, else anything. */
static int64_t make_integer(struct maker *m)
{
	static const int64_t edges[] = {
		0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65535, 65536,
		INT32_MAX, (int64_t)INT32_MAX + 1, INT32_MIN, (int64_t)INT32_MIN - 1, UINT32_MAX,
		INT64_MAX, INT64_MIN, (1ll << 53) + 1,
	};

	if (below(m, 2))
		return edges[below(m, sizeof(edges) / sizeof(*edges))];
	return (int64_t)next(m) >> below(m, 64);
}

static double make_double(struct maker *m)
{
	static const double edges[] = { 0, -0.0, 1, -1.5, 0.1, 1e300, 5e-324, 1.7976931348623157e308 };
	union { uint64_t u; double f; } any = { next(m) };

	if (below(m, 3) == 0)
		return edges[below(m, sizeof(edges) / sizeof(*edges))];
	return m->kind == JSON_VALUE && !isfinite(any.f) ? 0.25 : any.f;
}

static float make_float(struct maker *m)
{
	union { uint32_t u; float f; } any = { (uint32_t)next(m) };

	return m->kind == JSON_VALUE && !isfinite(any.f) ? 0.25f : any.f;
}

static size_t put_utf8(char *p, uint32_t c)
{
	if (c < 0x80) {
		p[0] = (char)(c ? c : 1); /* names in JSON may not have a NUL */
		return 1;
	}
	if (c < 0x800) {
		p[0] = (char)(0xc0 | c >> 6);
		p[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	p[0] = (char)(0xe0 | c >> 12);
	p[1] = (char)(0x80 | (c >> 6 & 0x3f));
	p[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

/* Around the lengths at which the wire form changes, now and then. */
static uint32_t make_length(struct maker *m)
{
	return below(m, 30) ? below(m, 12) : 250 + below(m, 10);
}

static void make_string(struct maker *m, struct tars_str *s)
{
	uint32_t n = make_length(m), used = 0;
	char *p = arena_alloc(m->arena, 3 * n + 1);

	while (n--) {
		uint32_t c = below(m, 4) ? below(m, 128) : below(m, 0xd800);

		if (m->kind == JSON_VALUE)
			used += (uint32_t)put_utf8(p + used, c);
		else
			p[used++] = (char)c;
	}
	*s = (struct tars_str){ p, used };
}

static void make_bytes(struct maker *m, struct tars_bytes *v)
{
	uint32_t n = make_length(m);
	uint8_t *p = arena_alloc(m->arena, n + 1);

	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)next(m);
	*v = (struct tars_bytes){ p, n };
}

static void make(struct maker *m, const struct tars_type *t, void *value);

static uint32_t make_count(struct maker *m)
{
	uint32_t n = m->depth >= MAX_DEPTH ? 0 : below(m, 20) ? below(m, 4) : below(m, 200);

	if (n > m->left)
		n = m->left;
	m->left -= n;
	return n;
}

static void make_list(struct maker *m, const struct tars_type *t, struct tars_any_list *list)
{
	uint32_t n = make_count(m);
	char *v = arena_alloc(m->arena, (size_t)n * t->elem->size);

	for (uint32_t i = 0; i < n; i++)
		make(m, t->elem, v + (size_t)i * t->elem->size);
	*list = (struct tars_any_list){ v, n };
}

/* A key that is there already would not survive JSON. */
static void make_map(struct maker *m, const struct tars_type *t, struct tars_any_list *map)
{
	uint32_t n = make_count(m), used = 0;
	char *v = arena_alloc(m->arena, (size_t)n * t->pair_size);

	while (n--) {
		char *pair = v + (size_t)used * t->pair_size;
		bool is_new = true;

		make(m, t->key, pair);
		make(m, t->elem, pair + t->val_offset);
		for (uint32_t i = 0; i < used && is_new; i++)
			is_new = tars_type_compare(t->key, pair, v + (size_t)i * t->pair_size) != 0;
		used += is_new;
	}
	*map = (struct tars_any_list){ v, used };
}

static void make_struct(struct maker *m, const struct tars_type *t, char *value)
{
	tars_type_init(t, value);
	for (uint16_t i = 0; i < t->n_fields; i++)
		if (below(m, 6)) /* else the default */
			make(m, t->fields[i].type, value + t->fields[i].offset);
}

static void make(struct maker *m, const struct tars_type *t, void *value)
{
	int64_t v;

	m->depth++;
	switch (t->kind) {
	case TARS_BOOL:
		*(bool *)value = below(m, 2);
		break;
	case TARS_F32:
		*(float *)value = make_float(m);
		break;
	case TARS_F64:
		*(double *)value = make_double(m);
		break;
	case TARS_STRING:
		make_string(m, value);
		break;
	case TARS_BYTES:
		make_bytes(m, value);
		break;
	case TARS_LIST:
		make_list(m, t, value);
		break;
	case TARS_MAP:
		make_map(m, t, value);
		break;
	case TARS_STRUCT:
		make_struct(m, t, value);
		break;
	default: /* little endian: the low bytes */
		v = make_integer(m);
		memcpy(value, &v, t->size);
	}
	m->depth--;
}

/* ---- the ways there and back ---- */

struct trip {
	const struct tars_type *type;
	const void *value;
	struct arena *arena;
	struct buf bytes;
	int flags;               /* of the encoder */
	struct err e;
};

static int go_flat(struct trip *t, void *back)
{
	codec_put_flat(&t->bytes, t->type, t->value, t->flags);
	return codec_get_flat(buf_head(&t->bytes), buf_size(&t->bytes), t->type, back, t->arena, &t->e);
}

static int go_field(struct trip *t, void *back)
{
	codec_put_field(&t->bytes, 200, t->type, t->value, t->flags);
	return codec_get_field(buf_head(&t->bytes), buf_size(&t->bytes), 200, t->type, back, t->arena,
			       &t->e);
}

static int go_tup(struct trip *t, void *back)
{
	tup_put(&t->bytes, t->type, t->value, true);
	return tup_get(buf_head(&t->bytes), buf_size(&t->bytes), t->type, back, t->arena, &t->e);
}

static int go_json(struct trip *t, void *back)
{
	int rc = json_put(&t->bytes, t->type, t->value, JSON_COMPACT, &t->e);

	return rc ? rc : json_get((const char *)buf_head(&t->bytes), buf_size(&t->bytes), t->type, back,
				  t->arena, &t->e);
}

/* What the straight-line code of a compiled type writes and reads. */
static int go_compiled(struct trip *t, void *back)
{
	const struct tars_type *other = NULL;
	struct buf walked = BUF_INIT;
	int rc = 0;

	for (size_t i = 0; i < sizeof(compiled) / sizeof(*compiled) && !other; i++)
		if (!strcmp(compiled[i]->name, t->type->name) && compiled[i]->size == t->type->size)
			other = compiled[i];
	if (!other)
		return go_flat(t, back);
	codec_put_flat(&walked, t->type, t->value, t->flags);
	codec_put_flat(&t->bytes, other, t->value, t->flags);
	if (buf_size(&walked) != buf_size(&t->bytes) ||
	    memcmp(buf_head(&walked), buf_head(&t->bytes), buf_size(&walked)))
		rc = err_set(&t->e, TARS_EPROTO, "the straight-line code writes other bytes");
	buf_release(&walked);
	return rc ? rc : codec_get_flat(buf_head(&t->bytes), buf_size(&t->bytes), other, back, t->arena,
					&t->e);
}

static const struct way {
	const char *name;
	int (*go)(struct trip *t, void *back);
	int flags;
	enum kind_of_value kind;
} ways[] = {
	{ "TARS body", go_flat, 0, ANY_VALUE },
	{ "TARS body with defaults", go_flat, CODEC_WRITE_DEFAULTS, ANY_VALUE },
	{ "TARS field", go_field, 0, ANY_VALUE },
	{ "straight-line code", go_compiled, 0, ANY_VALUE },
	{ "straight-line code with defaults", go_compiled, CODEC_WRITE_DEFAULTS, ANY_VALUE },
	{ "TUP", go_tup, 0, ANY_VALUE },
	{ "JSON", go_json, 0, JSON_VALUE },
};

static bool travel(const struct tars_type *type, const struct way *way, uint64_t seed)
{
	struct arena arena;
	struct maker m = { .state = seed, .arena = &arena, .kind = way->kind, .left = MAX_ELEMENTS };
	struct trip t = { .type = type, .arena = &arena, .flags = way->flags };
	void *value, *back;
	bool same;

	arena_init(&arena, NULL, 0);
	value = arena_alloc(&arena, type->size);
	back = arena_alloc(&arena, type->size);
	make(&m, type, value);
	memset(back, 0xa5, type->size);
	t.value = value;
	same = !way->go(&t, back) && !tars_type_compare(type, value, back);
	if (!same)
		printf("%s, %s, seed %llu: %s\n", type->name, way->name, (unsigned long long)seed,
		       *t.e.text ? t.e.text : "came back as something else");
	buf_release(&t.bytes);
	arena_clear(&arena);
	return same;
}

/* How often it went wrong. */
static unsigned try_type(const struct tars_type *type, uint64_t seed, unsigned n)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < n; i++)
		for (size_t w = 0; w < sizeof(ways) / sizeof(*ways); w++)
			failed += !travel(type, &ways[w], seed + i);
	return failed;
}

static int try_file(const char *path, uint64_t seed, unsigned n, unsigned *types, unsigned *failed)
{
	struct idl_options opt = { .with_tars = true };
	struct idl_descs descs;
	struct buf errors = BUF_INIT;
	struct arena arena;
	struct idl idl;
	bool loaded;

	arena_init(&arena, NULL, 0);
	idl_init(&idl, &opt);
	loaded = idl_load(&idl, path);
	idl_put_errors(&idl, &errors);
	fputs(buf_str(&errors), stderr);
	if (loaded)
		idl_describe(&idl, &arena, &descs);
	for (uint32_t i = 0; loaded && i < descs.n_types; i++) {
		*failed += try_type(descs.types[i], seed, descs.types[i]->kind == TARS_STRUCT ? n : 0);
		++*types;
	}
	for (uint32_t i = 0; loaded && i < descs.n_ifaces; i++) {
		for (uint16_t f = 0; f < descs.ifaces[i]->n_funcs; f++) {
			*failed += try_type(descs.ifaces[i]->funcs[f].in, seed, n);
			*failed += try_type(descs.ifaces[i]->funcs[f].out, seed, n);
			*types += 2;
		}
	}
	buf_release(&errors);
	idl_release(&idl);
	arena_clear(&arena);
	return !loaded;
}

int main(int argc, char **argv)
{
	unsigned types = 0, failed = 0, bad_files = 0, n;
	uint64_t seed;

	if (argc < 4) {
		fprintf(stderr, "usage: roundtrip SEED N FILE.tars...\n");
		return 64;
	}
	seed = strtoull(argv[1], NULL, 10);
	n = (unsigned)strtoul(argv[2], NULL, 10);
	for (int i = 3; i < argc; i++)
		bad_files += (unsigned)try_file(argv[i], seed, n, &types, &failed);
	printf("%u types, %u values of each by %zu ways: %u failed, %u files not read\n", types, n,
	       sizeof(ways) / sizeof(*ways), failed, bad_files);
	return failed || bad_files;
}
