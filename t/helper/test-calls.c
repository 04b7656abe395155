/*
 * Calls ProbeServer, many at a time, and shows each reply as it comes:
 *
 *	test-calls [OPTION]... HOST PORT SERVANT WHAT [NUMBER]
 *	    --connections=N --count=M   M calls on each of N connections, all sent at once (1, 1)
 *	    --seq                       NUMBER counts up from call to call of a connection
 *	    --timeout=MS                what the packets say of the caller's patience (0: nothing)
 *	    --oneway  --version=V       cPacketType 1; iVersion 1 or 5
 *	    --body=FILE                 instead of WHAT and NUMBER
 *	    --to=OBJECT                 context["to"]
 *	    --pad=BYTES                 of context["pad"]
 *	    --name=HOST                 context["node_name"]
 *	    --from=ADDRESS              of this machine
 *	    --wait=MS                   for replies (60000)
 *	    --half-close                ends its side when all calls are sent
 *	    --noread                    sends all calls, and reads nothing until then
 *	    --sum                       only how many replies there were of each code
 *
 * A line for each reply: connection, call, code, text or reason.  Status 0: all replies came;
 * 1: a connection was closed before; 2: they did not come in time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/json.h"
#include "proto/packet.h"

enum { EXIT_CLOSED = 1, EXIT_TIMEOUT = 2, EXIT_USAGE = 64, MAX_CODES = 32 };

static struct {
	int connections, count, timeout_ms, wait_ms, version, seq, oneway, sum, number,
	    pad, noread, half_close;
	const char *host, *port, *servant, *what, *to, *from, *body, *name;
} opt = { .connections = 1, .count = 1, .wait_ms = 60000, .version = VERSION_TARS };

struct in {
	struct tars_str what;
	int32_t number;
};
static const struct tars_field in_fields[] = {
	{ .name = "what", .tag = 1, .flags = TARS_REQUIRED, .offset = offsetof(struct in, what),
	  .type = &tars_type_string },
	{ .name = "number", .tag = 2, .flags = TARS_REQUIRED, .offset = offsetof(struct in, number),
	  .type = &tars_type_int },
};
static const struct tars_type in_type = { .name = "in", .kind = TARS_STRUCT, .n_fields = 2,
					  .size = sizeof(struct in), .fields = in_fields };

struct connection {
	int fd, replies;
	bool closed;
	struct buf in, out;
};

static const char *padding = "";
static struct { int code, n; } codes[MAX_CODES];
static int status;

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "test-calls: %s: %s\n", what, strerror(errno));
	exit(EXIT_USAGE);
}

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

/* ---- requests ---- */

static void add_file(struct buf *b, const char *path)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	if (!f)
		die(path);
	while ((n = fread(part, 1, sizeof(part), f)))
		buf_add(b, part, n);
	fclose(f);
}

static void put_call(struct buf *b, int call)
{
	struct in in = { str(opt.what), opt.number + (opt.seq ? call : 0) };
	struct tars_string_string_pair context[3] = {
		{ TARS_STR("to"), str(opt.to ? opt.to : "") },
		{ TARS_STR("pad"), { padding, (uint32_t)opt.pad } },
		{ TARS_STR("node_name"), str(opt.name ? opt.name : "") } };
	struct request_packet head = {
		.version = (int16_t)opt.version, .request_id = call + 1,
		.packet_type = opt.oneway ? PACKET_ONEWAY : PACKET_NORMAL,
		.servant = str(opt.servant), .func = TARS_STR("work"),
		.timeout_ms = opt.timeout_ms, .context = { .v = context, .n = 3 },
	};
	size_t mark = packet_begin_request(b, &head);

	if (opt.body)
		add_file(b, opt.body);
	else if (opt.version == VERSION_JSON)
		json_put(b, &in_type, &in, JSON_COMPACT, NULL);
	else
		codec_put_flat(b, &in_type, &in, 0);
	packet_end_request(b, mark, &head);
}

static void open_connection(struct connection *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtol(opt.port, NULL, 10)) };

	struct sockaddr_in from = { .sin_family = AF_INET };

	inet_pton(AF_INET, opt.host, &to.sin_addr);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	if (opt.from && (inet_pton(AF_INET, opt.from, &from.sin_addr) != 1 ||
			 bind(c->fd, (struct sockaddr *)&from, sizeof(from))))
		die("bind");
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	for (int i = 0; i < opt.count; i++)
		put_call(&c->out, i);
}

/* ---- replies ---- */

static void count_code(int code)
{
	int i = 0;

	while (codes[i].n && codes[i].code != code)
		if (++i == MAX_CODES)
			die("too many codes");
	codes[i].code = code;
	codes[i].n++;
}

static void show(int connection, const struct response_packet *r, struct arena *a)
{
	struct tars_str text = { "", 0 };

	if (opt.sum) {
		count_code(r->ret);
		return;
	}
	if (r->ret)
		text = r->desc;
	else if (opt.version == VERSION_JSON)
		text = (struct tars_str){ (const char *)r->body.p, r->body.n };
	else if (r->body.n)
		codec_get_field(r->body.p, r->body.n, 3, &tars_type_string, &text, a, NULL);
	printf("%d %d %d %.*s\n", connection, r->request_id, r->ret, (int)text.n, text.p);
	fflush(stdout);
}

