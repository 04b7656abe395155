/*
 * The file that keeps the last routes, for starts without a registry.
 *
 * Two lines for each object: its active and its inactive endpoints.  A file that cannot be read or
 * written is no error: it only means that there is nothing to fall back on.
 *
 *   active TestApp.HelloServer.HelloObj@tcp -h 10.0.0.1 -p 18600 -t 60000
 *   inactive TestApp.HelloServer.HelloObj@
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "core/rpc/proxy.h"

enum { CACHE_MAX_FILE = 16 << 20 };

struct entry {
	struct list node;
	char *name, *active, *inactive;   /* object strings */
};

struct proxy_cache {
	char *path;                       /* NULL: nothing is kept */
	struct list entries;
	bool writing, again;
	struct buf text;                  /* what the worker writes */
};

static struct entry *entry_get(struct proxy_cache *c, const char *name, size_t n)
{
	struct entry *entry;

	for (struct list *l = c->entries.next; l != &c->entries; l = l->next) {
		entry = container_of(l, struct entry, node);
		if (strlen(entry->name) == n && !memcmp(entry->name, name, n))
			return entry;
	}
	entry = xcalloc(1, sizeof(*entry));
	entry->name = strndup(name, n);
	list_append(&c->entries, &entry->node);
	return entry;
}

static void set_text(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

static void read_line(struct proxy_cache *c, char *line)
{
	char *object = strchr(line, ' '), *at;
	struct entry *entry;

	if (!object)
		return;
	*object++ = '\0';
	at = strchr(object, '@');
	if (!at || at == object)
		return;
	entry = entry_get(c, object, (size_t)(at - object));
	if (!strcmp(line, "active"))
		set_text(&entry->active, object);
	else if (!strcmp(line, "inactive"))
		set_text(&entry->inactive, object);
}

static void read_file(struct proxy_cache *c)
{
	FILE *f = fopen(c->path, "re");
	char *line = NULL;
	size_t cap = 0, total = 0;
	ssize_t n;

	if (!f)
		return;
	while ((n = getline(&line, &cap, f)) > 0 && (total += (size_t)n) < CACHE_MAX_FILE) {
		line[strcspn(line, "\n")] = '\0';
		read_line(c, line);
	}
	free(line);
	fclose(f);
}

struct proxy_cache *proxy_cache_open(const char *path)
{
	struct proxy_cache *c = xcalloc(1, sizeof(*c));

	list_init(&c->entries);
	if (path && *path) {
		c->path = xstrdup(path);
		read_file(c);
	}
	return c;
}

void proxy_cache_free(struct proxy_cache *c)
{
	if (!c)
		return;
	while (!list_is_empty(&c->entries)) {
		struct entry *entry = container_of(c->entries.next, struct entry, node);

		list_remove(&entry->node);
		free(entry->name);
		free(entry->active);
		free(entry->inactive);
		free(entry);
	}
	buf_release(&c->text);
	free(c->path);
	free(c);
}

static void parse_list(const char *object, struct endpoint_list *list, struct arena *a)
{
	struct object_ref ref;

	*list = (struct endpoint_list){ 0 };
	if (object && !object_ref_parse(object, &ref, a, NULL))
		*list = ref.eps;
}

struct route *proxy_cache_find(struct proxy_cache *c, const char *name)
{
	struct endpoint_list active, inactive;
	struct route *route = NULL;
	struct arena a;

	arena_init(&a, NULL, 0);
	for (struct list *l = c->entries.next; l != &c->entries && !route; l = l->next) {
		struct entry *entry = container_of(l, struct entry, node);

		if (strcmp(entry->name, name))
			continue;
		parse_list(entry->active, &active, &a);
		parse_list(entry->inactive, &inactive, &a);
		if (active.n)
			route = route_new(&active, &inactive);
	}
	arena_clear(&a);
	return route;
}

/* ---- writing ---- */

/* In a worker thread; the file is whole at every moment. */
static void write_file(void *arg)
{
	struct proxy_cache *c = arg;
	char tmp[4096];
	const uint8_t *p = buf_head(&c->text);
	size_t left = buf_size(&c->text);
	int fd;

	if (snprintf(tmp, sizeof(tmp), "%s.new", c->path) >= (int)sizeof(tmp))
		return;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	while (left) {
		ssize_t n = write(fd, p, left);

		if (n <= 0)
			break;
		p += n;
		left -= (size_t)n;
	}
	if (close(fd) == 0 && !left)
		rename(tmp, c->path);
	else
		unlink(tmp);
}

static void set_list(char **field, const char *name, const struct endpoint_list *list)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s@", name);
	for (uint32_t i = 0; i < list->n; i++) {
		if (i)
			buf_add_u8(&b, ':');
		endpoint_print(&b, &list->v[i]);
	}
	set_text(field, buf_str(&b));
	buf_release(&b);
}

static void print_all(struct proxy_cache *c)
{
	buf_clear(&c->text);
	for (struct list *l = c->entries.next; l != &c->entries; l = l->next) {
		struct entry *entry = container_of(l, struct entry, node);

		if (entry->active)
			buf_addf(&c->text, "active %s\n", entry->active);
		if (entry->inactive)
			buf_addf(&c->text, "inactive %s\n", entry->inactive);
	}
}

void proxy_cache_put(struct proxy_cache *c, const char *name, const struct endpoint_list *active,
		     const struct endpoint_list *inactive)
{
	struct entry *entry;

	if (!c->path)
		return;
	entry = entry_get(c, name, strlen(name));
	set_list(&entry->active, name, active);
	set_list(&entry->inactive, name, inactive);
	/* One writer: whoever comes meanwhile leaves its news to it. */
	c->again = true;
	if (c->writing)
		return;
	c->writing = true;
	while (c->again) {
		c->again = false;
		print_all(c);
		pool_run(write_file, c);
	}
	c->writing = false;
}
