/* Listeners and name look-ups: addresses, used ports, running out of descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/listen.h"
#include "t/unit/io-run.h"

/* ---- addresses ---- */

static void assert_prints(const char *ip, int port, const char *expected)
{
	struct sockaddr_any a;
	char text[64];

	assert_int_equal(sockaddr_from_ip(&a, ip, port), 0);
	sockaddr_print(text, sizeof(text), &a);
	assert_string_equal(text, expected);
	assert_int_equal(sockaddr_port(&a), port);
}

static void test_address_text(void **state)
{
	struct sockaddr_any a = { .un.sun_family = AF_UNIX, .un.sun_path = "/run/x" };
	char text[64];

	(void)state;
	assert_prints("10.0.0.1", 5312, "10.0.0.1:5312");
	assert_prints("::1", 80, "[::1]:80");
	assert_int_equal(sockaddr_from_ip(&a, "localhost", 1), -1);
	assert_int_equal(sockaddr_from_ip(&a, "", 1), -1);
	a.len = offsetof(struct sockaddr_un, sun_path) + 6;
	sockaddr_print(text, sizeof(text), &a);
	assert_string_equal(text, "unix:/run/x");
	a.len = offsetof(struct sockaddr_un, sun_path);
	sockaddr_print(text, sizeof(text), &a);
	assert_string_equal(text, "unix:");
	assert_int_equal(sockaddr_port(&a), -1);
}

/* ---- accepting ---- */

struct door {
	struct listener l;
	struct coro *waiter;
	int accepted, starved;
	char peer[64];
	struct err why;
};

static void on_accepted(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	struct door *d = container_of(l, struct door, l);
	int flags = fcntl(fd, F_GETFL), fd_flags = fcntl(fd, F_GETFD);

	assert_true(flags & O_NONBLOCK);
	assert_true(fd_flags & FD_CLOEXEC);
	d->accepted++;
	sockaddr_print(d->peer, sizeof(d->peer), peer);
	close(fd);
	coro_wake(d->waiter);
}

static int call(const char *ip, int port)
{
	struct sockaddr_any a;
	int fd;

	assert_int_equal(sockaddr_from_ip(&a, ip, port), 0);
	fd = socket(a.sa.sa_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &a.sa, a.len), 0);
	return fd;
}

static void open_and_call(const char *host, const char *ip)
{
	struct door d = { .waiter = coro_self() };
	struct err e;
	int fd;

	assert_int_equal(listener_open(&d.l, host, 0, 0, on_accepted, &e), 0);
	assert_true(listener_port(&d.l) > 0);
	fd = call(ip, listener_port(&d.l));
	coro_park();
	assert_int_equal(d.accepted, 1);
	/* An IPv4 caller looks the same on every kind of listener. */
	if (strchr(ip, '.'))
		assert_int_equal(strncmp(d.peer, "127.0.0.1:", 10), 0);
	else
		assert_int_equal(strncmp(d.peer, "[::1]:", 6), 0);
	close(fd);
	listener_close(&d.l);
	listener_close(&d.l);
}

static bool has_ipv6(void)
{
	struct sockaddr_any a;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok;

	sockaddr_from_ip(&a, "::1", 0);
	ok = fd >= 0 && !bind(fd, &a.sa, a.len);
	close(fd);
	return ok;
}

static void every_host(void *arg)
{
	(void)arg;
	open_and_call("127.0.0.1", "127.0.0.1");
	open_and_call("0.0.0.0", "127.0.0.1");
	open_and_call("*", "127.0.0.1");
	if (!has_ipv6())
		return;
	open_and_call("*", "::1");
	open_and_call("::1", "::1");
	open_and_call("::", "127.0.0.1");
}

static void test_hosts(void **state)
{
	(void)state;
	io_run(every_host, NULL);
}

