/* Application logs on a real disk: rolling, files by time, full disks, full queues, many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/sys/applog.h"
#include "core/sys/files.h"
#include "core/sys/log.h"
#include "core/sys/logfile.h"
#include "proto/arena.h"

enum { FLUSH_MS = 60000 };

static char dir[64];
static struct arena arena;

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/tars-u-applog.XXXXXX");
	assert_non_null(mkdtemp(dir));
	arena_init(&arena, NULL, 0);
	setenv("TZ", "UTC", 1);
	tzset();
	/* What the logs complain about is expected here. */
	log_open("/dev/null", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(dir_remove(dir, NULL), 0);
	arena_clear(&arena);
	log_open(NULL, NULL);
	return 0;
}

static const char *in_dir(const char *name)
{
	return arena_strf(&arena, "%s/%s", dir, name);
}

/* "" if the file is not there. */
static const char *content(const char *name)
{
	const char *text = "";
	size_t n;

	file_read(in_dir(name), 1 << 26, &arena, &text, &n, NULL);
	return text;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* ---- one file ---- */

static struct logfile *by_size(const char *base, off_t max_size, unsigned max_files)
{
	return logfile_new(&(struct logfile_conf){ .base = in_dir(base), .max_size = max_size,
						   .max_files = max_files });
}

static void add(struct logfile *f, const char *text)
{
	logfile_add(f, text, strlen(text), 0);
}

static void test_rolls_at_exact_sizes(void **state)
{
	struct logfile *f = by_size("a/b/log", 20, 3);

	(void)state;
	add(f, "123456789\n");
	add(f, "abcdefghi\n");
	logfile_flush(f);
	assert_string_equal(content("a/b/log.log"), "123456789\nabcdefghi\n");
	assert_string_equal(content("a/b/log1.log"), "");
	add(f, "x\n");
	logfile_flush(f);
	assert_string_equal(content("a/b/log.log"), "x\n");
	assert_string_equal(content("a/b/log1.log"), "123456789\nabcdefghi\n");
	add(f, "234567890123456789\n"); /* 2 + 19 > 20 */
	logfile_flush(f);
	assert_string_equal(content("a/b/log.log"), "234567890123456789\n");
	assert_string_equal(content("a/b/log1.log"), "x\n");
	assert_string_equal(content("a/b/log2.log"), "123456789\nabcdefghi\n");
	add(f, "a line that is larger than a file may be\n");
	add(f, "y\n");
	logfile_flush(f);
	assert_string_equal(content("a/b/log.log"), "y\n");
	assert_string_equal(content("a/b/log1.log"), "a line that is larger than a file may be\n");
	assert_string_equal(content("a/b/log2.log"), "234567890123456789\n");
	assert_string_equal(content("a/b/log3.log"), "");
	assert_int_equal(logfile_lost(f), 0);
	logfile_free(f);
}

static void test_size_counts_what_was_there(void **state)
{
	struct logfile *f;

	(void)state;
	assert_int_equal(file_write(in_dir("log.log"), "before\n", 7, 0644, NULL), 0);
	f = by_size("log", 10, 2);
	add(f, "1\n");
	logfile_flush(f);
	assert_string_equal(content("log.log"), "before\n1\n");
	add(f, "2\n");
	logfile_free(f);
	assert_string_equal(content("log.log"), "2\n");
	assert_string_equal(content("log1.log"), "before\n1\n");
}

static void test_one_file_begins_anew(void **state)
{
	struct logfile *f = by_size("log", 4, 1);

	(void)state;
	add(f, "1\n");
	add(f, "2\n");
	add(f, "3\n");
	logfile_free(f);
	assert_string_equal(content("log.log"), "3\n");
	assert_string_equal(content("log1.log"), "");
}

static void test_removed_and_shared_files(void **state)
{
	struct logfile *f = by_size("log", 100, 3), *other = by_size("log", 8, 3);
	int64_t until = (int64_t)time(NULL) + 60;

	(void)state;
	add(f, "first\n");
	logfile_flush(f);
	/* Another process rolls the file, or somebody moves it: it is looked up again in time. */
	add(other, "second\n");
	logfile_flush(other);
	assert_string_equal(content("log1.log"), "first\n");
	while (!strstr(content("log.log"), "third") && time(NULL) < until) {
		add(f, "third\n");
		logfile_flush(f);
	}
	assert_string_equal(content("log.log"), "second\nthird\n");
	/* A removed one is left at once. */
	unlink(in_dir("log.log"));
	add(f, "fourth\n");
	logfile_flush(f);
	assert_string_equal(content("log.log"), "fourth\n");
	logfile_free(f);
	logfile_free(other);
}

static void test_by_time(void **state)
{
	struct logfile *f = logfile_new(&(struct logfile_conf){
		.base = in_dir("log"), .by_time = true, .period = LOG_BY_MINUTE, .every = 10 });
	int64_t noon = INT64_C(1769860800); /* 2026-01-31 12:00:00 UTC */

	(void)state;
	logfile_add(f, "a\n", 2, noon);
	logfile_add(f, "b\n", 2, noon + 599);
	logfile_add(f, "c\n", 2, noon + 600);
	/* Logged before, but only written now: it goes where it belongs. */
	logfile_add(f, "d\n", 2, noon + 1);
	logfile_flush(f);
	logfile_free(f);
	assert_string_equal(content("log_202601311200.log"), "a\nb\nd\n");
	assert_string_equal(content("log_202601311210.log"), "c\n");
}

/* ---- disks that refuse ---- */

static void test_full_disk_is_told(void **state)
{
	struct logfile *f = by_size("log", 1 << 20, 3);
	struct rlimit old, small;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 25;
	add(f, "123456789\n");
	logfile_flush(f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	add(f, "abcdefghi\n");
	add(f, "ABCDEFGHI\n"); /* half of it would fit */
	add(f, "lost\n");
	logfile_flush(f);
	assert_int_equal(logfile_lost(f), 2);
	assert_string_equal(content("log.log"), "123456789\nabcdefghi\n");
	add(f, "lost, too\n");
	logfile_flush(f);
	assert_int_equal(logfile_lost(f), 3);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	add(f, "again\n");
	logfile_flush(f);
	assert_non_null(strstr(content("log.log"),
			       "|0|ERROR|3 lines are missing here: File too large\nagain\n"));
	add(f, "and on\n");
	logfile_flush(f);
	assert_int_equal(count(content("log.log"), "missing"), 1);
	assert_int_equal(logfile_lost(f), 3);
	logfile_free(f);
}

static void test_no_space(void **state)
{
	struct logfile *f = by_size("log", 1 << 20, 3);

	(void)state;
	assert_int_equal(symlink("/dev/full", in_dir("log.log")), 0);
	add(f, "1\n");
	add(f, "2\n");
	logfile_flush(f);
	assert_int_equal(logfile_lost(f), 2);
	unlink(in_dir("log.log"));
	logfile_free(f);
	f = logfile_new(&(struct logfile_conf){ .base = "/proc/no/such", .max_size = 10 });
	add(f, "1\n");
	logfile_flush(f);
	assert_int_equal(logfile_lost(f), 1);
	logfile_free(f);
}

/* ---- the whole log ---- */

static void roll(struct applog *l, unsigned flags, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void roll(struct applog *l, unsigned flags, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	applog_vroll(l, "INFO", flags, fmt, ap);
	va_end(ap);
}

static void day(struct applog *l, const char *name, unsigned flags, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void day(struct applog *l, const char *name, unsigned flags, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	applog_vday(l, name, flags, fmt, ap);
	va_end(ap);
}

static struct applog *new_log(size_t max_queue)
{
	return applog_new(&(struct applog_conf){ .dir = dir, .app = "App", .server = "Srv",
						 .max_size = 1 << 24, .max_queue = max_queue });
}

/* The part of a line behind its time, which must be one. */
static const char *behind_time(const char *line)
{
	struct tm tm;
	const char *end = strptime(line, "%Y-%m-%d %H:%M:%S", &tm);

	assert_non_null(end);
	assert_int_equal(end - line, LOG_TIME_SIZE - 1);
	return end;
}

static const char *today(const char *before)
{
	char stamp[16];
	time_t now = time(NULL);

	strftime(stamp, sizeof(stamp), "%Y%m%d", gmtime(&now));
	return arena_strf(&arena, "%s_%s.log", before, stamp);
}

static void test_formats(void **state)
{
	struct applog *l = new_log(0);
	const char *text;

	(void)state;
	roll(l, 0, "hello %d", 7);
	roll(l, APPLOG_DYED, "newline is there\n");
	day(l, "flow", APPLOG_LOCAL, "a|b");
	day(l, "", APPLOG_LOCAL | APPLOG_DYED, "no name");
	day(l, "off", 0, "not here");
	day(l, "../evil", APPLOG_LOCAL, "refused");
	applog_not_sent(l, "flow", "a whole line\n", 13);
	assert_true(applog_flush(l, FLUSH_MS));
	text = content("App/Srv/App.Srv.log");
	assert_string_equal(behind_time(text) + strspn(behind_time(text), "|0123456789"),
			    strstr(text, "INFO|hello 7\n"));
	assert_int_equal(count(text, "\n"), 2);
	assert_non_null(strstr(text, "|INFO|newline is there\n"));
	assert_string_equal(behind_time(content(today("App/Srv/App.Srv_flow"))), "|a|b\n");
	assert_string_equal(behind_time(content(today("App/Srv/App.Srv"))), "|no name\n");
	assert_string_equal(content(today("App/Srv/App.Srv_flow.remote.error")), "a whole line\n");
	text = content("tars_dyeing/dyeing.log");
	assert_int_equal(strncmp(text, "App.Srv|2", 9), 0);
	assert_non_null(strstr(text, "|INFO|newline is there\n"));
	assert_int_equal(count(text, "\n"), 1);
	text = content(today("tars_dyeing/dyeing"));
	assert_int_equal(strncmp(text, "App.Srv|2", 9), 0);
	assert_string_equal(behind_time(text + 8), "|no name\n");
	assert_int_equal(access(in_dir(today("App/Srv/App.Srv_off")), F_OK), -1);
	applog_free(l);
}

static void test_long_lines(void **state)
{
	struct applog *l = new_log(0);
	size_t sizes[] = { 900, 990, 1000, 1022, 1023, 1024, 1025, 5000, 100000, (1 << 20) - 60 };
	char *x = malloc((1 << 21) + 1);
	const char *text;

	(void)state;
	memset(x, 'x', 1 << 21);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		roll(l, 0, "<%.*s>", (int)sizes[i], x);
	roll(l, 0, "<%.*s>", 1 << 21, x);
	applog_flush(l, FLUSH_MS);
	text = content("App/Srv/App.Srv.log");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		text = strchr(text, '<') + 1;
		assert_int_equal(strspn(text, "x"), sizes[i]);
		assert_int_equal(strncmp(text + sizes[i], ">\n", 2), 0);
	}
	text = strchr(text, '<') + 1;
	assert_string_equal(text + strspn(text, "x"), "...\n");
	assert_in_range(strlen(text), (1 << 20) - 100, 1 << 20);
	free(x);
	applog_free(l);
}

static void test_periods(void **state)
{
	struct applog *l = new_log(0);
	struct err e;
	char stamp[LOG_STAMP_SIZE];
	time_t before = time(NULL);

	(void)state;
	do {
		before = time(NULL);
		day(l, "flow", APPLOG_LOCAL, "by day");
		assert_int_equal(applog_set_period(l, "flow", LOG_BY_HOUR, 1, &e), 0);
		day(l, "flow", APPLOG_LOCAL, "by hour");
		/* Not at a full hour. */
	} while (time(NULL) / 3600 != before / 3600);
	assert_int_equal(applog_set_period(l, "a/b", LOG_BY_HOUR, 1, &e), TARS_EARG);
	applog_flush(l, FLUSH_MS);
	assert_string_equal(behind_time(content(today("App/Srv/App.Srv_flow"))), "|by day\n");
	logname_stamp(stamp, gmtime(&before), LOG_BY_HOUR, 1);
	assert_string_equal(behind_time(content(arena_strf(&arena, "App/Srv/App.Srv_flow_%s.log",
							   stamp))), "|by hour\n");
	applog_free(l);
}

enum { WRITERS = 4, LINES_EACH = 20000 };

static void *log_many(void *arg)
{
	struct applog *l = arg;

	for (int i = 0; i < LINES_EACH; i++)
		roll(l, 0, "line %d", i);
	return NULL;
}

/* A small queue and a fast crowd: what is not in the file is counted, and the file says so. */
static void test_dropped_lines_are_counted(void **state)
{
	struct applog *l = new_log(4096);
	pthread_t threads[WRITERS];
	struct applog_stats stats;
	unsigned found;
	char told[64];

	(void)state;
	for (int i = 0; i < WRITERS; i++)
		pthread_create(&threads[i], NULL, log_many, l);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	applog_flush(l, FLUSH_MS);
	applog_stats(l, &stats);
	assert_int_equal(stats.lines + stats.dropped, WRITERS * LINES_EACH);
	assert_int_equal(stats.lost, 0);
	assert_true(stats.dropped > 0);
	applog_free(l);
	found = count(content("App/Srv/App.Srv.log"), "|INFO|line ");
	assert_int_equal(found, stats.lines);
	/* In one note or in several, all of them. */
	found = 0;
	for (const char *at = content("App/Srv/App.Srv.log"); (at = strstr(at, "|ERROR|")); at++)
		if (sscanf(at, "|ERROR|%*u lines were %63s", told) == 1)
			found += (unsigned)strtoul(at + 7, NULL, 10);
	assert_int_equal(found, stats.dropped);
}

static void test_order_of_each_thread(void **state)
{
	struct applog *l = new_log(0);
	const char *at;

	(void)state;
	log_many(l);
	applog_free(l);
	at = content("App/Srv/App.Srv.log");
	for (int i = 0; i < LINES_EACH; i++) {
		char line[32];

		snprintf(line, sizeof(line), "|INFO|line %d\n", i);
		at = strstr(at, "|INFO|");
		assert_non_null(at);
		assert_int_equal(strncmp(at, line, strlen(line)), 0);
		at++;
	}
}

/* A stuck log must not hang the process at its end, and not block those who log. */
static void test_stuck_stderr(void **state)
{
	int fds[2], saved = dup(STDERR_FILENO);
	struct applog_stats stats;
	struct applog *l;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	l = applog_new(&(struct applog_conf){ .max_queue = 1 << 20 });
	dup2(fds[1], STDERR_FILENO);
	for (int i = 0; i < 40000; i++)
		roll(l, 0, "to a pipe that nobody reads");
	applog_stats(l, &stats);
	assert_true(stats.dropped > 0);
	assert_false(applog_flush(l, 10));
	close(fds[0]); /* the writer fails now, and goes on */
	applog_flush(l, FLUSH_MS);
	applog_stats(l, &stats);
	assert_true(stats.lost > 0);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	applog_free(l);
}

static void test_exit_writes_what_waits(void **state)
{
	int status;
	pid_t child;

	(void)state;
	child = fork();
	if (!child) {
		struct applog *l = new_log(0);

		for (int i = 0; i < 1000; i++)
			roll(l, 0, "line %d", i);
		exit(3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_non_null(strstr(content("App/Srv/App.Srv.log"), "|INFO|line 999\n"));
}

/* What the log has accepted and flushed, SIGKILL cannot take. */
static void test_kill_keeps_what_was_written(void **state)
{
	int status, fds[2];
	pid_t child;
	char byte;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (!child) {
		struct applog *l = new_log(0);

		for (int i = 0; i < 1000; i++)
			roll(l, 0, "line %d", i);
		if (!applog_flush(l, FLUSH_MS) || write(fds[1], "!", 1) != 1)
			_exit(1);
		for (;;)
			roll(l, 0, "more");
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count(content("App/Srv/App.Srv.log"), "|INFO|line "), 1000);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rolls_at_exact_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_size_counts_what_was_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_file_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed_and_shared_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_space, setup, teardown),
		cmocka_unit_test_setup_teardown(test_formats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_periods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped_lines_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_of_each_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck_stderr, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exit_writes_what_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill_keeps_what_was_written, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
