/* Adapters: listening endpoints with their limits, worker groups and the table of servants. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/rpc/app_int.h"
#include "core/rpc/http.h"
#include "core/rpc/limits.h"
#include "core/rpc/message.h"
#include "core/rpc/secure.h"
#include "core/rpc/server.h"
#include "core/sys/log.h"
#include "proto/hash.h"

enum {
	DEFAULT_THREADS = 1, DEFAULT_MAX_CONNS = 1024, DEFAULT_QUEUE_CAP = 1024,
	DEFAULT_QUEUE_TIMEOUT_MS = 10000, DEFAULT_HANDSHAKE_MS = 10000, BACKLOG = 1024,
	DEFAULT_MIN_IO = 1024, DEFAULT_CONN_BYTES = 64 << 20,
	LEAST_CONN_REQUESTS = 1024, MOST_CONN_REQUESTS = 65536,
	TELL_MS = 60000,
};

const struct drop_row drop_rows[N_DROPS] = {
	[DROP_CONN_FULL] = { "refused-connections", "tars_adapter_refused_connections_total",
			     "Connections closed because of maxconns." },
	[DROP_CONN_DENIED] = { "denied-connections", "tars_adapter_denied_connections_total",
			       "Connections closed because of allow and deny." },
	[DROP_CONN_STARVED] = { "starved-accepts", "tars_adapter_starved_accepts_total",
				"Times no descriptor was left for a connection." },
	[DROP_CONN_IDLE] = { "idle-connections", "tars_adapter_idle_connections_total",
			     "Connections closed because nothing came." },
	[DROP_CONN_SLOW] = { "slow-connections", "tars_adapter_slow_connections_total",
			     "Connections closed because of a limit: stuck, or too much output." },
	[DROP_TLS] = { "tls-failures", "tars_adapter_tls_failures_total",
		       "TLS handshakes that failed." },
	[DROP_ACCESS] = { "access-denied", "tars_adapter_access_denied_total",
			  "Connections without a good access key." },
	[DROP_OVERLOAD] = { "overloads", "tars_adapter_overloads_total",
			    "Requests refused because of queuecap." },
	[DROP_EXPIRED] = { "queue-timeouts", "tars_adapter_queue_timeouts_total",
			   "Requests not executed because they waited too long." },
	[DROP_CONCURRENCY] = { "concurrency-refusals", "tars_adapter_concurrency_refusals_total",
			       "Requests refused because of limits<concurrency>." },
	[DROP_RATE] = { "rate-refusals", "tars_adapter_rate_refusals_total",
			"Requests refused because of their caller's or function's rate." },
	[DROP_DATAGRAM] = { "bad-datagrams", "tars_adapter_bad_datagrams_total",
			    "Datagrams that were no packet." },
	[DROP_ANSWER] = { "unsent-datagrams", "tars_adapter_unsent_datagrams_total",
			  "Answers over UDP that the network did not take." },
};

/* ---- servants ---- */

static void table_insert(struct servant_table *t, const struct servant *s)
{
	uint32_t i = (uint32_t)hash_fnv(s->row.name, s->name_len);

	while (t->slots[i & t->mask])
		i++;
	t->slots[i & t->mask] = s;
	t->n++;
}

const struct servant *servant_find(struct tars_app *app, const char *name, size_t n)
{
	const struct servant_table *t = atomic_load_explicit(&app->servants, memory_order_acquire);
	const struct servant *s;

	if (!t)
		return NULL;
	for (uint32_t i = (uint32_t)hash_fnv(name, n); (s = t->slots[i & t->mask]); i++)
		if (s->name_len == n && !memcmp(s->row.name, name, n))
			return s;
	return NULL;
}

void servant_names(struct tars_app *app, char *text, size_t size)
{
	const struct servant_table *t = atomic_load(&app->servants);
	size_t used = 0;

	snprintf(text, size, "none");
	for (uint32_t i = 0; t && i <= t->mask && used < size; i++)
		if (t->slots[i])
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 t->slots[i]->row.name);
}

