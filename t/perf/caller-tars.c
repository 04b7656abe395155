/* The caller of the benchmarks: an ordinary client that keeps calls under way in one of three styles.
 * All of them run on the client's one loop: `sync` in a coroutine for each call under way, `async`
 * from callback to callback, `begin` in one coroutine that begins all calls and then ends them. */
#include <getopt.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "Echo.h"
#include "t/perf/measure.h"

static struct {
	const char *mode;
	int port, servers, in_flight, payload;
	bool one_proxy;
	double seconds;
} opt = { .mode = "async", .servers = 1, .in_flight = 1, .payload = 64, .seconds = 2 };

static struct tars_app *app;
static struct histogram latency;
static bool counting, stopping;
static int n_running;
static sem_t started, ended;
static struct Perf_Echo_echo_in argument;

/* One call after the other to one server. */
struct lane {
	struct tars_proxy *to;
	struct tars_req *rq;
	int64_t sent_ns;
};

_Noreturn static void die(const char *what, const char *why)
{
	fprintf(stderr, "caller-tars: %s: %s\n", what, why);
	exit(1);
}

static void check(const struct tars_req *rq, int rc, const struct Perf_Echo_echo_out *out)
{
	if (rc)
		die("call", tars_error(rq));
	if (out->ret.n != argument.text.n)
		die("call", "the answer is not as long as what was sent");
}

/* Returns the time at which the next call begins: the clock is read once for each call, as the raw
 * generator does. */
static int64_t note(int64_t sent_ns)
{
	int64_t now = now_ns();

	if (counting)
		histogram_add(&latency, now - sent_ns);
	return now;
}

static void lane_ended(void)
{
	if (!--n_running)
		sem_post(&ended);
}

/* ---- the three styles; all in coroutines of the loop ---- */

static void run_sync(struct lane *l)
{
	while (!stopping) {
		struct Perf_Echo_echo_out out;
		struct tars_call c;

		l->rq = tars_begin(app);
		c = (struct tars_call){ .to = l->to, .rq = l->rq };
		check(l->rq, Perf_Echo_echo(&c, &argument, &out), &out);
		tars_end(l->rq);
		l->sent_ns = note(l->sent_ns);
	}
	lane_ended();
}

static void next_async(struct lane *l);

static void async_done(void *arg, int rc, const struct Perf_Echo_echo_out *out)
{
	struct lane *l = arg;

	check(l->rq, rc, out);
	l->sent_ns = note(l->sent_ns);
	tars_end(l->rq);
	if (stopping)
		lane_ended();
	else
		next_async(l);
}

static void next_async(struct lane *l)
{
	struct tars_call c = { .to = l->to };

	c.rq = l->rq = tars_begin(app);
	if (Perf_Echo_echo_async(&c, &argument, async_done, l))
		die("call", c.error);
}

static void run_begin(struct lane *lanes, int n)
{
	struct tars_pending **pending = calloc((size_t)n, sizeof(struct tars_pending *));

	while (!stopping) {
		struct tars_req *rq = tars_begin(app);
		int64_t sent_ns = now_ns();

		for (int i = 0; i < n; i++) {
			struct tars_call c = { .to = lanes[i].to, .rq = rq };

			pending[i] = Perf_Echo_echo_begin(&c, &argument);
		}
		for (int i = 0; i < n; i++) {
			struct Perf_Echo_echo_out out;

			check(rq, Perf_Echo_echo_end(pending[i], &out), &out);
			note(sent_ns);
		}
		tars_end(rq);
	}
	free(pending);
	lane_ended();
}

/* ---- running them ---- */

static struct lane *lanes;
static int n_lanes;

/* The answer to a lane's first call: from here on we are in a coroutine of the loop. */
static void first_done(void *arg, int rc, const struct Perf_Echo_echo_out *out)
{
	struct lane *l = arg;

	check(l->rq, rc, out);
	tars_end(l->rq);
	if (l == lanes)
		sem_post(&started);
	l->sent_ns = now_ns();
	if (!strcmp(opt.mode, "sync"))
		run_sync(l);
	else if (!strcmp(opt.mode, "async"))
		next_async(l);
	else
		run_begin(lanes, n_lanes);
}

static void start_lane(struct lane *l)
{
	struct tars_call c = { .to = l->to };

	c.rq = l->rq = tars_begin(app);
	if (Perf_Echo_echo_async(&c, &argument, first_done, l))
		die("call", c.error);
}

