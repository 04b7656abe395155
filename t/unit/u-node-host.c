/* Figures of this machine, and which addresses are its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sys/proc.h"
#include "roles/node/host.h"

static void test_own_address(void **state)
{
	(void)state;
	assert_true(host_is_own_address("127.0.0.1"));
	assert_true(host_is_own_address("127.8.9.1"));
	/* Documentation addresses belong to nobody. */
	assert_false(host_is_own_address("192.0.2.1"));
	assert_false(host_is_own_address("2001:db8::1"));
	assert_false(host_is_own_address("localhost"));
	assert_false(host_is_own_address(""));
}

static void test_process(void **state)
{
	struct proc_id self;
	int64_t started;

	(void)state;
	assert_int_equal(proc_identify(getpid(), &self, NULL), 0);
	started = host_start_time(self.start);
	assert_in_range(time(NULL) - started + 2, 0, 100);
	assert_int_equal(host_process_state(getpid()), 'R');
	assert_int_equal(host_process_state(0), '?');
}

static void test_load(void **state)
{
	struct buf b = BUF_INIT;
	struct cpu_sample sample = { 0 };

	(void)state;
	assert_int_equal(host_cpu_percent(&sample), 0);
	assert_true(sample.total > sample.busy);
	assert_in_range(host_cpu_percent(&sample), 0, 100);
	host_print_load(&b, getpid());
	assert_non_null(strstr(buf_str(&b), "load: "));
	assert_non_null(strstr(buf_str(&b), "MemAvailable:"));
	assert_non_null(strstr(buf_str(&b), "VmRSS:"));
	buf_release(&b);
}

static void test_memory_and_disks(void **state)
{
	struct host_memory m;
	struct host_disk v[64];
	struct arena a;
	size_t n;

	(void)state;
	host_memory(&m);
	assert_true(m.total > 0 && m.available > 0 && m.available <= m.total && m.swap_used >= 0);
	arena_init(&a, NULL, 0);
	n = host_disks("/tmp", v, 64, &a);
	assert_in_range(n, 1, 64);
	assert_string_equal(v[0].path, "/");
	for (size_t i = 0; i < n; i++)
		assert_true(v[i].total > 0 && v[i].free >= 0 && v[i].free <= v[i].total);
	assert_int_equal(host_disks("/no/such/place", v, 1, &a), 1);
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_address),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_memory_and_disks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
