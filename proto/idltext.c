/* IDL text from type descriptors. */
#include "proto/idltext.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"
#include "proto/err.h"

struct printer {
	struct buf *b;
	const char *module;              /* the open one, NULL: none; not NUL-terminated */
	size_t module_n;
	const struct tars_type **done;   /* structs and enums printed or being printed */
	size_t n_done, cap_done;
};

/* Length of the module in "Module::Name". */
static size_t module_size(const char *name)
{
	const char *end = strstr(name, "::");

	return end ? (size_t)(end - name) : 0;
}

static const char *short_name(const char *name)
{
	size_t n = module_size(name);

	return n ? name + n + 2 : name;
}

static bool is_in_module(const struct printer *p, const char *name)
{
	return p->module && module_size(name) == p->module_n &&
		!memcmp(name, p->module, p->module_n);
}

static void open_module(struct printer *p, const char *name)
{
	if (is_in_module(p, name))
		return;
	if (p->module)
		buf_add_str(p->b, "};\n\n");
	p->module = name;
	p->module_n = module_size(name);
	buf_addf(p->b, "module %.*s\n{\n", (int)p->module_n, name);
}

static void close_module(struct printer *p)
{
	if (p->module)
		buf_add_str(p->b, "};\n");
	p->module = NULL;
}

static void put_type(struct printer *p, const struct tars_type *t)
{
	switch (t->kind) {
	case TARS_LIST:
		buf_add_str(p->b, "vector<");
		put_type(p, t->elem);
		buf_add_str(p->b, ">");
		break;
	case TARS_MAP:
		buf_add_str(p->b, "map<");
		put_type(p, t->key);
		buf_add_str(p->b, ", ");
		put_type(p, t->elem);
		buf_add_str(p->b, ">");
		break;
	case TARS_STRUCT:
	case TARS_ENUM:
		buf_add_str(p->b, is_in_module(p, t->name) ? short_name(t->name) : t->name);
		break;
	default:
		buf_add_str(p->b, t->name);
	}
}

static void put_string(struct buf *b, const char *s)
{
	buf_add_u8(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c == '\n')
			buf_add_str(b, "\\n");
		else if (c < ' ' || c == 127)
			buf_addf(b, "\\%03o", c);
		else
			buf_add_u8(b, c);
	}
	buf_add_u8(b, '"');
}

