/*
 * What scripts need and no shell has:
 *
 *	test-tool frame [--replies=N] [--timeout=MS] [--half-close] HOST PORT HEX[*COUNT]...
 *	    sends the bytes, prints N reply packets (1) as hex lines; then "closed" (status 1) or
 *	    "timeout" (status 2) if fewer came.  With --replies=0: waits for the end.
 *	test-tool wait-port HOST PORT [MS]
 *	    until a connection is accepted, at most so long (60000)
 *	test-tool free-port [PID]
 *	    prints a port that nobody uses, and that no other test gets while process PID (the
 *	    caller's) runs
 *	test-tool proxy HOST PORT
 *	    relays TCP connections; prints its port, then "ok" for each command line on stdin:
 *	    drop (reset all), stall, flow, refuse (new ones), accept, delay MS (each chunk)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_CLOSED = 1, EXIT_TIMEOUT = 2, EXIT_USAGE = 64, MAX_PACKET = 64 << 20 };

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "test-tool: %s: %s\n", what, strerror(errno));
	exit(EXIT_USAGE);
}

_Noreturn static void usage(void)
{
	fputs("usage: test-tool frame [--replies=N] [--timeout=MS] [--half-close] HOST PORT HEX...\n"
	      "       test-tool wait-port HOST PORT [MS]\n"
	      "       test-tool free-port [PID]\n"
	      "       test-tool proxy HOST PORT\n", stderr);
	exit(EXIT_USAGE);
}

static long number(const char *text)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (end == text || *end || v < 0)
		usage();
	return v;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number(port)) };

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		usage();
	return a;
}

static int try_connect(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		die("socket");
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* ---- frame ---- */

static int hex_digit(int c)
{
	const char *digits = "0123456789abcdef", *p = strchr(digits, c | 0x20);

	if (!c || !p)
		usage();
	return (int)(p - digits);
}

static void send_all(int fd, const uint8_t *data, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

		/* A peer that closes early is what many tests are about. */
		if (sent <= 0)
			return;
		data += sent;
		n -= (size_t)sent;
	}
}

/* "00ff" or "00*1000": the bytes so many times. */
static void send_hex(int fd, const char *text)
{
	const char *star = strchr(text, '*');
	size_t n = (star ? (size_t)(star - text) : strlen(text)) / 2;
	size_t count = star ? (size_t)number(star + 1) : 1;
	uint8_t *data = malloc(n * count + 1);

	if (!data)
		die("malloc");
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	for (size_t i = 1; i < count; i++)
		memcpy(data + i * n, data, n);
	send_all(fd, data, n * count);
	free(data);
}

/* 1: all n bytes; 0: closed; -1: too late. */
static int read_until(int fd, uint8_t *data, size_t n, int64_t deadline_ms)
{
	size_t got = 0;

	while (got < n) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left_ms = deadline_ms - now_ms();
		ssize_t r;

		if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0)
			return -1;
		r = read(fd, data + got, n - got);
		if (r <= 0)
			return 0;
		got += (size_t)r;
	}
	return 1;
}

static int print_packet(int fd, int64_t deadline_ms)
{
	uint8_t head[4], *body;
	uint32_t size;
	int rc = read_until(fd, head, 4, deadline_ms);

	if (rc <= 0)
		return rc;
	memcpy(&size, head, 4);
	size = ntohl(size);
	if (size < 4 || size > MAX_PACKET) {
		printf("bad length %u\n", size);
		return 0;
	}
	body = malloc(size);
	if (!body)
		die("malloc");
	rc = read_until(fd, body + 4, size - 4, deadline_ms);
	memcpy(body, head, 4);
	for (uint32_t i = 0; rc > 0 && i < size; i++)
		printf("%02x", body[i]);
	if (rc > 0) {
		putchar('\n');
		fflush(stdout);
	}
	free(body);
	return rc;
}

