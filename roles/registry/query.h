/*
 * What QueryObj and WatchObj answer from, in the registry and in a node.
 *
 * The data of these servants is a struct query_source: the first member of what else they need.
 * Thread: the reactor of the role.
 */
#ifndef ROLES_REGISTRY_QUERY_H
#define ROLES_REGISTRY_QUERY_H

#include "roles/registry/fleet.h"
#include "roles/registry/watchers.h"

struct query_source {
	struct fleet *fleet;
	struct watchers *watch;
	/* In a node: the registries, for what only they can say, and for everything while the fleet
	 * is not there yet. */
	struct tars_proxy *elsewhere;
	bool is_empty;
	/* What callers on this machine count as; NULL: as their address. */
	const char *local_host;
};

struct tars_QueryF;
extern const struct tars_QueryF registry_query, node_query;
struct tars_Watch;
extern const struct tars_Watch query_watch;

#endif
