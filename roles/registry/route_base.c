/* What look-ups need besides the servers: groups of hosts, and which groups are related. */
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "roles/registry/route.h"

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

static void build_groups(struct fleet_base *b, const struct Routes_GroupRule_list *rules)
{
	index_init(&b->group_by_host, count_entries(rules), &b->arena);
	index_init(&b->group_by_name, rules->n, &b->arena);
	for (uint32_t i = 0; i < rules->n; i++) {
		struct Routes_GroupRule *rule = &rules->v[i];
		const char *p = rule->allow_ip_rule.p, *end = p + rule->allow_ip_rule.n;

		*index_slot(&b->group_by_name, rule->group_name) = rule;
		while (p < end) {
			const char *bar = memchr(p, '|', (size_t)(end - p));
			struct tars_str entry = { p, (uint32_t)((bar ? bar : end) - p) };

			if (entry.n)
				*index_slot(&b->group_by_host, entry) = rule;
			p = bar ? bar + 1 : end;
		}
	}
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

static void build_priorities(struct fleet_base *b, const struct Routes_GroupPriority_list *rows)
{
	b->priorities = arena_alloc(&b->arena, rows->n * sizeof(*b->priorities));
	for (uint32_t i = 0; i < rows->n; i++) {
		b->priorities[i].station = rows->v[i].station;
		parse_group_list(rows->v[i].group_list, &b->priorities[i].groups, &b->arena);
	}
}

static void build_masters(struct fleet_base *b, const struct Routes_MasterRow_list *rows)
{
	index_init(&b->masters, rows->n, &b->arena);
	for (uint32_t i = 0; i < rows->n; i++)
		*index_slot(&b->masters, fleet_key(&b->arena, rows->v[i].application,
						   rows->v[i].server_name, TARS_STR(""))) =
			&rows->v[i];
}

struct fleet_base *fleet_base_new(const uint8_t *data, size_t n, struct err *e)
{
	struct fleet_base *b = xcalloc(1, sizeof(*b));

	arena_init(&b->arena, NULL, 0);
	if (codec_get_flat(data, n, &Routes_Base_type, &b->rows, &b->arena, e) < 0) {
		fleet_base_free(b);
		return NULL;
	}
	build_groups(b, &b->rows.rules);
	build_priorities(b, &b->rows.priorities);
	build_masters(b, &b->rows.masters);
	return b;
}

void fleet_base_free(struct fleet_base *b)
{
	if (!b)
		return;
	arena_clear(&b->arena);
	free(b);
}
