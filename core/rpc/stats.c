/* Accounting of served calls: rows by caller and function, and what a turn's end does with them. */
#include "core/rpc/stats.h"

#include <stdlib.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"
#include "proto/hash.h"

static const char *const misc_names[STATS_N_MISC] = { "tars_ping", "tars_describe", "unknown" };

const char *stats_misc_name(enum stats_misc misc)
{
	return misc_names[misc];
}

/* ---- turns ---- */

static void note_turn(struct loop_stats *s, int64_t now, int64_t us)
{
	counter_add(&s->n_turns, 1);
	counter_add(&s->busy_us, (uint64_t)us);
	if (now - s->lag_window_us > STATS_LAG_WINDOW_MS * INT64_C(1000)) {
		int64_t last = atomic_load_explicit(&s->lag_us, memory_order_relaxed);

		atomic_store_explicit(&s->lag_before_us, last, memory_order_relaxed);
		atomic_store_explicit(&s->lag_us, us, memory_order_relaxed);
		s->lag_window_us = now;
	} else if (us > atomic_load_explicit(&s->lag_us, memory_order_relaxed)) {
		atomic_store_explicit(&s->lag_us, us, memory_order_relaxed);
	}
}

static void add_times(struct func_stat *f, uint64_t us, uint64_t times)
{
	counter_add(&f->n_ran, times);
	counter_add(&f->us_total, us * times);
	if (us > counter_get(&f->us_max))
		atomic_store_explicit(&f->us_max, us, memory_order_relaxed);
	histogram_add(&f->times, us, times);
}

static void add_ok(struct call_row *row, uint64_t us, unsigned times)
{
	counter_add(&row->stat->n, times);
	add_times(row->stat, us, times);
	mic_add_ok(&row->body, (int64_t)us / 1000, (int32_t)times);
}

static void fold_rows(struct loop_stats *s, uint64_t us)
{
	struct call_row *row;

	while ((row = s->dirty)) {
		s->dirty = row->next_dirty;
		add_ok(row, us, row->in_turn);
		if (s->want_times)
			stats_note_times(row->caller->times, 0, (int64_t)us, row->in_turn);
		row->in_turn = 0;
	}
}

static void close_turn(struct task *t)
{
	struct loop_stats *s = container_of(t, struct loop_stats, turn_end);
	int64_t now = reactor_clock();
	int64_t us = now - atomic_load_explicit(&s->turn_since_us, memory_order_relaxed);
	fold_rows(s, (uint64_t)us);
	note_turn(s, now, us);
	atomic_store_explicit(&s->turn_since_us, 0, memory_order_relaxed);
	s->turn_open = false;
}

void stats_open_turn(struct loop *l)
{
	struct loop_stats *s = &l->stats;

	s->turn_open = true;
	atomic_store_explicit(&s->turn_since_us, reactor_now(), memory_order_relaxed);
	s->turn_end.run = close_turn;
	reactor_at_end(&s->turn_end);
}

int64_t stats_lag_us(const struct loop_stats *s)
{
	int64_t since = atomic_load_explicit(&s->turn_since_us, memory_order_relaxed);
	int64_t lag = atomic_load_explicit(&s->lag_us, memory_order_relaxed);
	int64_t before = atomic_load_explicit(&s->lag_before_us, memory_order_relaxed);
	int64_t now = since ? reactor_clock() - since : 0;

	if (before > lag)
		lag = before;
	return now > lag ? now : lag;
}

/* ---- callers ---- */

static struct adapter_times *times_of(struct loop_stats *s, struct adapter *a)
{
	struct adapter_times *t = s->times;

	while (t && t->adapter != a)
		t = t->next;
	if (t)
		return t;
	t = xcalloc(1, sizeof(*t));
	t->adapter = a;
	t->next = s->times;
	s->times = t;
	return t;
}

static struct caller *caller_get(struct loop_stats *s, struct adapter *a, const char *host)
{
	struct caller **bucket = &s->hosts[hash_fnv(host, strlen(host)) % STATS_HOST_BUCKETS], *c;

