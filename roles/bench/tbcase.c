/* Plain case files of TarsBenchmark: their types into IDL, their values into JSON. */
#include "roles/bench/tbcase.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

/* Text that is being read; ends with a NUL. */
struct text {
	const char *p;
	unsigned depth;
	struct err *e;
};

static const char *const scalars[] = { "bool", "byte", "short", "int", "long", "float", "double",
				       "string", NULL };

bool tb_is_word(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && !memcmp(word, p, n);
}

bool tb_is_scalar(const char *p, size_t n)
{
	for (const char *const *s = scalars; *s; s++)
		if (tb_is_word(p, n, *s))
			return true;
	return false;
}

static void skip_blanks(struct text *t)
{
	while (isspace((unsigned char)*t->p))
		t->p++;
}

static bool skip(struct text *t, char c)
{
	skip_blanks(t);
	if (*t->p != c)
		return false;
	t->p++;
	return true;
}

static int expect(struct text *t, char c)
{
	return skip(t, c) ? 0 : err_set(t->e, TARS_EARG, "'%c' expected at \"%.30s\"", c, t->p);
}

static int go_deeper(struct text *t)
{
	return ++t->depth <= TB_MAX_DEPTH ? 0 : err_set(t->e, TARS_EARG, "nested more than %d deep",
						     TB_MAX_DEPTH);
}

void tb_put_struct(struct tb_types *types, struct buf *b, struct buf *members)
{
	unsigned id = types->n_structs++;

	buf_addf(&types->idl, "struct S%u\n{\n%s};\n", id, buf_str(members));
	buf_addf(b, "S%u", id);
}

/* ---- types of plain files ---- */

static int put_type(struct tb_types *types, struct text *t, struct buf *b);

static size_t word(struct text *t, const char **p)
{
	skip_blanks(t);
	for (*p = t->p; isalnum((unsigned char)*t->p); t->p++)
		;
	return (size_t)(t->p - *p);
}

/* "string", or with a tag "2 optional string". */
static int put_member(struct tb_types *types, struct text *t, struct buf *members, unsigned *tag)
{
	const char *requirement = "require";

	skip_blanks(t);
	if (isdigit((unsigned char)*t->p)) {
		const char *p;
		size_t n;

		*tag = (unsigned)strtoul(t->p, (char **)&t->p, 10);
		n = word(t, &p);
		if (tb_is_word(p, n, "optional"))
			requirement = "optional";
		else if (!tb_is_word(p, n, "require"))
			return err_set(t->e, TARS_EARG, "require or optional expected at \"%.30s\"",
				       p);
	}
	buf_addf(members, "\t%u %s ", *tag, requirement);
	if (put_type(types, t, members))
		return t->e->code;
	buf_addf(members, " m%u;\n", *tag);
	(*tag)++;
	return 0;
}

static int put_struct_type(struct tb_types *types, struct text *t, struct buf *b)
{
	struct buf members = BUF_INIT;
	unsigned tag = 0;
	int rc = expect(t, '<');

	if (!rc)
		do {
			rc = put_member(types, t, &members, &tag);
		} while (!rc && skip(t, ','));
	if (!rc)
		rc = expect(t, '>');
	if (!rc)
		tb_put_struct(types, b, &members);
	buf_release(&members);
	return rc;
}

static int put_container(struct tb_types *types, struct text *t, struct buf *b, const char *name,
			 unsigned n_types)
{
	int rc = expect(t, '<');

	buf_addf(b, "%s<", name);
	if (!rc)
		rc = put_type(types, t, b);
	if (!rc && n_types > 1) {
		rc = expect(t, ',');
		buf_add_str(b, ", ");
		if (!rc)
			rc = put_type(types, t, b);
	}
	buf_add_str(b, ">");
	return rc ? rc : expect(t, '>');
}

static int put_type(struct tb_types *types, struct text *t, struct buf *b)
{
	const char *p;
	size_t n = word(t, &p);
	int rc = go_deeper(t);

	if (rc)
		return rc;
	if (tb_is_word(p, n, "unsigned")) {
		buf_add_str(b, "unsigned ");
		n = word(t, &p);
	}
	if (tb_is_scalar(p, n))
		buf_addf(b, "%.*s", (int)n, p);
	else if (tb_is_word(p, n, "vector"))
		rc = put_container(types, t, b, "vector", 1);
	else if (tb_is_word(p, n, "map"))
		rc = put_container(types, t, b, "map", 2);
	else if (tb_is_word(p, n, "struct"))
		rc = put_struct_type(types, t, b);
	else
		rc = err_set(t->e, TARS_EARG, "\"%.30s\" is no type", p);
	t->depth--;
	return rc;
}

