/* Properties: values that a service reports, by policy. */
#include "core/rpc/property.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rpc/app_int.h"

struct stripe {
	_Alignas(64) atomic_flag lock;
	struct property_sum sum;
};

struct tars_property {
	struct tars_property *_Atomic next;
	const char *name;
	unsigned policies;            /* enum tars_property_policy */
	unsigned n_ranges;
	int32_t ranges[PROPERTY_MAX_RANGES];
	bool taken;                   /* once: the reporter's */
	struct stripe stripes[PROPERTY_STRIPES];
};

struct property_list {
	pthread_mutex_t lock;
	struct tars_property *_Atomic first;
	struct tars_property *last;
};

/* ---- values ---- */

static struct stripe *stripe_lock(struct tars_property *p)
{
	static _Atomic unsigned next_thread;
	static __thread unsigned thread;   /* 0: not numbered yet */
	struct stripe *s;

	if (!thread)
		thread = atomic_fetch_add_explicit(&next_thread, 1, memory_order_relaxed) *
			 2 + 1;
	s = &p->stripes[thread / 2 % PROPERTY_STRIPES];
	while (atomic_flag_test_and_set_explicit(&s->lock, memory_order_acquire))
		sched_yield();
	return s;
}

static void stripe_unlock(struct stripe *s)
{
	atomic_flag_clear_explicit(&s->lock, memory_order_release);
}

static void add_extremes(struct property_sum *s, int32_t max, int32_t min)
{
	if (!s->any || max > s->max)
		s->max = max;
	/* The smallest that is not 0. */
	if (!s->min || (min && min < s->min))
		s->min = min;
	s->any = true;
}

/* The first range above the value. */
static unsigned range_of(const struct tars_property *p, int value)
{
	unsigned i = 0;

	while (i < p->n_ranges && value >= p->ranges[i])
		i++;
	return i;
}

void tars_property_report(struct tars_property *p, int value)
{
	unsigned range = range_of(p, value);
	struct stripe *s = stripe_lock(p);

	s->sum.sum += value;
	s->sum.n++;
	add_extremes(&s->sum, value, value);
	s->sum.distr[range]++;
	stripe_unlock(s);
}

static void merge(struct property_sum *to, const struct property_sum *from, unsigned n_ranges)
{
	to->sum += from->sum;
	to->n += from->n;
	if (from->any)
		add_extremes(to, from->max, from->min);
	for (unsigned i = 0; i <= n_ranges; i++)
		to->distr[i] += from->distr[i];
}

void property_add(struct tars_property *p, const struct property_sum *from)
{
	struct stripe *s = stripe_lock(p);

	merge(&s->sum, from, p->n_ranges);
	stripe_unlock(s);
}

/* ---- texts ---- */

/* "66.25", "7.333333", "20": six decimals at most, without zeros at the end. */
static const char *average(const struct property_sum *s, struct arena *a)
{
	char *text, *end;

	if (!s->n)
		return "0";
	text = arena_strf(a, "%.6f", (double)s->sum / (double)s->n);
	for (end = text + strlen(text); end[-1] == '0'; end--)
		;
	if (end[-1] == '.')
		end--;
	*end = '\0';
	return text;
}

/* "5|0,10|2,max|1" */
static const char *distribution(const struct tars_property *p, const struct property_sum *s,
				struct arena *a)
{
	struct buf text = BUF_INIT;
	const char *copy;

	for (unsigned i = 0; i < p->n_ranges; i++)
		buf_addf(&text, "%d|%llu,", p->ranges[i], (unsigned long long)s->distr[i]);
	buf_addf(&text, "max|%llu", (unsigned long long)s->distr[p->n_ranges]);
	copy = arena_strdup(a, buf_str(&text));
	buf_release(&text);
	return copy;
}

static const char *text_of(struct tars_property *p, enum tars_property_policy policy,
			   const struct property_sum *s, struct arena *a)
{
	switch (policy) {
	case TARS_PROPERTY_SUM:
		return arena_strf(a, "%lld", (long long)s->sum);
	case TARS_PROPERTY_AVG:
		return average(s, a);
	case TARS_PROPERTY_MIN:
		return s->min ? arena_strf(a, "%d", s->min) : NULL;
	case TARS_PROPERTY_MAX:
		if (p->taken)
			return arena_strf(a, "%d", s->any && s->max > 0 ? s->max : 0);
		return arena_strf(a, "%d", s->any && s->max > PROPERTY_FIRST_MAX ? s->max :
				  PROPERTY_FIRST_MAX);
	case TARS_PROPERTY_COUNT:
		return arena_strf(a, "%llu", (unsigned long long)s->n);
	case TARS_PROPERTY_DISTR:
		return distribution(p, s, a);
	}
	return NULL;
}

