/* What AdminObj shows in the official layout: configuration, adapters, connections. */
#include "core/rpc/admin_show.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/rpc/app_int.h"
#include "core/rpc/main_conf.h"
#include "core/rpc/req.h"
#include "core/rpc/server.h"

#define SERVER "/tars/application/server"
#define CLIENT "/tars/application/client"

enum { LINE = 100, LABEL = 29, GATHER_MS = 2000 };

static void add_line(struct buf *out, char c)
{
	for (int i = 0; i < LINE; i++)
		buf_add_u8(out, (uint8_t)c);
	buf_add_u8(out, '\n');
}

static void add_row(struct buf *out, const char *label, const char *value)
{
	buf_addf(out, "%-*s%s\n", LABEL, label, value);
}

static void add_number(struct buf *out, const char *label, int64_t value, const char *unit)
{
	buf_addf(out, "%-*s%lld%s\n", LABEL, label, (long long)value, unit);
}

/* ---- status ---- */

static const struct shown {
	const char *label, *path, *fallback;
} client_rows[] = {
	{ "locator", CLIENT "<locator>" },
	{ "sync-invoke-timeout", CLIENT "<sync-invoke-timeout>", "3000" },
	{ "async-invoke-timeout", CLIENT "<async-invoke-timeout>", "5000" },
	{ "refresh-endpoint-interval", CLIENT "<refresh-endpoint-interval>", "60000" },
	{ "stat", CLIENT "<stat>" },
	{ "property", CLIENT "<property>" },
	{ "report-interval", CLIENT "<report-interval>", "60000" },
	{ "netthread", CLIENT "<netthread>" },
	{ "asyncthread", CLIENT "<asyncthread>" },
	{ "modulename", CLIENT "<modulename>" },
	{ "enableset", "/tars/application<enableset>" },
	{ "setdivision", "/tars/application<setdivision>" },
	{ NULL }
}, server_rows[] = {
	{ "Application(app)", SERVER "<app>" },
	{ "ServerName(server)", SERVER "<server>" },
	{ "BasePath(basepath)", SERVER "<basepath>", "." },
	{ "DataPath(datapath)", SERVER "<datapath>" },
	{ "LocalIp(localip)", SERVER "<localip>" },
	{ "Local(local)", SERVER "<local>" },
	{ "LogPath(logpath)", SERVER "<logpath>" },
	{ "LogSize(logsize)", SERVER "<logsize>" },
	{ "LogNum(lognum)", SERVER "<lognum>" },
	{ "LogLevel(loglevel)", NULL },
	{ "Log(log)", SERVER "<log>" },
	{ "Node(node)", SERVER "<node>" },
	{ "Config(config)", SERVER "<config>" },
	{ "Notify(notify)", SERVER "<notify>" },
	{ "OpenCoroutine(opencoroutine)", SERVER "<opencoroutine>" },
	{ "CoroutineStackSize(coroutinestack)", SERVER "<coroutinestack>" },
	{ "CloseCout(closecout)", SERVER "<closecout>", "0" },
	{ "NetThread(netthread)", SERVER "<netthread>", "1" },
	{ "ManualListen(manuallisten)", SERVER "<manuallisten>", "0" },
	{ "BackPacketLimit(backpacketlimit)", SERVER "<backpacketlimit>" },
	{ NULL }
};

static void add_shown(struct admin_call *c, const struct shown *rows)
{
	for (; rows->label; rows++)
		add_row(c->out, rows->label, !rows->path ?
			log_state_level_name(atomic_load(&c->app->logs.level)) :
			tars_config(c->app, rows->path, rows->fallback ? rows->fallback : ""));
}

static const char *servant_of(const struct tars_app *app, const struct adapter *a)
{
	const struct main_conf *s = app->service;

	for (unsigned i = 0; s && i < s->n_adapters; i++)
		if (!strcmp(s->adapters[i].name, a->name))
			return s->servants[i];
	return a->conf.local ? "AdminObj" : "";
}

static void add_adapter(struct buf *out, const struct tars_app *app, const struct adapter *a)
{
	struct endpoint ep = a->conf.ep;

	if (atomic_load(&a->port))
		ep.port = atomic_load(&a->port);
	add_row(out, "name", a->name);
	add_row(out, "servant", servant_of(app, a));
	buf_addf(out, "%-*s", LABEL, "endpoint");
	endpoint_print(out, &ep);
	buf_add_u8(out, '\n');
	add_row(out, "listening", atomic_load(&a->listening) ? "yes" : a->conf.manual ?
		"no: the service has not called tars_listen" : "no");
	add_number(out, "maxconns", a->conf.max_conns, "");
	add_number(out, "queuecap", a->conf.queue_cap, "");
	add_number(out, "queuetimeout", a->conf.queue_timeout_ms, "ms");
	add_number(out, "connections", atomic_load(&a->n_conns), "");
	add_row(out, "protocol", a->conf.not_tars ? "not_tars" : "tars");
	add_number(out, "handlethread", a->conf.threads, "");
	add_number(out, "waiting", atomic_load(&a->waiting), "");
	add_number(out, "running", adapter_running(a), "");
	for (int i = 0; i < N_DROPS; i++)
		add_number(out, drop_rows[i].status, (int64_t)a->drops[i], "");
}

