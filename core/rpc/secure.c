/* Security of connections: TLS contexts, their files as they change, and objects to contexts. */
#include "core/rpc/secure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/io/coro.h"
#include "core/io/pool.h"
#include "core/rpc/app_int.h"
#include "core/sys/log.h"
#include "proto/auth.h"

enum { EXPIRY_WARN_S = 7 * 86400, EXPIRY_AGAIN_S = 86400 };

/* One context of the app. */
struct secure_ctx {
	struct list node;
	struct tls_ctx *tls;
	int64_t warned_s;           /* when we last said that its certificate ends */
	struct err bad;             /* why its files were not taken; code 0: they were */
	bool said;                  /* that they are bad */
};

/* What tars_secure was told; the newest row of an object counts. */
struct secure_object {
	struct list node;
	const char *object;         /* NULL: all others */
	struct tls_ctx *tls;
	const char *access_key, *secret_key; /* NULL: none */
};

/* ---- contexts ---- */

static void check_expiry(struct secure_ctx *s)
{
	struct log_subject subject = { "tls", NULL };
	int64_t now = time(NULL), left_s = tls_ctx_expires(s->tls) - now;

	if (left_s > EXPIRY_WARN_S || now - s->warned_s < EXPIRY_AGAIN_S)
		return;
	s->warned_s = now;
	if (left_s < 0)
		log_warn(&subject, "the certificate '%s' has expired: renew it",
			 tls_ctx_cert(s->tls));
	else
		log_warn(&subject, "the certificate '%s' ends in %lld hours: renew it",
			 tls_ctx_cert(s->tls), (long long)left_s / 3600);
}

/* Rows are only added, at the end, so that the list can be walked without the lock. */
static struct secure_ctx *next_ctx(struct tars_app *app, const struct secure_ctx *after)
{
	struct list *l;

	pthread_mutex_lock(&app->lock);
	l = after ? after->node.next : app->secure_ctxs.next;
	pthread_mutex_unlock(&app->lock);
	return l == &app->secure_ctxs ? NULL : container_of(l, struct secure_ctx, node);
}

static void say_bad(struct secure_ctx *s)
{
	struct log_subject subject = { "tls", NULL };

	log_warn(&subject, "%s; what was read before stays in use", s->bad.text);
	s->said = true;
}

/* Files of a pair are replaced one after the other: what is bad only at one look is not said. */
static int refresh(struct secure_ctx *s, bool force)
{
	struct log_subject subject = { "tls", NULL };
	struct err why;
	int rc = tls_ctx_refresh(s->tls, force, &why);

	if (rc > 0) {
		log_info(&subject, "read '%s' again", tls_ctx_cert(s->tls));
		s->bad.code = 0;
	} else if (rc < 0) {
		s->bad = why;
		s->said = false;
	}
	if (s->bad.code && !s->said && (rc == 0 || force))
		say_bad(s);
	check_expiry(s);
	return s->bad.code;
}

static int refresh_all(struct tars_app *app, bool force, struct err *e)
{
	struct secure_ctx *s;
	int rc = TARS_OK, n = 0;

	pthread_mutex_lock(&app->secure_refresh);
	for (s = NULL; (s = next_ctx(app, s)); n++)
		if (refresh(s, force) && !rc)
			rc = err_set(e, s->bad.code, "%s", s->bad.text);
	pthread_mutex_unlock(&app->secure_refresh);
	return rc ? rc : n;
}

int app_reload_tls(struct tars_app *app, struct err *e)
{
	return refresh_all(app, true, e);
}

/* ---- looking at the files ---- */

static void check_due(struct timer *t);

static void check_in_worker(void *arg)
{
	refresh_all(arg, false, NULL);
}

static void check(void *arg)
{
	struct tars_app *app = arg;

	count_add(&app->loops[0].n_coros, 1);
	pool_run(check_in_worker, app);
	if (!atomic_load(&app->closed))
		timer_start(&app->secure_check, app->conf.tls_check_ms, check_due);
	count_add(&app->loops[0].n_coros, -1);
}

static void check_due(struct timer *t)
{
	coro_start(CORO_STACK_USER, check, container_of(t, struct tars_app, secure_check));
}

static void start_checks(struct task *t)
{
	struct tars_app *app = container_of(t, struct tars_app, secure_start);

	if (!atomic_load(&app->closed))
		timer_start(&app->secure_check, app->conf.tls_check_ms, check_due);
}

