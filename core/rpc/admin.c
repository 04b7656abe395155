/* AdminObj: what the node and operators ask of a running service (shutdown, notify, getPid). */
#include "core/rpc/admin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/pool.h"
#include "core/rpc/app_int.h"
#include "core/rpc/notify.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"
#include "core/rpc/service.h"
#include "if/AdminF.h"
#include "proto/text.h"

enum { SHUTDOWN_GRACE_MS = 3000, MAX_COMMAND = 64 * 1024, MAX_NAMES = 256 };

/* ---- help ---- */

struct named {
	const char *name, *help;
};

static unsigned add_names(struct named *all, unsigned n, const struct admin_command *rows)
{
	for (; rows->name && n < MAX_NAMES; rows++)
		all[n++] = (struct named){ rows->name, rows->help };
	return n;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* Officially the names alone; with -v what they do. */
static bool help(struct admin_call *c)
{
	const struct tars_service *hooks = c->app->hooks;
	bool verbose = !strcmp(c->params, "-v");
	struct named all[MAX_NAMES];
	unsigned n = 0;

	all[n++] = (struct named){ "tars.help", "[-v]: names of all commands; -v: what they do" };
	n = add_names(all, n, admin_official);
	n = add_names(all, n, admin_own);
	for (const struct tars_command *u = hooks ? hooks->commands : NULL; u && u->name; u++)
		if (n < MAX_NAMES)
			all[n++] = (struct named){ u->name, u->help };
	qsort(all, n, sizeof(*all), compare_names);
	for (unsigned i = 0; i < n; i++) {
		if (i && !verbose && !strcmp(all[i].name, all[i - 1].name))
			continue;
		if (verbose)
			buf_addf(c->out, "%-20s %s\r\n", all[i].name, all[i].help ? all[i].help : "");
		else
			buf_addf(c->out, "%s\r\n", all[i].name);
	}
	return true;
}

static const struct admin_command help_row[] = { { "tars.help", "", help }, { NULL } };

/* ---- running a command ---- */

static const struct admin_command *find(const char *name)
{
	const struct admin_command *const tables[] = { help_row, admin_official, admin_own };

	for (unsigned t = 0; t < sizeof(tables) / sizeof(*tables); t++)
		for (const struct admin_command *row = tables[t]; row->name; row++)
			if (!strcmp(row->name, name))
				return row;
	return NULL;
}

static bool run_builtin(struct admin_call *c, const char *name, struct buf *answer)
{
	const struct admin_command *row = find(name);
	bool ok;

	if (!row)
		return true;
	ok = row->run(c);
	buf_addf(answer, "[notify prefix object num:1]\n%s%s\n",
		 ok ? "[1]:" : "[notify break by server]:\n", buf_str(c->out));
	return ok;
}

struct user_run {
	const struct tars_command *command;
	struct admin_call *call;
	struct tars_str result;
	int rc;
};

static void run_user(void *arg)
{
	struct user_run *u = arg;

	u->rc = u->command->run(u->call->rq, u->call->params, &u->result);
}

static void run_users(struct admin_call *c, const char *name, struct buf *answer)
{
	const struct tars_command *rows = c->app->hooks ? c->app->hooks->commands : NULL, *u;
	unsigned n = 0, i = 0;

	for (u = rows; u && u->name; u++)
		n += !strcmp(u->name, name);
	if (!n)
		return;
	buf_addf(answer, "[notify servant object num:%u]\n", n);
	for (u = rows; u->name; u++) {
		struct user_run run = { .command = u, .call = c, .result = TARS_STR("") };

		if (strcmp(u->name, name))
			continue;
		pool_run(run_user, &run);
		if (run.rc)
			buf_addf(answer, "[notify break.]\n");
		else
			buf_addf(answer, "[%u]:", ++i);
		buf_add(answer, run.result.p, run.result.n);
		buf_add_u8(answer, '\n');
		if (run.rc)
			break;
	}
}

/* Answers in the official frame, as consoles show it; an unknown command gets "" (contract 6). */
static int notify(struct tars_req *rq, const struct tars_AdminF_notify_in *in,
		  struct tars_AdminF_notify_out *out)
{
	struct buf text = BUF_INIT, answer = BUF_INIT;
	struct admin_call c = { .rq = rq, .app = rq->app, .params = "", .out = &text };
	const char *p = in->command.p;
	size_t n = in->command.n;
	char *name, *blank;

	if (n > MAX_COMMAND)
		return tars_fail(rq, TARS_EUNKNOWN, "the command has %zu bytes; %d are read", n,
				 MAX_COMMAND);
	text_trim(&p, &n);
	name = (char *)tars_strndup(rq, p, n).p;
	notify_report(rq->app, tars_strf(rq, "AdminServant::notify:%s", name).p);
	blank = strchr(name, ' ');
	if (blank) {
		*blank = '\0';
		c.params = blank + 1;
	}
	if (run_builtin(&c, name, &answer))
		run_users(&c, name, &answer);
	out->ret = tars_strndup(rq, (const char *)buf_head(&answer), buf_size(&answer));
	buf_release(&text);
	buf_release(&answer);
	return TARS_OK;
}

/* ---- the servant ---- */

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

	/* CORO, beside the service's own workers: an overloaded service still hears that it shall
	 * stop. */
	s->row = (struct tars_servant){ "AdminObj", &tars_AdminF_iface, &admin_impl, TARS_RUN_CORO,
					NULL };
	s->name_len = strlen(s->row.name);
	stats_add_servant(app, s);
	app->admin = s;
}
