/* tars ctl plan and apply: a fleet in YAML or JSON, made into a request by its descriptors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "proto/json.h"
#include "proto/text.h"
#include "roles/ctl.h"

enum { MAX_DEPTH = 32, MAX_NODES = 1000000 };

/* One file on its way; `left` bounds what aliases can make of it. */
struct yaml_file {
	struct ctl *c;
	const char *path;
	yaml_document_t doc;
	int left;
};

static json_t *refuse(const struct yaml_file *y, const yaml_node_t *n, const char *text)
{
	ctl_complain(y->c, EXIT_DATA, "%s:%zu: %s", y->path, n->start_mark.line + 1, text);
	return NULL;
}

static json_t *convert(struct yaml_file *y, int index, const struct tars_type *t, int depth);

/* What a scalar is depends on where it stands: a text may look like a number. */
static json_t *convert_scalar(struct yaml_file *y, const yaml_node_t *n, const struct tars_type *t)
{
	const char *text = (const char *)n->data.scalar.value;
	size_t size = n->data.scalar.length;
	bool is_plain = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	json_t *string;
	int64_t number;

	if (is_plain && (!size || !strcmp(text, "~") || !strcmp(text, "null")))
		return json_null();
	if (is_plain && t == &tars_type_bool) {
		if (!strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "on"))
			return json_true();
		if (!strcmp(text, "false") || !strcmp(text, "no") || !strcmp(text, "off"))
			return json_false();
		return refuse(y, n, "this is neither true nor false");
	}
	if (t == &tars_type_int)
		return text_int(text, size, INT32_MIN, INT32_MAX, &number) ?
			       json_integer(number) : refuse(y, n, "this is not a whole number");
	string = json_stringn(text, size);
	return string ? string : refuse(y, n, "this is not UTF-8");
}

/* A servant may be written as it is on the command line. */
static json_t *convert_servant(struct yaml_file *y, const yaml_node_t *n)
{
	const char *text = (const char *)n->data.scalar.value, *at = strchr(text, '@');

	if (!at || at == text || !at[1])
		return refuse(y, n, "this is not a servant: \"HelloObj@tcp -p PORT\"");
	return json_pack("{s:s%, s:s}", "servant", text, (size_t)(at - text), "endpoint", at + 1);
}

static json_t *convert_list(struct yaml_file *y, const yaml_node_t *n, const struct tars_type *t,
			    int depth)
{
	json_t *array = json_array();

	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		json_t *item = convert(y, *i, t ? t->elem : NULL, depth + 1);

		if (!item) {
			json_decref(array);
			return NULL;
		}
		json_array_append_new(array, item);
	}
	return array;
}

static json_t *convert_struct(struct yaml_file *y, const yaml_node_t *n, const struct tars_type *t,
			      int depth)
{
	json_t *object = json_object();

	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(&y->doc, p->key);
		const char *name = key->type == YAML_SCALAR_NODE ?
				   (const char *)key->data.scalar.value : NULL;
		const struct tars_type *of = NULL;
		json_t *value;

		for (uint32_t i = 0; name && t && i < t->n_fields; i++)
			if (!strcmp(t->fields[i].name, name))
				of = t->fields[i].type;
		value = !name ? refuse(y, key, "a name is a text") :
			json_object_get(object, name) ? refuse(y, key, "this is here twice") :
			convert(y, p->value, of, depth + 1);
		if (!value) {
			json_decref(object);
			return NULL;
		}
		json_object_set_new(object, name, value);
	}
	return object;
}

static json_t *convert(struct yaml_file *y, int index, const struct tars_type *t, int depth)
{
	const yaml_node_t *n = yaml_document_get_node(&y->doc, index);

	if (depth > MAX_DEPTH || --y->left < 0)
		return refuse(y, n, depth > MAX_DEPTH ? "this is nested too deeply" :
							"there is too much of this");
	switch (n->type) {
	case YAML_SCALAR_NODE:
		return t == &tars_DeployServant_type ? convert_servant(y, n) : convert_scalar(y, n, t);
	case YAML_SEQUENCE_NODE:
		if (t && t->kind != TARS_LIST)
			return refuse(y, n, "a list is not expected here");
		return convert_list(y, n, t, depth);
	case YAML_MAPPING_NODE:
		if (t && t->kind != TARS_STRUCT)
			return refuse(y, n, "names and values are not expected here");
		return convert_struct(y, n, t, depth);
	default:
		return refuse(y, n, "this is nothing");
	}
}

