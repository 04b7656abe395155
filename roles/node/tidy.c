/* From time to time: old log files and core files of the node's services are removed. */
#include <string.h>

#include "core/io/pool.h"
#include "roles/node/clean.h"
#include "roles/node/node.h"

enum { DAY_S = 24 * 3600 };

struct tidy {
	struct arena *arena;
	struct clean_dir *v;
	size_t n, room;
};

static bool has_limit(const struct clean_rule *r)
{
	return r->age_s || r->bytes || r->files;
}

static void add(struct tidy *t, const char *path, bool (*is_kind)(int, const char *),
		const char *keep, const struct clean_rule *rule)
{
	if (!has_limit(rule))
		return;
	/* Services share the directory that they run in: its limits count once. */
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].is_kind == is_kind && !strcmp(t->v[i].path, path))
			return;
	BUG_ON(t->n == t->room);
	t->v[t->n++] = (struct clean_dir){ .path = arena_strdup(t->arena, path),
					   .is_kind = is_kind, .rule = *rule,
					   .keep = keep ? arena_strdup(t->arena, keep) : NULL };
}

static void add_server(struct tidy *t, const struct server *s, const struct clean_rule *cores)
{
	const struct node_conf *conf = s->node->conf;
	const struct service_conf *own = &s->spec->conf;
	const struct server_paths *p = &s->spec->paths;
	const struct clean_rule logs = {
		.age_s = own->log_keep_days >= 0 ? own->log_keep_days * DAY_S
						 : conf->log_age_ms / 1000,
		.bytes = own->log_keep_mb >= 0 ? own->log_keep_mb << 20 : conf->log_size,
	};
	const char *const places[] = { p->dir, p->bin, p->log_dir, own->log_path };

	/* Its rolling log is read when it has stopped long ago, too: why did it? */
	add(t, p->log_dir, clean_is_log, arena_strf(t->arena, "%s.log", s->id), &logs);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (*places[i] == '/')
			add(t, places[i], clean_is_core, NULL, cores);
}

static void clean_all(void *arg)
{
	struct tidy *t = arg;
	time_t now = time(NULL);

	for (size_t i = 0; i < t->n; i++)
		clean_dir(&t->v[i], now);
}

static void tell(struct node *n, const struct clean_dir *c)
{
	const char *kind = c->is_kind == clean_is_core ? "core files" : "old log files";

	if (c->removed)
		log_info(&n->log, "%s: %u %s removed, %lld KB", c->path, c->removed, kind,
			 (long long)c->removed_bytes >> 10);
	if (c->err.code)
		log_warn(&n->log, "%s: %s cannot be removed: %s", c->path, kind, c->err.text);
}

static void tidy(struct tars_req *unused, void *arg)
{
	struct node *n = arg;
	struct tars_req *rq = tars_begin(n->app);
	const struct clean_rule cores = { .age_s = n->conf->core_age_ms / 1000,
					  .files = n->conf->core_files };
	struct tidy t = { .arena = req_arena(rq), .room = n->n_servers * 5 };

	(void)unused;
	t.v = arena_alloc(t.arena, t.room * sizeof(*t.v));
	for (const struct server *s = n->servers; s; s = s->next)
		if (s->spec)
			add_server(&t, s, &cores);
	if (t.n)
		pool_run(clean_all, &t);
	for (size_t i = 0; i < t.n; i++)
		tell(n, &t.v[i]);
	tars_end(rq);
	if (!n->is_stopping)
		timer_start(&n->clean, n->conf->clean_ms, node_tidy);
}

void node_tidy(struct timer *timer)
{
	struct node *n = container_of(timer, struct node, clean);

	node_spawn(n, tidy, n);
}
