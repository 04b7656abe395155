/* tars_main: a service from its official configuration, from start to the last reply. */
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "core/rpc/app_int.h"
#include "core/rpc/appcache.h"
#include "core/rpc/main_conf.h"
#include "core/rpc/notify.h"
#include "core/rpc/server.h"
#include "core/rpc/service.h"
#include "core/rpc/stopguard.h"

enum { LAST_LOGS_MS = 1000 };

static const int stop_signals[] = { SIGTERM, SIGINT, 0 };

struct service_run {
	const struct tars_service *service;
	const char *config_path, *listen;
	int ready_fd;
	struct arena arena;
	struct main_conf conf;
	struct tars_app *app;
	struct nodelink *node;
	struct stop_guard *guard;
	bool initialised, started, stop_wanted, close_output;
	int init_rc;
	int status;
};

/* ---- command line ---- */

static void print_usage(FILE *f, const char *program)
{
	fprintf(f, "usage: %s --config=FILE | --listen HOST:PORT\n"
		"\n"
		"  --config FILE       official service configuration, as the node writes it\n"
		"  --listen HOST:PORT  serve everything on one port, without node and registry\n"
		"  --ready-fd N        write the ready line to this descriptor, too\n"
		"  --help, --version\n", program);
}

/* Returns 0 to go on, else the exit status + 1. */
static int parse_args(struct service_run *run, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "listen", required_argument, NULL, 'l' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			run->config_path = optarg;
			break;
		case 'l':
			run->listen = optarg;
			break;
		case 'r':
			run->ready_fd = (int)strtol(optarg, NULL, 10);
			break;
		case 'h':
			print_usage(stdout, argv[0]);
			return EX_OK + 1;
		case 'v':
			printf("tars %s\n", TARS_VERSION);
			return EX_OK + 1;
		default:
			print_usage(stderr, argv[0]);
			return EX_USAGE + 1;
		}
	}
	if (optind == argc && !run->config_path != !run->listen)
		return 0;
	fprintf(stderr, optind < argc ? "tars: unexpected argument '%s'\n" :
		"tars: give either --config or --listen\n", argv[optind]);
	print_usage(stderr, argv[0]);
	return EX_USAGE + 1;
}

static const char *run_name(const struct service_run *run)
{
	return run->conf.name ? run->conf.name : "service";
}

static void complain(struct service_run *run, const struct err *e)
{
	fprintf(stderr, "tars: %s: %s\n", run_name(run), e->text);
	run->status = e->code == TARS_EARG ? EX_USAGE : e->code == TARS_ECONF ? EX_CONFIG :
		      e->code == TARS_EUNKNOWN ? EXIT_FAILURE : EX_TEMPFAIL;
}

/* ---- configuration ---- */

static int load_config(struct service_run *run, struct err *e)
{
	const struct tars_servant *first = run->service->servants;
	struct tarsconf *tree;
	int rc;

	if (!first || !first->name)
		return err_set(e, TARS_ECONF, "the program has no servants");
	if (run->listen) {
		rc = main_conf_direct(run->listen, first->name, &run->conf, &run->arena, e);
		if (!rc && first->protocol) {
			run->conf.adapters[0].servant = first->name;
			run->conf.adapters[0].not_tars = true;
		}
		return rc;
	}
	tree = tarsconf_new(&run->arena);
	rc = main_conf_load(run->config_path, tree, e);
	if (rc)
		return rc;
	rc = main_conf_read(tree, &run->conf, &run->arena, e);
	return rc ? err_wrap(e, "%s", run->config_path) : TARS_OK;
}

static const struct tars_servant *find_servant(const struct tars_service *service, const char *name)
{
	const struct tars_servant *s;

	for (s = service->servants; s->name && strcmp(s->name, name); s++)
		;
	return s->name ? s : NULL;
}

static int check_adapters(const struct service_run *run, struct err *e)
{
	for (unsigned i = 0; i < run->conf.n_adapters; i++)
		if (!find_servant(run->service, run->conf.servants[i]))
			return err_set(e, TARS_ECONF, "adapter %s: the program has no servant "
				       "'%s', its first is '%s'", run->conf.adapters[i].name,
				       run->conf.servants[i], run->service->servants[0].name);
	return TARS_OK;
}

