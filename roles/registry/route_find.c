/* Look-ups in a fleet: all endpoints of an object, or those of a group, station or set. */
#include "roles/registry/route.h"

#include <string.h>

static void answer_all(const struct route_object *o, struct route_answer *ans)
{
	ans->active = o->active.eps;
	ans->inactive = o->inactive.eps;
}

void route_any(struct fleet *fleet, struct tars_str id, struct route_answer *ans)
{
	const struct route_object *o = fleet_object(fleet, id);

	memset(ans, 0, sizeof(*ans));
	if (o)
		answer_all(o, ans);
}

/* ---- filters: an endpoint belongs to the answer or not ---- */

struct filter {
	bool (*keeps)(const struct filter *f, const struct tars_EndpointF *ep,
		      const struct route_set *set);
	const struct tars_int_list *groups;
	int32_t group;
	const struct route_set *set;
};

static void pick(const struct route_list *from, const struct filter *f, struct arena *a,
		 struct tars_EndpointF_list *to)
{
	*to = (struct tars_EndpointF_list){ 0 };
	for (uint32_t i = 0; i < from->eps.n; i++) {
		if (!f->keeps(f, &from->eps.v[i], &from->sets[i]))
			continue;
		if (!to->v)
			to->v = arena_alloc_raw(a, (from->eps.n - i) * sizeof(*to->v));
		to->v[to->n++] = from->eps.v[i];
	}
}

/* True if the answer has an active endpoint. */
static bool pick_both(const struct route_object *o, const struct filter *f, struct arena *a,
		      struct route_answer *ans)
{
	pick(&o->active, f, a, &ans->active);
	pick(&o->inactive, f, a, &ans->inactive);
	return ans->active.n > 0;
}

static bool has(const struct tars_int_list *list, int32_t v)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (list->v[i] == v)
			return true;
	return false;
}

static bool works_in_group(const struct filter *f, const struct tars_EndpointF *ep,
			   const struct route_set *set)
{
	(void)set;
	return ep->groupworkid == f->group;
}

static bool works_in_groups(const struct filter *f, const struct tars_EndpointF *ep,
			    const struct route_set *set)
{
	(void)set;
	return has(f->groups, ep->groupworkid);
}

static bool is_in_groups(const struct filter *f, const struct tars_EndpointF *ep,
			 const struct route_set *set)
{
	(void)set;
	return has(f->groups, ep->grouprealid);
}

static bool is_in_area(const struct filter *f, const struct tars_EndpointF *ep,
		       const struct route_set *set)
{
	(void)ep;
	return str_is(set->name, f->set->name) && str_is(set->area, f->set->area);
}

static bool is_in_set(const struct filter *f, const struct tars_EndpointF *ep,
		      const struct route_set *set)
{
	return is_in_area(f, ep, set) && str_is(set->group, f->set->group);
}

/* ---- the rules ---- */

static void in_group(struct fleet *fleet, const struct route_object *o,
		     struct tars_str host, struct arena *a, struct route_answer *ans)
{
	struct filter f = { .keeps = works_in_group, .group = route_group_of(fleet->base, host) };

	if (f.group == ROUTE_NO_GROUP) {
		answer_all(o, ans);
		return;
	}
	if (pick_both(o, &f, a, ans))
		return;
	for (uint32_t i = 0; i < fleet->base->rows.priorities.n; i++) {
		struct filter related = {
			.keeps = works_in_groups, .groups = &fleet->base->priorities[i].groups,
		};

		if (has(related.groups, f.group) && pick_both(o, &related, a, ans))
			return;
	}
	f.group = ROUTE_NO_GROUP;
	if (!pick_both(o, &f, a, ans))
		answer_all(o, ans);
}

void route_in_group(struct fleet *fleet, struct tars_str id, struct tars_str host,
		    struct arena *a, struct route_answer *ans)
{
	const struct route_object *o = fleet_object(fleet, id);

	memset(ans, 0, sizeof(*ans));
	if (o)
		in_group(fleet, o, host, a, ans);
}

void route_in_station(struct fleet *fleet, struct tars_str id, struct tars_str station,
		      struct arena *a, struct route_answer *ans)
{
	const struct route_object *o = fleet_object(fleet, id);
	struct filter f = { .keeps = is_in_groups };

	memset(ans, 0, sizeof(*ans));
	for (uint32_t i = 0; i < fleet->base->rows.priorities.n && !f.groups; i++)
		if (str_is(fleet->base->priorities[i].station, station))
			f.groups = &fleet->base->priorities[i].groups;
	if (!f.groups)
		ans->ret = -1;
	else if (o)
		pick_both(o, &f, a, ans);
}

static bool has_set_name(const struct route_object *o, struct tars_str name)
{
	if (!o->has_sets)
		return false;
	for (uint32_t i = 0; i < o->active.eps.n; i++)
		if (str_is(o->active.sets[i].name, name))
			return true;
	for (uint32_t i = 0; i < o->inactive.eps.n; i++)
		if (str_is(o->inactive.sets[i].name, name))
			return true;
	return false;
}

void route_in_set(struct fleet *fleet, struct tars_str id, struct tars_str set,
		  struct tars_str host, struct arena *a, struct route_answer *ans)
{
	const struct route_object *o = fleet_object(fleet, id);
	struct route_set want;
	struct filter f = { .keeps = is_in_set, .set = &want };

	memset(ans, 0, sizeof(*ans));
	if (!route_set_parse(set, &want) || str_is(want.name, TARS_STR("*")) ||
	    str_is(want.area, TARS_STR("*"))) {
		ans->ret = -1;
		return;
	}
	if (!o)
		return;
	if (!has_set_name(o, want.name)) {
		in_group(fleet, o, host, a, ans);
		return;
	}
	if (str_is(want.group, TARS_STR("*")))
		f.keeps = is_in_area;
	/* Dead members of the own set block the fallback, as the official registry's do. */
	if (!pick_both(o, &f, a, ans) && !ans->inactive.n) {
		want.group = TARS_STR("*");
		pick_both(o, &f, a, ans);
	}
	if (!ans->active.n && !ans->inactive.n)
		ans->ret = -1;
}
