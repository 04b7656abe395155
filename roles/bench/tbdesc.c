/* Case files of TarsBenchmark in JSON: PREFIX.desc into IDL, PREFIX.case completed. */
#include <ctype.h>
#include <string.h>

#include "proto/text.h"
#include "roles/bench/tbcase.h"

/* A member "TAG_NAME_TYPE[_unsigned]" of a .desc file; names may have '_', too. */
struct desc {
	unsigned tag;
	const char *name, *type;
	size_t n_name, n_type;
	bool is_unsigned;
};

static int read_desc(const char *key, struct desc *d, struct err *e)
{
	static const char suffix[] = "_unsigned";
	size_t n = strlen(key), n_digits = strspn(key, "0123456789");
	int64_t tag;

	d->is_unsigned = n > sizeof(suffix) - 1 && !strcmp(key + n - (sizeof(suffix) - 1), suffix);
	if (d->is_unsigned)
		n -= sizeof(suffix) - 1;
	d->name = key + n_digits + 1;
	d->type = memrchr(key, '_', n);
	if (!text_int(key, n_digits, 0, 255, &tag) || key[n_digits] != '_' ||
	    !d->type || d->type <= d->name)
		return err_set(e, TARS_EARG, "\"%s\" is not TAG_NAME_TYPE", key);
	d->tag = (unsigned)tag;
	d->n_name = (size_t)(d->type++ - d->name);
	d->n_type = (size_t)(key + n - d->type);
	for (size_t i = 0; i < d->n_name; i++)
		if (!isalnum((unsigned char)d->name[i]) && d->name[i] != '_')
			return err_set(e, TARS_EARG, "\"%s\" has no name for a member", key);
	return 0;
}

static bool is_type(const struct desc *d, const char *type)
{
	return tb_is_word(d->type, d->n_type, type);
}

static int put_desc_type(struct tb_types *types, const struct desc *d, json_t *inner, struct buf *b,
			 unsigned depth);

static int put_desc_members(struct tb_types *types, json_t *object, struct buf *b, unsigned depth)
{
	const char *key;
	struct desc d;
	json_t *inner;
	int rc = 0;

	json_object_foreach(object, key, inner) {
		rc = read_desc(key, &d, types->e);
		if (rc)
			break;
		buf_addf(b, "\t%u require ", d.tag);
		rc = put_desc_type(types, &d, inner, b, depth);
		if (rc)
			break;
		buf_addf(b, " %.*s;\n", (int)d.n_name, d.name);
	}
	return rc;
}

/* The member with this tag. */
static json_t *find_desc(json_t *object, unsigned tag, struct desc *d, struct err *e)
{
	const char *key;
	json_t *inner;

	json_object_foreach(object, key, inner)
		if (!read_desc(key, d, e) && d->tag == tag)
			return inner;
	err_set(e, TARS_EARG, "a vector wants a member with tag 0, a map two with 0 and 1");
	return NULL;
}

static int put_desc_container(struct tb_types *types, json_t *object, struct buf *b, unsigned n_types,
			      unsigned depth)
{
	for (unsigned i = 0; i < n_types; i++) {
		struct desc d;
		json_t *inner = find_desc(object, i, &d, types->e);

		if (!inner)
			return types->e->code;
		buf_add_str(b, i ? ", " : "<");
		if (put_desc_type(types, &d, inner, b, depth))
			return types->e->code;
	}
	buf_add_str(b, ">");
	return 0;
}

static int put_desc_type(struct tb_types *types, const struct desc *d, json_t *inner, struct buf *b,
			 unsigned depth)
{
	struct buf members = BUF_INIT;
	int rc;

	if (depth >= TB_MAX_DEPTH)
		return err_set(types->e, TARS_EARG, "nested more than %d deep", TB_MAX_DEPTH);
	if (tb_is_scalar(d->type, d->n_type)) {
		buf_addf(b, "%s%.*s", d->is_unsigned ? "unsigned " : "", (int)d->n_type, d->type);
		return 0;
	}
	if (is_type(d, "vector") || is_type(d, "map")) {
		buf_addf(b, "%.*s", (int)d->n_type, d->type);
		return put_desc_container(types, inner, b, is_type(d, "map") ? 2 : 1, depth + 1);
	}
	if (!is_type(d, "struct"))
		return err_set(types->e, TARS_EARG, "%.*s: \"%.*s\" is no type", (int)d->n_name,
			       d->name, (int)d->n_type, d->type);
	rc = put_desc_members(types, inner, &members, depth + 1);
	if (!rc)
		tb_put_struct(types, b, &members);
	buf_release(&members);
	return rc;
}