/* What an operator has set outlives restarts: the log level then wins over the configuration. */
static void recall(struct service_run *run)
{
	const char *cout_key = "/tars/application/server<closecout>";
	const char *text = appcache_get(run->conf.appcache_path, "logLevel", &run->arena);
	int level = log_state_level_parse(text, strlen(text));

	if (level)
		atomic_store(&run->app->logs.level, level);
	text = tars_config(run->app, cout_key, "");
	if (!*text)
		text = appcache_get(run->conf.appcache_path, "closeCout", &run->arena);
	run->close_output = !strcmp(text, "1");
}

static int make_app(struct service_run *run, struct err *e)
{
	const struct tars_servant *s;
	int rc = check_adapters(run, e);

	if (rc)
		return rc;
	run->conf.app.on_endpoint = app_log_endpoint;
	run->app = app_new(&run->conf.app, e);
	if (!run->app)
		return e->code;
	run->app->config = run->conf.tree;
	run->app->config_path = run->config_path;
	run->app->service = &run->conf;
	run->app->hooks = run->service;
	run->app->appcache_path = run->conf.appcache_path;
	recall(run);
	run->app->thread_init = run->service->thread_init;
	run->app->thread_fini = run->service->thread_fini;
	run->app->hooks_arg = run;
	admin_init(run->app);
	for (unsigned i = 0; i < run->conf.n_security && !rc; i++)
		rc = app_secure(run->app, &run->conf.security[i], e);
	for (s = run->service->servants; s->name && !rc; s++)
		rc = app_add_servant(run->app, s, e);
	return rc;
}

/* ---- stopping ---- */

static void stop(struct service_run *run)
{
	stop_guard_begin(run->guard);
	nodelink_stop(run->node);
	if (!atomic_load(&run->app->stopping))
		notify_report(run->app, "stop");
	app_stop(run->app, run->conf.grace_ms);
}

/* init() cannot be interrupted: the first signal waits for its end, the second does not. */
static void on_signal(int signo, void *arg)
{
	struct service_run *run = arg;

	if (run->started)
		stop(run);
	else if (run->stop_wanted)
		_exit(128 + signo);
	run->stop_wanted = true;
}

static void on_shutdown(struct tars_app *app)
{
	struct service_run *run = app->hooks_arg;

	run->stop_wanted = true;
	if (run->started)
		stop(run);
}

static void before_stop(struct tars_app *app)
{
	struct service_run *run = app->hooks_arg;

	if (run->initialised && run->service->fini)
		run->service->fini(app);
}

/* ---- starting ---- */

/* In a worker thread: it may open files and databases, and call other services. */
static void run_init(void *arg)
{
	struct service_run *run = arg;

	run->init_rc = run->service->init ? run->service->init(run->app) : 0;
}

static void add_endpoint(struct buf *b, const struct adapter *a)
{
	char label[sizeof(a->conf.ep.host) + 32];
	struct endpoint ep = a->conf.ep;

	ep.port = a->port;
	endpoint_label(label, sizeof(label), &ep);
	buf_addf(b, " %s", label);
}

/* All adapters are ready to listen, and those that are not manual do. */
static int listen_all(struct service_run *run, struct buf *ready, struct err *e)
{
	for (struct adapter *a = NULL; (a = adapter_next(run->app, a));) {
		int rc = a->conf.local ? TARS_OK : adapter_prepare(a, e);

		if (!rc && !a->conf.local && (!a->conf.manual || a->wanted)) {
			rc = adapter_listen(a, e);
			add_endpoint(ready, a);
		}
		if (rc)
			return rc;
	}
	run->app->may_listen = true;
	return TARS_OK;
}

/* "tars: App.Server: ready tcp 10.0.0.1:10000" */
static void say(struct service_run *run, const char *what, const struct buf *endpoints)
{
	struct buf line = BUF_INIT;

	buf_addf(&line, "tars: %s: %s%.*s\n", run->conf.name, what, (int)buf_size(endpoints),
		 (const char *)buf_head(endpoints));
	fputs(buf_str(&line), stderr);
	if (run->ready_fd > 0 &&
	    write(run->ready_fd, buf_head(&line), buf_size(&line)) != (ssize_t)buf_size(&line))
		perror("tars: --ready-fd");
	buf_release(&line);
}

