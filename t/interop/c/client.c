/*
 * Calls Interop::Echo and says what comes back: "ok ROW" or "not ok ROW: why", a line each.
 * usage: client OBJ [--locator LOCATOR [tup|json]] [ROW...]
 *        client OBJ --locator LOCATOR where any|mod|ring CALLS [SET]
 * where: which server each call went to, the hash of the k-th being k or k * 2654435761.
 */
#define _GNU_SOURCE 1 /* qsort_r */
#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "Interop.h"

/* Which values a type is filled with. */
enum values { LARGEST, SMALLEST, ZEROS, DEFAULTS };

static int64_t number(int64_t min, int64_t max, enum values how, int i)
{
	return how == LARGEST ? max - i : how == SMALLEST ? min + i : 0;
}

static int32_t item(const struct tars_type *t, enum values how)
{
	int32_t value = 0;

	for (int k = 0; k < t->n_fields; k++)
		if (how == LARGEST ? t->items[k].value > value :
		    how == SMALLEST ? t->items[k].value < value : 0)
			value = t->items[k].value;
	return value;
}

static struct tars_bytes bytes(struct tars_req *rq, enum values how)
{
	uint32_t n = how == LARGEST ? 256 : how == SMALLEST ? 1 : 0;
	uint8_t *p = tars_alloc(rq, 256);

	for (uint32_t k = 0; k < n; k++)
		p[k] = (uint8_t)(n == 1 ? 0x80 : k);
	return (struct tars_bytes){ .p = p, .n = n };
}

static struct tars_str text(struct tars_req *rq, enum values how, int i)
{
	if (how == LARGEST)
		return tars_strf(rq, "h\303\251llo \344\270\226\347\225\214 %d", i);
	return i && how == SMALLEST ? tars_strf(rq, "%d", i) : tars_strf(rq, "%s", "");
}

/* The i-th value of its container; the keys of a map differ by that. */
static void fill(struct tars_req *rq, const struct tars_type *t, void *v, enum values how, int i)
{
	struct tars_any_list *list = v;
	uint32_t step = t->kind == TARS_MAP ? t->pair_size : t->elem ? t->elem->size : 0;

	switch (t->kind) {
	case TARS_BOOL: *(bool *)v = how == LARGEST; break;
	case TARS_I8: *(int8_t *)v = (int8_t)number(INT8_MIN, INT8_MAX, how, i); break;
	case TARS_I16: *(int16_t *)v = (int16_t)number(INT16_MIN, INT16_MAX, how, i); break;
	case TARS_I32: *(int32_t *)v = (int32_t)number(INT32_MIN, INT32_MAX, how, i); break;
	case TARS_I64: *(int64_t *)v = number(INT64_MIN, INT64_MAX, how, i); break;
	case TARS_U8: *(uint8_t *)v = (uint8_t)number(0, UINT8_MAX, how, i); break;
	case TARS_U16: *(uint16_t *)v = (uint16_t)number(0, UINT16_MAX, how, i); break;
	case TARS_U32: *(uint32_t *)v = (uint32_t)number(0, UINT32_MAX, how, i); break;
	case TARS_F32: *(float *)v = how == LARGEST ? FLT_MAX : how == SMALLEST ? -FLT_MAX : 0;
		break;
	case TARS_F64: *(double *)v = how == LARGEST ? DBL_MAX : how == SMALLEST ? -DBL_MAX : 0;
		break;
	case TARS_ENUM: *(int32_t *)v = item(t, how); break;
	case TARS_STRING: *(struct tars_str *)v = text(rq, how, i); break;
	case TARS_BYTES: *(struct tars_bytes *)v = bytes(rq, how); break;
	case TARS_STRUCT:
		for (int k = 0; k < t->n_fields; k++)
			fill(rq, t->fields[k].type, (char *)v + t->fields[k].offset, how, i);
		break;
	default: /* list and map */
		list->n = how == ZEROS ? 0 : 3;
		list->v = tars_alloc(rq, 3 * step);
		for (int k = 0; k < (int)list->n; k++) {
			char *p = (char *)list->v + (uint32_t)k * step;

			if (t->kind == TARS_MAP)
				fill(rq, t->key, p, how, k);
			fill(rq, t->elem, p + (t->kind == TARS_MAP ? t->val_offset : 0), how, k);
		}
	}
}