int app_add_servant(struct tars_app *app, const struct tars_servant *row, struct err *e)
{
	const struct servant_table *old = atomic_load(&app->servants);
	uint32_t n = old ? old->n + 1 : 1, cap = 8;
	struct servant_table *t;
	struct servant *s;
	enum tars_run run;
	int rc;

	if (!row->name || !*row->name || (!row->protocol && (!row->iface || !row->impl)))
		return err_set(e, TARS_EARG, "servant '%s': name, iface and impl are needed",
			       row->name ? row->name : "");
	if (row->protocol && (!row->protocol->frame || !row->message))
		return err_set(e, TARS_EARG, "servant '%s': its protocol needs frame and message",
			       row->name);
	if (servant_find(app, row->name, strlen(row->name)))
		return err_set(e, TARS_EEXISTS, "servant %s: added twice", row->name);
	/* First: a request may arrive as soon as the table is published. */
	run = row->run == TARS_RUN_CONF ? app->conf.run : row->run;
	if (run == TARS_RUN_POOL)
		app->has_pool_servant = true;
	else
		app->has_loop_servant = true;
	rc = adapter_make_pools(app, e);
	if (rc)
		return rc;
	while (cap < n * 2)
		cap *= 2;
	pthread_mutex_lock(&app->lock);
	s = ARENA_NEW(&app->arena, struct servant);
	s->row = *row;
	s->row.name = arena_strdup(&app->arena, row->name);
	s->row.run = run;
	if (row->protocol)
		message_servant(s);
	s->name_len = strlen(row->name);
	stats_add_servant(app, s);
	/* Loops may be reading the old table: it stays until the app ends. */
	t = arena_alloc(&app->arena, sizeof(*t) + cap * sizeof(t->slots[0]));
	pthread_mutex_unlock(&app->lock);
	t->mask = cap - 1;
	for (uint32_t i = 0; old && i <= old->mask; i++)
		if (old->slots[i])
			table_insert(t, old->slots[i]);
	table_insert(t, s);
	atomic_store_explicit(&app->servants, t, memory_order_release);
	return TARS_OK;
}

/* ---- worker groups ---- */

static int worker_init(void *arg)
{
	struct tars_app *app = arg;

	return app->thread_init ? app->thread_init(app) : 0;
}

static void worker_fini(void *arg)
{
	struct tars_app *app = arg;

	if (app->thread_fini)
		app->thread_fini(app);
}

/* Threads are started only for apps that have a servant to run on them. */
int adapter_make_pools(struct tars_app *app, struct err *e)
{
	if (!app->has_pool_servant)
		return 0;
	for (struct list *l = app->groups.next; l != &app->groups; l = l->next) {
		struct group *g = container_of(l, struct group, node);
		struct pool_conf conf = {
			.name = g->name, .threads = g->threads, .thread_init = worker_init,
			.thread_fini = worker_fini, .arg = app,
		};
		struct pool *pool;

		if (atomic_load(&g->pool))
			continue;
		pool = pool_new(&conf, e);
		if (!pool)
			return err_wrap(e, "worker threads of %s", g->name);
		atomic_store(&g->pool, pool);
	}
	return 0;
}

static struct group *group_get(struct tars_app *app, const char *name, unsigned threads)
{
	struct group *g;

	for (struct list *l = app->groups.next; l != &app->groups; l = l->next) {
		g = container_of(l, struct group, node);
		if (!strcmp(g->name, name))
			return g;
	}
	pthread_mutex_lock(&app->lock);
	g = ARENA_NEW(&app->arena, struct group);
	g->name = arena_strdup(&app->arena, name);
	pthread_mutex_unlock(&app->lock);
	g->threads = threads;
	list_append(&app->groups, &g->node);
	return g;
}

bool pools_end(struct tars_app *app, int64_t until_us)
{
	bool all = true;

	for (struct list *l = app->groups.next; l != &app->groups; l = l->next) {
		struct group *g = container_of(l, struct group, node);

		if (!pool_end(atomic_load(&g->pool), until_us))
			all = false;
		else
			atomic_store(&g->pool, NULL);
	}
	return all;
}

/* ---- listening ---- */

static struct loop *least_loaded(struct tars_app *app)
{
	struct loop *best = &app->loops[0];

	for (unsigned i = 1; i < app->n_loops; i++)
		if (atomic_load(&app->loops[i].n_conns) < atomic_load(&best->n_conns))
			best = &app->loops[i];
	return best;
}

bool adapter_lets_in(struct adapter *a, const struct sockaddr_any *peer)
{
	struct log_subject me = { a->name, NULL };
	char text[64];
	struct ip ip;

	/* Peers without an address are of this machine. */
	if (!sockaddr_ip(peer, &ip) || ip_is_allowed(&a->conf.peers, &ip))
		return true;
	adapter_drop(a, DROP_CONN_DENIED);
	sockaddr_print(text, sizeof(text), peer);
	log_every(TELL_MS, LOG_LEVEL_WARN, &me, a->udp.is_open ? "datagram of %s dropped: allow "
		  "and deny do not let it in" : "connection of %s closed: allow and deny do not let "
		  "it in", text);
	return false;
}