/* All servers in one object, which its calls take in turn. */
static void make_shared_lanes(void)
{
	char object[16384];
	size_t n = (size_t)snprintf(object, sizeof(object), "Perf.EchoServer.EchoObj@");

	for (int i = 0; i < opt.servers; i++)
		n += (size_t)snprintf(object + n, sizeof(object) - n, "%stcp -h 127.0.0.%d -p %d",
				      i ? ":" : "", 1 + i, opt.port);
	n_lanes = opt.in_flight;
	lanes = calloc((size_t)n_lanes, sizeof(*lanes));
	for (int i = 0; i < n_lanes; i++)
		lanes[i].to = tars_proxy(app, object);
}

static void make_lanes(void)
{
	n_lanes = opt.servers * opt.in_flight;
	lanes = calloc((size_t)n_lanes, sizeof(*lanes));
	for (int i = 0; i < n_lanes; i++) {
		char object[96];

		snprintf(object, sizeof(object), "Perf.EchoServer.EchoObj@tcp -h 127.0.0.%d -p %d",
			 1 + i % opt.servers, opt.port);
		lanes[i].to = tars_proxy(app, object);
	}
}

static void make_argument(void)
{
	char *text = malloc((size_t)opt.payload + 1);

	for (int i = 0; i < opt.payload; i++)
		text[i] = (char)('a' + i % 26);
	text[opt.payload] = '\0';
	argument.text = (struct tars_str){ text, (uint32_t)opt.payload };
}

_Noreturn static void usage(FILE *f, int status)
{
	fputs("usage: caller-tars --port N [--mode sync|async|begin] [--servers N] [--in-flight N]\n"
	      "                   [--payload BYTES] [--seconds S] [--one-proxy]\n"
	      "       (servers: one connection each, to 127.0.0.1, 127.0.0.2 ...;\n"
	      "       in flight: on each, with --one-proxy in all)\n", f);
	exit(status);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", 1, NULL, 'p' }, { "mode", 1, NULL, 'm' }, { "servers", 1, NULL, 'c' },
		{ "in-flight", 1, NULL, 'i' }, { "payload", 1, NULL, 'b' },
		{ "seconds", 1, NULL, 's' }, { "one-proxy", 0, NULL, 'o' },
		{ "help", 0, NULL, 'H' }, { 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'p': opt.port = (int)strtol(optarg, NULL, 10); break;
		case 'm': opt.mode = optarg; break;
		case 'c': opt.servers = (int)strtol(optarg, NULL, 10); break;
		case 'i': opt.in_flight = (int)strtol(optarg, NULL, 10); break;
		case 'b': opt.payload = (int)strtol(optarg, NULL, 10); break;
		case 's': opt.seconds = strtod(optarg, NULL); break;
		case 'o': opt.one_proxy = true; break;
		case 'H': usage(stdout, 0);
		default: usage(stderr, 64);
		}
	}
	if (optind < argc || opt.port <= 0 || opt.servers < 1 || opt.servers > 250 ||
	    opt.in_flight < 1 || opt.payload < 1 || opt.seconds <= 0 ||
	    (strcmp(opt.mode, "sync") && strcmp(opt.mode, "async") && strcmp(opt.mode, "begin")))
		usage(stderr, 64);
}

static void wait_seconds(double s)
{
	struct timespec left = { .tv_sec = (time_t)s };

	left.tv_nsec = (long)((s - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left))
		;
}

static void measure(void)
{
	int64_t cpu, start, took;

	wait_seconds(opt.seconds / 10);   /* warm up */
	cpu = cpu_ns(getpid());
	start = now_ns();
	counting = true;
	wait_seconds(opt.seconds);
	counting = false;
	took = now_ns() - start;
	cpu = cpu_ns(getpid()) - cpu;
	stopping = true;
	sem_wait(&ended);
	if (!latency.n)
		die("server", "no call was answered");
	printf("mode=%s connections=%d in_flight=%d payload=%d calls=%llu calls_per_s=%.0f "
	       "p50_us=%.1f p99_us=%.1f own_cpu_us=%.3f\n", opt.mode, opt.servers, opt.in_flight,
	       opt.payload, (unsigned long long)latency.n,
	       (double)latency.n / ((double)took / 1e9), histogram_us(&latency, 0.50),
	       histogram_us(&latency, 0.99), (double)cpu / 1e3 / (double)latency.n);
}

int main(int argc, char **argv)
{
	char error[256];

	parse(argc, argv);
	make_argument();
	sem_init(&started, 0, 0);
	sem_init(&ended, 0, 0);
	app = tars_start(NULL, error, sizeof(error));
	if (!app)
		die("start", error);
	if (opt.one_proxy)
		make_shared_lanes();
	else
		make_lanes();
	n_running = strcmp(opt.mode, "begin") ? n_lanes : 1;
	for (int i = 0; i < n_running; i++)
		start_lane(&lanes[i]);
	sem_wait(&started);
	measure();
	tars_stop(app);
	free(lanes);
	free((char *)argument.text.p);
	return 0;
}
