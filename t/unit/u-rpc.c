/* Calls through real sockets: run modes, nesting, async, fan-out, late replies. */
#include "t/unit/rpc-test.h"

#include "core/io/coro.h"

/* ---- the servant: the same handlers in all modes ---- */

struct peer_data {
	struct tars_proxy *other;      /* where nested calls go */
};

static int echo(struct tars_req *rq, const struct T_Rpc_echo_in *in, struct T_Rpc_echo_out *out)
{
	out->ret = (int32_t)in->text.n;
	out->back = tars_strf(rq, "<%s>", in->text.p);
	return TARS_OK;
}

static int nested(struct tars_req *rq, int number, struct T_Rpc_work_out *out)
{
	struct peer_data *d = tars_data(rq);
	struct tars_call c = { .to = d->other, .rq = rq };

	return call_work(&c, "double", number, &out->result);
}

static int fan_out(struct tars_req *rq, int number, struct T_Rpc_work_out *out)
{
	struct peer_data *d = tars_data(rq);
	struct tars_pending *calls[10];
	int rc = 0;

	for (int i = 0; i < 10; i++) {
		struct tars_call c = { .to = d->other, .rq = rq };

		calls[i] = tars_invoke_begin(&c, &T_Rpc_iface, F_WORK, &(struct T_Rpc_work_in){
			.what = TARS_STR("double"), .number = number + i });
	}
	for (int i = 0; i < 10; i++) {
		struct T_Rpc_work_out one;

		rc |= tars_invoke_end(calls[i], &one);
		out->result += rc ? 0 : one.result;
	}
	return rc;
}

static void nested_done(void *state, int rc, const void *result)
{
	struct tars_req *rq = state;
	const struct T_Rpc_work_out *inner = result;
	struct T_Rpc_work_out out = { .result = rc ? rc : inner->result + 1 };

	assert_int_equal(tars_reply(rq, &out), TARS_OK);
	assert_int_equal(tars_reply(rq, &out), TARS_EARG); /* a second reply is refused */
	tars_release(rq);
}

static int async(struct tars_req *rq, int number)
{
	struct peer_data *d = tars_data(rq);
	struct tars_call c = { .to = d->other, .rq = rq };
	struct T_Rpc_work_in *in = tars_alloc(rq, sizeof(*in));
	int rc;

	*in = (struct T_Rpc_work_in){ .what = TARS_STR("double"), .number = number };
	tars_hold(rq);
	rc = tars_invoke_async(&c, &T_Rpc_iface, F_WORK, in, nested_done, rq);
	if (rc)
		tars_release(rq);
	/* Allocations of this thread and of the callback must not meet. */
	for (int i = 0; i < 50; i++)
		tars_strf(rq, "garbage %d", i);
	return rc ? rc : TARS_LATER;
}

static void *reply_from_thread(void *arg)
{
	struct tars_req *rq = arg;
	struct T_Rpc_work_out out = { .result = 77 };

	tars_reply(rq, &out);
	tars_release(rq);
	return NULL;
}

static int late(struct tars_req *rq)
{
	pthread_attr_t attr;
	pthread_t thread;

	tars_hold(rq);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	assert_int_equal(pthread_create(&thread, &attr, reply_from_thread, rq), 0);
	pthread_attr_destroy(&attr);
	return TARS_LATER;
}

static atomic_int n_counted;

/* So many one-way calls to the other server. */
static int oneway(struct tars_req *rq, int number)
{
	struct peer_data *d = tars_data(rq);
	struct tars_call c = { .to = d->other, .rq = rq };
	struct T_Rpc_work_in in = { .what = TARS_STR("count") };
	int rc = 0;

	for (int i = 0; i < number && !rc; i++)
		rc = tars_invoke_oneway(&c, &T_Rpc_iface, F_WORK, &in);
	return rc;
}

static int work(struct tars_req *rq, const struct T_Rpc_work_in *in, struct T_Rpc_work_out *out)
{
	if (!strcmp(in->what.p, "double"))
		out->result = in->number * 2;
	else if (!strcmp(in->what.p, "fail"))
		return tars_fail(rq, in->number, "no such user %d", in->number);
	else if (!strcmp(in->what.p, "bare"))
		return in->number;
	else if (!strcmp(in->what.p, "nested"))
		return nested(rq, in->number, out);
	else if (!strcmp(in->what.p, "fan-out"))
		return fan_out(rq, in->number, out);
	else if (!strcmp(in->what.p, "async"))
		return async(rq, in->number);
	else if (!strcmp(in->what.p, "oneway"))
		return oneway(rq, in->number);
	else if (!strcmp(in->what.p, "count"))
		out->result = atomic_fetch_add(&n_counted, 1) + 1;
	else if (!strcmp(in->what.p, "late"))
		return late(rq);
	else if (!strcmp(in->what.p, "forget"))
		return TARS_LATER;
	else if (!strcmp(in->what.p, "context"))
		tars_set_reply_context(rq, "seen", tars_context(rq, "key") ?: "none");
	else if (!strcmp(in->what.p, "time"))
		out->result = (int32_t)tars_time_left_ms(rq);
	return TARS_OK;
}

