/* The managed server: its object, its lock, its events. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roles/node/node.h"
#include "roles/node/probes.h"

enum { LOCK_CHECK_MS = 60000 };

struct server *server_find(const struct node *n, const char *app, const char *name)
{
	for (struct server *s = n->servers; s; s = s->next)
		if (!strcmp(s->app, app) && !strcmp(s->name, name))
			return s;
	return NULL;
}

static struct server *server_new(struct node *n, const char *app, const char *name)
{
	struct server *s = xcalloc(1, sizeof(*s));
	struct buf prefix = BUF_INIT;

	s->node = n;
	s->refs = 1;
	s->app = xstrdup(app);
	s->name = xstrdup(name);
	buf_addf(&prefix, "%s.%s", app, name);
	s->id = xstrdup(buf_str(&prefix));
	buf_clear(&prefix);
	buf_addf(&prefix, "node %s", s->id);
	s->log.prefix = xstrdup(buf_str(&prefix));
	buf_release(&prefix);
	s->since_us = reactor_now();
	s->reported_state = -1;
	s->next = n->servers;
	n->servers = s;
	n->n_servers++;
	return s;
}

void server_quiesce(struct server *s)
{
	timer_stop(&s->deadline);
	timer_stop(&s->restart);
	if (s->is_watching)
		proc_watch_stop(&s->watch);
	s->is_watching = false;
	probes_stop(s);
	signal_raise(&s->changed);
}

static void server_free(struct server *s)
{
	probes_free(s);
	spec_free(s->spec);
	free(s->app);
	free(s->name);
	free(s->id);
	buf_release(&s->threads);
	free((char *)s->log.prefix);
	free(s);
}

const char *node_log_root(const struct node *n, const char *app, const char *name)
{
	const struct server *s = server_find(n, app, name);

	return s && s->spec && *s->spec->conf.log_path == '/' ? s->spec->conf.log_path
							      : n->paths.log;
}

/* One that does not listen yet, or no more, is no news; the next call tries it again. */
struct tars_proxy *server_admin(const struct server *s, struct tars_req *rq)
{
	static const struct tars_check unchecked = { .off = true };

	return tars_proxy_conf(s->node->app,
			       tars_strf(rq, "AdminObj@%s", s->spec->conf.local_text).p,
			       &(struct tars_proxy_conf){ .check = &unchecked });
}

void server_hold(struct server *s)
{
	s->refs++;
}

void server_release(struct server *s)
{
	if (--s->refs == 0)
		server_free(s);
}

void server_lock(struct server *s)
{
	server_hold(s);
	while (s->is_locked)
		signal_wait(&s->changed, LOCK_CHECK_MS);
	s->is_locked = true;
}

void server_unlock(struct server *s)
{
	s->is_locked = false;
	signal_raise(&s->changed);
	server_release(s);
}

void servers_free(struct node *n)
{
	struct server *s, *next;

	for (s = n->servers; s; s = next) {
		next = s->next;
		server_release(s);
	}
	n->servers = NULL;
}

void server_trouble(struct server *s, const char *fmt, ...)
{
	char text[sizeof(s->trouble)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (*text && strcmp(text, s->trouble) != 0)
		log_warn(&s->log, "%s", text);
	memcpy(s->trouble, text, sizeof(text));
}

int server_event(struct server *s, enum server_event event, struct err *e)
{
	const struct fsm_row *row = fsm_find(s->state, event);
	enum server_state from = s->state;

	/* What begins now would not be waited for; the next node sees it. */
	if (s->node->is_stopping)
		return err_set(e, TARS_ECANCEL, "%s: the node is stopping", s->id);
	if (!row)
		return err_set(e, TARS_EARG, "%s: %s is not possible while it is %s", s->id,
			       server_event_name(event), server_state_name(s->state));
	if (row->to != s->state) {
		log_info(&s->log, "%s -> %s (%s: %s)", server_state_name(s->state),
			 server_state_name(row->to), server_event_name(event), row->text);
		s->state = row->to;
		s->since_us = reactor_now();
		if (row->to == SERVER_ACTIVE)
			probes_begin(s);
		else if (from == SERVER_ACTIVE || event == EVENT_START)
			probes_end(s);
		signal_raise(&s->changed);
		signal_raise(&s->node->report);
	}
	if (row->action)
		row->action(s);
	return 0;
}

/* A description that cannot be used leaves a running server as it is. */
static int take_spec(struct server *s, const struct tars_ServerDescriptor *d, struct err *e)
{
	struct spec *spec;
	int rc = spec_make(s, d, &spec, e);

	if (rc < 0)
		return rc;
	s->are_files_due = s->are_files_due || !s->spec;
	spec_free(s->spec);
	s->spec = spec;
	probes_take(s);
	return 0;
}

static bool is_gone(const struct server *s)
{
	return s->state == SERVER_DESTROYING || s->state == SERVER_DESTROYED;
}

/* Locked and held.  One that is being destroyed is waited for and made anew.  NULL: there have been
 * orders meanwhile. */
static struct server *find_or_make(struct node *n, const struct tars_ServerDescriptor *d,
				   const uint64_t *orders)
{
	struct server *s;

	for (;;) {
		if (orders && *orders != n->orders)
			return NULL;
		s = server_find(n, d->application.p, d->serverName.p);
		if (!s)
			s = server_new(n, d->application.p, d->serverName.p);
		server_hold(s);
		server_lock(s);
		if (n->is_stopping || (!is_gone(s) && (!orders || *orders == n->orders)))
			return s;
		server_unlock(s);
		while (s->state == SERVER_DESTROYING && !n->is_stopping)
			signal_wait(&s->changed, LOCK_CHECK_MS);
		server_release(s);
	}
}

int server_load(struct node *n, const struct tars_ServerDescriptor *d, const uint64_t *orders,
		struct err *e)
{
	struct server *s = find_or_make(n, d, orders);
	bool was_enabled;
	struct err why = { 0 };
	int rc;

	if (!s)
		return err_set(e, TARS_ECANCEL, "%s.%s: there was an order meanwhile",
			       d->application.p, d->serverName.p);
	rc = take_spec(s, d, &why);
	/* What its last start told is not over because it was described again. */
	if (rc < 0 || s->is_misdescribed)
		server_trouble(s, "%s", why.text);
	s->is_misdescribed = rc < 0;
	was_enabled = s->is_enabled;
	s->is_enabled = !strcmp(d->settingState.p, "active");
	/* Enabled again in the registry: what a stop command said is over. */
	if (s->is_enabled && !was_enabled)
		s->is_stopped = false;
	server_unlock(s);

	if (rc < 0) {
		err_set(e, rc, "%s", why.text);
	} else if (n->is_stopping) {
		rc = err_set(e, TARS_ECANCEL, "%s: the node is stopping", s->id);
	} else if (!s->is_searched) {
		server_hold(s);
		node_spawn(n, server_search, s);
	} else {
		server_start_if_due(s);
	}
	server_release(s);
	return rc;
}

void server_do_forget(struct server *s)
{
	struct server **p;

	for (p = &s->node->servers; *p && *p != s; p = &(*p)->next)
		;
	if (*p) {
		*p = s->next;
		s->node->n_servers--;
		server_quiesce(s);
		server_release(s);
	}
}
