/* The rows of a server's states make sense, and the start limit counts right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "roles/node/fsm.h"
#include "roles/node/limit.h"

static void test_rows(void **state)
{
	struct err e = { 0 };

	(void)state;
	if (fsm_verify(fsm_rows, fsm_n_rows, &e) < 0)
		fail_msg("%s", e.text);
	assert_null(fsm_find(SERVER_ACTIVE, EVENT_DESTROY));
	assert_int_equal(fsm_find(SERVER_ACTIVE, EVENT_EXITED)->to, SERVER_INACTIVE);
	assert_int_equal(fsm_find(SERVER_DEACTIVATING, EVENT_KEEP_ALIVE)->to, SERVER_DEACTIVATING);
}

static void test_bad_rows(void **state)
{
	struct fsm_row rows[64];
	struct err e;

	(void)state;
	memcpy(rows, fsm_rows, fsm_n_rows * sizeof(*rows));
	rows[fsm_n_rows] = rows[0];
	assert_int_equal(fsm_verify(rows, fsm_n_rows + 1, &e), TARS_ECONF);
	assert_string_equal(e.text, "rows 0 and 31 are both for start in Inactive");
	/* Without its last row nothing leads to Destroyed. */
	assert_int_equal(fsm_verify(fsm_rows, fsm_n_rows - 1, &e), TARS_ECONF);
	assert_string_equal(e.text, "no way leads out of Inactive");
	rows[fsm_n_rows] = (struct fsm_row){ SERVER_DESTROYED, EVENT_START, SERVER_ACTIVE, NULL,
	"x" };
	assert_int_equal(fsm_verify(rows, fsm_n_rows + 1, &e), TARS_ECONF);
	rows[fsm_n_rows - 1].text = "";
	assert_int_equal(fsm_verify(rows, fsm_n_rows, &e), TARS_ECONF);
}

static void test_picture(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	fsm_print(&b, 1);
	assert_non_null(strstr(buf_str(&b), "\tInactive -> Activating [label=\"start\""));
	buf_clear(&b);
	fsm_print(&b, 0);
	assert_non_null(strstr(buf_str(&b), "Active        Inactive      exited"));
	buf_release(&b);
}

static const struct limits limits = { .starts = 3, .window_ms = 60000, .penalty_ms = 600000 };
enum { S = 1000000 };

/* Starts as soon as it is allowed, lives for lived_ms, dies: gives the time of death. */
static int64_t live(struct limiter *l, int64_t now_us, int64_t lived_ms)
{
	now_us += limiter_delay_ms(l, &limits, now_us) * 1000;
	assert_int_equal(limiter_delay_ms(l, &limits, now_us), 0);
	limiter_note_start(l, &limits, now_us);
	now_us += lived_ms * 1000;
	limiter_note_death(l, &limits, now_us, lived_ms);
	return now_us;
}

static void test_first_death_is_free(void **state)
{
	struct limiter l = { 0 };
	int64_t now = live(&l, 100 * S, 10);

	(void)state;
	assert_int_equal(limiter_delay_ms(&l, &limits, now), 0);
	now = live(&l, now, 10);
	assert_int_equal(limiter_delay_ms(&l, &limits, now), 400);
	assert_false(l.is_punished);
}

static void test_limit(void **state)
{
	struct limiter l = { 0 };
	int64_t now = 100 * S;

	(void)state;
	for (int i = 0; i < 3; i++)
		now = live(&l, now, 10);
	now += 10 * S;
	assert_int_equal(limiter_delay_ms(&l, &limits, now), 600000);
	assert_true(l.is_punished);
	assert_int_equal(limiter_delay_ms(&l, &limits, now + S), 599000);
	now += (int64_t)600 * S;
	assert_int_equal(limiter_delay_ms(&l, &limits, now), 0);
	assert_false(l.is_punished);
	/* Half as long again the next time. */
	for (int i = 0; i < 3; i++)
		now = live(&l, now, 10);
	assert_int_equal(limiter_delay_ms(&l, &limits, now + 10 * S), 900000);
}

static void test_slow_deaths_are_not_limited(void **state)
{
	struct limiter l = { 0 };
	int64_t now = 100 * S;

	(void)state;
	for (int i = 0; i < 20; i++) {
		now = live(&l, now, 25000);
		assert_int_equal(limiter_delay_ms(&l, &limits, now), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bad_rows),
		cmocka_unit_test(test_picture),
		cmocka_unit_test(test_first_death_is_free),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_slow_deaths_are_not_limited),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
