/* The course of a benchmark: targets, defaults, warm-up, intervals, the end or a signal. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "roles/bench/bench.h"

enum { OPEN_IN_FLIGHT = 256 };

/* ---- targets ---- */

static int set_address(struct bench *b, struct load_target *t)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	int rc;

	endpoint_label(t->text, sizeof(t->text), &t->ep);
	if (t->ep.type == ENDPOINT_UDP)
		return remote_complain(&b->remote, EXIT_USAGE,
				       "%s: only tcp and ssl endpoints can be loaded", t->text);
	if (endpoint_is_unix(&t->ep))
		rc = sockaddr_from_path(&t->addr, t->ep.host);
	else
		rc = sockaddr_from_ip(&t->addr, t->ep.host, t->ep.port);
	if (!rc)
		return 0;
	rc = getaddrinfo(t->ep.host, NULL, &hints, &found);
	if (rc)
		return remote_complain(&b->remote, EXIT_UNAVAILABLE, "%s: %s", t->text,
				       gai_strerror(rc));
	memcpy(&t->addr.sa, found->ai_addr, found->ai_addrlen);
	t->addr.len = found->ai_addrlen;
	sockaddr_set_port(&t->addr, t->ep.port);
	freeaddrinfo(found);
	return 0;
}

int bench_find_targets(struct bench *b)
{
	struct load_target *targets;
	struct endpoint_list eps;
	int status = remote_endpoints(&b->remote, &b->plan.object, &eps);

	if (status)
		return status;
	targets = arena_alloc(&b->remote.arena, eps.n * sizeof(*targets));
	for (uint32_t i = 0; !status && i < eps.n; i++) {
		targets[i].ep = eps.v[i];
		status = set_address(b, &targets[i]);
	}
	b->plan.app = b->remote.app;
	b->plan.targets = targets;
	b->plan.n_targets = eps.n;
	b->cases.servant = b->plan.object;
	return status;
}

/* ---- the plan ---- */

static int out_of(struct bench *b, const char *what, long long least, long long most)
{
	return remote_complain(&b->remote, EXIT_USAGE, "%s: must be between %lld and %lld", what,
			       least, most);
}

int bench_check_plan(struct bench *b)
{
	struct load_plan *p = &b->plan;
	long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (p->connections < 1 || p->connections > BENCH_MAX_CONNECTIONS)
		return out_of(b, "connections", 1, BENCH_MAX_CONNECTIONS);
	if (!p->in_flight)
		p->in_flight = p->rate > 0 ? OPEN_IN_FLIGHT : 1;
	if (p->in_flight > LOAD_MAX_IN_FLIGHT)
		return out_of(b, "inflight", 1, LOAD_MAX_IN_FLIGHT);
	if (!p->threads)
		p->threads = n_cpus > 0 ? (unsigned)n_cpus : 1;
	if (p->threads > BENCH_MAX_THREADS)
		return out_of(b, "threads", 1, BENCH_MAX_THREADS);
	if (p->threads > p->connections)
		p->threads = p->connections;
	if (p->rate < 0 || p->rate > 1e8)
		return out_of(b, "rate", 0, 100000000);
	if (b->duration_ms < 1)
		return remote_complain(&b->remote, EXIT_USAGE, "duration: must not be 0");
	if (b->interval_ms < 100)
		return remote_complain(&b->remote, EXIT_USAGE, "interval: must be 100ms at least");
	p->timeout_ms = b->remote.conf->timeout_ms;
	p->packets = b->cases.packets;
	p->n_packets = b->cases.n;
	return 0;
}

/* ---- the course ---- */

/* Moments of one run; each has more buckets than a stack should hold. */
struct moment {
	int64_t at_ns;
	double cpu_seconds;
	struct load_counts counts;
};

static void take(struct moment *m, const struct load *l)
{
	struct rusage u;

	load_count(l, &m->counts);
	m->at_ns = load_clock_ns();
	getrusage(RUSAGE_SELF, &u);
	m->cpu_seconds = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			 (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void subtract_codes(struct load_counts *c, const struct load_counts *before)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= LOAD_MAX_CODES; i++) {
		struct load_code code = c->codes[i];

		for (unsigned k = 0; code.n && k <= LOAD_MAX_CODES && before->codes[k].n; k++)
			if (before->codes[k].code == code.code)
				code.n -= before->codes[k].n;
		c->codes[i] = (struct load_code){ 0 };
		if (code.n)
			c->codes[n++] = code;
	}
}

