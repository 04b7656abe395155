/* The stop guard: sees that a stop begins, knocks at the loops, ends the process if one is silent. */
#include "core/rpc/stopguard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "core/io/thread.h"
#include "core/rpc/app_int.h"
#include "core/sys/log.h"

/* Time passes in slices, so that a process which was suspended does not find it over. */
enum { SLICE_MS = 100, SILENT_MS = 1000, REPORT_MS = 5000 };

/* A task in the inbox of a loop. */
struct knock {
	struct task task;
	atomic_bool answered;
	int64_t since_ms;             /* of the stop */
};

struct stop_guard {
	struct tars_app *app;
	int64_t limit_ms;
	int signal_fd, event_fd;
	atomic_bool over;
	pthread_t thread;
	struct knock *knocks;         /* one for each loop */
};

static void answer(struct task *t)
{
	atomic_store(&container_of(t, struct knock, task)->answered, true);
}

static void knock(struct stop_guard *g, unsigned i, int64_t now_ms)
{
	struct knock *k = &g->knocks[i];

	k->task.run = answer;
	k->since_ms = now_ms;
	atomic_store(&k->answered, false);
	reactor_post(g->app->loops[i].reactor, &k->task);
}

static void drain(struct stop_guard *g)
{
	eventfd_t n;

	eventfd_read(g->event_fd, &n);
}

/* False when it is over. */
static bool await_stop(struct stop_guard *g)
{
	/* The signal is the main loop's to read. */
	struct pollfd fds[] = { { .fd = g->event_fd, .events = POLLIN },
				{ .fd = g->signal_fd, .events = POLLIN } };

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	drain(g);
	return !atomic_load(&g->over);
}

static bool pass_slice(struct stop_guard *g)
{
	struct pollfd event = { .fd = g->event_fd, .events = POLLIN };

	if (poll(&event, 1, SLICE_MS) > 0)
		drain(g);
	return !atomic_load(&g->over);
}

static void abort_loop(const struct stop_guard *g, unsigned i, int64_t silent_ms)
{
	const char *module = g->app->conf.module;
	struct log_subject me = { module ? module : "service", NULL };

	log_error(&me, "cannot stop: what runs on reactor %u has not returned for %lld ms; it is "
		  "aborted, and the crash report says what it is", i, (long long)silent_ms);
	pthread_kill(atomic_load(&g->app->loops[i].thread), SIGABRT);
	/* The report ends the process, unless somebody has taken that signal. */
	poll(NULL, 0, REPORT_MS);
	_exit(EX_SOFTWARE);
}

static void watch_loops(struct stop_guard *g)
{
	unsigned n = g->app->n_loops;
	int64_t now_ms = 0;

	for (unsigned i = 0; i < n; i++)
		knock(g, i, now_ms);
	while (pass_slice(g)) {
		now_ms += SLICE_MS;
		for (unsigned i = 0; i < n; i++) {
			int64_t silent_ms = now_ms - g->knocks[i].since_ms;

			if (atomic_load(&g->knocks[i].answered))
				knock(g, i, now_ms);
			else if (now_ms >= g->limit_ms && silent_ms >= SILENT_MS)
				abort_loop(g, i, silent_ms);
		}
	}
}

static void *guard(void *arg)
{
	struct stop_guard *g = arg;

	if (await_stop(g))
		watch_loops(g);
	return NULL;
}

void stop_guard_free(struct stop_guard *g)
{
	if (!g)
		return;
	if (g->signal_fd >= 0)
		close(g->signal_fd);
	if (g->event_fd >= 0)
		close(g->event_fd);
	free(g->knocks);
	free(g);
}

struct stop_guard *stop_guard_start(struct tars_app *app, const int *signals, int64_t ms,
				    struct err *e)
{
	struct stop_guard *g = xcalloc(1, sizeof(*g));
	sigset_t set;
	int rc = 0;

	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	g->app = app;
	g->limit_ms = ms;
	g->knocks = xcalloc(app->n_loops, sizeof(*g->knocks));
	g->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	g->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (g->signal_fd < 0 || g->event_fd < 0)
		rc = err_set(e, TARS_ESYS, "cannot watch over its stop: %s (see ulimit -n)",
			     strerror(errno));
	if (!rc)
		rc = thread_start(&g->thread, "tars-stop", guard, g, e);
	if (!rc)
		return g;
	stop_guard_free(g);
	return NULL;
}

void stop_guard_begin(struct stop_guard *g)
{
	if (g)
		eventfd_write(g->event_fd, 1);
}

void stop_guard_end(struct stop_guard *g)
{
	if (!g)
		return;
	atomic_store(&g->over, true);
	stop_guard_begin(g);
	pthread_join(g->thread, NULL);
}
