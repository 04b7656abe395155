/* Socket files: stale and live ones, permissions, two at once, and whose file is removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/listen.h"
#include "t/unit/io-run.h"

static char dir[] = "/tmp/tars-sockets-XXXXXX";
static char path[64];

struct door {
	struct listener l;
	struct coro *waiter;
	int accepted;
};

static void on_accepted(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	struct door *d = container_of(l, struct door, l);

	assert_int_equal(peer->sa.sa_family, AF_UNIX);
	d->accepted++;
	close(fd);
	if (d->waiter)
		coro_wake(d->waiter);
}

static int open_door(struct door *d, const char *at, unsigned mode, struct err *e)
{
	*d = (struct door){ 0 };
	return listener_open_file(&d->l, at, mode, 0, on_accepted, e);
}

static int call(const char *at)
{
	struct sockaddr_any a;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(sockaddr_from_path(&a, at), 0);
	if (!connect(fd, &a.sa, a.len))
		return fd;
	close(fd);
	return -1;
}

static bool is_there(const char *at)
{
	struct stat st;

	return !lstat(at, &st);
}

/* A file that a process has left behind. */
static void leave_stale(const char *at)
{
	struct sockaddr_any a;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	sockaddr_from_path(&a, at);
	assert_int_equal(bind(fd, &a.sa, a.len), 0);
	close(fd);
}

static void open_and_call(void *arg)
{
	struct door d;
	struct err e;
	int fd;

	(void)arg;
	assert_int_equal(open_door(&d, path, 0, &e), 0);
	d.waiter = coro_self();
	assert_int_equal(listener_port(&d.l), -1);
	fd = call(path);
	assert_true(fd >= 0);
	coro_park();
	assert_int_equal(d.accepted, 1);
	close(fd);
	listener_close(&d.l);
	listener_close(&d.l);
	assert_false(is_there(path));
}

static void test_open_and_call(void **state)
{
	(void)state;
	io_run(open_and_call, NULL);
}

static void stale_and_live(void *arg)
{
	struct door d, second;
	struct err e;

	(void)arg;
	leave_stale(path);
	assert_int_equal(open_door(&d, path, 0, &e), 0);
	assert_int_equal(open_door(&second, path, 0, &e), TARS_ESYS);
	assert_non_null(strstr(e.text, ": it is in use (ss -lxp shows by whom)"));
	assert_non_null(strstr(e.text, path));
	assert_true(call(path) >= 0);   /* the first one has not suffered */
	listener_close(&d.l);
}

static void test_stale_and_live(void **state)
{
	(void)state;
	io_run(stale_and_live, NULL);
}

static void assert_mode(unsigned mode)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void permissions(void *arg)
{
	mode_t before = umask(027);
	struct door d;
	struct err e;

	(void)arg;
	assert_int_equal(open_door(&d, path, 0, &e), 0);
	assert_mode(0750);
	listener_close(&d.l);
	assert_int_equal(open_door(&d, path, 0666, &e), 0);
	assert_mode(0666);
	listener_close(&d.l);
	umask(0);
	assert_int_equal(open_door(&d, path, 0600, &e), 0);
	assert_mode(0600);
	listener_close(&d.l);
	umask(before);
}

static void test_permissions(void **state)
{
	(void)state;
	io_run(permissions, NULL);
}

static void foreign_files(void *arg)
{
	char text[200], lost[80];
	struct door d;
	struct err e;
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	(void)arg;
	close(fd);
	assert_int_equal(open_door(&d, path, 0, &e), TARS_ESYS);
	assert_non_null(strstr(e.text, "a file that is no socket is there already"));
	assert_true(is_there(path));
	unlink(path);
	/* A link is not followed, wherever it leads. */
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(open_door(&d, path, 0, &e), TARS_ESYS);
	assert_true(is_there(path));
	unlink(path);
	snprintf(lost, sizeof(lost), "%s/none/x", dir);
	assert_int_equal(open_door(&d, lost, 0, &e), TARS_ESYS);
	assert_non_null(strstr(e.text, "its folder: No such file or directory"));
	memset(text, 'a', sizeof(text));
	text[0] = '/';
	text[150] = '\0';
	assert_int_equal(open_door(&d, text, 0, &e), TARS_EARG);
	assert_non_null(strstr(e.text, "of at most 107 bytes"));
	assert_int_equal(open_door(&d, "x.sock", 0, &e), TARS_EARG);
}

static void test_foreign_files(void **state)
{
	(void)state;
	io_run(foreign_files, NULL);
}

/* Ours is gone and somebody else listens there: closing must not take it away. */
static void not_ours_any_more(void *arg)
{
	struct door d, other;
	struct err e;

	(void)arg;
	assert_int_equal(open_door(&d, path, 0, &e), 0);
	unlink(path);
	assert_int_equal(open_door(&other, path, 0, &e), 0);
	listener_close(&d.l);
	assert_true(is_there(path));
	listener_close(&other.l);
	assert_false(is_there(path));
}

static void test_not_ours_any_more(void **state)
{
	(void)state;
	io_run(not_ours_any_more, NULL);
}

/* Many processes start at once on one stale file: one of them wins, and stays reachable. */
static void race_child(void *arg)
{
	int *pipes = arg;
	struct door d;
	struct err e;
	int won;
	char c;

	won = !open_door(&d, path, 0, &e);
	assert_int_equal(write(pipes[1], won ? "w" : "l", 1), 1);
	if (!won)
		return;
	assert_int_equal(read(pipes[2], &c, 1), 1);
	listener_close(&d.l);
}

static void test_race(void **state)
{
	enum { N = 8 };
	int result[2], go[2], winners = 0;
	char c;

	(void)state;
	leave_stale(path);
	assert_int_equal(pipe(result) | pipe(go), 0);
	for (int i = 0; i < N; i++) {
		if (fork())
			continue;
		io_run(race_child, (int[]){ 0, result[1], go[0] });
		_exit(0);
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(read(result[0], &c, 1), 1);
		winners += c == 'w';
	}
	assert_int_equal(winners, 1);
	assert_true(call(path) >= 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	while (wait(NULL) > 0)
		;
	assert_false(is_there(path));
}

static int begin(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/x.sock", dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return rmdir(dir);   /* empty: nothing is left behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_and_call),
		cmocka_unit_test(test_stale_and_live),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_not_ours_any_more),
		cmocka_unit_test(test_race),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("listen-file", tests, begin, end);
}
