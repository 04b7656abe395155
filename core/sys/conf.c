/* The configuration of a role from flags, environment, INI file and defaults. */
#include "core/sys/conf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys/inifile.h"
#include "proto/text.h"

/* Defaults for all roles. */
static const char all_roles[] = "tars";

void conf_init(struct conf *c, const char *section)
{
	*c = (struct conf){ .section = section };
	arena_init(&c->arena, NULL, 0);
}

void conf_add(struct conf *c, const struct opt *opts, void *values)
{
	struct conf_group *g = &c->group[c->n_groups++];
	size_t n = 0;

	BUG_ON(c->n_groups > CONF_MAX_GROUPS);
	while (opts[n].name)
		n++;
	*g = (struct conf_group){ opts, values, NULL };
	g->value = arena_alloc(&c->arena, (n + 1) * sizeof(*g->value));
	for (size_t i = 0; i < n; i++)
		g->value[i].text = opts[i].def;
}

void conf_release(struct conf *c)
{
	arena_clear(&c->arena);
}

static struct conf_value *find(const struct conf *c, const char *name, const struct opt **o)
{
	for (int i = 0; i < c->n_groups; i++) {
		*o = opt_find(c->group[i].opts, name);
		if (*o)
			return &c->group[i].value[*o - c->group[i].opts];
	}
	return NULL;
}

/* Every source sets what it has; a weaker one comes too late. */
static void offer(struct conf_value *v, enum conf_from from, const char *text, int line)
{
	if (from >= v->from)
		*v = (struct conf_value){ text, from, line, NULL };
}

static void offer_flag(struct conf *c, const struct opt *o, struct conf_value *v, const char *text)
{
	struct conf_value *before = NULL;

	if (o->type == OPT_TYPE_TEXTS && v->from == CONF_FLAG)
		before = (void *)arena_memdup(&c->arena, v, sizeof(*v));
	offer(v, CONF_FLAG, text, 0);
	v->before = before;
}

/* ---- command line ---- */

static int unknown_flag(const struct conf *c, const char *name, struct err *e)
{
	struct text_nearest near;

	text_nearest_init(&near, name);
	for (int i = 0; i < c->n_groups; i++)
		for (const struct opt *o = c->group[i].opts; o->name; o++)
			text_nearest_try(&near, o->name);
	if (near.best)
		return err_set(e, TARS_EARG, "--%s: unknown option (did you mean --%s?)", name,
			       near.best);
	return err_set(e, TARS_EARG, "--%s: unknown option (see --help)", name);
}

/* "-t value", "-tvalue"; a switch has none. */
static int read_letter(struct conf *c, char **argv, int *used, struct err *e)
{
	const char *value = argv[0] + 2;
	const struct opt *o = NULL;
	int group = 0;

	for (; group < c->n_groups; group++) {
		o = opt_find_letter(c->group[group].opts, argv[0][1]);
		if (o)
			break;
	}
	if (!o || (o->type == OPT_TYPE_BOOL && *value))
		return err_set(e, TARS_EARG, "%s: unknown option (most begin with --; see --help)",
			       argv[0]);
	if (o->type == OPT_TYPE_BOOL) {
		value = "yes";
	} else if (!*value) {
		value = argv[1];
		*used = 2;
	}
	if (!value)
		return err_set(e, TARS_EARG, "-%c: wants a value", o->letter);
	offer_flag(c, o, &c->group[group].value[o - c->group[group].opts],
		   arena_strdup(&c->arena, value));
	return 0;
}

/* "--name=value", "--name value", "--name" and "--no-name" of a switch.  *used: arguments eaten. */
static int read_flag(struct conf *c, char **argv, int *used, struct err *e)
{
	const char *name = argv[0] + 2, *equals = strchr(name, '=');
	const struct opt *o;
	struct conf_value *v;

	name = arena_memdup(&c->arena, name, equals ? (size_t)(equals - name) : strlen(name));
	*used = 1;
	v = find(c, name, &o);
	if (!v && !equals && !strncmp(name, "no-", 3)) {
		v = find(c, name + 3, &o);
		if (v && o->type == OPT_TYPE_BOOL) {
			offer(v, CONF_FLAG, "no", 0);
			return 0;
		}
	}
	if (!v || strcmp(o->name, name))
		return unknown_flag(c, name, e);
	if (equals) {
		offer_flag(c, o, v, arena_strdup(&c->arena, equals + 1));
	} else if (o->type == OPT_TYPE_BOOL) {
		offer(v, CONF_FLAG, "yes", 0);
	} else if (argv[1]) {
		offer_flag(c, o, v, arena_strdup(&c->arena, argv[1]));
		*used = 2;
	} else {
		return err_set(e, TARS_EARG, "--%s: wants a value", name);
	}
	return 0;
}

