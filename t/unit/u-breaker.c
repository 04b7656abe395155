/* Breakers with a clock of the test: when they open, whom they let through, when they close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/rpc/breaker.h"

#define SECONDS(s) ((int64_t)((s) * 1e6))

/* An endpoint with one caller. */
struct sim {
	struct breaker b;
	struct tars_check c;
	struct window ok;
	uint64_t n_ok;
	int64_t now;
};

static void sim_init(struct sim *s, const struct tars_check *given)
{
	memset(s, 0, sizeof(*s));
	breaker_conf_init(&s->c, given);
	s->now = SECONDS(1000);
}

static int64_t window_us(const struct sim *s)
{
	return s->c.window_ms * INT64_C(1000);
}

static bool ok_sent(struct sim *s, int64_t sent_us)
{
	s->n_ok++;
	window_add(&s->ok, s->now, window_us(s));
	return breaker_succeeded(&s->b, s->now, sent_us);
}

static bool failed_sent(struct sim *s, int64_t sent_us)
{
	struct breaker_ok ok = { s->n_ok, window_sum(&s->ok, s->now, window_us(s)) };

	return breaker_failed(&s->b, &s->c, s->now, sent_us, ok);
}

static bool ok(struct sim *s)
{
	return ok_sent(s, s->now);
}

static bool failed(struct sim *s)
{
	return failed_sent(s, s->now);
}

/* ---- windows ---- */

static void test_window_slides(void **state)
{
	struct window w = { 0 };
	int64_t now = SECONDS(50);

	(void)state;
	assert_int_equal(window_sum(&w, now, SECONDS(5)), 0);
	for (int i = 0; i < 100; i++, now += SECONDS(0.1))
		window_add(&w, now, SECONDS(5));
	/* 10 a second, for 10 s: those of the last 5 to 6 count. */
	assert_in_range(window_sum(&w, now, SECONDS(5)), 50, 60);
	assert_in_range(window_sum(&w, now + SECONDS(2), SECONDS(5)), 30, 40);
	assert_int_equal(window_sum(&w, now + SECONDS(7), SECONDS(5)), 0);
	/* One event an hour is one event. */
	now += SECONDS(60);
	for (int i = 0; i < 50; i++, now += SECONDS(3600)) {
		window_add(&w, now, SECONDS(5));
		assert_int_equal(window_sum(&w, now, SECONDS(5)), 1);
	}
	/* Another thread's clock may be a little behind. */
	window_add(&w, now, SECONDS(5));
	assert_int_equal(window_sum(&w, now - SECONDS(0.01), SECONDS(5)), 1);
}

/* ---- opening ---- */

static void test_defaults_are_the_official_ones(void **state)
{
	struct tars_check c;

	(void)state;
	breaker_conf_init(&c, NULL);
	assert_int_equal(c.window_ms, 5000);
	assert_int_equal(c.min_failures, 1);
	assert_true(c.ratio == 0.05);
	assert_int_equal(c.consecutive, 1);
	assert_int_equal(c.consecutive_ms, 3000);
	assert_int_equal(c.retry_ms, 5000);
	assert_int_equal(c.connect_failures, 1);
}

static void test_one_failure_shields_for_five_seconds(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, NULL);
	for (int i = 0; i < 1000; i++)
		assert_false(ok(&s));
	assert_true(failed(&s));
	assert_int_equal(s.b.state, BREAKER_OPEN);
	assert_false(s.b.hopeless);
	s.now += SECONDS(4.9);
	assert_false(breaker_take_probe(&s.b, s.now));
	s.now += SECONDS(0.1);
	assert_true(breaker_take_probe(&s.b, s.now));
	assert_false(breaker_take_probe(&s.b, s.now));
	assert_false(failed(&s));              /* the probe: no change, but five seconds more */
	assert_false(breaker_take_probe(&s.b, s.now + SECONDS(4.9)));
	assert_true(s.b.hopeless);
	s.now += SECONDS(5);
	assert_true(breaker_take_probe(&s.b, s.now));
	assert_true(ok(&s));
	assert_int_equal(s.b.state, BREAKER_CLOSED);
}

static void test_a_probe_without_result_is_due_again(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, NULL);
	assert_true(failed(&s));
	s.now += SECONDS(5);
	assert_true(breaker_take_probe(&s.b, s.now));
	breaker_give_probe_back(&s.b, s.now);
	assert_true(breaker_take_probe(&s.b, s.now));
}

/* Answers to calls from before say nothing about the time since. */
static void test_late_results_change_nothing(void **state)
{
	struct sim s;
	int64_t before;

	(void)state;
	sim_init(&s, NULL);
	before = s.now;
	s.now += SECONDS(0.5);
	assert_true(failed(&s));
	s.now += SECONDS(0.1);
	assert_false(ok_sent(&s, before));
	assert_int_equal(s.b.state, BREAKER_OPEN);
	s.now += SECONDS(5);
	assert_true(breaker_take_probe(&s.b, s.now));
	before = s.now - SECONDS(3);
	assert_true(ok(&s));
	s.now += SECONDS(0.1);
	assert_false(failed_sent(&s, before));
	assert_int_equal(s.b.state, BREAKER_CLOSED);
}

