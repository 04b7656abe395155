/* Removes what a destroyed server left on disk. */
#include <string.h>

#include "core/io/pool.h"
#include "core/sys/files.h"
#include "roles/node/node.h"

struct removal {
	const struct node *node;
	const struct server_paths *paths;
	struct err err;
	int rc;
};

/* A base path of its own belongs to whoever gave it: only what the node made goes there. */
static void remove_files(void *arg)
{
	struct removal *r = arg;
	const struct server_paths *p = r->paths;
	size_t n = strlen(r->node->paths.data);
	bool is_ours = !strncmp(p->dir, r->node->paths.data, n) && p->dir[n] == '/';

	r->rc = dir_remove(is_ours ? p->dir : p->conf_dir, &r->err);
	if (r->rc == 0)
		r->rc = dir_remove(p->log_dir, &r->err);
}

static void destroy(struct tars_req *rq, void *arg)
{
	struct server *s = arg;
	struct removal r = { .node = s->node };

	(void)rq;
	server_lock(s);
	if (s->spec) {
		r.paths = &s->spec->paths;
		pool_run(remove_files, &r);
	}
	server_unlock(s);
	if (r.rc < 0)
		log_warn(&s->log, "%s", r.err.text);
	server_event(s, EVENT_REMOVED, NULL);
	server_release(s);
}

void server_do_remove(struct server *s)
{
	timer_stop(&s->restart);
	server_hold(s);
	node_spawn(s->node, destroy, s);
}
