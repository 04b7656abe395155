/* Two versions of the members of a struct, or of the parameters of a method. */
#include <string.h>

#include "idl/compat_int.h"

/* One comparison of two lists. */
struct lists {
	struct compat *c;
	const struct compat_list *old, *new;
	bool is_params;
	unsigned use;
};

static const struct idl_member *by_tag(const struct compat_list *l, uint8_t tag)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->v[i].tag == tag)
			return &l->v[i];
	return NULL;
}

static const struct idl_member *by_name(const struct compat_list *l, const char *name)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

static const char *subject(const struct lists *l, const struct idl_member *m)
{
	return arena_strf(&l->c->arena, "%s.%s", l->new->subject, m->name);
}

static unsigned use_of(const struct lists *l, const struct idl_member *m)
{
	if (!l->is_params)
		return l->use;
	return m->flags & TARS_OUT ? USE_REPLIES : USE_REQUESTS;
}

static const char *readers(unsigned who)
{
	if (who == COMPAT_OLD_READERS)
		return "old code cannot read all that new code writes";
	if (who == COMPAT_NEW_READERS)
		return "new code cannot read all that old code writes";
	return "neither can read the other";
}

static void compare_types(const struct lists *l, const struct idl_member *old,
			  const struct idl_member *new)
{
	unsigned who = compat_types(l->c, old->type, new->type);
	bool same = compat_same_text(l->c, old->type, new->type);

	if (!who && same)
		return;
	if (!who)
		compat_report(l->c, RULE_TYPE_SPELLING, &new->type->loc, subject(l, new), 0, 0,
			      "its type was '%s' and is '%s', which is the same on the wire",
			      compat_type_text(l->c, old->type), compat_type_text(l->c, new->type));
	else
		compat_report(l->c, l->is_params ? RULE_PARAM_TYPE : RULE_FIELD_TYPE,
			      &new->type->loc, subject(l, new), who, use_of(l, new),
			      "its type was '%s' and is '%s': %s",
			      compat_type_text(l->c, old->type), compat_type_text(l->c, new->type),
			      readers(who));
}

static bool same_default(const struct idl_member *old, const struct idl_member *new)
{
	const char *was = old->value.s ? old->value.s : "", *is = new->value.s ? new->value.s : "";

	switch (new->type->kind) {
	case TARS_STRING:
		return !strcmp(was, is);
	case TARS_F32:
	case TARS_F64:
		return !(old->value.f < new->value.f) && !(old->value.f > new->value.f);
	default:
		return new->type->kind > TARS_ENUM || old->value.i == new->value.i;
	}
}

/* What does not stand on the wire if it has its default. */
static void compare_presence(const struct lists *l, const struct idl_member *old,
			     const struct idl_member *new)
{
	bool was = old->flags & TARS_REQUIRED, is = new->flags & TARS_REQUIRED;

	if (!was && is)
		compat_report(l->c, RULE_FIELD_REQUIRED, &new->loc, subject(l, new), 0, l->use,
			      "it was optional: new code fails where old code leaves it out");
	if (was && !is)
		compat_report(l->c, RULE_FIELD_OPTIONAL, &new->loc, subject(l, new), 0, l->use,
			      "it was required: old code fails where new code leaves it out");
	if ((!was || !is) && old->type->kind == new->type->kind && !same_default(old, new))
		compat_report(l->c, RULE_FIELD_DEFAULT, &new->loc, subject(l, new), 0, l->use,
			      "its default is another: what one side leaves out the other reads "
			      "as another value");
}

static void compare_flags(const struct lists *l, const struct idl_member *old,
			  const struct idl_member *new)
{
	if ((old->flags ^ new->flags) & TARS_OUT)
		compat_report(l->c, RULE_PARAM_DIRECTION, &new->loc, subject(l, new), 0, 0,
			      "it was an %s parameter and is an %s parameter",
			      old->flags & TARS_OUT ? "output" : "input",
			      new->flags & TARS_OUT ? "output" : "input");
	if ((old->flags ^ new->flags) & TARS_ROUTEKEY)
		compat_report(l->c, RULE_PARAM_ROUTEKEY, &new->loc, subject(l, new), 0, 0,
			      "it %s the routing key: calls go to other servers",
			      new->flags & TARS_ROUTEKEY ? "is now" : "is no longer");
}

