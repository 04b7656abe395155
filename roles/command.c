/* Commands of tools: finding the row that the command line names, among options. */
#include "proto/text.h"
#include "roles/role.h"

/* Options of a command may stand before its name, so those of all commands count. */
static const struct opt *find_option(const struct role *role, const char *name)
{
	const struct opt *o = role->opts ? opt_find(role->opts, name) : NULL;

	if (!o)
		o = opt_find(role_basic_opts, name);
	if (!o && role->init)
		o = opt_find(role_service_opts, name);
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

/* The first arguments that are no options and no option's values. */
static int first_words(const struct role *role, int argc, char **argv, const char **words, int max)
{
	int n = 0;

	for (int i = 0; i < argc && n < max; i++) {
		if (!strcmp(argv[i], "--")) {
			while (++i < argc && n < max)
				words[n++] = argv[i];
		} else if (*argv[i] != '-') {
			words[n++] = argv[i];
		} else {
			i += takes_next(role, argv[i]);
		}
	}
	return n;
}

/* "server list" is named by both words; "list" by the role's usual noun. */
static const struct role_command *find(const struct role *role, const char *noun, const char *verb)
{
	size_t n = noun ? strlen(noun) : 0;

	for (const struct role_command *c = role->commands; c->name; c++)
		if (!noun ? !strcmp(c->name, verb) :
			    !strncmp(c->name, noun, n) && c->name[n] == ' ' &&
			    !strcmp(c->name + n + 1, verb))
			return c;
	return NULL;
}

static bool is_noun(const struct role *role, const char *word)
{
	size_t n = strlen(word);

	for (const struct role_command *c = role->commands; c->name; c++)
		if (!strncmp(c->name, word, n) && c->name[n] == ' ')
			return true;
	return false;
}

/* What there is instead: of this noun, or all first words. */
static void put_names(struct buf *b, const struct role *role, const char *noun)
{
	const char *last = "";
	size_t last_n = 0;

	for (const struct role_command *c = role->commands; c->name; c++) {
		size_t n = strcspn(c->name, " ");
		const char *name = c->name;

		if (noun && (strncmp(name, noun, n) || noun[n] || !name[n]))
			continue;
		if (noun) {
			name += n + 1;
			n = strlen(name);
		}
		if (n == last_n && !strncmp(name, last, n))
			continue;
		buf_addf(b, "%s%.*s", last_n ? ", " : "", (int)n, name);
		last = name;
		last_n = n;
	}
}

static void refuse(const struct role *role, const char *noun, const char *word, struct err *e)
{
	struct text_nearest near;
	struct buf names = BUF_INIT;

	text_nearest_init(&near, word);
	for (const struct role_command *c = role->commands; c->name; c++) {
		const char *blank = strchr(c->name, ' ');

		if (!blank || (noun && !strncmp(c->name, noun, strlen(noun))) ||
		    (role->noun && !strncmp(c->name, role->noun, strlen(role->noun))))
			text_nearest_try(&near, blank ? blank + 1 : c->name);
	}
	put_names(&names, role, noun);
	if (near.best)
		err_set(e, TARS_EARG, "'%s' is not a command (did you mean %s%s%s?)", word,
			noun ? noun : "", noun ? " " : "", near.best);
	else
		err_set(e, TARS_EARG, "'%s%s%s' is not a command; there are %s", noun ? noun : "",
			noun ? " " : "", word, buf_str(&names));
	buf_release(&names);
}

struct role_pick role_command_pick(const struct role *role, int argc, char **argv, struct err *e)
{
	const char *words[2] = { NULL, NULL };
	int n = role->commands ? first_words(role, argc, argv, words, 2) : 0;
	struct role_pick pick = { .word = words[0] };
	struct buf verbs = BUF_INIT;

	if (!n)
		return pick;
	pick.n_words = 1;
	pick.command = find(role, NULL, words[0]);
	if (!pick.command && n == 2) {
		pick.command = find(role, words[0], words[1]);
		pick.n_words = pick.command ? 2 : 1;
	}
	if (!pick.command && role->noun)
		pick.command = find(role, role->noun, words[0]);
	if (pick.command)
		return pick;
	if (is_noun(role, words[0]) && n == 1) {
		pick.noun = words[0];
		put_names(&verbs, role, words[0]);
		err_set(e, TARS_EARG, "%s: say what to do: %s", words[0], buf_str(&verbs));
		buf_release(&verbs);
	} else if (is_noun(role, words[0])) {
		pick.noun = words[0];
		refuse(role, words[0], words[1], e);
	} else {
		refuse(role, NULL, words[0], e);
	}
	return pick;
}

void role_print_commands(struct buf *b, const struct role *role)
{
	size_t width = 0;

	for (const struct role_command *c = role->commands; c->name; c++)
		width = strlen(c->name) > width ? strlen(c->name) : width;
	buf_add_str(b, "\ncommands:\n");
	for (const struct role_command *c = role->commands; c->name; c++)
		buf_addf(b, "  %-*s  %s\n", (int)width, c->name, c->summary);
	if (role->noun)
		buf_addf(b, "\nThe word '%s' may be left out.\n", role->noun);
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
	if (c->example)
		buf_addf(b, "\nexample:\n  %s\n", c->example);
}
