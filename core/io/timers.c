/* The timers of a reactor: a 4-ary heap ordered by due time. */
#include "core/io/timers.h"

#include <stdlib.h>

#include "proto/arena.h"

enum { ARITY = 4 };

static size_t parent_of(size_t i)
{
	return (i - 2) / ARITY + 1;
}

static size_t first_child_of(size_t i)
{
	return (i - 1) * ARITY + 2;
}

static void place(struct timers *h, size_t i, struct timer *t)
{
	h->v[i] = t;
	t->heap = i;
}

static void sift_up(struct timers *h, size_t i, struct timer *t)
{
	while (i > 1 && h->v[parent_of(i)]->due_us > t->due_us) {
		place(h, i, h->v[parent_of(i)]);
		i = parent_of(i);
	}
	place(h, i, t);
}

static void sift_down(struct timers *h, size_t i, struct timer *t)
{
	for (;;) {
		size_t child = first_child_of(i), end = child + ARITY, best = child;

		if (child > h->n)
			break;
		if (end > h->n + 1)
			end = h->n + 1;
		while (++child < end)
			if (h->v[child]->due_us < h->v[best]->due_us)
				best = child;
		if (h->v[best]->due_us >= t->due_us)
			break;
		place(h, i, h->v[best]);
		i = best;
	}
	place(h, i, t);
}

void timers_release(struct timers *h)
{
	free(h->v);
	*h = (struct timers){ 0 };
}

void timers_add(struct timers *h, struct timer *t)
{
	if (h->n + 1 >= h->cap) {
		h->cap = h->cap ? 2 * h->cap : 64;
		h->v = xrealloc(h->v, h->cap * sizeof(*h->v));
	}
	sift_up(h, ++h->n, t);
}

void timers_remove(struct timers *h, struct timer *t)
{
	size_t i = t->heap;
	struct timer *last = h->v[h->n--];

	t->heap = 0;
	if (last == t)
		return;
	if (i > 1 && h->v[parent_of(i)]->due_us > last->due_us)
		sift_up(h, i, last);
	else
		sift_down(h, i, last);
}