static void refused(void *arg)
{
	struct door d = { 0 };
	struct listener second = { 0 };
	char text[200];
	struct err e;
	int port;

	(void)arg;
	assert_int_equal(listener_open(&d.l, "127.0.0.1", 0, 0, on_accepted, &e), 0);
	port = listener_port(&d.l);
	assert_int_equal(listener_open(&second, "127.0.0.1", port, 0, on_accepted, &e), TARS_ESYS);
	snprintf(text, sizeof(text), "cannot listen on 127.0.0.1:%d: the port is in use "
		 "(ss -ltnp 'sport = :%d' shows by whom)", port, port);
	assert_string_equal(e.text, text);
	listener_close(&second);
	listener_close(&d.l);
	/* Free again at once. */
	assert_int_equal(listener_open(&d.l, "127.0.0.1", port, 0, on_accepted, &e), 0);
	listener_close(&d.l);

	assert_int_equal(listener_open(&d.l, "192.0.2.1", 0, 0, on_accepted, &e), TARS_ESYS);
	assert_non_null(strstr(e.text, "192.0.2.1:0: this machine does not have the address"));
	assert_int_equal(listener_open(&d.l, "no.such.host.invalid", 0, 0, on_accepted, &e),
			 TARS_ESYS);
	assert_non_null(strstr(e.text, "no.such.host.invalid"));
	assert_int_equal(listener_open(&d.l, "127.0.0.1", 65536, 0, on_accepted, &e), TARS_EARG);
}

static void test_refused(void **state)
{
	(void)state;
	io_run(refused, NULL);
}

/* ---- without descriptors ---- */

static void on_starved(struct listener *l, const struct err *e)
{
	struct door *d = container_of(l, struct door, l);

	d->why = *e;
	if (!d->starved++)
		coro_wake(d->waiter);
}

static void run_out(void *arg)
{
	struct door *d = arg;
	struct rlimit before, none;
	struct err e;
	int first, second;
	char c;

	d->waiter = coro_self();
	assert_int_equal(listener_open(&d->l, "127.0.0.1", 0, 0, on_accepted, &e), 0);
	d->l.starved = on_starved;
	first = call("127.0.0.1", listener_port(&d->l));
	second = call("127.0.0.1", listener_port(&d->l));
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){ .rlim_cur = (rlim_t)second + 1, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	coro_park();
	assert_int_equal(recv(first, &c, 1, 0), 0);   /* turned away, not left hanging */
	assert_int_equal(d->accepted, 0);
	assert_int_equal(d->why.code, TARS_ESYS);
	assert_non_null(strstr(d->why.text, "Too many open files"));
	assert_non_null(strstr(d->why.text, "LimitNOFILE"));
	assert_true(d->l.spare_fd >= 0);
	setrlimit(RLIMIT_NOFILE, &before);
	coro_park();                                  /* goes on by itself after the pause */
	assert_int_equal(d->accepted, 1);
	assert_int_equal(d->starved, 1);
	close(first);
	close(second);
	listener_close(&d->l);
}

static void test_out_of_descriptors(void **state)
{
	struct door d = { 0 };

	(void)state;
	if (RUNNING_ON_VALGRIND)
		skip();   /* its limit on descriptors swallows the connection */
	io_run(run_out, &d);
}

/* ---- names ---- */

static void look_up(void *arg)
{
	struct sockaddr_any a;
	char text[64];
	struct err e;

	(void)arg;
	assert_int_equal(resolve(&a, "127.0.0.1", 12, &e), 0);
	sockaddr_print(text, sizeof(text), &a);
	assert_string_equal(text, "127.0.0.1:12");
	assert_int_equal(resolve(&a, "localhost", 13, &e), 0);
	assert_int_equal(sockaddr_port(&a), 13);
	assert_int_equal(resolve(&a, "no.such.host.invalid", 13, &e), TARS_ECONNECT);
	assert_int_equal(strncmp(e.text, "host 'no.such.host.invalid': ", 29), 0);
}

static void look_up_bare(struct task *t)
{
	struct sockaddr_any a;
	struct err e;

	(void)t;
	assert_int_equal(resolve(&a, "::1", 12, &e), 0);
	assert_int_equal(resolve(&a, "localhost", 12, &e), TARS_EBLOCK);
	reactor_stop(reactor_self());
}

static void test_resolve(void **state)
{
	struct task bare = { .run = look_up_bare };
	struct reactor *r;
	struct err e;

	(void)state;
	look_up(NULL);          /* a plain thread may block */
	io_run(look_up, NULL);
	r = reactor_new(&e);
	reactor_post(r, &bare);
	reactor_run(r);
	reactor_free(r);
}

static void test_local_ip(void **state)
{
	struct in_addr ip;
	char text[16] = "";

	(void)state;
	local_ip(text, sizeof(text));
	assert_int_equal(inet_pton(AF_INET, text, &ip), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_text),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_out_of_descriptors),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_local_ip),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
