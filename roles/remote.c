/* Objects that tools call: proxies, types, arguments, and what failures mean. */
#include "roles/remote.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/rpc/proxy.h"
#include "proto/endpoint.h"
#include "proto/json.h"
#include "proto/text.h"
#include "roles/input.h"

/* ---- failures ---- */

int remote_complain(const struct remote *r, int status, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "tars: %s: ", r->who);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

/* What a code means for a script, and what can be done about it. */
static const struct failure {
	int rc, status;
	const char *advice;
} failures[] = {
	{ TARS_ETIMEOUT, EXIT_RETRY, "wait longer with -t, or look whether the service is busy" },
	{ TARS_EOVERLOAD, EXIT_RETRY, "try again later, or add servers" },
	{ TARS_EQUEUETIMEOUT, EXIT_RETRY, "try again later, or add servers" },
	{ TARS_ECONNECT, EXIT_UNAVAILABLE, NULL },
	{ TARS_ENOENDPOINT, EXIT_UNAVAILABLE, NULL },
	{ TARS_ESEND, EXIT_UNAVAILABLE, NULL },
	{ TARS_EGRID, EXIT_UNAVAILABLE, NULL },
	{ TARS_ENOSERVANT, EXIT_UNAVAILABLE,
	  "something else listens there: check the object's name and its endpoint" },
	{ TARS_ENOFUNC, EXIT_FAILED, "its interface is another one than the types say" },
	{ TARS_EDECODE, EXIT_FAILED, "its interface is another one than the types say" },
	{ TARS_ECLIENTDECODE, EXIT_FAILED, "its interface is another one than the types say" },
	{ TARS_ESET, EXIT_FAILED, "give the set of a caller that may: --set" },
	{ TARS_EARG, EXIT_USAGE, NULL },
	{ TARS_EBLOCK, EXIT_BUG, NULL },
};

static const struct failure *find_failure(int rc)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (failures[i].rc == rc)
			return &failures[i];
	return NULL;
}

int remote_status(int rc)
{
	const struct failure *f = find_failure(rc);

	return !rc ? EXIT_ASKED : f ? f->status : EXIT_FAILED;
}

int remote_fail(const struct remote *r, const char *error, int rc)
{
	const struct failure *f = find_failure(rc);
	bool has_advice = f && f->advice;

	return remote_complain(r, remote_status(rc), "%s (%d)%s%s",
			       error && *error ? error : tars_strerror(rc), rc,
			       has_advice ? "; " : "", has_advice ? f->advice : "");
}

/* ---- opening ---- */

static int secure(struct remote *r)
{
	const struct remote_conf *c = r->conf;
	struct tars_security security = { .ca = c->ca, .cert = c->cert, .key = c->key,
					  .access_key = c->access_key,
					  .secret_key = c->secret_key };
	char error[512];

	if (!c->ca && !c->cert && !c->key && !c->access_key)
		return 0;
	if (tars_secure(r->app, &security, error, sizeof(error)))
		return remote_complain(r, EXIT_USAGE, "%s", error);
	return 0;
}

static int check(struct remote *r, struct object_ref *ref)
{
	const struct remote_conf *c = r->conf;
	struct err e;

	if (c->timeout_ms < 1 || c->timeout_ms > INT_MAX)
		return remote_complain(r, EXIT_USAGE,
				       "--timeout: must be between 1 ms and 24 days");
	if (c->json + c->tars + c->tup > 1)
		return remote_complain(r, EXIT_USAGE, "give one of --json, --tars and --tup");
	r->wire = c->json ? TARS_WIRE_JSON : c->tup ? TARS_WIRE_TUP : TARS_WIRE_TARS;
	if (object_ref_parse(r->object, ref, &r->arena, &e) ||
	    (!ref->direct && role_check_locator(role_locator(c->locator), &e)))
		return remote_complain(r, EXIT_USAGE, "%s", e.text);
	return 0;
}