static int by_key(const void *a, const void *b, void *key_type)
{
	return tars_type_compare(key_type, a, b);
}

/* Maps come in any order. */
static void sort_maps(const struct tars_type *t, void *v)
{
	struct tars_any_list *list = v;

	if (t->kind == TARS_STRUCT)
		for (int k = 0; k < t->n_fields; k++)
			sort_maps(t->fields[k].type, (char *)v + t->fields[k].offset);
	if (t->kind == TARS_LIST)
		for (uint32_t k = 0; k < list->n; k++)
			sort_maps(t->elem, (char *)list->v + k * t->elem->size);
	if (t->kind != TARS_MAP || !list->n)
		return;
	qsort_r(list->v, list->n, t->pair_size, by_key, (void *)t->key);
	for (uint32_t k = 0; k < list->n; k++)
		sort_maps(t->elem, (char *)list->v + k * t->pair_size + t->val_offset);
}

/* ---- rows: NULL or why not ---- */

struct peer {
	struct tars_req *rq;
	struct tars_call c;
	char why[400];
};

static const char *refused(struct peer *p, const char *what, int rc)
{
	snprintf(p->why, sizeof(p->why), "%s: code %d: %s", what, rc, p->c.error);
	return p->why;
}

static const char *echo(struct peer *p, const char *name, enum values how)
{
	int func = tars_iface_find(&Interop_Echo_iface, name, strlen(name));
	const struct tars_type *in_type = Interop_Echo_iface.funcs[func].in;
	const struct tars_type *out_type = Interop_Echo_iface.funcs[func].out;
	void *in = tars_alloc(p->rq, in_type->size), *out = tars_alloc(p->rq, out_type->size);
	int rc;

	tars_type_init(in_type, in);
	tars_type_init(out_type, out);
	if (how != DEFAULTS)
		fill(p->rq, in_type, in, how, 0);
	rc = tars_invoke(&p->c, &Interop_Echo_iface, func, in, out);
	if (rc)
		return refused(p, name, rc);
	sort_maps(in_type, in);
	sort_maps(out_type, out);
	for (int k = 0; k < in_type->n_fields; k++) {
		const struct tars_field *a = &in_type->fields[k], *b = &out_type->fields[k + 1];
		const void *given = (char *)in + a->offset, *back = (char *)out + b->offset;

		if (!tars_type_compare(a->type, given, back))
			continue;
		snprintf(p->why, sizeof(p->why), "'%s' came back changed", a->name);
		for (int m = 0; a->type->kind == TARS_STRUCT && m < a->type->n_fields; m++) {
			const struct tars_field *f = &a->type->fields[m];

			if (tars_type_compare(f->type, (char *)given + f->offset,
					      (char *)back + f->offset))
				snprintf(p->why, sizeof(p->why), "'%s' came back changed",
					 f->name);
		}
		return p->why;
	}
	return NULL;
}

static const char *prims_largest(struct peer *p) { return echo(p, "echoPrims", LARGEST); }
static const char *prims_smallest(struct peer *p) { return echo(p, "echoPrims", SMALLEST); }
static const char *prims_zeros(struct peer *p) { return echo(p, "echoPrims", ZEROS); }
static const char *all_largest(struct peer *p) { return echo(p, "echoAll", LARGEST); }
static const char *all_smallest(struct peer *p) { return echo(p, "echoAll", SMALLEST); }
static const char *all_zeros(struct peer *p) { return echo(p, "echoAll", ZEROS); }
static const char *all_defaults(struct peer *p) { return echo(p, "echoAll", DEFAULTS); }

static const char *add(struct peer *p)
{
	struct Interop_Echo_add_out out;
	int rc = Interop_Echo_add(&p->c, &(struct Interop_Echo_add_in){ INT_MAX, 2 }, &out);

	return rc ? refused(p, "add", rc) : out.sum == INT_MIN + 1 ? NULL : "a wrong sum";
}

