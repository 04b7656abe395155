/* Path to the place of an error, collected while the error unwinds. */
#include "proto/path.h"

#include <stdio.h>
#include <string.h>

void path_name(struct path *p, const char *name)
{
	size_t n = strlen(name);
	bool joins = p->pos < sizeof(p->text) && p->text[p->pos] != '[';

	if (n + joins > p->pos)
		return;
	if (joins)
		p->text[--p->pos] = '.';
	p->pos -= (unsigned)n;
	memcpy(p->text + p->pos, name, n);
}

void path_index(struct path *p, uint32_t i)
{
	char step[16];

	snprintf(step, sizeof(step), "[%u]", i);
	path_name(p, step);
}

const char *path_field(const struct tars_field *f)
{
	return *f->name ? f->name : "return value";
}

int path_wrap(const struct path *p, struct err *e, int code)
{
	int n = (int)(sizeof(p->text) - p->pos);

	if (n)
		err_wrap(e, "%.*s", n, p->text + p->pos);
	return code;
}
