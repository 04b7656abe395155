/* Pushes to a client: from its first call on, and no more than may wait for a handler. */
#include "t/unit/rpc-test.h"

#include <stdatomic.h>
#include <time.h>

#include "core/rpc/push.h"

/* ---- a server that pushes ---- */

/* `number` pushes of `what` to whoever asks. */
static int work(struct tars_req *rq, const struct T_Rpc_work_in *in, struct T_Rpc_work_out *out)
{
	struct T_Rpc_echo_out item = { .back = in->what };
	struct tars_client *c = tars_client_ref(rq);

	for (int i = 0; i < in->number; i++)
		out->result += !tars_client_push(c, &T_Rpc_iface, F_ECHO, &item);
	tars_client_unref(c);
	return TARS_OK;
}

static const struct T_Rpc impl = { .work = work };

/* ---- a client that counts them ---- */

struct side {
	struct rpc_server s;
	struct tars_app *app;
	struct tars_proxy *proxy;
	atomic_int n_handled;
	atomic_bool is_held;             /* the handler does not return yet */
	sem_t last, done;                /* "last" came; the coroutine has ended */
};

static void pushed(const void *handlers, void *ctx, int func, const void *out)
{
	const struct T_Rpc_echo_out *item = out;
	struct side *k = ctx;

	assert_null(handlers);
	assert_int_equal(func, F_ECHO);
	k->n_handled++;
	while (k->is_held)
		tars_sleep(1);
	if (!strcmp(item->back.p, "last"))
		sem_post(&k->last);
}

static void want_pushes(struct side *k)
{
	tars_set_push(k->proxy, &(struct tars_push){ .iface = &T_Rpc_iface, .pushed = pushed,
						     .ctx = k });
}

/* The number that the server says it has pushed. */
static int ask_for(struct side *k, const char *what, int n)
{
	struct tars_call c = { .to = k->proxy, .rq = tars_begin(k->app), .timeout_ms = 60000 };
	int result, rc = call_work(&c, what, n, &result);

	tars_end(c.rq);
	return rc ? rc : result;
}

static void await_last(struct side *k)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60;
	assert_int_equal(sem_timedwait(&k->last, &end), 0);
}

static void side_open(struct side *k)
{
	memset(k, 0, sizeof(*k));
	k->s.servants[0] = (struct tars_servant){ "T.S.Obj", &T_Rpc_iface, &impl, TARS_RUN_INLINE,
						  NULL };
	rpc_server_start(&k->s);
	k->app = rpc_client();
	k->proxy = rpc_proxy(k->app, "T.S.Obj", k->s.port);
	sem_init(&k->last, 0, 0);
	sem_init(&k->done, 0, 0);
}

static void side_close(struct side *k)
{
	tars_stop(k->app);
	rpc_server_stop(&k->s, 0);
	sem_destroy(&k->last);
	sem_destroy(&k->done);
}

/* ---- tests ---- */

static void subscribe_here(void *arg, int rc, const void *out)
{
	struct side *k = arg;

	(void)out;
	assert_int_equal(rc, 0);
	want_pushes(k);
	assert_int_equal(ask_for(k, "last", 1), 1);
	sem_post(&k->done);
}

/* The proxy has a connection that it shares, and its loop has no turn in between. */
static void test_wanted_in_a_coroutine(void **state)
{
	struct T_Rpc_work_in in = { .what = TARS_STR("none") };
	struct tars_call c = { 0 };
	struct side k;

	(void)state;
	side_open(&k);
	assert_int_equal(ask_for(&k, "nobody hears it", 1), 1);
	c = (struct tars_call){ .to = k.proxy, .rq = tars_begin(k.app), .timeout_ms = 60000 };
	assert_int_equal(tars_invoke_async(&c, &T_Rpc_iface, F_WORK, &in, subscribe_here, &k), 0);
	sem_wait(&k.done);
	tars_end(c.rq);
	await_last(&k);
	assert_int_equal(k.n_handled, 1);
	side_close(&k);
}

static void test_those_that_wait_are_bounded(void **state)
{
	struct side k;

	(void)state;
	side_open(&k);
	want_pushes(&k);
	k.is_held = true;
	assert_int_equal(ask_for(&k, "one of many", PUSHED_MAX * 2), PUSHED_MAX * 2);
	/* Its reply comes behind them. */
	assert_int_equal(ask_for(&k, "", 0), 0);
	k.is_held = false;
	while (k.n_handled < PUSHED_MAX + 1)
		usleep(1000);
	assert_int_equal(ask_for(&k, "last", 1), 1);
	await_last(&k);
	assert_int_equal(k.n_handled, 1 + PUSHED_MAX + 1);
	side_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wanted_in_a_coroutine),
		cmocka_unit_test(test_those_that_wait_are_bounded),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
