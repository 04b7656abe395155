/* Documentation as OpenAPI 3.1: functions as HTTP calls with JSON, types as JSON Schema. */
#include <jansson.h>
#include <stdlib.h>

#include "idl/doc.h"
#include "idl/lex.h"
#include "proto/text.h"

static void put(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

static void put_doc(struct idl *idl, json_t *object, const char *doc, const char *note)
{
	const char *text = doc_text(&idl->arena, doc, note);

	if (text)
		put(object, "description", json_string(text));
}

/* ---- schemas ---- */

/* "M::S" as the name of a component. */
static const char *component(struct idl *idl, const struct idl_def *def)
{
	return arena_strf(&idl->arena, "%s.%s", def->module, def->name);
}

/* Bytes come as -128..127 and may be sent as 0..255. */
static const struct {
	const char *type, *format;
	int64_t min, max;            /* both 0: no bounds but those of the format */
} builtins[] = {
	[TARS_BOOL] = { "boolean", NULL, 0, 0 },
	[TARS_I8] = { "integer", "int32", INT8_MIN, INT8_MAX },
	[TARS_I16] = { "integer", "int32", INT16_MIN, INT16_MAX },
	[TARS_I32] = { "integer", "int32", 0, 0 },
	[TARS_I64] = { "integer", "int64", 0, 0 },
	[TARS_U8] = { "integer", "int32", 0, UINT8_MAX },
	[TARS_U16] = { "integer", "int32", 0, UINT16_MAX },
	[TARS_U32] = { "integer", "int64", 0, UINT32_MAX },
	[TARS_F32] = { "number", "float", 0, 0 },
	[TARS_F64] = { "number", "double", 0, 0 },
	[TARS_STRING] = { "string", NULL, 0, 0 },
};

static json_t *builtin_schema(uint8_t kind)
{
	json_t *o = json_pack("{s:s}", "type", builtins[kind].type);

	if (builtins[kind].format)
		put(o, "format", json_string(builtins[kind].format));
	if (builtins[kind].max) {
		put(o, "minimum", json_integer(builtins[kind].min));
		put(o, "maximum", json_integer(builtins[kind].max));
	}
	return o;
}

static json_t *schema(struct idl *idl, const struct idl_type *t)
{
	json_t *o;

	switch (t->kind) {
	case TARS_STRUCT:
	case TARS_ENUM:
		return json_pack("{s:s}", "$ref", arena_strf(&idl->arena, "#/components/schemas/%s",
							     component(idl, t->def)));
	case TARS_BYTES:
		return json_pack("{s:s, s:{s:s, s:i, s:i}}", "type", "array", "items",
				 "type", "integer", "minimum", INT8_MIN, "maximum", UINT8_MAX);
	case TARS_LIST:
		return json_pack("{s:s, s:o}", "type", "array", "items", schema(idl, t->elem));
	case TARS_MAP:
		o = json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
			      schema(idl, t->elem));
		if (t->key->kind != TARS_STRING)
			put(o, "propertyNames", json_pack("{s:s, s:o}", "contentMediaType",
							  "application/json", "contentSchema",
							  schema(idl, t->key)));
		return o;
	default:
		return builtin_schema(t->kind);
	}
}

static json_t *default_value(const struct idl_member *m)
{
	const struct idl_value *v = &m->value;

	switch (m->type->kind) {
	case TARS_BOOL:
		return json_boolean(v->i);
	case TARS_F32:
	case TARS_F64:
		return json_real(v->f);
	case TARS_STRING:
		return text_is_utf8(v->s, strlen(v->s)) ? json_string(v->s) : NULL;
	default:
		return json_integer(v->i);
	}
}

/* A schema with what stands beside a member. */
static json_t *member_schema(struct idl *idl, const struct idl_member *m)
{
	json_t *o = schema(idl, m->type);

	put_doc(idl, o, m->doc, m->note);
	if (m->value.kind != IDL_NONE)
		put(o, "default", default_value(m));
	return o;
}

/* An object, its members to be added. */
static json_t *object_schema(json_t **properties, json_t **required)
{
	*properties = json_object();
	*required = json_array();
	return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", *properties,
			 "required", *required);
}

static json_t *struct_schema(struct idl *idl, const struct idl_def *def)
{
	json_t *properties, *required, *o = object_schema(&properties, &required);

	put_doc(idl, o, def->doc, def->note);
	for (uint32_t i = 0; i < def->n_members; i++) {
		const struct idl_member *m = &def->members[i];

		put(properties, m->name, member_schema(idl, m));
		if (m->flags & TARS_REQUIRED)
			json_array_append_new(required, json_string(m->name));
	}
	return o;
}

/* Numbers; names are read, too.  A newer peer may send others. */
static json_t *enum_schema(struct idl *idl, const struct idl_def *def)
{
	json_t *o = json_pack("{s:s, s:s}", "type", "integer", "format", "int32");
	json_t *values = json_array(), *names = json_array();

	put_doc(idl, o, def->doc, def->note);
	for (uint32_t i = 0; i < def->n_items; i++) {
		bool again = false;

		for (uint32_t k = 0; k < i; k++)
			again |= def->items[k].value == def->items[i].value;
		if (again)
			continue;
		json_array_append_new(values, json_integer(def->items[i].value));
		json_array_append_new(names, json_string(def->items[i].name));
	}
	if (json_array_size(values)) {
		put(o, "enum", values);
		put(o, "x-enum-varnames", names);
	} else {
		json_decref(values);
		json_decref(names);
	}
	return o;
}

