/* The link to the registry: registration, heartbeats, descriptions and their cache. */
#include <stdlib.h>
#include <string.h>

#include "core/io/pool.h"
#include "core/sys/files.h"
#include "if/QueryF.h"
#include "proto/codec.h"
#include "roles/node/node.h"
#include "roles/node/host.h"

enum { CALL_MS = 3000, LIST_MS = 10000, MAX_CACHE = 256 << 20 };

static const char registry_object[] = "tars.tarsregistry.RegistryObj";
static const char query_object[] = "tars.tarsregistry.QueryObj";

struct tars_call link_call(const struct node *n, struct tars_req *rq, int timeout_ms)
{
	return (struct tars_call){ .to = tars_proxy(n->app, registry_object), .rq = rq,
				   .timeout_ms = timeout_ms, .context = n->credential };
}

static int failed(const struct tars_call *c, int rc, const char *what, struct err *e)
{
	return err_set(e, rc < 0 ? rc : TARS_EUNKNOWN, "%s: %s", what, c->error);
}

/* ---- who and where the registries are ---- */

/* Without a name of its own a node is called as the registry sees it. */
static int find_name(struct node *n, struct tars_req *rq, struct err *e)
{
	struct tars_call c = link_call(n, rq, CALL_MS);
	struct tars_Registry_getClientIp_in in = { 0 };
	struct tars_Registry_getClientIp_out out = { 0 };
	int rc;

	if (n->name)
		return 0;
	rc = tars_Registry_getClientIp(&c, &in, &out);
	if (rc != 0 || out.ret != 0 || !out.sClientIp.n)
		return failed(&c, rc, "ask the registry for our name", e);
	node_set_name(n, out.sClientIp.p);
	return 0;
}

/* What services are told: every registry that is active now. */
static int refresh_locator(struct node *n, struct tars_req *rq, struct err *e)
{
	struct tars_call c = { .to = tars_proxy(n->app, query_object), .rq = rq,
			       .timeout_ms = CALL_MS };
	struct tars_QueryF_findObjectById4All_in in = { .id = tars_strf(rq, "%s", query_object) };
	struct tars_QueryF_findObjectById4All_out out = { 0 };
	struct buf b = BUF_INIT;
	int rc = tars_QueryF_findObjectById4All(&c, &in, &out);

	if (rc != 0)
		return failed(&c, rc, "look up the registries", e);
	if (!out.activeEp.n)
		return 0;
	for (uint32_t i = 0; i < out.activeEp.n; i++)
		buf_addf(&b, "%s%s -h %s -p %d", i ? ":" : "tars.tarsregistry.QueryObj@",
			 out.activeEp.v[i].istcp == ENDPOINT_SSL ? "ssl" : "tcp",
			 out.activeEp.v[i].host.p, out.activeEp.v[i].port);
	if (strcmp(buf_str(&b), n->locator) != 0)
		node_set_locator(n, buf_str(&b));
	buf_release(&b);
	return 0;
}

/* ---- registration and heartbeat ---- */

static void fill_load(struct node *n, struct tars_LoadInfo *load)
{
	double avg[3] = { 0 };

	if (getloadavg(avg, 3) == 3) {
		load->avg1 = (float)avg[0];
		load->avg5 = (float)avg[1];
		load->avg15 = (float)avg[2];
	}
	load->avgCpu = host_cpu_percent(&n->cpu);
}

