/* The metrics of an app: process, loops, adapters and logs, and what others added. */
#include "core/rpc/metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/rpc/app_int.h"
#include "core/rpc/limits.h"
#include "core/rpc/remotelog.h"
#include "core/rpc/server.h"

/* ---- the process ---- */

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double resident_bytes(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	unsigned long pages = 0;
	char text[128];
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%*u %lu", &pages) != 1)
		return 0;
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static const struct process_row {
	struct metric metric;
	double (*get)(void);
} process_rows[] = {
	{ { "process_cpu_seconds_total", METRIC_COUNTER, "User and system CPU time." },
	  cpu_seconds },
	{ { "process_resident_memory_bytes", METRIC_GAUGE, "Resident memory." }, resident_bytes },
};

/* ---- loops ---- */

static double calls_over_http(const struct loop *l)
{
	return (double)atomic_load_explicit(&l->n_http_calls, memory_order_relaxed);
}

static double loop_requests(const struct loop *l)
{
	return atomic_load_explicit(&l->n_requests, memory_order_relaxed);
}

static double loop_conns(const struct loop *l)
{
	return atomic_load_explicit(&l->n_conns, memory_order_relaxed);
}

static const struct loop_row {
	struct metric metric;
	double (*get)(const struct loop *l);
} loop_rows[] = {
	{ { "tars_http_calls_total", METRIC_COUNTER, "Calls that came over HTTP." },
	  calls_over_http },
	{ { "tars_requests", METRIC_GAUGE, "Requests being served or held." }, loop_requests },
	{ { "tars_connections", METRIC_GAUGE, "Connections accepted and open." }, loop_conns },
};

/* ---- adapters ---- */

static double adapter_conns(const struct adapter *a)
{
	return atomic_load_explicit(&a->n_conns, memory_order_relaxed);
}

static double adapter_waiting(const struct adapter *a)
{
	return atomic_load_explicit(&a->waiting, memory_order_relaxed);
}

static double adapter_coros(const struct adapter *a)
{
	return adapter_running(a);
}

static double adapter_limit(const struct adapter *a)
{
	return limits_concurrency(a->limits);
}

static const struct adapter_row {
	struct metric metric;
	double (*get)(const struct adapter *a);
} adapter_rows[] = {
	{ { "tars_adapter_connections", METRIC_GAUGE, "Connections of an adapter." },
	  adapter_conns },
	{ { "tars_adapter_waiting_requests", METRIC_GAUGE, "Requests waiting for a worker." },
	  adapter_waiting },
	{ { "tars_adapter_concurrency_limit", METRIC_GAUGE,
	    "Requests that may be at work, as limits<concurrency> has it; 0: no limit." },
	  adapter_limit },
	{ { "tars_adapter_running_coroutines", METRIC_GAUGE, "Requests in coroutines." },
	  adapter_coros },
};

/* ---- application logs ---- */

static void collect_logs(struct metric_out *out, struct tars_app *app)
{
	static const struct metric lines = { "tars_log_lines_total", METRIC_COUNTER,
					     "Lines of application logs." };
	static const struct metric lost = { "tars_log_lines_lost_total", METRIC_COUNTER,
					    "Lines that a full queue or a full disk has taken." };
	static const struct metric remote = { "tars_log_remote_lines_total", METRIC_COUNTER,
					      "Lines for the log server." };
	struct remotelog_stats sent;
	struct applog_stats stats;

	applog_stats(app->log, &stats);
	metric_begin(out, &lines);
	metric_sample(out, (double)stats.lines, NULL);
	metric_begin(out, &lost);
	metric_sample(out, (double)stats.dropped, "why", "queue", NULL);
	metric_sample(out, (double)stats.lost, "why", "disk", NULL);
	if (!app->remote_log)
		return;
	remotelog_stats(app->remote_log, &sent);
	metric_begin(out, &remote);
	metric_sample(out, (double)sent.sent, "result", "sent", NULL);
	metric_sample(out, (double)sent.unsent, "result", "unsent", NULL);
}

/* ---- all of them ---- */

static void collect_process(struct metric_out *out)
{
	static const struct metric version = { "tars_build_info", METRIC_GAUGE,
					       "Always 1; the version is in the label." };

	metric_begin(out, &version);
	metric_sample(out, 1, "version", TARS_VERSION, NULL);
	for (size_t i = 0; i < sizeof(process_rows) / sizeof(*process_rows); i++) {
		metric_begin(out, &process_rows[i].metric);
		metric_sample(out, process_rows[i].get(), NULL);
	}
}

static void collect_loops(struct metric_out *out, const struct tars_app *app)
{
	char number[16];

	for (size_t i = 0; i < sizeof(loop_rows) / sizeof(*loop_rows); i++) {
		metric_begin(out, &loop_rows[i].metric);
		for (unsigned k = 0; k < app->n_loops; k++) {
			snprintf(number, sizeof(number), "%u", k);
			metric_sample(out, loop_rows[i].get(&app->loops[k]), "loop", number, NULL);
		}
	}
}

static void collect_drops(struct metric_out *out, struct tars_app *app)
{
	for (int i = 0; i < N_DROPS; i++) {
		const struct metric m = { drop_rows[i].metric, METRIC_COUNTER, drop_rows[i].help };

		metric_begin(out, &m);
		for (struct list *l = app->adapters.next; l != &app->adapters; l = l->next) {
			const struct adapter *a = container_of(l, struct adapter, node);

			metric_sample(out, (double)a->drops[i], "adapter", a->name, NULL);
		}
	}
}

static void collect_adapters(struct metric_out *out, struct tars_app *app)
{
	pthread_mutex_lock(&app->lock);
	collect_drops(out, app);
	for (size_t i = 0; i < sizeof(adapter_rows) / sizeof(*adapter_rows); i++) {
		metric_begin(out, &adapter_rows[i].metric);
		for (struct list *l = app->adapters.next; l != &app->adapters; l = l->next) {
			const struct adapter *a = container_of(l, struct adapter, node);

			metric_sample(out, adapter_rows[i].get(a), "adapter", a->name, NULL);
		}
	}
	pthread_mutex_unlock(&app->lock);
}

static void collect(struct metric_out *out, void *arg)
{
	struct tars_app *app = arg;

	collect_process(out);
	collect_loops(out, app);
	collect_adapters(out, app);
	collect_logs(out, app);
}

void metrics_init(struct tars_app *app)
{
	app->own_metrics = (struct metric_source){ .collect = collect, .arg = app };
	metrics_add(app, &app->own_metrics);
}

void metrics_add(struct tars_app *app, struct metric_source *s)
{
	/* At the front: loops may be printing meanwhile. */
	s->next = atomic_load(&app->metrics);
	atomic_store_explicit(&app->metrics, s, memory_order_release);
}

void metrics_print(struct tars_app *app, struct buf *text)
{
	metric_print(text, atomic_load_explicit(&app->metrics, memory_order_acquire));
}
