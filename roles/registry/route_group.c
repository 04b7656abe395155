/* Which group a host belongs to: by the registry's rules, and by those of the administration. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "roles/registry/route.h"

int32_t route_group_of(const struct fleet_base *base, struct tars_str host)
{
	const struct Routes_GroupRule *rule = index_find(&base->group_by_host, host);
	char text[64];
	struct in_addr ip = { 0 };
	const uint8_t *b = (const uint8_t *)&ip;
	int n;

	if (rule)
		return rule->group_id;
	if (!base->rows.rules.n)
		return ROUTE_NO_GROUP;
	/* Names count as 0.0.0.0: official, and rules are written for it. */
	if (host.n && host.n < sizeof(text)) {
		memcpy(text, host.p, host.n);
		text[host.n] = 0;
		if (inet_pton(AF_INET, text, &ip) != 1)
			ip.s_addr = 0;
	}
	n = snprintf(text, sizeof(text), "%d.%d.%d.*", b[0], b[1], b[2]);
	rule = index_find(&base->group_by_host, (struct tars_str){ text, (uint32_t)n });
	return rule ? rule->group_id : ROUTE_NO_GROUP;
}

bool route_text_matches(struct tars_str pattern, struct tars_str s)
{
	uint32_t i = 0, k = 0, star = UINT32_MAX, from = 0;

	while (i < s.n) {
		if (k < pattern.n && pattern.p[k] == '*') {
			star = k++;
			from = i;
		} else if (k < pattern.n && pattern.p[k] == s.p[i]) {
			k++;
			i++;
		} else if (star != UINT32_MAX) {
			k = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (k < pattern.n && pattern.p[k] == '*')
		k++;
	return k == pattern.n;
}

/*
 * A '*' of an address pattern takes one whole part, up to the next dot and never nothing, so
 * "10.3.*" is no network of 10.3.0.1; "node*" takes what is left of a name.
 */
static bool matches_parts(struct tars_str pattern, struct tars_str s)
{
	uint32_t i = 0, k = 0;

	while (k < pattern.n && i < s.n) {
		if (pattern.p[k] != '*') {
			if (pattern.p[k++] != s.p[i++])
				return false;
			continue;
		}
		if (s.p[i] == '.')
			return false;
		while (i < s.n && s.p[i] != '.')
			i++;
		k++;
	}
	return k == pattern.n && i == s.n;
}

/* Is the host in a list of patterns, separated by '|', ',' or ';'? */
static bool is_listed(struct tars_str list, struct tars_str host)
{
	for (uint32_t i = 0; i < list.n; ) {
		uint32_t n = 0;

		while (i + n < list.n && !strchr("|,;", list.p[i + n]))
			n++;
		if (n && matches_parts((struct tars_str){ list.p + i, n }, host))
			return true;
		i += n + 1;
	}
	return false;
}

int32_t route_admin_group_of(const struct Routes_GroupRule_list *rules, struct tars_str host)
{
	for (uint32_t i = 0; i < rules->n; i++) {
		const struct Routes_GroupRule *rule = &rules->v[i];

		/* The deny list only counts where it comes first (contract 14.2/8). */
		if (!str_is_text(rule->ip_order, "allow_denny") &&
		    is_listed(rule->denny_ip_rule, host))
			continue;
		if (is_listed(rule->allow_ip_rule, host))
			return rule->group_id;
	}
	return ROUTE_NO_GROUP;
}
