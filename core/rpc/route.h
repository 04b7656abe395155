/*
 * Route: the endpoints of one object at one moment, and which of them a call should use.
 *
 * Immutable after route_new (but for the ring), shared by the loops, reference counted; a call's turn is the caller's.
 * Order and hash rules are those of the official C++ client (contract 11.3).  Thread: any.
 */
#ifndef CORE_RPC_ROUTE_H
#define CORE_RPC_ROUTE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/tars.h"
#include "proto/arena.h"
#include "proto/endpoint.h"
#include "proto/hash.h"

/* Whose turn it is, over one round: everyone as often as it weighs. */
struct turns {
	uint32_t *v;
	uint32_t n;
	bool is_static;               /* all have static weights */
};

struct health;

struct route_ring {
	struct ring ring;             /* by host */
	uint32_t *active;             /* ring node -> index in active */
};

struct route {
	_Atomic unsigned refs;
	struct arena arena;
	struct endpoint *active;      /* sorted by "type:host:port", without duplicates */
	uint32_t n;
	int32_t *all;                 /* active and inactive, in order: index in active, or -1 */
	uint32_t n_all;
	struct turns turns;           /* of the active ones */
	struct turns all_turns;       /* indices in `all`, for the mod hash */
	struct route_ring *_Atomic ring; /* NULL until it is needed */
	pthread_mutex_t lock;         /* of its making */
	struct health **health;       /* of the active ones; NULL: of none */
};

/* The lists are copied.  One reference for the caller. */
struct route *route_new(const struct endpoint_list *active, const struct endpoint_list *inactive);
/* Takes a reference to found[i] for active[i]; before others see the route. */
void route_set_health(struct route *r, struct health *const *found);
struct route *route_ref(struct route *r);
void route_unref(struct route *r);
bool route_equal(const struct route *a, const struct route *b);

/*
 * Index of the active endpoint for a call, or ROUTE_NONE: is_usable says which are worth a try.
 * r->n must not be 0.  *turn goes on by one or more when no hash is used.  A key whose endpoint is
 * not usable goes to another one as with the official client: the mod hash over those that are
 * left, the consistent one to the next on the ring.
 */
#define ROUTE_NONE UINT32_MAX
uint32_t route_pick(struct route *r, uint32_t *turn, enum tars_hash_mode mode, uint64_t hash,
		    bool (*is_usable)(void *arg, uint32_t index), void *arg);

#endif
