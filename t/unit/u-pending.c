/* Calls between begin and end: cancelled from anywhere, and the first of several. */
#include "t/unit/fake-endpoints.h"

enum { ROUNDS = 200 };

struct lab {
	struct fakes *f;
	struct tars_app *app;
	struct tars_req *rq;
	struct tars_call c;
};

static void lab_open(struct lab *k, int n)
{
	char object[512];

	k->f = fakes_start(n);
	k->app = rpc_client();
	k->rq = tars_begin(k->app);
	fakes_object(k->f, n, object, sizeof(object));
	k->c = (struct tars_call){ .to = tars_proxy(k->app, object), .rq = k->rq,
				   .timeout_ms = 60000 };
}

static void lab_close(struct lab *k)
{
	tars_end(k->rq);
	tars_stop(k->app);
	fakes_stop(k->f);
}

static struct tars_pending *begin(struct tars_call *c)
{
	struct T_Rpc_echo_in in = { .text = TARS_STR("") };

	return tars_invoke_begin(c, &T_Rpc_iface, F_ECHO, &in);
}

static int end(struct tars_pending *p)
{
	struct T_Rpc_echo_out out;
	int rc = tars_invoke_end(p, &out);

	return rc ? rc : atoi(out.back.p);
}

/* To endpoint `at` alone. */
static struct tars_pending *begin_at(struct lab *k, int at)
{
	struct tars_call c = k->c;
	char object[128];

	snprintf(object, sizeof(object), "T.S.Obj@tcp -h 127.0.0.%d -p %d", at + 1, k->f->port);
	c.to = tars_proxy(k->app, object);
	return begin(&c);
}

/* ---- cancelling ---- */

static void test_cancel_in_flight(void **state)
{
	struct tars_pending *p;
	struct lab k;

	(void)state;
	lab_open(&k, 1);
	k.f->at[0].how = FAKE_HANGS;
	p = begin(&k.c);
	while (!k.f->at[0].calls)
		usleep(100);
	tars_cancel(p);
	tars_cancel(p);
	assert_int_equal(end(p), TARS_ECANCEL);
	assert_non_null(strstr(tars_error(k.rq), "cancelled; the call may have been executed"));
	/* The connection goes on, and nothing is held against the endpoint. */
	k.f->at[0].how = FAKE_ANSWERS;
	assert_int_equal(end(begin(&k.c)), 0);
	assert_int_equal(k.f->at[0].conns, 1);
	lab_close(&k);
}