static int frame(int argc, char **argv)
{
	long replies = 1, timeout_ms = 60000;
	bool half_close = false;
	struct sockaddr_in to;
	int64_t deadline_ms;
	int fd, rc = 1;

	for (; argc && !strncmp(*argv, "--", 2); argc--, argv++) {
		if (!strncmp(*argv, "--replies=", 10))
			replies = number(*argv + 10);
		else if (!strncmp(*argv, "--timeout=", 10))
			timeout_ms = number(*argv + 10);
		else if (!strcmp(*argv, "--half-close"))
			half_close = true;
		else
			usage();
	}
	if (argc < 3)
		usage();
	to = address(argv[0], argv[1]);
	deadline_ms = now_ms() + timeout_ms;
	fd = try_connect(&to);
	if (fd < 0)
		die("connect");
	for (int i = 2; i < argc; i++)
		send_hex(fd, argv[i]);
	if (half_close)
		shutdown(fd, SHUT_WR);
	for (long i = 0; rc > 0 && (!replies || i < replies); i++)
		rc = print_packet(fd, deadline_ms);
	close(fd);
	if (rc > 0)
		return 0;
	puts(rc == 0 ? "closed" : "timeout");
	return rc == 0 ? EXIT_CLOSED : EXIT_TIMEOUT;
}

/* ---- wait-port ---- */

static int wait_port(int argc, char **argv)
{
	struct sockaddr_in to;
	int64_t deadline_ms;

	if (argc < 2 || argc > 3)
		usage();
	to = address(argv[0], argv[1]);
	deadline_ms = now_ms() + (argc > 2 ? number(argv[2]) : 60000);
	for (;;) {
		int fd = try_connect(&to);

		if (fd >= 0) {
			close(fd);
			return 0;
		}
		if (now_ms() > deadline_ms)
			break;
		poll(NULL, 0, 10);
	}
	fprintf(stderr, "test-tool: nobody listens on %s:%s\n", argv[0], argv[1]);
	return EXIT_TIMEOUT;
}

/* ---- free-port ---- */

/* A socket on a port of 127.0.0.1 that the kernel has chosen. */
static int bind_any(int *port)
{
	struct sockaddr_in here = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(here);

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&here, &size) < 0)
		die("bind");
	*port = ntohs(here.sin_port);
	return fd;
}

/* "port owner" lines: the ports that running tests of this user have been given. */
enum { MAX_GIVEN = 4096, FIRST_PORT = 20000, PORTS = 10000 };

static struct given {
	int port;
	long owner;
} given[MAX_GIVEN];

/* Locked until it is closed. */
static FILE *open_given(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/tars-t-ports-%u", (unsigned)getuid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		die(path);
	return fdopen(fd, "r+");
}

/* Those of ended owners are free again. */
static int read_given(FILE *f)
{
	int n = 0;

	while (n < MAX_GIVEN - 1 && fscanf(f, "%d %ld", &given[n].port, &given[n].owner) == 2)
		if (kill((pid_t)given[n].owner, 0) == 0 || errno != ESRCH)
			n++;
	return n;
}

static void write_given(FILE *f, int n)
{
	rewind(f);
	for (int i = 0; i < n; i++)
		fprintf(f, "%d %ld\n", given[i].port, given[i].owner);
	if (fflush(f) || ftruncate(fileno(f), ftell(f)) < 0)
		die("free-port");
}

static bool is_free(int port, int n)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_ANY) };
	int fd, rc;

	for (int i = 0; i < n; i++)
		if (given[i].port == port)
			return false;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rc = bind(fd, (struct sockaddr *)&in, sizeof(in));
	close(fd);
	return rc == 0;
}

/* Below the kernel's own range: nobody's outgoing connection or port 0 takes it meanwhile.  And no
 * other test gets it while its owner runs. */
static int free_port(int argc, char **argv)
{
	long owner = argc ? number(argv[0]) : getppid();
	FILE *f = open_given();
	int n = read_given(f);

	srand((unsigned)now_ms() ^ (unsigned)getpid() << 12);
	for (int i = 0; i < PORTS; i++) {
		int port = FIRST_PORT + rand() % PORTS;

		if (is_free(port, n)) {
			given[n++] = (struct given){ port, owner };
			write_given(f, n);
			fclose(f);
			printf("%d\n", port);
			return 0;
		}
	}
	die("free-port");
}

/* ---- proxy ---- */

enum { MAX_PAIRS = 256 };

static struct proxy {
	struct sockaddr_in to;
	int listener;
	int pair[MAX_PAIRS][2];  /* client and server; -1: free */
	bool stalled, refuses, has_stdin;
	long delay_ms;
	char line[64];
	size_t line_n;
} proxy = { .has_stdin = true };

