/*
 * The timers of a reactor: sorted runs for time-outs of equal length, a heap for the rest.
 *
 * Most timers are time-outs of a few lengths that nearly never ring.  Those of one length start in
 * the order in which they are due, so they stand in a list that is sorted by itself: adding and
 * removing cost a few instructions, however many there are.  What fits behind no list is kept in a
 * 4-ary heap.
 *
 * Open value, owned by its reactor; the rest of the code uses timer_start() and timer_stop().
 * Thread: its reactor.
 */
#ifndef CORE_IO_TIMERS_H
#define CORE_IO_TIMERS_H

#include "core/io/reactor.h"

enum { TIMER_RUNS = 8 };

struct timers {
	struct timer *first[TIMER_RUNS], *last[TIMER_RUNS];
	int n_runs;            /* those behind have never been used */
	struct timer **heap;   /* 1-based */
	size_t n_heap, cap;
	size_t n;              /* all that run */
};

void timers_release(struct timers *all);
void timers_add(struct timers *all, struct timer *t);
void timers_remove(struct timers *all, struct timer *t);
/* The one due first, or NULL. */
struct timer *timers_first(const struct timers *all);

#endif
