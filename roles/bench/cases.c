/* Cases of a benchmark: JSON, values that are drawn, packets. */
#include "roles/bench/cases.h"

#include <stdlib.h>
#include <string.h>

#include "core/rpc/wireform.h"
#include "proto/json.h"
#include "proto/text.h"

enum { MAX_DRAWS = 1000, TEMPLATE_DEPTH = 8 };

/* ---- values that are drawn ---- */

enum cases_draw cases_read_draw(const char *text, int64_t *min, int64_t *max)
{
	size_t n = strlen(text);
	const char *dash;

	if (n < 5 || text[0] != '[' || text[n - 1] != ']' || strcspn(text + 1, "[]") != n - 2)
		return CASES_LITERAL;
	if (memchr(text, ',', n))
		return CASES_CHOICE;
	dash = memchr(text + 2, '-', n - 3);
	if (dash && text_int(text + 1, (size_t)(dash - text - 1), INT64_MIN, INT64_MAX, min) &&
	    text_int(dash + 1, (size_t)(text + n - 2 - dash), INT64_MIN, INT64_MAX, max) &&
	    *min <= *max)
		return CASES_RANGE;
	return CASES_LITERAL;
}

/* Where a value is drawn: a member of an object, or an item of an array. */
struct draw {
	json_t *in;
	const char *key;         /* NULL: item `at` */
	size_t at;
	const char *text;        /* as written, in the arena */
	bool is_text;            /* the member is a string */
};

struct draws {
	struct cases *cases;
	struct draw *v;
	size_t n;
};

static uint64_t next_random(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void find_draws(struct draws *d, json_t *in, const char *key, size_t at, json_t *value,
		       const struct tars_type *t);

static void find_in_object(struct draws *d, json_t *object, const struct tars_type *t)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		const struct tars_type *type = t->kind == TARS_MAP ? t->elem : NULL;

		for (uint16_t i = 0; t->kind == TARS_STRUCT && i < t->n_fields; i++)
			if (!strcmp(t->fields[i].name, key))
				type = t->fields[i].type;
		if (type)
			find_draws(d, object, key, 0, value, type);
	}
}

static void find_draws(struct draws *d, json_t *in, const char *key, size_t at, json_t *value,
		       const struct tars_type *t)
{
	struct arena *a = &d->cases->remote->arena;
	int64_t min, max;

	if (json_is_object(value) && (t->kind == TARS_STRUCT || t->kind == TARS_MAP)) {
		find_in_object(d, value, t);
	} else if (json_is_array(value) && t->kind == TARS_LIST) {
		for (size_t i = 0; i < json_array_size(value); i++)
			find_draws(d, value, NULL, i, json_array_get(value, i), t->elem);
	} else if (json_is_string(value) && d->n < MAX_DRAWS &&
		   cases_read_draw(json_string_value(value), &min, &max) != CASES_LITERAL) {
		d->v[d->n++] = (struct draw){
			in, key ? arena_strdup(a, key) : NULL, at,
			arena_strdup(a, json_string_value(value)), t->kind == TARS_STRING,
		};
	}
}

/* One of "[a,b,c]". */
static json_t *choose(const char *text, uint64_t random, bool is_text)
{
	const char *p = text + 1, *end = text + strlen(text) - 1;
	size_t n_choices = 1, n;
	json_t *number = NULL;

	for (const char *c = p; c < end; c++)
		n_choices += *c == ',';
	for (random %= n_choices; random; random--)
		p = strchr(p, ',') + 1;
	n = strcspn(p, ",]");
	text_trim(&p, &n);
	if (!is_text)
		number = json_loadb(p, n, JSON_DECODE_ANY, NULL);
	return number ? number : json_stringn(p, n);
}

static json_t *draw_value(const struct draw *d, uint64_t *seed)
{
	uint64_t random = next_random(seed), span;
	int64_t min, max, v;
	char text[32];

	if (cases_read_draw(d->text, &min, &max) == CASES_CHOICE)
		return choose(d->text, random, d->is_text);
	span = (uint64_t)max - (uint64_t)min + 1;
	v = (int64_t)((uint64_t)min + (span ? random % span : random));
	if (!d->is_text)
		return json_integer(v);
	snprintf(text, sizeof(text), "%lld", (long long)v);
	return json_string(text);
}

