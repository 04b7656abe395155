/* Load generator: keeps calls in flight on many connections; measures rate, latency, server CPU.
 * It encodes and checks TARS packets by itself, so that it does not share the server's mistakes. */
#include <arpa/inet.h>
#include <dirent.h>
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
#include <time.h>
#include <unistd.h>

static struct {
	const char *host, *mode, *servant, *func;
	int port, connections, in_flight, payload, pid;
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

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- latencies: 64 buckets for each power of two ---- */

enum { SUB_BITS = 6, SUBS = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS) * SUBS };

static uint64_t buckets[BUCKETS], calls;

static size_t bucket_of(uint64_t ns)
{
	int shift = ns < SUBS ? 0 : 63 - SUB_BITS - __builtin_clzll(ns) + 1;

	return (size_t)shift * SUBS / 2 + (ns >> shift);
}

static double bucket_us(size_t i)
{
	size_t shift = i < SUBS ? 0 : i / (SUBS / 2) - 1;

	return (double)((i - shift * (SUBS / 2)) << shift) / 1e3;
}

static double percentile_us(double part)
{
	uint64_t wanted = (uint64_t)((double)calls * part), seen = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		seen += buckets[i];
		if (seen > wanted)
			return bucket_us(i);
	}
	return 0;
}

/* ---- packets ---- */

enum { ID_INT = 2, HEAD_ROOM = 1024 };

static uint8_t *request;             /* the template */
static size_t request_size, id_at;   /* where its four bytes of request id are */

static void add(const void *p, size_t n)
{
	memcpy(request + request_size, p, n);
	request_size += n;
}

static void add_bytes(int a, int b, int c)
{
	uint8_t v[3] = { (uint8_t)a, (uint8_t)b, (uint8_t)c };

	add(v, c >= 0 ? 3 : b >= 0 ? 2 : 1);
}

static void add_be32(uint32_t v)
{
	v = htonl(v);
	add(&v, 4);
}

static void add_string(int tag, const char *s)
{
	size_t n = strlen(s);

	if (n > 255)
		die(s, "is longer than 255 bytes");
	add_bytes(tag << 4 | 6, (int)n, -1);
	add(s, n);
}

static void add_payload(void)
{
	for (int i = 0; i < opt.payload; i++)
		request[request_size++] = (uint8_t)('a' + i % 26);
}

static void make_raw(void)
{
	id_at = request_size;
	add_be32(0);
	add_payload();
}

static void make_tars(void)
{
	int head = opt.payload > 255 ? 5 : 2;

	add_bytes(0x10, 1, -1);           /* iVersion 1 */
	add_bytes(0x2c, 0x3c, -1);        /* cPacketType, iMessageType: 0 */
	add_bytes(0x40 | ID_INT, -1, -1); /* iRequestId, always as a whole int */
	id_at = request_size;
	add_be32(0);
	add_string(5, opt.servant);
	add_string(6, opt.func);
	add_bytes(0x7d, 0x00, 0x02);      /* sBuffer: SimpleList of byte, its length an int */
	add_be32((uint32_t)(head + opt.payload));
	if (opt.payload > 255) {
		add_bytes(0x17, -1, -1);
		add_be32((uint32_t)opt.payload);
	} else {
		add_bytes(0x16, opt.payload, -1);
	}
	add_payload();
	add_bytes(0x81, 0x0b, 0xb8);      /* iTimeout 3000 */
	add_bytes(0x98, 0x0c, -1);        /* context, status: empty maps */
	add_bytes(0xa8, 0x0c, -1);
}

static void make_request(bool tars)
{
	uint32_t size;

	request = malloc((size_t)opt.payload + HEAD_ROOM);
	request_size = 4;
	if (tars)
		make_tars();
	else
		make_raw();
	size = htonl((uint32_t)request_size);
	memcpy(request, &size, 4);
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
	if (n - at < (size_t)opt.payload)
		die("reply", "shorter than what was sent");
	return (uint32_t)id;
}

static uint32_t check_raw(const uint8_t *p, size_t n)
{
	uint32_t id;

	if (n != request_size)
		die("reply", "not as long as what was sent");
	memcpy(&id, p + id_at, 4);
	return ntohl(id);
}

/* ---- connections ---- */

struct link {
	int fd;
	uint32_t index;
	bool writing, looked;
	size_t in_n, in_cap, out_pos, out_n;
	uint8_t *in, *out;     /* out: room for all calls in flight */
	int64_t *sent_ns;      /* of each slot; 0: free */
};

static int epoll;
static bool tars;
static struct link *links;

