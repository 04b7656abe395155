/* Shielding through real sockets: half-open probes, the floor, broken connections, what is told. */
#include "t/unit/fake-client.h"

static void print_endpoint(const struct tars_proxy *proxy, const struct health_info *info,
			   void *arg)
{
	struct buf *b = arg;

	assert_non_null(info);
	buf_addf(b, "[proxy:%s] [endpoint:%s] [state:%s] [connections:%u] [in-flight:%u] "
		 "[failed:%d] [shielded:%d] [retry:%d] [error:%s]\n", proxy->name, info->endpoint,
		 info->state, info->connections, info->in_flight, (int)info->n_failed,
		 (int)info->n_shielded, info->retry_in_ms > 0, info->error);
}

static void print_endpoints(struct client *c, char *text, size_t size)
{
	struct buf b = BUF_INIT;

	endpoints_each(c->app, print_endpoint, &b);
	snprintf(text, size, "%s", buf_str(&b));
	buf_release(&b);
}

/* ---- probes ---- */

struct asked {
	sem_t some;
	_Atomic int ok, failed;
};

static void count(void *state, int rc, const void *out)
{
	struct asked *a = state;

	(void)out;
	atomic_fetch_add(rc ? &a->failed : &a->ok, 1);
	sem_post(&a->some);
}

