/* Templates with their parents, merged into the configuration that a server gets (contract 4.4). */
#include "roles/registry/profile.h"

#include "core/sys/log.h"
#include "sql.h"
#include "proto/tarsconf.h"

enum { MAX_PARENTS = 32 };

struct templates {
	struct Routes_TemplateRow_list rows;
	struct index by_name;
};

int templates_load(struct registry *reg, struct templates **t_r, struct arena *a, struct err *e)
{
	struct templates *t = ARENA_NEW(a, struct templates);
	int rc = registry_sql(reg, &SQL_registry_templates, PG_PARAMS(), &Routes_TemplateRow_type,
			  &t->rows, a, e);

	if (rc < 0)
		return rc;
	index_init(&t->by_name, t->rows.n, a);
	for (uint32_t i = 0; i < t->rows.n; i++)
		*index_slot(&t->by_name, t->rows.v[i].template_name) = &t->rows.v[i];
	*t_r = t;
	return 0;
}

struct tars_str templates_text(const struct templates *t, struct tars_str name)
{
	const struct Routes_TemplateRow *row = index_find(&t->by_name, name);

	return row->profile;
}

bool templates_has(const struct templates *t, struct tars_str name)
{
	return index_find(&t->by_name, name);
}

/* A template and its ancestors, itself first, as they are merged. */
struct chain {
	const struct tarsconf *conf[MAX_PARENTS];
	const struct Routes_TemplateRow *row[MAX_PARENTS];
	unsigned n;
	struct tars_str end;        /* the name that ended it; empty: a root did */
	const char *why;            /* what is wrong with that */
};

/* One that cannot be read ends the chain and counts as empty, as one that does not exist.  So does,
 * without being wrong, one that is its own ancestor (tars.default names itself). */
static void chain_of(const struct templates *t, struct tars_str name, struct chain *c,
		     struct arena *a)
{
	memset(c, 0, sizeof(*c));
	while (name.n && c->n < MAX_PARENTS) {
		const struct Routes_TemplateRow *row = index_find(&t->by_name, name);
		struct tarsconf *conf = tarsconf_new(a);
		struct err e = { 0 };

		for (unsigned i = 0; i < c->n; i++)
			if (c->row[i] == row)
				return;
		if (!row || tarsconf_parse(conf, row->profile.p, row->profile.n, &e) < 0) {
			c->end = name;
			c->why = row ? arena_strdup(a, e.text) : "template not found";
			return;
		}
		c->conf[c->n] = conf;
		c->row[c->n++] = row;
		name = row->parents_name;
	}
}

struct tarsconf *templates_merge(const struct templates *t, struct tars_str name, struct arena *a)
{
	struct tarsconf *conf = tarsconf_new(a);
	struct err e = { 0 };
	struct chain c;

	chain_of(t, name, &c, a);
	for (unsigned n = c.n; n; n--)
		if (tarsconf_join(conf, c.conf[n - 1], true, &e) < 0)
			log_every(60000, LOG_LEVEL_WARN, NULL, "registry: template %s counts as "
				  "empty: %s", c.row[n - 1]->template_name.p, e.text);
	if (c.why)
		log_every(60000, LOG_LEVEL_WARN, NULL, "registry: template %s counts as empty, and "
			  "so do its parents: %s", c.end.p, c.why);
	return conf;
}

struct tars_str templates_describe(const struct templates *t, struct tars_str name,
				   struct arena *a)
{
	struct buf b = BUF_INIT;
	struct tars_str text;
	struct chain c;

	chain_of(t, name, &c, a);
	if (c.why)
		buf_addf(&b, "(%s:%s)", c.end.p, c.why);
	for (unsigned n = c.n; n; n--)
		buf_addf(&b, "(%s:OK)", c.row[n - 1]->template_name.p);
	text = (struct tars_str){ arena_strdup(a, buf_str(&b)), (uint32_t)buf_size(&b) };
	buf_release(&b);
	return text;
}

int tarsconf_text(const struct tarsconf *conf, struct tars_str *text, struct arena *a,
		  struct err *e)
{
	struct buf b = BUF_INIT;
	int rc = tarsconf_print(&b, conf, e);

	if (rc == 0) {
		text->n = (uint32_t)buf_size(&b);
		text->p = arena_memdup(a, buf_head(&b), text->n);
	}
	buf_release(&b);
	return rc;
}