static void draw_all(struct draws *d)
{
	for (size_t i = 0; i < d->n; i++) {
		json_t *value = draw_value(&d->v[i], &d->cases->seed);

		if (d->v[i].key)
			json_object_set_new(d->v[i].in, d->v[i].key, value);
		else
			json_array_set_new(d->v[i].in, d->v[i].at, value);
	}
}

/* ---- packets ---- */

static int put_packet(struct cases *c, struct buf *b, const char *func, const struct tars_type *in,
		      const void *value, int32_t id, struct err *e)
{
	enum tars_wire wire = c->remote->wire;
	struct request_packet head = {
		.version = (int16_t)(wire ? (int)wire : VERSION_TARS),
		.request_id = id,
		.servant = { c->servant, (uint32_t)strlen(c->servant) },
		.func = { func, (uint32_t)strlen(func) },
		.timeout_ms = (int32_t)c->remote->conf->timeout_ms,
	};
	size_t mark = packet_begin_request(b, &head);
	int rc = 0;

	if (wire == TARS_WIRE_TARS)
		codec_put_flat(b, in, value, 0);
	else
		rc = wire_put_args(b, wire, in, value, e);
	packet_end_request(b, mark, &head);
	return rc;
}

/* The id is where two packets that differ in it alone differ. */
static int keep_packet(struct cases *c, const char *func, const struct tars_type *in,
		       const void *value, struct err *e)
{
	struct buf one = BUF_INIT, two = BUF_INIT;
	struct load_packet *p;
	int rc = put_packet(c, &one, func, in, value, 0x41414141, e);

	if (!rc)
		rc = put_packet(c, &two, func, in, value, 0x42424242, e);
	if (!rc && c->memory + buf_size(&one) > CASES_MAX_MEMORY)
		rc = err_set(e, TARS_ELIMIT, "the packets would take more than 256 MB: fewer "
			     "--variants, or smaller values");
	if (!rc && c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 16;
		c->packets = realloc(c->packets, c->cap * sizeof(*c->packets));
		BUG_ON(!c->packets);
	}
	if (!rc) {
		p = &c->packets[c->n++];
		p->n = (uint32_t)buf_size(&one);
		p->p = (const uint8_t *)arena_memdup(&c->remote->arena, buf_head(&one), p->n);
		for (p->id_at = 0; p->p[p->id_at] == buf_head(&two)[p->id_at]; p->id_at++)
			;
		c->memory += p->n;
	}
	buf_release(&one);
	buf_release(&two);
	return rc;
}

static int keep_variant(struct cases *c, const char *func, const struct tars_type *in,
			const json_t *json, struct err *e)
{
	struct arena a;
	void *value;
	int rc;

	arena_init(&a, NULL, 0);
	value = arena_alloc(&a, in->size);
	rc = json_to_value(json, in, value, &a, e);
	if (!rc)
		rc = keep_packet(c, func, in, value, e);
	arena_clear(&a);
	return rc;
}

int cases_add_typed(struct cases *c, const char *func, const struct tars_type *in, json_t *json)
{
	struct draws d = { .cases = c };
	unsigned n = 1;
	struct err e;
	int rc = 0;

	d.v = arena_alloc(&c->remote->arena, MAX_DRAWS * sizeof(*d.v));
	if (!c->literal)
		find_draws(&d, NULL, NULL, 0, json, in);
	if (d.n)
		n = c->variants;
	for (unsigned i = 0; !rc && i < n; i++) {
		draw_all(&d);
		rc = keep_variant(c, func, in, json, &e);
	}
	return rc ? remote_complain(c->remote, EXIT_USAGE, "argument of %s: %s", func, e.text) : 0;
}

