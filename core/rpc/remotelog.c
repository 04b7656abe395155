/* Remote logs: batches of lines to the log server, in a thread of their own. */
#include "core/rpc/remotelog.h"

#include <stdlib.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/sys/log.h"
#include "if/LogF.h"

enum {
	BATCH_LINES = 200, BATCH_BYTES = 5 << 20,
	MAX_QUEUE = 64 << 20,     /* what does not fit is not sent */
	TIMEOUT_MS = 3000, END_MS = 5000, COMPLAIN_MS = 10000,
};

/* Lines of one log that wait to be sent. */
struct batch {
	struct batch *next;
	char name[LOG_NAME_MAX + 1];
	const char *dyed;             /* NULL, or the kind of log that dyed lines came from */
	enum log_period period;
	unsigned every;
	struct tars_str *lines;
	uint32_t n, room;
	size_t bytes;
};

struct remotelog {
	struct tars_app *app;
	struct tars_str app_name, server, prefix; /* prefix: "App.Server|" of dyed lines */
	const char *object;
	struct line_queue *queue;
	_Atomic uint64_t sent, unsent;

	/* The thread's. */
	struct tars_proxy *proxy;
	struct batch *batches;
	struct batch dyed_roll, dyed_day;
	struct arena scratch;         /* dyed lines, until they are sent */
};

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

/* ---- sending ---- */

static int send_dyed(struct tars_call *c, const struct batch *b)
{
	struct tars_Log_logger_in in = {
		.app = TARS_STR("tars_dyeing"), .server = TARS_STR("dyeing"),
		.file = str(b->dyed), .format = TARS_STR("%Y%m%d"), .buffer = { b->lines, b->n },
	};
	struct tars_Log_logger_out out;

	return tars_Log_logger(c, &in, &out);
}

static int send_by_info(struct remotelog *r, struct tars_call *c, const struct batch *b)
{
	char type[16];
	struct tars_Log_loggerbyInfo_in in = {
		.info = {
			.appname = r->app_name, .servername = r->server, .sFilename = str(b->name),
			.sFormat = str(logname_format(b->period)),
			.setdivision = str(r->app->conf.set ? r->app->conf.set : ""),
			.bHasSufix = true, .bHasAppNamePrefix = true,
			.sConcatStr = TARS_STR("_"), .sSepar = TARS_STR("|"),
		},
		.buffer = { b->lines, b->n },
	};
	struct tars_Log_loggerbyInfo_out out;

	logname_type(type, sizeof(type), b->period, b->every);
	in.info.sLogType = str(type);
	return tars_Log_loggerbyInfo(c, &in, &out);
}

static void keep_unsent(struct remotelog *r, const struct batch *b, const char *why)
{
	log_every(COMPLAIN_MS, LOG_LEVEL_WARN, NULL, "remote log '%s': %u lines not sent: %s",
		  b->name, b->n, why);
	atomic_fetch_add_explicit(&r->unsent, b->n, memory_order_relaxed);
	/* Dyed lines are in the dyeing log of this machine. */
	for (uint32_t i = 0; i < b->n && !b->dyed; i++)
		applog_not_sent(r->app->log, b->name, b->lines[i].p, b->lines[i].n);
}

static void send_batch(struct remotelog *r, struct batch *b)
{
	struct tars_call c = { .timeout_ms = TIMEOUT_MS };

	if (!b->n)
		return;
	if (!r->proxy)
		r->proxy = tars_proxy(r->app, r->object);
	c.to = r->proxy;
	c.rq = tars_begin(r->app);
	if (b->dyed ? send_dyed(&c, b) : send_by_info(r, &c, b))
		keep_unsent(r, b, c.error);
	else
		atomic_fetch_add_explicit(&r->sent, b->n, memory_order_relaxed);
	tars_end(c.rq);
	b->n = 0;
	b->bytes = 0;
}

static void add(struct remotelog *r, struct batch *b, const char *text, uint32_t n)
{
	if (b->n == b->room) {
		b->room = b->room ? b->room * 2 : 64;
		b->lines = xrealloc(b->lines, b->room * sizeof(*b->lines));
	}
	b->lines[b->n++] = (struct tars_str){ text, n };
	b->bytes += n;
	if (b->n > BATCH_LINES || b->bytes > BATCH_BYTES)
		send_batch(r, b);
}

/* ---- the thread ---- */