static void make_span(struct bench_span *span, const struct moment *from, const struct moment *to)
{
	struct load_counts *c = &span->counts;
	const struct load_counts *before = &from->counts;

	*c = to->counts;
	span->seconds = (double)(to->at_ns - from->at_ns) / 1e9;
	span->cpu_seconds = to->cpu_seconds - from->cpu_seconds;
	hist_subtract(&c->latency, &before->latency);
	c->sent -= before->sent;
	c->ok -= before->ok;
	c->failed -= before->failed;
	c->latency_sum_ns -= before->latency_sum_ns;
	c->bytes_out -= before->bytes_out;
	c->bytes_in -= before->bytes_in;
	c->broken -= before->broken;
	c->late -= before->late;
	subtract_codes(c, before);
	span->n_calls = c->ok + c->failed;
}

/* False: a signal has come. */
static bool wait_until(int64_t at_ns)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	for (;;) {
		int64_t left_ns = at_ns - load_clock_ns();
		struct timespec left = { left_ns / 1000000000, left_ns % 1000000000 };

		if (left_ns <= 0)
			return true;
		if (sigtimedwait(&set, NULL, &left) > 0)
			return false;
	}
}

/* Shells start background jobs with SIGINT ignored, but it is how a benchmark ends early. */
static void block_signals(void)
{
	sigset_t set;

	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

struct run {
	struct moment begin, last, now;
	struct bench_span span;
};

/* Until the end of the measurement; r->now is that moment. */
static void measure(struct bench *b, struct load *l, struct run *r)
{
	int64_t begin_ns = r->begin.at_ns, end_ns = begin_ns + b->duration_ms * 1000000;
	bool goes_on = true;

	r->last = r->begin;
	for (int64_t i = 1; goes_on; i++) {
		int64_t at_ns = begin_ns + i * b->interval_ms * 1000000;

		at_ns = at_ns < end_ns ? at_ns : end_ns;
		b->is_interrupted = !wait_until(at_ns);
		goes_on = !b->is_interrupted && at_ns < end_ns;
		take(&r->now, l);
		make_span(&r->span, &r->last, &r->now);
		b->style->interval(b, &r->span, (double)(r->now.at_ns - begin_ns) / 1e9);
		r->last = r->now;
	}
}

static int finish(struct bench *b, struct load *l, struct run *r)
{
	double seconds, cpu_seconds;
	uint64_t n_calls;
	char why[256];
	int status;

	make_span(&r->span, &r->begin, &r->now);
	seconds = r->span.seconds;
	cpu_seconds = r->span.cpu_seconds;
	n_calls = r->span.n_calls;
	load_stop(l);
	load_wait(l);
	take(&r->now, l);
	r->now.counts.overdue = r->last.counts.overdue;
	make_span(&r->span, &r->begin, &r->now);
	r->span.seconds = seconds;
	r->span.cpu_seconds = cpu_seconds;
	r->span.n_calls = n_calls;
	status = b->style->end(b, &r->span);
	if (r->span.counts.broken) {
		load_why_broken(l, why, sizeof(why));
		remote_complain(&b->remote, 0, "connections broke or could not be made again, %llu "
				"times; the last: %s", (unsigned long long)r->span.counts.broken, why);
	}
	if (!status && !r->span.counts.latency.total)
		status = remote_complain(&b->remote, EXIT_UNAVAILABLE, "no call was answered");
	return status;
}

int bench_run(struct bench *b)
{
	struct run *r;
	struct load *l;
	struct err e;
	int status;

	block_signals();
	l = load_new(&b->plan, &e);
	if (!l)
		return remote_complain(&b->remote, EXIT_UNAVAILABLE, "%s: %s", b->plan.object,
				       e.text);
	r = xcalloc(1, sizeof(*r));
	b->style->begin(b);
	take(&r->begin, l);
	load_go(l);
	if (b->warm_up_ms) {
		b->is_interrupted = !wait_until(load_clock_ns() + b->warm_up_ms * 1000000);
		take(&r->begin, l);
	}
	r->now = r->last = r->begin;
	if (!b->is_interrupted)
		measure(b, l, r);
	status = finish(b, l, r);
	load_free(l);
	free(r);
	return status;
}
