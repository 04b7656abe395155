/* The registry's memory on disk: look-ups can be answered after a restart without the database. */
#include "core/io/pool.h"
#include "core/sys/log.h"
#include "roles/registry/registry.h"
#include "roles/registry/snapshot.h"

int registry_load_snapshot(struct registry *reg, struct err *e)
{
	struct Routes_Snapshot rest = { 0 };
	struct node_list *nodes = node_list_new();
	int rc = snapshot_read(reg->snapshot_path, reg->fleet, &rest, &nodes->arena, e);

	if (rc < 0) {
		node_list_free(nodes);
		return rc;
	}
	registry_set_base(reg, base_rows_copy(&rest.base));
	nodes->rows = rest.nodes;
	registry_set_nodes(reg, nodes);
	reg->version = rest.version;
	return 0;
}

struct save {
	const char *path;
	struct buf data;
	struct err e;
	int rc;
};

/* Thread: a worker of the shared pool. */
static void write_file(void *arg)
{
	struct save *s = arg;

	s->rc = snapshot_write(s->path, &s->data, &s->e);
}

static void save(struct tars_req *rq, void *arg)
{
	struct registry *reg = arg;
	struct save s = { .path = reg->snapshot_path };
	struct Routes_Snapshot rest = {
		.base = reg->base->rows, .nodes = reg->nodes->rows, .version = reg->version,
	};

	(void)rq;
	snapshot_put(&s.data, reg->fleet, &rest);
	pool_run(write_file, &s);
	buf_release(&s.data);
	if (s.rc < 0)
		log_every(60000, LOG_LEVEL_WARN, NULL, "registry: %s", s.e.text);
	reg->saving = false;
	if (reg->save_again)
		registry_save_later(reg);
}

static void save_due(struct timer *t)
{
	struct registry *reg = container_of(t, struct registry, save_timer);

	reg->saving = true;
	reg->save_again = false;
	registry_spawn(reg, save);
}

void registry_save_later(struct registry *reg)
{
	if (!reg->snapshot_path || reg->stopping || timer_is_running(&reg->save_timer))
		return;
	if (reg->saving)
		reg->save_again = true;
	else
		timer_start(&reg->save_timer, snapshot_pause_ms(reg->fleet), save_due);
}
