/* Official service configuration: keys of /tars/application (contract 4.5.1) to structs. */
#include "core/rpc/main_conf.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/io/coro.h"
#include "core/rpc/logstate.h"
#include "core/rpc/limits.h"
#include "core/sys/log.h"
#include "proto/frame.h"
#include "proto/tracekey.h"

#define SERVER "/tars/application/server"
#define CLIENT "/tars/application/client"

enum {
	MAX_REACTOR_THREADS = 15, MIN_QUEUE_TIMEOUT_MS = 3000, MIN_REFRESH_MS = 5000,
	MIN_KEEP_ALIVE_MS = 5000, DEFAULT_UNSENT = 100000, MIN_UNSENT = 1000,
	DEFAULT_QUEUE_CAP = 1024, ADMIN_QUEUE_CAP = 10240, ADMIN_IDLE_MS = 60000, DEFAULT_DEACTIVATING_MS = 3000,
	/* Of the time the node waits before it kills: for requests to end, and for handlers to
	 * return when their calls are cancelled.  The rest is for closing down. */
	GRACE_PERCENT = 70, END_PERCENT = 20,
	MAX_LOG_FILES = 10000, MAX_THREADS = 2048, MAX_SAMPLES = 10000, DEFAULT_MAX_CONNS = 128,
};

int main_conf_load(const char *path, struct tarsconf *tree, struct err *e)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;
	int rc;

	if (!f)
		return err_set(e, TARS_ECONF, "cannot read %s: %s", path, strerror(errno));
	text = xmalloc(TARSCONF_MAX_SIZE + 1);
	n = fread(text, 1, TARSCONF_MAX_SIZE + 1, f);
	if (ferror(f))
		rc = err_set(e, TARS_ECONF, "cannot read %s: %s", path, strerror(errno));
	else if (n > TARSCONF_MAX_SIZE)
		rc = err_set(e, TARS_ECONF, "%s is larger than %d bytes", path, TARSCONF_MAX_SIZE);
	else if (tarsconf_parse(tree, text, n, e) < 0)
		rc = err_wrap(e, "%s", path);
	else
		rc = TARS_OK;
	free(text);
	fclose(f);
	return rc;
}

static const char *get(const struct tarsconf *tree, const char *path)
{
	const char *v = tarsconf_get(tree, path);

	return v && *v ? v : NULL;
}

/* A caller has a set when it is enabled and its first two of three parts are names. */
static const char *read_set(const struct tarsconf *tree)
{
	const char *enabled = get(tree, "/tars/application<enableset>");
	const char *set = get(tree, "/tars/application<setdivision>");
	const char *dot1 = set ? strchr(set, '.') : NULL;
	const char *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;

	if (!enabled || strcasecmp(enabled, "y"))
		return NULL;
	if (dot2 && !strchr(dot2 + 1, '.') && dot2[1] && dot1 != set && dot2 != dot1 + 1 &&
	    set[0] != '*' && dot1[1] != '*')
		return set;
	log_warn(NULL, "/tars/application<setdivision>: '%s' is no set like name.area.1: the "
		 "service is in none, though enableset=%s", set ? set : "", enabled);
	return NULL;
}

struct reader {
	const struct tarsconf *tree;
	struct arena *a;
	struct err *e;
	int rc;               /* of the first error */
};

static int64_t number(struct reader *r, const char *path, int64_t fallback, int64_t min,
		      int64_t max)
{
	int64_t v = fallback;

	if (!r->rc && get(r->tree, path))
		r->rc = tarsconf_get_int(r->tree, path, fallback, &v, r->e);
	if (!r->rc && v > max)
		r->rc = err_set(r->e, TARS_ECONF, "%s: %lld is more than %lld", path, (long long)v,
				(long long)max);
	return v < min ? min : v;
}

/* What official services cut to the most there is. */
static int64_t capped_number(struct reader *r, const char *path, int64_t fallback, int64_t min,
			     int64_t max)
{
	int64_t v = number(r, path, fallback, min, INT32_MAX);

	if (v <= max)
		return v;
	log_warn(NULL, "%s: %lld is more than %lld, which is used", path, (long long)v,
		 (long long)max);
	return max;
}

