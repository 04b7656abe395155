/*
 * Routing: which endpoints an object has, and which of them a caller gets (contract 3.2, 11).
 *
 * A route table is built from rows and immutable from then on; answers without groups and sets are
 * lists of the table itself, so a look-up copies two pointers.  Bytes and memory only.
 * Owner: whoever built it; the rows must outlive it.  Thread: one at a time.
 */
#ifndef ROLES_REGISTRY_ROUTE_H
#define ROLES_REGISTRY_ROUTE_H

#include <string.h>

#include "if/EndpointF.h"
#include "if/Routes.h"
#include "roles/registry/index.h"

enum { ROUTE_NO_GROUP = -1 };

/* The parts of "name.area.group"; name.n == 0: not a member of any set. */
struct route_set {
	struct tars_str name, area, group;
};

/* Endpoints with, at the same positions, their sets. */
struct route_list {
	struct tars_EndpointF_list eps;
	struct route_set *sets;
};

struct route_object {
	struct tars_str id;
	struct route_list active, inactive;
	bool has_sets;
	uint32_t room_active, room_inactive;
};

struct route_priority {
	struct tars_str station;
	struct tars_int_list groups;
};

struct route_table {
	struct arena arena;
	struct route_object *objects;
	uint32_t n_objects, n_endpoints;
	uint32_t n_bad;                 /* rows whose endpoint text is refused */
	struct index by_id;
	struct index group_by_host;     /* entry of allow_ip_rule -> struct Routes_GroupRule */
	struct index group_by_name;
	struct route_priority *priorities;  /* in list_order */
	uint32_t n_priorities;
};

struct route_table *route_build(const struct Routes_Rows *rows);
void route_free(struct route_table *t);

/* Group of a host by the registry's rules, or ROUTE_NO_GROUP. */
int32_t route_group_of(const struct route_table *t, struct tars_str host);

/* The same by the fuller rules of AdminReg.getGroupId: any '*', and deny lists. */
int32_t route_admin_group_of(const struct Routes_GroupRule_list *rules, struct tars_str host);

/* An unknown object has empty lists. */
struct route_answer {
	int32_t ret;
	struct tars_EndpointF_list active, inactive;
};
void route_any(const struct route_table *t, struct tars_str id, struct route_answer *ans);
/* What a caller on this host gets: its group, related groups, ungrouped, all. */
void route_in_group(const struct route_table *t, struct tars_str id, struct tars_str host,
		    struct arena *a, struct route_answer *ans);
void route_in_station(const struct route_table *t, struct tars_str id, struct tars_str station,
		      struct arena *a, struct route_answer *ans);
void route_in_set(const struct route_table *t, struct tars_str id, struct tars_str set,
		  struct tars_str host, struct arena *a, struct route_answer *ans);

/* Helpers that the files of this module share. */
static inline bool str_is(struct tars_str a, struct tars_str b)
{
	return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool str_is_text(struct tars_str s, const char *text)
{
	return s.n == strlen(text) && (!s.n || memcmp(s.p, text, s.n) == 0);
}
/* Flags of rows: 'Y' or 'y'. */
static inline bool str_is_yes(struct tars_str s)
{
	return s.n == 1 && (s.p[0] & ~0x20) == 'Y';
}
/* '*' stands for any text. */
bool route_text_matches(struct tars_str pattern, struct tars_str s);
/* Splits "name.area.group" as the official code does (empty parts vanish); false: not three. */
bool route_set_parse(struct tars_str text, struct route_set *set);

#endif