static int load(struct yaml_file *y, const struct tars_str *text, struct tars_FleetReq *req)
{
	yaml_parser_t parser;
	struct err e = { 0 };
	json_t *json = NULL;
	int status = 0;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text->p, text->n);
	if (!yaml_parser_load(&parser, &y->doc)) {
		status = ctl_complain(y->c, EXIT_DATA, "%s:%zu: %s", y->path,
				      parser.problem_mark.line + 1,
				      parser.problem ? parser.problem : "this cannot be read");
	} else {
		if (!yaml_document_get_root_node(&y->doc))
			status = ctl_complain(y->c, EXIT_DATA, "%s: it is empty", y->path);
		else
			json = convert(y, 1, &tars_FleetReq_type, 0);
		yaml_document_delete(&y->doc);
	}
	yaml_parser_delete(&parser);
	if (status)
		return status;
	if (!json)
		return EXIT_DATA;
	if (json_to_value(json, &tars_FleetReq_type, req, &y->c->arena, &e))
		status = ctl_complain(y->c, EXIT_DATA, "%s: %s", y->path, e.text);
	json_decref(json);
	return status;
}

int ctl_prepare_fleet(struct ctl *c, void *own)
{
	struct ctl_fleet *fleet = own;
	struct yaml_file y = { .c = c, .path = fleet->file, .left = MAX_NODES };
	bool prune = fleet->req.prune;
	struct tars_str text;
	int status;

	if (!fleet->file)
		return ctl_complain(c, EXIT_USAGE, "which fleet? -f FILE");
	status = ctl_read_file(c, "--file", fleet->file, &text);
	if (!status)
		status = load(&y, &text, &fleet->req);
	fleet->req.prune |= prune;
	return status;
}

/* ---- apply: shown first, then one change after the other ---- */

/* A fleet of this one thing, on this one node. */
static bool part_of(struct ctl *c, const struct tars_FleetReq *all, const struct tars_FleetChange *change,
		    struct tars_FleetReq *part)
{
	struct tars_FleetServer *server;

	tars_FleetReq_init(part);
#define TAKE(list, kind_name) \
	for (uint32_t i = 0; !strcmp(change->kind.p, kind_name) && i < all->list.n; i++) \
		if (!strcmp(all->list.v[i].name.p, change->name.p)) { \
			part->list.v = &all->list.v[i]; \
			part->list.n = 1; \
			return true; \
		}
	TAKE(templates, "template")
	TAKE(idc, "idc")
	TAKE(stations, "station")
#undef TAKE
	for (uint32_t i = 0; i < all->servers.n; i++)
		for (uint32_t k = 0; k < all->servers.v[i].nodes.n; k++) {
			if (strcmp(all->servers.v[i].server.p, change->name.p) ||
			    strcmp(all->servers.v[i].nodes.v[k].p, change->node.p))
				continue;
			server = (void *)arena_memdup(&c->arena, &all->servers.v[i], sizeof(*server));
			server->nodes.v = &all->servers.v[i].nodes.v[k];
			server->nodes.n = 1;
			part->servers.v = server;
			part->servers.n = 1;
			return true;
		}
	return false;
}

static int apply_one(struct ctl *c, const struct tars_FleetReq *all,
		     const struct tars_FleetChange *change)
{
	struct tars_Ctl_apply_in in;
	struct tars_Ctl_apply_out out = { 0 };
	struct tars_Ctl_serverUndeploy_in gone = {
		.req = { .server = change->name, .node = change->node },
	};
	struct tars_Ctl_serverUndeploy_out removed = { 0 };
	bool is_delete = !strcmp(change->action.p, "delete");
	struct tars_str outcome;
	int status;

	if (!is_delete && !part_of(c, all, change, &in.req))
		return ctl_complain(c, EXIT_BUG, "%s %s is not in the file", change->kind.p,
				    change->name.p);
	status = is_delete ? ctl_call(c, "serverUndeploy", &gone, &removed) :
			     ctl_call(c, "apply", &in, &out);
	if (status)
		return status;
	outcome = is_delete ? removed.result : out.rows.n ? out.rows.v[0].outcome : TARS_STR("");
	if (!strncmp(outcome.p ? outcome.p : "", "failed: ", 8))
		return ctl_complain(c, EXIT_FAILED, "%s %s: %s", change->kind.p, change->name.p,
				    outcome.p + 8);
	printf("%s\n", outcome.n ? outcome.p : "done");
	fflush(stdout);
	return 0;
}

int ctl_apply(struct ctl *c, void *own)
{
	const struct ctl_fleet *fleet = own;
	struct tars_Ctl_plan_in in = { .req = fleet->req };
	struct tars_Ctl_plan_out planned = { 0 };
	int status = ctl_call(c, "plan", &in, &planned);

	if (!status)
		status = ctl_print_rows(c, &tars_FleetChange_type, &planned.rows);
	for (uint32_t i = 0; !status && i < planned.rows.n; i++)
		status = apply_one(c, &fleet->req, &planned.rows.v[i]);
	return status;
}
