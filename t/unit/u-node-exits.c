/* The OOM killer's counters and the names of core files are read right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "roles/node/corefile.h"
#include "roles/node/oom.h"

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_counters(void **state)
{
	char path[] = "/tmp/u-node-exits.XXXXXX", text[128];
	struct oom_mark m = { .in_cgroup = 2 };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	put(path, "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n");
	assert_int_equal(oom_kills(path), 2);
	snprintf(m.cgroup, sizeof(m.cgroup), "%s", path);
	assert_false(oom_struck(&m, text, sizeof(text)));
	put(path, "oom 4\noom_kill 3\n");
	assert_true(oom_struck(&m, text, sizeof(text)));
	assert_string_equal(text, "oom_kill in its cgroup's memory.events rose by 1");
	/* The cgroup is gone: the machine's counter, which stands still. */
	unlink(path);
	assert_int_equal(oom_kills(path), -1);
	m.in_system = oom_kills("/proc/vmstat");
	assert_false(oom_struck(&m, text, sizeof(text)));
	m.in_system--;
	assert_true(m.in_system < 0 || oom_struck(&m, text, sizeof(text)));
}

static void test_own_mark(void **state)
{
	struct oom_mark m;
	char text[128];

	(void)state;
	oom_mark(&m, getpid());
	assert_false(oom_struck(&m, text, sizeof(text)));
	oom_mark(&m, 0);
	assert_string_equal(m.cgroup, "");
	assert_int_equal(m.in_cgroup, -1);
}

static void test_names(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_string_equal(core_glob("core", "/a", 7, false, &a), "/a/core");
	assert_string_equal(core_glob("core", "/a[1]", 7, true, &a), "/a\\[1\\]/core.7");
	assert_string_equal(core_glob("/c/%e.%p.%t%%", "/a", 7, true, &a), "/c/*.7.*%");
	assert_string_equal(core_glob("/c/%", "/a", 7, false, &a), "/c/");
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_own_mark),
		cmocka_unit_test(test_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
