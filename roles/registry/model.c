/* The registry's picture of the platform in memory: the fleet, its base, the nodes. */
#include "roles/registry/registry.h"

#include <stdlib.h>

#include "proto/codec.h"

struct node_list *node_list_new(void)
{
	struct node_list *l = xcalloc(1, sizeof(*l));

	arena_init(&l->arena, NULL, 0);
	index_init(&l->by_name, 0, &l->arena);
	return l;
}

void node_list_free(struct node_list *l)
{
	arena_clear(&l->arena);
	free(l);
}

struct base_rows *base_rows_new(void)
{
	struct base_rows *b = xcalloc(1, sizeof(*b));

	arena_init(&b->arena, NULL, 0);
	return b;
}

struct base_rows *base_rows_copy(const struct Routes_Base *rows)
{
	struct base_rows *b = base_rows_new();
	struct buf data = BUF_INIT;

	codec_put_flat(&data, &Routes_Base_type, rows, 0);
	BUG_ON(codec_get_flat(buf_head(&data), buf_size(&data), &Routes_Base_type, &b->rows,
			      &b->arena, NULL) < 0);
	buf_release(&data);
	return b;
}

void base_rows_free(struct base_rows *b)
{
	arena_clear(&b->arena);
	free(b);
}

void registry_model_init(struct registry *reg)
{
	reg->fleet = fleet_new();
	reg->nodes = node_list_new();
	reg->base = base_rows_new();
}

void registry_model_free(struct registry *reg)
{
	fleet_free(reg->fleet);
	node_list_free(reg->nodes);
	base_rows_free(reg->base);
}

/* ---- nodes ---- */

void registry_set_nodes(struct registry *reg, struct node_list *nodes)
{
	index_init(&nodes->by_name, nodes->rows.n, &nodes->arena);
	for (uint32_t i = 0; i < nodes->rows.n; i++)
		*index_slot(&nodes->by_name, nodes->rows.v[i].node_name) = &nodes->rows.v[i];
	node_list_free(reg->nodes);
	reg->nodes = nodes;
}

const struct Routes_NodeRow *registry_node(const struct registry *reg, struct tars_str name)
{
	return index_find(&reg->nodes->by_name, name);
}

/* ---- servers ---- */

struct instance *registry_server(const struct registry *reg, const struct server_ref *ref)
{
	struct arena a;
	struct instance *in;

	arena_init(&a, NULL, 0);
	in = fleet_find(reg->fleet, fleet_key(&a, ref->app, ref->server, ref->node));
	arena_clear(&a);
	return in;
}

static int compare_ids(const void *a, const void *b)
{
	const struct Routes_Server *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

struct Routes_Server_list registry_servers(const struct registry *reg, struct arena *a)
{
	const struct fleet *f = reg->fleet;
	struct Routes_Server_list list = { .v = arena_alloc(a, f->n * sizeof(*list.v)) };

	for (unsigned i = 0; i < FLEET_BUCKETS; i++)
		for (uint32_t k = 0; k < f->buckets[i].n; k++)
			fleet_server(f->buckets[i].v[k], &list.v[list.n++], a);
	qsort(list.v, list.n, sizeof(*list.v), compare_ids);
	return list;
}

int server_unknown(const struct server_ref *ref, struct err *e)
{
	return err_set(e, TARS_ENOTFOUND, "%s.%s is not deployed on node %s (tars ctl list)",
		       ref->app.p, ref->server.p, ref->node.p);
}

/* ---- the base, with our own objects ---- */

static struct Routes_PlatformRow *find_row(const struct Routes_PlatformRow_list *list,
					   const struct Routes_PlatformRow *like)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (str_is(list->v[i].servant, like->servant) &&
		    str_is(list->v[i].endpoint, like->endpoint))
			return &list->v[i];
	return NULL;
}

/* Whatever the database says of us: we are here. */
static void add_own(const struct registry *reg, struct Routes_PlatformRow_list *list)
{
	unsigned n = platform_count(reg->platform);

	for (unsigned i = 0; i < n; i++) {
		struct Routes_PlatformRow *known, row = {
			.servant = platform_object_name(reg->platform, i),
			.endpoint = platform_endpoint(reg->platform, i),
			.present_state = TARS_STR("active"),
			.tars_version = TARS_STR(TARS_VERSION),
			.enable_group = TARS_STR("N"),
		};

		known = find_row(list, &row);
		if (known)
			known->present_state = row.present_state;
		else
			list->v[list->n++] = row;
	}
}

void registry_apply_base(struct registry *reg)
{
	const struct Routes_PlatformRow_list *read = &reg->base->rows.platform;
	struct Routes_Base base = reg->base->rows;
	struct Routes_PlatformRow_list all = { 0 };
	struct arena a;

	arena_init(&a, NULL, 0);
	if (reg->platform) {
		all.v = arena_alloc(&a, (read->n + platform_count(reg->platform)) * sizeof(*all.v));
		for (; all.n < read->n; all.n++)
			all.v[all.n] = read->v[all.n];
		add_own(reg, &all);
		base.platform = all;
	}
	fleet_set_base(reg->fleet, &base);
	arena_clear(&a);
}

void registry_set_base(struct registry *reg, struct base_rows *base)
{
	base_rows_free(reg->base);
	reg->base = base;
	registry_apply_base(reg);
}