static void adapter_starved(struct listener *l, const struct err *e)
{
	struct adapter *a = container_of(l, struct adapter, listener);
	struct log_subject me = { a->name, NULL };

	adapter_drop(a, DROP_CONN_STARVED);
	log_every(TELL_MS, LOG_LEVEL_ERROR, &me, "%s", e->text);
}

static void adapter_accepted(struct listener *l, int fd, const struct sockaddr_any *peer)
{
	struct adapter *a = container_of(l, struct adapter, listener);

	if (!adapter_lets_in(a, peer)) {
		close(fd);
		return;
	}
	if (atomic_load(&a->n_conns) >= a->conf.max_conns) {
		adapter_drop(a, DROP_CONN_FULL);
		close(fd);
		return;
	}
	server_accept(a, least_loaded(a->app), fd, peer);
}

static void fill_defaults(struct adapter_conf *c)
{
	if (!c->threads)
		c->threads = DEFAULT_THREADS;
	if (!c->max_conns)
		c->max_conns = DEFAULT_MAX_CONNS;
	if (!c->queue_cap)
		c->queue_cap = DEFAULT_QUEUE_CAP;
	if (!c->queue_timeout_ms)
		c->queue_timeout_ms = DEFAULT_QUEUE_TIMEOUT_MS;
	if (!c->idle_ms)
		c->idle_ms = c->ep.timeout_ms;
	if (!c->handshake_ms)
		c->handshake_ms = DEFAULT_HANDSHAKE_MS;
	if (!c->empty_ms)
		c->empty_ms = c->idle_ms;
	if (!c->max_frame)
		c->max_frame = FRAME_DEFAULT_MAX;
	if (!c->max_out)
		c->max_out = FRAME_DEFAULT_MAX;
	if (!c->min_io)
		c->min_io = DEFAULT_MIN_IO;
	if (!c->conn_requests)
		c->conn_requests = c->queue_cap < LEAST_CONN_REQUESTS ? LEAST_CONN_REQUESTS :
				   c->queue_cap > MOST_CONN_REQUESTS ? MOST_CONN_REQUESTS :
				   c->queue_cap;
	if (!c->conn_bytes)
		c->conn_bytes = DEFAULT_CONN_BYTES;
}

static const char *keep(struct tars_app *app, const char *text)
{
	return text && *text ? arena_strdup(&app->arena, text) : NULL;
}

static struct adapter *adapter_new(struct tars_app *app, const struct adapter_conf *conf)
{
	struct adapter *a;

	pthread_mutex_lock(&app->lock);
	a = ARENA_NEW(&app->arena, struct adapter);
	a->app = app;
	a->conf = *conf;
	a->conf.name = a->name = arena_strdup(&app->arena, conf->name);
	a->conf.servant = keep(app, conf->servant);
	a->conf.access_key = keep(app, conf->access_key);
	a->conf.secret_key = keep(app, conf->secret_key);
	a->running = xcalloc_lines(app->n_loops * sizeof(*a->running));
	arena_defer(&app->arena, free, a->running);
	pthread_mutex_unlock(&app->lock);
	fill_defaults(&a->conf);
	return a;
}

unsigned adapter_running(const struct adapter *a)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < a->app->n_loops; i++)
		sum += atomic_load_explicit(&a->running[i].n, memory_order_relaxed);
	return sum;
}

static int check_access(const struct adapter *a, struct err *e)
{
	const struct adapter_conf *c = &a->conf;
	struct log_subject subject = { a->name, NULL };

	if (c->ep.type == ENDPOINT_UDP && (c->ep.auth || endpoint_is_unix(&c->ep)))
		return err_set(e, TARS_ECONF, "its udp endpoint cannot have %s", c->ep.auth ?
			       "-e 1: there is no connection to authenticate" : "a socket file");
	if (c->ep.auth && (!c->access_key || !c->secret_key))
		return err_set(e, TARS_ECONF, "its endpoint has -e 1, which needs accesskey and "
			       "secretkey");
	if (!c->ep.auth && c->access_key)
		log_warn(&subject, "accesskey is set, but nobody is asked for it: its endpoint "
			 "has no -e 1");
	return TARS_OK;
}

