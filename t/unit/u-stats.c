/* Accounting: histograms, rows of the official statistics, and what loops count of real calls */
#include "t/unit/rpc-test.h"

#include "core/io/wait.h"
#include "core/rpc/client.h"
#include "core/rpc/histogram.h"
#include "core/rpc/mic.h"
#include "core/rpc/stats.h"
#include "proto/tup.h"

/* ---- histograms ---- */

static void test_buckets(void **state)
{
	(void)state;
	assert_int_equal(histogram_lower(0), 0);
	assert_int_equal(histogram_lower(HISTOGRAM_BUCKETS), 1 << HISTOGRAM_BITS);
	/* Each value lies in its bucket, whose width is at most an eighth of it. */
	for (uint64_t v = 0; v < 1 << HISTOGRAM_BITS; v += 1 + v / 1000) {
		unsigned b = histogram_bucket(v);
		uint64_t low = histogram_lower(b), high = histogram_lower(b + 1);

		assert_in_range(v, low, high - 1);
		if (v >= HISTOGRAM_SUB)
			assert_in_range((high - low) * HISTOGRAM_SUB, 1, low);
	}
	/* Bounds follow each other without gap. */
	for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
		assert_int_equal(histogram_bucket(histogram_lower(b)), b);
		assert_int_equal(histogram_bucket(histogram_lower(b + 1) - 1), b);
	}
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void test_quantiles(void **state)
{
	static struct histogram h;
	static struct histogram_sum sum;

	(void)state;
	assert_int_equal(histogram_quantile(&sum, 0.5), 0);
	for (unsigned v = 1; v <= 1000; v++)
		histogram_add(&h, v, 3);
	histogram_sum_add(&sum, &h);
	assert_int_equal(sum.total, 3000);
	assert_in_range(histogram_quantile(&sum, 0.5), 470, 530);
	assert_in_range(histogram_quantile(&sum, 0.99), 960, 1023);
	assert_in_range(histogram_quantile(&sum, 1), 960, 1023);
	assert_in_range(histogram_quantile(&sum, 0), 0, 1);
	/* Small values are exact, a rare large one only moves the end. */
	memset(&h, 0, sizeof(h));
	memset(&sum, 0, sizeof(sum));
	histogram_add(&h, 5, 999);
	histogram_add(&h, 1000000, 1);
	histogram_sum_add(&sum, &h);
	assert_int_equal(histogram_quantile(&sum, 0.5), 5);
	assert_int_equal(histogram_quantile(&sum, 0.99), 5);
	assert_in_range(histogram_quantile(&sum, 1), 900000, 1100000);
}

/* ---- rows of the official statistics ---- */

