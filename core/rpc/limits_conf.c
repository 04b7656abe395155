/* The sub-domain <limits> of an adapter, read into what limits.c wants. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc/limits.h"

struct reader {
	const char *path;       /* of <limits> */
	struct limits_conf *c;
	struct arena *a;
	struct err *e;
};

static int get_count(const struct reader *r, const struct tarsconf_key *key, unsigned *v)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(key->value, &end, 10);
	if (*key->value < '0' || *key->value > '9' || *end || errno || !n || n > INT_MAX)
		return err_set(r->e, TARS_ECONF, "%s<%s>: '%s' is not a number of requests",
			       r->path, key->name, key->value);
	*v = (unsigned)n;
	return TARS_OK;
}

static int read_key(const struct reader *r, const struct tarsconf_key *key)
{
	struct adapt_conf *adapt = &r->c->adapt;

	if (!strcmp(key->name, "minconcurrency"))
		return get_count(r, key, &adapt->min);
	if (!strcmp(key->name, "maxconcurrency"))
		return get_count(r, key, &adapt->max);
	if (strcmp(key->name, "concurrency"))
		return err_set(r->e, TARS_ECONF, "%s<%s>: unknown, known are concurrency, "
			       "minconcurrency, maxconcurrency and the domains callers and "
			       "functions", r->path, key->name);
	/* Read last, as it decides what the other two are for. */
	return TARS_OK;
}

static int read_concurrency(const struct reader *r, const struct tarsconf_key *key)
{
	struct adapt_conf *adapt = &r->c->adapt;

	r->c->adaptive = key && !strcmp(key->value, "auto");
	if (!key)
		adapt->max = 0;
	else if (!r->c->adaptive)
		return get_count(r, key, &adapt->max);
	if (r->c->adaptive && adapt->min > adapt->max)
		return err_set(r->e, TARS_ECONF, "%s: minconcurrency %u is more than "
			       "maxconcurrency %u", r->path, adapt->min, adapt->max);
	return TARS_OK;
}

static int read_keys(const struct reader *r, const struct tarsconf *domain)
{
	const struct tarsconf_key *key = NULL, *concurrency = NULL;
	int rc = TARS_OK;

	while (!rc && (key = tarsconf_next_key(domain, key))) {
		rc = read_key(r, key);
		if (!strcmp(key->name, "concurrency"))
			concurrency = key;
	}
	return rc ? rc : read_concurrency(r, concurrency);
}

/* name=RATE lines; "*" stands for all others. */
static int read_rates(const struct reader *r, const struct tarsconf *domain,
		      struct named_rate **v, unsigned *n, const struct rate **others)
{
	const struct tarsconf_key *key = NULL;
	struct rate *rate;
	unsigned count = 0;
	int rc;

	while ((key = tarsconf_next_key(domain, key)))
		count++;
	*v = arena_alloc(r->a, (count + 1) * sizeof(**v));
	while ((key = tarsconf_next_key(domain, key))) {
		bool is_others = !strcmp(key->name, "*");

		if (is_others && !others)
			return err_set(r->e, TARS_ECONF, "%s/%s<*>: each function has to be named",
				       r->path, tarsconf_name(domain));
		rate = is_others ? ARENA_NEW(r->a, struct rate) : &(*v)[*n].rate;
		rc = rate_parse(key->value, rate, r->e);
		if (rc)
			return err_wrap(r->e, "%s/%s<%s>", r->path, tarsconf_name(domain),
					key->name);
		if (is_others)
			*others = rate;
		else
			(*v)[(*n)++].name = key->name;
	}
	return TARS_OK;
}

static int read_domain(const struct reader *r, const struct tarsconf *domain)
{
	struct limits_conf *c = r->c;

	if (!strcmp(tarsconf_name(domain), "callers"))
		return read_rates(r, domain, &c->callers, &c->n_callers, &c->others);
	if (!strcmp(tarsconf_name(domain), "functions"))
		return read_rates(r, domain, &c->functions, &c->n_functions, NULL);
	return err_set(r->e, TARS_ECONF, "%s/%s: unknown domain, known are callers and functions",
		       r->path, tarsconf_name(domain));
}

int limits_read(const struct tarsconf *adapter, const char *path, const struct limits_conf **c,
		struct arena *a, struct err *e)
{
	const struct tarsconf *domain = tarsconf_domain(adapter, "/limits"), *sub = NULL;
	struct reader r = { .a = a, .e = e };
	int rc;

	*c = NULL;
	if (!domain)
		return TARS_OK;
	r.path = arena_strf(a, "%s/limits", path);
	r.c = ARENA_NEW(a, struct limits_conf);
	r.c->adapt = adapt_defaults;
	rc = read_keys(&r, domain);
	while (!rc && (sub = tarsconf_next_domain(domain, sub)))
		rc = read_domain(&r, sub);
	if (r.c->adapt.first > r.c->adapt.max && r.c->adapt.max)
		r.c->adapt.first = r.c->adapt.max;
	if (r.c->adapt.first < r.c->adapt.min)
		r.c->adapt.first = r.c->adapt.min;
	*c = r.c;
	return rc;
}
