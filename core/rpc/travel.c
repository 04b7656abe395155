/* What travels with a call: taken from requests that arrive, put into those that leave. */
#include "core/rpc/travel.h"

#include <stdio.h>
#include <string.h>

#include "core/rpc/app_int.h"
#include "core/rpc/client.h"
#include "core/rpc/proxy.h"
#include "core/rpc/trace.h"
#include "core/sys/log.h"

enum { COMPLAIN_MS = 10000 };

static struct tars_str str(const char *s)
{
	return (struct tars_str){ s, (uint32_t)strlen(s) };
}

struct travel *travel_get(struct tars_req *rq)
{
	if (!rq->travel)
		rq->travel = tars_alloc(rq, sizeof(*rq->travel));
	return rq->travel;
}

static bool begins_with(const struct tars_str *s, const char *what)
{
	size_t n = strlen(what);

	return s->n >= n && !memcmp(s->p, what, n);
}

/* What the framework itself put into a status does not go on as a cookie (contract 1.4), and a
 * trace goes on by its own rules. */
static bool is_cookie(const struct tars_str *key)
{
	return !begins_with(key, "STATUS_") &&
	       !(key->n == strlen("traceparent") && begins_with(key, "traceparent")) &&
	       !(key->n == strlen("tracestate") && begins_with(key, "tracestate"));
}

/* ---- arriving ---- */

static void take_cookies(struct tars_req *rq)
{
	const struct tars_string_string_map *status = &rq->head.status;
	size_t bytes = 0;

	for (uint32_t i = 0; i < status->n; i++)
		if (is_cookie(&status->v[i].key))
			bytes += (size_t)status->v[i].key.n + status->v[i].val.n + 1;
	if (bytes > COOKIE_MAX)
		log_every(COMPLAIN_MS, LOG_LEVEL_WARN, NULL, "cookies of %zu bytes from %s do not "
			  "go on: more than %d", bytes, tars_peer(rq), (int)COOKIE_MAX);
	else if (bytes)
		travel_get(rq)->has_cookies = true;
}

static void take_dye(struct tars_req *rq)
{
	const struct request_packet *head = &rq->head;
	const struct tars_str *key;

	if (head->message_type & MESSAGE_DYED) {
		key = packet_map_find(&head->status, "STATUS_DYED_KEY");
	} else {
		if (!dye_is_armed(&rq->app->dye))
			return;
		key = packet_map_find(&head->status, "STATUS_GRID_KEY");
		if (!key || !dye_matches(&rq->app->dye, *key, head->servant, head->func))
			return;
	}
	travel_get(rq)->dyed = true;
	if (key && key->n <= DYE_MAX)
		rq->travel->dye_key = *key;
}

/* Name and area, or the name alone, of "name.area.group". */
static size_t set_part(struct tars_str set, bool with_area)
{
	const char *dot = with_area ? memrchr(set.p, '.', set.n) : memchr(set.p, '.', set.n);

	return dot ? (size_t)(dot - set.p) : set.n;
}

static bool is_same_part(struct tars_str a, struct tars_str b, bool with_area)
{
	size_t n = set_part(a, with_area);

	return n == set_part(b, with_area) && !memcmp(a.p, b.p, n);
}

/* A caller of the same set, but of another area, has come to the wrong place. */
static int check_set(const struct tars_req *rq, struct err *e)
{
	const struct app_conf *conf = &rq->app->conf;
	const struct tars_str *theirs;
	struct tars_str ours;

	if (!(rq->head.message_type & MESSAGE_SETNAME) || !conf->set || conf->any_set)
		return TARS_OK;
	ours = str(conf->set);
	theirs = packet_map_find(&rq->head.status, "STATUS_SETNAME_VALUE");
	if (!theirs)
		return err_set(e, TARS_ESET, "the caller says that it has a set, but not which; "
			       "ours is %s", conf->set);
	if (is_same_part(ours, *theirs, true) || !is_same_part(ours, *theirs, false))
		return TARS_OK;
	return err_set(e, TARS_ESET, "the caller is of set %.*s, we are of %s: another area of the "
		       "same set", theirs->n > 128 ? 128 : (int)theirs->n, theirs->p, conf->set);
}