	for (c = *bucket; c; c = c->next)
		if (c->adapter == a && !strcmp(c->host, host))
			return c;
	if (*host && s->n_hosts >= STATS_MAX_HOSTS)
		return caller_get(s, a, "");
	c = xcalloc(1, sizeof(*c));
	c->adapter = a;
	c->times = times_of(s, a);
	strncpy(c->host, host, sizeof(c->host) - 1);
	c->next = *bucket;
	*bucket = c;
	s->n_hosts++;
	return c;
}

static void caller_free(struct loop_stats *s, struct caller *c)
{
	for (unsigned i = 0; i < STATS_ROW_BUCKETS; i++)
		for (struct call_row *row; (row = c->rows[i]); s->n_rows--) {
			c->rows[i] = row->next;
			free(row);
		}
	s->n_hosts--;
	free(c);
}

void stats_conn_opened(struct server_conn *sc)
{
	sc->caller = caller_get(&sc->loop->stats, sc->adapter, sc->peer_host);
	sc->caller->refs++;
}

static bool caller_is_reported(const struct caller *c)
{
	for (unsigned i = 0; i < STATS_ROW_BUCKETS; i++)
		for (const struct call_row *row = c->rows[i]; row; row = row->next)
			if (row->in_turn || !mic_is_empty(&row->body))
				return false;
	return true;
}

/* Hosts that went and have nothing to report any more. */
void stats_callers_drop(struct loop_stats *s)
{
	for (unsigned i = 0; i < STATS_HOST_BUCKETS; i++)
		for (struct caller **at = &s->hosts[i], *c; (c = *at);) {
			if (!c->refs && caller_is_reported(c)) {
				*at = c->next;
				caller_free(s, c);
			} else {
				at = &c->next;
			}
		}
}

void stats_conn_freed(struct server_conn *sc)
{
	struct loop_stats *s = &sc->loop->stats;

	if (!sc->caller)
		return;
	sc->caller->refs--;
	sc->caller = NULL;
	sc->row = NULL;
	if (s->n_hosts >= STATS_MAX_HOSTS)
		stats_callers_drop(s);
}

/* ---- rows ---- */

static struct func_stat *stat_of(struct func_stat *_Atomic *slot)
{
	struct func_stat *f = atomic_load_explicit(slot, memory_order_relaxed);

	if (f)
		return f;
	f = xcalloc_lines(sizeof(*f));
	atomic_store_explicit(slot, f, memory_order_release);
	return f;
}

static enum stats_misc misc_of(const struct tars_req *rq)
{
	return rq->func ? STATS_DESCRIBE : rq->result ? STATS_UNKNOWN : STATS_PING;
}

/* What distinguishes the callers' names: few, whatever numbers a peer sends. */
static inline enum caller_kind kind_of(const struct tars_req *rq)
{
	return rq->head.packet_type == PACKET_ONEWAY ? CALLER_ONEWAY :
	       rq->head.version == VERSION_TUP ? CALLER_TUP : CALLER_TARS;
}

static struct call_row *row_new(struct loop *l, struct caller *c, const struct tars_req *rq)
{
	struct call_row *row = xcalloc(1, sizeof(*row));
	bool in_iface = rq->func && rq->func_index >= 0;

	row->caller = c;
	row->servant = rq->servant;
	row->func = rq->func;
	row->kind = kind_of(rq);
	row->name = in_iface ? rq->func->name : misc_names[misc_of(rq)];
	row->stat = stat_of(in_iface ? &rq->servant->stats[l->index *
				rq->servant->row.iface->n_funcs + (unsigned)rq->func_index] :
				&l->stats.misc[misc_of(rq)]);
	return row;
}

static bool is_row(const struct call_row *row, const struct tars_req *rq)
{
	return row->func == rq->func && row->servant == rq->servant && row->kind == kind_of(rq) &&
	       (row->func || row->name == misc_names[misc_of(rq)]);
}

static struct call_row *find_row(struct loop *l, struct caller *c, const struct tars_req *rq)
{
	struct call_row **bucket = &c->rows[((uintptr_t)rq->func >> 4) % STATS_ROW_BUCKETS], *row;

	for (row = *bucket; row; row = row->next)
		if (is_row(row, rq))
			return row;
	if (*c->host && l->stats.n_rows >= STATS_MAX_ROWS)
		return find_row(l, caller_get(&l->stats, c->adapter, ""), rq);
	row = row_new(l, c, rq);
	row->next = *bucket;
	*bucket = row;
	l->stats.n_rows++;
	return row;
}