/* The shortest text that reads back as the same number, always with a point or an exponent. */
static void put_real(struct buf *b, double v, bool is_float)
{
	char text[40];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (is_float ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
			break;
	}
	buf_addf(b, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void put_enum_value(struct buf *b, const struct tars_type *t, int64_t v)
{
	for (uint16_t i = 0; i < t->n_fields; i++) {
		if (t->items[i].value == v) {
			buf_add_str(b, t->items[i].name);
			return;
		}
	}
	buf_addf(b, "%" PRId64, v);
}

static void put_default(struct buf *b, const struct tars_field *f)
{
	switch (f->type->kind) {
	case TARS_BOOL:
		buf_add_str(b, f->i ? "true" : "false");
		break;
	case TARS_F32:
	case TARS_F64:
		put_real(b, f->f, f->type->kind == TARS_F32);
		break;
	case TARS_STRING:
		put_string(b, f->s ? f->s : "");
		break;
	case TARS_ENUM:
		put_enum_value(b, f->type, f->i);
		break;
	default:
		buf_addf(b, "%" PRId64, f->i);
	}
}

static bool is_done(struct printer *p, const struct tars_type *t)
{
	for (size_t i = 0; i < p->n_done; i++)
		if (p->done[i] == t || !strcmp(p->done[i]->name, t->name))
			return true;
	if (p->n_done == p->cap_done) {
		p->cap_done = p->cap_done ? 2 * p->cap_done : 16;
		p->done = xrealloc(p->done, p->cap_done * sizeof(*p->done));
	}
	p->done[p->n_done++] = t;
	return false;
}

static void put_definition(struct printer *p, const struct tars_type *t);

static void put_needed(struct printer *p, const struct tars_type *fields)
{
	for (uint16_t i = 0; i < fields->n_fields; i++)
		put_definition(p, fields->fields[i].type);
}

static void put_enum(struct printer *p, const struct tars_type *t)
{
	buf_addf(p->b, "\tenum %s\n\t{\n", short_name(t->name));
	for (uint16_t i = 0; i < t->n_fields; i++)
		buf_addf(p->b, "\t\t%s = %" PRId32 ",\n", t->items[i].name, t->items[i].value);
	buf_add_str(p->b, "\t};\n\n");
}

static void put_struct(struct printer *p, const struct tars_type *t)
{
	buf_addf(p->b, "\tstruct %s\n\t{\n", short_name(t->name));
	for (uint16_t i = 0; i < t->n_fields; i++) {
		const struct tars_field *f = &t->fields[i];

		buf_addf(p->b, "\t\t%u %s ", f->tag,
			 f->flags & TARS_REQUIRED ? "require" : "optional");
		put_type(p, f->type);
		buf_addf(p->b, " %s", f->name);
		if (f->flags & TARS_HAS_DEFAULT) {
			buf_add_str(p->b, " = ");
			put_default(p->b, f);
		}
		buf_add_str(p->b, ";\n");
	}
	buf_add_str(p->b, "\t};\n\n");
}

/* A struct or enum, what it needs first; a container, what is in it. */
static void put_definition(struct printer *p, const struct tars_type *t)
{
	switch (t->kind) {
	case TARS_MAP:
		put_definition(p, t->key);
		put_definition(p, t->elem);
		break;
	case TARS_LIST:
		put_definition(p, t->elem);
		break;
	case TARS_ENUM:
		if (is_done(p, t))
			break;
		open_module(p, t->name);
		put_enum(p, t);
		break;
	case TARS_STRUCT:
		if (is_done(p, t))
			break;
		put_needed(p, t);
		open_module(p, t->name);
		put_struct(p, t);
		break;
	default:
		break;
	}
}

static void put_param(struct printer *p, const struct tars_field *f)
{
	if (f->flags & TARS_OUT)
		buf_add_str(p->b, "out ");
	else if (f->flags & TARS_ROUTEKEY)
		buf_add_str(p->b, "routekey ");
	put_type(p, f->type);
	buf_addf(p->b, " %s", f->name);
}

/* In and out parameters in the order of their tags, which is that of the IDL. */
static void put_func(struct printer *p, const struct tars_func *f)
{
	const struct tars_field *in = f->in->fields, *in_end = in + f->in->n_fields;
	const struct tars_field *out = f->out->fields, *out_end = out + f->out->n_fields;
	const char *sep = "";

	if (out < out_end && !*out->name)
		put_type(p, out++->type);
	else
		buf_add_str(p->b, "void");
	buf_addf(p->b, " %s(", f->name);
	while (in < in_end || out < out_end) {
		buf_add_str(p->b, sep);
		if (out == out_end || (in < in_end && in->tag < out->tag))
			put_param(p, in++);
		else
			put_param(p, out++);
		sep = ", ";
	}
	buf_add_u8(p->b, ')');
}

void idltext_iface(struct buf *b, const struct tars_iface *iface)
{
	struct printer p = { .b = b };

	for (uint16_t i = 0; i < iface->n_funcs; i++) {
		put_needed(&p, iface->funcs[i].in);
		put_needed(&p, iface->funcs[i].out);
	}
	open_module(&p, iface->name);
	buf_addf(b, "\tinterface %s\n\t{\n", short_name(iface->name));
	for (uint16_t i = 0; i < iface->n_funcs; i++) {
		if (iface->funcs[i].flags & TARS_IDEMPOTENT)
			buf_add_str(b, "\t\t// @idempotent\n");
		buf_add_str(b, "\t\t");
		put_func(&p, &iface->funcs[i]);
		buf_add_str(b, ";\n");
	}
	buf_add_str(b, "\t};\n");
	close_module(&p);
	free(p.done);
}

void idltext_type(struct buf *b, const struct tars_type *t)
{
	struct printer p = { .b = b };

	put_definition(&p, t);
	close_module(&p);
	free(p.done);
}

void idltext_func(struct buf *b, const struct tars_func *f, const char *module)
{
	struct printer p = { .b = b, .module = module, .module_n = strlen(module) };

	put_func(&p, f);
}
