/*
 * Proxies: remote objects by name or with their endpoints, and where each loop calls them.
 *
 * A by-name proxy asks the registry on first use and every refresh_ms after it; the answer becomes
 * a route, which is given to the loops' targets through their inboxes.  Without the registry the
 * disk cache is used, and the last route is kept for ever (contract 13.2/15).
 * Thread: tars_proxy and the getters any; a target its loop; the rest the main loop.
 */
#ifndef CORE_RPC_PROXY_H
#define CORE_RPC_PROXY_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/health.h"
#include "core/rpc/push.h"
#include "core/rpc/retry.h"
#include "core/rpc/route.h"

struct message_kind;
struct peer;

/* An endpoint of a target. */
struct candidate {
	struct peer *peer;
	struct health *health;
	struct list node;             /* in peer->candidates */
};

/* A proxy as one loop uses it. */
struct target {
	struct tars_proxy *proxy;
	struct loop *loop;
	struct route *route;          /* NULL: none yet */
	struct candidate *candidates; /* of route->active */
	uint32_t turn;
	struct retry_budget budget;
	_Atomic unsigned n_retries, n_backups, n_no_budget;
	struct call_queue waiting;    /* until there is a route */
	struct task changed;
	_Atomic bool changed_posted;
	_Atomic bool used;            /* wants to hear of changes */
	bool is_private;              /* its peers are */
	struct pushed_queue pushed;
};

struct tars_proxy {
	struct tars_proxy *next;      /* in its bucket */
	struct tars_app *app;
	const char *object;           /* as given */
	const char *name;             /* "App.Server.Obj" */
	/* Defaults filled in; set: NULL if it is looked up without. */
	struct tars_proxy_conf conf;
	struct tars_check check;
	const char *scope;            /* for messages: " in the set a.b.c" or "" */
	const char *cache_key;        /* the name, and the set or station */
	bool direct;
	struct err bad;               /* code != 0: the object string is malformed */
	_Atomic(struct message_kind *) kinds; /* of tars_message, by name; under the app's lock */

	const struct push_handler *_Atomic push; /* NULL: it wants none */
	pthread_mutex_t lock;         /* route, failure */
	struct route *route;          /* newest; NULL: none */
	struct err failure;           /* why there is none */
	_Atomic bool wanted;          /* a look-up is under way or about to be */
	_Atomic int64_t asked_us;     /* when the last one ended */
	struct task want;
	struct timer refresh;
	unsigned failures;            /* look-ups in a row */
	struct tars_proxy *next_watched;
	bool in_watch, is_watched;    /* is_watched: somebody will tell us of changes */
	struct target targets[];      /* one per loop */
};

/*
 * The endpoint for a call of this loop; *is_probe if it is shielded and the call shall find out
 * whether it is well again.  NULL with code 0 in *e: the call has been put into target->waiting;
 * NULL with a code: it cannot be called and e says why.
 */
struct candidate *target_pick(struct target *t, struct tars_pending *p, bool *is_probe,
			      struct err *e);
/* ---- lookup.c ---- */
void look_up_wanted(struct task *want);
/* Gives the route a breaker for each endpoint; of `old` those that are in both. */
void proxy_set_health(struct tars_proxy *proxy, struct route *route, const struct route *old);

/* ---- target.c ---- */
void target_init(struct target *t, struct tars_proxy *proxy, struct loop *l);
/* The proxy's route or failure is new.  Thread: any. */
void targets_tell(struct tars_proxy *proxy);
/* The same for the target of the loop that calls, at once. */
void target_renew(struct target *t);

/* Every endpoint of every proxy; one call with NULL for a proxy that has none.  The app's lock is
 * held.  Thread: any. */
void endpoints_each(struct tars_app *app,
		    void (*visit)(const struct tars_proxy *proxy, const struct health_info *info,
				  void *arg), void *arg);
/* For messages: the locator's object name. */
const char *proxy_registry_name(struct tars_app *app);

static inline struct target *proxy_target(struct tars_proxy *proxy, const struct loop *l)
{
	return &proxy->targets[l->index];
}

/* ---- proxy_cache.c: the file that keeps the last routes ---- */
struct proxy_cache;
/* Never NULL; an absent or unreadable file is an empty cache. */
struct proxy_cache *proxy_cache_open(const char *path);
void proxy_cache_free(struct proxy_cache *c);
/* A route from the file, or NULL. */
struct route *proxy_cache_find(struct proxy_cache *c, const char *name);
/* Remembers and writes the file; in a coroutine: it waits for the disk. */
void proxy_cache_put(struct proxy_cache *c, const char *name, const struct endpoint_list *active,
		     const struct endpoint_list *inactive);

#endif