static const struct T_Rpc impl = { .echo = echo, .work = work };
static const struct T_Rpc empty_impl = { .echo = echo };

/* ---- fixture: two servers that call each other, and a client ---- */

static struct fixture {
	struct rpc_server a, b;
	struct peer_data data;
	struct tars_app *client;
} fx;

static const struct tars_servant rows[] = {
	{ "T.S.PoolObj", &T_Rpc_iface, &impl, TARS_RUN_POOL, &fx.data },
	{ "T.S.CoroObj", &T_Rpc_iface, &impl, TARS_RUN_CORO, &fx.data },
	{ "T.S.InlineObj", &T_Rpc_iface, &impl, TARS_RUN_INLINE, &fx.data },
	{ "T.S.EmptyObj", &T_Rpc_iface, &empty_impl, TARS_RUN_CORO, NULL },
};

static int setup(void **state)
{
	(void)state;
	fx.a.conf.reactors = 2;
	fx.a.adapter.threads = 4;
	memcpy(fx.a.servants, rows, sizeof(rows));
	memcpy(fx.b.servants, rows, sizeof(rows));
	rpc_server_start(&fx.b);
	rpc_server_start(&fx.a);
	fx.data.other = rpc_proxy(fx.a.app, "T.S.CoroObj", fx.b.port);
	fx.client = rpc_client();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tars_stop(fx.client);
	rpc_server_stop(&fx.a, 1000);
	rpc_server_stop(&fx.b, 1000);
	return 0;
}

static const char *const modes[] = { "T.S.PoolObj", "T.S.CoroObj", "T.S.InlineObj" };

/* ---- tests ---- */

static void test_same_handler_in_three_modes(void **state)
{
	(void)state;
	for (int m = 0; m < 3; m++) {
		struct tars_req *rq = tars_begin(fx.client);
		struct tars_call c = { .to = rpc_proxy(fx.client, modes[m], fx.a.port), .rq = rq };
		struct T_Rpc_echo_out out;
		int result;

		for (int i = 0; i < 100; i++) {
			assert_int_equal(call_echo(&c, "abc", &out), 0);
			assert_int_equal(out.ret, 3);
			assert_string_equal(out.back.p, "<abc>");
			assert_string_equal(c.error, "");
		}
		assert_int_equal(call_work(&c, "double", 21, &result), 0);
		assert_int_equal(result, 42);
		tars_end(rq);
	}
}

static void test_codes_of_handlers(void **state)
{
	(void)state;
	for (int m = 0; m < 3; m++) {
		struct tars_req *rq = tars_begin(fx.client);
		struct tars_call c = { .to = rpc_proxy(fx.client, modes[m], fx.a.port), .rq = rq };
		char want[200];
		int result;

		assert_int_equal(call_work(&c, "fail", 7, &result), 7);
		snprintf(want, sizeof(want), "%s.work at tcp 127.0.0.1:%d: no such user 7",
			 modes[m], fx.a.port);
		assert_string_equal(c.error, want);
		assert_string_equal(tars_error(rq), want);
		assert_int_equal(call_work(&c, "bare", 5, &result), 5);
		assert_int_equal(call_work(&c, "bare", TARS_EOVERLOAD, &result), TARS_EOVERLOAD);
		/* Local codes do not travel. */
		assert_int_equal(call_work(&c, "bare", TARS_EDB, &result), TARS_EUNKNOWN);
		assert_non_null(strstr(c.error, tars_strerror(TARS_EDB)));
		assert_int_equal(call_work(&c, "forget", 0, &result), TARS_EUNKNOWN);
		assert_non_null(strstr(c.error, "never gave it"));
		tars_end(rq);
	}
}