/* ---- values of plain files ---- */

static json_t *get_value(struct text *t, const struct tars_type *type, bool is_inner);

/* The text of a scalar: all that is left, or up to what ends it in a container. */
static void get_text(struct text *t, bool is_inner, struct buf *b)
{
	bool is_drawn;

	skip_blanks(t);
	is_drawn = *t->p == '[';
	for (; *t->p; t->p++) {
		if (is_inner && !is_drawn && strchr(",>]=", *t->p))
			break;
		if (*t->p == '\\' && t->p[1])
			t->p++;
		else if (*t->p == ']')
			is_drawn = false;
		buf_add_u8(b, (uint8_t)*t->p);
	}
}

static json_t *get_scalar(struct text *t, const struct tars_type *type, bool is_inner)
{
	struct buf text = BUF_INIT;
	json_t *j = NULL;
	int64_t min, max;
	const char *p;
	size_t n;

	get_text(t, is_inner, &text);
	p = buf_str(&text);
	n = buf_size(&text);
	text_trim(&p, &n);
	if (type->kind == TARS_STRING || type->kind == TARS_BYTES ||
	    cases_read_draw(buf_str(&text), &min, &max) != CASES_LITERAL)
		j = json_stringn(p, n);
	else if (type->kind == TARS_BOOL && (tb_is_word(p, n, "1") || tb_is_word(p, n, "0")))
		j = json_boolean(*p == '1');
	else
		j = json_loadb(p, n, JSON_DECODE_ANY, NULL);
	if (!j)
		err_set(t->e, TARS_EARG, "\"%.30s\" is no %s", p, type->name);
	buf_release(&text);
	return j;
}

static json_t *get_list(struct text *t, const struct tars_type *elem)
{
	json_t *j = json_array(), *item;

	if (expect(t, '<'))
		goto fail;
	if (skip(t, '>'))
		return j;
	do {
		item = get_value(t, elem, true);
		if (!item || json_array_append_new(j, item))
			goto fail;
	} while (skip(t, ','));
	if (!expect(t, '>'))
		return j;
fail:
	json_decref(j);
	return NULL;
}

static json_t *get_struct(struct text *t, const struct tars_type *type)
{
	json_t *j = json_object(), *item;

	if (expect(t, '<'))
		goto fail;
	for (uint16_t i = 0; i < type->n_fields; i++) {
		if (i && expect(t, ','))
			goto fail;
		item = get_value(t, type->fields[i].type, true);
		if (!item || json_object_set_new(j, type->fields[i].name, item))
			goto fail;
	}
	if (!expect(t, '>'))
		return j;
fail:
	json_decref(j);
	return NULL;
}

static int get_pair(struct text *t, const struct tars_type *type, json_t *object)
{
	json_t *key = get_value(t, type->key, true), *value;
	char *name;
	int rc;

	if (!key || expect(t, '=')) {
		json_decref(key);
		return TARS_EARG;
	}
	name = json_is_string(key) ? strdup(json_string_value(key)) :
				     json_dumps(key, JSON_ENCODE_ANY | JSON_COMPACT);
	json_decref(key);
	value = get_value(t, type->elem, true);
	rc = !name || !value || json_object_set_new(object, name, value) ? TARS_EARG : 0;
	free(name);
	return rc;
}

static json_t *get_map(struct text *t, const struct tars_type *type)
{
	json_t *j = json_object();

	if (expect(t, '['))
		goto fail;
	if (skip(t, ']'))
		return j;
	do {
		if (get_pair(t, type, j))
			goto fail;
	} while (skip(t, ','));
	if (!expect(t, ']'))
		return j;
fail:
	json_decref(j);
	return NULL;
}

static json_t *get_value(struct text *t, const struct tars_type *type, bool is_inner)
{
	json_t *j;

	skip_blanks(t);
	if (go_deeper(t))
		return NULL;
	if (type->kind == TARS_STRUCT)
		j = get_struct(t, type);
	else if (type->kind == TARS_MAP)
		j = get_map(t, type);
	else if (type->kind == TARS_LIST)
		j = get_list(t, type->elem);
	else if (type->kind == TARS_BYTES && *t->p == '<')
		j = get_list(t, &tars_type_short);
	else
		j = get_scalar(t, type, is_inner);
	t->depth--;
	return j;
}

/* ---- a file as a whole ---- */

