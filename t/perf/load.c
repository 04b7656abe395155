/* Load generator: keeps calls in flight on many connections, or sends them at a fixed rate.
 * It measures rate, latency and CPU, and encodes and checks TARS packets by itself, so that it does
 * not share the server's mistakes. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/perf/measure.h"

static struct {
	const char *host, *mode, *servant, *func, *pids;  /* pids: "1234,1235" */
	const char *object;       /* func is a look-up of it */
	int port, connections, in_flight, payload;
	int slow_each, slow_ms;   /* every so many-th call is a nap of so long; 0: none */
	int rate;                 /* calls a second; 0: the next as soon as one is answered */
	double seconds;
} opt = {
	.host = "127.0.0.1", .mode = "tars", .servant = "Perf.EchoServer.EchoObj", .func = "echo",
	.connections = 1, .in_flight = 1, .payload = 64, .seconds = 2,
};

_Noreturn static void die(const char *what, const char *why)
{
	fprintf(stderr, "load: %s: %s\n", what, why);
	exit(1);
}

static struct histogram fast, slow;

/* ---- packets ---- */

enum { ID_INT = 2, HEAD_ROOM = 1024 };

struct request {
	uint8_t *p;
	size_t n, id_at;      /* where its four bytes of request id are */
};

static struct request echo_request, nap_request;
static size_t request_max;

static void add(struct request *r, const void *p, size_t n)
{
	memcpy(r->p + r->n, p, n);
	r->n += n;
}

static void add_bytes(struct request *r, int a, int b, int c)
{
	uint8_t v[3] = { (uint8_t)a, (uint8_t)b, (uint8_t)c };

	add(r, v, c >= 0 ? 3 : b >= 0 ? 2 : 1);
}

static void add_be32(struct request *r, uint32_t v)
{
	v = htonl(v);
	add(r, &v, 4);
}

static void add_string(struct request *r, int tag, const char *s)
{
	size_t n = strlen(s);

	if (n > 255)
		die(s, "is longer than 255 bytes");
	add_bytes(r, tag << 4 | 6, (int)n, -1);
	add(r, s, n);
}

static void add_payload(struct request *r)
{
	for (int i = 0; i < opt.payload; i++)
		r->p[r->n++] = (uint8_t)('a' + i % 26);
}

static void begin_request(struct request *r)
{
	r->p = malloc((size_t)opt.payload + HEAD_ROOM);
	r->n = 4;
}

static void end_request(struct request *r)
{
	uint32_t size = htonl((uint32_t)r->n);

	memcpy(r->p, &size, 4);
	if (r->n > request_max)
		request_max = r->n;
}

static void make_raw(struct request *r)
{
	begin_request(r);
	r->id_at = r->n;
	add_be32(r, 0);
	add_payload(r);
	end_request(r);
}

static void add_tars_head(struct request *r, const char *func)
{
	add_bytes(r, 0x10, 1, -1);           /* iVersion 1 */
	add_bytes(r, 0x2c, 0x3c, -1);        /* cPacketType, iMessageType: 0 */
	add_bytes(r, 0x40 | ID_INT, -1, -1); /* iRequestId, always as a whole int */
	r->id_at = r->n;
	add_be32(r, 0);
	add_string(r, 5, opt.servant);
	add_string(r, 6, func);
	add_bytes(r, 0x7d, 0x00, 0x02);      /* sBuffer: SimpleList of byte, its length an int */
}

static void add_tars_tail(struct request *r)
{
	add_bytes(r, 0x81, 0x0b, 0xb8);      /* iTimeout 3000 */
	add_bytes(r, 0x98, 0x0c, -1);        /* context, status: empty maps */
	add_bytes(r, 0xa8, 0x0c, -1);
}

static void make_lookup(struct request *r)
{
	begin_request(r);
	add_tars_head(r, opt.func);
	add_be32(r, (uint32_t)strlen(opt.object) + 2);
	add_string(r, 1, opt.object);
	add_tars_tail(r);
	end_request(r);
}

static void make_echo(struct request *r)
{
	int head = opt.payload > 255 ? 5 : 2;

	if (opt.object) {
		make_lookup(r);
		return;
	}
	begin_request(r);
	add_tars_head(r, opt.func);
	add_be32(r, (uint32_t)(head + opt.payload));
	if (opt.payload > 255) {
		add_bytes(r, 0x17, -1, -1);
		add_be32(r, (uint32_t)opt.payload);
	} else {
		add_bytes(r, 0x16, opt.payload, -1);
	}
	add_payload(r);
	add_tars_tail(r);
	end_request(r);
}

