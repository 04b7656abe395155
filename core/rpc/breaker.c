/* Breaker: when an endpoint is shielded from calls, and when it gets them again. */
#include "core/rpc/breaker.h"

#include <string.h>

enum { SLOTS_PER_WINDOW = WINDOW_SLOTS - 1, CLOCKS_DIFFER_MS = 1000 };

/* ---- windows ---- */

/* The slot that comes next starts now, so what was in it is over a window old. */
void window_turn(struct window *w, int64_t now_us, int64_t window_us)
{
	int64_t slot_us = window_us / SLOTS_PER_WINDOW;

	w->current = (w->current + 1) % WINDOW_SLOTS;
	atomic_store_explicit(&w->v[w->current].n, 0, memory_order_relaxed);
	atomic_store_explicit(&w->v[w->current].start_ms, (uint32_t)(now_us / 1000),
			      memory_order_relaxed);
	w->end_us = now_us + (slot_us ? slot_us : 1);
}

uint32_t window_sum(const struct window *w, int64_t now_us, int64_t window_us)
{
	uint32_t oldest_ms = (uint32_t)((window_us + window_us / SLOTS_PER_WINDOW) / 1000);
	uint32_t sum = 0, now_ms = (uint32_t)(now_us / 1000);

	for (unsigned i = 0; i < WINDOW_SLOTS; i++) {
		uint32_t start_ms = atomic_load_explicit(&w->v[i].start_ms, memory_order_relaxed);

		/* By the writer's clock it may begin a little later than now. */
		if (now_ms + CLOCKS_DIFFER_MS - start_ms < oldest_ms + CLOCKS_DIFFER_MS)
			sum += atomic_load_explicit(&w->v[i].n, memory_order_relaxed);
	}
	return sum;
}

/* ---- the breaker ---- */

static void set_default(int *value, int fallback)
{
	if (*value <= 0)
		*value = fallback;
}

void breaker_conf_init(struct tars_check *c, const struct tars_check *given)
{
	*c = given ? *given : (struct tars_check){ 0 };
	set_default(&c->window_ms, 5000);
	set_default(&c->min_failures, 1);
	if (c->ratio <= 0)
		c->ratio = 0.05;
	set_default(&c->consecutive, 1);
	set_default(&c->consecutive_ms, 3000);
	set_default(&c->retry_ms, 5000);
	set_default(&c->connect_failures, 1);
	if (!c->usable_percent)
		c->usable_percent = 50;
}

static bool is_too_many(const struct breaker *b, const struct tars_check *c, int64_t now_us,
			struct breaker_ok ok)
{
	uint32_t failed = window_sum(&b->failed, now_us, c->window_ms * INT64_C(1000));

	if (b->in_a_row >= (unsigned)c->consecutive &&
	    (c->consecutive == 1 || now_us - b->row_us >= c->consecutive_ms * INT64_C(1000)))
		return true;
	return failed >= (unsigned)c->min_failures &&
	       failed >= c->ratio * ((double)failed + ok.in_window);
}

static bool open_up(struct breaker *b, const struct tars_check *c, int64_t now_us, bool hopeless)
{
	bool was_closed = b->state == BREAKER_CLOSED;

	/* Calls that use it for want of a better one do not put its next probe off. */
	if (b->state != BREAKER_OPEN)
		b->retry_us = now_us + c->retry_ms * INT64_C(1000);
	if (was_closed)
		b->since_us = now_us;
	b->state = BREAKER_OPEN;
	b->hopeless = hopeless;
	return was_closed;
}

static bool close_again(struct breaker *b, int64_t now_us)
{
	if (b->state == BREAKER_CLOSED)
		return false;
	b->state = BREAKER_CLOSED;
	b->hopeless = b->unreachable = false;
	b->since_us = now_us;
	b->in_a_row = 0;
	memset(&b->failed, 0, sizeof(b->failed));
	return true;
}

bool breaker_failed(struct breaker *b, const struct tars_check *c, int64_t now_us, int64_t sent_us,
		    struct breaker_ok ok)
{
	if (sent_us < b->since_us || c->off)
		return false;
	window_add(&b->failed, now_us, c->window_ms * INT64_C(1000));
	if (ok.total != b->ok_at_failure)
		b->in_a_row = 0;
	b->ok_at_failure = ok.total;
	if (!b->in_a_row++)
		b->row_us = now_us;
	/* While it is open any success would have closed it. */
	if (b->state != BREAKER_CLOSED)
		return open_up(b, c, now_us, true);
	return is_too_many(b, c, now_us, ok) && open_up(b, c, now_us, !ok.in_window);
}

bool breaker_succeeded(struct breaker *b, int64_t now_us, int64_t sent_us)
{
	return sent_us >= b->since_us && close_again(b, now_us);
}

bool breaker_connect_failed(struct breaker *b, const struct tars_check *c, int64_t now_us)
{
	if (++b->connects_failed < (unsigned)c->connect_failures || c->off)
		return false;
	b->unreachable = true;
	return open_up(b, c, now_us, true);
}

bool breaker_connected(struct breaker *b, int64_t now_us)
{
	b->connects_failed = 0;
	return b->unreachable && close_again(b, now_us);
}

bool breaker_take_probe(struct breaker *b, int64_t now_us)
{
	if (b->state != BREAKER_OPEN || now_us < b->retry_us)
		return false;
	b->state = BREAKER_PROBING;
	return true;
}

void breaker_give_probe_back(struct breaker *b, int64_t now_us)
{
	if (b->state != BREAKER_PROBING)
		return;
	b->state = BREAKER_OPEN;
	b->retry_us = now_us;
}

bool breaker_is_panic(const struct tars_check *c, uint32_t usable, uint32_t n)
{
	return c->usable_percent > 0 &&
	       (uint64_t)usable * 100 < (uint64_t)n * (unsigned)c->usable_percent;
}
