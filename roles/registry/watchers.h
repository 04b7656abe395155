/*
 * Watchers: clients that want to hear when the endpoints of an object change.
 *
 * They are told which objects, and look those up again; so groups, sets and weights are computed in
 * one place, and what a client gets is what it would have got by asking.  Used by registry and
 * node, each on its fleet.  Thread: the reactor of the role.
 */
#ifndef ROLES_REGISTRY_WATCHERS_H
#define ROLES_REGISTRY_WATCHERS_H

#include "core/tars.h"
#include "roles/registry/fleet.h"

enum { WATCH_MAX_IDS = 10000, WATCH_MAX_ID = 512 };  /* of one connection; bytes of each */

struct watchers;

struct watchers *watchers_new(struct fleet *f);
void watchers_stop(struct watchers *list);
/* After the last request. */
void watchers_free(struct watchers *list);
/* What WatchObj.watch does. */
int watchers_add(struct watchers *list, struct tars_req *rq, const struct tars_string_list *ids);

#endif