static void test_nested_calls(void **state)
{
	static const struct { const char *what; int result; } rounds[] = {
		{ "nested", 20 }, { "fan-out", 290 },
	};

	(void)state;
	for (int m = 0; m < 3; m++) {
		struct tars_req *rq = tars_begin(fx.client);
		struct tars_call c = { .to = rpc_proxy(fx.client, modes[m], fx.a.port), .rq = rq };

		for (unsigned i = 0; i < 2; i++) {
			int result, rc = call_work(&c, rounds[i].what, 10, &result);

			if (m == 2) { /* INLINE must not wait, and must say so */
				assert_int_equal(rc, TARS_EUNKNOWN);
				assert_non_null(strstr(c.error, "would block a reactor"));
			} else {
				assert_int_equal(rc, 0);
				assert_int_equal(result, rounds[i].result);
			}
		}
		tars_end(rq);
	}
}

static void test_async_and_late_replies(void **state)
{
	(void)state;
	for (int m = 0; m < 3; m++) {
		struct tars_req *rq = tars_begin(fx.client);
		struct tars_call c = { .to = rpc_proxy(fx.client, modes[m], fx.a.port), .rq = rq };
		int result;

		for (int i = 0; i < 50; i++) {
			assert_int_equal(call_work(&c, "async", i, &result), 0);
			assert_int_equal(result, 2 * i + 1);
			assert_int_equal(call_work(&c, "late", 0, &result), 0);
			assert_int_equal(result, 77);
		}
		tars_end(rq);
	}
}

struct counter {
	sem_t done;
	struct tars_req *rq;
	_Atomic int wrong;
};

static void count_done(void *arg, int rc, const void *result)
{
	struct counter *counter = arg;
	const struct T_Rpc_work_out *out = result;

	if (rc || out->result != 42 || !coro_self())
		counter->wrong++;
	sem_post(&counter->done);
}

static void test_async_from_a_plain_thread(void **state)
{
	struct tars_req *rq = tars_begin(fx.client);
	struct tars_call c = { .to = rpc_proxy(fx.client, modes[0], fx.a.port), .rq = rq };
	struct T_Rpc_work_in in = { .what = TARS_STR("double"), .number = 21 };
	struct counter counter = { .rq = rq };

	(void)state;
	sem_init(&counter.done, 0, 0);
	for (int i = 0; i < 500; i++)
		assert_int_equal(tars_invoke_async(&c, &T_Rpc_iface, F_WORK, &in, count_done,
						   &counter), 0);
	for (int i = 0; i < 500; i++)
		sem_wait(&counter.done);
	assert_int_equal(counter.wrong, 0);
	sem_destroy(&counter.done);
	tars_end(rq);
}