static int read_flags(struct conf *c, int argc, char **argv, struct err *e)
{
	bool flags = true;

	c->args = arena_alloc(&c->arena, ((size_t)argc + 1) * sizeof(*c->args));
	for (int i = 0, used; i < argc; i += used) {
		char *arg = argv[i];
		int rc;

		used = 1;
		if (flags && !strcmp(arg, "--")) {
			flags = false;
		} else if (flags && !strncmp(arg, "--", 2)) {
			rc = read_flag(c, argv + i, &used, e);
			if (rc)
				return rc;
		} else if (flags && *arg == '-' && arg[1]) {
			rc = read_letter(c, argv + i, &used, e);
			if (rc)
				return rc;
		} else {
			c->args[c->n_args++] = arena_strdup(&c->arena, arg);
		}
	}
	return 0;
}

/* ---- environment ---- */

/* TARS_REGISTRY_NODE_TIMEOUT */
static const char *env_name(struct conf *c, const struct opt *o)
{
	char *name = arena_strf(&c->arena, "TARS_%s_%s", c->section, o->name);

	for (char *p = name; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	return name;
}

static void read_environment(struct conf *c)
{
	for (int i = 0; i < c->n_groups; i++) {
		const struct conf_group *g = &c->group[i];

		for (const struct opt *o = g->opts; o->name; o++) {
			const char *text = getenv(env_name(c, o));

			if (text && !(o->flags & OPT_FLAG_ONLY))
				offer(&g->value[o - g->opts], CONF_ENV,
				      arena_strdup(&c->arena, text), 0);
		}
	}
}

/* ---- file ---- */

static int unknown_section(const char *file, const struct inifile_row *row,
			   const struct conf_section *known, struct err *e)
{
	struct text_nearest near;

	if (!*row->section)
		return err_set(e, TARS_ECONF, "%s:%d: '%s' stands before the first [section]", file,
			       row->line, row->name);
	text_nearest_init(&near, row->section);
	for (; known->name; known++)
		text_nearest_try(&near, known->name);
	if (near.best)
		return err_set(e, TARS_ECONF, "%s:%d: [%s]: unknown section (did you mean [%s]?)",
			       file, row->line, row->section, near.best);
	return err_set(e, TARS_ECONF, "%s:%d: [%s]: unknown section", file, row->line,
		       row->section);
}

static bool is_key(const struct opt *rows, const char *name, struct text_nearest *near)
{
	for (const struct opt *o = rows; o->name; o++) {
		if (o->flags & OPT_FLAG_ONLY)
			continue;
		if (!strcmp(o->name, name))
			return true;
		text_nearest_try(near, o->name);
	}
	return false;
}

static int check_row(const char *file, const struct inifile_row *row,
		     const struct conf_section *known, struct err *e)
{
	bool for_all = !strcmp(row->section, all_roles), there = false;
	struct text_nearest near;

	for (const struct conf_section *s = known; s->name; s++)
		there |= !strcmp(s->name, row->section);
	if (!there)
		return unknown_section(file, row, known, e);
	if (!row->name)
		return 0;
	text_nearest_init(&near, row->name);
	for (const struct conf_section *s = known; s->name; s++)
		if ((for_all || !strcmp(s->name, row->section) || !strcmp(s->name, all_roles)) &&
		    is_key(s->opts, row->name, &near))
			return 0;
	if (near.best)
		return err_set(e, TARS_ECONF, "%s:%d: [%s] %s: unknown key (did you mean %s?)",
			       file, row->line, row->section, row->name, near.best);
	return err_set(e, TARS_ECONF, "%s:%d: [%s] %s: unknown key", file, row->line, row->section,
		       row->name);
}

static int read_file(struct conf *c, const struct conf_section *known, struct err *e)
{
	struct inifile f;
	int rc = inifile_load(&f, c->file, &c->arena, e);

	for (uint32_t i = 0; !rc && i < f.n; i++) {
		const struct inifile_row *row = &f.v[i];
		bool for_all = !strcmp(row->section, all_roles);
		struct conf_value *v;
		const struct opt *o;

		rc = check_row(c->file, row, known, e);
		if (rc || !row->name || (!for_all && strcmp(row->section, c->section)))
			continue;
		v = find(c, row->name, &o);
		if (v)
			offer(v, for_all ? CONF_FILE_ALL : CONF_FILE, row->value, row->line);
	}
	return rc;
}

/* ---- all together ---- */

/* Where a value came from, as the beginning of an error. */
static const char *origin(struct conf *c, const struct opt *o, const struct conf_value *v)
{
	switch (v->from) {
	case CONF_FLAG:
		return arena_strf(&c->arena, "--%s", o->name);
	case CONF_ENV:
		return env_name(c, o);
	case CONF_FILE:
	case CONF_FILE_ALL:
		return arena_strf(&c->arena, "%s:%d: [%s] %s", c->file, v->line,
				  v->from == CONF_FILE ? c->section : all_roles, o->name);
	case CONF_DEFAULT:
		break;
	}
	return o->name;
}

static int apply_value(struct conf *c, const struct conf_group *g, const struct opt *o,
		       const struct conf_value *v, struct err *e)
{
	const char *wrong;
	int rc = v->before ? apply_value(c, g, o, v->before, e) : 0;

	if (rc || !v->text)
		return rc;
	wrong = opt_set(o, v->text, g->values, &c->arena);
	if (!wrong)
		return 0;
	BUG_ON(v->from == CONF_DEFAULT);
	return err_set(e, v->from == CONF_FLAG ? TARS_EARG : TARS_ECONF, "%s: '%s' %s",
		       origin(c, o, v), o->flags & OPT_SECRET ? "..." : v->text, wrong);
}

int conf_load(struct conf *c, int argc, char **argv, const struct conf_section *known,
	      struct err *e)
{
	const struct conf_value *file;
	const struct opt *o;
	int rc;

	rc = read_flags(c, argc, argv, e);
	if (rc)
		return rc;
	read_environment(c);
	file = find(c, "config", &o);
	c->file = file && file->text && *file->text ? file->text : NULL;
	if (c->file)
		rc = read_file(c, known, e);
	for (int i = 0; !rc && i < c->n_groups; i++)
		for (o = c->group[i].opts; !rc && o->name; o++)
			rc = apply_value(c, &c->group[i], o, &c->group[i].value[o - c->group[i].opts], e);
	return rc;
}

static int missing(struct conf *c, const struct opt *o, struct err *e)
{
	if (!(o->flags & OPT_FLAG_ONLY))
		return err_set(e, TARS_ECONF, "%s is missing: give --%s, %s or [%s] %s", o->name,
			       o->name, env_name(c, o), c->section, o->name);
	return o->letter ? err_set(e, TARS_EARG, "%s is missing: give -%c", o->name, o->letter) :
			   err_set(e, TARS_EARG, "%s is missing: give --%s", o->name, o->name);
}

int conf_check(struct conf *c, struct err *e)
{
	for (int i = 0; i < c->n_groups; i++)
		for (const struct opt *o = c->group[i].opts; o->name; o++)
			if (o->flags & OPT_REQUIRED && !c->group[i].value[o - c->group[i].opts].text)
				return missing(c, o, e);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

void conf_keep_fixed(struct conf *fresh, const struct conf *old, struct buf *b)
{
	for (int i = 0; i < fresh->n_groups; i++) {
		struct conf_group *g = &fresh->group[i];

		for (const struct opt *o = g->opts; o->name; o++) {
			struct conf_value *v = &g->value[o - g->opts];
			const struct conf_value *was = &old->group[i].value[o - g->opts];

			if (!(o->flags & OPT_NORELOAD) || same_text(v->text, was->text))
				continue;
			buf_addf(b, "%s%s", buf_size(b) ? ", " : "", o->name);
			*v = *was;
			v->text = was->text ? arena_strdup(&fresh->arena, was->text) : NULL;
			if (v->text)
				opt_set(o, v->text, g->values, &fresh->arena);
			else
				opt_clear(o, g->values);
		}
	}
}

static void show_row(struct buf *b, const struct conf *c, const struct opt *o,
		     const struct conf_value *v)
{
	static const char *const from[] = {
		[CONF_DEFAULT] = "default", [CONF_FILE_ALL] = "[tars] of ", [CONF_FILE] = "",
		[CONF_ENV] = "environment", [CONF_FLAG] = "command line",
	};

	if (!v->text) {
		buf_addf(b, "# %s is not set\n", o->name);
		return;
	}
	if (v->line)
		buf_addf(b, "# %s%s:%d\n", from[v->from], c->file, v->line);
	else
		buf_addf(b, "# %s\n", from[v->from]);
	if (o->flags & OPT_SECRET)
		buf_addf(b, "# %s is set, but secret\n", o->name);
	else
		buf_addf(b, "%s = %s\n", o->name, v->text);
}

void conf_show(struct buf *b, const struct conf *c)
{
	buf_addf(b, "[%s]\n", c->section);
	for (int i = 0; i < c->n_groups; i++) {
		const struct conf_group *g = &c->group[i];

		for (const struct opt *o = g->opts; o->name; o++)
			if (!(o->flags & OPT_FLAG_ONLY))
				show_row(b, c, o, &g->value[o - g->opts]);
	}
}
