/* The timers of a reactor: sorted runs for time-outs of equal length, a heap for the rest. */
#include "core/io/timers.h"

#include <stdlib.h>

#include "proto/arena.h"

/* timer.place: 0 is "not in", then the runs, then the heap by index. */
enum { FIRST_RUN = 1, HEAP = TIMER_RUNS, ARITY = 4 };

/* ---- the heap ---- */

static size_t parent_of(size_t i)
{
	return (i - 2) / ARITY + 1;
}

static size_t first_child_of(size_t i)
{
	return (i - 1) * ARITY + 2;
}

static void put(struct timers *all, size_t i, struct timer *t)
{
	all->heap[i] = t;
	t->place = HEAP + i;
}

static void sift_up(struct timers *all, size_t i, struct timer *t)
{
	while (i > 1 && all->heap[parent_of(i)]->due_us > t->due_us) {
		put(all, i, all->heap[parent_of(i)]);
		i = parent_of(i);
	}
	put(all, i, t);
}

static void sift_down(struct timers *all, size_t i, struct timer *t)
{
	for (;;) {
		size_t child = first_child_of(i), end = child + ARITY, best = child;

		if (child > all->n_heap)
			break;
		if (end > all->n_heap + 1)
			end = all->n_heap + 1;
		while (++child < end)
			if (all->heap[child]->due_us < all->heap[best]->due_us)
				best = child;
		if (all->heap[best]->due_us >= t->due_us)
			break;
		put(all, i, all->heap[best]);
		i = best;
	}
	put(all, i, t);
}

static void heap_add(struct timers *all, struct timer *t)
{
	if (all->n_heap + 1 >= all->cap) {
		all->cap = all->cap ? 2 * all->cap : 64;
		all->heap = xrealloc(all->heap, all->cap * sizeof(struct timer *));
	}
	sift_up(all, ++all->n_heap, t);
}

static void heap_remove(struct timers *all, struct timer *t)
{
	size_t i = t->place - HEAP;
	struct timer *last = all->heap[all->n_heap--];

	if (last == t)
		return;
	if (i > 1 && all->heap[parent_of(i)]->due_us > last->due_us)
		sift_up(all, i, last);
	else
		sift_down(all, i, last);
}

/* ---- the runs ---- */

/* The one whose last is due latest of those that t can follow: so that each length of time-out
 * finds back to its own.  An empty one only if there is no other; -1 if t fits nowhere. */
static int find_run(struct timers *all, const struct timer *t)
{
	int64_t latest = INT64_MIN;
	int best = -1;

	for (int i = 0; i < all->n_runs; i++) {
		int64_t due_us = all->last[i] ? all->last[i]->due_us : INT64_MIN;

		if (due_us <= t->due_us && due_us >= latest) {
			latest = due_us;
			best = i;
		}
	}
	return best < 0 && all->n_runs < TIMER_RUNS ? all->n_runs++ : best;
}

static void run_add(struct timers *all, int i, struct timer *t)
{
	t->place = (size_t)(FIRST_RUN + i);
	t->next = NULL;
	t->prev = all->last[i];
	if (t->prev)
		t->prev->next = t;
	else
		all->first[i] = t;
	all->last[i] = t;
}

static void run_remove(struct timers *all, struct timer *t)
{
	size_t i = t->place - FIRST_RUN;

	if (t->prev)
		t->prev->next = t->next;
	else
		all->first[i] = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		all->last[i] = t->prev;
}

/* ---- both ---- */

void timers_release(struct timers *all)
{
	free(all->heap);
	*all = (struct timers){ 0 };
}

void timers_add(struct timers *all, struct timer *t)
{
	int run = find_run(all, t);

	if (run >= 0)
		run_add(all, run, t);
	else
		heap_add(all, t);
	all->n++;
}

void timers_remove(struct timers *all, struct timer *t)
{
	if (t->place <= HEAP)
		run_remove(all, t);
	else
		heap_remove(all, t);
	t->place = 0;
	all->n--;
}

struct timer *timers_first(const struct timers *all)
{
	struct timer *best = all->n_heap ? all->heap[1] : NULL;

	for (int i = 0; i < all->n_runs; i++)
		if (all->first[i] && (!best || all->first[i]->due_us < best->due_us))
			best = all->first[i];
	return best;
}