static void compare_one(const struct lists *l, const struct idl_member *old,
			const struct idl_member *new)
{
	if (strcmp(old->name, new->name) != 0)
		compat_report(l->c, l->is_params ? RULE_PARAM_RENAMED : RULE_FIELD_RENAMED,
			      &new->loc, subject(l, new), 0, use_of(l, new),
			      "its name was '%s': %s", old->name, l->is_params ?
			      "calls by TUP and JSON name parameters" : "JSON has it by name");
	compare_types(l, old, new);
	if (l->is_params)
		compare_flags(l, old, new);
	else
		compare_presence(l, old, new);
}

static void moved(const struct lists *l, const struct idl_member *old,
		  const struct idl_member *new)
{
	if (l->is_params)
		compat_report(l->c, RULE_PARAM_MOVED, &new->loc, subject(l, new), 0, 0,
			      "it was parameter %u and is parameter %u: arguments are matched by "
			      "position", old->tag, new->tag);
	else
		compat_report(l->c, RULE_FIELD_RETAGGED, &new->loc, subject(l, new), 0, 0,
			      "its tag was %u and is %u", old->tag, new->tag);
}

static void removed(const struct lists *l, const struct idl_member *old)
{
	const char *name = arena_strf(&l->c->arena, "%s.%s", l->old->subject, old->name);

	if (l->is_params)
		compat_report(l->c, RULE_PARAM_REMOVED, &old->loc, name, 0, use_of(l, old),
			      old->flags & TARS_OUT ?
			      "it is removed: old clients want it in the reply" :
			      "it is removed: old servers want it in the call");
	else if (old->flags & TARS_REQUIRED)
		compat_report(l->c, RULE_FIELD_REMOVED, &old->loc, name, COMPAT_OLD_READERS, l->use,
			      "it is removed (tag %u): old code requires it", old->tag);
	else
		compat_report(l->c, RULE_FIELD_REMOVED, &old->loc, name, 0, l->use,
			      "it is removed (tag %u): what old code writes into it is lost, and "
			      "old code reads its default", old->tag);
}

static void added(const struct lists *l, const struct idl_member *new)
{
	if (l->is_params)
		compat_report(l->c, RULE_PARAM_ADDED, &new->loc, subject(l, new), 0, use_of(l, new),
			      new->flags & TARS_OUT ?
			      "it is new: new clients want it in replies of old servers" :
			      "it is new: new servers want it in calls of old clients");
	else if (new->flags & TARS_REQUIRED)
		compat_report(l->c, RULE_FIELD_ADDED_REQUIRED, &new->loc, subject(l, new), 0,
			      l->use, "it is new and required: old code does not write it; make "
			      "it optional");
	else
		compat_report(l->c, RULE_FIELD_ADDED, &new->loc, subject(l, new), 0, l->use,
			      "it is new and optional");
}

void compat_members(struct compat *c, const struct compat_list *old,
		    const struct compat_list *new, bool is_params, unsigned use)
{
	const struct lists l = { c, old, new, is_params, use };

	for (uint32_t i = 0; i < new->n; i++) {
		const struct idl_member *m = &new->v[i], *place = by_tag(old, m->tag);
		const struct idl_member *named = by_name(old, m->name);

		if (named && named->tag != m->tag)
			moved(&l, named, m);
		else if (named || (place && !by_name(new, place->name)))
			compare_one(&l, place, m);
		else
			added(&l, m);
	}
	for (uint32_t i = 0; i < old->n; i++) {
		const struct idl_member *m = &old->v[i], *place = by_tag(new, m->tag);

		/* Another of a new name in its place was compared with it. */
		if (!by_name(new, m->name) && (!place || by_name(old, place->name)))
			removed(&l, m);
	}
}
