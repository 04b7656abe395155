/* Writes tars_start.sh and tars_stop.sh. */
#include "roles/node/script.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys/files.h"


enum { SEARCH_DEPTH = 8 };

void script_word(struct buf *b, const char *word)
{
	if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789_@%+=:,./-") == strlen(word)) {
		buf_add_str(b, word);
		return;
	}
	buf_add_u8(b, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_add_str(b, "'\\''");
		else
			buf_add_u8(b, (uint8_t)*word);
	}
	buf_add_u8(b, '\'');
}

static void add_arg(struct buf *b, const char *word)
{
	buf_add_u8(b, ' ');
	script_word(b, word);
}

/* Words separated by blanks, each quoted: nothing in a template is run by the shell. */
static void add_args(struct buf *b, const char *words)
{
	while (*(words += strspn(words, " \t"))) {
		size_t n = strcspn(words, " \t");
		char *word = strndup(words, n);

		add_arg(b, word);
		free(word);
		words += n;
	}
}

/* ---- environment ---- */

static bool is_name(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalpha((unsigned char)p[i]) && p[i] != '_' &&
		    (i == 0 || !isdigit((unsigned char)p[i])))
			return false;
	return n > 0;
}

/* Between double quotes: variables expand ($PATH:/x is what people write), commands do not run. */
static void add_value(struct buf *b, const char *p, size_t n)
{
	if (n >= 2 && (*p == '"' || *p == '\'') && p[n - 1] == *p) {
		p++;
		n -= 2;
	}
	buf_add_u8(b, '"');
	for (size_t i = 0; i < n; i++) {
		bool is_variable = p[i] == '$' && i + 1 < n &&
				   (isalpha((unsigned char)p[i + 1]) || p[i + 1] == '_' ||
				    (p[i + 1] == '{' && is_name(p + i + 2, strcspn(p + i + 2,
										   "}"))));

		if (strchr("\"\\`", p[i]) || (p[i] == '$' && !is_variable))
			buf_add_u8(b, '\\');
		buf_add_u8(b, (uint8_t)p[i]);
	}
	buf_add_u8(b, '"');
}

int script_env(struct buf *b, const char *env, struct err *e)
{
	while (*(env += strspn(env, ";| \t"))) {
		size_t n = strcspn(env, ";|"), name = 0;
		const char *item = env;

		env += n;
		while (n && (item[n - 1] == ' ' || item[n - 1] == '\t'))
			n--;
		while (name < n && item[name] != '=')
			name++;
		if (!is_name(item, name))
			return err_set(e, TARS_ECONF, "env item '%.*s' of the template is not "
				       "NAME=value",
				       (int)n, item);
		buf_addf(b, "export %.*s", (int)name, item);
		if (name < n) {
			buf_add_u8(b, '=');
			add_value(b, item + name + 1, n - name - 1);
		}
		buf_add_u8(b, '\n');
	}
	return 0;
}

/* Of the operator, so over the template's. */
static void add_own_env(const char *const *env, struct buf *b)
{
	for (; env && *env; env++) {
		size_t name = strcspn(*env, "=");

		buf_addf(b, "export %.*s=", (int)name, *env);
		script_word(b, *env + name + 1);
		buf_add_u8(b, '\n');
	}
}

/* ---- looking for the program ---- */

static int is_entry(const struct dirent *d)
{
	return strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
}

/* What a search looks into, and what it wants. */
struct search {
	bool (*enter)(const char *name);
	bool (*found)(const char *path, const char *name);
};