bool admin_show_status(struct admin_call *c)
{
	add_line(c->out, '=');
	add_row(c->out, "[proxy config]:", "");
	add_shown(c, client_rows);
	add_line(c->out, '-');
	add_row(c->out, "[server config]:", "");
	add_shown(c, server_rows);
	add_line(c->out, '-');
	for (struct adapter *a = NULL; (a = adapter_next(c->app, a));) {
		add_adapter(c->out, c->app, a);
		add_line(c->out, '-');
	}
	return true;
}

/* ---- connections ---- */

struct conn_row {
	const struct adapter *adapter;
	int fd;
	char peer[64];
	int64_t idle_us, idle_limit_ms;
	size_t in, out;
};

static void copy_conns(struct loop *l, const void *arg, struct buf *out)
{
	int64_t now = reactor_now();

	(void)arg;
	for (struct list *at = l->conns.next; at != &l->conns; at = at->next) {
		const struct server_conn *sc = container_of(at, struct server_conn, node);
		struct conn_row row = {
			.adapter = sc->adapter, .fd = sc->conn.watch.fd,
			.idle_us = now - sc->conn.last_io_us,
			.idle_limit_ms = sc->adapter->conf.idle_ms,
			.in = buf_size(&sc->conn.in), .out = buf_size(&sc->conn.out),
		};

		memcpy(row.peer, sc->conn.peer_text, sizeof(row.peer));
		buf_add(out, &row, sizeof(row));
	}
}

static void add_conn(struct buf *out, const struct conn_row *row, time_t now)
{
	time_t last = now - (time_t)(row->idle_us / 1000000);
	char when[32];
	struct tm tm;

	localtime_r(&last, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	buf_addf(out, "%-15d%-25s%-25s%-10lld%-30zu%-30zu\n", row->fd, row->peer,
		 when, (long long)(row->idle_limit_ms / 1000), row->in, row->out);
}

static void add_conns(struct buf *out, const struct adapter *a, const struct conn_row *rows,
		      size_t n)
{
	char head[256];
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += rows[i].adapter == a;
	snprintf(head, sizeof(head), "[adapter:%.150s] [connections:%zu]", a->name, count);
	add_line(out, '-');
	add_row(out, head, "");
	buf_addf(out, "%-15s%-25s%-25s%-10s%-30s%-30s\n", "conn-uid", "ip:port", "last-time",
		 "timeout", "recvBufferSize", "sendBufferSize");
	for (size_t i = 0; i < n; i++)
		if (rows[i].adapter == a)
			add_conn(out, &rows[i], time(NULL));
}

/* A loop that does not answer is said to be stuck: its rows are missing. */
static void add_stuck(struct buf *out, bool complete)
{
	if (!complete)
		buf_addf(out, "(a loop has not answered within %d ms: tars.loops)\n", GATHER_MS);
}

bool admin_show_connections(struct admin_call *c)
{
	struct buf rows = BUF_INIT;
	bool complete = stats_gather(c->app, copy_conns, NULL, 0, GATHER_MS, &rows);

	add_line(c->out, '=');
	for (struct adapter *a = NULL; (a = adapter_next(c->app, a));)
		add_conns(c->out, a, (const struct conn_row *)(const void *)buf_head(&rows),
			  buf_size(&rows) / sizeof(struct conn_row));
	add_stuck(c->out, complete);
	add_line(c->out, '=');
	buf_release(&rows);
	return true;
}

/* ---- resources ---- */

static void count_buffers(const struct adapter *a, const struct buf *rows, size_t *in, size_t *out)
{
	const struct conn_row *row = (const struct conn_row *)(const void *)buf_head(rows);

	*in = *out = 0;
	for (size_t i = 0; i < buf_size(rows) / sizeof(*row); i++)
		if (row[i].adapter == a) {
			*in += row[i].in > 0;
			*out += row[i].out > 0;
		}
}

bool admin_show_resources(struct admin_call *c)
{
	struct buf rows = BUF_INIT;
	bool complete = stats_gather(c->app, copy_conns, NULL, 0, GATHER_MS, &rows);
	size_t in, out;

	for (struct adapter *a = NULL; (a = adapter_next(c->app, a));) {
		add_line(c->out, '-');
		add_adapter(c->out, c->app, a);
		count_buffers(a, &rows, &in, &out);
		add_number(c->out, "recv-buffer-count", (int64_t)in, "");
		add_number(c->out, "send-buffer-count", (int64_t)out, "");
	}
	add_stuck(c->out, complete);
	buf_release(&rows);
	return true;
}