int cases_add(struct cases *c, const char *func, const char *json, size_t n)
{
	const struct tars_iface *iface;
	json_error_t why;
	json_t *tree;
	int at, status = remote_find_func(c->remote, func, &iface, &at);

	if (status)
		return status;
	tree = json_loadb(json, n, JSON_REJECT_DUPLICATES, &why);
	if (!tree)
		return remote_complain(c->remote, EXIT_USAGE, "argument of %s: line %d, column %d: "
				       "%s", func, why.line, why.column, why.text);
	status = cases_add_typed(c, iface->funcs[at].name, iface->funcs[at].in, tree);
	json_decref(tree);
	return status;
}

/* ---- files of cases ---- */

static int add_line(struct cases *c, const char *path, unsigned line, const char *p, size_t n)
{
	const char *func = c->func;
	size_t size;
	int status;

	text_trim(&p, &n);
	if (!n || *p == '#')
		return 0;
	if (*p != '{') {
		size = strcspn(p, " \t{");
		size = size < n ? size : n;
		func = arena_memdup(&c->remote->arena, p, size);
		p += size;
		n -= size;
		text_trim(&p, &n);
	}
	if (!func)
		return remote_complain(c->remote, EXIT_USAGE, "%s:%u: no function: give FUNC, or "
				       "begin the line with it", path, line);
	if (c->n >= CASES_MAX)
		return remote_complain(c->remote, EXIT_USAGE, "%s: more than %d cases", path,
				       CASES_MAX);
	status = cases_add(c, func, n ? p : "{}", n ? n : 2);
	return status ? remote_complain(c->remote, status, "%s:%u: this case cannot be used", path,
					line) : 0;
}

int cases_add_file(struct cases *c, const char *path)
{
	const char *arg = strcmp(path, "-") ? arena_strf(&c->remote->arena, "@%s", path) : path;
	struct buf text = BUF_INIT;
	int status = remote_read(c->remote, arg, &text);
	const char *p = buf_str(&text), *end = p + buf_size(&text);

	for (unsigned line = 1; !status && p < end; line++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((newline ? newline : end) - p);

		status = add_line(c, path, line, p, n);
		p += n + (newline != NULL);
	}
	buf_release(&text);
	if (!status && !c->n)
		status = remote_complain(c->remote, EXIT_USAGE, "%s: no case in it", path);
	return status;
}

void cases_release(struct cases *c)
{
	free(c->packets);
	c->packets = NULL;
	c->n = c->cap = 0;
}

/* ---- templates ---- */

/* Lists and maps get one element, so that its members are seen. */
static void fill(struct arena *a, const struct tars_type *t, void *value, unsigned depth)
{
	struct tars_any_list *list = value;

	if (t->kind == TARS_STRUCT) {
		for (uint16_t i = 0; i < t->n_fields; i++)
			fill(a, t->fields[i].type, (char *)value + t->fields[i].offset, depth);
	} else if ((t->kind == TARS_LIST || t->kind == TARS_MAP) && depth < TEMPLATE_DEPTH) {
		size_t size = t->kind == TARS_MAP ? t->pair_size : t->elem->size;
		char *element = arena_alloc(a, size);

		if (t->kind == TARS_MAP)
			tars_type_init(t->key, element);
		tars_type_init(t->elem, element + (t->kind == TARS_MAP ? t->val_offset : 0));
		fill(a, t->elem, element + (t->kind == TARS_MAP ? t->val_offset : 0), depth + 1);
		list->v = element;
		list->n = 1;
	}
}

int cases_print_template(struct cases *c, const char *func, struct buf *b)
{
	const struct tars_iface *iface;
	const struct tars_type *in;
	struct err e;
	void *value;
	int at, status = remote_find_func(c->remote, func, &iface, &at);

	if (status)
		return status;
	in = iface->funcs[at].in;
	value = arena_alloc(&c->remote->arena, in->size);
	tars_type_init(in, value);
	fill(&c->remote->arena, in, value, 0);
	if (json_put(b, in, value, JSON_INDENT(2), &e))
		return remote_complain(c->remote, EXIT_FAILED, "%s: %s", func, e.text);
	buf_add_u8(b, '\n');
	return 0;
}