static void make_nap(struct request *r)
{
	begin_request(r);
	add_tars_head(r, "nap");
	add_be32(r, 5);
	add_bytes(r, 0x10 | ID_INT, -1, -1);
	add_be32(r, (uint32_t)opt.slow_ms);
	add_tars_tail(r);
	end_request(r);
}

/* An integer of any width with the expected tag; moves *at behind it. */
static int64_t get_int(const uint8_t *p, size_t n, size_t *at, int tag)
{
	int width, type;
	int64_t v = 0;

	if (*at >= n || p[*at] >> 4 != tag)
		die("reply", "a field of the head is missing");
	type = p[*at] & 15;
	width = type == 12 ? 0 : type <= 3 ? 1 << type : -1;
	if (width < 0 || n - *at - 1 < (size_t)width)
		die("reply", "a field of the head is not an integer");
	for (int i = 0; i < width; i++)
		v = i ? v << 8 | p[*at + 1 + (size_t)i] : (int8_t)p[*at + 1];
	*at += 1 + (size_t)width;
	return v;
}

static uint32_t check_tars(const uint8_t *p, size_t n)
{
	size_t at = 4;
	int64_t id, ret;
	char text[64];

	get_int(p, n, &at, 1);
	get_int(p, n, &at, 2);
	id = get_int(p, n, &at, 3);
	get_int(p, n, &at, 4);
	ret = get_int(p, n, &at, 5);
	snprintf(text, sizeof(text), "the server answers with code %lld", (long long)ret);
	if (ret)
		die("reply", text);
	return (uint32_t)id;
}

static uint32_t check_raw(const uint8_t *p, size_t n)
{
	uint32_t id;

	if (n != echo_request.n)
		die("reply", "not as long as what was sent");
	memcpy(&id, p + echo_request.id_at, 4);
	return ntohl(id);
}

/* ---- connections ---- */

struct slot {
	int64_t sent_ns;       /* or when it was due; 0: free */
	bool is_slow;
};

struct link {
	int fd;
	uint32_t index;
	bool writing, looked;
	size_t in_n, in_cap, out_pos, out_n;
	uint8_t *in, *out;     /* out: room for all calls in flight */
	struct slot *slots;
	uint32_t *free_slots, n_free;
};

static int epoll;
static bool tars;
static struct link *links;
static uint64_t n_started;
static size_t reply_bytes;

static void queue_call(struct link *l, int64_t due_ns)
{
	uint32_t slot = l->free_slots[--l->n_free];
	uint32_t id = htonl(l->index * (uint32_t)opt.in_flight + slot + 1);
	bool is_slow = opt.slow_each && ++n_started % (uint64_t)opt.slow_each == 0;
	const struct request *r = is_slow ? &nap_request : &echo_request;

	if (l->out_pos == l->out_n) {
		l->out_pos = l->out_n = 0;
	} else if (l->out_n + r->n > (size_t)opt.in_flight * request_max) {
		memmove(l->out, l->out + l->out_pos, l->out_n - l->out_pos);
		l->out_n -= l->out_pos;
		l->out_pos = 0;
	}
	memcpy(l->out + l->out_n, r->p, r->n);
	memcpy(l->out + l->out_n + r->id_at, &id, 4);
	l->out_n += r->n;
	l->slots[slot] = (struct slot){ due_ns, is_slow };
}

static void flush(struct link *l)
{
	struct epoll_event ev = { .data.ptr = l };
	ssize_t k = send(l->fd, l->out + l->out_pos, l->out_n - l->out_pos, MSG_NOSIGNAL);
	bool left;

	if (k < 0 && errno != EAGAIN)
		die("send", strerror(errno));
	if (k > 0)
		l->out_pos += (size_t)k;
	left = l->out_pos < l->out_n;
	if (left == l->writing)
		return;
	l->writing = left;
	ev.events = EPOLLIN | (left ? EPOLLOUT : 0u);
	epoll_ctl(epoll, EPOLL_CTL_MOD, l->fd, &ev);
}

static void check_text(struct link *l, const uint8_t *p, size_t n)
{
	if (n < (size_t)opt.payload)
		die("reply", "shorter than what was sent, or than wanted");
	if (!l->looked && !opt.object && !memmem(p, n, "abcdefgh", opt.payload < 8 ? (size_t)opt.payload : 8))
		die("reply", "without the text that was sent");
	l->looked = true;
}

