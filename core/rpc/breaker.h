/*
 * Breaker: whether an endpoint is worth a call, judged by how its calls ended (contract 11.4).
 *
 *           one failure too many            retry_ms later, one call
 *   CLOSED ----------------------> OPEN --------------------------------> PROBING
 *     ^                             ^ ^                                     | | |
 *     |                             | +---- failure (a new retry_ms) -------+ | |
 *     |                             +------ no result (at once again) --------+ |
 *     +--- success of a call that was sent after the last change ---------------+
 *
 * When it was opened by failed connects, the probe is a connect, and no call is risked.
 *
 * Pure: time is an argument, and successes are counted by the caller, whose threads each have a
 * window of their own: a breaker hears of failures only, and asks for the sums then.
 * Thread: one at a time; a window: one writer, any readers.
 */
#ifndef CORE_RPC_BREAKER_H
#define CORE_RPC_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/tars.h"

/* ---- events of the last seconds ---- */

enum { WINDOW_SLOTS = 6 };   /* five fifths of the window, and the one that is being filled */

struct window {
	int64_t end_us;                   /* of the current slot; the writer's */
	unsigned current;
	struct {
		_Atomic uint32_t start_ms;
		_Atomic uint32_t n;
	} v[WINDOW_SLOTS];
};

void window_turn(struct window *w, int64_t now_us, int64_t window_us);

static inline void window_add(struct window *w, int64_t now_us, int64_t window_us)
{
	_Atomic uint32_t *n;

	if (__builtin_expect(now_us >= w->end_us, 0))
		window_turn(w, now_us, window_us);
	n = &w->v[w->current].n;
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* Events of the last window_us, to a fifth of it. */
uint32_t window_sum(const struct window *w, int64_t now_us, int64_t window_us);

/* ---- the breaker ---- */

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING };

struct breaker {
	enum breaker_state state;
	/* OPEN: nothing succeeded in the window, so no shortage of endpoints is a reason to use it. */
	bool hopeless;
	bool unreachable;                 /* OPEN: the last connect failed */
	unsigned connects_failed;         /* in a row */
	int64_t since_us;                 /* of the last change between closed and not */
	int64_t retry_us;                 /* OPEN: from then on one call may probe */
	unsigned in_a_row;                /* failures without a success in between */
	int64_t row_us;                   /* when the first of them was */
	uint64_t ok_at_failure;
	struct window failed;
};

/* Successes of the endpoint, of all threads. */
struct breaker_ok {
	uint64_t total;
	uint32_t in_window;
};

/* Fills in the official defaults. */
void breaker_conf_init(struct tars_check *c, const struct tars_check *given);

/* For both: sent_us is when the call was sent.  A call that was sent before the last change says
 * nothing about the time since.  True: it has just opened; it has just closed. */
bool breaker_failed(struct breaker *b, const struct tars_check *c, int64_t now_us, int64_t sent_us,
		    struct breaker_ok ok);
bool breaker_succeeded(struct breaker *b, int64_t now_us, int64_t sent_us);
/* The same of connects, successful or not. */
bool breaker_connect_failed(struct breaker *b, const struct tars_check *c, int64_t now_us);
bool breaker_connected(struct breaker *b, int64_t now_us);
/* True for one caller when a probe is due: its call must end with one of the three others. */
bool breaker_take_probe(struct breaker *b, int64_t now_us);
/* The probe ended without a result (cancelled): the next one is due at once. */
void breaker_give_probe_back(struct breaker *b, int64_t now_us);

/* True if so few of n endpoints are usable that shielded ones are used as well. */
bool breaker_is_panic(const struct tars_check *c, uint32_t usable, uint32_t n);

#endif
