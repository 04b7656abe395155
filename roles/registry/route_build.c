/* Builds a route table from rows: which endpoints exist, their state, group and set. */
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

/* ---- groups ---- */

/* Entries of allow_ip_rule are separated by '|' only and are not trimmed (contract 14.2/8). */
static uint32_t count_entries(const struct Routes_GroupRule_list *rules)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < rules->n; i++) {
		n++;
		for (uint32_t k = 0; k < rules->v[i].allow_ip_rule.n; k++)
			n += rules->v[i].allow_ip_rule.p[k] == '|';
	}
	return n;
}

static void build_groups(struct route_table *t, const struct Routes_GroupRule_list *rules)
{
	index_init(&t->group_by_host, count_entries(rules), &t->arena);
	index_init(&t->group_by_name, rules->n, &t->arena);
	for (uint32_t i = 0; i < rules->n; i++) {
		struct Routes_GroupRule *rule = &rules->v[i];
		const char *p = rule->allow_ip_rule.p, *end = p + rule->allow_ip_rule.n;

		*index_slot(&t->group_by_name, rule->group_name) = rule;
		while (p < end) {
			const char *bar = memchr(p, '|', (size_t)(end - p));
			struct tars_str entry = { p, (uint32_t)((bar ? bar : end) - p) };

			if (entry.n)
				*index_slot(&t->group_by_host, entry) = rule;
			p = bar ? bar + 1 : end;
		}
	}
}

static int32_t group_by_name(const struct route_table *t, struct tars_str name)
{
	const struct Routes_GroupRule *rule = index_find(&t->group_by_name, name);

	return rule ? rule->group_id : ROUTE_NO_GROUP;
}

/* "1|2", "2;3,4": entries that are no number count as 0, like the official reader's. */
static void parse_group_list(struct tars_str text, struct tars_int_list *list, struct arena *a)
{
	uint32_t room = 1;

	for (uint32_t i = 0; i < text.n; i++)
		room += text.p[i] == '|' || text.p[i] == ',' || text.p[i] == ';';
	list->v = arena_alloc(a, room * sizeof(*list->v));
	for (const char *p = text.p, *end = p + text.n; p < end; ) {
		size_t n = 0;

		while (p + n < end && !strchr("|,;", p[n]))
			n++;
		if (n)
			list->v[list->n++] = (int32_t)strtol(arena_memdup(a, p, n), NULL, 10);
		p += n + 1;
	}
}

static void build_priorities(struct route_table *t, const struct Routes_GroupPriority_list *rows)
{
	t->priorities = arena_alloc(&t->arena, rows->n * sizeof(*t->priorities));
	t->n_priorities = rows->n;
	for (uint32_t i = 0; i < rows->n; i++) {
		t->priorities[i].station = rows->v[i].station;
		parse_group_list(rows->v[i].group_list, &t->priorities[i].groups, &t->arena);
	}
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
	struct tars_str servant, endpoint, node_name, set_id, group_name;
	bool active, grouped;
	int32_t bak_flag;
};

static struct candidate server_candidate(const struct Routes_Row *row, struct arena *a)
{
	struct candidate c = {
		.servant = row->servant,
		.endpoint = row->endpoint,
		.node_name = trimmed(row->node_name),
		.group_name = trimmed(row->ip_group_name),
		.active = str_is_text(row->setting_state, "active") &&
			  str_is_text(row->present_state, "active") &&
			  !str_is_text(row->flow_state, "inactive"),
		.grouped = str_is_yes(row->enable_group),
		.bak_flag = row->bak_flag,
	};

	if (str_is_yes(row->enable_set)) {
		c.set_id.p = arena_strf(a, "%.*s.%.*s.%.*s", (int)row->set_name.n, row->set_name.p,
					(int)row->set_area.n, row->set_area.p,
					(int)row->set_group.n, row->set_group.p);
		c.set_id.n = (uint32_t)strlen(c.set_id.p);
	}
	return c;
}

static struct candidate platform_candidate(const struct Routes_PlatformRow *row)
{
	return (struct candidate){
		.servant = row->servant,
		.endpoint = row->endpoint,
		.node_name = trimmed(row->tars_version),
		.active = str_is_text(row->present_state, "active"),
		.grouped = str_is_yes(row->enable_group),
	};
}

static struct route_object *object_of(struct route_table *t, struct tars_str id)
{
	void **slot = index_slot(&t->by_id, id);

	if (!*slot) {
		struct route_object *o = &t->objects[t->n_objects++];

		o->id = id;
		*slot = o;
	}
	return *slot;
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

static void add_endpoint(struct route_table *t, const struct candidate *c)
{
	struct endpoint ep;
	struct route_set set = { 0 };
	struct route_object *o;
	struct tars_EndpointF *f;

	if (!c->servant.n || c->bak_flag == 1)
		return;
	if (!c->endpoint.n || endpoint_parse(c->endpoint.p, c->endpoint.n, &ep, NULL) < 0) {
		t->n_bad++;
		return;
	}
	/* Malformed sets keep their text in answers but are not members (contract 14.2/9). */
	if (c->set_id.n && (!route_set_parse(c->set_id, &set) || str_is(set.name, TARS_STR("*")) ||
			    str_is(set.area, TARS_STR("*"))))
		set = (struct route_set){ 0 };
	o = object_of(t, c->servant);
	o->has_sets |= set.name.n > 0;
	f = c->active ? push(&o->active, &o->room_active, &t->arena, &set)
		      : push(&o->inactive, &o->room_inactive, &t->arena, &set);
	f->host.p = arena_strdup(&t->arena, ep.host);
	f->host.n = (uint32_t)strlen(f->host.p);
	f->port = ep.port;
	f->timeout = ep.timeout_ms;
	f->istcp = ep.type;
	f->grouprealid = c->group_name.n ? group_by_name(t, c->group_name)
					 : route_group_of(t, f->host);
	f->groupworkid = c->grouped ? f->grouprealid : ROUTE_NO_GROUP;
	f->setId = c->set_id;
	f->bakFlag = c->bak_flag;
	f->weight = ep.weight;
	/* Dynamic weight is not a type that clients know: they get plain rotation. */
	f->weightType = c->active && ep.weight_type == 2 ? 0 : (int32_t)ep.weight_type;
	f->authType = ep.auth;
	f->nodeName = c->node_name;
	t->n_endpoints++;
}

struct route_table *route_build(const struct Routes_Rows *rows)
{
	struct route_table *t = xcalloc(1, sizeof(*t));
	uint32_t n = rows->servers.n + rows->platform.n;

	arena_init(&t->arena, NULL, 0);
	build_groups(t, &rows->rules);
	build_priorities(t, &rows->priorities);
	t->objects = arena_alloc(&t->arena, n * sizeof(*t->objects));
	index_init(&t->by_id, n, &t->arena);
	for (uint32_t i = 0; i < rows->servers.n; i++) {
		struct candidate c = server_candidate(&rows->servers.v[i], &t->arena);

		add_endpoint(t, &c);
	}
	for (uint32_t i = 0; i < rows->platform.n; i++) {
		struct candidate c = platform_candidate(&rows->platform.v[i]);

		add_endpoint(t, &c);
	}
	return t;
}

void route_free(struct route_table *t)
{
	if (!t)
		return;
	arena_clear(&t->arena);
	free(t);
}
