/* AdminObj's commands of our own: calls, connections, loops, endpoints, certificates; text or JSON. */
#include <stdio.h>
#include <string.h>

#include "core/io/pool.h"
#include "core/rpc/admin.h"
#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/health.h"
#include "core/rpc/proxy.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"
#include "core/rpc/table.h"

enum { GATHER_MS = 2000, MAX_REQUESTS = 1000, MAX_CONNECTIONS = 10000 };

#define COLUMNS(t, ...) \
	do { \
		static const char *const columns_[] = { __VA_ARGS__ }; \
		table_init((t), columns_, sizeof(columns_) / sizeof(*columns_)); \
	} while (0)

/* "json" or "-o json" asks for JSON. */
static bool wants_json(const char *params)
{
	params += strspn(params, " ");
	if (!strncmp(params, "-o", 2))
		params += 2 + strspn(params + 2, " ");
	return !strncmp(params, "json", 4) && !params[4 + strspn(params + 4, " ")];
}

static bool print(struct admin_call *c, struct table *t, const char *name)
{
	table_print(t, name, wants_json(c->params), c->out);
	table_release(t);
	return true;
}

/* ---- functions ---- */

static const char *codes_text(const struct stats_func *f, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (unsigned i = 0; i < STATS_CODES && f->codes[i].code && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%d:%llu", n ? " " : "",
				      f->codes[i].code, (unsigned long long)f->codes[i].n);
	if (f->n_other_codes && n < size)
		snprintf(text + n, size - n, "%sother:%llu", n ? " " : "",
			 (unsigned long long)f->n_other_codes);
	return text;
}

/* Within a bucket it is a guess, which must not exceed what was seen. */
static void add_quantile(struct table *t, const struct stats_func *f, double q)
{
	uint64_t us = histogram_quantile(&f->times, q);

	table_ms(t, (int64_t)(us < f->us_max ? us : f->us_max));
}

static void add_func(void *arg, const struct stats_func *f)
{
	struct table *t = arg;
	char text[256];

	table_text(t, f->servant);
	table_text(t, f->func);
	table_number(t, (int64_t)f->n);
	table_number(t, (int64_t)f->n_failed);
	table_text(t, codes_text(f, text, sizeof(text)));
	add_quantile(t, f, 0.5);
	add_quantile(t, f, 0.9);
	add_quantile(t, f, 0.99);
	table_ms(t, (int64_t)f->us_max);
}

static bool show_functions(struct admin_call *c)
{
	struct table t;

	COLUMNS(&t, "servant", "function", "calls", "failed", "codes", "p50 ms", "p90 ms",
		"p99 ms", "max ms");
	stats_each_func(c->app, add_func, &t);
	return print(c, &t, "functions");
}

/* ---- requests ---- */

struct request_row {
	const char *servant, *func, *state;
	unsigned loop;
	int64_t age_us, left_us;      /* left_us INT64_MAX: the caller waits for ever */
	char peer[64];
};

static const char *state_of(struct tars_req *rq)
{
	if (atomic_load_explicit(&rq->answered, memory_order_relaxed) &&
	    rq->head.packet_type != PACKET_ONEWAY)
		return "answered";
	if (atomic_load_explicit(&rq->late, memory_order_relaxed))
		return "held";
	return atomic_load_explicit(&rq->ran_us, memory_order_relaxed) ? "running" : "waiting";
}

static void copy_requests(struct loop *l, const void *arg, struct buf *out)
{
	int64_t now = reactor_now();
	unsigned n = 0;

	(void)arg;
	for (struct list *at = l->stats.running.next;
	     at != &l->stats.running && n < MAX_REQUESTS; at = at->next, n++) {
		struct tars_req *rq = container_of(at, struct tars_req, running);
		struct request_row row = {
			.servant = rq->servant->row.name, .func = rq->func->name,
			.state = state_of(rq), .loop = l->index, .age_us = now - rq->start_us,
			.left_us = rq->deadline_us == INT64_MAX ? INT64_MAX : rq->deadline_us - now,
		};

		snprintf(row.peer, sizeof(row.peer), "%s", rq->conn->conn.peer_text);
		buf_add(out, &row, sizeof(row));
	}
}

