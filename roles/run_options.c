/* Environment, arguments and account of a server's process, as texts. */
#include "roles/run_options.h"

#include <string.h>

enum { MAX_ITEMS = 1000, MAX_TEXT = 64 << 10, MAX_USER = 64 };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* Scripts and files of the node have them in lines. */
static int check_text(const char *what, const char *text, struct err *e)
{
	if (strlen(text) > MAX_TEXT)
		return err_set(e, TARS_EARG, "%s: more than %d bytes", what, MAX_TEXT);
	for (; *text; text++)
		if ((unsigned char)*text < ' ' && *text != '\t')
			return err_set(e, TARS_EARG, "%s: control characters are not allowed", what);
	return 0;
}

static const char **split(const char *what, const char *text, const char *separators,
			  struct arena *a, struct err *e)
{
	const char **items;
	size_t n = 0;

	if (check_text(what, text, e) < 0)
		return NULL;
	items = arena_alloc(a, (MAX_ITEMS + 1) * sizeof(*items));
	while (*(text += strspn(text, separators))) {
		size_t size = strcspn(text, separators);

		if (n == MAX_ITEMS) {
			err_set(e, TARS_EARG, "%s: more than %d", what, MAX_ITEMS);
			return NULL;
		}
		items[n++] = arena_memdup(a, text, size);
		text += size;
	}
	return items;
}

const char *const *run_env_parse(const char *text, struct arena *a, struct err *e)
{
	const char **items = split("environment", text, ";", a, e);

	for (size_t i = 0; items && items[i]; i++) {
		size_t n = strspn(items[i], LETTERS DIGITS "_");

		if (n && items[i][n] == '=' && !strchr(DIGITS, *items[i]))
			continue;
		err_set(e, TARS_EARG, "environment: '%.100s' is not NAME=value", items[i]);
		return NULL;
	}
	return items;
}

const char *const *run_args_parse(const char *text, struct arena *a, struct err *e)
{
	return split("arguments", text, " \t", a, e);
}

int run_user_check(const char *name, struct err *e)
{
	if (strlen(name) <= MAX_USER && *name != '-' &&
	    strspn(name, LETTERS DIGITS "_.-") == strlen(name))
		return 0;
	return err_set(e, TARS_EARG, "account '%.64s': letters, digits, '_', '.' and '-' are allowed",
		       name);
}
