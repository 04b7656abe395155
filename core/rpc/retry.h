/*
 * Calls that are sent more than once: retries after a refusal, and backup requests.
 *
 * Opt-in for each function by struct tars_retry, and paid from a budget, so that they can never
 * double the load of servers that are in trouble.  A call may be sent again
 *   - when it was surely not executed: the server refused it (-9, -6);
 *   - when nobody knows (its connection broke; it takes long), if the IDL says @idempotent.
 * What was not sent at all is none of this: it always goes elsewhere (call.c).
 *
 * With a backup request the caller's call is an umbrella over two attempts, calls of their own.
 * The first answer ends the umbrella; the other attempt runs on without one, because how it ends
 * is what its endpoint is judged by.
 *
 *   caller -> call -> endpoint                    caller -> umbrella --+-- attempt -> endpoint
 *                                 after backup_ms                      +-- attempt -> another
 *
 * Thread: the loop's.
 */
#ifndef CORE_RPC_RETRY_H
#define CORE_RPC_RETRY_H

#include "core/io/reactor.h"
#include "core/tars.h"

struct target;
struct tars_pending;

/* ---- the budget: a token bucket that calls fill ---- */

struct retry_budget {
	unsigned hundredths;          /* of a token */
};

static inline void retry_budget_earn(struct retry_budget *b, unsigned percent, unsigned burst)
{
	b->hundredths += percent;
	if (b->hundredths > burst * 100)
		b->hundredths = burst * 100;
}

static inline bool retry_budget_spend(struct retry_budget *b)
{
	if (b->hundredths < 100)
		return false;
	b->hundredths -= 100;
	return true;
}

/* ---- calls ---- */

/* Of a call that may be sent again. */
struct retrying {
	const struct tars_retry *rule;
	struct tars_pending *call;
	unsigned n_sent;
	struct timer backup_due;
	bool is_umbrella;
	struct tars_pending *attempts[2];   /* NULL: over */
};

/* For a new call; NULL if its function has no rule. */
struct retrying *retry_new(struct tars_pending *p);
/* The call begins. */
void retry_begin(struct tars_pending *p);
/* The call is ending with rc.  True: it goes on instead. */
bool retry_goes_on(struct tars_pending *p, int rc);
/* The call ends: what is left of it lets go of it. */
void retry_end(struct tars_pending *p, int rc);
/* An attempt is over; takes it. */
void retry_attempt_done(struct tars_pending *attempt);

#endif
