/* Builds an object from the servers that have it: its endpoints, their state, group and set. */
#include "roles/registry/route.h"

#include <stdlib.h>
#include <string.h>

#include "proto/endpoint.h"
#include "proto/text.h"

static struct tars_str trimmed(struct tars_str s)
{
	const char *p = s.p ? s.p : "";
	size_t n = s.n;

	text_trim(&p, &n);
	return (struct tars_str){ p, (uint32_t)n };
}

/* ---- objects ---- */

bool route_set_parse(struct tars_str text, struct route_set *set)
{
	struct tars_str part[3];
	unsigned n = 0;

	memset(set, 0, sizeof(*set));
	for (const char *p = text.p, *end = p + text.n; p < end; ) {
		const char *dot = memchr(p, '.', (size_t)(end - p));
		uint32_t len = (uint32_t)((dot ? dot : end) - p);

		if (len && n == 3)
			return false;
		if (len)
			part[n++] = (struct tars_str){ p, len };
		p = dot ? dot + 1 : end;
	}
	if (n != 3)
		return false;
	*set = (struct route_set){ part[0], part[1], part[2] };
	return true;
}

/* What both kinds of rows say of an endpoint, before its text is parsed. */
struct candidate {
	struct tars_str endpoint, node_name, set_id, group_name;
	bool active, grouped;
	int32_t bak_flag;
};

/* An object that is being built; texts of the rows go with `scratch`. */
struct building {
	const struct fleet_base *base;
	struct route_object *o;
	struct arena *a, scratch;
	uint32_t room_active, room_inactive;
};

static struct tars_str kept(struct building *b, struct tars_str s)
{
	return (struct tars_str){ arena_memdup(b->a, s.p, s.n), s.n };
}

static struct candidate server_candidate(struct building *b, const struct Routes_Server *s)
{
	struct candidate c = {
		.node_name = kept(b, trimmed(s->node_name)),
		.group_name = trimmed(s->ip_group_name),
		.active = str_is_text(s->setting_state, "active") &&
			  str_is_text(s->present_state, "active") &&
			  !str_is_text(s->flow_state, "inactive"),
		.grouped = str_is_yes(s->enable_group),
		.bak_flag = s->bak_flag,
	};

	if (str_is_yes(s->enable_set)) {
		c.set_id.p = arena_strf(b->a, "%.*s.%.*s.%.*s", (int)s->set_name.n, s->set_name.p,
					(int)s->set_area.n, s->set_area.p, (int)s->set_group.n,
					s->set_group.p);
		c.set_id.n = (uint32_t)strlen(c.set_id.p);
	}
	return c;
}

static struct candidate platform_candidate(struct building *b,
					   const struct Routes_PlatformRow *row)
{
	return (struct candidate){
		.endpoint = row->endpoint,
		.node_name = kept(b, trimmed(row->tars_version)),
		.active = str_is_text(row->present_state, "active"),
		.grouped = str_is_yes(row->enable_group),
	};
}

static struct tars_EndpointF *push(struct route_list *list, uint32_t *room, struct arena *a,
				   const struct route_set *set)
{
	if (list->eps.n == *room) {
		uint32_t n = *room ? *room * 2 : 2;
		struct tars_EndpointF *eps = arena_alloc(a, n * sizeof(*eps));
		struct route_set *sets = arena_alloc(a, n * sizeof(*sets));

		if (*room) {
			memcpy(eps, list->eps.v, *room * sizeof(*eps));
			memcpy(sets, list->sets, *room * sizeof(*sets));
		}
		list->eps.v = eps;
		list->sets = sets;
		*room = n;
	}
	list->sets[list->eps.n] = *set;
	return &list->eps.v[list->eps.n++];
}

static int32_t real_group(const struct fleet_base *base, struct tars_str name,
			  struct tars_str host)
{
	const struct Routes_GroupRule *rule;