static void test_mic_bounds(void **state)
{
	static const struct { int64_t ms; int interval; } cases[] = {
		{ 0, 0 }, { 4, 0 }, { 5, 1 }, { 9, 1 }, { 10, 2 }, { 49, 2 }, { 50, 3 }, { 99, 3 },
		{ 100, 4 }, { 199, 4 }, { 200, 5 }, { 499, 5 }, { 500, 6 }, { 999, 6 }, { 1000, 7 },
		{ 1999, 7 }, { 2000, 8 }, { 2999, 8 }, { 3000, -1 }, { 100000, -1 }, { -3, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mic_body b = { 0 };

		mic_add_ok(&b, cases[i].ms, 2);
		assert_int_equal(b.count, 2);
		for (int k = 0; k < MIC_INTERVALS; k++)
			assert_int_equal(b.intervals[k], k == cases[i].interval ? 2 : 0);
	}
}

static void test_mic_times(void **state)
{
	struct mic_body a = { 0 }, b = { 0 };

	(void)state;
	assert_true(mic_is_empty(&a));
	mic_add_ok(&a, 0, 1);
	assert_int_equal(a.min_ms, 0);
	mic_add_ok(&a, 30, 1);
	assert_int_equal(a.min_ms, 30);      /* 0 means none, as in official rows */
	mic_add_ok(&a, 7, 2);
	assert_int_equal(a.min_ms, 7);
	assert_int_equal(a.max_ms, 30);
	assert_int_equal(a.total_ms, 44);
	assert_int_equal(a.count, 4);

	/* Failures count in the first interval and have no times. */
	mic_add_timeout(&b);
	mic_add_failure(&b);
	mic_add_failure(&b);
	assert_int_equal(b.timeouts, 1);
	assert_int_equal(b.failures, 2);
	assert_int_equal(b.intervals[0], 3);
	assert_int_equal(b.max_ms, 0);

	mic_merge(&b, &a);
	assert_int_equal(b.count, 4);
	assert_int_equal(b.intervals[0], 4);
	assert_int_equal(b.min_ms, 7);
	assert_int_equal(b.total_ms, 44);
	assert_false(mic_is_empty(&b));
}

/* ---- real calls ---- */

static int echo(struct tars_req *rq, const struct T_Rpc_echo_in *in, struct T_Rpc_echo_out *out)
{
	(void)rq;
	out->back = in->text;
	return TARS_OK;
}

static sem_t held, go;
static struct tars_req *_Atomic held_rq;

static int work(struct tars_req *rq, const struct T_Rpc_work_in *in, struct T_Rpc_work_out *out)
{
	if (!strcmp(in->what.p, "fail"))
		return tars_fail(rq, in->number, "asked for");
	if (!strcmp(in->what.p, "block"))
		usleep((useconds_t)in->number * 1000);
	if (!strcmp(in->what.p, "hold")) {
		tars_hold(rq);
		atomic_store(&held_rq, rq);
		sem_post(&held);
		return TARS_LATER;
	}
	if (!strcmp(in->what.p, "wait")) {
		sem_post(&held);
		sem_wait(&go);
	}
	out->result = in->number;
	return TARS_OK;
}

static const struct T_Rpc impl = { .echo = echo, .work = work };

static const struct tars_servant three[] = {
	{ "T.S.InlineObj", &T_Rpc_iface, &impl, TARS_RUN_INLINE, NULL },
	{ "T.S.CoroObj", &T_Rpc_iface, &impl, TARS_RUN_CORO, NULL },
	{ "T.S.PoolObj", &T_Rpc_iface, &impl, TARS_RUN_POOL, NULL },
};

static void start_three(struct rpc_server *s, unsigned reactors)
{
	memset(s, 0, sizeof(*s));
	s->conf.reactors = reactors;
	memcpy(s->servants, three, sizeof(three));
	rpc_server_start(s);
}

struct wanted {
	const char *servant, *func;
	struct stats_func found;
};

static void take_func(void *arg, const struct stats_func *f)
{
	struct wanted *w = arg;

	if (!strcmp(f->servant, w->servant) && !strcmp(f->func, w->func))
		w->found = *f;
}

static struct stats_func stat_func(struct tars_app *app, const char *servant, const char *func)
{
	struct wanted w = { .servant = servant, .func = func };

	stats_each_func(app, take_func, &w);
	return w.found;
}

/* The end of a turn is after its replies: counters may follow the reply by a moment. */
static struct stats_func await_func(struct tars_app *app, const char *servant, const char *func,
				    uint64_t n)
{
	struct stats_func f;
	int64_t until = reactor_clock() + 30000000;

	do {
		f = stat_func(app, servant, func);
		usleep(1000);
	} while (f.n < n && reactor_clock() < until);
	assert_int_equal(f.n, n);
	return f;
}

static uint64_t count_of(const struct stats_func *f, int code)
{
	for (unsigned i = 0; i < STATS_CODES; i++)
		if (f->codes[i].code == code)
			return f->codes[i].n;
	return 0;
}

static void call_mode(struct tars_app *client, int port, const char *object)
{
	struct tars_req *rq = tars_begin(client);
	struct tars_call c = { .to = rpc_proxy(client, object, port), .rq = rq };
	struct T_Rpc_echo_out out;
	int result;

	for (int i = 0; i < 20; i++)
		assert_int_equal(call_echo(&c, "x", &out), 0);
	assert_int_equal(call_work(&c, "fail", 7, &result), 7);
	assert_int_equal(call_work(&c, "fail", 7, &result), 7);
	assert_int_equal(call_work(&c, "fail", 8, &result), 8);
	assert_int_equal(call_work(&c, "block", 20, &result), 0);
	assert_int_equal(tars_invoke_oneway(&c, &T_Rpc_iface, F_ECHO,
					    &(struct T_Rpc_echo_in){ str_of("one") }), 0);
	tars_end(rq);
}

static void test_modes(void **state)
{
	struct rpc_server s;
	struct tars_app *client = rpc_client();

	(void)state;
	start_three(&s, 2);
	for (unsigned i = 0; i < 3; i++) {
		struct stats_func f;

		call_mode(client, s.port, three[i].name);
		f = await_func(s.app, three[i].name, "echo", 21);
		assert_int_equal(f.n_failed, 0);
		assert_int_equal(f.n_ran, 21);
		assert_int_equal(f.times.total, 21);
		f = await_func(s.app, three[i].name, "work", 4);
		assert_int_equal(f.n_failed, 3);
		assert_int_equal(f.n_ran, 4);
		assert_int_equal(count_of(&f, 7), 2);
		assert_int_equal(count_of(&f, 8), 1);
		assert_true(f.us_max >= 20000);
		assert_true(f.us_total >= f.us_max);
		assert_true(histogram_quantile(&f.times, 1) >= 20000 * 7 / 8);
	}
	tars_stop(client);
	rpc_server_stop(&s, 1000);
}

static void send_raw(int fd, int version, const char *servant, const char *func)
{
	struct request_packet head = { .version = (int16_t)version, .request_id = 1,
				       .servant = str_of(servant), .func = str_of(func) };
	struct buf b = BUF_INIT;

	packet_put_request(&b, &head);
	raw_send(fd, &b);
	raw_receive(fd, &b);
	buf_release(&b);
}

/* What reaches no function is counted too, whatever names peers invent. */
static void test_misc(void **state)
{
	struct rpc_server s;
	struct stats_func f;
	int fd;

	(void)state;
	start_three(&s, 1);
	fd = raw_connect(s.port);
	send_raw(fd, VERSION_TARS, "T.S.PoolObj", "tars_ping");
	send_raw(fd, VERSION_TARS, "T.S.PoolObj", "tars_describe");
	send_raw(fd, VERSION_TARS, "T.S.NoObj", "echo");
	send_raw(fd, VERSION_TARS, "T.S.PoolObj", "nothing");
	send_raw(fd, VERSION_TUP, "T.S.PoolObj", "nothing2");
	close(fd);
	await_func(s.app, "", "tars_ping", 1);
	await_func(s.app, "", "tars_describe", 1);
	f = await_func(s.app, "", "unknown", 3);
	assert_int_equal(f.n_failed, 3);
	assert_int_equal(count_of(&f, TARS_ENOSERVANT), 1);
	assert_int_equal(count_of(&f, TARS_ENOFUNC), 2);
	assert_int_equal(f.n_ran, 0);
	rpc_server_stop(&s, 1000);
}

/* ---- what a loop tells when asked ---- */

struct row {
	char host[48], name[32];
	int kind;
	struct mic_body body;
	unsigned n_hosts;
};

static void copy_rows(struct loop *l, const void *arg, struct buf *out)
{
	struct loop_stats *s = &l->stats;

	(void)arg;
	for (unsigned h = 0; h < STATS_HOST_BUCKETS; h++)
		for (const struct caller *c = s->hosts[h]; c; c = c->next)
			for (unsigned i = 0; i < STATS_ROW_BUCKETS; i++)
				for (const struct call_row *r = c->rows[i]; r; r = r->next) {
					struct row row = { .kind = (int)r->kind, .body = r->body,
							   .n_hosts = s->n_hosts };

					snprintf(row.host, sizeof(row.host), "%s", c->host);
					snprintf(row.name, sizeof(row.name), "%s", r->name);
					buf_add(out, &row, sizeof(row));
				}
}

struct copied_call { char func[16]; int port; unsigned in_flight; uint64_t ok, failed, timeouts; };

static void copy_calls(struct loop *l, const void *arg, struct buf *out)
{
	(void)arg;
	for (unsigned i = 0; i < STATS_CALL_BUCKETS; i++)
		for (const struct call_stat *r = l->stats.calls[i]; r; r = r->next) {
			struct copied_call c = { .port = *r->endpoint ? r->ep.port : 0,
						 .in_flight = r->in_flight, .ok = r->n_ok,
						 .failed = r->n_failed, .timeouts = r->n_timeouts };

			snprintf(c.func, sizeof(c.func), "%s", r->func->name);
			buf_add(out, &c, sizeof(c));
		}
}

static void copy_running(struct loop *l, const void *arg, struct buf *out)
{
	struct list *at;

	(void)arg;
	for (at = l->stats.running.next; at != &l->stats.running; at = at->next) {
		struct tars_req *rq = container_of(at, struct tars_req, running);

		buf_addf(out, "%s.%s %s;", rq->servant->row.name, rq->func->name,
			 atomic_load(&rq->ran_us) ? "runs" : "waits");
	}
}

struct ask {
	struct tars_app *app;
	void (*fn)(struct loop *l, const void *arg, struct buf *out);
	struct buf out;
	bool complete;
	int64_t timeout_ms;
	sem_t done;
};

static void run_ask(struct tars_req *rq, void *arg)
{
	struct ask *a = arg;

	(void)rq;
	a->complete = stats_gather(a->app, a->fn, "", 0, a->timeout_ms, &a->out);
	sem_post(&a->done);
}

static void ask(struct ask *a, struct tars_app *app,
		void (*fn)(struct loop *l, const void *arg, struct buf *out), int64_t timeout_ms)
{
	*a = (struct ask){ .app = app, .fn = fn, .timeout_ms = timeout_ms };
	sem_init(&a->done, 0, 0);
	app_spawn(app, run_ask, a);
	sem_wait(&a->done);
	sem_destroy(&a->done);
}

static void test_rows_by_kind(void **state)
{
	struct rpc_server s;
	struct ask a;
	const struct row *rows;
	struct request_packet one = { .version = VERSION_TARS, .packet_type = PACKET_ONEWAY,
				      .request_id = 9, .servant = str_of("T.S.PoolObj"),
				      .func = str_of("tars_ping") };
	struct buf b = BUF_INIT;
	bool seen[3] = { false };
	int fd;

	(void)state;
	start_three(&s, 1);
	fd = raw_connect(s.port);
	packet_put_request(&b, &one);
	raw_send(fd, &b);
	send_raw(fd, VERSION_TARS, "T.S.PoolObj", "tars_ping");
	send_raw(fd, VERSION_TUP, "T.S.PoolObj", "tars_ping");
	/* A peer cannot make more rows by versions of its own. */
	send_raw(fd, -1, "T.S.PoolObj", "tars_ping");
	send_raw(fd, 77, "T.S.PoolObj", "tars_ping");
	await_func(s.app, "", "tars_ping", 5);
	ask(&a, s.app, copy_rows, 10000);
	assert_true(a.complete);
	assert_int_equal(buf_size(&a.out), 3 * sizeof(*rows));
	rows = (const struct row *)(const void *)buf_head(&a.out);
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(rows[i].host, "127.0.0.1");
		assert_string_equal(rows[i].name, "tars_ping");
		assert_int_equal(rows[i].body.count, rows[i].kind == CALLER_TARS ? 3 : 1);
		seen[rows[i].kind] = true;
	}
	assert_true(seen[CALLER_TARS] && seen[CALLER_TUP] && seen[CALLER_ONEWAY]);
	close(fd);
	buf_release(&b);
	buf_release(&a.out);
	rpc_server_stop(&s, 1000);
}

