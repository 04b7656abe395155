/* Commands of tools: finding the row that the command line names, among options. */
#include "proto/text.h"
#include "roles/role.h"

/* Options of a command may stand before its name, so those of all commands count. */
static const struct opt *find_option(const struct role *role, const char *name)
{
	const struct opt *o = role->opts ? opt_find(role->opts, name) : NULL;

	if (!o)
		o = opt_find(role_basic_opts, name);
	for (const struct role_command *c = role->commands; !o && c->name; c++)
		o = c->opts ? opt_find(c->opts, name) : NULL;
	return o;
}

static bool takes_next(const struct role *role, const char *arg)
{
	const struct opt *o;

	if (strncmp(arg, "--", 2) != 0 || strchr(arg, '='))
		return false;
	o = find_option(role, arg + 2);
	return o && o->type != OPT_TYPE_BOOL;
}

const char *role_command_name(const struct role *role, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			return i + 1 < argc ? argv[i + 1] : NULL;
		if (*argv[i] != '-')
			return argv[i];
		i += takes_next(role, argv[i]);
	}
	return NULL;
}

const struct role_command *role_command_find(const struct role *role, const char *name,
					     struct err *e)
{
	struct text_nearest near;
	struct buf names = BUF_INIT;

	text_nearest_init(&near, name);
	for (const struct role_command *c = role->commands; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
		text_nearest_try(&near, c->name);
	}
	if (near.best) {
		err_set(e, TARS_EARG, "'%s' is not a command (did you mean %s?)", name, near.best);
		return NULL;
	}
	for (const struct role_command *c = role->commands; c->name; c++)
		buf_addf(&names, "%s%s", c == role->commands ? "" : ", ", c->name);
	err_set(e, TARS_EARG, "'%s' is not a command; there are %s", name, buf_str(&names));
	buf_release(&names);
	return NULL;
}

void role_print_commands(struct buf *b, const struct role *role)
{
	size_t width = 0;

	for (const struct role_command *c = role->commands; c->name; c++)
		width = strlen(c->name) > width ? strlen(c->name) : width;
	buf_add_str(b, "\ncommands:\n");
	for (const struct role_command *c = role->commands; c->name; c++)
		buf_addf(b, "  %-*s  %s\n", (int)width, c->name, c->summary);
	buf_addf(b, "\n`tars %s COMMAND --help` shows the arguments and options of a command.\n",
		 role->name);
}

void role_print_command(struct buf *b, const struct role *role, const struct role_command *c)
{
	buf_addf(b, "usage: tars %s %s [options]%s%s\n\n%s: %s\n", role->name, c->name,
		 c->args ? " " : "", c->args ? c->args : "", c->name, c->summary);
	if (c->opts && c->opts->name) {
		buf_add_str(b, "\noptions:\n");
		opt_print_help(b, c->opts);
	}
}