/* Each loop's list is in the order of arrival: the oldest are shown. */
static bool show_requests(struct admin_call *c)
{
	struct buf rows = BUF_INIT;
	const struct request_row *row;
	struct table t;

	stats_gather(c->app, copy_requests, NULL, 0, GATHER_MS, &rows);
	COLUMNS(&t, "loop", "age ms", "left ms", "state", "servant", "function", "peer");
	row = (const struct request_row *)(const void *)buf_head(&rows);
	for (size_t n = buf_size(&rows) / sizeof(*row); n; n--, row++) {
		table_number(&t, row->loop);
		table_ms(&t, row->age_us);
		if (row->left_us == INT64_MAX)
			table_text(&t, "");
		else
			table_ms(&t, row->left_us);
		table_text(&t, row->state);
		table_text(&t, row->servant);
		table_text(&t, row->func);
		table_text(&t, row->peer);
	}
	buf_release(&rows);
	return print(c, &t, "requests");
}

/* ---- connections ---- */

struct connection_row {
	const char *adapter;
	unsigned loop, requests;
	int64_t age_us, idle_us, received, sent, in, out;
	bool tls;
	char peer[64];
};

static void copy_connections(struct loop *l, const void *arg, struct buf *out)
{
	int64_t now = reactor_now();
	unsigned n = 0;

	(void)arg;
	for (struct list *at = l->conns.next; at != &l->conns && n < MAX_CONNECTIONS;
	     at = at->next, n++) {
		const struct server_conn *sc = container_of(at, struct server_conn, node);
		const struct conn *c = &sc->conn;
		struct connection_row row = {
			.adapter = sc->adapter->name, .loop = l->index, .requests = c->owed,
			.age_us = now - sc->opened_us, .idle_us = now - c->last_io_us,
			.received = (int64_t)c->received, .sent = (int64_t)c->sent,
			.in = (int64_t)buf_size(&c->in), .out = (int64_t)buf_size(&c->out),
			.tls = c->tls,
		};

		memcpy(row.peer, c->peer_text, sizeof(row.peer));
		buf_add(out, &row, sizeof(row));
	}
}

/* `tars.connection` has the official layout; this one says more, and can be JSON. */
static bool show_connections(struct admin_call *c)
{
	struct buf rows = BUF_INIT;
	const struct connection_row *row;
	struct table t;

	stats_gather(c->app, copy_connections, NULL, 0, GATHER_MS, &rows);
	COLUMNS(&t, "loop", "adapter", "peer", "tls", "age ms", "idle ms", "requests", "received",
		"sent", "unread", "unsent");
	row = (const struct connection_row *)(const void *)buf_head(&rows);
	for (size_t n = buf_size(&rows) / sizeof(*row); n; n--, row++) {
		table_number(&t, row->loop);
		table_text(&t, row->adapter);
		table_text(&t, row->peer);
		table_text(&t, row->tls ? "yes" : "no");
		table_ms(&t, row->age_us);
		table_ms(&t, row->idle_us);
		table_number(&t, row->requests);
		table_number(&t, row->received);
		table_number(&t, row->sent);
		table_number(&t, row->in);
		table_number(&t, row->out);
	}
	buf_release(&rows);
	return print(c, &t, "connections");
}

/* ---- loops ---- */

struct loop_row {
	unsigned index;
	int64_t n_links, n_calls, n_coros, n_timers;
};

static unsigned count_links(const struct loop *l)
{
	unsigned n = 0;

	for (const struct list *at = l->links.next; at != &l->links; at = at->next)
		n++;
	return n;
}

static unsigned count_calls(const struct loop *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CALL_BUCKETS; i++)
		for (const struct tars_pending *p = l->calls[i]; p; p = p->next_by_id)
			n++;
	return n;
}

static unsigned count_coros(const struct loop *l)
{
	unsigned n = atomic_load(&l->n_coros);

	for (const struct list *at = l->stats.running.next; at != &l->stats.running; at = at->next) {
		const struct tars_req *rq = container_of(at, struct tars_req, running);

		n += rq->servant->row.run == TARS_RUN_CORO;
	}
	return n;
}