int travel_arrived(struct tars_req *rq, struct err *e)
{
	int rc = check_set(rq, e);

	if (rc)
		return rc;
	take_cookies(rq);
	take_dye(rq);
	trace_arrived(rq);
	if (rq->head.message_type & MESSAGE_SAMPLE)
		sample_arrived(rq);
	return TARS_OK;
}

/* ---- leaving ---- */

/* Unless it is there already: what the caller gives goes before what travels. */
static void add(struct tars_string_string_map *m, struct tars_str key, struct tars_str val)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->v[i].key.n == key.n && !memcmp(m->v[i].key.p, key.p, key.n))
			return;
	m->v[m->n++] = (struct tars_string_string_pair){ key, val };
}

/* A map with what is given, and room for n more. */
static void begin_map(struct tars_string_string_map *m, struct arena *a,
		      struct tars_string_string_pair *room, size_t n_room,
		      const struct tars_string_string_map *given, uint32_t n)
{
	uint32_t n_given = given ? given->n : 0;

	m->n = n_given;
	m->v = n_given + n <= n_room ? room : arena_alloc_raw(a, (n_given + n) * sizeof(*m->v));
	if (n_given)
		memcpy(m->v, given->v, n_given * sizeof(*m->v));
}

static void put_cookies(struct outgoing *o, const struct tars_req *rq)
{
	const struct travel *t = rq->travel;

	for (uint32_t i = 0; i < t->cookies.n; i++)
		add(&o->status, t->cookies.v[i].key, t->cookies.v[i].val);
	for (uint32_t i = 0; t->has_cookies && i < rq->head.status.n; i++)
		if (is_cookie(&rq->head.status.v[i].key))
			add(&o->status, rq->head.status.v[i].key, rq->head.status.v[i].val);
}

/* Integers in decimal, as the official stubs print them. */
static struct tars_str grid_value(struct outgoing *o, const struct tars_field *f, const void *in)
{
	const void *p = (const char *)in + f->offset;
	long long v;

	switch ((enum tars_kind)f->type->kind) {
	case TARS_STRING:
		return *(const struct tars_str *)p;
	case TARS_BOOL:
		v = *(const bool *)p;
		break;
	case TARS_I8:
		v = *(const int8_t *)p;
		break;
	case TARS_U8:
		v = *(const uint8_t *)p;
		break;
	case TARS_I16:
		v = *(const int16_t *)p;
		break;
	case TARS_U16:
		v = *(const uint16_t *)p;
		break;
	case TARS_I32:
	case TARS_ENUM:
		v = *(const int32_t *)p;
		break;
	case TARS_U32:
		v = *(const uint32_t *)p;
		break;
	case TARS_I64:
		v = *(const int64_t *)p;
		break;
	default:
		return (struct tars_str){ "", 0 };
	}
	snprintf(o->grid, sizeof(o->grid), "%lld", v);
	return str(o->grid);
}

static void put_grid(struct outgoing *o, const struct tars_func *func, const void *in)
{
	struct tars_str value = grid_value(o, &func->in->fields[func->routekey - 1], in);

	if (value.n)
		add(&o->status, TARS_STR("STATUS_GRID_KEY"), value);
}

static void put_dye(struct outgoing *o, const struct travel *t)
{
	o->message_type |= MESSAGE_DYED;
	add(&o->status, TARS_STR("STATUS_DYED_KEY"), t->dye_key);
}

