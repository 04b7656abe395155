/* Calls that are sent more than once: who may be, how often, and which answer counts. */
#include "t/unit/fake-endpoints.h"

#include "core/rpc/proxy.h"

/* ---- the same function with and without @idempotent ---- */

static const struct tars_func idempotent_funcs[] = {
	{ .name = "echo", .in = &echo_in_type, .out = &echo_out_type, .flags = TARS_IDEMPOTENT },
};
static const struct tars_iface idempotent = {
	.name = "T::Rpc", .funcs = idempotent_funcs, .n_funcs = 1, .dispatch = rpc_dispatch,
};
#define PLAIN (&T_Rpc_iface)

/* ---- clients ---- */

static const struct tars_check never = { .off = true };
static const struct tars_check for_ever = { .retry_ms = 3600 * 1000 };

struct lab {
	struct fakes *f;
	struct tars_app *app;
	struct tars_req *rq;
	struct tars_call c;
};

static void lab_open(struct lab *k, int n, const struct tars_proxy_conf *conf)
{
	char object[512];

	k->f = fakes_start(n);
	k->app = rpc_client();
	k->rq = tars_begin(k->app);
	fakes_object(k->f, n, object, sizeof(object));
	k->c = (struct tars_call){ .to = tars_proxy_conf(k->app, object, conf), .rq = k->rq,
				   .timeout_ms = 60000 };
}

static void lab_close(struct lab *k)
{
	tars_end(k->rq);
	tars_stop(k->app);
	fakes_stop(k->f);
}

/* The number of the endpoint that answered, or the code. */
static int call(struct lab *k, const struct tars_iface *iface)
{
	struct T_Rpc_echo_in in = { .text = TARS_STR("x") };
	struct T_Rpc_echo_out out;
	int rc = tars_invoke(&k->c, iface, F_ECHO, &in, &out);

	return rc ? rc : atoi(out.back.p);
}

static int calls_of(const struct fakes *f)
{
	int n = 0;

	for (int i = 0; i < f->n; i++)
		n += f->at[i].calls;
	return n;
}

/* ---- the budget ---- */

static void test_budget(void **state)
{
	struct retry_budget b = { .hundredths = 200 };
	int spent = 0;

	(void)state;
	assert_true(retry_budget_spend(&b));
	assert_true(retry_budget_spend(&b));
	assert_false(retry_budget_spend(&b));
	for (int i = 0; i < 1000; i++) {
		retry_budget_earn(&b, 10, 5);
		spent += retry_budget_spend(&b);
	}
	assert_int_equal(spent, 100);
	/* What is not spent is saved, but not without limit. */
	for (int i = 0; i < 1000; i++)
		retry_budget_earn(&b, 10, 5);
	for (spent = 0; retry_budget_spend(&b); spent++)
		;
	assert_int_equal(spent, 5);
}

/* ---- retries ---- */

static const struct tars_retry twice = { .attempts = 2 };
static const struct tars_proxy_conf retrying = { .check = &never, .retries = &twice,
						 .n_retries = 1 };

static void test_refused_calls_go_elsewhere(void **state)
{
	static const int codes[] = { TARS_EOVERLOAD, TARS_EQUEUETIMEOUT };
	struct lab k;

	(void)state;
	for (int i = 0; i < 2; i++) {
		lab_open(&k, 2, &retrying);
		k.f->at[1].ret = codes[i];
		for (int j = 0; j < 10; j++)
			assert_int_equal(call(&k, PLAIN), 0);
		assert_true(k.f->at[1].calls > 0);
		assert_int_equal(k.f->at[0].calls, 10);
		lab_close(&k);
	}
	/* Without the option the caller hears of it. */
	lab_open(&k, 2, &(struct tars_proxy_conf){ .check = &never });
	k.f->at[1].ret = TARS_EOVERLOAD;
	while (call(&k, PLAIN) != TARS_EOVERLOAD)
		;
	lab_close(&k);
}

static void test_what_may_have_run_is_not_sent_again(void **state)
{
	static const int codes[] = { TARS_EDECODE, TARS_EUNKNOWN, TARS_ENOFUNC, TARS_ETIMEOUT, 7 };
	struct lab k;

	(void)state;
	lab_open(&k, 2, &retrying);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		int before = calls_of(k.f), n = 1;

		k.f->at[1].ret = codes[i];
		while (call(&k, PLAIN) != codes[i])
			n++;
		assert_int_equal(calls_of(k.f), before + n);
	}
	/* The official Go server says so of calls that took too long. */
	k.f->at[1].ret = TARS_EQUEUETIMEOUT;
	k.f->at[1].desc = "server invoke timeout";
	while (call(&k, PLAIN) != TARS_EQUEUETIMEOUT)
		;
	for (int i = 0; i < 4; i++)
		assert_int_equal(call(&k, &idempotent), 0);
	lab_close(&k);
}