/* An object to call, in its official spelling; NULL if there is none. */
static const char *object(struct reader *r, const char *path)
{
	const char *text = get(r->tree, path);
	struct object_ref ref;
	struct arena a;

	if (r->rc || !text)
		return text;
	arena_init(&a, NULL, 0);
	if (object_ref_parse(text, &ref, &a, r->e)) {
		err_wrap(r->e, "%s", path);
		r->rc = r->e->code = TARS_ECONF;
	}
	arena_clear(&a);
	return text;
}

/* "128K", "1M", "1G", "4096"; 0 if it is not given. */
static size_t size(struct reader *r, const char *path)
{
	const char *text = get(r->tree, path), *units = "KMG", *unit;
	char *end;
	unsigned long n;

	if (!text || r->rc)
		return 0;
	n = strtoul(text, &end, 10);
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (!n || n > SIZE_MAX >> 30 || (*end && (!unit || end[1]))) {
		r->rc = err_set(r->e, TARS_ECONF, "%s: '%s' is not a size like 65536, 128K, "
				"10M or 1G", path, text);
		return 0;
	}
	return unit ? n << 10 * (unit - units + 1) : n;
}

static void read_endpoint(struct reader *r, const char *path, const char *text, struct endpoint *ep)
{
	if (r->rc || !text)
		return;
	if (endpoint_parse(text, strlen(text), ep, r->e)) {
		err_wrap(r->e, "%s: '%s'", path, text);
		r->rc = r->e->code = TARS_ECONF;
	}
}

static void read_log(struct reader *r, struct main_conf *c)
{
	struct applog_conf *log = &c->app.log;
	const char *level = get(r->tree, SERVER "<logLevel>");

	log->app = c->application;
	log->server = c->server;
	log->dir = get(r->tree, SERVER "<logpath>");
	c->app.log_object = object(r, SERVER "<log>");
	log->max_size = (off_t)size(r, SERVER "<logsize>");
	log->max_files = (unsigned)number(r, SERVER "<lognum>", 0, 0, MAX_LOG_FILES);
	c->app.log_level = level ? log_state_level_parse(level, strlen(level)) : 0;
	if (!r->rc && level && !c->app.log_level)
		r->rc = err_set(r->e, TARS_ECONF, SERVER "<logLevel>: '%s' is none of NONE, ERROR, "
				"WARN, INFO, DEBUG and TARS", level);
}

/*
 * The official server models, for servants that leave the mode open.  0: a queue and handler
 * threads; 1: coroutines on handler threads; 2: handlers on the network threads; 3: coroutines on
 * the network threads.  Our coroutines live on the reactors, so model 1 has as many of these as
 * the adapters have handler threads.
 */
static void read_model(struct reader *r, struct main_conf *c)
{
	static const enum tars_run modes[] = { TARS_RUN_POOL, TARS_RUN_CORO, TARS_RUN_INLINE,
					       TARS_RUN_CORO };
	int64_t model = number(r, SERVER "<opencoroutine>", 0, 0, 3);
	unsigned threads = 0;

	c->app.run = modes[r->rc ? 0 : model];
	for (unsigned i = 0; i < c->n_adapters && model == 1; i++)
		threads = c->adapters[i].threads > threads ? c->adapters[i].threads : threads;
	if (threads > MAX_REACTOR_THREADS)
		threads = MAX_REACTOR_THREADS;
	if (c->app.reactors < threads)
		c->app.reactors = threads;
}

/* Each reactor wants room for one at least. */
static void check_coroutines(struct reader *r, const struct main_conf *c)
{
	size_t stack = c->app.coro_stack ? c->app.coro_stack : CORO_STACK_USER;
	size_t memory = c->app.coro_memory ? c->app.coro_memory : (size_t)1 << 30;

	if (!r->rc && memory / stack < c->app.reactors)
		r->rc = err_set(r->e, TARS_ECONF, SERVER "<coroutinememsize>: %zu bytes have no "
				"room for a stack of %zu (coroutinestack) in each of %u threads "
				"(netthread)", memory, stack, c->app.reactors);
}