static void copy_loop(struct loop *l, const void *arg, struct buf *out)
{
	struct loop_row row = {
		.index = l->index, .n_links = count_links(l), .n_calls = count_calls(l),
		.n_coros = count_coros(l), .n_timers = (int64_t)reactor_timer_count(l->reactor),
	};

	(void)arg;
	buf_add(out, &row, sizeof(row));
}

static const struct loop_row *find_loop(const struct buf *rows, unsigned index)
{
	const struct loop_row *row = (const struct loop_row *)(const void *)buf_head(rows);

	for (size_t n = buf_size(rows) / sizeof(*row); n; n--, row++)
		if (row->index == index)
			return row;
	return NULL;
}

/* What can be read without a loop's help is shown even of one that is stuck. */
static bool show_loops(struct admin_call *c)
{
	struct buf rows = BUF_INIT;
	struct table t;

	stats_gather(c->app, copy_loop, NULL, 0, GATHER_MS, &rows);
	COLUMNS(&t, "loop", "state", "lag ms", "busy ms", "turns", "requests", "connections",
		"links", "calls", "coroutines", "timers");
	for (unsigned i = 0; i < c->app->n_loops; i++) {
		struct loop *l = &c->app->loops[i];
		const struct loop_row *row = find_loop(&rows, i);

		table_number(&t, i);
		table_text(&t, row ? "turning" : "stuck");
		table_ms(&t, stats_lag_us(&l->stats));
		table_ms(&t, (int64_t)counter_get(&l->stats.busy_us));
		table_number(&t, (int64_t)counter_get(&l->stats.n_turns));
		table_number(&t, atomic_load(&l->n_requests));
		table_number(&t, atomic_load(&l->n_conns));
		table_number(&t, row ? row->n_links : -1);
		table_number(&t, row ? row->n_calls : -1);
		table_number(&t, row ? row->n_coros : -1);
		table_number(&t, row ? row->n_timers : -1);
	}
	buf_release(&rows);
	return print(c, &t, "loops");
}

/* ---- endpoints ---- */

/* All calls of an object to one endpoint, of all functions and loops. */
struct endpoint_calls {
	const char *object;
	char endpoint[sizeof(((struct call_stat *)NULL)->endpoint)];
	bool gone, shown;
	uint64_t n_ok, n_timeouts, n_failed, us_total, us_max;
};

static struct endpoint_calls *calls_of(struct buf *rows, const char *object, const char *endpoint)
{
	struct endpoint_calls *row = (struct endpoint_calls *)(void *)buf_head(rows);
	size_t n = buf_size(rows) / sizeof(*row);

	for (size_t i = 0; i < n; i++)
		if (row[i].object == object && !strcmp(row[i].endpoint, endpoint))
			return &row[i];
	return NULL;
}

static void add_calls(struct buf *rows, const struct endpoint_calls *c)
{
	struct endpoint_calls *row = calls_of(rows, c->object, c->endpoint);

	if (!row) {
		buf_add(rows, c, sizeof(*c));
		return;
	}
	row->gone &= c->gone;
	row->n_ok += c->n_ok;
	row->n_timeouts += c->n_timeouts;
	row->n_failed += c->n_failed;
	row->us_total += c->us_total;
	if (c->us_max > row->us_max)
		row->us_max = c->us_max;
}

static void copy_calls(struct loop *l, const void *arg, struct buf *out)
{
	(void)arg;
	for (unsigned i = 0; i < STATS_CALL_BUCKETS; i++)
		for (const struct call_stat *s = l->stats.calls[i]; s; s = s->next) {
			struct endpoint_calls c = {
				.object = s->proxy->name, .gone = s->gone, .n_ok = s->n_ok,
				.n_timeouts = s->n_timeouts, .n_failed = s->n_failed,
				.us_total = s->us_total, .us_max = s->us_max,
			};

			memcpy(c.endpoint, s->endpoint, sizeof(c.endpoint));
			add_calls(out, &c);
		}
}

