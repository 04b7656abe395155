/* tars idl breaking: what of a new version old code cannot live with. */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "idl/compat.h"
#include "idl/lex.h"
#include "roles/idl/commands.h"

const struct opt idl_breaking_opts[] = {
	OPT("all", struct idl_breaking_conf, all, "no", OPT_FLAG_ONLY,
	    "list what is compatible, too"),
	OPT("binary-only", struct idl_breaking_conf, binary_only, "no", OPT_FLAG_ONLY,
	    "nobody calls by TUP (as PHP does) or JSON: names do not matter"),
	OPT("ignore", struct idl_breaking_conf, ignore, NULL, OPT_FLAG_ONLY,
	    "rules to leave out, with ',' between them"),
	OPT("servers-first", struct idl_breaking_conf, servers_first, "no", OPT_FLAG_ONLY,
	    "servers are replaced before their clients: old code writes requests and reads "
	    "replies only"),
	{ 0 }
};

/* The files of one version, each loaded by itself: copies of files do not clash then. */
struct version {
	struct idl_env *env;
	struct arena arena;
	struct idl **idls;
	uint32_t n;
};

static int load_file(struct version *v, const char *path)
{
	struct idl **idl = IDL_PUSH(&v->arena, v->idls, v->n);

	*idl = arena_alloc(&v->arena, sizeof(**idl));
	return idl_env_load(v->env, *idl, path) ? 0 : EXIT_DATA;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_source(const FTSENT *entry)
{
	const char *dot = strrchr(entry->fts_name, '.');

	return entry->fts_info == FTS_F && dot && !strcmp(dot, ".tars");
}

/* All .tars files below, in the order of their names. */
static int load_directory(struct version *v, const char *path)
{
	char *const roots[] = { (char *)path, NULL };
	FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
	FTSENT *entry;
	int status = 0;

	while (tree && (entry = fts_read(tree)))
		if (is_source(entry))
			status |= load_file(v, entry->fts_path);
	if (tree)
		fts_close(tree);
	if (!status && !v->n) {
		fprintf(stderr, "tars: idl: breaking: no .tars file is below '%s'\n", path);
		return EXIT_DATA;
	}
	return status;
}

static int load(struct version *v, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") != 0 && !stat(path, &st) && S_ISDIR(st.st_mode))
		return load_directory(v, path);
	return load_file(v, path);
}

static void release(struct version *v)
{
	for (uint32_t i = 0; i < v->n; i++)
		idl_release(v->idls[i]);
	arena_clear(&v->arena);
}

static int print_changes(const struct compat *c, bool all)
{
	static const char *const levels[] = {
		[COMPAT_OK] = "compatible", [COMPAT_WARNING] = "warning",
		[COMPAT_BREAKING] = "breaking",
	};
	int status = EXIT_ASKED;

	for (uint32_t i = 0; i < c->n_changes; i++) {
		const struct compat_change *change = &c->changes[i];

		if (change->level == COMPAT_BREAKING)
			status = EXIT_FAILED;
		if (change->level != COMPAT_OK || all)
			printf("%s:%u:%u: %s: %s: %s [%s]\n", change->loc.file->path,
			       change->loc.line, change->loc.col, levels[change->level],
			       change->subject, change->text, change->rule->name);
	}
	return status;
}

static int compare(struct idl_env *env, const struct version *old, const struct version *new)
{
	const struct idl_breaking_conf *conf = env->call->own;
	struct compat c;
	int status;

	compat_init(&c, &(struct compat_options){
		.servers_first = conf->servers_first, .binary_only = conf->binary_only,
		.ignore = conf->ignore,
	});
	for (uint32_t i = 0; i < old->n; i++)
		compat_add(&c, &c.old, old->idls[i]);
	for (uint32_t i = 0; i < new->n; i++)
		compat_add(&c, &c.new, new->idls[i]);
	compat_run(&c);
	status = print_changes(&c, conf->all);
	compat_release(&c);
	return status;
}

int idl_cmd_breaking(const struct role_call *call)
{
	const struct idl_breaking_conf *conf = call->own;
	struct version old = { 0 }, new = { 0 };
	struct idl_env env;
	int status;

	status = idl_check_rules(call, "ignore", conf->ignore, compat_is_rule,
				 "they stand in brackets behind what they find");
	if (status)
		return status;
	idl_env_init(&env, call);
	old.env = new.env = &env;
	arena_init(&old.arena, NULL, 0);
	arena_init(&new.arena, NULL, 0);
	status = load(&old, call->argv[0]) | load(&new, call->argv[1]);
	if (!status)
		status = compare(&env, &old, &new);
	release(&old);
	release(&new);
	idl_env_release(&env);
	return status;
}
