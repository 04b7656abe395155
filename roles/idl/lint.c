/* tars idl lint: shows what rules find. */
#include "idl/lint.h"

#include <stdio.h>

#include "roles/idl/commands.h"

const struct opt idl_lint_opts[] = {
	OPT("disable", struct idl_lint_conf, disable, NULL, OPT_FLAG_ONLY,
	    "rules to leave out, with ',' between them"),
	OPT("list", struct idl_lint_conf, list, "no", OPT_FLAG_ONLY, "list the rules"),
	OPT("strict", struct idl_lint_conf, strict, "no", OPT_FLAG_ONLY,
	    "fail on warnings, too"),
	{ 0 }
};

static int list_rules(void)
{
	for (const struct lint_rule *r = lint_rules; r->name; r++)
		printf("%-15s  %-7s  %s\n", r->name, lint_severities[r->severity], r->text);
	return EXIT_ASKED;
}

static int print_findings(const struct lint *l, bool strict)
{
	int status = EXIT_ASKED;

	for (uint32_t i = 0; i < l->n_findings; i++) {
		const struct lint_finding *f = &l->findings[i];

		printf("%s:%u:%u: %s: %s [%s]\n", f->loc.file->path, f->loc.line, f->loc.col,
		       lint_severities[f->rule->severity], f->text, f->rule->name);
		if (f->rule->severity >= (strict ? LINT_WARNING : LINT_ERROR))
			status = EXIT_FAILED;
	}
	return status;
}

static int lint_one(struct idl_env *env, const char *path, void *arg)
{
	const struct idl_lint_conf *conf = env->call->own;
	struct idl idl;
	struct idl_file *file = idl_env_load(env, &idl, path);
	int status = EXIT_FAILED;
	struct err e = { 0 };
	struct lint l;

	(void)arg;
	if (file && lint_run(&l, &idl, file, conf->disable, &e))
		role_complain(env->call->role, &e);
	else if (file)
		status = print_findings(&l, conf->strict);
	idl_release(&idl);
	return status;
}

int idl_cmd_lint(const struct role_call *call)
{
	const struct idl_lint_conf *conf = call->own;
	int status = idl_check_rules(call, "disable", conf->disable, lint_is_rule, "see --list");

	if (status)
		return status;
	if (conf->list)
		return list_rules();
	if (call->argc)
		return idl_env_each(call, lint_one, NULL);
	fprintf(stderr, "tars: idl: lint: too few arguments: wants FILE... (see --help)\n");
	return EXIT_USAGE;
}
