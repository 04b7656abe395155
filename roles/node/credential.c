/* The credential that a node got when it joined: its file, and how calls show it. */
#include "roles/node/credential.h"

#include <string.h>

#include "core/sys/files.h"
#include "roles/platform.h"

enum { MAX_FILE = 4096 };

const char *credential_path(const char *root, struct arena *a)
{
	return arena_strf(a, "%s/tarsnode/credential", root);
}

/* "NODE SECRET\n". */
int credential_read(const char *root, struct credential *c, struct arena *a, struct err *e)
{
	const char *path = credential_path(root, a), *text;
	size_t n, name, secret;
	int rc = file_read(path, MAX_FILE, a, &text, &n, e);

	if (rc < 0)
		return rc;
	name = strcspn(text, " \n");
	secret = text[name] == ' ' ? strcspn(text + name + 1, " \n") : 0;
	if (!name || !secret || strcmp(text + name + 1 + secret, "\n") != 0)
		return err_set(e, TARS_ECONF, "%s is damaged: remove it, and join again with tars "
			       "node install", path);
	c->node = arena_memdup(a, text, name);
	c->secret = arena_memdup(a, text + name + 1, secret);
	return 0;
}

int credential_write(const char *root, const struct credential *c, struct arena *a, struct err *e)
{
	const char *text = arena_strf(a, "%s %s\n", c->node, c->secret);

	return file_write(credential_path(root, a), text, strlen(text), 0600, e);
}

const struct tars_string_string_map *credential_context(const struct credential *c, struct arena *a)
{
	struct tars_string_string_map *map = ARENA_NEW(a, struct tars_string_string_map);

	map->v = arena_alloc(a, sizeof(*map->v));
	map->n = 1;
	map->v->key = TARS_STR(PLATFORM_NODE_SECRET);
	map->v->val = (struct tars_str){ c->secret, (uint32_t)strlen(c->secret) };
	return map;
}