	if (!name.n)
		return route_group_of(base, host);
	rule = index_find(&base->group_by_name, name);
	return rule ? rule->group_id : ROUTE_NO_GROUP;
}

static void add_endpoint(struct building *b, const struct candidate *c)
{
	struct route_object *o = b->o;
	struct endpoint ep;
	struct route_set set = { 0 };
	struct tars_EndpointF *f;

	/* The fleet has counted those that cannot be read. */
	if (c->bak_flag == 1 || !c->endpoint.n ||
	    endpoint_parse(c->endpoint.p, c->endpoint.n, &ep, NULL) < 0)
		return;
	/* Malformed sets keep their text in answers but are not members (contract 14.2/9). */
	if (c->set_id.n && (!route_set_parse(c->set_id, &set) || str_is(set.name, TARS_STR("*")) ||
			    str_is(set.area, TARS_STR("*"))))
		set = (struct route_set){ 0 };
	o->has_sets |= set.name.n > 0;
	f = c->active ? push(&o->active, &b->room_active, b->a, &set)
		      : push(&o->inactive, &b->room_inactive, b->a, &set);
	f->host.p = arena_strdup(b->a, ep.host);
	f->host.n = (uint32_t)strlen(f->host.p);
	f->port = ep.port;
	f->timeout = ep.timeout_ms;
	f->istcp = ep.type;
	f->grouprealid = real_group(b->base, c->group_name, f->host);
	f->groupworkid = c->grouped ? f->grouprealid : ROUTE_NO_GROUP;
	f->setId = c->set_id;
	f->bakFlag = c->bak_flag;
	f->weight = ep.weight;
	/* Dynamic weight is not a type that clients know: they get plain rotation. */
	f->weightType = c->active && ep.weight_type == 2 ? 0 : (int32_t)ep.weight_type;
	f->authType = ep.auth;
	f->nodeName = c->node_name;
}

/* Another instance is the master, and wants to be the only one that is found. */
static bool is_hidden(struct building *b, const struct Routes_Server *s)
{
	const struct Routes_MasterRow *master;

	if (!b->base->rows.masters.n)
		return false;
	master = index_find(&b->base->masters, fleet_key(&b->scratch, s->application,
							 s->server_name, TARS_STR("")));
	return master && !str_is(master->node_name, s->node_name);
}

static void add_server(struct building *b, struct tars_str id, const struct instance *in)
{
	struct Routes_Server s;
	struct candidate c;
	bool active;

	fleet_server(in, &s, &b->scratch);
	c = server_candidate(b, &s);
	active = c.active;
	for (uint32_t i = 0; i < s.adapters.n && !is_hidden(b, &s); i++) {
		if (!str_is(s.adapters.v[i].servant, id))
			continue;
		c.endpoint = s.adapters.v[i].endpoint;
		c.active = active && !s.adapters.v[i].unready;
		add_endpoint(b, &c);
	}
	arena_clear(&b->scratch);
}

struct route_object *route_object_build(const struct fleet_base *base, struct tars_str id,
					struct instance *const *servers, uint32_t n)
{
	struct route_object *o = xcalloc(1, sizeof(*o));
	struct building b = { .base = base, .o = o, .a = &o->arena };
	_Alignas(16) char first[4096];

	arena_init(&o->arena, NULL, 0);
	arena_init(&b.scratch, first, sizeof(first));
	for (uint32_t i = 0; i < n; i++)
		add_server(&b, id, servers[i]);
	for (uint32_t i = 0; i < base->rows.platform.n; i++) {
		struct candidate c;

		if (!str_is(base->rows.platform.v[i].servant, id))
			continue;
		c = platform_candidate(&b, &base->rows.platform.v[i]);
		add_endpoint(&b, &c);
	}
	return o;
}

void route_object_free(struct route_object *o)
{
	if (!o)
		return;
	route_object_forget_answers(o);
	arena_clear(&o->arena);
	free(o);
}