static void *call_a_lot(void *arg)
{
	const char *object = arg;
	struct tars_req *rq;

	for (int i = 0; i < 50; i++) {
		struct tars_call c = { 0 };
		int result;

		rq = tars_begin(fx.client);
		c.to = rpc_proxy(fx.client, object, fx.a.port);
		c.rq = rq;
		if (call_work(&c, i % 2 ? "nested" : "double", i, &result) || result != 2 * i)
			return (void *)"wrong";
		tars_end(rq);
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	pthread_t threads[8];
	void *wrong;

	(void)state;
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, call_a_lot, (void *)modes[i % 2]);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

static void test_oneway(void **state)
{
	struct tars_req *rq = tars_begin(fx.client);
	struct tars_call c = { .to = rpc_proxy(fx.client, modes[0], fx.a.port), .rq = rq };
	struct T_Rpc_work_in in = { .what = TARS_STR("double"), .number = 1 };
	int result;

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(tars_invoke_oneway(&c, &T_Rpc_iface, F_WORK, &in), 0);
	/* The connection is still in step. */
	assert_int_equal(call_work(&c, "double", 4, &result), 0);
	assert_int_equal(result, 8);
	tars_end(rq);
}

/* From handlers in each run mode; each of them is made once. */
static void test_oneway_from_handlers(void **state)
{
	struct tars_req *rq = tars_begin(fx.client);
	int result, expected = atomic_load(&n_counted);

	(void)state;
	for (int i = 0; i < 3; i++, expected += 5) {
		struct tars_call c = { .to = rpc_proxy(fx.client, modes[i], fx.a.port), .rq = rq };

		assert_int_equal(call_work(&c, "oneway", 5, &result), 0);
	}
	while (atomic_load(&n_counted) < expected)
		sched_yield();
	tars_end(rq);
}

static void test_context_and_deadline(void **state)
{
	struct tars_req *rq = tars_begin(fx.client);
	struct tars_string_string_pair pair = { TARS_STR("key"), TARS_STR("value") };
	struct tars_string_string_map context = { &pair, 1 };
	struct tars_call c = { .to = rpc_proxy(fx.client, modes[1], fx.a.port), .rq = rq,
			       .context = &context, .timeout_ms = 60000 };
	int result;

	(void)state;
	assert_int_equal(call_work(&c, "context", 0, &result), 0);
	assert_int_equal(c.reply_context.n, 1);
	assert_string_equal(c.reply_context.v[0].key.p, "seen");
	assert_string_equal(c.reply_context.v[0].val.p, "value");
	assert_int_equal(call_work(&c, "time", 0, &result), 0);
	assert_in_range(result, 1, 60000);
	tars_end(rq);
}

static void test_unknown_servant_and_function(void **state)
{
	static const struct tars_func funcs[] = { { "nosuch", &echo_in_type, &echo_out_type } };
	static const struct tars_iface iface = { "T::Other", funcs, 1, rpc_dispatch };
	struct tars_req *rq = tars_begin(fx.client);
	struct tars_call c = { .to = rpc_proxy(fx.client, "T.S.NoObj", fx.a.port), .rq = rq };
	struct T_Rpc_echo_in in = { .text = TARS_STR("") };
	struct T_Rpc_echo_out out;
	int result;

	(void)state;
	assert_int_equal(call_echo(&c, "x", &out), TARS_ENOSERVANT);
	assert_non_null(strstr(c.error, "no servant 'T.S.NoObj' here; served: "));
	assert_non_null(strstr(c.error, "T.S.CoroObj"));
	c.to = rpc_proxy(fx.client, "T.S.CoroObj", fx.a.port);
	assert_int_equal(tars_invoke(&c, &iface, 0, &in, &out), TARS_ENOFUNC);
	assert_non_null(strstr(c.error, "T.S.CoroObj (T::Rpc) has no function 'nosuch'"));
	c.to = rpc_proxy(fx.client, "T.S.EmptyObj", fx.a.port);
	assert_int_equal(call_work(&c, "double", 1, &result), TARS_ENOFUNC);
	/* AdminObj is not for public ports. */
	c.to = rpc_proxy(fx.client, "AdminObj", fx.a.port);
	assert_int_equal(call_echo(&c, "x", &out), TARS_ENOSERVANT);
	tars_end(rq);
}

static void test_malformed_object(void **state)
{
	struct tars_req *rq = tars_begin(fx.client);
	struct tars_call c = { .to = tars_proxy(fx.client, "T.S.Obj@tcp -h"), .rq = rq };
	struct T_Rpc_echo_out out;

	(void)state;
	assert_ptr_equal(c.to, tars_proxy(fx.client, "T.S.Obj@tcp -h"));
	assert_int_equal(call_echo(&c, "x", &out), TARS_EARG);
	assert_string_not_equal(c.error, "");
	/* One bad endpoint spoils the object: nobody would notice that it is not used. */
	c.to = tars_proxy(fx.client, "T.S.Obj@tcp -h 127.0.0.1 -p 1:tcp -h");
	assert_int_equal(call_echo(&c, "x", &out), TARS_EARG);
	assert_non_null(strstr(c.error, "endpoint 2 of the list, 'tcp -h'"));
	c.to = tars_proxy(fx.client, "T.S.NameObj");
	assert_int_equal(call_echo(&c, "x", &out), TARS_ENOENDPOINT);
	assert_non_null(strstr(c.error, "no locator is configured"));
	tars_end(rq);
}

static void test_grown_lists(void **state)
{
	struct tars_req *rq = tars_begin(fx.client);
	int32_t exact[3] = { 1, 2, 3 };
	struct tars_int_list list = { exact, 3 }, many[40] = { 0 };

	(void)state;
	*TARS_PUSH(rq, &list) = 4;     /* a list that is exactly full is copied, not overrun */
	assert_int_equal(list.n, 4);
	assert_ptr_not_equal(list.v, exact);
	for (int i = 0; i < 100; i++)
		for (int k = 0; k < 40; k++)
			*TARS_PUSH(rq, &many[k]) += i * k;
	for (int k = 0; k < 40; k++)
		for (int i = 0; i < 100; i++)
			assert_int_equal(many[k].v[i], i * k);
	assert_int_equal(list.v[0] + list.v[1] + list.v[2] + list.v[3], 10);
	tars_end(rq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_handler_in_three_modes),
		cmocka_unit_test(test_codes_of_handlers),
		cmocka_unit_test(test_nested_calls),
		cmocka_unit_test(test_async_and_late_replies),
		cmocka_unit_test(test_async_from_a_plain_thread),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_oneway),
		cmocka_unit_test(test_oneway_from_handlers),
		cmocka_unit_test(test_context_and_deadline),
		cmocka_unit_test(test_unknown_servant_and_function),
		cmocka_unit_test(test_malformed_object),
		cmocka_unit_test(test_grown_lists),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