/* The workers that adapters share are as many as the one that asks for most wants. */
static void share_threads(struct main_conf *c)
{
	for (unsigned i = 0; i < c->n_adapters; i++)
		for (unsigned j = 0; j < c->n_adapters; j++) {
			struct adapter_conf *a = &c->adapters[i], *b = &c->adapters[j];

			if (a->handle_group && b->handle_group && a->threads < b->threads &&
			    !strcmp(a->handle_group, b->handle_group))
				a->threads = b->threads;
		}
}

static void read_report(struct reader *r, struct reporter_conf *c)
{
	c->stat = object(r, CLIENT "<stat>");
	c->property = object(r, CLIENT "<property>");
	c->interval_ms = number(r, CLIENT "<report-interval>", 0, 0, INT32_MAX);
	c->timeout_ms = number(r, CLIENT "<report-timeout>", 0, 0, INT32_MAX);
	c->max_size = number(r, CLIENT "<max-report-size>", 0, 0, INT32_MAX);
}

int main_conf_read_report(const struct tarsconf *tree, struct reporter_conf *c, struct err *e)
{
	struct reader r = { .tree = tree, .e = e };

	read_report(&r, c);
	return r.rc;
}

/* Pings, and how many requests may wait to be sent: new official clients call that sendqueuelimit. */
static void read_sending(struct reader *r, struct app_conf *c)
{
	const char *limit = get(r->tree, CLIENT "<sendqueuelimit>") ? CLIENT "<sendqueuelimit>" :
								    CLIENT "<nosendqueuelimit>";

	c->keep_alive_ms = number(r, CLIENT "<keep-alive-interval>", 0, 0, INT32_MAX);
	if (c->keep_alive_ms && c->keep_alive_ms < MIN_KEEP_ALIVE_MS)
		c->keep_alive_ms = MIN_KEEP_ALIVE_MS;
	c->max_unsent = (unsigned)number(r, limit, DEFAULT_UNSENT, MIN_UNSENT, INT32_MAX);
}

static void read_app(struct reader *r, struct main_conf *c)
{
	int64_t end_ms = number(r, SERVER "<deactivating-timeout>", DEFAULT_DEACTIVATING_MS, 0,
				INT32_MAX);
	const char *datapath = get(r->tree, SERVER "<datapath>");
	const char *node_name = get(r->tree, SERVER "<nodename>");

	c->app.reactors = (unsigned)capped_number(r, SERVER "<netthread>", 1, 1,
						  MAX_REACTOR_THREADS);
	c->app.locator = object(r, CLIENT "<locator>");
	c->app.module = tarsconf_get_or(r->tree, CLIENT "<modulename>", c->name);
	c->app.node_name = node_name ? node_name : get(r->tree, SERVER "<localip>");
	c->app.set = read_set(r->tree);
	c->app.any_set = !number(r, SERVER "<checkset>", 1, 0, INT32_MAX);
	c->app.trace_kb = (unsigned)capped_number(r, CLIENT "<trace_param_max_len>", 1, 0,
						  TRACE_MAX_KB);
	c->app.sample_rate = (unsigned)number(r, CLIENT "<sample-rate>", 0, 0, INT32_MAX);
	c->app.max_samples = (unsigned)capped_number(r, CLIENT "<max-sample-count>", 0, 0,
						     MAX_SAMPLES);
	c->app.min_timeout_ms = number(r, CLIENT "<min-timeout>", 0, 0, INT32_MAX);
	c->app.sync_timeout_ms = number(r, CLIENT "<sync-invoke-timeout>", 3000, 1, INT32_MAX);
	c->app.async_timeout_ms = number(r, CLIENT "<async-invoke-timeout>", 5000, 1, INT32_MAX);
	c->app.refresh_ms = number(r, CLIENT "<refresh-endpoint-interval>", 60000, MIN_REFRESH_MS,
				   INT32_MAX);
	c->app.coro_stack = size(r, SERVER "<coroutinestack>");
	c->app.coro_memory = size(r, SERVER "<coroutinememsize>");
	if (datapath) {
		c->app.cache_path = arena_strf(r->a, "%s/%s.endpoints", datapath, c->server);
		c->appcache_path = arena_strf(r->a, "%s/%s.tarsdat", datapath, c->server);
	}
	c->grace_ms = end_ms * GRACE_PERCENT / 100;
	c->app.end_ms = end_ms * END_PERCENT / 100;
	c->node = object(r, SERVER "<node>");
	object(r, SERVER "<config>");
	object(r, SERVER "<notify>");
	read_sending(r, &c->app);
	read_report(r, &c->app.report);
	read_log(r, c);
}