static const char *big(struct peer *p)
{
	enum { SIZE = 1 << 20 };
	struct Interop_Echo_big_in in = { .text = { tars_alloc(p->rq, SIZE + 1), SIZE } };
	struct Interop_Echo_big_out out;
	int rc;

	for (int k = 0; k < SIZE; k++)
		((char *)in.text.p)[k] = (char)('a' + k % 23);
	rc = Interop_Echo_big(&p->c, &in, &out);
	if (rc)
		return refused(p, "big", rc);
	return tars_type_compare(&tars_type_string, &in.text, &out.ret) ? "another text" : NULL;
}

static const char *many(struct peer *p)
{
	enum { N = 1000 };
	struct tars_pending *calls[N];
	const char *why = NULL;

	for (int k = 0; k < N; k++)
		calls[k] = Interop_Echo_add_begin(&p->c, &(struct Interop_Echo_add_in){ k, 1 });
	for (int k = 0; k < N; k++) {
		struct Interop_Echo_add_out out;
		int rc = Interop_Echo_add_end(calls[k], &out);

		if (rc) {
			p->c.error = tars_error(p->rq);
			why = refused(p, "add", rc);
		} else if (out.sum != k + 1) {
			why = "a wrong sum";
		}
	}
	return why;
}

static const char *fail(struct peer *p)
{
	static const int codes[] = { 0, 1, 7, 100000, -77 };

	for (size_t k = 0; k < sizeof(codes) / sizeof(*codes); k++) {
		struct Interop_Echo_fail_out out;
		struct Interop_Echo_fail_in in = { codes[k] };
		int rc = Interop_Echo_fail(&p->c, &in, &out);

		if (rc != codes[k]) {
			snprintf(p->why, sizeof(p->why), "code %d came as %d", codes[k], rc);
			return p->why;
		}
	}
	return NULL;
}

/* A function without parameters and results that the IDL does not have. */
static int call_bare(struct peer *p, const char *name)
{
	int empty = tars_iface_find(&Interop_Echo_iface, "context", 7);
	const struct tars_type *none = Interop_Echo_iface.funcs[empty].in;
	struct tars_func func = { .name = name, .in = none, .out = none };
	struct tars_iface iface = { .name = "Interop::Echo", .funcs = &func, .n_funcs = 1 };
	char in = 0, out = 0;

	return tars_invoke(&p->c, &iface, 0, &in, &out);
}

/* What tars2go generates answers 1, the others -3. */
static const char *nofunc(struct peer *p)
{
	int rc = call_bare(p, "noSuchFunction");

	return rc == TARS_ENOFUNC || rc == 1 ? NULL : refused(p, "noSuchFunction", rc);
}

static const char *ping(struct peer *p)
{
	int rc = call_bare(p, "tars_ping");

	return rc ? refused(p, "tars_ping", rc) : NULL;
}

static const char *find(const struct tars_string_string_map *map, const char *key)
{
	for (uint32_t k = 0; k < map->n; k++)
		if (!strcmp(map->v[k].key.p, key))
			return map->v[k].val.p;
	return NULL;
}

static int call_context(struct peer *p, const struct tars_string_string_map *sent,
			struct Interop_Echo_context_out *out)
{
	int rc;

	p->c.context = sent;
	rc = Interop_Echo_context(&p->c, &(struct Interop_Echo_context_in){ 0 }, out);
	p->c.context = NULL;
	return rc;
}

static const char *context(struct peer *p)
{
	struct tars_string_string_pair pairs[] = {
		{ TARS_STR("empty"), TARS_STR("") }, { TARS_STR("first"), TARS_STR("1") },
		{ TARS_STR("second"), TARS_STR("h\303\251llo") },
	};
	struct Interop_Echo_context_out out;
	int rc = call_context(p, &(struct tars_string_string_map){ pairs, 3 }, &out);

	if (rc)
		return refused(p, "context", rc);
	for (int k = 0; k < 3; k++) {
		const char *value = find(&out.seen, pairs[k].key.p);

		if (!value || strcmp(value, pairs[k].val.p))
			return "an entry is missing or changed";
	}
	return NULL;
}

static const char *reply_context(struct peer *p)
{
	struct Interop_Echo_context_out out;
	int rc = call_context(p, NULL, &out);

	if (rc)
		return refused(p, "context", rc);
	return find(&p->c.reply_context, "seen") ? NULL : "the reply has no context 'seen'";
}

