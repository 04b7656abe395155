/* The checked tree as JSON: files, modules, definitions, types, values, places, docs. */
#include "idl/tree_json.h"

#include <jansson.h>
#include <stdlib.h>

#include "idl/lex.h"
#include "proto/text.h"

/* Grows when a member changes its meaning or goes; new ones may come at any time. */
enum { SCHEMA_VERSION = 1 };

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
}

/* Paths and values may hold any bytes; what is no UTF-8 is not text. */
static json_t *text_or_null(const char *s)
{
	return s && text_is_utf8(s, strlen(s)) ? json_string(s) : json_null();
}

static void put(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

static void put_place(json_t *object, const struct idl_loc *loc)
{
	put(object, "line", json_integer(loc->line));
	put(object, "col", json_integer(loc->col));
}

static void put_docs(json_t *object, const char *doc, const char *note)
{
	put(object, "doc", text(doc));
	put(object, "note", text(note));
}

/* ---- types and values ---- */

static const char *type_kind(const struct idl_type *t)
{
	switch (t->kind) {
	case TARS_LIST:
	case TARS_BYTES:
		return "vector";
	case TARS_MAP:
		return "map";
	case TARS_STRUCT:
		return "struct";
	case TARS_ENUM:
		return "enum";
	default:
		return NULL;
	}
}

static json_t *put_type(const struct idl_type *t)
{
	json_t *o = json_object();
	struct buf name = BUF_INIT;

	idl_type_put(&name, t);
	put(o, "kind", json_string(type_kind(t) ? type_kind(t) : buf_str(&name)));
	put(o, "text", json_string(buf_str(&name)));
	buf_release(&name);
	if (t->def) {
		put(o, "name", json_string(t->def->full_name));
		put(o, "written", json_string(t->ref));
	}
	if (t->kind == TARS_MAP) {
		put(o, "key", put_type(t->key));
		put(o, "value", put_type(t->elem));
	} else if (t->elem) {
		put(o, "element", put_type(t->elem));
	}
	if (t->fixed)
		put(o, "size", json_integer(t->fixed));
	return o;
}

static json_t *put_value(const struct idl_type *t, const struct idl_value *v)
{
	switch (t->kind) {
	case TARS_BOOL:
		return json_boolean(v->i);
	case TARS_F32:
	case TARS_F64:
		return json_real(v->f);
	case TARS_STRING:
		return text_or_null(v->s ? v->s : "");
	case TARS_BYTES:
	case TARS_LIST:
	case TARS_MAP:
	case TARS_STRUCT:
		return json_null();
	default:
		return json_integer(v->i);
	}
}

/* Bytes that JSON cannot show. */
static void put_hex(struct idl *idl, json_t *o, const struct idl_value *v)
{
	size_t n = v->kind == IDL_STRING ? strlen(v->s) : 0;
	char *hex;

	if (!n || text_is_utf8(v->s, n))
		return;
	hex = arena_alloc(&idl->arena, 2 * n + 1);
	text_put_hex(hex, v->s, n);
	put(o, "default_hex", json_string(hex));
}

/* ---- definitions ---- */

static json_t *put_member(const struct idl_member *m)
{
	json_t *o = json_object();

	put(o, "name", json_string(m->name));
	put(o, "tag", json_integer(m->tag));
	put(o, "type", put_type(m->type));
	put_place(o, &m->loc);
	put_docs(o, m->doc, m->note);
	return o;
}

static void put_default(struct idl *idl, json_t *o, const struct idl_member *m)
{
	put(o, "default", put_value(m->type, &m->value));
	put(o, "has_default", json_boolean(m->value.kind != IDL_NONE));
	put_hex(idl, o, &m->value);
}

static json_t *put_members(struct idl *idl, const struct idl_def *def)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < def->n_members; i++) {
		const struct idl_member *m = &def->members[i];
		json_t *o = put_member(m);

		put(o, "required", json_boolean(m->flags & TARS_REQUIRED));
		put_default(idl, o, m);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *put_items(const struct idl_def *def)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < def->n_items; i++) {
		const struct idl_item *item = &def->items[i];
		json_t *o = json_object();

		put(o, "name", json_string(item->name));
		put(o, "value", json_integer(item->value));
		put_place(o, &item->loc);
		put_docs(o, item->doc, item->note);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *put_op(const struct idl_op *op)
{
	json_t *o = json_object(), *params = json_array();

	put(o, "name", json_string(op->name));
	put(o, "returns", op->ret ? put_type(op->ret) : json_null());
	put(o, "idempotent", json_boolean(op->flags & TARS_IDEMPOTENT));
	put_place(o, &op->loc);
	put_docs(o, op->doc, op->note);
	for (uint32_t i = 0; i < op->n_params; i++) {
		const struct idl_member *m = &op->params[i];
		json_t *param = put_member(m);

		put(param, "out", json_boolean(m->flags & TARS_OUT));
		put(param, "routekey", json_boolean(m->flags & TARS_ROUTEKEY));
		json_array_append_new(params, param);
	}
	put(o, "params", params);
	return o;
}

static json_t *put_ops(const struct idl_def *def)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < def->n_ops; i++)
		json_array_append_new(list, put_op(&def->ops[i]));
	return list;
}