static int64_t adapter_number(struct reader *r, const char *name, const char *key, int64_t fallback,
			      int64_t min)
{
	return number(r, arena_strf(r->a, SERVER "/%s<%s>", name, key), fallback, min, INT32_MAX);
}

static const char *adapter_text(struct reader *r, const char *name, const char *key)
{
	return get(r->tree, arena_strf(r->a, SERVER "/%s<%s>", name, key));
}

/* An extension of ours: HTTP on the adapter's port, unless it says off. */
static bool adapter_is_tars_only(struct reader *r, const char *name)
{
	const char *v = adapter_text(r, name, "http");

	if (!r->rc && v && strcmp(v, "on") && strcmp(v, "off"))
		r->rc = err_set(r->e, TARS_ECONF, SERVER "/%s<http>: '%s' is neither on nor off",
				name, v);
	return v && !strcmp(v, "off");
}

/* An extension of ours: permissions of a socket file, in octal as chmod has them. */
static unsigned read_mode(struct reader *r, const char *name)
{
	const char *v = adapter_text(r, name, "socketmode");
	char *end = NULL;
	unsigned long mode = v ? strtoul(v, &end, 8) : 0;

	if (!r->rc && v && (*end || !mode || mode > 0777))
		r->rc = err_set(r->e, TARS_ECONF, SERVER "/%s<socketmode>: '%s' is no mode like "
				"0660", name, v);
	return (unsigned)mode;
}

/* A key of the domain, or of the one around it. */
static const char *inherited(struct reader *r, const char *domain, const char *around,
			     const char *key)
{
	const char *v = get(r->tree, arena_strf(r->a, "%s<%s>", domain, key));

	return v ? v : get(r->tree, arena_strf(r->a, "%s<%s>", around, key));
}

static void read_adapter_tls(struct reader *r, struct tls_conf *c, const char *domain)
{
	const char *verify = inherited(r, domain, SERVER, "verifyclient");

	c->ca = inherited(r, domain, SERVER, "ca");
	c->cert = inherited(r, domain, SERVER, "cert");
	c->key = inherited(r, domain, SERVER, "key");
	c->ciphers = inherited(r, domain, SERVER, "ciphers");
	c->verify_client = verify && strcmp(verify, "0");
	if (!r->rc && verify && strcmp(verify, "0") && strcmp(verify, "1"))
		r->rc = err_set(r->e, TARS_ECONF, "%s<verifyclient>: '%s' is neither 0 nor 1",
				domain, verify);
}

/* What the domain says of an object, or of all (NULL). */
static void read_security(struct reader *r, struct main_conf *c, const char *object)
{
	const char *domain = object ? arena_strf(r->a, CLIENT "/%s", object) : CLIENT;
	struct tars_security s = {
		.object = object,
		.ca = inherited(r, domain, CLIENT, "ca"),
		.cert = inherited(r, domain, CLIENT, "cert"),
		.key = inherited(r, domain, CLIENT, "key"),
		.ciphers = inherited(r, domain, CLIENT, "ciphers"),
		.access_key = inherited(r, domain, CLIENT, "accesskey"),
		.secret_key = inherited(r, domain, CLIENT, "secretkey"),
	};

	if (s.ca || s.cert || s.key || s.ciphers || s.access_key)
		c->security[c->n_security++] = s;
}

static void read_client(struct reader *r, struct main_conf *c)
{
	const struct tarsconf *client = tarsconf_domain(r->tree, CLIENT), *d;
	unsigned n = 1;

	if (!client)
		return;
	for (d = NULL; (d = tarsconf_next_domain(client, d));)
		n++;
	c->security = arena_alloc(r->a, n * sizeof(*c->security));
	read_security(r, c, NULL);
	for (d = NULL; (d = tarsconf_next_domain(client, d));)
		read_security(r, c, tarsconf_name(d));
}

