/* Paths and type of a managed server, from names that are checked first. */
#include "roles/node/paths.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "if/RegistryF.h"

enum { MAX_NAME = 64 };

bool name_is_safe(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= MAX_NAME && *name != '-' &&
	       strspn(name,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

/* Blanks around a value are slips of a form in the console. */
static const char *trimmed(struct arena *a, const struct tars_str *s)
{
	const char *p = s->p, *end = s->p + s->n;

	while (p < end && isspace((unsigned char)*p))
		p++;
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	return arena_memdup(a, p, (size_t)(end - p));
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* Removes empty, "." and ".." parts of an absolute path; NULL if it climbs above the root. */
static char *cleaned(struct arena *a, const char *path)
{
	size_t size = strlen(path) + 2, n = 0;
	char *out = arena_alloc(a, size);

	for (const char *p = path; *p;) {
		size_t part = strcspn(p, "/");

		if (part == 2 && !memcmp(p, "..", 2)) {
			if (n == 0)
				return NULL;
			while (out[--n] != '/')
				;
		} else if (part > 0 && !(part == 1 && *p == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, part);
			n += part;
		}
		p += part;
		p += *p == '/';
	}
	out[n] = '\0';
	return out;
}

static bool is_inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/';
}

static enum server_type type_of(const char *text)
{
	static const struct {
		const char *name;
		enum server_type type;
	} types[] = {
		{ "tars_c", TYPE_C }, { "tars_java", TYPE_JAVA }, { "tars_nodejs", TYPE_NODEJS },
		{ "tars_php", TYPE_PHP }, { "not_tars", TYPE_NOT_TARS },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcasecmp(text, types[i].name))
			return types[i].type;
	return TYPE_NATIVE;
}

/* A path of the descriptor as absolute path: relative ones start at `from` and stay in `within`. */
static int resolved(struct arena *a, const char *from, const char *within, const char *given,
		    const char *what, const char *id, const char **path_r, struct err *e)
{
	const char *path;

	if (has_control(given))
		return err_set(e, TARS_EARG, "%s: %s contains control characters", id, what);
	if (strlen(given) >= PATH_MAX / 2)
		return err_set(e, TARS_EARG, "%s: %s is longer than %d bytes", id, what,
			       PATH_MAX / 2);
	path = cleaned(a, *given == '/' ? given : arena_strf(a, "%s/%s", from, given));
	if (!path || !*path || (*given != '/' && !is_inside(path, within)))
		return err_set(e, TARS_EARG, "%s: %s '%s' leads out of %s; use an absolute path or "
			       "one below it", id, what, given, within);
	*path_r = path;
	return 0;
}

static int script_path(struct arena *a, const struct server_paths *p, const struct tars_str *given,
		       const char *what, const char *id, const char **path_r, struct err *e)
{
	const char *text = trimmed(a, given);

	if (!*text)
		return 0;
	return resolved(a, p->bin, p->dir, text, what, id, path_r, e);
}

static int exe_path(struct arena *a, const struct tars_ServerDescriptor *d, struct server_paths *p,
		    const char *id, struct err *e)
{
	const char *given = trimmed(a, &d->exePath);
	bool absolute = *given == '/';
	int rc;

	p->exe_is_given = *given != '\0';
	rc = resolved(a, p->bin, p->dir, *given ? given : d->serverName.p, "the exe path", id,
		      &p->exe,
		      e);
	if (rc < 0)
		return rc;
	/* An absolute java is the machine's: its directory says nothing about the service. */
	if (absolute && p->type == TYPE_JAVA)
		p->base = arena_strf(a, "%s/", p->bin);
	else
		p->base = arena_memdup(a, p->exe, (size_t)(strrchr(p->exe, '/') - p->exe) + 1);
	return 0;
}

/* Beside the program, as tools expect them; a directory of somebody else's is not written to. */
static void generated_scripts(struct arena *a, struct server_paths *p)
{
	const char *dir = is_inside(p->base, p->dir) ? p->base : arena_strf(a, "%s/", p->bin);

	p->start = arena_strf(a, "%stars_start.sh", dir);
	p->stop = arena_strf(a, "%stars_stop.sh", dir);
	p->script_pid = arena_strf(a, "%s.pid", p->start);
}

static void log_paths(struct arena *a, const char *root, const struct tars_ServerDescriptor *d,
		      struct server_paths *p)
{
	p->log_dir = arena_strf(a, "%s%s%s/%s", root, root[strlen(root) - 1] == '/' ? "" : "/",
				d->application.p, d->serverName.p);
	p->output = arena_strf(a, "%s/%s.%s.log", p->log_dir, d->application.p, d->serverName.p);
}

int paths_log(const struct tars_ServerDescriptor *d, const char *root, struct arena *a,
	      struct server_paths *p, struct err *e)
{
	const char *id = arena_strf(a, "%s.%s", d->application.p, d->serverName.p), *path;
	int rc;

	if (*root != '/')
		return 0;
	rc = resolved(a, "/", "/", root, "logpath of its template", id, &path, e);
	if (rc == 0)
		log_paths(a, path, d, p);
	return rc;
}

int paths_make(const struct node_paths *node, const struct tars_ServerDescriptor *d,
	       struct arena *a, struct server_paths *p, struct err *e)
{
	const char *app = d->application.p, *server = d->serverName.p, *base, *id;
	int rc;

	if (!name_is_safe(app) || !name_is_safe(server))
		return err_set(e, TARS_EARG, "server '%.64s.%.64s': its names may have letters, "
			       "digits, "
			       "'_' and '-' only", app, server);
	memset(p, 0, sizeof(*p));
	id = arena_strf(a, "%s.%s", app, server);
	p->type = type_of(trimmed(a, &d->serverType));

	base = trimmed(a, &d->basePath);
	p->dir = arena_strf(a, "%s/%s", node->data, id);
	if (*base == '/') {
		rc = resolved(a, "/", "/", base, "the base path", id, &p->dir, e);
		if (rc < 0)
			return rc;
	}
	p->bin = arena_strf(a, "%s/bin", p->dir);
	p->conf_dir = arena_strf(a, "%s/conf", p->dir);
	p->conf = arena_strf(a, "%s/%s.config.conf", p->conf_dir, id);
	p->conf_bak = arena_strf(a, "%s.bak", p->conf);
	p->data = arena_strf(a, "%s/data/", p->dir);
	p->pid = arena_strf(a, "%s/%s.pid", p->conf_dir, id);
	p->exit = arena_strf(a, "%s/%s.exit.json", p->conf_dir, id);
	log_paths(a, node->log, d, p);
	if (!strcmp(app, "tars"))
		p->installed_conf = arena_strf(a, "%s/%s/conf/%s.config.conf", node->root, server,
					       id);

	rc = exe_path(a, d, p, id, e);
	if (rc == 0)
		generated_scripts(a, p);
	if (rc == 0)
		rc = script_path(a, p, &d->startScript, "the start script", id, &p->start_script,
				 e);
	if (rc == 0)
		rc = script_path(a, p, &d->stopScript, "the stop script", id, &p->stop_script, e);
	if (rc == 0)
		rc = script_path(a, p, &d->monitorScript, "the monitor script", id,
				 &p->monitor_script, e);
	return rc;
}
