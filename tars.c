/* The executable: the table of roles, help and version. */
#include <stdio.h>
#include <string.h>

#include "proto/text.h"
#include "roles/role.h"

const struct role *const tars_roles[] = {
	/* services */
	&registry_role, &node_role, &config_role, &stat_role, &log_role, &patch_role, &app_role,
	&up_role,
	/* tools */
	&bench_role, &call_role, &completion_role, &ctl_role, &db_role, &decode_role, &down_role,
	&encode_role, &idl_role, &tb_role,
	NULL
};

static void list(FILE *out, const char *title, bool services)
{
	fprintf(out, "\n%s:\n", title);
	for (const struct role *const *r = tars_roles; *r; r++)
		if (services == ((*r)->init != NULL))
			fprintf(out, "  %-10s %s\n", (*r)->name, (*r)->summary);
}

static void print_help(FILE *out)
{
	fputs("usage: tars ROLE [options] [arguments]\n"
	      "       tars help [ROLE [COMMAND]]\n"
	      "       tars version\n", out);
	list(out, "services", true);
	list(out, "tools", false);
	fputs("\n`tars help ROLE` shows the options of a role.\n", out);
}

static const struct role *find_role(const char *name)
{
	struct text_nearest near;

	text_nearest_init(&near, name);
	text_nearest_try(&near, "help");
	text_nearest_try(&near, "version");
	for (const struct role *const *r = tars_roles; *r; r++) {
		if (!strcmp((*r)->name, name))
			return *r;
		text_nearest_try(&near, (*r)->name);
	}
	if (near.best)
		fprintf(stderr, "tars: '%s' is not a role (did you mean %s?)\n", name, near.best);
	else
		fprintf(stderr, "tars: '%s' is not a role (see tars help)\n", name);
	return NULL;
}

/* A link to the executable that has the name of a role is that role, as `tb` of TarsBenchmark. */
static const struct role *role_of_link(const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL;
	const char *name = slash ? slash + 1 : program ? program : "";

	for (const struct role *const *r = tars_roles; *r; r++)
		if (!strcmp((*r)->name, name))
			return *r;
	return NULL;
}

static bool is_help(const char *arg)
{
	return !strcmp(arg, "help") || !strcmp(arg, "--help") || !strcmp(arg, "-h");
}

int main(int argc, char **argv)
{
	static char help[] = "--help";
	const struct role *role = role_of_link(argv[0]);

	if (role)
		return role_main(role, argc - 1, argv + 1);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "version") || !strcmp(argv[1], "--version")) {
		printf("tars %s\n", TARS_VERSION);
		return EXIT_ASKED;
	}
	if (is_help(argv[1]) && argc < 3) {
		print_help(stdout);
		return EXIT_ASKED;
	}
	role = find_role(is_help(argv[1]) ? argv[2] : argv[1]);
	if (!role)
		return EXIT_USAGE;
	if (is_help(argv[1]))
		argv[2] = help; /* also of a command of the role, if one is named behind it */
	return role_main(role, argc - 2, argv + 2);
}