static size_t adapter_size(struct reader *r, const char *name, const char *key)
{
	return size(r, arena_strf(r->a, SERVER "/%s<%s>", name, key));
}

static void read_addresses(struct reader *r, const char *name, const char *key, struct iplist *l)
{
	const char *text = adapter_text(r, name, key);

	if (r->rc || !text)
		return;
	r->rc = iplist_parse(text, l, r->a, r->e);
	if (r->rc)
		err_wrap(r->e, SERVER "/%s<%s>", name, key);
}

/* "allow,deny" (the default) or "deny,allow": the list that is looked at first. */
static bool read_order(struct reader *r, const char *name)
{
	const char *text = adapter_text(r, name, "order"), *rest;

	if (r->rc || !text)
		return false;
	rest = text + strcspn(text, ";, \t");
	rest += strspn(rest, ";, \t");
	if (!strncasecmp(text, "allow", 5) && !strcasecmp(rest, "deny"))
		return false;
	if (!strncasecmp(text, "deny", 4) && !strcasecmp(rest, "allow"))
		return true;
	r->rc = err_set(r->e, TARS_ECONF, SERVER "/%s<order>: '%s' is neither allow,deny nor "
			"deny,allow", name, text);
	return false;
}

/* How much of a peer is taken before the rest is refused, closed or left waiting. */
static void read_limits(struct reader *r, const char *name, struct adapter_conf *a)
{
	int64_t queue_cap = adapter_number(r, name, "queuecap", DEFAULT_QUEUE_CAP, 0);

	a->max_conns = (unsigned)adapter_number(r, name, "maxconns", DEFAULT_MAX_CONNS, 0);
	a->queue_cap = queue_cap ? (unsigned)queue_cap : UINT_MAX;
	a->queue_timeout_ms = adapter_number(r, name, "queuetimeout", 10000, MIN_QUEUE_TIMEOUT_MS);
	a->empty_ms = number(r, SERVER "<emptyconntimeout>", 0, 0, INT32_MAX);
	a->max_out = (size_t)number(r, SERVER "<backpacketlimit>", 0, 0, INT32_MAX);
	a->max_frame = a->max_out < FRAME_DEFAULT_MAX ? a->max_out : FRAME_DEFAULT_MAX;
	a->min_io = (size_t)number(r, SERVER "<backpacketmin>", 0, 0, INT32_MAX);
	a->conn_requests = (unsigned)adapter_number(r, name, "connrequests", 0, 0);
	a->conn_bytes = adapter_size(r, name, "connbytes");
	read_addresses(r, name, "allow", &a->peers.allow);
	read_addresses(r, name, "deny", &a->peers.deny);
	a->peers.deny_first = read_order(r, name);
	if (!r->rc) {
		const char *path = arena_strf(r->a, SERVER "/%s", name);

		r->rc = limits_read(tarsconf_domain(r->tree, path), path, &a->limits, r->a, r->e);
	}
}

static void read_adapter(struct reader *r, struct main_conf *c, const char *name)
{
	struct adapter_conf *a = &c->adapters[c->n_adapters];
	const char *endpoint = adapter_text(r, name, "endpoint");
	const char *servant = adapter_text(r, name, "servant");
	const char *protocol = adapter_text(r, name, "protocol");

	a->name = name;
	a->threads = (unsigned)number(r, arena_strf(r->a, SERVER "/%s<threads>", name), 1, 1,
				      MAX_THREADS);
	read_limits(r, name, a);
	a->handle_group = adapter_text(r, name, "handlegroup");
	a->ordered = adapter_number(r, name, "queuemode", 0, 0) != 0;
	a->tars_only = adapter_is_tars_only(r, name);
	a->manual = number(r, SERVER "<manuallisten>", 0, 0, 1) != 0;
	read_endpoint(r, arena_strf(r->a, SERVER "/%s<endpoint>", name), endpoint, &a->ep);
	read_adapter_tls(r, &a->tls, arena_strf(r->a, SERVER "/%s", name));
	a->socket_mode = read_mode(r, name);
	a->servant = c->servants[c->n_adapters++] = servant;
	a->access_key = adapter_text(r, name, "accesskey");
	a->secret_key = adapter_text(r, name, "secretkey");
	if (r->rc)
		return;
	if (!endpoint || !servant)
		r->rc = err_set(r->e, TARS_ECONF, SERVER "/%s<%s> is missing", name,
				endpoint ? "servant" : "endpoint");
	else if (protocol && strcmp(protocol, "tars") && strcmp(protocol, "not_tars"))
		r->rc = err_set(r->e, TARS_ECONF, SERVER "/%s<protocol>: '%s' is neither tars nor "
				"not_tars", name, protocol);
	a->not_tars = protocol && !strcmp(protocol, "not_tars");
}