static void take_sum(struct tars_property *p, struct property_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < PROPERTY_STRIPES; i++) {
		struct stripe *s = &p->stripes[i];

		while (atomic_flag_test_and_set_explicit(&s->lock, memory_order_acquire))
			sched_yield();
		merge(sum, &s->sum, p->n_ranges);
		memset(&s->sum, 0, sizeof(s->sum));
		stripe_unlock(s);
	}
}

unsigned property_take(struct tars_property *p, struct property_value *v, struct arena *a)
{
	static const struct { enum tars_property_policy policy; const char *name; } rows[] = {
		{ TARS_PROPERTY_SUM, "Sum" }, { TARS_PROPERTY_AVG, "Avg" },
		{ TARS_PROPERTY_MIN, "Min" }, { TARS_PROPERTY_MAX, "Max" },
		{ TARS_PROPERTY_COUNT, "Count" }, { TARS_PROPERTY_DISTR, "Distr" },
	};
	struct property_sum sum;
	unsigned n = 0;

	take_sum(p, &sum);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *text = p->policies & rows[i].policy ?
				   text_of(p, rows[i].policy, &sum, a) : NULL;

		if (text)
			v[n++] = (struct property_value){ rows[i].name, text };
	}
	p->taken = true;
	return n;
}

/* ---- the list ---- */

struct property_list *property_list_new(void)
{
	struct property_list *l = xcalloc(1, sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	return l;
}

static void property_free(struct tars_property *p)
{
	free((char *)p->name);
	free(p);
}

void property_list_free(struct property_list *l)
{
	struct tars_property *p, *next;

	if (!l)
		return;
	for (p = atomic_load(&l->first); p; p = next) {
		next = atomic_load(&p->next);
		property_free(p);
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static int compare_ranges(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* Sorted, each once. */
static void set_ranges(struct tars_property *p, const int *ranges, unsigned n)
{
	for (unsigned i = 0; i < n && i < PROPERTY_MAX_RANGES; i++)
		p->ranges[p->n_ranges++] = ranges[i];
	qsort(p->ranges, p->n_ranges, sizeof(p->ranges[0]), compare_ranges);
	n = p->n_ranges;
	p->n_ranges = 0;
	for (unsigned i = 0; i < n; i++)
		if (!p->n_ranges || p->ranges[p->n_ranges - 1] != p->ranges[i])
			p->ranges[p->n_ranges++] = p->ranges[i];
}

static struct tars_property *property_new(const char *name, unsigned policies, const int *ranges,
					  unsigned n_ranges)
{
	struct tars_property *p = xcalloc_lines(sizeof(*p));

	p->name = xstrdup(name);
	p->policies = policies;
	set_ranges(p, ranges, n_ranges);
	return p;
}

struct tars_property *property_get(struct property_list *l, const char *name, unsigned policies,
				   const int *ranges, unsigned n_ranges)
{
	struct tars_property *p;

	pthread_mutex_lock(&l->lock);
	for (p = atomic_load(&l->first); p && strcmp(p->name, name); p = atomic_load(&p->next))
		;
	if (!p) {
		p = property_new(name, policies, ranges, n_ranges);
		if (l->last)
			atomic_store_explicit(&l->last->next, p, memory_order_release);
		else
			atomic_store_explicit(&l->first, p, memory_order_release);
		l->last = p;
	}
	pthread_mutex_unlock(&l->lock);
	return p;
}

struct tars_property *property_next(struct property_list *l, struct tars_property *prev)
{
	return atomic_load_explicit(prev ? &prev->next : &l->first, memory_order_acquire);
}

const char *property_name(const struct tars_property *p)
{
	return p->name;
}

const int32_t *property_ranges(const struct tars_property *p, unsigned *n)
{
	*n = p->n_ranges;
	return p->ranges;
}

struct tars_property *tars_property(struct tars_app *app, const char *name, unsigned policies,
				    const int *ranges, unsigned n_ranges)
{
	return property_get(app->properties, name, policies, ranges, n_ranges);
}