int remote_open(struct remote *r, const char *who, const struct remote_conf *conf,
		const char *object)
{
	struct tars_start_conf start = { .set = conf->set };
	struct object_ref ref;
	char error[512];
	int status;

	*r = (struct remote){ .who = who, .conf = conf, .object = object, .text = TARS_STR("") };
	arena_init(&r->arena, NULL, 0);
	idl_init(&r->idl, &(struct idl_options){ .with_tars = true, .path = conf->include });
	status = check(r, &ref);
	if (status)
		return status;
	start.locator = ref.direct ? NULL : role_locator(conf->locator);
	r->app = tars_start_with(&start, error, sizeof(error));
	if (!r->app)
		return remote_complain(r, EXIT_USAGE, "%s", error);
	r->rq = tars_begin(r->app);
	r->proxy = tars_proxy_conf(r->app, object, &(struct tars_proxy_conf){
		.retries = &(struct tars_retry){ .func = NULL }, .n_retries = 1,
	});
	return secure(r);
}

void remote_close(struct remote *r)
{
	idl_release(&r->idl);
	if (r->rq)
		tars_end(r->rq);
	if (r->app)
		tars_stop(r->app);
	arena_clear(&r->arena);
}

/* ---- types ---- */

struct describe_in { char nothing; };
struct describe_out { struct tars_str ret; };
static const struct tars_field describe_fields[] = {
	{ .name = "", .tag = 0, .flags = TARS_REQUIRED | TARS_OUT,
	  .offset = offsetof(struct describe_out, ret), .type = &tars_type_string },
};
static const struct tars_type describe_in_type = {
	.name = "tars_describe_in", .kind = TARS_STRUCT, .size = sizeof(struct describe_in),
};
static const struct tars_type describe_out_type = {
	.name = "tars_describe_out", .kind = TARS_STRUCT, .size = sizeof(struct describe_out),
	.n_fields = 1, .fields = describe_fields,
};
static const struct tars_func describe_func = {
	"tars_describe", &describe_in_type, &describe_out_type, .flags = TARS_IDEMPOTENT,
};
static const struct tars_iface describe_iface = { "tars::Reflection", &describe_func, 1, NULL };

static int complain_idl(struct remote *r)
{
	struct buf text = BUF_INIT;

	idl_put_errors(&r->idl, &text);
	fputs(buf_str(&text), stderr);
	buf_release(&text);
	return EXIT_USAGE;
}

static int ask_types(struct remote *r)
{
	struct tars_call c = { .to = r->proxy, .rq = r->rq, .timeout_ms = (int)r->conf->timeout_ms };
	struct describe_out described;
	int rc = tars_invoke(&c, &describe_iface, 0, &(struct describe_in){ 0 }, &described);

	if (rc == TARS_ENOFUNC)
		return remote_complain(r, EXIT_USAGE, "%s does not describe itself (it is not a "
				       "service of this SDK); name its interface: --idl FILE.tars",
				       r->object);
	if (rc)
		return remote_fail(r, c.error, rc);
	if (!idl_load_text(&r->idl, r->object, described.ret.p, described.ret.n))
		return complain_idl(r);
	r->text = described.ret;
	return 0;
}

int remote_load_types(struct remote *r)
{
	int status = 0;

	if (!r->conf->idl)
		status = ask_types(r);
	else if (!idl_load(&r->idl, r->conf->idl))
		status = complain_idl(r);
	if (!status)
		idl_describe(&r->idl, &r->arena, &r->descs);
	return status;
}

/* ---- endpoints ---- */

/* The calls so far have made the proxy look it up; if there were none, this one does. */
static struct route *look_up(struct remote *r, const char **error, int *rc)
{
	static const struct tars_type nothing = { .name = "tars_ping", .kind = TARS_STRUCT };
	static const struct tars_func ping = { "tars_ping", &nothing, &nothing };
	static const struct tars_iface iface = { "tars::Ping", &ping, 1, NULL };
	struct tars_call c = { .to = r->proxy, .rq = r->rq, .timeout_ms = (int)r->conf->timeout_ms };
	struct route *route;
	char none[1];

	pthread_mutex_lock(&r->proxy->lock);
	route = r->proxy->route ? route_ref(r->proxy->route) : NULL;
	pthread_mutex_unlock(&r->proxy->lock);
	if (route)
		return route;
	*rc = tars_invoke(&c, &iface, 0, none, none);
	*error = c.error;
	pthread_mutex_lock(&r->proxy->lock);
	route = r->proxy->route ? route_ref(r->proxy->route) : NULL;
	pthread_mutex_unlock(&r->proxy->lock);
	return route;
}