int main_conf_read(const struct tarsconf *tree, struct main_conf *c, struct arena *a, struct err *e)
{
	struct reader r = { .tree = tree, .a = a, .e = e };
	const struct tarsconf *server = tarsconf_domain(tree, SERVER), *d;
	const char *local = get(tree, SERVER "<local>");
	unsigned n = 0;

	*c = (struct main_conf){ .tree = tree };
	c->application = get(tree, SERVER "<app>");
	c->server = get(tree, SERVER "<server>");
	if (!c->application || !c->server)
		return err_set(e, TARS_ECONF, SERVER "<%s> is missing", c->application ? "server" :
			       "app");
	c->name = arena_strf(a, "%s.%s", c->application, c->server);
	read_app(&r, c);
	read_client(&r, c);
	if (local) {
		c->local = (struct adapter_conf){ .name = "AdminAdapter", .local = true,
						  .queue_cap = ADMIN_QUEUE_CAP,
						  .idle_ms = ADMIN_IDLE_MS };
		read_endpoint(&r, SERVER "<local>", local, &c->local.ep);
	}
	for (d = NULL; (d = tarsconf_next_domain(server, d));)
		n++;
	c->adapters = arena_alloc(a, n * sizeof(*c->adapters));
	c->servants = arena_alloc(a, n * sizeof(*c->servants));
	for (d = NULL; !r.rc && (d = tarsconf_next_domain(server, d));)
		read_adapter(&r, c, tarsconf_name(d));
	read_model(&r, c);
	share_threads(c);
	check_coroutines(&r, c);
	return r.rc;
}

int main_conf_direct(const char *listen, const char *servant, struct main_conf *c, struct arena *a,
		     struct err *e)
{
	const char *colon = strrchr(listen, ':'), *dot = strchr(servant, '.');
	const char *end = dot ? strchr(dot + 1, '.') : NULL;
	struct adapter_conf *ad;
	char *rest;
	long port = colon ? strtol(colon + 1, &rest, 10) : -1;
	size_t n = colon ? (size_t)(colon - listen) : 0;

	*c = (struct main_conf){ .grace_ms = DEFAULT_DEACTIVATING_MS };
	if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
		listen++;
		n -= 2;
	}
	if (!n || port < 0 || port > 65535 || *rest || rest == colon + 1 ||
	    n >= sizeof(ad->ep.host))
		return err_set(e, TARS_EARG, "--listen: '%s' is not HOST:PORT", listen);
	if (!end)
		return err_set(e, TARS_EARG, "servant '%s' is not App.Server.Obj", servant);
	c->application = arena_memdup(a, servant, (size_t)(dot - servant));
	c->server = arena_memdup(a, dot + 1, (size_t)(end - dot - 1));
	c->name = c->app.module = arena_memdup(a, servant, (size_t)(end - servant));
	c->app.log.app = c->application;
	c->app.log.server = c->server;
	c->adapters = ad = ARENA_NEW(a, struct adapter_conf);
	c->servants = arena_alloc(a, sizeof(*c->servants));
	c->servants[0] = servant;
	c->n_adapters = 1;
	ad->name = arena_strf(a, "%sAdapter", servant);
	ad->threads = 4;
	memcpy(ad->ep.host, listen, n);
	ad->ep.port = (int32_t)port;
	ad->ep.type = ENDPOINT_TCP;
	ad->ep.timeout_ms = 60000;
	ad->ep.weight = -1;
	return TARS_OK;
}