static int register_node(struct node *n, struct tars_req *rq, struct err *e)
{
	struct tars_call c = link_call(n, rq, CALL_MS);
	struct tars_Registry_registerNode_in in = { 0 };
	struct tars_Registry_registerNode_out out = { 0 };
	int rc = find_name(n, rq, e);

	if (rc != 0)
		return rc;
	in.nodeName = in.ni.nodeName = tars_strf(rq, "%s", n->name);
	in.ni.nodeObj = tars_strf(rq, "%s", n->object);
	in.ni.endpointIp = tars_strf(rq, "%s", n->host);
	in.ni.endpointPort = n->port;
	in.ni.timeOut = 0;
	in.ni.dataDir = tars_strf(rq, "%s", n->paths.data);
	in.ni.version = TARS_STR(TARS_VERSION);
	fill_load(n, &in.li);
	rc = tars_Registry_registerNode(&c, &in, &out);
	if (rc != 0)
		return failed(&c, rc, "register", e);
	if (out.ret == 1)
		return err_set(e, TARS_EEXISTS, "another node called '%s' is active: give this one "
			       "a name of its own (option name), or stop the other", n->name);
	if (out.ret == 0 || !n->is_heard)
		report_again(n);
	n->is_heard = true;
	if (out.ret != 0)
		return err_set(e, TARS_EUNKNOWN, "register node %s: the registry answered %d",
			       n->name, out.ret);
	n->is_registered = true;
	n->is_host_unwanted = false;
	n->last_alive_us = reactor_now();
	log_info(&n->log, "registered as %s, %s", n->name, n->object);
	return 0;
}

static int keep_alive(struct node *n, struct tars_req *rq, struct err *e)
{
	struct tars_call c = link_call(n, rq, CALL_MS);
	struct tars_Registry_keepAlive_in in = { 0 };
	struct tars_Registry_keepAlive_out out = { 0 };
	int rc;

	in.nodeName = tars_strf(rq, "%s", n->name);
	fill_load(n, &in.load);
	rc = tars_Registry_keepAlive(&c, &in, &out);
	if (rc != 0)
		return failed(&c, rc, "heartbeat", e);
	n->last_alive_us = reactor_now();
	if (out.ret != 0)
		return err_set(e, TARS_ENOTFOUND, "the registry does not know node %s any more: "
			       "registering again", n->name);
	return 0;
}

/* ---- descriptions ---- */

struct cache {
	const char *path;
	struct buf wire;
	const char *text;
	size_t n;
	struct arena *arena;
	struct err err;
	int rc;
};

static void write_cache(void *arg)
{
	struct cache *c = arg;

	c->rc = file_update(c->path, NULL, buf_head(&c->wire), buf_size(&c->wire), 0600, &c->err);
}

static void read_cache(void *arg)
{
	struct cache *c = arg;

	c->rc = file_read(c->path, MAX_CACHE, c->arena, &c->text, &c->n, &c->err);
}

static const struct tars_type *list_type(void)
{
	int func = tars_iface_find(&tars_Registry_iface, "getServers", strlen("getServers"));

	return tars_Registry_iface.funcs[func].out;
}

/* `orders`: before it was read.  What was started or removed since is not as the list says. */
static void load_list(struct node *n, const struct tars_Registry_getServers_out *list,
		      uint64_t orders)
{
	struct err e;

	for (uint32_t i = 0; i < list->ret.n && !n->is_stopping && orders == n->orders; i++)
		/* The server keeps the text; the others go on. */
		server_load(n, &list->ret.v[i], &orders, &e);
	n->is_sync_due |= orders != n->orders;
}

static int fetch(struct node *n, struct tars_req *rq, const char *app, const char *server,
		 struct tars_Registry_getServers_out *out, struct err *e)
{
	struct tars_call c = link_call(n, rq, LIST_MS);
	struct tars_Registry_getServers_in in = {
		.app = tars_strf(rq, "%s", app), .serverName = tars_strf(rq, "%s", server),
		.nodeName = tars_strf(rq, "%s", n->name),
	};
	int rc = tars_Registry_getServers(&c, &in, out);

	return rc ? failed(&c, rc, "read the descriptions of the servers", e) : 0;
}

static int sync(struct node *n, struct tars_req *rq, struct err *e)
{
	struct tars_Registry_getServers_out list = { 0 };
	struct cache cache = { .path = n->cache_path };
	uint64_t orders = n->orders;
	int rc = refresh_locator(n, rq, e);

	if (rc == 0)
		node_fetch_template(n, rq);
	n->is_sync_due = false;   /* after a failure it is due in any case */
	if (rc == 0)
		rc = fetch(n, rq, "", "", &list, e);
	if (rc != 0)
		return rc;
	codec_put_flat(&cache.wire, list_type(), &list, 0);
	pool_run(write_cache, &cache);
	buf_release(&cache.wire);
	if (cache.rc < 0)
		log_warn(&n->log, "%s", cache.err.text);
	n->is_cache_tried = true;
	load_list(n, &list, orders);
	n->last_sync_us = reactor_now();
	return report_all(n, rq, e);
}