static void add_endpoint(struct table *t, const char *object, const struct health_info *info,
			 struct endpoint_calls *c)
{
	table_text(t, object);
	table_text(t, info->endpoint);
	table_text(t, info->state);
	table_number(t, info->connections);
	table_number(t, info->in_flight);
	table_number(t, c ? (int64_t)c->n_ok : 0);
	table_number(t, c ? (int64_t)c->n_timeouts : 0);
	table_number(t, c ? (int64_t)c->n_failed : 0);
	table_ms(t, c && c->n_ok ? (int64_t)(c->us_total / c->n_ok) : 0);
	table_ms(t, c ? (int64_t)c->us_max : 0);
	table_number(t, (int64_t)info->n_shielded);
	table_number(t, info->retry_in_ms);
	table_text(t, info->error_age_ms < 0 ? "" : info->error);
}

struct endpoints {
	struct table *table;
	struct buf *calls;
};

static void visit_endpoint(const struct tars_proxy *proxy, const struct health_info *info, void *arg)
{
	struct endpoints *e = arg;
	struct endpoint_calls *c;

	if (!info)
		return;
	c = calls_of(e->calls, proxy->name, info->endpoint);
	if (c)
		c->shown = true;
	add_endpoint(e->table, proxy->name, info, c);
}

/* Calls to endpoints that are not in the route any more, and those that never got one. */
static void add_others(struct table *t, struct buf *calls)
{
	struct endpoint_calls *c = (struct endpoint_calls *)(void *)buf_head(calls);

	for (size_t n = buf_size(calls) / sizeof(*c); n; n--, c++) {
		struct health_info info = { .state = *c->endpoint ? "gone" : "none",
					    .error_age_ms = -1 };

		if (c->shown)
			continue;
		memcpy(info.endpoint, c->endpoint, sizeof(info.endpoint));
		add_endpoint(t, c->object, &info, c);
	}
}

static bool show_endpoints(struct admin_call *c)
{
	struct buf rows = BUF_INIT, calls = BUF_INIT;
	struct endpoints e = { .calls = &calls };
	const struct endpoint_calls *row;
	struct table t;

	stats_gather(c->app, copy_calls, NULL, 0, GATHER_MS, &rows);
	row = (const struct endpoint_calls *)(const void *)buf_head(&rows);
	for (size_t n = buf_size(&rows) / sizeof(*row); n; n--, row++)
		add_calls(&calls, row);
	COLUMNS(&t, "object", "endpoint", "state", "connections", "in flight", "ok", "timeouts",
		"failed", "mean ms", "max ms", "shielded", "retry in ms", "last error");
	e.table = &t;
	endpoints_each(c->app, visit_endpoint, &e);
	add_others(&t, &calls);
	buf_release(&rows);
	buf_release(&calls);
	return print(c, &t, "endpoints");
}

/* ---- reports ---- */

static bool send_reports(struct admin_call *c)
{
	reporter_send(c->app->report, c->out);
	return true;
}

/* ---- certificates ---- */

struct reloading {
	struct tars_app *app;
	int rc;
	struct err e;
};

static void reload_in_worker(void *arg)
{
	struct reloading *r = arg;

	r->rc = app_reload_tls(r->app, &r->e);
}

static bool reload_tls(struct admin_call *c)
{
	struct reloading r = { .app = c->app };

	pool_run(reload_in_worker, &r);
	if (r.rc < 0)
		buf_addf(c->out, "%s; what was read before stays in use", r.e.text);
	else if (r.rc)
		buf_add_str(c->out, "new connections use what the files have now");
	else
		buf_add_str(c->out, "no TLS is in use here");
	return true;
}

const struct admin_command admin_own[] = {
	{ "tars.connections", "[json]: connections: age, requests at work, bytes",
	  show_connections },
	{ "tars.endpoints", "[json]: endpoints of the objects that were called: state, calls, times",
	  show_endpoints },
	{ "tars.functions", "[json]: functions that were called: calls, failures by code, times",
	  show_functions },
	{ "tars.loops", "[json]: loops: longest turn of the last seconds, load", show_loops },
	{ "tars.reloadtls", "reads certificates, keys and authorities again, or says what is wrong",
	  reload_tls },
	{ "tars.report", "sends call statistics and properties now", send_reports },
	{ "tars.requests", "[json]: requests that wait, run or are held, the oldest of each loop first",
	  show_requests },
	{ NULL }
};