int remote_endpoints(struct remote *r, const char **name_r, struct endpoint_list *eps)
{
	struct object_ref ref;
	const char *error = NULL;
	struct route *route;
	struct err e;
	int rc = TARS_ENOENDPOINT;

	if (object_ref_parse(r->object, &ref, &r->arena, &e))
		return remote_complain(r, EXIT_USAGE, "%s", e.text);
	*name_r = ref.name;
	*eps = ref.eps;
	if (ref.direct)
		return 0;
	route = look_up(r, &error, &rc);
	if (!route || !route->n) {
		route_unref(route);
		return remote_fail(r, error, rc);
	}
	eps->v = (void *)arena_memdup(&r->arena, route->active, route->n * sizeof(*eps->v));
	eps->n = route->n;
	route_unref(route);
	return 0;
}

static bool is_wanted(const struct remote *r, const struct tars_iface *iface)
{
	return !r->conf->interface || !strcmp(iface->name, r->conf->interface);
}

int remote_find_func(struct remote *r, const char *name, const struct tars_iface **iface_r,
		     int *func_r)
{
	const struct tars_iface *found = NULL;
	struct text_nearest nearest;
	int func = -1, at;

	text_nearest_init(&nearest, name);
	for (uint32_t i = 0; i < r->descs.n_ifaces; i++) {
		const struct tars_iface *iface = r->descs.ifaces[i];

		if (!is_wanted(r, iface))
			continue;
		for (int f = 0; f < iface->n_funcs; f++)
			text_nearest_try(&nearest, iface->funcs[f].name);
		at = tars_iface_find(iface, name, strlen(name));
		if (at < 0)
			continue;
		if (found)
			return remote_complain(r, EXIT_USAGE, "%s is in %s and in %s: choose with "
					       "--interface", name, found->name, iface->name);
		found = iface;
		func = at;
	}
	if (!found)
		return remote_complain(r, EXIT_USAGE,
			"%s has no function '%s'%s%s%s (tars call --list %s shows them)", r->object,
			name, nearest.best ? "; did you mean '" : "",
			nearest.best ? nearest.best : "", nearest.best ? "'?" : "", r->object);
	*iface_r = found;
	*func_r = func;
	return 0;
}

/* ---- signatures ---- */

static void put_parameter(struct buf *b, const struct tars_field *f, bool *first)
{
	buf_addf(b, "%s%s%s %s", *first ? "" : ", ", f->flags & TARS_OUT ? "out " : "",
		 f->type->name, f->name);
	*first = false;
}

/* Parameters in the order of the IDL are those in the order of their tags. */
static void put_signature(struct buf *b, const struct tars_func *f)
{
	const struct tars_field *in = f->in->fields, *out = f->out->fields;
	const struct tars_field *in_end = in + f->in->n_fields, *out_end = out + f->out->n_fields;
	bool first = true, has_ret = out < out_end && !*out->name;

	buf_addf(b, "%s %s(", has_ret ? out->type->name : "void", f->name);
	out += has_ret;
	while (in < in_end || out < out_end) {
		if (out == out_end || (in < in_end && in->tag < out->tag))
			put_parameter(b, in++, &first);
		else
			put_parameter(b, out++, &first);
	}
	buf_add_str(b, ")\n");
}

void remote_list(const struct remote *r, struct buf *b)
{
	for (uint32_t i = 0; i < r->descs.n_ifaces; i++)
		for (int f = 0; f < r->descs.ifaces[i]->n_funcs; f++)
			if (is_wanted(r, r->descs.ifaces[i]))
				put_signature(b, &r->descs.ifaces[i]->funcs[f]);
}

/* ---- arguments ---- */

int remote_read(struct remote *r, const char *arg, struct buf *b)
{
	struct err e;

	return input_argument(arg, b, &e) ? remote_complain(r, EXIT_USAGE, "%s", e.text) : 0;
}

int remote_get_arguments(struct remote *r, const struct tars_func *f, const struct buf *json,
			 void *in)
{
	struct err e = { 0 };

	if (json_get((const char *)buf_head(json), buf_size(json), f->in, in, &r->arena, &e))
		return remote_complain(r, EXIT_USAGE, "argument of %s: %s", f->name, e.text);
	return 0;
}
