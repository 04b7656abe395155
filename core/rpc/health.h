/*
 * Health of an endpoint as one proxy sees it: a breaker and counters that all loops share.
 *
 * Judged for the whole process: with a breaker for each loop, each would have to fail by itself,
 * and no minimum of failures would be reached at low rates.  What every call counts is in a part
 * that only its loop writes; a failure, which is rare, takes the lock and adds the parts up.  So a
 * call that succeeds costs two plain increments, and reads a state that hardly ever changes.
 *
 *   proxy --- route --- health (of each active endpoint) --- parts[loop] <-- calls of that loop
 *
 * Owner: the routes of a proxy (refs); calls and targets of a loop keep it through its part.
 * Thread: any; what has a `loop` argument: that loop's.
 */
#ifndef CORE_RPC_HEALTH_H
#define CORE_RPC_HEALTH_H

#include <pthread.h>

#include "core/rpc/breaker.h"
#include "proto/endpoint.h"

struct tars_app;

/* What one loop counts; on cache lines of its own. */
struct health_part {
	_Alignas(64) unsigned users;      /* calls under way, and the loop's target */
	_Atomic unsigned in_flight;
	_Atomic bool connected;
	_Atomic uint64_t n_ok;
	struct window ok;
};

struct health {
	_Atomic unsigned refs;
	_Atomic unsigned char state;      /* enum breaker_state, for those who do not take the lock */
	_Atomic bool hopeless;
	_Atomic int64_t retry_us;         /* OPEN */
	struct tars_app *app;
	const char *proxy_name;           /* the proxy's, which stays as long as the app */
	const struct tars_check *check;   /* the proxy's, too */
	char text[96];                    /* "tcp 10.0.0.1:18600" */
	pthread_mutex_t lock;             /* what follows, but for the parts */
	struct breaker breaker;
	uint64_t n_failed, n_shielded;
	int64_t failed_us;                /* the last one */
	char error[160];                  /* of it; "" if there was none */
	unsigned n_parts;
	struct health_part parts[];
};

/* One reference for the caller. */
struct health *health_new(struct tars_app *app, const char *proxy_name,
			  const struct tars_check *check, const struct endpoint *ep,
			  unsigned n_loops);
struct health *health_ref(struct health *h);
void health_unref(struct health *h);

/* Keeps h for the loop. */
static inline void health_hold(struct health *h, unsigned loop)
{
	if (!h->parts[loop].users++)
		health_ref(h);
}

static inline void health_drop(struct health *h, unsigned loop)
{
	if (!--h->parts[loop].users)
		health_unref(h);
}

static inline bool health_is_closed(const struct health *h)
{
	return atomic_load_explicit(&h->state, memory_order_relaxed) == BREAKER_CLOSED;
}

enum health_probe {
	HEALTH_NO_PROBE,
	HEALTH_PROBE_CALL,      /* one call may go there; it must end with _ok, _failed or _no_result */
	HEALTH_PROBE_CONNECT,   /* a connect is enough, and ends with _connected or _connect_failed */
};
/* Whether a shielded endpoint is due for a probe; one caller is told so. */
enum health_probe health_take_probe(struct health *h, int64_t now_us);

void health_recover(struct health *h, int64_t now_us, int64_t sent_us);
static inline void health_ok(struct health *h, unsigned loop, int64_t now_us, int64_t sent_us)
{
	struct health_part *part = &h->parts[loop];
	uint64_t n = atomic_load_explicit(&part->n_ok, memory_order_relaxed);

	atomic_store_explicit(&part->n_ok, n + 1, memory_order_relaxed);
	window_add(&part->ok, now_us, h->check->window_ms * INT64_C(1000));
	if (__builtin_expect(!health_is_closed(h), 0))
		health_recover(h, now_us, sent_us);
}
/* why: a line that names the cause. */
void health_failed(struct health *h, int64_t now_us, int64_t sent_us, const char *why);
void health_no_result(struct health *h, int64_t now_us);
void health_connected(struct health *h, unsigned loop, int64_t now_us);
/* True if it has just been shielded. */
bool health_connect_failed(struct health *h, unsigned loop, int64_t now_us, const char *why);
void health_disconnected(struct health *h, unsigned loop);

/* ---- for people ---- */

struct health_info {
	char endpoint[96];                /* "tcp 10.0.0.1:18600" */
	const char *state;                /* "usable", "shielded", "unreachable", "probing" */
	unsigned connections, in_flight;
	uint64_t n_ok, n_failed, n_shielded;
	int64_t retry_in_ms;              /* not usable: until the next probe */
	int64_t error_age_ms;             /* of the last failure; -1: there was none */
	char error[160];
};

void health_get_info(struct health *h, struct health_info *info);

#endif
