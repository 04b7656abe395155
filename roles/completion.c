/* tars completion: what a shell offers behind a tars command line, from the tables of the roles. */
#include <stdio.h>
#include <string.h>

#include "proto/text.h"
#include "roles/role.h"

/* A command line up to the cursor, behind "tars": the last word is what has been typed of it. */
struct typed_line {
	char **words;
	int n;
	struct buf *out;
};

static const char *last(const struct typed_line *l)
{
	return l->words[l->n - 1];
}

/* "candidate<TAB>help", if it continues what has been typed. */
static void offer(struct typed_line *l, const char *before, const char *word, size_t n, const char *help)
{
	char text[128];

	snprintf(text, sizeof(text), "%s%.*s", before, (int)n, word);
	if (!strncmp(text, last(l), strlen(last(l))))
		buf_addf(l->out, "%s\t%s\n", text, help);
}

static void offer_roles(struct typed_line *l)
{
	for (const struct role *const *r = tars_roles; *r; r++)
		offer(l, "", (*r)->name, strlen((*r)->name), (*r)->summary);
}

/* First words; or, behind a noun, its verbs. */
static void offer_commands(struct typed_line *l, const struct role *role, const char *noun)
{
	const char *before = "";

	for (const struct role_command *c = role->commands; c->name; c++) {
		size_t n = strcspn(c->name, " ");

		if (noun && c->name[n] && !strncmp(c->name, noun, n) && !noun[n])
			offer(l, "", c->name + n + 1, strlen(c->name + n + 1), c->summary);
		else if (!noun && !c->name[n])
			offer(l, "", c->name, n, c->summary);
		else if (!noun && (strncmp(before, c->name, n) || before[n] != ' '))
			offer(l, "", c->name, n, "what there is to do with it");
		before = c->name;
	}
	if (noun || !role->noun || !*last(l))
		return;
	for (const struct role_command *c = role->commands; c->name; c++) {
		size_t n = strlen(role->noun);

		if (!strncmp(c->name, role->noun, n) && c->name[n] == ' ')
			offer(l, "", c->name + n + 1, strlen(c->name + n + 1), c->summary);
	}
}

static void offer_options(struct typed_line *l, const struct opt *opts)
{
	for (const struct opt *o = opts; o->name; o++)
		offer(l, opt_is_on(o) ? "--no-" : "--", o->name, strlen(o->name), o->help);
}

/* "text|json": each of them behind `before`. */
static void offer_choices(struct typed_line *l, const char *before, const char *choices)
{
	while (*choices) {
		size_t n = strcspn(choices, "|");

		offer(l, before, choices, n, "");
		choices += n + (choices[n] == '|');
	}
}

static const struct role *find_role(const char *name)
{
	for (const struct role *const *r = tars_roles; *r; r++)
		if (!strcmp((*r)->name, name))
			return *r;
	return NULL;
}

/* What may stand behind the name of a role, and perhaps of one of its commands. */
struct places {
	const struct opt *opts[4];
	size_t n;
};

static const struct opt *find_option(const struct places *p, const char *word)
{
	const struct opt *o = NULL;
	char name[64];

	if (word[0] != '-' || !word[1])
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (size_t i = 0; i < p->n && !o; i++)
		o = word[1] == '-' ? opt_find(p->opts[i], name) :
			!word[2] ? opt_find_letter(p->opts[i], word[1]) : NULL;
	return o;
}

/* The value of an option: its choices, or nothing, so that the shell offers files. */
static void offer_value(struct typed_line *l, const struct opt *o, const char *before)
{
	if (o->choices)
		offer_choices(l, before, o->choices);
	else if (o->type == OPT_TYPE_BOOL)
		offer_choices(l, before, "yes|no");
}

static void complete_role(struct typed_line *l, const struct role *role, bool is_help)
{
	struct places p = { .opts = { role_basic_opts }, .n = 1 };
	const char *word = last(l), *before = l->n > 2 ? l->words[l->n - 2] : "";
	struct err unknown;
	struct role_pick pick = role_command_pick(role, l->n - 2, l->words + 1, &unknown);
	const struct role_command *command = pick.command;
	const struct opt *o;
	char flag[80];

	if (role->init)
		p.opts[p.n++] = role_service_opts;
	if (role->opts)
		p.opts[p.n++] = role->opts;
	if (command && command->opts)
		p.opts[p.n++] = command->opts;
	o = find_option(&p, before);
	if (o && o->type != OPT_TYPE_BOOL && !strchr(before, '=')) {
		offer_value(l, o, "");
	} else if (strchr(word, '=')) {
		o = find_option(&p, word);
		snprintf(flag, sizeof(flag), "%.*s=", (int)strcspn(word, "="), word);
		if (o)
			offer_value(l, o, flag);
	} else if (*word == '-') {
		for (size_t i = 0; i < p.n && !is_help; i++)
			offer_options(l, p.opts[i]);
	} else if (role->commands && (!pick.word || pick.noun)) {
		offer_commands(l, role, pick.noun);
	}
}