/* What tb reads a value as: numbers may be texts, and what is absent has the default of .desc. */
static json_t *complete(const struct desc *d, json_t *inner, json_t *value);

static json_t *complete_members(json_t *members, json_t *value)
{
	json_t *all = json_object(), *inner;
	const char *key;
	struct desc d;
	struct err e;

	json_object_foreach(members, key, inner) {
		if (read_desc(key, &d, &e))
			continue;
		json_object_setn_new(all, d.name, d.n_name,
				     complete(&d, inner, json_object_getn(value, d.name, d.n_name)));
	}
	return all;
}

static json_t *complete_map(json_t *members, json_t *value)
{
	json_t *all = json_object(), *item;
	struct desc d;
	struct err e;
	json_t *inner = find_desc(members, 1, &d, &e);
	const char *key;

	json_object_foreach(value, key, item)
		json_object_set_new(all, key, complete(&d, inner, item));
	return all;
}

static json_t *complete_vector(json_t *members, json_t *value)
{
	json_t *all = json_array(), *item;
	struct desc d;
	struct err e;
	json_t *inner = find_desc(members, 0, &d, &e);
	size_t i;

	if (json_is_string(value)) { /* bytes in hex */
		json_decref(all);
		return json_incref(value);
	}
	json_array_foreach(value, i, item)
		json_array_append_new(all, complete(&d, inner, item));
	return all;
}

static json_t *complete(const struct desc *d, json_t *inner, json_t *value)
{
	json_t *number;

	if (is_type(d, "struct"))
		return complete_members(inner, value);
	if (is_type(d, "map"))
		return complete_map(inner, value);
	if (is_type(d, "vector"))
		return complete_vector(inner, value);
	if (!value || json_is_null(value))
		value = inner;
	if (is_type(d, "string") || !json_is_string(value))
		return json_incref(value);
	number = json_loads(json_string_value(value), JSON_DECODE_ANY, NULL);
	return number && !json_is_array(number) ? number : (json_decref(number), json_incref(value));
}

static json_t *load_object(struct cases *c, const char *path, int *status)
{
	struct buf text = BUF_INIT;
	json_error_t why;
	json_t *j = NULL;

	*status = tb_read_file(c, path, &text);
	if (!*status) {
		j = json_loadb(buf_str(&text), buf_size(&text), JSON_REJECT_DUPLICATES, &why);
		if (!json_is_object(j))
			*status = remote_complain(c->remote, EXIT_USAGE, "%s:%d: %s", path,
						  j ? 1 : why.line, j ? "an object expected" :
						  why.text);
	}
	buf_release(&text);
	return j;
}

int tbcase_add_json(struct cases *c, const char *func, const char *prefix)
{
	const char *desc_path = arena_strf(&c->remote->arena, "%s.desc", prefix);
	const char *case_path = arena_strf(&c->remote->arena, "%s.case", prefix);
	struct buf members = BUF_INIT;
	struct err e = { 0 };
	struct tb_types types = { .idl = BUF_INIT, .e = &e };
	const struct tars_type *in = NULL;
	json_t *given = NULL, *values, *desc;
	int status;

	desc = load_object(c, desc_path, &status);
	if (!status)
		given = load_object(c, case_path, &status);
	if (!status && put_desc_members(&types, desc, &members, 0))
		status = remote_complain(c->remote, EXIT_USAGE, "%s: %s", desc_path, e.text);
	if (!status)
		status = tb_compile(c, &types, &members, desc_path, &in);
	if (!status) {
		values = complete_members(desc, given);
		status = cases_add_typed(c, func, in, values);
		json_decref(values);
	}
	json_decref(desc);
	json_decref(given);
	buf_release(&types.idl);
	buf_release(&members);
	return status;
}
