/* The registry's picture of the platform: rows, what is built from them, and how it is replaced. */
#include "roles/registry/registry.h"

#include <stdlib.h>

#include "core/sys/log.h"

struct model *model_new(void)
{
	struct model *m = xcalloc(1, sizeof(*m));

	arena_init(&m->arena, NULL, 0);
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	route_free(m->table);
	arena_clear(&m->arena);
	free(m);
}

struct tars_str server_key(struct arena *a, struct tars_str app, struct tars_str server,
			   struct tars_str node)
{
	/* No part may contain '/', so keys are unique. */
	char *p = arena_strf(a, "%.*s/%.*s/%.*s", (int)app.n, app.p ? app.p : "", (int)server.n,
			     server.p ? server.p : "", (int)node.n, node.p ? node.p : "");

	return (struct tars_str){ p, (uint32_t)strlen(p) };
}

const struct Routes_NodeRow *model_node(const struct model *m, struct tars_str name)
{
	return index_find(&m->nodes, name);
}

int server_unknown(const struct server_ref *ref, struct err *e)
{
	return err_set(e, TARS_ENOTFOUND, "%s.%s is not deployed on node %s (tars ctl list)",
		       ref->app.p, ref->server.p, ref->node.p);
}

static void index_rows(struct model *m)
{
	struct Routes_Rows *rows = &m->rows;

	index_init(&m->servers, rows->servers.n, &m->arena);
	for (uint32_t i = 0; i < rows->servers.n; i++) {
		struct Routes_Row *row = &rows->servers.v[i];
		void **slot = index_slot(&m->servers, server_key(&m->arena, row->application,
								 row->server_name,
								 row->node_name));

		if (!*slot)
			*slot = row;
	}
	index_init(&m->nodes, rows->nodes.n, &m->arena);
	for (uint32_t i = 0; i < rows->nodes.n; i++)
		*index_slot(&m->nodes, rows->nodes.v[i].node_name) = &rows->nodes.v[i];
}

/* ---- our own objects, which must be found also before and without the database ---- */

static struct Routes_PlatformRow *find_row(const struct Routes_PlatformRow_list *list,
					   const struct Routes_PlatformRow *like)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (str_is(list->v[i].servant, like->servant) &&
		    str_is(list->v[i].endpoint, like->endpoint))
			return &list->v[i];
	return NULL;
}

void registry_add_own(const struct registry *reg, struct model *m)
{
	struct Routes_PlatformRow_list *old = &m->rows.platform, list = { 0 };
	unsigned n = platform_count(reg->platform);

	list.v = arena_alloc(&m->arena, (old->n + n) * sizeof(*list.v));
	for (uint32_t i = 0; i < old->n; i++)
		list.v[list.n++] = old->v[i];
	for (unsigned i = 0; i < n; i++) {
		struct tars_str endpoint = platform_endpoint(reg->platform, i);
		/* The model may outlive the platform's texts. */
		struct Routes_PlatformRow *known, row = {
			.servant = platform_object_name(reg->platform, i),
			.endpoint = { arena_strdup(&m->arena, endpoint.p), endpoint.n },
			.present_state = TARS_STR("active"),
			.tars_version = TARS_STR(TARS_VERSION),
			.enable_group = TARS_STR("N"),
		};

		known = find_row(&list, &row);
		/* Whatever the database says of us: we are here. */
		if (known)
			known->present_state = row.present_state;
		else
			list.v[list.n++] = row;
	}
	*old = list;
}

/* ---- replacing ---- */

static void build(struct registry *reg, struct model *m)
{
	struct route_table *old = m->table;

	m->table = route_build(&m->rows);
	if (m->table->n_bad && (!reg->model || !reg->model->table ||
				reg->model->table->n_bad != m->table->n_bad))
		log_warn(NULL, "registry: %u endpoint texts in t_adapter_conf and t_registry_info "
			 "cannot be read, their servants are not found (tars ctl list shows them)",
			 m->table->n_bad);
	if (old != m->table)
		route_free(old);
}

void registry_adopt(struct registry *reg, struct model *m, uint64_t load_seq)
{
	struct model *old = reg->model;

	if (load_seq < reg->adopted_seq) { /* a newer load was quicker */
		model_free(m);
		return;
	}
	reg->adopted_seq = load_seq;
	if (reg->platform)
		registry_add_own(reg, m);
	index_rows(m);
	reports_apply(reg->reports, m, load_seq);
	build(reg, m);
	reg->model = m;
	model_free(old);
}

static void rebuild(struct task *t)
{
	struct registry *reg = container_of(t, struct registry, rebuild_task);

	reg->rebuild_queued = false;
	build(reg, reg->model);
	registry_save_later(reg);
}

void registry_rebuild_later(struct registry *reg)
{
	if (reg->rebuild_queued)
		return;
	reg->rebuild_queued = true;
	reg->rebuild_task.run = rebuild;
	reactor_defer(&reg->rebuild_task);
}