static void close_pair(int *pair, bool reset)
{
	struct linger now = { .l_onoff = 1 };

	for (int side = 0; side < 2; side++) {
		if (reset)
			setsockopt(pair[side], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(pair[side]);
		pair[side] = -1;
	}
}

static void take_client(void)
{
	int fd = accept4(proxy.listener, NULL, NULL, SOCK_CLOEXEC), server;
	int *pair = NULL;

	if (fd < 0)
		return;
	for (int i = 0; i < MAX_PAIRS && !pair; i++)
		if (proxy.pair[i][0] < 0)
			pair = proxy.pair[i];
	server = proxy.refuses || !pair ? -1 : try_connect(&proxy.to);
	if (server < 0) {
		close(fd);
		return;
	}
	pair[0] = fd;
	pair[1] = server;
}

static void relay(int *pair, int from)
{
	static uint8_t data[65536];
	ssize_t n = recv(pair[from], data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close_pair(pair, n < 0);
		return;
	}
	if (proxy.delay_ms)
		poll(NULL, 0, (int)proxy.delay_ms);
	send_all(pair[!from], data, (size_t)n);
}

static void obey(const char *line)
{
	if (!strcmp(line, "drop")) {
		for (int i = 0; i < MAX_PAIRS; i++)
			if (proxy.pair[i][0] >= 0)
				close_pair(proxy.pair[i], true);
	} else if (!strcmp(line, "stall") || !strcmp(line, "flow")) {
		proxy.stalled = line[0] == 's';
	} else if (!strcmp(line, "refuse") || !strcmp(line, "accept")) {
		proxy.refuses = line[0] == 'r';
	} else if (!strncmp(line, "delay ", 6)) {
		proxy.delay_ms = number(line + 6);
	} else {
		printf("unknown command '%s'\n", line);
		return;
	}
	puts("ok");
}

static void read_command(void)
{
	char c;

	if (read(0, &c, 1) != 1) {
		proxy.has_stdin = false;
		return;
	}
	if (c != '\n') {
		if (proxy.line_n + 1 < sizeof(proxy.line))
			proxy.line[proxy.line_n++] = c;
		return;
	}
	proxy.line[proxy.line_n] = '\0';
	proxy.line_n = 0;
	obey(proxy.line);
	fflush(stdout);
}

static void relay_turn(void)
{
	struct pollfd p[2 + 2 * MAX_PAIRS];
	nfds_t n = 2 + 2 * MAX_PAIRS;

	p[0] = (struct pollfd){ .fd = proxy.has_stdin ? 0 : -1, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = proxy.listener, .events = POLLIN };
	for (int i = 0; i < MAX_PAIRS; i++)
		for (int side = 0; side < 2; side++)
			p[2 + 2 * i + side] = (struct pollfd){
				.fd = proxy.stalled ? -1 : proxy.pair[i][side], .events = POLLIN };
	if (poll(p, n, -1) < 0 && errno != EINTR)
		die("poll");
	for (nfds_t i = 2; i < n; i++) {
		int *pair = proxy.pair[(i - 2) / 2];

		if (p[i].revents && pair[0] >= 0)
			relay(pair, (int)(i % 2));
	}
	if (p[1].revents)
		take_client();
	if (p[0].revents)
		read_command();
}

static int run_proxy(int argc, char **argv)
{
	int port;

	if (argc != 2)
		usage();
	proxy.to = address(argv[0], argv[1]);
	memset(proxy.pair, -1, sizeof(proxy.pair));
	proxy.listener = bind_any(&port);
	if (listen(proxy.listener, 64) < 0)
		die("listen");
	printf("%d\n", port);
	fflush(stdout);
	for (;;)
		relay_turn();
}

int main(int argc, char **argv)
{
	if (argc < 2)
		usage();
	if (!strcmp(argv[1], "frame"))
		return frame(argc - 2, argv + 2);
	if (!strcmp(argv[1], "wait-port"))
		return wait_port(argc - 2, argv + 2);
	if (!strcmp(argv[1], "free-port"))
		return free_port(argc - 2, argv + 2);
	if (!strcmp(argv[1], "proxy"))
		return run_proxy(argc - 2, argv + 2);
	usage();
}