static struct batch *batch_get(struct remotelog *r, const char *name)
{
	struct batch *b;

	for (b = r->batches; b && strcmp(b->name, name); b = b->next)
		;
	if (b)
		return b;
	b = xcalloc(1, sizeof(*b));
	memcpy(b->name, name, strlen(name));
	b->next = r->batches;
	r->batches = b;
	return b;
}

static void set_period(struct remotelog *r, const struct line *l)
{
	struct batch *b = batch_get(r, line_name(l));
	unsigned values[2];

	send_batch(r, b);
	memcpy(values, line_text(l), sizeof(values));
	b->period = (enum log_period)values[0];
	b->every = values[1];
}

static void add_dyed(struct remotelog *r, struct batch *b, const struct line *l)
{
	char *text = arena_alloc_raw(&r->scratch, r->prefix.n + l->n);

	memcpy(text, r->prefix.p, r->prefix.n);
	memcpy(text + r->prefix.n, line_text(l), l->n);
	add(r, b, text, r->prefix.n + l->n);
}

static void take_line(void *arg, const struct line *l)
{
	struct remotelog *r = arg;

	if (l->kind == APPLOG_PERIOD) {
		set_period(r, l);
		return;
	}
	if (l->flags & APPLOG_REMOTE)
		add(r, batch_get(r, line_name(l)), line_text(l), l->n);
	if (l->flags & APPLOG_DYED)
		add_dyed(r, l->kind == APPLOG_ROLL ? &r->dyed_roll : &r->dyed_day, l);
}

static void taken(void *arg)
{
	struct remotelog *r = arg;

	for (struct batch *b = r->batches; b; b = b->next)
		send_batch(r, b);
	send_batch(r, &r->dyed_roll);
	send_batch(r, &r->dyed_day);
	arena_clear(&r->scratch);
}

/* In the thread of app->log. */
static void forward(void *arg, const struct line *l)
{
	struct remotelog *r = arg;

	if (line_queue_put(r->queue, l, line_name(l), line_text(l)))
		return;
	log_every(COMPLAIN_MS, LOG_LEVEL_WARN, NULL, "remote log '%s': lines not sent: the server "
		  "does not take them as fast as they come", line_name(l));
	atomic_fetch_add_explicit(&r->unsent, 1, memory_order_relaxed);
	if (l->flags & APPLOG_REMOTE)
		applog_not_sent(r->app->log, line_name(l), line_text(l), l->n);
}

/* ---- life ---- */

struct remotelog *remotelog_new(struct tars_app *app, const char *object, const char *app_name,
				const char *server)
{
	struct remotelog *r = xcalloc(1, sizeof(*r));

	r->app = app;
	r->object = object;
	r->app_name = str(app_name);
	r->server = str(server);
	r->dyed_roll.dyed = "roll";
	r->dyed_day.dyed = "day";
	arena_init(&r->scratch, NULL, 0);
	r->prefix.p = arena_strf(&app->arena, "%s.%s|", app_name, server);
	r->prefix.n = (uint32_t)strlen(r->prefix.p);
	r->queue = line_queue_new(&(struct line_queue_conf){
		.thread = "log-remote", .max_bytes = MAX_QUEUE, .take = take_line, .taken = taken,
		.arg = r });
	applog_set_remote(app->log, forward, r);
	return r;
}

void remotelog_stats(struct remotelog *r, struct remotelog_stats *stats)
{
	stats->sent = atomic_load_explicit(&r->sent, memory_order_relaxed);
	stats->unsent = atomic_load_explicit(&r->unsent, memory_order_relaxed);
}

bool remotelog_flush(struct remotelog *r, int64_t ms)
{
	return !r || (applog_flush(r->app->log, ms) && line_queue_flush(r->queue, ms));
}

void remotelog_free(struct remotelog *r)
{
	struct batch *b;

	if (!r)
		return;
	/* What is logged from now on, and what it did not send, is for local files. */
	applog_flush(r->app->log, END_MS);
	applog_set_remote(r->app->log, NULL, NULL);
	if (!line_queue_free(r->queue, END_MS)) {
		log_error(NULL, "remote log: stuck; lines are not sent");
		return;
	}
	while ((b = r->batches)) {
		r->batches = b->next;
		free(b->lines);
		free(b);
	}
	free(r->dyed_roll.lines);
	free(r->dyed_day.lines);
	arena_clear(&r->scratch);
	free(r);
}