static const char *oneway(struct peer *p)
{
	struct tars_str what = tars_strf(p->rq, "C %d", (int)getpid());
	struct Interop_Echo_noted_out out = { 0 };
	int rc;

	for (int k = 0; k < 10; k++) {
		rc = Interop_Echo_note_oneway(&p->c, &(struct Interop_Echo_note_in){ what });
		if (rc)
			return refused(p, "note", rc);
	}
	for (int k = 0; k < 500; k++) {
		rc = Interop_Echo_noted(&p->c, &(struct Interop_Echo_noted_in){ what }, &out);
		if (rc)
			return refused(p, "noted", rc);
		if (out.ret == 10)
			return NULL;
		tars_sleep(10);
	}
	snprintf(p->why, sizeof(p->why), "%d of 10 arrived", out.ret);
	return p->why;
}

static const struct { const char *name; const char *(*run)(struct peer *p); } rows[] = {
	{ "prims-largest", prims_largest }, { "prims-smallest", prims_smallest },
	{ "prims-zeros", prims_zeros }, { "all-largest", all_largest },
	{ "all-smallest", all_smallest }, { "all-zeros", all_zeros },
	{ "all-defaults", all_defaults }, { "add", add }, { "big", big }, { "many", many },
	{ "fail", fail }, { "nofunc", nofunc }, { "context", context },
	{ "reply-context", reply_context }, { "oneway", oneway }, { "ping", ping },
};

/* Returns 1 if a call failed. */
static int where(struct tars_app *app, const char *object, char *const *how)
{
	struct tars_proxy_conf conf = { .set = how[2] };
	struct tars_proxy *proxy = tars_proxy_conf(app, object, &conf);
	int failed = 0;

	setlinebuf(stdout);
	for (int k = 1; k <= (int)strtol(how[1], NULL, 10); k++) {
		struct peer p = { .rq = tars_begin(app) };
		struct Interop_Echo_context_out out;
		const char *server;

		p.c = (struct tars_call){ .to = proxy, .rq = p.rq };
		p.c.hash_mode = !strcmp(how[0], "mod") ? TARS_HASH_MOD :
			!strcmp(how[0], "ring") ? TARS_HASH_CONSISTENT : TARS_HASH_NONE;
		p.c.hash = p.c.hash_mode == TARS_HASH_MOD ? (uint32_t)k : (uint32_t)k * 2654435761u;
		server = call_context(&p, NULL, &out) ? p.c.error : find(&p.c.reply_context, "where");
		failed |= server == p.c.error;
		printf("%d %s\n", k, server ? server : "?");
		tars_end(p.rq);
	}
	return failed;
}

static bool is_wanted(const char *row, char *const *wanted)
{
	if (!*wanted)
		return true;
	for (; *wanted; wanted++)
		if (!strcmp(*wanted, row))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *locator = argc > 3 && !strcmp(argv[2], "--locator") ? argv[3] : NULL;
	char error[256];
	struct tars_app *app;
	enum tars_wire wire = !locator || argc < 5 ? TARS_WIRE_TARS :
		!strcmp(argv[4], "tup") ? TARS_WIRE_TUP :
		!strcmp(argv[4], "json") ? TARS_WIRE_JSON : TARS_WIRE_TARS;
	char *const *wanted = argv + (wire ? 5 : locator ? 4 : 2);
	int failed = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s OBJ [--locator LOCATOR [tup|json]] [ROW...]\n", argv[0]);
		return 64;
	}
	app = tars_start(locator, error, sizeof(error));
	if (!app) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	if (locator && argc > 6 && !strcmp(argv[4], "where")) {
		failed = where(app, argv[1], argv + 5);
		tars_stop(app);
		return failed;
	}
	for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
		struct peer p = { .rq = tars_begin(app) };
		const char *why;

		p.c = (struct tars_call){ .to = tars_proxy(app, argv[1]), .rq = p.rq,
					  .timeout_ms = 20000, .wire = wire };
		if (is_wanted(rows[k].name, wanted)) {
			why = rows[k].run(&p);
			failed |= !!why;
			printf("%s %s%s%s\n", why ? "not ok" : "ok", rows[k].name, why ? ": " : "",
			       why ? why : "");
		}
		tars_end(p.rq);
	}
	tars_stop(app);
	return failed;
}
