/* Option rows: look-up, values from text, help. */
#include "core/sys/opt.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "proto/text.h"

const struct opt *opt_find(const struct opt *rows, const char *name)
{
	for (const struct opt *o = rows; o->name; o++)
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}

const struct opt *opt_find_letter(const struct opt *rows, char letter)
{
	for (const struct opt *o = rows; o->name; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

/* ---- values ---- */

static bool read_bool(const char *text, bool *v)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (!strcasecmp(text, yes[i]) || !strcasecmp(text, no[i])) {
			*v = !strcasecmp(text, yes[i]);
			return true;
		}
	}
	return false;
}

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { 0 }
};
static const struct unit sizes[] = {
	{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { 0 }
};

/* Digits and a unit; "0" needs none, and no number does if `bare`. */
static bool read_units(const char *text, const struct unit *units, bool bare, int64_t *v)
{
	size_t digits = strspn(text, "0123456789");
	int64_t n;

	if (!text_int(text, digits, 0, INT64_MAX, &n))
		return false;
	if ((!n || bare) && !text[digits]) {
		*v = n;
		return true;
	}
	for (; units->name; units++)
		if (!strcasecmp(text + digits, units->name))
			return !__builtin_mul_overflow(n, units->factor, v);
	return false;
}

static const char *store(void *field, const void *value, size_t size)
{
	memcpy(field, value, size);
	return NULL;
}

/* "a|b|c" */
static bool is_choice(const char *choices, const char *text)
{
	size_t n = strlen(text);

	for (const char *p = choices; *p; p += *p == '|') {
		size_t size = strcspn(p, "|");

		if (size == n && !memcmp(p, text, n))
			return true;
		p += size;
	}
	return false;
}

static void add_text(struct opt_texts *texts, const char *text, struct arena *a)
{
	const char **v = arena_alloc(a, (texts->n + 1) * sizeof(*v));

	if (texts->n)
		memcpy(v, texts->v, texts->n * sizeof(*v));
	v[texts->n++] = arena_strdup(a, text);
	texts->v = v;
}

const char *opt_set(const struct opt *o, const char *text, void *values, struct arena *a)
{
	void *field = (char *)values + o->offset;
	const char *copy;
	struct tars_str str;
	int64_t number;
	bool truth;
	int small;

	switch (o->type) {
	case OPT_TYPE_STRING:
		if (o->choices && !is_choice(o->choices, text))
			return arena_strf(a, "is not one of %s", o->choices);
		copy = arena_strdup(a, text);
		return store(field, &copy, sizeof(copy));
	case OPT_TYPE_STR:
		if (o->choices && !is_choice(o->choices, text))
			return arena_strf(a, "is not one of %s", o->choices);
		str = (struct tars_str){ arena_strdup(a, text), (uint32_t)strlen(text) };
		return store(field, &str, sizeof(str));
	case OPT_TYPE_TEXTS:
		add_text(field, text, a);
		return NULL;
	case OPT_TYPE_BOOL:
		if (!read_bool(text, &truth))
			return "is not yes or no";
		return store(field, &truth, sizeof(truth));
	case OPT_TYPE_INT:
		if (!text_int(text, strlen(text), INT_MIN, INT_MAX, &number))
			return "is not a whole number";
		small = (int)number;
		return store(field, &small, sizeof(small));
	case OPT_TYPE_INT64:
		if (!text_int(text, strlen(text), INT64_MIN, INT64_MAX, &number))
			return "is not a whole number";
		break;
	case OPT_TYPE_DURATION:
		if (!read_units(text, durations, o->flags & OPT_BARE_MS, &number))
			return "is not a duration (try 10s)";
		break;
	case OPT_TYPE_SIZE:
		if (!read_units(text, sizes, false, &number))
			return "is not a size (try 10M)";
		break;
	}
	return store(field, &number, sizeof(number));
}

void opt_clear(const struct opt *o, void *values)
{
	static const size_t size[] = {
		[OPT_TYPE_STRING] = sizeof(char *),    [OPT_TYPE_BOOL] = sizeof(bool),
		[OPT_TYPE_INT] = sizeof(int),          [OPT_TYPE_INT64] = sizeof(int64_t),
		[OPT_TYPE_DURATION] = sizeof(int64_t), [OPT_TYPE_SIZE] = sizeof(int64_t),
		[OPT_TYPE_TEXTS] = sizeof(struct opt_texts),
		[OPT_TYPE_STR] = sizeof(struct tars_str),
	};

	memset((char *)values + o->offset, 0, size[o->type]);
}

/* ---- help ---- */

enum { HELP_COLUMN = 28, HELP_WIDTH = 80 };

static const char *placeholder(const struct opt *o)
{
	switch (o->type) {
	case OPT_TYPE_STRING:
	case OPT_TYPE_STR:
	case OPT_TYPE_TEXTS: return " TEXT";
	case OPT_TYPE_BOOL: return "";
	case OPT_TYPE_INT:
	case OPT_TYPE_INT64: return " N";
	case OPT_TYPE_DURATION: return " TIME";
	case OPT_TYPE_SIZE: return " SIZE";
	}
	return "";
}

/* Appends text from `column` on, broken at blanks. */
static void wrap(struct buf *b, size_t column, const char *text)
{
	while (*text) {
		size_t room = HELP_WIDTH - column, n = strlen(text);

		if (n > room) {
			for (n = room; n && text[n] != ' '; n--)
				;
			if (!n)
				n = strcspn(text, " ");
		}
		buf_add(b, text, n);
		buf_add_u8(b, '\n');
		text += n + strspn(text + n, " ");
		if (*text)
			buf_addf(b, "%*s", (int)column, "");
	}
}

bool opt_is_on(const struct opt *o)
{
	return o->type == OPT_TYPE_BOOL && o->def && !strcmp(o->def, "yes");
}

void opt_print_help(struct buf *b, const struct opt *rows)
{
	struct buf text = BUF_INIT;

	for (const struct opt *o = rows; o->name; o++) {
		size_t begin = buf_size(b), width;

		/* A switch that is on is shown in the form that does something. */
		buf_add_str(b, "  ");
		if (o->letter)
			buf_addf(b, "-%c, ", o->letter);
		buf_addf(b, "--%s%s%s", opt_is_on(o) ? "no-" : "", o->name, placeholder(o));
		width = buf_size(b) - begin;
		if (width > HELP_COLUMN - 2) {
			buf_add_u8(b, '\n');
			width = 0;
		}
		buf_addf(b, "%*s", (int)(HELP_COLUMN - width), "");
		buf_clear(&text);
		buf_add_str(&text, o->help);
		if (o->flags & OPT_REQUIRED)
			buf_add_str(&text, " (required)");
		else if (o->def && *o->def && o->type != OPT_TYPE_BOOL)
			buf_addf(&text, " (default: %s)", o->def);
		else if (opt_is_on(o))
			buf_add_str(&text, " (default: on)");
		wrap(b, HELP_COLUMN, buf_str(&text));
	}
	buf_release(&text);
}