static void queue_call(struct link *l, uint32_t slot)
{
	uint32_t id = htonl(l->index * (uint32_t)opt.in_flight + slot + 1);

	if (l->out_pos == l->out_n) {
		l->out_pos = l->out_n = 0;
	} else if (l->out_n + request_size > (size_t)opt.in_flight * request_size) {
		memmove(l->out, l->out + l->out_pos, l->out_n - l->out_pos);
		l->out_n -= l->out_pos;
		l->out_pos = 0;
	}
	memcpy(l->out + l->out_n, request, request_size);
	memcpy(l->out + l->out_n + id_at, &id, 4);
	l->out_n += request_size;
	l->sent_ns[slot] = now_ns();
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

static void on_reply(struct link *l, const uint8_t *p, size_t n)
{
	uint32_t id = tars ? check_tars(p, n) : check_raw(p, n), slot;
	int64_t took;

	slot = id - 1 - l->index * (uint32_t)opt.in_flight;
	if (slot >= (uint32_t)opt.in_flight || !l->sent_ns[slot])
		die("reply", "to a call that is not under way");
	if (!l->looked && !memmem(p, n, "abcdefgh", opt.payload < 8 ? (size_t)opt.payload : 8))
		die("reply", "without the text that was sent");
	l->looked = true;
	took = now_ns() - l->sent_ns[slot];
	buckets[bucket_of((uint64_t)took)]++;
	calls++;
	queue_call(l, slot);
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
	if (used)
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
	l->in_cap = 2 * request_size + 65536;
	l->in = malloc(l->in_cap);
	l->out = malloc((size_t)opt.in_flight * request_size);
	l->sent_ns = calloc((size_t)opt.in_flight, sizeof(*l->sent_ns));
	for (uint32_t i = 0; i < (uint32_t)opt.in_flight; i++)
		queue_call(l, i);
	flush(l);
}

static void link_close(struct link *l)
{
	close(l->fd);
	free(l->in);
	free(l->out);
	free(l->sent_ns);
}

static void run_until(int64_t end_ns)
{
	struct epoll_event evs[64];
	int64_t last_ns = now_ns();
	uint64_t before = calls;

	while (now_ns() < end_ns) {
		int n = epoll_wait(epoll, evs, 64, 1000);

		for (int i = 0; i < n; i++) {
			struct link *l = evs[i].data.ptr;

			if (evs[i].events & EPOLLOUT)
				flush(l);
			if (evs[i].events & ~EPOLLOUT)
				on_readable(l);
		}
		if (calls != before) {
			before = calls;
			last_ns = now_ns();
		} else if (now_ns() - last_ns > 5000000000) {
			die("server", "no reply for 5 seconds");
		}
	}
}

/* ---- the server's CPU time: all its threads ---- */

static int64_t cpu_ns(int pid)
{
	char path[64 + 256];
	int64_t sum = 0;
	long long ns;
	struct dirent *d;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		die(path, strerror(errno));
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, d->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%lld", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	closedir(dir);
	return sum;
}

/* ---- command line ---- */

_Noreturn static void usage(FILE *f, int status)
{
	fprintf(f,
		"usage: load --port N [--host A] [--mode raw|tars] [--connections N] [--in-flight N]\n"
		"            [--payload BYTES] [--seconds S] [--pid SERVER] [--servant S] [--func F]\n");
	exit(status);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "host", 1, NULL, 'h' }, { "port", 1, NULL, 'p' }, { "mode", 1, NULL, 'm' },
		{ "connections", 1, NULL, 'c' }, { "in-flight", 1, NULL, 'i' },
		{ "payload", 1, NULL, 'b' }, { "seconds", 1, NULL, 's' }, { "pid", 1, NULL, 'P' },
		{ "servant", 1, NULL, 'o' }, { "func", 1, NULL, 'f' },
		{ "help", 0, NULL, 'H' }, { 0 },
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
		case 'P': opt.pid = (int)strtol(optarg, NULL, 10); break;
		case 'o': opt.servant = optarg; break;
		case 'f': opt.func = optarg; break;
		case 'H': usage(stdout, 0);
		default: usage(stderr, 64);
		}
	}
	tars = !strcmp(opt.mode, "tars");
	if (optind < argc || opt.port <= 0 || opt.connections < 1 || opt.in_flight < 1 ||
	    opt.payload < 1 || opt.seconds <= 0 || (!tars && strcmp(opt.mode, "raw")))
		usage(stderr, 64);
}

int main(int argc, char **argv)
{
	int64_t start, end, cpu = 0;
	double took_s;

	parse(argc, argv);
	make_request(tars);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	links = calloc((size_t)opt.connections, sizeof(*links));
	for (int i = 0; i < opt.connections; i++)
		link_open(&links[i], (uint32_t)i);
	run_until(now_ns() + (int64_t)(opt.seconds * 1e8));   /* warm up: a tenth */
	memset(buckets, 0, sizeof(buckets));
	calls = 0;
	if (opt.pid)
		cpu = cpu_ns(opt.pid);
	start = now_ns();
	run_until(start + (int64_t)(opt.seconds * 1e9));
	end = now_ns();
	if (opt.pid)
		cpu = cpu_ns(opt.pid) - cpu;
	took_s = (double)(end - start) / 1e9;
	printf("mode=%s connections=%d in_flight=%d payload=%d calls=%llu calls_per_s=%.0f "
	       "p50_us=%.1f p99_us=%.1f cpu_us=%.3f\n", opt.mode, opt.connections, opt.in_flight,
	       opt.payload, (unsigned long long)calls, (double)calls / took_s,
	       percentile_us(0.50), percentile_us(0.99),
	       calls ? (double)cpu / 1e3 / (double)calls : 0.);
	for (int i = 0; i < opt.connections; i++)
		link_close(&links[i]);
	free(links);
	free(request);
	close(epoll);
	return 0;
}