/* The registry is away: services start all the same. */
static void load_cache(struct node *n, struct tars_req *rq)
{
	struct tars_Registry_getServers_out *list = tars_alloc(rq, sizeof(*list));
	struct cache c = { .path = n->cache_path, .arena = req_arena(rq) };

	n->is_cache_tried = true;
	pool_run(read_cache, &c);
	if (c.rc == 0)
		c.rc = codec_get_flat((const uint8_t *)c.text, c.n, list_type(), list,
				      req_arena(rq), &c.err);
	if (c.rc < 0) {
		if (c.rc != TARS_ENOTFOUND)
			log_warn(&n->log, "cache of the descriptions: %s", c.err.text);
		return;
	}
	if (!n->name && list->ret.n)
		node_set_name(n, list->ret.v[0].nodeName.p);
	log_warn(&n->log, "the registry is away: %u servers from %s", list->ret.n, c.path);
	load_list(n, list, n->orders);
}

int link_load(struct node *n, struct tars_req *rq, const char *app, const char *server,
	      struct err *e)
{
	struct tars_Registry_getServers_out list = { 0 };
	struct server *s;
	int rc;

	if (!n->name)
		return err_set(e, TARS_ECONNECT, "this node has not reached its registry yet (%s)",
			       n->locator);
	n->orders++;
	rc = fetch(n, rq, app, server, &list, e);
	if (rc != 0)
		return rc;
	if (!list.ret.n)
		return err_set(e, TARS_ENOTFOUND, "%s.%s is not deployed on node %s: the registry "
			       "has no "
			       "description of it", app, server, n->name);
	if (!server_find(n, app, server)) {
		/* Without a registry this node would not know it when it comes again. */
		n->is_sync_due = true;
		signal_raise(&n->link);
	}
	rc = server_load(n, &list.ret.v[0], NULL, e);
	s = server_find(n, app, server);
	if (rc == 0 && s) {
		server_hold(s);
		server_lock(s);
		if (s->spec)
			server_fetch_files(s);
		server_unlock(s);
		server_release(s);
	}
	return rc;
}

/* ---- the loop ---- */

static bool is_over(int64_t since_us, int64_t ms)
{
	return reactor_now() - since_us >= ms * 1000;
}

/* It was no failure to reach the registry: it lacks its database, or does not know us. */
static bool is_answer(int code)
{
	return code == TARS_EUNKNOWN || code == TARS_ENOTFOUND;
}

static int step(struct node *n, struct tars_req *rq, struct err *e)
{
	int rc = 0;
	bool is_new = !n->is_registered;

	if (is_new)
		rc = register_node(n, rq, e);
	if (rc == 0 && (is_new || n->is_sync_due || is_over(n->last_sync_us, n->conf->sync_ms)))
		rc = sync(n, rq, e);
	if (rc == 0 && is_over(n->last_alive_us, n->conf->heartbeat_ms))
		rc = keep_alive(n, rq, e);
	if (rc == 0)
		node_report_host(n, rq);
	return rc;
}

void link_run(struct tars_req *unused, void *arg)
{
	struct node *n = arg;
	char told[sizeof(((struct err *)0)->text)] = "";

	(void)unused;
	while (!n->is_stopping) {
		struct tars_req *rq = tars_begin(n->app);
		struct err e = { 0 };
		int64_t pause_ms = n->conf->heartbeat_ms;

		if (step(n, rq, &e) != 0) {
			n->is_registered = false;
			n->is_heard = n->is_heard && is_answer(e.code);
			pause_ms = n->conf->retry_ms;
			if (strcmp(told, e.text) != 0)
				log_warn(&n->log, "%s", e.text);
			memcpy(told, e.text, sizeof(told));
			if (!n->is_cache_tried)
				load_cache(n, rq);
		} else {
			*told = '\0';
			if (n->is_sync_due)
				pause_ms = 0;
		}
		tars_end(rq);
		signal_raise(&n->stepped);
		if (!n->is_stopping && pause_ms)
			signal_wait(&n->link, pause_ms);
	}
}