static void on_reply(struct link *l, const uint8_t *p, size_t n)
{
	uint32_t id = tars ? check_tars(p, n) : check_raw(p, n);
	uint32_t index = id - 1 - l->index * (uint32_t)opt.in_flight;
	struct slot *slot = &l->slots[index];
	int64_t now = now_ns();

	if (index >= (uint32_t)opt.in_flight || !slot->sent_ns)
		die("reply", "to a call that is not under way");
	reply_bytes = n;
	if (!slot->is_slow)
		check_text(l, p, n);
	histogram_add(slot->is_slow ? &slow : &fast, now - slot->sent_ns);
	slot->sent_ns = 0;
	l->free_slots[l->n_free++] = index;
	if (!opt.rate)
		queue_call(l, now);
}

static void on_readable(struct link *l)
{
	size_t used = 0;
	uint32_t size;
	ssize_t k = recv(l->fd, l->in + l->in_n, l->in_cap - l->in_n, 0);

	if (k < 0 && errno == EAGAIN)
		return;
	if (k <= 0)
		die("recv", k ? strerror(errno) : "the server closed the connection");
	l->in_n += (size_t)k;
	while (l->in_n - used >= 4) {
		memcpy(&size, l->in + used, 4);
		size = ntohl(size);
		if (size < 5 || size > l->in_cap)
			die("reply", "its length is implausible");
		if (l->in_n - used < size)
			break;
		on_reply(l, l->in + used, size);
		used += size;
	}
	l->in_n -= used;
	memmove(l->in, l->in + used, l->in_n);
	if (used && l->out_n > l->out_pos)
		flush(l);
}

static void link_open(struct link *l, uint32_t index)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port) };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = l };
	int on = 1;

	if (inet_pton(AF_INET, opt.host, &in.sin_addr) != 1)
		die(opt.host, "is not an IPv4 address");
	l->index = index;
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&in, sizeof(in)))
		die("connect", strerror(errno));
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Reads and writes must not block; connecting may. */
	if (fcntl(l->fd, F_SETFL, O_NONBLOCK) || epoll_ctl(epoll, EPOLL_CTL_ADD, l->fd, &ev))
		die("epoll", strerror(errno));
	l->in_cap = 2 * request_max + 65536;
	l->in = malloc(l->in_cap);
	l->out = malloc((size_t)opt.in_flight * request_max);
	l->slots = calloc((size_t)opt.in_flight, sizeof(*l->slots));
	l->free_slots = calloc((size_t)opt.in_flight, sizeof(*l->free_slots));
	while (l->n_free < (uint32_t)opt.in_flight) {
		l->free_slots[l->n_free] = l->n_free;
		l->n_free++;
	}
	while (!opt.rate && l->n_free)
		queue_call(l, now_ns());
	if (!opt.rate)
		flush(l);
}

static void link_close(struct link *l)
{
	close(l->fd);
	free(l->in);
	free(l->out);
	free(l->slots);
	free(l->free_slots);
}

/* Sends what is due by now, in turn on all connections; a call that finds no free slot waits, and
 * its latency counts from when it was due. */
static void send_due(void)
{
	static int64_t due_ns;
	static uint32_t turn;
	int64_t now = now_ns(), step = 1000000000 / opt.rate;

	if (!due_ns)
		due_ns = now;
	for (int tried = 0; due_ns <= now && tried < opt.connections;) {
		struct link *l = &links[turn++ % (uint32_t)opt.connections];

		if (!l->n_free) {
			tried++;
			continue;
		}
		tried = 0;
		queue_call(l, due_ns);
		flush(l);
		due_ns += step;
	}
}

static void run_until(int64_t end_ns)
{
	struct epoll_event evs[64];
	int64_t last_ns = now_ns();
	uint64_t before = fast.n + slow.n;

	while (now_ns() < end_ns) {
		int n = epoll_wait(epoll, evs, 64, opt.rate ? 1 : 1000);

		for (int i = 0; i < n; i++) {
			struct link *l = evs[i].data.ptr;

			if (evs[i].events & EPOLLOUT)
				flush(l);
			if (evs[i].events & ~EPOLLOUT)
				on_readable(l);
		}
		if (opt.rate)
			send_due();
		if (fast.n + slow.n != before) {
			before = fast.n + slow.n;
			last_ns = now_ns();
		} else if (now_ns() - last_ns > 5000000000) {
			die("server", "no reply for 5 seconds");
		}
	}
}

/* ---- command line ---- */