/* ---- the request path ---- */

void stats_running(struct tars_req *rq)
{
	list_append(&rq->loop->stats.running, &rq->running);
}

static void count_code(struct func_stat *f, int32_t code)
{
	for (unsigned i = 0; i < STATS_CODES; i++) {
		int32_t known = atomic_load_explicit(&f->codes[i], memory_order_relaxed);

		if (known && known != code)
			continue;
		atomic_store_explicit(&f->codes[i], code, memory_order_relaxed);
		counter_add(&f->n_codes[i], 1);
		return;
	}
	counter_add(&f->n_other_codes, 1);
}

static void note_times(const struct call_row *row, const struct tars_req *rq, int64_t us)
{
	int64_t wait_us = rq->ran_us ? rq->ran_us - rq->start_us : 0;

	stats_note_times(row->caller->times, wait_us, us - wait_us, 1);
}

static void note_failure(struct loop_stats *s, struct call_row *row, const struct tars_req *rq)
{
	int64_t us;

	counter_add(&row->stat->n, 1);
	counter_add(&row->stat->n_failed, 1);
	count_code(row->stat, rq->result);
	mic_add_failure(&row->body);
	if (!rq->ran_us)
		return;
	us = reactor_clock() - rq->start_us;
	add_times(row->stat, (uint64_t)us, 1);
	if (s->want_times)
		note_times(row, rq, us);
}

static inline void note_success(struct loop_stats *s, struct call_row *row,
				const struct tars_req *rq, int64_t us)
{
	if (us) {
		add_ok(row, (uint64_t)us, 1);
		if (s->want_times)
			note_times(row, rq, us);
		return;
	}
	if (!row->in_turn++) {
		row->next_dirty = s->dirty;
		s->dirty = row;
	}
}

static __attribute__((noinline)) void ended_otherwise(struct tars_req *rq)
{
	struct server_conn *sc = rq->conn;
	struct call_row *row = find_row(rq->loop, sc->caller, rq);

	if (rq->result) {
		note_failure(&rq->loop->stats, row, rq);
	} else {
		sc->row = row;
		note_success(&rq->loop->stats, row, rq, reactor_now() - rq->start_us);
	}
}

void stats_ended(struct tars_req *rq)
{
	struct loop_stats *s = &rq->loop->stats;
	struct call_row *row = rq->conn->row;

	rq->ended = true;
	stats_turn(rq->loop, s);
	if (__builtin_expect(row && !rq->result && row->func == rq->func &&
			     row->servant == rq->servant && row->kind == kind_of(rq), 1))
		note_success(s, row, rq, atomic_load_explicit(&s->turn_since_us,
							      memory_order_relaxed) - rq->start_us);
	else
		ended_otherwise(rq);
}

/* ---- life ---- */

void stats_add_servant(struct tars_app *app, struct servant *s)
{
	s->stats = arena_alloc(&app->arena, app->n_loops * s->row.iface->n_funcs *
			       sizeof(*s->stats));
}

void stats_init(struct loop *l, bool want_times)
{
	l->stats.want_times = want_times;
	list_init(&l->stats.running);
}

static void free_stats(struct func_stat *_Atomic *slots, unsigned n)
{
	for (unsigned i = 0; slots && i < n; i++)
		free(atomic_load(&slots[i]));
}

static void free_servant_stats(struct loop *l, const struct servant *s)
{
	unsigned n = s->row.iface->n_funcs;

	free_stats(s->stats ? s->stats + l->index * n : NULL, n);
}

void stats_release(struct loop *l)
{
	const struct servant_table *t = atomic_load(&l->app->servants);
	struct loop_stats *s = &l->stats;

	for (unsigned i = 0; i < STATS_HOST_BUCKETS; i++)
		for (struct caller *c; (c = s->hosts[i]);) {
			s->hosts[i] = c->next;
			caller_free(s, c);
		}
	for (uint32_t i = 0; t && i <= t->mask; i++)
		if (t->slots[i])
			free_servant_stats(l, t->slots[i]);
	if (l->app->admin)
		free_servant_stats(l, l->app->admin);
	for (struct adapter_times *at; (at = s->times);) {
		s->times = at->next;
		free(at);
	}
	free_stats(s->misc, STATS_N_MISC);
	stats_calls_drop(s, true);
}