static void take_replies(struct connection *c, int connection)
{
	struct response_packet r;
	struct arena a;
	size_t size;
	struct err e;

	arena_init(&a, NULL, 0);
	while (buf_size(&c->in) &&
	       frame_next(buf_head(&c->in), buf_size(&c->in), FRAME_DEFAULT_MAX, &size, &e) ==
	       FRAME_OK) {
		if (packet_get_response(buf_head(&c->in) + 4, size - 4, &r, &a, &e) < 0)
			die(e.text);
		/* Id 0 is no reply: a server that stops says so. */
		if (r.request_id || opt.version == VERSION_TUP) {
			show(connection, &r, &a);
			c->replies++;
		}
		buf_consume(&c->in, size);
	}
	arena_clear(&a);
}

static void serve(struct connection *c, int connection, short events)
{
	ssize_t n;

	if (events & POLLOUT) {
		n = send(c->fd, buf_head(&c->out), buf_size(&c->out), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			buf_consume(&c->out, (size_t)n);
		else if (errno != EAGAIN)
			buf_clear(&c->out);
		if (opt.half_close && !buf_size(&c->out))
			shutdown(c->fd, SHUT_WR);
	}
	if (opt.noread || !(events & (POLLIN | POLLHUP | POLLERR)))
		return;
	n = recv(c->fd, buf_reserve(&c->in, 65536), 65536, MSG_DONTWAIT);
	if (n > 0) {
		c->in.len += (size_t)n;
		take_replies(c, connection);
	} else if (!n || errno != EAGAIN) {
		c->closed = true;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* False when nothing is to come from any of them. */
static bool turn(struct connection *all, struct pollfd *fds, int64_t until_ms)
{
	int64_t left = until_ms - now_ms();
	int n = 0, wanted = opt.oneway ? 0 : opt.count;

	for (int i = 0; i < opt.connections; i++) {
		struct connection *c = &all[i];
		bool over = c->closed || (c->replies == wanted && !buf_size(&c->out));

		fds[i] = (struct pollfd){ .fd = over ? -1 : c->fd,
					  .events = (short)((opt.noread ? 0 : POLLIN) | (buf_size(&c->out) ? POLLOUT :
								      0)) };
		n += !over;
		if (c->closed && c->replies < wanted)
			status = EXIT_CLOSED;
	}
	if (n && left <= 0)
		status = EXIT_TIMEOUT;
	if (!n || left <= 0)
		return false;
	poll(fds, (nfds_t)opt.connections, (int)left);
	for (int i = 0; i < opt.connections; i++)
		if (fds[i].fd >= 0 && fds[i].revents)
			serve(&all[i], i, fds[i].revents);
	return true;
}

/* ---- options ---- */

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "connections", required_argument, NULL, 'c' },
		{ "count", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "version", required_argument, NULL, 'v' },
		{ "wait", required_argument, NULL, 'w' },
		{ "to", required_argument, NULL, 'o' },
		{ "from", required_argument, NULL, 'f' },
		{ "body", required_argument, NULL, 'b' },
		{ "name", required_argument, NULL, 'm' },
		{ "pad", required_argument, NULL, 'p' },
		{ "seq", no_argument, &opt.seq, 1 },
		{ "oneway", no_argument, &opt.oneway, 1 },
		{ "sum", no_argument, &opt.sum, 1 },
		{ "noread", no_argument, &opt.noread, 1 },
		{ "half-close", no_argument, &opt.half_close, 1 },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		int value = optarg ? (int)strtol(optarg, NULL, 10) : 0;

		if (c == 'c')
			opt.connections = value;
		else if (c == 'n')
			opt.count = value;
		else if (c == 't')
			opt.timeout_ms = value;
		else if (c == 'v')
			opt.version = value;
		else if (c == 'w')
			opt.wait_ms = value;
		else if (c == 'o')
			opt.to = optarg;
		else if (c == 'f')
			opt.from = optarg;
		else if (c == 'p')
			opt.pad = value;
		else if (c == 'b')
			opt.body = optarg;
		else if (c == 'm')
			opt.name = optarg;
		else if (c)
			exit(EXIT_USAGE);
	}
	errno = EINVAL;
	if (argc - optind != 4 && argc - optind != 5)
		die("HOST PORT SERVANT WHAT [NUMBER]");
	opt.host = argv[optind];
	opt.port = argv[optind + 1];
	opt.servant = argv[optind + 2];
	opt.what = argv[optind + 3];
	opt.number = argv[optind + 4] ? (int)strtol(argv[optind + 4], NULL, 10) : 0;
}

int main(int argc, char **argv)
{
	struct connection *all;
	struct pollfd *fds;
	int64_t until_ms;

	parse(argc, argv);
	if (opt.pad)
		padding = xcalloc(1, (size_t)opt.pad);
	all = xcalloc((size_t)opt.connections, sizeof(*all));
	fds = xcalloc((size_t)opt.connections, sizeof(*fds));
	for (int i = 0; i < opt.connections; i++)
		open_connection(&all[i]);
	until_ms = now_ms() + opt.wait_ms;
	while (turn(all, fds, until_ms))
		;
	for (int i = 0; i < MAX_CODES && codes[i].n; i++)
		printf("%d: %d\n", codes[i].code, codes[i].n);
	for (int i = 0; i < opt.connections; i++) {
		close(all[i].fd);
		buf_release(&all[i].in);
		buf_release(&all[i].out);
	}
	free(all);
	free(fds);
	if (opt.pad)
		free((char *)padding);
	return status;
}