/* What http_problem() sends. */
static json_t *problem_schema(void)
{
	return json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:s}, s:{s:s}}}",
			 "type", "object", "properties", "type", "type", "string",
			 "title", "type", "string", "status", "type", "integer",
			 "detail", "type", "string", "code", "type", "integer",
			 "description", "The result code of the call.",
			 "name", "type", "string");
}

/* ---- paths ---- */

static json_t *body(json_t *content_schema)
{
	return json_pack("{s:{s:o}}", "application/json", "schema", content_schema);
}

static json_t *params_schema(struct idl *idl, const struct idl_op *op, bool out)
{
	json_t *properties, *required, *o = object_schema(&properties, &required);

	if (out && op->ret) {
		put(properties, "tars_ret", schema(idl, op->ret));
		json_array_append_new(required, json_string("tars_ret"));
	}
	for (uint32_t i = 0; i < op->n_params; i++) {
		const struct idl_member *m = &op->params[i];

		if (((m->flags & TARS_OUT) != 0) != out)
			continue;
		put(properties, m->name, member_schema(idl, m));
		json_array_append_new(required, json_string(m->name));
	}
	return o;
}

static json_t *failure(const char *description)
{
	return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", description, "content",
			 "application/problem+json", "schema", "$ref",
			 "#/components/schemas/Problem");
}

static json_t *operation(struct idl *idl, const struct idl_def *def, const struct idl_op *op)
{
	const char *text = doc_text(&idl->arena, op->doc, op->note);
	json_t *o = json_object(), *responses = json_object();

	put(o, "operationId", json_string(arena_strf(&idl->arena, "%s.%s.%s", def->module,
						     def->name, op->name)));
	put(o, "tags", json_pack("[s]", component(idl, def)));
	if (text) {
		size_t n = strcspn(text, "\n");

		put(o, "summary", json_stringn(text, n));
		if (text[n])
			put(o, "description", json_string(text));
	}
	if (op->flags & TARS_IDEMPOTENT)
		put(o, "x-tars-idempotent", json_true());
	put(o, "requestBody", json_pack("{s:b, s:o}", "required", 1, "content",
					body(params_schema(idl, op, false))));
	put(responses, "200", json_pack("{s:s, s:o}", "description",
					op->ret ? "The result, and the return value as tars_ret." :
					"The result.", "content", body(params_schema(idl, op, true))));
	put(responses, "404", failure("There is no such object."));
	put(responses, "502", failure("The call failed."));
	put(responses, "504", failure("There was no result in time."));
	put(o, "responses", responses);
	return o;
}

/* The object's name: %I is the interface, %M its module. */
static const char *object_name(struct idl *idl, const char *object, const struct idl_def *def)
{
	struct buf name = BUF_INIT;
	const char *copy;

	for (const char *p = object; *p; p++) {
		if (*p == '%' && (p[1] == 'I' || p[1] == 'M'))
			buf_add_str(&name, *++p == 'I' ? def->name : def->module);
		else
			buf_add_u8(&name, (uint8_t)*p);
	}
	copy = arena_strdup(&idl->arena, buf_str(&name));
	buf_release(&name);
	return copy;
}

static int put_paths(struct idl *idl, json_t *paths, const char *object,
		     const struct idl_def *def, struct err *e)
{
	for (uint32_t i = 0; i < def->n_ops; i++) {
		const char *path = arena_strf(&idl->arena, "/json/%s/%s",
					      object_name(idl, object, def), def->ops[i].name);

		if (json_object_get(paths, path))
			return err_set(e, TARS_EARG, "two interfaces have '%s': tell their objects "
				       "apart with %%I and %%M", path);
		put(paths, path, json_pack("{s:o}", "post", operation(idl, def, &def->ops[i])));
	}
	return 0;
}

static int put_defs(struct idl *idl, const char *object, json_t *root, struct err *e)
{
	json_t *paths = json_object(), *schemas = json_object(), *tags = json_array();
	struct doc_modules all = { 0 };
	int rc = 0;

	put(root, "tags", tags);
	put(root, "paths", paths);
	put(root, "components", json_pack("{s:o}", "schemas", schemas));
	put(schemas, "Problem", problem_schema());
	doc_collect(idl, &all);
	for (uint32_t i = 0; i < all.n; i++) {
		for (uint32_t k = 0; k < all.v[i].n_defs && !rc; k++) {
			const struct idl_def *def = all.v[i].defs[k];
			json_t *tag;

			if (def->kind == IDL_STRUCT)
				put(schemas, component(idl, def), struct_schema(idl, def));
			if (def->kind == IDL_ENUM)
				put(schemas, component(idl, def), enum_schema(idl, def));
			if (def->kind != IDL_INTERFACE)
				continue;
			tag = json_pack("{s:s}", "name", component(idl, def));
			put_doc(idl, tag, def->doc, def->note);
			json_array_append_new(tags, tag);
			rc = put_paths(idl, paths, object, def, e);
		}
	}
	return rc;
}

int idl_openapi(struct idl *idl, const char *object, struct buf *out, struct err *e)
{
	const struct idl_file *last = idl->files[idl->n_files - 1];
	json_t *root = json_pack("{s:s}", "openapi", "3.1.0");
	int rc;

	put(root, "info", json_pack("{s:s, s:s}", "title",
				    text_is_utf8(last->base, strlen(last->base)) ? last->base : "?",
				    "version", "1"));
	rc = put_defs(idl, object, root, e);
	if (!rc) {
		char *text = json_dumps(root, JSON_INDENT(2));

		buf_add_str(out, text);
		buf_add_u8(out, '\n');
		free(text);
	}
	json_decref(root);
	return rc;
}
