/* Reads the few harmless commands that consoles send for a log; everything else is refused. */
#include "roles/node/logcmd.h"

#include <ctype.h>
#include <string.h>

#include "proto/text.h"

enum { MAX_WORDS = 8 };

#define ALLOWED "allowed are cat, head -n N, tail -n N and grep [-F] [-i] [-v] [-C N] TEXT, in pipes, " \
		"the first of them with __log_file_name__"

static const char file_word[] = "__log_file_name__";

/* One command of the pipe. */
struct words {
	char v[MAX_WORDS][LOG_TEXT + 1];
	unsigned n, used;
};

static int refuse(struct err *e, const char *what, const char *word)
{
	return err_set(e, TARS_EARG, "log command: %s '%.40s': " ALLOWED, what, word);
}

/* ---- words, as a shell cuts them, but without anything that it would expand ---- */

static bool is_plain(unsigned char c)
{
	return c >= 0x80 || isalnum(c) || (c && strchr("_-./,:=+@%", c));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A character inside of quotes: in double ones a shell would expand some. */
static bool is_quotable(unsigned char c, char quote)
{
	if ((c < 0x20 && c != '\t') || c == 0x7f)
		return false;
	return quote == '\'' || !strchr("$`\\!", c);
}

/* The text of a word, with quoted parts. */
static int read_word(const char **p, const char *end, char *word, struct err *e)
{
	char quote = '\0';
	size_t n = 0;

	for (; *p < end && (quote || (!is_blank(**p) && **p != '|')); (*p)++) {
		char c = **p;

		if (quote && c == quote) {
			quote = '\0';
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
		} else if (quote ? !is_quotable((unsigned char)c, quote)
				 : !is_plain((unsigned char)c)) {
			return err_set(e, TARS_EARG, "log command: character 0x%02x is not allowed "
				       "%s: " ALLOWED, (unsigned char)c,
				       quote ? "in quotes" : "outside of quotes");
		} else if (n == LOG_TEXT) {
			return err_set(e, TARS_EARG, "log command: a word is longer than %d bytes",
				       LOG_TEXT);
		} else {
			word[n++] = c;
		}
	}
	word[n] = '\0';
	return quote ? err_set(e, TARS_EARG, "log command: a quote %c is not closed", quote) : 0;
}

/* Up to the next '|' or the end. */
static int read_words(const char **p, const char *end, struct words *w, struct err *e)
{
	int rc;

	w->n = w->used = 0;
	for (;;) {
		while (*p < end && is_blank(**p))
			(*p)++;
		if (*p == end || **p == '|')
			break;
		if (w->n == MAX_WORDS)
			return err_set(e, TARS_EARG, "log command: more than %d words between "
				       "pipes: " ALLOWED, MAX_WORDS);
		rc = read_word(p, end, w->v[w->n++], e);
		if (rc < 0)
			return rc;
	}
	return w->n ? 0 : err_set(e, TARS_EARG, "log command: a command is missing: " ALLOWED);
}

static const char *next_word(struct words *w)
{
	return w->used < w->n ? w->v[w->used++] : NULL;
}

static bool is_option(const struct words *w)
{
	return w->used < w->n && w->v[w->used][0] == '-' && w->v[w->used][1];
}

/* ---- the commands ---- */

static int no_options(struct words *w, struct err *e)
{
	return is_option(w) ? refuse(e, "option", next_word(w)) : 0;
}

/* -n N, -nN, -N; for tail also +N. */
static int read_count(struct words *w, struct log_step *s, struct err *e)
{
	const char *word, *number;

	s->n = 10;
	if (!is_option(w))
		return 0;
	word = next_word(w);
	number = word + 1;
	if (*number == 'n')
		number = number[1] ? number + 1 : next_word(w);
	if (number && *number == '+' && s->op == LOG_TAIL) {
		s->op = LOG_FROM;
		number++;
	}
	if (!number || !isdigit((unsigned char)*number) ||
	    !text_int(number, strlen(number), 0, LOG_LINES, &s->n))
		return err_set(e, TARS_EARG, "log command: '%.40s' is no number of lines, 0 to %d: "
			       ALLOWED, number ? number : word, LOG_LINES);
	return no_options(w, e);
}

/* -A N, -B N, -C N, -AN and so on. */
static int read_context(struct words *w, const char *word, struct log_step *s, struct err *e)
{
	const char *number = word[2] ? word + 2 : next_word(w);
	int64_t n;

	if (!number || !isdigit((unsigned char)*number) ||
	    !text_int(number, strlen(number), 0, LOG_CONTEXT, &n))
		return err_set(e, TARS_EARG, "log command: %.40s takes a number of lines, 0 to %d: "
			       ALLOWED, word, LOG_CONTEXT);
	if (word[1] != 'A')
		s->before = n;
	if (word[1] != 'B')
		s->after = n;
	return 0;
}

static int read_grep(struct words *w, struct log_step *s, struct err *e)
{
	bool is_fixed = false, has_text = false;
	const char *word = NULL;

	while (!has_text && is_option(w)) {
		word = next_word(w);
		if (!strcmp(word, "--"))
			break;
		if (strchr("ABC", word[1])) {
			if (read_context(w, word, s, e) < 0)
				return e->code;
			continue;
		}
		for (const char *p = word + 1; *p; p++) {
			if (!strchr("Five", *p) || (*p == 'e' && p[1]))
				return refuse(e, "option", word);
			is_fixed |= *p == 'F';
			s->ignore_case |= *p == 'i';
			s->invert |= *p == 'v';
			has_text |= *p == 'e';
		}
	}
	word = next_word(w);
	if (!word)
		return err_set(e, TARS_EARG, "log command: grep has no text: " ALLOWED);
	/* A dot stands for itself: who looks for 10.0.0.1 means that. */
	if (!is_fixed && strpbrk(word, "*[]^$\\"))
		return refuse(e, "grep takes text, no pattern (or -F):", word);
	strcpy(s->text, word);
	return no_options(w, e);
}

static int read_cat(struct words *w, struct log_step *s, struct err *e)
{
	(void)s;
	return no_options(w, e);
}

static const struct {
	const char *name;
	enum log_op op;
	bool is_step;
	int (*read)(struct words *w, struct log_step *s, struct err *e);
} commands[] = {
	{ "cat", LOG_FROM, false, read_cat },
	{ "grep", LOG_GREP, true, read_grep },
	{ "head", LOG_HEAD, true, read_count },
	{ "tail", LOG_TAIL, true, read_count },
};

static int read_command(struct words *w, bool is_first, struct log_steps *steps, struct err *e)
{
	struct log_step *s = &steps->v[steps->n];
	const char *name = next_word(w), *word;
	size_t i = 0;
	int rc;

	while (i < sizeof(commands) / sizeof(*commands) && strcmp(commands[i].name, name) != 0)
		i++;
	if (i == sizeof(commands) / sizeof(*commands))
		return refuse(e, "unknown command", name);
	memset(s, 0, sizeof(*s));
	s->op = commands[i].op;
	rc = commands[i].read(w, s, e);
	if (rc < 0)
		return rc;
	word = next_word(w);
	if (is_first && (!word || strcmp(word, file_word) != 0))
		return refuse(e, "the file must be __log_file_name__, not", word ? word : "");
	if (is_first)
		word = next_word(w);
	if (word)
		return refuse(e, "one word too many:", word);
	steps->n += commands[i].is_step;
	return 0;
}

int log_command_parse(const char *text, size_t n, struct log_steps *steps, struct err *e)
{
	const char *p = text, *end = text + n;
	struct words w;
	bool is_first = true;
	int rc;

	steps->n = 0;
	for (;;) {
		if (steps->n == LOG_STEPS)
			return err_set(e, TARS_EARG, "log command: more than %d commands in a "
				       "pipe", LOG_STEPS);
		rc = read_words(&p, end, &w, e);
		if (rc == 0)
			rc = read_command(&w, is_first, steps, e);
		if (rc < 0 || p == end)
			return rc;
		p++;   /* the '|' */
		is_first = false;
	}
}
