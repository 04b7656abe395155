/* CtlObj: statements of the table of operations, checks, and the note of every change. */
#include "roles/registry/ops.h"

#include "core/sys/log.h"
#include "proto/field.h"
#include "proto/tarsconf.h"
#include "roles/ops.h"
#include "roles/run_options.h"
#include "sql.h"

enum { REFUSED = -1, MAX_PARAMS = 16, MAX_EVENT = 1000 };

int ops_ret(int code)
{
	/* The caller may try this again, but not what was refused. */
	return code == TARS_EDB || code == TARS_EDBUNCERTAIN || code == TARS_EOVERLOAD ? code : REFUSED;
}

int ops_split_server(struct tars_str text, struct server_ref *ref, struct arena *a, struct err *e)
{
	const char *dot = strchr(text.p, '.');

	if (!dot || dot == text.p || !dot[1] || strchr(dot + 1, '.'))
		return err_set(e, TARS_EARG, "'%.*s' is not App.Server",
			       (int)(text.n > 200 ? 200 : text.n), text.p);
	ref->app = (struct tars_str){ arena_memdup(a, text.p, (size_t)(dot - text.p)),
				      (uint32_t)(dot - text.p) };
	ref->server = (struct tars_str){ dot + 1, (uint32_t)strlen(dot + 1) };
	return 0;
}

int ops_change(struct registry *reg, const struct sql *sql, const char *const *params,
	       struct tars_str *text, struct arena *a, struct err *e)
{
	struct Routes_Outcome_list outcome = { 0 };
	int rc = registry_sql(reg, sql, params, &Routes_Outcome_type, &outcome, a, e);

	if (rc < 0)
		return rc;
	if (!outcome.n)
		return err_set(e, TARS_ENOTFOUND, "there is no such thing");
	*text = outcome.v[0].text;
	/* Whoever changes something and then looks finds it. */
	registry_reload_wait(reg);
	return outcome.v[0].ret;
}

/* ---- members of requests and answers ---- */

static struct tars_str text_of(const struct tars_type *t, const void *value, const char *name)
{
	const struct tars_str *s = field_in(t, value, name);

	return s ? *s : TARS_STR("");
}

/* The request's members in order, as texts. */
static void put_params(const struct tars_type *t, const void *req, const char *last,
		       const char **params, struct arena *a)
{
	uint32_t n = 0;

	BUG_ON(t->n_fields + 2 > MAX_PARAMS);
	for (; n < t->n_fields; n++) {
		const struct tars_field *f = &t->fields[n];
		const void *v = (const char *)req + f->offset;

		if (f->type == &tars_type_string)
			params[n] = ((const struct tars_str *)v)->p;
		else if (f->type == &tars_type_bool)
			params[n] = *(const bool *)v ? "t" : "f";
		else
			params[n] = arena_strf(a, "%d", *(const int32_t *)v);
	}
	params[n++] = last;
	params[n] = NULL;
}

/* "App.Server, node n1": which thing a request is about. */
static const char *subject(const struct tars_type *t, const void *req, struct arena *a)
{
	const char *text = "";

	for (uint32_t i = 0; i < t->n_fields; i++) {
		const struct tars_field *f = &t->fields[i];
		const struct tars_str *s = (const void *)((const char *)req + f->offset);

		if (f->type == &tars_type_string && (f->flags & TARS_REQUIRED) && s->n &&
		    strcmp(f->name, "profile"))
			text = arena_strf(a, "%s%s%s%.100s", text, *text ? ", " : "",
					  *text ? arena_strf(a, "%s ", f->name) : "", s->p);
	}
	return text;
}

/* ---- checks: what the database would take and nobody could use ---- */

