/* AdminObj: what the node and operators ask of a running service (shutdown, notify, getPid). */
#include <string.h>
#include <unistd.h>

#include "core/rpc/app_int.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"
#include "core/rpc/service.h"
#include "if/AdminF.h"
#include "proto/text.h"

enum { SHUTDOWN_GRACE_MS = 3000 };

struct command {
	const char *name;
	void (*print)(struct tars_app *app, struct buf *b);
};

static void print_version(struct tars_app *app, struct buf *b)
{
	(void)app;
	buf_addf(b, "$%s$", TARS_VERSION);
}

static void print_connections(struct tars_app *app, struct buf *b)
{
	for (struct list *l = app->adapters.next; l != &app->adapters; l = l->next) {
		const struct adapter *a = container_of(l, struct adapter, node);

		buf_addf(b, "[adapter:%s] [connections:%u] [refused:%llu] [waiting:%u] "
			 "[running:%u] [overloads:%llu] [queue-timeouts:%llu]\n", a->name,
			 atomic_load(&a->n_conns), (unsigned long long)a->n_refused_conns,
			 atomic_load(&a->waiting), atomic_load(&a->running),
			 (unsigned long long)a->n_overloads,
			 (unsigned long long)a->n_queue_timeouts);
	}
}

static void print_help(struct tars_app *app, struct buf *b);

static const struct command commands[] = {
	{ "tars.connection", print_connections },
	{ "tars.help", print_help },
	{ "tars.viewversion", print_version },
};

enum { N_COMMANDS = sizeof(commands) / sizeof(*commands) };

static void print_help(struct tars_app *app, struct buf *b)
{
	(void)app;
	for (unsigned i = 0; i < N_COMMANDS; i++)
		buf_addf(b, "%s%s", i ? "\r\n" : "", commands[i].name);
}

/* Answers in the official frame, as consoles show it; an unknown command gets "" (contract 6). */
static int notify(struct tars_req *rq, const struct tars_AdminF_notify_in *in,
		  struct tars_AdminF_notify_out *out)
{
	const char *name = in->command.p;
	size_t n = in->command.n;
	struct buf b = BUF_INIT;

	text_trim(&name, &n);
	n = strnlen(name, n);
	if (memchr(name, ' ', n))
		n = (size_t)((const char *)memchr(name, ' ', n) - name);
	for (unsigned i = 0; i < N_COMMANDS; i++) {
		if (strlen(commands[i].name) != n || memcmp(commands[i].name, name, n))
			continue;
		buf_add_str(&b, "[notify prefix object num:1]\n[1]:");
		commands[i].print(rq->app, &b);
		buf_add_u8(&b, '\n');
		out->ret = tars_strndup(rq, (const char *)buf_head(&b), buf_size(&b));
	}
	buf_release(&b);
	return TARS_OK;
}

/* On the main loop, to which timers and the state of tars_main belong. */
static void shut_down(struct tars_req *rq, void *arg)
{
	(void)arg;
	if (rq->app->on_shutdown)
		rq->app->on_shutdown(rq->app);
	else
		app_stop(rq->app, SHUTDOWN_GRACE_MS);
}

static int shutdown_service(struct tars_req *rq, const struct tars_AdminF_shutdown_in *in,
			    struct tars_AdminF_shutdown_out *out)
{
	(void)in;
	(void)out;
	app_spawn(rq->app, shut_down, NULL);
	return TARS_OK;
}

static int get_pid(struct tars_req *rq, const struct tars_AdminF_getPid_in *in,
		   struct tars_AdminF_getPid_out *out)
{
	(void)rq;
	(void)in;
	out->ret = getpid();
	return TARS_OK;
}

static const struct tars_AdminF admin_impl = {
	.notify = notify, .shutdown = shutdown_service, .getPid = get_pid,
};

void admin_init(struct tars_app *app)
{
	struct servant *s = ARENA_NEW(&app->arena, struct servant);

	/* INLINE: an overloaded service must still hear that it shall stop. */
	s->row = (struct tars_servant){ "AdminObj", &tars_AdminF_iface, &admin_impl, TARS_RUN_INLINE,
					NULL };
	s->name_len = strlen(s->row.name);
	stats_add_servant(app, s);
	app->admin = s;
}
