/* Endpoints, servants and t_registry_info rows of the platform's roles. */
#include "roles/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/listen.h"
#include "core/io/wait.h"
#include "core/sys/log.h"
#include "sql.h"
#include "proto/endpoint.h"

enum { BEAT_MS = 30000, RETRY_MS = 1000, MAX_CONNS = 100000, QUEUE_CAP = 100000 };

struct platform {
	struct arena arena;
	struct role_run *run;
	struct pg *pg;
	const struct platform_object *objs;
	unsigned n_objs;
	struct endpoint_list eps;   /* with the real ports and public hosts */
	const char **endpoint_of;   /* text, per object */
	const char **locator_of;    /* "host:port", per object */
	struct timer timer;
	struct wait *drained;       /* platform_stop waits for the running beat */
	bool beating, stopping, failed;
};

/* ---- the listen option ---- */

static int parse_host_port(const char *text, struct endpoint *ep, struct err *e)
{
	const char *colon = strrchr(text, ':');
	const char *host = text, *end = colon;
	char *rest;
	long port;

	if (!colon)
		return err_set(e, TARS_ECONF, "listen: '%s' is neither host:port nor an endpoint "
			       "(tcp -h HOST -p PORT)", text);
	port = strtol(colon + 1, &rest, 10);
	if (rest == colon + 1 || *rest || port < 0 || port > 65535)
		return err_set(e, TARS_ECONF, "listen: '%s' has no port between 0 and 65535",
			       text);
	if (*host == '[' && end > host && end[-1] == ']') {
		host++;
		end--;
	}
	if ((size_t)(end - host) >= sizeof(ep->host))
		return err_set(e, TARS_ECONF, "listen: the host of '%.40s...' is too long", text);
	*ep = (struct endpoint){
		.port = (int32_t)port, .timeout_ms = 60000, .type = ENDPOINT_TCP, .weight = -1,
	};
	memcpy(ep->host, host, (size_t)(end - host));
	if (!ep->host[0])
		strncpy(ep->host, "0.0.0.0", sizeof(ep->host) - 1);
	return 0;
}

int platform_parse_listen(const char *text, struct endpoint_list *list, struct arena *a,
			  struct err *e)
{
	int rc;

	if (!text || !*text)
		return err_set(e, TARS_ECONF, "listen: no endpoint given (try 0.0.0.0:17890)");
	/* An endpoint has blanks, and "-p" may well be a part of a host's name. */
	if (!strchr(text, ' ')) {
		list->v = ARENA_NEW(a, struct endpoint);
		list->n = 1;
		return parse_host_port(text, list->v, e);
	}
	rc = endpoint_list_parse(text, strlen(text), list, a, e);
	if (rc < 0)
		return err_wrap(e, "listen");
	for (uint32_t i = 0; i < list->n; i++)
		if (list->v[i].type != ENDPOINT_TCP)
			return err_set(e, TARS_ECONF, "listen: '%s': only tcp is supported here",
				       text);
	return list->n ? 0 : err_set(e, TARS_ECONF, "listen: no endpoint in '%s'", text);
}

const char *platform_public_host(const char *host, const char *advertise, struct arena *a)
{
	char ip[64];

	if (advertise && *advertise)
		return advertise;
	if (strcmp(host, "0.0.0.0") != 0 && strcmp(host, "*") != 0 && strcmp(host, "::") != 0)
		return arena_strdup(a, host);
	local_ip(ip, sizeof(ip));
	return arena_strdup(a, ip);
}

/* ---- rows ---- */

static void beat_later(struct platform *p, int64_t ms);

