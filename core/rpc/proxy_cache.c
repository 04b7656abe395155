/*
 * The file that keeps the last routes, for starts without a registry.
 *
 * A line for each object, with the set or station it was looked up in, and under it, indented by a
 * tab, one for each of its endpoints.  A file that cannot be read or written is no error: it only
 * means that there is nothing to fall back on.
 *
 *   TestApp.HelloServer.HelloObj:mall.sz.1
 *   	active tcp -h 10.0.0.1 -p 18600 -t 60000
 *   	inactive tcp -h 10.0.0.2 -p 18600 -t 60000
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
	char *name;
	struct buf lines;                 /* as in the file */
};

struct proxy_cache {
	char *path;                       /* NULL: nothing is kept */
	struct list entries;
	bool writing, again;
	struct buf text;                  /* what the worker writes */
};

static struct entry *entry_get(struct proxy_cache *c, const char *name)
{
	struct entry *entry;

	for (struct list *l = c->entries.next; l != &c->entries; l = l->next) {
		entry = container_of(l, struct entry, node);
		if (!strcmp(entry->name, name))
			return entry;
	}
	entry = xcalloc(1, sizeof(*entry));
	entry->name = xstrdup(name);
	list_append(&c->entries, &entry->node);
	return entry;
}

static void read_file(struct proxy_cache *c)
{
	FILE *f = fopen(c->path, "re");
	struct entry *entry = NULL;
	char *line = NULL;
	size_t cap = 0, total = 0;
	ssize_t n;

	if (!f)
		return;
	while ((n = getline(&line, &cap, f)) > 0 && (total += (size_t)n) < CACHE_MAX_FILE) {
		line[strcspn(line, "\n")] = '\0';
		if (*line != '\t')
			entry = *line ? entry_get(c, line) : NULL;
		else if (entry)
			buf_addf(&entry->lines, "%s\n", line);
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
		buf_release(&entry->lines);
		free(entry);
	}
	buf_release(&c->text);
	free(c->path);
	free(c);
}

static void read_endpoint(const char *line, const char *kind, struct endpoint_list *list)
{
	size_t n = strlen(kind);

	if (!strncmp(line, kind, n) &&
	    !endpoint_parse(line + n, strlen(line + n), &list->v[list->n], NULL))
		list->n++;
}

static struct route *entry_route(struct entry *entry)
{
	struct endpoint_list active = { 0 }, inactive = { 0 };
	char *text = xstrdup(buf_str(&entry->lines)), *rest = text, *line;
	struct route *route = NULL;
	size_t n = 1;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	active.v = xcalloc(2 * n, sizeof(*active.v));
	inactive.v = active.v + n;
	while ((line = strsep(&rest, "\n"))) {
		read_endpoint(line, "\tactive ", &active);
		read_endpoint(line, "\tinactive ", &inactive);
	}
	if (active.n)
		route = route_new(&active, &inactive);
	free(active.v);
	free(text);
	return route;
}

struct route *proxy_cache_find(struct proxy_cache *c, const char *name)
{
	for (struct list *l = c->entries.next; l != &c->entries; l = l->next) {
		struct entry *entry = container_of(l, struct entry, node);

		if (!strcmp(entry->name, name))
			return entry_route(entry);
	}
	return NULL;
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

static void add_lines(struct buf *b, const char *kind, const struct endpoint_list *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		const struct endpoint *ep = &list->v[i];

		buf_addf(b, "\t%s ", kind);
		endpoint_print(b, ep);
		/* The printed form leaves it out, and would be read as 100. */
		if (ep->weight_type && !ep->weight)
			buf_add_str(b, " -w 0");
		buf_add_u8(b, '\n');
	}
}

static void print_all(struct proxy_cache *c)
{
	buf_clear(&c->text);
	for (struct list *l = c->entries.next; l != &c->entries; l = l->next) {
		struct entry *entry = container_of(l, struct entry, node);

		buf_addf(&c->text, "%s\n", entry->name);
		buf_add(&c->text, buf_head(&entry->lines), buf_size(&entry->lines));
	}
}

void proxy_cache_put(struct proxy_cache *c, const char *name, const struct endpoint_list *active,
		     const struct endpoint_list *inactive)
{
	struct entry *entry;

	if (!c->path)
		return;
	entry = entry_get(c, name);
	buf_clear(&entry->lines);
	add_lines(&entry->lines, "active", active);
	add_lines(&entry->lines, "inactive", inactive);
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
