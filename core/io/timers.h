/*
 * The timers of a reactor: a 4-ary heap ordered by due time.
 *
 * Open value, owned by its reactor; the rest of the code uses timer_start() and timer_stop().
 * Thread: its reactor.
 */
#ifndef CORE_IO_TIMERS_H
#define CORE_IO_TIMERS_H

#include "core/io/reactor.h"

struct timers {
	struct timer **v;      /* 1-based: timer.heap is the index, 0 means "not in" */
	size_t n, cap;
};

void timers_release(struct timers *h);
void timers_add(struct timers *h, struct timer *t);
void timers_remove(struct timers *h, struct timer *t);
/* The one due first, or NULL. */
static inline struct timer *timers_first(const struct timers *h)
{
	return h->n ? h->v[1] : NULL;
}

#endif