static int write_rows(struct platform *p, const char *state, struct arena *a, struct err *e)
{
	for (unsigned i = 0; i < p->n_objs; i++) {
		int rc = pg_query(p->pg, &SQL_platform_beat,
				  PG_PARAMS(p->locator_of[i], p->objs[i].name, p->endpoint_of[i],
					    state, TARS_VERSION),
				  NULL, NULL, a, e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static void beat(struct tars_req *rq, void *arg)
{
	struct platform *p = arg;
	struct err e = { 0 };
	int rc = write_rows(p, "active", req_arena(rq), &e);

	if (rc < 0 && !p->failed)
		log_warn(NULL, "%s: not announced yet, only callers who know the endpoint find "
			 "it: %s", p->run->role->name, e.text);
	else if (rc >= 0 && p->failed)
		log_info(NULL, "%s: announced", p->run->role->name);
	p->failed = rc < 0;
	p->beating = false;
	if (p->drained)
		wait_wake(p->drained);
	else if (!p->stopping)
		beat_later(p, rc < 0 ? RETRY_MS : BEAT_MS);
}

static void beat_now(struct platform *p)
{
	p->beating = true;
	app_spawn(p->run->app, beat, p);
}

static void beat_due(struct timer *t)
{
	beat_now(container_of(t, struct platform, timer));
}

static void beat_later(struct platform *p, int64_t ms)
{
	timer_start(&p->timer, ms, beat_due);
}

/* ---- start and stop ---- */

static int open_endpoints(struct platform *p, const struct platform_conf *conf, struct err *e)
{
	struct buf ready = BUF_INIT;
	int rc = platform_parse_listen(conf->listen, &p->eps, &p->arena, e);

	for (uint32_t i = 0; rc == 0 && i < p->eps.n; i++) {
		struct endpoint *ep = &p->eps.v[i];
		struct adapter_conf ac = {
			.name = arena_strf(&p->arena, "%sAdapter%u", p->objs[0].name, i),
			.ep = *ep, .max_conns = MAX_CONNS, .queue_cap = QUEUE_CAP,
		};
		int port;

		rc = app_listen(p->run->app, &ac, &port, e);
		if (rc < 0)
			break;
		ep->port = port;
		buf_addf(&ready, "%stcp %s:%d", i ? " " : "", ep->host, port);
		snprintf(ep->host, sizeof(ep->host), "%s",
			 platform_public_host(ac.ep.host, conf->advertise, &p->arena));
	}
	if (rc == 0)
		snprintf(p->run->ready, sizeof(p->run->ready), "%s", buf_str(&ready));
	buf_release(&ready);
	return rc;
}

static void name_endpoints(struct platform *p)
{
	struct buf text = BUF_INIT;

	p->endpoint_of = arena_alloc(&p->arena, p->n_objs * sizeof(*p->endpoint_of));
	p->locator_of = arena_alloc(&p->arena, p->n_objs * sizeof(*p->locator_of));
	for (unsigned i = 0; i < p->n_objs; i++) {
		unsigned k = p->objs[i].endpoint;
		const struct endpoint *ep = &p->eps.v[k < p->eps.n ? k : p->eps.n - 1];

		buf_clear(&text);
		endpoint_print(&text, ep);
		p->endpoint_of[i] = arena_strdup(&p->arena, buf_str(&text));
		p->locator_of[i] = arena_strf(&p->arena, "%s:%d", ep->host, ep->port);
	}
	buf_release(&text);
}

int platform_start(struct role_run *run, struct pg *pg, const struct platform_conf *conf,
		   const struct platform_object *objs, void *data, struct platform **p_r,
		   struct err *e)
{
	struct platform *p = xcalloc(1, sizeof(*p));
	int rc = 0;

	arena_init(&p->arena, NULL, 0);
	p->run = run;
	p->pg = pg;
	p->objs = objs;
	for (; rc == 0 && objs[p->n_objs].name; p->n_objs++) {
		const struct platform_object *o = &objs[p->n_objs];
		struct tars_servant servant = { o->name, o->iface, o->impl, o->run, data };

		rc = app_add_servant(run->app, &servant, e);
	}
	if (rc == 0)
		rc = open_endpoints(p, conf, e);
	if (rc < 0) {
		arena_clear(&p->arena);
		free(p);
		return rc;
	}
	name_endpoints(p);
	beat_now(p);
	*p_r = p;
	return 0;
}

void platform_stop(struct platform *p)
{
	struct wait w;

	if (!p)
		return;
	p->stopping = true;
	timer_stop(&p->timer);
	if (p->beating) {
		wait_init(&w);
		p->drained = &w;
		wait_for(&w);
	}
	if (pg_is_up(p->pg))
		write_rows(p, "inactive", &p->arena, NULL);
	arena_clear(&p->arena);
	free(p);
}

unsigned platform_count(const struct platform *p)
{
	return p->n_objs;
}

static struct tars_str str_of(const char *text)
{
	return (struct tars_str){ text, (uint32_t)strlen(text) };
}

struct tars_str platform_object_name(const struct platform *p, unsigned i)
{
	return str_of(p->objs[i].name);
}

struct tars_str platform_endpoint(const struct platform *p, unsigned i)
{
	return str_of(p->endpoint_of[i]);
}

/* ---- roles that have only servants ---- */

struct small_role {
	struct pg *pg;
	struct platform *platform;
};

int platform_role_init(struct role_run *run, const struct platform_object *objs, struct err *e)
{
	const struct platform_role_conf *conf = run->conf;
	struct pg_conf pc = {
		.dsn = conf->common.db, .name = run->role->name, .connections = 2,
	};
	struct small_role *role = xcalloc(1, sizeof(*role));
	int rc;

	role->pg = pg_new(&pc, e);
	rc = role->pg ? platform_start(run, role->pg, &conf->common, objs, role, &role->platform, e)
		      : e->code;
	if (rc < 0) {
		if (role->pg)
			pg_free(role->pg);
		free(role);
		return rc;
	}
	run->state = role;
	run->free = free;
	return 0;
}

void platform_role_stop(struct role_run *run)
{
	struct small_role *role = run->state;

	platform_stop(role->platform);
	pg_free(role->pg);
	role->platform = NULL;
	role->pg = NULL;
}