static json_t *put_keys(const struct idl_def *def)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < def->n_keys; i++)
		json_array_append_new(list, json_string(def->keys[i].s));
	return list;
}

static json_t *put_def(struct idl *idl, const struct idl_def *def)
{
	static const char *const kinds[] = {
		[IDL_ENUM] = "enum", [IDL_STRUCT] = "struct", [IDL_CONST] = "const",
		[IDL_KEY] = "key", [IDL_INTERFACE] = "interface",
	};
	json_t *o = json_object();

	put(o, "kind", json_string(kinds[def->kind]));
	put(o, "name", json_string(def->name));
	put(o, "full_name",
	    json_string(def->kind == IDL_KEY ? def->target->full_name : def->full_name));
	put_place(o, &def->loc);
	put_docs(o, def->doc, def->note);
	switch (def->kind) {
	case IDL_ENUM:
		put(o, "items", put_items(def));
		break;
	case IDL_STRUCT:
		put(o, "members", put_members(idl, def));
		put(o, "key", def->key ? put_keys(def->key) : json_null());
		break;
	case IDL_CONST:
		put(o, "type", put_type(def->members[0].type));
		put_default(idl, o, &def->members[0]);
		break;
	case IDL_KEY:
		put(o, "members", put_keys(def));
		break;
	case IDL_INTERFACE:
		put(o, "push", json_boolean(def->is_push));
		put(o, "functions", put_ops(def));
		break;
	}
	return o;
}

static json_t *put_module(struct idl *idl, const struct idl_module *m)
{
	json_t *o = json_object(), *defs = json_array();

	put(o, "name", json_string(m->name));
	put(o, "doc", text(m->doc));
	put_place(o, &m->loc);
	for (uint32_t i = 0; i < m->n_defs; i++)
		json_array_append_new(defs, put_def(idl, m->defs[i]));
	put(o, "definitions", defs);
	return o;
}

static json_t *put_file(struct idl *idl, const struct idl_file *file)
{
	json_t *o = json_object(), *includes = json_array(), *modules = json_array();

	put(o, "path", text_or_null(file->path));
	put(o, "doc", text(file->doc));
	for (uint32_t i = 0; i < file->n_includes; i++)
		json_array_append_new(includes, text_or_null(file->includes[i]->path));
	put(o, "includes", includes);
	for (uint32_t i = 0; i < file->n_modules; i++)
		json_array_append_new(modules, put_module(idl, file->modules[i]));
	put(o, "modules", modules);
	return o;
}

int idl_json(struct idl *idl, struct buf *out, struct err *e)
{
	json_t *root = json_object(), *files = json_array();
	char *dump;

	put(root, "tars_idl", json_integer(SCHEMA_VERSION));
	for (uint32_t i = 0; i < idl->n_files; i++)
		json_array_append_new(files, put_file(idl, idl->files[i]));
	put(root, "files", files);
	dump = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	if (!dump)
		return err_set(e, TARS_ESYS, "the tree does not fit into JSON");
	buf_add_str(out, dump);
	buf_add_u8(out, '\n');
	free(dump);
	return 0;
}