/* A loop of a process is asked from the others' threads; one that is stuck is left out. */
static void test_stuck_loop(void **state)
{
	struct rpc_server s;
	struct tars_app *client = rpc_client();
	struct tars_req *rq = tars_begin(client);
	struct tars_call c;
	struct tars_pending *p, *q;
	struct T_Rpc_work_in in = { .what = str_of("wait"), .number = 1 };
	struct T_Rpc_work_out out;
	struct ask a;
	bool stuck = false;
	int fds[4];

	(void)state;
	sem_init(&held, 0, 0);
	sem_init(&go, 0, 0);
	start_three(&s, 2);
	/* The main loop must stay free: connections that come first fill it up. */
	for (unsigned i = 0; i < 4; i++)
		fds[i] = -1;
	for (unsigned i = 0; i < 4 && !stuck; i++) {
		fds[i] = raw_connect(s.port);
		send_raw(fds[i], VERSION_TARS, "T.S.PoolObj", "tars_ping");
		stuck = atomic_load(&s.app->loops[0].n_conns) > atomic_load(&s.app->loops[1].n_conns);
	}
	assert_true(stuck);
	c = (struct tars_call){ .to = rpc_proxy(client, "T.S.InlineObj", s.port), .rq = rq,
				.timeout_ms = 60000 };
	p = tars_invoke_begin(&c, &T_Rpc_iface, F_WORK, &in);
	sem_wait(&held);
	ask(&a, s.app, copy_running, 50);
	assert_false(a.complete);
	buf_release(&a.out);
	/* That it does not turn can be read without it. */
	assert_true(stats_lag_us(&s.app->loops[1].stats) > 0);
	sem_post(&go);
	assert_int_equal(tars_invoke_end(p, &out), 0);

	/* Requests that wait: one that its handler keeps, one in a worker. */
	in.what = str_of("hold");
	p = tars_invoke_begin(&c, &T_Rpc_iface, F_WORK, &in);
	sem_wait(&held);
	in.what = str_of("wait");
	c.to = rpc_proxy(client, "T.S.PoolObj", s.port);
	q = tars_invoke_begin(&c, &T_Rpc_iface, F_WORK, &in);
	sem_wait(&held);
	ask(&a, s.app, copy_running, 30000);
	assert_true(a.complete);
	assert_non_null(strstr(buf_str(&a.out), "T.S.InlineObj.work runs;"));
	assert_non_null(strstr(buf_str(&a.out), "T.S.PoolObj.work runs;"));
	buf_release(&a.out);
	ask(&a, client, copy_calls, 30000);
	assert_true(a.complete);
	buf_release(&a.out);
	sem_post(&go);
	assert_int_equal(tars_reply(atomic_load(&held_rq), &(struct T_Rpc_work_out){ .result = 5 }), 0);
	tars_release(atomic_load(&held_rq));
	assert_int_equal(tars_invoke_end(p, &out), 0);
	assert_int_equal(tars_invoke_end(q, &out), 0);
	await_func(s.app, "T.S.InlineObj", "work", 2);
	ask(&a, s.app, copy_running, 30000);
	assert_string_equal(buf_str(&a.out), "");
	buf_release(&a.out);
	for (unsigned i = 0; i < 4; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	tars_end(rq);
	tars_stop(client);
	rpc_server_stop(&s, 1000);
}

static const struct copied_call *find_call(const struct ask *a, const char *func, int port)
{
	const struct copied_call *calls = (const struct copied_call *)(const void *)buf_head(&a->out);

	for (size_t i = 0; i < buf_size(&a->out) / sizeof(*calls); i++)
		if (!strcmp(calls[i].func, func) && calls[i].port == port)
			return &calls[i];
	return NULL;
}

/* The calling side: by function and endpoint, with time-outs and refusals apart. */
static void test_calls(void **state)
{
	struct rpc_server s;
	struct tars_app *client = rpc_client();
	struct tars_req *rq = tars_begin(client);
	struct tars_call c;
	struct T_Rpc_echo_out out;
	struct ask a;
	int result, port;

	(void)state;
	sem_init(&held, 0, 0);
	sem_init(&go, 0, 0);
	start_three(&s, 1);
	c = (struct tars_call){ .to = rpc_proxy(client, "T.S.PoolObj", s.port), .rq = rq,
				.timeout_ms = 60000 };
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(call_echo(&c, "x", &out), 0);
	assert_int_equal(call_work(&c, "fail", 3, &result), 3);
	c.timeout_ms = 30;
	assert_int_equal(call_work(&c, "wait", 3, &result), TARS_ETIMEOUT);
	sem_post(&go);
	/* A handler's own -7 is a failure, not a time-out of ours. */
	c.timeout_ms = 60000;
	assert_int_equal(call_work(&c, "fail", TARS_ETIMEOUT, &result), TARS_ETIMEOUT);
	assert_int_equal(tars_invoke_oneway(&c, &T_Rpc_iface, F_ECHO,
					    &(struct T_Rpc_echo_in){ str_of("one") }), 0);
	assert_int_equal(call_echo(&c, "x", &out), 0);
	ask(&a, client, copy_calls, 30000);
	assert_true(a.complete);
	assert_int_equal(find_call(&a, "echo", s.port)->ok, 6);
	assert_int_equal(find_call(&a, "echo", s.port)->in_flight, 0);
	assert_int_equal(find_call(&a, "work", s.port)->ok, 0);
	assert_int_equal(find_call(&a, "work", s.port)->failed, 2);
	assert_int_equal(find_call(&a, "work", s.port)->timeouts, 1);
	buf_release(&a.out);

	port = s.port;
	rpc_server_stop(&s, 1000);
	assert_int_equal(call_echo(&c, "x", &out), TARS_ECONNECT);
	c.to = tars_proxy(client, "T.S.NoObj");
	assert_int_equal(call_echo(&c, "x", &out), TARS_ENOENDPOINT);
	ask(&a, client, copy_calls, 30000);
	assert_int_equal(find_call(&a, "echo", port)->failed, 1);
	assert_int_equal(find_call(&a, "echo", 0)->failed, 1);
	buf_release(&a.out);
	tars_end(rq);
	tars_stop(client);
}

/* ---- limits ---- */

/* More hosts than fit share the row of host "". */
static void test_host_limit(void **state)
{
	struct app_conf conf = { .reactors = 1 };
	struct adapter a = { .name = "A" };
	struct server_conn *conns;
	struct tars_app *app;
	struct loop *l;
	struct err e;
	enum { N = STATS_MAX_HOSTS + 10 };

	(void)state;
	app = app_new(&conf, &e);
	l = &app->loops[0];
	conns = calloc(N, sizeof(*conns));
	for (unsigned i = 0; i < N; i++) {
		conns[i].loop = l;
		conns[i].adapter = &a;
		snprintf(conns[i].peer_host, sizeof(conns[i].peer_host), "host-%u", i);
		stats_conn_opened(&conns[i]);
	}
	assert_int_equal(l->stats.n_hosts, STATS_MAX_HOSTS + 1);
	assert_string_equal(conns[0].caller->host, "host-0");
	assert_string_equal(conns[N - 1].caller->host, "");
	/* They go when their connections do, as they have nothing to report. */
	for (unsigned i = 0; i < N; i++)
		stats_conn_freed(&conns[i]);
	assert_true(l->stats.n_hosts < STATS_MAX_HOSTS);
	free(conns);
	app_free(app);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_mic_bounds),
		cmocka_unit_test(test_mic_times),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_misc),
		cmocka_unit_test(test_rows_by_kind),
		cmocka_unit_test(test_stuck_loop),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_host_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