static void test_cancel_before_it_is_sent(void **state)
{
	struct tars_pending *p;
	struct tars_call c;
	struct lab k;
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int full = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(at);

	(void)state;
	lab_open(&k, 1);
	/* A listener whose backlog is full lets nobody in, and says nothing. */
	assert_int_equal(bind(full, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(full, 0), 0);
	assert_int_equal(getsockname(full, (struct sockaddr *)&at, &n), 0);
	assert_int_equal(connect(other, (struct sockaddr *)&at, n), 0);
	c = k.c;
	c.to = rpc_proxy(k.app, "T.S.Obj", ntohs(at.sin_port));
	p = begin(&c);
	tars_cancel(p);
	assert_int_equal(end(p), TARS_ECANCEL);
	assert_non_null(strstr(tars_error(k.rq), "cancelled; not executed"));
	close(other);
	close(full);
	lab_close(&k);
}

static void test_cancel_too_late(void **state)
{
	struct tars_pending *p;
	struct lab k;

	(void)state;
	lab_open(&k, 1);
	p = begin(&k.c);
	assert_int_equal(tars_wait_any(&p, 1), 0);
	tars_cancel(p);
	assert_int_equal(end(p), 0);
	/* A call that could not begin. */
	k.c.to = tars_proxy(k.app, "not an object");
	p = begin(&k.c);
	tars_cancel(p);
	assert_int_equal(end(p), TARS_EARG);
	lab_close(&k);
}

static void *cancel_it(void *p)
{
	tars_cancel(p);
	return NULL;
}

/* One thread waits, another cancels, and the answer comes at about that time. */
static void test_cancel_from_another_thread(void **state)
{
	struct lab k;

	(void)state;
	lab_open(&k, 1);
	for (int i = 0; i < ROUNDS; i++) {
		struct tars_pending *p = begin(&k.c);
		pthread_t other;
		int rc;

		assert_int_equal(pthread_create(&other, NULL, cancel_it, p), 0);
		/* p must not be gone before tars_cancel has been entered. */
		pthread_join(other, NULL);
		rc = end(p);
		assert_true(rc == 0 || rc == TARS_ECANCEL);
	}
	k.f->at[0].how = FAKE_HANGS;
	for (int i = 0; i < 3; i++) {
		struct tars_pending *p = begin(&k.c);
		pthread_t other;

		assert_int_equal(pthread_create(&other, NULL, cancel_it, p), 0);
		assert_int_equal(end(p), TARS_ECANCEL);
		pthread_join(other, NULL);
	}
	lab_close(&k);
}

/* ---- the first of several ---- */

static void test_wait_any(void **state)
{
	struct tars_pending *v[4] = { 0 };
	struct lab k;

	(void)state;
	lab_open(&k, 3);
	k.f->at[0].how = k.f->at[2].how = FAKE_HANGS;
	assert_int_equal(tars_wait_any(v, 4), TARS_EARG);
	assert_int_equal(tars_wait_any(v, 0), TARS_EARG);
	for (int i = 0; i < 3; i++)
		v[i + 1] = begin_at(&k, i);
	assert_int_equal(tars_wait_any(v, 4), 2);
	assert_int_equal(end(v[2]), 1);
	v[2] = NULL;
	/* One that is done already, however long it has been. */
	v[0] = begin_at(&k, 1);
	assert_int_equal(tars_wait_any(v, 4), 0);
	assert_int_equal(tars_wait_any(v, 4), 0);
	assert_int_equal(end(v[0]), 1);
	v[0] = NULL;
	tars_cancel(v[3]);
	assert_int_equal(tars_wait_any(v, 4), 3);
	assert_int_equal(end(v[3]), TARS_ECANCEL);
	tars_cancel(v[1]);
	assert_int_equal(end(v[1]), TARS_ECANCEL);
	lab_close(&k);
}

struct fan {
	struct lab *k;
	int rounds;
	sem_t done;
};

/* All at once, in the order in which they come. */
static void fan_out(struct tars_req *rq, void *arg)
{
	struct fan *fan = arg;
	struct lab *k = fan->k;

	for (int i = 0; i < fan->rounds; i++) {
		struct tars_call c = { .to = k->c.to, .rq = rq, .timeout_ms = 60000 };
		struct tars_pending *v[6];
		int seen = 0;

		for (int j = 0; j < 6; j++)
			v[j] = begin(&c);
		for (int j = 0; j < 6; j++) {
			int n = tars_wait_any(v, 6);

			assert_in_range(n, 0, 5);
			assert_int_equal(seen & 1 << n, 0);
			seen |= 1 << n;
			assert_in_range(end(v[n]), 0, 2);
			v[n] = NULL;
		}
	}
	sem_post(&fan->done);
}

static void test_fan_out_in_coroutines_and_threads(void **state)
{
	struct lab k;
	struct fan fan = { .k = &k, .rounds = ROUNDS };

	(void)state;
	lab_open(&k, 3);
	sem_init(&fan.done, 0, 0);
	fan_out(k.rq, &fan);
	for (int i = 0; i < 4; i++)
		app_spawn(k.app, fan_out, &fan);
	fan_out(k.rq, &fan);
	for (int i = 0; i < 6; i++)
		sem_wait(&fan.done);
	sem_destroy(&fan.done);
	lab_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancel_in_flight),
		cmocka_unit_test(test_cancel_before_it_is_sent),
		cmocka_unit_test(test_cancel_too_late),
		cmocka_unit_test(test_cancel_from_another_thread),
		cmocka_unit_test(test_wait_any),
		cmocka_unit_test(test_fan_out_in_coroutines_and_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