static void test_broken_connections(void **state)
{
	struct lab k;
	int n = 1, before;

	(void)state;
	lab_open(&k, 2, &retrying);
	k.f->at[1].how = FAKE_CLOSES;
	before = calls_of(k.f);
	while (call(&k, PLAIN) != TARS_ECONNECT)
		n++;
	assert_non_null(strstr(k.c.error, "the call may have been executed"));
	assert_int_equal(calls_of(k.f), before + n);
	for (int i = 0; i < 6; i++)
		assert_int_equal(call(&k, &idempotent), 0);
	lab_close(&k);
}

static void test_time_outs_are_final(void **state)
{
	struct lab k;
	int before;

	(void)state;
	lab_open(&k, 2, &retrying);
	k.f->at[0].how = k.f->at[1].how = FAKE_HANGS;
	k.c.timeout_ms = 50;
	before = calls_of(k.f);
	assert_int_equal(call(&k, &idempotent), TARS_ETIMEOUT);
	assert_int_equal(calls_of(k.f), before + 1);
	lab_close(&k);
}

static void test_attempts(void **state)
{
	struct tars_retry three = { .func = "echo", .attempts = 3 };
	struct tars_proxy_conf conf = { .check = &for_ever, .retries = &three, .n_retries = 1 };
	struct lab k;

	(void)state;
	lab_open(&k, 3, &conf);
	k.f->at[0].ret = k.f->at[1].ret = TARS_EOVERLOAD;
	for (int i = 0; i < 10; i++)
		assert_int_equal(call(&k, PLAIN), 2);
	assert_int_equal(k.f->at[0].calls, 1);
	assert_int_equal(k.f->at[1].calls, 1);
	lab_close(&k);
	/* Of another function. */
	three.func = "work";
	lab_open(&k, 3, &conf);
	k.f->at[0].ret = k.f->at[1].ret = k.f->at[2].ret = TARS_EOVERLOAD;
	assert_int_equal(call(&k, PLAIN), TARS_EOVERLOAD);
	assert_int_equal(calls_of(k.f), 1);
	lab_close(&k);
	/* Of one endpoint nothing better is to be had. */
	three.func = NULL;
	lab_open(&k, 1, &conf);
	k.f->at[0].ret = TARS_EOVERLOAD;
	assert_int_equal(call(&k, PLAIN), TARS_EOVERLOAD);
	assert_int_equal(calls_of(k.f), 1);
	lab_close(&k);
}

static void test_retries_are_a_tenth_of_the_calls(void **state)
{
	struct tars_proxy_conf conf = retrying;
	struct lab k;

	(void)state;
	conf.retry_burst = 2;
	lab_open(&k, 3, &conf);
	for (int i = 0; i < 3; i++)
		k.f->at[i].ret = TARS_EOVERLOAD;
	for (int i = 0; i < 200; i++)
		assert_int_equal(call(&k, PLAIN), TARS_EOVERLOAD);
	assert_in_range(calls_of(k.f), 220, 222);
	assert_int_equal(k.c.to->targets[0].n_retries, calls_of(k.f) - 200);
	assert_int_equal(k.c.to->targets[0].n_no_budget, 200 - k.c.to->targets[0].n_retries);
	lab_close(&k);
}

static void test_the_second_attempt_has_less_time(void **state)
{
	struct lab k;

	(void)state;
	lab_open(&k, 2, &retrying);
	k.f->at[1].ret = TARS_EOVERLOAD;
	while (!k.f->at[1].calls) {
		k.f->at[0].timeout_ms = 0;
		assert_int_equal(call(&k, PLAIN), 0);
	}
	assert_int_equal(k.f->at[1].timeout_ms, 60000);
	assert_in_range(k.f->at[0].timeout_ms, 1, 60000);
	lab_close(&k);
}

/* ---- backup requests ---- */

static const struct tars_retry backup = { .backup_ms = 20 };
static const struct tars_proxy_conf backing = { .check = &never, .retries = &backup,
						.n_retries = 1, .retry_burst = 1000 };

static void test_backup_for_a_slow_server(void **state)
{
	struct lab k;

	(void)state;
	lab_open(&k, 2, &backing);
	k.f->at[1].how = FAKE_HANGS;
	for (int i = 0; i < 10; i++)
		assert_int_equal(call(&k, &idempotent), 0);
	assert_in_range(k.f->at[1].calls, 3, 7);
	/* What may not run twice waits for its own server. */
	k.c.timeout_ms = 300;
	while (call(&k, PLAIN) != TARS_ETIMEOUT)
		;
	lab_close(&k);
}

static void *answer_waiting(void *arg)
{
	struct fakes *f = arg;

	while (!f->at[1].calls)
		usleep(100);
	fake_answer_waiting(f);
	return NULL;
}

/* The backup is on its way, but the first server is faster after all. */
static void test_first_answer_counts(void **state)
{
	struct lab k;
	pthread_t other;

	(void)state;
	lab_open(&k, 2, &backing);
	k.f->at[0].how = FAKE_WAITS;
	k.f->at[1].how = FAKE_HANGS;
	k.c.hash_mode = TARS_HASH_MOD;   /* begins at 0 */
	assert_int_equal(pthread_create(&other, NULL, answer_waiting, k.f), 0);
	assert_int_equal(call(&k, &idempotent), 0);
	pthread_join(other, NULL);
	assert_int_equal(k.f->at[0].calls, 1);
	assert_int_equal(k.f->at[1].calls, 1);
	/* The application's code is an answer. */
	k.f->at[1].how = FAKE_ANSWERS;
	k.f->at[1].ret = 7;
	k.f->at[0].how = FAKE_HANGS;
	assert_int_equal(call(&k, &idempotent), 7);
	lab_close(&k);
}