static int words(const struct role_call *call)
{
	struct buf out = BUF_INIT;
	struct typed_line l = { call->argv, call->argc, &out };
	const struct role *role;
	bool is_help;
	int status;

	is_help = l.n > 1 && !strcmp(l.words[0], "help");
	if (is_help) {
		l.words++;
		l.n--;
	}
	role = l.n > 1 ? find_role(l.words[0]) : NULL;
	if (role) {
		complete_role(&l, role, is_help);
	} else if (l.n == 1) {
		offer_roles(&l);
		if (!is_help) {
			offer(&l, "", "help", strlen("help"), "what there is, or about a role");
			offer(&l, "", "version", strlen("version"), "the version");
		}
	}
	status = role_print(call->role->name, &out);
	buf_release(&out);
	return status;
}

/* Bash makes words of "--flag=value" in three pieces, and offers what stands behind the last. */
static const char bash_text[] =
	"_tars() {\n"
	"\tlocal line word=${COMP_WORDS[COMP_CWORD]} n=$((COMP_CWORD - 1)) before=\n"
	"\tif [ \"$word\" = = ]; then\n"
	"\t\tword= n=$((n - 1)) before=${COMP_WORDS[COMP_CWORD - 1]}=\n"
	"\telif [ \"$n\" -gt 1 ] && [ \"${COMP_WORDS[n]}\" = = ]; then\n"
	"\t\tn=$((n - 2)) before=${COMP_WORDS[COMP_CWORD - 2]}=\n"
	"\tfi\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tline=${line%%$'\\t'*}\n"
	"\t\tCOMPREPLY+=(\"${line#\"$before\"}\")\n"
	"\tdone < <(\"${COMP_WORDS[0]}\" completion words -- \"${COMP_WORDS[@]:1:n}\" \\\n"
	"\t\t\"$before$word\" 2>/dev/null)\n"
	"}\n"
	"complete -o default -F _tars tars\n";

static const char zsh_text[] =
	"#compdef tars\n"
	"_tars() {\n"
	"\tlocal line\n"
	"\tlocal -a found\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tfound+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
	"\tdone < <(\"${words[1]}\" completion words -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
	"\tif (( $#found )); then\n"
	"\t\t_describe tars found\n"
	"\telse\n"
	"\t\t_files\n"
	"\tfi\n"
	"}\n"
	"compdef _tars tars\n";

static const char fish_text[] =
	"function __tars_words\n"
	"\tset -l line (commandline -opc) (commandline -ct)\n"
	"\tset -l found ($line[1] completion words -- $line[2..-1] 2>/dev/null)\n"
	"\tif set -q found[1]\n"
	"\t\tprintf '%s\\n' $found\n"
	"\telse\n"
	"\t\t__fish_complete_path (commandline -ct)\n"
	"\tend\n"
	"end\n"
	"complete -c tars -f -a '(__tars_words)'\n";

static int script(const struct role_call *call)
{
	struct buf out = BUF_INIT;
	int status;

	buf_add_str(&out, call->command->detail);
	status = role_print(call->role->name, &out);
	buf_release(&out);
	return status;
}

static const struct role_command commands[] = {
	{ "bash", NULL, "for ~/.bashrc: source <(tars completion bash)", NULL, 0, script, bash_text },
	{ "fish", NULL, "for config.fish: tars completion fish | source", NULL, 0, script, fish_text },
	{ "words", "WORD...", "what can stand for the last word of \"tars WORD...\", with its help",
	  NULL, 0, words, NULL },
	{ "zsh", NULL, "for ~/.zshrc, behind compinit: source <(tars completion zsh)", NULL, 0, script,
	  zsh_text },
	{ 0 }
};

const struct role completion_role = {
	.name = "completion",
	.summary = "completion of tars command lines for bash, fish and zsh",
	.commands = commands,
};