static void put_trace(struct outgoing *o, struct tars_pending *p, struct trace *t)
{
	struct traceparent w3c = t->w3c;

	trace_begin_call(p, t);
	memcpy(w3c.span, p->trace->span, sizeof(w3c.span));
	traceparent_print(o->parent, &w3c);
	add(&o->context, TARS_STR("traceparent"), str(o->parent));
	if (t->state.n)
		add(&o->context, TARS_STR("tracestate"), t->state);
	if (!t->key.n)
		return;
	o->message_type |= MESSAGE_TRACE;
	snprintf(o->key, sizeof(o->key), "%.*s|%s", (int)t->key.n, t->key.p, p->trace->span);
	add(&o->status, TARS_STR("STATUS_TRACE_KEY"), str(o->key));
}

static void put_sample(struct outgoing *o, struct tars_pending *p, struct sample *s)
{
	o->message_type |= MESSAGE_SAMPLE;
	sample_put(p, s, o->sample);
	add(&o->status, TARS_STR("STATUS_SAMPLE_KEY"), str(o->sample));
}

static void put_travel(struct outgoing *o, struct tars_pending *p, const struct tars_req *rq)
{
	const struct travel *t = rq->travel;

	put_cookies(o, rq);
	if (t->dyed)
		put_dye(o, t);
	if (t->trace)
		put_trace(o, p, t->trace);
	if (t->sample)
		put_sample(o, p, t->sample);
}

void travel_put(struct outgoing *o, struct tars_pending *p, const struct tars_call *c,
		const void *in)
{
	enum { OURS_IN_CONTEXT = 3, OURS_IN_STATUS = 5 };
	const struct app_conf *conf = &p->proxy->app->conf;
	const struct travel *t = c->rq->travel;
	uint32_t n_cookies = t ? t->cookies.n + (t->has_cookies ? c->rq->head.status.n : 0) : 0;

	o->message_type = 0;
	begin_map(&o->context, &p->arena, o->context_room,
		  sizeof(o->context_room) / sizeof(*o->context_room), c->context, OURS_IN_CONTEXT);
	begin_map(&o->status, &p->arena, o->status_room,
		  sizeof(o->status_room) / sizeof(*o->status_room), c->status,
		  OURS_IN_STATUS + n_cookies);
	if (conf->node_name)
		add(&o->context, TARS_STR("node_name"), str(conf->node_name));
	if (conf->set) {
		o->message_type |= MESSAGE_SETNAME;
		add(&o->status, TARS_STR("STATUS_SETNAME_VALUE"), str(conf->set));
	}
	if (p->func->routekey)
		put_grid(o, p->func, in);
	if (t)
		put_travel(o, p, c->rq);
}

/* ---- what users say ---- */

int tars_set_cookie(struct tars_req *rq, const char *key, const char *value)
{
	struct tars_str k = str(key);
	struct tars_string_string_map *m;
	struct tars_string_string_pair *pair = NULL;

	if (!k.n || !is_cookie(&k))
		return TARS_EARG;
	m = &travel_get(rq)->cookies;
	for (uint32_t i = 0; i < m->n && !pair; i++)
		if (!strcmp(m->v[i].key.p, key))
			pair = &m->v[i];
	if (!pair) {
		pair = TARS_PUSH(rq, m);
		pair->key = tars_strndup(rq, key, k.n);
	}
	pair->val = tars_strndup(rq, value, strlen(value));
	return TARS_OK;
}

const char *tars_cookie(const struct tars_req *rq, const char *key)
{
	struct tars_str k = str(key);
	const struct tars_str *value = NULL;

	if (rq->travel)
		value = packet_map_find(&rq->travel->cookies, key);
	if (!value && is_cookie(&k))
		value = packet_map_find(&rq->head.status, key);
	return value ? value->p : NULL;
}

void tars_dye(struct tars_req *rq, const char *key)
{
	struct travel *t = travel_get(rq);

	t->dye_key = tars_strndup(rq, key, strnlen(key, DYE_MAX));
	t->dyed = true;
}

const char *tars_dyed(const struct tars_req *rq)
{
	if (!travel_is_dyed(rq->travel))
		return NULL;
	return rq->travel->dye_key.n ? rq->travel->dye_key.p : "";
}
