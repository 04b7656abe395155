/*
 * Profiles: templates merged with their parents, and what a node gets to run a server with.
 *
 * Everything lives in the arena or request given.  Thread: a coroutine of the registry's reactor.
 */
#ifndef ROLES_REGISTRY_PROFILE_H
#define ROLES_REGISTRY_PROFILE_H

#include "roles/registry/registry.h"

struct tarsconf;
struct templates;
/* All templates of the database, in the arena. */
int templates_load(struct registry *reg, struct templates **t, struct arena *a, struct err *e);
/* The text of one that exists, without its parents'. */
struct tars_str templates_text(const struct templates *t, struct tars_str name);
bool templates_has(const struct templates *t, struct tars_str name);
/* A template that is missing or unreadable counts as empty; that is reported in the log. */
struct tarsconf *templates_merge(const struct templates *t, struct tars_str name, struct arena *a);
/* "(root:OK)(leaf:OK)": which templates were merged, and what is wrong with them. */
struct tars_str templates_describe(const struct templates *t, struct tars_str name,
				   struct arena *a);
int tarsconf_text(const struct tarsconf *conf, struct tars_str *text, struct arena *a,
		  struct err *e);

/* Servers as their nodes get them; empty names match all (descriptor.c). */
struct tars_ServerDescriptor_list;
int descriptors_load(struct tars_req *rq, struct registry *reg, struct tars_str app,
		     struct tars_str server, struct tars_str node,
		     struct tars_ServerDescriptor_list *list, struct err *e);
/* Both are adapters of one server. */
bool descriptor_is_of(const struct Routes_DescriptorRow *x, const struct Routes_DescriptorRow *y);
/* The merged profile of one server. */
int server_profile(struct registry *reg, const struct server_ref *ref, struct tars_str *text,
		   struct arena *a, struct err *e);

#endif