/* The first wanted entry, by name, exactly `depth` levels below dir. */
static const char *search_level(const struct search *s, const char *dir, unsigned depth,
				struct arena *a)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_entry, alphasort);
	const char *hit = NULL, *path;
	struct stat st;

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (!hit) {
			path = arena_strf(a, "%s/%s", dir, name);
			if (depth == 0)
				hit = s->found(path, name) ? path : NULL;
			else if (s->enter(name) && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
				hit = search_level(s, path, depth - 1, a);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return hit;
}

/* The highest one. */
static const char *search(const struct search *s, const char *dir, struct arena *a)
{
	const char *hit = NULL;

	for (unsigned depth = 0; depth < SEARCH_DEPTH && !hit; depth++)
		hit = search_level(s, dir, depth, a);
	return hit;
}

static bool enter_any(const char *name)
{
	return *name != '.';
}

static bool is_server_program(const char *path, const char *name)
{
	return strcasestr(name, "server") && file_is_program(path);
}

static bool enter_sources(const char *name)
{
	return strcmp(name, "node_modules") && strcmp(name, "tars_nodejs") && *name != '.';
}

static bool is_package(const char *path, const char *name)
{
	return !strcmp(name, "package.json") && file_is_regular(path);
}

static const struct search for_program = { enter_any, is_server_program };
static const struct search for_package = { enter_sources, is_package };

/* ---- commands ---- */

static int missing_program(const struct script_in *in, struct err *e)
{
	const char *exe = in->paths->exe;

	if (file_is_regular(exe))
		return err_set(e, TARS_ENOTFOUND, "%s: %s is not executable: chmod +x it, or "
			       "release "
			       "the package again", in->id, exe);
	return err_set(e, TARS_ENOTFOUND, "%s: there is no program %s: release a package with it, "
		       "or correct the exe path of the service", in->id, exe);
}

static int command_native(const struct script_in *in, struct arena *a, struct buf *b, struct err *e)
{
	const char *exe = in->paths->exe;

	if (!file_is_program(exe) && !in->paths->exe_is_given)
		exe = search(&for_program, in->paths->bin, a);
	if (!exe || !file_is_program(exe))
		return missing_program(in, e);
	script_word(b, exe);
	add_arg(b, arena_strf(a, "--config=%s", in->paths->conf));
	return 0;
}

static int command_c(const struct script_in *in, struct arena *a, struct buf *b, struct err *e)
{
	const char *exe = in->paths->exe;
	size_t n = strlen(exe);

	if (!in->paths->exe_is_given && !file_is_regular(exe)) {
		exe = arena_strf(a, "%s.so", exe);
		n += 3;
	}
	if (n < 3 || strcmp(exe + n - 3, ".so") != 0)
		return command_native(in, a, b, e);
	if (!file_is_regular(exe))
		return missing_program(in, e);
	script_word(b, in->node->self);
	add_arg(b, "app");
	add_arg(b, exe);
	add_arg(b, arena_strf(a, "--config=%s", in->paths->conf));
	return 0;
}

static int command_java(const struct script_in *in, struct arena *a, struct buf *b)
{
	const struct service_conf *c = in->conf;
	const char *java = *c->java ? c->java : "java";

	if (in->paths->exe_is_given && file_is_regular(in->paths->exe))
		java = in->paths->exe;
	script_word(b, java);
	add_arg(b, arena_strf(a, "-Dconfig=%s", in->paths->conf));
	add_args(b, c->jvmparams);
	if (strcasecmp(c->package_format, "jar") != 0) {
		add_arg(b, "-cp");
		add_arg(b, arena_strf(a, "%s/*", c->classpath));
	}
	add_args(b, c->mainclass);
	return 0;
}

static int command_nodejs(const struct script_in *in, struct arena *a, struct buf *b)
{
	const char *base = arena_memdup(a, in->paths->base, strlen(in->paths->base) - 1);
	const char *node = arena_strf(a, "%s/tars_nodejs/node", in->paths->base);
	const char *package = search(&for_package, base, a);

	script_word(b, file_is_program(node) ? node : "node");
	add_arg(b, arena_strf(a, "%s/tars_nodejs/node-agent/bin/node-agent", base));
	add_arg(b, package ? arena_memdup(a, package, (size_t)(strrchr(package, '/') - package))
			   : base);
	add_arg(b, "-c");
	add_arg(b, in->paths->conf);
	return 0;
}

static int command_php(const struct script_in *in, struct arena *a, struct buf *b)
{
	const struct service_conf *c = in->conf;
	const char *php = file_is_program(c->php) ? c->php : "php";

	if (in->paths->exe_is_given && file_is_regular(in->paths->exe))
		php = in->paths->exe;
	script_word(b, php);
	add_arg(b, *c->entrance ? c->entrance : arena_strf(a, "%ssrc/index.php", in->paths->base));
	add_arg(b, arena_strf(a, "--config=%s", in->paths->conf));
	return 0;
}

static int command(const struct script_in *in, struct arena *a, struct buf *b, struct err *e)
{
	switch (in->paths->type) {
	case TYPE_C:
		return command_c(in, a, b, e);
	case TYPE_JAVA:
		return command_java(in, a, b);
	case TYPE_NODEJS:
		return command_nodejs(in, a, b);
	case TYPE_PHP:
		return command_php(in, a, b);
	case TYPE_NATIVE:
	case TYPE_NOT_TARS:
		break;
	}
	return command_native(in, a, b, e);
}

/* ---- scripts ---- */

static int add_prologue(const struct script_in *in, struct buf *b, struct err *e)
{
	buf_add_str(b, "#!/bin/sh\n# Written by tars node at each start: changes are lost.\n"
		       "[ -r /etc/profile ] && . /etc/profile\n");
	if (script_env(b, in->conf->env, e) < 0)
		return err_wrap(e, "%s", in->id);
	buf_add_str(b, "export LD_LIBRARY_PATH=\"${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}\"");
	script_word(b, in->paths->base);
	buf_add_u8(b, ':');
	script_word(b, in->node->data);
	buf_add_str(b, "/lib/\n");
	add_own_env(in->env, b);
	return 0;
}

int script_start(const struct script_in *in, struct buf *b, struct err *e)
{
	struct arena a;
	int rc;

	arena_init(&a, NULL, 0);
	rc = add_prologue(in, b, e);
	if (rc == 0) {
		/* exec keeps the pid: the node sees the service itself end, with its status. */
		buf_add_str(b, "echo $$ > ");
		script_word(b, in->paths->script_pid);
		buf_add_str(b, "\nexec ");
		rc = command(in, &a, b, e);
		for (const char *const *arg = in->args; arg && *arg; arg++)
			add_arg(b, *arg);
		buf_add_u8(b, '\n');
	}
	arena_clear(&a);
	return rc;
}

int script_stop(const struct script_in *in, struct buf *b, struct err *e)
{
	struct arena a;
	int rc;

	arena_init(&a, NULL, 0);
	rc = add_prologue(in, b, e);
	if (rc == 0) {
		rc = command_php(in, &a, b);
		buf_add_str(b, " stop\n");
	}
	arena_clear(&a);
	return rc;
}