int tb_compile(struct cases *c, struct tb_types *types, struct buf *members,
		   const char *path, const struct tars_type **in)
{
	static const struct tars_type nothing = { .name = "nothing", .kind = TARS_STRUCT };
	struct remote *r = c->remote;
	struct buf text = BUF_INIT, errors = BUF_INIT;

	if (!buf_size(members)) {
		*in = &nothing;
		return 0;
	}
	buf_addf(&text, "module tb\n{\n%sstruct Arguments\n{\n%s};\n};\n", buf_str(&types->idl),
		 buf_str(members));
	if (!idl_load_text(&r->idl, path, buf_str(&text), buf_size(&text))) {
		idl_put_errors(&r->idl, &errors);
		fputs(buf_str(&errors), stderr);
	} else {
		idl_describe(&r->idl, &r->arena, &r->descs);
		*in = idl_descs_type(&r->descs, "tb::Arguments");
	}
	buf_release(&text);
	buf_release(&errors);
	return *in ? 0 : remote_complain(r, EXIT_USAGE, "%s: its types cannot be used", path);
}

/* "int|vector<string>": the members 1, 2, ... */
static int read_types(struct tb_types *types, const char *line, struct buf *members)
{
	struct text t = { .p = line, .e = types->e };
	unsigned tag = 1;
	int rc = 0;

	while (!rc) {
		buf_addf(members, "\t%u require ", tag);
		rc = put_type(types, &t, members);
		buf_addf(members, " m%u;\n", tag++);
		if (!skip(&t, '|'))
			break;
	}
	skip_blanks(&t);
	return rc || !*t.p ? rc : err_set(t.e, TARS_EARG, "'|' expected at \"%.30s\"", t.p);
}

/* The next line that says something, NUL-terminated and trimmed; NULL at the end. */
static char *next_line(char **rest, bool has_comments)
{
	char *line;

	while ((line = strsep(rest, "\n"))) {
		const char *p = line;
		size_t n = strlen(line);

		text_trim(&p, &n);
		line += p - line;
		line[n] = '\0';
		if (n && !(has_comments && *line == '#'))
			return line;
	}
	return NULL;
}

static json_t *read_values(const struct tars_type *in, char *rest, struct err *e)
{
	json_t *j = json_object(), *value;
	struct err why;

	for (uint16_t i = 0; i < in->n_fields; i++) {
		char *line = next_line(&rest, !i);
		struct text t = { .p = line, .e = &why };

		if (!line) {
			err_set(e, TARS_EARG, "%u types, but %u values", in->n_fields, i);
			goto fail;
		}
		value = get_value(&t, in->fields[i].type, false);
		skip_blanks(&t);
		if (value && *t.p) {
			json_decref(value);
			value = NULL;
			err_set(&why, TARS_EARG, "nothing expected at \"%.30s\"", t.p);
		}
		if (!value || json_object_set_new(j, in->fields[i].name, value)) {
			err_set(e, TARS_EARG, "value %u: %s", i + 1, why.text);
			goto fail;
		}
	}
	if (!next_line(&rest, false))
		return j;
	err_set(e, TARS_EARG, "more values than types (%u)", in->n_fields);
fail:
	json_decref(j);
	return NULL;
}

int tb_read_file(struct cases *c, const char *path, struct buf *text)
{
	return remote_read(c->remote, arena_strf(&c->remote->arena, "@%s", path), text);
}

static int add_plain(struct cases *c, const char *func, const char *path, char *rest)
{
	struct buf members = BUF_INIT;
	struct err e = { 0 };
	struct tb_types types = { .idl = BUF_INIT, .e = &e };
	const struct tars_type *in = NULL;
	json_t *values = NULL;
	char *line = next_line(&rest, true);
	int status = 0;

	/* "void": a function without parameters. */
	if (!line)
		err_set(&e, TARS_EARG, "no types in it");
	else if (!strcmp(line, "void") || !read_types(&types, line, &members))
		status = tb_compile(c, &types, &members, path, &in);
	if (in)
		values = read_values(in, rest, &e);
	if (values)
		status = cases_add_typed(c, func, in, values);
	else if (!status)
		status = remote_complain(c->remote, EXIT_USAGE, "%s: %s", path, e.text);
	json_decref(values);
	buf_release(&types.idl);
	buf_release(&members);
	return status;
}

int tbcase_add_plain(struct cases *c, const char *func, const char *path)
{
	struct buf text = BUF_INIT;
	int status = tb_read_file(c, path, &text);

	if (!status)
		status = add_plain(c, func, path, arena_strdup(&c->remote->arena, buf_str(&text)));
	buf_release(&text);
	return status;
}