/* Its servant cannot be called around what this adapter asks for. */
static void guard_servant(const struct adapter *a)
{
	const struct adapter_conf *c = &a->conf;
	const struct servant *s = NULL;

	if (c->servant && (c->ep.auth || (a->tls && c->tls.verify_client)))
		s = servant_find(a->app, c->servant, strlen(c->servant));
	if (s)
		atomic_store_explicit(&((struct servant *)s)->guarded, true, memory_order_relaxed);
}

/* The socket of its endpoint. */
static int open_socket(struct adapter *a, struct err *e)
{
	const struct adapter_conf *c = &a->conf;
	int rc, port = 0;

	a->max_reply = FRAME_DEFAULT_MAX;
	if (c->ep.type == ENDPOINT_UDP) {
		a->max_reply = DATAGRAM_MAX;
		rc = datagram_open(&a->udp, c->ep.host, c->ep.port, &port, server_datagram, e);
	} else if (endpoint_is_unix(&c->ep)) {
		return listener_open_file(&a->listener, c->ep.host, c->socket_mode, BACKLOG,
					  adapter_accepted, e);
	} else {
		rc = listener_open(&a->listener, c->ep.host, c->ep.port, BACKLOG,
				   adapter_accepted, e);
		port = rc ? 0 : listener_port(&a->listener);
	}
	if (!rc)
		atomic_store(&a->port, port);
	return rc;
}

int adapter_prepare(struct adapter *a, struct err *e)
{
	struct adapter_conf *c = &a->conf;
	int rc = check_access(a, e);

	if (!rc)
		rc = message_adapter(a, e);
	if (!rc && !c->local) {
		a->group = group_get(a->app, c->handle_group ? c->handle_group : a->name, c->threads);
		c->handle_group = a->group->name;
		rc = adapter_make_pools(a->app, e);
	}
	if (!rc && c->ep.type == ENDPOINT_SSL) {
		c->tls.alpn = c->tars_only || c->ep.auth ? NULL : HTTP_ALPN;
		a->tls = secure_ctx(a->app, TLS_SERVER, &c->tls, e);
		rc = a->tls ? TARS_OK : e->code;
	}
	if (rc)
		return err_wrap(e, "adapter %s", a->name);
	guard_servant(a);
	if (c->limits)
		a->limits = limits_new(c->limits);
	return TARS_OK;
}

int adapter_listen(struct adapter *a, struct err *e)
{
	int rc = open_socket(a, e);

	if (rc)
		return err_wrap(e, "adapter %s", a->name);
	a->listener.starved = adapter_starved;
	atomic_store(&a->listening, true);
	return TARS_OK;
}

static void publish(struct adapter *a)
{
	pthread_mutex_lock(&a->app->lock);
	list_append(&a->app->adapters, &a->node);
	pthread_mutex_unlock(&a->app->lock);
}

struct adapter *adapter_add(struct tars_app *app, const struct adapter_conf *conf)
{
	struct adapter *a = adapter_new(app, conf);

	publish(a);
	return a;
}

int app_listen(struct tars_app *app, const struct adapter_conf *conf, int *port_r, struct err *e)
{
	struct adapter *a = adapter_new(app, conf);
	int rc = adapter_prepare(a, e);

	if (!rc)
		rc = adapter_listen(a, e);
	if (rc)
		return rc;
	publish(a);
	if (port_r)
		*port_r = a->port;
	return TARS_OK;
}

struct adapter *adapter_next(struct tars_app *app, struct adapter *prev)
{
	struct list *next;

	pthread_mutex_lock(&app->lock);
	next = prev ? prev->node.next : app->adapters.next;
	pthread_mutex_unlock(&app->lock);
	return next == &app->adapters ? NULL : container_of(next, struct adapter, node);
}

void adapters_close(struct tars_app *app)
{
	for (struct list *l = app->adapters.next; l != &app->adapters; l = l->next) {
		struct adapter *a = container_of(l, struct adapter, node);

		if (a->listening)
			listener_close(&a->listener);
		datagram_stop(&a->udp);
		atomic_store(&a->listening, false);
	}
}

void adapters_free(struct tars_app *app)
{
	for (struct list *l = app->adapters.next; l != &app->adapters; l = l->next) {
		struct adapter *a = container_of(l, struct adapter, node);

		limits_free(a->limits);
		datagram_close(&a->udp);
	}
}