static void test_both_fail(void **state)
{
	struct lab k;

	(void)state;
	lab_open(&k, 2, &backing);
	k.c.hash_mode = TARS_HASH_MOD;
	k.c.timeout_ms = 400;
	k.f->at[0].how = k.f->at[1].how = FAKE_HANGS;
	assert_int_equal(call(&k, &idempotent), TARS_ETIMEOUT);
	assert_int_equal(calls_of(k.f), 2);
	/* The backup is refused: the first goes on, to its end. */
	k.f->at[1].how = FAKE_ANSWERS;
	k.f->at[1].ret = TARS_EUNKNOWN;
	assert_int_equal(call(&k, &idempotent), TARS_ETIMEOUT);
	assert_non_null(strstr(k.c.error, "no reply within 400 ms"));
	lab_close(&k);
}

/* The slow one is judged by how its attempt ends, though nobody waits for it any more. */
static void test_the_loser_is_judged(void **state)
{
	struct tars_proxy_conf conf = backing;
	struct health_info info = { .state = "" };
	struct lab k;

	(void)state;
	conf.check = &for_ever;
	lab_open(&k, 2, &conf);
	k.c.hash_mode = TARS_HASH_MOD;
	k.c.timeout_ms = 300;
	k.f->at[0].how = FAKE_HANGS;
	assert_int_equal(call(&k, &idempotent), 1);
	while (strcmp(info.state, "shielded")) {
		health_get_info(k.c.to->route->health[0], &info);
		usleep(1000);
	}
	assert_int_equal(k.f->at[0].calls, 1);
	assert_int_equal(call(&k, &idempotent), 1);
	assert_int_equal(k.f->at[0].calls, 1);
	lab_close(&k);
}

static void test_backups_have_a_budget(void **state)
{
	struct tars_proxy_conf conf = backing;
	struct lab k;

	(void)state;
	conf.retry_burst = 1;
	lab_open(&k, 2, &conf);
	k.c.hash_mode = TARS_HASH_MOD;
	k.f->at[0].how = FAKE_HANGS;
	k.c.timeout_ms = 150;
	assert_int_equal(call(&k, &idempotent), 1);
	assert_int_equal(call(&k, &idempotent), TARS_ETIMEOUT);
	lab_close(&k);
}

static void test_cancel_with_a_backup(void **state)
{
	struct T_Rpc_echo_in in = { .text = TARS_STR("x") };
	struct tars_pending *p;
	struct T_Rpc_echo_out out;
	struct lab k;

	(void)state;
	lab_open(&k, 2, &backing);
	k.f->at[0].how = k.f->at[1].how = FAKE_HANGS;
	p = tars_invoke_begin(&k.c, &idempotent, F_ECHO, &in);
	while (calls_of(k.f) < 2)
		usleep(100);
	tars_cancel(p);
	assert_int_equal(tars_invoke_end(p, &out), TARS_ECANCEL);
	/* And with the end of the process. */
	p = tars_invoke_begin(&k.c, &idempotent, F_ECHO, &in);
	while (calls_of(k.f) < 4)
		usleep(100);
	app_stop(k.app, 0);
	assert_int_equal(tars_invoke_end(p, &out), TARS_ECANCEL);
	lab_close(&k);
}

static void count(void *state, int rc, const void *out)
{
	assert_int_equal(rc, 0);
	assert_string_equal(((const struct T_Rpc_echo_out *)out)->back.p, "0");
	sem_post(state);
}

static void test_async(void **state)
{
	struct T_Rpc_echo_in in = { .text = TARS_STR("x") };
	struct lab k;
	sem_t done;

	(void)state;
	sem_init(&done, 0, 0);
	lab_open(&k, 2, &backing);
	k.f->at[1].how = FAKE_HANGS;
	for (int i = 0; i < 20; i++)
		assert_int_equal(tars_invoke_async(&k.c, &idempotent, F_ECHO, &in, count, &done),
				 0);
	for (int i = 0; i < 20; i++)
		sem_wait(&done);
	lab_close(&k);
	sem_destroy(&done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_refused_calls_go_elsewhere),
		cmocka_unit_test(test_what_may_have_run_is_not_sent_again),
		cmocka_unit_test(test_broken_connections),
		cmocka_unit_test(test_time_outs_are_final),
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_retries_are_a_tenth_of_the_calls),
		cmocka_unit_test(test_the_second_attempt_has_less_time),
		cmocka_unit_test(test_backup_for_a_slow_server),
		cmocka_unit_test(test_first_answer_counts),
		cmocka_unit_test(test_both_fail),
		cmocka_unit_test(test_the_loser_is_judged),
		cmocka_unit_test(test_backups_have_a_budget),
		cmocka_unit_test(test_cancel_with_a_backup),
		cmocka_unit_test(test_async),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