/* The node hears that we are alive when somebody can call us. */
static bool can_be_called(const struct service_run *run)
{
	for (struct adapter *a = NULL; (a = adapter_next(run->app, a));)
		if (!a->conf.local && atomic_load(&a->listening))
			return true;
	return false;
}

static void on_listening(struct tars_app *app, const struct adapter *a)
{
	struct service_run *run = app->hooks_arg;
	struct buf endpoint = BUF_INIT;

	add_endpoint(&endpoint, a);
	say(run, "listens", &endpoint);
	nodelink_ready(run->node);
	buf_release(&endpoint);
}

/* Only when an operator or the configuration says so: what goes to stderr is worth keeping. */
static void close_output(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i <= 2 && fd >= 0; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static int start_steps(struct service_run *run, struct buf *ready, struct err *e)
{
	struct tars_app *app = run->app;
	int rc;

	rc = reactor_on_signals(app_reactor(app), stop_signals, on_signal, run, e);
	if (!rc && run->conf.local.name)
		rc = app_listen(app, &run->conf.local, NULL, e);
	if (rc)
		return rc;
	for (unsigned i = 0; i < run->conf.n_adapters; i++)
		adapter_add(app, &run->conf.adapters[i]);
	if (run->conf.node)
		run->node = nodelink_start(app, &(struct nodelink_conf){
			.node = run->conf.node, .application = run->conf.application,
			.server = run->conf.server, .version = TARS_VERSION });
	pool_run(run_init, run);
	if (run->init_rc)
		return err_set(e, TARS_EUNKNOWN, "its init() failed with %d", run->init_rc);
	run->initialised = true;
	rc = hooks_init(app, e);
	if (!rc) {
		run->guard = stop_guard_start(app, stop_signals, run->conf.grace_ms +
					      run->conf.app.end_ms, e);
		rc = run->guard ? listen_all(run, ready, e) : e->code;
	}
	if (!rc && can_be_called(run))
		nodelink_ready(run->node);
	return rc;
}

static void started(void *arg)
{
	struct service_run *run = arg;
	struct buf ready = BUF_INIT;
	struct err e;

	if (start_steps(run, &ready, &e)) {
		complain(run, &e);
		run->stop_wanted = true;
	} else if (!run->stop_wanted) {
		say(run, "ready", &ready);
		notify_report(run->app, "restart");
		if (run->close_output)
			close_output();
	}
	run->started = true;
	if (run->stop_wanted)
		stop(run);
	buf_release(&ready);
}

/* What large packets in flight took and gave back is wanted again at once: without this each turn
 * returns it to the system, and the page faults of the next cost more than the packets' copies. */
static void keep_freed_memory(void)
{
	enum { TRIM_ABOVE = 8 << 20, MAP_ABOVE = 4 << 20 };

	mallopt(M_TRIM_THRESHOLD, TRIM_ABOVE);
	/* The line above ends that this one adapts by itself. */
	mallopt(M_MMAP_THRESHOLD, MAP_ABOVE);
}

int tars_main(int argc, char **argv, const struct tars_service *service)
{
	struct service_run run = { .service = service, .ready_fd = -1 };
	int status = parse_args(&run, argc, argv), rc;
	struct err e;

	if (status)
		return status - 1;
	keep_freed_memory();
	reactor_block_signals();
	arena_init(&run.arena, NULL, 0);
	rc = load_config(&run, &e);
	if (!rc) {
		app_report_crashes(run.conf.name);
		rc = make_app(&run, &e);
	}
	if (rc) {
		complain(&run, &e);
	} else {
		run.app->on_shutdown = on_shutdown;
		run.app->before_stop = before_stop;
		run.app->on_listening = on_listening;
		app_run(run.app, started, &run);
		stop_guard_end(run.guard);
	}
	/* What a handler still uses must stay, and exit() would end it under its feet, or wait. */
	if (run.app && app_is_stuck(run.app)) {
		tars_log_flush(run.app, LAST_LOGS_MS);
		_exit(EX_SOFTWARE);
	}
	app_free(run.app);
	stop_guard_free(run.guard);
	arena_clear(&run.arena);
	return run.status;
}