/* While one call finds out, all others go elsewhere. */
static void test_one_probe_at_a_time(void **state)
{
	struct fakes *f = fakes_start(2);
	struct tars_check soon = { .retry_ms = 1 };
	struct T_Rpc_echo_in in = { .text = TARS_STR("") };
	struct asked asked = { .ok = 0 };
	struct client c;
	char object[256];
	int before, n = 0;

	(void)state;
	sem_init(&asked.some, 0, 0);
	fakes_object(f, 2, object, sizeof(object));
	client_open(&c, NULL, object, &soon);
	f->at[1].ret = -1;
	while (call(&c) != FAILED)
		;
	f->at[1].how = FAKE_HANGS;
	before = f->at[1].calls;
	/* Until the probe is there, where it stays unanswered. */
	c.c.timeout_ms = 60000;
	while (f->at[1].calls == before) {
		assert_int_equal(tars_invoke_async(&c.c, &T_Rpc_iface, F_ECHO, &in, count, &asked),
				 0);
		for (n++; asked.ok < n && f->at[1].calls == before;)
			usleep(100);
	}
	assert_int_equal(asked.ok, n - 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(call(&c), 0);
	assert_int_equal(f->at[1].calls, before + 1);
	fake_refuses(f, 1, true);              /* its connection ends, and the probe with it */
	while (asked.ok + asked.failed < n)
		sem_wait(&asked.some);
	assert_int_equal(asked.failed, 1);
	client_close(&c);
	fakes_stop(f);
	sem_destroy(&asked.some);
}

/* A server that is back is found by connecting: no call is risked. */
static void test_back_again(void **state)
{
	struct fakes *f = fakes_start(2);
	struct tars_check soon = { .retry_ms = 1 };
	struct client c;
	char object[256];

	(void)state;
	fakes_object(f, 2, object, sizeof(object));
	fake_refuses(f, 1, true);
	client_open(&c, NULL, object, &soon);
	for (int i = 0; i < 20; i++)
		assert_int_equal(call(&c), 0);
	fake_refuses(f, 1, false);
	for (int i = 0; i != 1; i = call(&c))
		assert_int_not_equal(i, FAILED);
	client_close(&c);
	fakes_stop(f);
}

/* ---- the floor ---- */

static void test_all_shielded_are_used_in_turn(void **state)
{
	struct fakes *f = fakes_start(3);
	struct client c;
	char object[256];

	(void)state;
	fakes_object(f, 3, object, sizeof(object));
	client_open(&c, NULL, object, &for_ever);
	for (int i = 0; i < 3; i++)
		f->at[i].ret = -99;
	for (int i = 0; i < 30; i++)
		assert_int_equal(call(&c), FAILED);
	for (int i = 0; i < 3; i++)
		assert_in_range(f->at[i].calls, 8, 12);
	/* The first success ends it for the one that is well again. */
	f->at[1].ret = 0;
	while (call(&c) != 1)
		;
	for (int i = 0; i < 10; i++)
		assert_int_equal(call(&c), 1);
	/* That one dies: another gets its chance. */
	fake_refuses(f, 1, true);
	f->at[0].ret = f->at[2].ret = 0;
	for (int i = 0; i < 20; i++) {
		int at = call(&c);

		/* The end of its connection may be seen a little late. */
		assert_true(at == 0 || at == 2 || !i);
	}
	client_close(&c);
	fakes_stop(f);
}

/* Now and then a failure anywhere: half of the endpoints at least go on. */
static void test_shielded_ones_are_used_below_the_floor(void **state)
{
	struct fakes *f = fakes_start(4);
	struct client c;
	char object[256];
	int used = 0;

	(void)state;
	fakes_object(f, 4, object, sizeof(object));
	client_open(&c, NULL, object, &for_ever);
	for (int i = 0; i < 40; i++)
		assert_int_not_equal(call(&c), FAILED);
	/* Each in turn fails one call; without a floor the last would have to carry all. */
	for (int i = 0; i < 3; i++) {
		f->at[i].ret = -99;
		while (call(&c) != FAILED)
			;
		f->at[i].ret = 0;
	}
	for (int i = 0; i < 4; i++)
		f->at[i].calls = 0;
	for (int i = 0; i < 40; i++)
		assert_int_not_equal(call(&c), FAILED);
	for (int i = 0; i < 4; i++)
		used += f->at[i].calls > 0;
	assert_in_range(used, 2, 4);
	/* Of one that never succeeds again no shortage makes a candidate. */
	f->at[0].ret = f->at[1].ret = f->at[2].ret = -99;
	for (int i = 0; i < 40; i++)
		call(&c);
	for (int i = 0; i < 40; i++)
		assert_int_equal(call(&c), 3);
	client_close(&c);
	fakes_stop(f);
}

/* ---- one process, several loops ---- */

static void test_one_failure_counts_for_all_loops(void **state)
{
	enum { LOOPS = 4 };
	struct rpc_server s = { .conf.reactors = LOOPS };
	struct fakes *f = fakes_start(2);
	struct tars_req *rq[LOOPS];
	struct tars_call c = { .timeout_ms = 10000 };
	struct T_Rpc_echo_out out;
	char object[256];
	int failed = 0;

	(void)state;
	fakes_object(f, 2, object, sizeof(object));
	rpc_server_start(&s);
	c.to = tars_proxy_conf(s.app, object, &(struct tars_proxy_conf){ .check = &for_ever });
	for (int i = 0; i < LOOPS; i++)
		rq[i] = tars_begin(s.app);
	f->at[1].ret = -99;
	for (int i = 0; i < 10 * LOOPS; i++) {
		c.rq = rq[i % LOOPS];
		failed += call_echo(&c, "", &out) != 0;
	}
	assert_int_equal(failed, 1);
	assert_int_equal(f->at[1].calls, 1);
	for (int i = 0; i < LOOPS; i++)
		tars_end(rq[i]);
	rpc_server_stop(&s, 0);
	fakes_stop(f);
}

/* ---- a connection that breaks with output that has not left ---- */

static void test_unsent_calls_go_elsewhere(void **state)
{
	enum { CALLS = 40, SIZE = 1 << 20 };
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct T_Rpc_echo_in arg = { .text = { calloc(1, SIZE), SIZE } };
	struct linger now = { .l_onoff = 1 };
	struct tars_pending *p[CALLS];
	struct T_Rpc_echo_out out;
	struct fakes *f = fakes_start(2);
	socklen_t n = sizeof(in);
	struct client c;
	char object[256];
	int fd = socket(AF_INET, SOCK_STREAM, 0), accepted, ok = 0, maybe = 0;

	(void)state;
	/* The first endpoint accepts and does not read. */
	assert_int_equal(bind(fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	snprintf(object, sizeof(object), "T.S.Obj@tcp -h 127.0.0.1 -p %d:tcp -h 127.0.0.2 -p %d",
		 ntohs(in.sin_port), f->port);
	client_open(&c, NULL, object, &for_ever);
	c.c.hash_mode = TARS_HASH_MOD;
	c.c.timeout_ms = 60000;
	for (int i = 0; i < CALLS; i++)
		p[i] = tars_invoke_begin(&c.c, &T_Rpc_iface, F_ECHO, &arg);
	accepted = accept(fd, NULL, NULL);
	/* All are with the connection when the last one is; then it is reset. */
	do
		usleep(1000);
	while (c.c.to->route->health[0]->parts[0].in_flight < CALLS);
	usleep(20000);
	close(fd);
	setsockopt(accepted, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(accepted);
	for (int i = 0; i < CALLS; i++) {
		int rc = tars_invoke_end(p[i], &out);

		if (!rc) {
			assert_string_equal(out.back.p, "1");
			ok++;
		} else {
			assert_int_equal(rc, TARS_ECONNECT);
			assert_non_null(strstr(tars_error(c.rq), "may have been executed"));
			maybe++;
		}
	}
	/* What the kernel took may have been read; the rest cannot. */
	assert_in_range(maybe, 1, CALLS / 2);
	assert_int_equal(f->at[1].calls, ok);
	client_close(&c);
	fakes_stop(f);
	free((char *)arg.text.p);
}

/* ---- what people see ---- */

static char events[4][256];
static _Atomic int n_events;

static void note_event(struct tars_app *app, const char *text)
{
	(void)app;
	if (n_events < 4)
		snprintf(events[n_events], sizeof(events[0]), "%s", text);
	n_events++;
}

static void test_state_is_visible(void **state)
{
	struct rpc_server s = { .conf.on_endpoint = note_event };
	struct tars_check soon = { .retry_ms = 1 };
	struct fakes *f = fakes_start(2);
	struct client c = { 0 };
	char object[256], text[2048], want[256];

	(void)state;
	fakes_object(f, 2, object, sizeof(object));
	rpc_server_start(&s);
	c.app = s.app;
	c.rq = tars_begin(s.app);
	c.c = (struct tars_call){ .rq = c.rq, .timeout_ms = 10000 };
	c.c.to = tars_proxy_conf(s.app, object, &(struct tars_proxy_conf){ .check = &for_ever });
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(call(&c), FAILED);
	f->at[1].ret = -9;
	while (call(&c) != FAILED)
		;
	print_endpoints(&c, text, sizeof(text));
	snprintf(want, sizeof(want), "[proxy:T.S.Obj] [endpoint:tcp 127.0.0.2:%d] [state:shielded] "
		 "[connections:1] [in-flight:0] ", f->port);
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "[failed:1] [shielded:1] [retry:1] [error:"));
	assert_non_null(strstr(text, "the server is overloaded]"));
	snprintf(want, sizeof(want), "[endpoint:tcp 127.0.0.1:%d] [state:usable] [connections:1] ",
		 f->port);
	assert_non_null(strstr(text, want));
	assert_int_equal(n_events, 1);
	snprintf(want, sizeof(want), "T.S.Obj: tcp 127.0.0.2:%d gets no calls for 3600000 ms: "
		 "T.S.Obj.echo at tcp 127.0.0.2:%d: the server is overloaded", f->port, f->port);
	assert_string_equal(events[0], want);
	/* Another proxy, with options of its own, has an opinion of its own. */
	c.c.to = tars_proxy_conf(s.app, object, &(struct tars_proxy_conf){ .check = &soon });
	assert_ptr_equal(c.c.to, tars_proxy_conf(s.app, object,
						 &(struct tars_proxy_conf){ .check = &soon }));
	while (call(&c) != FAILED)
		;
	f->at[1].ret = 0;
	while (call(&c) != 1)
		;
	assert_in_range(n_events, 3, 100);
	assert_non_null(strstr(events[1], "gets no calls for 1 ms: "));
	print_endpoints(&c, text, sizeof(text));
	assert_non_null(strstr(text, "[state:shielded]"));
	tars_end(c.rq);
	rpc_server_stop(&s, 0);
	fakes_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_probe_at_a_time),
		cmocka_unit_test(test_back_again),
		cmocka_unit_test(test_all_shielded_are_used_in_turn),
		cmocka_unit_test(test_shielded_ones_are_used_below_the_floor),
		cmocka_unit_test(test_one_failure_counts_for_all_loops),
		cmocka_unit_test(test_unsent_calls_go_elsewhere),
		cmocka_unit_test(test_state_is_visible),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
