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

bool templates_has(const struct templates *t, struct tars_str name)
{
	return index_find(&t->by_name, name);
}

/* The template and its ancestors, itself first.  One that is its own ancestor ends the chain
 * (tars.default names itself).  *missing: a name that does not exist, or empty. */
static unsigned chain_of(const struct templates *t, struct tars_str name,
			 const struct Routes_TemplateRow *chain[MAX_PARENTS],
			 struct tars_str *missing)
{
	const struct Routes_TemplateRow *row;
	unsigned n = 0;

	*missing = TARS_STR("");
	while (name.n && n < MAX_PARENTS) {
		row = index_find(&t->by_name, name);
		if (!row) {
			*missing = name;
			break;
		}
		for (unsigned i = 0; i < n; i++)
			if (chain[i] == row)
				return n;
		chain[n++] = row;
		name = row->parents_name;
	}
	return n;
}

struct tarsconf *templates_merge(const struct templates *t, struct tars_str name, struct arena *a)
{
	const struct Routes_TemplateRow *chain[MAX_PARENTS];
	struct tarsconf *conf = tarsconf_new(a);
	struct tars_str missing;
	struct err e = { 0 };

	for (unsigned n = chain_of(t, name, chain, &missing); n; n--) {
		const struct Routes_TemplateRow *row = chain[n - 1];
		struct tarsconf *own = tarsconf_new(a);

		if (tarsconf_parse(own, row->profile.p, row->profile.n, &e) < 0 ||
		    tarsconf_join(conf, own, true, &e) < 0)
			log_every(60000, LOG_LEVEL_WARN, NULL, "registry: template %s counts as "
				  "empty: %s", row->template_name.p, e.text);
	}
	if (missing.n)
		log_every(60000, LOG_LEVEL_WARN, NULL, "registry: template %s does not exist and "
			  "counts as empty", missing.p);
	return conf;
}

struct tars_str templates_describe(const struct templates *t, struct tars_str name,
				   struct arena *a)
{
	const struct Routes_TemplateRow *chain[MAX_PARENTS];
	struct tars_str missing, text;
	struct buf b = BUF_INIT;
	struct err e = { 0 };
	unsigned n = chain_of(t, name, chain, &missing);

	if (missing.n)
		buf_addf(&b, "(%s:it does not exist)", missing.p);
	for (; n; n--) {
		const struct Routes_TemplateRow *row = chain[n - 1];
		bool ok = tarsconf_parse(tarsconf_new(a), row->profile.p, row->profile.n, &e) == 0;

		buf_addf(&b, "(%s:%s)", row->template_name.p, ok ? "OK" : e.text);
	}
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
