/* Reading the accounts: functions over all loops, and work that each loop does for a reader. */
#include <stdlib.h>
#include <string.h>

#include "core/io/coro.h"
#include "core/rpc/app_int.h"
#include "core/rpc/server.h"
#include "proto/buf.h"

/* ---- functions ---- */

static void add_code(struct stats_func *to, int32_t code, uint64_t n)
{
	for (unsigned i = 0; i < STATS_CODES; i++) {
		if (to->codes[i].code && to->codes[i].code != code)
			continue;
		to->codes[i].code = code;
		to->codes[i].n += n;
		return;
	}
	to->n_other_codes += n;
}

static void add_stat(struct stats_func *to, const struct func_stat *f)
{
	uint64_t max = counter_get(&f->us_max);

	to->n += counter_get(&f->n);
	to->n_failed += counter_get(&f->n_failed);
	to->n_ran += counter_get(&f->n_ran);
	to->us_total += counter_get(&f->us_total);
	if (max > to->us_max)
		to->us_max = max;
	for (unsigned i = 0; i < STATS_CODES; i++) {
		int32_t code = atomic_load_explicit(&f->codes[i], memory_order_relaxed);

		if (code)
			add_code(to, code, counter_get(&f->n_codes[i]));
	}
	to->n_other_codes += counter_get(&f->n_other_codes);
	histogram_sum_add(&to->times, &f->times);
}

struct each_func {
	struct tars_app *app;
	void (*fn)(void *arg, const struct stats_func *f);
	void *arg;
	struct stats_func f;
};

static void each_servant(struct each_func *e, const struct servant *s)
{
	unsigned n = s->row.iface->n_funcs;

	for (unsigned i = 0; i < n; i++) {
		e->f = (struct stats_func){ .servant = s->row.name,
					    .func = s->row.iface->funcs[i].name };
		for (unsigned l = 0; l < e->app->n_loops; l++) {
			const struct func_stat *f = atomic_load_explicit(&s->stats[l * n + i],
									 memory_order_acquire);

			if (f)
				add_stat(&e->f, f);
		}
		if (e->f.n)
			e->fn(e->arg, &e->f);
	}
}

static void each_misc(struct each_func *e, enum stats_misc misc)
{
	e->f = (struct stats_func){ .servant = "", .func = stats_misc_name(misc) };
	for (unsigned l = 0; l < e->app->n_loops; l++) {
		const struct func_stat *f = atomic_load_explicit(&e->app->loops[l].stats.misc[misc],
								 memory_order_acquire);

		if (f)
			add_stat(&e->f, f);
	}
	if (e->f.n)
		e->fn(e->arg, &e->f);
}

static int compare_servants(const void *a, const void *b)
{
	const struct servant *const *x = a, *const *y = b;

	return strcmp((*x)->row.name, (*y)->row.name);
}

void stats_each_func(struct tars_app *app, void (*fn)(void *arg, const struct stats_func *f),
		     void *arg)
{
	const struct servant_table *t = atomic_load_explicit(&app->servants, memory_order_acquire);
	struct each_func *e = xcalloc(1, sizeof(*e));
	const struct servant **sorted = xcalloc(t ? t->n + 1 : 1, sizeof(*sorted));
	uint32_t n = 0;

	e->app = app;
	e->fn = fn;
	e->arg = arg;
	for (uint32_t i = 0; t && i <= t->mask; i++)
		if (t->slots[i])
			sorted[n++] = t->slots[i];
	qsort(sorted, n, sizeof(*sorted), compare_servants);
	for (uint32_t i = 0; i < n; i++)
		each_servant(e, sorted[i]);
	if (app->admin)
		each_servant(e, app->admin);
	for (unsigned i = 0; i < STATS_N_MISC; i++)
		each_misc(e, i);
	free(sorted);
	free(e);
}

/* ---- work on each loop ---- */

enum gather_state { GATHER_WAITS, GATHER_RUNS, GATHER_DONE, GATHER_GIVEN_UP };

struct gather_part {
	struct task task;
	struct gather *all;
	struct loop *loop;
	struct buf out;
	_Atomic int state;
};

/* Lives until the last loop has come to it, which may be after the reader has given up. */
struct gather {
	_Atomic unsigned refs;
	void (*fn)(struct loop *l, const void *arg, struct buf *out);
	unsigned n;
	void *arg;
	struct gather_part parts[];
};

static void gather_unref(struct gather *g)
{
	if (atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < g->n; i++)
		buf_release(&g->parts[i].out);
	free(g->arg);
	free(g);
}

static void run_part(struct task *t)
{
	struct gather_part *part = container_of(t, struct gather_part, task);
	int waits = GATHER_WAITS;

	/* What fn takes must reach somebody. */
	if (atomic_compare_exchange_strong(&part->state, &waits, GATHER_RUNS)) {
		part->all->fn(part->loop, part->all->arg, &part->out);
		atomic_store_explicit(&part->state, GATHER_DONE, memory_order_release);
	}
	gather_unref(part->all);
}

static bool is_done(const struct gather_part *part)
{
	return atomic_load_explicit(&part->state, memory_order_acquire) == GATHER_DONE;
}

static bool all_done(const struct gather *g)
{
	for (unsigned i = 0; i < g->n; i++)
		if (!is_done(&g->parts[i]))
			return false;
	return true;
}

/* Those that have begun are waited for. */
static void give_up(struct gather_part *part)
{
	int waits = GATHER_WAITS;

	if (atomic_compare_exchange_strong(&part->state, &waits, GATHER_GIVEN_UP))
		return;
	while (!is_done(part))
		coro_sleep_ms(1);
}

bool stats_gather(struct tars_app *app, void (*fn)(struct loop *l, const void *arg, struct buf *out),
		  const void *arg, size_t arg_size, int64_t timeout_ms, struct buf *out)
{
	struct gather *g = xcalloc(1, sizeof(*g) + app->n_loops * sizeof(g->parts[0]));
	int64_t until_us = reactor_clock() + timeout_ms * 1000, nap_ms = 0;
	bool complete;

	g->n = app->n_loops;
	g->fn = fn;
	g->arg = xmalloc(arg_size + 1);
	if (arg_size)
		memcpy(g->arg, arg, arg_size);
	atomic_init(&g->refs, g->n + 1);
	for (unsigned i = 0; i < g->n; i++) {
		g->parts[i].all = g;
		g->parts[i].loop = &app->loops[i];
		g->parts[i].task.run = run_part;
		reactor_post(app->loops[i].reactor, &g->parts[i].task);
	}
	while (!(complete = all_done(g)) && reactor_clock() < until_us)
		coro_sleep_ms(nap_ms < 16 ? nap_ms++ : nap_ms);
	for (unsigned i = 0; i < g->n; i++) {
		give_up(&g->parts[i]);
		buf_add(out, buf_head(&g->parts[i].out), buf_size(&g->parts[i].out));
	}
	gather_unref(g);
	return complete;
}