static struct tls_ctx *add_ctx(struct tars_app *app, enum tls_side side,
			       const struct tls_conf *conf, struct err *e)
{
	struct tls_ctx *tls = tls_ctx_new(side, conf, e);
	struct secure_ctx *s;

	if (!tls)
		return NULL;
	s = ARENA_NEW(&app->arena, struct secure_ctx);
	s->tls = tls;
	check_expiry(s);
	/* Contexts without files do not change. */
	if (!app->secure_started && (conf->ca || conf->cert)) {
		app->secure_started = true;
		app->secure_start.run = start_checks;
		reactor_post(app_reactor(app), &app->secure_start);
	}
	list_append(&app->secure_ctxs, &s->node);
	return tls;
}

static struct tls_ctx *get_ctx(struct tars_app *app, enum tls_side side,
			       const struct tls_conf *conf, struct err *e)
{
	for (struct list *l = app->secure_ctxs.next; l != &app->secure_ctxs; l = l->next) {
		struct secure_ctx *s = container_of(l, struct secure_ctx, node);

		if (tls_ctx_is(s->tls, side, conf))
			return s->tls;
	}
	return add_ctx(app, side, conf, e);
}

struct tls_ctx *secure_ctx(struct tars_app *app, enum tls_side side, const struct tls_conf *conf,
			   struct err *e)
{
	struct tls_ctx *tls;

	pthread_mutex_lock(&app->lock);
	tls = get_ctx(app, side, conf, e);
	pthread_mutex_unlock(&app->lock);
	return tls;
}

/* ---- objects ---- */

static const char *keep(struct tars_app *app, const char *text)
{
	return text && *text ? arena_strdup(&app->arena, text) : NULL;
}

int app_secure(struct tars_app *app, const struct tars_security *conf, struct err *e)
{
	struct tls_conf tls = { .ca = conf->ca, .cert = conf->cert, .key = conf->key,
				.ciphers = conf->ciphers };
	struct secure_object *s;
	int rc = TARS_OK;

	pthread_mutex_lock(&app->lock);
	s = ARENA_NEW(&app->arena, struct secure_object);
	s->object = keep(app, conf->object);
	s->access_key = keep(app, conf->access_key);
	s->secret_key = keep(app, conf->secret_key);
	s->tls = get_ctx(app, TLS_CLIENT, &tls, e);
	if (s->tls)
		list_append(&app->secure_objects, &s->node);
	else
		rc = err_wrap(e, "%s", s->object ? s->object : "client");
	pthread_mutex_unlock(&app->lock);
	return rc;
}

int tars_secure(struct tars_app *app, const struct tars_security *conf, char *error, size_t size)
{
	struct err e = { 0 };
	int rc = app_secure(app, conf, &e);

	if (size)
		snprintf(error, size, "%s", e.text);
	return rc;
}

/* The row of the object; else the one for all; else NULL. */
static const struct secure_object *find_object(const struct tars_app *app, const char *object)
{
	const struct secure_object *all = NULL;

	for (struct list *l = app->secure_objects.prev; l != &app->secure_objects; l = l->prev) {
		const struct secure_object *s = container_of(l, struct secure_object, node);

		if (s->object && !strcmp(s->object, object))
			return s;
		if (!s->object && !all)
			all = s;
	}
	return all;
}

struct tls *secure_session(struct tars_app *app, const char *object, const char *host,
			   struct err *e)
{
	const struct secure_object *s;
	struct tls_ctx *tls;

	pthread_mutex_lock(&app->lock);
	s = find_object(app, object);
	tls = s ? s->tls : get_ctx(app, TLS_CLIENT, &(struct tls_conf){ 0 }, e);
	pthread_mutex_unlock(&app->lock);
	return tls ? tls_new(tls, host, e) : NULL;
}

int secure_put_access(struct tars_app *app, const char *object, struct buf *b, struct err *e)
{
	const struct secure_object *s;
	struct auth_key key = { .object = { object, (uint32_t)strlen(object) } };

	pthread_mutex_lock(&app->lock);
	s = find_object(app, object);
	pthread_mutex_unlock(&app->lock);
	if (!s || !s->access_key || !s->secret_key)
		return err_set(e, TARS_ECONNECT, "its endpoint has -e 1, and no accesskey and "
			       "secretkey are set for it");
	key.access_key = (struct tars_str){ s->access_key, (uint32_t)strlen(s->access_key) };
	key.secret_key = (struct tars_str){ s->secret_key, (uint32_t)strlen(s->secret_key) };
	auth_put_request(b, &key, time(NULL));
	return TARS_OK;
}

/* ---- the end ---- */

void secure_stop(struct tars_app *app)
{
	timer_stop(&app->secure_check);
}

void secure_free(struct tars_app *app)
{
	for (struct list *l = app->secure_ctxs.next; l != &app->secure_ctxs; l = l->next)
		tls_ctx_unref(container_of(l, struct secure_ctx, node)->tls);
}
