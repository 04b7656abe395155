/*
 * Routing: which endpoints an object has, and which of them a caller gets (contract 3.2, 11).
 *
 * An object is built from the fleet's servers and immutable from then on; answers without groups
 * and sets are lists of the object itself, so a look-up copies two pointers, which stay until the next
 * change of the fleet.  Bytes and memory only.  Thread: one at a time.
 */
#ifndef ROLES_REGISTRY_ROUTE_H
#define ROLES_REGISTRY_ROUTE_H

#include <string.h>

#include "if/EndpointF.h"
#include "roles/registry/fleet.h"

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

struct answer;

struct route_object {
	struct arena arena;
	struct route_list active, inactive;
	bool has_sets;
	struct answer *answers;         /* answers.h */
	unsigned n_answers;
	size_t answer_bytes;
};

/* The endpoints of servant `id`: of those servers, and of the platform. */
struct route_object *route_object_build(const struct fleet_base *base, struct tars_str id,
					struct instance *const *servers, uint32_t n);
void route_object_free(struct route_object *o);
void route_object_forget_answers(struct route_object *o);

/* From an encoded struct Routes_Base; NULL: it cannot be read. */
struct fleet_base *fleet_base_new(const uint8_t *data, size_t n, struct err *e);
void fleet_base_free(struct fleet_base *base);

/* Group of a host by the registry's rules, or ROUTE_NO_GROUP; no rules, no work. */
int32_t route_group_of(const struct fleet_base *base, struct tars_str host);

/* The same by the fuller rules of AdminReg.getGroupId: any '*', and deny lists. */
int32_t route_admin_group_of(const struct Routes_GroupRule_list *rules, struct tars_str host);

/* An unknown object has empty lists. */
struct route_answer {
	int32_t ret;
	struct tars_EndpointF_list active, inactive;
};
void route_any(struct fleet *f, struct tars_str id, struct route_answer *ans);
/* What a caller on this host gets: its group, related groups, ungrouped, all. */
void route_in_group(struct fleet *f, struct tars_str id, struct tars_str host, struct arena *a,
		    struct route_answer *ans);
void route_in_station(struct fleet *f, struct tars_str id, struct tars_str station,
		      struct arena *a, struct route_answer *ans);
void route_in_set(struct fleet *f, struct tars_str id, struct tars_str set, struct tars_str host,
		  struct arena *a, struct route_answer *ans);

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
