/* Diagnostics: line format, hostile texts, levels, rate limit, files that move away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys/log.h"

static char path[64], moved[80];

static int setup(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/tars-u-log.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	snprintf(moved, sizeof(moved), "%s.1", path);
	log_set_level(LOG_LEVEL_INFO);
	assert_int_equal(log_open(path, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(log_open(NULL, NULL), 0);
	unlink(path);
	unlink(moved);
	return 0;
}

/* What the file holds, from the level on in each line; lines counted. */
static char content[1 << 16];

static int lines_of(const char *name)
{
	FILE *f = fopen(name, "r");
	char line[4096];
	int n = 0;

	assert_non_null(f);
	*content = '\0';
	for (; fgets(line, sizeof(line), f); n++) {
		int year, month, day, hour, minute, second, ms, head = 0;

		sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute,
		       &second, &ms, &head);
		assert_int_equal(head, 25);
		if (strlen(content) + strlen(line) < sizeof(content))
			strncat(content, line + head, sizeof(content) - strlen(content) - 1);
	}
	fclose(f);
	return n;
}

static void test_format(void **state)
{
	struct log_subject conn = { "registry conn 7 10.0.0.1:5312", NULL };

	(void)state;
	log_info(NULL, "started with %d", 3);
	log_warn(&conn, "closed");
	conn.doing = "reading a frame";
	log_error(&conn, "bad length %u", 9u);
	log_debug(&conn, "not wanted");
	assert_int_equal(lines_of(path), 3);
	assert_string_equal(content,
			    "info started with 3\n"
			    "warn registry conn 7 10.0.0.1:5312: closed\n"
			    "error registry conn 7 10.0.0.1:5312: bad length 9 "
			    "(reading a frame)\n");
}

static void test_hostile_text_stays_one_line(void **state)
{
	(void)state;
	log_warn(NULL, "name '%s'", "a\nerror forged\r\t\x1b[31m\x7f\xc3\xa4");
	assert_int_equal(lines_of(path), 1);
	assert_string_equal(content,
			    "warn name 'a\\nerror forged\\r\\t\\x1b[31m\\x7f\xc3\xa4'\n");
}

static void test_long_text_is_cut_visibly(void **state)
{
	struct log_subject subject = { "subject", "doing" };
	char text[5000];

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_warn(&subject, "%s", text);
	assert_int_equal(lines_of(path), 1);
	assert_true(strlen(content) > 1900 && strlen(content) < 2048);
	assert_string_equal(content + strlen(content) - 6, "\\n...\n");
}

static void test_levels(void **state)
{
	enum log_level level;
	struct err e;

	(void)state;
	assert_int_equal(log_level_parse("debug", &level, &e), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("loud", &level, &e), TARS_ECONF);
	assert_string_equal(e.text, "log level 'loud': not one of error, warn, info, debug");
	log_set_level(LOG_LEVEL_ERROR);
	assert_true(log_is_on(LOG_LEVEL_ERROR));
	assert_false(log_is_on(LOG_LEVEL_WARN));
	log_warn(NULL, "no");
	assert_int_equal(lines_of(path), 0);
}

static void often(int64_t ms, int i)
{
	log_every(ms, LOG_LEVEL_WARN, NULL, "event %d", i);
}

static void never_on(int i)
{
	log_every(1000000, LOG_LEVEL_DEBUG, NULL, "event %d", i);
}

static void test_rate_limit(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		often(3600000, i);
	assert_int_equal(lines_of(path), 1);
	assert_string_equal(content, "warn event 0\n");
	for (int i = 0; i < 3; i++)
		never_on(i);
	assert_int_equal(lines_of(path), 1);
}

static void test_rate_limit_counts(void **state)
{
	struct log_gate gate = { 0 };

	(void)state;
	assert_true(log_gate_opens(&gate, 3600000, LOG_LEVEL_WARN));
	assert_false(log_gate_opens(&gate, 3600000, LOG_LEVEL_WARN));
	assert_false(log_gate_opens(&gate, 3600000, LOG_LEVEL_WARN));
	gate.opens_ms = 0;
	assert_true(log_gate_opens(&gate, 0, LOG_LEVEL_WARN));
	log_through(&gate, LOG_LEVEL_WARN, NULL, "again");
	assert_true(log_gate_opens(&gate, 0, LOG_LEVEL_WARN));
	log_through(&gate, LOG_LEVEL_WARN, NULL, "and again");
	assert_int_equal(lines_of(path), 2);
	assert_string_equal(content,
			    "warn again [2 more like this were left out]\nwarn and again\n");
}

static void test_file_that_moved(void **state)
{
	(void)state;
	log_info(NULL, "old");
	assert_int_equal(rename(path, moved), 0);
	log_info(NULL, "still old");
	assert_int_equal(log_open(path, NULL), 0);
	log_info(NULL, "new");
	assert_int_equal(lines_of(path), 1);
	assert_string_equal(content, "info new\n");
	assert_int_equal(lines_of(moved), 2);
}

static void test_file_that_cannot_be_opened(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(log_open("/does/not/exist", &e), TARS_ECONF);
	assert_string_equal(e.text,
			    "log file /does/not/exist: cannot be opened: "
			    "No such file or directory");
	log_info(NULL, "the old one stays");
	assert_int_equal(lines_of(path), 1);
}

static int descriptor_of(const char *name)
{
	char link[64], target[256];

	for (int fd = 3; fd < 256; fd++) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = '\0';
			if (!strcmp(target, name))
				return fd;
		}
	}
	return -1;
}

/* A thread may be about to write to it: it must not come to mean a connection. */
static void test_number_stays_a_log(void **state)
{
	struct stat a, b;
	int fd = descriptor_of(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(log_open(NULL, NULL), 0);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(STDERR_FILENO, &b), 0);
	assert_true(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
	assert_int_equal(log_open(path, NULL), 0);
	assert_int_equal(descriptor_of(path), fd);
	log_info(NULL, "back in the file");
	assert_int_equal(lines_of(path), 1);
}

enum { THREADS = 4, LINES = 500 };

static void *write_lines(void *arg)
{
	struct log_subject subject = { arg, NULL };

	for (int i = 0; i < LINES; i++)
		log_info(&subject, "%s %s %s %d", subject.prefix, subject.prefix, subject.prefix,
			 i);
	return NULL;
}

static void test_threads_do_not_mix_lines(void **state)
{
	static char names[THREADS][8] = { "aaaa", "bbbb", "cccc", "dddd" };
	pthread_t thread[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, write_lines, names[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(lines_of(path), THREADS * LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_format, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_text_stays_one_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_text_is_cut_visibly, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate_limit_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_that_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_that_cannot_be_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(test_number_stays_a_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads_do_not_mix_lines, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
