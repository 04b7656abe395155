/* tars ctl deploy: servants as texts, and paths that a node understands. */
#include <stdlib.h>
#include <string.h>

#include "roles/ctl.h"

enum { MAX_SERVANTS = 256 };

static int add_servant(struct ctl *c, struct ctl_deploy *d, const char *text)
{
	const char *at = strchr(text, '@');
	struct tars_DeployServant *s = &d->req.servants.v[d->req.servants.n];

	if (!at || at == text || !at[1])
		return ctl_complain(c, EXIT_USAGE, "'%s' is not a servant: \"HelloObj@tcp -h HOST -p "
				    "PORT\"", text);
	if (d->req.servants.n == MAX_SERVANTS)
		return ctl_complain(c, EXIT_USAGE, "more than %d servants", MAX_SERVANTS);
	tars_DeployServant_init(s);
	s->servant.p = arena_memdup(&c->arena, text, (size_t)(at - text));
	s->servant.n = (uint32_t)(at - text);
	s->endpoint = (struct tars_str){ at + 1, (uint32_t)strlen(at + 1) };
	s->threads = d->threads;
	s->protocol = (struct tars_str){ d->protocol, (uint32_t)strlen(d->protocol) };
	d->req.servants.n++;
	return 0;
}

/* A node has another working directory than we. */
static void make_absolute(struct ctl *c, struct tars_str *path)
{
	char *real = strchr(path->p, '/') ? realpath(path->p, NULL) : NULL;

	if (real)
		*path = (struct tars_str){ arena_strdup(&c->arena, real), (uint32_t)strlen(real) };
	free(real);
}

int ctl_prepare_deploy(struct ctl *c, void *own)
{
	struct ctl_deploy *d = own;
	int status = 0;

	d->req.servants.v = arena_alloc(&c->arena, (MAX_SERVANTS + 1) * sizeof(*d->req.servants.v));
	for (uint32_t i = 0; !status && i < d->servant.n; i++)
		status = add_servant(c, d, d->servant.v[i]);
	for (int i = 1; !status && i < c->n_args; i++)
		status = add_servant(c, d, c->args[i]);
	make_absolute(c, &d->req.exe);
	make_absolute(c, &d->req.startScript);
	make_absolute(c, &d->req.stopScript);
	make_absolute(c, &d->req.monitorScript);
	return status;
}