static int check_adapter(const void *req, struct arena *a, struct err *e)
{
	const struct tars_AdapterSetReq *r = req;
	struct server_ref ref;
	struct endpoint ep;

	if (ops_split_server(r->server, &ref, a, e) < 0)
		return e->code;
	if (r->threads < 0 || r->maxconns < 0 || r->queuecap < 0 || r->queuetimeout < 0)
		return err_set(e, TARS_EARG, "threads, connections and queue limits must be positive");
	if (r->protocol.n && !str_is_text(r->protocol, "tars") &&
	    !str_is_text(r->protocol, "not_tars"))
		return err_set(e, TARS_EARG, "protocol '%s' is neither tars nor not_tars",
			       r->protocol.p);
	if (r->servant.n > 128 || strspn(r->servant.p, "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != r->servant.n)
		return err_set(e, TARS_EARG, "servant '%.64s': up to 128 letters, digits and '_' are "
			       "allowed", r->servant.p);
	if (r->endpoint.n && endpoint_parse(r->endpoint.p, r->endpoint.n, &ep, e) < 0)
		return e->code;
	if (r->endpoint.n && ep.port < 1)
		return err_set(e, TARS_EARG, "the endpoint '%s' has no port (-p)", r->endpoint.p);
	return 0;
}

static int check_template(const void *req, struct arena *a, struct err *e)
{
	const struct tars_TemplateSetReq *r = req;

	if (!r->name.n || r->name.n > 128)
		return err_set(e, TARS_EARG, "a template's name has 1 to 128 characters");
	return tarsconf_parse(tarsconf_new(a), r->profile.p, r->profile.n, e);
}

static int check_idc(const void *req, struct arena *a, struct err *e)
{
	const struct tars_IdcRow *r = req;

	(void)a;
	if (!r->name.n)
		return err_set(e, TARS_EARG, "a group needs a name");
	if (!str_is_text(r->order, "denny_allow") && !str_is_text(r->order, "allow_denny"))
		return err_set(e, TARS_EARG, "order '%s' is neither denny_allow nor allow_denny",
			       r->order.p);
	return 0;
}

static int check_station(const void *req, struct arena *a, struct err *e)
{
	const struct tars_StationRow *r = req;

	(void)a;
	if (!r->name.n)
		return err_set(e, TARS_EARG, "a priority needs a name");
	if (strspn(r->groups.p, "0123456789,|") != r->groups.n)
		return err_set(e, TARS_EARG, "groups '%s' are not numbers of groups, by ',' (tars ctl "
			       "idc list)", r->groups.p);
	return 0;
}

static int check_set(const void *req, struct arena *a, struct err *e)
{
	const struct tars_SetAssignReq *r = req;
	struct route_set set;

	(void)a;
	if (!str_is_text(r->set, "none") && !route_set_parse(r->set, &set))
		return err_set(e, TARS_EARG, "'%s' is not name.area.group, nor none", r->set.p);
	return 0;
}

static int check_server_set(const void *req, struct arena *a, struct err *e)
{
	const struct tars_ServerSetReq *r = req;
	struct server_ref ref;
	int rc = ops_split_server(r->server, &ref, a, e);

	if (rc == 0 && !str_is_text(r->env, "none"))
		rc = run_env_parse(r->env.p, a, e) ? 0 : e->code;
	if (rc == 0)
		rc = run_args_parse(r->args.p, a, e) ? 0 : e->code;
	return rc == 0 ? run_user_check(r->user.p, e) : rc;
}

static const struct {
	const char *func;
	int (*check)(const void *req, struct arena *a, struct err *e);
} checks[] = {
	{ "adapterSet", check_adapter }, { "idcSet", check_idc }, { "setAssign", check_set },
	{ "serverSet", check_server_set },
	{ "stationSet", check_station }, { "templateSet", check_template },
};

static int check(const char *func, const void *req, struct arena *a, struct err *e)
{
	for (unsigned i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (!strcmp(checks[i].func, func))
			return checks[i].check(req, a, e);
	return 0;
}

/* ---- rows that are statements ---- */

/* The list that belongs to a command: "adapter list" to "adapter set". */
static const char *list_of(const struct role_command *c, struct arena *a)
{
	return arena_strf(a, "%.*s list", (int)strcspn(c->name, " "), c->name);
}

static void run_sql(struct tars_req *rq, const struct role_command *c, const struct tars_func *f,
		    const void *in, void *out)
{
	const struct op *op = c->detail;
	const struct tars_type *t = f->in->fields[0].type;
	const struct tars_field *rows = field_find(f->out, "rows", 4);
	int32_t *ret = field_in(f->out, out, "");
	struct tars_str *result = field_in(f->out, out, "result");
	struct arena *a = req_arena(rq);
	const char *params[MAX_PARAMS];
	struct err e = { 0 };
	int rc = check(op->func, in, a, &e);

	put_params(t, in, op->param, params, a);
	if (rc >= 0)
		rc = rows ? registry_sql(tars_data(rq), op->sql, params, rows->type->elem,
					 (char *)out + rows->offset, a, &e) :
			    ops_change(tars_data(rq), op->sql, params, result, a, &e);
	if (rc >= 0 || !e.code) {
		*ret = rows ? 0 : rc;
		return;
	}
	*ret = ops_ret(rc);
	*result = rc == TARS_ENOTFOUND ? tars_strf(rq, "%s: %s (tars ctl %s)", subject(t, in, a), e.text,
						   list_of(c, a)) :
					 tars_strf(rq, "%s%s%s", subject(t, in, a),
						   *subject(t, in, a) ? ": " : "", e.text);
}

/* ---- what was done ---- */

static size_t first_line(struct tars_str text, size_t max)
{
	size_t n = strcspn(text.p, "\n");

	return n < max ? n : max;
}

/* A line in the log, and an event of the server or node that it was done to. */
static void note(struct tars_req *rq, const struct role_command *c, const struct tars_func *f,
		 const void *in, const void *out)
{
	const struct tars_type *t = f->in->fields[0].type;
	struct arena *a = req_arena(rq);
	struct tars_str server = text_of(t, in, "server"), node = text_of(t, in, "node");
	const struct op *op = c->detail;
	const int32_t *ret = field_in(f->out, out, "");
	struct tars_str result = op->is_secret && !*ret ? TARS_STR("") :
				 text_of(f->out, out, "result");
	const char *what = subject(t, in, a), *peer = tars_peer(rq);
	struct err e = { 0 };

	if (!strncmp(c->name, "node ", 5))
		node = text_of(t, in, "name");
	log_info(NULL, "operation: %s %s by %s: %s%s%.*s", c->name, what, peer,
		 *ret ? "refused" : "done", result.n ? ": " : "", (int)first_line(result, 200),
		 result.n ? result.p : "");
	if (!server.n && !node.n)
		return;
	if (registry_sql(tars_data(rq), &SQL_ops_event_add,
			 PG_PARAMS(server.n ? server.p : "", node.n ? node.p : "", peer,
				   arena_strf(a, "[%s]", *ret ? "error" : "normal"),
				   arena_strf(a, "%s: %.*s", c->name,
					      result.n ? (int)first_line(result, MAX_EVENT) : 9,
					      result.n ? result.p : *ret ? "refused" : "done")),
			 NULL, NULL, a, &e) < 0)
		log_warn(NULL, "operation: %s %s: the event is not stored: %s", c->name, what, e.text);
}

/* ---- the servant ---- */

#define OPS_HANDLER(f) if (!strcmp(func, #f)) return op_##f(rq, in, out);

static int handle(struct tars_req *rq, const char *func, const void *in, void *out)
{
	OPS_HANDLED(OPS_HANDLER)
	return TARS_ENOFUNC;
}

static int run(struct tars_req *rq, const char *func, const void *in, void *out)
{
	const struct role_command *c = op_find(func);
	const struct op *op = c ? c->detail : NULL;
	int rc = TARS_OK, i = tars_iface_find(&tars_Ctl_iface, func, strlen(func));

	BUG_ON(!op || i < 0);
	if (op->sql)
		run_sql(rq, c, &tars_Ctl_iface.funcs[i], in, out);
	else
		rc = handle(rq, func, in, out);
	if (op->changes && !rc)
		note(rq, c, &tars_Ctl_iface.funcs[i], in, out);
	return rc;
}

#define OPS_ENTRY(f) \
	static int f(struct tars_req *rq, const struct tars_Ctl_##f##_in *in, \
		     struct tars_Ctl_##f##_out *out) \
	{ \
		return run(rq, #f, in, out); \
	}
OPS_ALL(OPS_ENTRY)

#define OPS_MEMBER(f) .f = f,
const struct tars_Ctl registry_ctl = { OPS_ALL(OPS_MEMBER) };