_Noreturn static void usage(FILE *f, int status)
{
	fprintf(f,
		"usage: load --port N [--host A] [--mode raw|tars] [--connections N] [--in-flight N]\n"
		"            [--payload BYTES] [--seconds S] [--pid SERVER[,MORE]] [--servant S]\n"
		"            [--func F] [--object O] [--rate CALLS-A-SECOND] [--slow-each N --slow-ms MS]\n");
	exit(status);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "host", 1, NULL, 'h' }, { "port", 1, NULL, 'p' }, { "mode", 1, NULL, 'm' },
		{ "connections", 1, NULL, 'c' }, { "in-flight", 1, NULL, 'i' },
		{ "payload", 1, NULL, 'b' }, { "seconds", 1, NULL, 's' }, { "pid", 1, NULL, 'P' },
		{ "servant", 1, NULL, 'o' }, { "func", 1, NULL, 'f' }, { "object", 1, NULL, 'O' },
		{ "rate", 1, NULL, 'r' }, { "slow-each", 1, NULL, 'e' },
		{ "slow-ms", 1, NULL, 'n' }, { "help", 0, NULL, 'H' }, { 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'h': opt.host = optarg; break;
		case 'p': opt.port = (int)strtol(optarg, NULL, 10); break;
		case 'm': opt.mode = optarg; break;
		case 'c': opt.connections = (int)strtol(optarg, NULL, 10); break;
		case 'i': opt.in_flight = (int)strtol(optarg, NULL, 10); break;
		case 'b': opt.payload = (int)strtol(optarg, NULL, 10); break;
		case 's': opt.seconds = strtod(optarg, NULL); break;
		case 'P': opt.pids = optarg; break;
		case 'o': opt.servant = optarg; break;
		case 'f': opt.func = optarg; break;
		case 'O': opt.object = optarg; break;
		case 'r': opt.rate = (int)strtol(optarg, NULL, 10); break;
		case 'e': opt.slow_each = (int)strtol(optarg, NULL, 10); break;
		case 'n': opt.slow_ms = (int)strtol(optarg, NULL, 10); break;
		case 'H': usage(stdout, 0);
		default: usage(stderr, 64);
		}
	}
	tars = !strcmp(opt.mode, "tars");
	if (optind < argc || opt.port <= 0 || opt.connections < 1 || opt.in_flight < 1 ||
	    opt.payload < 1 || opt.seconds <= 0 || opt.rate < 0 || opt.slow_each < 0 ||
	    (!tars && (strcmp(opt.mode, "raw") || opt.slow_each)))
		usage(stderr, 64);
}

static void print_result(double took_s, int64_t server_ns, int64_t own_ns)
{
	double calls = (double)(fast.n + slow.n);

	if (!calls)
		die("server", "no call was answered");
	printf("mode=%s connections=%d in_flight=%d payload=%d calls=%.0f calls_per_s=%.0f "
	       "p50_us=%.1f p99_us=%.1f p999_us=%.1f slow=%llu slow_p50_us=%.1f cpu_us=%.3f "
	       "own_cpu_us=%.3f reply_bytes=%zu resident_kb=%ld\n", opt.mode, opt.connections, opt.in_flight, opt.payload, calls,
	       calls / took_s, histogram_us(&fast, 0.50), histogram_us(&fast, 0.99),
	       histogram_us(&fast, 0.999), (unsigned long long)slow.n, histogram_us(&slow, 0.5),
	       (double)server_ns / 1e3 / calls, (double)own_ns / 1e3 / calls, reply_bytes,
	       opt.pids ? resident_kb((int)strtol(opt.pids, NULL, 10)) : 0);
}

/* Of the server and those behind it, or 0 when no --pid was given. */
static int64_t server_cpu_ns(void)
{
	int64_t sum = 0;
	char *next = NULL;

	for (const char *p = opt.pids; p; p = *next == ',' ? next + 1 : NULL) {
		int64_t ns = cpu_ns((int)strtol(p, &next, 10));

		if (ns < 0)
			die("--pid", "no such process");
		sum += ns;
	}
	return sum;
}

int main(int argc, char **argv)
{
	int64_t start, end, cpu, own;

	parse(argc, argv);
	if (tars)
		make_echo(&echo_request);
	else
		make_raw(&echo_request);
	make_nap(&nap_request);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	links = calloc((size_t)opt.connections, sizeof(*links));
	for (int i = 0; i < opt.connections; i++)
		link_open(&links[i], (uint32_t)i);
	run_until(now_ns() + (int64_t)(opt.seconds * 1e8));   /* warm up: a tenth */
	memset(&fast, 0, sizeof(fast));
	memset(&slow, 0, sizeof(slow));
	cpu = server_cpu_ns();
	own = cpu_ns(getpid());
	start = now_ns();
	run_until(start + (int64_t)(opt.seconds * 1e9));
	end = now_ns();
	print_result((double)(end - start) / 1e9, server_cpu_ns() - cpu, cpu_ns(getpid()) - own);
	for (int i = 0; i < opt.connections; i++)
		link_close(&links[i]);
	free(links);
	free(echo_request.p);
	free(nap_request.p);
	close(epoll);
	return 0;
}
