/*
 * The node's copy of all routing data: kept in step with one registry, on disk for when none is
 * there, and what QueryObj and WatchObj of this node answer from.
 *
 * Owner: the node.  Thread: the main reactor.
 */
#ifndef ROLES_NODE_MIRROR_H
#define ROLES_NODE_MIRROR_H

#include "roles/registry/query.h"

struct node;
struct node_mirror;

/* Reads what is on disk. */
struct node_mirror *node_mirror_new(struct node *n);
/* For the servants. */
struct query_source *node_mirror_source(struct node_mirror *m);
/* Follows a registry until the node stops; a coroutine. */
struct tars_req;
void node_mirror_run(struct tars_req *rq, void *mirror);
/* No more timers; node_mirror_run ends. */
void node_mirror_stop(struct node_mirror *m);
/* After the last request. */
void node_mirror_free(struct node_mirror *m);

#endif