static void test_failures_in_a_row(void **state)
{
	struct tars_check c = { .consecutive = 5, .consecutive_ms = 3000, .min_failures = 1000 };
	struct sim s;

	(void)state;
	sim_init(&s, &c);
	/* Five at once do not last three seconds. */
	for (int i = 0; i < 5; i++)
		assert_false(failed(&s));
	s.now += SECONDS(2.9);
	assert_false(failed(&s));
	s.now += SECONDS(0.2);
	assert_true(failed(&s));
	assert_true(s.b.hopeless);
	/* A success in between: from the beginning. */
	sim_init(&s, &c);
	for (int i = 0; i < 20; i++, s.now += SECONDS(1)) {
		assert_false(failed(&s));
		assert_false(failed(&s));
		assert_false(failed(&s));
		assert_false(failed(&s));
		assert_false(ok(&s));
	}
}

static void test_share_of_failures(void **state)
{
	struct tars_check c = { .consecutive = 1000000, .min_failures = 2, .ratio = 0.5 };
	struct sim s;

	(void)state;
	sim_init(&s, &c);
	assert_false(failed(&s));              /* all of one, but one is not two */
	assert_true(failed(&s));
	/* One of three fails: never. */
	sim_init(&s, &c);
	for (int i = 0; i < 500; i++, s.now += SECONDS(0.02)) {
		ok(&s);
		ok(&s);
		assert_false(failed(&s));
	}
	/* Then all do: half of the window is as far as it gets. */
	for (int i = 0; i < 50 * 3 && !failed(&s); i++)
		s.now += SECONDS(0.02);
	assert_int_equal(s.b.state, BREAKER_OPEN);
	/* An hour of success is over when its window is. */
	sim_init(&s, &c);
	for (int i = 0; i < 3600 * 10; i++, s.now += SECONDS(0.1))
		ok(&s);
	s.now += SECONDS(7);
	assert_false(failed(&s));
	assert_true(failed(&s));
}

/* 60 % of 46 calls a second are lost: found within seconds, whatever the official default lacks. */
static void test_loss_at_a_low_rate(void **state)
{
	struct tars_check c = { .consecutive = 50, .min_failures = 20, .ratio = 0.5 };
	struct sim s;
	unsigned random = 12345;
	int64_t begin;

	(void)state;
	sim_init(&s, &c);
	begin = s.now;
	for (;;) {
		random = random * 1103515245 + 12345;
		if ((random >> 16) % 100 >= 60)
			ok(&s);
		else if (failed(&s))
			break;
		s.now += SECONDS(1) / 46;
		assert_true(s.now - begin < SECONDS(5));
	}
	/* And at one call in four seconds, with the counts of the default. */
	sim_init(&s, &(struct tars_check){ .consecutive = 50 });
	for (int i = 0; i < 10; i++, s.now += SECONDS(4))
		ok(&s);
	assert_true(failed(&s));
}

static void test_off(void **state)
{
	struct tars_check c = { .off = true };
	struct sim s;

	(void)state;
	sim_init(&s, &c);
	for (int i = 0; i < 1000; i++)
		assert_false(failed(&s));
	assert_false(breaker_connect_failed(&s.b, &s.c, s.now));
	assert_int_equal(s.b.state, BREAKER_CLOSED);
}

/* ---- connects ---- */

static void test_failed_connects(void **state)
{
	struct tars_check c = { .connect_failures = 3 };
	struct sim s;

	(void)state;
	sim_init(&s, &c);
	assert_false(breaker_connect_failed(&s.b, &s.c, s.now));
	assert_false(breaker_connect_failed(&s.b, &s.c, s.now));
	assert_false(breaker_connected(&s.b, s.now));
	for (int i = 0; i < 2; i++)
		assert_false(breaker_connect_failed(&s.b, &s.c, s.now));
	assert_true(breaker_connect_failed(&s.b, &s.c, s.now));
	assert_true(s.b.hopeless);
	assert_true(s.b.unreachable);
	s.now += SECONDS(5);
	assert_true(breaker_take_probe(&s.b, s.now));
	assert_false(breaker_connect_failed(&s.b, &s.c, s.now));
	assert_false(breaker_take_probe(&s.b, s.now + SECONDS(4.9)));
	assert_true(breaker_connected(&s.b, s.now + SECONDS(6)));
	assert_int_equal(s.b.state, BREAKER_CLOSED);
}

/* What failed calls opened, a connection alone does not close. */
static void test_a_connect_is_no_answer(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, NULL);
	assert_true(failed(&s));
	assert_false(breaker_connected(&s.b, s.now));
	assert_int_equal(s.b.state, BREAKER_OPEN);
	/* But when it had been unreachable since: it is a new process. */
	assert_false(breaker_connect_failed(&s.b, &s.c, s.now));
	assert_true(breaker_connected(&s.b, s.now));
}

/* ---- the floor ---- */

static void test_panic(void **state)
{
	struct tars_check c;

	(void)state;
	breaker_conf_init(&c, NULL);
	assert_false(breaker_is_panic(&c, 2, 3));
	assert_false(breaker_is_panic(&c, 1, 2));
	assert_true(breaker_is_panic(&c, 1, 3));
	assert_true(breaker_is_panic(&c, 0, 1));
	assert_true(breaker_is_panic(&c, 49, 100));
	breaker_conf_init(&c, &(struct tars_check){ .usable_percent = -1 });
	assert_false(breaker_is_panic(&c, 1, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_slides),
		cmocka_unit_test(test_defaults_are_the_official_ones),
		cmocka_unit_test(test_one_failure_shields_for_five_seconds),
		cmocka_unit_test(test_a_probe_without_result_is_due_again),
		cmocka_unit_test(test_late_results_change_nothing),
		cmocka_unit_test(test_failures_in_a_row),
		cmocka_unit_test(test_share_of_failures),
		cmocka_unit_test(test_loss_at_a_low_rate),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_failed_connects),
		cmocka_unit_test(test_a_connect_is_no_answer),
		cmocka_unit_test(test_panic),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
